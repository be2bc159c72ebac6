# Objects of other versions than the stored one, custom resources with numbers and strings that only look like quantities and times, units without a
# namespace or with one too many: no event; what does differ there is found by the last digit; what is being deleted is waited for.
# clusters: real
unit_base
unit 10-definition.yaml <<'YAML'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.@NS@.example.com, creationTimestamp: null}
spec:
  group: "@NS@.example.com"
  scope: Namespaced
  names: {kind: Thing, plural: things}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              big: {type: integer, format: int64}
              size: {type: string}
              port: {x-kubernetes-int-or-string: true}
              when: {type: string, format: date-time}
              every: {type: string}
              day: {type: string}
              mode: {type: string, default: safe}
              free: {type: object, x-kubernetes-preserve-unknown-fields: true}
              tags: {type: array, items: {type: string}, x-kubernetes-list-type: set}
              parts:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items: {type: object, required: [name], properties: {name: {type: string}, weight: {type: number, default: 1}}}
status: {acceptedNames: {kind: "", plural: ""}, conditions: [], storedVersions: []}
YAML
units_apply "$HF_WORK/units/10-definition.yaml" || fail "kubectl apply: $(cat "$HF_WORK/kubectl-apply.out")"
unit 20-things.yaml <<'YAML'
apiVersion: "@NS@.example.com/v1"
kind: Thing
metadata: {name: numbers, namespace: "@NS@"}
spec:
  big: 9007199254740993
  size: 1024Mi
  port: "80"
  when: "2026-01-01T00:00:00+00:00"
  every: 60m
  day: "2026-01-01"
  free: {deep: {a: [1, 2.50, 1e3, null, {b: yes}]}, empty: {}}
  tags: [b, a]
  parts: [{name: z}, {name: a, weight: 0.5}]
---
apiVersion: "@NS@.example.com/v1"
kind: Thing
metadata: {name: little, namespace: "@NS@", labels: {a: b}}
spec: {port: 80}
YAML
unit 30-versions.yaml <<'YAML'
apiVersion: networking.k8s.io/v1beta1
kind: Ingress
metadata: {name: old, namespace: "@NS@"}
spec: {rules: [{host: old.example.com, http: {paths: [{path: /, backend: {serviceName: web, servicePort: 80}}]}}]}
---
apiVersion: extensions/v1beta1
kind: Ingress
metadata: {name: oldest, namespace: "@NS@"}
spec: {backend: {serviceName: web, servicePort: http}}
---
apiVersion: rbac.authorization.k8s.io/v1beta1
kind: Role
metadata: {name: old, namespace: "@NS@"}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
---
apiVersion: autoscaling/v2beta2
kind: HorizontalPodAutoscaler
metadata: {name: metrics, namespace: "@NS@"}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: none-such}
  minReplicas: 1
  maxReplicas: 5
  metrics:
  - {type: Resource, resource: {name: memory, target: {type: AverageValue, averageValue: 1024Mi}}}
  - {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}
  - {type: Pods, pods: {metric: {name: requests}, target: {type: AverageValue, averageValue: 1000m}}}
---
apiVersion: storage.k8s.io/v1beta1
kind: StorageClass
metadata: {name: "@NS@"}
provisioner: example.com/none
YAML
unit 40-places.yaml <<'YAML'
apiVersion: v1
kind: ConfigMap
metadata: {name: "@NS@-nowhere"}
data: {a: b}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: "@NS@-somewhere", namespace: "@NS@"}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
YAML
HF_ALSO=("storageclass/$HF_NS" "clusterrole/$HF_NS-somewhere" "customresourcedefinition/things.$HF_NS.example.com")
trap 'kc -n default delete configmap "$HF_NS-nowhere" --ignore-not-found >/dev/null 2>&1; clean_up' EXIT
established() { [ "$(kc get customresourcedefinition "things.$HF_NS.example.com" -o 'jsonpath={.status.conditions[?(@.type=="Established")].status}')" = True ]; }
wait_for 15 "the definition is established" established
served() { raw GET "/apis/$HF_NS.example.com/v1/things"; }
wait_for 15 "its kind is served" served
count=$(cat "$HF_WORK"/units/*.yaml | grep -c '^kind: ')
held "$count"
equal "drifts found at the first judgement" "$(sql "select count(*) from events where type = 'drift.seen'")" 0
before=$(last_event)
for object in "thing.$HF_NS.example.com/numbers" "thing.$HF_NS.example.com/little" ingress/old ingress/oldest role/old horizontalpodautoscaler/metrics "storageclass/$HF_NS" \
  "clusterrole/$HF_NS-somewhere" "customresourcedefinition/things.$HF_NS.example.com"; do
  kc -n "$HF_NS" annotate "$object" example.com/looked-at=today >/dev/null || fail "kubectl annotate $object"
done
nothing_since "odd objects" "$before"
all_in_sync "$count" || fail "not all in sync any more"

# What looks alike and is not: one in the last digit beyond 2^53, another spelling in a plain string, text for a number.
thing=thing.$HF_NS.example.com/numbers
for row in 'big 9007199254740993 9007199254740992' 'size "1024Mi" "1Gi"' 'port "80" 80' 'every "60m" "1h"' 'when "2026-01-01T00:00:00+00:00" "2026-01-01T00:00:00Z"'; do
  read -r key right wrong <<<"$row"
  before=$(last_event)
  kc -n "$HF_NS" patch "$thing" --type=merge --field-manager=mallory -p "{\"spec\":{\"$key\":$wrong}}" >/dev/null || fail "kubectl patch $key"
  wait_for 10 "$key: $wrong is put back" incident_ended "$before" Thing numbers corrected
  equal "$key" "$(raw GET "/apis/$HF_NS.example.com/v1/namespaces/$HF_NS/things/numbers" | grep -o "\"$key\":[^,}]*" | tail -n 1)" "\"$key\":$right"
done
# Being deleted: nothing is written until it is gone, then it is made anew.
kc -n "$HF_NS" patch configmap/awake --type=merge -p '{"metadata":{"finalizers":["example.com/wait"]}}' >/dev/null
uid=$(field configmap/awake '{.metadata.uid}')
before=$(last_event)
kc -n "$HF_NS" delete configmap/awake --wait=false >/dev/null
terminating() { [ "$(sql "select verdict from objects where name = 'awake'")" = terminating ]; }
wait_for 10 "it is seen as terminating" terminating
version=$(field configmap/awake '{.metadata.resourceVersion}')
sleep 1
equal "writes to what is being deleted" "$(field configmap/awake '{.metadata.resourceVersion}')" "$version"
equal "corrections meanwhile" "$(sql "select count(*) from events where id > $before and type = 'correction.sent'")" 0
kc -n "$HF_NS" patch configmap/awake --type=merge -p '{"metadata":{"finalizers":null}}' >/dev/null
wait_for 15 "made anew" incident_ended "$before" ConfigMap awake corrected
[ "$(field configmap/awake '{.metadata.uid}')" != "$uid" ] || fail "still the old object"
note "$count objects, 0 events; 5 near misses found"
