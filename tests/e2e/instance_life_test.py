"""What becomes of an instance: UpdateInstance, the payload that comes with it, TerminateInstance."""

import unittest

import grpc

from harness.api import instance_pb, instance_service, payload_service, pb, task_pb
from harness.errors import expect_error
from harness.patience import PATIENCE, wait_until
from harness.stack import Stack

STATUS = instance_pb.InstancePayloadStatus


class InstanceLifeTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=2, api_servers=2, workers=2)

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def setUp(self):
        self.addCleanup(self.stack.restore)

    def register(self, host=0, **fields):
        return self.stack.register(self.stack.instances[host], **fields).id

    def update(self, instance_id, mask=(), **fields):
        request = instance_service.UpdateInstanceRequest(instance_id=instance_id, **fields)
        request.update_mask.paths.extend(mask)
        return self.stack.instance_stub.UpdateInstance(request)

    def get(self, instance_id):
        return self.stack.instance_stub.GetInstance(instance_service.GetInstanceRequest(instance_id=instance_id))

    def terminate(self, instance_id):
        return self.stack.instance_stub.TerminateInstance(instance_service.TerminateInstanceRequest(instance_id=instance_id))

    def wait_payload_status(self, instance_id, status):
        def look():
            seen = self.get(instance_id)
            return seen if seen.payload_status == status else None

        return wait_until(look, f"payload_status {STATUS.Name(status)}")

    def wait_terminated(self, instance_id):
        wait_until(lambda: self.get(instance_id).status == instance_pb.INSTANCE_STATUS_TERMINATED, "TERMINATED")

    def test_name_and_tags(self):
        instance_id = self.register(name="old", tags=["a", "b"])
        updated = self.update(instance_id, name="new").instance
        self.assertEqual((updated.name, list(updated.tags)), ("new", ["a", "b"]), "what is not given stays")
        updated = self.update(instance_id, tags=["z", "c", "z"]).instance
        self.assertEqual((updated.name, list(updated.tags)), ("new", ["c", "z"]))
        updated = self.update(instance_id, mask=["tags"], name="ignored").instance
        self.assertEqual((updated.name, list(updated.tags)), ("new", []), "the mask says what counts")
        self.assertEqual(self.get(instance_id), updated)

    def test_wrong_updates(self):
        instance_id = self.register(name="wrong")
        invalid = grpc.StatusCode.INVALID_ARGUMENT
        expect_error(self, lambda: self.update(987654, name="x"), grpc.StatusCode.NOT_FOUND, "INSTANCE_NOT_FOUND", [987654])
        expect_error(self, lambda: self.update(-3, name="x"), invalid, "INVALID_FIELD", ["instance_id", -3])
        expect_error(self, lambda: self.update(instance_id), invalid, "INVALID_FIELD", ["update_mask", "nothing to change"])
        expect_error(self, lambda: self.update(instance_id, mask=["ssh_user"]), invalid, "INVALID_FIELD", ["'ssh_user'"])
        expect_error(self, lambda: self.update(instance_id, mask=["address"]), invalid, "INVALID_FIELD", ["address"])
        expect_error(self, lambda: self.update(instance_id, port=65536), invalid, "INVALID_FIELD", ["port"])
        expect_error(self, lambda: self.update(instance_id, host_key="ssh-dss AAAA"), invalid, "INVALID_FIELD", ["host_key"])
        expect_error(self, lambda: self.update(instance_id, timeout=5), invalid, "INVALID_FIELD", ["timeout", "payload_path"])
        expect_error(self, lambda: self.update(instance_id, mask=["name"]), invalid, "INVALID_FIELD", ["name"])
        expect_error(self, lambda: self.update(instance_id, tags=[""]), invalid, "INVALID_FIELD", ["tags"])
        expect_error(self, lambda: self.update(instance_id, execute_payload=True), invalid, "INVALID_FIELD",
                     ["execute_payload", "payload_path"])
        expect_error(self, lambda: self.update(instance_id, name="half", payload_path="/etc/passwd"),
                     grpc.StatusCode.PERMISSION_DENIED, "PAYLOAD_PATH_FORBIDDEN", ["/etc/passwd"])
        self.assertEqual(self.get(instance_id).name, "wrong", "all or nothing")

    def test_another_address_and_host_key(self):
        instance_id = self.register(name="moved")
        self.assertEqual(self.stack.wait(self.deploy(instance_id, "echo one", execute=True)).output, "one\n")
        other = self.stack.instances[1]
        updated = self.update(instance_id, port=other.relay.port).instance
        self.assertEqual((updated.port, updated.host_key), (other.relay.port, self.stack.instances[0].host_key()))
        refused = self.stack.wait(self.deploy(instance_id, "true", execute=True))
        self.assertEqual(refused.failure_reason, pb.FAILURE_REASON_HOST_KEY_MISMATCH, "the key stays pinned")
        self.assertEqual(self.update(instance_id, mask=["host_key"]).instance.host_key, "")
        self.assertEqual(self.stack.wait(self.deploy(instance_id, "echo two", execute=True)).output, "two\n")
        self.assertEqual(self.get(instance_id).host_key, other.host_key(), "learned anew")
        self.assertEqual(self.update(instance_id, mask=["port"], address="ignored").instance.port, 22)

    def test_a_repeated_update_runs_its_script_once(self):
        instance_id = self.register(name="repeated")
        fields = dict(payload_path=self.stack.script("echo once >> /root/repeated"), execute_payload=True, timeout=77,
                      request_id="update-once")
        first = self.update(instance_id, **fields)
        self.assertEqual(self.update(instance_id, **fields), first)
        payload = self.stack.wait(first.payload_id)
        self.assertEqual((payload.status, payload.timeout), (pb.PAYLOAD_STATUS_COMPLETED, 77))
        self.assertEqual(self.update(instance_id, **fields), first)
        expect_error(self, lambda: self.update(instance_id, **{**fields, "timeout": 78}), grpc.StatusCode.ALREADY_EXISTS,
                     "REQUEST_ID_REUSED", ["update-once"])
        listed = self.stack.payloads.ListInstancePayloads(payload_service.ListInstancePayloadsRequest(instance_id=instance_id))
        self.assertEqual([p.id for p in listed.payloads], [first.payload_id])
        with open(self.stack.instances[0].path("/root/repeated")) as file:
            self.assertEqual(file.read(), "once\n")

    def test_payload_that_is_copied(self):
        instance_id = self.register(name="copied")
        self.assertEqual(self.get(instance_id).payload_status, STATUS.INSTANCE_PAYLOAD_STATUS_NONE)
        path = self.stack.script("echo copied", name="setup")
        answer = self.update(instance_id, payload_path=path)
        self.assertIn(answer.instance.payload_status,
                      (STATUS.INSTANCE_PAYLOAD_STATUS_PENDING_COPY, STATUS.INSTANCE_PAYLOAD_STATUS_COPIED))
        self.wait_payload_status(instance_id, STATUS.INSTANCE_PAYLOAD_STATUS_COPIED)
        payload = self.stack.get(answer.payload_id)
        self.assertEqual((payload.status, payload.remote_path, payload.task_id, payload.instance_id),
                         (pb.PAYLOAD_STATUS_TRANSFERRED, "/root/setup.sh", answer.task_id, instance_id))
        self.stack.payloads.ExecutePayload(payload_service.ExecutePayloadRequest(payload_ids=[answer.payload_id]))
        self.wait_payload_status(instance_id, STATUS.INSTANCE_PAYLOAD_STATUS_EXECUTED)
        self.assertEqual(self.stack.get(answer.payload_id).output, "copied\n")

    def test_payload_that_is_executed(self):
        instance_id = self.register(name="executed")
        answer = self.update(instance_id, execute_payload=True,
                             payload_path=self.stack.script("until [ -e /root/go-executed ]; do sleep 0.05; done"))
        self.wait_payload_status(instance_id, STATUS.INSTANCE_PAYLOAD_STATUS_PENDING_EXECUTION)
        with open(self.stack.instances[0].path("/root/go-executed"), "w"):
            pass
        seen = self.wait_payload_status(instance_id, STATUS.INSTANCE_PAYLOAD_STATUS_EXECUTED)
        self.assertEqual(seen.payload_error, "")
        self.assertEqual(self.stack.get(answer.payload_id).status, pb.PAYLOAD_STATUS_COMPLETED)

    def test_payload_that_fails(self):
        instance_id = self.register(name="failing")
        self.update(instance_id, payload_path=self.stack.script("exit 9"), execute_payload=True)
        seen = self.wait_payload_status(instance_id, STATUS.INSTANCE_PAYLOAD_STATUS_EXECUTION_FAILED)
        self.assertIn("9", seen.payload_error)
        # The next payload replaces it.
        self.update(instance_id, payload_path=self.stack.script("true"), execute_payload=True)
        self.assertEqual(self.wait_payload_status(instance_id, STATUS.INSTANCE_PAYLOAD_STATUS_EXECUTED).payload_error, "")

    def test_payload_that_cannot_be_copied(self):
        instance_id = self.register(name="other-key", host_key=self.stack.instances[1].host_key())
        self.update(instance_id, payload_path=self.stack.script("true"), execute_payload=True)
        seen = self.wait_payload_status(instance_id, STATUS.INSTANCE_PAYLOAD_STATUS_COPY_FAILED)
        self.assertIn("host key", seen.payload_error)

    def test_terminate_ends_everything_on_it(self):
        instance_id = self.register(name="going")
        host = self.stack.instances[0]
        running = self.deploy(instance_id, "trap '' TERM; echo up; sleep 321", execute=True)
        waiting = self.deploy(instance_id, "true", remote_path="/root/going.sh", execute=True)
        self.stack.wait_output(running, "up")
        resting = self.deploy(instance_id, "true", execute=False, remote_path="/root/resting.sh")
        self.stack.wait(resting, [pb.PAYLOAD_STATUS_TRANSFERRED])
        self.stack.wait(waiting)
        answer = self.terminate(instance_id)
        self.assertEqual(answer.instance.id, instance_id)
        self.assertEqual(self.terminate(instance_id).task_id, answer.task_id, "asking again gets the same task")
        expect_error(self, lambda: self.deploy(instance_id, "true"), grpc.StatusCode.FAILED_PRECONDITION, "WRONG_STATE",
                     [instance_id])
        expect_error(self, lambda: self.update(instance_id, name="x"), grpc.StatusCode.FAILED_PRECONDITION, "WRONG_STATE",
                     [instance_id])
        self.wait_terminated(instance_id)
        ended = self.stack.get(running)
        self.assertEqual((ended.status, ended.failure_reason, ended.executed, ended.output),
                         (pb.PAYLOAD_STATUS_FAILED, pb.FAILURE_REASON_INSTANCE_TERMINATED, True, "up\n"))
        self.assertEqual(self.stack.get(resting).failure_reason, pb.FAILURE_REASON_INSTANCE_TERMINATED)
        self.assertEqual(self.stack.get(waiting).status, pb.PAYLOAD_STATUS_COMPLETED, "what has ended stays")
        wait_until(lambda: host.own_processes("sleep\0" + "321") == 0, "it to run no more")
        task = self.stack.task(answer.task_id)
        self.assertEqual((task.type, task.status, task.instance_id),
                         (task_pb.TASK_TYPE_TERMINATE_INSTANCE, task_pb.TASK_STATUS_COMPLETED, instance_id))
        expect_error(self, lambda: self.terminate(instance_id), grpc.StatusCode.FAILED_PRECONDITION, "WRONG_STATE",
                     [instance_id])
        expect_error(self, lambda: self.terminate(987654), grpc.StatusCode.NOT_FOUND, "INSTANCE_NOT_FOUND", [987654])

    def deploy(self, instance_id, text, execute=True, **fields):
        return self.stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(
            instance_ids=[instance_id], payload_content=text.encode(), execute_payload=execute, **fields)).payload_ids[0]

    def test_terminate_an_instance_that_does_not_answer(self):
        away = self.stack.instances[1]
        instance_id = self.register(host=1, name="away")
        away.relay.cut()
        try:
            payload_id = self.deploy(instance_id, "true")
            wait_until(lambda: self.stack.sql(f"SELECT failures > 0 FROM tasks WHERE payload_id = {payload_id}") == "t", "a try")
            self.terminate(instance_id)
            self.wait_terminated(instance_id)
        finally:
            away.relay.heal()
        self.assertEqual(self.stack.wait(payload_id).failure_reason, pb.FAILURE_REASON_INSTANCE_TERMINATED)

    def test_terminate_goes_on_after_every_api_server_was_killed(self):
        instance_id = self.register(name="killed")
        payload_id = self.deploy(instance_id, "trap '' TERM; echo up; sleep 322")
        self.stack.wait_output(payload_id, "up")
        self.terminate(instance_id)
        for server in self.stack.api_servers:
            server.kill()
        for server in self.stack.api_servers:
            server.start()
        wait_until(lambda: self.stack.sql(f"SELECT status FROM instances WHERE id = {instance_id}") == "TERMINATED", "TERMINATED")
        payload = self.stack.get(payload_id)
        self.assertEqual((payload.failure_reason, payload.executed), (pb.FAILURE_REASON_INSTANCE_TERMINATED, True))
        wait_until(lambda: self.stack.instances[0].own_processes("sleep\0" + "322") == 0, "it to run no more")
        grpc.channel_ready_future(self.stack.channels[0]).result(timeout=PATIENCE)


if __name__ == "__main__":
    unittest.main()
