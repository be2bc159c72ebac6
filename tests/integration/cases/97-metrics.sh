# /metrics of a running agent, after its start and after drifts: promtool finds nothing to say against it, Prometheus's own parser reads the OpenMetrics
# form, the counters agree with the trail, a drift that can't be put back counts as late, and what docs/metrics.md and deploy/ name is what is served.
promtool=$("$HF_TOP/tests/promtool" 2>"$HF_WORK/promtool.log") || fail "there is no promtool"
unit_base
unit 10-web.yaml <<'YAML'
apiVersion: v1
kind: ConfigMap
metadata: {name: web, namespace: "@NS@", labels: {layer: web}}
data: {mode: safe}
YAML
unit 20-sealed.yaml <<'YAML'
apiVersion: v1
kind: ConfigMap
metadata: {name: sealed, namespace: "@NS@"}
data: {mode: safe}
immutable: true
YAML
sink_up
HF_MORE=$HF_ALERTS held 4

metrics() { curl -sf -m 5 -D "$HF_WORK/metrics.head" ${1:+-H "Accept: $1"} "$HF_URL/metrics"; }
# metric NAME [LABELS]: the sum of its samples that have these labels.
metric() { metrics | awk -v name="$1" -v labels="${2:-}" '$1 !~ /^#/ { split($0, part, "{"); split(part[1], word, " "); if (word[1] == name && index($0, labels)) sum += $NF } END { printf "%.0f", sum }'; }
metric_is() { [ "$(metric "$1" "$2")" = "$3" ]; }
check() { # what
  local said
  metrics >"$HF_WORK/metrics.prom" || fail "$1: no /metrics"
  matches "$1: the form" "$(grep -i '^content-type' "$HF_WORK/metrics.head")" 'text/plain; version=0\.0\.4; charset=utf-8'
  said=$("$promtool" check metrics <"$HF_WORK/metrics.prom" 2>&1) || fail "$1: promtool check metrics: $said"
  equal "$1: what promtool has to say" "$said" ""
  metrics "application/openmetrics-text;version=1.0.0,text/plain;q=0.5" >"$HF_WORK/metrics.open" || fail "$1: no OpenMetrics"
  matches "$1: the form" "$(grep -i '^content-type' "$HF_WORK/metrics.head")" 'application/openmetrics-text; version=1\.0\.0; charset=utf-8'
  equal "$1: the last line" "$(tail -n 1 "$HF_WORK/metrics.open")" "# EOF"
  # Read as it would be scraped; a block wants times, which a scraper adds.
  sed '/^#/!s/$/ 1800000000/' "$HF_WORK/metrics.open" >"$HF_WORK/metrics.timed"
  "$promtool" tsdb create-blocks-from openmetrics "$HF_WORK/metrics.timed" "$HF_WORK/blocks" >"$HF_WORK/blocks.out" 2>&1 || fail "$1: the OpenMetrics form is not read: $(tail -n 3 "$HF_WORK/blocks.out")"
  # But for the form both say the same families.
  equal "$1: families" "$(sed -n 's/^# TYPE \([^ ]*\) .*/\1/p' "$HF_WORK/metrics.open" | sort | tr '\n' ' ')" \
    "$(sed -n 's/^# TYPE \([^ ]*\) .*/\1/p' "$HF_WORK/metrics.prom" | sed 's/_total$//; s/^holdfast_build_info$/holdfast_build/' | sort | tr '\n' ' ')"
}
check "after the start"
equal "drifts" "$(metric holdfast_drifts_total)" 0
equal "objects in sync" "$(metric holdfast_objects 'verdict="in_sync"')" 4

