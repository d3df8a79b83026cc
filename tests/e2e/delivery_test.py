"""Instances that refuse, that lie, that are full or away: every failure_reason that comes from the way to an instance."""

import os
import subprocess
import unittest

from harness.api import instance_service, payload_service, pb, task_pb
from harness.patience import wait_until
from harness.stack import LONG_LEASE, Stack


class Delivery:
    """What the tests below share; each class has a stack with `api_flags`."""

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=1, api_flags=(LONG_LEASE, *cls.api_flags))
        cls.first = cls.stack.instances[0]

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def setUp(self):
        self.addCleanup(self.stack.restore)

    def failed(self, payload_id, reason, mentions=()):
        payload = self.stack.wait(payload_id)
        self.assertEqual(payload.status, pb.PAYLOAD_STATUS_FAILED, payload)
        self.assertEqual(payload.failure_reason, reason, payload)
        for text in mentions:
            self.assertIn(text, payload.error)
        self.assertEqual(self.stack.task(payload.task_id).status, task_pb.TASK_STATUS_FAILED)
        return payload

    def deploy_to(self, instance, text="echo ran >> /root/ledger", **fields):
        return self.stack.deploy(text, instances=[instance], **fields).payload_ids[0]


class DeliveryTest(Delivery, unittest.TestCase):
    api_flags = ()

    def test_host_key_is_learned_then_pinned(self):
        self.assertEqual(self.stack.wait(self.deploy_to(self.first, "echo first")).status, pb.PAYLOAD_STATUS_COMPLETED)
        stored = self.stack.instance_stub.GetInstance(instance_service.GetInstanceRequest(instance_id=self.first.id))
        self.assertEqual(stored.host_key, " ".join(self.first.host_key().split()[:2]))

    def test_another_host_key_fails_and_nothing_is_sent(self):
        instance = self.stack.add_instance("impostor", register=False)
        other = self.first.host_key()
        instance.id = self.stack.register(instance, host_key=other).id
        payload = self.failed(self.deploy_to(instance), pb.FAILURE_REASON_HOST_KEY_MISMATCH, ["host key"])
        self.assertFalse(payload.executed)
        self.assertEqual(self.stack.task(payload.task_id).attempt, 1)
        self.assertEqual(os.listdir(instance.path("/root/")), [])
        # Also when the pinned key is of a kind that the instance does not have.
        key = os.path.join(self.stack.directory, "ecdsa")
        subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", key], check=True)
        with open(key + ".pub") as file:
            kind = self.stack.register(instance, name="other kind", host_key=file.read().strip())
        instance.id = kind.id
        self.failed(self.deploy_to(instance), pb.FAILURE_REASON_HOST_KEY_MISMATCH)

    def test_login_refused(self):
        instance = self.stack.add_instance("locked")
        open(os.path.join(instance.directory, "authorized_keys"), "w").close()
        payload = self.failed(self.deploy_to(instance), pb.FAILURE_REASON_AUTHENTICATION_FAILED, ["root"])
        self.assertEqual(self.stack.task(payload.task_id).attempt, 1)

    def test_remote_path_refused(self):
        os.makedirs(self.first.path("/root/directory.sh"), exist_ok=True)
        os.mkfifo(self.first.path("/root/fifo.sh"))
        self.failed(self.deploy_to(self.first, remote_path="/root/directory.sh"), pb.FAILURE_REASON_REMOTE_PATH_REFUSED,
                    ["is a directory"])
        self.failed(self.deploy_to(self.first, remote_path="/root/fifo.sh"), pb.FAILURE_REASON_REMOTE_PATH_REFUSED)
        self.failed(self.deploy_to(self.first, remote_path="/root/no/such/place.sh"),
                    pb.FAILURE_REASON_REMOTE_PATH_REFUSED, ["does not exist"])

    def test_existing_file_and_symlink_are_replaced(self):
        with open(self.first.path("/root/target"), "w") as file:
            file.write("untouched")
        os.symlink("target", self.first.path("/root/link.sh"))
        payload = self.stack.wait(self.deploy_to(self.first, "echo replaced", remote_path="/root/link.sh"))
        self.assertEqual(payload.output, "replaced\n", payload)
        self.assertFalse(os.path.islink(self.first.path("/root/link.sh")))
        with open(self.first.path("/root/target")) as file:
            self.assertEqual(file.read(), "untouched")
        payload = self.stack.wait(self.deploy_to(self.first, "echo again", remote_path="/root/link.sh"))
        self.assertEqual(payload.output, "again\n", payload)

    def test_odd_remote_path(self):
        path = "/root/it's \"odd\" $(reboot) \u00e9.sh"
        payload = self.stack.wait(self.deploy_to(self.first, "echo odd", remote_path=path))
        self.assertEqual((payload.output, payload.remote_path), ("odd\n", path), payload)

    def test_disk_full_at_upload(self):
        instance = self.stack.add_instance("full", mounts='mount -t tmpfs -o size=1m none /root\n')
        self.failed(self.deploy_to(instance, "#" * 2000000), pb.FAILURE_REASON_TRANSFER_FAILED)
        payload = self.stack.wait(self.deploy_to(instance, "ls -A /root"))
        self.assertNotIn(".longshore", payload.output)

    def test_read_only_disk(self):
        instance = self.stack.add_instance("read-only", mounts='mount -o remount,ro,bind /root\n')
        self.failed(self.deploy_to(instance), pb.FAILURE_REASON_TRANSFER_FAILED)

    def test_disk_full_in_the_run_directory(self):
        instance = self.stack.add_instance("full-state", mounts='mount -t tmpfs -o size=4k,nr_inodes=4 none /var/lib/longshore\n')
        payload = self.failed(self.deploy_to(instance), pb.FAILURE_REASON_INTERNAL, ["/var/lib/longshore"])
        self.assertFalse(payload.executed)
        self.assertEqual(instance.ledger(), [])

    def test_disk_full_while_it_prints(self):
        instance = self.stack.add_instance("filling", mounts='mount -t tmpfs -o size=200k none /var/lib/longshore\n')
        payload = self.stack.wait(self.deploy_to(instance, "head -c 1000000 /dev/zero | tr '\\0' x; exit 9", timeout=20))
        self.assertEqual(payload.failure_reason, pb.FAILURE_REASON_NONZERO_EXIT, payload)
        self.assertEqual(payload.exit_code, 9)
        self.assertGreater(payload.output_bytes, 50000)

    def test_instance_terminated_or_failed_before_delivery(self):
        for status, reason in (("TERMINATED", pb.FAILURE_REASON_INSTANCE_TERMINATED),
                               ("FAILED", pb.FAILURE_REASON_DEPENDENCY_FAILED)):
            instance = self.stack.add_instance(status)
            self.stack.sql(f"UPDATE instances SET status = 'PENDING' WHERE id = {instance.id}")
            payload_id = self.deploy_to(instance)
            task_id = self.stack.get(payload_id).task_id
            wait_until(lambda: "PENDING" in self.stack.task(task_id).error, "the reschedule")
            self.stack.sql(f"UPDATE instances SET status = '{status}' WHERE id = {instance.id}")
            self.stack.sql(f"UPDATE tasks SET run_at = now() WHERE id = {task_id}")
            self.deploy_to(self.first, "echo wakes the executor")
            self.failed(payload_id, reason)

    def test_a_user_other_than_root(self):
        user = "longshore-test"
        home = f"/home/{user}"
        subprocess.run(["useradd", "--create-home", "--home-dir", home, "--shell", "/bin/bash", user], check=False)
        self.addCleanup(subprocess.run, ["userdel", "--remove", user], check=False, capture_output=True)
        subprocess.run(["usermod", "-p", "*", user], check=True)  # Not locked.
        instance = self.stack.add_instance("user", ssh_user=user)
        payload = self.stack.wait(self.deploy_to(instance, "id -un; pwd; stat -c '%a %U' \"$0\""))
        self.assertEqual(payload.output, f"{user}\n{home}\n700 {user}\n", payload)
        self.assertTrue(payload.remote_path.startswith(home + "/"))
        wait_until(lambda: os.listdir(f"{home}/.local/state/longshore/runs") == [], "the cleanup")


