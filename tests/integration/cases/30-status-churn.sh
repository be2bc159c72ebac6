# Status is written all the time and nobody's unit speaks of it: no event at all. 30 s, with HF_LONG five minutes.
# clusters: real
# limit: 420
units_copy "$HF_WORK/units" "$HF_NS"
units_apply "$HF_WORK/units" || fail "kubectl apply: $(tail -n 3 "$HF_WORK/kubectl-apply.out")"
agent_up "$HF_WORK/units"
wait_for 20 "18 objects in sync" all_in_sync 18
sleep 2
before=$(last_event)
server=$(kc config view --minify -o 'jsonpath={.clusters[0].cluster.server}')
ca=$(kc config view --minify -o 'jsonpath={.clusters[0].cluster.certificate-authority}')
kc config view --minify --raw -o 'jsonpath=Authorization: Bearer {.users[0].user.token}' >"$HF_WORK/header"
status_of() { # deployment, ready: what the kubelets' and the controllers' reports amount to
  curl -sf -m 5 --cacert "$ca" -H @"$HF_WORK/header" -H 'Content-Type: application/merge-patch+json' -X PATCH -o /dev/null \
    -d "{\"status\":{\"readyReplicas\":$2,\"availableReplicas\":$2,\"conditions\":[{\"type\":\"Available\",\"status\":\"True\",\"reason\":\"Churn$2\",\"lastUpdateTime\":\"2026-01-01T00:00:00Z\",\"lastTransitionTime\":\"2026-01-01T00:00:00Z\"}]}}" \
    "$server/apis/apps/v1/namespaces/$HF_NS/deployments/$1/status"
}
limit=30
[ -z "${HF_LONG:-}" ] || limit=300
writes=0
end=$((SECONDS + limit))
while [ $SECONDS -lt $end ]; do
  for deployment in reference-data people-service account-service position-service trade-service trade-feed; do
    status_of $deployment $((RANDOM % 2)) && writes=$((writes + 1))
  done
  # Pods die and are made anew; what a controller or a person adds beside the unit is not drift.
  kc -n "$HF_NS" delete pod -l app.kubernetes.io/name=web-gui --wait=false >/dev/null 2>&1
  kc -n "$HF_NS" annotate deployment/web-gui "example.com/last-seen=$SECONDS" --overwrite >/dev/null 2>&1
  sleep 0.2
done
[ $writes -ge $limit ] || fail "only $writes status writes in $limit s: nothing was tested"
equal "events in $limit s of status churn" "$(sql "select count(*) from events where id > $before")" 0
wait_for 5 "18 objects in sync" all_in_sync 18
note "$writes status writes in $limit s, no event"
