# clusters: real
# limit: 240
# An API server that posts its audit events: the drift's record is completed with the user, the groups, the user agent and the address, where
# managedFields know only a manager, or nobody: a change by another user's certificate, one by a service account's name, a removal, a scale, a
# deletion. What holdfast writes itself is nobody's drift. A wrong token is refused.
port=$((20000 + RANDOM % 20000))
while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
umask 077
openssl rand -hex 20 >"$HF_WORK/audit.token"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=holdfast-audit -addext subjectAltName=IP:127.0.0.1 \
  -keyout "$HF_WORK/audit.key" -out "$HF_WORK/audit.crt" 2>/dev/null || fail "openssl req"
HF_CLUSTERS+=("$HF_WORK/own")
HF_KUBECONFIG=$("$HF_TOP/tests/cluster/up" "$HF_WORK/own" --while $$ --audit-webhook "https://127.0.0.1:$port/audit/v1/dev" \
  --audit-token "$HF_WORK/audit.token" --audit-ca "$HF_WORK/audit.crt" --audit-level RequestResponse 2>"$HF_WORK/own.log") || fail "the cluster does not start: $(tail -n 5 "$HF_WORK/own.log")"
unit_base
unit 10-config.yaml <<'YAML'
apiVersion: v1
kind: ConfigMap
metadata: {name: by-carol, namespace: "@NS@"}
data: {mode: safe, level: low}
YAML
unit 11-config.yaml <<'YAML'
apiVersion: v1
kind: ConfigMap
metadata: {name: by-robot, namespace: "@NS@"}
data: {mode: safe}
YAML
unit 12-service.yaml <<'YAML'
apiVersion: v1
kind: Service
metadata: {name: deleted, namespace: "@NS@"}
spec: {selector: {app: a}, ports: [{port: 80, protocol: TCP}]}
YAML
unit 13-deployment.yaml <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata: {name: scaled, namespace: "@NS@"}
spec:
  replicas: 2
  selector: {matchLabels: {app: scaled}}
  template:
    metadata: {labels: {app: scaled}}
    spec: {containers: [{name: scaled, image: "example.com/scaled:1"}]}
YAML
unit 14-config.yaml <<'YAML'
apiVersion: v1
kind: ConfigMap
metadata: {name: removed-from, namespace: "@NS@"}
data: {mode: safe, level: low}
YAML
units_apply "$HF_WORK/units" || fail "kubectl apply: $(tail -n 3 "$HF_WORK/kubectl-apply.out")"
agent_config "$HF_WORK/units"
sed -i "s|^listen: .*|&\naudit_listener: {listen: 127.0.0.1:$port, cert_file: $HF_WORK/audit.crt, key_file: $HF_WORK/audit.key}|; s|^  correction: |  audit_webhook: {token_file: $HF_WORK/audit.token}\n&|" "$HF_CONFIG"
agent_start || fail "the agent does not start"
wait_for 20 "7 objects in sync" all_in_sync 7
# Who is who: KIND NAME → the user that the trail names for its last drift, and how it was joined.
who() { sql "select json_extract(detail, '\$.who.user') || ' ' || json_extract(detail, '\$.who.how') from events where kind = '$1' and name = '$2' and json_extract(detail, '\$.who.user') is not null order by id desc limit 1"; }
is_told() { [ "$(who "$1" "$2")" = "$3" ]; }
expect_who() { # kind, name, "user how"
  holds_within 15 is_told "$1" "$2" "$3" || fail "who did it to $1 $2: found \"$(who "$1" "$2")\", wanted \"$3\""
}
before=$(last_event)
kc --context certificate -n "$HF_NS" patch configmap/by-carol --type=merge -p '{"data":{"mode":"loose"}}' >/dev/null || fail "patch by carol"
kc --as system:serviceaccount:ci:deployer -n "$HF_NS" get configmap >/dev/null 2>&1
kc --as robot --as-group system:masters -n "$HF_NS" patch configmap/by-robot --type=merge --field-manager=robot -p '{"data":{"mode":"loose"}}' >/dev/null || fail "patch as robot"
kc --context certificate -n "$HF_NS" patch configmap/removed-from --type=json -p '[{"op":"remove","path":"/data/level"}]' >/dev/null || fail "remove by carol"
kc --context certificate -n "$HF_NS" scale deployment/scaled --replicas=5 >/dev/null || fail "scale by carol"
kc --context certificate -n "$HF_NS" delete service/deleted --wait=false >/dev/null || fail "delete by carol"
for object in "ConfigMap by-carol" "ConfigMap by-robot" "ConfigMap removed-from" "Deployment scaled" "Service deleted"; do
  wait_for 15 "$object put back" incident_ended "$before" ${object% *} ${object#* } corrected
done
expect_who ConfigMap by-carol "carol resourceVersion"
expect_who ConfigMap removed-from "carol resourceVersion"
expect_who ConfigMap by-robot "admin resourceVersion"
expect_who Deployment scaled "carol resourceVersion"
expect_who Service deleted "carol time"
matches "the words of it" "$(sql "select message from events where type = 'drift.attributed' and name = 'by-carol'")" 'done by carol via kubectl[a-z-]* from 127\.0\.0\.1'
matches "whom it was done as" "$(sql "select message from events where type = 'drift.attributed' and name = 'by-robot'")" 'done by admin as robot via robot from'
equal "groups" "$(sql "select json_extract(detail, '\$.who.groups[0]') from events where type = 'drift.attributed' and name = 'by-carol'")" system:masters
equal "it belongs to the drift's incident" "$(sql "select count(*) from events a join events d on a.incident = d.incident where a.type = 'drift.attributed' and d.type = 'drift.seen' and a.name = d.name")" 5
sleep 1.5
equal "each is told once" "$(sql "select count(*) from events where type = 'drift.attributed'")" 5
# Nobody may post without the token, and nothing is told by what is refused.
event="{\"kind\":\"EventList\",\"apiVersion\":\"audit.k8s.io/v1\",\"items\":[]}"
refused() { curl -s -o /dev/null -w '%{http_code}' -m 5 -H 'Content-Type: application/json' --cacert "$HF_WORK/audit.crt" "$@" "$url/audit/v1/dev"; }
url=https://127.0.0.1:$port
equal "no token" "$(refused -d "$event")" 401
equal "a wrong token" "$(refused -H 'Authorization: Bearer wrong' -d "$event")" 401
equal "the right one" "$(refused -H "Authorization: Bearer $(cat "$HF_WORK/audit.token")" -d "$event")" 200
equal "anything else of the dashboard" "$(curl -s -o /dev/null -w '%{http_code}' --cacert "$HF_WORK/audit.crt" "$url/api/v1/objects")" 404
url=$HF_URL
equal "on loopback, without TLS" "$(refused -H "Authorization: Bearer $(cat "$HF_WORK/audit.token")" -d "$event")" 200
equal "no list" "$(refused -H "Authorization: Bearer $(cat "$HF_WORK/audit.token")" -d '{"kind":"List"}')" 400
grep -qF "$(cat "$HF_WORK/audit.token")" "$HF_WORK"/*.log "$HF_DB" && fail "the token is in the log or the trail"
agent_stop
"$HF_BIN/holdfast" audit verify --database "$HF_DB" >/dev/null || fail "the chain does not verify"
