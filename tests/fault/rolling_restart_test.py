"""Every api_server and worker is drained and started anew, one after the other, under load: clients see reconnects and nothing
else.

With LONGSHORE_OLD_BINARIES, a folder with api_server and payload_worker of an earlier version, it begins with those and ends with
the present ones: both versions side by side on the way (tools/upgrade.sh).
"""

import os
import random
import subprocess
import threading
import time
import unittest

import grpc

from harness.api import payload_service, pb
from harness.errors import server_went_away
from harness.held import held_by, hold, let_go
from harness.patience import PATIENCE, follow, wait_until
from harness.programs import LONGSHORE, PROGRAMS
from harness.stack import Stack

OLD = os.environ.get("LONGSHORE_OLD_BINARIES")
OLD_PROGRAMS = {name: os.path.join(OLD, name) for name in PROGRAMS} if OLD else PROGRAMS
CLIENTS = 6
INSTANCES = 3
# How many scripts run over all of it; tools/upgrade.sh has many more.
RUNNING = int(os.environ.get("LONGSHORE_RUNNING", INSTANCES))


class RollingRestartTest(unittest.TestCase):

    def setUp(self):
        # An earlier version does not know the flags that came after it.
        self.stack = Stack(instances=INSTANCES, api_servers=2, workers=2, binaries=OLD_PROGRAMS, insecure=bool(OLD), api_flags=[
            "--undefok=authorized_keys_file,insecure,providers", f"--max_running_per_instance={RUNNING + CLIENTS}"],
                           worker_flags=["--undefok=insecure"])
        self.addCleanup(self.stack.close)
        self.stop = threading.Event()
        self.addCleanup(self.stop.set)
        self.outputs = {}  # Payload id -> (what it should print, what its watcher has seen).
        self.problems = []
        self.reconnects = 0

    def call(self, method, request):
        """The answer, from whichever replica has one; only a server that went away is a reason to ask again."""
        for turn in range(1000):
            stub = self.stack.stubs(turn % 2).payloads
            try:
                return getattr(stub, method)(request, timeout=PATIENCE)
            except grpc.RpcError as error:
                if not server_went_away(error):
                    raise
                self.reconnects += 1
                time.sleep(0.05)
        raise AssertionError(f"{method} was never answered")

    def watch(self, payload_id):
        """Everything that it printed, resumed at the byte where a stream ended."""
        seen = b""
        for turn in range(1000):
            try:
                for event in follow(self.stack.stubs(turn % 2).payloads.WatchPayload(
                        payload_service.WatchPayloadRequest(payload_id=payload_id, output_offset=len(seen)))):
                    if event.HasField("output"):
                        if event.output.offset != len(seen):
                            raise AssertionError(f"byte {event.output.offset} after {len(seen)}")
                        seen += event.output.data
                return seen
            except grpc.RpcError as error:
                if not server_went_away(error):
                    raise
                self.reconnects += 1
                time.sleep(0.05)
        raise AssertionError("never watched to the end")

    def client(self, number):
        rng = random.Random(number)
        turn = 0
        try:
            while not self.stop.is_set():
                turn += 1
                token = f"c{number}-{turn}"
                lines = rng.randint(1, 20)
                text = f"echo {token} >> /root/ledger; for i in $(seq {lines}); do echo {token} $i; sleep 0.1; done\n"
                answer = self.call("DeployPayload", payload_service.DeployPayloadRequest(
                    instance_ids=[rng.choice(self.stack.instances).id], payload_content=text.encode(), execute_payload=True,
                    remote_path=f"/root/{token}.sh", request_id=token))
                expected = "".join(f"{token} {i}\n" for i in range(1, lines + 1)).encode()
                self.outputs[answer.payload_ids[0]] = (token, expected, self.watch(answer.payload_ids[0]))
        except BaseException as error:  # Told below.
            self.problems.append(error)

    def wait_for_more(self):
        """For as many runs to end as there are clients, so that some began before and some begin after."""
        target = len(self.outputs) + CLIENTS
        wait_until(lambda: self.problems or len(self.outputs) >= target, f"{CLIENTS} more runs")

    def deploy_held(self, number):
        """Scripts that run over all of it, one on each instance: by payload, what it writes to the ledger and what it prints."""
        token = f"over-all-{number}"
        answer = self.call("DeployPayload", payload_service.DeployPayloadRequest(
            instance_ids=[instance.id for instance in self.stack.instances], execute_payload=True, timeout=3600,
            payload_content=f"echo {token} >> /root/ledger; echo before; {held_by(RUNNING // INSTANCES)}; echo after\n".encode(),
            remote_path=f"/root/{token}.sh", request_id=token))
        return {payload_id: (token, b"before\nafter\n") for payload_id in answer.payload_ids}

    def test_nobody_notices(self):
        for instance in self.stack.instances:
            hold(instance)
        held = {}
        for number in range(-(-RUNNING // INSTANCES)):
            held |= self.deploy_held(number)
        for payload_id in held:
            self.stack.wait_output(payload_id, "before")
        clients = [threading.Thread(target=self.client, args=(number,)) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        for process in self.stack.workers + self.stack.api_servers:
            self.wait_for_more()
            self.assertEqual(process.terminate(), 0, process.tail())
            name = "payload_worker" if process in self.stack.workers else "api_server"
            process.command[0] = PROGRAMS[name]
            process.start()
        self.wait_for_more()
        self.stop.set()
        for client in clients:
            client.join()
        self.assertEqual(self.problems, [])
        for instance in self.stack.instances:
            let_go(instance)
        for payload_id, (token, expected) in held.items():
            self.assertEqual(self.stack.wait(payload_id).output.encode(), expected)
            self.outputs[payload_id] = (token, expected, expected)
        ledger = [word for instance in self.stack.instances for word in instance.ledger()]
        for payload_id, (token, expected, seen) in self.outputs.items():
            self.assertEqual(seen, expected)
            self.assertEqual(ledger.count(token), INSTANCES if payload_id in held else 1)
            self.assertEqual(self.stack.get(payload_id).status, pb.PAYLOAD_STATUS_COMPLETED)
        self.assertEqual(len(ledger), len(self.outputs))
        subprocess.run([LONGSHORE, "verify", "--database", self.stack.database_url,
                        f"--max-running-per-instance={RUNNING + CLIENTS}"], check=True)
        # Also what an earlier version started, under the names that it gave.
        wait_until(lambda: self.stack.sql("SELECT count(*) FROM run_cleanups") == "0", "the cleanups")
        for instance in self.stack.instances:
            self.assertEqual((instance.run_directories(), instance.uploads()), ([], []))


if __name__ == "__main__":
    unittest.main()
