"""CreateInstance at the provider local: real machines, made once whatever dies meanwhile."""

import os
import signal
import subprocess
import tempfile
import unittest

import grpc

from harness.api import instance_pb, instance_service, pb, task_pb
from harness.errors import expect_error
from harness.patience import communicate, wait_until
from harness.programs import LONGSHORE
from harness.stack import Stack

READY, FAILED = instance_pb.INSTANCE_STATUS_READY, instance_pb.INSTANCE_STATUS_FAILED
TERMINATED = instance_pb.INSTANCE_STATUS_TERMINATED


class CreateTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=0, api_servers=2, workers=2)

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def setUp(self):
        self.addCleanup(self.stack.restore)

    def create(self, **fields):
        return self.stack.instance_stub.CreateInstance(instance_service.CreateInstanceRequest(**fields))

    def run_on(self, instance, text):
        answer = self.stack.deploy(text, instances=[instance])
        return self.stack.wait(answer.payload_ids[0])

    def test_one(self):
        before = self.stack.machine_keys()
        answer = self.create(name="one", project="p", tags=["b", "a", "b"])
        self.assertEqual((len(answer.instances), len(answer.task_ids)), (1, 1))
        accepted = answer.instances[0]
        self.assertEqual((accepted.name, accepted.provider, accepted.project, list(accepted.tags), accepted.status),
                         ("one", "local", "p", ["a", "b"], instance_pb.INSTANCE_STATUS_PENDING))
        made = self.stack.wait_instance(accepted.id)
        self.assertEqual((made.address, made.ssh_user), ("127.0.0.1", "root"))
        self.assertTrue(made.host_key.startswith("ssh-ed25519 AAAA"))
        task = self.stack.task(answer.task_ids[0])
        self.assertEqual((task.type, task.status, task.instance_id),
                         (task_pb.TASK_TYPE_CREATE_INSTANCE, task_pb.TASK_STATUS_COMPLETED, made.id))
        self.assertTrue(task.worker.startswith("api_server "))
        payload = self.run_on(made, "pwd; ls -A /root /var/lib/longshore")
        self.assertEqual(payload.status, pb.PAYLOAD_STATUS_COMPLETED)
        self.assertTrue(payload.output.startswith("/root\n"), payload.output)
        self.assertEqual(len(self.stack.machine_keys() - before), 1)

    def test_ten_with_names_and_a_request_id(self):
        before = self.stack.machine_keys()
        request = dict(name="many", number_of_instances=10, request_id="many-1")
        answer = self.create(**request)
        self.assertEqual([i.name for i in answer.instances], [f"many-{n}" for n in range(10)])
        self.stack.use(1)
        self.addCleanup(self.stack.use, 0)
        self.assertEqual(self.create(**request), answer, "the same answer from the other replica")
        expect_error(self, lambda: self.create(name="many", number_of_instances=9, request_id="many-1"),
                     grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED", ["many-1"])
        made = [self.stack.wait_instance(i.id) for i in answer.instances]
        self.assertEqual(len({(m.port, m.host_key) for m in made}), 10)
        self.assertEqual(len(self.stack.machine_keys() - before), 10)

    def test_terminate_removes_the_machine(self):
        before = self.stack.machine_keys()
        made = self.stack.wait_instance(self.create(name="short").instances[0].id)
        (key,) = self.stack.machine_keys() - before
        running = self.stack.deploy("echo begun; sleep 600", instances=[made]).payload_ids[0]
        self.stack.wait_output(running, "begun")
        self.stack.instance_stub.TerminateInstance(instance_service.TerminateInstanceRequest(instance_id=made.id))
        self.stack.wait_instance(made.id, TERMINATED)
        self.assertNotIn(key, self.stack.machine_keys())
        self.assertEqual(subprocess.run(["pgrep", "-f", key], check=False).returncode, 1, "no process of it is left")
        payload = self.stack.wait(running)
        self.assertIn(payload.status, (pb.PAYLOAD_STATUS_FAILED, pb.PAYLOAD_STATUS_CANCELLED))

    def test_terminate_while_it_is_made(self):
        before = self.stack.machine_keys()
        ids = [i.id for i in self.create(name="never", number_of_instances=5).instances]
        for instance_id in ids:
            self.stack.instance_stub.TerminateInstance(instance_service.TerminateInstanceRequest(instance_id=instance_id))
        for instance_id in ids:
            self.stack.wait_instance(instance_id, TERMINATED)
        self.assertEqual(self.stack.machine_keys(), before)

    def test_wrong_requests(self):
        invalid = grpc.StatusCode.INVALID_ARGUMENT
        before = self.stack.machine_keys()
        for fields, words in ((dict(name=""), ["name"]), (dict(name="x\n"), ["name", "control"]),
                              (dict(name="x" * 253), ["name", "252"]),
                              (dict(name="x", provider="mars"), ["provider", "'mars'", "local"]),
                              (dict(name="x", region="fra1"), ["region", "'fra1'", "local"]),
                              (dict(name="x", number_of_instances=101), ["number_of_instances", "101", "100"]),
                              (dict(name="x", number_of_instances=-1), ["number_of_instances", "-1"]),
                              (dict(name="x", tags=[""]), ["tags"]),
                              (dict(name="x", execute_payload=True), ["execute_payload", "payload_path"]),
                              (dict(name="x", payload_path="/a.sh"), ["payload_path", "'/a.sh'", "provision"])):
            with self.subTest(fields):
                expect_error(self, lambda fields=fields: self.create(**fields), invalid, "INVALID_FIELD", words)
        self.assertEqual(self.stack.machine_keys(), before)

    def test_command_line(self):
        def longshore(*words):
            env = self.stack.environment_of_cli()
            command = [LONGSHORE, "instances", "create", "--name", "typed", *words]
            child = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            out, err = communicate(child, "the end of longshore")
            return child.returncode, out, err

        status, out, _ = longshore("--count", "2", "--tag", "t", "--wait")
        rows = out.splitlines()
        self.assertEqual((status, len(rows)), (0, 3))
        self.assertTrue(all("READY" in row and "typed-" in row for row in rows[1:]), out)
        status, _, err = longshore("--count", "101")
        self.assertEqual(status, 3)
        self.assertIn("101", err)


class CreateFaultTest(unittest.TestCase):

    def create(self, stack, **fields):
        return stack.instance_stub.CreateInstance(instance_service.CreateInstanceRequest(**fields))

    def test_api_server_is_killed_while_machines_are_made(self):
        stack = Stack(instances=0, api_servers=2, workers=1)
        self.addCleanup(stack.close)
        ids = [i.id for i in self.create(stack, name="k", number_of_instances=30).instances]
        for victim in (0, 1, 0):
            wait_until(lambda: len(stack.machine_keys()) > 1, "the first machines")
            stack.api_servers[victim].restart()
        for instance_id in ids:
            stack.wait_instance(instance_id)
        self.assertEqual(len(stack.machine_keys()), 30, "none is doubled")
        listening = subprocess.run(["pgrep", "-fc", f"sshd.*-f {stack.machines}/"], capture_output=True, text=True, check=True)
        self.assertEqual(int(listening.stdout), 30)

    def test_without_keys_it_waits_and_says_why(self):
        with tempfile.NamedTemporaryFile("w") as keys:
            stack = Stack(instances=0, workers=1, api_flags=[f"--authorized_keys_file={keys.name}"])
            self.addCleanup(stack.close)
            answer = self.create(stack, name="w")
            for text, reason in (("", "has no key"), ("ssh-rsa nonsense\n", "no public key: ssh-rsa nonsense")):
                keys.seek(0)
                keys.write(text)
                keys.flush()
                wait_until(lambda: reason in stack.task(answer.task_ids[0]).error, "the reason")
            with open(stack.key + ".pub") as file:
                keys.seek(0)
                keys.write("# the worker\n" + file.read())
                keys.flush()
            made = stack.wait_instance(answer.instances[0].id)
        stack.wait(stack.deploy("true", instances=[made]).payload_ids[0], (pb.PAYLOAD_STATUS_COMPLETED,))

    def test_without_a_file_of_keys_none_is_made(self):
        stack = Stack(instances=0, workers=1, api_flags=["--authorized_keys_file="])
        self.addCleanup(stack.close)
        failed = stack.wait_instance(self.create(stack, name="w").instances[0].id, FAILED)
        self.assertIn("--authorized_keys_file is not set", failed.status_error)
        self.assertEqual(stack.machine_keys(), set())

    def test_machines_survive_a_restart(self):
        stack = Stack(instances=0, workers=1)
        self.addCleanup(stack.close)
        made = stack.wait_instance(self.create(stack, name="s").instances[0].id)
        (key,) = stack.machine_keys()
        stack.api_servers[0].restart()
        stack.wait_instance(made.id)
        stack.wait(stack.deploy("true", instances=[made]).payload_ids[0], (pb.PAYLOAD_STATUS_COMPLETED,))
        # As after a reboot of the host: everything is gone but what is on the disk.
        stack.api_servers[0].kill()
        with open(os.path.join(stack.machines, key, "pid")) as file:
            os.kill(int(file.read()), signal.SIGKILL)
        stack.api_servers[0].start()
        stack.wait_instance(made.id)
        stack.wait(stack.deploy("true", instances=[made]).payload_ids[0], (pb.PAYLOAD_STATUS_COMPLETED,))
        self.assertEqual(stack.machine_keys(), {key})

    def test_a_machine_that_cannot_be_made(self):
        stack = Stack(instances=0, workers=1)
        self.addCleanup(stack.close)
        with open(stack.machines, "w") as file:
            file.write("in the way")
        answer = self.create(stack, name="f")
        wait_until(lambda: "machines" in stack.task(answer.task_ids[0]).error, "the error")
        self.assertEqual(stack.instance(answer.instances[0].id).status, instance_pb.INSTANCE_STATUS_PENDING)
        # Its time is over.
        stack.sql(f"UPDATE tasks SET deliver_by = now(), run_at = now() WHERE id = {answer.task_ids[0]}")
        os.unlink(stack.machines)
        os.symlink("/proc/nowhere", stack.machines)
        failed = stack.wait_instance(answer.instances[0].id, FAILED)
        self.assertIn("machines", failed.status_error)
        os.unlink(stack.machines)


if __name__ == "__main__":
    unittest.main()
