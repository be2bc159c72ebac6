# What another manager adds where the shipped rules are strict is found, attributed and taken away, and nothing else of the object is touched.
# limit: 240
unit_base
unit 10-workload.yaml <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: "@NS@", labels: {app: web}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      initContainers: [{name: prepare, image: "example.com/prepare:1"}]
      containers:
      - name: web
        image: example.com/web:1
        env: [{name: A, value: a}]
        ports: [{name: http, containerPort: 8080, protocol: TCP}]
        volumeMounts: [{name: scratch, mountPath: /scratch}]
      volumes: [{name: scratch, emptyDir: {}}]
---
apiVersion: batch/v1beta1
kind: CronJob
metadata: {name: nightly, namespace: "@NS@"}
spec:
  schedule: "0 4 31 2 *"
  jobTemplate:
    spec:
      template:
        spec: {restartPolicy: OnFailure, containers: [{name: nightly, image: "example.com/nightly:1"}]}
YAML
unit 20-access.yaml <<'YAML'
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: "@NS@"}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: readers, namespace: "@NS@"}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: carol}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: nothing, namespace: "@NS@", labels: {app: web}}
YAML
unit 30-network.yaml <<'YAML'
apiVersion: v1
kind: Service
metadata: {name: web, namespace: "@NS@"}
spec: {selector: {app: web}, ports: [{name: http, port: 80, protocol: TCP, targetPort: http}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: "@NS@"}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress]
  ingress: [{from: [{podSelector: {matchLabels: {app: front}}}], ports: [{port: 8080, protocol: TCP}]}]
YAML
unit 40-config.yaml <<'YAML'
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: "@NS@"}
data: {mode: safe}
---
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: "@NS@"}
type: Opaque
data: {key: @CANARY64@}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: without, namespace: "@NS@", labels: {app: web}}
YAML
count=$(cat "$HF_WORK"/units/*.yaml | grep -c '^kind: ')
held "$count"
slowest=0 tried=0

# added WHAT OBJECT KIND PATH BODY [TYPE]: mallory sends BODY; what comes of it is taken away and recorded. PATH: what a finding's readable
# path must be like.
added() {
  local what=$1 object=$2 kind=$3 path=$4 body=$5 type=${6:-json} before was took began incident
  # Somebody else's note and an ignored annotation are to stay as they are.
  kc -n "$HF_NS" annotate "$object" "example.com/note-$tried=carol" >/dev/null || fail "$what: kubectl annotate"
  was=$(bare "$object")
  before=$(last_event)
  began=$EPOCHREALTIME
  kc -n "$HF_NS" patch "$object" --field-manager=mallory --type="$type" -p "$body" >"$HF_WORK/kubectl.out" 2>&1 || fail "$what: kubectl patch: $(cat "$HF_WORK/kubectl.out")"
  wait_for 15 "$what: taken away and recorded" incident_ended "$before" "$kind" "${object#*/}" corrected
  took=$(since "$began")
  [ "$took" -le $slowest ] || slowest=$took
  equal "$what: the object after it" "$(bare "$object")" "$was"
  equal "$what: incidents" "$(incidents_after "$before")" 1
  incident=$(incident_of "$before" "$kind" "${object#*/}")
  matches "$what: path" "$(sql "select group_concat(readable, ' ') from v_findings where incident = '$incident'")" "$path"
  equal "$what: who" "$(sql "select manager || ' ' || operation from v_incidents where incident = '$incident'")" "mallory Update"
  equal "$what: classes" "$(sql "select count(*) from v_findings where incident = '$incident' and class not in ('added', 'changed')")" 0
  tried=$((tried + 1))
}
pod='{"spec":{"template":{"spec":'
added "a container" deployment/web Deployment 'containers\[name=miner\]' "$pod{\"containers\":[{\"name\":\"miner\",\"image\":\"example.com/miner:1\"}]}}}}" strategic
added "an init container" deployment/web Deployment 'initContainers\[name=miner\]' \
  "$pod{\"initContainers\":[{\"name\":\"miner\",\"image\":\"example.com/miner:1\"}]}}}}" strategic
