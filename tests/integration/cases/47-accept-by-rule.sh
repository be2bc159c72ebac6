# A rule accepts what is live: once it has lasted, it becomes a revision of the unit in the rule's name; what else drifts is put back first. A rule may also
# say that a correction goes by ConfigHub, where the target's go directly.
# limit: 120
. "$HF_TOP/tests/integration/hub.sh"
units_copy "$HF_WORK/units" "$HF_NS"
hub_up "traderx-dev=$HF_WORK/units@worker/cluster"
hub_apply_all traderx-dev
cat >"$HF_WORK/mine.yaml" <<'YAML'
pack: mine
rules:
- name: theirs
  match: {kind: Deployment, name: trade-feed, path: /spec/replicas}
  action: accept
  grace: 2s
- name: by-hub
  match: {kind: Deployment, name: web-gui}
  apply_by: confighub-only
YAML
HF_MORE="rules: [$HF_WORK/mine.yaml]"
hub_agent_up
wait_for 20 "18 objects in sync" all_in_sync 18
feed=70-trade-feed-deployment
before=$(last_event)
kc -n "$HF_NS" patch deployment/trade-feed --type=merge -p '{"spec":{"replicas":3,"revisionHistoryLimit":2,"template":{"spec":{"terminationGracePeriodSeconds":60}}}}' >/dev/null || fail "kubectl patch"
accepted() { [ "$(sql "select count(*) from events where id > $before and type = 'accept.done'")" = 1 ]; }
wait_for 40 "what the rule accepts has become a revision" accepted
matches "in whose name" "$(sql "select message from events where id > $before and type = 'accept.done'")" "^rule mine/theirs accepted what was live of unit $feed: revision 2 in place of 1"
equal "the revision's replicas" "$(hub GET "$(hub_path "$feed")/data" | sed -n 's/^  replicas: //p')" 3
wait_for 20 "18 objects in sync" all_in_sync 18
equal "replicas live" "$(field deployment/trade-feed '{.spec.replicas}')" 3
sleep 5
equal "revisions, when nothing drifts any more" "$(hub_unit "$feed" HeadRevisionNum)" 2

before=$(last_event)
kc -n "$HF_NS" patch deployment/web-gui --type=merge -p '{"spec":{"replicas":9}}' >/dev/null || fail "kubectl patch"
wait_for 15 "it is put back" incident_ended "$before" Deployment web-gui
matches "by what" "$(sql "select message from events where id > $before and type = 'correction.sent'")" "^ConfigHub's action"
agent_stop
"$HF_BIN/holdfast" audit verify --database "$HF_DB" >/dev/null || fail "audit verify"
