"""What a fleet costs the controller whose instances cost nothing: the cheap SSH servers of tests/bench/ssh_fleet.cc, all in one
process, take part in the protocol and run nothing. So what is measured is api_server, payload_worker and PostgreSQL.

Prints two tables of docs/performance.md: HOSTS payloads at once, beside the bare libssh loop, and HELD scripts that run and say
nothing, looked at for SECONDS. All three may be set in the environment, and API_FLAGS.
"""

import os
import time

from bench.bench import TICKS, cpu_of
from bench.peers import Loop
from harness.api import payload_service
from harness.process import Process, free_port
from harness.programs import ROOT
from harness.stack import Stack

HOSTS = int(os.environ.get("HOSTS", "1000"))
HELD = int(os.environ.get("HELD", "10000"))
SECONDS = int(os.environ.get("SECONDS", "120"))
API_FLAGS = os.environ.get("API_FLAGS", "").split()
PARTS = ("payload_worker", "api_server", "PostgreSQL")


class Fleet:
    """A stack whose instances are one cheap SSH server, each at an address of its own. Runs last for `milliseconds`; 0: on and
    on."""

    def __init__(self, count, milliseconds):
        self.stack = Stack(instances=0, worker_flags=["--max_connecting=64"], api_flags=["--lease_duration_ms=10000", *API_FLAGS])
        port = free_port()
        self.server = Process("ssh_fleet", self.stack.directory, [
            os.path.join(ROOT, "tests/bench/ssh_fleet"), f"--port={port}", f"--host_key={self.stack.key}",
            f"--run_milliseconds={milliseconds}"], port).start()
        with open(f"{self.stack.key}.pub") as file:
            host_key = " ".join(file.read().split()[:2])
        self.stack.sql("INSERT INTO instances (name, provider, address, port, ssh_user, status, host_key) "
                       f"SELECT 'i' || n, 'registered', '127.1.' || n / 250 || '.' || 1 + n % 250, {port}, 'root', 'READY', "
                       f"'{host_key}' FROM generate_series(1, {count}) n")
        self.ids = [int(line) for line in self.stack.sql("SELECT id FROM instances ORDER BY id").split()]
        self.stack.sql("ANALYZE")
        self.processes = {"payload_worker": self.stack.workers[0], "api_server": self.stack.api_servers[0],
                          "PostgreSQL": self.stack.postgres}

    def close(self):
        self.server.kill()
        self.stack.close()

    def cpu(self):
        return [cpu_of([self.processes[part]]) for part in PARTS]

    def deploy(self):
        self.stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(
            instance_ids=self.ids, payload_content=b"#" * 4096, remote_path="/root/fleet.sh", execute_payload=True))

    def await_status(self, status):
        self.await_none(f"payloads WHERE status <> '{status}'")

    def leases(self):
        return self.stack.sql("SELECT status, sum(lease_epoch) FROM tasks GROUP BY status")

    def await_none(self, rows):
        while self.stack.sql(f"SELECT count(*) FROM {rows}") != "0":
            time.sleep(0.5)  # To look costs PostgreSQL as much as a payload.


def at_once(rows):
    """Seconds and CPU of the loop, then of payloads over new connections and over those that are kept."""
    fleet = Fleet(HOSTS, 50)
    try:
        loop = Loop(fleet.stack)
        used, begun = loop.cpu(), time.monotonic()
        loop.run([], ports=[str(fleet.server.port)] * HOSTS)
        rows.append(("libssh loop", time.monotonic() - begun, [loop.cpu() - used, 0, 0]))
        for name in ("longshore", "longshore, connections kept"):
            used, begun = fleet.cpu(), time.monotonic()
            fleet.deploy()
            fleet.await_status("COMPLETED")
            wall = time.monotonic() - begun
            fleet.await_none("run_cleanups")
            rows.append((name, wall, [after - before for before, after in zip(used, fleet.cpu())]))
    finally:
        fleet.close()


def held():
    """(seconds until all run, CPU until then, resident bytes of worker and api_server, shares of a core while they run)"""
    fleet = Fleet(HELD, 0)
    try:
        used, begun = fleet.cpu(), time.monotonic()
        fleet.deploy()
        fleet.await_status("EXECUTING")
        seconds = time.monotonic() - begun
        beginning = [after - before for before, after in zip(used, fleet.cpu())]
        time.sleep(30)  # What belongs to the beginning: vacuum, statistics.
        leases = fleet.leases()
        used, begun = fleet.cpu(), time.monotonic()
        time.sleep(SECONDS)  # What is measured.
        shares = [(after - before) / (time.monotonic() - begun) for before, after in zip(used, fleet.cpu())]
        assert fleet.leases() == leases, "leases were lost"
        return seconds, beginning, [fleet.processes[part].resident() for part in PARTS[:2]], shares
    finally:
        fleet.close()


def main():
    rows = []
    at_once(rows)
    base_wall, base_cpu = rows[0][1], sum(rows[0][2])
    print(f"\n{HOSTS:,} payloads at once; in brackets: times the loop\n")
    print("| | all done, s | controller CPU a payload, ms | of these: " + ", ".join(PARTS) + " |")
    print("|---|---|---|---|")
    for name, wall, cpu in rows:
        print(f"| {name} | {wall:.1f} ({wall / base_wall:.1f}x) | {sum(cpu) * 1000 / HOSTS:.1f} ({sum(cpu) / base_cpu:.1f}x) | "
              + ", ".join(f"{part * 1000 / HOSTS:.1f}" for part in cpu) + " |", flush=True)
    seconds, beginning, resident, shares = held()
    print(f"\n{HELD:,} scripts that run and say nothing, looked at for {SECONDS} s (a tick is {1000 // TICKS} ms)\n")
    print("| | until all run | payload_worker | api_server | PostgreSQL |")
    print("|---|---|---|---|---|")
    print(f"| CPU | {seconds:.0f} s, " + " + ".join(f"{part:.0f}" for part in beginning) + " s of CPU | "
          + " | ".join(f"{share * 100:.1f} % of a core" for share in shares) + " |")
    print("| memory | | " + " | ".join(f"{size / 2**20:.0f} MiB" for size in resident) + " | |")


if __name__ == "__main__":
    main()
