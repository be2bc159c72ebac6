# Units that say the same as what the server stores, but otherwise: quantities, times, base64, what is defaulted, what is dropped when empty, what
# exported YAML carries, YAML 1.1. No event, neither when first judged nor after each object was written to by somebody else.
unit_base
unit 10-workloads.yaml <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata:
  name: spelled
  namespace: "@NS@"
  creationTimestamp: null
  annotations: {}
  labels: null
spec:
  replicas: 0x1
  strategy: {}
  selector: {matchLabels: {app: spelled}}
  template:
    metadata: {creationTimestamp: null, labels: {app: spelled}}
    spec:
      serviceAccountName: default
      automountServiceAccountToken: no
      hostNetwork: off
      securityContext: {}
      initContainers: []
      terminationGracePeriodSeconds: 1_0
      containers:
      - name: spelled
        image: example.com/spelled:1
        resources:
          limits: {cpu: 1500m, memory: 1024Mi, ephemeral-storage: "1e3"}
          requests: {cpu: "0.5", memory: "0"}
        env:
        - {name: EMPTY, value: ""}
        - {name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
        ports: [{containerPort: 8080}, {containerPort: 8080, protocol: UDP}, {name: admin, containerPort: 8081}]
        readinessProbe: {httpGet: {path: /, port: 8080}}
        livenessProbe: {tcpSocket: {port: admin}}
        startupProbe: {exec: {command: ["true"]}, failureThreshold: 30}
        lifecycle: {preStop: {exec: {command: [sleep, "1"]}}}
        volumeMounts: [{name: secret, mountPath: /a, readOnly: yes}, {name: scratch, mountPath: /b}]
      - name: plain
        image: example.com/plain
        resources: {}
        securityContext: {}
      volumes:
      - {name: secret, secret: {secretName: keys}}
      - {name: config, configMap: {name: empty, defaultMode: 0644}}
      - {name: scratch, emptyDir: {}}
      - {name: host, hostPath: {path: /var/log}}
      - name: projected
        projected:
          sources:
          - serviceAccountToken: {path: token}
          - downwardAPI: {items: [{path: name, fieldRef: {fieldPath: metadata.name}}]}
status: {}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: stored, namespace: "@NS@", creationTimestamp: null}
spec:
  serviceName: stored
  selector: {matchLabels: {app: stored}}
  template:
    metadata: {labels: {app: stored}}
    spec:
      containers: [{name: stored, image: "example.com/stored:1", volumeMounts: [{name: data, mountPath: /data}]}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1024Mi}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: each, namespace: "@NS@"}
spec:
  selector: {matchLabels: {app: each}}
  template:
    metadata: {labels: {app: each}}
    spec:
      nodeSelector: {none: "here"}
      containers: [{name: each, image: "example.com/each@sha256:0000000000000000000000000000000000000000000000000000000000000000"}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: once, namespace: "@NS@"}
spec:
  template:
    metadata: {creationTimestamp: null}
    spec:
      restartPolicy: Never
      containers: [{name: once, image: "example.com/once:1", command: ["true"]}]
status: {}
---
apiVersion: batch/v1beta1
kind: CronJob
metadata: {name: nightly, namespace: "@NS@"}
spec:
  schedule: "0 4 31 2 *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: OnFailure
          containers: [{name: nightly, image: "example.com/nightly:1"}]
---
apiVersion: v1
kind: Pod
metadata: {name: bare, namespace: "@NS@"}
spec:
  containers: [{name: bare, image: "example.com/bare:1", resources: {requests: {cpu: "0.1"}}}]
YAML
unit 20-config.yaml <<'YAML'
apiVersion: v1
kind: ConfigMap
metadata: {name: empty, namespace: "@NS@"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: words, namespace: "@NS@"}
data: {yes: "yes", "on": "on", n: "017", t: "2026-01-01", block: "a\nb\n"}
binaryData: {raw: "/+8A"}
---
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: "@NS@", creationTimestamp: null}
stringData: {password: "@CANARY@", both: folded}
---
apiVersion: v1
kind: Secret
metadata: {name: wrapped, namespace: "@NS@"}
data:
  long: |
    bm90IHRvbGQsIGFuZCBs
    b25nIGVub3VnaCB0byB3
    cmFw
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: robot, namespace: "@NS@"}
---
apiVersion: v1
kind: LimitRange
metadata: {name: limits, namespace: "@NS@"}
spec: {limits: [{type: PersistentVolumeClaim, max: {storage: 2048Gi}, min: {storage: "1e3"}}]}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: quota, namespace: "@NS@"}
spec: {hard: {requests.cpu: "1000", limits.memory: 1048576Mi, pods: "1e2"}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: claim, namespace: "@NS@"}
spec: {accessModes: [ReadWriteOnce], storageClassName: none-such, resources: {requests: {storage: 1024Mi}}}
YAML
unit 30-network.yaml <<'YAML'
apiVersion: v1
kind: Service
metadata: {name: plain, namespace: "@NS@"}
spec: {selector: {app: spelled}, ports: [{port: 80, protocol: TCP}]}
---
apiVersion: v1
kind: Service
metadata: {name: names, namespace: "@NS@"}
spec:
  selector: {app: spelled}
  ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53, protocol: TCP}, {name: web, port: 80, protocol: TCP, targetPort: admin}]
