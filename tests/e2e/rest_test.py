"""REST over HTTP: every route with what it takes and what it refuses, output by ranges, and events as they come."""

import base64
import hashlib
import os
import unittest

from harness.api import access_pb, access_service, pb
from harness.patience import wait_until
from harness.stack import Stack
from harness.web import Web

MISSING = 10**15


class RestTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=2, api_servers=2, http=True, api_flags=["--max_output_bytes=3000000"])
        cls.web = Web(cls.stack)

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def setUp(self):
        self.addCleanup(self.stack.restore)

    def good(self, method, path, body=None):
        answer = self.web.ask(method, "/api/v1" + path, body)
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json

    def bad(self, status, code, reason, method, path, body=None, web=None):
        answer = (web or self.web).ask(method, "/api/v1" + path, body)
        self.assertEqual(answer.status, status, answer.body)
        error = answer.json["error"]
        self.assertEqual((error["code"], error["reason"]), (code, reason))
        self.assertTrue(error["message"])
        return answer

    def deploy(self, script, instances=None, **fields):
        ids = [instance.id for instance in instances or self.stack.instances[:1]]
        return self.good("POST", "/payloads", {"instance_ids": ids, "payload_content": base64.b64encode(script.encode()).decode(),
                                               "execute_payload": True, **fields})

    def test_the_life_of_an_instance(self):
        made = self.good("POST", "/instances", {"provider": "local", "name": "rest", "tags": ["web"]})
        self.assertEqual((made["instances"][0]["name"], made["instances"][0]["status"]), ("rest", "pending"))
        created = made["instances"][0]["id"]
        self.stack.wait_instance(created)
        address = {"name": "host", "address": "127.0.0.1", "port": self.stack.instances[0].door("rest").port, "project": "rest"}
        registered = self.good("POST", "/instances", address)
        self.assertEqual((registered["status"], registered["tags"]), ("ready", []))
        number = registered["id"]
        self.assertEqual(self.good("GET", f"/instances/{number}")["name"], "host")
        listed = self.good("GET", "/instances?project=rest&status=ready&page_size=10")
        self.assertEqual([one["id"] for one in listed["instances"]], [number])
        self.assertEqual(self.good("GET", "/instances?tags=web&tags=none")["instances"], [])
        changed = self.good("PATCH", f"/instances/{number}", {"tags": ["a", "b"]})["instance"]
        self.assertEqual((changed["name"], changed["tags"]), ("host", ["a", "b"]))
        unset = {"name": "renamed", "tags": None, "host_key": None, "port": None, "address": None}
        changed = self.good("PATCH", f"/instances/{number}", unset)["instance"]
        self.assertEqual((changed["name"], changed["tags"], changed["port"]), ("renamed", ["a", "b"], address["port"]))
        self.assertEqual(self.good("PATCH", f"/instances/{number}", {"tags": []})["instance"]["tags"], [])
        self.assertEqual(self.good("PATCH", f"/instances/{number}", {"name": "new", "tags": ["x"], "update_mask": "name"})[
            "instance"]["tags"], [])
        self.bad(400, "INVALID_ARGUMENT", "INVALID_FIELD", "PATCH", f"/instances/{number}", {"name": ""})
        gone = self.good("DELETE", f"/instances/{number}")
        self.assertEqual(gone["instance"]["id"], number)
        wait_until(lambda: self.good("GET", f"/instances/{number}")["status"] == "terminated", "the end of the instance")
        self.good("DELETE", f"/instances/{created}")

    def test_payloads_and_deployments(self):
        deployed = self.deploy("echo one; exit 3\n", self.stack.instances, remote_path="/root/one.sh")
        for payload_id in deployed["payload_ids"]:
            payload = self.web.ended(payload_id)
            self.assertEqual((payload["status"], payload["failure_reason"], payload["exit_code"], payload["output"]),
                             ("failed", "nonzero_exit", 3, "one\n"))
        number = deployed["deployment_id"]
        deployment = self.good("GET", f"/deployments/{number}")
        self.assertEqual((deployment["counts"]["failed"], deployment["counts"]["total"]), (2, 2))
        self.assertIn(number, [one["id"] for one in self.good("GET", "/deployments?page_size=5")["deployments"]])
        listed = self.good("GET", f"/payloads?deployment_id={number}&status=failed&failure_reason=nonzero_exit")
        self.assertEqual(sorted(one["id"] for one in listed["payloads"]), sorted(deployed["payload_ids"]))
        instance = self.stack.instances[0].id
        self.assertEqual(self.good("GET", f"/instances/{instance}/payloads?page_size=1")["payloads"][0]["id"],
                         deployed["payload_ids"][0])
        script = self.web.get(f"/api/v1/scripts/{deployment['script_sha256']}")
        self.assertEqual((script.body, script.headers["Content-Type"]), (b"echo one; exit 3\n", "application/octet-stream"))
        retried = self.good("POST", f"/deployments/{number}:retry")
        self.assertEqual(sorted(retried["payload_ids"]), sorted(deployed["payload_ids"]))
        self.assertEqual(self.web.ended(deployed["payload_ids"][0])["attempt"], 2)
        copied = self.deploy("echo two\n", execute_payload=False)["payload_ids"][0]
        self.stack.wait(copied, (pb.PAYLOAD_STATUS_TRANSFERRED,))
        self.assertEqual(len(self.good("POST", f"/payloads/{copied}:execute", {"timeout": 30})["task_ids"]), 1)
        self.assertEqual(self.web.ended(copied)["output"], "two\n")
        sleeping = self.deploy("sleep 600\n")
        self.stack.wait(sleeping["payload_ids"][0], (pb.PAYLOAD_STATUS_EXECUTING,))
        self.good("POST", f"/payloads/{sleeping['payload_ids'][0]}:cancel")
        self.assertEqual(self.web.ended(sleeping["payload_ids"][0])["status"], "cancelled")
        sleeping = self.deploy("sleep 600\n")
        self.assertEqual(self.good("POST", f"/deployments/{sleeping['deployment_id']}:cancel")["id"], sleeping["deployment_id"])
        self.assertEqual(self.web.ended(sleeping["payload_ids"][0])["status"], "cancelled")

    def test_tasks_workers_tokens_and_audit(self):
        task_id = self.deploy("true\n")["task_ids"][0]
        self.assertEqual(self.good("GET", f"/tasks/{task_id}")["type"], "payload_transfer")
        self.assertEqual(self.good("GET", f"/tasks/{task_id}/log"), {"task_id": task_id, "log": ""})
        self.assertIn(task_id, [one["id"] for one in self.good("GET", "/tasks?type=payload_transfer")["tasks"]])
        self.assertEqual([one["name"] for one in self.good("GET", "/workers")["workers"]], ["worker-0"])
        made = self.good("POST", "/tokens", {"name": "t", "role": "viewer", "projects": ["shop"]})
        self.assertEqual(Web(self.stack, token=made["token"]).get("/api/v1/payloads").json["payloads"], [])
        token = next(one for one in self.good("GET", "/tokens?page_size=1000")["tokens"] if one["id"] == made["id"])
        self.assertEqual((token["role"], token["projects"]), ("viewer", ["shop"]))
        self.assertIn("revoked_at", self.good("POST", f"/tokens/{made['id']}:revoke"))
        event = self.good("GET", "/audit?page_size=1&from=2026-01-01T00:00:00Z")["events"][0]
        self.assertEqual((event["method"], event["ids"]), ("AccessService.RevokeToken", [made["id"]]))

    def test_what_is_refused(self):
        for path in ("instances", "payloads", "deployments", "tasks"):
            reason = f"{path[:-1].upper()}_NOT_FOUND"
            self.bad(404, "NOT_FOUND", reason, "GET", f"/{path}/{MISSING}")
            self.bad(400, "INVALID_ARGUMENT", "INVALID_FIELD", "GET", f"/{path}/seven")
            self.bad(400, "INVALID_ARGUMENT", "INVALID_FIELD", "GET", f"/{path}?page_sise=1")
            self.bad(400, "INVALID_ARGUMENT", "INVALID_FIELD", "GET", f"/{path}?page_size=x")
        for path in ("", "/", "/nothing", "/payloads/", "/payloads/1/", "/payloads//output", "/payloads/1/events/2", "/../rpc",
                     "/payloads/1%2foutput", "/PAYLOADS"):
            self.bad(404 if path != "/payloads/1%2foutput" else 400, *(("NOT_FOUND", "") if path != "/payloads/1%2foutput" else (
                "INVALID_ARGUMENT", "INVALID_FIELD")), "GET", path)
        for method, path, allowed in (("PUT", "/instances/1", "GET, PATCH, DELETE"), ("DELETE", "/payloads", "POST, GET"),
                                      ("GET", "/payloads/1:cancel", "POST"), ("POST", "/tasks", "GET")):
            answer = self.bad(405, "UNIMPLEMENTED", "", method, path)
            self.assertEqual(answer.headers["Allow"], allowed)
        self.bad(400, "INVALID_ARGUMENT", "INVALID_FIELD", "POST", "/payloads", {"payload_pat": "/x"})
        self.bad(400, "INVALID_ARGUMENT", "INVALID_FIELD", "POST", "/payloads/1:execute", {"payload_ids": [2]})
        self.bad(400, "INVALID_ARGUMENT", "INVALID_FIELD", "DELETE", f"/instances/0?instance_id={self.stack.instances[0].id}")
        self.bad(400, "INVALID_ARGUMENT", "", "POST", "/payloads?timeout=1", {})
        self.bad(400, "INVALID_ARGUMENT", "", "POST", "/payloads", [])
        self.bad(400, "INVALID_ARGUMENT", "", "POST", "/payloads", b"{")
        self.bad(400, "INVALID_ARGUMENT", "", "GET", "/payloads", {"status": "failed"})
        self.bad(403, "PERMISSION_DENIED", "PAYLOAD_PATH_FORBIDDEN", "POST", "/payloads",
                 {"instance_ids": [self.stack.instances[0].id], "payload_path": "/etc/passwd"})
        done = self.deploy("true\n")["payload_ids"][0]
        self.web.ended(done)
        self.bad(400, "FAILED_PRECONDITION", "WRONG_STATE", "POST", f"/payloads/{done}:cancel")
        request = {"request_id": "once", "instance_ids": [self.stack.instances[0].id], "payload_content": "dHJ1ZQo="}
        self.assertEqual(self.good("POST", "/payloads", request), self.good("POST", "/payloads", request))
        self.bad(409, "ALREADY_EXISTS", "REQUEST_ID_REUSED", "POST", "/payloads", dict(request, timeout=7))

    def test_who_may_ask(self):
        answer = self.bad(401, "UNAUTHENTICATED", "TOKEN_MISSING", "GET", "/payloads", web=Web(self.stack, token=""))
        self.assertEqual(answer.headers["WWW-Authenticate"], 'Bearer realm="longshore"')
        made = self.good("POST", "/tokens", {"name": "t", "role": "viewer", "projects": ["another"]})
        stranger = Web(self.stack, token=made["token"])
        self.bad(403, "PERMISSION_DENIED", "ROLE_INSUFFICIENT", "POST", "/payloads", {}, web=stranger)
        payload = self.deploy("echo secret\n")["payload_ids"][0]
        self.web.ended(payload)
        for path in ("/payloads/{}", "/payloads/{}/output", "/payloads/{}/events", "/instances/{}", "/instances/{}/payloads"):
            foreign = payload if "payloads/{}" in path else self.stack.instances[0].id
            seen = [self.bad(404, "NOT_FOUND", path[1:].split("/")[0][:-1].upper() + "_NOT_FOUND", "GET", path.format(number),
                             web=stranger).body.decode().replace(str(number), "N") for number in (foreign, MISSING)]
            self.assertEqual(seen[0], seen[1])

    def test_output_byte_for_byte(self):
        printed = bytes(range(256)) * 8000  # 2 MB: two pieces.
        payload = self.deploy("for i in $(seq 8000); do printf '" + "".join(f"\\x{byte:02x}" for byte in range(256)) +
                              "'; done\n")["payload_ids"][0]
        self.web.ended(payload)
        path = f"/api/v1/payloads/{payload}/output"
        whole = self.web.get(path)
        self.assertEqual((whole.status, hashlib.sha256(whole.body).digest()), (200, hashlib.sha256(printed).digest()))
        self.assertEqual((whole.headers["Content-Type"], whole.headers["X-Content-Type-Options"], whole.headers["Accept-Ranges"]),
                         ("application/octet-stream", "nosniff", "bytes"))
        total = len(printed)
        for asked, first, last in (("bytes=0-0", 0, 0), ("bytes=10-19", 10, 19), (f"bytes={total - 5}-", total - 5, total - 1),
                                   ("bytes=-7", total - 7, total - 1), (f"bytes=0-{total}", 0, (1 << 20) - 1),
                                   (f"bytes={total - 1}-{total * 2}", total - 1, total - 1)):
            answer = self.web.get(path, Range=asked)
            self.assertEqual((answer.status, answer.headers["Content-Range"], len(answer.body)),
                             (206, f"bytes {first}-{last}/{total}", last + 1 - first), asked)
            self.assertTrue(answer.body == printed[first:last + 1], asked)
        for asked in (f"bytes={total}-", "bytes=-0", f"bytes={2**62}-"):
            answer = self.web.get(path, Range=asked)
            self.assertEqual((answer.status, answer.headers["Content-Range"]), (416, f"bytes */{total}"))
        for asked in ("lines=1-2", "bytes=5-4", "bytes=1-2,4-5"):
            self.assertEqual(len(self.web.get(path, Range=asked).body), total)
        head = self.web.ask("HEAD", f"/api/v1/payloads/{payload}")
        self.assertEqual((head.status, head.body), (200, b""))
        empty = self.deploy("true\n")["payload_ids"][0]
        self.web.ended(empty)
        answer = self.web.get(f"/api/v1/payloads/{empty}/output")
        self.assertEqual((answer.status, answer.body, answer.headers["Content-Length"]), (200, b"", "0"))

    def test_output_that_is_not_stored_is_left_out(self):
        payload = self.deploy("head -c 2000000 /dev/zero; head -c 3000000 /dev/zero | tr '\\0' x\n")["payload_ids"][0]
        self.assertTrue(self.web.ended(payload)["output_truncated"])
        path = f"/api/v1/payloads/{payload}/output"
        self.assertTrue(self.web.get(path).body == bytes(1500000) + b"x" * 1500000)
        answer = self.web.get(path, Range="bytes=1499990-1600000")
        self.assertEqual((answer.headers["Content-Range"], answer.body), ("bytes 1499990-1499999/5000000", bytes(10)))
        answer = self.web.get(path, Range="bytes=2000000-3600000")
        self.assertEqual((answer.headers["Content-Range"], len(answer.body)), ("bytes 3500000-3600000/5000000", 100001))
        self.assertEqual(self.web.get(path, Range="bytes=2000000-3000000").status, 416)


class EventsTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=2, http=True)
        cls.web = Web(cls.stack)

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def setUp(self):
        self.addCleanup(self.stack.restore)

    def start(self, script):
        """A payload that runs."""
        payload_id = self.stack.deploy(script, instances=self.stack.instances[:1]).payload_ids[0]
        self.stack.wait(payload_id, (pb.PAYLOAD_STATUS_EXECUTING,))
        return payload_id

    @staticmethod
    def output(events):
        return b"".join(base64.b64decode(event.data["output"]["data"]) for event in events if event.name == "output")

    def test_a_payload_from_its_beginning_to_its_end(self):
        payload_id = self.start("echo begun; while [ ! -e /root/go ]; do sleep 0.1; done; printf 'caf\\xe9\\n'; exit 4\n")
        events = self.web.events(f"/api/v1/payloads/{payload_id}/events")
        self.addCleanup(events.close)
        self.assertEqual((events.status, events.answer.headers["Content-Type"]), (200, "text/event-stream"))
        seen = []
        for event in events:
            seen.append(event)
            if self.output(seen) == b"begun\n" and event.name == "output":
                with open(self.stack.instances[0].path("/root/go"), "w"):
                    pass
        self.assertEqual((seen[-1].name, seen[-1].id, seen[-1].data), ("end", None, {}))
        self.assertEqual(self.output(seen), b"begun\ncaf\xe9\n")
        statuses = [event.data["payload"]["status"] for event in seen if event.name == "payload"]
        self.assertEqual((statuses[0], statuses[-1]), ("executing", "failed"))
        self.assertEqual(seen[-2].id, "1-11-end")
        again = self.web.ask("GET", f"/api/v1/payloads/{payload_id}/events", headers={"Last-Event-ID": "1-11-end"})
        self.assertEqual((again.status, again.body), (204, b""))
        later = list(self.web.events(f"/api/v1/payloads/{payload_id}/events", "1-6"))
        self.assertEqual((self.output(later), later[-1].name), (b"caf\xe9\n", "end"))
        other = list(self.web.events(f"/api/v1/payloads/{payload_id}/events", "7-6"))  # Of another attempt.
        self.assertEqual(self.output(other), b"begun\ncaf\xe9\n")
        by_query = list(self.web.events(f"/api/v1/payloads/{payload_id}/events?output_offset=6"))
        self.assertEqual(self.output(by_query), b"caf\xe9\n")

    def test_it_goes_on_after_the_server_was_away(self):
        payload_id = self.start("for i in $(seq 1 200); do echo line $i; sleep 0.02; done\n")
        path, seen, last, ended = f"/api/v1/payloads/{payload_id}/events", [], None, False

        def follow():
            nonlocal last, ended
            events = self.web.events(path, last)
            try:
                for event in events:
                    seen.append(event)
                    last = event.id or last
                    ended = event.name == "end"
                    if len(seen) == 3:
                        self.stack.api_servers[0].kill()
            finally:
                events.close()

        while not ended:
            try:
                follow()
            except OSError:
                pass
            except Exception as error:  # The rest of an answer that was cut.
                self.assertIn("Incomplete", type(error).__name__)
            if self.stack.api_servers[0].child.poll() is not None:
                self.stack.api_servers[0].start()
        self.assertEqual(self.output(seen), b"".join(b"line %d\n" % i for i in range(1, 201)))

    def test_a_deployment_to_its_end(self):
        response = self.stack.deploy("sleep 1; echo done\n")
        path = f"/api/v1/deployments/{response.deployment_id}/events"
        seen = list(self.web.events(path))
        self.assertEqual((seen[0].name, seen[-1].name), ("deployment", "end"))
        self.assertTrue(seen[-2].id.endswith("-end"))
        self.assertEqual(seen[-2].data["deployment"]["counts"]["completed"], 2)
        last = {event.data["payload"]["id"]: event.data["payload"]["status"] for event in seen if event.name == "payload"}
        self.assertEqual(last, {number: "completed" for number in response.payload_ids})
        self.assertEqual(self.web.ask("GET", path, headers={"Last-Event-ID": seen[-2].id}).status, 204)

    def test_a_server_that_goes_says_so(self):
        payload_id = self.start("echo begun; sleep 600\n")
        events = self.web.events(f"/api/v1/payloads/{payload_id}/events")
        self.addCleanup(events.close)
        following = iter(events)
        self.assertEqual(next(following).name, "payload")
        self.assertEqual(self.stack.api_servers[0].terminate(), 0)
        rest = list(following)
        self.assertEqual((rest[-1].name, rest[-1].data["error"]["code"]), ("problem", "UNAVAILABLE"))

    def test_a_token_that_is_revoked_ends_its_streams(self):
        made = self.stack.new_token(access_pb.ROLE_VIEWER)
        payload_id = self.start("sleep 600\n")
        events = Web(self.stack, token=made.token).events(f"/api/v1/payloads/{payload_id}/events")
        self.addCleanup(events.close)
        following = iter(events)
        self.assertEqual(next(following).data["payload"]["status"], "executing")
        self.stack.stubs(0).access.RevokeToken(access_service.RevokeTokenRequest(token_id=made.id))
        end = list(following)[-1]
        self.assertEqual((end.name, end.data["error"]["reason"]), ("problem", "TOKEN_INVALID"))

    def test_a_client_that_leaves_leaves_no_watch(self):
        payload_id = self.start("sleep 600\n")
        made = self.stack.new_token(access_pb.ROLE_VIEWER)
        web = Web(self.stack, token=made.token)
        before = self.descriptors()
        for _ in range(50):
            events = web.events(f"/api/v1/payloads/{payload_id}/events")
            next(iter(events))
            events.close()
        wait_until(lambda: self.descriptors() <= before + 5, "the connections to be closed")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.stack.api_servers[0].child.pid}/fd"))


if __name__ == "__main__":
    unittest.main()
