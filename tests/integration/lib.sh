# Functions for tests/integration/cases/*, tests/demo and tests/bench: a cluster (simulated or real), units on it, an agent over them,
# and what to ask of it. Sourced by bash; what is started here is ended by `stand_down`.
#
# Set by who sources it: HF_TOP (the checkout), HF_BIN (folder of holdfast and holdfast-sim), HF_WORK (a folder for all files).

export LC_ALL=C TZ=UTC
unset KUBECONFIG HTTP_PROXY HTTPS_PROXY http_proxy https_proxy ALL_PROXY all_proxy
HF_STARTED=()   # pids to end, newest last
HF_CLUSTERS=()  # folders of real clusters to take down

note() { printf '  %s\n' "$*"; }

# Ends the case: the message, then what helps to find out why.
fail() {
  echo "FAIL: $*"
  local log
  for log in "$HF_WORK"/*.log; do
    [ -s "$log" ] && { echo "--- the end of ${log##*/}:"; tail -n 30 "$log" | cut -c1-400; }
  done
  if [ -f "${HF_DB:-}" ]; then
    echo "--- the newest events:"
    sql "select id, at, type, coalesce(kind,''), coalesce(name,''), coalesce(manager,''), coalesce(message,'') from events order by id desc limit 25" 2>&1
    echo "--- objects not in sync:"
    sql "select kind, namespace, name, verdict, coalesce(reason,'') from objects where verdict <> 'in_sync'" 2>&1
  fi
  exit 1
}

equal() { # what, found, wanted
  [ "$2" = "$3" ] || fail "$1: found \"$2\", wanted \"$3\""
}
matches() { # what, found, extended regular expression
  [[ "$2" =~ $3 ]] || fail "$1: found \"$2\", wanted something like \"$3\""
}

# Runs COMMAND every 0.1 s until it holds; false after SECONDS.
holds_within() {
  local limit=$1 begin=$EPOCHREALTIME
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$(since "$begin")" -lt $((limit * 1000)) ] || return 1
    sleep 0.1
  done
}
wait_for() { # seconds, what, command…
  local limit=$1 what=$2
  shift 2
  holds_within "$limit" "$@" || fail "not within $limit s: $what"
}
since() { # ms since a time of EPOCHREALTIME
  local now=$EPOCHREALTIME
  echo $(((${now/./} - ${1/./}) / 1000))
}

# --- the cluster ---------------------------------------------------------------------------------------------------------

# The kubectl that was built with the real cluster if there is one, so that both clusters are spoken to alike; else the machine's.
find_kubectl() {
  local built
  for built in "${KUBEBUILDER_ASSETS:-}/kubectl" "${HOLDFAST_CACHE:-$HOME/.cache/holdfast}"/kube-*/kubectl; do
    [ -x "$built" ] && { echo "$built"; return; }
  done
  command -v kubectl || { echo "no kubectl found: run tests/install" >&2; return 1; }
}
kc() { "$HF_KUBECTL" --kubeconfig "$HF_KUBECONFIG" --cache-dir "$HF_WORK/kubectl-cache" "$@"; }

# cluster_up sim|real [further options of tests/cluster/up]; sets HF_CLUSTER, HF_KUBECONFIG, HF_SERVER (host:port), HF_KUBECTL, and HF_AUDIT_LOG:
# where the server writes what was written to it (on a real one with --audit).
cluster_up() {
  HF_CLUSTER=$1
  shift
  HF_KUBECTL=$(find_kubectl) || return 1
  if [ "$HF_CLUSTER" = real ]; then
    HF_CLUSTERS+=("$HF_WORK/cluster")
    HF_KUBECONFIG=$("$HF_TOP/tests/cluster/up" "$HF_WORK/cluster" --controllers --while $$ "$@") || return 1
    HF_KUBECTL=$(find_kubectl)
    HF_AUDIT_LOG=$HF_WORK/cluster/audit.log
  else
    HF_KUBECONFIG=$HF_WORK/sim-kubeconfig
    HF_AUDIT_LOG=$HF_WORK/audit.log
    (umask 077 && . "$HF_TOP/tests/cluster/lib.sh" && cluster_people >"$HF_WORK/tokens.csv")
    "$HF_BIN/holdfast-sim" serve --listen 127.0.0.1:0 --write-kubeconfig "$HF_KUBECONFIG" --token-auth-file "$HF_WORK/tokens.csv" --audit-log "$HF_AUDIT_LOG" --token "sim-$RANDOM$RANDOM$RANDOM" \
      >"$HF_WORK/sim.out" 2>"$HF_WORK/sim.log" &
    HF_SIM_PID=$!
    HF_STARTED+=("$HF_SIM_PID")
    holds_within 15 grep -q '^listening ' "$HF_WORK/sim.out" || { cat "$HF_WORK/sim.log" >&2; return 1; }
  fi
  HF_SERVER=$(sed -n 's|^ *server: *"\{0,1\}https\{0,1\}://\([0-9.:]*\).*|\1|p' "$HF_KUBECONFIG" | head -n 1)
  export HF_CLUSTER HF_KUBECONFIG HF_SERVER HF_KUBECTL HF_AUDIT_LOG
}

