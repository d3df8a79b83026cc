"""The chaos run: rounds of load under random faults, each followed by quiescence and the checker.

Usage: chaos.py --rounds N --seed S [--first ROUND] [--keep]

A round is named by seed and number, and these replay its requests and its schedule of faults. Needs root, as the instances do. Ends
with a summary, and with exit status 1 at the first round with a violation, whose evidence stays on the disk.
"""

import argparse
import collections
import json
import os
import signal
import subprocess
import sys
import time

from checker import Checker, Evidence
from faults import Faults
from harness import ROOT, Stack, payload_service
from load import Client, Load
from scripts import LEDGERS

HERE = os.path.dirname(os.path.abspath(__file__))
LONGSHORE = os.path.join(ROOT, "cli/longshore")
# Small, so that large outputs are cut without taking long.
MAX_OUTPUT_BYTES = 100000
API_FLAGS = ["--lease_duration_ms=1500", "--retry_initial_ms=100", "--retry_maximum_ms=1000",
             f"--max_output_bytes={MAX_OUTPUT_BYTES}"]
# Seconds after the last fault within which everything has to be at its end or its rest: invariant 1.
BOUND = 120
COUNTS = ["pending", "transferred", "executing", "completed", "failed", "cancelled", "total"]


class ChaosStack(Stack):

    def __init__(self, instances, workers):
        super().__init__(instances=instances, api_servers=2, workers=workers, api_flags=API_FLAGS, relay_database=True)
        for instance in self.instances:
            os.mkdir(instance.path(f"/root/{LEDGERS}"))
        with open(os.path.join(HERE, "audit.sql")) as file:
            self.sql(file.read())
        # The first contact pins the host keys, before anything strikes.
        for payload_id in self.deploy("true").payload_ids:
            self.wait(payload_id)

    def ensure_running(self, process):
        if process.child.poll() is None:
            process.signal(signal.SIGCONT)
            if not getattr(process, "draining", False):
                return
            process.child.wait(timeout=2 * BOUND)
        process.draining = False
        process.start(wait=False)

    def rows(self, query):
        text = self.sql(f"SELECT coalesce(json_agg(row_to_json(q)), '[]') FROM ({query}) q")
        return json.loads(text)


