"""Deployments to fleets: selectors, rollouts and their limits, watching, cancelling, retrying; a hundred thousand in one
request."""

import threading
import unittest

import grpc

from harness.api import instance_service, payload_service, pb
from harness.errors import expect_error
from harness.held import HELD, hold, let_go
from harness.ledgers import most_at_once
from harness.patience import follow, wait_until
from harness.stack import Stack

# Each host is registered so often, so that few sshds make a fleet; the hosts' ledgers say what ran at the same time.
REGISTRATIONS = 20


def follow_deployment(stub, deployment_id):
    request = payload_service.WatchDeploymentRequest(deployment_id=deployment_id)
    return follow(stub.WatchDeployment(request, wait_for_ready=True))


class DeploymentTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=10, api_servers=2, workers=2, project="fleet")
        for number in range(REGISTRATIONS):
            for host in cls.stack.instances:
                cls.stack.register(host, name=f"{host.name}-{number}",
                                   tags=["all", f"r{number}"] + (["one-host"] if host is cls.stack.instances[0] else []))

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def setUp(self):
        self.addCleanup(self.stack.restore)
        self.ledger = self._testMethodName  # A file of its own on every host.

    def logged(self, text):
        """A script that tells the ledger of its start and its end."""
        return f'echo "start $(date +%s%N)" >> /root/{self.ledger}; {text}; echo "end $(date +%s%N)" >> /root/{self.ledger}'

    def most_running(self, instances):
        """The largest number of runs that went on at a moment, by the hosts' own ledgers."""
        events = []
        for instance in instances:
            words = instance.ledger(self.ledger)
            events += [(int(at), 1 if word == "start" else -1) for word, at in zip(words[::2], words[1::2])]
        return most_at_once(events)

    def starts(self, instances):
        return sum(instance.ledger(self.ledger).count("start") for instance in instances)

    def deploy(self, text, tags=("all",), execute=True, **fields):
        return self.stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(
            selector=dict(project="fleet", tags=tags), payload_path=self.stack.script(text), execute_payload=execute, **fields))

    def get(self, deployment_id):
        return self.stack.payloads.GetDeployment(payload_service.GetDeploymentRequest(deployment_id=deployment_id),
                                                 wait_for_ready=True)

    def wait(self, deployment_id):
        """Waits for the end of every payload; returns the deployment."""
        for event in follow_deployment(self.stack.payloads, deployment_id):
            if event.HasField("deployment"):
                last = event.deployment
        return last

    def statuses(self, deployment_id):
        rows = self.stack.sql(
            f"SELECT id, status, attempt, error FROM payloads WHERE deployment_id = {deployment_id} ORDER BY id")
        return [row.split("|") for row in rows.splitlines()]

    def test_selector_takes_what_matches(self):
        response = self.deploy("true", tags=["r0"])
        self.assertTrue(response.success)
        self.assertEqual(len(response.payload_ids), 10)
        self.assertEqual(len(response.task_ids), 10)
        deployment = self.wait(response.deployment_id)
        self.assertEqual((deployment.counts.completed, deployment.counts.total), (10, 10))
        self.assertEqual(self.get(response.deployment_id).request.selector.project, "fleet")
        self.assertEqual(len(deployment.script_sha256), 64)
        self.assertEqual(deployment.script_bytes, 4)

    def test_selector_leaves_out_what_can_take_nothing(self):
        spare = self.stack.register(self.stack.instances[0], name="spare", project="spare", tags=["x"])
        ready = self.stack.register(self.stack.instances[1], name="ready", project="spare", tags=["x"])
        for status in ("FAILED", "TERMINATED"):
            self.stack.sql(f"UPDATE instances SET status = '{status}' WHERE id = {spare.id}")
            response = self.stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(
                selector=dict(project="spare"), payload_content=b"true", validate_only=True))
            self.assertTrue(response.success)
            deployed = self.stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(
                selector=dict(project="spare"), payload_content=b"true"))
            self.assertEqual([self.stack.get(p).instance_id for p in deployed.payload_ids], [ready.id])

    def test_wrong_requests_are_told_what_is_wrong(self):
        def request(**fields):
            return lambda: self.stack.payloads.DeployPayload(
                payload_service.DeployPayloadRequest(payload_content=b"true", **fields))

        invalid = grpc.StatusCode.INVALID_ARGUMENT
        expect_error(self, request(), invalid, "INVALID_FIELD", ["instance_ids"])
        expect_error(self, request(selector={}), invalid, "INVALID_FIELD", ["selector", "project", "tag"])
        expect_error(self, request(selector=dict(project="fleet"), instance_ids=[1]), invalid, "INVALID_FIELD",
                     ["selector", "instance_ids"])
        expect_error(self, request(selector=dict(tags=[""])), invalid, "INVALID_FIELD", ["selector.tags"])
        expect_error(self, request(selector=dict(project="nowhere", tags=["t"])), grpc.StatusCode.NOT_FOUND,
                     "INSTANCE_NOT_FOUND", ["'nowhere'", "'t'"])
        expect_error(self, request(instance_ids=[1], rollout=dict(max_concurrency=-1)), invalid, "INVALID_FIELD",
                     ["rollout.max_concurrency", "-1"])
        expect_error(self, request(instance_ids=[1], rollout=dict(max_errors=-2)), invalid, "INVALID_FIELD",
                     ["rollout.max_errors", "-2"])
        stub = self.stack.payloads
        for call, message in ((stub.GetDeployment, payload_service.GetDeploymentRequest),
                              (stub.CancelDeployment, payload_service.CancelDeploymentRequest),
                              (stub.RetryDeployment, payload_service.RetryDeploymentRequest),
                              (stub.ExecutePayload, payload_service.ExecutePayloadRequest),
                              (lambda r: list(stub.WatchDeployment(r)), payload_service.WatchDeploymentRequest)):
            details = expect_error(self, lambda: call(message(deployment_id=987654)), grpc.StatusCode.NOT_FOUND,
                                   "DEPLOYMENT_NOT_FOUND", ["987654"])
            self.assertEqual(details["ResourceInfo"].resource_type, "deployment")
            expect_error(self, lambda: call(message(deployment_id=-1)), invalid, "INVALID_FIELD", ["deployment_id", "-1"])
        expect_error(self, lambda: stub.ExecutePayload(payload_service.ExecutePayloadRequest(deployment_id=1, payload_ids=[1])),
                     invalid, "INVALID_FIELD", ["deployment_id", "payload_ids"])

    def test_200_payloads_never_more_than_10_at_once(self):
        hosts = self.stack.instances
        for host in hosts:
            hold(host)
        response = self.deploy(self.logged(HELD + "; sleep 0.3"), rollout=dict(max_concurrency=10))
        self.assertEqual(len(response.payload_ids), 200)
        wait_until(lambda: self.starts(hosts) >= 10, "every place to be used")
        for host in hosts:
            let_go(host)
        deployment = self.wait(response.deployment_id)
        self.assertEqual(deployment.counts.completed, 200)
        self.assertEqual(deployment.stop_reason, "")
        self.assertEqual(self.starts(hosts), 200)
        self.assertEqual(self.most_running(hosts), 10)

    def test_limit_holds_when_processes_die(self):
        response = self.deploy(self.logged("sleep 0.5"), tags=["one-host"], rollout=dict(max_concurrency=4))
        host = self.stack.instances[:1]
        wait_until(lambda: self.starts(host) >= 4, "the first ones")
        self.stack.workers[0].restart()
        self.stack.api_servers[1].restart()
        wait_until(lambda: self.starts(host) >= 8, "the next ones")
        self.stack.workers[1].restart()
        wait_until(lambda: self.get(response.deployment_id).counts.completed == REGISTRATIONS, "the end of the rollout")
        self.assertEqual(self.starts(host), REGISTRATIONS)
        self.assertLessEqual(self.most_running(host), 4)

    def test_max_errors_stops_and_retry_runs_the_rest(self):
        # Fails on every host but the first two.
        for host in self.stack.instances[:2]:
            with open(host.path("/root/good"), "w"):
                pass
        text = self.logged(f'[ -e /root/good ] || {{ echo "end $(date +%s%N)" >> /root/{self.ledger}; exit 4; }}')
        response = self.deploy(text, tags=["r3"], rollout=dict(max_concurrency=2, max_errors=3))
        deployment = self.wait(response.deployment_id)
        counts = deployment.counts
        self.assertEqual(counts.completed + counts.failed + counts.cancelled, 10)
        self.assertIn(counts.failed, (3, 4), "three, and one that ran beside the third")
        self.assertGreaterEqual(counts.cancelled, 4)
        self.assertIn("max_errors 3", deployment.stop_reason)
        self.assertEqual(self.starts(self.stack.instances), counts.completed + counts.failed, "no other was started")
        before = self.statuses(response.deployment_id)
        for _, status, _, error in before:
            if status == "CANCELLED":
                self.assertIn("rollout", error)
        for host in self.stack.instances:
            with open(host.path("/root/good"), "w"):
                pass
        again = payload_service.RetryDeploymentRequest(deployment_id=response.deployment_id, request_id="retry-max-errors")
        retried = self.stack.payloads.RetryDeployment(again)
        self.assertTrue(retried.success)
        self.assertEqual(sorted(retried.payload_ids), sorted(int(p) for p, s, _, _ in before if s != "COMPLETED"))
        self.assertEqual(len(retried.task_ids), len(retried.payload_ids))
        self.assertEqual(self.stack.payloads.RetryDeployment(again), retried, "the same request gets the first answer")
        deployment = self.wait(response.deployment_id)
        self.assertEqual((deployment.counts.completed, deployment.stop_reason), (10, ""))
        self.assertEqual(self.starts(self.stack.instances), counts.completed + counts.failed + len(retried.payload_ids))
        for (payload_id, status, _, _), (_, _, attempt, _) in zip(before, self.statuses(response.deployment_id)):
            self.assertEqual(attempt, "1" if status == "COMPLETED" else "2", payload_id)
        retry = payload_service.RetryDeploymentRequest(deployment_id=response.deployment_id)
        expect_error(self, lambda: self.stack.payloads.RetryDeployment(retry), grpc.StatusCode.FAILED_PRECONDITION,
                     "WRONG_STATE", [response.deployment_id])

    def test_retry_has_an_output_of_its_own(self):
        first = self.stack.instances[0]
        response = self.deploy("[ -e /root/second ] && echo new && exit 0; echo the old output, longer; exit 1",
                               tags=["r4", "one-host"])
        payload_id = response.payload_ids[0]
        self.assertEqual(self.stack.wait(payload_id).output, "the old output, longer\n")
        with open(first.path("/root/second"), "w"):
            pass
        self.stack.payloads.RetryDeployment(payload_service.RetryDeploymentRequest(deployment_id=response.deployment_id))
        self.wait(response.deployment_id)
        payload = self.stack.get(payload_id)
        self.assertEqual((payload.output, payload.exit_code, payload.attempt), ("new\n", 0, 2))
        self.assertFalse(payload.error)
        wait_until(lambda: not any(name.startswith(f"{payload_id}.") for name in first.run_directories()), "cleanup of both")

    def test_one_that_is_not_reached_gives_its_place_to_another(self):
        away, near = self.stack.instances[8:10]
        away.relay.cut()
        try:
            ids = [self.stack.register(host, name=host.name + "-place").id for host in (away, near)]
            response = self.stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(
                instance_ids=ids, payload_content=b"true", execute_payload=True, rollout=dict(max_concurrency=1)))
            self.stack.wait(response.payload_ids[1], [pb.PAYLOAD_STATUS_COMPLETED])
            self.assertEqual(self.stack.get(response.payload_ids[0]).status, pb.PAYLOAD_STATUS_PENDING)
        finally:
            away.relay.heal()
        self.stack.wait(response.payload_ids[0], [pb.PAYLOAD_STATUS_COMPLETED])

    def test_what_is_on_its_way_when_the_rollout_stops_is_not_started(self):
        # Its connection hangs, so a worker holds it when the other one fails.
        away, near = self.stack.instances[6:8]
        away.relay.silence()
        try:
            ids = [self.stack.register(host, name=host.name + "-recall").id for host in (away, near)]
            response = self.stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(
                instance_ids=ids, payload_content=self.logged("exit 1").encode(), execute_payload=True,
                rollout=dict(max_errors=1)))
            self.stack.wait(response.payload_ids[1], [pb.PAYLOAD_STATUS_FAILED])
            wait_until(lambda: self.stack.sql(
                f"SELECT recall_requested FROM tasks WHERE payload_id = {response.payload_ids[0]}") == "t", "the recall")
        finally:
            away.relay.heal()
        payload = self.stack.wait(response.payload_ids[0])
        self.assertEqual(payload.status, pb.PAYLOAD_STATUS_CANCELLED)
        self.assertIn("rollout", payload.error)
        self.assertEqual(self.starts([away]), 0)

    def test_what_has_been_started_when_the_rollout_stops_goes_on(self):
        text = '[ "$(cat /root/role)" = bad ] || { echo started; until [ -e /root/finish ]; do sleep 0.05; done; exit 0; }\n' \
               'until [ -e /root/fail ]; do sleep 0.05; done; exit 1'
        good, bad = self.stack.instances[4:6]
        for host, role in ((good, "good"), (bad, "bad")):
            with open(host.path("/root/role"), "w") as file:
                file.write(role)
        response = self.stack.deploy(text, instances=[good, bad], rollout=dict(max_errors=1))
        self.stack.wait_output(response.payload_ids[0], "started")
        with open(bad.path("/root/fail"), "w"):
            pass
        self.stack.wait(response.payload_ids[1], [pb.PAYLOAD_STATUS_FAILED])
        query = f"SELECT rollout_state FROM deployments WHERE id = {response.deployment_id}"
        wait_until(lambda: self.stack.sql(query) == "STOPPED", "the stop")
        with open(good.path("/root/finish"), "w"):
            pass
        self.stack.wait(response.payload_ids[0], [pb.PAYLOAD_STATUS_COMPLETED])

    def test_execute_by_deployment(self):
        response = self.deploy(self.logged("true"), tags=["r5"], execute=False, rollout=dict(max_concurrency=3))
        wait_until(lambda: self.get(response.deployment_id).counts.transferred == 10, "all to be delivered")
        self.assertEqual(self.starts(self.stack.instances), 0)
        self.stack.payloads.CancelPayload(payload_service.CancelPayloadRequest(payload_id=response.payload_ids[0]))
        execute = payload_service.ExecutePayloadRequest(deployment_id=response.deployment_id, request_id="execute-fleet")
        executed = self.stack.payloads.ExecutePayload(execute)
        self.assertEqual(list(executed.payload_ids), list(response.payload_ids)[1:], "all but the one that was cancelled")
        self.assertEqual(len(executed.task_ids), 9)
        deployment = self.wait(response.deployment_id)
        self.assertEqual((deployment.counts.completed, deployment.counts.cancelled), (9, 1))
        self.assertEqual(self.starts(self.stack.instances), 9)
        self.assertLessEqual(self.most_running(self.stack.instances), 3)
        self.assertEqual(self.stack.payloads.ExecutePayload(execute), executed)
        execute.request_id = ""
        expect_error(self, lambda: self.stack.payloads.ExecutePayload(execute), grpc.StatusCode.FAILED_PRECONDITION,
                     "WRONG_STATE", [response.deployment_id])

    def test_cancel_stops_all_of_it(self):
        response = self.deploy(self.logged("echo up; sleep 600"), tags=["r6"], rollout=dict(max_concurrency=4))
        # The first line of a script comes after the word that it has been started.
        wait_until(lambda: self.starts(self.stack.instances) == 4, "four to run")
        wait_until(lambda: self.get(response.deployment_id).counts.executing == 4, "four to be known to run")
        cancel = payload_service.CancelDeploymentRequest(deployment_id=response.deployment_id)
        self.assertGreaterEqual(self.stack.payloads.CancelDeployment(cancel).counts.cancelled, 6)
        deployment = self.wait(response.deployment_id)
        self.assertEqual(deployment.counts.cancelled, 10)
        self.assertEqual(self.starts(self.stack.instances), 4)
        expect_error(self, lambda: self.stack.payloads.CancelDeployment(cancel), grpc.StatusCode.FAILED_PRECONDITION,
                     "WRONG_STATE", [response.deployment_id])

    def test_watch_shows_every_change_through_every_replica(self):
        go = self.stack.instances[0].path("/root/go-watch")
        response = self.deploy("until [ -e /root/go-watch ]; do sleep 0.05; done; exit 5", tags=["r7", "one-host"])
        seen = [[], []]

        def watch(replica):
            stub = type(self.stack.payloads)(self.stack.channels[replica])
            for event in follow_deployment(stub, response.deployment_id):
                seen[replica].append(event)

        threads = [threading.Thread(target=watch, args=(replica,)) for replica in (0, 1)]
        for thread in threads:
            thread.start()
        wait_until(lambda: all(any(e.payload.status == pb.PAYLOAD_STATUS_EXECUTING for e in events) for events in seen),
                   "both to see the start")
        with open(go, "w"):
            pass
        for thread in threads:
            thread.join()
        for events in seen:
            self.assertEqual(events[0].deployment.id, response.deployment_id)
            self.assertEqual(events[-1].deployment.counts.failed, 1, "the counts that show the end come last")
            last = [event.payload for event in events if event.HasField("payload")][-1]
            self.assertEqual((last.status, last.exit_code), (pb.PAYLOAD_STATUS_FAILED, 5))

    def test_list_by_project_and_page(self):
        mine = self.stack.register(self.stack.instances[0], name="paged", project="paged").id
        made = [self.stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(
            instance_ids=[mine], payload_content=b"true", execute_payload=True)).deployment_id for _ in range(5)]
        found, token = [], ""
        while True:
            page = self.stack.payloads.ListDeployments(
                payload_service.ListDeploymentsRequest(project="paged", page_size=2, page_token=token))
            self.assertLessEqual(len(page.deployments), 2)
            found += page.deployments
            token = page.next_page_token
            if not token:
                break
        self.assertEqual([d.id for d in found], made[::-1])
        for deployment in found:
            self.assertEqual(deployment.counts.total, 1)
            self.assertEqual(deployment.request.payload_content, b"")
        self.assertEqual(list(self.get(made[0]).request.instance_ids), [mine])