---
apiVersion: v1
kind: Service
metadata: {name: outside, namespace: "@NS@"}
spec: {type: NodePort, selector: {app: spelled}, ports: [{port: 80, protocol: TCP, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: stored, namespace: "@NS@"}
spec: {clusterIP: None, selector: {app: stored}, ports: [{port: 5432, protocol: TCP}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: policy, namespace: "@NS@"}
spec: {podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: spelled}}}], ports: [{port: 8080}, {port: admin}]}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: front, namespace: "@NS@"}
spec:
  rules:
  - host: a.example.com
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: plain, port: {number: 80}}}}]}
  - host: b.example.com
    http: {paths: [{path: /, pathType: ImplementationSpecific, backend: {service: {name: names, port: {name: web}}}}]}
---
apiVersion: policy/v1beta1
kind: PodDisruptionBudget
metadata: {name: share, namespace: "@NS@"}
spec: {maxUnavailable: 50%, selector: {matchLabels: {app: spelled}}}
---
apiVersion: policy/v1beta1
kind: PodDisruptionBudget
metadata: {name: count, namespace: "@NS@"}
spec: {minAvailable: 1, selector: {matchLabels: {app: stored}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: robots, namespace: "@NS@"}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: robot}, {kind: User, name: carol}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: "@NS@"}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
---
apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata: {name: scaler, namespace: "@NS@"}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: stored}, maxReplicas: 3, targetCPUUtilizationPercentage: 80}
---
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: lease, namespace: "@NS@"}
spec: {holderIdentity: nobody, renewTime: "2026-01-01T01:00:00.500000+01:00", leaseDurationSeconds: 15}
YAML
unit 90-created.yaml <<'YAML'
apiVersion: v1
kind: Service
metadata: {name: created, namespace: "@NS@"}
spec: {selector: {app: spelled}, ports: [{name: a, port: 80}, {name: dns, port: 53}, {name: dns-udp, port: 53, protocol: UDP}]}
---
apiVersion: v1
kind: Pod
metadata: {name: created, namespace: "@NS@"}
spec:
  containers:
  - name: created
    image: example.com/created:1
    resources: {requests: {cpu: 0.1, memory: 12e03}, limits: {cpu: 1, memory: 1_000_000}}
    env: [{name: TWICE, value: a}, {name: TWICE, value: b}]
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: created, namespace: "@NS@"}
spec: {hard: {requests.cpu: 1000, limits.memory: 1048576Mi}}
YAML
count=$(grep -hc '^kind: ' "$HF_WORK"/units/[1-9]*.yaml | paste -sd+ | bc)
held $((count + 2))
equal "drifts found at the first judgement" "$(sql "select count(*) from events where type = 'drift.seen'")" 0
before=$(last_event)
for object in deployment/spelled statefulset/stored daemonset/each job/once cronjob/nightly pod/bare configmap/empty configmap/words secret/keys \
  secret/wrapped serviceaccount/robot limitrange/limits resourcequota/quota persistentvolumeclaim/claim service/plain service/names \
  service/outside service/stored networkpolicy/policy ingress/front poddisruptionbudget/share poddisruptionbudget/count rolebinding/robots \
  role/reader horizontalpodautoscaler/scaler lease/lease service/created pod/created resourcequota/created; do
  echo "$object"
done >"$HF_WORK/objects"
equal "objects that are written to" "$(wc -l <"$HF_WORK/objects")" "$count"
# shellcheck disable=SC2046
kc -n "$HF_NS" annotate $(cat "$HF_WORK/objects") example.com/looked-at=today >"$HF_WORK/annotate.out" 2>&1 || fail "kubectl annotate: $(cat "$HF_WORK/annotate.out")"
nothing_since "written otherwise" "$before"
all_in_sync $((count + 2)) || fail "not all in sync any more"
note "$count objects, 0 events"
