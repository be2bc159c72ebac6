# Who may read and act: beyond loopback only with access control; without a token nothing; a login, its cookie and its CSRF token; a person puts back what is
# only observed, pauses and resumes, and the trail names them; a token that is taken away counts no more within seconds; TLS whose certificate is renewed.
unit_base
unit 20-shown.yaml <<'YAML'
apiVersion: v1
kind: ConfigMap
metadata: {name: shown, namespace: "@NS@"}
data: {mode: safe}
YAML
holdfast() { "$HF_BIN/holdfast" "$@"; }
# Makes a token of a role into HF_WORK/NAME.token, and its line into the file of tokens.
token() { # name, role
  (umask 077 && holdfast token new --name "$1" --role "$2" 2>/dev/null >"$HF_WORK/$1.new" && head -n 1 "$HF_WORK/$1.new" >"$HF_WORK/$1.token") || fail "holdfast token new"
  tail -n 1 "$HF_WORK/$1.new" >>"$HF_WORK/tokens.yaml"
  if grep -qF "$(cat "$HF_WORK/$1.token")" "$HF_WORK/tokens.yaml"; then fail "the config's line tells the token"; fi
  (umask 077 && printf 'Authorization: Bearer %s\n' "$(cat "$HF_WORK/$1.token")" >"$HF_WORK/$1.head")
}
token alice operator
token bob viewer
token carol auditor
equal "what is in the file" "$(grep -c 'hash: "sha256:[0-9a-f]\{64\}"' "$HF_WORK/tokens.yaml")" 3

# --- where it may listen
HF_CORRECTION=observe
agent_config "$HF_WORK/units"
sed -i 's/^listen: .*/listen: 0.0.0.0:0/' "$HF_CONFIG"
if holdfast validate "$HF_CONFIG" >"$HF_WORK/validate.txt" 2>&1; then fail "validate takes 0.0.0.0 without access control"; fi
matches "what validate says" "$(cat "$HF_WORK/validate.txt")" 'everyone who reaches that address could read the dashboard: set `access`'
if timeout 20 "$HF_BIN/holdfast" run --config "$HF_CONFIG" 2>"$HF_WORK/refused.log"; then fail "the agent listens on 0.0.0.0 without access control"; fi
matches "what run says" "$(cat "$HF_WORK/refused.log")" 'everyone who reaches that address'
echo "access: {tokens_file: $HF_WORK/tokens.yaml}" >>"$HF_CONFIG"
if holdfast validate "$HF_CONFIG" >"$HF_WORK/validate.txt" 2>&1; then fail "validate takes 0.0.0.0 without TLS"; fi
matches "what validate says of TLS" "$(cat "$HF_WORK/validate.txt")" 'refused without TLS'
chmod 666 "$HF_WORK/tokens.yaml"
sed -i 's/^listen: .*/listen: 127.0.0.1:0/' "$HF_CONFIG"
if holdfast validate "$HF_CONFIG" >"$HF_WORK/validate.txt" 2>&1; then fail "a file of tokens that all may write is taken"; fi
matches "what validate says of its mode" "$(cat "$HF_WORK/validate.txt")" 'found mode 666'
chmod 600 "$HF_WORK/tokens.yaml"
holdfast validate "$HF_CONFIG" >/dev/null || fail "validate"

# --- who may read
HF_MORE="access: {tokens_file: $HF_WORK/tokens.yaml, hosts: [holdfast.example.com]}"
held 3
code() { curl -s -m 10 -o "$HF_WORK/answer.txt" -w '%{http_code}' "$@"; }
as() { local who=$1; shift; code -H @"$HF_WORK/$who.head" "$@"; }
equal "without a token" "$(code "$HF_URL/api/v1/objects")" 401
equal "metrics without a token" "$(code "$HF_URL/metrics")" 401
equal "readyz without a token" "$(code "$HF_URL/readyz?verbose")" 200
equal "what it tells" "$(cat "$HF_WORK/answer.txt")" ok
equal "with a wrong one" "$(code -H 'Authorization: Bearer holdfast_wrong' "$HF_URL/api/v1/objects")" 401
for who in alice bob carol; do equal "objects for $who" "$(as $who "$HF_URL/api/v1/objects")" 200; done
equal "a hostile Host" "$(as alice -H 'Host: evil.example' "$HF_URL/api/v1/objects")" 421
equal "its own name" "$(as alice -H 'Host: holdfast.example.com' "$HF_URL/api/v1/objects")" 200
equal "the export for bob" "$(as bob "$HF_URL/api/v1/export?format=jsonl")" 403

