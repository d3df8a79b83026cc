"""Workers that lie: docs/guarantees.md rows 40 to 43. A worker speaks for what it holds, and for nothing else."""

import base64
import os
import re
import signal
import socket
import struct
import subprocess
import unittest

import grpc

from harness.api import instance_service, pb, task_pb, worker_service
from harness.errors import expect_error
from harness.patience import wait_until
from harness.process import Process
from harness.stack import Stack
from hostile.fake_worker import FakeWorker
from hostile.stack import COMPLETED, FAILED, HOSTILE_FLAGS, WORKER_ATTACKER, HostileStack, check_error

MESSAGES = int(os.environ.get("HOSTILE_MESSAGES", 1000000))
ED25519 = base64.b64encode(struct.pack(">I11sI32s", 11, b"ssh-ed25519", 32, bytes(32))).decode()
# Who is slow on a busy machine does not lose a lease for that.
PATIENT_FLAGS = HOSTILE_FLAGS + ["--lease_duration_ms=20000"]
HELD = "echo begun; until [ -e /root/go ]; do sleep 0.05; done; echo end\n"


class AttackTest(unittest.TestCase):
    """Beside an honest worker."""

    def start(self, **kwargs):
        self.stack = HostileStack(**kwargs)
        self.addCleanup(self.stack.close)
        self.instance = self.stack.instances[0]
        return self.stack

    def attacker(self, **kwargs):
        worker = FakeWorker(self.stack, **kwargs)
        self.addCleanup(worker.close)
        return worker

    def attack(self, *flags):
        """Starts tests/hostile/worker_attacker.cc."""
        process = Process("attacker", self.stack.directory,
                          [WORKER_ATTACKER, f"--server=127.0.0.1:{self.stack.worker_ports[0]}",
                           *self.stack.worker_flags("attacker"), *flags]).start()
        self.addCleanup(process.kill)
        return process

    def sent(self, process):
        """How many messages it has sent, by hundreds."""
        return max((int(n) for n in re.findall(r"sent (\d+)", process.read_log())), default=0)

    def check_memory(self):
        self.stack.check_memory(self)

    def held(self):
        """A payload that runs until let_go(); returns its id, task and epoch."""
        response = self.stack.deploy(HELD)
        self.stack.wait_output(response.payload_ids[0], "begun\n")
        return response.payload_ids[0], response.task_ids[0], self.epoch(response.task_ids[0])

    def epoch(self, task_id):
        return int(self.stack.sql(f"SELECT lease_epoch FROM tasks WHERE id = {task_id}"))

    def let_go(self):
        with open(self.instance.path("/root/go"), "w"):
            pass

    def assert_its_own_end(self, payload_id):
        payload = self.stack.wait(payload_id)
        self.assertEqual((payload.status, payload.output, payload.exit_code), (COMPLETED, "begun\nend\n", 0), payload)


class FuzzTest(AttackTest):

    def test_a_million_messages(self):
        stack = self.start(api_flags=PATIENT_FLAGS)
        host_keys = stack.sql("SELECT string_agg(host_key, '|' ORDER BY id) FROM instances")
        for _ in range(5):  # So that small numbers are those of real tasks, and epochs too.
            stack.run_honest()
        attacker = self.attack(f"--messages={MESSAGES}")
        payloads = []
        while attacker.child.poll() is None:
            payload_id, output = stack.deploy_honest()
            failing = stack.deploy("echo failing; exit 7", instances=[self.instance]).payload_ids[0]
            payload = stack.wait(payload_id)
            self.assertEqual((payload.status, payload.output), (COMPLETED, output), payload)
            payload = stack.wait(failing)
            self.assertEqual((payload.status, payload.exit_code, payload.output), (FAILED, 7, "failing\n"), payload)
            payloads += [payload_id, failing]
            self.check_memory()
        self.assertEqual(attacker.child.returncode, 0, attacker.tail())
        print(f"{attacker.tail().splitlines()[-1]}, {len(payloads)} payloads meanwhile", flush=True)
        # Nothing that it said is anywhere.
        self.assertEqual(stack.sql("SELECT count(*) FROM payloads WHERE status NOT IN ('COMPLETED', 'FAILED')"), "0")
        self.assertEqual(stack.sql("SELECT count(*) FROM payloads p WHERE p::text ~ 'EVIL'"), "0")
        self.assertEqual(stack.sql("SELECT count(*) FROM tasks t WHERE t::text ~ 'EVIL'"), "0")
        self.assertEqual(stack.sql("SELECT count(*) FROM payload_output WHERE position('EVIL'::bytea IN data) > 0"), "0")
        self.assertEqual(stack.sql("SELECT count(*) FROM task_logs WHERE log LIKE '%EVIL%'"), "0")
        self.assertEqual(stack.sql("SELECT string_agg(host_key, '|' ORDER BY id) FROM instances"), host_keys)
        self.assertEqual(stack.sql("SELECT count(*) FROM tasks WHERE attempt > 1"), "0", "nobody was disturbed")
        wait_until(lambda: not self.instance.run_directories(), "the cleanup, of which it said that it was done")
        self.assertEqual(stack.worker_connections(), stack.connections, "the honest worker's stream went on")
        self.check_memory()


