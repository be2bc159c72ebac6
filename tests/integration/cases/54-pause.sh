# A person pauses a unit: its drift is told and left, the rest is put back; the pause outlives a restart; who set and who ended it stands in the trail;
# when it is ended, what differs is put back at once.
unit_base
for name in paused held; do
  unit 20-$name.yaml <<YAML
apiVersion: v1
kind: ConfigMap
metadata: {name: $name, namespace: "@NS@"}
data: {mode: safe}
YAML
done
held 4
person=$(id -un)
pause_of() { "$HF_BIN/holdfast" "$@" --config "$HF_CONFIG"; }
out=$(pause_of pause --target dev --unit 20-paused --for 1h --reason 'debugging with the vendor') || fail "holdfast pause: $out"
id=${out%%:*}
matches "what pause says" "$out" "until .*Z, in the name of ${SUDO_USER:-$person}"
set_told() { [ "$(sql "select count(*) from events where type = 'pause.set' and unit = '20-paused'")" = 1 ]; }
wait_for 10 "the pause is recorded" set_told
matches "its event" "$(sql "select message from events where type = 'pause.set'")" 'debugging with the vendor'
before=$(last_event)
kc -n "$HF_NS" patch configmap/paused --type=merge -p '{"data":{"mode":"loose"}}' >/dev/null
kc -n "$HF_NS" patch configmap/held --type=merge -p '{"data":{"mode":"loose"}}' >/dev/null
wait_for 10 "the other is put back" incident_ended "$before" ConfigMap held corrected
blocked() { [ "$(sql "select count(*) from objects where name = 'paused' and verdict = 'blocked' and reason like 'paused by % until %debugging with the vendor'")" = 1 ]; }
wait_for 10 "the drift of the paused one is told" blocked
sleep 2
equal "it is left as it is" "$(field configmap/paused '{.data.mode}')" loose
equal "corrections of it" "$(sql "select count(*) from events where id > $before and name = 'paused' and type like 'correction.%' and type <> 'correction.blocked'")" 0
matches "holdfast pauses" "$(pause_of pauses)" "$id .*unit 20-paused: debugging"
# A restart: still paused, not told as set again.
told=$(sql "select count(*) from events where type = 'correction.blocked'")
agent_stop
agent_start || fail "the agent does not start again"
wait_for 20 "blocked again" blocked
sleep 2
equal "it is left as it is after the restart" "$(field configmap/paused '{.data.mode}')" loose
equal "events that tell of the pause" "$(sql "select count(*) from events where type = 'pause.set'")" 1
equal "it is not told again" "$(sql "select count(*) from events where type = 'correction.blocked'")" "$told"
# A file that somebody else may write is not believed, and what was paused stays so.
chmod 666 "$HF_DB.pauses"
refused() { [ "$(sql "select count(*) from events where type = 'pause.refused'")" = 1 ]; }
wait_for 10 "the file is refused" refused
equal "it is left as it is meanwhile" "$(field configmap/paused '{.data.mode}')" loose
chmod 600 "$HF_DB.pauses"
after=$(last_event)
pause_of resume "$id" >/dev/null || fail "holdfast resume"
back() { [ "$(field configmap/paused '{.data.mode}')" = safe ]; }
wait_for 10 "put back once it is ended" back
ended() { [ "$(sql "select count(*) from events where id > $after and type = 'pause.ended' and message like '%is ended by ${SUDO_USER:-$person}'")" = 1 ]; }
wait_for 10 "who ended it is recorded" ended
equal "holdfast pauses" "$(pause_of pauses)" "nothing is paused"
if pause_of resume "$id" 2>"$HF_WORK/resume.err"; then fail "a pause is ended twice"; fi
matches "resume of what is ended" "$(cat "$HF_WORK/resume.err")" "there is no pause"
if pause_of pause --target nowhere --for 1h --reason x 2>"$HF_WORK/pause.err"; then fail "a target that is not there is paused"; fi
matches "pause of another target" "$(cat "$HF_WORK/pause.err")" '"nowhere"'

# A snooze: put back as ever, but the channel is told nothing until it ends.
agent_stop
sink_up
HF_MORE=$HF_ALERTS
agent_config "$HF_WORK/units"
agent_start || fail "the agent does not start with a channel"
wait_for 20 "4 objects in sync" all_in_sync 4
out=$(pause_of snooze --target dev --unit 20-held --for 1h --reason 'known to the owner') || fail "holdfast snooze: $out"
id=${out%%:*}
snoozed() { [ "$(sql "select count(*) from events where type = 'snooze.set' and unit = '20-held'")" = 1 ]; }
wait_for 10 "the snooze is recorded" snoozed
before=$(last_event)
kc -n "$HF_NS" patch configmap/held --type=merge -p '{"data":{"mode":"loose"}}' >/dev/null
kc -n "$HF_NS" patch configmap/paused --type=merge -p '{"data":{"mode":"loose"}}' >/dev/null
wait_for 10 "what is snoozed is put back" incident_ended "$before" ConfigMap held corrected
wait_for 10 "and so is the other" incident_ended "$before" ConfigMap paused corrected
told_of() { grep -a '"correction.confirmed"' "$HF_WORK/alerts.txt" | grep -aq "\"name\":\"$1\""; }
wait_for 10 "the other is told" told_of paused
sleep 1
if told_of held; then fail "what is snoozed was told"; fi
matches "holdfast pauses" "$(pause_of pauses)" "$id .*alerts only, .*unit 20-held: known to the owner"
pause_of resume "$id" >/dev/null || fail "holdfast resume"
wait_for 10 "what was held back is told when the snooze ends" told_of held
