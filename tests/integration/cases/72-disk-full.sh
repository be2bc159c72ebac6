# The trail's disk (a small tmpfs of its own) is full: nothing is corrected that could not be recorded, and holdfast says so: on /readyz, as a metric,
# once in its log, and to the alert channel although the outbox can't be written. Space returns: what was kept is written, all drift is put back, once.
# limit: 240
[ "$(id -u)" = 0 ] || { note "skipped: only root can mount a small disk"; exit 0; }
mkdir "$HF_WORK/disk"
mount -t tmpfs -o size=3m,mode=0700 tmpfs "$HF_WORK/disk" 2>"$HF_WORK/mount.log" || { note "skipped: no tmpfs can be mounted here: $(cat "$HF_WORK/mount.log")"; exit 0; }
trap 'status=$?; (exit $status); stand_down; umount -l "$HF_WORK/disk"; (exit $status); clean_up' EXIT
units_copy "$HF_WORK/units" "$HF_NS"
units_apply "$HF_WORK/units" || fail "kubectl apply: $(tail -n 3 "$HF_WORK/kubectl-apply.out")"
sink_up
# A second channel leads to the same receiver over a line that is cut when the disk fills up, and whole a little later.
"$HF_BIN/tests/tcp_proxy" "$(sed -n "s|^listening ||p" "$HF_WORK/sink.out")" >"$HF_WORK/late.out" 2>"$HF_WORK/late.log" &
late=$!
HF_STARTED+=("$late")
wait_for 5 "the second line listens" grep -q "^listening " "$HF_WORK/late.out"
sed -n "s|^listening \(.*\)|http://\1/late|p" "$HF_WORK/late.out" >"$HF_WORK/late.url"
HF_ALERTS="alerts: {channels: [{name: sink, webhook: {url_file: $HF_WORK/sink.url}}, {name: late, webhook: {url_file: $HF_WORK/late.url}}]}"
agent_config "$HF_WORK/units"
HF_DB=$HF_WORK/disk/holdfast.db
sed -i "s|^database: .*|database: $HF_DB|" "$HF_CONFIG"
echo "$HF_ALERTS" >>"$HF_CONFIG"
agent_start || fail "the agent does not start"
wait_for 30 "the agent is ready" agent_ready
wait_for 20 "18 objects in sync" all_in_sync 18
metric() { curl -sf -m 5 "$HF_URL/metrics" | sed -n "s/^$1\({[^}]*}\)\{0,1\} \([0-9.e+]*\)\$/\2/p" | head -n 1; }
metric_is() { [ "$(metric "$1")" = "$2" ]; }
layer() { kc -n "$HF_NS" get "deployment/$1" -o 'jsonpath={.metadata.labels.layer}'; }
wrong() { kc -n "$HF_NS" label "deployment/$1" layer=wrong --overwrite >/dev/null || fail "kubectl label"; }
equal "failing before" "$(metric holdfast_trail_failing)" 0

