# Changes that detectors miss: a defaulted field that the unit leaves out set by hand, paused, suspended, scaled to nothing, a Secret's value, a
# change under our own name, one that was made and taken back, one made while the agent was down, a new object of the same content.
# limit: 240
unit_base
unit 10-workload.yaml <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: "@NS@", labels: {app: web, layer: front}, annotations: {example.com/owner: carol}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: example.com/web:1
        env: [{name: A, value: a}]
        ports: [{name: http, containerPort: 8080, protocol: TCP}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: paused, namespace: "@NS@", labels: {app: paused}}
spec:
  replicas: 1
  paused: false
  selector: {matchLabels: {app: paused}}
  template:
    metadata: {labels: {app: paused}}
    spec: {containers: [{name: paused, image: "example.com/paused:1"}]}
---
apiVersion: batch/v1beta1
kind: CronJob
metadata: {name: nightly, namespace: "@NS@"}
spec:
  schedule: "0 4 31 2 *"
  suspend: false
  jobTemplate:
    spec:
      template:
        spec: {restartPolicy: OnFailure, containers: [{name: nightly, image: "example.com/nightly:1"}]}
YAML
unit 20-config.yaml <<'YAML'
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: "@NS@"}
data: {mode: safe}
---
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: "@NS@"}
stringData: {key: "@CANARY@"}
YAML
count=$(cat "$HF_WORK"/units/*.yaml | grep -c '^kind: ')
held "$count"

# missed WHAT OBJECT KIND PATH MANAGER COMMAND…: the change is put back and the object is as before.
missed() {
  local what=$1 object=$2 kind=$3 path=$4 manager=$5 was before incident
  shift 5
  was=$(bare "$object")
  before=$(last_event)
  "$@" >"$HF_WORK/kubectl.out" 2>&1 || fail "$what: $*: $(cat "$HF_WORK/kubectl.out")"
  wait_for 15 "$what: put back and recorded" incident_ended "$before" "$kind" "${object#*/}" corrected
  equal "$what: the object after it" "$(bare "$object")" "$was"
  equal "$what: incidents" "$(incidents_after "$before")" 1
  incident=$(incident_of "$before" "$kind" "${object#*/}")
  matches "$what: path" "$(sql "select group_concat(readable, ' ') from v_findings where incident = '$incident'")" "$path"
  matches "$what: who" "$(sql "select coalesce(manager, '') from v_incidents where incident = '$incident'")" "^($manager)\$"
}
edit() { # object, sed expression: what a person does in an editor
  KUBE_EDITOR="sed -i -e '$2'" kc -n "$HF_NS" edit "$1"
}
nk() { kc -n "$HF_NS" "$@"; }
container='- name: web'
# The server adds hostPort to each container port by itself then: that has to go too.
missed "hostNetwork by kubectl edit" deployment/web Deployment 'spec\.template\.spec\.hostNetwork' kubectl-edit \
  edit deployment/web 's/^      restartPolicy: Always/      hostNetwork: true\n&/'
missed "privileged by kubectl edit" deployment/web Deployment 'containers\[name=web\]\.securityContext' kubectl-edit \
  edit deployment/web 's/^        imagePullPolicy: .*/&\n        securityContext:\n          privileged: true/'
missed "hostPID by a patch" deployment/web Deployment 'hostPID' mallory \
  nk patch deployment/web --type=merge --field-manager=mallory -p '{"spec":{"template":{"spec":{"hostPID":true}}}}'
missed "replicas 0 through the scale subresource" deployment/web Deployment '^spec\.replicas$' '|kubectl.*' nk scale deployment/web --replicas=0
missed "paused" deployment/paused Deployment '^spec\.paused$' 'kubectl.*' nk rollout pause deployment/paused
missed "suspended" cronjob/nightly CronJob '^spec\.suspend$' 'mallory' \
  nk patch cronjob/nightly --type=merge --field-manager=mallory -p '{"spec":{"suspend":true}}'
