# A key for the trail's chain: which file is taken for one, that a trail goes on keyed from there on, that no agent goes on without the key or with
# another one, and that a trail made anew without the key is found.
units_copy "$HF_WORK/units" "$HF_NS"
units_apply "$HF_WORK/units" || fail "kubectl apply: $(tail -n 3 "$HF_WORK/kubectl-apply.out")"
agent_up "$HF_WORK/units"
wait_for 20 "18 objects in sync" all_in_sync 18
agent_stop
plain=$(last_event)
[ "$plain" -ge 1 ] || fail "nothing was recorded"

key=0123456789abcdef-0123456789abcdef
verify() { # options: sets status
  "$HF_BIN/holdfast" audit verify --database "$HF_DB" "$@" >"$HF_WORK/verify.out" 2>&1
  status=$?
  keeps_secret "$key" "$HF_WORK/verify.out" || fail "verify tells the key"
}
refused() { # what, text of the log
  agent_start && fail "$1: the agent starts"
  wait "$HF_AGENT_PID"
  matches "$1" "$(tail -n 3 "$HF_WORK/agent.log")" "$2"
  equal "$1: events" "$(last_event)" "${3:-$plain}"
}
HF_MORE="trail: {hmac_key: {file: trail.key}}"
agent_config "$HF_WORK/units"
refused "no key file" 'trail\.key'
printf '%s\r\n' "$key" >"$HF_WORK/trail.key"
chmod 644 "$HF_WORK/trail.key"
refused "a key that all can read" 'mode 0644'
chmod 600 "$HF_WORK/trail.key"
echo short >"$HF_WORK/trail.key"
refused "a key of 5 bytes" 'has 5 bytes, expected at least 32'

printf '%s\r\n' "$key" >"$HF_WORK/trail.key"
agent_start || fail "the agent does not start with its key"
wait_for 30 "the agent is ready" agent_ready
kc -n "$HF_NS" label deployment/web-gui layer=wrong --overwrite >/dev/null || fail "kubectl label"
wait_for 20 "web-gui is put back" incident_ended "$plain" Deployment web-gui corrected
agent_stop
keyed=$(last_event)
keeps_secret "$key" "$HF_WORK/agent.log" "$HF_DB" || fail "the key was told"
equal "rows before the key" "$(sql "select count(*) from events where digest like 'sha256:%'")" "$plain"
equal "rows with it" "$(sql "select count(*) from events where digest like 'hmac-sha256:%'")" $((keyed - plain))

verify
equal "verify without the key: exit" "$status" 2
matches "verify without the key" "$(cat "$HF_WORK/verify.out")" "event $((plain + 1)): the chain is keyed from here on"
# The auditor's copy of the key ends as an editor leaves it.
printf '%s\n' "$key" >"$HF_WORK/auditor.key"
verify --key-file "$HF_WORK/auditor.key"
matches "verify by a key that all can read" "$(cat "$HF_WORK/verify.out")" 'mode 0644'
chmod 400 "$HF_WORK/auditor.key"
verify --key-file "$HF_WORK/auditor.key"
equal "verify with the key: exit" "$status" 0
matches "verify with the key" "$(cat "$HF_WORK/verify.out")" "whole: $keyed events.*keyed from event $((plain + 1)) on"

HF_MORE=
agent_config "$HF_WORK/units"
refused "without its key" "keyed from event $((plain + 1)) on, and no key is given" "$keyed"
HF_MORE="trail: {hmac_key: {file: $HF_WORK/other.key}}"
agent_config "$HF_WORK/units"
(umask 077 && head -c 32 /dev/urandom | od -An -tx1 | tr -d " \n" >"$HF_WORK/other.key")
refused "with another key" "keyed from event $((plain + 1)) on, and the key that is given is another one" "$keyed"
verify --key-file "$HF_WORK/auditor.key"
equal "after the refusals: exit" "$status" 0

# One changed row keeps no agent away, and is found; so is a trail cut back to before the key.
cp "$HF_DB" "$HF_WORK/kept.db"
forge() {
  sqlite3 "$HF_DB" "select sql || ';' from sqlite_schema where type = 'trigger'" >"$HF_WORK/guards.sql"
  sqlite3 "$HF_DB" "drop trigger events_no_update; drop trigger events_no_delete; drop trigger events_only_append; $1" || fail "sqlite3: $1"
  sqlite3 "$HF_DB" <"$HF_WORK/guards.sql" || fail "sqlite3: the guards"
}
forge "update events set manager = 'nobody' where id = $((keyed - 1))"
HF_MORE="trail: {hmac_key: {file: trail.key}}"
agent_config "$HF_WORK/units"
agent_start || fail "the agent does not start on a trail with a changed row"
agent_stop
verify --key-file "$HF_WORK/auditor.key"
equal "a changed row: exit" "$status" 1
matches "a changed row" "$(cat "$HF_WORK/verify.out")" "event $((keyed - 1)): it is not what it was"
cp "$HF_WORK/kept.db" "$HF_DB"
rm -f "$HF_DB-wal" "$HF_DB-shm"
forge "delete from events where id > $plain; update sqlite_sequence set seq = $plain where name = 'events'"
verify --key-file "$HF_WORK/auditor.key"
equal "cut back to before the key: exit" "$status" 1
matches "cut back to before the key" "$(cat "$HF_WORK/verify.out")" "a key was given, and none of the $plain events is keyed"
note "$plain plain and $((keyed - plain)) keyed events; 3 unfit files, no key and another key refused; a changed row and a trail cut back found"
