"""What is old goes, by itself and by command, and what is left is as it should be."""

import json
import subprocess
import unittest

import grpc

from harness.ageing import age
from harness.api import instance_service, payload_service, pb
from harness.errors import expect_error
from harness.patience import wait_until
from harness.programs import LONGSHORE
from harness.stack import Stack


class RetentionTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=2, http=True)
        cls.addClassCleanup(cls.stack.close)

    def count(self, table):
        return int(self.stack.sql(f"SELECT count(*) FROM {table}"))

    def longshore(self, *words):
        run = subprocess.run([LONGSHORE, *words, "--database", self.stack.database_url], capture_output=True, text=True)
        return run.returncode, run.stdout + run.stderr

    def prune(self, *words):
        status, text = self.longshore("prune", "-o", "json", *words)
        self.assertEqual(status, 0, text)
        return {row["kind"]: row["rows"] for row in json.loads(text)}

    def verified(self):
        status, text = self.longshore("verify", "--quiescent")
        self.assertEqual(status, 0, text)

    def settled(self):
        wait_until(lambda: self.count("run_cleanups") == 0, "the cleanups")

    def test_what_is_old_goes(self):
        old = [self.stack.run(f"echo old {i}; exit {i}", request_id=f"old-{i}") for i in range(3)]
        resting = self.stack.deploy("true", instances=[self.stack.instances[0]], execute=False).payload_ids[0]
        self.stack.wait(resting, (pb.PAYLOAD_STATUS_TRANSFERRED,))
        leaving = self.stack.instances[1]
        self.stack.deploy("echo gone", instances=[leaving])
        self.settled()
        answer = self.stack.instance_stub.TerminateInstance(instance_service.TerminateInstanceRequest(instance_id=leaving.id))
        wait_until(lambda: self.stack.task(answer.task_id).status > 2, "its end")
        self.settled()
        age(self.stack, 91)
        young = self.stack.run("echo young")
        self.settled()
        would_go = self.prune("--dry-run")
        self.assertEqual(would_go, {"payloads": 4, "tasks": 5, "deployments": 4, "instances": 1, "scripts": 4, "request_ids": 3})
        self.assertEqual(self.count("payloads"), 6, "a dry run changes nothing")
        self.assertNotIn("audit_events", would_go)
        # An api_server does it when it begins, and from time to time.
        self.stack.api_servers[0].terminate()
        self.stack.api_servers[0].start()
        wait_until(lambda: self.count("payloads") == 2, "the old ones to go")
        wait_until(lambda: self.count("instances") == 1, "the instance to go")
        wait_until(lambda: self.prune("--dry-run") == {}, "the rest to go")
        self.assertEqual(self.prune(), {})
        for payload in old:
            expect_error(self, lambda at=payload: self.stack.payloads.GetPayloadStatus(
                payload_service.GetPayloadStatusRequest(payload_id=at.id)), grpc.StatusCode.NOT_FOUND, "PAYLOAD_NOT_FOUND")
        self.assertEqual(self.stack.get(young.id).output, "young\n")
        self.verified()
        # What rests goes on, its script is still there, and so does what is new.
        self.stack.payloads.ExecutePayload(payload_service.ExecutePayloadRequest(payload_ids=[resting]))
        self.assertEqual(self.stack.wait(resting).status, pb.PAYLOAD_STATUS_COMPLETED)
        self.assertEqual(self.stack.run("echo old 0; exit 0").output, "old 0\n")
        self.settled()
        self.verified()
        age(self.stack, 400)
        self.settled()
        self.assertGreater(self.prune("--retain-audit", "30")["audit_events"], 5)
        self.verified()

    def test_wrong_times(self):
        for words in (("--retain-audit", "1"), ("--retain-payloads", "yes"), ("--retain-request-ids", "-1"),
                      ("--database_url_file", "/none")):
            self.assertEqual(self.longshore("prune", *words)[0], 2, words)
        age(self.stack, 1000)
        self.assertEqual(self.prune("--retain-payloads", "0", "--retain-request-ids", "0", "--retain-audit", "0"), {})


if __name__ == "__main__":
    unittest.main()
