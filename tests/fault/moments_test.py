"""Every fault of processes and links at every moment of a payload's life: docs/guarantees.md rows 1 to 6, 8, 11 and 12, by fail
points.

The moment is held by a fail point until the fault has struck, so each combination is a test of its own, and the same each time.
"""

import os
import shutil
import signal
import unittest

from harness.api import pb
from harness.patience import wait_until
from harness.programs import FAIL_POINTS
from harness.stack import Stack

LINES = 5
# Who reaches the moment, and its fail point (common/fail_point.h).
MOMENTS = {
    "before_claim": ("api_servers", "executor.claiming"),
    "after_claim": ("api_servers", "executor.claimed"),
    "during_connect": ("workers", "worker.connecting"),
    "during_upload": ("workers", "worker.uploading"),
    "after_upload": ("workers", "worker.uploaded"),
    "before_go": ("workers", "worker.ready"),
    "just_after_start": ("workers", "worker.started"),
    "while_it_prints": ("workers", "worker.printing"),
    "after_exit": ("workers", "worker.finished"),
    "after_report": ("api_servers", "sink.ended"),
}


class MomentsTest(unittest.TestCase):
    """Tests are made below: test_FAULT_MOMENT."""

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=1, api_servers=2, workers=2, binaries=FAIL_POINTS,
                          api_flags=["--lease_duration_ms=2000"])
        cls.instance = cls.stack.instances[0]
        cls.turn = 0

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def setUp(self):
        self.addCleanup(self.clean)

    def clean(self):
        self.stack.restore()
        # What should not have been left is the fault of one test only.
        for name in self.instance.uploads():
            os.remove(self.instance.path("/root/" + name))
        for name in self.instance.run_directories():
            shutil.rmtree(self.instance.path("/var/lib/longshore/runs/" + name))

    def reach(self, moment):
        """Deploys, and returns the payload's id and the process that is held at the moment."""
        kind, self.point = MOMENTS[moment]
        type(self).turn += 1
        self.token = f"run{self.turn}"
        self.candidates = getattr(self.stack, kind)
        for process in self.candidates:
            process.arm(self.point, "hold")
        self.addCleanup(self.release)
        payload_id = self.stack.deploy(
            f"echo {self.token} >> /root/ledger\n"
            f"for i in $(seq {LINES}); do echo line $i; sleep 0.1; done\nexit 3\n").payload_ids[0]
        held = wait_until(lambda: next((p for p in self.candidates if p.hit(self.point)), None), f"the moment {moment}")
        return payload_id, held

    def release(self):
        for process in self.candidates:
            process.release(self.point)

    def holder(self, payload_id, held):
        """The worker that has to do with the payload; any, when none has yet."""
        if held in self.stack.workers:
            return held
        name = self.stack.sql(f"SELECT worker FROM tasks WHERE payload_id = {payload_id} ORDER BY id LIMIT 1")
        return next((w for w in self.stack.workers if w.name == name), self.stack.workers[0])

    def check(self, payload_id):
        """Ended once, with the true result and all of its output; nothing is left."""
        payload = self.stack.wait(payload_id)
        output = "".join(f"line {i}\n" for i in range(1, LINES + 1))
        self.assertEqual((payload.failure_reason, payload.exit_code, payload.output, payload.output_bytes),
                         (pb.FAILURE_REASON_NONZERO_EXIT, 3, output, len(output)), payload)
        self.assertEqual(self.instance.ledger().count(self.token), 1)
        return payload

    def check_leftovers(self):
        wait_until(lambda: self.stack.sql("SELECT count(*) FROM run_cleanups") == "0", "the cleanup's end")
        self.assertEqual((self.instance.run_directories(), self.instance.uploads()), ([], []))

    def strike_killed(self, process, payload_id):
        process.kill()
        self.release()
        process.start()
        self.check(payload_id)

    def strike_stopped(self, process, payload_id):
        """Stopped until all is over, then continued: it is late with everything it knew, and changes nothing."""
        process.signal(signal.SIGSTOP)
        self.release()
        index = 1 - self.stack.api_servers.index(process) if process in self.stack.api_servers else 0
        self.stack.use(index)
        before = self.check(payload_id)
        process.signal(signal.SIGCONT)
        # It has said what it had to say when it takes part again.
        self.stack.use(1 - index if process in self.stack.api_servers else 0)
        self.assertEqual(self.check(payload_id), before)
        self.stack.use(0)

    def strike_drained(self, process, payload_id):
        process.signal(signal.SIGTERM)
        self.release()
        self.assertEqual(process.ended(), 0)
        process.start()
        self.check(payload_id)

    def strike_sessions_ended(self, payload_id):
        self.stack.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'longshore'")
        self.release()
        self.check(payload_id)

    def strike_dropped(self, relays, payload_id):
        for relay in relays:
            relay.drop()
        self.release()
        self.check(payload_id)


def _targets(test, who, payload_id, held):
    if who == "worker":
        return test.holder(payload_id, held)
    return held if held in test.stack.api_servers else test.stack.api_servers[0]


def _process_test(who, fault, moment):
    def test(self):
        payload_id, held = self.reach(moment)
        getattr(self, f"strike_{fault}")(_targets(self, who, payload_id, held), payload_id)
        self.check_leftovers()
    return test


def _link_test(fault, moment):
    def test(self):
        payload_id, _ = self.reach(moment)
        if fault == "postgres_sessions_ended":
            self.strike_sessions_ended(payload_id)
        elif fault == "worker_links_dropped":
            self.strike_dropped(self.stack.worker_relays, payload_id)
        else:
            self.strike_dropped([self.instance.relay], payload_id)
        self.check_leftovers()
    return test


def _make_tests():
    # Two targets share the tests, so that they run side by side.
    part = os.environ.get("MOMENTS_PART", "")
    for moment in MOMENTS:
        made = {f"test_{who}_{fault}_{moment}": _process_test(who, fault, moment)
                for who in ("worker", "api_server") for fault in ("killed", "stopped", "drained")}
        made.update({f"test_{fault}_{moment}": _link_test(fault, moment)
                     for fault in ("postgres_sessions_ended", "worker_links_dropped", "ssh_link_dropped")})
        for name, test in made.items():
            if not part or name.startswith("test_worker_") == (part == "worker"):
                setattr(MomentsTest, name, test)


_make_tests()

if __name__ == "__main__":
    unittest.main()
