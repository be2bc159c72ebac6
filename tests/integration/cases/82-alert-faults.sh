# Services that answer 429, 500, nothing, half an answer or elsewhere, that lose what they have taken, are deleted or gone: each alert arrives once it can,
# in order within its incident, and the channels beside them wait for nothing. HF_LONG=1: one of them is gone for an hour.
# limit: 4200
# alone: yes
. "$HF_TOP/tests/integration/services.sh"
away=9
[ "${HF_LONG:-}" != 1 ] || away=3600
services_up
unit_base
count=12
for ((i = 1; i <= count; i++)); do
  printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: "item-%d", namespace: "@NS@"}\ndata: {mode: safe}\n' "$i" | unit "20-item-$i.yaml"
done
# Each incident by itself, and none corrected: what is told, and when, is up to this case.
HF_WEBHOOK_MORE='timeout: 1s, retry_within: 3s'
HF_MORE=$(channels 'group: {by: [incident], wait: 100ms, interval: 1s}, limit: {messages: 0, within: 1m}')
HF_CORRECTION=observe
held $((count + 2))
mode() { # VALUE: of all items, one after another
  local i
  for ((i = 1; i <= count; i++)); do
    kc -n "$HF_NS" patch "configmap/item-$i" --type=merge -p "{\"data\":{\"mode\":\"$1\"}}" >/dev/null || fail "kubectl patch"
    sleep 0.2
  done
}
raw GET "/api/v1/namespaces/$HF_NS/configmaps/item-1" >/dev/null || fail "the API server can't be asked"

# How many of the incidents a service was told of in a state (the generic channel by the event's type).
is_open="state in ('OPEN', 'trigger', 'firing', 'drift.seen')"
is_over="state in ('RESOLVED', 'resolve', 'resolved', 'drift.healed')"
arrived() { # SERVICE STATE: what was taken, or lost by a service that has taken it
  heard "select count(distinct about) from heard where service = '$1' and status < 300 and (fault = '' or fault = 'lost') and $2"
}
all_arrived() { # STATE SERVICE…
  local name
  for name in "${@:2}"; do [ "$(arrived "$name" "$1")" = "$count" ] || return 1; done
}
# The longest time from an event to its message, in ms, over messages of a state: times are of one machine.
slowest() { # STATE EVENT-TYPE SERVICE…
  local at name
  at=$(sql "select group_concat('(''' || incident || ''',' || cast(round((julianday(at) - 2440587.5) * 86400000) as integer) || ')') from events where type = '$2' and name like 'item-%'")
  for name in "${@:3}"; do
    heard "with seen(incident, at) as (values $at) select max(took) from (select min(h.at) - s.at took from heard h join seen s on s.incident = h.about where h.service = '$name' and h.status < 300 and h.fault = '' and $1 group by h.about)"
  done | sort -n | tail -n 1
}
# A service that fails answers as it should and was asked; then it is mended.
was_asked() { [ "$(heard "select count(*) > 0 from heard where service = '$1' and fault = '$2'")" = 1 ]; }

round() { # STATE EVENT-TYPE VALUE "NAME FAULT [SECONDS]"…
  local state=$1 type=$2 value=$3 line name healthy=() failing=() begin
  shift 3
  for line in "$@"; do
    # shellcheck disable=SC2086
    fault $line
    failing+=("${line%% *}")
  done
  for name in "${HF_SERVICES[@]}"; do [[ " ${failing[*]} " == *" $name "* ]] || healthy+=("$name"); done
  sleep 0.3
  begin=$EPOCHREALTIME
  mode "$value"
  # Those that work have it all at once, whatever the others do.
  wait_for 10 "the channels that work are told" all_arrived "$state" "${healthy[@]}"
  note "$type: ${healthy[*]} within $(slowest "$state" "$type" "${healthy[@]}") ms of the event; failing: $*"
  [ "$(slowest "$state" "$type" "${healthy[@]}")" -lt 1500 ] || fail "a channel that works waited for $(slowest "$state" "$type" "${healthy[@]}") ms"
  sleep "$away"
  for line in "$@"; do
    name=${line%% *}
    line=${line#* }
    [ "${line%% *}" = gone ] || was_asked "$name" "${line%% *}" || fail "$name was not asked while it failed ($line)"
    if [ "${line%% *}" != lost ]; then equal "what $name has taken while it failed ($line)" "$(arrived "$name" "$state")" 0; fi
  done
  for name in "${failing[@]}"; do fault "$name"; done
  begin=$EPOCHREALTIME
  wait_for 30 "all is told once it can be: $(for name in "${failing[@]}"; do echo "$name $(arrived "$name" "$state")"; done | tr '\n' ',')" all_arrived "$state" "${failing[@]}"
  note "$type: all $count arrived $(since "$begin") ms after the services work again"
}
round "$is_open" drift.seen loose 'slack 429 4' 'slack-bot 500' 'teams hang' 'google-chat close' 'discord cut' 'mattermost gone'
round "$is_over" drift.healed safe 'slack redirect' 'teams deleted' 'discord lost' 'pagerduty 429 3' 'alertmanager hang' 'webhook gone'
wait_for 30 "every alert is settled" none_waits
sleep 1
none_waits || fail "alerts after the end"

no_findings
equal "what a redirect led to" "$(heard "select count(*) from heard where status = 404 and service = 'slack'")" 0
# 429 with a Retry-After: until then nobody knocks.
equal "knocks at a service that asked for quiet" "$(heard "select service from (select service, fault, at, lag(at) over (partition by service order by n) before, lag(fault) over (partition by service order by n) earlier from heard)
  where earlier = '429' and at - before < case service when 'slack' then 3900 else 2900 end")" ""
# In order: once a service has taken that an incident is over, it hears nothing older of it.
equal "incidents that were told of after their end" "$(heard "select h.service || ' ' || h.about from heard h where h.fault = '' and h.status < 300 and h.$is_open and exists (select 1 from heard o where o.service = h.service and o.about = h.about and o.n < h.n and o.fault = '' and o.status < 300 and o.$is_over) limit 3")" ""
# Twice only what was taken without an answer.
equal "messages that came twice" "$(heard "select service || ' ' || about || ' ' || state from heard where fault = '' and status < 300 and service <> 'discord' group by service, about, state having count(*) > 1 limit 3")" ""
equal "channels that still wait" "$(sql 'select count(*) from told')" 0
equal "alerts given up" "$(sql "select count(*) from events where type = 'alert.given_up'")" 0
api health >/dev/null || agent_ready || fail "the agent is not ready"
keeps_channels_secret
