# An agent's own trail, changed as somebody with the file and sqlite3 could: a flipped byte, a deleted row, a swapped pair, a tail that was cut off.
# `audit verify` finds each by its event and exits 1; what it can't know alone, a checkpoint kept elsewhere shows.
units_copy "$HF_WORK/units" "$HF_NS"
units_apply "$HF_WORK/units" || fail "kubectl apply: $(tail -n 3 "$HF_WORK/kubectl-apply.out")"
agent_up "$HF_WORK/units"
wait_for 20 "18 objects in sync" all_in_sync 18
for name in trade-service account-service web-gui people-service; do
  before=$(last_event)
  kc -n "$HF_NS" label "deployment/$name" layer=wrong --overwrite >/dev/null || fail "kubectl label"
  wait_for 20 "$name is put back" incident_ended "$before" Deployment $name corrected
done
api events >/dev/null || fail "the pages do not read the trail"
agent_stop
[ ! -s "$HF_DB-wal" ] || fail "after a stop the file alone is not the whole trail: what is in its -wal was not taken over"
"$HF_BIN/holdfast" audit checkpoint --database "$HF_DB" >"$HF_WORK/checkpoint.json" || fail "audit checkpoint"
count=$(last_event)
[ "$count" -ge 17 ] || fail "only $count events"

verify() { # file, further options: sets status
  "$HF_BIN/holdfast" audit verify --database "$@" >"$HF_WORK/verify.out" 2>&1
  status=$?
}
# forged NAME SQL: a copy of the trail on which SQL was run without its guards, which are there again afterwards.
forged() {
  cp "$HF_DB" "$HF_WORK/$1.db"
  sqlite3 "$HF_WORK/$1.db" "select sql || ';' from sqlite_schema where type = 'trigger'" >"$HF_WORK/guards.sql"
  sqlite3 "$HF_WORK/$1.db" "drop trigger events_no_update; drop trigger events_no_delete; drop trigger events_only_append; $2" || fail "sqlite3: $1"
  sqlite3 "$HF_WORK/$1.db" <"$HF_WORK/guards.sql" || fail "sqlite3: the guards of $1"
}
found() { # what, expected text, further options of verify
  verify "$HF_WORK/$1.db" "${@:3}"
  equal "$1: exit" "$status" 1
  matches "$1" "$(cat "$HF_WORK/verify.out")" "$2"
}
verify "$HF_DB" --checkpoint "$HF_WORK/checkpoint.json"
equal "untouched: exit" "$status" 0

# One bit of the file: in the message of an event, by its place in the file.
cp "$HF_DB" "$HF_WORK/byte.db"
at=$(grep -abo 'should be \\"service\\"' "$HF_WORK/byte.db" | tail -n 1 | cut -d: -f1)
[ -n "$at" ] || at=$(grep -abo 'about to apply Deployment' "$HF_WORK/byte.db" | tail -n 1 | cut -d: -f1)
printf 'S' | dd of="$HF_WORK/byte.db" bs=1 seek="$at" conv=notrunc 2>/dev/null
equal "the file's own check of the flipped byte" "$(sqlite3 "$HF_WORK/byte.db" 'pragma integrity_check')" ok
found byte 'event [0-9]+: it is not what it was when it was recorded'

forged row 'delete from events where id = 9'
found row 'event 9 is missing: after 8 comes 10'

# A deleted row whose gap was closed, by renumbering all behind it.
forged gap 'delete from events where id = 9; update events set id = id - 1 where id > 9; update sqlite_sequence set seq = seq - 1'
found gap 'event 9: it is not what it was'

forged pair 'update events set id = 1000 where id = 7; update events set id = 7 where id = 8; update events set id = 8 where id = 1000'
found pair 'event 7: it is not what it was'

forged tail "delete from events where id > $((count - 5))"
found tail "event $((count - 4)) is missing: the trail once reached $count"

# With the counter forged too the trail looks whole; only what was kept elsewhere tells.
forged hidden "delete from events where id > $((count - 5)); update sqlite_sequence set seq = $((count - 5)) where name = 'events'"
verify "$HF_WORK/hidden.db"
equal "a tail cut off with its counter, without a checkpoint: exit" "$status" 0
found hidden "event $((count - 4)) is missing: the checkpoint is of event $count" --checkpoint "$HF_WORK/checkpoint.json"

# Guards that stay away, and a guard of somebody else's.
cp "$HF_DB" "$HF_WORK/guards.db"
sqlite3 "$HF_WORK/guards.db" 'drop trigger events_no_delete'
found guards 'trigger events_no_delete is not there'

# A forged trail is not written to as if nothing had happened: the next event chains on it and the break stays where it is.
cp "$HF_WORK/row.db" "$HF_DB"
agent_start || fail "the agent does not start on a trail with a gap"
wait_for 30 "the agent is ready" agent_ready
agent_stop
verify "$HF_DB"
equal "after the agent went on: exit" "$status" 1
matches "after the agent went on" "$(cat "$HF_WORK/verify.out")" 'event 9 is missing: after 8 comes 10'
note "byte, row, closed gap, pair, tail, hidden tail, guard: 7 of 7 found in a trail of $count events"
