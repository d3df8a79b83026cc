"""JSON-RPC 2.0 over HTTP: the calls of the first specification, the rules of the standard, and who may call."""

import http.client
import unittest

import grpc

from harness.api import access_pb, access_service, instance_service, pb
from harness.stack import Stack
from harness.web import Web

LISTED = ("deploy_payload get_payload_status list_instance_payloads execute_payload cancel_payload list_payloads get_deployment "
          "list_deployments cancel_deployment retry_deployment create_instance register_instance update_instance get_instance "
          "list_instances terminate_instance get_task list_tasks").split()
STREAMS = ("watch_payload", "watch_deployment", "watch_instances")


class JsonRpcTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=2, http=True)
        cls.web = Web(cls.stack)

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def setUp(self):
        self.addCleanup(self.stack.restore)

    def post(self, body, web=None):
        return (web or self.web).ask("POST", "/rpc", body)

    def expect_error(self, answer, code, rpc_id=1, name=None, reason=None):
        self.assertEqual((answer["jsonrpc"], answer["id"], answer["error"]["code"]), ("2.0", rpc_id, code), answer)
        self.assertNotIn("result", answer)
        self.assertTrue(answer["error"]["message"])
        if name:
            self.assertEqual((answer["error"]["data"]["code"], answer["error"]["data"]["reason"]), (name, reason))

    def test_the_calls_of_the_first_specification(self):
        ids = [instance.id for instance in self.stack.instances]
        path = self.stack.script("echo Setup completed successfully\n", "setup.sh")
        answer = self.post({"jsonrpc": "2.0", "method": "deploy_payload", "id": 1, "params": {
            "instance_ids": ids, "payload_path": path, "remote_path": "/root/setup.sh", "execute_payload": True, "timeout": 300}})
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "application/json"))
        deployed = answer.json["result"]
        self.assertEqual((answer.json["jsonrpc"], answer.json["id"]), ("2.0", 1))
        self.assertEqual((deployed["success"], deployed["errors"]), (True, []))
        self.assertEqual((len(deployed["payload_ids"]), len(deployed["task_ids"])), (2, 2))
        payload_id = deployed["payload_ids"][0]
        payload = self.web.ended(payload_id)
        self.assertEqual({name: payload[name] for name in (
            "id", "instance_id", "remote_path", "status", "executed", "output", "task_id", "exit_code", "output_truncated")}, {
                "id": payload_id, "instance_id": ids[0], "remote_path": "/root/setup.sh", "status": "completed", "executed": True,
                "output": "Setup completed successfully\n", "task_id": deployed["task_ids"][0], "exit_code": 0,
                "output_truncated": False})
        self.assertRegex(payload["execution_time"], r"^\d+(\.\d{3}|\.\d{6}|\.\d{9})?s$")
        for name in ("created_at", "updated_at", "started_at", "finished_at"):
            self.assertRegex(payload[name], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
        self.assertNotIn("failure_reason", payload)
        listed = self.web.result("list_instance_payloads", instance_id=ids[0], page_size=1)
        self.assertEqual(([p["id"] for p in listed["payloads"]], listed["payloads"][0]["output"]), ([payload_id], ""))
        task = self.web.result("get_task", task_id=payload["task_id"])
        self.assertEqual((task["type"], task["status"], task["params"]["execute_payload"]),
                         ("payload_transfer", "completed", True))

    def test_what_fails_says_why(self):
        for method, params, code, name, reason in (
                ("get_payload_status", {"payload_id": 10**15}, -32005, "NOT_FOUND", "PAYLOAD_NOT_FOUND"),
                ("deploy_payload", {"instance_ids": [1], "payload_path": "setup.sh"}, -32602, "INVALID_ARGUMENT",
                 "PAYLOAD_PATH_INVALID"),
                ("deploy_payload", {"instance_ids": [1], "payload_path": "/etc/passwd"}, -32007, "PERMISSION_DENIED",
                 "PAYLOAD_PATH_FORBIDDEN"),
                ("list_instance_payloads", {"instance_id": 10**15}, -32005, "NOT_FOUND", "INSTANCE_NOT_FOUND"),
                ("get_payload_status", {"payload": 1}, -32602, "INVALID_ARGUMENT", "INVALID_FIELD"),
                ("get_payload_status", {"payload_id": "1"}, -32602, "INVALID_ARGUMENT", "INVALID_FIELD"),
                ("deploy_payload", {"instance_ids": [1], "timeout": -1, "payload_content": "ZWNobw=="}, -32602,
                 "INVALID_ARGUMENT", "TIMEOUT_OUT_OF_RANGE")):
            with self.subTest(method=method, params=params):
                self.expect_error(self.web.rpc(method, params), code, name=name, reason=reason)
        violation = self.web.rpc("list_payloads", {"statuz": "failed"})["error"]["data"]["field_violations"][0]
        self.assertEqual(violation["field"], "statuz")
        self.assertIn("known are: deployment_id, instance_id, status", violation["description"])

    def test_every_method_that_answers_once_is_there(self):
        for method in LISTED:
            with self.subTest(method=method):
                answer = self.web.rpc(method, {"no_such_field": 1})
                self.expect_error(answer, -32602)
                self.assertIn("no_such_field", answer["error"]["message"])
        for method in (*STREAMS, "DeployPayload", "rpc.discover", "", "deploy_payload ", "a" * 1000):
            with self.subTest(method=method):
                self.expect_error(self.web.rpc(method), -32601)

    def test_requests_that_are_none(self):
        for body in (b"", b"{", b'{"jsonrpc": "2.0", "method": "get_task", "params": [1}', b'"\xff"', b"[1,", b"\0",
                     b'{"jsonrpc": "2.0", "jsonrpc": "2.0", "method": "list_tasks", "id": 1}', b"[" * 100000):
            with self.subTest(body=body[:60]):
                answer = self.post(body)
                self.assertEqual(answer.status, 200)
                self.expect_error(answer.json, -32700, rpc_id=None)
        for body, rpc_id in ((1, None), ("x", None), ({}, None), ([], None), ({"jsonrpc": "2.0", "id": 7}, 7),
                             ({"jsonrpc": "1.0", "method": "list_tasks", "id": 7}, 7), ({"method": "list_tasks", "id": 7}, 7),
                             ({"jsonrpc": "2.0", "method": 1, "params": "bar"}, None),
                             ({"jsonrpc": "2.0", "method": "list_tasks", "params": "bar", "id": 7}, 7),
                             ({"jsonrpc": "2.0", "method": "list_tasks", "id": [7]}, None),
                             ({"jsonrpc": "2.0", "method": "list_tasks", "id": 10**30}, None),
                             ({"jsonrpc": "2.0", "method": "list_tasks", "id": True}, None)):
            with self.subTest(body=body):
                self.expect_error(self.post(body).json, -32600, rpc_id=rpc_id)

    def test_an_id_comes_back_as_it_was(self):
        for rpc_id in (0, -1, 2**53 + 1, 1.5, "", "x", "caf\u00e9\n", None):
            answer = self.post({"jsonrpc": "2.0", "method": "list_tasks", "id": rpc_id}).json
            self.assertEqual((answer["id"], type(answer["id"])), (rpc_id, type(rpc_id)))
            self.assertIn("result", answer)

    def test_a_batch_is_answered_by_a_batch(self):
        answer = self.post([
            {"jsonrpc": "2.0", "method": "get_payload_status", "params": {"payload_id": 10**15}, "id": "1"},
            {"jsonrpc": "2.0", "method": "list_workers"},
            {"jsonrpc": "2.0", "method": "list_tasks", "params": [], "id": "2"},
            {"foo": "boo"},
            {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
            1,
        ])
        self.assertEqual([(one.get("id"), one.get("error", {}).get("code")) for one in answer.json],
                         [("1", -32005), ("2", None), (None, -32600), ("5", -32601), (None, -32600)])
        answer = self.post([{"jsonrpc": "2.0", "method": "list_tasks", "id": 1}])
        self.assertEqual([one["id"] for one in answer.json], [1])
        self.expect_error(self.post([{"jsonrpc": "2.0", "method": "list_tasks", "id": 1}] * 101).json, -32600, rpc_id=None)
        self.expect_error(self.post([{"jsonrpc": "2.0", "method": "list_tasks", "params": [1], "id": 1}]).json[0], -32602)

    def test_a_notification_acts_and_is_not_answered(self):
        ids = [self.stack.instances[0].id]
        payload_id = self.web.result("deploy_payload", instance_ids=ids, execute_payload=True,
                                     payload_path=self.stack.script("sleep 600\n"))["payload_ids"][0]
        self.stack.wait(payload_id, (pb.PAYLOAD_STATUS_EXECUTING,))
        answer = self.post({"jsonrpc": "2.0", "method": "cancel_payload", "params": {"payload_id": payload_id}})
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertEqual(self.web.ended(payload_id)["status"], "cancelled")
        answer = self.post([{"jsonrpc": "2.0", "method": "no_such"}, {"jsonrpc": "2.0", "method": "list_tasks"}])
        self.assertEqual((answer.status, answer.body), (204, b""))

    def test_only_a_post_of_json(self):
        for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS"):
            answer = self.web.ask(method, "/rpc")
            self.assertEqual((answer.status, answer.headers["Allow"]), (405, "POST"), method)
        request = b'{"jsonrpc": "2.0", "method": "list_tasks", "id": 1}'
        for kind, status in (("text/plain", 415), ("multipart/form-data; boundary=x", 415),
                             ("application/json; charset=utf-8", 200),
                             ("application/json-rpc", 200), ("application/x-www-form-urlencoded", 200)):
            self.assertEqual(self.web.ask("POST", "/rpc", request, {"Content-Type": kind}).status, status, kind)

    def token(self, role, projects=("*",)):
        made = self.stack.new_token(role, projects)
        return Web(self.stack, token=made.token), made.id

    def test_nothing_without_a_token_that_counts(self):
        revoked, token_id = self.token(access_pb.ROLE_ADMIN)
        self.stack.stubs(0).access.RevokeToken(access_service.RevokeTokenRequest(token_id=token_id))
        for web, reason in ((Web(self.stack, token=""), "TOKEN_MISSING"), (Web(self.stack, token="lsk_1_x"), "TOKEN_INVALID"),
                            (Web(self.stack, token="caf\u00e9"), "TOKEN_INVALID"),
                            (Web(self.stack, token="x" * 5000), "TOKEN_INVALID"), (revoked, "TOKEN_INVALID")):
            for method in LISTED:
                with self.subTest(reason=reason, method=method):
                    answer = self.post({"jsonrpc": "2.0", "method": method, "id": 1}, web)
                    self.assertEqual((answer.status, answer.headers["WWW-Authenticate"]), (401, 'Bearer realm="longshore"'))
                    self.expect_error(answer.json, -32016, name="UNAUTHENTICATED", reason=reason)
            notified = self.post({"jsonrpc": "2.0", "method": "list_tasks"}, web)
            self.assertEqual((notified.status, notified.body), (401, b""))

    def test_two_tokens_are_none(self):
        connection = self.web.connection()
        self.addCleanup(connection.close)
        connection.putrequest("POST", "/rpc")
        body = b'{"jsonrpc": "2.0", "method": "list_tasks", "id": 1}'
        for name, value in (("Authorization", f"Bearer {self.stack.token}"), ("Authorization", "Bearer lsk_1_x"),
                            ("Content-Length", str(len(body)))):
            connection.putheader(name, value)
        connection.endheaders(body)
        self.assertEqual(connection.getresponse().status, 401)

    def test_a_token_reaches_its_own_project_and_role_alone(self):
        viewer, _ = self.token(access_pb.ROLE_VIEWER)
        answer = self.post({"jsonrpc": "2.0", "method": "deploy_payload", "id": 1, "params": {}}, viewer)
        self.assertEqual(answer.status, 200)
        self.expect_error(answer.json, -32007, name="PERMISSION_DENIED", reason="ROLE_INSUFFICIENT")
        stranger, _ = self.token(access_pb.ROLE_ADMIN, ["another"])
        foreign, missing = self.stack.instances[0].id, 10**15
        seen = [stranger.rpc("get_instance", {"instance_id": one})["error"] for one in (foreign, missing)]
        self.assertEqual(str(seen[0]).replace(str(foreign), "N"), str(seen[1]).replace(str(missing), "N"))
        self.assertEqual(stranger.result("list_instances")["instances"], [])

    def test_the_audit_names_the_client_and_not_this_process(self):
        with self.web.socket() as client:
            peer = f"ipv4:127.0.0.1:{client.getsockname()[1]}"
            body = b'{"jsonrpc": "2.0", "method": "terminate_instance", "params": {"instance_id": 1000000000000000}, "id": 1}'
            head = ("POST /rpc HTTP/1.1\r\nHost: 127.0.0.1\r\nlongshore-front-peer: ipv4:1.2.3.4:5\r\n"
                    f"Authorization: Bearer {self.stack.token}\r\nContent-Length: {len(body)}\r\n\r\n")
            client.sendall(head.encode() + body)
            answer = http.client.HTTPResponse(client)
            answer.begin()
            self.assertIn(b"-32005", answer.read())
        event = self.web.result("list_audit_events", page_size=1)["events"][0]
        self.assertEqual((event["method"], event["peer"], event["code"]),
                         ("InstanceService.TerminateInstance", peer, "NOT_FOUND"))

    def test_a_grpc_client_cannot_say_that_it_is_another(self):
        with self.assertRaises(grpc.RpcError):
            self.stack.stubs(0).instances.TerminateInstance(
                instance_service.TerminateInstanceRequest(instance_id=10**15),
                metadata=[("longshore-front-peer", "ipv4:1.2.3.4:5"), ("longshore-front-peer", "f" * 64 + " ipv4:1.2.3.4:5")])
        event = self.web.result("list_audit_events", page_size=1)["events"][0]
        self.assertRegex(event["peer"], r"^ipv4:127\.0\.0\.1:\d+$")


if __name__ == "__main__":
    unittest.main()
