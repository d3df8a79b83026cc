"""docs/api.md is true: its examples, names, limits and errors, held against the descriptors and a running server."""

import os
import signal
import subprocess
import unittest

import grpc
from google.protobuf import json_format

from contract import api_page
from harness.api import access_pb, access_service, instance_service, payload_service, task_service
from harness.errors import error_details
from harness.patience import wait_until
from harness.programs import PROGRAMS
from harness.stack import Stack

PAGES = ("api.md", "instances.md", "deployments.md")
CODES = {code.name for code in grpc.StatusCode}
# What stands in backticks, or in capitals, and is no name of the API.
WORDS = {"digitalocean", "local", "longshore", "longshore_name", "longshore_tags"}  # Providers, a program, Ansible's variables.
CONSTANTS = {"DIGITALOCEAN_TOKEN", "LONGSHORE_API", "LONGSHORE_CA", "LONGSHORE_PAYLOAD_DIR", "LONGSHORE_TOKEN",
             "REMOTE_PATH"}  # Of the shell.


class NamesTest(unittest.TestCase):

    def test_examples(self):
        for page in PAGES:
            found = list(api_page.examples(page))
            self.assertTrue(found, page)
            for name, method, request, answers in found:
                with self.subTest(page=page, call=name):
                    json_format.ParseDict(request, method.input_type._concrete_class())
                    for answer in answers:
                        json_format.ParseDict(answer, method.output_type._concrete_class())

    def test_every_call_is_told_of_and_only_those(self):
        calls = {method for service in api_page.SERVICES.values() for method in service.methods_by_name}
        headings = {word for line in api_page.text().splitlines() if line.startswith("### ") for word in line[4:].split(", ")}
        self.assertEqual(headings, calls)

    def test_fields(self):
        known = api_page.field_names() | {"domain", "reason"} | WORDS  # google.rpc.ErrorInfo has the two.
        for page in PAGES:
            self.assertEqual(api_page.quoted_words(page) - known, set(), page)

    def test_constants(self):
        reasons = {reason for row in api_page.table("| code | reason | when |") for reason in row[1].split(", ")}
        known = api_page.all_enum_values() | reasons | CODES | CONSTANTS
        for page in PAGES:
            words = api_page.constants(page)
            self.assertTrue(words, page)
            self.assertEqual(words - known, set(), page)

    def test_failure_reasons(self):
        rows = api_page.table("| failure_reason | executed | meaning |")
        self.assertEqual({row[0] for row in rows}, api_page.enum_values("FailureReason"))
        self.assertEqual(len(rows), len(api_page.enum_values("FailureReason")))

    def test_defaults_of_flags(self):
        for page, programs in (("api.md", ["api_server"]), ("operations.md", ["api_server", "payload_worker"])):
            actual = {}
            for program in programs:
                shown = subprocess.run([PROGRAMS[program], "--help"], capture_output=True, text=True)
                actual.update(api_page.defaults(shown.stdout))
            told = list(api_page.told_defaults(page)) + (list(api_page.flag_rows()) if page == "operations.md" else [])
            self.assertGreater(len(told), 5, page)
            self.assertEqual([(flag, value) for flag, value in told if int(actual[flag]) != value], [], page)


class ServerTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        # No worker: what is deployed stays PENDING.
        cls.stack = Stack(instances=1, workers=0, api_flags=["--max_instances_per_project=2000"])
        cls.addClassCleanup(cls.stack.close)
        cls.id = cls.stack.instances[0].id

    def deploy(self, **fields):
        request = dict(instance_ids=[self.id], payload_content=b"x", validate_only=True)
        request.update(fields)
        return self.stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(**request))

    def by_path(self, path):
        return self.deploy(payload_content=b"", payload_path=path)

    def execute(self, *payload_ids):
        return self.stack.payloads.ExecutePayload(payload_service.ExecutePayloadRequest(payload_ids=payload_ids))

    def page(self, size):
        return self.stack.instance_stub.ListInstances(instance_service.ListInstancesRequest(page_size=size))

    def error(self, call):
        """The gRPC code and the reason with which `call` fails; a reason that is empty comes from gRPC itself."""
        try:
            call()
        except grpc.RpcError as error:
            details = error_details(error)
            return error.code().name, details["ErrorInfo"].reason if "ErrorInfo" in details else ""
        return "OK", ""

    def check_limit(self, limit, call, refused=("INVALID_ARGUMENT", "INVALID_FIELD")):
        """`call` goes well with the limit that the page tells, and no further."""
        self.assertEqual(self.error(lambda: call(limit)), ("OK", ""), limit)
        self.assertEqual(self.error(lambda: call(limit + 1)), refused, limit + 1)

    def test_limits_of_requests(self):
        number = api_page.number
        self.check_limit(number(r"bytes\) makes a request safe to repeat"),
                         lambda n: self.stack.instance_stub.RegisterInstance(instance_service.RegisterInstanceRequest(
                             name="limit", address="127.0.0.1", request_id="x" * n)))
        self.check_limit(number(r"`instance_ids` in one request"), lambda n: self.deploy(instance_ids=[self.id] * n))
        self.check_limit(number(r"bytes \(`--max_payload_bytes`\)"), lambda n: self.deploy(payload_content=b"#" * n),
                         ("INVALID_ARGUMENT", "PAYLOAD_TOO_LARGE"))
        self.check_limit(number(r"s\)\. At its end"), lambda n: self.deploy(timeout=n),
                         ("INVALID_ARGUMENT", "TIMEOUT_OUT_OF_RANGE"))
        path_limit = ("INVALID_ARGUMENT", "REMOTE_PATH_INVALID")
        self.check_limit(number(r"bytes, a name over"),
                         lambda n: self.deploy(remote_path=("/" + "d" * 99) * ((n - 1) // 100) + "/" + "f" * ((n - 1) % 100)),
                         path_limit)
        self.check_limit(number(r"bytes, under /proc"), lambda n: self.deploy(remote_path="/" + "f" * n), path_limit)

    def test_a_request_as_large_as_may_be(self):
        most = api_page.number(r"MiB\. ") << 20
        # What goes beside the script, of 8 MiB, takes less than that.
        self.assertEqual(self.error(lambda: self.deploy(payload_content=b"#" * (most - 1000))),
                         ("INVALID_ARGUMENT", "PAYLOAD_TOO_LARGE"))
        self.assertEqual(self.error(lambda: self.deploy(payload_content=b"#" * most)), ("RESOURCE_EXHAUSTED", ""))

    def test_pages(self):
        self.stack.sql("INSERT INTO instances (name, provider, address, port, ssh_user, status) SELECT 'i' || n, 'registered', "
                       "'127.0.0.1', n, 'root', 'READY' FROM generate_series(1, 1100) n")
        self.assertEqual(len(self.page(0).instances), api_page.number(r", at most [\d,]+\) and `page_token`"))
        most = api_page.number(r"\) and `page_token`")
        self.assertEqual(len(self.page(most).instances), most)
        self.check_limit(most, self.page)

    def test_pieces_of_output(self):
        payload_id = self.deploy(validate_only=False).payload_ids[0]
        most = api_page.number(r"MiB, which is the most\)") << 20
        self.check_limit(most, lambda n: self.stack.payloads.ReadPayloadOutput(
            payload_service.ReadPayloadOutputRequest(payload_id=payload_id, length=n)))

    def provocations(self):
        """By the code and the reason of a row in the table of errors: calls that fail so."""
        stack = self.stack
        nowhere = 2**60
        payload_id = self.deploy(validate_only=False, request_id="seen").payload_ids[0]
        stack.payloads.CancelPayload(payload_service.CancelPayloadRequest(payload_id=payload_id))
        return {
            ("INVALID_ARGUMENT", "PAYLOAD_PATH_INVALID"): [lambda: self.by_path("x.sh"), lambda: self.by_path(stack.payload_dir),
                                                           lambda: self.by_path(stack.script(""))],
            ("PERMISSION_DENIED", "PAYLOAD_PATH_FORBIDDEN"): [lambda: self.by_path("/etc/passwd")],
            ("NOT_FOUND", "PAYLOAD_NOT_FOUND"): [lambda: self.by_path(os.path.join(stack.payload_dir, "none")),
                                                 lambda: stack.payloads.GetPayloadStatus(
                                                     payload_service.GetPayloadStatusRequest(payload_id=nowhere))],
            ("INVALID_ARGUMENT", "PAYLOAD_TOO_LARGE"): [lambda: self.deploy(payload_content=b"#" * (4 << 20))],
            ("INVALID_ARGUMENT", "REMOTE_PATH_INVALID"): [lambda path=path: self.deploy(remote_path=path) for path in (
                "x", "/a/../b", "/a\nb", "/proc/x", "/sys/x", "/dev/x", "/boot/x")],
            ("INVALID_ARGUMENT", "TIMEOUT_OUT_OF_RANGE"): [lambda: self.deploy(timeout=-1)],
            ("INVALID_ARGUMENT", "INVALID_FIELD"): [
                lambda: self.page(-1),
                lambda: stack.channels[0].unary_unary("/longshore.v1.PayloadService/DeployPayload")(b"\xff")],
            ("NOT_FOUND", "INSTANCE_NOT_FOUND"): [
                lambda: self.deploy(instance_ids=[nowhere]), lambda: self.deploy(instance_ids=[], selector={"tags": ["nobody"]})],
            ("NOT_FOUND", "DEPLOYMENT_NOT_FOUND"): [lambda: stack.payloads.GetDeployment(
                payload_service.GetDeploymentRequest(deployment_id=nowhere))],
            ("NOT_FOUND", "TASK_NOT_FOUND"): [lambda: stack.tasks.GetTask(task_service.GetTaskRequest(task_id=nowhere))],
            ("NOT_FOUND", "SCRIPT_NOT_FOUND"): [lambda: stack.payloads.GetScript(
                payload_service.GetScriptRequest(sha256="0" * 64))],
            ("FAILED_PRECONDITION", "WRONG_STATE"): [lambda: self.execute(payload_id), lambda: stack.payloads.CancelPayload(
                payload_service.CancelPayloadRequest(payload_id=payload_id))],
            ("ALREADY_EXISTS", "REQUEST_ID_REUSED"): [
                lambda: self.deploy(validate_only=False, request_id="seen", timeout=7)],
            ("NOT_FOUND", "TOKEN_NOT_FOUND"): [lambda: stack.stubs(0).access.RevokeToken(
                access_service.RevokeTokenRequest(token_id=nowhere))],
            ("UNAUTHENTICATED", "TOKEN_MISSING"): [lambda: self.workers_of(stack.tls.client_credentials())],
            ("UNAUTHENTICATED", "TOKEN_INVALID"): [lambda: self.workers_of(stack.tls.client_credentials(stack.token[:-1] + "x"))],
            ("PERMISSION_DENIED", "ROLE_INSUFFICIENT"): [self.as_viewer],
            ("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"): [self.with_a_full_project],
            ("UNAVAILABLE", "DATABASE_UNAVAILABLE"): [self.without_database],
            ("INTERNAL", "INTERNAL"): [self.without_table],
            ("RESOURCE_EXHAUSTED", ""): [lambda: self.deploy(payload_content=b"#" * (9 << 20))],
        }

    def workers_of(self, credentials):
        with grpc.secure_channel(f"127.0.0.1:{self.stack.api_servers[0].port}", credentials) as channel:
            self.stack.stubs_of(channel).tasks.ListWorkers(task_service.ListWorkersRequest())

    def as_viewer(self):
        made = self.stack.stubs(0).access.CreateToken(access_service.CreateTokenRequest(
            name="viewer", role=access_pb.ROLE_VIEWER, projects=["*"]))
        with self.stack.channel(0, made.token) as channel:
            self.stack.stubs_of(channel).payloads.CancelPayload(payload_service.CancelPayloadRequest(payload_id=1))

    def with_a_full_project(self):
        self.stack.sql("INSERT INTO instances (name, project, provider, address, port, ssh_user, status) SELECT 'f' || n, "
                       "'full', 'registered', '127.0.0.1', 1, 'root', 'READY' FROM generate_series(1, 2000) n")
        try:
            self.stack.instance_stub.RegisterInstance(instance_service.RegisterInstanceRequest(
                name="one too many", address="127.0.0.1", project="full"))
        finally:
            self.stack.sql("DELETE FROM instances WHERE project = 'full'")

    def without_database(self):
        self.stack.postgres.signal(signal.SIGINT)
        self.stack.postgres.child.wait()
        try:
            self.page(1)
        finally:
            self.stack.postgres.start()
            wait_until(lambda: self.stack.sql("SELECT 1") == "1", "the database")

    def without_table(self):
        self.stack.sql("ALTER TABLE instances RENAME TO hidden")
        try:
            self.page(1)
        finally:
            self.stack.sql("ALTER TABLE hidden RENAME TO instances")

    def test_errors(self):
        told = {(code, "" if reason.startswith("(none") else reason)
                for code, reasons, _ in api_page.table("| code | reason | when |")
                for reason in ([reasons] if reasons.startswith("(") else reasons.split(", "))}
        provocations = self.provocations()
        self.assertEqual(set(provocations), told)
        for wanted, calls in provocations.items():
            for call in calls:
                with self.subTest(wanted=wanted):
                    self.assertEqual(self.error(call), wanted)


if __name__ == "__main__":
    unittest.main()
