"""What the tests of malice share: a stack with an honest instance, instances that lie, and the signs that nobody was harmed."""

import os
import re
import socket
import subprocess
import threading

import grpc

from harness import ROOT, TERMINAL, Process, Stack, free_port, instance_service, pb, payload_service, wait_until
from texts import why_not_showable

COMPLETED, FAILED, CANCELLED = TERMINAL
SSH_SERVER = os.path.join(ROOT, "tests/hostile/ssh_server")
WORKER_ATTACKER = os.path.join(ROOT, "tests/hostile/worker_attacker")
# What a worker may grow by while it is lied to, and what an api_server may have.
MAX_GROWTH = 150 * 2**20
MAX_RESIDENT = 400 * 2**20
# Seconds that the server leaves to an instance beyond the timeout, here.
GRACE = 3
HOSTILE_FLAGS = [f"--execution_grace={GRACE}", "--retry_maximum_ms=300"]


class Liar:
    """An instance of tests/hostile/ssh_server_main.cc, registered."""

    def __init__(self, stack, behaviour, ssh_user="root"):
        self.behaviour = behaviour
        key = os.path.join(stack.directory, "hostile_key")
        if not os.path.exists(key):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        port = free_port()
        self.process = Process(f"{behaviour}-{port}", stack.directory,
                               [SSH_SERVER, f"--port={port}", f"--host_key={key}", f"--behaviour={behaviour}"]).start()
        # It counts its connections, so nobody tries one to see whether it listens.
        wait_until(lambda: "listening" in log_of(self.process), "the hostile instance to listen")
        self.id = stack.instance_stub.RegisterInstance(instance_service.RegisterInstanceRequest(
            name=f"{behaviour}-{port}", address="127.0.0.1", port=port, ssh_user=ssh_user)).id

    def kill(self):
        self.process.kill()


class SilentListener:
    """Takes every connection and says nothing; counts those that are there and those that were given up."""

    def __init__(self):
        self.server = socket.socket()
        self.server.bind(("127.0.0.1", 0))
        self.server.listen(512)
        self.port = self.server.getsockname()[1]
        self.opened = self.closed = 0
        self.connections = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            self.opened += 1
            self.connections.append(connection)
            threading.Thread(target=self._wait, args=(connection,), daemon=True).start()

    def _wait(self, connection):
        try:
            while connection.recv(4096):
                pass
        except OSError:
            pass
        self.closed += 1

    def close(self):
        for end in [self.server] + self.connections:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()


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
        return sum(log_of(worker).count("connected to an api_server") for worker in self.workers)

    def check_unharmed(self, test):
        """The processes are what they were, and so is the worker's stream."""
        for process in self.workers + self.api_servers:
            test.assertIsNone(process.child.poll(), f"{process.name} ended: {process.tail()}")
        self.check_memory(test)
        test.assertEqual(self.worker_connections(), self.connections, "a worker connected anew")

    def check_nothing_refused(self, test):
        """No worker has said what no worker may say."""
        for server in self.api_servers:
            test.assertNotIn("worker stream:", log_of(server))

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


def log_of(process):
    with open(process.log, errors="replace") as log:
        return log.read()


def check_error(test, payload, mentions=""):
    """A payload that failed says why, in words that may be shown to anybody."""
    test.assertEqual(payload.status, FAILED, payload)
    test.assertNotEqual(payload.failure_reason, pb.FAILURE_REASON_UNSPECIFIED, payload)
    check_text(test, payload.error)
    test.assertTrue(re.search(mentions, payload.error, re.IGNORECASE), f"{mentions!r} is not mentioned: {payload.error!r}")


def check_text(test, text):
    test.assertEqual(why_not_showable(text), "", repr(text))
