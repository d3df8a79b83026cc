"""The checker finds nothing in a clean run's evidence, and each violation that is planted in it."""

import copy
import dataclasses
import json
import unittest

from fault.chaos.checker import Checker, Created, Evidence, Request
from fault.chaos.scripts import SECRET, Script
from harness.errors import MAX_ERROR_BYTES

FINE = Script("fine", "exit", code=0, lines=2)
BAD = Script("bad", "exit", code=3, lines=1)
LARGE = Script("large", "large", lines=10)
HUNG = Script("hung", "hang", lines=1)
MADE = Script("made", "exit", code=0, lines=1)
LIMIT = 200
# Instances: one that lies and whose lie may be taken for an end, one whose lie may not, and two that were made.
LIAR, DENIER, READY, NOT_MADE = 3, 4, 5, 6


def payload(payload_id, script, status, reason="", code=None, **fields):
    printed = fields.pop("printed", len(script.body()))
    row = dict(id=payload_id, deployment_id=payload_id + 100, instance_id=1, status=status, failure_reason=reason, exit_code=code,
               executed=True, attempt=1, output_bytes=printed, output_truncated=printed > LIMIT, error="")
    return dict(row, **fields)


def event(number, deployment_id, kind="deployment.ended", **counts):
    body = dict(id=f"{deployment_id}-{kind}-{number}", kind=kind, number=number, deployment=dict(id=deployment_id, counts=counts))
    return dict(id=body["id"], deployment_id=deployment_id, kind=kind, body=json.dumps(body), delivered=True)


def clean():
    """A payload that completed, one that failed, a large one, one that was cancelled while it ran and one that rests; at
    instances that lie one that they say completed, one that failed and one that the round cancelled; and those of an instance
    that was made and of one that was not."""
    payloads = {p["id"]: p for p in (
        payload(1, FINE, "COMPLETED", code=0), payload(2, BAD, "FAILED", "NONZERO_EXIT", 3),
        payload(3, LARGE, "COMPLETED", code=0), payload(4, HUNG, "CANCELLED"),
        payload(5, FINE, "TRANSFERRED", executed=False, printed=0, instance_id=2),
        payload(6, FINE, "COMPLETED", code=0, instance_id=LIAR, printed=6),
        payload(7, FINE, "FAILED", "EXECUTION_TIMEOUT", instance_id=DENIER, printed=0, error="it did not end"),
        payload(8, FINE, "CANCELLED", executed=False, instance_id=DENIER, printed=0, error="cancelled"),
        payload(9, MADE, "COMPLETED", code=0, instance_id=READY),
        payload(10, MADE, "FAILED", "DEPENDENCY_FAILED", executed=False, instance_id=NOT_MADE, printed=0, error="not made"))}
    scripts = {1: FINE, 2: BAD, 3: LARGE, 4: HUNG, 5: FINE, 6: FINE, 7: FINE, 8: FINE, 9: MADE, 10: MADE}
    body = LARGE.body()
    # The second deployment ended twice, and its rollout was stopped; the fifth rests.
    events = [event(1, p["deployment_id"], **{p["status"].lower(): 1, "total": 1}) for p in payloads.values() if p["id"] != 5]
    events += [event(2, 102, failed=1, total=1), event(1, 102, "rollout.stopped", pending=1, total=1)]
    steps = {1: ["PENDING", "TRANSFERRED", "EXECUTING", "COMPLETED"], 2: ["PENDING", "EXECUTING", "FAILED"],
             3: ["PENDING", "EXECUTING", "COMPLETED"], 4: ["PENDING", "TRANSFERRED", "EXECUTING", "CANCELLED"],
             5: ["PENDING", "TRANSFERRED"], 6: ["PENDING", "EXECUTING", "COMPLETED"], 7: ["PENDING", "EXECUTING", "FAILED"],
             8: ["PENDING", "CANCELLED"], 9: ["PENDING", "EXECUTING", "COMPLETED"], 10: ["PENDING", "FAILED"]}
    audit = [dict(payload_id=p, attempt=1, old_attempt=1 if old else None, old_status=old, new_status=new,
                  executed=new not in ("PENDING", "TRANSFERRED") and payloads[p]["executed"])
             for p, names in steps.items() for old, new in zip([None] + names, names)]
    return Evidence(
        max_output_bytes=LIMIT, payloads=payloads,
        requests=[Request(s.token + str(p), s, [p], [p + 10], p + 100, executes=p != 5, cancelled=p == 4, max_concurrency=1,
                          instances=[payloads[p]["instance_id"]] if s is MADE else []) for p, s in scripts.items()],
        tasks={p + 10: dict(id=p + 10, payload_id=p, instance_id=row["instance_id"], error=row["error"])
               for p, row in payloads.items()},
        deployments=[dict(id=p + 100) for p in payloads],
        outputs={1: FINE.body(), 2: BAD.body(), 3: body[:100] + body[-100:], 4: HUNG.body(), 6: b"hello\n", 9: MADE.body()},
        audit_payloads=audit,
        audit_tasks=[dict(task_id=11, old_epoch=0, new_epoch=1, old_status="PENDING", new_status="RUNNING", worker="w")],
        audit_output=[dict(payload_id=1, start_byte=0, epoch=1, task_epoch=1, task_status="RUNNING")],
        ledgers={(1, "fine"): ["start 100", "end 0 200"], (1, "bad"): ["start 100", "end 3 200"],
                 (1, "large"): ["start 100", "end 0 200"], (1, "hung"): ["start 100"],
                 (READY, "made"): ["start 100", "end 0 200"]},
        leftovers=[],
        counts={p["deployment_id"]: {p["status"]: 1, "total": 1} for p in payloads.values()},
        events=events, told=[each["body"] for each in events] + [events[0]["body"]],
        logs={"api_server": "all is well"}, secrets=["hunter2"], verify=[],
        liars={LIAR: ("right", True), DENIER: ("never_ends", False)}, given_up={8},
        created={READY: Created("READY", "", "a", machines=1, end="TERMINATED"),
                 NOT_MADE: Created("FAILED", "no machine", "b", end="TERMINATED")})


