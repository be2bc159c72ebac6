# A target in observe mode: drift is recorded and told, nothing is written to the cluster.
units_copy "$HF_WORK/units" "$HF_NS"
units_apply "$HF_WORK/units" || fail "kubectl apply: $(tail -n 3 "$HF_WORK/kubectl-apply.out")"
HF_CORRECTION=observe agent_up "$HF_WORK/units"
wait_for 20 "18 objects in sync" all_in_sync 18
before=$(last_event)
kc -n "$HF_NS" set image deployment/web-gui web-gui=example.com/other:1 >/dev/null || fail "kubectl set image"
open() { [ "$(sql "select count(*) from v_open where kind = 'Deployment' and name = 'web-gui'")" = 1 ]; }
wait_for 10 "the drift is recorded" open
sleep 3
equal "the live image" "$(kc -n "$HF_NS" get deployment/web-gui -o 'jsonpath={.spec.template.spec.containers[0].image}')" example.com/other:1
equal "corrections sent" "$(sql "select count(*) from events where id > $before and type in ('correction.intended', 'correction.sent', 'correction.confirmed')")" 0
kc -n "$HF_NS" set image deployment/web-gui web-gui=ghcr.io/finos/traderx/web-front-end-angular:1.4.2 >/dev/null
wait_for 10 "put back by hand: healed" incident_ended "$before" Deployment web-gui healed
