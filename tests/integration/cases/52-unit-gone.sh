# A unit's file is removed, then the whole folder: what it held stays in the cluster, and the agent goes on.
units_copy "$HF_WORK/units" "$HF_NS"
units_apply "$HF_WORK/units" || fail "kubectl apply: $(tail -n 3 "$HF_WORK/kubectl-apply.out")"
agent_up "$HF_WORK/units"
wait_for 20 "18 objects in sync" all_in_sync 18
before=$(last_event)
rm "$HF_WORK/units/80-web-gui-deployment.yaml"
gone() { [ "$(sql "select count(*) from events where id > $before and type = 'unit.gone'")" = 1 ]; }
wait_for 10 "the unit's end is recorded" gone
sleep 1
kc -n "$HF_NS" get deployment/web-gui >/dev/null || fail "the unit's object was deleted"
mv "$HF_WORK/units" "$HF_WORK/elsewhere"
sleep 3
equal "units ended by a folder that can't be read" "$(sql "select count(*) from events where id > $before and type = 'unit.gone'")" 1
kill -0 "$HF_AGENT_PID" || fail "the agent has ended"
equal "objects in the cluster" "$(kc -n "$HF_NS" get deployments,services,ingresses -o name | wc -l)" 16
mv "$HF_WORK/elsewhere" "$HF_WORK/units"
kc -n "$HF_NS" scale deployment/trade-feed --replicas=5 >/dev/null
wait_for 45 "the agent goes on" incident_ended "$before" Deployment trade-feed corrected
