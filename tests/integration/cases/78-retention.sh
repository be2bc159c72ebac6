# Old events leave the trail: by the agent itself (trail.retain) and by `audit retain`; the chain stays provable, by the exports too; what is open
# stays; what is forged, missing or of another trail is found.
units_copy "$HF_WORK/units" "$HF_NS"
units_apply "$HF_WORK/units" || fail "kubectl apply: $(tail -n 3 "$HF_WORK/kubectl-apply.out")"
agent_up "$HF_WORK/units"
wait_for 20 "18 objects in sync" all_in_sync 18
drift() {
  local before
  before=$(last_event)
  kc -n "$HF_NS" label "deployment/$1" layer=wrong --overwrite >/dev/null || fail "kubectl label"
  wait_for 20 "$1 is put back" incident_ended "$before" Deployment "$1" corrected
}
for name in web-gui trade-service people-service; do drift $name; done
agent_stop
count=$(last_event)
mkdir "$HF_WORK/old"
audit() { # subcommand, options: sets status
  "$HF_BIN/holdfast" audit "$1" --database "$HF_DB" "${@:2}" >"$HF_WORK/audit.out" 2>&1
  status=$?
}
before=$(sql "select at from events where id = 6")
audit retain --before "$before" --export "$HF_WORK/old" --dry-run
equal "dry run: exit" "$status" 0
matches "dry run" "$(cat "$HF_WORK/audit.out")" "would remove [0-9]+ events, 1 to [0-9]+"
equal "events after a dry run" "$(sql 'select count(*) from events')" "$count"
[ -z "$(ls "$HF_WORK/old")" ] || fail "a dry run writes"
audit retain --export "$HF_WORK/old"
equal "without --before: exit" "$status" 2
audit retain --before "$before" --export "$HF_WORK/nowhere"
equal "a folder that is not there: exit" "$status" 2
equal "events after that" "$(sql 'select count(*) from events')" "$count"
audit retain --before "$before" --export "$HF_WORK/old"
equal "retain: exit" "$status" 0
matches "retain" "$(cat "$HF_WORK/audit.out")" "removed 5 events, 1 to 5 .*holdfast-1-5.jsonl"
equal "the first event" "$(sql 'select min(id) from events')" 6
equal "the newest event" "$(sql "select id || ' ' || type from events order by id desc limit 1")" "$((count + 1)) audit.removed"
audit verify
matches "verify" "$status $(cat "$HF_WORK/audit.out")" "^0 whole: $((count - 4)) events.*5 before were removed \(told by event $((count + 1))\)"
audit verify --export "$HF_WORK/old"
matches "verify with the export" "$status $(cat "$HF_WORK/audit.out")" "^0 .*holdfast-1-5.jsonl: events 1 to 5, whole in itself, as told by event $((count + 1))"
audit verify --export "$HF_WORK/old/holdfast-1-5.jsonl"
equal "verify with one file: exit" "$status" 0

# The agent does it by itself: all but what is younger than two seconds; with a checkpoint beside it.
HF_MORE="trail: {retain: {for: 2s, export: old}, checkpoint: {file: checkpoints, every: 1s}}"
agent_config "$HF_WORK/units"
agent_start || fail "the agent does not start"
wait_for 30 "the agent is ready" agent_ready
audit retain --before 1s --export "$HF_WORK/old"
matches "retain beside an agent" "$status $(cat "$HF_WORK/audit.out")" "^2 .*in use by another agent"
drift web-gui
removals() { [ "$(sql "select count(*) from removals")" -ge "$1" ]; }
wait_for 20 "the agent removes" removals 2
drift trade-service
wait_for 20 "the agent removes again" removals 3
agent_stop
equal "exit" "$HF_STATUS" 0
audit verify --export "$HF_WORK/old" --checkpoint "$HF_WORK/checkpoints"
matches "verify after the agent's removals" "$status $(cat "$HF_WORK/audit.out")" '^0 whole:'
files=$(find "$HF_WORK/old" -name '*.jsonl' | wc -l)
[ "$(grep -c 'as told by event' "$HF_WORK/audit.out")" = "$files" ] || fail "not every export is told of: $(cat "$HF_WORK/audit.out")"
"$HF_BIN/holdfast" audit log --database "$HF_DB" --type audit.removed >"$HF_WORK/log.out" || fail "audit log"
first=$(sql 'select min(id) from events')

# What is forged.
cp "$HF_WORK/old/holdfast-1-5.jsonl" "$HF_WORK/kept.jsonl"
sed -i '3s/"type":"/"type":"x/' "$HF_WORK/old/holdfast-1-5.jsonl"
audit verify --export "$HF_WORK/old"
matches "a changed export" "$status $(cat "$HF_WORK/audit.out")" '^1 .*holdfast-1-5.jsonl: line 3: it is not what it was'
rm "$HF_WORK/old/holdfast-1-5.jsonl"
audit verify --export "$HF_WORK/old"
matches "a missing export" "$status $(cat "$HF_WORK/audit.out")" '^1 .*events 1 to 5 are in no export'
mv "$HF_WORK/kept.jsonl" "$HF_WORK/old/holdfast-1-5.jsonl"
audit verify --export "$HF_WORK/old"
equal "put back: exit" "$status" 0
sqlite3 "$HF_DB" "insert into removals values ($first, $first, $((first + 1))); delete from events where id = $first" || fail "sqlite3"
audit verify
matches "a row removed by a forged permission" "$status $(cat "$HF_WORK/audit.out")" "^1 .*event 1 is missing: the first is $((first + 1)), and no event tells"
note "$files exports of $((first - 1)) events, each as the trail tells; a changed and a missing export and a forged permission found"
