# What a unit's next revision no longer sets disappears from live, and nobody is left who owns fields and is not there any more: whoever made
# the object first, by whatever means.
# limit: 240
unit_base
revision_1() { # name
  cat <<YAML
apiVersion: apps/v1
kind: Deployment
metadata:
  name: $1
  namespace: "@NS@"
  labels: {app: $1, tier: old}
  annotations: {example.com/old: "yes", example.com/owner: carol}
spec:
  replicas: 2
  minReadySeconds: 7
  selector: {matchLabels: {app: $1}}
  template:
    metadata: {labels: {app: $1}}
    spec:
      containers:
      - name: $1
        image: example.com/web:1
        args: [--old]
        env: [{name: A, value: a}, {name: OLD, value: "1"}]
        resources: {requests: {cpu: 100m}, limits: {memory: 64Mi}}
        readinessProbe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 3, initialDelaySeconds: 9}
      - {name: sidecar, image: "example.com/sidecar:1"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: $1, namespace: "@NS@"}
data: {keep: "1", old: "1"}
YAML
}
revision_2() { # name: without all that is old, and one field changed
  cat <<YAML
apiVersion: apps/v1
kind: Deployment
metadata:
  name: $1
  namespace: "@NS@"
  labels: {app: $1}
  annotations: {example.com/owner: carol}
spec:
  replicas: 2
  selector: {matchLabels: {app: $1}}
  template:
    metadata: {labels: {app: $1}}
    spec:
      containers:
      - name: $1
        image: example.com/web:2
        env: [{name: A, value: a}]
        resources: {requests: {cpu: 100m}}
        readinessProbe: {httpGet: {path: /ready, port: 8080}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: $1, namespace: "@NS@"}
data: {keep: "2"}
YAML
}
names=(applied client created edited)
# Who made an object before it was the unit's stays beside it in managedFields, and keeps nothing alive by that.
declare -A makers=([applied]=none [edited]=none [client]='kubectl-client-side-apply Update' [created]='kubectl-create Update')
for name in "${names[@]}"; do revision_1 "$name" | unit "20-$name.yaml"; done
units_apply "$HF_WORK/units/00-namespace.yaml" || fail "kubectl apply"
# `applied` is made by an apply as confighub; `client` by a client-side apply, `created` by kubectl create, and both then taken over by an apply as
# confighub; `edited` is as `applied`, and a person has put in what the next revision drops.
kc apply --validate=false -f "$HF_WORK/units/20-client.yaml" >"$HF_WORK/kubectl.out" 2>&1 || fail "kubectl apply: $(cat "$HF_WORK/kubectl.out")"
kc create --validate=false -f "$HF_WORK/units/20-created.yaml" >"$HF_WORK/kubectl.out" 2>&1 || fail "kubectl create: $(cat "$HF_WORK/kubectl.out")"
held $((2 + 2 * ${#names[@]}))

olds() { # name: what is left of what revision 2 has no more
  kc -n "$HF_NS" get "deployment/$1" "configmap/$1" -o \
    'jsonpath={.items[0].metadata.labels.tier} {.items[0].metadata.annotations.example\.com/old} {.items[0].spec.minReadySeconds} {.items[0].spec.template.spec.containers[0].args} {.items[0].spec.template.spec.containers[0].env[?(@.name=="OLD")].value} {.items[0].spec.template.spec.containers[0].resources.limits} {.items[0].spec.template.spec.containers[0].readinessProbe.initialDelaySeconds} {.items[0].spec.template.spec.containers[?(@.name=="sidecar")].name} {.items[1].data.old}' |
    tr -s ' ' | sed 's/^ //; s/ $//'
}
for name in "${names[@]}"; do
  matches "what revision 1 of $name sets" "$(olds "$name")" '^old yes 7 .*--old.* 1 .*64Mi.* 9 sidecar 1$'
done
# Nobody but who applies the units and the controllers, which write the status and notes of their own, may be left with a claim.
owners() { # kind/name: the managers with a claim below f:spec or f:data, or of a label
  kc -n "$HF_NS" get "$1" -o json >"$HF_WORK/owners.json" || return 1
  sqlite3 :memory: "select group_concat(json_extract(value, '$.manager') || ' ' || json_extract(value, '$.operation'), ', ')
    from json_each(readfile('$HF_WORK/owners.json'), '$.metadata.managedFields')
    where json_extract(value, '$.fieldsV1.\"f:spec\"') is not null or json_extract(value, '$.fieldsV1.\"f:data\"') is not null or
      json_extract(value, '$.fieldsV1.\"f:metadata\".\"f:labels\"') is not null or json_extract(value, '$.fieldsV1.\"f:metadata\".\"f:annotations\".\"f:example.com/old\"') is not null"
}

before=$(last_event)
for name in "${names[@]}"; do revision_2 "$name" | unit "20-$name.yaml"; done
for name in applied client created edited; do
  for object in deployment configmap; do
    settled() { [ -z "$(olds "$name")" ] && [ "$(field "configmap/$name" '{.data.keep}')" = 2 ]; }
    wait_for 15 "$object $name: what the new revision has no more is gone (left: $(olds "$name"))" settled
  done
  [ -z "$(olds "$name")" ] || fail "$name: left of what revision 2 has no more: $(olds "$name")"
  for object in deployment configmap; do
    # What holdfast took over on the way it gives up in a write of its own, after the values are right.
    no_guest() { [[ "$(owners "$object/$name")" != *holdfast* ]]; }
    wait_for 5 "$object $name: holdfast owns nothing" no_guest
    matches "$object $name: who owns its fields" "$(owners "$object/$name")" "^confighub Apply(, ${makers[$name]})?\$"
  done
done
wait_for 20 "all in sync" all_in_sync $((2 + 2 * ${#names[@]}))
