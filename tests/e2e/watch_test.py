"""WatchPayload on several api_servers: through any of them, over the death of one, and by thousands at once."""

import asyncio
import collections
import os
import unittest

import grpc

from harness.api import payload_grpc, payload_service, pb
from harness.patience import Patience, follow
from harness.stack import TERMINAL, Stack

WATCHERS = 2000
CHANNELS = 20


def request(payload_id, offset=0):
    return payload_service.WatchPayloadRequest(payload_id=payload_id, output_offset=offset)


class WatchTest(unittest.TestCase):

    def setUp(self):
        self.stack = Stack(instances=1, api_servers=2)
        self.instance = self.stack.instances[0]

    def tearDown(self):
        self.stack.close()

    def watch_through(self, i, payload_id, offset=0):
        return follow(payload_grpc.PayloadServiceStub(self.stack.channels[i]).WatchPayload(request(payload_id, offset)))

    def go_on(self, word):
        """Lets a script that waits for the file of this name go on."""
        with open(self.instance.path("/root/" + word), "w"):
            pass

    def test_live_through_every_replica(self):
        payload_id = self.stack.deploy("echo first; until [ -e go ]; do sleep 0.05; done; echo last").payload_ids[0]
        # Whichever of them the worker is connected to, the other one learns by NOTIFY.
        watches = [self.watch_through(i, payload_id) for i in (0, 1)]
        for watch in watches:
            while not (event := next(watch)).HasField("output"):
                pass
            self.assertEqual(event.output.data, b"first\n")
        self.go_on("go")
        for watch in watches:
            rest = list(watch)
            self.assertEqual(b"".join(e.output.data for e in rest), b"last\n")
            self.assertEqual(rest[-1].payload.status, pb.PAYLOAD_STATUS_COMPLETED)

    def test_resumes_on_another_replica_at_its_offset(self):
        payload_id = self.stack.deploy("echo first; until [ -e go ]; do sleep 0.05; done; echo last").payload_ids[0]
        watch = self.watch_through(0, payload_id)
        seen = b""
        with self.assertRaises(grpc.RpcError) as caught:
            for event in watch:
                seen += event.output.data
                if seen == b"first\n":
                    self.stack.api_servers[0].kill()
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAVAILABLE)
        self.go_on("go")
        rest = list(self.watch_through(1, payload_id, len(seen)))
        self.assertEqual(b"".join(e.output.data for e in rest), b"last\n")

    def test_status_moves_along_the_arrows(self):
        payload_id = self.stack.deploy("sleep 0.2", execute=True).payload_ids[0]
        order = [pb.PAYLOAD_STATUS_PENDING, pb.PAYLOAD_STATUS_TRANSFERRED, pb.PAYLOAD_STATUS_EXECUTING,
                 pb.PAYLOAD_STATUS_COMPLETED]
        statuses = [e.payload.status for e in self.watch_through(1, payload_id) if e.HasField("payload")]
        self.assertEqual(statuses, sorted(set(statuses), key=order.index))
        self.assertEqual(statuses[-1], pb.PAYLOAD_STATUS_COMPLETED)

    def test_a_payload_at_rest_is_watched_until_it_is_executed(self):
        payload_id = self.stack.deploy("echo hi", execute=False).payload_ids[0]
        self.stack.wait(payload_id, [pb.PAYLOAD_STATUS_TRANSFERRED])
        watch = self.watch_through(1, payload_id)
        self.assertEqual(next(watch).payload.status, pb.PAYLOAD_STATUS_TRANSFERRED)
        self.stack.payloads.ExecutePayload(payload_service.ExecutePayloadRequest(payload_ids=[payload_id]))
        rest = list(watch)
        self.assertEqual(rest[-1].payload.status, pb.PAYLOAD_STATUS_COMPLETED)
        self.assertEqual(b"".join(e.output.data for e in rest), b"hi\n")

    def test_thousands_at_once_slow_and_vanishing_ones_among_them(self):
        # Half a MiB, so that what a slow reader leaves unread does not fit the buffers on the way.
        text = "until [ -e go ]; do sleep 0.05; done; for i in $(seq 8); do printf '%065536d' $i; sleep 0.1; done"
        want = b"".join(b"%065536d" % i for i in range(1, 9))
        payload_id = self.stack.deploy(text).payload_ids[0]
        self.stack.wait(payload_id, [pb.PAYLOAD_STATUS_EXECUTING])
        before = [process.resident() for process in self.stack.api_servers]
        counts = asyncio.run(self.watch_in_thousands(payload_id))
        self.assertEqual(counts, {len(want): WATCHERS})
        for process, bytes_before in zip(self.stack.api_servers, before):
            if "ASAN_OPTIONS" in os.environ:  # It keeps what was freed: the process's size says nothing about the server.
                continue
            # One event of at most 64 KiB a watch, once more as bytes to send and once as sent, and what gRPC needs for a stream;
            # the whole output in memory for each would be eight times that.
            self.assertLess(process.resident() - bytes_before, WATCHERS / 2 * 448 * 1024)
        # Nothing of it is left over: another one is served at once.
        self.assertEqual(b"".join(e.output.data for e in self.watch_through(0, payload_id)), want)

    async def watch_in_thousands(self, payload_id):
        """Watches on both api_servers; returns how many received how many bytes."""
        patience = Patience(f"{WATCHERS} watches")
        connected = 0

        async def read(stub):
            nonlocal connected
            received = 0
            async for event in stub.WatchPayload(request(payload_id)):
                patience.renew()
                connected += event.HasField("payload") and event.payload.status not in TERMINAL
                received += len(event.output.data)
            return received

        async def until(reached):
            """Ends, too, as soon as a watch breaks."""
            while not reached():
                broken = [reader.exception() for reader in readers if reader.done() and reader.exception()]
                if broken:
                    raise AssertionError(f"{len(broken)} watches broke, the first with {broken[0]}")
                if patience.has_run_out():
                    raise patience.error()
                await asyncio.sleep(0.1)

        # What all of them may have been sent and not have read is what an answer to the server's pings waits behind.
        channels = [self.channel(i % 2, 4096) for i in range(CHANNELS)]
        lazy, last = self.channel(0, 1024), self.channel(0, 4096)
        unread = [payload_grpc.PayloadServiceStub(lazy).WatchPayload(request(payload_id)) for _ in range(50)]
        stubs = [payload_grpc.PayloadServiceStub(channel) for channel in channels]
        readers = [asyncio.create_task(read(stubs[number % CHANNELS])) for number in range(WATCHERS)]
        try:
            await until(lambda: connected == WATCHERS)
            for call in unread[::2]:
                call.cancel()
            self.go_on("go")
            await until(lambda: all(reader.done() for reader in readers))
            return dict(collections.Counter([reader.result() for reader in readers]))
        finally:
            # With calls or channels that are left open the interpreter would never end.
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)
            for channel in channels + [lazy]:
                await channel.close()
            # With its last channel gRPC ends a thread, and waits for it without reading what that one writes for each call that
            # has ended: hundreds fill the socket between them. An answer comes after all of that has been read.
            await payload_grpc.PayloadServiceStub(last).GetPayloadStatus(
                payload_service.GetPayloadStatusRequest(payload_id=payload_id), timeout=60)
            await last.close()

    def channel(self, i, unread_bytes):
        """A connection of its own to api_server `i`; each stream takes so many bytes before they are read."""
        credentials = self.stack.tls.client_credentials(self.stack.token)
        return grpc.aio.secure_channel(f"127.0.0.1:{self.stack.api_servers[i].port}", credentials, options=[
            ("grpc.use_local_subchannel_pool", 1), ("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", unread_bytes)])


if __name__ == "__main__":
    unittest.main()
