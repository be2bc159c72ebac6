# SIGHUP reads the config again: a good one is taken, a wrong one is refused with its place and the old one stays.
units_copy "$HF_WORK/units" "$HF_NS"
units_apply "$HF_WORK/units" || fail "kubectl apply: $(tail -n 3 "$HF_WORK/kubectl-apply.out")"
HF_CORRECTION=observe agent_up "$HF_WORK/units"
wait_for 20 "18 objects in sync" all_in_sync 18
before=$(last_event)
told() { [ "$(sql "select count(*) from events where id > $before and type = '$1'")" -ge 1 ]; }
cp "$HF_CONFIG" "$HF_WORK/good"
sed -i 's/correction: observe/correction: sometimes/' "$HF_CONFIG"
kill -HUP "$HF_AGENT_PID"
wait_for 5 "the wrong config is refused" told config.refused
matches "with its place" "$(sql "select message from events where type = 'config.refused' and id > $before")" 'sometimes'
kc -n "$HF_NS" label deployment/web-gui layer=wrong --overwrite >/dev/null
open() { [ "$(sql "select count(*) from v_open where name = 'web-gui'")" = 1 ]; }
wait_for 10 "the agent goes on with the old one" open
sed 's/correction: observe/correction: auto/' "$HF_WORK/good" >"$HF_CONFIG"
kill -HUP "$HF_AGENT_PID"
wait_for 5 "the good config is taken" told config.reloaded
equal "the record tells the digests of both" "$(sql "select count(distinct json_extract(detail, '$.config')) from events where type in ('agent.started', 'config.reloaded')")" 2
wait_for 15 "what drifted before is put back now" incident_ended "$before" Deployment web-gui corrected
