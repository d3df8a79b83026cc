"""Requests that would harm others: docs/guarantees.md rows 33 and 44."""

import random
import unittest

import grpc

from harness.api import instance_service, payload_service, pb, task_service
from harness.errors import expect_error
from harness.patience import wait_until
from harness.stack import Stack
from hostile.stack import COMPLETED, HOSTILE_FLAGS, check_error

MAX_MESSAGE = 4 * 2**20  # What a client takes by default.
UNKNOWN = 6 * 2**20
LARGE = 300  # So many rows of about 16 KiB are more than that.
# Raises on the updates of one task for which `condition` holds.
TRIGGER = """
CREATE FUNCTION planted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'planted by a test'; END $$;
CREATE TRIGGER planted BEFORE UPDATE ON tasks FOR EACH ROW WHEN (OLD.remote_path = '/root/planted.sh' AND {condition})
    EXECUTE FUNCTION planted();
"""


def random_path(size):
    """A legal path of that many bytes that cannot be compressed."""
    path = "/root"
    while size - len(path) > 1:
        path += "/" + "".join(random.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=min(200, size - len(path) - 1)))
    return path + "x" * (size - len(path))


class ClaimTest(unittest.TestCase):
    """Row 33: a row that cannot be claimed."""

    def start(self, instances=2):
        stack = self.stack = Stack(instances=instances, api_flags=HOSTILE_FLAGS)
        self.addCleanup(stack.close)
        return stack

    def check_completes(self, payload_id, output):
        payload = self.stack.wait(payload_id)
        self.assertEqual((payload.status, payload.output), (COMPLETED, output), payload)

    def deploy_together(self):
        """Six payloads that one claim takes, one of them planted; returns that one's id and the others'."""
        self.stack.workers[0].kill()
        others = [self.stack.deploy(f"echo {n}", instances=[self.stack.instances[n % 2]]).payload_ids[0] for n in range(3)]
        planted = self.stack.deploy("echo planted >> /root/ledger", instances=[self.stack.instances[0]],
                                    remote_path="/root/planted.sh").payload_ids[0]
        others += [self.stack.deploy(f"echo {n}", instances=[self.stack.instances[n % 2]]).payload_ids[0] for n in range(3, 5)]
        self.stack.workers[0].start()
        return planted, others

    def check_others(self, others):
        for n, payload_id in enumerate(others):
            self.check_completes(payload_id, f"{n}\n")
        later = self.stack.deploy("echo later", instances=[self.stack.instances[0]])
        self.check_completes(later.payload_ids[0], "later\n")

    def test_a_claim_that_the_database_refuses(self):
        stack = self.start()
        stack.sql(TRIGGER.format(condition="NEW.status = 'RUNNING'"))
        planted, others = self.deploy_together()
        self.check_others(others)
        payload = stack.wait(planted)
        check_error(self, payload, "planted by a test")
        self.assertEqual((payload.failure_reason, payload.executed), (pb.FAILURE_REASON_INTERNAL, False), payload)
        self.assertEqual(stack.instances[0].ledger(), [])

    def test_a_row_that_the_database_does_not_let_anybody_change(self):
        """It cannot be ended either, and stays aside; everything else goes on."""
        stack = self.start()
        stack.sql(TRIGGER.format(condition="true"))
        planted, others = self.deploy_together()
        self.check_others(others)
        self.assertEqual(stack.get(planted).status, pb.PAYLOAD_STATUS_PENDING)
        # It ends, one way or the other, once it can be changed.
        stack.sql("DROP TRIGGER planted ON tasks")
        stack.wait(planted)

    def test_remote_paths_of_the_largest_size(self):
        stack = self.start()
        ids = [stack.deploy("true", instances=[stack.instances[0]], remote_path=random_path(1024)).payload_ids[0]
               for _ in range(20)]
        self.check_completes(stack.deploy("echo beside", instances=[stack.instances[1]]).payload_ids[0], "beside\n")
        for payload_id in ids:
            payload = stack.wait(payload_id)
            self.assertEqual(payload.failure_reason, pb.FAILURE_REASON_REMOTE_PATH_REFUSED, "there is no such directory")

    def test_remote_paths_that_are_longer(self):
        stack = self.start()
        for size in (1025, 3800, 4096, 100000):
            expect_error(self, lambda size=size: stack.deploy("true", remote_path=random_path(size)),
                         grpc.StatusCode.INVALID_ARGUMENT, "REMOTE_PATH_INVALID", ["1024"])
        self.check_completes(stack.deploy("echo beside", instances=[stack.instances[1]]).payload_ids[0], "beside\n")


def varint(value):
    """As protobuf writes it."""
    parts = []
    while value >= 128:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes(parts + [value])


