"""What is written down of calls, and how much a project and a token may have."""

import concurrent.futures
import json
import subprocess
import time
import unittest

import grpc

from harness.api import access_pb, access_service, instance_service, payload_service, task_service
from harness.errors import error_details
from harness.programs import LONGSHORE
from harness.stack import Stack

Code = grpc.StatusCode
SECRET = "word-of-the-script"


class AccessTest(unittest.TestCase):
    """Two api_servers, and tokens for one project on them."""

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=0, api_servers=2)
        cls.addClassCleanup(cls.stack.close)
        cls.shop = cls.stack.add_instance("shop", project="shop")
        cls.admin = cls.token("boss", access_pb.ROLE_ADMIN, ["shop"])
        cls.viewer = cls.token("eye", access_pb.ROLE_VIEWER, ["shop"])

    @classmethod
    def token(cls, name, role, projects):
        return cls.stack.stubs(0).access.CreateToken(access_service.CreateTokenRequest(name=name, role=role, projects=projects))

    def by(self, made):
        channel = self.stack.channel(1, made.token)
        self.addCleanup(channel.close)
        return self.stack.stubs_of(channel)


class AuditTest(AccessTest):

    def events(self, stubs=None, **fields):
        """The latest first."""
        return (stubs or self.stack.stubs(0)).access.ListAuditEvents(access_service.ListAuditEventsRequest(**fields)).events

    def latest(self):
        event = self.events(page_size=1)[0]
        return event.method.split(".")[1], list(event.ids), event.project, event.principal, event.code

    def test_every_change_is_a_row(self):
        boss = self.by(self.admin)
        made = boss.instances.RegisterInstance(instance_service.RegisterInstanceRequest(
            name="more", address="192.0.2.1", project="shop", request_id="r-1"))
        self.assertEqual(self.latest(), ("RegisterInstance", [made.id], "shop", "boss", "OK"))
        event = self.events(page_size=1)[0]
        self.assertEqual((event.token_id, event.request_id), (self.admin.id, "r-1"))
        self.assertRegex(event.peer, r"^ipv4:127\.0\.0\.1:\d+$")
        before = len(self.events())
        boss.instances.RegisterInstance(instance_service.RegisterInstanceRequest(
            name="more", address="192.0.2.1", project="shop", request_id="r-1"))
        self.assertEqual(len(self.events()), before, "the same request again changes nothing")
        boss.instances.UpdateInstance(instance_service.UpdateInstanceRequest(instance_id=made.id, name="other"))
        self.assertEqual(self.latest(), ("UpdateInstance", [made.id], "shop", "boss", "OK"))
        boss.instances.TerminateInstance(instance_service.TerminateInstanceRequest(instance_id=made.id))
        self.assertEqual(self.latest(), ("TerminateInstance", [made.id], "shop", "boss", "OK"))

        deploy = payload_service.DeployPayloadRequest(
            instance_ids=[self.shop.id], payload_content=f"# {SECRET}\nsleep 100".encode(), remote_path="/root/audit.sh")
        deployed = boss.payloads.DeployPayload(deploy)
        self.assertEqual(self.latest(), ("DeployPayload", [deployed.deployment_id], "shop", "boss", "OK"))
        payload = self.stack.get(deployed.payload_ids[0])
        self.assertEqual(self.events(page_size=1)[0].script_sha256, payload.script_sha256)
        boss.payloads.ExecutePayload(payload_service.ExecutePayloadRequest(payload_ids=[payload.id]))
        self.assertEqual(self.latest(), ("ExecutePayload", [payload.id], "shop", "boss", "OK"))
        boss.payloads.CancelPayload(payload_service.CancelPayloadRequest(payload_id=payload.id))
        self.assertEqual(self.latest(), ("CancelPayload", [payload.id], "shop", "boss", "OK"))
        self.stack.wait(payload.id)
        boss.payloads.RetryDeployment(payload_service.RetryDeploymentRequest(deployment_id=deployed.deployment_id))
        self.assertEqual(self.latest(), ("RetryDeployment", [deployed.deployment_id], "shop", "boss", "OK"))
        boss.payloads.CancelDeployment(payload_service.CancelDeploymentRequest(deployment_id=deployed.deployment_id))
        self.assertEqual(self.latest(), ("CancelDeployment", [deployed.deployment_id], "shop", "boss", "OK"))
        made = boss.access.CreateToken(access_service.CreateTokenRequest(
            name="child", role=access_pb.ROLE_VIEWER, projects=["shop"]))
        self.assertEqual(self.latest(), ("CreateToken", [made.id], "shop", "boss", "OK"))
        boss.access.RevokeToken(access_service.RevokeTokenRequest(token_id=made.id))
        self.assertEqual(self.latest(), ("RevokeToken", [made.id], "shop", "boss", "OK"))
        deploy.validate_only = True
        before = len(self.events())
        boss.payloads.DeployPayload(deploy)
        boss.payloads.ListPayloads(payload_service.ListPayloadsRequest())
        self.assertEqual(len(self.events()), before, "who only looks leaves no row")
        rows = self.stack.sql("SELECT string_agg(e::text, ' ') FROM audit_events e")
        self.assertNotIn(SECRET, rows)
        self.assertNotIn("lsk_", rows)

    def refused(self, call):
        with self.assertRaises(grpc.RpcError):
            call()
        event = self.events(page_size=1)[0]
        return event.method.split(".")[1], list(event.ids), event.project, event.principal, event.code, event.reason

    def test_every_refusal_is_a_row(self):
        eye, nobody = self.by(self.viewer), self.stack.channel(0, "lsk_1_" + "0" * 64)
        self.addCleanup(nobody.close)
        self.assertEqual(
            self.refused(lambda: eye.payloads.CancelPayload(payload_service.CancelPayloadRequest(payload_id=7))),
            ("CancelPayload", [7], "shop", "eye", "PERMISSION_DENIED", "ROLE_INSUFFICIENT"))
        self.assertEqual(
            self.refused(lambda: self.stack.stubs_of(nobody).tasks.GetTask(task_service.GetTaskRequest(task_id=3))),
            ("GetTask", [], "", "", "UNAUTHENTICATED", "TOKEN_INVALID"))
        self.assertEqual(
            self.refused(lambda: eye.instances.RegisterInstance(instance_service.RegisterInstanceRequest(
                name="x\0", project="a\0b", request_id="q\n"))),
            ("RegisterInstance", [], "shop", "eye", "PERMISSION_DENIED", "ROLE_INSUFFICIENT"))
        self.assertEqual(
            self.refused(lambda: self.by(self.admin).payloads.DeployPayload(payload_service.DeployPayloadRequest(
                instance_ids=range(1000, 2000), payload_content=b"x"))),
            ("DeployPayload", list(range(1000, 1100)), "shop", "boss", "NOT_FOUND", "INSTANCE_NOT_FOUND"))
        before = len(self.events())
        with self.assertRaises(grpc.RpcError):
            eye.payloads.GetPayloadStatus(payload_service.GetPayloadStatusRequest(payload_id=2**40))
        self.assertEqual(len(self.events()), before, "to look for what is not there is no refusal")

    def test_who_sees_what(self):
        self.stack.instance_stub.RegisterInstance(instance_service.RegisterInstanceRequest(
            name="hidden", address="192.0.2.2", project="blog"))
        self.assertEqual({event.project for event in self.events(self.by(self.admin))}, {"shop"})
        self.assertIn("blog", {event.project for event in self.events()})
        self.assertFalse(self.events(self.by(self.admin), project="blog"))
        self.assertEqual({event.principal for event in self.events(principal="bootstrap")}, {"bootstrap"})
        with self.assertRaises(grpc.RpcError) as caught:
            self.events(self.by(self.viewer))
        self.assertEqual(caught.exception.code(), Code.PERMISSION_DENIED)

    def test_pages_and_times(self):
        every = self.events(page_size=20)
        self.assertGreater(len(every), 2)
        begin = every[-1].time.ToNanoseconds()
        seen, token = [], ""
        while True:
            page = self.stack.stubs(0).access.ListAuditEvents(access_service.ListAuditEventsRequest(
                page_size=2, page_token=token, to=every[0].time, **{"from": every[-1].time}))
            seen += [event.id for event in page.events]
            token = page.next_page_token
            if not token:
                break
        self.assertEqual([number for number in seen if number >= every[-1].id],
                         [event.id for event in every if begin <= event.time.ToNanoseconds() < every[0].time.ToNanoseconds()])
        since = self.events(**{"from": every[1].time})
        self.assertTrue({every[0].id, every[1].id} <= {event.id for event in since})

    def test_rows_are_never_changed(self):
        for statement in ("UPDATE audit_events SET principal = 'x'", "DELETE FROM audit_events", "TRUNCATE audit_events"):
            with self.assertRaises(subprocess.CalledProcessError) as caught:
                self.stack.sql(statement)
            self.assertIn("the audit only grows", caught.exception.stderr)

    def test_the_command_line(self):
        run = subprocess.run([LONGSHORE, "audit", "--from", "1h", "--principal", "bootstrap", "-o", "json", "--limit", "3"],
                             env=self.stack.environment_of_cli(), capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual({event["principal"] for event in json.loads(run.stdout)}, {"bootstrap"})
        table = subprocess.run([LONGSHORE, "audit", "--to", "2100-01-01T00:00:00Z"], env=self.stack.environment_of_cli(),
                               capture_output=True, text=True)
        self.assertIn("RegisterInstance", table.stdout)
        wrong = subprocess.run([LONGSHORE, "audit", "--from", "yesterday"], env=self.stack.environment_of_cli(),
                               capture_output=True, text=True)
        self.assertEqual(wrong.returncode, 2, wrong.stderr)

    def test_a_refusal_is_not_shown_to_the_project_that_it_names(self):
        intruder = self.by(self.token("intruder", access_pb.ROLE_VIEWER, ["blog"]))
        with self.assertRaises(grpc.RpcError):
            intruder.instances.RegisterInstance(instance_service.RegisterInstanceRequest(
                name="x", address="192.0.2.9", project="shop"))
        self.assertEqual((self.latest()[2], self.latest()[3]), ("blog", "intruder"))
        self.assertNotIn("intruder", {event.principal for event in self.events(self.by(self.admin))})


class RefusalFloodTest(AccessTest):
    """With api_servers of its own: who comes after a flood is not noted either."""

    def check_flood(self, call, refused):
        """Of so many refusals that come at once some are noted, and the rest as they come in five a second."""
        count = "SELECT count(*) FROM audit_events"
        before, begun = int(self.stack.sql(count)), time.monotonic()
        answers = [call(i).code() for i in range(900)]
        seconds = time.monotonic() - begun
        noted = int(self.stack.sql(count)) - before
        print(f"{noted} of {answers.count(refused)} refusals noted in {seconds:.1f} s", flush=True)
        self.assertGreater(noted, 0)
        self.assertLessEqual(noted, 500 + 5 * seconds + 1)
        self.assertEqual(answers.count(refused), len(answers))

    def test_a_flood_of_refusals_does_not_fill_it(self):
        eye = self.by(self.viewer)
        self.check_flood(lambda i: eye.payloads.CancelPayload.future(payload_service.CancelPayloadRequest(payload_id=i + 1)),
                         Code.PERMISSION_DENIED)

    def test_a_flood_without_a_token_does_not_fill_it(self):
        channel = self.stack.channel(0, "lsk_1_" + "0" * 64)
        self.addCleanup(channel.close)
        tasks = self.stack.stubs_of(channel).tasks
        self.check_flood(lambda _: tasks.ListWorkers.future(task_service.ListWorkersRequest()), Code.UNAUTHENTICATED)


class QuotaTest(unittest.TestCase):

    def start(self, *flags, **options):
        self.stack = Stack(api_servers=2, workers=0, api_flags=flags, **options)
        self.addCleanup(self.stack.close)

    def race(self, call, times=40):
        """How many of as many calls at once, over both api_servers, were let through; the others were over the quota."""
        with concurrent.futures.ThreadPoolExecutor(times) as threads:
            answers = list(threads.map(lambda i: self.answer(lambda: call(i)), range(times)))
        return sum(answer == "OK" for answer in answers)

    def answer(self, call):
        try:
            call()
            return "OK"
        except grpc.RpcError as error:
            details = error_details(error)
            if "ErrorInfo" not in details:
                return "busy"  # There are fewer threads than calls at once.
            self.assertEqual((error.code(), details["ErrorInfo"].reason), (Code.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED"))
            delay = details["RetryInfo"].retry_delay
            self.assertGreater(delay.seconds + delay.nanos, 0)
            return "over"

    def test_instances(self):
        self.start("--max_instances_per_project=7", instances=0)

        def register(i, project="shop"):
            return self.stack.stubs(i % 2).instances.RegisterInstance(instance_service.RegisterInstanceRequest(
                name=f"i{i}", address=f"{project}.example.org", project=project))

        self.assertEqual(self.race(register), 7)
        self.assertEqual(self.stack.sql("SELECT count(*) FROM instances WHERE project = 'shop'"), "7")
        self.assertEqual(self.answer(lambda: register(1, "blog")), "OK")
        create = instance_service.CreateInstanceRequest(name="c", project="blog", provider="local", number_of_instances=7)
        self.assertEqual(self.answer(lambda: self.stack.instance_stub.CreateInstance(create)), "over")
        self.stack.sql("UPDATE instances SET status = 'TERMINATED' WHERE name = 'i1' AND project = 'blog'")
        self.assertEqual(self.answer(lambda: self.stack.instance_stub.CreateInstance(create)), "OK")

    def test_open_tasks(self):
        self.start("--max_open_tasks_per_project=5", instances=1)

        def deploy(i, count=1):
            return self.stack.stubs(i % 2).payloads.DeployPayload(payload_service.DeployPayloadRequest(
                instance_ids=[self.stack.instances[0].id] * count, payload_content=b"true", remote_path=f"/root/{i}.sh"))

        self.assertEqual(self.race(deploy), 5)
        payloads = self.stack.payloads.ListPayloads(payload_service.ListPayloadsRequest()).payloads
        self.assertEqual(len(payloads), 5)
        self.assertEqual(self.answer(lambda: self.stack.payloads.ExecutePayload(payload_service.ExecutePayloadRequest(
            payload_ids=[payloads[0].id]))), "over")
        self.stack.payloads.CancelPayload(payload_service.CancelPayloadRequest(payload_id=payloads[0].id))
        retry = payload_service.RetryDeploymentRequest(deployment_id=payloads[0].deployment_id)
        self.assertEqual(self.answer(lambda: self.stack.payloads.RetryDeployment(retry)), "OK")
        self.assertEqual(self.answer(lambda: deploy(100)), "over")

    def test_watches_and_requests_of_a_token(self):
        self.start("--max_watches_per_token=3", "--requests_per_second_per_token=50", instances=1)
        payload_id = self.stack.deploy("true").payload_ids[0]
        made = self.stack.stubs(0).access.CreateToken(access_service.CreateTokenRequest(
            name="other", role=access_pb.ROLE_VIEWER, projects=["*"]))
        with self.stack.channel(0, made.token) as channel:
            other = self.stack.stubs_of(channel)
            watch = payload_service.WatchPayloadRequest(payload_id=payload_id)
            watches = [other.payloads.WatchPayload(watch) for _ in range(3)]
            for open_watch in watches:
                next(open_watch)
            self.assertEqual(self.answer(lambda: next(other.payloads.WatchPayload(watch))), "over")
            self.assertEqual(self.answer(lambda: next(self.stack.payloads.WatchPayload(watch))), "OK")
            watches[0].cancel()
            begun = time.monotonic()
            answers = []
            while "over" not in answers:  # However slowly they are answered, they come at once.
                calls = [other.tasks.ListWorkers.future(task_service.ListWorkersRequest()) for _ in range(200)]
                answers += [self.answer(call.result) for call in calls]
                self.assertLess(len(answers), 20000)
            # What a second allows may be taken at once, before it and in each that went by.
            self.assertLessEqual(answers.count("OK"), 50 * (time.monotonic() - begun + 2))
            self.assertEqual(self.answer(lambda: self.stack.tasks.ListWorkers(task_service.ListWorkersRequest())), "OK")


if __name__ == "__main__":
    unittest.main()
