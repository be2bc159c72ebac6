# Drift is put back by ConfigHub: the unit's apply action at the live revision, followed to its end and judged by what is live then. One action for all
# drifted objects of a unit; where it fails, or the worker is away, a direct apply takes over; without that, an alert says so. Head is never rolled out by it.
# limit: 240
. "$HF_TOP/tests/integration/hub.sh"
units_copy "$HF_WORK/units" "$HF_NS"
sink_up
hub_up "traderx-dev=$HF_WORK/units@worker/cluster"
hub_apply_all traderx-dev
HF_MORE=$HF_ALERTS
hub_agent_up 'apply_by: confighub' 'action_limit: 5s' 'report_back: true'
wait_for 20 "18 objects in sync" all_in_sync 18
# An edit that nobody has applied: a correction must not roll it out.
hub_edit 80-web-gui-deployment 's/replicas: 1/replicas: 5/'
wait_for 10 "the edit is pending" is_state 80-web-gui-deployment pending
before=$(last_event)
replicas() { [ "$(kc -n "$HF_NS" get deployment/web-gui -o 'jsonpath={.spec.replicas}')" = "$1" ]; }
kc -n "$HF_NS" patch deployment/web-gui --type=merge -p '{"spec":{"replicas":9}}' >/dev/null || fail "kubectl patch"
wait_for 15 "it is put back" incident_ended "$before" Deployment web-gui
replicas 1 || fail "the edit was rolled out, or something else"
matches "how it was done" "$(sql "select message from events where id > $before and type = 'correction.sent'")" "^ConfigHub's action [0-9a-f-]+, apply of revision 1, ended in [0-9]+ ms: ApplyCompleted"
equal "the live revision in ConfigHub" "$(hub_unit 80-web-gui-deployment LiveRevisionNum)" 1
equal "the head in ConfigHub" "$(hub_unit 80-web-gui-deployment HeadRevisionNum)" 2
note "through ConfigHub: $(sql "select cast(round((julianday(corrected_at) - julianday(seen_at)) * 86400000) as int) from events where id > $before and type = 'correction.confirmed'") ms from seen to confirmed; $(sql "select message from events where id > $before and type = 'correction.sent'")"

# --- told back to ConfigHub
told_back() { [ "$(hub_unit 80-web-gui-deployment 'Annotations."holdfast.dev/drift"')" = corrected ]; }
wait_for 10 "ConfigHub's unit says that it was put back" told_back
matches "and what it was" "$(hub_unit 80-web-gui-deployment 'Annotations."holdfast.dev/drift-what"')" "^Deployment $HF_NS/web-gui was put back, .*spec.replicas is 9, should be 1"
equal "revisions made by that" "$(hub_unit 80-web-gui-deployment HeadRevisionNum)" 2

# --- many units of a space at once: one call for all, but for the one with an edit that is not applied
agent_stop
for name in trade-feed trade-service trade-processor people-service account-service position-service web-gui; do
  kc -n "$HF_NS" patch "deployment/$name" --type=merge -p '{"spec":{"replicas":9}}' >/dev/null || fail "kubectl patch"
done
count_of() { curl -sf -m 5 "${HF_HUB%/api}/sim/counts" | json "select json_extract(doc, '\$.$1') from doc"; }
before=$(last_event)
bulks=$(count_of bulks)
agent_start || fail "the agent does not start again"
seven() { [ "$(sql "select count(*) from events where id > $before and type = 'correction.confirmed'")" = 7 ]; }
wait_for 40 "all are put back" seven
equal "by ConfigHub's actions" "$(sql "select count(*) from events where id > $before and type = 'correction.sent' and message like 'ConfigHub''s action % ApplyCompleted%'")" 7
[ "$(count_of bulks)" -gt "$bulks" ] || fail "each was asked for by itself"
note "7 drifted units of a space: $(($(count_of bulks) - bulks)) calls for those without edits"
replicas 1 || fail "an edit was rolled out by it"
equal "live of the one with an edit" "$(hub_unit 80-web-gui-deployment LiveRevisionNum)" 1

# --- the action fails: a direct apply takes over
fault() { curl -sf -m 5 -X POST -H "Content-Type: application/json" -d "$1" "${HF_HUB%/api}/sim/faults" >/dev/null || fail "the fault can't be set"; }
no_faults() { curl -sf -m 5 -X DELETE "${HF_HUB%/api}/sim/faults" >/dev/null || fail "the faults can't be taken away"; }
for kind in '{"kind":"worker-fails","message":"the cluster is on fire"}' '{"kind":"worker-down","refuse":true}' '{"kind":"worker-down"}'; do
  fault "$kind"
  before=$(last_event)
  kc -n "$HF_NS" patch deployment/trade-feed --type=merge -p '{"spec":{"replicas":9}}' >/dev/null || fail "kubectl patch"
  wait_for 25 "with $kind it is put back directly" incident_ended "$before" Deployment trade-feed
  matches "why" "$(sql "select message from events where id > $before and type = 'correction.failed' limit 1")" "attempt 1 to put back Deployment $HF_NS/trade-feed failed: .*(the cluster is on fire|worker)"
  equal "what did it then" "$(sql "select count(*) from events where id > $before and type = 'correction.sent' and message = 'the API server took the apply'")" 1
  no_faults
done

# --- without a fallback: told, and done once the worker is well again
agent_stop
hub_agent_up 'apply_by: confighub' 'action_limit: 3s' 'fallback: false'
wait_for 20 "18 objects in sync" all_in_sync 18
fault '{"kind":"worker-fails","message":"the cluster is on fire"}'
before=$(last_event)
kc -n "$HF_NS" patch deployment/trade-feed --type=merge -p '{"spec":{"replicas":9}}' >/dev/null || fail "kubectl patch"
told() { grep -a '"type":"correction.blocked"' "$HF_WORK/alerts.txt" | grep -aq 'the cluster is on fire'; }
wait_for 15 "the channel is told that it is not put back" told
[ "$(kc -n "$HF_NS" get deployment/trade-feed -o 'jsonpath={.spec.replicas}')" = 9 ] || fail "it was put back all the same"
no_faults
wait_for 40 "it is put back once ConfigHub's worker is well" incident_ended "$before" Deployment trade-feed
agent_stop
"$HF_BIN/holdfast" audit verify --database "$HF_DB" >/dev/null || fail "audit verify"
