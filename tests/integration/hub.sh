# A simulated ConfigHub (holdfast-sim hub) with a worker on the case's cluster; for cases to source. No credential stands on a command line.

# hub_up SPACE=FOLDER@WORKER/TARGET… [-- further options]: sets HF_HUB (its base URL with /api) and HF_HUB_PID.
hub_up() {
  local loads=()
  while [ "$#" -gt 0 ] && [ "$1" != -- ]; do
    loads+=(--load "$1")
    shift
  done
  [ "${1:-}" != -- ] || shift
  HF_HUB_TOKEN=${HF_HUB_TOKEN:-hub-token-$HF_CANARY}
  rm -f "$HF_WORK/hub.url"
  HUB_TOKEN=$HF_HUB_TOKEN "$HF_BIN/holdfast-sim" hub --listen "${HF_HUB_LISTEN:-127.0.0.1:0}" --write-url "$HF_WORK/hub.url" --state "$HF_WORK/hub.json" \
    --token-env HUB_TOKEN --kubeconfig "$HF_KUBECONFIG" "${loads[@]}" "$@" >"$HF_WORK/hub.out" 2>>"$HF_WORK/hub.log" &
  HF_HUB_PID=$!
  HF_STARTED+=("$HF_HUB_PID")
  wait_for 10 "ConfigHub answers" test -s "$HF_WORK/hub.url"
  HF_HUB=$(cat "$HF_WORK/hub.url")
  HF_HUB_LISTEN=${HF_HUB#http://}
  HF_HUB_LISTEN=${HF_HUB_LISTEN%%/*}
  (umask 077 && printf '%s\n' "$HF_HUB_TOKEN" >"$HF_WORK/hub.token" && printf 'Authorization: Bearer %s\n' "$HF_HUB_TOKEN" >"$HF_WORK/hub.header")
}
hub_down() {
  kill -TERM "$HF_HUB_PID" 2>/dev/null
  wait "$HF_HUB_PID" 2>/dev/null
}

# A request to it: hub METHOD PATH [BODY [TYPE]]
hub() {
  curl -s -m 20 -H @"$HF_WORK/hub.header" -H "Content-Type: ${4:-application/json}" -X "$1" ${3:+--data-binary "$3"} "$HF_HUB$2"
}
# Asks what was read from stdin, JSON, by SQL: `doc` is the document.
json() {
  local file
  file=$(mktemp "$HF_WORK/json.XXXXXX")
  cat >"$file"
  sqlite3 :memory: "with doc(doc) as (select cast(readfile('$file') as text)) $1"
  rm -f "$file"
}
# hub_unit SLUG FIELD: of a unit by its slug (and HF_HUB_SPACE, where several spaces have it), such as LiveRevisionNum.
hub_unit() { hub GET "/unit?where=Slug%20%3D%20%27$1%27${HF_HUB_SPACE:+%20AND%20Space.Slug%20%3D%20%27$HF_HUB_SPACE%27}" | json "select json_extract(doc, '\$[0].Unit.$2') from doc"; }
hub_path() { echo "/space/$(hub_unit "$1" SpaceID)/unit/$(hub_unit "$1" UnitID)"; }
# hub_apply SLUG REVISION: as a person would, followed to its end.
hub_apply() {
  hub POST "$(hub_path "$1")/apply?revision=$2" >"$HF_WORK/hub.answer"
  wait_for 20 "unit $1 is applied at revision $2" hub_is_live "$1" "$2"
}
hub_is_live() { [ "$(hub_unit "$1" LiveRevisionNum)" = "$2" ]; }
# hub_edit SLUG SED: a new revision of its data; nothing is applied by it.
hub_edit() {
  hub GET "$(hub_path "$1")/data" | sed "$2" | base64 -w 0 >"$HF_WORK/hub.data"
  hub PATCH "$(hub_path "$1")" "{\"Data\":\"$(cat "$HF_WORK/hub.data")\",\"LastChangeDescription\":\"edited by a test\"}" application/merge-patch+json >"$HF_WORK/hub.answer"
}
# Applies every unit of a space, as a first rollout.
hub_apply_all() {
  hub POST "/unit/apply?where=Space.Slug%20%3D%20%27$1%27" >"$HF_WORK/hub.answer"
  all_live() { [ "$(hub GET "/unit?where=Space.Slug%20%3D%20%27$1%27%20AND%20LiveRevisionNum%20%3D%200&select=UnitID" | json "select json_array_length(doc) from doc")" = 0 ]; }
  wait_for 60 "every unit of $1 is live" all_live "$1"
}

# hub_config [keys of the target…]: HF_CONFIG whose target `dev` has its units in ConfigHub. HF_HUB_SPACES, HF_HUB_POLL; HF_MORE as in agent_config.
hub_config() {
  HF_CONFIG=$HF_WORK/holdfast.yaml
  HF_DB=$HF_WORK/holdfast.db
  cat >"$HF_CONFIG" <<YAML
database: $HF_DB
listen: 127.0.0.1:0
log: {level: ${HF_LOG_LEVEL:-info}}
confighub: {url: $HF_HUB, token_file: $HF_WORK/hub.token}
targets:
- name: ${HF_TARGET:-dev}
  kubeconfig: $HF_KUBECONFIG
  correction: ${HF_CORRECTION:-auto}
  field_manager: confighub
  source: {confighub: {spaces: [${HF_HUB_SPACES:-traderx-dev}], poll: ${HF_HUB_POLL:-1s}}}
  limits: {fight: {times: 0, within: 1m}}
$(printf '  %s\n' "$@")
${HF_MORE:-}
YAML
}
hub_agent_up() {
  hub_config "$@"
  agent_start || fail "the agent does not start"
  wait_for 30 "the agent is ready" agent_ready
}
# Of a unit as the agent's API has it: unit_of SLUG FIELD
unit_of() { api units | json "select json_extract(value, '\$.$2') from doc, json_each(doc, '\$.items') where json_extract(value, '\$.slug') = '$1'"; }
unit_state() { unit_of "$1" state; }
is_state() { [ "$(unit_state "$1")" = "$2" ]; }
