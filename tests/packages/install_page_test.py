"""docs/install.md is true: its commands, as they stand there, make an installation of three machines that runs a script."""

import re
import shutil
import tempfile
import unittest

from harness.patience import wait_until
from packages.installation import SERVICES, build, version
from packages.machine import Machine, connect

# A Debian to which nobody has done anything, with what the page says that it needs: names, and the way from db-1 to the others.
FRESH = """
pg_lsclusters -h | while read -r version name _; do pg_dropcluster "$version" "$name"; done
pg_createcluster "$(ls /usr/lib/postgresql | sort -V | tail -n 1)" main > /dev/null
rm -rf /root/.config/longshore /root/.ssh
rm -rf /var/lib/apt/lists/*  # What is installed is the newest that there is.
ln -s /packages /srv/packages
ssh-keygen -A > /dev/null
mkdir -m 700 /root/.ssh
systemctl start ssh
"""
NODES = ("node-1", "node-2")
MACHINES = ("db-1", *NODES)


def commands():
    """(machines, script) of each block of the page."""
    with open("docs/install.md") as page:
        blocks = re.findall(r"^```sh\n# on ([^\n]+)\n(.*?)^```$", page.read(), re.MULTILINE | re.DOTALL)
    return [(names.split(", "), script) for names, script in blocks]


class InstallPageTest(unittest.TestCase):

    def setUp(self):
        packages = tempfile.mkdtemp(prefix="packages-")
        self.addCleanup(shutil.rmtree, packages)
        build(packages, version())
        self.machines = {}
        for name in MACHINES:
            self.machines[name] = Machine(name, packages)
            self.addCleanup(self.machines[name].close)
        addresses = connect(list(self.machines.values()))
        # The first one is an instance besides.
        names = "".join(f"{address} {name}.example.org {name}\n" for name, address in
                        zip((*MACHINES, "web-1"), (*addresses, addresses[0])))
        for name, machine in self.machines.items():
            machine.run(FRESH)
            machine.write("/etc/hosts", "127.0.0.1 localhost\n" + names)
        self.machines["db-1"].run("ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519; "
                                  "echo 'StrictHostKeyChecking accept-new' > /root/.ssh/config")
        for machine in self.machines.values():
            machine.write("/root/.ssh/authorized_keys", self.machines["db-1"].read("/root/.ssh/id_ed25519.pub"), 0o600)

    def test_from_nothing_to_a_first_script(self):
        self.assertGreater(len(commands()), 8)
        said = {}
        for names, script in commands():
            for name in names:
                if "longshore workers" in script:
                    self.await_workers()
                said[script] = self.machines[name].run(script)
        output = "\n".join(said.values())
        self.assertIn("[instance 1] hello from db-1", output)
        (workers,) = [text for script, text in said.items() if "longshore workers" in script]
        self.assertEqual(set(re.findall(r"\S+\.example\.org", workers)), {f"{node}.example.org" for node in NODES})
        for name in NODES:
            for service in SERVICES:
                self.assertEqual(self.machines[name].show(service, "ActiveState", "NRestarts"), ("active", "0"))

        # Each of the two may fail.
        self.machines["node-1"].run("systemctl kill --signal=KILL longshore-worker longshore-api-server; "
                                    "systemctl stop longshore-worker longshore-api-server")
        access = "--api node-2.example.org:50051 --ca longshore/servers.pem --token-file longshore/token"
        out = self.machines["node-1"].run(f"longshore deploy {access} --file longshore/hello.sh "
                                          "--instances web-1 --execute --follow")
        self.assertIn("hello from db-1", out)

    def await_workers(self):
        """A person takes longer to read on than workers to connect."""
        def logs():
            return "\n".join(self.machines[node].journal(service) for node in NODES for service in SERVICES)

        for name in NODES:
            wait_until(lambda: re.search(rf"{name}\.example\.org.* connected, takes", logs()), f"the worker of {name}", 30,
                       on_failure=logs)


if __name__ == "__main__":
    unittest.main()
