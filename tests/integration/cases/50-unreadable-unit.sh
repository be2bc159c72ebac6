# An unreadable unit among good ones: that unit shows unknown with file, line and column; the others go on; nothing is deleted.
units_copy "$HF_WORK/units" "$HF_NS"
units_apply "$HF_WORK/units" || fail "kubectl apply: $(tail -n 3 "$HF_WORK/kubectl-apply.out")"
agent_up "$HF_WORK/units"
wait_for 20 "18 objects in sync" all_in_sync 18
before=$(last_event)
file=$HF_WORK/units/80-web-gui-deployment.yaml
cp "$file" "$HF_WORK/good.yaml"
line=$(($(wc -l <"$file") + 1))
echo 'apiVersion: again/v1' >>"$file"
unknown() { [ "$(sql "select verdict from objects where kind = 'Deployment' and name = 'web-gui'")" = unknown ]; }
wait_for 10 "the unit's object is unknown" unknown
matches "the reason names file and line" "$(sql "select reason from objects where kind = 'Deployment' and name = 'web-gui'")" "80-web-gui-deployment\.yaml.*(line )?$line"
matches "… and the column" "$(sql "select reason from objects where kind = 'Deployment' and name = 'web-gui'")" 'column 1|:1:|:1 '
equal "recorded" "$(sql "select count(*) from events where id > $before and type = 'unit.unreadable'")" 1
matches "the API shows it" "$(api units)" '80-web-gui-deployment\.yaml'
# A drift of its object stays as it is, one of another is put back.
kc -n "$HF_NS" scale deployment/web-gui --replicas=4 >/dev/null
kc -n "$HF_NS" scale deployment/trade-feed --replicas=5 >/dev/null
wait_for 10 "the other units go on" incident_ended "$before" Deployment trade-feed corrected
sleep 2
equal "the unreadable unit's object" "$(kc -n "$HF_NS" get deployment/web-gui -o 'jsonpath={.spec.replicas}')" 4
cp "$HF_WORK/good.yaml" "$file"
wait_for 15 "readable again: its drift is put back" all_in_sync 18
equal "replicas" "$(kc -n "$HF_NS" get deployment/web-gui -o 'jsonpath={.spec.replicas}')" 1
equal "recorded as readable" "$(sql "select count(*) from events where id > $before and type = 'unit.readable'")" 1
