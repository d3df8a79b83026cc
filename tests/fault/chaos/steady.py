"""The steady soak: hours of all that a stack does, at a pace that it can follow, on what must not grow.

Usage: steady.py --minutes N --out FILE

TLS and tokens, two pools, calls by gRPC, REST, JSON-RPC and the command line, rollouts in waves, machines that come and go,
webhooks, watches, and who reads metrics and the console. What ended twenty minutes ago is made older than it is to be kept, and
the api_servers remove it. Writes what all hold to FILE (gauges.py), which tools/soak.sh draws. Ends, when everything is settled,
with what has grown and the checks of `longshore verify`: exit status 1 when anything has, when one fails, or when a call does.
"""

import argparse
import base64
import collections
import json
import random
import subprocess
import sys
import threading
import time
import traceback
import urllib.request

from fault.chaos.gauges import Gauges
from fault.chaos.installation import RECEIVER, metrics_of
from harness.ageing import age
from harness.api import access_pb, access_service, deployment_pb, instance_pb, instance_service, payload_service, pb
from harness.patience import wait_until
from harness.programs import LONGSHORE
from harness.receiver import Receiver, flags
from harness.stack import Stack
from harness.web import Web

KEPT_DAYS = 30
SAMPLE_SECONDS = 10
AGE_SECONDS = 120
STREAM_SECONDS = 600
AGE_AFTER = "20 minutes"
WATCHES = 20
SMALL = b"echo one; sleep 0.2; echo two\n"
LARGE = b"head -c 100000 /dev/urandom | base64\n"
# Where scripts come to: nobody removes those.
PATHS = [f"/root/steady-{i}.sh" for i in range(10)]


class SteadyStack(Stack):

    def __init__(self, receiver):
        self.receiver = receiver
        retain = [f"--retain_{kind}={KEPT_DAYS}" for kind in ("payloads", "request_ids", "audit")]
        # Connections move often, so that each api_server has had all workers before the middle.
        super().__init__(instances=4, api_servers=2, workers=2, http=True, api_flags=[
            "--lease_duration_ms=15000", "--max_connection_age=300", "--log_format=json", *retain])
        self.add_worker(["--pool=east"])
        self.east = [self.add_instance(f"east-{i}", pool="east") for i in range(2)]
        self.all = self.instances + self.east

    def api_flags(self):
        return [*super().api_flags(), *flags(self.receiver, self.directory, "soak", "default", "0123456789abcdef-of-the-soak")]


