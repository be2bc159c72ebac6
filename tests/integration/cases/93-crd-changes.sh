# A CustomResourceDefinition that changes counts within moments: a field that the definition did not have is the unit's problem and no
# alone: yes
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

definition ', colour: {type: string}' >"$HF_WORK/definition.yaml"
sed -i 's/size: {type: integer}, colour/size: {type: integer}\n              colour/' "$HF_WORK/definition.yaml"
kc apply -f "$HF_WORK/definition.yaml" >/dev/null || fail "kubectl apply of the new definition"
began=$EPOCHREALTIME
coloured() { [ "$(kc -n "$HF_NS" get widget one -o 'jsonpath={.spec.colour}')" = red ]; }
wait_for 20 "the object is put right" coloured
took=$(since "$began")
note "from the new definition to the object put right: $took ms"
[ "$took" -lt 5000 ] || fail "the new definition counted only after $took ms"
wait_for 10 "in sync again" all_in_sync 1
grep -q "a CustomResourceDefinition has changed" "$HF_WORK/agent.log" || fail "it was not told by the watch"

# Who may not read definitions judges by the server's OpenAPI document of them: in sync as before, and a change is found.
agent_stop
if [ "$HF_CLUSTER" = real ]; then
  HF_ALSO+=("clusterrole/$HF_NS" "clusterrolebinding/$HF_NS")
  kc -n "$HF_NS" create serviceaccount blind >/dev/null || fail "no ServiceAccount"
  kc create clusterrole "$HF_NS" --verb=get,list,watch,patch,create --resource="widgets.$group" >/dev/null || fail "no ClusterRole"
  kc create clusterrolebinding "$HF_NS" --clusterrole="$HF_NS" --serviceaccount="$HF_NS:blind" >/dev/null || fail "no ClusterRoleBinding"
  token() { kc -n "$HF_NS" get secrets -o 'jsonpath={.items[?(@.type=="kubernetes.io/service-account-token")].data.token}' | cut -d' ' -f1 | base64 -d; }
  has_token() { [ -n "$(token)" ]; }
  wait_for 20 "the ServiceAccount's token" has_token
  blind=$HF_WORK/blind-kubeconfig
  kc config view --raw --minify --flatten >"$blind"
  "$HF_KUBECTL" --kubeconfig "$blind" config set-credentials blind --token="$(token)" >/dev/null
  "$HF_KUBECTL" --kubeconfig "$blind" config set-context --current --user=blind >/dev/null
  wanted='^0 CustomResourceDefinitions, 0 OpenAPI v3 documents, OpenAPI v2$'
else
  blind=$HF_KUBECONFIG
  curl -sf -m 5 -H "Authorization: Bearer $(sed -n 's/^ *token: *"\{0,1\}\([^"]*\).*/\1/p' "$HF_KUBECONFIG")" -X POST "http://$HF_SERVER/sim/faults" \
    -d '{"kind":"path","seconds":120,"path":"/apis/apiextensions.k8s.io/v1/customresourcedefinitions","status":403}' >/dev/null || fail "no fault"
  wanted='^0 CustomResourceDefinitions, 1 OpenAPI v3 documents$'
fi
: >"$HF_WORK/agent.log"
agent_up "$HF_WORK/units" "$blind"
wait_for 15 "in sync by OpenAPI" all_in_sync 1
matches "what it was judged by" "$(sed -n 's/.*types read.* from="\([^"]*\)".*/\1/p' "$HF_WORK/agent.log" | tail -n 1)" "$wanted"
after=$(last_event)
kc -n "$HF_NS" patch widget one --type merge -p '{"spec":{"colour":"blue"}}' >/dev/null || fail "kubectl patch"
wait_for 15 "a change is put back" incident_ended "$after" Widget one
equal "colour" "$(kc -n "$HF_NS" get widget one -o 'jsonpath={.spec.colour}')" red
[ "$HF_CLUSTER" = real ] || curl -sf -m 5 -H "Authorization: Bearer $(sed -n 's/^ *token: *"\{0,1\}\([^"]*\).*/\1/p' "$HF_KUBECONFIG")" -X DELETE "http://$HF_SERVER/sim/faults" >/dev/null
