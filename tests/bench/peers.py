"""What a person would use instead, and a bare libssh program: each copies the script to hosts of a stack and runs it there. Their
CPU is that of their processes, all of which are children of the bench."""

import concurrent.futures
import os
import resource
import subprocess

from harness.programs import ROOT

FORKS = int(os.environ.get("FORKS", "20"))  # How many hosts each of them handles at a time, but for the loop.
# 4 KiB.
SCRIPT = 'date +%s%N > "$HOME/started"\nsleep 0.05\necho done\nexit 0\n'.ljust(4096, "#") + "\n"
PLACE = "/root/bench.sh"
LOGIN = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes"]


def cpu_of_children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run_quietly(command, **options):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)


class Peer:

    def __init__(self, stack):
        self.stack = stack
        self.script = stack.script(SCRIPT, "peer.sh")

    @staticmethod
    def cpu():
        return cpu_of_children()

    def run(self, instances):
        """Copies the script to all of them, runs it, and returns when it has ended on each."""
        raise NotImplementedError


class Loop(Peer):
    """The least: tests/bench/loop.cc."""

    name = "libssh loop"
    THREADS = 32

    def run(self, instances, times=1, ports=None):
        subprocess.run([os.path.join(ROOT, "tests/bench/loop"), f"--key={self.stack.key}", f"--script={self.script}",
                        f"--threads={self.THREADS}", f"--times={times}",
                        *(ports or [str(instance.process.port) for instance in instances])], check=True)


class ScpSsh(Peer):
    name = "scp + ssh"

    def run(self, instances):
        with concurrent.futures.ThreadPoolExecutor(FORKS) as pool:
            list(pool.map(self._one, instances))

    def _one(self, instance):
        port = str(instance.process.port)
        options = ["-q", "-i", self.stack.key, *LOGIN]
        run_quietly(["scp", *options, "-P", port, self.script, f"root@127.0.0.1:{PLACE}"])
        run_quietly(["ssh", *options, "-p", port, "root@127.0.0.1", f"bash {PLACE}"])


class Pssh(Peer):
    name = "parallel-scp + parallel-ssh"

    def run(self, instances):
        hosts = os.path.join(self.stack.directory, "pssh_hosts")
        with open(hosts, "w") as file:
            file.writelines(f"root@127.0.0.1:{instance.process.port}\n" for instance in instances)
        options = ["-h", hosts, "-p", str(FORKS), "-x", " ".join(["-q", "-i", self.stack.key, *LOGIN])]
        run_quietly(["parallel-scp", *options, self.script, PLACE])
        run_quietly(["parallel-ssh", *options, f"bash {PLACE}"])


class Asyncssh(Peer):
    name = "asyncssh"

    def run(self, instances):
        # Debian's Python, which has the package.
        run_quietly(["/usr/bin/python3", os.path.join(ROOT, "tests/bench/asyncssh_peer.py"), self.stack.key, self.script, PLACE,
                     str(FORKS), *(str(instance.process.port) for instance in instances)])


class Ansible(Peer):
    name = "ansible copy + command"
    PLAYBOOK = """- hosts: all
  gather_facts: false
  tasks:
    - copy: {src: "%s", dest: %s, mode: "0700"}
    - command: bash %s
"""

    def __init__(self, stack):
        super().__init__(stack)
        self.directory = os.path.join(stack.directory, "ansible")
        os.mkdir(self.directory)
        self.playbook = os.path.join(self.directory, "play.yml")
        with open(self.playbook, "w") as file:
            file.write(self.PLAYBOOK % (self.script, PLACE, PLACE))

    def run(self, instances):
        inventory = os.path.join(self.directory, "inventory")
        with open(inventory, "w") as file:
            for instance in instances:
                file.write(f"{instance.name} ansible_host=127.0.0.1 ansible_port={instance.process.port} ansible_user=root "
                           f"ansible_ssh_private_key_file={self.stack.key} ansible_python_interpreter=/usr/bin/python3\n")
        environment = dict(os.environ, ANSIBLE_HOST_KEY_CHECKING="False", ANSIBLE_LOCAL_TEMP=self.directory,
                           HOME=self.directory, ANSIBLE_SSH_ARGS="-o UserKnownHostsFile=/dev/null -o ControlMaster=auto "
                           "-o ControlPersist=60s")
        run_quietly(["ansible-playbook", "-i", inventory, "-f", str(FORKS), self.playbook], env=environment)


PEERS = [ScpSsh, Pssh, Asyncssh, Ansible]
