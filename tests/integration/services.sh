# The services that alerts go to, as tests/support/alert_services.c plays them, for the cases that need them. Sourced after lib.sh.

HF_SERVICES=(slack slack-bot teams google-chat discord mattermost pagerduty alertmanager webhook)
HF_CHATS=(slack slack-bot teams google-chat discord mattermost)

services_up() {
  HF_FAKES=$HF_WORK/services
  mkdir -p "$HF_FAKES"
  "$HF_BIN/tests/alert_services" "$HF_FAKES" https://holdfast.example.com/ >"$HF_WORK/services.out" 2>"$HF_WORK/services.log" &
  HF_STARTED+=($!)
  wait_for 5 "the services listen" grep -q '^listening' "$HF_WORK/services.out"
}

# The `alerts:` of a config with a channel for each service: channels [MORE OF EACH CHANNEL BUT THE GENERIC ONE, which hears each event]
channels() {
  local name secrets
  echo 'alerts:'
  echo '  dashboard_url: https://holdfast.example.com/'
  echo '  channels:'
  for name in "${HF_SERVICES[@]}"; do
    secrets="url_file: $HF_FAKES/$name.url"
    [ ! -f "$HF_FAKES/$name.token" ] || secrets+=", token_file: $HF_FAKES/$name.token"
    [ ! -f "$HF_FAKES/$name.secret" ] || secrets+=", secret_file: $HF_FAKES/$name.secret"
    [ "$name" != slack-bot ] || secrets+=", conversation: C0HOLDFAST"
    echo "  - {name: $name, type: $name, webhook: {$secrets${HF_WEBHOOK_MORE:+, $HF_WEBHOOK_MORE}}$([ "$name" = webhook ] || echo "${1:+, $1}")}"
  done
}

# Asks what was received: heard SQL, over heard(at, service, verdict, status, fault, findings, id, about, thread, state, title, body, n).
heard() {
  cat >"$HF_WORK/heard.sql" <<SQL
.bail on
.mode list
.separator "\037" "\n"
create temp table lines (line text);
.import $HF_FAKES/received.jsonl lines
create temp table heard as select json_extract(line, '$.at') at, json_extract(line, '$.service') service, json_extract(line, '$.verdict') verdict,
  json_extract(line, '$.status') status, json_extract(line, '$.fault') fault, json_extract(line, '$.findings') findings, json_extract(line, '$.id') id,
  json_extract(line, '$.about') about, json_extract(line, '$.thread') thread, json_extract(line, '$.state') state, json_extract(line, '$.title') title,
  json_extract(line, '$.body') body, rowid n from lines where json_valid(line);
.separator "|" "\n"
SQL
  sqlite3 -cmd ".read $HF_WORK/heard.sql" :memory: "$1"
}
hears() { [ "$(heard "$1")" = "$2" ]; } # SQL, wanted

# fault NAME [FAULT [SECONDS]]: from the next request on; none given: it works again.
fault() {
  touch "$HF_FAKES/faults"
  { grep -v "^$1 " "$HF_FAKES/faults"; [ $# -lt 2 ] || echo "$*"; } >"$HF_FAKES/faults.new"
  mv "$HF_FAKES/faults.new" "$HF_FAKES/faults"
}
none_waits() { [ "$(sql 'select count(*) from outbox')" = 0 ]; }
# Nothing that a service would refuse, nor what a person could be misled by, since a line of the log.
no_findings() {
  equal "findings of the services" "$(heard "select service || ': ' || findings || ' in ' || title from heard where verdict = 'finding' and n > ${1:-0} limit 5")" ""
}
# No channel's address, token or key stands in what holdfast has written.
keeps_channels_secret() {
  local file secrets='' outputs=()
  for file in "$HF_FAKES"/*.{token,secret,url}; do secrets+=" $(grep -oE '[A-Za-z]{32}' "$file")"; done
  for file in "$HF_WORK"/*.{log,db,db-wal,out}; do [ -f "$file" ] && outputs+=("$file"); done
  keeps_secret "$secrets" "${outputs[@]}" || fail "a channel's secret is told"
}
