# The whole API of a running agent, after real drifts that were put back: spaces, incidents page by page to their end, one incident with its steps, figures, the
# timeline, the chain's state and its verification, exports whose lines verify as docs/trail.md shows, the rules and which of them decides; gzip, ETags, wrong questions.
HF_CORRECTION=auto
units_copy "$HF_WORK/units" "$HF_NS"
units_apply "$HF_WORK/units" || fail "kubectl apply: $(tail -n 3 "$HF_WORK/kubectl-apply.out")"
sink_up
HF_MORE="$HF_ALERTS"
agent_up "$HF_WORK/units"
wait_for 20 "18 objects in sync" all_in_sync 18
before=$(last_event)
kc -n "$HF_NS" scale deployment/trade-service --replicas=5 >/dev/null || fail "kubectl scale"
wait_for 15 "the first drift is put back" incident_ended "$before" Deployment trade-service
kc -n "$HF_NS" label service/web-gui layer=wrong --overwrite >/dev/null || fail "kubectl label"
wait_for 15 "the second drift is put back" incident_ended "$before" Service web-gui
kc -n "$HF_NS" delete service/position-service >/dev/null || fail "kubectl delete"
wait_for 15 "the third drift is put back" incident_ended "$before" Service position-service
wait_for 20 "18 objects in sync" all_in_sync 18
delivered() { [ "$(sql "select count(*) from events where type = 'alert.delivered'")" -ge 1 ]; }
wait_for 15 "an alert is delivered" delivered
told() { [ "$(sql 'select count(*) from outbox')" = 0 ]; }
wait_for 15 "all alerts are delivered" told

# A request; its body goes to HF_WORK/answer.json. Prints the status.
code() { curl -s -m 10 -o "$HF_WORK/answer.json" -D "$HF_WORK/head.txt" -w '%{http_code}' "$@"; }
get() { equal "GET $1" "$(code "${@:2}" "$HF_URL/$1")" 200; }
# json PATH: of the last answer, by SQLite's own JSON.
json() { sqlite3 :memory: "select json_extract(cast(readfile('$HF_WORK/answer.json') as text), '$1')"; }
count() { sqlite3 :memory: "select count(*) from json_each(cast(readfile('$HF_WORK/answer.json') as text), '$1')"; }
header() { tr -d '\r' <"$HF_WORK/head.txt" | sed -n "s/^$1: //ip"; }

# --- state
get api/v1/spaces
equal "the spaces" "$(json '$.items[0].target') $(json '$.items[0].space') $(json '$.items[0].units') $(json '$.items[0].counts.in_sync')" "dev traderx 17 18"
settled() { code "$HF_URL/api/v1/spaces" >/dev/null; [ "$(code -H "If-None-Match: $(header etag)" "$HF_URL/api/v1/spaces")" = 304 ]; }
wait_for 5 "an unchanged view is 304" settled

# --- incidents, page by page
wanted=$(sql "select group_concat(incident, ' ') from (select incident from v_incidents order by first_id desc)")
found=
cursor=
for ((page = 0; page < 20; page++)); do
  get "api/v1/incidents?limit=1${cursor:+&cursor=$cursor}"
  found+="${found:+ }$(json '$.items[0].id')"
  cursor=$(json '$.next')
  [ -n "$cursor" ] || break
done
equal "the incidents, one a page" "${found% }" "$wanted"
get "api/v1/incidents?state=open"
equal "open ones" "$(count '$.items')" 0
get "api/v1/incidents?state=corrected&kind=Deployment"
equal "of a kind and state" "$(json '$.items[0].name') $(json '$.items[0].outcome') $(count '$.items')" "trade-service corrected 1"
get "api/v1/incidents?path=/spec/replicas"
equal "by path" "$(json '$.items[0].name')" trade-service
incident=$(incident_of "$before" Deployment trade-service)
get "api/v1/incidents/$incident"
equal "its outcome" "$(json '$.outcome')" corrected
equal "its steps" "$(json '$.items[0].type')" drift.seen
matches "it was ended" "$(json '$.ended_at')" '^20'
equal "its alert" "$(json '$.deliveries[0].channel') $(json '$.deliveries[0].state')" "sink delivered"
equal "one that is not there" "$(code "$HF_URL/api/v1/incidents/none")" 404

# --- events by the filters of audit log
for filter in "path=/spec/replicas" "class=changed" "outcome=corrected" "verdict=drifted" "type=correction.&name=web-gui" "since=1h&severity=warning"; do
  get "api/v1/events?limit=1000&$filter"
  options=()
  IFS='&' read -ra parts <<<"$filter"
  for part in "${parts[@]}"; do options+=("--${part%%=*}" "${part#*=}"); done
  found=$(count '$.items')
  equal "events by $filter, as audit log has them" "$found" "$("$HF_BIN/holdfast" audit log --database "$HF_DB" --limit 0 --output jsonl "${options[@]}" | wc -l)"
  [ "$found" -gt 0 ] || fail "no events by $filter"
done

# --- figures
get "api/v1/stats?since=1h"
equal "corrected incidents" "$(json '$.all.corrected')" 3
matches "how long until it was put back" "$(json '$.all.correct_ms.p95')" '^[0-9]+$'
get "api/v1/stats?by=kind"
equal "by kind" "$(json '$.items[0].key') $(json '$.items[0].incidents') $(json '$.items[1].key') $(json '$.items[1].incidents')" "Deployment 1 Service 2"
get "api/v1/stats/timeline?since=1h&buckets=60"
equal "parts of the hour" "$(count '$.items')" 60
equal "seen in it" "$(sqlite3 :memory: "select sum(json_extract(value, '$.seen')), sum(json_extract(value, '$.corrected')) from json_each(cast(readfile('$HF_WORK/answer.json') as text), '$.items')")" "3|3"

