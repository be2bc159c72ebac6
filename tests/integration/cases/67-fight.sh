# Somebody fights over one field: after the limit it is left alone, one alert names both managers, and nothing more is written. Other fields of the
# object are still put back, and so are other objects.
unit_base
unit 10-config.yaml <<'YAML'
apiVersion: v1
kind: ConfigMap
metadata: {name: contested, namespace: "@NS@"}
data: {mode: safe, level: low}
YAML
sink_up
HF_FIGHT="times: 4, within: 5m" HF_MORE=$HF_ALERTS held 3
before=$(last_event)
# Whenever the value is as the unit has it, mallory sets it again; her writes are counted, with the number of corrections she has seen.
fighter() {
  local value n=0
  trap 'exit 0' TERM
  while :; do
    value=$(kc -n "$HF_NS" get configmap/contested -o 'jsonpath={.data.mode}' 2>/dev/null)
    if [ "$value" = safe ]; then
      kc -n "$HF_NS" patch configmap/contested --type=merge --field-manager=mallory -p "{\"data\":{\"mode\":\"loose-$n\"}}" >/dev/null 2>&1 && n=$((n + 1))
      echo "$n" >"$HF_WORK/fighter.count"
    fi
    sleep 0.1
  done
}
fighter &
HF_STARTED+=($!)
stopped() { [ "$(sql "select count(*) from objects where name = 'contested' and verdict = 'blocked'")" = 1 ]; }
wait_for 30 "the fight is stopped" stopped
matches "why it is blocked" "$(sql "select reason from objects where name = 'contested'")" 'mallory'
sleep 1
version=$(field configmap/contested '{.metadata.resourceVersion}')
sent=$(sql "select count(*) from events where id > $before and name = 'contested' and type = 'correction.sent'")
sleep 4
equal "resourceVersion: no further writes" "$(field configmap/contested '{.metadata.resourceVersion}')" "$version"
equal "the value stays as mallory has it" "$(field configmap/contested '{.data.mode}' | sed 's/-.*//')" loose
equal "no further corrections" "$(sql "select count(*) from events where id > $before and name = 'contested' and type = 'correction.sent'")" "$sent"
equal "corrections before the limit" "$sent" 4
equal "mallory's writes" "$(cat "$HF_WORK/fighter.count")" 5
# The alerts: one tells of the fight, with both names.

fights=$(sql "select count(*) from events where id > $before and type = 'correction.blocked'")
equal "events that tell of the fight" "$fights" 1
message=$(sql "select message from events where id > $before and type = 'correction.blocked'")
matches "it names who changes it" "$message" mallory
matches "it names who puts it back" "$message" confighub
arrived() { [ "$(grep -c 'correction.blocked' "$HF_WORK/alerts.txt")" -ge 1 ]; }
wait_for 10 "the alert has arrived" arrived
sleep 1
equal "alerts of the fight" "$(grep -c '"type":"[^"]*correction\.blocked"' "$HF_WORK/alerts.txt")" 1
matches "the alert" "$(grep '"type":"[^"]*correction\.blocked"' "$HF_WORK/alerts.txt")" 'mallory.*confighub|confighub.*mallory'
# What is not fought over is still held: another field of it, another object.
was=$(field configmap/contested '{.data.mode}')
kc -n "$HF_NS" patch configmap/contested --type=merge --field-manager=carol -p '{"data":{"level":"high"}}' >/dev/null
level_back() { [ "$(field configmap/contested '{.data.level}')" = low ]; }
wait_for 10 "another field is put back" level_back
equal "the contested field meanwhile" "$(field configmap/contested '{.data.mode}')" "$was"
after=$(last_event)
kc -n "$HF_NS" patch configmap/awake --type=merge -p '{"data":{"a":"c"}}' >/dev/null
wait_for 10 "another object is put back" incident_ended "$after" ConfigMap awake corrected
kill -0 "$HF_AGENT_PID" || fail "the agent has ended"
