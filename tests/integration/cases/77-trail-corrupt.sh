# The trail's file becomes corrupt, vanishes, loses its folder or can only be read, while the agent runs and between runs: objects go on being held,
# nothing corrupt is ever deleted, and the trail itself tells what became of the one before.
# limit: 300
units_copy "$HF_WORK/units" "$HF_NS"
units_apply "$HF_WORK/units" || fail "kubectl apply: $(tail -n 3 "$HF_WORK/kubectl-apply.out")"
sink_up
mkdir "$HF_WORK/trail"
agent_config "$HF_WORK/units"
HF_DB=$HF_WORK/trail/holdfast.db
sed -i "s|^database: .*|database: $HF_DB|" "$HF_CONFIG"
echo "$HF_ALERTS" >>"$HF_CONFIG"
begin() {
  agent_start || fail "the agent does not start"
  wait_for 30 "the agent is ready" agent_ready
  wait_for 20 "18 objects in sync" all_in_sync 18
}
whole() { "$HF_BIN/holdfast" audit verify --database "$HF_DB" >"$HF_WORK/verify.out" 2>&1 || fail "$1: $(cat "$HF_WORK/verify.out")"; }
put_back() { # what: a drift is put back
  kc -n "$HF_NS" label deployment/trade-service layer=wrong --overwrite >/dev/null || fail "kubectl label"
  right() { [ "$(kc -n "$HF_NS" get deployment/trade-service -o 'jsonpath={.metadata.labels.layer}')" = service ]; }
  wait_for 20 "$1: a drift is put back" right
  recorded() { [ "$(sql "select count(*) from events where type = 'correction.confirmed' and id >= (select max(id) from events where type = 'drift.seen')")" -gt 0 ]; }
  wait_for 10 "$1: and recorded" recorded
}
asides() { find "$HF_WORK/trail" -name 'holdfast.db.corrupt-*Z' | wc -l; }
told() { grep -c "\"type\":\"$1\"" "$HF_WORK/alerts.txt"; }
first() { sql "select type || ' ' || severity || ' ' || alert from events where id = 1"; }
junk() { # makes every page but the first junk
  local pages=$(($(stat -c %s "$HF_DB") / 4096 - 1))
  head -c $((pages * 4096)) /dev/zero | tr '\0' 'Z' | dd of="$HF_DB" bs=4096 seek=1 conv=notrunc 2>/dev/null
}
begin
put_back "to begin with"
api events >/dev/null || fail "the pages do not read the trail" # by a connection that stays open

# Corrupt while it runs: the next write finds it.
sqlite3 "$HF_DB" "update objects set reason = reason; pragma wal_checkpoint(truncate)" >/dev/null || fail "sqlite3"
junk
sum=$(sha256sum <"$HF_DB")
put_back "corrupt while running"
equal "set aside" "$(asides)" 1
equal "what was set aside" "$(sha256sum <"$(find "$HF_WORK/trail" -name 'holdfast.db.corrupt-*Z')")" "$sum"
equal "the new trail's first event" "$(first)" "trail.replaced critical 1"
whole "the new trail"
replaced() { [ "$(told trail.replaced)" = 1 ]; }
wait_for 10 "the channel is told" replaced
equal "the pages read the new trail" "$(api 'events?type=trail.replaced' | grep -c '"id":1,')" 1
agent_ready >/dev/null || fail "not ready after that"
agent_stop

# One corrupt page while it is stopped.
dd if=/dev/urandom of="$HF_DB" bs=4096 seek=3 count=1 conv=notrunc 2>/dev/null
begin
equal "set aside" "$(asides)" 2
equal "the new trail's first event" "$(first)" "trail.replaced critical 1"
put_back "corrupt while stopped"
whole "the new trail after a corrupt page"

# Deleted while it runs: written anew with all that it held.
before=$(last_event)
rm "$HF_DB" "$HF_DB-wal" "$HF_DB-shm" "$HF_DB.lock"
put_back "deleted while running"
[ "$(last_event)" -gt "$before" ] || fail "events are gone"
equal "restored" "$(sql "select count(*) from events where type = 'trail.restored'")" 1
whole "the trail that was written anew"
"$HF_BIN/holdfast" run --config "$HF_CONFIG" >"$HF_WORK/second.out" 2>&1 && fail "a second agent started"
matches "the second agent" "$(cat "$HF_WORK/second.out")" 'in use by another agent'

# Its folder vanishes: nothing is corrected until it is back.
mv "$HF_WORK/trail" "$HF_WORK/away"
kc -n "$HF_NS" label deployment/web-gui layer=wrong --overwrite >/dev/null
unready() { [ "$(curl -s -m 3 -o "$HF_WORK/readyz.out" -w '%{http_code}' "$HF_URL/readyz?verbose")" = 503 ]; }
wait_for 15 "/readyz says no" unready
matches "/readyz?verbose" "$(cat "$HF_WORK/readyz.out")" '\[-\]trail: .*has vanished'
alerted() { [ "$(told trail.failing)" -ge 1 ]; }
wait_for 15 "the channel is told" alerted
equal "a correction that could not be recorded" "$(kc -n "$HF_NS" get deployment/web-gui -o 'jsonpath={.metadata.labels.layer}')" wrong
mv "$HF_WORK/away" "$HF_WORK/trail"
wait_for 20 "ready again" agent_ready
put_back "after the folder came back"
wait_for 10 "18 objects in sync" all_in_sync 18
whole "the trail after its folder came back"
agent_stop

# Deleted while it is stopped: a new one, that knows of the one before.
rm "$HF_DB"
begin
equal "the first event" "$(first)" "trail.replaced critical 1"
matches "what it says" "$(sql 'select message from events where id = 1')" 'was gone at the start although there had been one'
agent_stop
equal "set aside in the end: nothing was deleted" "$(asides)" 2

# A file that can only be read: refused with the reason, and left as it is.
if [ "$(id -u)" = 0 ] && mkdir "$HF_WORK/ro" && mount -t tmpfs -o size=8m tmpfs "$HF_WORK/ro" 2>/dev/null; then
  cp "$HF_DB" "$HF_WORK/ro/holdfast.db"
  touch "$HF_WORK/ro/holdfast.db.lock"
  mount -o remount,ro "$HF_WORK/ro"
  sed "s|^database: .*|database: $HF_WORK/ro/holdfast.db|" "$HF_CONFIG" >"$HF_WORK/ro.yaml"
  timeout 20 "$HF_BIN/holdfast" run --config "$HF_WORK/ro.yaml" >"$HF_WORK/ro.out" 2>&1
  status=$?
  "$HF_BIN/holdfast" audit verify --database "$HF_WORK/ro/holdfast.db" >"$HF_WORK/verify.out" 2>&1
  verified=$?
  umount -l "$HF_WORK/ro"
  equal "a read-only file: exit" "$status" 2
  matches "a read-only file" "$(cat "$HF_WORK/ro.out")" '[Rr]ead-only'
  equal "it can still be verified: exit" "$verified" 0
else
  note "a read-only disk: skipped, none can be mounted"
fi
note "corrupt running and stopped, deleted running and stopped, folder gone and back: all told"
