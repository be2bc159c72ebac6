# A CustomResourceDefinition that changes counts within moments: a field that the definition did not have is the unit's problem and no
# drift; once the definition has it, the object is judged by it and put right.
group=$HF_NS.example.com
mkdir -p "$HF_WORK/units"
HF_ALSO+=("customresourcedefinition/widgets.$group")
definition() { # further properties of spec
  cat <<END2
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.$group}
spec:
  group: $group
  scope: Namespaced
  names: {plural: widgets, kind: Widget}
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
              size: {type: integer}$1
END2
}
definition '' | kc apply -f - >/dev/null || fail "kubectl apply of the definition"
kc create namespace "$HF_NS" >/dev/null || fail "no namespace"
widget() { printf 'apiVersion: %s/v1\nkind: Widget\nmetadata: {name: one, namespace: %s}\nspec: {size: 3%s}\n' "$group" "$HF_NS" "$1"; }
widget '' >"$HF_WORK/widget.yaml"
created() { kc apply --server-side --field-manager=confighub --validate=false -f "$HF_WORK/widget.yaml"; }
wait_for 20 "an object of the new kind is taken" created
widget ', colour: red' >"$HF_WORK/units/widget.yaml"
agent_up "$HF_WORK/units"
wait_for 10 "in sync" all_in_sync 1
matches "what it was judged by" "$(grep 'types read' "$HF_WORK/agent.log" | tail -n 1)" "1 CustomResourceDefinitions"
after=$(last_event)
sleep 2
equal "drifts over a field that the kind does not have" "$(incidents_after "$after")" 0

began=$EPOCHREALTIME
definition ', colour: {type: string}' >"$HF_WORK/definition.yaml"
sed -i 's/size: {type: integer}, colour/size: {type: integer}\n              colour/' "$HF_WORK/definition.yaml"
kc apply -f "$HF_WORK/definition.yaml" >/dev/null || fail "kubectl apply of the new definition"
coloured() { [ "$(kc -n "$HF_NS" get widget one -o 'jsonpath={.spec.colour}')" = red ]; }
wait_for 20 "the object is put right" coloured
took=$(since "$began")
note "from the new definition to the object put right: $took ms"
[ "$took" -lt 5000 ] || fail "the new definition counted only after $took ms"
wait_for 10 "in sync again" all_in_sync 1
grep -q "a CustomResourceDefinition has changed" "$HF_WORK/agent.log" || fail "it was not told by the watch"