class LargeFleetTest(unittest.TestCase):
    """One request for ten thousand instances, then for all that it may match. They are not READY: nothing but the request itself
    is tried."""

    def test_one_request(self):
        stack = Stack(instances=0)
        try:
            stack.sql("INSERT INTO instances (name, project, provider, address, port, ssh_user, status) SELECT 'i' || n, 'big',"
                      " 'registered', '192.0.2.1', 22, 'root', 'PENDING' FROM generate_series(1, 10000) n")
            response = stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(
                selector=dict(project="big"), payload_content=b"true", execute_payload=True, rollout=dict(max_concurrency=50)))
            self.assertEqual(len(set(response.payload_ids)), 10000)
            self.assertEqual(len(set(response.task_ids)), 10000)
            seen = {}
            watch = follow_deployment(stack.payloads, response.deployment_id)
            for event in watch:
                if event.HasField("payload"):
                    seen[event.payload.id] = event.payload.status
                if len(seen) == 10000:
                    break
            self.assertEqual(set(seen.values()), {pb.PAYLOAD_STATUS_PENDING})
            cancelled = stack.payloads.CancelDeployment(
                payload_service.CancelDeploymentRequest(deployment_id=response.deployment_id))
            self.assertEqual(cancelled.counts.cancelled, 10000)
            for event in watch:
                last = event
            self.assertEqual(last.deployment.counts.cancelled, 10000)
            retried = stack.payloads.RetryDeployment(
                payload_service.RetryDeploymentRequest(deployment_id=response.deployment_id))
            self.assertEqual(len(retried.payload_ids), 10000)
            got = stack.payloads.GetDeployment(payload_service.GetDeploymentRequest(deployment_id=response.deployment_id))
            self.assertEqual((got.counts.pending, got.counts.total), (10000, 10000))
            # As many as one request takes; then one more.
            stack.sql("INSERT INTO instances (name, project, provider, address, port, ssh_user, status) SELECT 'j' || n, 'big',"
                      " 'registered', '192.0.2.1', 22, 'root', 'PENDING' FROM generate_series(1, 90001) n")
            stack.sql("UPDATE instances SET status = 'FAILED' WHERE name = 'j1'")
            response = stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(
                selector=dict(project="big"), payload_content=b"true"))
            self.assertEqual(len(response.payload_ids), 100000)
            got = stack.payloads.GetDeployment(payload_service.GetDeploymentRequest(deployment_id=response.deployment_id))
            self.assertEqual((got.counts.pending, got.counts.total), (100000, 100000))
            stack.sql("UPDATE instances SET status = 'PENDING' WHERE name = 'j1'")
            expect_error(self, lambda: stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(
                selector=dict(project="big"), payload_content=b"true")), grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD",
                         ["100000", "big"])
            listed = stack.instance_stub.ListInstances(instance_service.ListInstancesRequest(project="big", page_size=1))
            self.assertEqual(len(listed.instances), 1, "the server is as well as before")
        finally:
            stack.close()


if __name__ == "__main__":
    unittest.main()
