"""A script that runs while a fault strikes: it runs once, and ends once, with its true result and all its output."""

import signal
import unittest

from harness.api import pb
from harness.held import HELD, hold, let_go
from harness.patience import wait_until
from harness.stack import Stack

# Prints for some seconds, and does not end before the test lets it; it writes the ledger itself, which thus counts starts.
SCRIPT = f"""echo started >> /root/ledger
for i in $(seq 1 40); do echo "line $i"; sleep 0.1; if [ $i = 20 ]; then {HELD}; fi; done
echo ended >> /root/ledger
exit 3
"""
OUTPUT = "".join(f"line {i}\n" for i in range(1, 41))


class RunUnderFault(unittest.TestCase):
    """Two api_servers, two workers, and an instance whose scripts are held."""

    def setUp(self):
        self.stack = Stack(instances=1, api_servers=2, workers=2, worker_flags=["--max_connecting=4"])
        self.instance = self.stack.instances[0]
        hold(self.instance)

    def tearDown(self):
        self.stack.close()

    def deploy(self, text=SCRIPT):
        return self.stack.deploy(text).payload_ids[0]

    def holder(self, payload_id):
        """The worker process that holds the payload's task."""
        name = self.stack.task(self.stack.get(payload_id).task_id).worker
        return self.stack.workers[int(name.rsplit("-", 1)[1])]

    def let_it_end(self):
        let_go(self.instance)
        wait_until(lambda: "ended" in self.instance.ledger(), "the script's end")

    def assert_right(self, payload_id, output=OUTPUT, exit_code=3):
        let_go(self.instance)
        payload = self.stack.wait(payload_id)
        self.assertEqual(payload.failure_reason, pb.FAILURE_REASON_NONZERO_EXIT, payload)
        self.assertEqual(payload.exit_code, exit_code)
        self.assertEqual(payload.output, output)
        self.assertEqual(payload.output_bytes, len(output))
        self.assertEqual(self.instance.ledger(), ["started", "ended"])
        raw = b"".join(e.output.data for e in self.stack.watch(payload_id))
        self.assertEqual(raw.decode(), output)
        wait_until(lambda: not self.instance.run_directories(), "the cleanup")
        wait_until(lambda: self.stack.sql("SELECT count(*) FROM run_cleanups") == "0", "the cleanup's end")
        return payload

    def just_started(self, payload_id):
        wait_until(lambda: self.instance.ledger(), "the start")

    def printing(self, payload_id):
        self.stack.wait_output(payload_id, "line 10\n")

    def exited_unreported(self, payload_id):
        """The script has ended but nobody could say so, for every worker is stopped; returns the one that holds the task."""
        self.stack.wait_output(payload_id, "line 5\n")
        worker = self.holder(payload_id)
        for process in self.stack.workers:
            process.signal(signal.SIGSTOP)
        self.let_it_end()
        return worker

    def go_on_without(self, worker):
        worker.kill()
        for process in self.stack.workers:
            if process is not worker:
                process.signal(signal.SIGCONT)