class Clients:
    """Each is called over and over again, its seconds apart, in a thread of its own; what fails is counted, and said."""

    PACE = {"by_grpc": 4, "by_rest": 5, "by_json_rpc": 7, "by_command_line": 20, "rollout": 30, "stopped_rollout": 90,
            "cancel_and_retry": 25, "machine": 180, "token": 120, "scrape": 10, "hold_watches": 600}

    def __init__(self, stack):
        self.stack, self.web = stack, Web(stack, 1)
        self.stopping = threading.Event()
        self.counts, self.failures = collections.Counter(), collections.Counter()
        self.lock = threading.Lock()
        self.watches, self.held = [], None
        self.threads = [threading.Thread(target=self._repeat, args=item) for item in self.PACE.items()]

    def start(self):
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        self._leave_watches()

    def _repeat(self, name, seconds):
        turn = 0
        while not self.stopping.wait(seconds):
            try:
                getattr(self, name)(turn)
                result = self.counts
            except Exception:  # Whatever it is, the others go on, and the run fails.
                print(f"{name}: {traceback.format_exc()}", file=sys.stderr, flush=True)
                result = self.failures
            with self.lock:
                result[name] += 1
            turn += 1

    def _deploy(self, turn, text, instances, path=None, **fields):
        return self.stack.stubs(turn % 2).payloads.DeployPayload(payload_service.DeployPayloadRequest(
            instance_ids=[instance.id for instance in instances], payload_content=text, execute_payload=True,
            remote_path=path or PATHS[turn % len(PATHS)], **fields), timeout=60,
            metadata=[("traceparent", f"00-{random.getrandbits(128) | 1:032x}-{1:016x}-01")])

    def _completed(self, payload_ids):
        for payload_id in payload_ids:
            payload = self.stack.wait(payload_id)
            assert payload.status == pb.PAYLOAD_STATUS_COMPLETED, payload

    def by_grpc(self, turn):
        answer = self._deploy(turn, LARGE if turn % 3 == 0 else SMALL, self.stack.all)
        events = list(self.stack.watch(answer.payload_ids[0]))
        assert events[-1].payload.status == pb.PAYLOAD_STATUS_COMPLETED, events[-1]
        self._completed(answer.payload_ids)

    def by_rest(self, turn):
        body = {"instance_ids": [self.stack.all[turn % len(self.stack.all)].id], "request_id": f"soak-{turn}",
                "payload_content": base64.b64encode(SMALL).decode(), "execute_payload": True}
        first, second = (self.web.ask("POST", "/api/v1/payloads", body).json for _ in range(2))
        assert first["payload_ids"] == second["payload_ids"], (first, second)
        payload_id = first["payload_ids"][0]
        stream = self.web.events(f"/api/v1/payloads/{payload_id}/events")
        # Heartbeats come for ever, should the end not.
        limit = threading.Timer(STREAM_SECONDS, stream.close)
        limit.start()
        events = list(stream)
        limit.cancel()
        assert events[-1].name == "end" and events[-2].data["payload"]["status"] == "completed", events
        output = self.web.get(f"/api/v1/payloads/{payload_id}/output").body
        assert output == b"one\ntwo\n", output

    def by_json_rpc(self, turn):
        answer = self.web.result("deploy_payload", instance_ids=[self.stack.all[turn % len(self.stack.all)].id],
                                 payload_content=base64.b64encode(SMALL).decode(), execute_payload=True)
        payload = self.web.ended(answer["payload_ids"][0])
        assert payload["output"] == "one\ntwo\n", payload
        self.web.result("list_payloads", page_size=100)
        self.web.result("list_deployments", page_size=100)

    def by_command_line(self, turn):
        run = subprocess.run([LONGSHORE, "deploy", "--file", "-", "--instances", str(self.stack.east[turn % 2].id), "--execute",
                              "--wait"], input=SMALL, capture_output=True, check=False,
                             env=self.stack.environment_of_cli(turn % 2))
        assert run.returncode == 0, run.stdout + run.stderr

    def rollout(self, turn):
        answer = self._deploy(turn, SMALL, self.stack.all, rollout=deployment_pb.Rollout(
            waves=[deployment_pb.Wave(count=1), deployment_pb.Wave(percent=50)], pause=deployment_pb.WavePause(seconds=2)))
        self._completed(answer.payload_ids)
        # The receiver keeps what comes; the last ones are enough to look at.
        wait_until(lambda: answer.deployment_id in [json.loads(body)["deployment"]["id"]
                                                    for _, body, _ in self.stack.receiver.all("soak")[-50:]],
                   f"the end of deployment {answer.deployment_id} to be told")

    def stopped_rollout(self, turn):
        answer = self._deploy(turn, b"exit 1\n", self.stack.all,
                              rollout=deployment_pb.Rollout(max_concurrency=1, max_errors=1))
        statuses = [self.stack.wait(payload_id).status for payload_id in answer.payload_ids]
        assert statuses.count(pb.PAYLOAD_STATUS_CANCELLED) == len(statuses) - 1, statuses

    def cancel_and_retry(self, turn):
        payloads = self.stack.stubs(turn % 2).payloads
        answer = self._deploy(turn, b"[ -e retried ] || { touch retried; echo begun; sleep 1000; }; rm retried\n",
                              self.stack.instances[:1])
        self.stack.wait_output(answer.payload_ids[0], "begun")
        payloads.CancelPayload(payload_service.CancelPayloadRequest(payload_id=answer.payload_ids[0]))
        self.stack.wait(answer.payload_ids[0])
        payloads.RetryDeployment(payload_service.RetryDeploymentRequest(deployment_id=answer.deployment_id))
        self._completed(answer.payload_ids)

    def machine(self, turn):
        instances = self.stack.stubs(turn % 2).instances
        made = instances.CreateInstance(instance_service.CreateInstanceRequest(name=f"machine-{turn}", provider="local"))
        instance = made.instances[0]
        self.stack.wait_instance(instance.id)
        self._completed(self._deploy(turn, SMALL, [instance]).payload_ids)
        instances.TerminateInstance(instance_service.TerminateInstanceRequest(instance_id=instance.id))
        self.stack.wait_instance(instance.id, instance_pb.INSTANCE_STATUS_TERMINATED)

    def token(self, turn):
        made = self.stack.new_token(access_pb.ROLE_VIEWER)
        web = Web(self.stack, turn % 2, made.token)
        assert web.get("/api/v1/payloads").status == 200
        self.stack.stubs(turn % 2).access.RevokeToken(access_service.RevokeTokenRequest(token_id=made.id))
        wait_until(lambda: web.get("/api/v1/payloads").status == 401, "the token to be refused")

    def scrape(self, turn):
        web = Web(self.stack, turn % 2)
        for path in ("/metrics", "/readyz", "/"):
            assert web.get(path, Accept="application/openmetrics-text").status == 200, path
        for worker in self.stack.workers:
            page = urllib.request.Request(f"http://127.0.0.1:{worker.port}/metrics",
                                          headers={"Accept": "application/openmetrics-text"})
            with urllib.request.urlopen(page, timeout=60) as answer:
                assert answer.read().endswith(b"# EOF\n")

    def hold_watches(self, turn):
        """Watches that nothing comes to for long."""
        self._leave_watches()
        payloads = self.stack.stubs(turn % 2).payloads
        # At a path of its own, for which nobody else waits.
        seconds = 2 * self.PACE["hold_watches"]
        answer = self._deploy(turn, f"sleep {seconds}\n".encode(), self.stack.east[:1], "/root/steady-held.sh", timeout=seconds)
        self.held = answer.deployment_id
        request = payload_service.WatchDeploymentRequest(deployment_id=answer.deployment_id)
        self.watches = [payloads.WatchDeployment(request) for _ in range(WATCHES)]

    def _leave_watches(self):
        for call in self.watches:
            call.cancel()
        self.watches = []
        if self.held:
            self.stack.payloads.CancelDeployment(payload_service.CancelDeploymentRequest(deployment_id=self.held))
            self.held = None