# A line to the API server that can be cut: sets HF_PROXY_PID and writes a kubeconfig that goes through it, whose path it prints to
# HF_PROXY_KUBECONFIG. kill -USR1: cut, -USR2: whole, -HUP: what is open now goes silent for ever.
proxy_up() {
  "$HF_BIN/tests/tcp_proxy" "$HF_SERVER" >"$HF_WORK/proxy.out" 2>"$HF_WORK/proxy.log" &
  HF_PROXY_PID=$!
  HF_STARTED+=("$HF_PROXY_PID")
  wait_for 5 "the proxy listens" grep -q '^listening ' "$HF_WORK/proxy.out"
  HF_PROXY_KUBECONFIG=$HF_WORK/proxy-kubeconfig
  sed "s|$HF_SERVER|$(sed -n 's/^listening //p' "$HF_WORK/proxy.out")|" "$HF_KUBECONFIG" >"$HF_PROXY_KUBECONFIG"
}

# --- units ---------------------------------------------------------------------------------------------------------------

# The TraderX units with another namespace: units_copy FOLDER NAMESPACE. 17 units, 18 objects.
units_copy() {
  mkdir -p "$1"
  local file
  for file in "$HF_TOP"/tests/fixtures/traderx/*.yaml; do
    sed "s/traderx-dev/$2/g" "$file" >"$1/${file##*/}"
  done
}
units_apply() {
  local options=(--server-side --force-conflicts --field-manager=confighub)
  # kubectl's own check wants the OpenAPI document as protobuf, which the simulated cluster has not; the server checks in any case.
  [ "$HF_CLUSTER" = real ] || options+=(--validate=false)
  kc apply "${options[@]}" -f "$1" >"$HF_WORK/kubectl-apply.out" 2>&1
}

# --- the agent -----------------------------------------------------------------------------------------------------------

# Writes HF_CONFIG: agent_config UNITS [KUBECONFIG]. HF_CORRECTION=observe: does not correct. No fight limit: tests drift as often as
# they like; HF_FIGHT="times: 3, within: 1m" sets one. HF_MORE: further top-level keys (rules, alerts).
agent_config() {
  HF_CONFIG=$HF_WORK/holdfast.yaml
  HF_DB=$HF_WORK/holdfast.db
  cat >"$HF_CONFIG" <<YAML
database: $HF_DB
listen: 127.0.0.1:0
log: {level: ${HF_LOG_LEVEL:-info}}
targets:
- name: ${HF_TARGET:-dev}
  kubeconfig: ${2:-$HF_KUBECONFIG}
  correction: ${HF_CORRECTION:-auto}
  field_manager: confighub
  source: {folder: $1, space: traderx}
  limits: {fight: {${HF_FIGHT:-times: 0, within: 1m}}}
${HF_MORE:-}
YAML
}

# Starts the agent and waits until it listens: sets HF_AGENT_PID, HF_URL. Its log is HF_WORK/agent.log (appended to).
agent_start() {
  local begin
  touch "$HF_WORK/agent.log"
  begin=$(wc -l <"$HF_WORK/agent.log")
  "$HF_BIN/holdfast" run --config "${1:-$HF_CONFIG}" >>"$HF_WORK/agent.out" 2>>"$HF_WORK/agent.log" &
  HF_AGENT_PID=$!
  HF_STARTED+=("$HF_AGENT_PID")
  address_of() { HF_URL=$(tail -n "+$((begin + 1))" "$HF_WORK/agent.log" | sed -n 's|.*listening.*address="\{0,1\}\(http://[0-9.:]*\).*|\1|p' | tail -n 1); [ -n "$HF_URL" ]; }
  local tries
  for ((tries = 0; tries < 300; tries++)); do
    address_of && return 0
    kill -0 "$HF_AGENT_PID" 2>/dev/null || return 1
    sleep 0.05
  done
  return 1
}
agent_ready() { curl -sf -m 3 "$HF_URL/readyz"; }
# agent_up UNITS [KUBECONFIG]: config, start, ready, and every object judged.
agent_up() {
  agent_config "$@"
  agent_start || fail "the agent does not start"
  wait_for 30 "the agent is ready" agent_ready
}
# Ends it by SIGTERM and prints nothing; HF_STATUS has its exit.
agent_stop() {
  kill -TERM "$HF_AGENT_PID" 2>/dev/null
  wait "$HF_AGENT_PID"
  HF_STATUS=$?
}
api() { curl -sf -m 5 "$HF_URL/api/v1/$1"; }

