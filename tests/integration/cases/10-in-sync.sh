# What kubectl has applied is in sync: no drift, no correction, and every page answers.
units_copy "$HF_WORK/units" "$HF_NS"
units_apply "$HF_WORK/units" || fail "kubectl apply: $(tail -n 3 "$HF_WORK/kubectl-apply.out")"
versions() { kc -n "$HF_NS" get deployments,services,ingresses,serviceaccounts -o 'jsonpath={range .items[*]}{.metadata.name} {.metadata.generation} {.metadata.uid}{"\n"}{end}' | sort; }
agent_up "$HF_WORK/units"
before=$(versions)
wait_for 20 "18 objects in sync" all_in_sync 18
sleep 2
equal "drifts" "$(sql "select count(*) from events where type like 'drift.%' or type like 'correction.%' or type like 'object.%' or type like 'rollout.%'")" 0
equal "objects changed by the agent" "$(versions)" "$before"
for path in livez healthz readyz metrics api/v1/summary api/v1/targets api/v1/units api/v1/objects api/v1/events; do
  curl -sf -m 5 "$HF_URL/$path" >"$HF_WORK/answer" || fail "GET /$path: $(curl -s -o /dev/null -w '%{http_code}' "$HF_URL/$path")"
  [ -s "$HF_WORK/answer" ] || fail "GET /$path is empty"
done
for path in api/v1/summary api/v1/targets api/v1/units api/v1/objects api/v1/events; do
  curl -sf -m 5 "$HF_URL/$path" >"$HF_WORK/answer"
  equal "JSON of /$path" "$(sqlite3 :memory: "select json_valid(cast(readfile('$HF_WORK/answer') as text))")" 1
done
matches "the first page" "$(curl -sf "$HF_URL/")" "All is well: 18 objects are as their units say"
matches "the page of units" "$(curl -sf "$HF_URL/units")" "trade-service"
agent_stop
equal "exit after SIGTERM" "$HF_STATUS" 0
