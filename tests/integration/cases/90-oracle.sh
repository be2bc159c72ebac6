# The local verdict against the server's own: random mutations of real objects, and what a forced dry-run apply would change.
# clusters: real
# limit: 600
cases=1000
[ "${HF_LONG:-0}" = 1 ] && cases=10000
[ -x "$HF_BIN/tests/oracle" ] || fail "tests/oracle is not built in $HF_BIN"
"$HF_BIN/tests/oracle" --kubeconfig "$HF_KUBECONFIG" --cases "$cases" --seed "${HF_SEED:-1}" >"$HF_WORK/oracle.out" 2>&1 ||
  fail "$(tail -n 12 "$HF_WORK/oracle.out" | cut -c1-600)"
note "$(tail -n 1 "$HF_WORK/oracle.out")"
