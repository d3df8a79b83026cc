"""What the tests of ways to instances share."""

import subprocess

from harness.api import instance_pb, instance_service, pb
from harness.programs import LONGSHORE
from harness.provisioning import LONG


class Reached:
    """`stack` is theirs; it has one worker."""

    def completed(self, instance, text="echo here"):
        payload = self.stack.wait(self.stack.deploy(text, [instance]).payload_ids[0])
        self.assertEqual(payload.status, pb.PAYLOAD_STATUS_COMPLETED, payload.error)
        return payload

    def provisioned(self, ssh_user="root", **way):
        """An instance that is set up over the fields `way` of an UpdateInstance, as if its provider had told them."""
        self.stack.workers[0].kill()
        self.addCleanup(self.stack.workers[0].restart)
        made = self.stack.instance_stub.CreateInstance(instance_service.CreateInstanceRequest(
            name="made", provider="local", provision=True)).instances[0]
        self.stack.wait_instance(made.id, instance_pb.INSTANCE_STATUS_CREATED)
        self.stack.instance_stub.UpdateInstance(instance_service.UpdateInstanceRequest(instance_id=made.id, **way))
        self.stack.sql(f"UPDATE instances SET ssh_user = '{ssh_user}' WHERE id = {made.id}")
        self.stack.workers[0].start()
        return self.stack.wait_instance(made.id, instance_pb.INSTANCE_STATUS_READY, LONG)

    def verify_instances(self):
        """Looks for what is left on any of them; returns the exit status and what was said."""
        run = subprocess.run([LONGSHORE, "verify", "--database", self.stack.database_url, "--instances", "--ssh-key",
                              self.stack.key], capture_output=True, text=True)
        return run.returncode, run.stdout + run.stderr

    def assert_nothing_left(self):
        """Nothing is left on any of them, and none is out of reach."""
        status, said = self.verify_instances()
        self.assertEqual(status, 0, said)
        self.assertRegex(said, r"[1-9]\d* instances")
