# The types come from the best document that the server gives: OpenAPI v3 for each group, else v2, else what is built in. A group whose
# alone: yes
# document fails falls back alone. Whatever serves, what was applied is in sync, and a change is found.
units_copy "$HF_WORK/units" "$HF_NS"
units_apply "$HF_WORK/units" || fail "kubectl apply: $(tail -n 3 "$HF_WORK/kubectl-apply.out")"
sources() { sed -n 's/.*types read.* from="\([^"]*\)".*/\1/p' "$HF_WORK/agent.log" | tail -n 1; }
judged_by() { # what, wanted sources
  local after
  wait_for 20 "in sync by $1" all_in_sync 18
  matches "the sources of $1" "$(sources)" "$2"
  after=$(last_event)
  kc -n "$HF_NS" scale deployment trade-service --replicas=5 >/dev/null || fail "kubectl scale"
  wait_for 15 "a change is put back, judged by $1" incident_ended "$after" Deployment trade-service
  agent_stop
  rm -f "$HF_WORK"/holdfast.db*
  : >"$HF_WORK/agent.log"
}
agent_up "$HF_WORK/units"
if [ "$HF_CLUSTER" = real ]; then
  judged_by "a server of 1.20" '^0 CustomResourceDefinitions, 0 OpenAPI v3 documents, OpenAPI v2$'
  return 0
fi
judged_by "v3" '^0 CustomResourceDefinitions, [3-9] OpenAPI v3 documents$'

fault() { curl -sf -m 5 -H "Authorization: Bearer $(sed -n 's/^ *token: *"\{0,1\}\([^"]*\).*/\1/p' "$HF_KUBECONFIG")" -X "$1" "http://$HF_SERVER/sim/faults" -d "$2" >/dev/null || fail "no fault"; }
for status in 404 200; do
  fault POST "{\"kind\":\"path\",\"seconds\":300,\"path\":\"/openapi/v3/apis/apps/v1\",\"status\":$status}"
  agent_up "$HF_WORK/units"
  matches "who is told" "$(cat "$HF_WORK/agent.log")" 'next best source.*document="?apis/apps/v1'
  judged_by "v2 for one group ($status)" '^0 CustomResourceDefinitions, [2-9] OpenAPI v3 documents, OpenAPI v2$'
done
fault POST '{"kind":"path","seconds":300,"path":"/openapi/v3","status":404}'
agent_up "$HF_WORK/units"
judged_by "v2" '^0 CustomResourceDefinitions, 0 OpenAPI v3 documents, OpenAPI v2$'
for status in 403 404 200; do
  fault POST "{\"kind\":\"path\",\"seconds\":300,\"path\":\"/openapi\",\"status\":$status}"
  agent_up "$HF_WORK/units"
  judged_by "what is built in ($status)" '^0 CustomResourceDefinitions, 0 OpenAPI v3 documents, the built-in extract$'
done
fault DELETE ''
