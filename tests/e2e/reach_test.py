"""How instances are reached: by IPv6, and as root by way of sudo."""

import os
import subprocess
import unittest

import grpc

from harness import login_user
from harness.api import instance_service, payload_service, pb
from harness.errors import expect_error
from harness.patience import wait_until
from harness.programs import LONGSHORE
from harness.reached import Reached
from harness.stack import Stack


class Reach(Reached):

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=0)
        cls.addClassCleanup(cls.stack.close)

    def longshore(self, *words):
        run = subprocess.run([LONGSHORE, *words], env=self.stack.environment_of_cli(), capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        return run.stdout + run.stderr


class Ipv6Test(Reach, unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.instance = cls.stack.add_instance("six", register=False)
        cls.instance.configure_sshd("ListenAddress ::1\n")
        cls.instance.id = cls.stack.register(cls.instance, address="::1", port=cls.instance.process.port).id

    def test_a_payload(self):
        payload = self.completed(self.instance, "echo here; echo ran >> /root/ledger")
        self.assertEqual((payload.output, self.instance.ledger()), ("here\n", ["ran"]))
        wait_until(lambda: self.instance.run_directories() == [], "its run directory to go")
        self.assertEqual(self.stack.instance(self.instance.id).host_key, self.instance.host_key())
        self.assertIn(f"[::1]:{self.instance.process.port}", self.longshore("instances", "list"))

    def test_what_is_left_there(self):
        self.completed(self.instance)
        wait_until(lambda: self.instance.run_directories() == [], "its run directory to go")
        self.assert_nothing_left()

    def test_provisioning(self):
        self.provisioned(address="0:0::1", port=self.instance.process.port, host_key=self.instance.host_key())

    def test_brackets_are_no_part_of_an_address(self):
        request = instance_service.RegisterInstanceRequest(name="x", address="[::1]")
        expect_error(self, lambda: self.stack.instance_stub.RegisterInstance(request), grpc.StatusCode.INVALID_ARGUMENT,
                     "INVALID_FIELD", ["without brackets"])


class BecomeTest(Reach, unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.instance = cls.deployable("become", login_user.RULE)
        cls.addClassCleanup(cls.stack.restore)

    @classmethod
    def deployable(cls, name, rule, mounts=""):
        instance = cls.stack.add_instance(name, mounts=login_user.MOUNTS + mounts, ssh_user=login_user.NAME, become=True)
        login_user.allow(instance, rule)
        return instance

    def cleaned(self, instance):
        wait_until(lambda: self.stack.sql(f"SELECT count(*) FROM run_cleanups WHERE instance_id = {instance.id}") == "0",
                   "its run directories to go, and that to be known")

    def test_a_payload_is_roots(self):
        payload = self.completed(self.instance, 'id -un; pwd; echo "$HOME $0 ${SUDO_COMMAND-none} $SUDO_USER"; umask\n'
                                 'stat -c "%U %a" "$0" /var/lib/longshore/runs /var/lib/longshore/runs/*/output')
        self.assertTrue(payload.remote_path.startswith("/root/"), payload.remote_path)
        self.assertEqual(payload.output.splitlines(), ["root", "/root", f"/root {payload.remote_path} none deploy", "0022",
                                                       "root 700", "root 700", "root 600"])
        wait_until(lambda: self.instance.run_directories() == [], "its run directory to go")
        self.assertEqual((self.instance.uploads(), os.listdir(login_user.home(self.instance))), ([], []))
        self.assert_nothing_left()

    def test_sent_and_executed_later(self):
        text = "echo later >> /root/later"
        payload_id = self.stack.deploy(text, [self.instance], execute=False, remote_path="/root/later.sh").payload_ids[0]
        self.stack.wait(payload_id, [pb.PAYLOAD_STATUS_TRANSFERRED])
        self.assertEqual(self.instance.ledger("later"), [])
        self.stack.payloads.ExecutePayload(payload_service.ExecutePayloadRequest(payload_ids=[payload_id]))
        self.stack.wait(payload_id, [pb.PAYLOAD_STATUS_COMPLETED])
        self.assertEqual(self.instance.ledger("later"), ["later"])

    def test_a_place_that_the_login_user_may_write_in(self):
        payload_id = self.stack.deploy('echo "$0"', [self.instance], remote_path="/home/deploy/x.sh").payload_ids[0]
        payload = self.stack.wait(payload_id)
        self.assertRegex(payload.output, "^/var/lib/longshore/runs/[0-9a-f]*/script\n$", payload)
        self.assertEqual(os.stat(os.path.join(login_user.home(self.instance), "x.sh")).st_uid, 0)

    def test_it_goes_on_without_its_worker(self):
        payload_id = self.stack.deploy("echo begun; echo ran >> /root/once; while [ ! -e /root/end ]; do sleep 0.05; done; "
                                       "echo ended", [self.instance]).payload_ids[0]
        self.stack.wait_output(payload_id, "begun")
        self.stack.workers[0].kill()
        with open(self.instance.path("/root/end"), "w"):
            pass
        self.stack.workers[0].start()
        payload = self.stack.wait(payload_id, [pb.PAYLOAD_STATUS_COMPLETED])
        self.assertEqual((payload.output, self.instance.ledger("once")), ("begun\nended\n", ["ran"]))

    def test_where_one_channel_is_allowed(self):
        instance = self.deployable("one-channel", login_user.RULE)
        instance.configure_sshd("MaxSessions 1\n")
        for _ in range(2):
            self.assertEqual(self.completed(instance, "id -un").output, "root\n")

    def test_cancelled(self):
        payload_id = self.stack.deploy("trap 'echo term; exit 1' TERM; echo begun; while :; do sleep 0.05; done",
                                       [self.instance]).payload_ids[0]
        self.stack.wait_output(payload_id, "begun")
        self.stack.payloads.CancelPayload(payload_service.CancelPayloadRequest(payload_id=payload_id))
        self.assertTrue(self.stack.wait(payload_id, [pb.PAYLOAD_STATUS_CANCELLED]).output.endswith("term\n"))

    def refused(self, instance):
        for fields in ({}, {"remote_path": "/root/there.sh"}):
            payload = self.stack.wait(self.stack.deploy("echo ran >> /root/ledger", [instance], **fields).payload_ids[0])
            self.assertEqual(payload.failure_reason, pb.FAILURE_REASON_AUTHENTICATION_FAILED, payload)
            self.assertFalse(payload.executed)
            self.assertIn("'deploy' may not become root by sudo without a password: ", payload.error)
            self.assertEqual(self.stack.task(payload.task_id).attempt, 1, self.stack.workers[0].tail())
        self.assertEqual((instance.ledger(), os.listdir(instance.path("/root/"))), ([], []))

    def test_sudo_refuses(self):
        instance = self.deployable("refused", "")
        for rule in ("", "deploy ALL=(root) /bin/bash", "deploy ALL=(root) NOPASSWD: /bin/true",
                     login_user.RULE + "\nDefaults requiretty", login_user.RULE + "\ndeploy ALL=(root) /bin/bash"):
            with self.subTest(rule=rule):
                login_user.allow(instance, rule)
                self.refused(instance)
        login_user.allow(instance, login_user.RULE)
        self.completed(instance)

    def test_there_is_no_sudo(self):
        self.refused(self.deployable("without", login_user.RULE, 'mount --bind /dev/null "$(command -v sudo)"\n'))

    def test_it_is_refused_when_the_run_begins(self):
        # The upload goes by the connection of an earlier one; then sudo lets nobody in any more.
        instance = self.deployable("withdrawn", login_user.RULE)
        self.completed(instance)
        login_user.allow(instance, "")
        payload = self.stack.wait(self.stack.deploy("echo ran >> /root/twice", [instance]).payload_ids[0])
        self.assertEqual(payload.failure_reason, pb.FAILURE_REASON_AUTHENTICATION_FAILED, payload)
        self.assertEqual(instance.ledger("twice"), [])

    def test_as_whom_cannot_change_under_a_run(self):
        instance = self.deployable("changing", login_user.RULE)

        def become(value):
            return lambda: self.stack.instance_stub.UpdateInstance(instance_service.UpdateInstanceRequest(
                instance_id=instance.id, become=value, update_mask={"paths": ["become"]}))

        payload_id = self.stack.deploy("echo begun; while [ ! -e /root/end ]; do sleep 0.05; done", [instance]).payload_ids[0]
        self.stack.wait_output(payload_id, "begun")
        become(True)()
        expect_error(self, become(False), grpc.StatusCode.FAILED_PRECONDITION, "WRONG_STATE", ["become"])
        with open(instance.path("/root/end"), "w"):
            pass
        self.stack.wait(payload_id, [pb.PAYLOAD_STATUS_COMPLETED])
        self.cleaned(instance)
        become(False)()
        payload = self.completed(instance, "id -un")
        self.assertEqual((payload.output, payload.remote_path[:13]), ("deploy\n", "/home/deploy/"))

    def test_what_another_worker_left(self):
        payload = self.completed(self.instance)
        self.cleaned(self.instance)
        os.makedirs(self.stack.run_directory(self.instance, payload.id))
        status, said = self.verify_instances()
        self.assertIn("nothing is left on an instance", said)
        self.assertEqual(status, 1, said)
        self.stack.sql("INSERT INTO run_cleanups (payload_id, attempt, instance_id, run_id, run_at) "
                       f"SELECT id, attempt, instance_id, run_id, now() FROM payloads WHERE id = {payload.id}")
        wait_until(lambda: self.instance.run_directories() == [], "a worker to come for it")


if __name__ == "__main__":
    unittest.main()
