# Nothing that holdfast puts out tells a Secret's value, a token, or an alert channel's URL: log at debug level, trail, API, pages, metrics, alerts,
# all that `audit`, `check`, `validate` and `digest` print; with units, live changes and answers of the server that hold such values.
# limit: 240
unit_base
canary2=second-$HF_CANARY
number=77014425350391
unit 10-secrets.yaml <<YAML
apiVersion: v1
kind: Secret
metadata: {name: texts, namespace: "@NS@"}
stringData: {password: "@CANARY@", file: "user: a\npassword: @CANARY@\n"}
---
apiVersion: v1
kind: Secret
metadata: {name: bytes, namespace: "@NS@", annotations: {example.com/owner: carol}}
type: Opaque
data: {password: "@CANARY64@"}
---
apiVersion: v1
kind: Secret
metadata: {name: fixed, namespace: "@NS@"}
immutable: true
stringData: {password: "@CANARY@"}
YAML
# What can't be read or taken: errors show places, and what was found there.
unit 20-not-yaml.yaml <<YAML
apiVersion: v1
kind: Secret
metadata: {name: not-yaml, namespace: "@NS@"}
stringData:
  password: "@CANARY@" @CANARY@: [
   - @CANARY@
YAML
unit 21-number.yaml <<YAML
apiVersion: v1
kind: Secret
metadata: {name: number, namespace: "@NS@"}
stringData: {pin: $number}
YAML
unit 22-not-base64.yaml <<YAML
apiVersion: v1
kind: Secret
metadata: {name: not-base64, namespace: "@NS@"}
data: {password: "@CANARY@!"}
YAML
unit 23-misplaced.yaml <<YAML
apiVersion: v1
kind: Secret
metadata: {name: misplaced, namespace: "@NS@"}
password: "@CANARY@"
data: "@CANARY@"
YAML
unit 24-twice.yaml <<YAML
apiVersion: v1
kind: Secret
metadata: {name: twice, namespace: "@NS@"}
data:
  "@CANARY@ is a key that is not allowed": YQ==
  ? ["@CANARY@"]
  : a
YAML
mkdir "$HF_WORK/good"
cp "$HF_WORK"/units/[01]*.yaml "$HF_WORK/good"
units_apply "$HF_WORK/good" || fail "kubectl apply: $(cat "$HF_WORK/kubectl-apply.out")"
sink_up
hook=hook-$RANDOM$RANDOM$RANDOM-url
key=whsec_$(printf 'signing key %s' "$RANDOM$RANDOM$RANDOM" | base64 -w 0)
echo "$(cat "$HF_WORK/sink.url")/$hook" >"$HF_WORK/sink.url"
echo "$key" >"$HF_WORK/sink.key"
chmod 600 "$HF_WORK"/sink.{url,key}
HF_MORE="alerts: {channels: [{name: sink, webhook: {url_file: $HF_WORK/sink.url, secret_file: $HF_WORK/sink.key}}]}"
mkdir "$HF_WORK/told"
tell() { # NAME COMMAND…: what it prints is kept, to be searched
  "${@:2}" >"$HF_WORK/told/$1" 2>&1
}
nk() { kc -n "$HF_NS" "$@" >"$HF_WORK/kubectl.out" 2>&1 || fail "kubectl $*: $(cat "$HF_WORK/kubectl.out")"; }
tamper() {
  local word=$1
  nk patch secret/texts --type=merge --field-manager=mallory -p "{\"stringData\":{\"password\":\"$canary2-$word\",\"more-$word\":\"$canary2\"}}"
  nk patch secret/bytes --type=json --field-manager=mallory \
    -p "[{\"op\":\"replace\",\"path\":\"/data\",\"value\":{\"other\":\"$(printf %s "$canary2" | base64 -w 0)\"}}]"
  # The values of a client-side apply stand in an annotation, too.
  printf 'apiVersion: v1\nkind: Secret\nmetadata: {name: bytes, namespace: %s, labels: {by: %s}, annotations: {example.com/owner: mallory, example.com/copy: "%s"}}\nstringData: {password: "%s"}\n' \
    "$HF_NS" "$word" "$canary2" "$canary2" >"$HF_WORK/mallory.yaml"
  nk apply --validate=false -f "$HF_WORK/mallory.yaml"
}
ask_all() { # NAME: every answer of the API, every page
  local path number=0 row
  for path in / /metrics /livez /healthz '/readyz?verbose' /api/v1/summary /api/v1/targets /api/v1/units '/api/v1/objects?findings=true&limit=100' '/api/v1/events?limit=200' \
    '/api/v1/objects?verdict=drifted&findings=true' /api/v1/openapi.yaml; do
    tell "$1-page-$((number++))" curl -s -m 5 "$HF_URL$path"
  done
  for row in texts bytes fixed number not-base64; do
    tell "$1-object-$row" curl -s -m 5 -G "$HF_URL/api/v1/object" -d target=dev -d kind=Secret -d "name=$row" -d "namespace=$HF_NS"
    tell "$1-object-page-$row" curl -s -m 5 -G "$HF_URL/" -d target=dev -d kind=Secret -d "name=$row" -d "namespace=$HF_NS"
  done
  for row in $(sql "select distinct incident from events where incident is not null limit 30"); do
    tell "$1-incident-$row" curl -s -m 5 "$HF_URL/api/v1/incidents/$row"
    tell "$1-incident-page-$row" curl -s -m 5 "$HF_URL/?incident=$row"
  done
  timeout 1 curl -s -N "$HF_URL/api/v1/stream" >"$HF_WORK/told/$1-stream" 2>&1
}
seen() { [ "$(sql "select count(*) from v_incidents where first_id > $before and name = '$1' and ($2)")" -ge 1 ]; }

# Findings that stay open, at debug level.
export HF_LOG_LEVEL=debug
HF_CORRECTION=observe agent_up "$HF_WORK/units"
before=0
tamper observed
wait_for 10 "the change of texts is recorded" seen texts 1=1
wait_for 10 "the change of bytes is recorded" seen bytes 1=1
sleep 1
ask_all observed
tell check.txt "$HF_BIN/holdfast" check --config "$HF_CONFIG"
tell check.json "$HF_BIN/holdfast" check --config "$HF_CONFIG" --output json
matches "the diff tells of the Secret" "$(cat "$HF_WORK/told/check.txt")" texts
agent_stop

# Corrected, refused and fought over.
HF_CORRECTION=auto agent_up "$HF_WORK/units"
wait_for 20 "texts put back" seen texts "outcome = 'corrected'"
wait_for 20 "bytes put back" seen bytes "outcome = 'corrected'"
refused() { [ "$(sql "select count(*) from events where type in ('correction.failed', 'correction.blocked') and name = 'number'")" -ge 1 ]; }
wait_for 15 "the server refuses a number" refused
before=$(last_event)
tamper corrected
nk delete secret/fixed
wait_for 20 "texts put back again" seen texts "outcome = 'corrected'"
wait_for 20 "bytes put back again" seen bytes "outcome = 'corrected'"
wait_for 20 "fixed put back again" seen fixed "outcome = 'corrected'"
# A unit that changes what can't be changed, with the server's words about it.
sed "s/^immutable: true/&\n# changed/; /^immutable/,\$s/@CANARY@/x/; /^immutable/,\$s/$HF_CANARY/$canary2-anew/" "$HF_WORK/units/10-secrets.yaml" >"$HF_WORK/changed.yaml"
mv "$HF_WORK/changed.yaml" "$HF_WORK/units/10-secrets.yaml"
failed() { [ "$(sql "select count(*) from events where id > $before and type in ('correction.failed', 'correction.blocked') and name = 'fixed'")" -ge 1 ]; }
wait_for 15 "an immutable Secret can't be changed" failed
ask_all corrected
arrived() { [ "$(grep -c '^POST ' "$HF_WORK/alerts.txt")" -ge 5 ]; }
wait_for 10 "alerts have arrived" arrived
tell audit-log "$HF_BIN/holdfast" audit log --database "$HF_DB" --limit 0
for form in json jsonl csv; do tell "audit-log.$form" "$HF_BIN/holdfast" audit log --database "$HF_DB" --limit 0 --output $form; done
tell audit-export "$HF_BIN/holdfast" audit export --database "$HF_DB"
tell audit-stats "$HF_BIN/holdfast" audit stats --database "$HF_DB"
for row in $(sql "select id from events order by id desc limit 12"); do tell "audit-show-$row" "$HF_BIN/holdfast" audit show --database "$HF_DB" "$row"; done
tell audit-backup "$HF_BIN/holdfast" audit backup --database "$HF_DB" "$HF_WORK/told/backup.db"
tell digest "$HF_BIN/holdfast" digest "$HF_WORK"/units/*.yaml
for file in "$HF_WORK"/units/*.yaml "$HF_CONFIG"; do tell "validate-${file##*/}" "$HF_BIN/holdfast" validate "$file"; done
agent_stop

