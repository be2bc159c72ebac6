# kill -9 at random instants (a dozen; 200 with HF_LONG=1) under a stream of drifts, each of them an alert. After each kill: the chain is whole and what
# could be read before the kill is still there. In the end: every write to the cluster, by the server's own audit log, was recorded before it was sent;
# no drift was put back twice; every alert of the trail has arrived, and no other.
# limit: 1500
kills=12
[ "${HF_LONG:-}" != 1 ] || kills=200
units_copy "$HF_WORK/units" "$HF_NS"
units_apply "$HF_WORK/units" || fail "kubectl apply: $(tail -n 3 "$HF_WORK/kubectl-apply.out")"
sink_up
HF_MORE=$HF_ALERTS agent_up "$HF_WORK/units"
wait_for 20 "18 objects in sync" all_in_sync 18
names=(reference-data people-service account-service position-service trade-service trade-processor trade-feed web-gui)
deployments=/apis/apps/v1/namespaces/$HF_NS/deployments

# Three streams: every 5 to 60 ms and the time of a request somebody writes a wrong label, until the file is gone.
drift() { raw PATCH "$deployments/${names[RANDOM % 8]}?fieldManager=somebody" "{\"metadata\":{\"labels\":{\"layer\":\"wrong-$1\"}}}" >/dev/null; }
raw GET "$deployments/web-gui" >/dev/null || fail "the API server can't be asked"
touch "$HF_WORK/streaming"
stream() {
  local number=0
  while [ -f "$HF_WORK/streaming" ]; do
    drift "$1-$((number += 1))"
    sleep "0.$(printf "%03d" $((RANDOM % 55 + 5)))"
  done
  echo "$number" >"$HF_WORK/drifts.$1"
}
streams=()
for number in 1 2 3; do
  stream $number &
  streams+=("$!")
done
HF_STARTED=("${streams[@]}" "${HF_STARTED[@]}") # the agent stays the last

start_unasked() {
  "$HF_BIN/holdfast" run --config "$HF_CONFIG" >>"$HF_WORK/agent.out" 2>>"$HF_WORK/agent.log" &
  HF_AGENT_PID=$!
  HF_STARTED+=("$HF_AGENT_PID")
}
newest() { sql "select id || ' ' || digest from events order by id desc limit 1"; }
whole() { "$HF_BIN/holdfast" audit verify --database "$HF_DB" >"$HF_WORK/verify.out" 2>&1; }
early=0
for ((round = 1; round <= kills; round++)); do
  # A quarter is killed while it starts, the others at work.
  if ((RANDOM % 4 == 0)); then
    early=$((early + 1))
    delay="0.$(printf '%03d' $((RANDOM % 100)))"
  else
    delay=$(printf "%04d" $((RANDOM % 1100 + 200)))
    delay="${delay%???}.${delay: -3}"
  fi
  sleep "$delay"
  told=$(newest)
  kill -KILL "$HF_AGENT_PID"
  wait "$HF_AGENT_PID" 2>/dev/null
  unset 'HF_STARTED[-1]' # its number may soon be somebody else's
  whole || fail "round $round, killed after $delay s: $(cat "$HF_WORK/verify.out")"
  equal "round $round: the event that was read before the kill" "$(sql "select id || ' ' || digest from events where id = ${told%% *}")" "$told"
  start_unasked
done
rm "$HF_WORK/streaming"
wait "${streams[@]}" 2>/dev/null
caught_up() { all_in_sync 18 && [ "$(sql 'select count(*) from v_open')" = 0 ] && [ "$(sql 'select count(*) from outbox')" = 0 ] && ! grep -q . "$HF_WORK/streaming" 2>/dev/null; }
drift last # seen only by an agent that is awake
wait_for 60 "all is in sync, no incident is open, every alert is settled" caught_up
sleep 1
caught_up || fail "not settled for a second"
equal "wrong labels" "$(kc -n "$HF_NS" get deployments -o 'jsonpath={.items[*].metadata.labels.layer}' | grep -o 'wrong-[0-9a-z]*' | head -n 1)" ""
agent_stop
whole || fail "the chain in the end: $(cat "$HF_WORK/verify.out")"
equal "files set aside" "$(find "$HF_WORK" -name '*.corrupt-*' | head -n 1)" ""
equal "the database" "$(sql 'pragma integrity_check')" ok

