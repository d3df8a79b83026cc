"""Longshore beside a bare libssh program and what a person would otherwise use (peers.py). One run, the same instances, the same
script.

Prints the table of docs/performance.md. CPU is that of the controller alone: clients, api_server, payload_worker and PostgreSQL,
not the instances' sshd, which shares the machine. HOSTS, ROUNDS and FORKS may be set in the environment.
"""

import concurrent.futures
import contextlib
import os
import statistics
import time

from bench.peers import FORKS, PEERS, PLACE, SCRIPT, Loop
from harness.api import payload_service, pb
from harness.stack import Stack

HOSTS = int(os.environ.get("HOSTS", "100"))
ROUNDS = int(os.environ.get("ROUNDS", "10"))  # Of the single-host dispatch.
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


class Longshore:
    name = "longshore"

    def __init__(self, stack):
        self.stack = stack
        self.processes = stack.workers + stack.api_servers + [stack.postgres]

    def cpu(self):
        return cpu_of(self.processes)

    def run(self, instances):
        response = self.stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(
            instance_ids=[i.id for i in instances], payload_content=SCRIPT.encode(), remote_path=PLACE,
            execute_payload=True))
        with concurrent.futures.ThreadPoolExecutor(len(instances)) as pool:
            for last in pool.map(self.follow, response.payload_ids):
                assert last.status == pb.PAYLOAD_STATUS_COMPLETED, last

    def follow(self, payload_id):
        for event in self.stack.watch(payload_id):
            if event.HasField("payload"):
                last = event.payload
        return last


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


def row(name, values, base):
    cells = [f"{value:.1f} ({value / reference:.1f}x)" for value, reference in zip(values, base)]
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
        tools = [Loop(stack), longshore, again, *(peer(stack) for peer in PEERS)]
        figures = {}
        for tool in tools:
            tool.run(instances[:2])  # Host keys, caches.
            dispatch = [measure_dispatch(tool, instances[0]) for _ in range(ROUNDS)]
            wall, cpu = measure_fleet(tool, instances)
            start, result = (statistics.median(column) for column in zip(*dispatch))
            figures[tool.name] = (cpu * 1000, wall, start * 1000, result * 1000)
            print(tool.name, figures[tool.name], flush=True)
        base = figures[tools[0].name]
        print(f"\n{HOSTS} hosts, {FORKS} at a time for what comes after Longshore, {Loop.THREADS} for the loop; dispatch: median "
              f"of {ROUNDS}; in brackets: times the loop\n")
        print("| | controller CPU a host, ms | wall time of the fleet, s | request to script's first line, ms "
              "| request to known result, ms |")
        print("|---|---|---|---|---|")
        for name, values in figures.items():
            print(row(name, values, base))
    finally:
        stack.close()


if __name__ == "__main__":
    main()
