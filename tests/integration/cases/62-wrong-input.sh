# A wrong config or kubeconfig names its place, and neither `check` nor `run` starts with it; no secret is shown.
units_copy "$HF_WORK/units" "$HF_NS"
agent_config "$HF_WORK/units"
refuses() { # what, config, pattern of the message, [commands]
  local command status
  for command in ${4:-check run}; do
    status=0
    timeout 10 "$HF_BIN/holdfast" $command --config "$2" >"$HF_WORK/refused.out" 2>"$HF_WORK/refused.log" || status=$?
    equal "$1: exit of $command" $status 2
    matches "$1: message of $command" "$(cat "$HF_WORK/refused.log")" "$3"
    if grep -q s3cr3t-t0ken "$HF_WORK/refused.log" "$HF_WORK/refused.out"; then fail "$1: a secret is shown by $command"; fi
  done
}
variant() { sed "$1" "$HF_CONFIG" >"$HF_WORK/$2.yaml"; echo "$HF_WORK/$2.yaml"; }
refuses "no such file" "$HF_WORK/none.yaml" 'none\.yaml'
refuses "unknown key" "$(variant 's/correction: auto/corection: auto/' unknown-key)" 'unknown-key\.yaml.*(line )?7.*corection'
refuses "wrong value" "$(variant 's/correction: auto/correction: always/' wrong-value)" 'wrong-value\.yaml.*(line )?7.*always.*(auto|observe)'
refuses "not YAML" "$(variant 's/^targets:/targets: [/' not-yaml)" 'not-yaml\.yaml.*(line )?[0-9]+'
refuses "no kubeconfig there" "$(variant 's|kubeconfig: .*|kubeconfig: /nonexistent/kubeconfig|' no-kubeconfig)" '/nonexistent/kubeconfig'
printf 'apiVersion: v1\nkind: Config\nusers:\n- name: a\n  user: {token: s3cr3t-t0ken}\ncurrent-context: none\ncontexts: []\nclusters: []\n' >"$HF_WORK/no-context"
refuses "a kubeconfig without its context" "$(variant "s|kubeconfig: .*|kubeconfig: $HF_WORK/no-context|" no-context-config)" 'no-context.*none|none.*no-context'
printf 'apiVersion: v1\nkind: Config\nusers:\n- name: a\n  user: {token: s3cr3t-t0ken\n' >"$HF_WORK/broken-kubeconfig"
refuses "a broken kubeconfig" "$(variant "s|kubeconfig: .*|kubeconfig: $HF_WORK/broken-kubeconfig|" broken-kubeconfig-config)" 'broken-kubeconfig.*(line )?[0-9]+'
refuses "an address that is not loopback" "$(variant 's/listen: .*/listen: 0.0.0.0:0/' not-loopback)" '0\.0\.0\.0|loopback' run
for file in unknown-key wrong-value not-yaml; do
  status=0
  "$HF_BIN/holdfast" validate "$HF_WORK/$file.yaml" >"$HF_WORK/validate.out" 2>&1 || status=$?
  equal "validate $file" $status 1
  matches "validate $file" "$(cat "$HF_WORK/validate.out")" "$file\.yaml"
done
"$HF_BIN/holdfast" validate "$HF_CONFIG" "$HF_WORK"/units/*.yaml >"$HF_WORK/validate.out" 2>&1 || fail "validate of good files: $(cat "$HF_WORK/validate.out")"
equal "starts recorded by agents that did not start" "$(sql "select count(*) from events where type = 'agent.started'" 2>/dev/null || echo 0)" 0
