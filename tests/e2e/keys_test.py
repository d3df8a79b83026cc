"""The worker's keys by project, whose tasks it takes, and whom it dials."""

import os
import shutil
import subprocess
import unittest

from harness.api import instance_pb, instance_service, pb
from harness.patience import wait_until
from harness.stack import Stack


class KeysTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=0, workers=0)
        cls.addClassCleanup(cls.stack.close)
        cls.keys = os.path.join(cls.stack.directory, "keys")
        os.mkdir(cls.keys)
        for project in ("shop", "blog"):
            cls.make(os.path.join(cls.keys, project))

    @staticmethod
    def make(path):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)

    def worker(self, *flags):
        """A further one, gone at the end of the test."""
        self.stack.add_worker(flags)
        self.addCleanup(self.stack.workers[-1].kill)
        return self.stack.workers[-1]

    def instance(self, project, key=None, **fields):
        """Lets in the project's own key, or another one."""
        made = self.stack.add_instance(f"{project}-{len(self.stack.closers)}", project=project, **fields)
        shutil.copy((key or os.path.join(self.keys, project)) + ".pub", os.path.join(made.directory, "authorized_keys"))
        return made

    def run_on(self, instance, **fields):
        return self.stack.deploy("echo here", [instance], **fields).payload_ids[0]

    def test_each_project_by_its_own_key(self):
        self.worker(f"--ssh_keys_dir={self.keys}", "--ssh_private_key=")
        for project in ("shop", "blog"):
            payload = self.stack.wait(self.run_on(self.instance(project)))
            self.assertEqual((payload.status, payload.output), (pb.PAYLOAD_STATUS_COMPLETED, "here\n"), payload.error)
        crossed = self.stack.wait(self.run_on(self.instance("shop", os.path.join(self.keys, "blog"))))
        self.assertEqual(crossed.failure_reason, pb.FAILURE_REASON_AUTHENTICATION_FAILED)
        # Without a key it waits for one; a file that comes while the worker runs is taken.
        late = self.instance("late", os.path.join(self.keys, "shop"))
        payload_id = self.run_on(late)
        wait_until(lambda: "there is no SSH key for the project 'late'" in self.stack.task(
            self.stack.get(payload_id).task_id).error, "the complaint")
        for ending in ("", ".pub"):
            shutil.copy(os.path.join(self.keys, "shop" + ending), os.path.join(self.keys, "late" + ending))
        self.assertEqual(self.stack.wait(payload_id).status, pb.PAYLOAD_STATUS_COMPLETED)

    def test_a_certificate(self):
        authority, key = os.path.join(self.stack.directory, "user_ca"), os.path.join(self.keys, "certified")
        self.make(authority)
        self.make(key)
        self.worker(f"--ssh_keys_dir={self.keys}", "--ssh_private_key=")
        instance = self.instance("certified", authority)
        with open(os.path.join(instance.directory, "authorized_keys")) as file:
            trusted = "cert-authority " + file.read()
        with open(os.path.join(instance.directory, "authorized_keys"), "w") as file:
            file.write(trusted)
        self.assertEqual(self.stack.wait(self.run_on(instance)).failure_reason, pb.FAILURE_REASON_AUTHENTICATION_FAILED)
        subprocess.run(["ssh-keygen", "-q", "-s", authority, "-I", "longshore", "-n", "root", key + ".pub"], check=True)
        payload = self.stack.wait(self.run_on(instance))
        self.assertEqual(payload.status, pb.PAYLOAD_STATUS_COMPLETED, payload.error)

    def test_a_worker_takes_the_tasks_of_its_projects(self):
        shop, blog = self.instance("shop"), self.instance("blog")
        ours = self.worker(f"--ssh_keys_dir={self.keys}", "--ssh_private_key=", "--projects=shop,other")
        waiting, done = self.run_on(blog), self.run_on(shop)
        self.assertEqual(self.stack.wait(done).status, pb.PAYLOAD_STATUS_COMPLETED)
        self.assertEqual(self.stack.task(self.stack.get(done).task_id).worker, ours.name)
        created = self.stack.instance_stub.CreateInstance(instance_service.CreateInstanceRequest(
            name="made", project="blog", provider="local", provision=True)).instances[0]
        self.stack.wait_instance(created.id, instance_pb.INSTANCE_STATUS_CREATED)  # Nobody provisions it.
        self.assertEqual((self.stack.get(waiting).status, self.stack.get(waiting).attempt), (pb.PAYLOAD_STATUS_PENDING, 1))
        theirs = self.worker(f"--ssh_keys_dir={self.keys}", "--projects=blog")
        self.assertEqual(self.stack.wait(waiting).status, pb.PAYLOAD_STATUS_COMPLETED)
        self.assertEqual(self.stack.task(self.stack.get(waiting).task_id).worker, theirs.name)
        cleanups = f"SELECT count(*) FROM run_cleanups WHERE instance_id IN ({shop.id}, {blog.id})"
        wait_until(lambda: self.stack.sql(cleanups) == "0", "the cleanups")
        self.stack.instance_stub.TerminateInstance(instance_service.TerminateInstanceRequest(instance_id=created.id))

    def test_addresses_that_may_be_dialled(self):
        self.worker(f"--ssh_keys_dir={self.keys}", "--ssh_private_key=", "--allowed_addresses=192.0.2.0/24,::1")
        payload_id = self.run_on(self.instance("shop"))
        wait_until(lambda: "is not in the networks that this worker may dial" in self.stack.task(
            self.stack.get(payload_id).task_id).error, "the complaint")
        self.worker(f"--ssh_keys_dir={self.keys}", "--ssh_private_key=", "--allowed_addresses=127.0.0.0/8")
        self.assertEqual(self.stack.wait(payload_id).status, pb.PAYLOAD_STATUS_COMPLETED)

    def test_host_keys_that_are_known(self):
        self.worker(f"--ssh_keys_dir={self.keys}", "--ssh_private_key=", "--require_host_key")
        unknown = self.instance("shop")
        payload = self.stack.wait(self.run_on(unknown))
        self.assertEqual(payload.failure_reason, pb.FAILURE_REASON_HOST_KEY_MISMATCH)
        self.assertIn("--require_host_key", payload.error)
        with open(os.path.join(unknown.directory, "host_key.pub")) as file:
            self.stack.instance_stub.UpdateInstance(instance_service.UpdateInstanceRequest(
                instance_id=unknown.id, host_key=file.read().strip()))
        self.assertEqual(self.stack.wait(self.run_on(unknown)).status, pb.PAYLOAD_STATUS_COMPLETED)


if __name__ == "__main__":
    unittest.main()
