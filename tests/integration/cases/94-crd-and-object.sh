# A CustomResourceDefinition and an object of it in one folder, on a cluster that has neither: both come into being by themselves, in
# order, and are in sync; until its kind is served the object waits as unknown, with the reason. Deleted together, they come back.
group=$HF_NS.example.com
mkdir -p "$HF_WORK/units"
HF_ALSO+=("customresourcedefinition/gadgets.$group")
kc create namespace "$HF_NS" >/dev/null || fail "no namespace"
cat >"$HF_WORK/units/a-gadget.yaml" <<END2
apiVersion: $group/v1
kind: Gadget
metadata: {name: one, namespace: $HF_NS}
spec:
  size: 3
  ports: [{port: 80, name: web}]
  settings: {any: {thing: [1, 2]}}
END2
agent_up "$HF_WORK/units"
reason() { sql "select coalesce(reason, '') from objects where kind = 'Gadget'"; }
wait_for 5 "the object waits" test "$(verdicts unknown)" = 1
matches "the reason" "$(reason)" "does not serve Gadget in $group/v1"
sleep 1
equal "what the agent sent meanwhile" "$(sql "select count(*) from events where type like 'correction.%'")" 0
began=$EPOCHREALTIME
cat >"$HF_WORK/units/b-definition.yaml" <<END2
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.$group}
spec:
  group: $group
  scope: Namespaced
  names: {plural: gadgets, kind: Gadget}
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
              size: {type: integer, default: 1}
              colour: {type: string, default: red}
              ports:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [port, protocol]
                items: {type: object, required: [port], properties: {port: {type: integer}, protocol: {type: string, default: TCP}, name: {type: string}}}
              settings: {type: object, x-kubernetes-preserve-unknown-fields: true}
END2
wait_for 20 "both are in sync" all_in_sync 2
note "from the definition's file to both in sync: $(since "$began") ms"
equal "the object" "$(kc -n "$HF_NS" get gadget one -o 'jsonpath={.spec.size} {.spec.colour} {.spec.ports[0].protocol} {.spec.settings.any.thing[1]}')" "3 red TCP 2"
equal "corrections that failed" "$(sql "select count(*) from events where type = 'correction.failed'")" 0
after=$(last_event)
sleep 2
equal "events of a settled object" "$(incidents_after "$after")" 0

# What the schema says counts: a default that is changed by hand, an item that is taken away, what the server leaves alone.
kc -n "$HF_NS" patch gadget one --type merge -p '{"spec":{"size":7}}' >/dev/null || fail "kubectl patch"
wait_for 15 "the change is put back" incident_ended "$after" Gadget one
equal "size" "$(kc -n "$HF_NS" get gadget one -o 'jsonpath={.spec.size}')" 3

# What `check` says is the same.
status=0
"$HF_BIN/holdfast" check --config "$HF_CONFIG" >"$HF_WORK/check.out" 2>&1 || status=$?
equal "exit of holdfast check ($(tail -n 3 "$HF_WORK/check.out"))" "$status" 0

# The definition deleted takes its objects along; both are put back.
after=$(last_event)
began=$EPOCHREALTIME
kc delete crd "gadgets.$group" --wait=false >/dev/null || fail "kubectl delete crd"
restored() { incident_ended "$after" CustomResourceDefinition "gadgets.$group" && kc -n "$HF_NS" get gadget one && all_in_sync 2; }
wait_for 40 "the definition and the object are back" restored
note "from the definition's deletion to both back: $(since "$began") ms"