class ForeignLeaseTest(AttackTest):
    """Row 40: the right task and the right epoch, and somebody else's."""

    def test_no_event_is_taken(self):
        stack = self.start(api_flags=PATIENT_FLAGS)
        payload_id, task_id, epoch = self.held()
        attacker = self.attacker().connected()
        duration = worker_service.Finished().execution_time
        for kind in (dict(output=worker_service.OutputChunk(offset=6, data=b"EVIL")),
                     dict(transferred=worker_service.Transferred(remote_path="/evil")),
                     dict(executing=worker_service.Executing()),
                     dict(host_key_seen=worker_service.HostKeySeen(host_key=f"ssh-ed25519 {ED25519}")),
                     dict(retry=worker_service.Retry(failure_reason=pb.FAILURE_REASON_UNREACHABLE, error="EVIL")),
                     dict(released=worker_service.Released()),
                     dict(provisioned=worker_service.Provisioned(ready=False, error="EVIL")),
                     dict(finished=worker_service.Finished(status=pb.PAYLOAD_STATUS_COMPLETED, executed=True, exit_code=0,
                                                           execution_time=duration, output_bytes=6)),
                     dict(finished=worker_service.Finished(status=pb.PAYLOAD_STATUS_FAILED, error="EVIL", executed=True,
                                                           failure_reason=pb.FAILURE_REASON_INTERNAL))):
            with self.subTest(list(kind)):
                self.assertTrue(attacker.event(task_id, epoch, **kind), "it was not told that it does not hold the lease")
                self.assertEqual(self.epoch(task_id), epoch)
                self.assertEqual(stack.task(task_id).status, task_pb.TASK_STATUS_RUNNING)
                self.assertEqual(stack.get(payload_id).output, "begun\n")
        self.let_go()
        self.assert_its_own_end(payload_id)
        self.assertEqual(stack.task(task_id).attempt, 1)
        self.assertEqual(stack.sql("SELECT count(*) FROM instances WHERE host_key LIKE '%' || '" + ED25519 + "'"), "0")
        stack.check_unharmed(self)

    def test_no_lease_is_renewed(self):
        stack = self.start()
        payload_id, task_id, epoch = self.held()
        attacker = self.attacker().connected()
        # Its holder does not renew it meanwhile.
        stack.workers[0].signal(signal.SIGSTOP)
        self.addCleanup(stack.workers[0].signal, signal.SIGCONT)
        for sequence in range(1, 4):
            until = stack.sql(f"SELECT lease_until FROM tasks WHERE id = {task_id} AND lease_epoch = {epoch}")
            self.assertEqual(attacker.heartbeat(sequence, (task_id, epoch)), [(task_id, epoch)])
            self.assertIn(stack.sql(f"SELECT lease_until FROM tasks WHERE id = {task_id}"), (until, ""))
        wait_until(lambda: stack.sql(f"SELECT status FROM tasks WHERE id = {task_id}") == "PENDING", "the lease's end")
        stack.workers[0].signal(signal.SIGCONT)
        self.let_go()
        self.assert_its_own_end(payload_id)

    def test_no_cleanup_is_taken_for_done(self):
        stack = self.start()
        wait_until(lambda: not self.instance.run_directories(), "the cleanups before")
        # What is mounted in it cannot be removed.
        stack.wait(stack.deploy("cd /var/lib/longshore/runs/*; mkdir m; mount -t tmpfs none m").payload_ids[0])
        wait_until(lambda: stack.sql("SELECT count(*) FROM run_cleanups WHERE failures > 0") == "1", "the failed cleanup")
        payload_id, attempt = stack.sql("SELECT payload_id, attempt FROM run_cleanups").split("|")
        attacker = self.attacker().connected()
        for task_id, epoch in ((0, 0), (int(stack.get(int(payload_id)).task_id), 1)):
            attacker.event(task_id, epoch, cleaned=worker_service.Cleaned(payload_id=int(payload_id), attempt=int(attempt)))
            self.assertEqual(stack.sql("SELECT count(*) FROM run_cleanups"), "1")


