"""What can be read back: lists of payloads, output byte for byte, scripts, workers, and instances as they change."""

import hashlib
import os
import unittest

import grpc

from harness.api import instance_pb, instance_service, payload_service, pb, task_service
from harness.errors import expect_error
from harness.patience import follow, wait_until
from harness.stack import Stack

LIMIT = 16 << 20
DEFAULT_MESSAGE = 4 << 20  # What gRPC's clients take unless they are told otherwise.
INVALID = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND


class ReadsTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=2, api_servers=2, workers=2, api_flags=[f"--max_output_bytes={LIMIT}"])

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def setUp(self):
        self.addCleanup(self.stack.restore)

    def list(self, **fields):
        return self.stack.payloads.ListPayloads(payload_service.ListPayloadsRequest(**fields))

    def read(self, payload_id, offset=0, length=0):
        return self.stack.payloads.ReadPayloadOutput(
            payload_service.ReadPayloadOutputRequest(payload_id=payload_id, offset=offset, length=length))

    def read_all(self, payload_id, length=0):
        """What is stored, as (offset, bytes) of each stretch without a gap, and the total."""
        stretches, at = [], 0
        while True:
            piece = self.read(payload_id, at, length)
            if length:
                self.assertLessEqual(len(piece.data), length)
            if not piece.data:
                self.assertEqual(piece.offset, piece.total)
                return [(offset, bytes(data)) for offset, data in stretches], piece.total
            if stretches and piece.offset == stretches[-1][0] + len(stretches[-1][1]):
                stretches[-1][1].extend(piece.data)
            else:
                stretches.append((piece.offset, bytearray(piece.data)))
            at = piece.offset + len(piece.data)

    def watch_instances(self, replica=0, **fields):
        return follow(self.stack.stubs(replica).instances.WatchInstances(instance_service.WatchInstancesRequest(**fields)))

    def create(self, name, number=1, **fields):
        return [i.id for i in self.stack.instance_stub.CreateInstance(instance_service.CreateInstanceRequest(
            provider="local", name=name, number_of_instances=number, **fields)).instances]

    def test_payloads_by_what_became_of_them(self):
        ids = [i.id for i in self.stack.instances]
        response = self.stack.deploy("[ $(hostname) ] && exit 3", instances=self.stack.instances)
        other = self.stack.run("true")
        for payload_id in response.payload_ids:
            self.stack.wait(payload_id)
        failed = self.list(deployment_id=response.deployment_id, status=pb.PAYLOAD_STATUS_FAILED)
        self.assertEqual([p.id for p in failed.payloads], sorted(response.payload_ids, reverse=True))
        self.assertEqual([p.output for p in failed.payloads], ["", ""])
        reason = self.list(failure_reason=pb.FAILURE_REASON_NONZERO_EXIT, instance_id=ids[0]).payloads
        self.assertIn(response.payload_ids[0], [p.id for p in reason])
        self.assertEqual({p.instance_id for p in reason}, {ids[0]})
        self.assertNotIn(other.id, [p.id for p in reason])
        self.assertEqual(self.list(deployment_id=987654).payloads[:], [])
        page = self.list(deployment_id=response.deployment_id, page_size=1)
        rest = self.list(deployment_id=response.deployment_id, page_size=1, page_token=page.next_page_token)
        self.assertEqual([page.payloads[0].id, rest.payloads[0].id], sorted(response.payload_ids, reverse=True))
        self.assertEqual(rest.next_page_token, "")
        expect_error(self, lambda: self.list(instance_id=ids[0], page_token=page.next_page_token), INVALID, "INVALID_FIELD")
        expect_error(self, lambda: self.list(deployment_id=-1), INVALID, "INVALID_FIELD", ["deployment_id"])

    def test_output_byte_for_byte(self):
        payload = self.stack.run(r"printf '\xff\x00\x1b[31mred\xc3'; seq 100000")
        want = b"\xff\x00\x1b[31mred\xc3" + b"".join(b"%d\n" % i for i in range(1, 100001))
        self.assertEqual(self.read_all(payload.id), ([(0, want)], len(want)))
        self.assertEqual(self.read_all(payload.id, length=100001), ([(0, want)], len(want)))
        self.assertEqual(self.read(payload.id, 3, 4).data, want[3:7])
        self.assertEqual(self.read(payload.id, len(want) + 5).offset, len(want))
        for fields in (dict(offset=-1), dict(length=-1), dict(length=(1 << 20) + 1)):
            expect_error(self, lambda: self.read(payload.id, **fields), INVALID, "INVALID_FIELD", [*fields])
        expect_error(self, lambda: self.read(987654), NOT_FOUND, "PAYLOAD_NOT_FOUND")

    def test_what_was_left_out_is_skipped(self):
        payload = self.stack.run(f"head -c {LIMIT + 1000} /dev/zero | tr '\\0' a; echo; echo end")
        stretches, total = self.read_all(payload.id)
        self.assertEqual(total, LIMIT + 1005)
        self.assertEqual([(offset, len(data)) for offset, data in stretches], [(0, LIMIT // 2), (total - LIMIT // 2, LIMIT // 2)])
        self.assertTrue(stretches[1][1].endswith(b"a\nend\n"))

    def test_status_fits_a_message_whatever_was_printed(self):
        # Each byte that is no UTF-8 takes three in its place.
        payload = self.stack.run(rf"echo begin; head -c {LIMIT - 100} /dev/zero | tr '\0' '\377'; echo; echo end")
        self.assertLess(payload.ByteSize(), DEFAULT_MESSAGE)
        self.assertTrue(payload.output.startswith("begin\n\ufffd") and payload.output.endswith("\ufffd\nend\n"))
        self.assertTrue(payload.output_truncated)
        stretches, total = self.read_all(payload.id)
        self.assertEqual([len(data) for _, data in stretches], [total], "all of it is stored")
        listed = self.list(instance_id=payload.instance_id, page_size=1).payloads[0]
        self.assertFalse(listed.output_truncated, "of what is stored nothing is missing")

    def test_the_script_that_ran(self):
        text = f"# {os.urandom(8).hex()} \u00fc\ntrue\n".encode()
        payload = self.stack.run(text)
        answer = self.stack.payloads.GetScript(payload_service.GetScriptRequest(sha256=payload.script_sha256))
        self.assertEqual((answer.content, answer.size), (text, len(text)))
        self.assertEqual(hashlib.sha256(answer.content).hexdigest(), payload.script_sha256)
        for wrong in ("", "12", payload.script_sha256 + "00", "z" * 64):
            expect_error(self, lambda: self.stack.payloads.GetScript(payload_service.GetScriptRequest(sha256=wrong)), INVALID,
                         "INVALID_FIELD", ["sha256"])
        expect_error(self, lambda: self.stack.payloads.GetScript(payload_service.GetScriptRequest(sha256="0" * 64)), NOT_FOUND,
                     "SCRIPT_NOT_FOUND")

    def test_workers(self):
        def workers():
            return self.stack.tasks.ListWorkers(task_service.ListWorkersRequest()).workers

        wait_until(lambda: len(workers()) == 2, "both workers in the list")
        held = self.stack.deploy("until [ -e /root/go-workers ]; do sleep 0.05; done",
                                 instances=self.stack.instances[:1]).payload_ids[0]
        self.stack.wait(held, [pb.PAYLOAD_STATUS_EXECUTING])
        seen = {worker.name: worker for worker in workers()}
        self.assertEqual(sorted(seen), ["worker-0", "worker-1"])
        self.assertEqual(sum(worker.running for worker in seen.values()), 1)
        for worker in seen.values():
            self.assertGreater(worker.capacity, 0)
            self.assertRegex(worker.version, r"^\d+\.\d+\.\d+")
            self.assertGreaterEqual(worker.seen_at.ToNanoseconds(), worker.connected_at.ToNanoseconds())
        with open(self.stack.instances[0].path("/root/go-workers"), "w"):
            pass
        self.stack.wait(held)
        first = self.stack.tasks.ListWorkers(task_service.ListWorkersRequest(page_size=1))
        rest = self.stack.tasks.ListWorkers(task_service.ListWorkersRequest(page_size=1, page_token=first.next_page_token))
        self.assertEqual({first.workers[0].name, rest.workers[0].name}, set(seen))
        self.assertEqual(rest.next_page_token, "")

    def test_instances_until_they_are_settled(self):
        made = self.create("watched", 2, tags=["watched"])
        registered = self.stack.instances[0].id
        for replica in (0, 1):  # Whichever of them makes the machines, the other one learns of it.
            states = {}
            for instance in self.watch_instances(replica, instance_ids=[*made, registered]):
                self.assertNotEqual(states.get(instance.id), instance.status, "only changes")
                states[instance.id] = instance.status
            self.assertEqual(states, {i: instance_pb.INSTANCE_STATUS_READY for i in [*made, registered]})

    def test_instances_that_match_now_or_later(self):
        watch = self.watch_instances(1, selector=dict(tags=["joining"]))
        one = self.stack.register(self.stack.instances[0], name="joining", tags=["joining"])
        self.assertEqual(next(watch).id, one.id)
        self.stack.instance_stub.UpdateInstance(instance_service.UpdateInstanceRequest(
            instance_id=self.stack.instances[1].id, tags=["joining"]))
        self.assertEqual(next(watch).id, self.stack.instances[1].id)
        self.stack.instance_stub.TerminateInstance(instance_service.TerminateInstanceRequest(instance_id=one.id))
        ended = next(watch)
        self.assertEqual((ended.id, ended.status), (one.id, instance_pb.INSTANCE_STATUS_TERMINATED))
        watch.close()

    def test_wrong_watches_of_instances(self):
        def watch(**fields):
            return lambda: list(self.watch_instances(**fields))

        expect_error(self, watch(), INVALID, "INVALID_FIELD", ["instance_ids"])
        expect_error(self, watch(instance_ids=[1], selector=dict(project="x")), INVALID, "INVALID_FIELD", ["selector"])
        expect_error(self, watch(instance_ids=[-1]), INVALID, "INVALID_FIELD", ["instance_ids"])
        expect_error(self, watch(instance_ids=[987654]), NOT_FOUND, "INSTANCE_NOT_FOUND", [987654])


if __name__ == "__main__":
    unittest.main()