class Round:

    def __init__(self, stack, seed, number):
        self.stack, self.name = stack, f"{seed}/{number}"
        self.tokens = [f"s{seed}-r{number}-{i}" for i in range(4)]
        self.faults = Faults(stack, self.name)
        self.load = Load(stack, self.name, self.tokens)
        self.marks = {name: self._mark(name) for name in ("payloads", "audit.payloads", "audit.tasks", "audit.output", "deployments",
                                                          "tasks")}

    def _mark(self, table):
        column = "n" if table.startswith("audit") else "id"
        return int(self.stack.sql(f"SELECT coalesce(max({column}), 0) FROM {table}"))

    def run(self):
        """Returns the violations, and the evidence that shows them."""
        self.load.start()
        self.faults.run()
        self.load.join()
        self.settle()
        evidence = self.gather()
        return Checker(evidence).check(), evidence

    def settle(self):
        """Waits until nothing is under way; what is not by then shows as a violation."""
        deadline = time.monotonic() + BOUND
        query = ("SELECT (SELECT count(*) FROM tasks WHERE status IN ('PENDING', 'RUNNING'))"
                 " + (SELECT count(*) FROM payloads WHERE status IN ('PENDING', 'EXECUTING'))"
                 " + (SELECT count(*) FROM run_cleanups)")
        # Cleanups are tried again later and later; the run does not wait for that.
        hurry = "UPDATE run_cleanups SET run_at = now() WHERE run_at > now() + interval '1 second'; "
        while time.monotonic() < deadline:
            try:
                if self.stack.sql(hurry + query).split()[-1] == "0":
                    return
            except subprocess.CalledProcessError:
                pass  # PostgreSQL is still recovering.
            time.sleep(0.05)

    def gather(self):
        stack, marks = self.stack, self.marks
        payloads = {row["id"]: row for row in stack.rows(f"SELECT * FROM payloads WHERE id > {marks['payloads']}")}
        outputs = stack.rows("SELECT payload_id AS id, string_agg(encode(data, 'hex'), '' ORDER BY start_byte) AS data"
                             " FROM payload_output o JOIN payloads p ON p.id = o.payload_id AND p.attempt = o.attempt"
                             f" WHERE payload_id > {marks['payloads']} GROUP BY payload_id")
        deployments = stack.rows(f"SELECT id FROM deployments WHERE id > {marks['deployments']}")
        return Evidence(
            max_output_bytes=MAX_OUTPUT_BYTES, requests=self.load.requests, payloads=payloads,
            tasks={row["id"]: row for row in stack.rows(f"SELECT * FROM tasks WHERE id > {marks['tasks']}")},
            deployments=deployments, outputs={row["id"]: bytes.fromhex(row["data"]) for row in outputs},
            audit_payloads=self._audit("audit.payloads"), audit_tasks=self._audit("audit.tasks"),
            audit_output=self._audit("audit.output"), ledgers=self._ledgers(), rebooted=self.faults.rebooted,
            leftovers=list(self._leftovers()), counts={row["id"]: self._counts(row["id"]) for row in deployments},
            logs=self._logs(), secrets=self._secrets(), verify=self._verify())

    def _audit(self, table):
        return self.stack.rows(f"SELECT * FROM {table} WHERE n > {self.marks[table]} ORDER BY n")

    def _ledgers(self):
        found = {}
        for instance in self.stack.instances:
            for token in self.tokens:
                path = instance.path(f"/root/{LEDGERS}/{token}")
                if os.path.exists(path):
                    with open(path) as file:
                        found[instance.id, token] = file.read().splitlines()
        return found

    def _leftovers(self):
        for instance in self.stack.instances:
            for name in instance.run_directories() + instance.uploads():
                yield f"{name} is left on instance {instance.id}"
        for token in self.tokens:
            for what in (f"/root/{token}.sh", f"{token}-child"):
                if self.stack.instances[0].processes(what):
                    yield f"a process of {what} is left"

    def _counts(self, deployment_id):
        client = Client(self.stack, self.load.rng)
        counts = client.ask("GetDeployment", payload_service.GetDeploymentRequest(deployment_id=deployment_id)).counts
        return {name if name == "total" else name.upper(): getattr(counts, name) for name in COUNTS}

    def _logs(self):
        logs = {}
        for process in self.stack.api_servers + self.stack.workers:
            with open(process.log, errors="replace") as log:
                log.seek(getattr(process, "log_read", 0))
                logs[process.name] = log.read()
                process.log_read = log.tell()
        return logs

    def _secrets(self):
        with open(self.stack.key) as file:
            return file.read().split("\n")[1:3]

    def _verify(self):
        run = subprocess.run([LONGSHORE, "verify", "--json", "--quiescent", "--database", self.stack.database_url,
                              f"--max-output-bytes={MAX_OUTPUT_BYTES}"], capture_output=True, text=True, check=False)
        found = [json.loads(line) for line in run.stdout.splitlines()]
        if not found and run.returncode != 0:
            return [(0, run.stderr)]
        return [(v["invariant"], f"verify: {v['check']}: {v['subject']}: {v['detail']}") for v in found]


def tell(stack, current, violations):
    print(f"round {current.name}: {len(violations)} violations; faults: {current.faults}", flush=True)
    for invariant, words in violations:
        print(f"  invariant {invariant}: {words}", flush=True)
    print(f"  the evidence is in {stack.directory}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--first", type=int, default=1, help="the number of the first round")
    parser.add_argument("--instances", type=int, default=4)
    parser.add_argument("--workers", type=int, default=3)
    options = parser.parse_args()
    # Asked to stop, it takes everything down with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    stack = ChaosStack(options.instances, options.workers)
    try:
        bad = run(stack, options)
    except BaseException:
        stack.close()
        raise
    if bad:
        stack.stop()
        return 1
    stack.close()
    return 0


def run(stack, options):
    """All rounds, or until one with a violation; returns whether there was one."""
    faults, ends, payloads = collections.Counter(), collections.Counter(), 0
    begun = time.monotonic()
    for number in range(options.first, options.first + options.rounds):
        current = Round(stack, options.seed, number)
        violations, evidence = current.run()
        faults.update(kind for _, kind, _ in current.faults.plan)
        ends.update(p["failure_reason"] or p["status"] for p in evidence.payloads.values())
        payloads += len(evidence.payloads)
        if violations:
            tell(stack, current, violations)
            return True
        if number % 10 == 0:
            print(f"round {current.name}: {payloads} payloads so far, {time.monotonic() - begun:.0f} s", flush=True)
    print(f"{options.rounds} rounds of seed {options.seed}, {payloads} payloads, {sum(faults.values())} faults, 0 violations, "
          f"{time.monotonic() - begun:.0f} s")
    print("faults: " + ", ".join(f"{kind} {count}" for kind, count in faults.most_common()))
    print("ends: " + ", ".join(f"{end} {count}" for end, count in ends.most_common()))
    return False


if __name__ == "__main__":
    sys.exit(main())
