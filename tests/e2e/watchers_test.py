"""Row 50 of docs/guarantees.md: ten thousand watches at once, slow and vanishing ones among them.

Memory is bounded, nobody's connection is reset, and storing goes on while readers do not read.
"""

import os
import unittest

from harness.api import payload_service, pb
from harness.patience import wait_until
from harness.stack import Stack
from harness.watchers import Watchers
from hostile.eager_worker import OUTPUT, EagerWorker

WATCHES = 10000
IDLE = 500
# What gRPC and the watch keep for each stream, and what the server needs to store ten thousand payloads beside them. All events
# of a deployment in memory for each of its watches would be thirty times that.
BYTES_A_WATCH = 64 * 1024
BYTES_BESIDES = 64 * 2**20
HELD = "until [ -e go ]; do sleep 0.05; done; echo done\n"
# More than fits the buffers between a watch and a client that does not read.
LOUD = "until [ -e go ]; do sleep 0.05; done; for i in $(seq 16); do printf '%065536d' $i; done"


class WatchersTest(unittest.TestCase):

    def start(self, **kwargs):
        self.stack = Stack(**kwargs)
        self.addCleanup(self.stack.close)
        self.server = self.stack.api_servers[0]

    def watch(self, watches, **kwargs):
        watchers = Watchers(self.stack, watches, **kwargs)
        self.addCleanup(watchers.kill)
        return watchers

    def check_memory(self, before, watches):
        if "ASAN_OPTIONS" in os.environ:  # It keeps what was freed: the process's size says nothing about the server.
            return
        growth = self.server.resident() - before
        print(f"{watches} watches: {growth >> 20} MiB, {growth // watches} bytes a watch", flush=True)
        self.assertLess(growth, watches * BYTES_A_WATCH + BYTES_BESIDES)

    def test_ten_thousand_of_payloads_over_one_connection(self):
        self.start(instances=1)
        instance = self.stack.instances[0]
        quiet = [self.stack.deploy(HELD, remote_path=f"/root/quiet-{i}.sh").payload_ids[0] for i in range(5)]
        loud = self.stack.deploy(LOUD, remote_path="/root/loud.sh").payload_ids[0]
        for payload_id in quiet + [loud]:
            self.stack.wait(payload_id, [pb.PAYLOAD_STATUS_EXECUTING])
        before = self.server.resident()
        all_of_them = self.watch(WATCHES, payload_ids=quiet)
        lazy = self.watch(IDLE + 1, payload_ids=[loud], idle=IDLE)
        vanishing = self.watch(IDLE, payload_ids=quiet)
        for watchers in (all_of_them, lazy, vanishing):
            watchers.wait_watching()
        vanishing.kill()
        with open(instance.path("/root/go"), "w"):
            pass
        report = all_of_them.report()
        self.assertEqual((report["broken"], report["least_bytes"], report["least_completed"]), (0, len("done\n"), 1), report)
        # Those that do not read hold up neither the one among them that does, nor storing.
        self.assertEqual(lazy.report()["least_bytes"], 16 * 65536)
        self.assertEqual(self.stack.run("echo after").output, "after\n")
        self.check_memory(before, WATCHES)

    def test_a_thousand_of_a_deployment_to_ten_thousand(self):
        self.start(instances=0, workers=0, api_flags=["--lease_duration_ms=60000"])
        self.stack.sql("INSERT INTO instances (name, provider, address, port, ssh_user, status) "
                       f"SELECT 'i' || n, 'registered', '127.0.0.1', n, 'root', 'READY' FROM generate_series(1, {WATCHES}) n")
        ids = [int(line) for line in self.stack.sql("SELECT id FROM instances ORDER BY id").split()]
        response = self.stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(
            instance_ids=ids, payload_content=b"true", remote_path="/root/payload.sh", execute_payload=True))
        before = self.server.resident()
        lazy = self.watch(901, deployment_id=response.deployment_id, idle=900)
        readers = self.watch(100, deployment_id=response.deployment_id)
        for watchers in (lazy, readers):
            watchers.wait_watching()
        worker = EagerWorker(self.stack)
        self.addCleanup(worker.close)
        # Stored to the end, though 900 do not read; and then read to the end by those who do.
        wait_until(lambda: worker.completed >= WATCHES, "all to be reported")
        wait_until(lambda: self.stack.sql("SELECT count(*) FROM payloads WHERE status <> 'COMPLETED'") == "0", "all to be stored")
        for watchers in (readers, lazy):
            report = watchers.report()
            self.assertEqual((report["broken"], report["least_completed"]), (0, WATCHES), report)
        payload = self.stack.get(response.payload_ids[-1])
        self.assertEqual((payload.status, payload.output), (pb.PAYLOAD_STATUS_COMPLETED, OUTPUT.decode()))
        self.check_memory(before, 1000)


if __name__ == "__main__":
    unittest.main()
