"""How instances are reached: by IPv6."""

import subprocess
import unittest

import grpc

from harness.api import instance_pb, instance_service, pb
from harness.errors import expect_error
from harness.patience import wait_until
from harness.programs import LONGSHORE
from harness.provisioning import LONG
from harness.stack import Stack


class Reach:

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=0)
        cls.addClassCleanup(cls.stack.close)

    def longshore(self, *words):
        run = subprocess.run([LONGSHORE, *words], env=self.stack.environment_of_cli(), capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        return run.stdout + run.stderr

    def completed(self, instance, text="echo here; echo ran >> ~/ledger"):
        payload = self.stack.wait(self.stack.deploy(text, [instance]).payload_ids[0])
        self.assertEqual(payload.status, pb.PAYLOAD_STATUS_COMPLETED, payload.error)
        return payload

    def verify_instances(self):
        """That nothing is left on any of them, and none is out of reach."""
        said = self.longshore("verify", "--database", self.stack.database_url, "--instances", "--ssh-key", self.stack.key)
        self.assertRegex(said, r"[1-9]\d* instances")


class Ipv6Test(Reach, unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.instance = cls.stack.add_instance("six", register=False)
        cls.instance.configure_sshd("ListenAddress ::1\n")
        cls.instance.id = cls.stack.register(cls.instance, address="::1", port=cls.instance.process.port).id

    def test_a_payload(self):
        self.assertEqual(self.completed(self.instance).output, "here\n")
        self.assertIn("ran", self.instance.ledger())
        wait_until(lambda: self.instance.run_directories() == [], "its run directory to go")
        self.assertEqual(self.stack.instance(self.instance.id).host_key, self.instance.host_key())
        self.assertIn(f"[::1]:{self.instance.process.port}", self.longshore("instances", "list"))

    def test_what_is_left_there(self):
        self.completed(self.instance)
        wait_until(lambda: self.instance.run_directories() == [], "its run directory to go")
        self.verify_instances()

    def test_provisioning(self):
        self.stack.workers[0].kill()
        self.addCleanup(self.stack.workers[0].restart)
        made = self.stack.instance_stub.CreateInstance(instance_service.CreateInstanceRequest(
            name="made", provider="local", provision=True)).instances[0]
        self.stack.wait_instance(made.id, instance_pb.INSTANCE_STATUS_CREATED)
        # As if its provider had told this address.
        self.stack.instance_stub.UpdateInstance(instance_service.UpdateInstanceRequest(
            instance_id=made.id, address="0:0::1", port=self.instance.process.port, host_key=self.instance.host_key()))
        self.stack.workers[0].start()
        self.stack.wait_instance(made.id, instance_pb.INSTANCE_STATUS_READY, LONG)

    def test_brackets_are_no_part_of_an_address(self):
        request = instance_service.RegisterInstanceRequest(name="x", address="[::1]")
        expect_error(self, lambda: self.stack.instance_stub.RegisterInstance(request), grpc.StatusCode.INVALID_ARGUMENT,
                     "INVALID_FIELD", ["without brackets"])


if __name__ == "__main__":
    unittest.main()
