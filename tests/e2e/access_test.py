"""Who may call what: every method of the API, by every kind of caller, in every project."""

import concurrent.futures
import os
import subprocess
import time
import unittest

import grpc

from harness.api import (access_pb, access_service, instance_pb, instance_service, payload_service, pb, task_service)
from harness.errors import error_details, expect_error
from harness.patience import follow, wait_until
from harness.stack import Stack

Code = grpc.StatusCode
VIEWER, OPERATOR, ADMIN = access_pb.ROLE_VIEWER, access_pb.ROLE_OPERATOR, access_pb.ROLE_ADMIN
METHODS = [method for module in (access_service, instance_service, payload_service, task_service)
           for service in module.DESCRIPTOR.services_by_name.values() for method in service.methods]
# The least role of each; what is not named here is for ADMIN alone.
ROLES = {
    VIEWER: {"GetInstance", "ListInstances", "WatchInstances", "GetPayloadStatus", "ListInstancePayloads", "ListPayloads",
             "ReadPayloadOutput", "GetScript", "WatchPayload", "GetDeployment", "ListDeployments", "WatchDeployment", "GetTask",
             "GetTaskLog", "ListTasks", "ListWorkers"},
    OPERATOR: {"UpdateInstance", "DeployPayload", "ExecutePayload", "CancelPayload", "CancelDeployment", "PauseDeployment",
               "ResumeDeployment", "RetryDeployment"},
}


def role_of(method):
    return next((role for role, names in ROLES.items() if method.name in names), ADMIN)


class AccessTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = stack = Stack(instances=0, api_servers=2, payload_dirs=["{}", "shop:{}/shop"])
        cls.addClassCleanup(stack.close)
        cls.tokens = {(project, role): cls.token(role, [project]).token
                      for project in ("shop", "blog") for role in (VIEWER, OPERATOR, ADMIN)}
        cls.shop = stack.add_instance("shop", project="shop")
        cls.blog = stack.add_instance("blog", project="blog")
        deployed = cls.stack.deploy("echo secret of the shop", [cls.shop], request_id="shop-1")
        cls.payload = stack.wait(deployed.payload_ids[0])
        cls.deployment_id = deployed.deployment_id

    @classmethod
    def token(cls, role=ADMIN, projects=("*",), **fields):
        return cls.stack.stubs(0).access.CreateToken(access_service.CreateTokenRequest(
            name="test", role=role, projects=projects, **fields))

    def as_(self, project, role=ADMIN, i=0):
        """The stubs of a caller with a token of that project."""
        channel = self.stack.channel(i, self.tokens[project, role])
        self.addCleanup(channel.close)
        return self.stack.stubs_of(channel)

    def call(self, method, metadata=(), request=None, i=0):
        """The code and reason with which the method answers; ("OK", "") when it is carried out, or begins to stream."""
        channel = grpc.secure_channel(f"127.0.0.1:{self.stack.api_servers[i].port}", self.stack.tls.client_credentials())
        request = request or method.input_type._concrete_class()
        name = f"/{method.containing_service.full_name}/{method.name}"
        with channel:
            try:
                if method.server_streaming:
                    next(channel.unary_stream(name, type(request).SerializeToString, bytes)(
                        request, metadata=metadata, timeout=30), None)
                else:
                    channel.unary_unary(name, type(request).SerializeToString, bytes)(request, metadata=metadata, timeout=30)
            except grpc.RpcError as error:
                details = error_details(error)
                return error.code(), details["ErrorInfo"].reason if "ErrorInfo" in details else ""
        return "OK", ""

    def refused(self, code, reason, call):
        with self.assertRaises(grpc.RpcError) as caught:
            call()
        details = error_details(caught.exception)
        self.assertEqual((caught.exception.code(), details["ErrorInfo"].reason), (code, reason), caught.exception.details())
        return caught.exception.details()

    @staticmethod
    def bearer(token):
        return (("authorization", f"Bearer {token}"),)

    def test_every_method_needs_a_token_that_counts(self):
        self.assertGreaterEqual(len(METHODS), 29)
        revoked, expired = self.token(), self.token()
        self.stack.stubs(0).access.RevokeToken(access_service.RevokeTokenRequest(token_id=revoked.id))
        self.stack.sql(f"UPDATE tokens SET expires_at = now() - interval '1 second' WHERE id = {expired.id}")
        good = self.stack.token
        number, secret = good.split("_")[1:]
        shown = {
            "revoked": self.bearer(revoked.token), "expired": self.bearer(expired.token), "malformed": self.bearer("lsk_1"),
            "empty": self.bearer(""), "no scheme": (("authorization", good),), "basic": (("authorization", f"Basic {good}"),),
            "another's secret": self.bearer(f"lsk_{revoked.id}_{secret}"), "unknown": self.bearer(f"lsk_999999_{secret}"),
            "trailing bytes": self.bearer(good + "0"), "a blank at the end": self.bearer(good + " x"),
            "a number written otherwise": self.bearer(f"lsk_0{number}_{secret}"),
            "upper case": self.bearer(f"lsk_{number}_{secret.upper()}") if secret.upper() != secret else self.bearer("x"),
            "two": self.bearer(good) + self.bearer(good), "two in one": self.bearer(f"{good}, Bearer {good}"),
        }
        for method in METHODS:
            with self.subTest(method=method.name, shown="nothing"):
                self.assertEqual(self.call(method), (Code.UNAUTHENTICATED, "TOKEN_MISSING"))
            for what, metadata in shown.items():
                with self.subTest(method=method.name, shown=what):
                    self.assertEqual(self.call(method, metadata, i=1), (Code.UNAUTHENTICATED, "TOKEN_INVALID"))

    def test_every_method_needs_its_role(self):
        for method in METHODS:
            for role in (VIEWER, OPERATOR, ADMIN):
                with self.subTest(method=method.name, role=role):
                    answer = self.call(method, self.bearer(self.tokens["blog", role]))
                    if role < role_of(method):
                        self.assertEqual(answer, (Code.PERMISSION_DENIED, "ROLE_INSUFFICIENT"))
                    else:
                        self.assertNotIn(answer[0], (Code.PERMISSION_DENIED, Code.UNAUTHENTICATED, Code.INTERNAL), answer)

    def test_the_scheme_in_any_case(self):
        list_workers = next(method for method in METHODS if method.name == "ListWorkers")
        for scheme in ("bearer", "BEARER"):
            self.assertEqual(self.call(list_workers, (("authorization", f"{scheme} {self.stack.token}"),)), ("OK", ""))

    def test_two_tokens_on_one_connection(self):
        with grpc.secure_channel(f"127.0.0.1:{self.stack.api_servers[0].port}", self.stack.tls.client_credentials()) as channel:
            instances = self.stack.stubs_of(channel).instances
            for _ in range(20):
                for project, instance in (("shop", self.shop), ("blog", self.blog)):
                    answer = instances.ListInstances(instance_service.ListInstancesRequest(),
                                                     metadata=self.bearer(self.tokens[project, VIEWER]))
                    self.assertEqual({seen.project for seen in answer.instances}, {project})
                    self.assertIn(instance.id, [seen.id for seen in answer.instances])

    def test_health_and_reflection_are_open(self):
        with grpc.secure_channel(f"127.0.0.1:{self.stack.api_servers[0].port}", self.stack.tls.client_credentials()) as channel:
            health = channel.unary_unary("/grpc.health.v1.Health/Check")
            for service in ("", "longshore.v1.PayloadService", "longshore.v1.AccessService"):
                self.assertEqual(health(b"\x0a" + bytes([len(service)]) + service.encode()), b"\x08\x01", service)

    def test_what_is_foreign_is_not_there(self):
        """Each call for a thing of the other project answers exactly as for a thing that nobody has, but for its number."""
        blog, nowhere = self.as_("blog"), 2**40
        pairs = {"instance_id": self.shop.id, "payload_id": self.payload.id, "deployment_id": self.deployment_id,
                 "task_id": self.payload.task_id, "sha256": self.payload.script_sha256}
        tried = 0
        for method in METHODS:
            fields = method.input_type.fields_by_name
            for field, foreign in pairs.items():
                if field not in fields or method.name in ("ListPayloads", "ListTasks"):
                    continue
                tried += 1
                requests = [method.input_type._concrete_class(**{field: value})
                            for value in (foreign, nowhere if field != "sha256" else "0" * 64)]
                for request in requests:
                    if method.name == "UpdateInstance":
                        request.name = "mine"
                answers = []
                for request, value in zip(requests, (foreign, nowhere)):
                    with self.subTest(method=method.name, field=field), self.assertRaises(grpc.RpcError) as caught:
                        stub = getattr(blog, {"InstanceService": "instances", "PayloadService": "payloads",
                                              "TaskService": "tasks"}[method.containing_service.name])
                        answer = getattr(stub, method.name)(request, timeout=30)
                        if method.server_streaming:
                            next(answer)
                    self.assertEqual(caught.exception.code(), Code.NOT_FOUND, caught.exception.details())
                    answers.append(caught.exception.details().replace(str(value), "N").replace(
                        self.payload.script_sha256, "N").replace("0" * 64, "N"))
                self.assertEqual(answers[0], answers[1])
        self.assertGreaterEqual(tried, 15)

    def test_lists_show_what_is_the_callers(self):
        for project, instance in (("shop", self.shop), ("blog", self.blog)):
            mine = self.as_(project, VIEWER)
            seen = mine.instances.ListInstances(instance_service.ListInstancesRequest()).instances
            self.assertEqual({each.project for each in seen}, {project})
            self.assertIn(instance.id, [each.id for each in seen])
        blog = self.as_("blog", VIEWER)
        seen = blog.payloads.ListPayloads(payload_service.ListPayloadsRequest()).payloads
        self.assertTrue({payload.instance_id for payload in seen} <= {self.blog.id})
        self.assertFalse(blog.payloads.ListPayloads(payload_service.ListPayloadsRequest(
            deployment_id=self.deployment_id)).payloads)
        seen = blog.payloads.ListDeployments(payload_service.ListDeploymentsRequest()).deployments
        self.assertNotIn(self.deployment_id, [deployment.id for deployment in seen])
        self.assertFalse(blog.payloads.ListDeployments(payload_service.ListDeploymentsRequest(project="shop")).deployments)
        self.assertFalse(blog.instances.ListInstances(instance_service.ListInstancesRequest(project="shop")).instances)
        seen = blog.tasks.ListTasks(task_service.ListTasksRequest()).tasks
        self.assertTrue({task.instance_id for task in seen} <= {self.blog.id})
        self.assertFalse(blog.tasks.ListTasks(task_service.ListTasksRequest(instance_id=self.shop.id)).tasks)
        everything = self.stack.stubs(0)
        seen = everything.instances.ListInstances(instance_service.ListInstancesRequest()).instances
        self.assertTrue({self.shop.id, self.blog.id} <= {instance.id for instance in seen})

    def test_a_page_token_of_another_shows_nothing_of_its_list(self):
        extra = [self.stack.instance_stub.RegisterInstance(instance_service.RegisterInstanceRequest(
            name=f"more-{i}", address="127.0.0.1", project="shop")).id for i in range(3)]
        self.addCleanup(lambda: self.stack.sql(f"DELETE FROM instances WHERE id IN ({','.join(map(str, extra))})"))
        first = self.as_("shop").instances.ListInstances(instance_service.ListInstancesRequest(page_size=1))
        seen = self.as_("blog").instances.ListInstances(instance_service.ListInstancesRequest(
            page_size=1, page_token=first.next_page_token))
        self.assertTrue({instance.project for instance in seen.instances} <= {"blog"})

    def test_deploying_to_what_is_foreign(self):
        count = f"SELECT count(*) FROM payloads WHERE instance_id = {self.shop.id}"
        before = self.stack.sql(count)
        blog = self.as_("blog", OPERATOR)
        deploy = payload_service.DeployPayloadRequest
        for validate_only in (False, True):
            common = dict(payload_content=b"true", execute_payload=True, validate_only=validate_only, remote_path="/root/x.sh")
            details = self.refused(Code.NOT_FOUND, "INSTANCE_NOT_FOUND", lambda: blog.payloads.DeployPayload(
                deploy(instance_ids=[self.shop.id], **common)))
            self.assertEqual(details, f"instance {self.shop.id} does not exist")
            self.refused(Code.NOT_FOUND, "INSTANCE_NOT_FOUND", lambda: blog.payloads.DeployPayload(
                deploy(selector={"project": "shop"}, **common)))
            answer = blog.payloads.DeployPayload(deploy(instance_ids=[self.shop.id, self.blog.id, 2**40], **common))
            self.assertFalse(answer.success)
            self.assertEqual([error.message.replace(str(error.instance_id), "N") for error in answer.instance_errors],
                             ["instance N does not exist"] * 2)
        self.assertEqual(self.stack.sql(count), before)

    def test_no_way_leads_through_the_host_of_another_project(self):
        key = self.shop.host_key()

        def register(project, address, *jump):
            hosts = [instance_pb.JumpHost(address=host, host_key=key) for host in jump]
            return self.stack.instance_stub.RegisterInstance(instance_service.RegisterInstanceRequest(
                name="x", address=address, project=project, jump=hosts))

        register("theirs", "192.0.2.55")
        own = register("ours", "192.0.2.56", "192.0.2.57")
        register("theirs", "192.0.2.58", "192.0.2.57")  # A host that is nobody's instance may be on the way of both.
        for call in (lambda: register("ours", "127.0.0.77", "192.0.2.55"),
                     lambda: register("ours", "127.0.0.77", "192.0.2.57", "192.0.2.55"),
                     lambda: self.stack.instance_stub.UpdateInstance(instance_service.UpdateInstanceRequest(
                         instance_id=own.id, jump=[instance_pb.JumpHost(address="192.0.2.55", host_key=key)]))):
            expect_error(self, call, Code.INVALID_ARGUMENT, "INVALID_FIELD", ["192.0.2.55"])

    def test_a_deployment_is_for_one_project(self):
        answer = self.stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(
            instance_ids=[self.shop.id, self.blog.id], payload_content=b"true", validate_only=True, remote_path="/root/x.sh"))
        self.assertEqual([(error.instance_id, error.code) for error in answer.instance_errors],
                         [(self.blog.id, Code.INVALID_ARGUMENT.value[0])])

    def test_no_project_is_the_default_one(self):
        made = self.stack.instance_stub.RegisterInstance(instance_service.RegisterInstanceRequest(
            name="plain", address="192.0.2.1", tags=["plain"]))
        self.assertEqual(made.project, "default")
        selected = self.stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(
            selector={"tags": ["plain"]}, payload_content=b"true", validate_only=True))
        self.assertTrue(selected.success)
        self.stack.instance_stub.TerminateInstance(instance_service.TerminateInstanceRequest(instance_id=made.id))
        self.refused(Code.PERMISSION_DENIED, "ROLE_INSUFFICIENT", lambda: self.as_("shop").instances.RegisterInstance(
            instance_service.RegisterInstanceRequest(name="plain", address="127.0.0.1")))
        self.refused(Code.PERMISSION_DENIED, "ROLE_INSUFFICIENT", lambda: self.as_("shop").instances.CreateInstance(
            instance_service.CreateInstanceRequest(name="plain", project="blog", provider="local")))

    def test_an_address_belongs_to_one_project(self):
        def register(project, address="192.0.2.77", **fields):
            return self.as_(project).instances.RegisterInstance(instance_service.RegisterInstanceRequest(
                name="there", address=address, project=project, **fields))

        first = register("shop", "host.example.org")
        self.addCleanup(lambda: self.stack.sql("UPDATE instances SET status = 'TERMINATED' WHERE name = 'there'"))
        for address in ("host.example.org", "HOST.example.ORG"):
            self.refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", lambda address=address: register("blog", address))
        register("shop", "host.example.org")
        other = register("blog", "host.example.org", port=2222)
        for fields in (dict(port=22), dict(address="host.example.org", port=22)):
            self.refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", lambda fields=fields: self.as_("blog").instances.UpdateInstance(
                instance_service.UpdateInstanceRequest(instance_id=other.id, **fields)))
        self.stack.sql("UPDATE instances SET status = 'TERMINATED' WHERE name = 'there' AND project = 'shop'")
        self.as_("blog").instances.UpdateInstance(instance_service.UpdateInstanceRequest(instance_id=other.id, port=22))
        self.assertNotEqual(first.id, other.id)

    def test_an_address_for_whom_it_is_first(self):
        """Two projects at once, over both api_servers: one has it."""
        def register(i):
            try:
                self.as_(("shop", "blog")[i % 2], i=i // 2 % 2).instances.RegisterInstance(
                    instance_service.RegisterInstanceRequest(name="raced", address="192.0.2.99", project=("shop", "blog")[i % 2]))
            except grpc.RpcError as error:
                self.assertEqual(error.code(), Code.INVALID_ARGUMENT)

        with concurrent.futures.ThreadPoolExecutor(16) as threads:
            list(threads.map(register, range(32)))
        self.addCleanup(lambda: self.stack.sql("UPDATE instances SET status = 'TERMINATED' WHERE name = 'raced'"))
        self.assertEqual(self.stack.sql("SELECT count(DISTINCT project) FROM instances WHERE address = '192.0.2.99'"), "1")

    def test_payload_directories_of_one_project(self):
        folder = os.path.join(self.stack.payload_dir, "shop")
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, "own.sh")
        with open(path, "w") as file:
            file.write("echo own\n")
        deploy = payload_service.DeployPayloadRequest
        for name in (path, os.path.join(folder, "none.sh")):
            request = deploy(instance_ids=[self.blog.id], payload_path=name)
            self.refused(Code.PERMISSION_DENIED, "PAYLOAD_PATH_FORBIDDEN",
                         lambda request=request: self.as_("blog").payloads.DeployPayload(request))
        self.refused(Code.PERMISSION_DENIED, "PAYLOAD_PATH_FORBIDDEN", lambda: self.stack.payloads.DeployPayload(
            deploy(instance_ids=[self.blog.id], payload_path=path)))
        done = self.as_("shop").payloads.DeployPayload(
            deploy(instance_ids=[self.shop.id], payload_path=path, execute_payload=True))
        self.assertEqual(self.stack.wait(done.payload_ids[0]).output, "own\n")

    def test_request_ids_do_not_meet(self):
        def deploy(project, instance):
            return self.as_(project, OPERATOR).payloads.DeployPayload(payload_service.DeployPayloadRequest(
                instance_ids=[instance.id], payload_content=b"true", request_id="the same", remote_path="/root/same.sh"))

        shop, blog = deploy("shop", self.shop), deploy("blog", self.blog)
        self.assertNotEqual(shop.deployment_id, blog.deployment_id)
        self.assertEqual(deploy("shop", self.shop), shop)

    def test_an_operator_changes_nothing_of_an_instance_but_its_payload(self):
        operator = self.as_("shop", OPERATOR)
        for fields in (dict(name="other"), dict(tags=["x"]), dict(address="192.0.2.9"), dict(port=1)):
            self.refused(Code.PERMISSION_DENIED, "ROLE_INSUFFICIENT", lambda fields=fields: operator.instances.UpdateInstance(
                instance_service.UpdateInstanceRequest(instance_id=self.shop.id, **fields)))
        updated = operator.instances.UpdateInstance(instance_service.UpdateInstanceRequest(
            instance_id=self.shop.id, payload_path=self.stack.script("true"), execute_payload=True))
        self.assertEqual(self.stack.wait(updated.payload_id).status, pb.PAYLOAD_STATUS_COMPLETED)

    def watch_kinds(self, stubs):
        return {
            "payload": stubs.payloads.WatchPayload(payload_service.WatchPayloadRequest(payload_id=self.waiting)),
            "deployment": stubs.payloads.WatchDeployment(payload_service.WatchDeploymentRequest(
                deployment_id=self.waiting_deployment)),
            "instances": stubs.instances.WatchInstances(instance_service.WatchInstancesRequest(selector={"project": "blog"})),
        }

    def test_open_watches_end_with_their_token(self):
        deployed = self.stack.deploy("sleep 100", [self.blog])
        self.waiting, self.waiting_deployment = deployed.payload_ids[0], deployed.deployment_id
        self.addCleanup(self.stack.restore)
        for how in ("revoked", "expired"):
            made = self.token(VIEWER, ["blog"])
            with self.stack.channel(1, made.token) as channel:
                watches = self.watch_kinds(self.stack.stubs_of(channel))
                for watch in watches.values():
                    next(watch)
                if how == "revoked":
                    self.stack.stubs(0).access.RevokeToken(access_service.RevokeTokenRequest(token_id=made.id))
                else:
                    self.stack.sql(f"UPDATE tokens SET expires_at = now() WHERE id = {made.id}")
                begun = time.monotonic()
                for kind, watch in watches.items():
                    with self.subTest(how=how, kind=kind), self.assertRaises(grpc.RpcError) as caught:
                        list(follow(watch))
                    self.assertEqual(caught.exception.code(), Code.UNAUTHENTICATED)
                print(f"{how}: {time.monotonic() - begun:.1f} s")

    def test_tokens_make_no_more_than_themselves(self):
        shop = self.as_("shop")
        create = access_service.CreateTokenRequest
        for projects in (["blog"], ["shop", "blog"], ["*"]):
            self.refused(Code.PERMISSION_DENIED, "ROLE_INSUFFICIENT", lambda projects=projects: shop.access.CreateToken(
                create(name="x", role=VIEWER, projects=projects)))
        for fields in (dict(name=""), dict(role=0), dict(role=9), dict(projects=[]), dict(projects=[""]), dict(projects=["a\n"]),
                       dict(expires_at={"seconds": 1}), dict(expires_at={"seconds": 2**50})):
            request = dict(name="x", role=VIEWER, projects=["shop"])
            request.update(fields)
            self.refused(Code.INVALID_ARGUMENT, "INVALID_FIELD",
                         lambda request=request: shop.access.CreateToken(create(**request)))
        soon = int(time.time()) + 1000
        short = self.token(ADMIN, ["shop"], expires_at={"seconds": soon})
        with self.stack.channel(0, short.token) as channel:
            access = self.stack.stubs_of(channel).access
            self.refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", lambda: access.CreateToken(
                create(name="x", role=VIEWER, projects=["shop"], expires_at={"seconds": soon + 1})))
            child = access.CreateToken(create(name="child", role=ADMIN, projects=["shop"]))
        listed = {token.id: token for token in shop.access.ListTokens(access_service.ListTokensRequest()).tokens}
        self.assertEqual(listed[child.id].expires_at.seconds, soon)
        self.assertEqual({tuple(token.projects) for token in listed.values()}, {("shop",)})
        foreign = self.token(VIEWER, ["shop", "blog"])
        self.refused(Code.NOT_FOUND, "TOKEN_NOT_FOUND", lambda: shop.access.RevokeToken(
            access_service.RevokeTokenRequest(token_id=foreign.id)))

    def test_only_a_hash_is_stored(self):
        made = self.token()
        secret = made.token.rpartition("_")[2]
        self.assertRegex(made.token, rf"^lsk_{made.id}_[0-9a-f]{{64}}$")
        rows = self.stack.sql("SELECT t::text FROM tokens t")
        self.assertNotIn(secret, rows)
        self.assertIn(self.stack.sql(f"SELECT encode(sha256('{secret}'), 'hex')"), rows)
        for process in self.stack.api_servers + self.stack.workers:
            self.assertNotIn("lsk_", process.read_log())

    def test_a_token_is_marked_as_used(self):
        made = self.token(VIEWER)
        with self.stack.channel(0, made.token) as channel:
            self.stack.stubs_of(channel).tasks.ListWorkers(task_service.ListWorkersRequest())
        self.assertEqual(self.stack.sql(f"SELECT last_used_at IS NOT NULL FROM tokens WHERE id = {made.id}"), "t")

    def test_nothing_is_answered_without_the_database(self):
        list_workers = next(method for method in METHODS if method.name == "ListWorkers")
        metadata = self.bearer(self.stack.token)
        self.assertEqual(self.call(list_workers, metadata), ("OK", ""))
        self.stack.postgres.kill()
        try:
            self.assertEqual(self.call(list_workers, metadata), (Code.UNAVAILABLE, "DATABASE_UNAVAILABLE"))
        finally:
            self.stack.postgres.start()
        wait_until(lambda: self.call(list_workers, metadata)[0] == "OK", "the database")

    def test_nothing_is_changed_in_a_database_that_only_reads(self):
        def set_to(value):
            self.stack.sql(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
            self.stack.sql("SELECT pg_reload_conf()")

        self.addCleanup(set_to, "off")
        register = next(method for method in METHODS if method.name == "RegisterInstance")
        request = instance_service.RegisterInstanceRequest(name="x", address="192.0.2.77")
        for value, wanted in (("on", (Code.UNAVAILABLE, "DATABASE_UNAVAILABLE")), ("off", ("OK", ""))):
            set_to(value)
            wait_until(lambda wanted=wanted: self.call(register, self.bearer(self.stack.token), request) == wanted, value)

    def test_a_database_that_does_not_say_who_it_is_is_waited_for(self):
        list_workers = self.as_("shop", VIEWER).tasks.ListWorkers
        list_workers(task_service.ListWorkersRequest())
        with subprocess.Popen(["psql", "-X", "-q", self.stack.database_url], stdin=subprocess.PIPE, text=True) as session:
            session.stdin.write("BEGIN; LOCK TABLE tokens IN ACCESS EXCLUSIVE MODE;\n")
            session.stdin.flush()
            wait_until(lambda: self.stack.sql("SELECT count(*) FROM pg_locks WHERE relation = 'tokens'::regclass"
                                              " AND mode = 'AccessExclusiveLock' AND granted") == "1", "the lock")
            with self.assertRaises(grpc.RpcError) as raised:
                list_workers(task_service.ListWorkersRequest(), timeout=1)
            self.assertEqual(raised.exception.code(), Code.DEADLINE_EXCEEDED)
            session.stdin.close()
        list_workers(task_service.ListWorkersRequest())

    def test_instances_stay_what_they_are(self):
        seen = self.as_("shop", VIEWER).instances.GetInstance(instance_service.GetInstanceRequest(instance_id=self.shop.id))
        self.assertEqual((seen.project, seen.status), ("shop", instance_pb.INSTANCE_STATUS_READY))


if __name__ == "__main__":
    unittest.main()
