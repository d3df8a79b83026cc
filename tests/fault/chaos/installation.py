"""An installation of the chaos run, and what it holds that one round has made."""

import contextlib
import json
import os
import signal
import subprocess
import time

from fault.chaos.checker import Evidence
from fault.chaos.load import Client
from fault.chaos.scripts import LEDGERS
from harness.api import payload_service
from harness.programs import LONGSHORE
from harness.receiver import Receiver, answer, closed, flags, read_event, reset
from harness.stack import Stack
from harness.web import port_of

HERE = os.path.dirname(os.path.abspath(__file__))
# Small, so that large outputs are cut without taking long.
MAX_OUTPUT_BYTES = 100000
# Seconds that the server leaves to an instance beyond the timeout: more than a fault lasts.
GRACE = 5
API_FLAGS = ["--lease_duration_ms=1500", "--retry_initial_ms=100", "--retry_maximum_ms=1000",
             f"--max_output_bytes={MAX_OUTPUT_BYTES}", f"--execution_grace={GRACE}"]
# Seconds after the last fault within which everything has to be at its end or its rest: invariant 1.
BOUND = 120
# The same where Ansible sets up an instance, which begins again whenever its worker is struck.
LONG_BOUND = 480
COUNTS = ["pending", "transferred", "executing", "completed", "failed", "cancelled", "total"]
# Where the receiver of webhooks is, its secret, and how it fails.
RECEIVER, WEBHOOK_SECRET = "127.0.0.2", "0123456789abcdef-of-the-chaos"
RECEIVER_FAULTS = [answer(500), answer(404), reset, closed]
MARKED = ["payloads", "tasks", "deployments", "audit.payloads", "audit.tasks", "audit.output"]


class ChaosStack(Stack):

    def __init__(self, instances, workers, api_servers=2, **kwargs):
        self.receiver = Receiver(RECEIVER)
        super().__init__(instances=instances, api_servers=api_servers, workers=workers, api_flags=API_FLAGS, http=True,
                         relay_database=True, worker_flags=[f"--ansible_playbook={HERE}/ansible_playbook.sh"], **kwargs)
        with open(os.path.join(HERE, "audit.sql")) as file:
            self.sql(file.read())
        self.meet()

    def api_flags(self):
        return [*super().api_flags(), *flags(self.receiver, self.directory, "chaos", "*", WEBHOOK_SECRET)]

    def stop(self):
        super().stop()
        self.receiver.close()

    def fail_receiver(self, rng):
        """Has it fail some of the next times that it is told something."""
        with self.receiver.lock:
            self.receiver.faults["chaos"] = rng.choices(RECEIVER_FAULTS, k=rng.randrange(4))

    def settle_webhooks(self):
        """Waits until everything was told; an api_server that was killed over it holds it for 20 s."""
        return self.until(lambda: self.sql("SELECT count(*) FROM webhook_events WHERE next_try_at IS NOT NULL") == "0")

    def add_project(self, project):
        """Another project, with an instance of its own."""
        self.instances.append(self.add_instance(f"instance-{project}", project=project))
        self.wait(self.deploy("true", instances=self.instances[-1:]).payload_ids[0])

    def meet(self):
        """The first contact pins the host keys, before anything strikes."""
        if self.instances:
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

    def settle(self, apart=(), seconds=BOUND):
        """Waits until nothing is under way but on the instances `apart`; what is by then shows as a violation."""
        here = "instance_id <> ALL ('{" + ",".join(map(str, apart)) + "}')"
        query = (f"SELECT (SELECT count(*) FROM tasks WHERE status IN ('PENDING', 'RUNNING') AND {here})"
                 f" + (SELECT count(*) FROM payloads WHERE status IN ('PENDING', 'EXECUTING') AND {here})"
                 f" + (SELECT count(*) FROM run_cleanups WHERE {here})")
        # Cleanups are tried again later and later; the run does not wait for that.
        hurry = "UPDATE run_cleanups SET run_at = now() WHERE run_at > now() + interval '1 second'; "
        return self.until(lambda: self.sql(hurry + query).split()[-1] == "0", seconds)

    @staticmethod
    def until(condition, seconds=BOUND):
        """Says whether it, which asks the database, becomes true in that time."""
        begun = time.monotonic()
        while time.monotonic() < begun + seconds:
            try:
                if condition():
                    return True
            except subprocess.CalledProcessError:
                pass  # PostgreSQL is still recovering.
            # To ask costs more than what is waited for, when that takes long.
            time.sleep(min(0.5, 0.05 + (time.monotonic() - begun) / 20))
        return False


