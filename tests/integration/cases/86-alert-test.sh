# `holdfast alert test`: a sample goes the way that alerts go, in the service's form; --dry-run sends nothing; no secret is printed.
sink_up
agent_config "$HF_WORK"
secret=$(sed 's|.*/||' "$HF_WORK/sink.url")
echo "routing-key-$RANDOM" >"$HF_WORK/pd.key"
cat >>"$HF_CONFIG" <<YAML
alerts:
  dashboard_url: https://holdfast.example.com/
  channels:
  - {name: chat, type: slack, webhook: {url_file: $HF_WORK/sink.url}}
  - {name: plain, webhook: {url_file: $HF_WORK/sink.url}}
  - {name: pager, type: pagerduty, webhook: {token_file: $HF_WORK/pd.key}}
  - {name: gone, type: discord, webhook: {url_file: $HF_WORK/gone.url}}
YAML
echo "http://127.0.0.1:9/hooks/$secret" >"$HF_WORK/gone.url"
alert() { "$HF_BIN/holdfast" alert test --config "$HF_CONFIG" "$@" >"$HF_WORK/alert.out" 2>"$HF_WORK/alert.log"; echo $?; }
equal "exit of a dry run" "$(alert --channel chat --dry-run)" 0
equal "the dry run is JSON" "$(sqlite3 :memory: "select json_valid(cast(readfile('$HF_WORK/alert.out') as text))")" 1
[ ! -s "$HF_WORK/alerts.txt" ] || fail "a dry run has sent something"
equal "exit of a test" "$(alert --channel chat)" 0
matches "what Slack gets" "$(cat "$HF_WORK/alerts.txt")" '"blocks":\['
equal "exit of the generic channel" "$(alert --channel plain)" 0
matches "what it gets" "$(cat "$HF_WORK/alerts.txt")" '"type":"dev\.holdfast\.alert\.test"'
equal "exit where nobody listens" "$(alert --channel gone)" 1
matches "it says why, by the host alone" "$(cat "$HF_WORK/alert.log")" 'channel gone does not take it: .*127\.0\.0\.1'
if [ -n "$secret" ] && grep -qF "hooks/$secret" "$HF_WORK/alert.log"; then fail "the URL is printed"; fi
equal "exit of PagerDuty's dry run" "$(alert --channel pager --dry-run --severity critical)" 0
if grep -qF "$(cat "$HF_WORK/pd.key")" "$HF_WORK/alert.out"; then fail "the routing key is printed"; fi
matches "its severity" "$(cat "$HF_WORK/alert.out")" '"severity":"critical"'
equal "exit of a channel that is not there" "$(alert --channel nope)" 2
[ ! -f "$HF_DB" ] || fail "a test has made a trail"
# A dry run says where and how it would go, without what is secret.
equal "exit of the generic channel's dry run" "$(alert --channel plain --dry-run)" 0
matches "its request" "$(cat "$HF_WORK/alert.log")" '^POST http://127\.0\.0\.1:[0-9]*/\*\*\*
Content-Type: application/cloudevents\+json; charset=utf-8
webhook-id: holdfast-alert-test
webhook-timestamp: [0-9]{10}$'
equal "exit of the bot's dry run" "$(alert --channel pager --dry-run)" 0
matches "a service's own address" "$(cat "$HF_WORK/alert.log")" '^POST https://events\.pagerduty\.com/v2/enqueue'

# `holdfast alert channels`: what is set, by the host alone; a channel whose secret can't be read is told as such.
cat >>"$HF_CONFIG" <<YAML
  - {name: bot, type: slack-bot, webhook: {token_file: $HF_WORK/pd.key, conversation: C1, retry_within: 30s}, match: [{severity: critical, labels: {team: fx-*}}], limit: {messages: 5, within: 1m}}
  - {name: lost, type: teams, webhook: {url_file: $HF_WORK/not-there}, resolved: false}
YAML
listed() { "$HF_BIN/holdfast" alert channels --config "$HF_CONFIG" "$@" >"$HF_WORK/channels.out" 2>"$HF_WORK/channels.log"; echo $?; }
ask() { sqlite3 :memory: "select $2 from json_each(cast(readfile('$HF_WORK/channels.out') as text)) where json_extract(value, '$.name') = '$1'"; }
field_of() { ask "$1" "json_extract(value, '$.$2')"; }
equal "exit when one can't be read" "$(listed --output json)" 1
equal "channels" "$(sqlite3 :memory: "select count(*) from json_each(cast(readfile('$HF_WORK/channels.out') as text))")" 6
equal "the host of a webhook" "$(field_of plain host)" "$(sed 's|http://||; s|/.*||' "$HF_WORK/sink.url")"
equal "the host of a service that has one address" "$(field_of pager host)" events.pagerduty.com
equal "the bot's conversation, patience and limit" "$(field_of bot conversation) $(field_of bot retry_within_ms) $(field_of bot limit.messages)" "C1 30000 5"
equal "what the bot is told" "$(field_of bot match)" '[{"labels":{"team":"fx-*"},"severity":"critical"}]'
equal "what a chat waits for others, by default" "$(field_of chat group.wait_ms) $(field_of chat group.by)" '2000 ["target","namespace"]'
equal "ends" "$(field_of lost resolved) $(field_of chat resolved)" "0 1"
matches "the problem" "$(field_of lost problem)" 'webhook URL.*not-there'
if grep -qF -e "hooks/$secret" -e "$(cat "$HF_WORK/pd.key")" "$HF_WORK/channels.out" "$HF_WORK/alert.log"; then fail "a secret is printed"; fi
equal "exit as text" "$(listed)" 1
matches "as text" "$(cat "$HF_WORK/channels.out")" 'bot: slack-bot at slack\.com, with a token, conversation C1
  match: \[\{"labels":\{"team":"fx-\*"\},"severity":"critical"\}\]
  messages: one a trouble, by target,namespace, after .*, at most 5 in '
if grep -qF -e "hooks/$secret" -e "$(cat "$HF_WORK/pd.key")" "$HF_WORK/channels.out"; then fail "a secret is printed"; fi
equal "exit of a form that is not there" "$(listed --output xml)" 2
