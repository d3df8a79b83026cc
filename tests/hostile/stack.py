"""What the tests of malice share: a stack with an honest instance, instances that lie, and the signs that nobody was harmed."""

import os
import re

import grpc

from harness.api import payload_service, pb
from harness.errors import why_not_showable
from harness.programs import ROOT
from harness.stack import TERMINAL, Stack
from hostile.liar import Liar

COMPLETED, FAILED, CANCELLED = TERMINAL
WORKER_ATTACKER = os.path.join(ROOT, "tests/hostile/worker_attacker")
# What a worker may grow by while it is lied to, and what an api_server may have.
MAX_GROWTH = 150 * 2**20
MAX_RESIDENT = 400 * 2**20
# Seconds that the server leaves to an instance beyond the timeout, here.
GRACE = 3
HOSTILE_FLAGS = [f"--execution_grace={GRACE}", "--retry_maximum_ms=300"]


class HostileStack(Stack):
    """One api_server, one worker, one honest instance."""

    def __init__(self, **kwargs):
        kwargs.setdefault("api_flags", HOSTILE_FLAGS)
        super().__init__(**kwargs)
        self.honest_runs = 0
        self.liars = []
        # Its host key is pinned, and everything that is needed once has been made.
        if self.instances:
            self.run_honest()
        self.resident = [worker.resident() for worker in self.workers]
        self.connections = self.worker_connections()

    def liar(self, behaviour, **fields):
        liar = Liar(self, behaviour, **fields)
        self.liars.append(liar)
        return liar

    def deploy_honest(self):
        """Returns the payload's id and what it will print."""
        self.honest_runs += 1
        text = f"true {self.honest_runs}"
        return self.deploy(f"echo {text}", instances=[self.instances[0]]).payload_ids[0], text + "\n"

    def run_honest(self):
        """A payload of the honest instance completes with its own output."""
        payload_id, output = self.deploy_honest()
        payload = self.wait(payload_id)
        if (payload.status, payload.output) != (COMPLETED, output):
            raise AssertionError(f"the honest instance's payload: {payload}")

    def worker_connections(self):
        """How often the workers have connected to an api_server."""
        return sum(worker.read_log().count("connected to an api_server") for worker in self.workers)

    def check_unharmed(self, test):
        """The processes are what they were, and so is the worker's stream."""
        for process in self.workers + self.api_servers:
            test.assertIsNone(process.child.poll(), f"{process.name} ended: {process.tail()}")
        self.check_memory(test)
        test.assertEqual(self.worker_connections(), self.connections, "a worker connected anew")

    def check_nothing_refused(self, test):
        """No worker has said what no worker may say."""
        for server in self.api_servers:
            test.assertNotIn("worker stream:", server.read_log())

    def check_memory(self, test):
        if "ASAN_OPTIONS" in os.environ:
            return
        for worker, before in zip(self.workers, self.resident):
            test.assertLess(worker.resident() - before, MAX_GROWTH, worker.name)
        for server in self.api_servers:
            test.assertLess(server.resident(), MAX_RESIDENT, server.name)

    def close(self):
        for liar in self.liars:
            liar.kill()
        super().close()

    def cancel(self, payload_id):
        """Unless it has ended."""
        try:
            self.payloads.CancelPayload(payload_service.CancelPayloadRequest(payload_id=payload_id))
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.FAILED_PRECONDITION:
                raise

    def maybe_started(self, payload_id):
        """Whether only its instance can say that the script does not run."""
        return self.sql(f"SELECT bool_or(maybe_started) FROM tasks WHERE payload_id = {payload_id}") == "t"


def check_error(test, payload, mentions=""):
    """A payload that failed says why, in words that may be shown to anybody."""
    test.assertEqual(payload.status, FAILED, payload)
    test.assertNotEqual(payload.failure_reason, pb.FAILURE_REASON_UNSPECIFIED, payload)
    check_text(test, payload.error)
    test.assertTrue(re.search(mentions, payload.error, re.IGNORECASE), f"{mentions!r} is not mentioned: {payload.error!r}")


def check_text(test, text):
    test.assertEqual(why_not_showable(text), "", repr(text))
