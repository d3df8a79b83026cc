"""Longshore beside a bare libssh program and what a person would otherwise type: scp + ssh, and ansible. One run, the same
instances, the same script.

Prints the table of docs/performance.md. CPU is that of the controller alone: clients, api_server, payload_worker and PostgreSQL,
not the instances' sshd, which shares the machine. HOSTS, ROUNDS and FORKS may be set in the environment.
"""

import concurrent.futures
import contextlib
import os
import resource
import statistics
import subprocess
import time

from harness.api import payload_service, pb
from harness.programs import ROOT
from harness.stack import Stack

HOSTS = int(os.environ.get("HOSTS", "100"))
ROUNDS = int(os.environ.get("ROUNDS", "10"))  # Of the single-host dispatch.
FORKS = int(os.environ.get("FORKS", "20"))  # How many hosts scp + ssh and ansible handle at a time.
# 4 KiB.
SCRIPT = 'date +%s%N > "$HOME/started"\nsleep 0.05\necho done\nexit 0\n'.ljust(4096, "#") + "\n"
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_of(processes):
    """CPU seconds used so far by the processes, their descendants, and the children of these that have ended."""
    parent, ticks = {}, {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
            parent[int(pid)], ticks[int(pid)] = int(fields[1]), sum(map(int, fields[11:15]))
    # Not by session: each backend of PostgreSQL begins one of its own.
    wanted = {process.child.pid for process in processes}

    def counts(pid):
        while pid in parent and pid not in wanted:
            pid = parent[pid]
        return pid in wanted

    return sum(used for pid, used in ticks.items() if counts(pid)) / TICKS


def cpu_of_children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Longshore:
    name = "longshore"

    def __init__(self, stack):
        self.stack = stack
        self.processes = stack.workers + stack.api_servers + [stack.postgres]

    def cpu(self):
        return cpu_of(self.processes)

    def run(self, instances):
        response = self.stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(
            instance_ids=[i.id for i in instances], payload_content=SCRIPT.encode(), remote_path="/root/bench.sh",
            execute_payload=True))
        with concurrent.futures.ThreadPoolExecutor(len(instances)) as pool:
            for last in pool.map(self.follow, response.payload_ids):
                assert last.status == pb.PAYLOAD_STATUS_COMPLETED, last

    def follow(self, payload_id):
        for event in self.stack.watch(payload_id):
            if event.HasField("payload"):
                last = event.payload
        return last


class Loop:
    """The least: tests/bench/loop.cc."""

    name = "libssh loop"
    THREADS = 32

    def __init__(self, stack):
        self.stack = stack
        self.script = stack.script(SCRIPT, "loop.sh")

    def cpu(self):
        return cpu_of_children()

    def run(self, instances, times=1, ports=None):
        subprocess.run([os.path.join(ROOT, "tests/bench/loop"), f"--key={self.stack.key}", f"--script={self.script}",
                        f"--threads={self.THREADS}", f"--times={times}",
                        *(ports or [str(instance.process.port) for instance in instances])], check=True)


