"""Instances that reboot or are away, and the timeout that one keeps while nobody is connected: row 14 of docs/guarantees.md."""

import os
import unittest

from fault.run_under_fault import RunUnderFault
from harness.api import pb
from harness.patience import wait_until


class RebootFaultTest(RunUnderFault):

    def test_instance_reboots_during_the_run(self):
        payload_id = self.deploy()
        self.printing(payload_id)
        self.instance.process.restart()
        payload = self.stack.wait(payload_id)
        self.assertEqual(payload.failure_reason, pb.FAILURE_REASON_INTERRUPTED, payload)
        self.assertTrue(payload.executed)
        self.assertFalse(payload.HasField("exit_code"))
        self.assertTrue(payload.output.startswith("line 1\n"))
        self.assertEqual(self.instance.ledger(), ["started"])
        wait_until(lambda: not self.instance.run_directories(), "the cleanup")

    def test_instance_reboots_after_the_run(self):
        payload_id = self.deploy()
        worker = self.exited_unreported(payload_id)
        run = os.path.join(self.stack.run_directory(self.instance, payload_id), "result")
        wait_until(lambda: os.path.exists(run), "the result on the instance")
        self.instance.process.restart()
        self.go_on_without(worker)
        self.assert_right(payload_id)

    def test_instance_away_before_the_run(self):
        self.instance.process.kill()
        payload_id = self.deploy()
        task_id = self.stack.get(payload_id).task_id
        wait_until(lambda: self.stack.task(task_id).error, "a failed try")
        self.instance.process.start()
        self.assert_right(payload_id)

    def test_timeout_is_kept_on_the_instance(self):
        payload_id = self.stack.deploy("echo begun; sleep 4444", timeout=3).payload_ids[0]
        self.stack.wait_output(payload_id, "begun")
        for process in self.stack.workers + self.stack.api_servers:
            process.kill()
        wait_until(lambda: self.instance.own_processes("sleep\0" + "4444") == 0, "the timeout")
        for process in self.stack.api_servers + self.stack.workers:
            process.start()
        payload = self.stack.wait(payload_id)
        self.assertEqual(payload.failure_reason, pb.FAILURE_REASON_EXECUTION_TIMEOUT, payload)
        self.assertEqual(payload.output, "begun\n")


if __name__ == "__main__":
    unittest.main()
