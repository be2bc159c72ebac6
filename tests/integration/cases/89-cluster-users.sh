# A cluster's own users count: TokenReview says who they are, RBAC what they may. The agent asks with rights of its own that are as small as docs/access.md
# says; who has no right is told 403, who is unknown 401; a right that is taken away is gone within a minute; while the API server is silent they get 503 and
# tokens of ours go on; a login by a cluster's token gives cookie and CSRF token, and the trail names the user.
# early: yes
# limit: 300
unit_base
unit 20-shown.yaml <<'YAML'
apiVersion: v1
kind: ConfigMap
metadata: {name: shown, namespace: "@NS@"}
data: {mode: safe}
YAML
people=$(dirname "$HF_KUBECONFIG")/tokens.csv
token_of() { sed -n "s/^\([^,]*\),$1,.*/\1/p" "$people"; }
for who in vera otto audra nora; do
  (umask 077 && printf 'Authorization: Bearer %s\n' "$(token_of $who)" >"$HF_WORK/$who.head")
done
(umask 077 && "$HF_BIN/holdfast" token new --name alice --role operator 2>/dev/null >"$HF_WORK/alice.new") || fail "holdfast token new"
(umask 077 && printf 'Authorization: Bearer %s\n' "$(head -n 1 "$HF_WORK/alice.new")" >"$HF_WORK/alice.head")
code() { curl -s -m 15 -o "$HF_WORK/answer.txt" -w '%{http_code}' "$@"; }
as() { local who=$1; shift; code -H @"$HF_WORK/$who.head" "$@"; }

# --- the agent's own login: agnes, who may do what the units need and no more. The roles are those of docs/access.md.
HF_ALSO=(clusterrole/holdfast-agent-of-89 clusterrolebinding/holdfast-agent-of-89 clusterrolebinding/holdfast-reviews)
for verb in viewer operator auditor; do HF_ALSO+=("clusterrole/holdfast-dashboard-$verb" "clusterrolebinding/holdfast-dashboard-$verb"); done
kc delete "${HF_ALSO[@]}" --ignore-not-found >/dev/null 2>&1
kc create -f - --validate=false >/dev/null <<'YAML' || fail "the agent's rights"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: holdfast-agent-of-89}
rules:
- {apiGroups: [""], resources: [namespaces, configmaps], verbs: [get, list, watch, patch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: holdfast-agent-of-89}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: holdfast-agent-of-89}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: agnes}]
YAML
# The YAML blocks of docs/access.md that make roles and bindings, with this test's people in place of the example's.
sed -n '/^```yaml$/,/^```$/p' "$HF_TOP/docs/access.md" | awk '/^```/ { if (keep) printf "%s---\n", text; keep = 0; text = ""; next } { text = text $0 "\n" } /^kind: ClusterRole/ { keep = 1 }' |
  sed 's/name: oncall@example.com/name: otto/; s/name: developers/name: "holdfast:vera"/; s/name: audit@example.com/name: audra/; s/name: holdfast, namespace: holdfast/name: agnes/; s/kind: ServiceAccount/apiGroup: rbac.authorization.k8s.io, kind: User/' >"$HF_WORK/roles.yaml"
equal "roles and bindings of docs/access.md" "$(grep -c '^kind: ClusterRole' "$HF_WORK/roles.yaml")" 7
sed '/^---$/,$d' "$HF_WORK/roles.yaml" >"$HF_WORK/delegator.yaml" # the first block is the agent's own right
sed '1,/^---$/d' "$HF_WORK/roles.yaml" >"$HF_WORK/people.yaml"
matches "the first block" "$(cat "$HF_WORK/delegator.yaml")" 'name: system:auth-delegator'
kc create -f "$HF_WORK/people.yaml" --validate=false >/dev/null || fail "the roles of docs/access.md"
proxy_up
sed "s/^ *token: .*/    token: $(token_of agnes)/; s/user: {token: [^}]*}/user: {token: $(token_of agnes)}/" "$HF_PROXY_KUBECONFIG" >"$HF_WORK/agnes-kubeconfig"
chmod 600 "$HF_WORK/agnes-kubeconfig"

