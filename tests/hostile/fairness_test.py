"""What is much, or does not answer, delays nobody else's work: instances that take connections and say nothing, a deployment of
many, a project of many deployments.
"""

import time
import unittest

from harness.api import instance_service, payload_service, pb
from harness.patience import wait_until
from harness.stack import Stack
from hostile.liar import SilentListener
from hostile.stack import HostileStack

SILENT = 300
# Payloads of a crowd, on as many registrations of a few hosts.
CROWD = 200


class FairnessTest(unittest.TestCase):

    def test_three_hundred_silent_instances(self):
        stack = HostileStack(worker_flags=["--max_connecting=64"])
        self.addCleanup(stack.close)
        listener = SilentListener()
        self.addCleanup(listener.close)
        ids = [stack.instance_stub.RegisterInstance(instance_service.RegisterInstanceRequest(
            name=f"silent-{n}", address="127.0.0.1", port=listener.port)).id for n in range(SILENT)]
        silent = stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(
            instance_ids=ids, payload_path=stack.script("true"), execute_payload=True))
        wait_until(lambda: listener.opened > 0, "the first connection to a silent instance")
        begun = time.monotonic()
        stack.run_honest()
        # Nobody had to give up for that; so it did not wait for any of them.
        given_up = listener.closed
        print(f"{time.monotonic() - begun:.2f} s beside {listener.opened} silent connections", flush=True)
        self.assertEqual(given_up, 0)
        stack.check_unharmed(self)
        stack.check_nothing_refused(self)
        self.assertEqual(len(silent.payload_ids), SILENT)

    def start_crowd(self, project="default", deployments=1):
        """Much more than the one worker's few places can take soon."""
        stack = self.stack = Stack(instances=4, worker_flags=["--max_connecting=2"])
        self.addCleanup(stack.close)
        ids = [stack.register(stack.instances[n % 4], name=f"{project}-{n}", project=project).id for n in range(CROWD)]
        self.crowd = []
        for n in range(deployments):
            self.crowd += stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(
                instance_ids=ids[n::deployments], payload_content=b"sleep 0.2\n", execute_payload=True)).payload_ids
        wait_until(lambda: self.ended() > 0, "the first of the crowd to end")

    def ended(self):
        ids = ",".join(map(str, self.crowd))
        return int(self.stack.sql(f"SELECT count(*) FROM payloads WHERE status = 'COMPLETED' AND id IN ({ids})"))

    def check_one_comes_through(self, instance):
        before = self.ended()
        payload = self.stack.wait(self.stack.deploy("echo one", instances=[instance]).payload_ids[0])
        self.assertEqual((payload.status, payload.output), (pb.PAYLOAD_STATUS_COMPLETED, "one\n"), payload)
        # By turns it comes after a few of them; in the order of their times it would be the last.
        self.assertLess(self.ended() - before, (CROWD - before) / 2)

    def test_a_deployment_of_many_does_not_delay_one_of_one(self):
        self.start_crowd()
        self.check_one_comes_through(self.stack.instances[0])

    def test_a_project_of_many_deployments_does_not_delay_another_project(self):
        self.start_crowd(project="crowd", deployments=20)
        self.check_one_comes_through(self.stack.instances[0])


if __name__ == "__main__":
    unittest.main()
