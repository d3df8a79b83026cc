"""A worker in the hands of a test: one stream to an api_server, on which the test says what it likes."""

import itertools
import queue
import threading

import grpc

from harness.api import worker_grpc, worker_service
from harness.patience import wait_until


class FakeWorker:
    """Says hello at once to the stack's first api_server, unless `hello` is False, and keeps everything that it is told. Its
    certificate is for `certificate`, or for its name."""

    def __init__(self, stack, name="attacker", capacity=0, hello=True, certificate=None, **fields):
        self.channel = grpc.secure_channel(f"127.0.0.1:{stack.worker_ports[0]}",
                                           stack.tls.worker_credentials(certificate or name))
        self.outgoing = queue.Queue()
        self.told = []
        self.status = None  # Once the stream is over.
        self.sequences = itertools.count(1)
        if hello:
            self.send(hello=worker_service.WorkerHello(name=name, incarnation="1", version="0", capacity=capacity, **fields))
        self.stream = worker_grpc.WorkerServiceStub(self.channel).Connect(iter(self.outgoing.get, None))
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            for message in self.stream:
                self.told.append(message)
            self.status = grpc.StatusCode.OK
        except grpc.RpcError as error:
            self.status = error.code()

    def send(self, **kind):
        self.outgoing.put(worker_service.WorkerMessage(**kind))

    def wait(self, kind, condition=lambda _: True):
        """The first message of that kind that it has been told and that is as asked."""
        def look():
            for message in list(self.told):
                if message.HasField(kind) and condition(getattr(message, kind)):
                    return getattr(message, kind)
            if self.status is not None:
                raise AssertionError(f"the stream ended with {self.status} before {kind} came: {self.told}")
            return None

        return wait_until(look, kind)

    def connected(self):
        self.wait("welcome")
        return self

    def event(self, task_id, lease_epoch, **kind):
        """Sends one; returns whether the server says that the lease is not, or no more, this worker's."""
        sequence = next(self.sequences)
        self.send(events=worker_service.TaskEvents(events=[
            worker_service.TaskEvent(sequence=sequence, task_id=task_id, lease_epoch=lease_epoch, **kind)]))
        answer = self.wait("acknowledge", lambda acknowledge: acknowledge.sequence >= sequence)
        return (task_id, lease_epoch) in [(lost.task_id, lost.lease_epoch) for lost in answer.lost]

    def heartbeat(self, sequence, *leases):
        """Asks to keep the leases, pairs of task and epoch; returns those that it does not hold."""
        self.send(heartbeat=worker_service.Heartbeat(sequence=sequence, task_ids=[task for task, _ in leases],
                                                     lease_epochs=[epoch for _, epoch in leases]))
        answer = self.wait("leases_renewed", lambda renewed: renewed.sequence == sequence)
        return [(lost.task_id, lost.lease_epoch) for lost in answer.lost]

    def assignment(self, payload_id):
        return self.wait("assignment", lambda assignment: assignment.payload_id == payload_id)

    def ended(self):
        """How the stream ended; waits for it."""
        wait_until(lambda: self.status is not None, "the end of the stream")
        return self.status

    def close(self):
        self.outgoing.put(None)
        self.stream.cancel()
        self.channel.close()