def watch_over(clients, gauges, seconds):
    """Samples until that time is over, and makes old what ended long ago."""
    begun, aged = time.monotonic(), 0.0
    while (now := time.monotonic() - begun) < seconds:
        gauges.sample(now)
        if now - aged > AGE_SECONDS:
            age(clients.stack, KEPT_DAYS + 1, AGE_AFTER)
            aged = now
        clients.stopping.wait(SAMPLE_SECONDS)


def settle(stack):
    open_ones = ("SELECT (SELECT count(*) FROM tasks WHERE status IN ('PENDING', 'RUNNING'))"
                 " + (SELECT count(*) FROM run_cleanups) + (SELECT count(*) FROM webhook_events WHERE next_try_at IS NOT NULL)")
    wait_until(lambda: stack.sql(open_ones) == "0", "the end of all that was asked for")


def verify(stack):
    return subprocess.run([LONGSHORE, "verify", "--quiescent", "--database", stack.database_url, *metrics_of(stack)], check=False,
                          env=stack.environment_of_cli()).returncode


def report(stack, clients, gauges, seconds):
    """Says what was done and what it left; returns whether nothing has grown or failed, and everybody has come to something."""
    pruned = stack.sql("SELECT coalesce(min(id), 1) - 1 FROM payloads")
    print(f"calls: {dict(clients.counts)}; failed: {dict(clients.failures)}; "
          f"payloads: {stack.sql('SELECT max(id) FROM payloads')}, removed: {pruned}; "
          f"events told: {len(stack.receiver.all('soak'))}")
    grown = False
    for name, before, after, more in gauges.growth():
        print(f"{name}: {before:.1f} in the middle third, {after:.1f} in the last{', IT GROWS' if more else ''}")
        grown |= more
    idle = [name for name, pace in clients.PACE.items() if seconds > 2 * pace and not clients.counts[name]]
    if idle:
        print(f"never done: {idle}")
    return not grown and not clients.failures and not idle


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    receiver = Receiver(RECEIVER)
    stack = SteadyStack(receiver)
    try:
        clients = Clients(stack)
        with open(options.out, "w") as out:
            gauges = Gauges(stack, out)
            clients.start()
            try:
                watch_over(clients, gauges, options.minutes * 60)
            finally:
                clients.stop()
        settle(stack)
        is_well = report(stack, clients, gauges, options.minutes * 60)
        return 1 if verify(stack) != 0 or not is_well else 0
    finally:
        stack.close()
        receiver.close()


if __name__ == "__main__":
    sys.exit(main())
