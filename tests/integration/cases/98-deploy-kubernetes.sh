# deploy/kubernetes on a real API server: the manifests are taken, the config in them is valid, and the rights of rbac.yaml are enough to hold what units name.
# clusters: real
# alone: yes
HF_ALSO=(namespace/holdfast clusterrole/holdfast-holds clusterrole/holdfast-cluster clusterrolebinding/holdfast-cluster)
kc create namespace "$HF_NS" >/dev/null || fail "kubectl create namespace"
sed "s/traderx-dev/$HF_NS/" "$HF_TOP/deploy/kubernetes/rbac.yaml" >"$HF_WORK/rbac.yaml"
kc apply -f "$HF_WORK/rbac.yaml" >"$HF_WORK/rbac.out" 2>&1 || fail "rbac.yaml: $(cat "$HF_WORK/rbac.out")"
kc apply --dry-run=server -f "$HF_TOP/deploy/kubernetes/holdfast.yaml" >"$HF_WORK/deploy.out" 2>&1 || fail "holdfast.yaml: $(cat "$HF_WORK/deploy.out")"
equal "objects taken" "$(grep -c 'server dry run' "$HF_WORK/deploy.out")" 4

# The config as it stands in the ConfigMap, with the paths of a Pod led to this machine's.
kc create --dry-run=client -f "$HF_TOP/deploy/kubernetes/holdfast.yaml" -o 'jsonpath={.data.holdfast\.yaml}' >"$HF_WORK/shipped.yaml" || fail "no config in holdfast.yaml"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$HF_WORK/tls.key" -out "$HF_WORK/tls.crt" -days 2 -subj /CN=holdfast.holdfast.svc -addext "subjectAltName=DNS:holdfast.holdfast.svc,IP:127.0.0.1" 2>"$HF_WORK/openssl.log" || fail "openssl"
"$HF_BIN/holdfast" token new --name prometheus --role viewer >"$HF_WORK/token.new" 2>&1 || fail "holdfast token new"
(umask 077 && grep -o '{.*}' "$HF_WORK/token.new" | sed 's/^/- /' >"$HF_WORK/tokens" && grep -oE 'holdfast_[A-Za-z0-9_-]+' "$HF_WORK/token.new" | head -n 1 | sed 's/^/Authorization: Bearer /' >"$HF_WORK/token.header")
kc config view --minify --flatten --raw >"$HF_WORK/account"
user=$(kc config view --minify -o 'jsonpath={.users[0].name}')
sed -i "/^- name: $user\$/,/^- / s/^  user:\$/  user:\n    as: system:serviceaccount:holdfast:holdfast/" "$HF_WORK/account"
grep -q 'as: system:serviceaccount' "$HF_WORK/account" || fail "the kubeconfig does not act as the ServiceAccount: $(sed 's/token: .*/token: …/' "$HF_WORK/account")"
units_copy "$HF_WORK/units" "$HF_NS"
HF_CONFIG=$HF_WORK/holdfast.yaml HF_DB=$HF_WORK/holdfast.db
sed "s|/var/lib/holdfast/holdfast.db|$HF_DB|; s|0.0.0.0:8484|127.0.0.1:0|; s|/etc/holdfast/tokens/tokens|$HF_WORK/tokens|; s|/etc/holdfast/tls/|$HF_WORK/|g; s|in_cluster: true|kubeconfig: $HF_WORK/account|; s|/units|$HF_WORK/units|" \
  "$HF_WORK/shipped.yaml" >"$HF_CONFIG"
"$HF_BIN/holdfast" validate "$HF_CONFIG" >"$HF_WORK/validate.out" 2>&1 || fail "the config in holdfast.yaml: $(cat "$HF_WORK/validate.out")"

# With these rights all is created, held, and made again.
agent_started() { "$HF_BIN/holdfast" run --config "$HF_CONFIG" >"$HF_WORK/agent.out" 2>"$HF_WORK/agent.log" & HF_AGENT_PID=$!; HF_STARTED+=("$HF_AGENT_PID"); }
agent_started
wait_for 30 "18 objects are created and in sync" all_in_sync 18
before=$(last_event)
kc -n "$HF_NS" label deployment/web-gui layer=wrong --overwrite >/dev/null || fail "kubectl label"
wait_for 15 "a drift is put back" incident_ended "$before" Deployment web-gui corrected
before=$(last_event)
kc -n "$HF_NS" delete service/trade-service --wait=false >/dev/null || fail "kubectl delete"
wait_for 15 "what was deleted is made again" incident_ended "$before" Service trade-service corrected
equal "corrections that failed" "$(sql "select count(*) from events where type in ('correction.failed', 'correction.blocked')")" 0
# As the probes and a scraper ask.
HF_URL=$(sed -n 's|.*listening.*address="\{0,1\}\(https://[0-9.:]*\).*|\1|p' "$HF_WORK/agent.log" | tail -n 1)
equal "/livez" "$(curl -s -m 5 --cacert "$HF_WORK/tls.crt" "$HF_URL/livez")" ok
equal "/readyz" "$(curl -s -m 5 --cacert "$HF_WORK/tls.crt" -o /dev/null -w '%{http_code}' "$HF_URL/readyz")" 200
equal "/metrics without a token" "$(curl -s -m 5 --cacert "$HF_WORK/tls.crt" -o /dev/null -w '%{http_code}' "$HF_URL/metrics")" 401
equal "/metrics with a viewer's" "$(curl -s -m 5 --cacert "$HF_WORK/tls.crt" -H @"$HF_WORK/token.header" -o /dev/null -w '%{http_code}' "$HF_URL/metrics")" 200

# Nothing that is not needed: rights on other kinds it has none.
for denied in "get secrets" "list pods" "delete deployments" "update deployments" "create pods" "patch clusterroles"; do
  # shellcheck disable=SC2086
  equal "may it $denied" "$(kc -n "$HF_NS" auth can-i $denied --as=system:serviceaccount:holdfast:holdfast 2>/dev/null)" no
done
