#!/usr/bin/env bash
# Longshore's main job on real input: installs and builds what is missing, starts a private PostgreSQL and both services, makes
# three local instances (real sshd, set up by Ansible), and deploys scripts to them. With --keep the stack stays up. Needs root;
# see tools/stack.sh.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tools/lib/build.sh"
keep=
case ${1:-} in
  --keep) keep=yes ;;
  "") ;;
  *)
    echo "usage: tools/demo.sh [--keep]" >&2
    exit 2
    ;;
esac

dir=/var/tmp/longshore-demo
"$top/tools/stack.sh" down --dir "$dir"
"$top/tools/stack.sh" up --dir "$dir" --instances 0
find_programs
. "$dir/env"
finish() { [ -n "$keep" ] || "$top/tools/stack.sh" down --dir "$dir"; }
trap finish EXIT

say() { printf '\n== %s\n' "$*"; }
# Runs longshore, which has to end with the exit status given first.
expect() {
  local wanted=$1 status=0
  shift
  "$longshore" "$@" || status=$?
  [ "$status" -eq "$wanted" ] || {
    echo "demo.sh: expected exit status $wanted, got $status" >&2
    exit 1
  }
}

cat > "$LONGSHORE_PAYLOAD_DIR/report.sh" << 'EOF'
echo "host $(hostname), kernel $(uname -r), $(nproc) cores"
for step in packages configuration services; do
  echo "checking $step"
  sleep 1
done
df -h / | tail -1
EOF
say "Three instances from nothing: created, set up by ansible-playbook, and a script that prints over a few seconds run, live"
expect 0 instances create --name demo --count 3 --tag local --provision --path "$LONGSHORE_PAYLOAD_DIR/report.sh" \
  --execute --follow
expect 0 instances list
ids=$("$longshore" instances list --tag local | awk 'NR > 1 { print $1 }' | paste -sd ,)
sed -i "s/^export LONGSHORE_INSTANCE_IDS=.*/export LONGSHORE_INSTANCE_IDS=$ids/" "$dir/env"
say "How the first of them was made"
first=${ids%%,*}
expect 0 tasks --instance "$first"
provision=$("$longshore" tasks --instance "$first" --type provision_instance | awk 'NR == 2 { print $1 }')
expect 0 tasks "$provision" --log

say "One that fails with exit status 3"
cat > "$dir/fails.sh" << 'EOF'
echo "about to fail"
exit 3
EOF
expect 1 deploy --file "$dir/fails.sh" --instances "$first" --execute --follow

say "One that outlives its timeout of 1 s: TERM to its whole process group"
echo 'echo "working"; sleep 600' > "$dir/endless.sh"
expect 1 deploy --file "$dir/endless.sh" --instances "$first" --execute --timeout 1 --follow

say "To the fleet by its tag, one at a time: the rollout stops at the first failure, a retry runs the rest"
echo 'touch /root/ready' > "$dir/prepare.sh"
echo 'test -e /root/ready || { echo "not ready"; exit 1; }' > "$dir/check.sh"
expect 0 deploy --file "$dir/prepare.sh" --instances "$first" --execute --wait
expect 1 deploy --file "$dir/check.sh" --tag local --execute --max-concurrency 1 --max-errors 1 --wait
expect 0 deployments list
fleet=$("$longshore" deployments list | awk 'NR == 2 { print $1 }')
expect 0 deploy --file "$dir/prepare.sh" --tag local --execute --wait
expect 0 deployments retry "$fleet" --wait

say "The worker is killed with SIGKILL in the middle of a run, and started again"
cat > "$dir/counts.sh" << 'EOF'
for i in $(seq 1 6); do echo "step $i of 6"; sleep 1; done
EOF
mapfile -d "" -t worker_command < "/proc/$(cat "$dir/payload_worker.pid")/cmdline"
"$longshore" deploy --file "$dir/counts.sh" --tag local --execute --follow &
follow=$!
sleep 2.5
kill -KILL "$(cat "$dir/payload_worker.pid")"
echo "-- killed the worker --"
setsid env --default-signal=INT,QUIT "${worker_command[@]}" < /dev/null >> "$dir/payload_worker.log" 2>&1 &
echo $! > "$dir/payload_worker.pid"
wait "$follow" || {
  echo "demo.sh: the payloads did not survive the worker's death" >&2
  exit 1
}

say "What ran on instance $first, and the tasks behind it"
expect 0 list --instance "$first"
expect 0 tasks --instance "$first"
if [ -n "$keep" ]; then
  say "The stack stays up. To use it: . $dir/env ; to stop it: tools/stack.sh down --dir $dir"
  echo "The web console: $LONGSHORE_HTTP/ (a browser has to be told to trust $LONGSHORE_CA)"
  echo "Log in with the token that this prints: . $dir/env && echo \$LONGSHORE_TOKEN"
fi
