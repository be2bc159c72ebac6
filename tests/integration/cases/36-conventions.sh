# What controllers and kubectl write by convention, beside and into what a unit holds: never an event, and nothing is written back.
unit_base
unit 10-workload.yaml <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: "@NS@", labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "example.com/web:1", resources: {requests: {cpu: 100m}}, env: [{name: A, value: a}]}
---
apiVersion: v1
kind: Pod
metadata: {name: alone, namespace: "@NS@"}
spec: {containers: [{name: alone, image: "example.com/alone:1"}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: once, namespace: "@NS@"}
spec:
  template:
    spec: {restartPolicy: Never, containers: [{name: once, image: "example.com/once:1"}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: stored, namespace: "@NS@"}
spec:
  serviceName: stored
  selector: {matchLabels: {app: stored}}
  template:
    metadata: {labels: {app: stored}}
    spec: {containers: [{name: stored, image: "example.com/stored:1"}]}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], storageClassName: none-such, resources: {requests: {storage: 1Gi}}}
YAML
unit 20-access.yaml <<'YAML'
apiVersion: v1
kind: ServiceAccount
metadata: {name: robot, namespace: "@NS@"}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: puller, namespace: "@NS@"}
imagePullSecrets: [{name: registry}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: "@NS@-all"}
aggregationRule: {clusterRoleSelectors: [{matchLabels: {example.com/joins: "@NS@-all"}}]}
rules: []
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: "@NS@-sum"}
aggregationRule: {clusterRoleSelectors: [{matchLabels: {example.com/joins: "@NS@-all"}}]}
YAML
unit 30-network.yaml <<'YAML'
apiVersion: v1
kind: Service
metadata: {name: inside, namespace: "@NS@"}
spec: {selector: {app: web}, ports: [{port: 80, protocol: TCP}]}
---
apiVersion: v1
kind: Service
metadata: {name: outside, namespace: "@NS@"}
spec: {type: LoadBalancer, externalTrafficPolicy: Local, selector: {app: web}, ports: [{port: 80, protocol: TCP}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: front, namespace: "@NS@"}
spec: {defaultBackend: {service: {name: inside, port: {number: 80}}}}
YAML
unit 40-admission.yaml <<'YAML'
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: "@NS@"}
webhooks:
- name: check.example.com
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Ignore
  clientConfig: {service: {namespace: "@NS@", name: inside, path: /check}}
  rules: [{apiGroups: [none.example.com], apiVersions: [v1], operations: [CREATE], resources: [nones]}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: "@NS@"}
webhooks:
- name: change.example.com
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Ignore
  clientConfig: {caBundle: "", service: {namespace: "@NS@", name: inside, path: /change}}
  rules: [{apiGroups: [none.example.com], apiVersions: [v1], operations: [CREATE], resources: [nones]}]
YAML
unit 50-volumes.yaml <<'YAML'
apiVersion: v1
kind: PersistentVolume
metadata: {name: "@NS@"}
spec:
  accessModes: [ReadWriteOnce]
  capacity: {storage: 1Gi}
  storageClassName: "@NS@"
  persistentVolumeReclaimPolicy: Retain
  hostPath: {path: /tmp/none-such}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: claim, namespace: "@NS@"}
