# Two agents on one database: the second refuses and names the first; the first goes on.
units_copy "$HF_WORK/units" "$HF_NS"
units_apply "$HF_WORK/units" || fail "kubectl apply: $(tail -n 3 "$HF_WORK/kubectl-apply.out")"
agent_up "$HF_WORK/units"
wait_for 20 "18 objects in sync" all_in_sync 18
before=$(last_event)
status=0
timeout 10 "$HF_BIN/holdfast" run --config "$HF_CONFIG" >"$HF_WORK/second.out" 2>"$HF_WORK/second.log" || status=$?
equal "exit of the second" $status 2
matches "the second names the holder" "$(cat "$HF_WORK/second.log")" "$HF_AGENT_PID"
kc -n "$HF_NS" scale deployment/web-gui --replicas=3 >/dev/null
wait_for 10 "the first goes on" incident_ended "$before" Deployment web-gui corrected
# The lock goes with its holder, however that ends.
kill -KILL "$HF_AGENT_PID"
wait "$HF_AGENT_PID" 2>/dev/null
agent_start || fail "no start after the holder was killed"
wait_for 20 "ready again" agent_ready
