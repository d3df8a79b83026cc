"""Two holders of one task, and clocks that disagree: docs/guarantees.md rows 18 and 24."""

import os
import threading
import unittest

from harness.api import pb
from harness.patience import wait_until
from harness.programs import FAIL_POINTS
from harness.stack import LONG_LEASE, Stack

SCRIPT = "echo started >> /root/ledger\nfor i in $(seq 30); do echo line $i; sleep 0.1; done\nexit 3\n"
OUTPUT = "".join(f"line {i}\n" for i in range(1, 31))
# The least that a clock is off, in seconds.
LEAST_STEP = 3600
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
WITHOUT_ASAN = unittest.skipIf("ASAN_OPTIONS" in os.environ, "AddressSanitizer must be loaded before libfaketime, and cannot be")


class FencingTest(unittest.TestCase):

    def start(self, **options):
        self.stack = Stack(**{"instances": 1, "workers": 2, **options})
        self.addCleanup(self.stack.close)
        self.instance = self.stack.instances[0]

    def assert_right(self, payload_id):
        payload = self.stack.wait(payload_id)
        self.assertEqual((payload.failure_reason, payload.exit_code, payload.output),
                         (pb.FAILURE_REASON_NONZERO_EXIT, 3, OUTPUT), payload)
        self.assertEqual(self.instance.ledger(), ["started"])
        wait_until(lambda: not self.instance.run_directories() and not self.instance.uploads(), "the cleanup")
        return payload

    def hold_first(self):
        """Deploys, and holds the first holder before it connects; the others go on. Returns it and the payload's id."""
        self.stack.wait(self.stack.deploy("true").payload_ids[0])  # Pins the host key.
        for worker in self.stack.workers:
            worker.arm("worker.connecting", "hold")
        payload_id = self.stack.deploy(SCRIPT).payload_ids[0]
        first = wait_until(lambda: next((w for w in self.stack.workers if w.hit("worker.connecting")), None), "the first holder")
        for worker in self.stack.workers:
            if worker is not first:
                worker.release("worker.connecting")
        return first, payload_id

    def give_again(self, payload_id):
        """By a fault of ours that the database cannot see: somebody else gets the lease with the same epoch."""
        self.stack.sql(f"""
            ALTER TABLE tasks DISABLE TRIGGER tasks_guard;
            UPDATE tasks SET status = 'PENDING', lease_until = NULL, run_at = now(), lease_epoch = 0
            WHERE payload_id = {payload_id};
            ALTER TABLE tasks ENABLE TRIGGER tasks_guard;""")

    def test_two_holders_of_one_lease_start_it_once(self):
        self.start(binaries=FAIL_POINTS, api_flags=[LONG_LEASE])
        first, payload_id = self.hold_first()
        self.give_again(payload_id)
        self.stack.wait(payload_id, [pb.PAYLOAD_STATUS_EXECUTING])
        self.assertEqual(self.stack.sql(f"SELECT lease_epoch FROM tasks WHERE payload_id = {payload_id}"), "1")
        first.release("worker.connecting")
        self.assert_right(payload_id)
        raw = b"".join(e.output.data for e in self.stack.watch(payload_id))
        self.assertEqual(raw.decode(), OUTPUT)

    def test_a_worker_that_gets_its_lease_again(self):
        self.start(workers=1, binaries=FAIL_POINTS)
        worker, payload_id = self.hold_first()
        self.give_again(payload_id)
        self.stack.wait_output(payload_id, "line 3\n")
        # It comes to follow by the first assignment what it follows by the second, with lines that it has not read.
        worker.arm("worker.printing", "hold")
        wait_until(lambda: worker.hit("worker.printing"), "the next line")
        worker.arm("worker.started", "hold")
        worker.release("worker.connecting")
        wait_until(lambda: worker.hit("worker.started"), "the first assignment to reach the run")
        printed = self.stack.run_directory(self.instance, payload_id) + "/output"
        size = os.path.getsize(printed)
        wait_until(lambda: os.path.getsize(printed) > size, "another line")
        worker.release("worker.started")
        worker.release("worker.printing")
        self.assert_right(payload_id)

    def clock(self, offset_file=None, offset=None):
        environment = {"LD_PRELOAD": FAKETIME, "DONT_FAKE_MONOTONIC": "1", "FAKETIME_NO_CACHE": "1"}
        if offset_file:
            return dict(environment, FAKETIME_TIMESTAMP_FILE=offset_file)
        return dict(environment, FAKETIME=offset)

    @WITHOUT_ASAN
    def test_clocks_hours_apart(self):
        self.start(api_servers=2, certificates_since="-3d", environment={
            "api_server-0": self.clock(offset="+3h"), "api_server-1": self.clock(offset="-7h"),
            "worker-0": self.clock(offset="-2d"), "worker-1": self.clock(offset="+30d")})
        payload_id = self.stack.deploy(SCRIPT).payload_ids[0]
        self.stack.wait_output(payload_id, "line 5\n")
        holder = self.stack.task(self.stack.get(payload_id).task_id).worker
        next(w for w in self.stack.workers if w.name == holder).kill()
        payload = self.assert_right(payload_id)
        # Durations come from the instance's uptime, times from the database.
        self.assertLess(payload.execution_time.seconds, LEAST_STEP)
        self.assertLess(abs(payload.finished_at.seconds - payload.created_at.seconds), LEAST_STEP)

    @WITHOUT_ASAN
    def test_clocks_that_step_back_and_forth(self):
        path = f"/tmp/longshore-clock-{os.getpid()}"

        def set_clock(offset):
            with open(path + ".new", "w") as file:
                file.write(offset)
            os.rename(path + ".new", path)

        set_clock("+0")
        self.addCleanup(os.remove, path)
        names = ("api_server-0", "worker-0", "worker-1")
        # Each step outlasts the lease.
        self.start(certificates_since="-3d", environment={name: self.clock(offset_file=path) for name in names},
                   api_flags=[LONG_LEASE])
        stop = threading.Event()

        def step():
            for offset in ("+2h", "-3h", "+0", "-9h", "+40d", "-1h") * 100:
                set_clock(offset)
                if stop.wait(0.4):
                    return

        thread = threading.Thread(target=step)
        thread.start()
        try:
            payload_id = self.stack.deploy(SCRIPT).payload_ids[0]
            payload = self.assert_right(payload_id)
        finally:
            stop.set()
            thread.join()
        self.assertEqual(self.stack.sql(f"SELECT lease_epoch FROM tasks WHERE payload_id = {payload_id}"), "1")
        self.assertLess(payload.execution_time.seconds, LEAST_STEP)


if __name__ == "__main__":
    unittest.main()
