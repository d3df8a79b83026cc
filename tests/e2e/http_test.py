"""HTTP as a protocol: health, framing, limits, connections, and whose pages may ask."""

import concurrent.futures
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import unittest
import warnings

from harness.api import pb
from harness.patience import PATIENCE, wait_until
from harness.process import listening
from harness.stack import Stack
from harness.web import Web, port_of

CALL = b'{"jsonrpc": "2.0", "method": "list_tasks", "params": {"page_size": 1}, "id": %d}'


def answers(client, number=1):
    """The next answers on a raw connection: (status, body)."""
    read = []
    file = client.makefile("rb")
    for _ in range(number):
        line = file.readline()
        assert line, f"it ended after {read[-1:]}"
        status = int(line.split()[1])
        headers = http.client.parse_headers(file)
        read.append((status, file.read(int(headers.get("Content-Length", 0)))))
    return read


def closed(client):
    try:
        return client.recv(1) == b""
    except (ConnectionResetError, ssl.SSLEOFError):
        return True


class HttpTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=1, http=True,
                          api_flags=["--http_origins=https://tools.example", "--http_hosts=proxy.example"])
        cls.web = Web(cls.stack)

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def setUp(self):
        self.addCleanup(self.stack.restore)

    def raw(self, *pieces):
        client = self.web.socket()
        self.addCleanup(client.close)
        for piece in pieces:
            client.sendall(piece)
        return client

    def post(self, headers=b"", body=CALL % 1, length=True, host=b"127.0.0.1"):
        lines = [b"POST /rpc HTTP/1.1", b"Host: " + host, b"Authorization: Bearer " + self.stack.token.encode()]
        if length:
            lines.append(b"Content-Length: %d" % len(body))
        return b"\r\n".join(lines) + b"\r\n" + headers + b"\r\n" + body

    def test_health_is_open_and_tells_the_truth(self):
        stranger = Web(self.stack, token="")
        for path in ("/healthz", "/readyz"):
            self.assertEqual(stranger.get(path, Host="10.1.2.3").status, 200)
            self.assertEqual(stranger.ask("POST", path).status, 405)
        self.stack.postgres.signal(signal.SIGQUIT)
        wait_until(lambda: self.stack.postgres.child.poll() is not None, "PostgreSQL to end")
        answer = stranger.get("/readyz")
        self.assertEqual((answer.status, answer.json["ready"], stranger.get("/healthz").status), (503, False, 200))
        # gRPC's health says the same, within seconds: 1 is SERVING, 2 NOT_SERVING.
        health = self.stack.channels[0].unary_unary("/grpc.health.v1.Health/Check")
        wait_until(lambda: health(b"") == b"\x08\x02", "gRPC's health to follow")
        self.stack.postgres.start()
        wait_until(lambda: stranger.get("/readyz").status == 200, "it to be ready")
        wait_until(lambda: health(b"") == b"\x08\x01", "gRPC's health to follow")
        self.stack.sql("UPDATE schema_migrations SET version = -version "
                       "WHERE version = (SELECT max(version) FROM schema_migrations)")
        try:
            self.assertIn("not yet at", stranger.get("/readyz").json["why"])
        finally:
            self.stack.sql("UPDATE schema_migrations SET version = -version WHERE version < 0")
        self.assertEqual(stranger.get("/readyz").status, 200)

    def test_requests_that_two_could_read_differently(self):
        body = CALL % 1
        smuggled = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        chunked = b"Transfer-Encoding: chunked\r\n"
        for name, request in (
                ("two lengths", self.post(b"Content-Length: %d\r\n" % (len(body) + 5), body)),
                ("the same length twice", self.post(b"Content-Length: %d\r\n" % len(body), body)),
                ("a length and chunks", self.post(chunked, b"0\r\n\r\n" + smuggled)),
                ("chunks twice", self.post(chunked + chunked, b"0\r\n\r\n" + smuggled, length=False)),
                ("chunks of another coding", self.post(b"Transfer-Encoding: gzip, chunked\r\n", smuggled, length=False)),
                ("an unknown coding", self.post(b"Transfer-Encoding: xchunked\r\n", smuggled, length=False)),
                ("a coding with a tab", self.post(b"Transfer-Encoding:\tchunked, identity\r\n", smuggled, length=False)),
                ("a name with a blank", self.post(b"Transfer-Encoding : chunked\r\n", smuggled, length=False)),
                ("a length with a sign", self.post(b"Content-Length: +5\r\n", body, length=False)),
                ("a length in two parts", self.post(b"Content-Length: 5, 5\r\n", body, length=False)),
                ("a negative length", self.post(b"Content-Length: -5\r\n", body, length=False)),
                ("a length beyond any", self.post(b"Content-Length: 99999999999999999999\r\n", body, length=False)),
                ("a chunk with a bad size", self.post(chunked, b"xyz\r\n" + smuggled, length=False)),
                ("a chunk without its end", self.post(chunked, b"5\r\n12345678\r\n0\r\n\r\n" + smuggled, length=False)),
                ("two hosts", self.post(b"Host: 127.0.0.1\r\n")),
                ("no host", self.post().replace(b"Host: 127.0.0.1\r\n", b"")),
                ("a bare line feed in a name", self.post(b"X\n: y\r\n")),
                ("a NUL in a value", self.post(b"X: a\0b\r\n")),
                ("another protocol", b"GET /healthz HTTP/3.7\r\nHost: 127.0.0.1\r\n\r\n"),
                ("no protocol", b"GET /healthz\r\n\r\n"),
                ("an absolute target", b"GET http://127.0.0.1/healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
                ("a tunnel", b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n"),
                ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), ("noise", b"\x16\x03\x01\0\0\r\n\r\n")):
            with self.subTest(name):
                client = self.raw(request)
                [(status, answer)] = answers(client)
                self.assertIn(status, (400, 501, 505), answer)
                client.settimeout(PATIENCE)
                self.assertTrue(closed(client), "what followed was read as a request")

    def test_connections_are_kept_and_requests_answered_in_order(self):
        client = self.raw(b"".join(self.post(body=CALL % number) for number in range(20)))
        self.assertEqual([json.loads(body)["id"] for _, body in answers(client, 20)], list(range(20)))
        chunked = b"Transfer-Encoding: chunked\r\n"
        body = CALL % 7
        client.sendall(self.post(chunked, b"%x;ext=1\r\n%s\r\n3\r\n\r\n \r\n0\r\nTrailer: x\r\n\r\n" % (len(body), body),
                                 length=False))
        self.assertEqual(json.loads(answers(client)[0][1])["id"], 7)
        client.sendall(self.post(b"Connection: close\r\n"))
        self.assertEqual(answers(client)[0][0], 200)
        self.assertTrue(closed(client))
        client = self.raw(b"GET /healthz HTTP/1.0\r\n\r\n")
        self.assertEqual(answers(client)[0][0], 200)
        self.assertTrue(closed(client))

    def test_a_body_is_invited(self):
        body = CALL % 1
        client = self.raw(self.post(b"Expect: 100-continue\r\n", body)[:-len(body)])
        self.assertEqual(answers(client)[0], (100, b""))
        client.sendall(body)
        self.assertEqual(answers(client)[0][0], 200)
        client = self.raw(b"POST /rpc HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9000000\r\nExpect: 100-continue\r\n\r\n")
        self.assertEqual(answers(client)[0][0], 413)

    def test_sizes_have_limits(self):
        self.assertEqual(answers(self.raw(self.post(b"X: " + b"a" * 20000 + b"\r\n")))[0][0], 431)
        self.assertEqual(answers(self.raw(b"GET /" + b"a" * 20000))[0][0], 431)
        self.assertEqual(self.web.ask("POST", "/rpc", b" " * (8 << 20)).status, 200)
        self.assertEqual(self.web.ask("POST", "/rpc", b" " * ((8 << 20) + 1)).status, 413)
        client = self.raw(self.post(b"Transfer-Encoding: chunked\r\n", b"", length=False))
        with self.assertRaises(OSError):
            for _ in range(100):
                client.sendall(b"100000\r\n" + b" " * (1 << 20) + b"\r\n")
            raise AssertionError("nothing stopped it")
        script = "A" * ((4 << 20) // 3 * 2)
        refused = self.web.rpc("deploy_payload", {"instance_ids": [1], "payload_content": script + "==="})
        self.assertEqual(refused["error"]["code"], -32602)

    def test_large_bodies_of_many_do_not_add_up(self):
        head = b"POST /rpc HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 8000000\r\n\r\n"
        announced = [self.raw(head, b" ") for _ in range(20)]  # These hold nothing yet.
        self.assertEqual(self.web.ask("POST", "/rpc", b" " * (8 << 20)).status, 200)
        for client in announced:
            client.close()
        held = [self.raw(head, b" " * 7500000) for _ in range(10)]
        heard = wait_until(lambda: b"".join(map(self.heard, held)), "some to be refused")
        self.assertTrue(heard.startswith(b"HTTP/1.1 503 "), heard)
        self.assertEqual(self.web.ask("POST", "/rpc", CALL % 1).status, 200)
        for client in held:
            client.close()
        wait_until(lambda: self.web.ask("POST", "/rpc", b" " * (8 << 20)).status == 200, "the room to be given back")

    @staticmethod
    def heard(client):
        """What has come by now."""
        client.setblocking(False)
        try:
            return client.recv(100)
        except ssl.SSLWantReadError:
            return b""

    def test_what_is_read_line_by_line_has_an_end(self):
        head = self.post(b"Transfer-Encoding: chunked\r\n", b"", length=False)
        for endless in (b"1;" + b"a" * 200000, b"0\r\nX: " + b"a" * 200000):
            self.assertEqual(answers(self.raw(head + endless))[0][0], 400)

    def test_what_comes_behind_a_body_is_no_header(self):
        body = CALL % 1
        client = self.raw(b"POST /rpc HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                          b"%x\r\n%s\r\n0\r\nAuthorization: Bearer %s\r\nOrigin: https://evil.example\r\n\r\n" %
                          (len(body), body, self.stack.token.encode()))
        self.assertEqual(answers(client)[0][0], 401)

    def test_a_page_of_elsewhere_may_not_ask(self):
        for host in (b"evil.example", b"127.0.0.2", b"localhost.evil.example", b"evil.example:%d" % self.web.port, b"",
                     b"127.0.0.1.evil.example"):
            client = self.raw(self.post(host=host))
            self.assertEqual(answers(client)[0][0], 421, host)
        for host in (b"127.0.0.1:1234", b"localhost", b"LOCALHOST:9", b"proxy.example", b"proxy.example:443"):
            self.assertEqual(answers(self.raw(self.post(host=host)))[0][0], 200, host)
        own = f"https://127.0.0.1:{self.web.port}"
        for origin, status in ((own, 200), ("https://tools.example", 200), ("https://evil.example", 403), ("null", 403),
                               ("http://127.0.0.1:%d" % self.web.port, 403), ("https://tools.example.evil.example", 403)):
            answer = self.web.ask("POST", "/rpc", CALL % 1, {"Origin": origin})
            self.assertEqual(answer.status, status, origin)
            self.assertEqual(answer.headers["Access-Control-Allow-Origin"],
                             origin if origin == "https://tools.example" else None)
        preflight = self.web.ask("OPTIONS", "/rpc", headers={"Origin": "https://tools.example"})
        self.assertEqual((preflight.status, preflight.headers["Access-Control-Allow-Headers"]),
                         (204, "authorization, content-type, last-event-id, range"))
        self.assertEqual(self.web.ask("OPTIONS", "/rpc", headers={"Origin": "https://evil.example"}).status, 403)

    def test_every_answer_has_safe_headers(self):
        for path in ("/healthz", "/rpc", "/api/v1/tasks", "/api/v1/tasks/0", "/nothing", "/%zz"):
            headers = self.web.get(path).headers
            self.assertEqual((headers["X-Content-Type-Options"], headers["Cache-Control"], headers["Referrer-Policy"]),
                             ("nosniff", "no-store", "no-referrer"), path)
            self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
            self.assertRegex(headers["Date"], r"^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$")

    def test_many_streams_and_slow_readers_hold_nobody_up(self):
        payload_id = self.stack.deploy("while true; do head -c 20000 /dev/zero | tr '\\0' x; sleep 0.05; done\n").payload_ids[0]
        self.stack.wait(payload_id, (pb.PAYLOAD_STATUS_EXECUTING,))
        request = (f"GET /api/v1/payloads/{payload_id}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                   f"Authorization: Bearer {self.stack.token}\r\n\r\n").encode()
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            slow = list(pool.map(lambda _: self.raw(request), range(300)))
        for client in slow:
            self.assertTrue(client.recv(100).startswith(b"HTTP/1.1 200 OK\r\n"))
        self.assertEqual(self.web.ask("POST", "/rpc", CALL % 1).status, 200)
        self.assertEqual(self.stack.run("echo quick\n").output, "quick\n")
        self.assertEqual(self.web.result("cancel_payload", payload_id=payload_id)["id"], payload_id)
        for client in slow:
            client.close()

    def test_new_certificates_are_taken(self):
        before = self.shown()
        names = self.stack.tls.make("server", self.stack.tls.servers, "renewed", "DNS:localhost,IP:127.0.0.1")
        for new, old in zip(names, self.stack.tls.server()):
            os.replace(new, old)
        wait_until(lambda: self.web.get("/healthz").status == 200 and self.shown() != before, "the new certificate")

    def shown(self):
        with self.web.socket() as client:
            self.assertIn(client.version(), ("TLSv1.2", "TLSv1.3"))
            return client.getpeercert(binary_form=True)

    def test_old_tls_is_refused(self):
        context = self.web.context()
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
        with self.assertRaises(ssl.SSLError), socket.create_connection(("127.0.0.1", self.web.port)) as plain:
            context.wrap_socket(plain, server_hostname="127.0.0.1")
        with socket.create_connection(("127.0.0.1", self.web.port)) as plain:
            plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            self.assertNotIn(b"HTTP/1.1 200", plain.recv(1000))

    def test_it_drains_while_it_is_asked(self):
        batch = [{"jsonrpc": "2.0", "method": "list_tasks", "id": number} for number in range(100)]
        stop = []

        def ask():
            statuses = set()
            while not stop:
                try:
                    statuses.update(answer.get("error", {}).get("code") for answer in self.web.ask("POST", "/rpc", batch).json)
                except (OSError, http.client.HTTPException):
                    pass
            return statuses

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            asking = [pool.submit(ask) for _ in range(8)]
            try:
                for _ in range(3):
                    self.assertEqual(self.web.get("/healthz").status, 200)
                    self.assertEqual(self.stack.api_servers[0].terminate(), 0)
                    self.stack.api_servers[0].start()
            finally:
                stop.append(True)
            # Each call was answered, or refused as one that was not made.
            self.assertLessEqual(set.union(*(one.result() for one in asking)), {None, -32014})

    def test_it_drains(self):
        idle = self.raw(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        self.assertEqual(answers(idle)[0][0], 200)
        half = self.raw(self.post()[:-5])
        self.assertEqual(self.stack.api_servers[0].terminate(), 0)
        self.assertTrue(closed(idle))
        self.assertTrue(closed(half))
        self.assertFalse(listening(port_of(self.stack.api_servers[0])))


class InsecureTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=0, workers=0, http=True, insecure=True)
        cls.web = Web(cls.stack, token="")

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def test_without_tls_it_is_for_this_machine_alone(self):
        self.assertEqual(self.web.result("list_tasks")["tasks"], [])
        for host, status in (("localhost", 200), ("127.0.0.1", 200), ("[::1]:80", 200), ("rebound.example", 421)):
            self.assertEqual(self.web.ask("POST", "/rpc", CALL % 1, {"Host": host}).status, status)
        self.assertEqual(self.web.ask("POST", "/rpc", CALL % 1, {"Origin": "https://evil.example"}).status, 403)
        command = [word for word in self.stack.api_servers[0].command if not word.startswith("--http_listen")]
        refused = subprocess.run([*command, "--http_listen=0.0.0.0:0"], capture_output=True, text=True)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("--insecure is for loopback addresses only, and 0.0.0.0:0 is none", refused.stderr)
        taken = subprocess.run([*command, "--listen=127.0.0.1:0", "--worker_listen=127.0.0.1:0",
                                f"--http_listen=127.0.0.1:{self.web.port}"], capture_output=True, text=True)
        self.assertEqual(taken.returncode, 1)
        self.assertIn("for HTTP: Address already in use", taken.stderr)


if __name__ == "__main__":
    unittest.main()