class HelloTest(AttackTest):

    def test_its_public_key_lets_nobody_in(self):
        """Row 41. Field 5 of the hello of earlier versions."""
        stack = self.start()
        key = f"ssh-ed25519 {ED25519}".encode()
        hello = worker_service.WorkerHello(name="attacker", incarnation="1").SerializeToString()
        attacker = self.attacker(hello=False)
        attacker.send(hello=worker_service.WorkerHello.FromString(hello + b"\x2a" + bytes([len(key)]) + key))
        attacker.connected()
        wait_until(lambda: stack.sql("SELECT count(*) FROM workers WHERE name = 'attacker'") == "1", "the hello to be stored")
        made = stack.instance_stub.CreateInstance(instance_service.CreateInstanceRequest(name="new")).instances[0]
        stack.wait_instance(made.id)
        (machine,) = stack.machine_keys()
        with open(os.path.join(stack.machines, machine, "authorized_keys")) as file:
            lines = file.read().splitlines()
        self.assertEqual([line for line in lines if ED25519 in line], [])
        self.assertEqual(len(lines), 1, "the honest worker's")
        self.assertEqual(stack.wait(stack.deploy("true", instances=[made]).payload_ids[0]).status, COMPLETED)

    def test_no_hello(self):
        """Row 43: the stream ends by itself."""
        self.start()
        attacker = self.attacker(hello=False)
        self.assertIn(attacker.ended(), (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.DEADLINE_EXCEEDED,
                                         grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED))
        self.stack.run_honest()
        self.stack.check_unharmed(self)

    def test_one_byte_at_a_time(self):
        """Row 43: a hello that comes, and never ends."""
        self.start()
        with socket.create_connection(("127.0.0.1", self.stack.worker_ports[0])) as connection:
            connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") + frame(1, 4, 1, headers({
                ":method": "POST", ":scheme": "http", ":path": "/longshore.v1.WorkerService/Connect", ":authority": "x",
                "content-type": "application/grpc", "te": "trailers"})))
            hello = worker_service.WorkerMessage(hello=worker_service.WorkerHello(
                name="n" * 250, incarnation="i" * 250)).SerializeToString()
            received = b""
            connection.settimeout(0.2)
            for byte in struct.pack(">BI", 0, len(hello)) + hello[:-1]:
                connection.sendall(frame(0, 0, 1, bytes([byte])))
                try:
                    data = connection.recv(65536)
                except TimeoutError:
                    continue
                received += data
                if not data or ends(received):
                    break
            else:
                self.fail("it was taken to its last byte")
        self.stack.run_honest()
        self.stack.check_unharmed(self)


def frame(kind, flags, stream, payload):
    """One of HTTP/2."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def headers(fields):
    """In HPACK without its table and without Huffman's code."""
    return b"".join(b"\x00" + bytes([len(k)]) + k.encode() + bytes([len(v)]) + v.encode() for k, v in fields.items())


