# SIGTERM ends the agent within 5 s, with the cluster there, with the line cut, and with the server silent.
units_copy "$HF_WORK/units" "$HF_NS"
units_apply "$HF_WORK/units" || fail "kubectl apply: $(tail -n 3 "$HF_WORK/kubectl-apply.out")"
proxy_up
agent_up "$HF_WORK/units" "$HF_PROXY_KUBECONFIG"
stops() {
  local began=$EPOCHREALTIME
  agent_stop
  [ "$(since "$began")" -le 5500 ] || fail "$1: stopped only after $(since "$began") ms"
  equal "$1: exit" "$HF_STATUS" 0
  equal "$1: recorded" "$(sql "select type from events order by id desc limit 1")" agent.stopped
  matches "$1: by which program and config" "$(sql "select json_extract(detail, '$.version') || ' ' || json_extract(detail, '$.config') from events order by id desc limit 1")" "^$("$HF_BIN/holdfast" version | sed -n '1s/.* //p') sha256:[0-9a-f]{64}\$"
}
wait_for 20 "18 objects in sync" all_in_sync 18
stops "in health"
agent_start || fail "no start"
wait_for 20 "ready" agent_ready
kill -USR1 "$HF_PROXY_PID"
sleep 1
stops "with the line cut"
kill -USR2 "$HF_PROXY_PID"
agent_start || fail "no start"
wait_for 20 "ready" agent_ready
kill -HUP "$HF_PROXY_PID"
kc -n "$HF_NS" label deployment/web-gui layer=wrong --overwrite >/dev/null
stops "with the connections silent"
