# `check` reads, compares, prints a diff and writes nothing: exit 0 in sync, 1 drift, 2 error.
units_copy "$HF_WORK/units" "$HF_NS"
units_apply "$HF_WORK/units" || fail "kubectl apply: $(tail -n 3 "$HF_WORK/kubectl-apply.out")"
agent_config "$HF_WORK/units"
check() { "$HF_BIN/holdfast" check --config "$HF_CONFIG" "$@" >"$HF_WORK/check.out" 2>"$HF_WORK/check.log"; echo $?; }
equal "exit in sync" "$(check)" 0
kc -n "$HF_NS" set image deployment/trade-service trade-service=example.com/evil:1 >/dev/null || fail "kubectl set image"
kc -n "$HF_NS" delete service/trade-feed >/dev/null || fail "kubectl delete"
equal "exit with drift" "$(check)" 1
matches "the diff, live" "$(cat "$HF_WORK/check.out")" '-[[:space:]]+.*image: "?example.com/evil:1'
matches "the diff, desired" "$(cat "$HF_WORK/check.out")" '\+[[:space:]]+.*image: "?ghcr.io/finos/traderx/trade-service:1.4.2'
matches "what is missing" "$(cat "$HF_WORK/check.out")" 'trade-feed'
equal "exit of one unit that is in sync" "$(check --unit 80-web-gui-deployment)" 0
equal "exit of one unit that is not" "$(check --unit 50-trade-service-deployment)" 1
equal "exit of a unit that is not there" "$(check --unit no-such-unit)" 2
equal "exit of JSON output" "$(check --output json)" 1
equal "JSON is valid" "$(sqlite3 :memory: "select json_valid(cast(readfile('$HF_WORK/check.out') as text))")" 1
matches "JSON names the object" "$(cat "$HF_WORK/check.out")" '"trade-service"'
equal "nothing was written: the image" "$(kc -n "$HF_NS" get deployment/trade-service -o 'jsonpath={.spec.template.spec.containers[0].image}')" example.com/evil:1
kc -n "$HF_NS" get service/trade-feed >/dev/null 2>&1 && fail "check has recreated a Service"
[ ! -f "$HF_DB" ] || fail "check has made a database"
