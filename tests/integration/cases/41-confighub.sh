# Units in ConfigHub: drift is put back from the revision that is live there; an edit that is not applied is pending, and no drift; a rollout by ConfigHub's
# worker is no drift at any moment, however rarely it is polled; a failing rollout of another revision, a unit that follows live, one that is destroyed.
# limit: 240
. "$HF_TOP/tests/integration/hub.sh"
units_copy "$HF_WORK/units" "$HF_NS"
hub_up "traderx-dev=$HF_WORK/units@worker/cluster"
hub_apply_all traderx-dev
# Polled once in ten minutes: what is known beside that is known by asking.
HF_HUB_POLL=10m hub_agent_up
wait_for 20 "18 objects in sync" all_in_sync 18
before=$(last_event)

# --- drift
began=$EPOCHREALTIME
kc -n "$HF_NS" patch deployment/web-gui --type=merge -p '{"spec":{"replicas":7}}' >/dev/null || fail "kubectl patch"
wait_for 10 "the drift is put back" incident_ended "$before" Deployment web-gui
note "a drift is put back after $(since "$began") ms, with ConfigHub asked before"
web=$(sql "select unit from v_incidents where first_id > $before limit 1")
equal "the revision that it was put back to" "$(sql "select revision from events where id > $before and type = 'drift.seen'")" "$(hub_unit "$web" LiveRevisionNum)"
equal "the unit's page in ConfigHub, for who is told of it" "$(sql "select json_extract(detail, '$.unit_url') from events where id > $before and type = 'drift.seen'")" \
  "http://$HF_HUB_LISTEN/units/$(hub_unit "$web" SpaceID)/$(hub_unit "$web" UnitID)"

# --- a rollout that no poll has told: an edit, then its apply by the worker
before=$(last_event)
hub_edit "$web" 's/replicas: 1/replicas: 2/'
equal "the head after the edit" "$(hub_unit "$web" HeadRevisionNum)" 2
hub_apply "$web" 2
replicas() { [ "$(kc -n "$HF_NS" get deployment/web-gui -o 'jsonpath={.spec.replicas}')" = "$1" ]; }
wait_for 10 "the rollout is live" replicas 2
wait_for 10 "all is in sync with the new revision" all_in_sync 18
sleep 2
replicas 2 || fail "the rollout was undone"
equal "drifts and corrections during the rollout" "$(sql "select count(*) from events where id > $before and (type like 'drift.%' or type like 'correction.%')")" 0

# --- polled every second from here on
agent_stop
HF_HUB_POLL=1s
hub_agent_up
wait_for 20 "18 objects in sync after the restart" all_in_sync 18
before=$(last_event)
hub_edit "$web" 's/replicas: 2/replicas: 3/'
wait_for 10 "the edit is pending" is_state "$web" pending
sleep 1
equal "drifts and corrections while it is pending" "$(sql "select count(*) from events where id > $before and (type like 'drift.%' or type like 'correction.%')")" 0
kc -n "$HF_NS" patch deployment/web-gui --type=merge -p '{"spec":{"replicas":9}}' >/dev/null
wait_for 10 "a drift is put back to what is live, not to the edit" incident_ended "$before" Deployment web-gui
replicas 2 || fail "put back to something else"
# Rollouts in a row, watched: at no moment a drift.
before=$(last_event)
for revision in 3 4 5; do
  [ "$revision" = 3 ] || hub_edit "$web" "s/replicas: $((revision - 1))/replicas: $revision/"
  hub_apply "$web" "$revision"
done
wait_for 15 "all in sync after three rollouts" all_in_sync 18
sleep 2
equal "drifts and corrections during three rollouts" "$(sql "select count(*) from events where id > $before and (type like 'drift.%' or type like 'correction.%')")" 0
wait_for 10 "the unit is ready" is_state "$web" ready

# --- a unit that follows live is recorded and left
before=$(last_event)
hub PATCH "$(hub_path "$web")" '{"DriftReconciliationMode":"ContinuousRefresh"}' application/merge-patch+json >/dev/null
follows() { [ "$(unit_of "$web" mode)" = continuous_refresh ]; }
wait_for 10 "the mode is known" follows
kc -n "$HF_NS" patch deployment/web-gui --type=merge -p '{"metadata":{"labels":{"layer":"live"}}}' >/dev/null
seen() { [ "$(sql "select count(*) from events where id > $before and type = 'drift.seen' and name = 'web-gui'")" = 1 ]; }
wait_for 10 "it is recorded" seen
sleep 2
equal "the label" "$(kc -n "$HF_NS" get deployment/web-gui -o 'jsonpath={.metadata.labels.layer}')" live
equal "corrections" "$(sql "select count(*) from events where id > $before and type like 'correction.%'")" 0
hub PATCH "$(hub_path "$web")" '{"DriftReconciliationMode":"OnDemand"}' application/merge-patch+json >/dev/null
wait_for 15 "on demand again, it is put back" incident_ended "$before" Deployment web-gui

# --- the token is in nothing that the program said (the suite searches for HF_CANARY, which is part of it)
agent_stop
equal "the agent's exit" "$HF_STATUS" 0
"$HF_BIN/holdfast" audit verify --database "$HF_DB" >/dev/null || fail "audit verify"
