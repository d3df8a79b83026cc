"""What TLS and tokens cost: calls a second, and CPU a call, beside the same without them, in turns in one run.

Prints the table "TLS and tokens" of docs/performance.md. CPU is that of api_server and PostgreSQL. ROUNDS and SECONDS, of one
measurement, may be set in the environment.
"""

import contextlib
import os
import re
import statistics
import subprocess

from bench.bench import cpu_of
from harness.programs import ROOT
from harness.stack import Stack

ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = int(os.environ.get("SECONDS", "4"))
KINDS = {"GetPayloadStatus, connections kept": [], "GetPayloadStatus, each over a new connection": ["--fresh"]}


def measure(stack, flags):
    """(calls a second, CPU milliseconds a call)."""
    access = [] if stack.insecure else [f"--tls_ca={stack.tls.ca}", f"--token={stack.token}"]
    processes = [stack.api_servers[0], stack.postgres]
    before = cpu_of(processes)
    told = subprocess.run([os.path.join(ROOT, "tests/bench/requests"), f"--server=127.0.0.1:{stack.api_servers[0].port}",
                           f"--seconds={SECONDS}", *access, *flags], check=True, capture_output=True, text=True).stdout
    calls, seconds = re.search(r"calls=(\d+) seconds=([\d.]+)", told).groups()
    return int(calls) / float(seconds), (cpu_of(processes) - before) * 1000 / int(calls)


def main():
    with contextlib.ExitStack() as ends:
        stacks = [ends.enter_context(contextlib.closing(Stack(instances=0, workers=0, insecure=insecure)))
                  for insecure in (True, False)]
        for stack in stacks:
            stack.sql("INSERT INTO instances (name, provider, address, port, ssh_user, status, project)"
                      " VALUES ('i', 'registered', '192.0.2.1', 22, 'root', 'READY', 'default')")
            stack.deploy("true", instances=[Only(1)])
        print("| | plain | TLS and token | |\n|---|---|---|---|")
        for kind, flags in KINDS.items():
            rounds = [[measure(stack, flags) for stack in stacks] for _ in range(ROUNDS)]
            plain, secure = ([statistics.median(column) for column in zip(*(both[i] for both in rounds))] for i in range(2))
            print(f"| {kind}, calls a second | {plain[0]:.0f} | {secure[0]:.0f} | {secure[0] / plain[0]:.2f}x |")
            print(f"| the same, CPU a call, ms | {plain[1]:.2f} | {secure[1]:.2f} | {secure[1] / plain[1]:.2f}x |", flush=True)


class Only:
    """An instance that nobody goes to."""

    def __init__(self, number):
        self.id = number


if __name__ == "__main__":
    main()
