"""The word to start was given and the answer was lost: whether the script runs, only the instance knows.

Until it has been asked, nobody says that the script was not started, starts another in its place, or gives its place in a rollout
away.
"""

import unittest

from harness.api import instance_pb, instance_service, payload_service, pb, task_pb
from harness.patience import wait_until
from harness.programs import FAIL_POINTS
from harness.stack import Stack

SCRIPT = "echo start >> /root/ledger; echo begun; sleep 7777"
QUICK = "echo quick >> /root/ledger"


class StartInDoubtTest(unittest.TestCase):

    def start(self, instances=1, workers=1, **options):
        self.stack = Stack(instances=instances, workers=workers, binaries=FAIL_POINTS, api_servers=1, **options)
        self.addCleanup(self.stack.close)
        self.instance = self.stack.instances[0]
        self.stack.wait(self.stack.deploy("true", instances=[self.instance]).payload_ids[0])  # Pins the host key.

    def in_doubt(self, text=SCRIPT, **fields):
        """Starts a script and cuts the link to its instance before anybody is told; returns the payload's id."""
        self.instance.hold("started")
        payload_id = self.stack.deploy(text, **fields).payload_ids[0]
        wait_until(lambda: self.instance.hit("started") and self.instance.ledger(), "the start")
        self.instance.relay.cut()
        task_id = self.stack.get(payload_id).task_id
        wait_until(lambda: self.stack.task(task_id).status == task_pb.TASK_STATUS_PENDING, "the retry")
        self.instance.release("started")
        self.assertEqual(self.stack.get(payload_id).status, pb.PAYLOAD_STATUS_PENDING)
        return payload_id

    def runs(self):
        return self.instance.own_processes("sleep\0" + "7777")

    def cancel(self, payload_id):
        return self.stack.payloads.CancelPayload(payload_service.CancelPayloadRequest(payload_id=payload_id))

    def assert_cancelled_while_it_ran(self, payload_id):
        payload = self.stack.wait(payload_id, [pb.PAYLOAD_STATUS_CANCELLED])
        self.assertTrue(payload.executed)
        self.assertEqual(payload.output, "begun\n")
        self.assertEqual(self.instance.ledger(), ["start"])
        wait_until(lambda: self.runs() == 0, "the end of the script's processes")
        wait_until(lambda: not self.instance.run_directories(), "the cleanup")

    def test_it_is_found_and_followed(self):
        self.start()
        payload_id = self.in_doubt("echo start >> /root/ledger; sleep 1; echo done")
        self.instance.relay.heal()
        payload = self.stack.wait(payload_id)
        self.assertEqual((payload.status, payload.output), (pb.PAYLOAD_STATUS_COMPLETED, "done\n"))
        self.assertEqual(self.instance.ledger(), ["start"])

    def test_cancel_asks_the_instance_first(self):
        self.start()
        payload_id = self.in_doubt()
        self.assertEqual(self.cancel(payload_id).status, pb.PAYLOAD_STATUS_PENDING)
        self.assertEqual(self.runs(), 1)
        self.instance.relay.heal()
        self.assert_cancelled_while_it_ran(payload_id)

    def test_cancel_after_the_worker_died(self):
        self.start(workers=2)
        self.instance.hold("started")
        payload_id = self.stack.deploy(SCRIPT).payload_ids[0]
        wait_until(lambda: self.instance.hit("started") and self.instance.ledger(), "the start")
        for worker in self.stack.workers:
            worker.kill()
        self.instance.release("started")
        self.cancel(payload_id)
        task_id = self.stack.get(payload_id).task_id
        wait_until(lambda: self.stack.task(task_id).status == task_pb.TASK_STATUS_PENDING, "the lease's end")
        self.assertEqual(self.cancel(payload_id).status, pb.PAYLOAD_STATUS_PENDING)
        for worker in self.stack.workers:
            worker.start()
        self.assert_cancelled_while_it_ran(payload_id)

    def test_cancel_of_one_that_was_not_started(self):
        """Nothing is there: it is cancelled as soon as the instance has said so."""
        self.start()
        self.instance.hold("go")
        payload_id = self.stack.deploy(SCRIPT).payload_ids[0]
        wait_until(lambda: self.instance.hit("go"), "the word to start")
        self.instance.process.kill()  # With everything on it.
        wait_until(lambda: self.stack.task(self.stack.get(payload_id).task_id).error, "the retry")
        self.instance.release("go")
        self.assertEqual(self.cancel(payload_id).status, pb.PAYLOAD_STATUS_PENDING)
        self.instance.process.start()
        payload = self.stack.wait(payload_id, [pb.PAYLOAD_STATUS_CANCELLED])
        self.assertFalse(payload.executed)
        self.assertEqual(self.instance.ledger(), [])

    def test_the_end_of_a_quick_script_comes_before_the_answer(self):
        self.start()
        self.instance.arm("started", "sleep 0.5")
        payload = self.stack.run("echo quick; exit 3")
        self.assertEqual((payload.exit_code, payload.output), (3, "quick\n"), payload)

    def test_another_at_the_same_path_waits(self):
        self.start()
        path = "/root/same.sh"
        payload_id = self.in_doubt("echo start >> /root/ledger; sleep 2; echo end >> /root/ledger", remote_path=path)
        other = self.stack.deploy(QUICK, remote_path=path).payload_ids[0]
        self.instance.relay.heal()
        self.stack.wait(payload_id, [pb.PAYLOAD_STATUS_COMPLETED])
        self.stack.wait(other, [pb.PAYLOAD_STATUS_COMPLETED])
        self.assertEqual(self.instance.ledger(), ["start", "end", "quick"])

    def test_it_keeps_its_place_in_a_rollout(self):
        self.start(instances=2)
        response = None
        self.instance.hold("started")
        response = self.stack.deploy(SCRIPT, rollout={"max_concurrency": 1})
        first, second = response.payload_ids
        wait_until(lambda: self.instance.hit("started") and self.instance.ledger(), "the start")
        self.instance.relay.cut()
        wait_until(lambda: self.stack.task(self.stack.get(first).task_id).attempt >= 3, "some tries")
        self.assertEqual(self.stack.instances[1].ledger(), [])
        self.instance.release("started")
        self.instance.relay.heal()
        self.stack.wait(first, [pb.PAYLOAD_STATUS_EXECUTING])
        self.assertEqual(self.stack.instances[1].ledger(), [])
        self.cancel(first)
        self.stack.wait(second, [pb.PAYLOAD_STATUS_EXECUTING])
        self.cancel(second)

    def test_a_rollout_that_stops_asks_the_instance(self):
        """What turns out to run goes on to its end."""
        self.start(instances=2)
        self.instance.hold("started")
        text = ("echo start >> /root/ledger\nif [ -e /root/fails ]; then until [ -e /root/go ]; do sleep 0.1; done; exit 1; fi\n"
                "sleep 3; echo end >> /root/ledger\n")
        other = self.stack.instances[1]
        with open(other.path("/root/fails"), "w"):
            pass
        first, second = self.stack.deploy(text, rollout={"max_concurrency": 2, "max_errors": 1}).payload_ids
        wait_until(lambda: self.instance.hit("started") and self.instance.ledger(), "the start")
        self.instance.relay.cut()
        wait_until(lambda: self.stack.task(self.stack.get(first).task_id).attempt >= 2, "a retry")
        with open(other.path("/root/go"), "w"):
            pass
        self.assertEqual(self.stack.wait(second).status, pb.PAYLOAD_STATUS_FAILED)
        wait_until(lambda: self.stack.sql("SELECT rollout_state FROM deployments ORDER BY id DESC LIMIT 1") == "STOPPING",
                   "the stop")
        self.instance.release("started")
        self.instance.relay.heal()
        self.assertEqual(self.stack.wait(first).status, pb.PAYLOAD_STATUS_COMPLETED)
        self.assertEqual(self.instance.ledger(), ["start", "end"])

    def test_it_is_not_reached_until_the_delivery_timeout(self):
        self.start()
        payload_id = self.in_doubt()
        self.stack.sql(f"UPDATE tasks SET deliver_by = now() WHERE payload_id = {payload_id}")
        payload = self.stack.wait(payload_id)
        self.assertEqual(payload.failure_reason, pb.FAILURE_REASON_UNREACHABLE, payload)
        self.assertIn("whether it ran is not known", payload.error)
        self.assertEqual(self.stack.sql(f"SELECT count(*) FROM run_cleanups WHERE payload_id = {payload_id}"), "1")

    def test_terminate_stops_what_may_run(self):
        self.start()
        payload_id = self.in_doubt()
        self.stack.instance_stub.TerminateInstance(instance_service.TerminateInstanceRequest(instance_id=self.instance.id))
        self.instance.relay.heal()
        self.stack.wait_instance(self.instance.id, instance_pb.INSTANCE_STATUS_TERMINATED)
        payload = self.stack.wait(payload_id)
        self.assertEqual(payload.failure_reason, pb.FAILURE_REASON_INSTANCE_TERMINATED, payload)
        self.assertTrue(payload.executed)
        wait_until(lambda: self.runs() == 0, "the end of the script's processes")


if __name__ == "__main__":
    unittest.main()