def ends(received):
    """Whether among the frames is one that ends stream 1: RST_STREAM, GOAWAY, or headers with END_STREAM."""
    while len(received) >= 9:
        length, kind, flags = int.from_bytes(received[:3], "big"), received[3], received[4]
        if kind in (3, 7) or kind == 1 and flags & 1:
            return True
        received = received[9 + length:]
    return False


class FloodTest(AttackTest):
    """Row 43: what it sends and does not read costs the others nothing."""

    def flood(self, *flags):
        """Goes on until the attacker is held up, or has sent everything and waits."""
        attacker = self.attack("--reads=false", *flags)
        wait_until(lambda: "sent" in attacker.read_log(), "the flood")
        before = -1
        while self.sent(attacker) > before:
            before = self.sent(attacker)
            for _ in range(5):
                self.stack.run_honest()
                self.check_memory()
        attacker.kill()
        self.stack.run_honest()
        self.check_memory()
        self.stack.check_unharmed(self)

    def test_heartbeats(self):
        self.start()
        self.flood("--attack=heartbeats", "--messages=100000")

    def test_scripts(self):
        stack = self.start()
        stack.wait(stack.deploy("true\n" + "#" * 2000000).payload_ids[0])
        sha256 = stack.sql("SELECT encode(sha256, 'hex') FROM scripts WHERE length(content) > 1000000")
        self.flood("--attack=scripts", "--messages=300", f"--sha256={sha256}")

    def test_credit(self):
        stack = self.start(instances=4)
        attacker = self.attacker().connected()
        # All that it gave is taken back; a sum of 32 bits would be as much as ever.
        for count in (2**31 - 1, 2**31 - 1, -2**31):
            attacker.send(credit=worker_service.Credit(count=count))
        attacker.heartbeat(1)  # Everything before it has been taken.
        for payload_id in stack.deploy("echo together").payload_ids:
            payload = stack.wait(payload_id)
            self.assertEqual((payload.status, payload.output), (COMPLETED, "together\n"), payload)
        self.assertEqual([message for message in attacker.told if message.HasField("assignment")], [])
        stack.check_unharmed(self)


