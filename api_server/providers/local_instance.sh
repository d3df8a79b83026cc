#!/usr/bin/env bash
# A local instance: a real sshd on loopback with a /root, a /var/lib/longshore and processes of its own.
# Usage: local_instance.sh init DIR PUBLIC_KEYS_FILE | run DIR PORT | start DIR PORT | is_up DIR | delete DIR
# `init` makes DIR/root, DIR/longshore, the host key and, last, the configuration. `run` serves until it is killed, and every
# process of the instance dies with it, as in a reboot. `start` has it serve in the background, output in DIR/log, and writes
# DIR/port; it does nothing while it serves already. `is_up` is true while one that was started takes connections. `delete` kills
# it and removes DIR.
set -euo pipefail

action=$1
dir=$2

# Serves in this process, in a session of its own with "setsid". It holds the lock, descriptor 9, and the whole instance dies with
# it.
serve() {
  mkdir -p /run/sshd /var/lib/longshore
  echo "$BASHPID" > "$dir/pid"
  exec ${2:-} unshare --mount --pid --fork --kill-child --mount-proc -- sh -ec '
    mount --make-rprivate /
    mount --bind "$1/root" /root
    mount --bind "$1/longshore" /var/lib/longshore
    if [ -e "$1/mounts.sh" ]; then . "$1/mounts.sh"; fi
    cd /
    exec /usr/sbin/sshd -D -e -f "$1/sshd_config" -p "$2"' instance "$dir" "$1"
}

case $action in
  init)
    mkdir -p "$dir/root" "$dir/longshore"
    chmod 700 "$dir/root"
    rm -f "$dir/host_key" "$dir/host_key.pub"
    ssh-keygen -q -t ed25519 -N '' -C '' -f "$dir/host_key"
    cp "$3" "$dir/authorized_keys"
    # Not StrictModes: DIR may be anybody's. Login by key only, whatever the machine's own sshd does.
    cat > "$dir/sshd_config.new" << EOF
ListenAddress 127.0.0.1
HostKey $dir/host_key
AuthorizedKeysFile $dir/authorized_keys
PidFile none
StrictModes no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
PrintMotd no
MaxStartups 200:30:400
MaxSessions 100
Subsystem sftp /usr/lib/openssh/sftp-server
EOF
    mv "$dir/sshd_config.new" "$dir/sshd_config"
    ;;
  run)
    exec 9>> "$dir/lock"
    flock -w 10 9
    serve "$3"
    ;;
  start)
    exec 9>> "$dir/lock"
    flock -n 9 || exit 0
    : > "$dir/log"
    echo "$3" > "$dir/port.new"
    mv "$dir/port.new" "$dir/port"
    # A session of its own: what stops the one who asked does not stop the instance.
    serve "$3" setsid < /dev/null > "$dir/log" 2>&1 &
    ;;
  is_up)
    [ -e "$dir/lock" ] && ! flock -n "$dir/lock" true && grep -q '^Server listening' "$dir/log"
    ;;
  delete)
    [ -e "$dir" ] || exit 0
    exec 9>> "$dir/lock"
    if ! flock -n 9; then
      pid=$(cat "$dir/pid")
      # A number from an earlier run may be somebody else's by now.
      tr '\0' '\n' < "/proc/$pid/cmdline" | grep -qxF -- "$dir"
      kill -KILL "$pid"
      flock -w 10 9
    fi
    rm -rf "$dir"
    ;;
esac
