"""What clients ask for while faults strike, each with a request_id and until it is acknowledged; and the journal of the
answers."""

import dataclasses
import random
import threading
import time

import grpc

from fault.chaos.checker import Request
from fault.chaos.scripts import draw
from harness.api import payload_service

PATIENCE = 60


class Client:
    """Asks any api_server until one answers."""

    def __init__(self, stack, rng, stubs=None):
        self.stubs = stubs or [stack.stubs(i) for i in range(len(stack.api_servers))]
        self.rng = rng

    def ask(self, method, request, settled=(), service="payloads"):
        """The answer, or None when it is refused with one of the codes `settled`."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                call = getattr(getattr(self.rng.choice(self.stubs), service), method)
                # A call that does not wait leaves a handshake to gRPC's own pace: docs/clients.md.
                return call(request, timeout=3, wait_for_ready=True)
            except grpc.RpcError as error:
                if error.code() in settled:
                    return None
                unanswered = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED,
                              grpc.StatusCode.RESOURCE_EXHAUSTED)
                if error.code() not in unanswered or time.monotonic() > deadline:
                    raise AssertionError(f"{method}: {error.code()} {error.details()}") from error
                time.sleep(0.05)


class Load:
    """One round's requests to an installation: a thread each, drawn from the seed beforehand."""

    # What a deployment is for, and the kinds of script that suit it.
    PURPOSES = {
        "run": ["exit", "exit", "signal", "large"],
        "time_out": ["timeout"],
        "cancel": ["hang", "exit"],
        "execute_later": ["exit", "large"],
        "rest": ["exit"],
        "rollout": ["exit"],
        "retry": ["exit", "signal"],
        "same_path": ["exit"],
        "hold": ["held"],  # Only when it is asked for.
    }
    WEIGHTS = [6, 1, 2, 2, 1, 2, 2, 2, 0]

    def __init__(self, stack, seed, tokens):
        self.stack, self.seed, self.tokens = stack, seed, list(tokens)
        self.rng = random.Random(f"load {seed}")
        self.requests = []
        self.errors = []
        self.lock = threading.Lock()
        self.plans = [self._plan(token) for token in tokens]
        self.jobs = [(self._deploy, plan) for plan in self.plans]

    def add(self, job, plan):
        """Has job(client, plan) done as well; the plan says its token, rng and, if it is one of a deployment, the rest."""
        self.tokens.append(plan["script"].token)
        self.jobs.append((job, plan))

    def add_deployment(self, token, instance_ids, purposes, padding=0, stubs=None, **fields):
        """One more than was drawn, to instances that the others do not go to, by the stubs of somebody else if they are given."""
        plan = self._plan(token, purposes, instance_ids)
        plan["stubs"] = stubs
        plan["script"] = dataclasses.replace(plan["script"], padding=padding)
        plan["fields"].update(fields)
        self.add(self._deploy, plan)

    def acknowledged(self, request):
        with self.lock:
            self.requests.append(request)

    def _plan(self, token, purposes=None, ids=None):
        weights = self.WEIGHTS if purposes is None else None
        purpose = self.rng.choices(purposes or list(self.PURPOSES), weights)[0]
        ids = ids or [i.id for i in self.stack.instances if i.project == self.stack.project]
        fields = {"instance_ids": self.rng.sample(ids, self.rng.randint(1, len(ids)))}
        script = draw(self.rng, token, self.PURPOSES[purpose])
        fields["remote_path"] = script.path
        if purpose == "rollout":
            fields["instance_ids"] = ids
            fields["rollout"] = {"max_concurrency": self.rng.randint(1, 2), "max_errors": self.rng.choice([0, 0, 1])}
        if purpose == "same_path":
            fields["remote_path"] = f"/root/shared-{self.seed.replace('/', '-')}.sh"
        if purpose == "time_out":
            fields["timeout"] = 1
        return {"purpose": purpose, "script": script, "fields": fields, "at": self.rng.uniform(0, 1.2),
                "later": self.rng.uniform(0, 1.5), "rng": random.Random(self.rng.random())}

    def start(self):
        self.threads = [threading.Thread(target=self._carry_out, args=job) for job in self.jobs]
        for thread in self.threads:
            thread.start()

    def join(self):
        for thread in self.threads:
            thread.join()
        if self.errors:
            raise self.errors[0]

    def _carry_out(self, job, plan):
        try:
            time.sleep(plan["at"])
            job(Client(self.stack, plan["rng"], plan.get("stubs")), plan)
        except BaseException as error:  # Told by join().
            with self.lock:
                self.errors.append(error)

    def _deploy(self, client, plan):
        purpose, script = plan["purpose"], plan["script"]
        execute = purpose not in ("execute_later", "rest")
        rollout = plan["fields"].get("rollout", {})
        answer = client.ask("DeployPayload", payload_service.DeployPayloadRequest(
            payload_content=script.text(), execute_payload=execute, request_id=script.token, **plan["fields"]))
        request = Request(request_id=script.token, script=script, payload_ids=list(answer.payload_ids),
                          task_ids=list(answer.task_ids), deployment_id=answer.deployment_id, executes=execute,
                          cancelled=bool(rollout.get("max_errors")), max_concurrency=rollout.get("max_concurrency", 0))
        self.acknowledged(request)
        if purpose in ("cancel", "execute_later", "retry"):
            time.sleep(plan["later"])
            getattr(self, "_" + purpose)(client, request)

    def _cancel(self, client, request):
        request.cancelled = True
        for payload_id in request.payload_ids:
            client.ask("CancelPayload", payload_service.CancelPayloadRequest(payload_id=payload_id),
                       settled=[grpc.StatusCode.FAILED_PRECONDITION])

    def _execute_later(self, client, request):
        request.executes = True
        answer = client.ask("ExecutePayload", payload_service.ExecutePayloadRequest(
            deployment_id=request.deployment_id, request_id=request.request_id + "-execute"))
        request.further += zip(answer.payload_ids, answer.task_ids)

    def _retry(self, client, request):
        """Retries what has failed by now; when nothing has, there is nothing to retry."""
        answer = client.ask("RetryDeployment", payload_service.RetryDeploymentRequest(
            deployment_id=request.deployment_id, request_id=request.request_id + "-retry"),
            settled=[grpc.StatusCode.FAILED_PRECONDITION])
        if answer is not None:
            request.further += zip(answer.payload_ids, answer.task_ids)
