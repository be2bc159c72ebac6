# The API server's process hangs for 10 s while a drift is on its way: corrected when it goes on.
# alone: yes
# clusters: real
units_copy "$HF_WORK/units" "$HF_NS"
units_apply "$HF_WORK/units" || fail "kubectl apply: $(tail -n 3 "$HF_WORK/kubectl-apply.out")"
agent_up "$HF_WORK/units"
wait_for 20 "18 objects in sync" all_in_sync 18
before=$(last_event)
cluster=$(dirname "$HF_KUBECONFIG")
"$HF_TOP/tests/cluster/pause" "$cluster" || fail "pause"
kc -n "$HF_NS" scale deployment/web-gui --replicas=5 --request-timeout=60s >/dev/null 2>&1 &
client=$!
sleep 10
"$HF_TOP/tests/cluster/resume" "$cluster" || fail "resume"
wait $client || fail "kubectl scale"
wait_for 30 "corrected after the server goes on" incident_ended "$before" Deployment web-gui corrected
equal "replicas" "$(kc -n "$HF_NS" get deployment/web-gui -o 'jsonpath={.spec.replicas}')" 1
wait_for 10 "18 objects in sync" all_in_sync 18
