"""Workers that are killed, stopped past their leases or drained, and those that come late: rows 1 to 3 of docs/guarantees.md."""

import signal
import unittest

from fault.run_under_fault import RunUnderFault
from harness.api import payload_service, pb
from harness.patience import wait_until


class WorkerFaultTest(RunUnderFault):

    def test_worker_killed_just_after_start(self):
        payload_id = self.deploy()
        self.just_started(payload_id)
        self.holder(payload_id).restart()
        self.assert_right(payload_id)

    def test_worker_killed_while_it_prints(self):
        payload_id = self.deploy()
        self.printing(payload_id)
        self.holder(payload_id).kill()
        self.assert_right(payload_id)

    def test_worker_killed_after_exit_before_report(self):
        payload_id = self.deploy()
        self.go_on_without(self.exited_unreported(payload_id))
        self.assert_right(payload_id)

    def test_every_worker_killed_again_and_again(self):
        payload_id = self.deploy()
        self.just_started(payload_id)
        for _ in range(3):
            for worker in self.stack.workers:
                worker.restart()
        self.assert_right(payload_id)

    def test_worker_stopped_past_its_lease(self):
        payload_id = self.deploy()
        self.printing(payload_id)
        stopped = self.holder(payload_id)
        stopped.signal(signal.SIGSTOP)
        wait_until(lambda: self.holder(payload_id) is not stopped, "another holder")
        stopped.signal(signal.SIGCONT)
        self.assert_right(payload_id)
        epoch = self.stack.sql(f"SELECT lease_epoch FROM tasks WHERE payload_id = {payload_id}")
        self.assertGreaterEqual(int(epoch), 2)

    def test_worker_stopped_before_the_start(self):
        # Both workers are stopped with the assignment somewhere on its way; whoever holds a lost lease must not start.
        self.instance.relay.silence()
        payload_id = self.deploy()
        wait_until(lambda: self.stack.task(self.stack.get(payload_id).task_id).worker, "a claim")
        first = self.holder(payload_id)
        first.signal(signal.SIGSTOP)
        self.instance.relay.heal()
        wait_until(lambda: self.stack.get(payload_id).status == pb.PAYLOAD_STATUS_EXECUTING, "the start elsewhere")
        first.signal(signal.SIGCONT)
        self.assert_right(payload_id)

    def late_worker(self, held_after):
        """A worker held up on its way to an instance goes on when the path has long been somebody else's: it replaces nothing."""
        path = "/root/same.sh"
        self.stack.wait(self.deploy("exit 3"))  # Pins the host key.
        self.instance.relay.hold_after(held_after)
        late = self.stack.deploy("echo late >> ledger\n" + "#" * 2000000, remote_path=path).payload_ids[0]
        wait_until(self.instance.relay.held.is_set, "the connection to be held")
        worker = self.holder(late)
        worker.signal(signal.SIGSTOP)
        self.assertEqual(self.stack.wait(late).status, pb.PAYLOAD_STATUS_COMPLETED)
        text = "echo next >> ledger\n"
        self.stack.wait(self.stack.deploy(text, remote_path=path).payload_ids[0])
        self.instance.relay.release()
        worker.signal(signal.SIGCONT)
        wait_until(self.instance.relay.held_one_has_ended, "the end of the late connection")
        wait_until(lambda: not self.instance.uploads(), "the end of its upload")
        with open(self.instance.path(path)) as file:
            self.assertEqual(file.read(), text)
        self.assertEqual(self.instance.ledger(), ["late", "next"])

    def test_late_before_the_upload(self):
        self.late_worker(held_after=3000)

    def test_late_during_the_upload(self):
        self.late_worker(held_after=1024 * 1024)

    def test_worker_drains(self):
        payload_id = self.deploy()
        self.printing(payload_id)
        self.assertEqual(self.holder(payload_id).terminate(), 0)
        self.assert_right(payload_id)

    def test_cancel_while_the_worker_is_dead(self):
        payload_id = self.stack.deploy("echo begun; sleep 3333").payload_ids[0]
        self.stack.wait_output(payload_id, "begun")
        for worker in self.stack.workers:
            worker.kill()
        self.stack.payloads.CancelPayload(payload_service.CancelPayloadRequest(payload_id=payload_id))
        for worker in self.stack.workers:
            worker.start()
        payload = self.stack.wait(payload_id)
        self.assertEqual(payload.status, pb.PAYLOAD_STATUS_CANCELLED, payload)
        wait_until(lambda: self.instance.own_processes("sleep\0" + "3333") == 0, "no process left")


if __name__ == "__main__":
    unittest.main()
