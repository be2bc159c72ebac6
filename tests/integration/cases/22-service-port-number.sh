# A Service's port number changed: the old port comes back and the changed one goes, though apply alone would leave both, under one
# name, and be refused.
units_copy "$HF_WORK/units" "$HF_NS"
units_apply "$HF_WORK/units" || fail "kubectl apply: $(tail -n 3 "$HF_WORK/kubectl-apply.out")"
agent_up "$HF_WORK/units"
wait_for 20 "18 objects in sync" all_in_sync 18
before=$(last_event)
kc -n "$HF_NS" patch service/trade-service --type=json -p '[{"op":"replace","path":"/spec/ports/0/port","value":19000}]' >"$HF_WORK/kubectl.out" 2>&1 ||
  fail "kubectl: $(cat "$HF_WORK/kubectl.out")"
wait_for 20 "put back and recorded" incident_ended "$before" Service trade-service corrected
equal "ports" "$(kc -n "$HF_NS" get service/trade-service -o 'jsonpath={.spec.ports[*].port}')" 18092
equal "incidents" "$(incidents_after "$before")" 1