missed "a label of the unit removed" deployment/web Deployment 'metadata\.labels' '|kubectl.*' nk label deployment/web layer-
missed "an annotation of the unit removed" deployment/web Deployment 'metadata\.annotations' '|kubectl.*' nk annotate deployment/web example.com/owner-
missed "a Secret's value" secret/keys Secret '^data\.key$' mallory \
  nk patch secret/keys --type=merge --field-manager=mallory -p "{\"stringData\":{\"key\":\"$HF_CANARY-2\"}}"
missed "a Secret's key removed" secret/keys Secret '^data(\.key)?$' '|mallory' \
  nk patch secret/keys --type=json --field-manager=mallory -p '[{"op":"remove","path":"/data/key"}]'
missed "a change under our own name" deployment/web Deployment 'containers\[name=web\]\.image' confighub \
  nk patch deployment/web --field-manager=confighub -p '{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"example.com/web:evil"}]}}}}'
sed 's|example.com/web:1|example.com/web:evil|' "$HF_WORK/units/10-workload.yaml" >"$HF_WORK/evil.yaml"
missed "an apply under our own name" deployment/web Deployment 'containers\[name=web\]\.image' '|confighub' \
  nk apply --server-side --validate=false --field-manager=confighub -f "$HF_WORK/evil.yaml"
sed 's|env: .*||' "$HF_WORK/units/10-workload.yaml" >"$HF_WORK/less.yaml"
missed "an apply of less under our own name" deployment/web Deployment 'containers\[name=web\]\.env' '|confighub' \
  nk apply --server-side --validate=false --field-manager=confighub -f "$HF_WORK/less.yaml"

# The same content in a new object, between two looks of the agent.
before=$(last_event)
uid=$(field configmap/settings '{.metadata.uid}')
kill -STOP "$HF_AGENT_PID"
nk delete configmap/settings >/dev/null
units_apply "$HF_WORK/units/20-config.yaml" || fail "kubectl apply"
kill -CONT "$HF_AGENT_PID"
told() { [ "$(sql "select count(*) from events where id > $before and kind = 'ConfigMap' and name = 'settings' and type = '$1'")" -ge 1 ]; }
recreated() { told object.recreated || incident_ended "$before" ConfigMap settings corrected || incident_ended "$before" ConfigMap settings healed; }
wait_for 15 "a new object of the same content is recorded" recreated
wait_for 10 "all in sync" all_in_sync "$count"
[ "$(field configmap/settings '{.metadata.uid}')" != "$uid" ] || fail "still the old object: nothing was tested"

# While the agent is down: an image, and an object that is made anew.
sleep 1
before=$(last_event)
agent_stop
drifted=$EPOCHSECONDS
nk patch deployment/web --field-manager=mallory -p '{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"example.com/web:evil"}]}}}}' >/dev/null
nk delete configmap/settings >/dev/null
units_apply "$HF_WORK/units/20-config.yaml" || fail "kubectl apply"
sleep 2
agent_start || fail "the agent does not start again"
wait_for 20 "the image put back" incident_ended "$before" Deployment web corrected
equal "who, while the agent was down" "$(sql "select manager from v_incidents where first_id > $before and name = 'web'")" mallory
equal "drifted at, by the cluster's own time" \
  "$(sql "select round((julianday(drifted_at) - 2440587.5) * 86400) between $drifted - 1 and $drifted + 1 from v_incidents where first_id > $before and name = 'web'")" 1
wait_for 10 "a new object of the same content is recorded at the start" told object.recreated
wait_for 10 "all in sync" all_in_sync "$count"
agent_stop

# Made and taken back before anybody polled: with an agent that only observes, so that it is not the agent who does it.
HF_CORRECTION=observe agent_up "$HF_WORK/units"
wait_for 10 "all in sync" all_in_sync "$count"
before=$(last_event)
for value in debug safe; do nk patch configmap/settings --type=merge --field-manager=mallory -p "{\"data\":{\"mode\":\"$value\"}}" >/dev/null; done
wait_for 10 "a change that was taken back at once" incident_ended "$before" ConfigMap settings healed
equal "who made it" "$(sql "select manager from v_incidents where first_id > $before")" mallory
