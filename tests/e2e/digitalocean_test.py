"""The provider digitalocean against a server that answers as DigitalOcean's public API (version 2) is documented, faults
included."""

import contextlib
import http.server
import json
import os
import threading
import time
import unittest
import urllib.parse

import grpc

from harness.api import instance_pb, instance_service
from harness.errors import expect_error
from harness.patience import wait_until
from harness.stack import Stack

READY, FAILED, TERMINATED = (instance_pb.INSTANCE_STATUS_READY, instance_pb.INSTANCE_STATUS_FAILED,
                             instance_pb.INSTANCE_STATUS_TERMINATED)
TOKEN = "dop_v1_secret"


class FakeApi:
    """Droplets, keys and tags in memory. `fault(method, path)` may return what happens to a request instead of, or after, its
    answer:
    an HTTP status; "lost", done but the connection closes; "garbage"; "slow"."""

    def __init__(self):
        self.lock = threading.Lock()
        self.droplets, self.keys, self.tags = {}, {}, set()
        self.next_id = 100
        self.created = 0
        self.requests = []
        self.fault = lambda method, path: None
        self.page_size = 1  # Fewer than asked for, as an API may.
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def serve(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with contextlib.suppress(OSError):
                    api.serve(self, urllib.parse.urlsplit(self.path), json.loads(body or b"null"))

            do_GET = do_POST = do_DELETE = serve

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def serve(self, handler, url, body):
        query = {k: v[0] for k, v in urllib.parse.parse_qs(url.query).items()}
        with self.lock:
            fault = self.fault(handler.command, url.path)
            self.requests.append((time.monotonic(), handler.command, url.path, fault))
        if handler.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.answer(handler, 401, {"id": "Unauthorized", "message": "Unable to authenticate you"})
        if isinstance(fault, int):
            return self.answer(handler, fault, {"id": "fault", "message": "no luck"})
        with self.lock:
            status, answer = self.act(handler.command, url.path, query, body)
        if fault == "lost":
            handler.connection.close()
            return None
        if fault == "garbage":
            return self.send(handler, status, b"<html>\xff")
        return self.answer(handler, status, answer)

    def act(self, method, path, query, body):
        if (method, path) == ("GET", "/v2/droplets"):
            for droplet in self.droplets.values():
                droplet["age"] += 1
                if droplet["age"] >= 2:  # It takes a while.
                    droplet["status"] = "active"
                    droplet["networks"]["v4"] = [{"ip_address": "10.0.0.9", "type": "private"},
                                                 {"ip_address": droplet["address"], "type": "public"}]
            return self.page("droplets", [d for d in self.droplets.values() if query["tag_name"] in d["tags"]], query)
        if (method, path) == ("POST", "/v2/droplets"):
            if body["size"] == "too-big":
                return 422, {"id": "unprocessable_entity", "message": "You specified an invalid size"}
            assert set(body["ssh_keys"]) <= set(self.keys), "unknown key"
            self.next_id += 1
            self.created += 1
            self.tags |= set(body["tags"])
            self.droplets[self.next_id] = dict(body, id=self.next_id, status="new", networks={"v4": []}, age=0,
                                               address=f"192.0.2.{self.next_id % 250}")
            return 202, {"droplet": self.droplets[self.next_id]}
        if (method, path) == ("DELETE", "/v2/droplets"):
            for droplet_id in [i for i, d in self.droplets.items() if query["tag_name"] in d["tags"]]:
                del self.droplets[droplet_id]
            return 204, None
        if method == "DELETE" and path.startswith("/v2/droplets/"):
            return (204, None) if self.droplets.pop(int(path.split("/")[-1]), None) else (404, {"id": "not_found"})
        if method == "DELETE" and path.startswith("/v2/tags/"):
            self.tags.discard(path.split("/")[-1])
            return 204, None
        if (method, path) == ("GET", "/v2/account/keys"):
            return self.page("ssh_keys", list(self.keys.values()), query)
        if (method, path) == ("POST", "/v2/account/keys"):
            if any(k["public_key"].split()[1] == body["public_key"].split()[1] for k in self.keys.values()):
                return 422, {"id": "unprocessable_entity", "message": "SSH Key is already in use on your account"}
            self.next_id += 1
            self.keys[self.next_id] = dict(body, id=self.next_id, public_key=body["public_key"] + " comment")
            return 201, {"ssh_key": self.keys[self.next_id]}
        return 404, {"id": "not_found", "message": "The resource you were accessing could not be found."}

    def page(self, name, rows, query):
        page = int(query["page"])
        links = {}
        if len(rows) > page * self.page_size:
            links = {"pages": {"next": f"http://192.0.2.1/elsewhere?page={page + 1}"}}
        return 200, {name: rows[(page - 1) * self.page_size:page * self.page_size], "links": links, "meta": {"total": len(rows)}}

    def answer(self, handler, status, answer):
        self.send(handler, status, b"" if answer is None else json.dumps(answer).encode())

    @staticmethod
    def send(handler, status, body):
        handler.send_response(status)
        if status == 429:
            handler.send_header("Retry-After", "1")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


class DigitalOceanTest(unittest.TestCase):

    def setUp(self):
        self.api = FakeApi()
        self.addCleanup(self.api.close)
        self.token_file = f"/tmp/longshore-token-{os.getpid()}"
        with open(self.token_file, "w") as file:
            file.write(TOKEN + "\n")
        self.addCleanup(os.unlink, self.token_file)
        self.stack = Stack(instances=0, api_servers=2, api_flags=(f"--digitalocean_token_file={self.token_file}",
                                                                  f"--digitalocean_url={self.api.url}"))
        self.addCleanup(self.stack.close)
        self.addCleanup(self.check_no_secret)

    def check_no_secret(self):
        for process in self.stack.api_servers:
            with open(process.log) as file:
                self.assertNotIn(TOKEN, file.read())

    def create(self, count=1, **fields):
        fields = dict(dict(provider="digitalocean", name="web", region="fra1", size="s-1vcpu-1gb", image="debian-12-x64"),
                      number_of_instances=count, **fields)
        return self.stack.instance_stub.CreateInstance(instance_service.CreateInstanceRequest(**fields))

    def terminate(self, instance_id):
        self.stack.settled(lambda: self.stack.instance_stub.TerminateInstance(
            instance_service.TerminateInstanceRequest(instance_id=instance_id)))
        self.stack.wait_instance(instance_id, TERMINATED)

    def test_from_create_to_delete(self):
        answer = self.create(3, name="shop {web}", tags=["a b", "c"])
        made = [self.stack.wait_instance(i.id) for i in answer.instances]
        with self.api.lock:
            droplets = list(self.api.droplets.values())
        self.assertEqual(sorted(d["address"] for d in droplets), sorted(m.address for m in made))
        self.assertEqual({d["name"] for d in droplets}, {f"shop--web--{n}" for n in range(3)})
        for droplet in droplets:
            self.assertEqual((droplet["region"], droplet["size"], droplet["image"]), ("fra1", "s-1vcpu-1gb", "debian-12-x64"))
            self.assertEqual(droplet["tags"][1:], ["a-b", "c"])
        with open(self.stack.key + ".pub") as file:
            wanted = " ".join(file.read().split()[:2])
        self.assertEqual([" ".join(k["public_key"].split()[:2]) for k in self.api.keys.values()], [wanted], "once for all")
        self.terminate(made[1].id)
        self.assertNotIn(made[1].address, [d["address"] for d in self.api.droplets.values()])
        self.assertEqual(len(self.api.droplets), 2)
        for each in (made[0], made[2]):
            self.terminate(each.id)
        self.assertEqual(self.api.droplets, {})
        self.assertEqual({t for t in self.api.tags if t.startswith("longshore")}, set())

    def test_an_answer_that_was_lost_makes_no_second_one(self):
        seen = []

        def fault(method, path):
            if (method, path) == ("POST", "/v2/droplets") and len(seen) < 4:
                seen.append(path)
                return "lost"
            return None

        self.api.fault = fault
        for instance in self.create(4).instances:
            self.stack.wait_instance(instance.id)
        self.assertEqual((len(seen), self.api.created, len(self.api.droplets)), (4, 4, 4))

    def test_faults_of_every_kind(self):
        kinds = [500, 503, "garbage", 429, "lost", 502, 401, 403]

        def fault(method, path):
            return kinds.pop() if kinds and (path.startswith("/v2/droplets") or method == "POST") else None

        self.api.fault = fault
        ids = [i.id for i in self.create(4).instances]
        for instance_id in ids:
            self.stack.wait_instance(instance_id)
        self.assertEqual((kinds, len(self.api.droplets)), ([], 4))
        kinds.extend([500, 429, "lost"])
        for instance_id in ids:
            self.terminate(instance_id)
        self.assertEqual(self.api.droplets, {})

    def test_the_rate_limit_is_kept(self):
        self.api.fault = lambda method, path: 429 if method == "POST" and not self.limited() else None
        instance_id = self.create().instances[0].id
        self.stack.wait_instance(instance_id)
        times = [at for at, _, _, fault in self.api.requests if fault == 429]
        after = [at for at, _, _, _ in self.api.requests if at > times[0]]
        self.assertGreater(after[0] - times[0], 0.5, "Retry-After: 1, by two clocks")

    def limited(self):
        return any(fault == 429 for _, _, _, fault in self.api.requests)

    def test_what_the_api_refuses_fails_and_says_why(self):
        instance_id = self.create(size="too-big").instances[0].id
        failed = self.stack.wait_instance(instance_id, FAILED)
        self.assertIn("You specified an invalid size", failed.status_error)
        self.assertEqual(self.api.droplets, {})

    def test_an_address_of_another_project_is_not_taken(self):
        """A provider gives an address again. Its new owner's scripts would run for the old one, and the other way round."""
        self.stack.instance_stub.RegisterInstance(instance_service.RegisterInstanceRequest(
            name="old", address="192.0.2.102", project="blog"))
        answer = self.create(2, project="shop")
        ended = [wait_until(lambda made=made: (i := self.stack.instance(made.id)).status in (FAILED, READY) and i, "its end")
                 for made in answer.instances]
        failed, other = sorted(ended, key=lambda instance: instance.status == READY)
        self.assertEqual((failed.status, other.status), (FAILED, READY))
        self.assertIn("192.0.2.102 port 22, which the provider gave it, belongs to another project", failed.status_error)
        self.assertEqual([d["address"] for d in self.api.droplets.values()], [other.address], "what it made is removed")

    def test_a_double_is_removed(self):
        """As if another api_server, long stopped, had sent its request in the end."""
        answer = self.create()
        wait_until(lambda: self.api.droplets, "the droplet")
        with self.api.lock:
            first = next(iter(self.api.droplets.values()))
            first["age"] = -20
            double = dict(first, id=9999, address="192.0.2.99")
            self.api.droplets[9999] = double
        self.stack.wait_instance(answer.instances[0].id)
        self.assertEqual(list(self.api.droplets), [first["id"]])

    def test_api_server_killed_at_any_moment(self):
        held = threading.Event()
        killed = threading.Event()

        def fault(method, path):
            if (method, path) == ("POST", "/v2/droplets") and not held.is_set():
                held.set()
                threading.Thread(target=self.kill_both, args=(killed,)).start()
                return "lost"
            return None

        self.api.fault = fault
        ids = [i.id for i in self.create(5).instances]
        wait_until(killed.is_set, "both to be killed and back")
        for instance_id in ids:
            self.stack.wait_instance(instance_id)
        self.assertEqual(len(self.api.droplets), 5, "no orphan, no double")
        for instance_id in ids:
            self.terminate(instance_id)
        self.assertEqual(self.api.droplets, {})

    def kill_both(self, killed):
        for process in self.stack.api_servers:
            process.kill()
        for process in self.stack.api_servers:
            process.start()
        killed.set()

    def test_terminated_while_it_is_made(self):
        ids = [i.id for i in self.create(3).instances]
        for instance_id in ids:
            self.terminate(instance_id)
        self.assertEqual(self.api.droplets, {})

    def test_wrong_requests(self):
        for field in ("region", "size", "image"):
            expect_error(self, lambda field=field: self.create(**{field: ""}), grpc.StatusCode.INVALID_ARGUMENT,
                         "INVALID_FIELD", [field])
        self.assertEqual(self.api.requests, [])

    def test_without_a_token(self):
        stack = Stack(instances=0, workers=0)
        self.addCleanup(stack.close)
        request = instance_service.CreateInstanceRequest(provider="digitalocean", name="x", region="r", size="s", image="i")
        expect_error(self, lambda: stack.instance_stub.CreateInstance(request), grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD",
                     ["--digitalocean_token_file"])


if __name__ == "__main__":
    unittest.main()
