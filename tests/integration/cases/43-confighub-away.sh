# ConfigHub is away, and the agent is restarted meanwhile: drift is put back all the same, from the revisions that were kept, which says how old they are. When
# ConfigHub is back nothing is applied twice, and what was applied there meanwhile is taken up.
# limit: 1200
. "$HF_TOP/tests/integration/hub.sh"
units_copy "$HF_WORK/units" "$HF_NS"
hub_up "traderx-dev=$HF_WORK/units@worker/cluster"
hub_apply_all traderx-dev
hub_agent_up
wait_for 20 "18 objects in sync" all_in_sync 18
sleep 1
equal "the kept units' mode" "$(stat -c %a "$HF_DB.units")" 600
hub_down
lost() { [ "$(sql "select count(*) from events where type = 'source.lost'")" -ge 1 ]; }
wait_for 30 "that ConfigHub is away is recorded" lost
drift_and_back() {
  before=$(last_event)
  kc -n "$HF_NS" patch deployment/web-gui --type=merge -p '{"spec":{"replicas":7}}' >/dev/null || fail "kubectl patch"
  wait_for 20 "$1" incident_ended "$before" Deployment web-gui
}
drift_and_back "while ConfigHub is away"
# Long away: minutes in earnest, seconds else. Restarted meanwhile, by force.
kill -KILL "$HF_AGENT_PID"
wait "$HF_AGENT_PID" 2>/dev/null
if [ "${HF_LONG:-}" = 1 ]; then sleep 600; else sleep 5; fi
agent_start || fail "the agent does not start without ConfigHub"
wait_for 30 "18 objects in sync from what was kept" all_in_sync 18
drift_and_back "after a restart without ConfigHub"
matches "how old it is" "$(api targets | json "select json_extract(doc, '\$.items[0].source.problem') from doc")$(api targets)" "held as they were at 20[0-9-]*T"
before=$(last_event)
hub_up "traderx-dev=$HF_WORK/units@worker/cluster"
found() { [ "$(sql "select count(*) from events where id > $before and type = 'source.found'")" -ge 1 ]; }
wait_for 60 "ConfigHub is back" found
sleep 2
equal "drifts and corrections because it is back" "$(sql "select count(*) from events where id > $before and (type like 'drift.%' or type like 'correction.%' or type like 'rollout.%')")" 0
hub_edit 80-web-gui-deployment 's/replicas: 1/replicas: 2/'
hub_apply 80-web-gui-deployment 2
replicas() { [ "$(kc -n "$HF_NS" get deployment/web-gui -o 'jsonpath={.spec.replicas}')" = "$1" ]; }
wait_for 10 "what is applied from now on is live" replicas 2
sleep 3
replicas 2 || fail "the rollout was undone"
equal "drifts and corrections of the rollout" "$(sql "select count(*) from events where id > $before and (type like 'drift.%' or type like 'correction.%')")" 0
agent_stop
"$HF_BIN/holdfast" audit verify --database "$HF_DB" >/dev/null || fail "audit verify"