drained() { [ "$(sql 'select count(*) from outbox')" = 0 ]; }
for round in 1 2; do
  # An alert of the round before that arrives only now is an event too.
  wait_for 20 "every alert is delivered" drained
  before=$(last_event)
  dd if=/dev/zero of="$HF_WORK/disk/ballast" bs=4096 2>/dev/null # until nothing is left
  [ $round = 2 ] || kill -USR1 "$late"
  notices() { tr "\n" " " <"$HF_WORK/alerts.txt" | grep -o "POST /$1 .[^{]*{[^{]*\"type\":\"dev.holdfast.trail.failing\"" | wc -l; }
  for name in trade-service account-service web-gui; do wrong $name; done
  unready() { [ "$(curl -s -m 3 -o "$HF_WORK/readyz.out" -w '%{http_code}' "$HF_URL/readyz?verbose")" = 503 ]; }
  wait_for 15 "/readyz says no" unready
  matches "/readyz?verbose" "$(cat "$HF_WORK/readyz.out")" '\[-\]trail: .*no space left'
  equal "the metric" "$(metric holdfast_trail_failing)" 1
  [ "$(metric holdfast_trail_queue_depth)" -gt 0 ] || fail "nothing is kept to be written"
  if [ $round = 1 ]; then
    alerted() { [ "$(notices "$1")" = 1 ]; }
    wait_for 15 "the channel is told" alerted alerts
    equal "over the line that is cut" "$(notices late)" 0
    sleep 2 # some attempts
    kill -USR2 "$late"
    wait_for 20 "the other channel is told once its line is whole" alerted late
    matches "the alert" "$(grep -o '"message":"The audit trail[^"]*"' "$HF_WORK/alerts.txt" | tail -n 1)" "can't be written: .*no space left.*Nothing is corrected"
  fi
  sleep 2
  for name in trade-service account-service web-gui; do equal "a correction that could not be recorded" "$(layer $name)" wrong; done
  equal "the newest event that can be read" "$(last_event)" "$before"
  "$HF_BIN/holdfast" audit verify --database "$HF_DB" >"$HF_WORK/verify.out" 2>&1 || fail "the chain on a full disk: $(cat "$HF_WORK/verify.out")"
  equal "the agent is alive" "$(curl -s -m 3 "$HF_URL/livez")" ok
  rm "$HF_WORK/disk/ballast"
  wait_for 20 "ready again" agent_ready
  for name in trade-service account-service web-gui; do wait_for 20 "$name is put back" incident_ended "$before" Deployment $name corrected; done
  wait_for 10 "18 objects in sync again" all_in_sync 18
  metric_is holdfast_trail_failing 0 || fail "still told as failing"
  equal "corrections" "$(sql "select count(*) from events where id > $before and type = 'correction.confirmed'")" 3
  equal "incidents" "$(incidents_after "$before")" 3
  equal "the trail's own account of it" "$(sql "select count(*) from events where id > $before and type = 'trail.resumed' and message like '%no space left%' and json_extract(detail, '$.since') < at")" 1
  # Both said once an outage, whatever was tried meanwhile.
  equal "lines of the log that say that it can't be written" "$(grep -c "level=error.*trail can't be written" "$HF_WORK/agent.log")" $round
  equal "lines of the log that say that it can" "$(grep -c 'trail is written again' "$HF_WORK/agent.log")" $round
done
equal "alerts that the trail can not be written: one a channel for two outages within ten minutes" "$(notices alerts)$(notices late)" 11
wait_for 20 "every alert is delivered" drained
equal "resumed, told through the outbox to each channel" "$(grep -c "\"type\":\"trail.resumed\"" "$HF_WORK/alerts.txt")" 2
agent_stop
"$HF_BIN/holdfast" audit verify --database "$HF_DB" >"$HF_WORK/verify.out" 2>&1 || fail "the chain: $(cat "$HF_WORK/verify.out")"
equal "the database" "$(sql 'pragma integrity_check')" ok

# A start on a full disk: refused with the reason, the file untouched; or, when what is there suffices to start, held as above.
dd if=/dev/zero of="$HF_WORK/disk/ballast" bs=4096 2>/dev/null
sum=$(sha256sum <"$HF_DB")
if agent_start; then
  wait_for 15 "/readyz says no" unready
  matches "/readyz?verbose" "$(cat "$HF_WORK/readyz.out")" '\[-\]trail: .*no space left'
  rm "$HF_WORK/disk/ballast"
  wait_for 20 "ready once there is space" agent_ready
  agent_stop
else
  matches "the reason" "$(tail -n 3 "$HF_WORK/agent.log")" 'no space left|No space left|full'
  equal "the file after a start that failed" "$(sha256sum <"$HF_DB")" "$sum"
  rm "$HF_WORK/disk/ballast"
fi
equal "files set aside" "$(find "$HF_WORK/disk" -name '*.corrupt-*' | head -n 1)" ""
note "two outages; $(sql 'select count(*) from events') events"