# --- the chain
get api/v1/trail
verified() { [ "$(code "$HF_URL/api/v1/trail")" = 200 ] && [ "$(json '$.verified.events')" -gt 0 ] 2>/dev/null; }
wait_for 15 "the chain is verified by itself" verified
equal "what is wrong with it" "$(json '$.problem')" ""
equal "its head" "$(json '$.head.digest')" "$(sql 'select digest from events order by id desc limit 1')"
equal "its events" "$(json '$.events')" "$(sql 'select count(*) from events')"

# --- exports
get "api/v1/export?format=jsonl"
cp "$HF_WORK/answer.json" "$HF_WORK/export.jsonl"
matches "it is a file" "$(header content-disposition)" 'attachment; filename="holdfast-trail.jsonl"'
last=$(wc -l <"$HF_WORK/export.jsonl")
"$HF_BIN/holdfast" audit export --database "$HF_DB" | head -n "$last" | cmp -s - "$HF_WORK/export.jsonl" || fail "the export is not what audit export prints"
[ "$last" -ge 10 ] || fail "the export has $last lines"
previous=sha256:$(printf '%064d' 0)
while IFS= read -r line; do # as in docs/trail.md
  canonical=${line#*,\"event\":}
  canonical=${canonical%\}}
  previous=sha256:$(printf '%s\n%s' "$previous" "$canonical" | sha256sum | cut -c1-64)
  equal "the digest of a line" "${line:11:71}" "$previous"
done <"$HF_WORK/export.jsonl"
get "api/v1/export?format=csv&name=trade-service&type=correction."
"$HF_BIN/holdfast" audit log --database "$HF_DB" --limit 0 --oldest-first --output csv --name trade-service --type correction. | cmp -s - "$HF_WORK/answer.json" || fail "the CSV is not what audit log prints"

# --- rules
get api/v1/rules
matches "the packs" "$(sqlite3 :memory: "select group_concat(json_extract(value, '$.name')) from json_each(cast(readfile('$HF_WORK/answer.json') as text), '$.packs')")" 'security.*defaults'
fired() { code "$HF_URL/api/v1/rules" >/dev/null; [ "$(sqlite3 :memory: "select sum(json_extract(r.value, '$.fired')) from json_each(cast(readfile('$HF_WORK/answer.json') as text), '$.packs') p, json_each(p.value, '$.rules') r")" -gt 0 ]; }
wait_for 5 "some have fired" fired
get "api/v1/rules/explain?kind=apps/Deployment&name=trade-service&namespace=$HF_NS&path=/spec/template/spec/containers/%5Bname=trade-service%5D/image"
"$HF_BIN/holdfast" rules explain --config "$HF_CONFIG" --kind apps/Deployment --name trade-service --namespace "$HF_NS" --path '/spec/template/spec/containers/[name=trade-service]/image' --output json >"$HF_WORK/explain.json" || fail "rules explain"
equal "what decides, as the command tells it" "$(json '$')" "$(sqlite3 :memory: "select json(cast(readfile('$HF_WORK/explain.json') as text))")"

# --- wrong questions are told as such
while read -r status path; do
  equal "GET /api/v1/$path" "$(code "$HF_URL/api/v1/$path")" "$status"
  equal "its problem" "$(json '$.status')" "$status"
done <<'WRONG'
400 incidents?state=lost
400 incidents?cursor=-1
400 incidents?cursor=99999999999999999999
400 incidents?limit=0
400 events?outcome=lost
400 events?class=new
400 stats?by=colour
400 stats?since=yesterday-ish
400 stats/timeline?buckets=0
400 stats/timeline?since=1h&until=2h
400 trail?verify=maybe
400 export?format=xml
400 export?limit=1
400 rules/explain?path=/spec
400 rules/explain?kind=Pod&path=spec
400 rules/explain?kind=Pod&at=noon
400 incidents/..%2fevents
404 rules/nothing
WRONG

# --- gzip, with a tag of its own
get "api/v1/objects?findings=true&limit=5000" -H 'Accept-Encoding: gzip'
equal "its encoding" "$(header content-encoding)" gzip
matches "its tag" "$(header etag)" '-gzip"$'
equal "what it varies by" "$(header vary)" Accept-Encoding
gzip -dc <"$HF_WORK/answer.json" >"$HF_WORK/plain.json" || fail "gzip -d"
equal "what is in it" "$(sqlite3 :memory: "select json_extract(cast(readfile('$HF_WORK/plain.json') as text), '$.total')")" 18
get "api/v1/objects?findings=true&limit=5000" -H 'Accept-Encoding: gzip;q=0, identity'
equal "where it is not taken" "$(header content-encoding)" ""
get api/v1/session -H 'Accept-Encoding: gzip'
equal "nothing with a secret in it" "$(header content-encoding)" ""

# --- the pages say the same without JavaScript
matches "the incidents" "$(curl -sf -m 10 "$HF_URL/incidents?state=ended")" 'trade-service'
matches "the trail's search" "$(curl -sf -m 10 "$HF_URL/trail?path=/spec/replicas&outcome=corrected")" 'href="/api/v1/export\?format=csv&amp;path='
matches "the rules" "$(curl -sf -m 10 "$HF_URL/rules")" 'what runs'
agent_stop
equal "exit after SIGTERM" "$HF_STATUS" 0