# --- a person puts back what is only observed
drifted() { [ "$(verdicts drifted)" = 1 ]; }
before=$(last_event)
kc -n "$HF_NS" patch configmap/shown --type=merge -p '{"data":{"mode":"loose"}}' >/dev/null
wait_for 10 "the drift is seen" drifted
body() { printf '{"kind":"put_back","target":"dev","object":{"kind":"ConfigMap","namespace":"%s","name":"shown"},"reason":"it hurts <b>now</b>"}' "$HF_NS"; }
act() { local who=$1; shift; as "$who" -X POST -H 'Content-Type: application/json' -d "$@" "$HF_URL/api/v1/actions"; }
equal "bob puts back" "$(act bob "$(body)")" 403
equal "carol puts back" "$(act carol "$(body)")" 403
equal "without a reason" "$(act alice '{"kind":"put_back","target":"dev","unit":"20-shown"}')" 400
equal "of a unit that is not there" "$(act alice '{"kind":"put_back","target":"dev","unit":"nope","reason":"x"}')" 404
equal "it is left as it is meanwhile" "$(field configmap/shown '{.data.mode}')" loose
# By a login, as the page does it.
equal "a wrong login" "$(code -X POST -H 'Content-Type: application/json' -d '{"token":"holdfast_wrong"}' "$HF_URL/api/v1/login")" 401
equal "the login" "$(code -c "$HF_WORK/cookies" --data-urlencode "token@$HF_WORK/alice.token" "$HF_URL/login")" 400
printf 'token=%s' "$(cat "$HF_WORK/alice.token")" >"$HF_WORK/form.token"
equal "the login" "$(code -c "$HF_WORK/cookies" -d @"$HF_WORK/form.token" -D "$HF_WORK/head.txt" "$HF_URL/login")" 303
matches "the cookie" "$(sed 's/=[^;]*/=…/' <<<"$(grep -i '^set-cookie' "$HF_WORK/head.txt")")" 'HttpOnly; SameSite=Strict'
rm "$HF_WORK/head.txt"
equal "who it is" "$(code -b "$HF_WORK/cookies" "$HF_URL/api/v1/session")" 200
matches "the session" "$(cat "$HF_WORK/answer.txt")" '"user":"alice","role":"operator","by":"cookie"'
csrf=$(sed 's/.*"csrf":"\([^"]*\)".*/\1/' "$HF_WORK/answer.txt")
with_cookie() { code -b "$HF_WORK/cookies" -X POST -H 'Content-Type: application/json' -d "$(body)" "$@" "$HF_URL/api/v1/actions"; }
equal "the cookie alone" "$(with_cookie)" 403
equal "from another site" "$(with_cookie -H "X-CSRF-Token: $csrf" -H 'Origin: https://evil.example')" 403
equal "it is left as it is" "$(field configmap/shown '{.data.mode}')" loose
equal "with its CSRF token" "$(with_cookie -H "X-CSRF-Token: $csrf" -H "Origin: $HF_URL")" 202
href=$(sed 's/.*"href":"\([^"]*\)".*/\1/' "$HF_WORK/answer.txt")
back() { [ "$(field configmap/shown '{.data.mode}')" = safe ]; }
wait_for 10 "it is put back" back
done_is() { [ "$(as bob "$HF_URL$href")" = 200 ] && grep -q '"state":"done"' "$HF_WORK/answer.txt"; }
wait_for 10 "the answer says so" done_is
named() { [ "$(sql "select count(*) from events where id > $before and type like 'put_back.%' and json_extract(detail, '$.by') = 'alice' and json_extract(detail, '$.reason') = 'it hurts <b>now</b>'")" -ge 1 ]; }
wait_for 10 "the trail names who and why" named
equal "an action that is not there" "$(as bob "$HF_URL/api/v1/actions/a-9")" 404

# --- pause and resume
equal "alice pauses" "$(act alice '{"kind":"pause","target":"dev","unit":"20-shown","for":"1h","reason":"the vendor looks"}')" 200
id=$(sed 's/.*"id":"\([^"]*\)".*/\1/' "$HF_WORK/answer.txt")
paused() { [ "$(sql "select count(*) from events where type = 'pause.set' and message like 'paused by alice until %the vendor looks'")" = 1 ]; }
wait_for 10 "the trail names who pauses" paused
equal "the pauses" "$(as bob "$HF_URL/api/v1/pauses")" 200
matches "what they say" "$(cat "$HF_WORK/answer.txt")" "\"id\":\"$id\".*\"by\":\"alice\""
equal "resume" "$(act alice "{\"kind\":\"resume\",\"pause\":\"$id\",\"reason\":\"done\"}")" 200
ended() { [ "$(sql "select count(*) from events where type = 'pause.ended' and message like '%is ended by alice'")" = 1 ]; }
wait_for 10 "the trail names who ends it" ended
equal "once more" "$(act alice "{\"kind\":\"resume\",\"pause\":\"$id\",\"reason\":\"done\"}")" 404

