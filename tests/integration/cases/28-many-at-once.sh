# Eight Deployments and seven Services drift at once: each is put back, once.
units_copy "$HF_WORK/units" "$HF_NS"
units_apply "$HF_WORK/units" || fail "kubectl apply: $(tail -n 3 "$HF_WORK/kubectl-apply.out")"
agent_up "$HF_WORK/units"
wait_for 20 "18 objects in sync" all_in_sync 18
before=$(last_event)
kc -n "$HF_NS" label deployments,services --all layer=wrong --overwrite >"$HF_WORK/kubectl.out" 2>&1 || fail "kubectl label: $(cat "$HF_WORK/kubectl.out")"
fifteen() { [ "$(sql "select count(*) from v_incidents where first_id > $before and outcome = 'corrected'")" = 15 ]; }
wait_for 20 "15 incidents corrected" fifteen
sleep 1
equal "incidents" "$(incidents_after "$before")" 15
equal "corrections" "$(sql "select count(*) from events where id > $before and type = 'correction.confirmed'")" 15
equal "wrong labels" "$(kc -n "$HF_NS" get deployments,services -l layer=wrong -o name)" ""