spec: {accessModes: [ReadWriteOnce], storageClassName: "@NS@", resources: {requests: {storage: 1Gi}}}
YAML
HF_ALSO=("persistentvolume/$HF_NS" "clusterrole/$HF_NS-all" "clusterrole/$HF_NS-sum" "clusterrole/$HF_NS-part" "validatingwebhookconfiguration/$HF_NS" "mutatingwebhookconfiguration/$HF_NS")
count=$(cat "$HF_WORK"/units/*.yaml | grep -c '^kind: ')
held "$count"
# Controllers are at work on what was just made.
bound() { [ "$(field persistentvolumeclaim/claim '{.status.phase}')" = Bound ]; }
if [ "$HF_CLUSTER" = real ]; then wait_for 20 "the claim is bound" bound; fi
equal "drifts found while the controllers took up what was made" "$(sql "select count(*) from events where type = 'drift.seen'")" 0
before=$(last_event)

# act WHAT KUBECTL…: something that is no drift
act() {
  local what=$1
  shift
  kc -n "$HF_NS" "$@" >"$HF_WORK/kubectl.out" 2>&1 || fail "$what: kubectl: $(cat "$HF_WORK/kubectl.out")"
}
# As another manager, by a raw request: by WHAT MANAGER METHOD PATH BODY [TYPE]
by() {
  raw "$3" "$4?fieldManager=$2" "$5" "${6:-application/merge-patch+json}" >"$HF_WORK/raw.out" || fail "$1: $3 $4: exit $?"
}
core=/api/v1/namespaces/$HF_NS
rbac=/apis/rbac.authorization.k8s.io/v1/clusterroles
admission=/apis/admissionregistration.k8s.io/v1
bundle=$(printf -- '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n' | base64 -w 0)
hands=$(ours deployment/web)

act "rollout restart" rollout restart deployment/web
act "rollout restart" rollout restart statefulset/stored
act "annotate" annotate deployment/web example.com/note=x kubernetes.io/change-cause=test
act "label beside the unit's" label deployment/web example.com/team=a
act "label of a namespace" label namespace "$HF_NS" kubernetes.io/metadata.name="$HF_NS"
act "revision" annotate deployment/web deployment.kubernetes.io/revision=7 --overwrite
act "leader" annotate service/inside 'control-plane.alpha.kubernetes.io/leader={}'
act "notes of cert-manager" annotate ingress/front cert-manager.io/issuer=x
by "finalizer" guard PATCH "$core/services/inside" '{"metadata":{"finalizers":["example.com/guard"]}}'
by "no finalizer" guard PATCH "$core/services/inside" '{"metadata":{"finalizers":null}}'
owner=$(field configmap/awake '{.metadata.uid}')
by "owner" guard PATCH "$core/serviceaccounts/robot" "{\"metadata\":{\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"name\":\"awake\",\"uid\":\"$owner\"}]}}"
by "token secrets" kube-controller-manager PATCH "$core/serviceaccounts/puller" '{"secrets":[{"name":"puller-token-abcde"}]}'
by "pull secrets" kube-controller-manager PATCH "$core/serviceaccounts/robot" '{"imagePullSecrets":[{"name":"robot-dockercfg"}]}'
by "address of a load balancer" cloud PATCH "$core/services/outside/status" '{"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.7"}]}}}'
for kind in validating mutating; do
  by "caBundle" cainjector PATCH "$admission/${kind}webhookconfigurations/$HF_NS" \
    "[{\"op\":\"add\",\"path\":\"/webhooks/0/clientConfig/caBundle\",\"value\":\"$bundle\"}]" application/json-patch+json
done
act "what an aggregated role is made of" create clusterrole "$HF_NS-part" --verb=get --resource=pods
act "what an aggregated role is made of" label clusterrole "$HF_NS-part" "example.com/joins=$HF_NS-all"
if [ "$HF_CLUSTER" = sim ]; then # has no such controller
  for name in all sum; do
    by "aggregation" clusterrole-aggregation-controller PATCH "$rbac/$HF_NS-$name" '{"rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["get"]}]}'
  done
fi
aggregated() { [ "$(kc get clusterrole "$HF_NS-$1" -o 'jsonpath={.rules[*].resources[*]}')" = pods ]; }
wait_for 15 "rules aggregated into an empty list" aggregated all
wait_for 15 "rules aggregated into none" aggregated sum
raw POST "$core/pods/alone/binding" '{"apiVersion":"v1","kind":"Binding","metadata":{"name":"alone"},"target":{"apiVersion":"v1","kind":"Node","name":"here"}}' application/json \
  >/dev/null || [ "$HF_CLUSTER" = sim ] || fail "the pod can't be bound"
# Somebody applies the same units by other means; both are joint owners then, and nothing has changed.
act "apply by somebody else" apply --validate=false -f "$HF_WORK/units/10-workload.yaml"
act "server-side apply by somebody else" apply --validate=false --server-side --field-manager=carol --force-conflicts -f "$HF_WORK/units/30-network.yaml"

nothing_since "conventions" "$before"
all_in_sync "$count" || fail "not all in sync any more"
equal "what confighub has written of the Deployment" "$(ours deployment/web)" "$hands"
matches "the restart goes on" "$(field deployment/web '{.spec.template.metadata.annotations}')" restartedAt
for kind in validating mutating; do
  equal "the bundle of the $kind configuration" "$(field "${kind}webhookconfiguration/$HF_NS" '{.webhooks[0].clientConfig.caBundle}')" "$bundle"
done
equal "secrets of a ServiceAccount" "$(field serviceaccount/puller '{.secrets[0].name}' | cut -c1-13)" puller-token-
equal "rules of the aggregated role" "$(kc get clusterrole "$HF_NS-all" -o 'jsonpath={.rules[*].verbs[*]}')" get
# And what does differ on the same objects is put back, the rest as it was.
before=$(last_event)
act "image" set image deployment/web web=example.com/web:evil
wait_for 15 "the image put back" incident_ended "$before" Deployment web corrected
equal "the image" "$(field deployment/web '{.spec.template.spec.containers[0].image}')" example.com/web:1
matches "the restart after a correction" "$(field deployment/web '{.spec.template.metadata.annotations}')" restartedAt
matches "the annotation after a correction" "$(field deployment/web '{.metadata.annotations}')" example.com/note
before=$(last_event)
by "failurePolicy" mallory PATCH "$admission/validatingwebhookconfigurations/$HF_NS" '[{"op":"replace","path":"/webhooks/0/failurePolicy","value":"Fail"}]' application/json-patch+json
wait_for 15 "failurePolicy put back" incident_ended "$before" ValidatingWebhookConfiguration "$HF_NS" corrected
equal "failurePolicy" "$(field "validatingwebhookconfiguration/$HF_NS" '{.webhooks[0].failurePolicy}')" Ignore
equal "the bundle after a correction" "$(field "validatingwebhookconfiguration/$HF_NS" '{.webhooks[0].clientConfig.caBundle}')" "$bundle"
note "$count objects, 27 acts, 0 events"
