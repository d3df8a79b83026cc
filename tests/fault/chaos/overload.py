"""The soak under overload: hours of more load than the stack can take, with PostgreSQL slow, the workers gone, or watchers that
do not read, in turn.

Usage: overload.py --minutes N --out FILE

Writes a line every few seconds to FILE: seconds, phase, resident MiB of each process, tasks that are open, and what was accepted
and refused so far; tools/soak.sh draws it. Ends, when everything is settled, with the checks of `longshore verify` and exit
status 1 when one fails.
"""

import argparse
import collections
import itertools
import random
import signal
import subprocess
import sys
import threading
import time

import grpc

from fault.chaos.installation import MAX_OUTPUT_BYTES, ChaosStack
from harness.api import payload_grpc, payload_service
from harness.patience import wait_until
from harness.programs import LONGSHORE

PHASE_SECONDS = 60
SAMPLE_SECONDS = 5
CLIENTS = 6
MOST_OPEN_IN_THE_CALM = 1000
BURST = 200  # More calls at a time than an api_server serves.
# Prints more than is kept, so that it is cut.
LARGE = b"head -c 300000 /dev/zero | tr '\\0' x\n"
SMALL = b"echo one; sleep 0.2; echo two\n"
SETTLE_SECONDS = 1800


class Soak:

    def __init__(self, stack, out):
        self.stack, self.out = stack, out
        self.stopping = threading.Event()
        self.counts = collections.Counter()
        self.lock = threading.Lock()
        self.phase = "calm"
        self.begun = time.monotonic()
        self.unread = []
        self.largest = []
        self.open = 0

    def count(self, what):
        with self.lock:
            self.counts[what] += 1

    def deploy(self, stub, text):
        ids = [instance.id for instance in self.stack.instances]
        try:
            answer = stub.DeployPayload(payload_service.DeployPayloadRequest(
                instance_ids=ids, payload_content=text, execute_payload=True,
                remote_path=f"/root/soak-{random.getrandbits(40):x}.sh"), timeout=20)
            self.count("accepted")
            return answer.payload_ids[0]
        except grpc.RpcError as error:
            self.count(error.code().name)
            return None

    def client(self, number):
        """Deploys one thing after the other, as fast as it is let."""
        stub = self.stack.stubs(number % 2).payloads
        for turn in itertools.count():
            if self.stopping.is_set():
                return
            payload_id = self.deploy(stub, LARGE if turn % 3 == 0 else SMALL)
            if payload_id is None:
                self.stopping.wait(1)
            elif turn % 3 == 0:
                self.largest = (self.largest + [payload_id])[-100:]
            # More than the sshds of one machine can follow; in the calm what has gathered is worked off.
            self.stopping.wait(0.5)
            while self.phase == "calm" and self.open > MOST_OPEN_IN_THE_CALM and not self.stopping.is_set():
                self.stopping.wait(1)

    def burst(self):
        """Far too many calls at once."""
        stub = self.stack.stubs(0).payloads
        threads = [threading.Thread(target=self.deploy, args=(stub, SMALL)) for _ in range(BURST)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    # Each phase is begun by a method that returns its end.

    def calm(self):
        return lambda: None

    def postgres_slow(self):
        for relay in self.stack.database_relays:
            relay.delay, relay.rate = 0.02, 100000
        self.burst()
        return lambda: [relay.heal() for relay in self.stack.database_relays]

    def workers_gone(self):
        for worker in self.stack.workers:
            worker.signal(signal.SIGSTOP)
        return lambda: [worker.signal(signal.SIGCONT) for worker in self.stack.workers]

    def watchers_idle(self):
        channel = grpc.secure_channel(f"127.0.0.1:{self.stack.api_servers[1].port}",
                                      self.stack.tls.client_credentials(self.stack.token),
                                      options=[("grpc.use_local_subchannel_pool", 1), ("grpc.http2.lookahead_bytes", 1024)])
        stub = payload_grpc.PayloadServiceStub(channel)
        self.unread = [stub.WatchPayload(payload_service.WatchPayloadRequest(payload_id=payload_id))
                       for payload_id in self.largest for _ in range(5)]

        def end():
            for call in self.unread:
                call.cancel()
            channel.close()
        return end

    def sample(self):
        processes = self.stack.api_servers + self.stack.workers
        tasks = self.stack.sql("SELECT count(*) FROM tasks WHERE status IN ('PENDING', 'RUNNING')")
        self.open = int(tasks)
        with self.lock:
            counts = dict(self.counts)
        refused = sum(number for what, number in counts.items() if what != "accepted")
        words = [f"{time.monotonic() - self.begun:.0f}", self.phase] + [f"{p.resident() / 2**20:.1f}" for p in processes]
        self.out.write(" ".join(words + [tasks, str(counts.get("accepted", 0)), str(refused)]) + "\n")
        self.out.flush()

    def run(self, seconds):
        threads = [threading.Thread(target=self.client, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        phases = itertools.cycle(["calm", "postgres_slow", "calm", "workers_gone", "calm", "watchers_idle"])
        while time.monotonic() - self.begun < seconds:
            self.phase = next(phases)
            end = getattr(self, self.phase)()
            until = time.monotonic() + PHASE_SECONDS
            while time.monotonic() < until:
                self.sample()
                time.sleep(SAMPLE_SECONDS)
            end()
        self.stopping.set()
        for thread in threads:
            thread.join()
        self.phase = "settling"

        def settled():
            self.sample()
            time.sleep(SAMPLE_SECONDS)
            return self.stack.sql("SELECT count(*) FROM tasks WHERE status IN ('PENDING', 'RUNNING')") == "0"
        wait_until(settled, "the end of all that was accepted", SETTLE_SECONDS)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    stack = ChaosStack(instances=4, workers=2)
    try:
        with open(options.out, "w") as out:
            soak = Soak(stack, out)
            soak.run(options.minutes * 60)
        found = subprocess.run([LONGSHORE, "verify", "--database", stack.database_url,
                                f"--max-output-bytes={MAX_OUTPUT_BYTES}"], check=False)
        print(f"{stack.sql('SELECT count(*) FROM payloads')} payloads; calls: {dict(soak.counts)}")
        print(stack.sql("SELECT string_agg(s || ' ' || n, ', ') FROM (SELECT coalesce(nullif(failure_reason, ''), status) AS s,"
                        " count(*) AS n FROM payloads GROUP BY 1) q"))
        return found.returncode
    finally:
        stack.close()


if __name__ == "__main__":
    sys.exit(main())
