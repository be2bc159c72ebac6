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
