"""W3C trace context: from the request to what it makes, and to the logs of both programs."""

import json
import unittest

from harness.api import payload_service, pb
from harness.patience import wait_until
from harness.stack import Stack
from harness.web import Web

TRACES = [f"{number:032x}" for number in range(1, 20)]


def traceparent(trace):
    return f"00-{trace}-b7ad6b7169203331-01"


class TraceTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=1, http=True, api_flags=["--log_format=json"], worker_flags=["--log_format=json"])
        cls.addClassCleanup(cls.stack.close)

    def deployment(self, deployment_id):
        return self.stack.payloads.GetDeployment(payload_service.GetDeploymentRequest(deployment_id=deployment_id))

    def deploy(self, text, *traceparents, execute=True):
        """Returns the payload, once it has ended or rests."""
        request = payload_service.DeployPayloadRequest(instance_ids=[self.stack.instances[0].id], execute_payload=execute,
                                                       payload_content=text.encode())
        answer = self.stack.payloads.DeployPayload(request, metadata=[("traceparent", value) for value in traceparents])
        statuses = (pb.PAYLOAD_STATUS_COMPLETED, pb.PAYLOAD_STATUS_FAILED) if execute else (pb.PAYLOAD_STATUS_TRANSFERRED,)
        return self.stack.wait(answer.payload_ids[0], statuses)

    def lines(self, payload_id, number):
        def look():
            lines = [json.loads(line) for line in self.stack.api_servers[0].read_log().splitlines()]
            found = [line for line in lines if line.get("payload_id") == payload_id]
            return found if len(found) == number else None
        return wait_until(look, f"{number} lines of payload {payload_id}")

    def test_of_grpc(self):
        payload = self.deploy("exit 3", traceparent(TRACES[0]))
        self.assertEqual(self.deployment(payload.deployment_id).traceparent, traceparent(TRACES[0]))
        self.assertEqual(self.stack.task(payload.task_id).traceparent, traceparent(TRACES[0]))
        self.assertEqual([line["trace_id"] for line in self.lines(payload.id, 3)], [TRACES[0]] * 3)

        # A retry is of another request.
        again = self.stack.payloads.RetryDeployment(
            payload_service.RetryDeploymentRequest(deployment_id=payload.deployment_id),
            metadata=[("traceparent", traceparent(TRACES[1]))])
        self.stack.wait(again.payload_ids[0])
        self.assertEqual(self.stack.task(again.task_ids[0]).traceparent, traceparent(TRACES[1]))
        self.assertEqual(self.deployment(payload.deployment_id).traceparent, traceparent(TRACES[0]))
        self.assertEqual([line["trace_id"] for line in self.lines(payload.id, 6)], [TRACES[0]] * 3 + [TRACES[1]] * 3)

    def test_of_execute_payload(self):
        payload = self.deploy("true", traceparent(TRACES[2]), execute=False)
        answer = self.stack.payloads.ExecutePayload(payload_service.ExecutePayloadRequest(payload_ids=[payload.id]),
                                                    metadata=[("traceparent", traceparent(TRACES[3]))])
        self.stack.wait(payload.id)
        self.assertEqual(self.stack.task(payload.task_id).traceparent, traceparent(TRACES[2]))
        self.assertEqual(self.stack.task(answer.task_ids[0]).traceparent, traceparent(TRACES[3]))

    def test_of_http(self):
        web = Web(self.stack)
        body = {"instance_ids": [self.stack.instances[0].id], "payload_content": "dHJ1ZQ==", "execute_payload": True}
        made = web.ask("POST", "/api/v1/payloads", body, {"traceparent": traceparent(TRACES[4])}).json
        self.stack.wait(made["payload_ids"][0])
        self.assertEqual(web.get(f"/api/v1/deployments/{made['deployment_id']}").json["traceparent"], traceparent(TRACES[4]))
        call = {"jsonrpc": "2.0", "id": 1, "method": "deploy_payload", "params": body}
        made = web.ask("POST", "/rpc", call, {"traceparent": traceparent(TRACES[5])}).json["result"]
        self.assertEqual(web.get(f"/api/v1/tasks/{made['task_ids'][0]}").json["traceparent"], traceparent(TRACES[5]))
        self.stack.wait(made["payload_ids"][0])  # The next test's script has the same path, and would wait for it.

    def test_what_is_none_is_left_out(self):
        good = traceparent(TRACES[6])
        for values in ([], ["x"], [good.upper()], [good + "-more"], [good, good], ["00-" + "0" * 32 + good[35:]]):
            payload = self.deploy("true", *values)
            self.assertEqual(self.deployment(payload.deployment_id).traceparent, "", values)
            self.assertFalse(any("trace_id" in line for line in self.lines(payload.id, 3)))

    def test_the_worker_logs_it(self):
        instance = self.stack.instances[0]
        instance.relay.cut()
        self.addCleanup(self.stack.restore)
        answer = self.stack.payloads.DeployPayload(
            payload_service.DeployPayloadRequest(instance_ids=[instance.id], payload_content=b"true"),
            metadata=[("traceparent", traceparent(TRACES[7]))])

        def look():
            lines = [json.loads(line) for line in self.stack.workers[0].read_log().splitlines()]
            return [line for line in lines if line.get("trace_id") == TRACES[7]]
        lines = wait_until(look, "the worker to say that the instance does not answer")
        self.assertEqual((lines[0]["payload_id"], lines[0]["instance_id"]), (answer.payload_ids[0], instance.id))


if __name__ == "__main__":
    unittest.main()