class HolderTest(unittest.TestCase):
    """What the holder of a lease may not say either. There is no other worker, and nothing answers at the instances' port."""

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=0, workers=0, api_flags=HOSTILE_FLAGS)
        cls.number = 0

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def setUp(self):
        self.worker = None

    def assigned(self):
        """Deploys to a new instance and takes the assignment, as a new worker, the only one."""
        if self.worker is not None:
            self.worker.close()
        self.worker = FakeWorker(self.stack, name="holder", capacity=100).connected()
        self.addCleanup(self.worker.close)
        type(self).number += 1
        instance = self.stack.instance_stub.RegisterInstance(instance_service.RegisterInstanceRequest(
            name=f"none-{self.number}", address="127.0.0.1", port=1))
        response = self.stack.deploy("true", instances=[instance])
        return self.worker.assignment(response.payload_ids[0])

    def host_key(self, instance_id):
        return self.stack.sql(f"SELECT host_key FROM instances WHERE id = {instance_id}")

    def check_refused(self, assignment, **kind):
        """The event costs that lease and that payload, not the stream."""
        self.assertTrue(self.worker.event(assignment.task_id, assignment.lease_epoch, **kind))
        payload = self.stack.wait(assignment.payload_id)
        check_error(self, payload)
        self.assertEqual(payload.failure_reason, pb.FAILURE_REASON_INTERNAL, payload)
        self.worker.heartbeat(assignment.task_id)
        self.assertIsNone(self.worker.status)

    def test_host_keys(self):
        """Row 42."""
        good = f"ssh-ed25519 {ED25519}"
        for key in (f"{good}\n* ssh-ed25519 {ED25519}", f"{good}\r\nx", f"x-foreign {ED25519}", f"ssh-rsa {ED25519}",
                    f"ssh-ed25519 {base64.b64encode(bytes(15000)).decode()}", "ssh-ed25519 no base64!", "ssh-ed25519", ED25519,
                    f"@cert-authority {good}", f"{good} \x1b[31m"):
            with self.subTest(key[:60]):
                assignment = self.assigned()
                self.check_refused(assignment, host_key_seen=worker_service.HostKeySeen(host_key=key))
                self.assertEqual(self.host_key(assignment.instance_id), "")

    def test_a_good_host_key(self):
        assignment = self.assigned()
        good = f"ssh-ed25519 {ED25519}"
        self.assertFalse(self.worker.event(assignment.task_id, assignment.lease_epoch,
                                           host_key_seen=worker_service.HostKeySeen(host_key=good)))
        decision = self.worker.wait("host_key_decision", lambda decision: decision.task_id == assignment.task_id)
        self.assertEqual(decision.host_key, good)
        self.assertEqual(self.host_key(assignment.instance_id), good)

    def test_the_database_takes_no_host_key_of_two_lines(self):
        assignment = self.assigned()
        for key in (f"ssh-ed25519 {ED25519}\n* ssh-ed25519 {ED25519}", "ssh-ed25519 " + "A" * 20000):
            with self.assertRaises(subprocess.CalledProcessError):
                self.stack.sql(f"UPDATE instances SET host_key = '{key}' WHERE id = {assignment.instance_id}")
        self.assertEqual(self.host_key(assignment.instance_id), "")

    def test_a_registered_host_key(self):
        for key in (f"ssh-ed25519 {ED25519}\n* ssh-ed25519 {ED25519}", f"x-foreign {ED25519}", f"ssh-rsa {ED25519}"):
            request = instance_service.RegisterInstanceRequest(name="keyed", address="127.0.0.1", port=1, host_key=key)
            expect_error(self, lambda request=request: self.stack.instance_stub.RegisterInstance(request),
                         grpc.StatusCode.INVALID_ARGUMENT)

    def test_events_that_break_a_rule(self):
        text = "t" * 16385
        finished = dict(status=pb.PAYLOAD_STATUS_FAILED, failure_reason=pb.FAILURE_REASON_INTERNAL)
        for kind in (dict(output=worker_service.OutputChunk(offset=-1, data=b"x")),
                     dict(output=worker_service.OutputChunk(offset=2**63 - 1, data=b"x")),
                     dict(output=worker_service.OutputChunk(offset=0, data=b"")),
                     dict(output=worker_service.OutputChunk(offset=0, data=b"x" * 65537)),
                     dict(output=worker_service.OutputChunk(offset=524280, data=b"x" * 100)),
                     dict(transferred=worker_service.Transferred(remote_path="/" + "p" * 20000)),
                     dict(retry=worker_service.Retry(failure_reason=pb.FAILURE_REASON_UNREACHABLE, error=text)),
                     dict(retry=worker_service.Retry(failure_reason=pb.FAILURE_REASON_UNREACHABLE, error="nul\0")),
                     dict(finished=worker_service.Finished(error=text, **finished)),
                     dict(finished=worker_service.Finished(executed=True, exit_code=999, **finished)),
                     dict(finished=worker_service.Finished(output_bytes=-1, **finished)),
                     dict(finished=worker_service.Finished(status=pb.PAYLOAD_STATUS_COMPLETED, executed=True)),
                     dict(finished=worker_service.Finished(status=pb.PAYLOAD_STATUS_EXECUTING)),
                     {}):
            with self.subTest(str(kind)[:80]):
                self.check_refused(self.assigned(), **kind)

    def test_a_broken_sequence_ends_the_stream(self):
        assignment = self.assigned()
        self.worker.event(assignment.task_id, assignment.lease_epoch, executing=worker_service.Executing())
        next(self.worker.sequences)
        self.worker.send(events=worker_service.TaskEvents(events=[worker_service.TaskEvent(
            sequence=next(self.worker.sequences), task_id=assignment.task_id, lease_epoch=assignment.lease_epoch,
            executing=worker_service.Executing())]))
        self.assertEqual(self.worker.ended(), grpc.StatusCode.INVALID_ARGUMENT)

    def test_a_second_hello_ends_the_stream(self):
        self.assigned()
        self.worker.send(hello=worker_service.WorkerHello(name="holder", incarnation="2"))
        self.assertEqual(self.worker.ended(), grpc.StatusCode.INVALID_ARGUMENT)


if __name__ == "__main__":
    unittest.main()