def _payload(payload_id, **fields):
    return lambda e: e.payloads[payload_id].update(fields)


def _ledger(token, *lines):
    return lambda e: e.ledgers.update({(1, token): list(lines)})


def _created(instance_id, **fields):
    return lambda e: e.created.update({instance_id: dataclasses.replace(e.created[instance_id], **fields)})


def _retold(evidence, index, other):
    evidence.told[evidence.told.index(evidence.events[index]["body"])] = other["body"]
    evidence.events[index] = other


# Invariant -> what is done to the clean evidence. Each is one violation that the checker has to find.
PLANTS = {
    1: [_payload(1, status="EXECUTING"), _payload(1, status="PENDING"),
        lambda e: setattr(e.requests[4], "executes", True),
        _payload(7, status="EXECUTING", failure_reason="", error=""), _payload(8, status="PENDING", error=""),
        lambda e: e.overdue.append("payload 7 is EXECUTING"), _created(READY, status="PROVISIONING"),
        _created(READY, end="READY")],
    2: [_ledger("fine", "start 1", "end 0 2", "start 3", "end 0 4"), _ledger("hung", "start 1", "start 2"),
        lambda e: e.ledgers.update({(READY, "made"): ["start 1", "end 0 2", "start 3", "end 0 4"]})],
    3: [_payload(2, status="COMPLETED", failure_reason="", exit_code=0), _payload(2, exit_code=4),
        _payload(1, status="FAILED", failure_reason="NONZERO_EXIT", exit_code=0),
        _payload(1, status="FAILED", failure_reason="KILLED_BY_SIGNAL", exit_code=None),
        _payload(1, status="FAILED", failure_reason="EXECUTION_TIMEOUT"),
        _payload(1, status="FAILED", failure_reason="INTERRUPTED"),
        _payload(1, status="FAILED", failure_reason="UNREACHABLE"), _payload(1, status="CANCELLED"),
        _ledger("fine", "start 1"), _ledger("bad", "start 1", "end 0 2"),
        _payload(7, status="COMPLETED", failure_reason="", exit_code=0), _payload(7, failure_reason=""),
        lambda e: e.given_up.clear(), _created(NOT_MADE, error=""), _created(NOT_MADE, status="READY", machines=1),
        _payload(1, status="FAILED", failure_reason="DEPENDENCY_FAILED"),
        _payload(1, status="FAILED", failure_reason="INSTANCE_TERMINATED")],
    4: [lambda e: e.outputs.update({1: b"x" + FINE.body()[1:]}), lambda e: e.outputs.update({1: FINE.body()[:-1]}),
        _payload(1, output_bytes=5), _payload(3, output_truncated=False), lambda e: e.outputs.pop(2),
        lambda e: e.outputs.update({3: LARGE.body()}),
        lambda e: e.outputs.update({3: LARGE.body()[:100] + LARGE.body()[100:200]}),
        lambda e: e.outputs.update({4: HUNG.body() * 2}), _payload(1, output_truncated=True),
        lambda e: e.outputs.update({6: b"hell"}), lambda e: e.outputs.update({9: b"other\n"})],
    5: [lambda e: e.audit_payloads.append(dict(payload_id=1, attempt=1, old_attempt=1, old_status="COMPLETED",
                                               new_status="COMPLETED", executed=True)),
        lambda e: e.audit_payloads.append(dict(payload_id=1, attempt=1, old_attempt=1, old_status="EXECUTING",
                                               new_status="TRANSFERRED", executed=True)),
        lambda e: e.audit_payloads.append(dict(payload_id=1, attempt=1, old_attempt=2, old_status="PENDING",
                                               new_status="PENDING", executed=False)),
        lambda e: e.audit_payloads.append(dict(payload_id=1, attempt=2, old_attempt=1, old_status="FAILED",
                                               new_status="EXECUTING", executed=True)),
        lambda e: e.ledgers.pop((1, "fine")),
        lambda e: [row.update(executed=False) for row in e.audit_payloads if row["payload_id"] == 1],
        lambda e: e.audit_payloads.append(dict(payload_id=7, attempt=1, old_attempt=1, old_status="FAILED",
                                               new_status="COMPLETED", executed=True))],
    6: [lambda e: e.payloads.pop(5), lambda e: e.deployments.append(dict(id=999)), lambda e: e.tasks[11].update(payload_id=2),
        lambda e: setattr(e.requests[1], "deployment_id", 101), lambda e: e.requests[0].task_ids.append(12),
        lambda e: e.payloads.update({11: payload(11, FINE, "COMPLETED", code=0)}),
        lambda e: e.requests[0].further.append((1, 12)), lambda e: e.tasks[16].update(payload_id=2),
        lambda e: e.created.pop(READY), lambda e: e.created.update({7: Created("READY", "", "c", machines=1, end="TERMINATED")}),
        lambda e: e.requests[0].instances.append(READY), _created(READY, machines=2), _created(READY, machines=0),
        _created(NOT_MADE, machines=2), lambda e: e.told.remove(e.events[1]["body"]),
        lambda e: e.events[0].update(delivered=False),
        lambda e: e.told.append(event(3, 102, failed=1, total=1)["body"]),
        lambda e: e.told.append(e.told[0].replace(": 1", ": 2")),
        lambda e: (e.events.pop(2), e.told.pop(2)), lambda e: _retold(e, -2, event(2, 102, completed=1, total=1))],
    7: [lambda e: e.audit_tasks[0].update(old_epoch=2), lambda e: e.audit_tasks[0].update(new_epoch=0),
        lambda e: e.audit_output[0].update(task_epoch=2), lambda e: e.audit_output[0].update(task_status="PENDING")],
    8: [lambda e: e.leftovers.append("1.1 is left on instance 1"), lambda e: e.harmed.append("a run directory was removed")],
    9: [lambda e: e.counts.update({101: {"COMPLETED": 2, "total": 2}}),
        lambda e: e.counts.update({101: {"FAILED": 1, "total": 1}}),
        lambda e: (e.requests[0].payload_ids.append(2), e.requests[0].task_ids.append(12))],
    10: [lambda e: e.logs.update(worker="the password is hunter2"), lambda e: e.tasks[11].update(error=f"# {SECRET}fine"),
         _payload(2, error="hunter2"), _payload(7, error="\x1b]52;c;ZXZpbA==\x07"), _payload(7, error=""),
         _payload(7, error="\udcff"), _payload(8, error="e" * (MAX_ERROR_BYTES + 1)), lambda e: e.tasks[17].update(error="a\nb")],
}


