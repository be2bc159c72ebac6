# The local verdict against the server's own: random mutations of real objects, and what a forced dry-run apply would change. On a
# server of its own without controllers: they would write between the look at an object and the server's answer about it.
# clusters: real
# early: yes
# limit: 1500
cases=1000
[ "${HF_LONG:-0}" = 1 ] && cases=10000
[ -x "$HF_BIN/tests/oracle" ] || fail "tests/oracle is not built in $HF_BIN"
quiet=$("$HF_TOP/tests/cluster/up" "$HF_WORK/quiet") || fail "no cluster without controllers"
status=0
"$HF_BIN/tests/oracle" --kubeconfig "$quiet" --cases "$cases" --seed "${HF_SEED:-1}" >"$HF_WORK/oracle.out" 2>&1 || status=$?
"$HF_TOP/tests/cluster/down" "$HF_WORK/quiet"
[ $status -eq 0 ] || fail "$(tail -n 12 "$HF_WORK/oracle.out" | cut -c1-600)"
note "$(tail -n 1 "$HF_WORK/oracle.out")"