# --- the trail -----------------------------------------------------------------------------------------------------------

sql() { sqlite3 -readonly -cmd '.timeout 3000' "$HF_DB" "$1"; }
last_event() { sql 'select coalesce(max(id), 0) from events'; }
# How many objects have a verdict (of HF_NS if set).
verdicts() { sql "select count(*) from objects where verdict = '$1'"; }
all_in_sync() { [ "$(verdicts in_sync)" = "${1:-18}" ] && [ "$(sql "select count(*) from objects where verdict <> 'in_sync'")" = 0 ]; }
# The incident of an object that was opened after an event: incident_of AFTER KIND NAME
incident_of() { sql "select incident from v_incidents where first_id > $1 and kind = '$2' and name = '$3' order by first_id limit 1"; }
incidents_after() { sql "select count(*) from v_incidents where first_id > $1"; }
outcome_of() { sql "select outcome from v_incidents where incident = '$1'"; }
incident_ended() { # after, kind, name, outcome
  [ "$(sql "select outcome from v_incidents where first_id > $1 and kind = '$2' and name = '$3' order by first_id limit 1")" = "${4:-corrected}" ]
}

# --- cases with units of their own ----------------------------------------------------------------------------------------

HF_ALSO=() # KIND/NAME outside the case's namespace, deleted at the case's end

# Writes a file of HF_WORK/units from what it reads. @NS@ becomes the case's namespace, @CANARY@ what no output may tell, @CANARY64@ its base64.
unit() {
  mkdir -p "$HF_WORK/units"
  sed "s/@NS@/$HF_NS/g; s/@CANARY@/$HF_CANARY/g; s/@CANARY64@/$(printf %s "$HF_CANARY" | base64 -w 0)/g" >"$HF_WORK/units/$1"
}
# The units that each such case has: its namespace, and a ConfigMap by which it shows that the agent is awake.
unit_base() {
  printf 'apiVersion: v1\nkind: Namespace\nmetadata: {name: "@NS@"}\n' | unit 00-namespace.yaml
  printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: awake, namespace: "@NS@"}\ndata: {a: b}\n' | unit 01-awake.yaml
}
# Applies the units (those of files 9*-created.yaml by `kubectl create`: what older servers refuse as an apply), starts the agent over them
# and waits until all COUNT objects are in sync.
held() {
  local folder=$HF_WORK/units
  if compgen -G "$folder/9*-created.yaml" >/dev/null; then
    mkdir -p "$HF_WORK/applied"
    cp "$folder"/[0-8]*.yaml "$HF_WORK/applied"
    folder=$HF_WORK/applied
  fi
  units_apply "$folder" || fail "kubectl apply: $(tail -n 5 "$HF_WORK/kubectl-apply.out")"
  for folder in "$HF_WORK"/units/9*-created.yaml; do
    [ ! -f "$folder" ] || kc create --validate=false -f "$folder" >"$HF_WORK/kubectl-apply.out" 2>&1 || fail "kubectl create: $(tail -n 5 "$HF_WORK/kubectl-apply.out")"
  done
  agent_up "$HF_WORK/units"
  wait_for 20 "$1 objects in sync" all_in_sync "$1"
}

# A request to the API server as the cluster's administrator: raw METHOD PATH [BODY [TYPE]]
raw() {
  local ca
  if [ ! -f "$HF_WORK/raw.header" ]; then
    (umask 077 && kc config view --minify --raw -o 'jsonpath=Authorization: Bearer {.users[0].user.token}' >"$HF_WORK/raw.header")
    kc config view --minify -o 'jsonpath={.clusters[0].cluster.server} {.clusters[0].cluster.certificate-authority}' >"$HF_WORK/raw.server"
  fi
  read -r HF_RAW ca <"$HF_WORK/raw.server"
  curl -sf -m 10 ${ca:+--cacert "$ca"} -H @"$HF_WORK/raw.header" -H "Content-Type: ${4:-application/merge-patch+json}" -X "$1" ${3:+-d "$3"} "$HF_RAW$2"
}

