# Every open connection goes silent for ever, as behind a firewall that forgot them: a drift after that is corrected within 30 s all
# the same.
# limit: 240
units_copy "$HF_WORK/units" "$HF_NS"
units_apply "$HF_WORK/units" || fail "kubectl apply: $(tail -n 3 "$HF_WORK/kubectl-apply.out")"
proxy_up
agent_up "$HF_WORK/units" "$HF_PROXY_KUBECONFIG"
wait_for 20 "18 objects in sync" all_in_sync 18
before=$(last_event)
kill -HUP "$HF_PROXY_PID"
began=$EPOCHREALTIME
kc -n "$HF_NS" scale deployment/trade-service --replicas=10 >/dev/null || fail "kubectl scale"
wait_for 35 "corrected though the connections are silent" incident_ended "$before" Deployment trade-service corrected
note "corrected $(since "$began") ms after the connections went silent"
equal "incidents" "$(incidents_after "$before")" 1
