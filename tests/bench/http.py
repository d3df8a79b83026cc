"""What HTTP costs beside gRPC, and thousands of event streams.

Prints the tables "HTTP" of docs/performance.md: calls a second and CPU a call (of api_server and PostgreSQL) of one call by gRPC,
by JSON-RPC and by REST, in turns in one run, all over TLS with a token; then what STREAMS event streams of a payload cost, SLOW
of whose clients do not read. Also ROUNDS and SECONDS, of one measurement, may be set in the environment.
"""

import asyncio
import contextlib
import os
import re
import resource
import ssl
import statistics
import subprocess
import time

from bench.bench import cpu_of
from harness.api import payload_service, pb
from harness.patience import PATIENCE
from harness.programs import ROOT
from harness.stack import Stack
from harness.web import Web

ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = int(os.environ.get("SECONDS", "4"))
STREAMS = int(os.environ.get("STREAMS", "5000"))
SLOW = int(os.environ.get("SLOW", "200"))
# As many as tests/bench/requests has under way.
CONNECTIONS = 8


def by_grpc(stack):
    told = subprocess.run([os.path.join(ROOT, "tests/bench/requests"), f"--server=127.0.0.1:{stack.api_servers[0].port}",
                           f"--seconds={SECONDS}", f"--tls_ca={stack.tls.ca}", f"--token={stack.token}"],
                          check=True, capture_output=True, text=True).stdout
    calls, seconds = re.search(r"calls=(\d+) seconds=([\d.]+)", told).groups()
    return int(calls), float(seconds)


def by_wrk(stack, path, body=None):
    script = os.path.join(stack.directory, "wrk.lua")
    with open(script, "w") as file:
        file.write(f'wrk.headers["Authorization"] = "Bearer {stack.token}"\n')
        if body:
            file.write(f"wrk.method = 'POST'\nwrk.body = '{body}'\nwrk.headers['Content-Type'] = 'application/json'\n")
    url = f"https://127.0.0.1:{Web(stack).port}{path}"
    told = subprocess.run(["wrk", "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{SECONDS}s", "--script",
                           script, url], check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in told or "Socket errors" in told:
        raise AssertionError(told)
    calls, seconds = re.search(r"(\d+) requests in ([\d.]+)s", told).groups()
    return int(calls), float(seconds)


def measure(stack, call):
    """(calls a second, CPU milliseconds a call)."""
    processes = [stack.api_servers[0], stack.postgres]
    before = cpu_of(processes)
    calls, seconds = call()
    return calls / seconds, (cpu_of(processes) - before) * 1000 / calls


def print_calls(stack, payload_id):
    request = ('{"jsonrpc": "2.0", "method": "get_payload_status", "params": {"payload_id": %d}, "id": 1}' % payload_id)
    kinds = {"gRPC": lambda: by_grpc(stack), "JSON-RPC": lambda: by_wrk(stack, "/rpc", request),
             "REST": lambda: by_wrk(stack, f"/api/v1/payloads/{payload_id}")}
    rounds = [[measure(stack, call) for call in kinds.values()] for _ in range(ROUNDS)]
    print("| GetPayloadStatus by | calls a second | CPU a call, ms |\n|---|---|---|")
    base = None
    for i, kind in enumerate(kinds):
        rate, cpu = (statistics.median(column) for column in zip(*(one[i] for one in rounds)))
        base = base or (rate, cpu)
        print(f"| {kind} | {rate:.0f} ({rate / base[0]:.2f}x) | {cpu:.2f} ({cpu / base[1]:.2f}x) |", flush=True)


class Streams:
    """Event streams of one payload, each over a connection of its own."""

    def __init__(self, stack, payload_id):
        self.stack, self.port = stack, Web(stack).port
        self.request = (f"GET /api/v1/payloads/{payload_id}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                        f"Authorization: Bearer {stack.token}\r\n\r\n").encode()
        self.context = ssl.create_default_context(cafile=stack.tls.ca)
        self.gate = asyncio.Semaphore(50)  # Connections that are being made.

    async def open(self):
        async with self.gate:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.context, limit=4096)
            writer.write(self.request)
            await reader.readuntil(b"event: payload")
        return reader, writer

    async def follow(self, reader):
        """Reads to the end; the time at which it came."""
        last = b""
        while piece := await reader.read(4096):
            last = last[-100:] + piece
        if b"event: end" not in last:
            raise AssertionError(last)
        return time.monotonic()


async def print_streams(stack, payload_id):
    server, loop = stack.api_servers[0], asyncio.get_running_loop()
    streams = Streams(stack, payload_id)
    before, begun = server.resident(), time.monotonic()
    opened = await asyncio.gather(*(streams.open() for _ in range(STREAMS)))
    opening, memory = time.monotonic() - begun, server.resident() - before
    # The first of them read nothing any more: their own buffers are full after 8 KiB.
    following = [asyncio.ensure_future(streams.follow(reader)) for reader, _ in opened[SLOW:]]
    tell(stack, "print")
    calls = [await loop.run_in_executor(None, call, stack, payload_id) for _ in range(20)]
    held = server.resident() - before
    tell(stack, "end")
    await loop.run_in_executor(None, stack.wait, payload_id)
    ended = time.monotonic()
    ends = await asyncio.wait_for(asyncio.gather(*following), PATIENCE)
    for _, writer in opened:
        writer.transport.abort()
    print(f"| {STREAMS} event streams, {SLOW} of whose clients do not read | |\n|---|---|")
    print(f"| opened, each over a connection of its own, in | {opening:.1f} s |")
    print(f"| memory of the api_server for them | {memory / 2**20:.0f} MiB, {memory / STREAMS / 1024:.0f} KiB each |")
    print(f"| the same while the script prints 1 MB to each | {held / 2**20:.0f} MiB |")
    median, longest = statistics.median(calls) * 1000, max(calls) * 1000
    print(f"| a gRPC call meanwhile, median and longest of 20 | {median:.0f} ms, {longest:.0f} ms |")
    print(f"| the last of those who read has everything, after the end was stored | {max(ends) - ended:.1f} s |")


def tell(stack, word):
    """Has the script go on."""
    with open(stack.instances[0].path(f"/root/{word}"), "w"):
        pass


def call(stack, payload_id):
    """How long a call takes; the next comes a little later."""
    begun = time.monotonic()
    stack.payloads.GetPayloadStatus(payload_service.GetPayloadStatusRequest(payload_id=payload_id))
    took = time.monotonic() - begun
    time.sleep(0.2)
    return took


def main():
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with contextlib.closing(Stack(instances=1, http=True)) as stack:
        done = stack.run("true\n", timeout=60).id
        print_calls(stack, done)
        print()
        script = ("while [ ! -e /root/print ]; do sleep 0.1; done; for i in $(seq 100); do head -c 10000 /dev/zero | tr '\\0' x; "
                  "sleep 0.02; done; while [ ! -e /root/end ]; do sleep 0.1; done\n")
        payload_id = stack.deploy(script, instances=stack.instances).payload_ids[0]
        stack.wait(payload_id, (pb.PAYLOAD_STATUS_EXECUTING,))
        asyncio.run(print_streams(stack, payload_id))


if __name__ == "__main__":
    main()
