# One agent serves two targets, one that corrects and one that observes; each has its own units and its own verdicts.
units_copy "$HF_WORK/units" "$HF_NS"
units_copy "$HF_WORK/other" "$HF_NS-b"
units_apply "$HF_WORK/units" && units_apply "$HF_WORK/other" || fail "kubectl apply: $(tail -n 3 "$HF_WORK/kubectl-apply.out")"
agent_config "$HF_WORK/units"
cat >>"$HF_CONFIG" <<END
- name: staging
  kubeconfig: $HF_KUBECONFIG
  correction: observe
  source: {folder: $HF_WORK/other, space: traderx-staging}
END
agent_start || fail "the agent does not start"
wait_for 30 "the agent is ready" agent_ready
wait_for 20 "36 objects in sync" all_in_sync 36
before=$(last_event)
for namespace in "$HF_NS" "$HF_NS-b"; do kc -n "$namespace" label service/web-gui layer=wrong --overwrite >/dev/null; done
corrected() { [ "$(sql "select count(*) from v_incidents where first_id > $before and target = 'dev' and outcome = 'corrected'")" = 1 ]; }
observed() { [ "$(sql "select count(*) from v_open where target = 'staging' and namespace = '$HF_NS-b'")" = 1 ]; }
wait_for 10 "dev is put back" corrected
wait_for 10 "staging is seen" observed
sleep 1
equal "staging's label" "$(kc -n "$HF_NS-b" get service/web-gui -o 'jsonpath={.metadata.labels.layer}')" wrong
kc delete namespace "$HF_NS-b" --wait=false >/dev/null
