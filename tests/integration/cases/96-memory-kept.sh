# What the agent has in memory leaves by no core dump: a crash leaves no file, nobody of the same user may read its memory, and so it is for `check` too.
unit_base
unit 10-secret.yaml <<'YAML'
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: "@NS@"}
stringData: {key: "@CANARY@"}
YAML
# Each process's folder is its own, and core files are allowed here: `core` in the folder is what the kernel would write.
mkdir "$HF_WORK/here"
ulimit -c unlimited 2>/dev/null || true
[ "$(ulimit -c)" != 0 ] || note "core files are not allowed here at all: the limit was 0 before"
units_apply "$HF_WORK/units" || fail "kubectl apply"
agent_config "$HF_WORK/units"
cd "$HF_WORK/here" || fail "no folder"
# Built with AddressSanitizer it would answer the signal itself.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}handle_segv=0"
agent_start || fail "the agent does not start"
wait_for 20 "3 objects in sync" all_in_sync 3
equal "the limit of its core files" "$(sed -n 's/^Max core file size *\([^ ]*\) *\([^ ]*\) .*/\1 \2/p' "/proc/$HF_AGENT_PID/limits")" "0 0"
# A process that can't be dumped is root's in /proc, whoever's it is.
equal "owner of its memory in /proc" "$(stat -c %U "/proc/$HF_AGENT_PID/mem")" root
if [ "$(id -u)" != 0 ]; then
  if cat "/proc/$HF_AGENT_PID/environ" >/dev/null 2>&1; then fail "its environment can be read by its own user"; fi
fi
if command -v gcore >/dev/null && [ "$(id -u)" != 0 ]; then
  if gcore -o "$HF_WORK/here/gcore" "$HF_AGENT_PID" >"$HF_WORK/gcore.txt" 2>&1; then fail "gcore has its memory"; fi
fi
# The same without root's rights: as somebody else who has the same uid as a process that is started so.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
  chmod -R a+rX "$HF_WORK/units" "$HF_CONFIG"
  mkdir -m 700 "$HF_WORK/nobody"
  cp "$HF_KUBECONFIG" "$HF_WORK/nobody/kubeconfig"
  sed "s|$HF_DB|$HF_WORK/nobody/holdfast.db|; s|kubeconfig: .*|kubeconfig: $HF_WORK/nobody/kubeconfig|; s|correction: auto|correction: observe|" "$HF_CONFIG" >"$HF_WORK/nobody/holdfast.yaml"
  chown -R 65534:65534 "$HF_WORK/nobody"
  as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
  if as_nobody test -x "$HF_BIN/holdfast" && as_nobody test -r "$HF_WORK/units/10-secret.yaml" && as_nobody test -r "$HF_WORK/nobody/holdfast.yaml"; then
    setpriv --reuid=65534 --regid=65534 --clear-groups "$HF_BIN/holdfast" run --config "$HF_WORK/nobody/holdfast.yaml" >"$HF_WORK/nobody.out" 2>"$HF_WORK/nobody.log" &
    nobody=$!
    HF_STARTED+=("$nobody")
    wait_for 20 "an agent of another user is ready" grep -q 'ready: every target' "$HF_WORK/nobody.log"
    as_nobody head -c 1 "/proc/$nobody/status" >/dev/null || fail "its status can't be read: nothing is tested"
    for file in environ maps; do
      if as_nobody head -c 1 "/proc/$nobody/$file" >/dev/null 2>&1; then fail "/proc/PID/$file can be read by its own user"; fi
    done
    if command -v gcore >/dev/null; then
      if as_nobody gcore -o "$HF_WORK/nobody/gcore" "$nobody" >"$HF_WORK/gcore.txt" 2>&1; then fail "gcore of the same user has its memory"; fi
      note "gcore of the same user is refused"
    fi
    kill -KILL "$nobody"
    wait "$nobody" 2>/dev/null
  else
    note "another user can't run it here: not tried"
  fi
fi
# Would the kernel write one? Of a process that does not forbid it, in the same folder.
sleep 30 &
control=$!
sleep 0.1
kill -SEGV $control
{ wait $control; } 2>/dev/null
if [ "$(find "$HF_WORK/here" -name '*core*' -type f | wc -l)" -gt 0 ]; then
  note "another process that crashes here leaves a core file, the agent none"
  find "$HF_WORK/here" -name '*core*' -type f -delete
else
  note "core files go elsewhere on this machine: only the limit is looked at"
fi
# A crash.
{ kill -SEGV "$HF_AGENT_PID"; } 2>/dev/null
wait "$HF_AGENT_PID"
[ $? -ge 128 ] || fail "it did not end by the signal"
sleep 0.5
equal "core files" "$(find "$HF_WORK" -name '*core*' -type f ! -name 'gcore.txt' | wc -l)" 0
# `check` has the same in memory.
"$HF_BIN/holdfast" check --config "$HF_CONFIG" >"$HF_WORK/check.out" 2>"$HF_WORK/check.log" &
check=$!
limit=unknown
while kill -0 $check 2>/dev/null; do
  limit=$(sed -n 's/^Max core file size *\([^ ]*\) .*/\1/p' "/proc/$check/limits" 2>/dev/null)
  [ "$limit" = 0 ] && break
done
wait $check
equal "the limit of core files of check" "$limit" 0
