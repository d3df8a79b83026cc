"""api_servers and PostgreSQL that are killed, drained or restarted, alone and with everything else: rows 4, 6 to 8 and 17 of
docs/guarantees.md.
"""

import signal
import threading
import unittest

import grpc

from fault.run_under_fault import RunUnderFault
from harness.api import payload_service
from harness.patience import PATIENCE


class ServerFaultTest(RunUnderFault):

    def test_api_server_killed_while_it_prints(self):
        payload_id = self.deploy()
        self.printing(payload_id)
        self.stack.api_servers[0].kill()
        self.stack.use(1)
        self.assert_right(payload_id)

    def test_api_servers_killed_just_after_start_and_before_report(self):
        payload_id = self.deploy()
        self.just_started(payload_id)
        for server in self.stack.api_servers:
            server.kill()
        self.let_it_end()
        for server in self.stack.api_servers:
            server.start()
        self.assert_right(payload_id)

    def test_api_server_drains(self):
        payload_id = self.deploy()
        self.printing(payload_id)
        self.stack.use(1)
        self.assertEqual(self.stack.api_servers[0].terminate(), 0)
        self.assert_right(payload_id)

    def test_power_cut(self):
        payload_id = self.deploy()
        self.printing(payload_id)
        everything = self.stack.workers + self.stack.api_servers
        for process in everything:
            process.kill()
        self.stack.postgres.signal(signal.SIGQUIT)  # An immediate shutdown: no checkpoint, recovery at the next start.
        self.stack.postgres.child.wait()
        for process in [self.stack.postgres] + self.stack.api_servers + self.stack.workers:
            process.start()
        self.assert_right(payload_id)

    def test_postgres_restarts_while_it_prints(self):
        payload_id = self.deploy()
        self.printing(payload_id)
        self.stack.postgres.signal(signal.SIGINT)
        self.stack.postgres.child.wait()
        with self.assertRaises(grpc.RpcError) as caught:
            self.stack.payloads.GetPayloadStatus(payload_service.GetPayloadStatusRequest(payload_id=payload_id))
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAVAILABLE)
        self.let_it_end()
        self.stack.postgres.start()
        self.assert_right(payload_id)

    def test_every_session_ended_again_and_again(self):
        payload_id = self.deploy()
        for _ in range(10):
            self.stack.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'longshore'")
        self.assert_right(payload_id)

    def test_one_request_id_from_many_clients(self):
        path = self.stack.script("echo ran >> /root/ledger")
        request = payload_service.DeployPayloadRequest(instance_ids=[self.instance.id], payload_path=path,
                                                       execute_payload=True, request_id="just-once")
        answers, stubs = [], []
        for i in (0, 1):
            self.stack.use(i)
            stubs.append(self.stack.payloads)
        threads = [
            threading.Thread(target=lambda i=i: answers.append(stubs[i % 2].DeployPayload(request, timeout=PATIENCE)))
            for i in range(16)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len({a.SerializeToString(deterministic=True) for a in answers}), 1)
        self.assertEqual(len(answers), 16)
        self.stack.wait(answers[0].payload_ids[0])
        self.assertEqual(self.instance.ledger(), ["ran"])
        self.assertEqual(self.stack.sql("SELECT count(*) FROM deployments"), "1")


if __name__ == "__main__":
    unittest.main()
