# A person decides: what is live of a paused unit is accepted into ConfigHub, with a preview, and names who drifted and who accepted; an earlier revision is
# rolled back to; what a target only observes is put back on demand. Each is followed until all is in sync, stands in the trail with both revisions and the
# person's name, and is told to the channels. What can't be done is refused with its reason, and a request cut short by a kill is told as such.
# limit: 200
. "$HF_TOP/tests/integration/hub.sh"
units_copy "$HF_WORK/units" "$HF_NS"
sink_up
hub_up "traderx-dev=$HF_WORK/units@worker/cluster"
hub_apply_all traderx-dev
HF_MORE=$HF_ALERTS
hub_agent_up
wait_for 20 "18 objects in sync" all_in_sync 18
person=${SUDO_USER:-$(id -un)}
feed=60-trade-feed-deployment
ls "$HF_WORK/units" | grep -q "^$feed.yaml$" || feed=$(cd "$HF_WORK/units" && grep -l "name: trade-feed$" *deployment*.yaml | head -1 | sed 's/\.yaml$//')
said() { # what it must exit with, then the command
  local wanted=$1 status=0
  shift
  "$HF_BIN/holdfast" "$@" --config "$HF_CONFIG" >"$HF_WORK/said.txt" 2>&1 || status=$?
  [ "$status" = "$wanted" ] || fail "holdfast $*: exit $status, expected $wanted: $(cat "$HF_WORK/said.txt")"
}
replicas() { kc -n "$HF_NS" get "deployment/$1" -o 'jsonpath={.spec.replicas}'; }
at_replicas() { [ "$(replicas "$1")" = "$2" ]; }

# --- how the units stand
said 0 units
matches "a unit's line" "$(grep " $feed " "$HF_WORK/said.txt")" "^dev +traderx-dev +$feed +in_sync +ready +1 +1 +1 +1 +[0-9]+s"
said 0 units --output json --unit "$feed"
equal "the same as JSON" "$(json "select json_extract(doc, '\$[0].live_revision') || json_extract(doc, '\$[0].verdict') from doc" <"$HF_WORK/said.txt")" 1in_sync

# --- nothing to accept
said 0 accept --target dev --unit "$feed" --reason 'nothing there'
matches "what it says" "$(tail -1 "$HF_WORK/said.txt")" '^done: live is as the unit says'
said 1 accept --target dev --unit no-such-unit --reason 'a mistake'
matches "what it says" "$(tail -1 "$HF_WORK/said.txt")" '^refused: target dev has no unit no-such-unit'

# --- a drift that a person wants kept
said 0 pause --target dev --unit "$feed" --for 1h --reason 'trying three replicas'
wait_for 10 "the pause is recorded" eval '[ "$(sql "select count(*) from events where type = '"'pause.set'"'")" = 1 ]'
kc -n "$HF_NS" patch deployment/trade-feed --type=merge -p '{"spec":{"replicas":3}}' --field-manager carols-console >/dev/null || fail "kubectl patch"
blocked() { [ "$(sql "select count(*) from objects where name = 'trade-feed' and kind = 'Deployment' and verdict = 'blocked'")" = 1 ]; }
wait_for 10 "its drift is seen and left" blocked
before=$(last_event)
said 0 accept --target dev --unit "$feed" --dry-run
grep -q '^  replicas: 3$' "$HF_WORK/said.txt" || fail "the dry run does not show what would be written: $(cat "$HF_WORK/said.txt")"
equal "revisions after the dry run" "$(hub_unit "$feed" HeadRevisionNum)" 1
said 0 accept --target dev --unit "$feed" --reason 'three it is: INC-4711'
matches "what it says" "$(tail -1 "$HF_WORK/said.txt")" "^done: $person accepted what was live of unit $feed: revision 2 in place of 1, in sync, [0-9]+ ms"
note "$(tail -1 "$HF_WORK/said.txt")"
equal "replicas live" "$(replicas trade-feed)" 3
equal "live in ConfigHub" "$(hub_unit "$feed" LiveRevisionNum)" 2
matches "its data there" "$(hub GET "$(hub_path "$feed")/data")" 'replicas: 3'
description=$(hub GET "$(hub_path "$feed")/revision?where=RevisionNum%20%3D%202" | json "select json_extract(doc, '\$[0].Revision.Description') from doc")
matches "the revision says who accepted" "$description" "accepted from live by $person with holdfast: three it is: INC-4711"
matches "... and who drifted" "$description" 'carols-console'
equal "the trail has both revisions" "$(sql "select json_extract(detail, '\$.from_revision') || json_extract(detail, '\$.to_revision') || json_extract(detail, '\$.by') from events where type = 'accept.done' and id > $before")" "12$person"
equal "it was intended, written, done" "$(sql "select group_concat(type, ' ') from (select type from events where type like 'accept.%' and id > $before order by id)")" "accept.intended accept.written accept.done"
equal "nothing was put back meanwhile" "$(sql "select count(*) from events where id > $before and type = 'correction.intended' and unit = '$feed'")" 0
accept_told() { grep -aq '"type":"accept.done"' "$HF_WORK/alerts.txt"; }
wait_for 10 "the channel is told" accept_told

