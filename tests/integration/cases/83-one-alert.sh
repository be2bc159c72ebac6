# A deleted namespace is one alert in a chat channel, then one that all is right again; a channel of events hears of each object; each incident's events
# chain from seen to confirmed with times.
# limit: 240
units_copy "$HF_WORK/units" "$HF_NS"
units_apply "$HF_WORK/units" || fail "kubectl apply: $(tail -n 3 "$HF_WORK/kubectl-apply.out")"
sink_up
sed 's|/alerts$|/services/T0/B0/chat|' "$HF_WORK/sink.url" >"$HF_WORK/chat.url"
HF_MORE="alerts: {channels: [{name: sink, webhook: {url_file: $HF_WORK/sink.url}}, {name: chat, type: slack, webhook: {url_file: $HF_WORK/chat.url}}]}" agent_up "$HF_WORK/units"
wait_for 20 "18 objects in sync" all_in_sync 18
before=$(last_event)
uid=$(kc get namespace "$HF_NS" -o 'jsonpath={.metadata.uid}')
kc delete namespace "$HF_NS" --wait=false >/dev/null || fail "kubectl delete namespace"
new_namespace() { [ "$(kc get namespace "$HF_NS" -o 'jsonpath={.metadata.uid}')" != "$uid" ] && kc get namespace "$HF_NS"; }
wait_for 90 "the namespace is back" new_namespace
wait_for 45 "18 objects in sync again" all_in_sync 18
none_waits() { [ "$(sql 'select count(*) from outbox')" = 0 ]; }
wait_for 45 "every alert is settled" none_waits
sleep 1
none_waits || fail "alerts after the end"

# What the chat was sent: its messages' titles are their plain text, one a line.
grep -a '"blocks":' "$HF_WORK/alerts.txt" | grep -ao '"text":"[^"]*"' | sed -n 's/^"text":"\(\(OPEN\|UPDATE\|RESOLVED\).*\)"$/\1/p' | sort -u >"$HF_WORK/titles.txt"
messages=$(grep -ac '"blocks":' "$HF_WORK/alerts.txt")
note "$messages messages: $(tr '\n' '|' <"$HF_WORK/titles.txt")"
# A real server takes seconds to empty a namespace: first that it was deleted, then that all is right again. The simulated one is done before anybody can be told.
matches "what was told first" "$(head -n 1 "$HF_WORK/titles.txt")" "^[A-Z]*: Namespace $HF_NS (was deleted, with [0-9]* of its objects on dev|is being deleted)"
if [ "$HF_CLUSTER" = real ]; then
  equal "messages of the chat" "$messages" 2
  matches "what was told last" "$(tail -n 1 "$HF_WORK/titles.txt")" "^RESOLVED.*All 18 objects are right again in namespace $HF_NS on dev, .* after the first was seen"
else
  [ "$messages" -le 2 ] || fail "$messages messages, expected one or two"
  matches "what was told last" "$(tail -n 1 "$HF_WORK/titles.txt")" "^RESOLVED.*right again"
fi
equal "incidents that the chat still waits for" "$(sql 'select count(*) from told')" 0
# The channel of events: the end of each incident, none twice.
incidents=$(sql "select count(*) from v_incidents where first_id > $before")
equal "incidents" "$incidents" 18
equal "ends that the channel of events was told" "$(grep -aoE '"type":"(correction.confirmed|drift.healed)"' "$HF_WORK/alerts.txt" | wc -l)" 18
# From seen to confirmed, with times.
equal "incidents whose events don't chain from seen to their end" "$(sql "select count(*) from v_incidents i where first_id > $before and not (
  outcome in ('corrected', 'healed') and seen_at is not null and ended_at >= seen_at and last_id > first_id
  and (outcome = 'healed' or exists (select 1 from events e where e.incident = i.incident and e.type = 'correction.intended' and e.id between i.first_id and i.last_id)))")" 0
"$HF_BIN/holdfast" audit verify --database "$HF_DB" >/dev/null || fail "audit verify"
