# A HorizontalPodAutoscaler, by a unit or made by hand, owns the replicas of what it targets within its bounds: no event, and a correction of another
# field leaves them. Outside the bounds, and once it is gone, they are the unit's again.
unit_base
deployment() {
  cat <<YAML
apiVersion: apps/v1
kind: Deployment
metadata: {name: $1, namespace: "@NS@"}
spec:
  ${2:-}
  selector: {matchLabels: {app: $1}}
  template:
    metadata: {labels: {app: $1}}
    spec: {containers: [{name: $1, image: "example.com/$1:1", resources: {requests: {cpu: 100m}}}]}
YAML
}
deployment held 'replicas: 3' | unit 10-held.yaml
deployment byhand 'replicas: 3' | unit 11-byhand.yaml
deployment silent | unit 12-silent.yaml
for name in held silent; do
  unit "20-$name-scaler.yaml" <<YAML
apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata: {name: $name, namespace: "@NS@"}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: $name}, minReplicas: 2, maxReplicas: 6, targetCPUUtilizationPercentage: 80}
YAML
done
held 7
apps=/apis/apps/v1/namespaces/$HF_NS/deployments
scaling=/apis/autoscaling/v1/namespaces/$HF_NS/horizontalpodautoscalers
kc -n "$HF_NS" autoscale deployment/byhand --min=2 --max=6 --cpu-percent=80 >/dev/null || fail "kubectl autoscale"
sleep 1
before=$(last_event)
# What the controller does: the scale subresource, its own status, and its notes as annotations.
scaled() { # deployment, replicas
  raw PATCH "$apps/$1/scale?fieldManager=kube-controller-manager" "{\"spec\":{\"replicas\":$2}}" >/dev/null || fail "scale $1"
  raw PATCH "$scaling/$1/status" "{\"status\":{\"currentReplicas\":$2,\"desiredReplicas\":$2,\"currentCPUUtilizationPercentage\":71,\"lastScaleTime\":\"2026-01-01T00:00:00Z\"}}" >/dev/null || fail "status of $1"
  kc -n "$HF_NS" annotate "horizontalpodautoscaler/$1" --overwrite "autoscaling.alpha.kubernetes.io/conditions=[{\"type\":\"AbleToScale\",\"status\":\"True\",\"n\":\"$2\"}]" >/dev/null 2>&1
}
for replicas in 4 6 2 5; do
  for name in held byhand silent; do scaled $name $replicas; done
done
nothing_since "within the bounds" "$before"
for name in held byhand silent; do equal "replicas of $name" "$(field deployment/$name '{.spec.replicas}')" 5; done
"$HF_BIN/holdfast" check --config "$HF_CONFIG" >"$HF_WORK/check.out" 2>&1 || fail "check takes the autoscaler's replicas for drift: $(cat "$HF_WORK/check.out")"

# Another field's correction leaves the replicas, and what the autoscaler has set is not made the unit's.
for name in held byhand silent; do
  before=$(last_event)
  kc -n "$HF_NS" set image "deployment/$name" "$name=example.com/$name:evil" >/dev/null || fail "set image"
  wait_for 15 "the image of $name put back" incident_ended "$before" Deployment $name corrected
  equal "the image of $name" "$(field deployment/$name '{.spec.template.spec.containers[0].image}')" "example.com/$name:1"
  equal "replicas of $name after the correction" "$(field deployment/$name '{.spec.replicas}')" 5
  equal "incidents" "$(incidents_after "$before")" 1
done
before=$(last_event)
for name in held byhand silent; do scaled $name 3; done
nothing_since "the autoscaler goes on after a correction" "$before"
for name in held byhand silent; do scaled $name 5; done

# Outside the bounds: not the autoscaler's doing.
for replicas in 9 1 0; do
  for name in held byhand; do
    before=$(last_event)
    kc -n "$HF_NS" scale "deployment/$name" --replicas=$replicas >/dev/null || fail "kubectl scale"
    wait_for 15 "$name with $replicas replicas" incident_ended "$before" Deployment $name corrected
    matches "replicas of $name after $replicas" "$(field deployment/$name '{.spec.replicas}')" '^[2-6]$'
  done
done
# The bounds are the unit's too.
before=$(last_event)
kc -n "$HF_NS" patch horizontalpodautoscaler/held --type=merge --field-manager=mallory -p '{"spec":{"maxReplicas":60}}' >/dev/null
wait_for 15 "the bounds put back" incident_ended "$before" HorizontalPodAutoscaler held corrected
equal "maxReplicas" "$(field horizontalpodautoscaler/held '{.spec.maxReplicas}')" 6
# Without the autoscaler, what it left is drift.
scaled byhand 5
sleep 1
before=$(last_event)
kc -n "$HF_NS" delete horizontalpodautoscaler/byhand >/dev/null
wait_for 15 "the replicas after the autoscaler's end" incident_ended "$before" Deployment byhand corrected
equal "replicas without an autoscaler" "$(field deployment/byhand '{.spec.replicas}')" 3