class ScpSsh:
    name = "scp + ssh"
    OPTIONS = ["-q", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes"]

    def __init__(self, stack):
        self.stack = stack
        self.script = stack.script(SCRIPT, "scp.sh")

    def cpu(self):
        return cpu_of_children()

    def run(self, instances):
        with concurrent.futures.ThreadPoolExecutor(FORKS) as pool:
            list(pool.map(self.one, instances))

    def one(self, instance):
        port = str(instance.process.port)
        key = ["-i", self.stack.key]
        subprocess.run(["scp", *self.OPTIONS, *key, "-P", port, self.script, "root@127.0.0.1:/root/bench.sh"], check=True)
        subprocess.run(["ssh", *self.OPTIONS, *key, "-p", port, "root@127.0.0.1", "bash /root/bench.sh"], check=True,
                       stdout=subprocess.DEVNULL)


class Ansible:
    name = "ansible copy + command"
    PLAYBOOK = """- hosts: all
  gather_facts: false
  tasks:
    - copy: {src: "%s", dest: /root/bench.sh, mode: "0700"}
    - command: bash /root/bench.sh
"""

    def __init__(self, stack):
        self.stack = stack
        self.directory = os.path.join(stack.directory, "ansible")
        os.mkdir(self.directory)
        self.playbook = os.path.join(self.directory, "play.yml")
        with open(self.playbook, "w") as file:
            file.write(self.PLAYBOOK % stack.script(SCRIPT, "ansible.sh"))

    def cpu(self):
        return cpu_of_children()

    def run(self, instances):
        inventory = os.path.join(self.directory, "inventory")
        with open(inventory, "w") as file:
            for instance in instances:
                file.write(f"{instance.name} ansible_host=127.0.0.1 ansible_port={instance.process.port} ansible_user=root "
                           f"ansible_ssh_private_key_file={self.stack.key} ansible_python_interpreter=/usr/bin/python3\n")
        environment = dict(os.environ, ANSIBLE_HOST_KEY_CHECKING="False", ANSIBLE_LOCAL_TEMP=self.directory,
                           HOME=self.directory, ANSIBLE_SSH_ARGS="-o UserKnownHostsFile=/dev/null -o ControlMaster=auto "
                           "-o ControlPersist=60s")
        subprocess.run(["ansible-playbook", "-i", inventory, "-f", str(FORKS), self.playbook], check=True, env=environment,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def started_at(instance):
    with open(instance.path("/root/started")) as file:
        return int(file.read()) / 1e9


def measure_fleet(tool, instances):
    """(wall seconds, controller CPU seconds for each host) of one deployment to all."""
    cpu, begun = tool.cpu(), time.monotonic()
    tool.run(instances)
    wall = time.monotonic() - begun
    return wall, (tool.cpu() - cpu) / len(instances)


def measure_dispatch(tool, instance):
    """Seconds from the request to the first line of the script, and to the known result, on one host."""
    begun = time.time()
    tool.run([instance])
    return started_at(instance) - begun, time.time() - begun


def row(name, values, base, unit):
    cells = [f"{value * unit:.1f} ({value / reference:.1f}x)" for value, reference in zip(values, base)]
    return f"| {name} | " + " | ".join(cells) + " |"


def main():
    stack = Stack(instances=0, worker_flags=["--max_connecting=64"])
    try:
        print(f"starting {HOSTS} instances", flush=True)
        instances = [stack.add_instance(f"host-{i}", register=False) for i in range(HOSTS)]
        for instance in instances:
            instance.id = stack.register(instance, port=instance.process.port).id
        longshore = Longshore(stack)
        again = Longshore(stack)
        again.name = "longshore, connections kept"
        tools = [Loop(stack), longshore, again, ScpSsh(stack), Ansible(stack)]
        figures = {}
        for tool in tools:
            tool.run(instances[:2])  # Host keys, caches.
            dispatch = [measure_dispatch(tool, instances[0]) for _ in range(ROUNDS)]
            wall, cpu = measure_fleet(tool, instances)
            start, result = (statistics.median(column) for column in zip(*dispatch))
            figures[tool.name] = (cpu * 1000, wall, start * 1000, result * 1000)
            print(tool.name, figures[tool.name], flush=True)
        base = figures[tools[0].name]
        print(f"\n{HOSTS} hosts, {FORKS} at a time for scp + ssh and ansible, {Loop.THREADS} for the loop; dispatch: median of "
              f"{ROUNDS}; in brackets: times the loop\n")
        print("| | controller CPU a host, ms | wall time of the fleet, s | request to script's first line, ms "
              "| request to known result, ms |")
        print("|---|---|---|---|---|")
        for name, values in figures.items():
            print(row(name, values, base, 1))
    finally:
        stack.close()


if __name__ == "__main__":
    main()
