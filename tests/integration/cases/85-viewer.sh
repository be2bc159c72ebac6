# A user without the right to write or to read some kinds: what can't be read is unknown, never missing; what can't be written is told
# as failed; the agent goes on.
# clusters: real
units_copy "$HF_WORK/units" "$HF_NS"
units_apply "$HF_WORK/units" || fail "kubectl apply: $(tail -n 3 "$HF_WORK/kubectl-apply.out")"
kc config view --flatten --raw >"$HF_WORK/viewer"
sed -i 's/^current-context: .*/current-context: viewer/' "$HF_WORK/viewer"
agent_config "$HF_WORK/units" "$HF_WORK/viewer"
agent_start || fail "the agent does not start"
judged() { [ "$(sql "select count(*) from objects where verdict = 'in_sync'")" = 16 ] && [ "$(sql "select count(*) from objects where verdict = 'unknown' and kind in ('Ingress', 'ServiceAccount')")" = 2 ]; }
wait_for 30 "16 objects in sync, 2 unknown" judged
before=$(last_event)
kc -n "$HF_NS" label service/web-gui layer=wrong --overwrite >/dev/null
failed() { [ "$(sql "select count(*) from events where id > $before and type = 'correction.failed' and name = 'web-gui'")" -ge 1 ]; }
wait_for 15 "the failed correction is recorded" failed
matches "with the server's words" "$(sql "select message from events where id > $before and type = 'correction.failed' order by id limit 1")" '[Ff]orbidden|403'
kill -0 "$HF_AGENT_PID" || fail "the agent has ended"
