"""Leases that are renewed together, when their holder dies, falls silent, is stopped past them, or moves to another api_server:
docs/guarantees.md rows 1, 2, 4 and 11."""

import signal
import unittest

from harness.api import payload_service, pb
from harness.held import HELD, hold, let_go
from harness.patience import wait_until
from harness.stack import Stack

SCRIPT = f"echo started >> /root/ledger\n{HELD}\necho done\n"
SCRIPTS = 12
GROUPED = "lease_until > now() + interval '1 year'"


class LeaseGroupTest(unittest.TestCase):

    def setUp(self):
        self.stack = Stack(instances=3, api_servers=2, workers=2)
        self.addCleanup(self.stack.close)
        for instance in self.stack.instances:
            hold(instance)
        self.ids = [payload_id for i in range(SCRIPTS // 3)
                    for payload_id in self.stack.deploy(SCRIPT, remote_path=f"/root/{i}.sh").payload_ids]
        for payload_id in self.ids:
            self.stack.wait(payload_id, [pb.PAYLOAD_STATUS_EXECUTING])
        wait_until(lambda: self.count(GROUPED) == SCRIPTS, "all leases to be of groups")

    def count(self, condition):
        return int(self.stack.sql(f"SELECT count(*) FROM tasks WHERE status = 'RUNNING' AND {condition}"))

    def assert_each_ran_once(self):
        for instance in self.stack.instances:
            let_go(instance)
        for payload_id in self.ids:
            payload = self.stack.wait(payload_id)
            self.assertEqual((payload.status, payload.output), (pb.PAYLOAD_STATUS_COMPLETED, "done\n"), payload)
        for instance in self.stack.instances:
            self.assertEqual(instance.ledger(), ["started"] * (SCRIPTS // 3))

    def test_the_holder_dies(self):
        self.stack.workers[0].kill()
        wait_until(lambda: self.count("worker = 'worker-1'") == SCRIPTS, "the other to take over")
        wait_until(lambda: self.count(GROUPED) == SCRIPTS, "their leases to be of its groups")
        self.assert_each_ran_once()

    def test_the_holder_is_stopped_past_its_leases(self):
        self.stack.workers[0].signal(signal.SIGSTOP)
        wait_until(lambda: self.count("worker = 'worker-1'") == SCRIPTS, "the other to take over")
        self.stack.workers[0].signal(signal.SIGCONT)
        wait_until(lambda: "is lost" in self.stack.workers[0].read_log(), "it to notice")
        self.assertEqual(self.count("worker = 'worker-1'"), SCRIPTS)
        self.assert_each_ran_once()

    def test_its_api_server_dies(self):
        """The holder keeps them, over the other one, without a renewal one by one."""
        tasks = "SELECT string_agg(concat_ws(' ', id, worker, lease_epoch, lease_group), ',' ORDER BY id) FROM tasks"
        held = self.stack.sql(tasks)
        self.stack.api_servers[0].kill()
        before = self.stack.sql("SELECT now()")
        self.stack.use(1)
        wait_until(lambda: self.stack.sql(
            "SELECT count(*) FROM lease_groups WHERE id IN (SELECT lease_group FROM tasks)"
            f" AND lease_until - interval '4 s' < timestamptz '{before}'") == "0", "a renewal of each")
        self.assertEqual(self.stack.sql(tasks), held)
        self.assert_each_ran_once()

    def test_they_are_not_heard_of(self):
        """Between the worker and the api_servers everything is swallowed; another worker takes its scripts over."""
        for relay in self.stack.links[0]:
            relay.silence()
        wait_until(lambda: self.count("worker = 'worker-1'") == SCRIPTS, "the other to take over")
        for relay in self.stack.links[0]:
            relay.heal()
        self.assert_each_ran_once()

    def test_one_of_them_is_cancelled(self):
        cancelled = self.ids.pop()
        self.stack.payloads.CancelPayload(payload_service.CancelPayloadRequest(payload_id=cancelled))
        self.assertEqual(self.stack.wait(cancelled).status, pb.PAYLOAD_STATUS_CANCELLED)
        wait_until(lambda: self.count(GROUPED) == SCRIPTS - 1, "the others to stay")
        self.assert_each_ran_once()


if __name__ == "__main__":
    unittest.main()
