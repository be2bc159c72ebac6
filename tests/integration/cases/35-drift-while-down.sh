# What drifts while no agent runs is found at the next start and put back, and the trail goes on where it was.
units_copy "$HF_WORK/units" "$HF_NS"
units_apply "$HF_WORK/units" || fail "kubectl apply: $(tail -n 3 "$HF_WORK/kubectl-apply.out")"
agent_up "$HF_WORK/units"
wait_for 20 "18 objects in sync" all_in_sync 18
agent_stop
equal "exit after SIGTERM" "$HF_STATUS" 0
before=$(last_event)
kc -n "$HF_NS" scale deployment/web-gui --replicas=4 >/dev/null
kc -n "$HF_NS" delete service/trade-feed >/dev/null
agent_start || fail "the agent does not start again"
wait_for 20 "the scale put back" incident_ended "$before" Deployment web-gui corrected
wait_for 20 "the deletion put back" incident_ended "$before" Service trade-feed corrected
wait_for 10 "18 objects in sync" all_in_sync 18
equal "incidents" "$(incidents_after "$before")" 2
equal "replicas" "$(kc -n "$HF_NS" get deployment/web-gui -o 'jsonpath={.spec.replicas}')" 1