# --- the config
HF_CORRECTION=observe
HF_MORE="access: {tokens: [$(tail -n 1 "$HF_WORK/alice.new" | sed 's/^ *- //')], kubernetes: {target: prod}}"
agent_config "$HF_WORK/units" "$HF_WORK/agnes-kubeconfig"
if "$HF_BIN/holdfast" validate "$HF_CONFIG" >"$HF_WORK/validate.txt" 2>&1; then fail "validate takes a target that is not there"; fi
matches "what validate says" "$(cat "$HF_WORK/validate.txt")" 'found a target that is not in targets'
HF_MORE=${HF_MORE/target: prod/target: dev}
units_apply "$HF_WORK/units" || fail "kubectl apply: $(tail -n 5 "$HF_WORK/kubectl-apply.out")"
agent_up "$HF_WORK/units" "$HF_WORK/agnes-kubeconfig"
wait_for 20 "3 objects in sync" all_in_sync 3

# --- without the right to ask
equal "vera while the agent may not ask" "$(as vera "$HF_URL/api/v1/objects")" 503
matches "what she is told" "$(cat "$HF_WORK/answer.txt")" "The cluster can't be asked now"
equal "alice meanwhile" "$(as alice "$HF_URL/api/v1/objects")" 200
told() { [ "$(sql "select count(*) from events where type = 'access.refused' and message like '%system:auth-delegator%'")" = 1 ]; }
wait_for 10 "the trail says which right the agent lacks" told
grep -q 'users can.t be let in' "$HF_WORK/agent.log" || fail "the log says nothing of it"
kc create -f "$HF_WORK/delegator.yaml" --validate=false >/dev/null || fail "the agent's right to ask"
lets_in() { [ "$(as "$1" "$HF_URL/api/v1/objects")" = "${2:-200}" ]; }
wait_for 20 "vera is let in once the agent may ask" lets_in vera
told || fail "it is told more than once"

# --- who may what
body() { printf '{"kind":"put_back","target":"dev","object":{"kind":"ConfigMap","namespace":"%s","name":"shown"},"reason":"it hurts"}' "$HF_NS"; }
act() { local who=$1; shift; as "$who" -X POST -H 'Content-Type: application/json' -d "$@" "$HF_URL/api/v1/actions"; }
session() { as "$1" "$HF_URL/api/v1/session" >/dev/null; cat "$HF_WORK/answer.txt"; }
matches "vera's session" "$(session vera)" '"user":"vera","role":"viewer","by":"kubernetes","csrf":null,"may":\["read"\]'
matches "otto's session" "$(session otto)" '"user":"otto","role":"operator","by":"kubernetes","csrf":null,"may":\["read","act"\]'
matches "audra's session" "$(session audra)" '"user":"audra","role":"auditor","by":"kubernetes","csrf":null,"may":\["read","audit"\]'
matches "nora's session" "$(session nora)" '"user":"nora","role":null,"by":"kubernetes","csrf":null,"may":\[\]'
equal "who has no binding" "$(as nora "$HF_URL/api/v1/objects")" 403
equal "metrics for vera" "$(as vera "$HF_URL/metrics")" 200
equal "a wrong token" "$(code -H 'Authorization: Bearer 0123456789abcdef0123456789abcdef' "$HF_URL/api/v1/objects")" 401
drifted() { [ "$(verdicts drifted)" = 1 ]; }
before=$(last_event)
kc -n "$HF_NS" patch configmap/shown --type=merge -p '{"data":{"mode":"loose"}}' >/dev/null
wait_for 10 "the drift is seen" drifted
for who in vera audra nora; do equal "$who puts back" "$(act $who "$(body)")" 403; done
equal "it is left as it is" "$(field configmap/shown '{.data.mode}')" loose
equal "otto puts back" "$(act otto "$(body)")" 202
back() { [ "$(field configmap/shown '{.data.mode}')" = safe ]; }
wait_for 10 "it is put back" back
named() { [ "$(sql "select count(*) from events where id > $before and type like 'put_back.%' and json_extract(detail, '$.by') = 'otto' and json_extract(detail, '$.reason') = 'it hurts'")" -ge 1 ]; }
wait_for 10 "the trail names the cluster's user" named

