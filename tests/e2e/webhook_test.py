"""Webhooks, told to receivers that fail in every way: nothing is lost, nothing goes where it may not, and all of it is signed."""

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from harness.api import payload_service, pb
from harness.certificates import Certificates
from harness.patience import wait_until
from harness.process import free_port
from harness.programs import LONGSHORE, PROGRAMS
from harness.receiver import WORD, Receiver, answer, closed, read_event, reset
from harness.stack import Stack

# The only private address that the api_servers' flags name; nothing else of loopback may be connected to.
NAMED, UNNAMED = "127.0.0.2", "127.0.0.1"
SECRET = "0123456789abcdef-of-the-test"


def garbage(handler):
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    closed(handler)


def silent(handler):
    """Until the other side has had enough."""
    handler.connection.recv(1)


def endless_head(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        handler.wfile.write(b"X: " + b"x" * 1000 + b"\r\n")


def endless_body(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        handler.wfile.write(b"400\r\n" + b"x" * 1024 + b"\r\n")


def body_that_does_not_come(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
    silent(handler)


class WebhookTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="webhooks-")
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        cls.tls = Certificates(cls.directory)
        cls.plain = cls.receiver(NAMED)
        # The same port of an address that is not named: nothing may ever come there.
        cls.unnamed = cls.receiver(UNNAMED, cls.plain.port)
        cls.secure = cls.receiver(NAMED, certificate=cls.tls.make("server", cls.tls.servers, "right", f"IP:{NAMED}"))
        cls.misnamed = cls.receiver(NAMED, certificate=cls.tls.make("server", cls.tls.servers, "wrong", "DNS:example.org"))
        cls.secret = cls.file("secret", SECRET + "\n", 0o600)
        cls.lines = []
        cls.late_port = free_port()
        for project, name in (("good", "good"), ("faults", "resets"), ("faults", "closes"), ("faults", "says-garbage"),
                              ("faults", "is-silent"), ("faults", "fails"), ("faults", "is-busy"), ("faults", "redirects"),
                              ("faults", "has-an-endless-head"), ("faults", "has-an-endless-body"), ("faults", "is-well"),
                              ("faults", "has-no-body"), ("gone", "gone"), ("lives", "lives"), ("held", "held"),
                              ("drained", "drained"), ("many", "many"), ("slow", "slow"), ("slow", "quick")):
            cls.add(name, project, f"{cls.plain.url}/{name}")
        cls.add("late", "faults", f"http://{NAMED}:{cls.late_port}/{WORD}/late")
        cls.add("by-tls", "good", f"{cls.secure.url}/by-tls", cls.tls.ca)
        cls.add("of-another-name", "refused", f"{cls.misnamed.url}/of-another-name", cls.tls.ca)
        cls.add("of-nobody", "refused", f"{cls.secure.url}/of-nobody")
        cls.add("not-named", "refused", f"http://{UNNAMED}:{cls.unnamed.port}/{WORD}/not-named")
        cls.add("by-name", "refused", f"http://localhost:{cls.unnamed.port}/{WORD}/by-name")
        cls.add("by-name-and-tls", "refused", f"https://localhost:{cls.unnamed.port}/{WORD}/by-name-and-tls")
        cls.add("in-other-words", "refused", f"http://0x7f000001:{cls.unnamed.port}/{WORD}/in-other-words")
        cls.hooks = cls.file("webhooks", "\n".join(cls.lines) + "\n")
        # What stands between, as a proxy would, decides where it goes: there is none, whatever the environment says.
        proxy = f"http://{UNNAMED}:{cls.unnamed.port}"
        environment = {"http_proxy": proxy, "https_proxy": proxy, "all_proxy": proxy}
        cls.stack = Stack(instances=0, api_servers=2, api_flags=[f"--webhooks_file={cls.hooks}",
                                                                 f"--webhook_private_addresses={NAMED}"],
                          environment={f"api_server-{i}": environment for i in range(2)})
        cls.addClassCleanup(cls.stack.close)
        cls.instances = {}

    @classmethod
    def receiver(cls, *words, **fields):
        receiver = Receiver(*words, **fields)
        cls.addClassCleanup(receiver.close)
        return receiver

    @classmethod
    def file(cls, name, text, mode=0o644):
        path = os.path.join(cls.directory, name)
        with open(path + ".new", "w") as file:
            file.write(text)
        os.chmod(path + ".new", mode)
        os.rename(path + ".new", path)
        return path

    @classmethod
    def add(cls, name, project, url, *ca_file):
        cls.lines.append(" ".join([name, project, url, cls.secret, *ca_file]))

    def setUp(self):
        self.addCleanup(self.stack.restore)

    def deploy(self, project, script="true", number=1, **fields):
        """To instances of the project; each test has a project of its own."""
        instances = self.instances.setdefault(project, [])
        while len(instances) < number:
            instances.append(self.stack.add_instance(f"{project}-{len(instances)}", project=project))
        return self.stack.deploy(script, instances=instances[:number], **fields)

    def ended(self, response):
        for payload_id in response.payload_ids:
            self.stack.wait(payload_id)

    def checked(self, taken):
        """The body, when it is what its signature and its headers say."""
        headers, body, _ = taken
        told = read_event(headers, body, SECRET, time.time())
        self.assertEqual(headers["Content-Type"], "application/json")
        self.assertRegex(headers["User-Agent"], "^Longshore/[0-9]")
        return told

    def rows(self, webhook, columns):
        text = self.stack.sql(f"SELECT {columns} FROM webhook_events WHERE webhook = '{webhook}' ORDER BY created_at")
        return [line.split("|") for line in text.splitlines()]

    def delivered(self, webhook, number=1):
        wait_until(lambda: self.rows(webhook, "delivered_at IS NOT NULL") == [["t"]] * number, f"{webhook} to be delivered")

    def wait_error(self, webhook, text):
        wait_until(lambda: ["t"] in self.rows(webhook, f"error LIKE '%{text}%'"), f"{webhook} to fail with {text}")

    def test_an_end_is_told(self):
        response = self.deploy("good", "echo secret-of-the-script; exit 3", number=2)
        self.ended(response)
        (taken,) = self.plain.wait("good")
        told = self.checked(taken)
        deployment = told.pop("deployment")
        self.assertEqual((told["kind"], told["number"]), ("deployment.ended", 1))
        self.assertEqual(set(told), {"id", "kind", "number", "time"})
        counts = {"total": 2, "pending": 0, "transferred": 0, "executing": 0, "completed": 0, "failed": 2, "cancelled": 0}
        self.assertEqual(deployment.pop("counts"), counts)
        self.assertEqual((deployment["id"], deployment["projects"]), (response.deployment_id, ["good"]))
        self.assertEqual(set(deployment), {"id", "projects", "created_at", "script_sha256", "remote_path", "execute_payload",
                                           "stop_reason"})
        self.assertNotIn(b"secret-of-the-script", taken[1])
        (taken,) = self.secure.wait("by-tls")
        self.assertEqual(self.checked(taken)["deployment"]["id"], response.deployment_id)
        self.delivered("good")
        self.delivered("by-tls")

    def test_receivers_that_fail(self):
        last = {"resets": [reset], "closes": [closed], "says-garbage": [garbage], "is-silent": [silent],
                "fails": [answer(500), answer(404)], "is-busy": [answer(429, Retry_After="3")],
                "redirects": [answer(302, Location=f"http://{UNNAMED}:{self.unnamed.port}/{WORD}/stolen"),
                              answer(307, Location=f"{self.plain.url}/stolen")],
                "has-an-endless-head": [endless_head], "has-an-endless-body": [endless_body],
                "has-no-body": [body_that_does_not_come]}
        tries = {name: len(faults) + 1 for name, faults in last.items()}
        tries |= {"has-an-endless-body": 1, "has-no-body": 1, "is-well": 1}  # Their status is told, and that is enough.
        self.plain.faults.update(last)
        response = self.deploy("faults")
        self.ended(response)
        self.delivered("is-well")
        for name, number in tries.items():
            with self.subTest(name):
                self.delivered(name)
                taken = self.plain.all(name)
                self.assertEqual(len(taken), number)
                told = [self.checked(one) for one in taken]
                self.assertEqual(told, [told[0]] * number)
                self.assertEqual(told[0]["deployment"]["id"], response.deployment_id)
        first, second = (at for _, _, at in self.plain.all("is-busy"))
        self.assertGreater(second - first, 2.5)
        self.assertEqual(self.plain.all("stolen") + self.unnamed.all("stolen"), [])
        # Nobody has listened there until now.
        self.wait_error("late", "connect")
        late = self.receiver(NAMED, self.late_port)
        self.delivered("late")
        self.assertEqual(self.checked(late.all("late")[-1])["deployment"]["id"], response.deployment_id)

    def test_addresses_and_certificates_that_are_refused(self):
        self.ended(self.deploy("refused"))
        for name in ("not-named", "by-name", "by-name-and-tls", "in-other-words"):
            with self.subTest(name):
                self.wait_error(name, "may not be connected to")
        for name in ("of-another-name", "of-nobody"):
            with self.subTest(name):
                self.wait_error(name, "SSL")
        self.assertEqual((self.unnamed.taken, self.misnamed.taken, self.secure.all("of-nobody")), ({}, {}, []))

    def test_a_stopped_rollout_a_cancel_and_a_retry(self):
        response = self.deploy("lives", "exit 1", number=3, rollout=dict(max_concurrency=1, max_errors=1))
        self.ended(response)
        self.delivered("lives", 2)
        told = {event["kind"]: event for event in map(self.checked, self.plain.wait("lives", 2))}
        self.assertEqual(set(told), {"rollout.stopped", "deployment.ended"})
        for event in told.values():
            self.assertIn("max_errors 1", event["deployment"]["stop_reason"])
        self.assertEqual(told["rollout.stopped"]["deployment"]["counts"]["pending"], 2)
        self.assertEqual(told["deployment.ended"]["deployment"]["counts"]["cancelled"], 2)
        retried = self.stack.payloads.RetryDeployment(
            payload_service.RetryDeploymentRequest(deployment_id=response.deployment_id))
        self.ended(retried)
        self.delivered("lives", 4)
        again = [self.checked(taken) for taken in self.plain.wait("lives", 4)[2:]]
        self.assertEqual({event["number"] for event in again}, {2})
        self.assertEqual(len({event["id"] for event in [*told.values(), *again]}), 4)
        cancelled = self.deploy("lives", "sleep 1000", number=2)
        for payload_id in cancelled.payload_ids:
            self.stack.wait(payload_id, (pb.PAYLOAD_STATUS_EXECUTING,))
        self.stack.payloads.CancelDeployment(payload_service.CancelDeploymentRequest(deployment_id=cancelled.deployment_id))
        told = self.checked(self.plain.wait("lives", 5)[4])
        self.assertEqual((told["deployment"]["id"], told["number"]), (cancelled.deployment_id, 1))
        self.assertEqual(told["deployment"]["counts"]["cancelled"], 2)

    def test_what_is_only_delivered_ends_as_well_and_once_more_when_it_is_run(self):
        self.plain.faults["gone"] = [answer(410)] * 1000
        response = self.deploy("gone", execute=False)
        self.stack.wait(response.payload_ids[0], (pb.PAYLOAD_STATUS_TRANSFERRED,))
        told = self.checked(self.plain.wait("gone")[0])
        self.assertEqual(told["deployment"]["counts"]["transferred"], 1)
        wait_until(lambda: int(self.rows("gone", "tries")[0][0]) >= 3, "a third try")
        self.assertEqual(self.rows("gone", "error"), [["status 410"]])
        # A day later it is given up.
        self.stack.sql("UPDATE webhook_events SET created_at = created_at - interval '1 day' WHERE webhook = 'gone'")
        wait_until(lambda: self.rows("gone", "given_up_at IS NOT NULL") == [["t"]], "it to be given up")
        self.assertTrue(any("given up after" in server.read_log() for server in self.stack.api_servers))
        self.plain.faults["gone"] = []
        self.stack.payloads.ExecutePayload(payload_service.ExecutePayloadRequest(payload_ids=response.payload_ids))
        wait_until(lambda: self.rows("gone", "delivered_at IS NOT NULL") == [["f"], ["t"]], "the second")
        self.assertEqual(self.checked(self.plain.all("gone")[-1])["number"], 2)

    def held(self, name, number=2):
        """A deployment whose event is at its receiver, which answers the first `number` only once what is returned is set."""
        over = threading.Event()
        self.addCleanup(over.set)
        self.plain.faults[name] = [lambda handler: (over.wait(), answer(204)(handler))] * number
        self.ended(self.deploy(name))
        self.plain.wait(name)
        return over

    def test_a_slow_receiver_holds_up_no_other(self):
        over = self.held("slow", 1000)
        for _ in range(4):
            self.ended(self.deploy("slow"))
        self.delivered("quick", 5)
        self.assertEqual(self.rows("slow", "delivered_at IS NULL"), [["t"]] * 5)
        over.set()
        self.delivered("slow", 5)

    def test_killed_between_sending_and_noting(self):
        over = self.held("held")
        for server in self.stack.api_servers:
            server.kill()
        over.set()
        for server in self.stack.api_servers:
            server.start()
        first, second = map(self.checked, self.plain.wait("held", 2))
        self.assertEqual(first, second)
        self.delivered("held")

    def test_drained_while_sending(self):
        over = self.held("drained")
        for server in self.stack.api_servers:
            server.signal(signal.SIGTERM)
        for server in self.stack.api_servers:
            self.assertEqual(server.ended(), 0)
        self.assertEqual(self.rows("drained", "error, next_try_at <= now()"), [["the api_server stopped", "t"]])
        begun = len(self.plain.all("drained"))  # The one that was told last may have tried as well.
        over.set()
        for server in self.stack.api_servers:
            server.start()
        told = [self.checked(taken) for taken in self.plain.wait("drained", begun + 1)]
        self.assertEqual(told, [told[0]] * (begun + 1))
        self.delivered("drained")

    def test_none_is_lost_and_none_told_twice(self):
        responses = []
        for i in range(15):
            self.stack.use(i % 2)
            responses.append(self.deploy("many", "true", number=2))
        for response in responses:
            self.ended(response)
        self.delivered("many", 15)
        told = [self.checked(taken) for taken in self.plain.all("many")]
        self.assertEqual(sorted(event["deployment"]["id"] for event in told), sorted(r.deployment_id for r in responses))
        self.assertEqual({event["deployment"]["counts"]["completed"] for event in told}, {2})
        # As if the webhooks had been there for long: the check looks at what ended a minute later.
        self.stack.sql("UPDATE webhooks SET since = since - interval '1 hour'")
        verified = subprocess.run([LONGSHORE, "verify", "--database", self.stack.database_url], capture_output=True, text=True)
        self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)

    def test_a_file_that_changes(self):
        self.file("webhooks", "\n".join([*self.lines, f"new new {self.plain.url}/new {self.secret}"]) + "\n")
        self.addCleanup(self.file, "webhooks", "\n".join(self.lines) + "\n")
        wait_until(lambda: self.stack.sql("SELECT count(*) FROM webhooks WHERE name = 'new'") == "1", "the new one")
        self.ended(self.deploy("new"))
        self.checked(self.plain.wait("new")[0])
        # One that cannot be is not taken, and what was there stays.
        self.file("webhooks", "nonsense\n")
        wait_until(lambda: all("is not NAME" in server.read_log() for server in self.stack.api_servers), "complaints")
        self.ended(self.deploy("new"))
        self.delivered("new", 2)
        self.file("webhooks", "\n".join(self.lines) + "\n")
        wait_until(lambda: self.stack.sql("SELECT count(*) FROM webhooks WHERE name = 'new'") == "0", "it to be gone")

    def test_nothing_secret_is_in_a_log_or_in_the_database(self):
        self.ended(self.deploy("refused"))
        wait_until(lambda: (rows := self.rows("by-name", "tries > 0")) and ["f"] not in rows, "a try")
        for server in self.stack.api_servers:
            self.assertNotIn(WORD, server.read_log())
            self.assertNotIn(SECRET, server.read_log())
        for table in ("webhooks", "webhook_events"):
            text = self.stack.sql(f"TABLE {table}")
            self.assertNotIn(WORD, text)
            self.assertNotIn(SECRET, text)

    def test_check(self):
        def check(*flags):
            run = subprocess.run([PROGRAMS["api_server"], "--check", *self.stack.api_flags(),
                                  f"--database_url={self.stack.database_url}", *flags], capture_output=True, text=True)
            return run.returncode, run.stdout + run.stderr

        self.assertEqual(check(f"--webhooks_file={self.hooks}")[0], 0)
        wrong = self.file("wrong", f"a * ftp://{WORD} {self.secret}\n")
        status, text = check(f"--webhooks_file={wrong}")
        self.assertEqual(status, 1)
        self.assertIn("line 1: has a URL", text)
        self.assertNotIn(WORD, text)
        status, text = check("--webhook_private_addresses=10.0.0.0/33")
        self.assertEqual(status, 2)
        self.assertIn("--webhook_private_addresses", text)


if __name__ == "__main__":
    unittest.main()