def field(number, data):
    """One of a message, with bytes in it."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def unknown_field(size):
    """One that no message has, that many bytes."""
    return field(9999, random.randbytes(size))


class SizeTest(unittest.TestCase):
    """Row 44. No worker: nothing is to be delivered."""

    def setUp(self):
        self.stack = Stack(instances=0, workers=0, api_flags=HOSTILE_FLAGS)
        self.addCleanup(self.stack.close)

    def register(self, n=0, **fields):
        return self.stack.instance_stub.RegisterInstance(instance_service.RegisterInstanceRequest(
            name=f"none-{n}", address="127.0.0.1", port=1, **fields))

    def call_raw(self, method, request, response):
        call = self.stack.channels[0].unary_unary("/longshore.v1." + method, request_serializer=lambda raw: raw,
                                                  response_deserializer=response.FromString)
        return call(request)

    def stored(self):
        """Bytes of all rows."""
        tables = self.stack.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").split()
        return sum(int(self.stack.sql(f"SELECT coalesce(sum(octet_length(t::text)), 0) FROM {table} t")) for table in tables)

    def test_unknown_fields(self):
        instance = self.register()
        before = self.stored()
        tagged = self.register(1, tags=["t"])
        request = payload_service.DeployPayloadRequest
        requests = {
            "in itself": request(payload_content=b"true", instance_ids=[instance.id], request_id="1").SerializeToString()
            + unknown_field(UNKNOWN),
            # Of the selector and the rollout, which are fields 2 and 8.
            "below it": request(payload_content=b"true", request_id="2").SerializeToString()
            + field(2, field(2, b"t") + unknown_field(UNKNOWN // 2)) + field(8, unknown_field(UNKNOWN // 2)),
        }
        for where, request in requests.items():
            with self.subTest(where):
                answer = self.call_raw("PayloadService/DeployPayload", request, payload_service.DeployPayloadResponse)
                self.assertEqual(len(answer.payload_ids), 1, answer)
                self.assertLess(self.stored() - before, 10000)
                listed = self.stack.payloads.ListDeployments(payload_service.ListDeploymentsRequest())
                self.assertLess(listed.ByteSize(), 10000)
                got = self.stack.payloads.GetDeployment(payload_service.GetDeploymentRequest(
                    deployment_id=answer.deployment_id))
                self.assertLess(got.ByteSize(), 10000)
                self.assertIn(self.stack.get(answer.payload_ids[0]).instance_id, (instance.id, tagged.id))

    def check_pages(self, call, request, field, expected):
        """Pages of what is wanted come whole, each within a client's limit, and together they are everything, once."""
        ids, pages, token = [], 0, ""
        while True:
            answer = call(request(page_size=1000, page_token=token))
            self.assertLess(answer.ByteSize(), MAX_MESSAGE)
            page = [row.id for row in getattr(answer, field)]
            self.assertTrue(page or not answer.next_page_token, "a page with nothing on it is not the last")
            ids += page
            pages += 1
            token = answer.next_page_token
            if not token:
                break
        self.assertGreater(pages, 1)
        self.assertEqual(len(ids), len(set(ids)))
        self.assertEqual(sorted(ids), sorted(expected))

    def tags(self):
        return [f"{n:02}" + "t" * 253 for n in range(64)]

    def test_instances(self):
        ids = [self.register(n, tags=self.tags()).id for n in range(LARGE)]
        self.check_pages(self.stack.instance_stub.ListInstances, instance_service.ListInstancesRequest, "instances", ids)

    def test_deployments(self):
        self.register(tags=self.tags())
        path = self.stack.script("true")
        ids = [self.stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(
            selector=dict(tags=self.tags()), payload_path=path)).deployment_id for _ in range(LARGE)]
        self.check_pages(self.stack.payloads.ListDeployments, payload_service.ListDeploymentsRequest, "deployments", ids)

    def test_payloads_and_tasks(self):
        instance = self.register()
        path = self.stack.script("true")
        request = payload_service.DeployPayloadRequest(instance_ids=[instance.id], payload_path=path)
        answers = []
        for _ in range(LARGE):
            request.remote_path = random_path(1000)
            answers.append(self.stack.payloads.DeployPayload(request))
        self.stack.sql("UPDATE payloads SET error = repeat('e', 16000); UPDATE tasks SET error = repeat('e', 16000)")
        self.check_pages(self.stack.payloads.ListInstancePayloads,
                         lambda **page: payload_service.ListInstancePayloadsRequest(instance_id=instance.id, **page),
                         "payloads", [answer.payload_ids[0] for answer in answers])
        self.check_pages(self.stack.tasks.ListTasks, task_service.ListTasksRequest, "tasks",
                         [answer.task_ids[0] for answer in answers])

    def test_an_error_of_the_database_names_no_host(self):
        payload_id = self.stack.deploy("true", instances=[self.register()]).payload_ids[0]
        self.stack.postgres.kill()

        def refused():
            try:
                self.stack.payloads.GetPayloadStatus(payload_service.GetPayloadStatusRequest(payload_id=payload_id))
            except grpc.RpcError as error:
                return error
            return None

        error = wait_until(refused, "the loss of the database")
        self.assertEqual(error.code(), grpc.StatusCode.UNAVAILABLE)
        for secret in ("127.0.0.1", "localhost", str(self.stack.postgres.port), "longshore@"):
            self.assertNotIn(secret, error.details())


if __name__ == "__main__":
    unittest.main()
