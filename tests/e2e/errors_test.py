"""What clients see when they ask for what cannot be: the contract's table of errors, request ids, pages, health, reflection."""

import os
import signal
import socket
import threading
import unittest

import grpc

from harness.api import instance_pb, instance_service, payload_service, pb, task_pb, task_service, worker_service
from harness.errors import expect_error
from harness.patience import PATIENCE, wait_until
from harness.stack import Stack

Code = grpc.StatusCode
SERVING = b"\x08\x01"  # status = SERVING, of grpc.health.v1.


class ErrorsTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        # No worker: nothing here needs one, and what is deployed stays PENDING.
        cls.stack = Stack(instances=1, workers=0, api_flags=["--default_payload_timeout=111", "--allowed_remote_dirs="])
        cls.id = cls.stack.instances[0].id

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def deploy(self, **fields):
        request = dict(instance_ids=[self.id])
        request.update(fields)
        return self.stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(**request))

    def refused(self, code, reason, mentions=(), **fields):
        return expect_error(self, lambda: self.deploy(**fields), code, reason, mentions)

    def test_payload_path(self):
        directory = self.stack.payload_dir
        fifo = os.path.join(directory, "fifo")
        os.mkfifo(fifo)
        empty = self.stack.script("", "empty.sh")
        outside = os.path.join(self.stack.directory, "outside.sh")
        with open(outside, "w") as file:
            file.write("echo secret")
        os.symlink(outside, os.path.join(directory, "way-out.sh"))
        os.symlink("/proc/self/fd/0", os.path.join(directory, "magic.sh"))
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(os.path.join(directory, "socket"))
        self.addCleanup(listener.close)
        details = self.refused(Code.INVALID_ARGUMENT, "PAYLOAD_PATH_INVALID", ["relative.sh", "absolute"],
                               payload_path="relative.sh")
        self.assertEqual(details["BadRequest"].field_violations[0].field, "payload_path")
        self.refused(Code.INVALID_ARGUMENT, "PAYLOAD_PATH_INVALID", ["directory"], payload_path=directory)
        self.refused(Code.INVALID_ARGUMENT, "PAYLOAD_PATH_INVALID", ["regular"], payload_path=fifo)
        self.refused(Code.INVALID_ARGUMENT, "PAYLOAD_PATH_INVALID", ["empty"], payload_path=empty)
        self.refused(Code.INVALID_ARGUMENT, "PAYLOAD_PATH_INVALID", payload_path=empty + "/below")
        self.refused(Code.PERMISSION_DENIED, "PAYLOAD_PATH_FORBIDDEN", ["/etc/passwd"], payload_path="/etc/passwd")
        self.refused(Code.PERMISSION_DENIED, "PAYLOAD_PATH_FORBIDDEN", payload_path="/dev/zero")
        self.refused(Code.PERMISSION_DENIED, "PAYLOAD_PATH_FORBIDDEN", payload_path=outside)
        self.refused(Code.PERMISSION_DENIED, "PAYLOAD_PATH_FORBIDDEN", payload_path=f"{directory}/../outside.sh")
        self.refused(Code.PERMISSION_DENIED, "PAYLOAD_PATH_FORBIDDEN", ["symlink"],
                     payload_path=os.path.join(directory, "way-out.sh"))
        self.refused(Code.PERMISSION_DENIED, "PAYLOAD_PATH_FORBIDDEN", payload_path=os.path.join(directory, "magic.sh"))
        self.refused(Code.PERMISSION_DENIED, "PAYLOAD_PATH_FORBIDDEN", payload_path=os.path.join(directory, "socket"))
        details = self.refused(Code.NOT_FOUND, "PAYLOAD_NOT_FOUND", ["nowhere.sh"],
                               payload_path=os.path.join(directory, "nowhere.sh"))
        self.assertEqual(details["ResourceInfo"].resource_type, "file")
        self.refused(Code.INVALID_ARGUMENT, None, ["one of them"])
        self.refused(Code.INVALID_ARGUMENT, None, ["one of them"], payload_path=empty, payload_content=b"x")
        inside = self.stack.script("echo fine", "inside.sh")
        os.symlink("inside.sh", os.path.join(directory, "link.sh"))
        self.assertTrue(self.deploy(payload_path=f"{directory}/./x/..//link.sh", validate_only=True).success)
        self.assertTrue(self.deploy(payload_path=inside, validate_only=True).success)

    def test_script_size(self):
        exact = self.stack.script("#" * 2097152)
        self.assertTrue(self.deploy(payload_path=exact, validate_only=True).success)
        self.assertTrue(self.deploy(payload_content=b"#" * 2097152, validate_only=True).success)
        over = self.stack.script("#" * 2097153)
        self.refused(Code.INVALID_ARGUMENT, "PAYLOAD_TOO_LARGE", [2097152], payload_path=over)
        self.refused(Code.INVALID_ARGUMENT, "PAYLOAD_TOO_LARGE", [2097152], payload_content=b"#" * 2097153)

    def test_remote_path(self):
        for path in ("relative", "/a/../b", "/a//b", "/a/", "/a/.", "/with\nnewline", "/" + "/".join(["x" * 100] * 11), "/proc/x",
                     "/sys/x", "/dev/shm/x", "/boot/x", "/dev", "/", "/" + "y" * 256):
            details = self.refused(Code.INVALID_ARGUMENT, "REMOTE_PATH_INVALID", payload_content=b"x", remote_path=path)
            self.assertEqual(details["BadRequest"].field_violations[0].field, "remote_path")
        for path in ("/bootstrap.sh", "/root/a b.sh", "/procedures/x", "/root/\u00e9.sh", "/root/...sh"):
            self.assertTrue(self.deploy(payload_content=b"x", remote_path=path, validate_only=True).success)

    def test_timeout(self):
        for timeout in (-1, 86401, -2**31, 2**31 - 1):
            self.refused(Code.INVALID_ARGUMENT, "TIMEOUT_OUT_OF_RANGE", [timeout, 86400], payload_content=b"x",
                         timeout=timeout)
        payload_id = self.deploy(payload_content=b"x").payload_ids[0]
        self.assertEqual(self.stack.get(payload_id).timeout, 111)
        payload_id = self.deploy(payload_content=b"x", timeout=86400).payload_ids[0]
        self.assertEqual(self.stack.get(payload_id).timeout, 86400)

    def test_unknown_things(self):
        nowhere = 2**62
        stack = self.stack
        calls = {
            "INSTANCE_NOT_FOUND": [
                lambda: stack.instance_stub.GetInstance(instance_service.GetInstanceRequest(instance_id=nowhere)),
                lambda: stack.payloads.ListInstancePayloads(
                    payload_service.ListInstancePayloadsRequest(instance_id=nowhere)),
                lambda: self.deploy(instance_ids=[nowhere], payload_content=b"x"),
            ],
            "PAYLOAD_NOT_FOUND": [
                lambda: stack.get(nowhere),
                lambda: stack.payloads.CancelPayload(payload_service.CancelPayloadRequest(payload_id=nowhere)),
                lambda: stack.payloads.ExecutePayload(payload_service.ExecutePayloadRequest(payload_ids=[nowhere])),
                lambda: list(stack.watch(nowhere)),
            ],
            "TASK_NOT_FOUND": [lambda: stack.task(nowhere)],
        }
        for reason, functions in calls.items():
            for call in functions:
                details = expect_error(self, call, Code.NOT_FOUND, reason, [nowhere])
                self.assertEqual(details["ResourceInfo"].resource_name, str(nowhere))

    def test_ids_that_are_none(self):
        stack = self.stack
        for bad in (0, -1, -2**63):
            for call in (lambda: stack.get(bad), lambda: stack.task(bad), lambda: list(stack.watch(bad)),
                         lambda: self.deploy(instance_ids=[bad], payload_content=b"x"),
                         lambda: stack.payloads.ExecutePayload(payload_service.ExecutePayloadRequest(payload_ids=[bad]))):
                expect_error(self, call, Code.INVALID_ARGUMENT, None, [bad])
        expect_error(self, lambda: self.deploy(instance_ids=[], payload_content=b"x"), Code.INVALID_ARGUMENT)
        expect_error(self, lambda: self.deploy(instance_ids=range(1, 20002), payload_content=b"x"),
                     Code.INVALID_ARGUMENT, None, [20001, 20000])
        # The most that are taken: an error for each of them still fits a client's message.
        answer = self.deploy(instance_ids=[stack.instances[0].id, *range(2**62, 2**62 + 19999)], payload_content=b"x")
        self.assertEqual((len(answer.payload_ids), len(answer.errors), len(answer.instance_errors)), (1, 19999, 19999))
        expect_error(self, lambda: list(stack.watch(1, -5)), Code.INVALID_ARGUMENT, None, [-5])

    def test_partial_success(self):
        before = int(self.stack.sql("SELECT count(*) FROM payloads"))
        response = self.deploy(instance_ids=[self.id, 999999, self.id], payload_content=b"x")
        self.assertFalse(response.success)
        self.assertEqual((len(response.payload_ids), len(response.task_ids)), (1, 1))
        self.assertEqual([e.instance_id for e in response.instance_errors], [999999, self.id])
        self.assertEqual([e.code for e in response.instance_errors], [Code.NOT_FOUND.value[0], Code.INVALID_ARGUMENT.value[0]])
        self.assertEqual(len(response.errors), 2)
        self.assertIn("999999", response.errors[0])
        self.assertEqual(int(self.stack.sql("SELECT count(*) FROM payloads")), before + 1)
        self.assertEqual(self.stack.task(response.task_ids[0]).payload_id, response.payload_ids[0])

    def test_terminated_instance(self):
        other = self.stack.instance_stub.RegisterInstance(
            instance_service.RegisterInstanceRequest(name="gone", address="127.0.0.1"))
        self.stack.sql(f"UPDATE instances SET status = 'TERMINATED' WHERE id = {other.id}")
        self.refused(Code.FAILED_PRECONDITION, "WRONG_STATE", [other.id, "TERMINATED"], instance_ids=[other.id],
                     payload_content=b"x")

    def test_validate_only_changes_nothing(self):
        before = self.stack.sql("SELECT count(*) FROM deployments")
        response = self.deploy(payload_content=b"only looking", validate_only=True)
        self.assertTrue(response.success)
        self.assertEqual((list(response.payload_ids), response.deployment_id), ([], 0))
        self.assertEqual(self.stack.sql("SELECT count(*) FROM deployments"), before)

    def test_request_ids(self):
        path = self.stack.script("echo once")
        request = dict(payload_path=path, request_id="same")
        first = self.deploy(**request)
        os.unlink(path)  # The same request again is answered, not done again.
        self.assertEqual(self.deploy(**request), first)
        self.refused(Code.ALREADY_EXISTS, "REQUEST_ID_REUSED", ["same"], payload_path=path, request_id="same", timeout=5)
        self.refused(Code.INVALID_ARGUMENT, None, ["128"], payload_content=b"x", request_id="x" * 129)
        execute = payload_service.ExecutePayloadRequest(payload_ids=first.payload_ids, request_id="same")
        answer = self.stack.payloads.ExecutePayload(execute)
        self.assertEqual(self.stack.payloads.ExecutePayload(execute), answer)
        register = instance_service.RegisterInstanceRequest(name="twice", address="127.0.0.1", request_id="same")
        self.assertEqual(self.stack.instance_stub.RegisterInstance(register).id,
                         self.stack.instance_stub.RegisterInstance(register).id)

    def test_instances(self):
        stub = self.stack.instance_stub

        def register(**fields):
            return stub.RegisterInstance(instance_service.RegisterInstanceRequest(**fields))

        instance = register(name="web", address="10.1.2.3", project="shop", tags=["b", "a", "b"])
        self.assertEqual((instance.port, instance.ssh_user, instance.provider), (22, "root", "registered"))
        self.assertEqual(instance.status, instance_pb.INSTANCE_STATUS_READY)
        self.assertEqual(instance.payload_status, instance_pb.INSTANCE_PAYLOAD_STATUS_NONE)
        self.assertEqual(list(instance.tags), ["a", "b"])
        self.assertTrue(instance.HasField("created_at"))
        self.assertEqual(stub.GetInstance(instance_service.GetInstanceRequest(instance_id=instance.id)), instance)
        twin = register(name="web", address="x", project="shop")
        self.assertNotEqual(twin.id, instance.id, "names are for people")
        key = self.stack.instances[0].host_key()
        self.assertEqual(register(name="keyed", address="y", host_key=key + " comment").host_key,
                         " ".join(key.split()[:2]))
        for field, fields in {
                "name": dict(name="", address="x"), "address": dict(name="n"), "port": dict(name="n", address="x", port=65536),
                "host_key": dict(name="n", address="x", host_key="ssh-rsa nonsense"),
                "ssh_user": dict(name="n", address="x", ssh_user="a b"),
                "tags": dict(name="n", address="x", tags=[""])}.items():
            details = expect_error(self, lambda: register(**fields), Code.INVALID_ARGUMENT)
            self.assertEqual(details["BadRequest"].field_violations[0].field, field)
        listed = stub.ListInstances(instance_service.ListInstancesRequest(project="shop", tags=["a", "b"]))
        self.assertEqual([i.id for i in listed.instances], [instance.id])
        self.assertFalse(stub.ListInstances(instance_service.ListInstancesRequest(project="shop", tags=["a", "c"])).instances)

    def test_pages(self):
        wanted = [self.deploy(payload_content=b"x", remote_path=f"/root/page-{i}.sh") for i in range(7)]
        seen, token, pages = [], "", 0
        while True:
            page = self.stack.payloads.ListInstancePayloads(payload_service.ListInstancePayloadsRequest(
                instance_id=self.id, page_size=3, page_token=token))
            self.assertLessEqual(len(page.payloads), 3)
            seen += [p.id for p in page.payloads]
            token, pages = page.next_page_token, pages + 1
            if not token:
                break
        self.assertEqual(seen, sorted(set(seen), reverse=True))
        self.assertTrue({r.payload_ids[0] for r in wanted} <= set(seen))
        self.assertGreater(pages, 2)
        tasks = self.stack.tasks.ListTasks(task_service.ListTasksRequest(
            status=task_pb.TASK_STATUS_PENDING, type=task_pb.TASK_TYPE_PAYLOAD_TRANSFER, instance_id=self.id, page_size=2))
        self.assertEqual(len(tasks.tasks), 2)
        following = self.stack.tasks.ListTasks(task_service.ListTasksRequest(
            status=task_pb.TASK_STATUS_PENDING, type=task_pb.TASK_TYPE_PAYLOAD_TRANSFER, instance_id=self.id, page_size=2,
            page_token=tasks.next_page_token))
        self.assertLess(following.tasks[0].id, tasks.tasks[1].id)
        for bad in ("garbage", "00", tasks.next_page_token + "00", tasks.next_page_token):
            expect_error(self, lambda: self.stack.payloads.ListInstancePayloads(
                payload_service.ListInstancePayloadsRequest(instance_id=self.id, page_token=bad)), Code.INVALID_ARGUMENT)
        for size in (-1, 1001):
            expect_error(self, lambda: self.stack.tasks.ListTasks(task_service.ListTasksRequest(page_size=size)),
                         Code.INVALID_ARGUMENT, None, [size])

    def test_enums_that_do_not_exist(self):
        expect_error(self, lambda: self.stack.tasks.ListTasks(task_service.ListTasksRequest(status=77)),
                     Code.INVALID_ARGUMENT, None, [77])

    def test_malformed_bytes(self):
        call = self.stack.channels[0].unary_unary("/longshore.v1.PayloadService/DeployPayload")
        with self.assertRaises(grpc.RpcError) as caught:
            call(b"\xff\xff\xff\xff\xff")
        self.assertEqual(caught.exception.code(), Code.INVALID_ARGUMENT)
        with self.assertRaises(grpc.RpcError) as caught:
            self.deploy(payload_content=b"x" * (9 << 20))
        self.assertEqual(caught.exception.code(), Code.RESOURCE_EXHAUSTED)
        self.assertTrue(self.deploy(payload_content=b"x", validate_only=True).success)

    def test_hostile_text_is_stored_as_text(self):
        name = "'; DROP TABLE tasks; -- \\ {\"a\",b} \u00e9"
        instance = self.stack.instance_stub.RegisterInstance(
            instance_service.RegisterInstanceRequest(name=name, address="127.0.0.1", tags=['"{x},\\', "null", "NULL"]))
        found = self.stack.instance_stub.GetInstance(instance_service.GetInstanceRequest(instance_id=instance.id))
        self.assertEqual(found.name, name)
        self.assertEqual(list(found.tags), ['"{x},\\', "NULL", "null"])

    def health(self, service=b""):
        check = self.stack.channels[0].unary_unary("/grpc.health.v1.Health/Check")
        return check(b"\x0a" + bytes([len(service)]) + service)

    def test_health(self):
        for service in (b"", b"longshore.v1.InstanceService", b"longshore.v1.PayloadService", b"longshore.v1.TaskService"):
            self.assertEqual(self.health(service), SERVING)

    def test_a_client_that_knows_nothing_but_reflection(self):
        # Messages of grpc.reflection.v1alpha by hand: list_services = 7, file_containing_symbol = 4; answers 6 and 4.
        def field(number, data):
            return bytes([number << 3 | 2, len(data)]) + data

        call = self.stack.channels[0].stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
        answers = list(call(iter([field(7, b"*"), field(4, b"longshore.v1.PayloadService")])))
        for service in (b"longshore.v1.InstanceService", b"longshore.v1.PayloadService", b"longshore.v1.TaskService",
                        b"grpc.health.v1.Health"):
            self.assertIn(service, answers[0])
        self.assertNotIn(b"WorkerService", answers[0])
        self.assertIn(b"DeployPayload", answers[1])
        self.assertIn(b"validate_only", answers[1])

    def test_database_away(self):
        self.deploy(payload_content=b"x")
        before = self.stack.sql("SELECT count(*) FROM deployments")
        self.stack.postgres.signal(signal.SIGINT)
        self.stack.postgres.child.wait()
        try:
            self.refused(Code.UNAVAILABLE, "DATABASE_UNAVAILABLE", ["database"], payload_content=b"x")
        finally:
            self.stack.postgres.start()
        wait_until(lambda: self.stack.sql("SELECT 1") == "1", "the database")
        wait_until(lambda: self.health() == SERVING, "the api_server to notice")
        self.assertEqual(self.stack.sql("SELECT count(*) FROM deployments"), before)
        self.assertTrue(self.deploy(payload_content=b"x").success)

    def test_abused_worker_stream(self):
        before = self.stack.sql("SELECT count(*), max(updated_at) FROM tasks")
        channel = grpc.secure_channel(f"127.0.0.1:{self.stack.worker_ports[0]}", self.stack.tls.worker_credentials("w"))
        self.addCleanup(channel.close)
        from harness.api import worker_grpc
        stub = worker_grpc.WorkerServiceStub(channel)
        message, event = worker_service.WorkerMessage, worker_service.TaskEvent
        hello = message(hello=worker_service.WorkerHello(name="w", incarnation="1", capacity=0))
        bad = [
            [message(credit=worker_service.Credit(count=5))],  # Not hello first.
            [hello, hello],
            [message(hello=worker_service.WorkerHello())],
            [hello, message(events=worker_service.TaskEvents(events=[
                event(sequence=s, task_id=1, lease_epoch=1, executing=worker_service.Executing()) for s in (1, 3)]))],
            [hello, message(heartbeat=worker_service.Heartbeat(task_ids=[1, 2], lease_epochs=[1]))],
        ]
        for messages in bad:
            with self.assertRaises(grpc.RpcError, msg=messages) as caught:
                list(stub.Connect(iter(messages), timeout=PATIENCE))
            self.assertEqual(caught.exception.code(), Code.INVALID_ARGUMENT)
        # What breaks a rule, or is for a task or an epoch that it does not hold, is refused, and said so; the stream goes on.
        finished = worker_service.Finished(status=pb.PAYLOAD_STATUS_COMPLETED, executed=True)
        refused = [dict(output=worker_service.OutputChunk(offset=-1, data=b"x")),
                   dict(output=worker_service.OutputChunk(offset=0, data=b"")),
                   dict(output=worker_service.OutputChunk(offset=0, data=b"x" * 65537)),
                   dict(output=worker_service.OutputChunk(offset=524280, data=b"x" * 100)),  # Crosses the end of the head.
                   dict(finished=finished), dict(executing=worker_service.Executing()), {}]
        answered = threading.Event()

        def events():
            yield hello
            for sequence, kind in enumerate(refused, 1):
                answered.clear()
                yield message(events=worker_service.TaskEvents(events=[event(
                    sequence=sequence, task_id=2**60, lease_epoch=sequence, **kind)]))
                answered.wait(PATIENCE)

        lost = []
        for answer in stub.Connect(events(), timeout=PATIENCE):
            if answer.HasField("acknowledge"):
                lost += [(lease.task_id, lease.lease_epoch) for lease in answer.acknowledge.lost]
                answered.set()
        self.assertEqual(lost, [(2**60, sequence) for sequence in range(1, len(refused) + 1)])
        self.assertEqual(self.stack.sql("SELECT count(*), max(updated_at) FROM tasks"), before)


if __name__ == "__main__":
    unittest.main()
