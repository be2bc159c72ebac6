# Checkpoints that the agent keeps elsewhere: made at the start, every so often and at the stop; a tail that was cut off with the file's own count
# is told by verify and by the agent itself at its next start; a folder that is away is told once and costs nothing else.
units_copy "$HF_WORK/units" "$HF_NS"
units_apply "$HF_WORK/units" || fail "kubectl apply: $(tail -n 3 "$HF_WORK/kubectl-apply.out")"
mkdir "$HF_WORK/far"
kept=$HF_WORK/far/checkpoints
HF_MORE="trail: {checkpoint: {file: far/checkpoints, every: 1s}}"
agent_up "$HF_WORK/units"
wait_for 20 "18 objects in sync" all_in_sync 18
before=$(last_event)
lines() { [ "$(wc -l <"$kept")" -ge "$1" ]; }
said() { [ "$(sql "select count(*) from events where type = '$1'")" -ge "${2:-1}" ]; }
wait_for 10 "a checkpoint" lines 1
kc -n "$HF_NS" label deployment/web-gui layer=wrong --overwrite >/dev/null || fail "kubectl label"
wait_for 20 "web-gui is put back" incident_ended "$before" Deployment web-gui corrected
wait_for 10 "two checkpoints" lines 2
wait_for 10 "a checkpoint is in the trail" said audit.checkpoint 2
idle=$(wc -l <"$kept")
sleep 3
[ "$(wc -l <"$kept")" -le $((idle + 1)) ] || fail "checkpoints are made although nothing is recorded but them"
agent_stop
equal "exit" "$HF_STATUS" 0
count=$(last_event)
verify() {
  "$HF_BIN/holdfast" audit verify --database "$HF_DB" "$@" >"$HF_WORK/verify.out" 2>&1
  status=$?
}
matches "the last checkpoint" "$(tail -n 1 "$kept")" "^\{\"at\":\"20.*\",\"digest\":\"$(sql "select digest from events where id = $count")\",\"host\":\"$(hostname)\",\"id\":$count\}\$"
equal "mode of the file" "$(stat -c %a "$kept")" 600
verify --checkpoint "$kept"
equal "untouched: exit" "$status" 0
matches "untouched" "$(cat "$HF_WORK/verify.out")" "whole: $count events.*, $(wc -l <"$kept") checkpoints held"
verify --checkpoint "$("$HF_BIN/holdfast" audit checkpoint --database "$HF_DB")"
equal "one as it was printed: exit" "$status" 0

# The tail with its counter: whole in itself.
cut=$((before + 1))
sqlite3 "$HF_DB" "select sql || ';' from sqlite_schema where type = 'trigger'" >"$HF_WORK/guards.sql"
sqlite3 "$HF_DB" "drop trigger events_no_update; drop trigger events_no_delete; drop trigger events_only_append;
  delete from events where id > $cut; update sqlite_sequence set seq = $cut where name = 'events'; delete from open_incidents" || fail "sqlite3"
sqlite3 "$HF_DB" <"$HF_WORK/guards.sql" || fail "sqlite3: the guards"
verify
equal "a cut tail without a checkpoint: exit" "$status" 0
verify --checkpoint "$kept"
equal "a cut tail: exit" "$status" 1
matches "a cut tail" "$(cat "$HF_WORK/verify.out")" "event $((cut + 1)) is missing.*the first checkpoint that does not hold: line [0-9]+, event"
agent_start || fail "the agent does not start on a trail that was cut"
wait_for 30 "the agent is ready" agent_ready
wait_for 10 "the agent itself tells that the trail was cut" said audit.mismatch
matches "what it tells" "$(sql "select severity || ' ' || alert || ' ' || message from events where type = 'audit.mismatch'")" "^critical 1 .*event $count, of which there is a checkpoint of .*, is missing"

# Elsewhere is away for a while.
mv "$HF_WORK/far" "$HF_WORK/away"
kc -n "$HF_NS" label deployment/web-gui layer=wrong --overwrite >/dev/null || fail "kubectl label"
wait_for 10 "the missing folder is told" said audit.checkpoint_failed
sleep 2.5
equal "how often it is told" "$(sql "select count(*) from events where type = 'audit.checkpoint_failed'")" 1
mv "$HF_WORK/away" "$HF_WORK/far"
told=$(sql "select count(*) from events where type = 'audit.checkpoint'")
kc -n "$HF_NS" label deployment/web-gui layer=wrong --overwrite >/dev/null || fail "kubectl label"
wait_for 10 "checkpoints go on" said audit.checkpoint $((told + 1))
equal "mismatches told" "$(sql "select count(*) from events where type = 'audit.mismatch'")" 1

# Without checkpoints after a reload; then nothing is written at the stop either.
HF_MORE=
agent_config "$HF_WORK/units"
kill -HUP "$HF_AGENT_PID"
wait_for 10 "the config is read again" said config.reloaded
idle=$(wc -l <"$kept")
agent_stop
equal "lines after checkpoints were turned off" "$(wc -l <"$kept")" "$idle"
note "$idle checkpoints; a hidden cut found by verify and told by the agent; a folder that is away told once"