class CheckerTest(unittest.TestCase):

    def test_nothing_wrong(self):
        self.assertEqual(Checker(clean()).check(), [])

    def test_each_planted_violation_is_found(self):
        self.assertEqual(set(PLANTS), set(range(1, 11)))
        for invariant, plants in PLANTS.items():
            for number, plant in enumerate(plants):
                with self.subTest(invariant=invariant, plant=number):
                    evidence = copy.deepcopy(clean())
                    plant(evidence)
                    found = Checker(evidence).check()
                    self.assertIn(invariant, [i for i, _ in found], found)

    def test_nothing_is_known_of_a_script_at_an_instance_that_lies(self):
        """Neither its exit status nor what it prints."""
        evidence = clean()
        evidence.payloads[7].update(failure_reason="NONZERO_EXIT", exit_code=255, output_bytes=6, error="exit status 255")
        evidence.outputs[7] = b"hello\n"
        self.assertEqual(Checker(evidence).check(), [])

    def test_a_reboot_explains_an_interruption(self):
        evidence = clean()
        evidence.payloads[1].update(status="FAILED", failure_reason="INTERRUPTED", exit_code=None)
        evidence.audit_payloads[3].update(new_status="FAILED")
        evidence.counts[101] = {"FAILED": 1, "total": 1}
        evidence.events[0] = event(1, 101, failed=1, total=1)
        evidence.told = [each["body"] for each in evidence.events]
        evidence.rebooted.add(1)
        self.assertEqual(Checker(evidence).check(), [])

    def test_a_retry_allows_a_second_start(self):
        evidence = clean()
        evidence.payloads[2].update(attempt=2)
        evidence.audit_payloads += [
            dict(payload_id=2, attempt=2, old_attempt=1, old_status="FAILED", new_status="PENDING", executed=False),
            dict(payload_id=2, attempt=2, old_attempt=2, old_status="PENDING", new_status="EXECUTING", executed=True),
            dict(payload_id=2, attempt=2, old_attempt=2, old_status="EXECUTING", new_status="FAILED", executed=True)]
        evidence.ledgers[1, "bad"] = ["start 1", "end 3 2", "start 3", "end 3 4"]
        self.assertEqual(Checker(evidence).check(), [])

    def test_what_verify_finds_counts(self):
        evidence = clean()
        evidence.verify.append((4, "a gap"))
        self.assertEqual(Checker(evidence).check(), [(4, "a gap")])


if __name__ == "__main__":
    unittest.main()
