"""The playbook driven by hand, as people do who have no Longshore there: payloads with variables per host, and volumes."""

import json
import os
import re
import subprocess
import unittest

from harness.programs import PLAYBOOK
from harness.stack import Stack

# The volumes stage writes /etc/fstab: the instance has an /etc of its own for that.
OWN_ETC = ("mkdir -p /root/etc; mount -t tmpfs tmpfs /root/etc; mkdir /root/etc/up /root/etc/work\n"
           "mount -t overlay overlay -o lowerdir=/etc,upperdir=/root/etc/up,workdir=/root/etc/work /etc\n")


class PlaybookTest(unittest.TestCase):

    def setUp(self):
        self.stack = Stack(instances=0, workers=0)
        self.addCleanup(self.stack.close)

    def play(self, hosts, *words):
        """Runs the playbook on {instance: variables}; returns the run, and its recap by host name."""
        inventory = {"all": {"hosts": {
            instance.name: dict(variables, ansible_host="127.0.0.1", ansible_port=instance.relay.port, ansible_user="root",
                                ansible_python_interpreter="/usr/bin/python3", ansible_ssh_private_key_file=self.stack.key)
            for instance, variables in hosts.items()}}}
        path = os.path.join(self.stack.directory, "inventory.json")
        with open(path, "w") as file:
            json.dump(inventory, file)
        run = subprocess.run(
            ["ansible-playbook", "-i", path, PLAYBOOK, *words], capture_output=True, text=True,
            stdin=subprocess.DEVNULL, env=dict(os.environ, ANSIBLE_HOST_KEY_CHECKING="False", ANSIBLE_NOCOLOR="1",
                                               ANSIBLE_HOME=self.stack.directory, ANSIBLE_SSH_ARGS="-o ControlPath=none"))
        recap = run.stdout.rpartition("PLAY RECAP")[2]
        return run, {line.split()[0]: {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", line)}
                     for line in recap.splitlines() if "=" in line}

    def test_payload_with_variables_of_each_host(self):
        one, two = self.stack.add_instance("one", register=False), self.stack.add_instance("two", register=False)
        script = self.stack.script("echo ran in $PWD >> ~/ledger\n", "it's a $(name).sh")
        run, stats = self.play({
            one: {"longshore_payload_path": script, "longshore_execute_payload": True},
            two: {"longshore_payload_path": script, "longshore_remote_path": "/root/other.sh"}}, "--tags", "payload")
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertEqual({name: (s["failed"], s["unreachable"]) for name, s in stats.items()}, {"one": (0, 0), "two": (0, 0)})
        for instance, name in ((one, "it's a $(name).sh"), (two, "other.sh")):
            found = os.stat(instance.path("/root/" + name))
            self.assertEqual((found.st_mode & 0o777, found.st_uid), (0o700, 0))
        self.assertEqual(one.ledger(), ["ran", "in", "/root"])
        self.assertEqual(two.ledger(), [], "not asked to run")

    def test_volumes(self):
        image = os.path.join(self.stack.directory, "volume")
        subprocess.run(["truncate", "-s", "64M", image], check=True)
        device = subprocess.run(["losetup", "--find", "--show", image], capture_output=True, text=True, check=True).stdout.strip()
        self.addCleanup(subprocess.run, ["losetup", "--detach", device], check=True)
        instance = self.stack.add_instance("volumes", register=False, mounts=OWN_ETC)
        variables = {"longshore_volumes": [{"device": device, "path": "/root/data"}]}
        mounted = variables["longshore_volumes"][0]["path"]
        run, stats = self.play({instance: variables}, "--skip-tags", "payload")
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertGreater(stats["volumes"]["changed"], 0)
        # Seen from inside only: the mount is the instance's own.
        pid = subprocess.run(["pgrep", "-P", str(instance.process.child.pid)], capture_output=True, text=True,
                             check=True).stdout.strip()
        inside = ["nsenter", "--mount", "--target", pid, "--"]
        subprocess.run([*inside, "mountpoint", "-q", mounted], check=True)
        subprocess.run([*inside, "sh", "-c", f"echo kept > {mounted}/file"], check=True)
        # Again: nothing is made anew, and what is on it stays.
        run, stats = self.play({instance: variables}, "--skip-tags", "payload")
        self.assertEqual((run.returncode, stats["volumes"]["changed"]), (0, 0), run.stdout + run.stderr)
        kept = subprocess.run([*inside, "cat", f"{mounted}/file"], capture_output=True, text=True, check=True).stdout
        self.assertEqual(kept, "kept\n")
        found = subprocess.run(["grep", "-q", device, "/etc/fstab"], check=False)
        self.assertNotEqual(found.returncode, 0, "the host's own fstab")


if __name__ == "__main__":
    unittest.main()
