"""Instances from nothing to a payload that has run: CreateInstance with provision, by real ansible-playbook."""

import os
import stat
import unittest

import grpc

from harness.api import instance_pb, instance_service, payload_service, pb, task_pb
from harness.errors import expect_error
from harness.patience import wait_until
from harness.provisioning import LONG, PAYLOAD, PROVISIONING, READY, Provisioning
from harness.stack import Stack


class ProvisionTest(Provisioning, unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=0, api_servers=2, workers=2)

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def setUp(self):
        self.addCleanup(self.stack.restore)

    def test_copy_only(self):
        path = self.stack.script("echo copied", name="setup")
        answer = self.create(name="copy", payload_path=path)
        accepted = answer.instances[0]
        self.assertEqual((accepted.status, accepted.payload_status),
                         (instance_pb.INSTANCE_STATUS_PENDING, PAYLOAD.INSTANCE_PAYLOAD_STATUS_PENDING_COPY))
        with open(path, "w") as file:
            file.write("echo changed after it was accepted")
        payload = self.payload_of(accepted.id)
        provision = self.provision_task(accepted.id)
        self.assertEqual(provision.depends_on, answer.task_ids[0])
        self.assertEqual(self.stack.task(payload.task_id).depends_on, provision.id)
        self.assertEqual((payload.status, payload.remote_path), (pb.PAYLOAD_STATUS_PENDING, "/root/setup.sh"))
        made = self.ready(accepted.id)
        payload = self.stack.wait(payload.id, (pb.PAYLOAD_STATUS_TRANSFERRED,))
        copied = self.inside(made, "/root/setup.sh")
        self.assertEqual(stat.S_IMODE(os.stat(copied).st_mode), 0o700)
        with open(copied) as file:
            self.assertEqual(file.read(), "echo copied")
        self.assertEqual(self.stack.instance(made.id).payload_status, PAYLOAD.INSTANCE_PAYLOAD_STATUS_COPIED)
        task = self.provision_task(made.id)
        self.assertEqual(task.status, task_pb.TASK_STATUS_COMPLETED)
        self.assertTrue(task.worker.startswith("worker-"))
        self.assertRegex(self.log(task.id),
                         r"worker-\d: ansible-playbook for 1 instances\nok: Wait until SSH answers\n(.*\n)*ready")
        # The rest is an ordinary payload.
        self.stack.payloads.ExecutePayload(payload_service.ExecutePayloadRequest(payload_ids=[payload.id]))
        self.assertEqual(self.stack.wait(payload.id).output, "copied\n")
        self.assertEqual(self.stack.instance(made.id).payload_status, PAYLOAD.INSTANCE_PAYLOAD_STATUS_EXECUTED)

    def test_ten_at_once_that_run(self):
        path = self.stack.script("echo $HOME; whoami; [ \"$0\" = /root/ten.sh ] && echo named", name="ten.sh")
        answer = self.create(name="ten {{ 7 * 7 }} '\"$(touch /tmp/pwned)", tags=["{% raw %}", "--limit", "a b"],
                             number_of_instances=10, payload_path=path, execute_payload=True, timeout=30)
        for instance in answer.instances:
            made = self.ready(instance.id)
            self.assertIn("{{ 7 * 7 }}", made.name)
            payload = self.stack.wait(self.payload_of(instance.id).id, patience=LONG)
            self.assertEqual((payload.status, payload.output, payload.timeout),
                             (pb.PAYLOAD_STATUS_COMPLETED, "/root\nroot\nnamed\n", 30))
            self.assertEqual(self.stack.instance(instance.id).payload_status, PAYLOAD.INSTANCE_PAYLOAD_STATUS_EXECUTED)
        self.assertFalse(os.path.exists("/tmp/pwned"))
        # The first may be alone: its run begins while the other machines are still being made.
        logs = [self.log(self.provision_task(instance.id).id) for instance in answer.instances]
        self.assertTrue([log for log in logs if "for 1 instances" not in log], "a run for each")

    def test_failed_execution(self):
        path = self.stack.script("echo before; exit 3", name="fails.sh")
        instance_id = self.create(name="exit3", payload_path=path, execute_payload=True).instances[0].id
        self.ready(instance_id)
        payload = self.stack.wait(self.payload_of(instance_id).id, (pb.PAYLOAD_STATUS_FAILED,))
        self.assertEqual((payload.failure_reason, payload.exit_code, payload.output),
                         (pb.FAILURE_REASON_NONZERO_EXIT, 3, "before\n"))
        seen = self.stack.instance(instance_id)
        self.assertEqual((seen.status, seen.payload_status), (READY, PAYLOAD.INSTANCE_PAYLOAD_STATUS_EXECUTION_FAILED))
        self.assertIn("3", seen.payload_error)

    def test_failed_copy(self):
        path = self.stack.script("true", name="blocked.sh")
        instance_id = self.create(name="nocopy", payload_path=path, execute_payload=True).instances[0].id
        made = wait_until(lambda: self.stack.instance(instance_id).address and self.stack.instance(instance_id), "the machine")
        os.makedirs(self.inside(made, "/root/blocked.sh/in_the_way"))
        self.ready(instance_id)
        payload = self.stack.wait(self.payload_of(instance_id).id, (pb.PAYLOAD_STATUS_FAILED,))
        self.assertFalse(payload.executed)
        seen = self.stack.instance(instance_id)
        self.assertEqual(seen.payload_status, PAYLOAD.INSTANCE_PAYLOAD_STATUS_COPY_FAILED)
        self.assertEqual(seen.payload_error, payload.error)

    def test_one_of_ten_that_fails(self):
        path = self.stack.script("true", name="nine.sh")
        answer = self.create(name="nine", number_of_instances=10, payload_path=path, execute_payload=True)
        victim = answer.instances[4].id
        made = wait_until(lambda: self.stack.instance(victim).address and self.stack.instance(victim), "the machine")
        os.makedirs(self.inside(made, "/longshore"), exist_ok=True)
        with open(self.inside(made, "/longshore/runs"), "w") as file:
            file.write("a file where the playbook needs a directory")
        seen = self.failed(victim)
        self.assertIn("A directory for the runs of payloads", seen.status_error)
        payload = self.stack.get(self.payload_of(victim).id)
        self.assertEqual((payload.status, payload.failure_reason),
                         (pb.PAYLOAD_STATUS_FAILED, pb.FAILURE_REASON_DEPENDENCY_FAILED))
        self.assertEqual(seen.payload_status, PAYLOAD.INSTANCE_PAYLOAD_STATUS_COPY_FAILED)
        self.assertEqual(self.stack.task(payload.task_id).status, task_pb.TASK_STATUS_FAILED)
        self.assertIn("failed: A directory", self.log(self.provision_task(victim).id))
        for instance in answer.instances:
            if instance.id != victim:
                self.ready(instance.id)
                self.stack.wait(self.payload_of(instance.id).id, (pb.PAYLOAD_STATUS_COMPLETED,))

    def test_deploying_while_it_is_provisioned_waits(self):
        instance_id = self.create(name="early").instances[0].id
        answer = self.stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(
            instance_ids=[instance_id], payload_content=b"echo late", remote_path="/root/late.sh", execute_payload=True))
        payload = self.stack.wait(answer.payload_ids[0], patience=LONG)
        self.assertEqual((payload.status, payload.output), (pb.PAYLOAD_STATUS_COMPLETED, "late\n"))

    def test_terminate_while_it_is_provisioned(self):
        before = self.stack.machine_keys()
        path = self.stack.script("true", name="gone.sh")
        instance_id = self.create(name="gone", payload_path=path, execute_payload=True).instances[0].id
        wait_until(lambda: self.stack.instance(instance_id).status == PROVISIONING, "PROVISIONING")
        self.stack.instance_stub.TerminateInstance(instance_service.TerminateInstanceRequest(instance_id=instance_id))
        self.stack.wait_instance(instance_id, instance_pb.INSTANCE_STATUS_TERMINATED)
        self.assertLessEqual(self.stack.machine_keys(), before)
        payload = self.stack.get(self.payload_of(instance_id).id)
        self.assertEqual(payload.failure_reason, pb.FAILURE_REASON_INSTANCE_TERMINATED)
        self.assertIn(self.provision_task(instance_id).status, (task_pb.TASK_STATUS_CANCELLED, task_pb.TASK_STATUS_COMPLETED))

    def test_wrong_payloads(self):
        for fields, code, reason in (
            (dict(payload_path="setup.sh"), grpc.StatusCode.INVALID_ARGUMENT, "PAYLOAD_PATH_INVALID"),
            (dict(payload_path="/etc/passwd"), grpc.StatusCode.PERMISSION_DENIED, "PAYLOAD_PATH_FORBIDDEN"),
            (dict(payload_path=f"{self.stack.payload_dir}/none.sh"), grpc.StatusCode.NOT_FOUND, "PAYLOAD_NOT_FOUND"),
            (dict(payload_path=self.stack.script(b"#" * 2097153)), grpc.StatusCode.INVALID_ARGUMENT, "PAYLOAD_TOO_LARGE"),
            (dict(payload_path=self.stack.script("x"), timeout=-1), grpc.StatusCode.INVALID_ARGUMENT, "TIMEOUT_OUT_OF_RANGE")):
            with self.subTest(fields):
                before = self.stack.sql("SELECT count(*) FROM instances")
                expect_error(self, lambda fields=fields: self.create(name="x", **fields), code, reason, [])
                self.assertEqual(self.stack.sql("SELECT count(*) FROM instances"), before, "all or nothing")

    def test_a_repeated_request(self):
        path = self.stack.script("echo once >> /root/ledger", name="once.sh")
        request = dict(name="again", payload_path=path, execute_payload=True, request_id="again-1", number_of_instances=2)
        answer = self.create(**request)
        os.unlink(path)
        self.assertEqual(self.create(**request), answer)
        for instance in answer.instances:
            made = self.ready(instance.id)
            self.stack.wait(self.payload_of(instance.id).id, (pb.PAYLOAD_STATUS_COMPLETED,))
            with open(self.inside(made, "/root/ledger")) as file:
                self.assertEqual(file.read(), "once\n")


if __name__ == "__main__":
    unittest.main()