# --- the cluster's own record against the trail
grep -F "\"$HF_NS\"" "$HF_AUDIT_LOG" >"$HF_WORK/audit.txt"
[ -s "$HF_WORK/audit.txt" ] || fail "the API server wrote no audit log"
cat >"$HF_WORK/compare.sql" <<SQL
.bail on
.mode list
.separator "\037" "\n"
create temp table lines (line text);
.import $HF_WORK/audit.txt lines
create temp table writes as
  select json_extract(line, '$.objectRef.name') name,
         coalesce(json_extract(line, '$.requestReceivedTimestamp'), json_extract(line, '$.stageTimestamp')) at,
         json_extract(line, '$.stageTimestamp') until,
         json_extract(line, '$.userAgent') like 'holdfast/%' ours
  from lines
  where json_extract(line, '$.objectRef.resource') = 'deployments' and json_extract(line, '$.objectRef.namespace') = '$HF_NS'
    and coalesce(json_extract(line, '$.objectRef.subresource'), '') = '' and json_extract(line, '$.verb') in ('create', 'update', 'patch', 'delete')
    and json_extract(line, '$.responseStatus.code') < 300 and json_extract(line, '$.requestURI') not like '%dryRun=%'
    and (json_extract(line, '$.userAgent') like 'holdfast/%' or json_extract(line, '$.requestURI') like '%fieldManager=somebody%');
create temp table told as
  select name, at from events where kind = 'Deployment' and type in ('correction.intended', 'object.marked');
-- The nth write to an object needs the nth intention for it, and that one to be older; times of the trail are cut to ms.
create temp table numbered as
  select name, at, row_number() over (partition by name order by at) as n from writes where ours;
create temp table intentions as
  select name, at, row_number() over (partition by name order by at) as n from told;
SQL
ask() { sqlite3 -readonly -cmd ".read $HF_WORK/compare.sql" "$HF_DB" "$1"; }
puts=$(ask 'select count(*) from writes where ours')
drifts=$(ask 'select count(*) from writes where not ours')
equal "drifts in the server's log" "$drifts" "$(($(cat "$HF_WORK"/drifts.* | paste -sd+) + 1))"
[ "$puts" -ge $((kills / 2)) ] || fail "only $puts corrections in the server's log: this shows nothing"
equal "writes to the cluster that were not recorded before" "$(ask "select w.name || ' ' || w.at from numbered w left join intentions i on i.name = w.name and i.n = w.n
  where i.at is null or substr(i.at, 1, 23) > substr(w.at, 1, 23)")" ""
# A real server works at several requests at once: a drift counts for two corrections when it may have come between them.
equal "drifts that were put back twice" "$(ask "select name || ' ' || at from
  (select name, at, until, lag(at) over (partition by name order by at) before from writes where ours) w
  where before is not null and not exists (select 1 from writes d where d.name = w.name and not d.ours and d.until >= w.before and d.at <= w.until)")" ""
equal "objects with more corrections than drifts" "$(ask 'select name from writes group by name having sum(ours) > sum(not ours)')" ""

# --- the receiver's record against the trail: its keys are those of the trail's alerts, but that a channel of events is not told of a drift that is being put back
mkdir -p "$HF_WORK/keys"
sql "select id, digest from events where alert and not (type = 'drift.seen' and detail like '%\"correcting\":true%')" | while IFS='|' read -r id digest; do printf '%s\nsink' "$digest" >"$HF_WORK/keys/$id"; done
(cd "$HF_WORK/keys" && find . -type f -printf '%f\n' | xargs sha256sum) | sed 's/^\(.\{32\}\).*/evt_\1/' | sort >"$HF_WORK/keys.wanted"
sed -n 's/^webhook-id: *\(evt_[0-9a-f]*\).*/\1/Ip' "$HF_WORK/alerts.txt" | sort >"$HF_WORK/keys.all"
sort -u "$HF_WORK/keys.all" >"$HF_WORK/keys.got"
equal "alerts of the trail that never arrived" "$(comm -23 "$HF_WORK/keys.wanted" "$HF_WORK/keys.got" | head -n 3)" ""
equal "alerts that arrived and are not in the trail" "$(comm -13 "$HF_WORK/keys.wanted" "$HF_WORK/keys.got" | head -n 3)" ""
alerts=$(wc -l <"$HF_WORK/keys.wanted")
note "$kills kills ($early while it started), $drifts drifts, $puts corrections, $(sql 'select count(*) from events') events, $alerts alerts, $(($(wc -l <"$HF_WORK/keys.all") - $(wc -l <"$HF_WORK/keys.got"))) of them told twice"