# --- rolled back
said 1 rollback --target dev --unit "$feed" --to 9 --reason 'a mistake'
matches "what it says" "$(tail -1 "$HF_WORK/said.txt")" '^refused: the unit has no such revision'
said 0 resume --all
said 0 rollback --target dev --unit "$feed" --to -1 --reason 'two were enough'
matches "what it says" "$(tail -1 "$HF_WORK/said.txt")" "^done: $person rolled unit $feed back: revision 3 in place of 2, in sync, [0-9]+ ms"
took=$(sed -n 's/.*in sync, \([0-9]*\) ms.*/\1/p' "$HF_WORK/said.txt" | tail -1)
note "$(tail -1 "$HF_WORK/said.txt")"
[ "$took" -lt 30000 ] || fail "the rollback took $took ms"
equal "replicas live" "$(replicas trade-feed)" 2
equal "live in ConfigHub" "$(hub_unit "$feed" LiveRevisionNum)" 3
equal "the trail has it" "$(sql "select json_extract(detail, '\$.from_revision') || json_extract(detail, '\$.to_revision') from events where type = 'rollback.done'")" 23

# --- edits that nobody has applied are never mixed with what is live
hub_edit "$feed" 's/replicas: 2/replicas: 7/'
wait_for 10 "the edit is pending" is_state "$feed" pending
said 1 accept --target dev --unit "$feed" --reason 'too early'
matches "what it says" "$(tail -1 "$HF_WORK/said.txt")" '^refused: the unit has edits that are not applied \(head 4, live 3\)'

# --- an observed target, put back on demand
agent_stop
HF_CORRECTION=observe
hub_agent_up
wait_for 20 "18 objects in sync" all_in_sync 18
kc -n "$HF_NS" patch deployment/web-gui --type=merge -p '{"spec":{"replicas":4}}' >/dev/null || fail "kubectl patch"
drifted() { [ "$(verdicts drifted)" = 1 ]; }
wait_for 10 "the drift is seen" drifted
sleep 2
equal "observed, it stays" "$(replicas web-gui)" 4
said 0 put-back --target dev --unit 80-web-gui-deployment --object "Deployment/$HF_NS/web-gui" --reason 'the demo begins'
note "$(tail -1 "$HF_WORK/said.txt")"
equal "put back" "$(replicas web-gui)" 1
kc -n "$HF_NS" patch deployment/web-gui --type=merge -p '{"spec":{"replicas":5}}' >/dev/null || fail "kubectl patch"
wait_for 10 "the next drift is seen" drifted
sleep 2
equal "and stays again" "$(replicas web-gui)" 5

# --- nobody there, and one cut short
kill -9 "$HF_AGENT_PID"
wait "$HF_AGENT_PID" 2>/dev/null || true
said 2 put-back --target dev --unit 80-web-gui-deployment --reason 'is anybody there'
matches "what it says" "$(tail -1 "$HF_WORK/said.txt")" 'does it run'
[ -z "$(ls "$HF_DB.asks" | grep '\.ask$')" ] || fail "a request was left behind that nobody waits for"
agent_start || fail "the agent does not start again"
wait_for 20 "ready" agent_ready
curl -sf -m 5 -X POST -H "Content-Type: application/json" -d '{"kind":"worker-down"}' "${HF_HUB%/api}/sim/faults" >/dev/null || fail "the fault can't be set"
"$HF_BIN/holdfast" rollback --target dev --unit "$feed" --to 1 --reason 'cut short' --config "$HF_CONFIG" >"$HF_WORK/cut.txt" 2>&1 &
cut=$!
HF_STARTED+=("$cut")
wait_for 10 "its new revision is written" eval '[ "$(sql "select count(*) from events where type = '"'rollback.written'"'")" = 2 ]'
kill -9 "$HF_AGENT_PID"
wait "$HF_AGENT_PID" 2>/dev/null || true
agent_start || fail "the agent does not start again"
status=0
wait "$cut" || status=$?
equal "the one who asked is told" "$status$(tail -1 "$HF_WORK/cut.txt")" "1failed: the agent ended while it was under way"
equal "the trail says so" "$(sql "select count(*) from events where type = 'rollback.failed' and message like 'the agent ended while%'")" 1
agent_stop
"$HF_BIN/holdfast" audit verify --database "$HF_DB" >/dev/null || fail "audit verify"