before=$(last_event)
kc -n "$HF_NS" patch configmap/web --type=merge --field-manager=mallory -p '{"data":{"mode":"loose"}}' >/dev/null || fail "kubectl patch"
wait_for 10 "web is put back" incident_ended "$before" ConfigMap web corrected
before=$(last_event)
kc -n "$HF_NS" delete configmap/web --wait=false >/dev/null || fail "kubectl delete"
wait_for 10 "web is made again" incident_ended "$before" ConfigMap web corrected
# What is immutable can't be put back once somebody else has made it anew, which happens while the agent does not look.
kill -STOP "$HF_AGENT_PID"
kc -n "$HF_NS" delete configmap/sealed >"$HF_WORK/kubectl.out" 2>&1 || fail "kubectl delete"
kc create -f - <<<"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"sealed\",\"namespace\":\"$HF_NS\"},\"data\":{\"mode\":\"loose\"},\"immutable\":true}" >"$HF_WORK/kubectl.out" 2>&1 || fail "kubectl create"
kill -CONT "$HF_AGENT_PID"
blocked() { [ "$(sql "select count(*) from objects where name = 'sealed' and verdict = 'blocked'")" = 1 ]; }
wait_for 15 "sealed is blocked" blocked
wait_for 10 "the blocked object is counted" metric_is holdfast_objects 'verdict="blocked"' 1
equal "open" "$(metric holdfast_incidents_open)" 1
equal "late, at first" "$(metric holdfast_put_back_late_total)" 0
wait_for 45 "it is late" metric_is holdfast_put_back_late_total "" 1
equal "open and late" "$(metric holdfast_incidents_open_late)" 1

check "after drifts"
equal "drifts, and those of the trail" "$(metric holdfast_drifts_total)" "$(sql "select count(*) from events where type = 'drift.seen'")"
equal "of class changed, and those of the trail" "$(metric holdfast_drifts_total 'class="changed"')" \
  "$(sql "select count(*) from events where type = 'drift.seen' and json_extract(detail, '\$.findings[0].class') = 'changed'")"
[ "$(metric holdfast_drifts_total 'class="deleted"')" -ge 1 ] || fail "no drift of class deleted"
equal "corrected, and those of the trail" "$(metric holdfast_corrections_total 'outcome="confirmed"')" "$(sql "select count(*) from events where type = 'correction.confirmed'")"
equal "the histogram's count" "$(metric holdfast_corrected_seconds_count)" "$(metric holdfast_corrections_total 'outcome="confirmed"')"
equal "within 30 s" "$(metric holdfast_corrected_seconds_bucket 'le="30.0"')" "$(metric holdfast_corrected_seconds_count)"
equal "the trail's events" "$(metric holdfast_trail_events)" "$(sql 'select count(*) from events')"
[ "$(metric holdfast_corrections_total 'outcome="blocked"')" -ge 1 ] || fail "nothing was blocked"
[ "$(metric holdfast_seen_seconds_count)" -ge 1 ] || fail "no time to see"
[ "$(metric holdfast_trail_commits_total)" -ge 3 ] || fail "no commits"
delivered() { [ "$(metric holdfast_alerts_total 'outcome="delivered"')" -ge 2 ]; }
wait_for 10 "alerts are counted" delivered
equal "no label holds an object's name" "$(grep -c 'sealed' "$HF_WORK/metrics.prom")" 0

# What is written about the metrics names those that there are, all of them and no others.
sed -n 's/^# TYPE \([^ ]*\) .*/\1/p' "$HF_WORK/metrics.prom" | sort >"$HF_WORK/served"
sed -n 's/^| `\([a-z_]*\)` |.*/\1/p' "$HF_TOP/docs/metrics.md" | sort >"$HF_WORK/documented"
equal "docs/metrics.md, beside what is served" "$(diff "$HF_WORK/served" "$HF_WORK/documented")" ""
equal "types" "$(sed -n 's/^# TYPE \([^ ]*\) \(.*\)/\1 \2/p' "$HF_WORK/metrics.prom" | sort)" \
  "$(sed -n 's/^| `\([a-z_]*\)` | \([a-z]*\) |.*/\1 \2/p' "$HF_TOP/docs/metrics.md" | sort)"
for file in "$HF_TOP"/deploy/prometheus/holdfast.rules.yaml "$HF_TOP"/deploy/grafana/holdfast.json; do
  grep -oE '\b(holdfast|process)_[a-z_]+\b' "$file" | sed -E 's/^(holdfast_(seen|corrected)_seconds)_(bucket|sum|count)$/\1/' | sort -u >"$HF_WORK/named"
  [ -s "$HF_WORK/named" ] || fail "$file names no metric"
  equal "metrics of ${file##*/} that are not served" "$(comm -23 "$HF_WORK/named" "$HF_WORK/served")" ""
done