added "an env entry" deployment/web Deployment 'containers\[name=web\]\.env\[name=LD_PRELOAD\]' \
  "$pod{\"containers\":[{\"name\":\"web\",\"env\":[{\"name\":\"LD_PRELOAD\",\"value\":\"/tmp/x.so\"}]}]}}}}" strategic
added "an env entry in front" deployment/web Deployment 'containers\[name=web\]\.env\[name=FIRST\]' \
  '[{"op":"add","path":"/spec/template/spec/containers/0/env/0","value":{"name":"FIRST","value":"x"}}]'
added "a container port" deployment/web Deployment 'containers\[name=web\]\.ports\[.*9999' \
  '[{"op":"add","path":"/spec/template/spec/containers/0/ports/-","value":{"containerPort":9999,"protocol":"TCP"}}]'
added "a volume and its mount" deployment/web Deployment 'volumes\[name=host\]' \
  "$pod{\"containers\":[{\"name\":\"web\",\"volumeMounts\":[{\"name\":\"host\",\"mountPath\":\"/host\"}]}],\"volumes\":[{\"name\":\"host\",\"hostPath\":{\"path\":\"/\"}}]}}}}" strategic
added "a container before the unit's own" cronjob/nightly CronJob 'containers\[name=miner\]' \
  '[{"op":"add","path":"/spec/jobTemplate/spec/template/spec/containers/0","value":{"name":"miner","image":"example.com/miner:1"}}]'
added "a rule of a Role" role/reader Role '^rules' '[{"op":"add","path":"/rules/-","value":{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}}]'
added "a verb of a rule" role/reader Role '^rules' '[{"op":"add","path":"/rules/0/verbs/-","value":"delete"}]'
added "rules of a Role that has none" role/nothing Role '^rules' '[{"op":"add","path":"/rules","value":[{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}]}]'
added "a subject" rolebinding/readers RoleBinding '^subjects' \
  '[{"op":"add","path":"/subjects/-","value":{"apiGroup":"rbac.authorization.k8s.io","kind":"User","name":"mallory"}}]'
added "a port of a Service" service/web Service 'ports\[.*2222' '[{"op":"add","path":"/spec/ports/-","value":{"name":"ssh","port":2222,"protocol":"TCP","targetPort":22}}]'
added "a peer" networkpolicy/web NetworkPolicy '^spec\.ingress' '[{"op":"add","path":"/spec/ingress/0/from/-","value":{"podSelector":{}}}]'
added "a way in" networkpolicy/web NetworkPolicy '^spec\.ingress' '[{"op":"add","path":"/spec/ingress/-","value":{}}]'
added "a key" configmap/settings ConfigMap '^data\.debug' '{"data":{"debug":"on"}}' merge
added "a key beside none" configmap/without ConfigMap '^data' '{"data":{"debug":"on"}}' merge
added "a binary key" configmap/settings ConfigMap '^binaryData' '{"binaryData":{"raw":"AAAA"}}' merge
added "a key of a Secret" secret/keys Secret '^data\.extra' "{\"stringData\":{\"extra\":\"$HF_CANARY-2\"}}" merge
all_in_sync "$count" || fail "not all in sync"

# What a person adds elsewhere is told at most; it stays.
before=$(last_event)
kc -n "$HF_NS" patch deployment/web --type=merge --field-manager=carol -p '{"spec":{"minReadySeconds":7},"metadata":{"labels":{"team":"a"}}}' >/dev/null || fail "kubectl patch"
nothing_put_back() { [ "$(sql "select count(*) from events where id > $before and name = 'web' and type like 'correction.%'")" = 0 ]; }
sleep 2
nothing_put_back || fail "what is only reported was taken away"
equal "a field that is reported" "$(field deployment/web '{.spec.minReadySeconds}')" 7
equal "a label of somebody's" "$(field deployment/web '{.metadata.labels.team}')" a
note "$tried additions, each taken away within $slowest ms, kubectl included"