class View:
    """What a round, which begins when this is made, makes in an installation."""

    def __init__(self, stack):
        self.stack = stack
        query = ", ".join(f"(SELECT coalesce(max({self._key(table)}), 0) FROM {table})" for table in MARKED)
        self.marks = dict(zip(MARKED, map(int, stack.sql(f"SELECT {query}").split("|"))))
        self.told = len(stack.receiver.accepted.get("chaos", ()))

    @staticmethod
    def _key(table):
        return "n" if table.startswith("audit") else "id"

    def gather(self, load, **further):
        made = self._made()
        return Evidence(
            max_output_bytes=MAX_OUTPUT_BYTES, requests=load.requests, payloads={row["id"]: row for row in made["payloads"]},
            tasks={row["id"]: row for row in made["tasks"]}, deployments=made["deployments"],
            outputs={row["id"]: bytes.fromhex(row["data"]) for row in made["outputs"]}, events=made["events"], told=self._told(),
            audit_payloads=made["audit.payloads"], audit_tasks=made["audit.tasks"], audit_output=made["audit.output"],
            ledgers=ledgers(self.stack.instances, load.tokens), leftovers=self._leftovers(load.tokens),
            counts={row["id"]: self._counts(load, row["id"]) for row in made["deployments"]},
            logs=self._logs(), secrets=self._secrets(), verify=self._verify(), **further)

    def _made(self):
        """The rows of the round by table, and what is stored of each payload's output."""
        queries = {table: f"SELECT * FROM {table} WHERE {self._key(table)} > {mark} ORDER BY {self._key(table)}"
                   for table, mark in self.marks.items()}
        queries["outputs"] = (
            "SELECT payload_id AS id, string_agg(encode(data, 'hex'), '' ORDER BY start_byte) AS data"
            " FROM payload_output o JOIN payloads p ON p.id = o.payload_id AND p.attempt = o.attempt"
            f" WHERE payload_id > {self.marks['payloads']} GROUP BY payload_id")
        queries["events"] = ("SELECT id, deployment_id, kind, body, delivered_at IS NOT NULL AS delivered FROM webhook_events"
                             f" WHERE deployment_id > {self.marks['deployments']}")
        (row,) = self.stack.rows("SELECT " + ", ".join(
            f"(SELECT coalesce(json_agg(row_to_json(q)), '[]') FROM ({query}) q) AS \"{name}\""
            for name, query in queries.items()))
        return row

    def _told(self):
        """What the receiver of webhooks has taken of the round's deployments."""
        events = [(read_event(headers, body, WEBHOOK_SECRET, received), body.decode())
                  for headers, body, received in self.stack.receiver.accepted.get("chaos", ())[self.told:]]
        return [body for event, body in events if event["deployment"]["id"] > self.marks["deployments"]]

    def _leftovers(self, tokens):
        """What who is just about to end has not left within seconds."""
        self.stack.until(lambda: not list(self._processes(tokens)), seconds=10)
        return list(self._processes(tokens))

    @staticmethod
    def _processes(tokens):
        there = list(command_lines())
        for token in tokens:
            for what in (f"/root/{token}.sh", f"{token}-child"):
                if any(what in line for line in there):
                    yield f"a process of {what} is left"

    def _counts(self, load, deployment_id):
        client = Client(self.stack, load.rng)
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
                              f"--max-output-bytes={MAX_OUTPUT_BYTES}", *metrics_of(self.stack)], capture_output=True, text=True,
                             check=False, env=self.stack.environment_of_cli())
        found = [json.loads(line) for line in run.stdout.splitlines()]
        if not found and run.returncode != 0:
            return [(0, run.stderr)]
        return [(v["invariant"], f"verify: {v['check']}: {v['subject']}: {v['detail']}") for v in found]


def metrics_of(stack):
    """The words by which `longshore verify` looks at what its api_servers' metrics tell."""
    return [word for server in stack.api_servers for word in ("--metrics", f"https://127.0.0.1:{port_of(server)}")]


def command_lines():
    """Those of all processes on the machine, with a blank between the words."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/cmdline", errors="replace") as file:
                yield file.read().replace("\0", " ")


def ledgers(instances, tokens):
    """(instance id, token) -> the lines that its script wrote there."""
    found = {}
    for instance in instances:
        for token in tokens:
            path = instance.path(f"/root/{LEDGERS}/{token}")
            if os.path.exists(path):
                with open(path) as file:
                    found[instance.id, token] = file.read().splitlines()
    return found
