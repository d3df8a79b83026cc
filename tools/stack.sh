#!/usr/bin/env bash
# A Longshore of your own on this machine: PostgreSQL, api_server, payload_worker and local instances, all on loopback.
# Usage: tools/stack.sh up|down|status [--dir DIR] [--instances N] [--insecure]
# DIR (default: /var/tmp/longshore-stack) holds everything; `up` empties it, if an earlier `up` has made it, and takes no other
# directory that holds something. It writes DIR/env, to be sourced, a DIR/NAME.pid and a DIR/NAME.log for each process, and makes
# certificates and a token; with --insecure it does without both. A further worker's certificate: tools/lib/certificates.sh client
# $LONGSHORE_WORKER_CERT_DIR PREFIX DNS:NAME, and $LONGSHORE_WORKER_CERT_DIR/ca.pem is its --tls_ca. Needs root: an instance is a
# real sshd in namespaces of its own.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tools/lib/build.sh"

usage() {
  sed -n '2,9s/^# //p' "$0" >&2
  exit 2
}

action=${1:-}
shift || usage
dir=/var/tmp/longshore-stack
instances=3
insecure=
while [ $# -gt 0 ]; do
  case $1 in
    --dir) dir=${2:?--dir needs a directory} && shift 2 ;;
    --instances) instances=${2:?--instances needs a number} && shift 2 ;;
    --insecure) insecure=yes && shift ;;
    *)
      echo "stack.sh: unknown argument '$1'" >&2
      usage
      ;;
  esac
done
if ! [[ $instances =~ ^[0-9]{1,3}$ ]] || [ "$instances" -gt 200 ]; then
  echo "stack.sh: --instances '$instances' must be 0 to 200" >&2
  exit 2
fi
dir=$(realpath -m "$dir")

port_is_open() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }

free_port() {
  local port
  while true; do
    port=$((20000 + RANDOM % 12000))
    case " $used_ports " in *" $port "*) continue ;; esac
    port_is_open "$port" || break
  done
  used_ports="$used_ports $port"
  chosen_port=$port
}
used_ports=

# Starts a process that outlives this script: NAME COMMAND...; its pid is the command's own.
start() {
  local name=$1
  shift
  # The shell has a background process ignore these two; scripts on the instances would inherit that.
  setsid env --default-signal=INT,QUIT "$@" < /dev/null > "$dir/$name.log" 2>&1 &
  echo $! > "$dir/$name.pid"
}

# Whether process NAME is there; after a reboot its number may be another's. What is started here has $dir among its arguments.
alive() { [ -e "$dir/$1.pid" ] && grep -qaF -- "$dir/" "/proc/$(cat "$dir/$1.pid")/cmdline" 2> /dev/null; }

# Waits until process NAME listens on PORT.
wait_for() {
  for _ in $(seq 300); do
    port_is_open "$2" && return
    kill -0 "$(cat "$dir/$1.pid")" 2> /dev/null || break
    sleep 0.1
  done
  echo "stack.sh: $1 did not come up; the end of $dir/$1.log:" >&2
  tail -5 "$dir/$1.log" >&2
  return 1
}

stop() {
  local pid
  if alive "$1"; then
    pid=$(cat "$dir/$1.pid")
    kill -"$2" "$pid" 2> /dev/null || true
    for _ in $(seq 300); do
      alive "$1" || break
      sleep 0.1
    done
    ! alive "$1" || kill -KILL "$pid" 2> /dev/null || true
  fi
  rm -f "$dir/$1.pid"
}

# Certificates for 127.0.0.1 and localhost, and for the worker "local". Workers have an authority of their own: a client's
# certificate makes nobody a worker. What further workers need is in worker-tls: ca.pem begins with the authority that signs them,
# and ends with the one that has signed the servers.
make_certificates() {
  local make="$top/tools/lib/certificates.sh"
  "$make" authority "$dir/tls" "Longshore stack"
  "$make" server "$dir/tls" "$dir/tls/server" DNS:localhost,IP:127.0.0.1
  "$make" authority "$dir/worker-tls" "Longshore stack: workers"
  "$make" client "$dir/worker-tls" "$dir/worker-tls/local" DNS:local
  mv "$dir/worker-tls/ca.pem" "$dir/worker-tls/client_ca.pem"
  cat "$dir/worker-tls/client_ca.pem" "$dir/tls/ca.pem" > "$dir/worker-tls/ca.pem"
  api_access=(--tls_cert="$dir/tls/server.pem" --tls_key="$dir/tls/server.key"
    --worker_tls_cert="$dir/tls/server.pem" --worker_tls_key="$dir/tls/server.key"
    --worker_client_ca="$dir/worker-tls/client_ca.pem" --bootstrap_token_file="$dir/token")
  worker_access=(--tls_ca="$dir/tls/ca.pem" --tls_cert="$dir/worker-tls/local.pem" --tls_key="$dir/worker-tls/local.key")
}

# What tells a client how to reach the api_server, as lines of a shell.
access_env() {
  if [ -n "$insecure" ]; then
    echo "unset LONGSHORE_CA LONGSHORE_TOKEN LONGSHORE_WORKER_CERT_DIR LONGSHORE_CONTEXT"
    echo "export LONGSHORE_INSECURE=true"
  else
    echo "unset LONGSHORE_INSECURE LONGSHORE_CONTEXT"
    echo "export LONGSHORE_CA=$dir/tls/ca.pem"
    echo "export LONGSHORE_TOKEN=$(cat "$dir/token")"
    echo "export LONGSHORE_WORKER_CERT_DIR=$dir/worker-tls"
  fi
}