# --- a login, as a browser does it
form() { (umask 077 && printf 'token=%s&next=%%2Fevents' "$(token_of "$1")" >"$HF_WORK/form.token"); code -c "$HF_WORK/$1.cookies" -d @"$HF_WORK/form.token" -D "$HF_WORK/head.txt" "$HF_URL/login"; }
equal "nora's login" "$(form nora)" 403
equal "otto's login" "$(form otto)" 303
matches "where it leads" "$(tr -d '\r' <"$HF_WORK/head.txt")" 'Location: /events'
matches "the cookie" "$(sed 's/=[^;]*/=…/' <<<"$(grep -i '^set-cookie' "$HF_WORK/head.txt")")" 'HttpOnly; SameSite=Strict'
rm "$HF_WORK/head.txt"
with_cookie() { local who=$1; shift; code -b "$HF_WORK/$who.cookies" "$@"; }
equal "a page" "$(with_cookie otto -H 'Accept: text/html' "$HF_URL/")" 200
with_cookie otto "$HF_URL/api/v1/session" >/dev/null
matches "the session" "$(cat "$HF_WORK/answer.txt")" '"user":"otto","role":"operator","by":"cookie"'
csrf=$(sed 's/.*"csrf":"\([^"]*\)".*/\1/' "$HF_WORK/answer.txt")
pause() { with_cookie otto -X POST -H 'Content-Type: application/json' -d '{"kind":"pause","target":"dev","unit":"20-shown","for":"1h","reason":"a look"}' "$@" "$HF_URL/api/v1/actions"; }
equal "the cookie alone" "$(pause)" 403
equal "from another site" "$(pause -H "X-CSRF-Token: $csrf" -H 'Origin: https://evil.example')" 403
equal "with its CSRF token" "$(pause -H "X-CSRF-Token: $csrf" -H "Origin: $HF_URL")" 200
paused() { [ "$(sql "select count(*) from events where type = 'pause.set' and message like 'paused by otto until %a look'")" = 1 ]; }
wait_for 10 "the trail names who pauses" paused
equal "vera's login" "$(form vera)" 303

# --- a right that is taken away
kc delete clusterrolebinding/holdfast-dashboard-viewer --wait=false >/dev/null || fail "kubectl delete"
begin=$EPOCHREALTIME
wait_for 65 "vera is out" lets_in vera 403
note "a right that is taken away is gone after $(since "$begin") ms"
equal "and so is her login" "$(with_cookie vera "$HF_URL/api/v1/objects")" 403
equal "otto, who reads by his own role, goes on" "$(as otto "$HF_URL/api/v1/objects")" 200