class DeliveryTimeoutTest(Delivery, unittest.TestCase):
    """What is not delivered in its time. Whatever is to be delivered here has no more of it."""
    api_flags = ("--delivery_timeout=4",)

    def test_nobody_there_until_the_delivery_timeout(self):
        instance = self.stack.add_instance("away")
        instance.process.kill()
        payload = self.failed(self.deploy_to(instance), pb.FAILURE_REASON_DELIVERY_TIMEOUT, ["4 s", "SSH key exchange"])
        self.assertFalse(payload.executed)
        self.assertGreater(self.stack.task(payload.task_id).attempt, 1)

    def test_contact_lost_for_good_after_the_start(self):
        instance = self.stack.add_instance("vanishing")
        payload_id = self.deploy_to(instance, "echo begun; sleep 2222")
        self.give_time(payload_id)
        self.stack.wait_output(payload_id, "begun")
        instance.process.kill()
        # The script's own time and four seconds later, that is.
        self.stack.sql(f"UPDATE tasks SET deliver_by = now() WHERE payload_id = {payload_id}")
        payload = self.failed(payload_id, pb.FAILURE_REASON_UNREACHABLE)
        self.assertTrue(payload.executed)
        self.assertEqual(payload.output, "begun\n")

    def test_address_that_does_not_resolve(self):
        instance = self.stack.register(self.first, name="nowhere", address="does-not-exist.invalid")
        response = self.stack.payloads.DeployPayload(
            payload_service.DeployPayloadRequest(instance_ids=[instance.id], payload_content=b"x"))
        self.failed(response.payload_ids[0], pb.FAILURE_REASON_DELIVERY_TIMEOUT, ["does-not-exist.invalid"])

    def test_instance_not_ready_then_ready(self):
        instance = self.stack.add_instance("slow")
        self.stack.sql(f"UPDATE instances SET status = 'PROVISIONING' WHERE id = {instance.id}")
        payload_id = self.deploy_to(instance)
        task_id = self.stack.get(payload_id).task_id
        wait_until(lambda: "PROVISIONING" in self.stack.task(task_id).error, "the reschedule")
        self.assertEqual(self.stack.task(task_id).status, task_pb.TASK_STATUS_PENDING)
        self.failed(payload_id, pb.FAILURE_REASON_DELIVERY_TIMEOUT, ["PROVISIONING"])
        self.stack.sql(f"UPDATE instances SET status = 'READY' WHERE id = {instance.id}")
        payload_id = self.deploy_to(instance)
        self.give_time(payload_id)
        self.assertEqual(self.stack.wait(payload_id).status, pb.PAYLOAD_STATUS_COMPLETED)

    def give_time(self, payload_id):
        """Has its delivery not end after the four seconds of this class."""
        self.stack.sql(f"UPDATE tasks SET deliver_by = now() + interval '1 hour' WHERE payload_id = {payload_id}")

    def test_failed_transfer_fails_the_execution_that_waits(self):
        instance = self.stack.add_instance("dependent")
        instance.relay.cut()
        response = self.stack.deploy("echo x", instances=[instance], execute=False)
        execute = self.stack.payloads.ExecutePayload(
            payload_service.ExecutePayloadRequest(payload_ids=response.payload_ids))
        payload = self.stack.wait(response.payload_ids[0])
        self.assertEqual(payload.failure_reason, pb.FAILURE_REASON_DELIVERY_TIMEOUT)
        task = self.stack.task(execute.task_ids[0])
        self.assertEqual(task.status, task_pb.TASK_STATUS_FAILED)
        self.assertIn(str(response.task_ids[0]), task.error)


if __name__ == "__main__":
    unittest.main()