# --- a token that is taken away
sed -i '/name: "alice"/d' "$HF_WORK/tokens.yaml"
gone() { [ "$(as alice "$HF_URL/api/v1/session")" = 200 ] && grep -q '"role":null' "$HF_WORK/answer.txt"; }
wait_for 15 "alice's token counts no more" gone
equal "nor does her login" "$(code -b "$HF_WORK/cookies" "$HF_URL/api/v1/objects")" 401
equal "bob's goes on" "$(as bob "$HF_URL/api/v1/objects")" 200
echo 'nonsense: [' >>"$HF_WORK/tokens.yaml"
told() { [ "$(sql "select count(*) from events where type = 'access.refused'")" -ge 1 ]; }
wait_for 15 "a wrong file is told" told
equal "and what was read before goes on" "$(as bob "$HF_URL/api/v1/objects")" 200
sed -i '$d' "$HF_WORK/tokens.yaml"

# --- guessing
for _ in {1..12}; do code -X POST -H 'Content-Type: application/json' -d '{"token":"holdfast_guess"}' "$HF_URL/api/v1/login" >/dev/null; done
equal "after many guesses" "$(code -X POST -H 'Content-Type: application/json' -d '{"token":"holdfast_guess"}' "$HF_URL/api/v1/login")" 429
agent_stop
equal "the agent's exit" "$HF_STATUS" 0

# --- TLS beyond loopback
certificate() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" -keyout "$HF_WORK/tls.key" -out "$HF_WORK/tls.crt.new" 2>/dev/null && mv "$HF_WORK/tls.crt.new" "$HF_WORK/tls.crt"; }
certificate first || fail "openssl"
HF_MORE="access: {tokens_file: $HF_WORK/tokens.yaml, tls: {cert_file: $HF_WORK/tls.crt, key_file: $HF_WORK/tls.key}}"
agent_config "$HF_WORK/units"
sed -i 's/^listen: .*/listen: 0.0.0.0:0/' "$HF_CONFIG"
first_line=$(($(wc -l <"$HF_WORK/agent.log") + 1))
"$HF_BIN/holdfast" run --config "$HF_CONFIG" >>"$HF_WORK/agent.out" 2>>"$HF_WORK/agent.log" &
HF_AGENT_PID=$!
HF_STARTED+=("$HF_AGENT_PID")
listens() { HF_URL=$(tail -n "+$first_line" "$HF_WORK/agent.log" | sed -n 's|.*msg=listening.*address="\{0,1\}\(https://[0-9.:]*\).*|\1|p' | tail -n 1); HF_URL=${HF_URL/0.0.0.0/127.0.0.1}; [ -n "$HF_URL" ]; }
wait_for 15 "it listens with TLS" listens
ready() { [ "$(code --insecure "$HF_URL/readyz")" = 200 ]; }
wait_for 20 "it is ready" ready
equal "objects over TLS" "$(as bob --insecure "$HF_URL/api/v1/objects")" 200
equal "without a token" "$(code --insecure "$HF_URL/api/v1/objects")" 401
certificate second || fail "openssl"
renewed() { openssl s_client -connect "${HF_URL#https://}" </dev/null 2>/dev/null | grep -q 'CN *= *second'; }
wait_for 15 "the new certificate counts" renewed
equal "objects over TLS" "$(as bob --insecure "$HF_URL/api/v1/objects")" 200
printf 'token=%s' "$(cat "$HF_WORK/bob.token")" >"$HF_WORK/form.token"
equal "the login over TLS" "$(code --insecure -d @"$HF_WORK/form.token" -D "$HF_WORK/head.txt" "$HF_URL/login")" 303
matches "its cookie" "$(sed 's/=[^;]*/=…/' <<<"$(grep -i '^set-cookie' "$HF_WORK/head.txt")")" '; Secure'
rm "$HF_WORK/head.txt"
agent_stop
# --- nothing of a token is told
for who in alice bob carol; do
  keeps_secret "$(cat "$HF_WORK/$who.token")" "$HF_WORK"/agent.log "$HF_WORK"/agent.out "$HF_DB" "$HF_DB"-wal "$HF_WORK"/validate.txt || fail "a token is told"
done