# Wrong kubeconfigs and configs that hold secrets where none should be.
token=$(sed -n 's/^ *token: *//p; s/^.*user: {token: \([^}]*\)}.*/\1/p' "$HF_KUBECONFIG" | head -n 1 | tr -d '"')
[ -n "$token" ] || fail "no token in $HF_KUBECONFIG: nothing to look for"
bad() { # NAME SED-EXPRESSION
  sed "$2" "$HF_KUBECONFIG" >"$HF_WORK/$1.kubeconfig"
  sed "s|kubeconfig: .*|kubeconfig: $HF_WORK/$1.kubeconfig|" "$HF_CONFIG" >"$HF_WORK/$1.yaml"
  tell "$1-validate" "$HF_BIN/holdfast" validate "$HF_WORK/$1.kubeconfig" "$HF_WORK/$1.yaml"
  tell "$1-check" timeout 20 "$HF_BIN/holdfast" check --config "$HF_WORK/$1.yaml"
}
bad token-list "s/token: *\"\{0,1\}$token\"\{0,1\}/token: [$token]/"
bad token-key "s/token: *\"\{0,1\}$token\"\{0,1\}/tokken: $token, token: {a: $token}/"
bad token-cut "s/token: *\"\{0,1\}$token\"\{0,1\}/token: \"$token/"
bad token-refused "s/$token/x$token/g"
sed "s|url_file: [^,}]*|url: http://127.0.0.1/$hook|; s|secret_file: [^,}]*|secret: $key|" "$HF_CONFIG" >"$HF_WORK/inline.yaml"
tell inline-validate "$HF_BIN/holdfast" validate "$HF_WORK/inline.yaml"
tell inline-run timeout 10 "$HF_BIN/holdfast" run --config "$HF_WORK/inline.yaml"

# The key of the receiver's URL stands in each request's first line, which is the receiver's.
sed -i 's|^POST /alerts/[^ ]*|POST /alerts/…|' "$HF_WORK/alerts.txt"
[ "$(find "$HF_WORK/told" -type f -size +0 | wc -l)" -gt 60 ] || fail "too little was put out: $(find "$HF_WORK/told" -type f -size +0 | wc -l) files"
keeps_secret "$HF_CANARY $canary2 $number $token $hook $key ${key#whsec_}" "$HF_WORK"/told/* "$HF_WORK"/agent.{log,out} "$HF_DB"* "$HF_WORK/alerts.txt" || fail "see above"
note "$(find "$HF_WORK/told" -type f | wc -l) outputs, $(cat "$HF_WORK"/told/* "$HF_WORK"/agent.log "$HF_DB" "$HF_WORK/alerts.txt" | wc -c) bytes searched"
