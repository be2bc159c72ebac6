# Functions of tests/cluster/*: starting and ending the processes of one cluster, whose state is all in one folder.
# Sourced, not run.

cluster_say() { echo "tests/cluster: $*" >&2; }

# People with tokens, a line each as of --token-auth-file, on the real and on the simulated cluster; nobody has a right of his own.
cluster_people() {
  local name
  for name in agnes vera otto audra nora; do
    echo "$(openssl rand -hex 16),$name,$name-uid,\"holdfast:people,holdfast:$name\""
  done
}

# The pid of DIR/NAME.pid if that process is alive and is still ours: its command line names DIR.
cluster_pid() {
  local dir=$1 name=$2 pid words tries
  pid=$(cat "$dir/$name.pid" 2>/dev/null)
  [ -n "$pid" ] || return 1
  # Empty for an instant while a process becomes another program by exec; for good once it is a zombie.
  for ((tries = 0; tries < 20; tries++)); do
    words=$(tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline") || return 1
    if [ -n "$words" ]; then
      [[ "$words" == *"$dir"* ]] && echo "$pid"
      return
    fi
    grep -qs '^State:.*[ZX]' "/proc/$pid/status" && return 1
    sleep 0.02
  done
  return 1
}

# Starts COMMAND in a session of its own, so that a Ctrl-C in the test's terminal does not reach it. Its command line
# must name DIR.
cluster_start() {
  local dir=$1 name=$2
  shift 2
  setsid --fork bash -c 'echo $$ >"$1"; shift; exec "$@"' start "$dir/$name.pid" "$@" \
    </dev/null >>"$dir/$name.log" 2>&1 9>&-
  local tries
  for ((tries = 0; tries < 200; tries++)); do
    cluster_pid "$dir" "$name" >/dev/null && return 0
    sleep 0.01
  done
  cluster_say "$name did not start; the end of $dir/$name.log:"
  tail -n 5 "$dir/$name.log" >&2
  return 1
}

# Ends DIR/NAME and returns when it has gone.
cluster_stop() {
  local dir=$1 name=$2 pid tries
  if pid=$(cluster_pid "$dir" "$name"); then
    kill -CONT "$pid" 2>/dev/null
    kill -TERM "$pid" 2>/dev/null
    for ((tries = 0; tries < 300; tries++)); do
      cluster_pid "$dir" "$name" >/dev/null || break
      [ "$tries" -eq 200 ] && kill -KILL "$pid" 2>/dev/null
      sleep 0.05
    done
  fi
  rm -f "$dir/$name.pid"
}

# Prints COUNT loopback ports that nobody listens on, below the range that the kernel gives to outgoing connections.
cluster_ports() {
  local count=$1 port taken
  local -A chosen=()
  taken=$(awk 'FNR > 1 { split($2, part, ":"); print part[2] }' /proc/net/tcp /proc/net/tcp6 2>/dev/null)
  while [ ${#chosen[@]} -lt "$count" ]; do
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
    grep -qxF "$(printf '%04X' "$port")" <<<"$taken" || chosen[$port]=1
  done
  echo "${!chosen[@]}"
}
