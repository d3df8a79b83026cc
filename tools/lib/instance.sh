#!/usr/bin/env bash
# A local instance: a real sshd on loopback with a /root, a /var/lib/longshore and processes of its own.
# Usage: instance.sh init DIR PUBLIC_KEY_FILE | instance.sh run DIR PORT
# `init` makes DIR/root, DIR/longshore, the host key and the configuration; `run` serves until it is killed, and every process of
# the instance dies with it, as in a reboot.
set -euo pipefail

action=$1
dir=$2

case $action in
  init)
    mkdir -p "$dir/root" "$dir/longshore"
    chmod 700 "$dir/root"
    ssh-keygen -q -t ed25519 -N '' -C '' -f "$dir/host_key"
    cp "$3" "$dir/authorized_keys"
    # Not StrictModes: DIR may be anybody's. Login by key only, whatever the machine's own sshd does.
    cat > "$dir/sshd_config" << EOF
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
    ;;
  run)
    mkdir -p /run/sshd /var/lib/longshore
    exec unshare --mount --pid --fork --kill-child --mount-proc -- sh -ec '
      mount --make-rprivate /
      mount --bind "$1/root" /root
      mount --bind "$1/longshore" /var/lib/longshore
      if [ -e "$1/mounts.sh" ]; then . "$1/mounts.sh"; fi
      cd /
      exec /usr/sbin/sshd -D -e -f "$1/sshd_config" -p "$2"' instance "$dir" "$3"
    ;;
esac