# A receiver of alerts: what it gets is appended to HF_WORK/alerts.txt. Sets HF_ALERTS, the `alerts:` of a config that tells it everything.
sink_up() {
  "$HF_BIN/tests/webhook_sink" "$HF_WORK/alerts.txt" >"$HF_WORK/sink.out" 2>"$HF_WORK/sink.log" &
  HF_STARTED+=($!)
  wait_for 5 "the receiver listens" grep -q '^listening ' "$HF_WORK/sink.out"
  touch "$HF_WORK/alerts.txt"
  sed -n 's|^listening \(.*\)|http://\1/alerts|p' "$HF_WORK/sink.out" >"$HF_WORK/sink.url"
  HF_ALERTS="alerts: {channels: [{name: sink, webhook: {url_file: $HF_WORK/sink.url}}]}"
}

# How many events `holdfast audit log` tells after an event: events_after AFTER [filters of audit log]
events_after() {
  "$HF_BIN/holdfast" audit log --database "$HF_DB" --limit 0 --output json "${@:2}" >"$HF_WORK/events.json" 2>"$HF_WORK/events.log" || { echo "audit log: exit $?"; return 1; }
  sqlite3 :memory: "select count(*) from json_each(cast(readfile('$HF_WORK/events.json') as text)) where json_extract(value, '$.id') > $1"
}
# Nothing was recorded since an event, and that is not because the agent sleeps: a drift of the ConfigMap `awake` is put back at once.
nothing_since() { # what, after
  sleep 1
  [ "$(events_after "$2")" = 0 ] || fail "$1: events were recorded: $(cut -c1-2000 "$HF_WORK/events.json")"
  kc -n "$HF_NS" patch configmap/awake --type=merge -p '{"data":{"a":"c"}}' >/dev/null || fail "kubectl patch"
  wait_for 10 "$1: the agent is awake" incident_ended "$2" ConfigMap awake corrected
  equal "$1: events of other objects than the one that shows that the agent is awake" "$(($(events_after "$2") - $(events_after "$2" --kind ConfigMap --name awake)))" 0
}
# What a manager has written: its entries of an object's managedFields with their times. ours OBJECT [MANAGER]
ours() { kc -n "$HF_NS" get "$1" -o "jsonpath={.metadata.managedFields[?(@.manager==\"${2:-confighub}\")]}"; }
field() { kc -n "$HF_NS" get "$1" -o "jsonpath=$2"; } # OBJECT JSONPATH
# An object as JSON without what the server itself counts: two of these are equal when nothing else was touched.
bare() {
  kc -n "$HF_NS" get "$1" -o json >"$HF_WORK/bare.json" || fail "kubectl get $1"
  sqlite3 :memory: "select json_remove(readfile('$HF_WORK/bare.json'), '$.metadata.managedFields', '$.metadata.resourceVersion', '$.metadata.generation', '$.metadata.annotations.\"deployment.kubernetes.io/revision\"', '$.status')"
}

# --- what must never be told ------------------------------------------------------------------------------------------------

HF_CANARY=canary-5f21c8-never-told # in the Secrets of all cases; what holdfast puts out is searched for it at each case's end

# What a text looks like in what might be put out: plain, in base64 at any offset, in hex.
traces_of() {
  local text=$1 shift encoded
  [ -n "$text" ] || return 0
  printf '%s\n' "$text"
  for shift in 0 1 2; do
    encoded=$(printf '%s%s' "$(printf '%.*s' "$shift" xx)" "$text" | base64 -w 0 | tr -d '=')
    encoded=${encoded:$(((shift * 8 + 5) / 6))}
    printf '%s\n' "${encoded:0:$((${#encoded} - 2))}"
  done
  printf '%s' "$text" | od -An -v -tx1 | tr -d ' \n'
  echo
}
# Fails when a file holds one of the texts that are to be kept: keeps_secret "TEXT…" FILE…
keeps_secret() {
  local text found traces=$HF_WORK/traces
  : >"$traces"
  for text in $1; do traces_of "$text" >>"$traces"; done
  shift
  found=$(grep -aoFn -f "$traces" -- /dev/null "$@" 2>/dev/null | head -n 5)
  rm -f "$traces"
  [ -z "$found" ] || { echo "FAIL: a secret is told: $found"; return 1; }
}

# --- ends ----------------------------------------------------------------------------------------------------------------

stand_down() {
  local pid folder tries
  for ((tries = ${#HF_STARTED[@]} - 1; tries >= 0; tries--)); do
    pid=${HF_STARTED[tries]}
    kill -CONT "$pid" 2>/dev/null && kill -TERM "$pid" 2>/dev/null
  done
  for pid in "${HF_STARTED[@]}"; do
    for ((tries = 0; tries < 120; tries++)); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.05
    done
    kill -KILL "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
  done
  HF_STARTED=()
  for folder in "${HF_CLUSTERS[@]}"; do "$HF_TOP/tests/cluster/down" "$folder"; done
  HF_CLUSTERS=()
}