# --- on a real server: tokens of service accounts, for an audience and with an end
if [ "$HF_CLUSTER" = real ]; then
  kc -n "$HF_NS" create serviceaccount robot >/dev/null || fail "kubectl create serviceaccount"
  kc create clusterrolebinding holdfast-robot-of-89 --clusterrole=holdfast-dashboard-operator --serviceaccount="$HF_NS:robot" >/dev/null || fail "kubectl create clusterrolebinding"
  HF_ALSO+=(clusterrolebinding/holdfast-robot-of-89)
  robot() { # audience: a token for it into robot.head
    kc create --raw "/api/v1/namespaces/$HF_NS/serviceaccounts/robot/token" -f - <<<"{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"TokenRequest\",\"spec\":{\"audiences\":[\"$1\"],\"expirationSeconds\":600}}" >"$HF_WORK/raw.robot" || fail "TokenRequest"
    (umask 077 && sed 's/.*"token":"\([^"]*\)".*/Authorization: Bearer \1/' "$HF_WORK/raw.robot" >"$HF_WORK/robot.head")
    rm "$HF_WORK/raw.robot"
  }
  robot https://kubernetes.default.svc
  matches "a service account" "$(session robot)" "\"user\":\"system:serviceaccount:$HF_NS:robot\",\"role\":\"operator\",\"by\":\"kubernetes\""
  until_s=$(date -d "$(sed 's/.*"until":"\([^"]*\)".*/\1/' "$HF_WORK/answer.txt")" +%s) || fail "no end is told: $(cat "$HF_WORK/answer.txt")"
  [ $((until_s - $(date +%s))) -le 605 ] || fail "the end told is not the token's own"
  robot holdfast
  equal "a token for another audience" "$(as robot "$HF_URL/api/v1/objects")" 401
  sed -i 's/kubernetes: {target: dev}/kubernetes: {target: dev, audiences: [holdfast]}/' "$HF_CONFIG"
  kill -HUP "$HF_AGENT_PID"
  wait_for 15 "the token for this audience is right once the config names it" lets_in robot
  robot https://kubernetes.default.svc
  equal "one for the API server is not" "$(as robot "$HF_URL/api/v1/objects")" 401
  sed -i 's/, audiences: \[holdfast\]//' "$HF_CONFIG"
  kill -HUP "$HF_AGENT_PID"
  wait_for 15 "and is again without it" lets_in robot
  keeps_secret "$(sed "s/.*Bearer //" "$HF_WORK/robot.head")" "$HF_WORK"/agent.log "$HF_WORK"/agent.out "$HF_DB" "$HF_DB"-wal || fail "a token is told"
fi

# --- the API server is silent
equal "audra before" "$(as audra "$HF_URL/api/v1/objects")" 200
kill -STOP "$HF_PROXY_PID" # the line hangs, for new connections too
begin=$EPOCHREALTIME
equal "who is not known yet" "$(as nora -D "$HF_WORK/head.txt" "$HF_URL/api/v1/objects")" 503
[ "$(since "$begin")" -lt 9000 ] || fail "it took $(since "$begin") ms"
matches "when to come again" "$(tr -d '\r' <"$HF_WORK/head.txt")" 'Retry-After: [0-9]+'
equal "alice, whose token is ours" "$(as alice "$HF_URL/api/v1/objects")" 200
equal "audra, who was known a moment ago" "$(as audra "$HF_URL/api/v1/objects")" 200
equal "livez" "$(as nora "$HF_URL/livez")" 200
wait_for 70 "who was known is no more after a minute" lets_in audra 503
login_is_unsure() { [ "$(with_cookie otto "$HF_URL/api/v1/objects")" = 503 ]; }
wait_for 70 "nor by a login" login_is_unsure
equal "alice goes on" "$(as alice "$HF_URL/api/v1/objects")" 200
kill -CONT "$HF_PROXY_PID"
wait_for 30 "audra is let in again" lets_in audra
login_holds() { [ "$(with_cookie otto "$HF_URL/api/v1/objects")" = 200 ]; }
wait_for 10 "otto's login stands" login_holds

# --- guessing, and nothing of a token is told
for i in {1..12}; do code -H "Authorization: Bearer guess-$i-of-a-cluster-token" "$HF_URL/api/v1/objects" >/dev/null; done
equal "after many guesses" "$(code -H 'Authorization: Bearer guess-13-of-a-cluster-token' "$HF_URL/api/v1/objects")" 429
agent_stop
equal "the agent's exit" "$HF_STATUS" 0
for who in agnes vera otto audra nora; do
  keeps_secret "$(token_of $who)" "$HF_WORK"/agent.log "$HF_WORK"/agent.out "$HF_DB" "$HF_DB"-wal "$HF_WORK"/validate.txt || fail "a token is told"
done
if grep -aq 'guess-' "$HF_WORK/agent.log" "$HF_DB"; then fail "a wrong token is told"; fi
