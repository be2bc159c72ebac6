# Nine channels of one agent, a service behind each that checks what it gets as the real one does: opened, changed and resolved drifts, among them of an
# object that is full of markup and a megabyte long. Nothing wrong arrives, nothing is missing, each trouble is one thread, one alert, one set of labels.
# early: yes
# limit: 300
. "$HF_TOP/tests/integration/services.sh"
services_up

# --- first: that these services find what is wrong. What, the service, its answer, the message ("" for its own head)
long() { printf "%$1s" '' | tr ' ' "${2:-x}"; }
refused() {
  local what=$1 name=$2 wanted=$3 head=(-H 'Content-Type: application/json; charset=utf-8')
  [ ! -f "$HF_FAKES/$name.token" ] || head+=(-H "Authorization: Bearer $(cat "$HF_FAKES/$name.token")")
  [ $# -le 4 ] || head=("${@:5}")
  printf %s "$4" >"$HF_WORK/wrong.json"
  curl -s -m 5 -o "$HF_WORK/answer.out" -w ' %{http_code}' "${head[@]}" --data-binary @"$HF_WORK/wrong.json" "$(cat "$HF_FAKES/$name.url")" >"$HF_WORK/code.out"
  matches "the answer of $name to $what" "$(cat "$HF_WORK/answer.out" "$HF_WORK/code.out")" "$wanted"
  equal "the verdict on $what" "$(heard 'select verdict from heard order by n desc limit 1')" finding
}
block() { printf '{"text":"OPEN: x","blocks":[{"type":"section","text":{"type":"mrkdwn","verbatim":%s,"text":"%s"}}]}' "${2:-true}" "$1"; }
embed() { printf '{"allowed_mentions":{"parse":[]},"embeds":[{"title":"OPEN: %s","description":"%s","color":1}]}' "$1" "$2"; }
event() { printf '{"routing_key":"%s","event_action":"%s","dedup_key":"k","payload":{"summary":"s","source":"x","severity":"%s"}}' "${3:-$(cat "$HF_FAKES/pagerduty.token")}" "$1" "$2"; }
refused "no JSON" slack '^invalid_payload 400$' '{'
refused "a form" slack '^invalid_payload 400$' '{"text":"OPEN"}' -H 'Content-Type: application/x-www-form-urlencoded'
refused "a long section" slack '^invalid_blocks.* 400$' "$(block "$(long 3001)")"
refused "no blocks" slack '^invalid_blocks.* 400$' '{"text":"OPEN: x","blocks":[]}'
refused "a mention" slack '^ok 200$' "$(block 'hello <!channel>')"
refused "a link elsewhere" slack '^ok 200$' "$(block '<https://evil.example/|hello>')"
refused "an address in text that is not verbatim" slack '^ok 200$' "$(block 'https://evil.example' false)"
refused "a wrong token" slack-bot '"invalid_auth".* 200$' "$(block x)" -H 'Authorization: Bearer xoxb-no'
refused "another conversation" slack-bot '"channel_not_found".* 200$' '{"channel":"C1","text":"OPEN: x"}'
refused "no card" teams 'TriggerInputSchemaMismatch.* 400$' '{"text":"hello"}'
refused "Markdown" teams '^ 202$' '{"type":"message","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","content":{"type":"AdaptiveCard","version":"1.4","body":[{"type":"TextBlock","text":"[x](http://evil)"}]}}]}'
refused "too much" google-chat 'INVALID_ARGUMENT.* 400$' "{\"fallbackText\":\"$(long 32000)\",\"cardsV2\":[]}"
refused "a tag" google-chat '"name".* 200$' '{"cardsV2":[{"cardId":"a","card":{"header":{"title":"OPEN"},"sections":[{"widgets":[{"textParagraph":{"text":"<a href=x>"}}]}]}}]}'
refused "a long title" discord '"code":50035.* 400$' "$(embed "$(long 256)" x)"
refused "nothing" discord '"code":50006.* 400$' '{"embeds":[]}'
refused "a masked link" discord '^ 204$' "$(embed x '[hello](http://evil.example)')"
refused "text that may mention" discord '^ 204$' '{"embeds":[{"title":"OPEN","description":"x","color":1}]}'
refused "no text" mattermost '"status_code":400.* 400$' '{}'
refused "a mention" mattermost '^ok 200$' '{"attachments":[{"fallback":"x","color":"#123456","title":"OPEN","text":"@channel"}]}'
refused "a wrong key" pagerduty 'should be 32 characters.* 400$' "$(event trigger info short)"
refused "a wrong severity" pagerduty 'payload.severity.* 400$' "$(event trigger fatal)"
refused "an alert without labels" alertmanager 'at least one label pair required.* 400$' '[{"labels":{}}]'
refused "an end before the start" alertmanager 'start time must be before end time.* 400$' '[{"labels":{"alertname":"a"},"annotations":{"summary":"s"},"startsAt":"2026-01-02T00:00:00Z","endsAt":"2026-01-01T00:00:00Z"}]'
refused "no signature" webhook '401$' '{"specversion":"1.0"}' -H 'Content-Type: application/cloudevents+json'
refused "an address that is not there" mattermost '404$' '{}' --request-target /hooks/elsewhere

before=$(heard 'select max(n) from heard')

# --- an object that is as bad as the API server lets it be, beside honest ones
evil='<!channel> <@U1> @everyone @here ](http://evil.example/x) [y](http://evil.example) https://evil.example www.evil.example `*_~|> &lt; <b>x</b> <users/all>'
unit_base
for name in plain big; do
  unit 20-$name.yaml <<YAML
apiVersion: v1
kind: ConfigMap
metadata: {name: $name, namespace: "@NS@", annotations: {example.com/note: "none"}}
data: {mode: safe, text: short}
YAML
done
units_copy "$HF_WORK/units" "$HF_NS"
rm -f "$HF_WORK"/units/*namespace*.yaml
unit_base
objects=$(cat "$HF_WORK"/units/*.yaml | grep -c '^kind:')
HF_MORE=$(channels 'group: {wait: 1s, interval: 3s}, limit: {messages: 0, within: 1m}')
held "$objects"
sleep 2
before_events=$(last_event)
"$HF_BIN/holdfast" pause --config "$HF_CONFIG" --target dev --for 1h --reason "known; $evil" >"$HF_WORK/pause.out" 2>&1 || fail "pause: $(cat "$HF_WORK/pause.out")"
paused() { [ "$(sql "select count(*) from events where type = 'pause.set'")" = 1 ]; }
wait_for 10 "the pause is recorded" paused

{
  printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: big\n  namespace: %s\n  annotations:\n    example.com/note: |\n      %s\n    example.com/dir: "a\\u202eb\\u0007\\e[31m"\ndata:\n  mode: |\n    ```\n    %s\n  text: "' "$HF_NS" "$evil" "$evil"
  for ((i = 0; i < 7000; i++)); do printf '%s' "${evil//\\/}" | tr -d '"\n'; done | head -c 950000
  printf '"\n'
} >"$HF_WORK/big.yaml"
options=(--server-side --force-conflicts --field-manager='<!channel> @here ](http://evil.example)')
[ "$HF_CLUSTER" = real ] || options+=(--validate=false)
kc apply "${options[@]}" -f "$HF_WORK/big.yaml" >"$HF_WORK/kubectl.out" 2>&1 || fail "kubectl apply: $(cut -c1-1000 "$HF_WORK/kubectl.out")"
kc -n "$HF_NS" patch configmap/plain --type=merge -p '{"data":{"mode":"loose"}}' >/dev/null || fail "kubectl patch"
opened() { hears "select count(distinct service) from heard where n > $before and verdict = 'taken' and state in ('OPEN', 'trigger', 'firing', 'correction.blocked')" 9; }
wait_for 30 "every channel is told that something is wrong" opened
sleep 1
# Then all of the namespace.
kc -n "$HF_NS" label deployments,services --all layer=wrong --overwrite >"$HF_WORK/kubectl.out" 2>&1 || fail "kubectl label: $(cat "$HF_WORK/kubectl.out")"
updated() { hears "select count(distinct service) from heard where n > $before and verdict = 'taken' and state = 'UPDATE'" 6; }
wait_for 30 "the chats are told more of it" updated
# And one of them grows graver.
kc -n "$HF_NS" set image deployment/trade-service "*=evil.example/$(long 60 a):1" >"$HF_WORK/kubectl.out" 2>&1 || fail "kubectl set image: $(cat "$HF_WORK/kubectl.out")"
sleep 4
kc -n "$HF_NS" patch configmap/big --type=merge -p '{"data":{"mode":"looser"}}' >/dev/null || fail "kubectl patch"
sleep 1
pause_id=$(sed -n "s/:.*//p" "$HF_WORK/pause.out" | head -n 1)
"$HF_BIN/holdfast" resume --config "$HF_CONFIG" "$pause_id" >"$HF_WORK/pause.out" 2>&1 || fail "resume: $(cat "$HF_WORK/pause.out")"
wait_for 60 "all is in sync again" all_in_sync "$objects"
wait_for 60 "every alert is settled" none_waits
sleep 2
none_waits || fail "alerts after the end"
"$HF_BIN/holdfast" alert test --config "$HF_CONFIG" --channel webhook >"$HF_WORK/test.out" 2>&1 || fail "alert test: $(cat "$HF_WORK/test.out")"

# --- what came of it
no_findings "$before"
equal "requests that were not taken" "$(heard "select count(*) from heard where n > $before and verdict <> 'taken'")" 0
equal "what the channels still wait for" "$(sql 'select count(*) from told')" 0
# What the pause was told by is a notice; all else is one trouble, which ends.
equal "chats whose last word is not that all is right" "$(heard "select service from heard h where n > $before and n = (select max(n) from heard o where o.service = h.service and o.state <> 'NOTICE') and service in ('slack', 'slack-bot', 'teams', 'google-chat', 'discord', 'mattermost') and state <> 'RESOLVED'")" ""
equal "threads of the trouble" "$(heard "select count(distinct thread) from heard where n > $before and service = 'slack-bot' and state <> 'NOTICE'")" 1
[ "$(heard "select count(*) from heard where n > $before and service = 'slack-bot' and state <> 'NOTICE'")" -ge 3 ] || fail "fewer than three messages in the thread"
for name in pagerduty alertmanager; do
  equal "what $name was told of and not of its end" "$(heard "select about from heard h where n > $before and service = '$name' and state in ('trigger', 'firing') and title not like '%pause%' and title not like '%aused%' and not exists (select 1 from heard o where o.service = h.service and o.about = h.about and o.n > h.n and o.state in ('resolve', 'resolved'))")" ""
  equal "ends of what $name was never told of" "$(heard "select about from heard h where n > $before and service = '$name' and state in ('resolve', 'resolved') and not exists (select 1 from heard o where o.service = h.service and o.about = h.about and o.n < h.n and o.state in ('trigger', 'firing'))")" ""
  equal "ends that $name was told twice" "$(heard "select about from heard where n > $before and service = '$name' and state in ('resolve', 'resolved') group by about having count(*) > 1")" ""
done
# Every event once, by its key; the same number as the trail has alerts, but for drifts that are being put back.
equal "events that came twice" "$(heard "select id from heard where n > $before and service = 'webhook' group by id having count(*) > 1")" ""
equal "events of the generic channel" "$(heard "select count(*) from heard where n > $before and service = 'webhook' and state <> 'alert.test'")" "$(sql "select count(*) from events where id > $before_events and alert and not (type = 'drift.seen' and detail like '%\"correcting\":true%')")"
keeps_channels_secret
note "$(heard "select group_concat(service || ' ' || c || ' (' || b || ' bytes at most)', ', ') from (select service, count(*) c, max(length(cast(body as blob))) b from heard where n > $before group by service)")"
