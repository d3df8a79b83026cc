"""Verifies the ten invariants of docs/guarantees.md over what a chaos run left: the database, its audit, the instances' ledgers
and the journal of acknowledged requests. Knows nothing of how Longshore works inside.
"""

import collections
import dataclasses
import json

from fault.chaos.scripts import SECRET, Script
from harness.errors import why_not_showable
from harness.ledgers import most_at_once

TERMINAL = ("COMPLETED", "FAILED", "CANCELLED")
# From each status, where a payload may go within one attempt.
ARROWS = {
    "PENDING": ("TRANSFERRED", "EXECUTING") + TERMINAL,
    "TRANSFERRED": ("EXECUTING",) + TERMINAL,
    "EXECUTING": TERMINAL,
}


@dataclasses.dataclass
class Request:
    """An acknowledged request, from the journal."""
    request_id: str
    script: Script
    payload_ids: list
    task_ids: list
    deployment_id: int
    executes: bool = True  # It was, or became, asked for.
    cancelled: bool = False  # A cancel was asked for, whether or not it came in time.
    max_concurrency: int = 0
    # What was acknowledged later, of a retry or an execution: (payload id, task id).
    further: list = dataclasses.field(default_factory=list)
    instances: list = dataclasses.field(default_factory=list)  # Ids of those that it had made.


@dataclasses.dataclass
class Created:
    """An instance that was made, as it was when all had settled."""
    status: str
    error: str
    key: str  # Of its machine.
    machines: int = 0  # How many there were at the provider.
    end: str = ""  # Its status after TerminateInstance.


@dataclasses.dataclass
class Evidence:
    """All rows are dictionaries by column name."""
    max_output_bytes: int
    requests: list  # Of Request.
    payloads: dict  # By id.
    tasks: dict  # By id.
    deployments: list
    outputs: dict  # Stored bytes by payload id.
    audit_payloads: list
    audit_tasks: list
    audit_output: list
    ledgers: dict  # (instance id, token) -> lines.
    leftovers: list  # Words about what was found on instances or in the database.
    counts: dict  # Deployment id -> counts by status, as the API tells them.
    logs: dict  # Name -> text.
    secrets: list  # What may stand in no log and no error.
    verify: list  # What `longshore verify` found: (invariant, words).
    rebooted: set = dataclasses.field(default_factory=set)  # Ids of instances that lost everything that ran.
    harmed: list = dataclasses.field(default_factory=list)  # Words about what is somebody else's and was removed.
    # Ids of instances that lie -> (what they do, whether that may be taken for a script that exited with 0).
    liars: dict = dataclasses.field(default_factory=dict)
    given_up: set = dataclasses.field(default_factory=set)  # Ids of payloads on them that the round cancelled.
    overdue: list = dataclasses.field(default_factory=list)  # Words about what had not ended on them within the bound.
    created: dict = dataclasses.field(default_factory=dict)  # Instance id -> Created.
    events: list = dataclasses.field(default_factory=list)  # Rows of what a webhook is to be told.
    told: list = dataclasses.field(default_factory=list)  # Bodies that it took, the same one perhaps more than once.


