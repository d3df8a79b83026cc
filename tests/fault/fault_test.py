"""Processes killed and connections cut at the moments that matter: each payload ends once, with the true result and all its
output.

docs/guarantees.md rows 1, 3, 4, 6, 7, 8, 11, 12, 14 and 17, with two api_servers and two workers.
"""

import os
import signal
import threading
import unittest

import grpc

from harness.api import payload_service, pb, task_pb
from harness.held import HELD, hold, let_go
from harness.patience import PATIENCE, wait_until
from harness.stack import Stack

# Prints for some seconds, and does not end before the test lets it; it writes the ledger itself, which thus counts starts.
SCRIPT = f"""echo started >> /root/ledger
for i in $(seq 1 40); do echo "line $i"; sleep 0.1; if [ $i = 20 ]; then {HELD}; fi; done
echo ended >> /root/ledger
exit 3
"""
OUTPUT = "".join(f"line {i}\n" for i in range(1, 41))


class FaultTest(unittest.TestCase):

    def setUp(self):
        self.stack = Stack(instances=1, api_servers=2, workers=2, worker_flags=["--max_connecting=4"])
        self.instance = self.stack.instances[0]
        hold(self.instance)

    def tearDown(self):
        self.stack.close()

    def deploy(self, text=SCRIPT):
        return self.stack.deploy(text).payload_ids[0]

    def holder(self, payload_id):
        """The worker process that holds the payload's task."""
        name = self.stack.task(self.stack.get(payload_id).task_id).worker
        return self.stack.workers[int(name.rsplit("-", 1)[1])]

    def let_it_end(self):
        let_go(self.instance)
        wait_until(lambda: "ended" in self.instance.ledger(), "the script's end")

    def assert_right(self, payload_id, output=OUTPUT, exit_code=3):
        let_go(self.instance)
        payload = self.stack.wait(payload_id)
        self.assertEqual(payload.failure_reason, pb.FAILURE_REASON_NONZERO_EXIT, payload)
        self.assertEqual(payload.exit_code, exit_code)
        self.assertEqual(payload.output, output)
        self.assertEqual(payload.output_bytes, len(output))
        self.assertEqual(self.instance.ledger(), ["started", "ended"])
        raw = b"".join(e.output.data for e in self.stack.watch(payload_id))
        self.assertEqual(raw.decode(), output)
        wait_until(lambda: not self.instance.run_directories(), "the cleanup")
        wait_until(lambda: self.stack.sql("SELECT count(*) FROM run_cleanups") == "0", "the cleanup's end")
        return payload

    def just_started(self, payload_id):
        wait_until(lambda: self.instance.ledger(), "the start")

    def printing(self, payload_id):
        self.stack.wait_output(payload_id, "line 10\n")

    def exited_unreported(self, payload_id):
        """The script has ended but nobody could say so: its worker is stopped."""
        self.stack.wait_output(payload_id, "line 5\n")
        worker = self.holder(payload_id)
        worker.signal(signal.SIGSTOP)
        self.let_it_end()
        return worker

    # Row 1: the worker dies.

    def test_worker_killed_just_after_start(self):
        payload_id = self.deploy()
        self.just_started(payload_id)
        self.holder(payload_id).restart()
        self.assert_right(payload_id)

    def test_worker_killed_while_it_prints(self):
        payload_id = self.deploy()
        self.printing(payload_id)
        self.holder(payload_id).kill()
        self.assert_right(payload_id)

    def test_worker_killed_after_exit_before_report(self):
        payload_id = self.deploy()
        self.exited_unreported(payload_id).kill()
        self.assert_right(payload_id)

    def test_every_worker_killed_again_and_again(self):
        payload_id = self.deploy()
        self.just_started(payload_id)
        for _ in range(3):
            for worker in self.stack.workers:
                worker.restart()
        self.assert_right(payload_id)

    # Row 2: a worker that was stopped past its lease wakes and is fenced.

    def test_worker_stopped_past_its_lease(self):
        payload_id = self.deploy()
        self.printing(payload_id)
        stopped = self.holder(payload_id)
        stopped.signal(signal.SIGSTOP)
        wait_until(lambda: self.holder(payload_id) is not stopped, "another holder")
        stopped.signal(signal.SIGCONT)
        self.assert_right(payload_id)
        epoch = self.stack.sql(f"SELECT lease_epoch FROM tasks WHERE payload_id = {payload_id}")
        self.assertGreaterEqual(int(epoch), 2)

    def test_worker_stopped_before_the_start(self):
        # Both workers are stopped with the assignment somewhere on its way; whoever holds a lost lease must not start.
        self.instance.relay.silence()
        payload_id = self.deploy()
        wait_until(lambda: self.stack.task(self.stack.get(payload_id).task_id).worker, "a claim")
        first = self.holder(payload_id)
        first.signal(signal.SIGSTOP)
        self.instance.relay.heal()
        wait_until(lambda: self.stack.get(payload_id).status == pb.PAYLOAD_STATUS_EXECUTING, "the start elsewhere")
        first.signal(signal.SIGCONT)
        self.assert_right(payload_id)

    # Row 3: drain hands over.

    def test_worker_drains(self):
        payload_id = self.deploy()
        self.printing(payload_id)
        self.assertEqual(self.holder(payload_id).terminate(), 0)
        self.assert_right(payload_id)

    # Row 4 and 6: the api_server dies, or drains.

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

    # Row 7: everything at once.

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

    # Row 8: PostgreSQL restarts, or ends every session.

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

    # Row 11: the link between worker and server.

    def test_worker_link_cut_and_healed(self):
        payload_id = self.deploy()
        self.printing(payload_id)
        for relay in self.stack.worker_relays:
            relay.cut()
        self.let_it_end()
        for relay in self.stack.worker_relays:
            relay.heal()
        self.assert_right(payload_id)

    def test_worker_link_silent(self):
        payload_id = self.deploy()
        self.printing(payload_id)
        for relay in self.stack.worker_relays:
            relay.silence()
        self.let_it_end()
        for relay in self.stack.worker_relays:
            relay.heal()
        self.assert_right(payload_id)

    def one_way(self, direction):
        payload_id = self.deploy()
        self.printing(payload_id)
        for relay in self.stack.worker_relays:
            relay.silence(direction)
        self.let_it_end()
        for relay in self.stack.worker_relays:
            relay.heal()
        self.assert_right(payload_id)

    def test_worker_is_not_heard(self):
        self.one_way("up")

    def test_worker_does_not_hear(self):
        self.one_way("down")

    def test_worker_link_slow(self):
        for relay in self.stack.worker_relays:
            relay.rate = 3000
        self.assert_right(self.deploy())

    def test_worker_link_flaps(self):
        payload_id = self.deploy()
        self.just_started(payload_id)
        let_go(self.instance)
        while "ended" not in self.instance.ledger():
            for relay in self.stack.worker_relays:
                relay.drop()
        self.assert_right(payload_id)

    # Row 12: the SSH link.

    def test_ssh_link_cut_just_after_start_and_while_it_prints(self):
        payload_id = self.deploy()
        self.just_started(payload_id)
        self.instance.relay.cut()
        self.instance.relay.heal()
        self.printing(payload_id)
        self.instance.relay.cut()
        self.let_it_end()
        self.instance.relay.heal()
        self.assert_right(payload_id)

    def test_ssh_link_flaps_from_the_beginning(self):
        payload_id = self.deploy()
        stop = threading.Event()

        def flap():
            while not stop.wait(0.15):
                self.instance.relay.cut()
                self.instance.relay.heal()

        thread = threading.Thread(target=flap)
        thread.start()
        stop.wait(3)
        stop.set()
        thread.join()
        self.assert_right(payload_id)

    def cut_in_the_upload(self):
        """Deploys a script of 2 MiB and cuts the link half way; returns the payload and the script's text."""
        # The host key is pinned by a first payload.
        self.stack.wait(self.deploy("exit 3"))
        text = "exit 3\n" + "#" * (2 * 1024 * 1024 - 7)
        self.instance.relay.cut_after(1024 * 1024)
        payload_id = self.deploy(text)
        wait_until(lambda: self.instance.relay.mode == "cut", "the cut")
        self.assertTrue(self.instance.uploads())
        return payload_id, text

    def test_ssh_link_cut_during_the_upload(self):
        payload_id, text = self.cut_in_the_upload()
        self.assertFalse(os.path.exists(self.instance.path(self.stack.get(payload_id).remote_path)))
        self.instance.relay.heal()
        payload = self.stack.wait(payload_id)
        self.assertEqual(payload.exit_code, 3, payload)
        self.assertFalse(self.instance.uploads())
        with open(self.instance.path(payload.remote_path)) as file:
            self.assertEqual(file.read(), text)

    def late_worker(self, held_after):
        """A worker held up on its way to an instance goes on when the path has long been somebody else's: it replaces nothing."""
        path = "/root/same.sh"
        self.stack.wait(self.deploy("exit 3"))  # Pins the host key.
        self.instance.relay.hold_after(held_after)
        late = self.stack.deploy("echo late >> ledger\n" + "#" * 2000000, remote_path=path).payload_ids[0]
        wait_until(self.instance.relay.held.is_set, "the connection to be held")
        worker = self.holder(late)
        worker.signal(signal.SIGSTOP)
        self.assertEqual(self.stack.wait(late).status, pb.PAYLOAD_STATUS_COMPLETED)
        text = "echo next >> ledger\n"
        self.stack.wait(self.stack.deploy(text, remote_path=path).payload_ids[0])
        self.instance.relay.release()
        worker.signal(signal.SIGCONT)
        wait_until(self.instance.relay.held_one_has_ended, "the end of the late connection")
        wait_until(lambda: not self.instance.uploads(), "the end of its upload")
        with open(self.instance.path(path)) as file:
            self.assertEqual(file.read(), text)
        self.assertEqual(self.instance.ledger(), ["late", "next"])

    def test_late_before_the_upload(self):
        self.late_worker(held_after=3000)

    def test_late_during_the_upload(self):
        self.late_worker(held_after=1024 * 1024)

    def test_cancelled_after_the_link_was_cut_during_the_upload(self):
        payload_id, _ = self.cut_in_the_upload()
        wait_until(lambda: self.stack.task(self.stack.get(payload_id).task_id).status == task_pb.TASK_STATUS_PENDING,
                   "the retry")
        self.stack.payloads.CancelPayload(payload_service.CancelPayloadRequest(payload_id=payload_id))
        self.stack.wait(payload_id, [pb.PAYLOAD_STATUS_CANCELLED])
        self.instance.relay.heal()
        self.stack.sql("UPDATE run_cleanups SET run_at = now()")
        wait_until(lambda: not self.instance.uploads(), "the cleanup")

    # Row 14: the instance reboots: everything on it dies.

    def test_instance_reboots_during_the_run(self):
        payload_id = self.deploy()
        self.printing(payload_id)
        self.instance.process.restart()
        payload = self.stack.wait(payload_id)
        self.assertEqual(payload.failure_reason, pb.FAILURE_REASON_INTERRUPTED, payload)
        self.assertTrue(payload.executed)
        self.assertFalse(payload.HasField("exit_code"))
        self.assertTrue(payload.output.startswith("line 1\n"))
        self.assertEqual(self.instance.ledger(), ["started"])
        wait_until(lambda: not self.instance.run_directories(), "the cleanup")

    def test_instance_reboots_after_the_run(self):
        payload_id = self.deploy()
        worker = self.exited_unreported(payload_id)
        wait_until(lambda: self.stack.sql("SELECT 1"), "the database")
        run = os.path.join(self.stack.run_directory(self.instance, payload_id), "result")
        wait_until(lambda: os.path.exists(run), "the result on the instance")
        self.instance.process.restart()
        worker.kill()
        self.assert_right(payload_id)

    def test_instance_away_before_the_run(self):
        self.instance.process.kill()
        payload_id = self.deploy()
        task_id = self.stack.get(payload_id).task_id
        wait_until(lambda: self.stack.task(task_id).error, "a failed try")
        self.instance.process.start()
        self.assert_right(payload_id)

    # Cancel and timeout while nobody is connected.

    def test_timeout_is_kept_on_the_instance(self):
        payload_id = self.stack.deploy("echo begun; sleep 4444", timeout=3).payload_ids[0]
        self.stack.wait_output(payload_id, "begun")
        for process in self.stack.workers + self.stack.api_servers:
            process.kill()
        wait_until(lambda: self.instance.own_processes("sleep\0" + "4444") == 0, "the timeout")
        for process in self.stack.api_servers + self.stack.workers:
            process.start()
        payload = self.stack.wait(payload_id)
        self.assertEqual(payload.failure_reason, pb.FAILURE_REASON_EXECUTION_TIMEOUT, payload)
        self.assertEqual(payload.output, "begun\n")

    def test_cancel_while_the_worker_is_dead(self):
        payload_id = self.stack.deploy("echo begun; sleep 3333").payload_ids[0]
        self.stack.wait_output(payload_id, "begun")
        for worker in self.stack.workers:
            worker.kill()
        self.stack.payloads.CancelPayload(payload_service.CancelPayloadRequest(payload_id=payload_id))
        for worker in self.stack.workers:
            worker.start()
        payload = self.stack.wait(payload_id)
        self.assertEqual(payload.status, pb.PAYLOAD_STATUS_CANCELLED, payload)
        wait_until(lambda: self.instance.own_processes("sleep\0" + "3333") == 0, "no process left")

    # Row 17: one request_id, many clients, two replicas.

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