names() { for file in "$dir"/*.pid; do [ -e "$file" ] && basename "$file" .pid; done; }

down() {
  stop payload_worker TERM
  stop api_server TERM
  for name in $(names); do
    # unshare ignores TERM while it waits for its child, which dies with it.
    [ "$name" = postgres ] || stop "$name" KILL
  done
  for machine in "$dir"/machines/*; do
    [ ! -e "$machine" ] || "$top/api_server/providers/local_instance.sh" delete "$machine"
  done
  stop postgres INT
}

up() {
  [ "$(id -u)" = 0 ] || {
    echo "stack.sh: needs root, for the instances' namespaces" >&2
    exit 1
  }
  for name in $(names); do
    if alive "$name"; then
      echo "stack.sh: a stack is up in $dir already ($name); stop it with: tools/stack.sh down --dir $dir" >&2
      exit 1
    fi
  done
  # One of an earlier version has no mark.
  if [ -e "$dir" ] && [ ! -e "$dir/.longshore-stack" ] && [ ! -d "$dir/postgres" ] && [ -n "$(ls -A "$dir")" ]; then
    echo "stack.sh: $dir holds something that no stack has put there; give another --dir" >&2
    exit 1
  fi
  "$top/tools/lib/install.sh" build
  build_programs
  find_programs
  rm -rf "$dir"
  mkdir -p "$dir/payloads"
  touch "$dir/.longshore-stack"
  trap 'echo "stack.sh: stopping what was started" >&2; down' ERR

  free_port && local database_port=$chosen_port
  free_port && local api_port=$chosen_port
  free_port && local worker_port=$chosen_port
  free_port && local http_port=$chosen_port
  "$top/tools/lib/postgres.sh" init "$dir/postgres"
  start postgres "$top/tools/lib/postgres.sh" run "$dir/postgres" "$database_port"
  wait_for postgres "$database_port"
  local url=postgresql://longshore@127.0.0.1:$database_port/postgres

  ssh-keygen -q -t ed25519 -N '' -C longshore -f "$dir/ssh_key"
  local api_access=(--insecure) worker_access=(--insecure) http_scheme=http
  [ -n "$insecure" ] || { make_certificates && http_scheme=https; }
  # shellcheck disable=SC2086  # LONGSHORE_API_FLAGS are words, as are the worker's.
  start api_server "$api_server" --listen="127.0.0.1:$api_port" --worker_listen="127.0.0.1:$worker_port" \
    --http_listen="127.0.0.1:$http_port" \
    --database_url="$url" --allowed_payload_dirs="$dir/payloads" --providers=local --local_instances_dir="$dir/machines" \
    --authorized_keys_file="$dir/ssh_key.pub" "${api_access[@]}" ${LONGSHORE_API_FLAGS:-}
  # shellcheck disable=SC2086
  start payload_worker "$payload_worker" --api_server="127.0.0.1:$worker_port" --ssh_private_key="$dir/ssh_key" \
    --provision_playbook="$top/ansible/main.yml" --name=local "${worker_access[@]}" ${LONGSHORE_WORKER_FLAGS:-}
  wait_for api_server "$api_port"

  export LONGSHORE_API=127.0.0.1:$api_port
  eval "$(access_env)"
  local ids="" name id
  for i in $(seq "$instances"); do
    name=instance-$i
    "$top/api_server/providers/local_instance.sh" init "$dir/$name" "$dir/ssh_key.pub"
    free_port
    start "$name" "$top/api_server/providers/local_instance.sh" run "$dir/$name" "$chosen_port"
    wait_for "$name" "$chosen_port"
    id=$("$longshore" instances add --name "$name" --address 127.0.0.1 --port "$chosen_port" \
      --host-key "$(cat "$dir/$name/host_key.pub")" --tag local --quiet)
    ids=${ids:+$ids,}$id
  done
  # It holds the token.
  (umask 077 && : > "$dir/env")
  cat > "$dir/env" << EOF
export LONGSHORE_API=127.0.0.1:$api_port
$(access_env)
export LONGSHORE_WORKER_API=127.0.0.1:$worker_port
export LONGSHORE_HTTP=$http_scheme://127.0.0.1:$http_port
export LONGSHORE_DATABASE_URL=$url
export LONGSHORE_PAYLOAD_DIR=$dir/payloads
export LONGSHORE_INSTANCE_IDS=$ids
export LONGSHORE_SSH_KEY=$dir/ssh_key
EOF
  trap - ERR
  echo "The stack is up; scripts to be deployed by path go to $dir/payloads. To use it:"
  echo "  . $dir/env"
  echo "To stop it: tools/stack.sh down --dir $dir"
}

status() {
  local any=
  for name in $(names); do
    any=yes
    alive "$name" && echo "$name is up (pid $(cat "$dir/$name.pid"))" || echo "$name is down"
  done
  [ -n "$any" ] || echo "no stack in $dir"
}

case $action in
  up) up ;;
  down) down ;;
  status) status ;;
  *) usage ;;
esac
