"""Instances where another user than root logs in, and what sudo lets it do there."""

import os

NAME = "deploy"
# For Instance's `mounts`: its users, homes and rules for sudo are its own.
MOUNTS = """
for name in passwd group; do
  mkdir -p "$1/etc"
  cp "/etc/$name" "$1/etc/$name"
  mount --bind "$1/etc/$name" "/etc/$name"
done
echo 'deploy:*:4321:4321::/home/deploy:/bin/bash' >> /etc/passwd
echo 'deploy:x:4321:' >> /etc/group
mkdir -p "$1/home/deploy" "$1/sudoers.d"
chown 4321:4321 "$1/home/deploy"
mount --bind "$1/home" /home
mount --bind "$1/sudoers.d" /etc/sudoers.d
"""
# The one that docs/instances.md names.
RULE = "deploy ALL=(root) NOPASSWD: /bin/bash"


def allow(instance, rule=RULE):
    """From now on this is sudo's only rule there."""
    path = os.path.join(instance.directory, "sudoers.d", "longshore")
    with open(path + ".new", "w") as file:  # A name with a dot is not read.
        file.write(rule + "\n")
    os.chmod(path + ".new", 0o440)
    os.rename(path + ".new", path)


def home(instance):
    """Where its home directory is seen from outside."""
    return os.path.join(instance.directory, "home", NAME)
