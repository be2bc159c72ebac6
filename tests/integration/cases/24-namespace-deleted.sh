# The whole namespace is deleted: once it has gone it is recreated, then all that was in it, in order.
# limit: 240
units_copy "$HF_WORK/units" "$HF_NS"
units_apply "$HF_WORK/units" || fail "kubectl apply: $(tail -n 3 "$HF_WORK/kubectl-apply.out")"
agent_up "$HF_WORK/units"
wait_for 20 "18 objects in sync" all_in_sync 18
uid=$(kc get namespace "$HF_NS" -o 'jsonpath={.metadata.uid}')
before=$(last_event)
began=$EPOCHREALTIME
kc delete namespace "$HF_NS" --wait=false >/dev/null || fail "kubectl delete namespace"
new_namespace() { [ "$(kc get namespace "$HF_NS" -o 'jsonpath={.metadata.uid}{.status.phase}')" != "${uid}Terminating" ] &&
  [ "$(kc get namespace "$HF_NS" -o 'jsonpath={.metadata.uid}')" != "$uid" ] && kc get namespace "$HF_NS"; }
wait_for 90 "the namespace is back" new_namespace
note "the namespace is back after $(since "$began") ms"
wait_for 45 "18 objects in sync again" all_in_sync 18
note "all is back after $(since "$began") ms"
for object in deployment/trade-service service/trade-service serviceaccount/trade-service ingress/traderx; do
  kc -n "$HF_NS" get $object >/dev/null || fail "$object is not there"
done
equal "incidents still open" "$(sql "select count(*) from v_open")" 0
matches "the namespace's incident" "$(sql "select group_concat(outcome) from v_incidents where first_id > $before and kind = 'Namespace'")" '^corrected'
# In order: nothing of a higher order is put back before the namespace.
namespace=$(sql "select min(last_id) from v_incidents where first_id > $before and kind = 'Namespace' and outcome = 'corrected'")
equal "objects put back before their namespace" \
  "$(sql "select count(*) from v_incidents where first_id > $before and kind <> 'Namespace' and outcome = 'corrected' and verdict = 'missing' and last_id < $namespace")" 0
