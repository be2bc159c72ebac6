# kill -9 in mid-delivery (8 times; 60 with HF_LONG=1) under a stream of drifts, to services of which some answer late, some never and some lose what they
# took: in the end every incident of the trail was told to every channel, and its end last; nothing is told again but what had no answer yet.
# early: yes
# limit: 1200
. "$HF_TOP/tests/integration/services.sh"
kills=8
[ "${HF_LONG:-}" != 1 ] || kills=60
services_up
unit_base
count=10
for ((i = 1; i <= count; i++)); do
  printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: "item-%d", namespace: "@NS@"}\ndata: {mode: safe}\n' "$i" | unit "20-item-$i.yaml"
done
HF_WEBHOOK_MORE='timeout: 1s, retry_within: 1s'
HF_MORE=$(channels 'group: {by: [incident], wait: 50ms, interval: 100ms}, limit: {messages: 0, within: 1m}')
HF_CORRECTION=observe
held $((count + 2))
raw GET "/api/v1/namespaces/$HF_NS/configmaps/item-1" >/dev/null || fail "the API server can't be asked"
settled=$(last_event)

# Somebody changes an object and, a moment later, back again: each is an incident.
touch "$HF_WORK/streaming"
flap() {
  local i value=safe
  while [ -f "$HF_WORK/streaming" ]; do
    [ "$value" = safe ] && value=loose || value=safe
    for ((i = $1; i <= count; i += 2)); do
      raw PATCH "/api/v1/namespaces/$HF_NS/configmaps/item-$i?fieldManager=somebody" "{\"data\":{\"mode\":\"$value\"}}" >/dev/null
      sleep "0.$(printf '%03d' $((RANDOM % 100 + 20)))"
    done
  done
  for ((i = $1; i <= count; i += 2)); do
    raw PATCH "/api/v1/namespaces/$HF_NS/configmaps/item-$i?fieldManager=somebody" '{"data":{"mode":"safe"}}' >/dev/null
  done
}
flap 1 &
flaps=("$!")
flap 2 &
flaps+=("$!")
HF_STARTED=("${flaps[@]}" "${HF_STARTED[@]}") # the agent stays the last

faults=(hang lost close '429 1' 500 cut lost hang)
for ((round = 1; round <= kills; round++)); do
  # Three services stumble, others each time: an agent that is killed has messages under way to them.
  stumbling=()
  for ((i = 0; i < 3; i++)); do
    name=${HF_SERVICES[(round * 3 + i) % 9]}
    stumbling+=("$name")
    # shellcheck disable=SC2086
    fault "$name" ${faults[RANDOM % 8]}
  done
  sleep "$((RANDOM % 2)).$(printf '%03d' $((RANDOM % 1000)))"
  kill -KILL "$HF_AGENT_PID"
  wait "$HF_AGENT_PID" 2>/dev/null
  unset 'HF_STARTED[-1]' # its number may soon be somebody else's
  "$HF_BIN/holdfast" audit verify --database "$HF_DB" >"$HF_WORK/verify.out" 2>&1 || fail "round $round: $(cat "$HF_WORK/verify.out")"
  agent_start || fail "round $round: the agent does not start again"
  for name in "${stumbling[@]}"; do fault "$name"; done
  sleep 0.5
done
rm "$HF_WORK/streaming"
wait "${flaps[@]}" 2>/dev/null
caught_up() { all_in_sync $((count + 2)) && [ "$(sql 'select count(*) from v_open')" = 0 ] && none_waits; }
wait_for 60 "all is in sync, no incident is open, every alert is settled" caught_up
sleep 1
caught_up || fail "not settled for a second"

# What the trail says was to be told, against what the services have taken ("lost": taken, but the agent was not told so).
no_findings
taken="status between 200 and 299 and fault in ('', 'lost')"
sql "select incident || '|' || digest from events where id > $settled and alert and type in ('drift.seen', 'drift.healed')" | cut -d'|' -f1 | sort -u >"$HF_WORK/incidents.wanted"
[ "$(wc -l <"$HF_WORK/incidents.wanted")" -ge $((kills * 3)) ] || fail "only $(wc -l <"$HF_WORK/incidents.wanted") incidents: this shows nothing"
for name in "${HF_CHATS[@]}" webhook; do
  heard "select distinct about from heard where service = '$name' and $taken and about <> ''" | sort >"$HF_WORK/incidents.$name"
  equal "incidents that $name never heard of" "$(comm -23 "$HF_WORK/incidents.wanted" "$HF_WORK/incidents.$name" | head -n 3)" ""
  equal "incidents that $name has of nobody" "$(comm -13 "$HF_WORK/incidents.wanted" "$HF_WORK/incidents.$name" | head -n 3)" ""
done
over="state in ('RESOLVED', 'resolve', 'resolved', 'drift.healed')"
equal "incidents whose end was not the last that was told" "$(heard "select service || ' ' || about from heard h where $taken and about <> '' and n = (select max(n) from heard o where o.service = h.service and o.about = h.about and o.status between 200 and 299 and o.fault in ('', 'lost')) and not ($over) limit 3")" ""
# The generic channel: each event of the trail by its key.
mkdir -p "$HF_WORK/keys"
sql "select id, digest from events where id > $settled and alert" | while IFS='|' read -r id digest; do printf '%s\nwebhook' "$digest" >"$HF_WORK/keys/$id"; done
(cd "$HF_WORK/keys" && find . -type f -printf '%f\n' | xargs sha256sum) | sed 's/^\(.\{32\}\).*/evt_\1/' | sort >"$HF_WORK/keys.wanted"
heard "select distinct id from heard where service = 'webhook' and $taken" | sort >"$HF_WORK/keys.got"
equal "events that never arrived" "$(comm -23 "$HF_WORK/keys.wanted" "$HF_WORK/keys.got" | head -n 3)" ""
equal "events that nobody has recorded" "$(comm -13 "$HF_WORK/keys.wanted" "$HF_WORK/keys.got" | head -n 3)" ""
equal "channels that still wait" "$(sql 'select count(*) from told')" 0
# Twice is at most what was under way at a kill or lost: one message a channel and kill, and what was lost.
twice=$(heard "select coalesce(sum(c - 1), 0) from (select count(*) c from heard where service = 'webhook' and $taken group by id)")
lost=$(heard "select count(*) from heard where service = 'webhook' and fault = 'lost'")
[ "$twice" -le $((kills + lost)) ] || fail "$twice events came twice at $kills kills and $lost lost answers"
"$HF_BIN/holdfast" audit verify --database "$HF_DB" >"$HF_WORK/verify.out" 2>&1 || fail "$(cat "$HF_WORK/verify.out")"
keeps_channels_secret
note "$kills kills, $(wc -l <"$HF_WORK/incidents.wanted") incidents, $(heard 'select count(*) from heard') requests, $(heard "select count(*) from heard where fault <> ''") of them failed, $twice events of the generic channel twice"
