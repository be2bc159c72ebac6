# kill -9 again and again while it corrects: after each start it goes on; every drift is put back, and no intended correction is
# left without an outcome.
# limit: 300
units_copy "$HF_WORK/units" "$HF_NS"
units_apply "$HF_WORK/units" || fail "kubectl apply: $(tail -n 3 "$HF_WORK/kubectl-apply.out")"
agent_up "$HF_WORK/units"
wait_for 20 "18 objects in sync" all_in_sync 18
before=$(last_event)
names=(reference-data people-service account-service position-service trade-service trade-processor trade-feed web-gui)
for round in 1 2 3 4 5 6; do
  for name in "${names[@]}"; do
    kc -n "$HF_NS" label "deployment/$name" "layer=wrong-$round" --overwrite >/dev/null 2>&1 &
  done
  sleep "0.$((RANDOM % 5))$((RANDOM % 10))"
  kill -KILL "$HF_AGENT_PID"
  wait
  agent_start || fail "no start after kill -9, round $round"
done
# The rows of the objects are those of the agent before until this one has looked.
wait_for 30 "the agent is ready" agent_ready
wait_for 40 "all is in sync in the end" all_in_sync 18
equal "wrong labels" "$(kc -n "$HF_NS" get deployments -o 'jsonpath={.items[*].metadata.labels.layer}' | grep -o 'wrong-[0-9]' | head -n 1)" ""
equal "incidents still open" "$(sql "select count(*) from v_open")" 0
equal "intended corrections without an outcome" "$(sql "select count(*) from events i where i.type = 'correction.intended' and not exists
  (select 1 from events o where o.incident = i.incident and o.id > i.id and o.type in ('correction.confirmed', 'correction.failed', 'drift.healed', 'drift.dismissed', 'rollout.confirmed'))")" 0
equal "the database" "$(sql 'pragma integrity_check')" ok
agent_stop
"$HF_BIN/holdfast" audit verify --database "$HF_DB" >"$HF_WORK/verify.out" 2>&1 || fail "the chain: $(cat "$HF_WORK/verify.out")"
note "$(sql "select count(*) from v_incidents where first_id > $before") incidents over 6 kills"