class Checker:

    def __init__(self, evidence):
        self.evidence = evidence
        self.found = []

    def check(self):
        """Returns (invariant, words) for each violation."""
        self.scripts = {p: r.script for r in self.evidence.requests for p in r.payload_ids}
        self.request_of = {p: r for r in self.evidence.requests for p in r.payload_ids}
        for name in ("settled", "starts", "results", "outputs", "history", "journal", "leases", "nothing_left", "counts",
                     "secrets", "liars", "machines", "webhooks"):
            getattr(self, "_" + name)()
        self.found += self.evidence.verify
        return self.found

    def _violation(self, invariant, words):
        self.found.append((invariant, words))

    def _ledger(self, payload):
        """Lines of the payload's script on its instance: [word, value..., microseconds]."""
        lines = self.evidence.ledgers.get((payload["instance_id"], self.scripts[payload["id"]].token), [])
        return [line.split() for line in lines]

    def _known(self):
        """Those whose script and ledger are known; of what happens on an instance that lies nothing is."""
        for payload_id, payload in self.evidence.payloads.items():
            if payload_id in self.scripts and payload["instance_id"] not in self.evidence.liars:
                yield payload, self.scripts[payload_id], self._ledger(payload)

    def _settled(self):
        for payload in self.evidence.payloads.values():
            if payload["status"] not in TERMINAL and not (payload["status"] == "TRANSFERRED" and not self._asked_to_run(payload)):
                self._violation(1, f"payload {payload['id']} is {payload['status']}")

    def _asked_to_run(self, payload):
        request = self.request_of.get(payload["id"])
        return request is None or request.executes

    def _attempts_executed(self):
        """Payload id -> attempts of which the database ever said that they were executed."""
        executed = collections.defaultdict(set)
        for row in self.evidence.audit_payloads:
            if row["executed"]:
                executed[row["payload_id"]].add(row["attempt"])
        return executed

    def _starts(self):
        executed = self._attempts_executed()
        for payload, _, ledger in self._known():
            starts = sum(line[0] == "start" for line in ledger)
            if starts > payload["attempt"]:
                self._violation(2, f"payload {payload['id']} was started {starts} times, asked for {payload['attempt']} times")
            if starts > len(executed[payload["id"]]):
                self._violation(5, f"payload {payload['id']} was started {starts} times, executed is true for "
                                   f"{len(executed[payload['id']])} attempts")
            # One that was stopped may not have come to its first line.
            cut_short = payload["status"] == "CANCELLED" or payload["failure_reason"] in ("INTERRUPTED", "EXECUTION_TIMEOUT")
            if payload["executed"] and starts == 0 and not cut_short:
                self._violation(5, f"payload {payload['id']} is said to have been executed and never was")

    def _results(self):
        for payload, script, ledger in self._known():
            last = ledger[-1] if ledger else ["nothing"]
            status, reason, code = payload["status"], payload["failure_reason"], payload["exit_code"]
            words = f"payload {payload['id']} is {status} {reason} {code}, its ledger ends with {' '.join(last)}"
            if status == "COMPLETED" and last[:2] != ["end", "0"]:
                self._violation(3, words)
            if reason == "NONZERO_EXIT" and (last[0] != "end" or int(last[1]) != code or code == 0):
                self._violation(3, words)
            if reason == "KILLED_BY_SIGNAL" and last[0] != "signal":
                self._violation(3, words)
            if reason == "EXECUTION_TIMEOUT" and script.kind != "timeout":
                self._violation(3, words)
            if reason in ("HOST_KEY_MISMATCH", "AUTHENTICATION_FAILED", "REMOTE_PATH_REFUSED", "TRANSFER_FAILED", "INTERNAL",
                          "DELIVERY_TIMEOUT", "UNREACHABLE", "INSTANCE_TERMINATED") or (
                              reason == "DEPENDENCY_FAILED" and not self._was_not_made(payload["instance_id"])):
                self._violation(3, words + ", and nothing of that kind was done to it")
            if reason == "INTERRUPTED" and payload["instance_id"] not in self.evidence.rebooted:
                self._violation(3, words + ", and its instance was not rebooted")
            cancellable = self.request_of[payload["id"]].cancelled
            if status == "CANCELLED" and not cancellable:
                self._violation(3, words + ", and nobody cancelled it")

    def _was_not_made(self, instance_id):
        created = self.evidence.created.get(instance_id)
        return created is not None and created.status == "FAILED"

    def _outputs(self):
        limit = self.evidence.max_output_bytes
        head, tail = limit // 2, limit - limit // 2
        for payload, script, ledger in self._known():
            stored, total = self.evidence.outputs.get(payload["id"], b""), payload["output_bytes"]
            body = script.body()
            whole = payload["status"] == "COMPLETED" or payload["failure_reason"] in ("NONZERO_EXIT", "KILLED_BY_SIGNAL")
            if whole and total != len(body):
                self._violation(4, f"payload {payload['id']} printed {len(body)} bytes, output_bytes is {total}")
                continue
            printed = body[:total]
            expected = printed if total <= limit else printed[:head] + printed[total - tail:]
            if total > len(body) or stored != expected:
                self._violation(4, f"payload {payload['id']}: the {len(stored)} bytes stored of {total} are not what it printed")
            if payload["output_truncated"] != (total > limit):
                self._violation(4, f"payload {payload['id']}: output_truncated is {payload['output_truncated']} at {total} bytes")

    def _history(self):
        for row in self.evidence.audit_payloads:
            old, new = row["old_status"], row["new_status"]
            if old is None or row["attempt"] > row["old_attempt"]:
                if new != "PENDING":
                    self._violation(5, f"payload {row['payload_id']} began as {new}")
            elif row["attempt"] < row["old_attempt"] or (old != new and new not in ARROWS.get(old, ())):
                self._violation(5, f"payload {row['payload_id']} went from {old} to {new}")
            elif old in TERMINAL:
                self._violation(5, f"payload {row['payload_id']} was changed after it was {old}")

    def _journal(self):
        ids = [r.deployment_id for r in self.evidence.requests]
        for deployment_id, count in collections.Counter(ids).items():
            if count > 1:
                self._violation(6, f"deployment {deployment_id} was the answer to {count} requests")
        for row in self.evidence.deployments:
            if row["id"] not in ids:
                self._violation(6, f"deployment {row['id']} is there and no request got it for an answer")
        for request in self.evidence.requests:
            if len(request.payload_ids) != len(request.task_ids):
                self._violation(6, f"request {request.request_id}: {len(request.payload_ids)} payloads, "
                                   f"{len(request.task_ids)} tasks")
            for payload_id, task_id in list(zip(request.payload_ids, request.task_ids)) + request.further:
                payload, task = self.evidence.payloads.get(payload_id), self.evidence.tasks.get(task_id)
                if payload is None or task is None:
                    self._violation(6, f"request {request.request_id}: payload {payload_id} or its task {task_id} is not there")
                elif task["payload_id"] != payload_id or payload["deployment_id"] != request.deployment_id:
                    self._violation(
                        6, f"request {request.request_id}: payload {payload_id} and task {task_id} do not belong together")
        extra = set(self.evidence.payloads) - set(self.scripts)
        if extra:
            self._violation(6, f"payloads {sorted(extra)} are there and no request got them for an answer")

    def _leases(self):
        for row in self.evidence.audit_tasks:
            if row["new_epoch"] < row["old_epoch"]:
                self._violation(7, f"lease_epoch of task {row['task_id']} went from {row['old_epoch']} to {row['new_epoch']}")
            if row["new_status"] == "RUNNING" and row["old_status"] == "PENDING" and row["new_epoch"] == row["old_epoch"]:
                self._violation(7, f"task {row['task_id']} was given out again under epoch {row['old_epoch']}")
        for row in self.evidence.audit_output:
            if row["epoch"] != row["task_epoch"] or row["task_status"] != "RUNNING":
                self._violation(7, f"output of payload {row['payload_id']} at {row['start_byte']} was written under epoch "
                                   f"{row['epoch']}, the task was {row['task_status']} at {row['task_epoch']}")

    def _nothing_left(self):
        for words in self.evidence.leftovers + self.evidence.harmed:
            self._violation(8, words)

    def _counts(self):
        by_deployment = collections.defaultdict(collections.Counter)
        for payload in self.evidence.payloads.values():
            by_deployment[payload["deployment_id"]][payload["status"]] += 1
        for deployment_id, told in self.evidence.counts.items():
            rows = dict(by_deployment[deployment_id], total=sum(by_deployment[deployment_id].values()))
            if {k: v for k, v in told.items() if v} != {k: v for k, v in rows.items() if v}:
                self._violation(9, f"deployment {deployment_id} is said to have {told}, its rows are {rows}")
        for request in self.evidence.requests:
            most = self._most_at_once(request) if request.max_concurrency else 0
            if most > request.max_concurrency:
                self._violation(9, f"deployment {request.deployment_id}: {most} ran at once by their ledgers, "
                                   f"max_concurrency is {request.max_concurrency}")

    def _most_at_once(self, request):
        steps = []
        for payload_id in filter(self.evidence.payloads.get, request.payload_ids):
            # A run whose end the ledger does not tell was cut off: it has no known length.
            ledger = self._ledger(self.evidence.payloads[payload_id])
            for begun, ended in zip(ledger, ledger[1:]):
                if begun[0] == "start" and ended[0] != "start":
                    steps += [(int(begun[-1]), 1), (int(ended[-1]), -1)]
        return most_at_once(steps)

    def _secrets(self):
        texts = dict(self.evidence.logs)
        texts.update({f"the error of payload {p['id']}": p["error"] for p in self.evidence.payloads.values()})
        texts.update({f"the error of task {t['id']}": t["error"] for t in self.evidence.tasks.values()})
        for name, text in texts.items():
            for secret in self.evidence.secrets + [SECRET]:
                if secret in text:
                    self._violation(10, f"a secret is in {name}")

    def _liars(self):
        for words in self.evidence.overdue:
            self._violation(1, words)
        for payload in self.evidence.payloads.values():
            if payload["instance_id"] in self.evidence.liars:
                self._liars_payload(payload, *self.evidence.liars[payload["instance_id"]])
        for task in self.evidence.tasks.values():
            if task["instance_id"] in self.evidence.liars and task["error"]:
                self._shown(f"the error of task {task['id']}", task["error"])

    def _liars_payload(self, payload, behaviour, may_complete):
        words = f"payload {payload['id']}, at an instance that does {behaviour}, is "
        words += f"{payload['status']} {payload['failure_reason']}"
        if payload["status"] == "COMPLETED" and not may_complete:
            self._violation(3, words)
        if payload["status"] == "FAILED":
            if not payload["failure_reason"]:
                self._violation(3, words + " without a reason")
            self._shown(f"the error of payload {payload['id']}", payload["error"])
        elif payload["error"]:
            self._shown(f"the error of payload {payload['id']}", payload["error"])
        asked = payload["id"] in self.evidence.given_up or getattr(self.request_of.get(payload["id"]), "cancelled", False)
        if payload["status"] == "CANCELLED" and not asked:
            self._violation(3, words + ", and nobody cancelled it")
        stored = len(self.evidence.outputs.get(payload["id"], b""))
        if stored != min(payload["output_bytes"], self.evidence.max_output_bytes):
            self._violation(4, f"{words}: {stored} bytes are stored of {payload['output_bytes']}")

    def _shown(self, what, text):
        reason = why_not_showable(text)
        if reason:
            self._violation(10, f"{what} may not be shown: {reason}")

    def _machines(self):
        asked = [instance_id for request in self.evidence.requests for instance_id in request.instances]
        for instance_id in asked:
            if instance_id not in self.evidence.created:
                self._violation(6, f"instance {instance_id} is not there")
        for instance_id, count in collections.Counter(asked).items():
            if count > 1:
                self._violation(6, f"instance {instance_id} was made for {count} requests")
        for instance_id, created in self.evidence.created.items():
            words = f"instance {instance_id}, which is {created.status},"
            if instance_id not in asked:
                self._violation(6, f"{words} is there and no request got it for an answer")
            if created.status not in ("READY", "FAILED"):
                self._violation(1, f"{words} is neither READY nor FAILED")
            if created.status == "FAILED" and not created.error:
                self._violation(3, f"{words} has no error")
            if created.machines > 1 or (created.status == "READY" and created.machines != 1):
                self._violation(6, f"{words} has {created.machines} machines")
            if created.end != "TERMINATED":
                self._violation(1, f"{words} is {created.end} after TerminateInstance")

    def _webhooks(self):
        """Whoever is told hears of each event, of nothing else, and in the end of what each deployment has come to."""
        told = collections.defaultdict(set)
        for body in self.evidence.told:
            told[json.loads(body)["id"]].add(body)
        ends = {}
        for row in self.evidence.events:
            if told.pop(row["id"], set()) != {row["body"]} or not row["delivered"]:
                self._violation(6, f"event {row['id']} of deployment {row['deployment_id']} was not told as it is")
            event = json.loads(row["body"])
            if row["kind"] == "deployment.ended" and event["number"] > ends.get(row["deployment_id"], (0,))[0]:
                ends[row["deployment_id"]] = event["number"], event["deployment"]["counts"]
        for event_id, bodies in told.items():
            self._violation(6, f"event {event_id} was told, and there is none: {bodies}")
        statuses = collections.defaultdict(set)
        for payload in self.evidence.payloads.values():
            statuses[payload["deployment_id"]].add(payload["status"])
        for deployment_id, counts in self.evidence.counts.items():
            is_over = statuses[deployment_id] <= set(TERMINAL)
            said = {name.lower(): number for name, number in counts.items() if number}
            heard = {name: number for name, number in ends.get(deployment_id, (0, {}))[1].items() if number}
            if is_over and heard != said:
                self._violation(6, f"the last that was told of the end of deployment {deployment_id} is {heard}, not {said}")
