# The connection to the API server is cut for 20 s while a drift happens: corrected right after it returns, once, with one event.
units_copy "$HF_WORK/units" "$HF_NS"
units_apply "$HF_WORK/units" || fail "kubectl apply: $(tail -n 3 "$HF_WORK/kubectl-apply.out")"
proxy_up
agent_up "$HF_WORK/units" "$HF_PROXY_KUBECONFIG"
wait_for 20 "18 objects in sync" all_in_sync 18
before=$(last_event)
kill -USR1 "$HF_PROXY_PID"
sleep 2
kc -n "$HF_NS" scale deployment/trade-service --replicas=10 >/dev/null || fail "kubectl scale"
sleep 18
kill -0 "$HF_AGENT_PID" || fail "the agent has ended"
equal "incidents while cut" "$(incidents_after "$before")" 0
began=$EPOCHREALTIME
kill -USR2 "$HF_PROXY_PID"
wait_for 30 "corrected after the line is back" incident_ended "$before" Deployment trade-service corrected
took=$(since "$began")
note "corrected $took ms after the line was back"
[ "$took" -le 10000 ] || fail "corrected only $took ms after the line was back"
sleep 2
equal "incidents" "$(incidents_after "$before")" 1
equal "corrections" "$(sql "select count(*) from events where id > $before and type = 'correction.confirmed'")" 1
equal "replicas" "$(kc -n "$HF_NS" get deployment/trade-service -o 'jsonpath={.spec.replicas}')" 3
equal "the loss and the return are recorded" \
  "$(sql "select count(distinct type) from events where id > $before and type in ('cluster.lost', 'cluster.found')")" 2
wait_for 10 "ready again" agent_ready
