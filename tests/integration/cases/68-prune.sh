# An object whose unit is gone is deleted only where a rule says so, only when it carries our mark, and never a Namespace, CRD or volume unless the
# rule names that kind.
unit_base
unit 10-config.yaml <<<'apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: "@NS@"}
data: {a: b}'
unit 11-service.yaml <<<'apiVersion: v1
kind: Service
metadata: {name: web, namespace: "@NS@"}
spec: {selector: {app: web}, ports: [{port: 80, protocol: TCP}]}'
unit 12-claim.yaml <<<'apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: "@NS@"}
spec: {accessModes: [ReadWriteOnce], storageClassName: none-such, resources: {requests: {storage: 1Gi}}}'
unit 13-space.yaml <<<'apiVersion: v1
kind: Namespace
metadata: {name: "@NS@-second"}'
unit 14-definition.yaml <<<'apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.@NS@.example.com}
spec:
  group: "@NS@.example.com"
  scope: Namespaced
  names: {kind: Thing, plural: things}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}'
unit 15-volume.yaml <<<'apiVersion: v1
kind: PersistentVolume
metadata: {name: "@NS@"}
spec: {accessModes: [ReadWriteOnce], capacity: {storage: 1Gi}, storageClassName: none-such-either, persistentVolumeReclaimPolicy: Retain, hostPath: {path: /tmp/none-such}}'
unit 16-kept.yaml <<<'apiVersion: v1
kind: ConfigMap
metadata: {name: kept, namespace: "@NS@"}
data: {a: b}'
unit 17-named.yaml <<<'apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: named, namespace: "@NS@"}
spec: {accessModes: [ReadWriteOnce], storageClassName: none-such, resources: {requests: {storage: 1Gi}}}'
HF_ALSO=("persistentvolume/$HF_NS" "namespace/$HF_NS-second" "customresourcedefinition/things.$HF_NS.example.com")
count=$(cat "$HF_WORK"/units/*.yaml | grep -c '^kind: ')
there() { kc -n "$HF_NS" get "$1" >/dev/null 2>&1; }
gone() { ! there "$1"; }
units_gone() { [ "$(sql "select count(*) from events where id > $before and type = 'unit.gone'")" -ge "$1" ]; }
deletions() { sql "select count(*) from events where id > $1 and type in ('correction.intended', 'correction.sent')"; }

# Without a rule nothing is deleted.
held "$count"
before=$(last_event)
mv "$HF_WORK/units/16-kept.yaml" "$HF_WORK/16-kept"
wait_for 10 "the unit's end is recorded" units_gone 1
sleep 1
there configmap/kept || fail "an object was deleted without a rule"
equal "writes" "$(deletions "$before")" 0
agent_stop
mv "$HF_WORK/16-kept" "$HF_WORK/units/16-kept.yaml"

# With a rule for all kinds, and one more that names a kind. Without a grace of its own it would wait a minute: a unit may only have moved.
cat >"$HF_WORK/rules.yaml" <<'YAML'
pack: ours
rules:
- name: never-this
  match: {name: kept, class: extra}
  action: observe
- name: named-kind
  match: {kind: PersistentVolumeClaim, name: named, class: extra}
  action: prune
  grace: 1s
- name: all
  match: {space: traderx, class: extra}
  action: prune
  grace: 1s
YAML
HF_MORE="rules: [$HF_WORK/rules.yaml]" agent_up "$HF_WORK/units"
wait_for 20 "$count objects in sync" all_in_sync "$count"
sleep 1
before=$(last_event)
# A namesake that somebody else makes meanwhile carries no mark.
kc -n "$HF_NS" create configmap stranger --from-literal=a=b >/dev/null
mkdir -p "$HF_WORK/away"
mv "$HF_WORK"/units/1[0-7]-*.yaml "$HF_WORK/away"
wait_for 15 "the units' end is recorded" units_gone 8
for object in configmap/settings service/web; do wait_for 15 "$object is deleted" gone $object; done
finalized() { gone persistentvolumeclaim/named || [ -n "$(field persistentvolumeclaim/named '{.metadata.deletionTimestamp}')" ]; }
wait_for 15 "the claim that a rule names is deleted" finalized
sleep 2
for object in persistentvolumeclaim/data "namespace/$HF_NS-second" "customresourcedefinition/things.$HF_NS.example.com" "persistentvolume/$HF_NS" configmap/kept configmap/stranger configmap/awake; do
  there "$object" || fail "$object was deleted"
  equal "$object: deletionTimestamp" "$(field "$object" '{.metadata.deletionTimestamp}')" ''
done
for name in settings web; do
  equal "the record of $name" "$(sql "select count(*) from events where id > $before and name = '$name' and type = 'correction.confirmed'")" 1
done
equal "objects that were written to" "$(sql "select group_concat(distinct name) from (select name from events where id > $before and type = 'correction.sent' order by name)")" named,settings,web
