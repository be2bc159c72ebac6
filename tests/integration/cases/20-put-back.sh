# Each kind of drift is noticed, attributed, recorded and put back: one incident each.
# limit: 300
units_copy "$HF_WORK/units" "$HF_NS"
units_apply "$HF_WORK/units" || fail "kubectl apply: $(tail -n 3 "$HF_WORK/kubectl-apply.out")"
agent_up "$HF_WORK/units"
wait_for 20 "18 objects in sync" all_in_sync 18

live() { kc -n "$HF_NS" get "$1" -o "jsonpath=$2" 2>/dev/null; }
slowest=0

# put_back WHAT OBJECT JSONPATH PATH MANAGER KUBECTL…: runs kubectl, waits until the value at the JSON path is as before and the
# incident is closed, then looks at its record. PATH, MANAGER: what the record must name (regular expressions).
put_back() {
  local what=$1 object=$2 jsonpath=$3 path=$4 manager=$5 before value began incident row
  shift 5
  local kind name=${object#*/}
  case $object in
    deployment/*) kind=Deployment ;; service/*) kind=Service ;; ingress/*) kind=Ingress ;; serviceaccount/*) kind=ServiceAccount ;;
  esac
  before=$(last_event)
  value=$(live "$object" "$jsonpath")
  [ -n "$value" ] || fail "$what: nothing at $jsonpath to begin with"
  began=$EPOCHREALTIME
  kc -n "$HF_NS" "$@" >"$HF_WORK/kubectl.out" 2>&1 || fail "$what: kubectl: $(cat "$HF_WORK/kubectl.out")"
  wait_for 15 "$what: put back and recorded" incident_ended "$before" "$kind" "$name" corrected
  row=$(since "$began")
  [ "$row" -le $slowest ] || slowest=$row
  equal "$what: the value" "$(live "$object" "$jsonpath")" "$value"
  equal "$what: incidents" "$(incidents_after "$before")" 1
  incident=$(incident_of "$before" "$kind" "$name")
  matches "$what: order of its events" \
    "$(sql "select group_concat(type, ' ') from (select type from events where incident = '$incident' order by id)")" \
    '^drift\.seen .*correction\.intended .*correction\.confirmed$'
  if [ -n "$path" ]; then
    matches "$what: path" "$(sql "select group_concat(readable, ' ') from v_findings where incident = '$incident'")" "$path"
    equal "$what: findings have both values, or say that one is absent" \
      "$(sql "select count(*) from v_findings where incident = '$incident' and desired is null and live is null")" 0
  fi
  matches "$what: manager" "$(sql "select coalesce(manager, '') from v_incidents where incident = '$incident'")" "^($manager)\$"
  if [ -n "$(sql "select manager from v_incidents where incident = '$incident'")" ]; then
    equal "$what: operation" "$(sql "select operation from v_incidents where incident = '$incident'")" Update
    # The server writes whole seconds.
    row=$(sql "select round((julianday(drifted_at) - 2440587.5) * 86400) between ${began%.*} - 1 and ${began%.*} + 15 from v_incidents where incident = '$incident'")
    equal "$what: time of the change" "$row" 1
  fi
}
# The same for a deletion: what comes back is a new object.
recreated() {
  local object=$1 kind=$2 before uid
  before=$(last_event)
  uid=$(live "$object" '{.metadata.uid}')
  kc -n "$HF_NS" delete "$object" --wait=false >"$HF_WORK/kubectl.out" 2>&1 || fail "delete $object: $(cat "$HF_WORK/kubectl.out")"
  wait_for 30 "$object back after its deletion" incident_ended "$before" "$kind" "${object#*/}" corrected
  matches "$object: new uid" "$(live "$object" '{.metadata.uid}')" '.'
  [ "$(live "$object" '{.metadata.uid}')" != "$uid" ] || fail "$object: still the old object"
  equal "$object: incidents" "$(incidents_after "$before")" 1
  equal "$object: verdict" "$(sql "select verdict from v_incidents where first_id > $before")" missing
}

container='{.spec.template.spec.containers[0]'
# A scale through the subresource leaves no trace in managedFields before 1.22: then nobody is named.
put_back "scale" deployment/trade-service '{.spec.replicas}' '^spec\.replicas$' '|kubectl.*' scale deployment/trade-service --replicas=10
put_back "set image" deployment/people-service "$container.image}" 'containers\[name=people-service\]\.image' 'kubectl.*' \
  set image deployment/people-service people-service=example.com/people-service:evil
put_back "set env" deployment/people-service "$container.env[?(@.name==\"LOG_LEVEL\")].value}" 'env\[name=LOG_LEVEL\]\.value' 'kubectl.*' \
  set env deployment/people-service LOG_LEVEL=debug
put_back "patch of a probe" deployment/trade-service "$container.readinessProbe.periodSeconds}" 'readinessProbe\.periodSeconds' 'kubectl.*' \
  patch deployment/trade-service -p '{"spec":{"template":{"spec":{"containers":[{"name":"trade-service","readinessProbe":{"periodSeconds":60}}]}}}}'
put_back "patch of a Service's target port" service/account-service '{.spec.ports[0].targetPort}' 'ports\[.*\]\.targetPort' 'kubectl.*' \
  patch service/account-service --type=json -p '[{"op":"replace","path":"/spec/ports/0/targetPort","value":1}]'
put_back "patch of an Ingress host" ingress/traderx '{.spec.rules[0].host}' 'spec\.rules' 'kubectl.*' \
  patch ingress/traderx --type=json -p '[{"op":"replace","path":"/spec/rules/0/host","value":"evil.example.com"}]'
put_back "label that the unit sets" deployment/web-gui '{.metadata.labels.layer}' 'metadata\.labels.*layer' 'kubectl.*' \
  label deployment/web-gui layer=other --overwrite
put_back "annotation that the unit sets" deployment/web-gui '{.metadata.annotations.traderx\.finos\.org/owner}' 'metadata\.annotations' 'kubectl.*' \
  annotate deployment/web-gui traderx.finos.org/owner=nobody --overwrite
put_back "label removed" service/web-gui '{.metadata.labels.criticality}' 'metadata\.labels' '|kubectl.*' label service/web-gui criticality-
put_back "field removed" deployment/reference-data "$container.livenessProbe.httpGet.path}" 'livenessProbe' '|kubectl.*' \
  patch deployment/reference-data --type=json -p '[{"op":"remove","path":"/spec/template/spec/containers/0/livenessProbe"}]'
put_back "env entry removed" deployment/trade-service "$container.env[?(@.name==\"TRADE_LIMIT_CHECK\")].value}" 'env\[name=TRADE_LIMIT_CHECK\]' '|kubectl.*' \
  set env deployment/trade-service TRADE_LIMIT_CHECK-
recreated service/account-service Service
recreated serviceaccount/trade-service ServiceAccount
recreated deployment/position-service Deployment
wait_for 10 "18 objects in sync" all_in_sync 18
note "put back within $slowest ms each, kubectl and the look at it included"
