"""The programs' logs: a line for each step of a payload, none of which holds what scripts say, and each message on one line."""

import datetime
import re
import signal
import unittest

from harness.api import payload_service, pb, worker_service
from harness.held import HELD, hold, let_go
from harness.patience import wait_until
from harness.process import Process
from harness.programs import PROGRAMS
from harness.stack import LONG_LEASE, Stack
from hostile.fake_worker import FakeWorker

LINE = re.compile(r"[IWEF](\d{8} \d\d:\d\d:\d\d\.\d{6}) +\d+ [a-z_]+\.cc:\d+\] .*")
PHASES = "waited T, delivered in T"
SECRET = "the-output-of-a-script"


class LogTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(api_servers=2, workers=2, api_flags=[LONG_LEASE])

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def setUp(self):
        self.addCleanup(self.stack.restore)

    def steps(self, payload_id):
        """What the logs of both api_servers say of a payload, sorted by time."""
        lines = [line for server in self.stack.api_servers for line in server.read_log().splitlines()]
        found = [(line[1:25], line.split("] ", 1)[1]) for line in lines if f"] payload {payload_id} " in line]
        return [text for _, text in sorted(found)]

    def wait_steps(self, payload_id, number):
        """A line is written after the commit, so a client may be told first."""
        return wait_until(lambda: (steps := self.steps(payload_id)) and len(steps) >= number and steps, f"{number} lines")

    def expect_steps(self, payload, *steps):
        ids = f"deployment {payload.deployment_id}, instance {payload.instance_id}, task "
        said = [re.sub(r"\d+\.\d{3} s", "T", step.replace(ids, "")) for step in self.wait_steps(payload.id, len(steps))]
        # A worker may have had one in hand that was never delivered.
        said = [re.sub(", waited T(?!, delivered)", "", step) for step in said]
        self.assertEqual(said, [f"payload {payload.id} {step}" for step in steps])

    def test_a_payload_has_a_line_when_it_is_accepted_started_and_ended(self):
        payload = self.stack.run(f"echo {SECRET}; exit 3")
        task = payload.task_id
        self.expect_steps(payload, f"accepted: {task}, attempt 1", f"started: {task}, attempt 1, {PHASES}",
                          f"ended FAILED (NONZERO_EXIT): {task}, attempt 1, exit code 3, ran T, {PHASES}, in all T")
        self.stack.use(1)
        response = self.stack.payloads.RetryDeployment(
            payload_service.RetryDeploymentRequest(deployment_id=payload.deployment_id))
        again = self.stack.wait(response.payload_ids[0])
        self.assertEqual(again.id, payload.id)
        self.expect_steps(
            payload, f"accepted: {task}, attempt 1", f"started: {task}, attempt 1, {PHASES}",
            f"ended FAILED (NONZERO_EXIT): {task}, attempt 1, exit code 3, ran T, {PHASES}, in all T",
            f"accepted: {again.task_id}, attempt 2", f"started: {again.task_id}, attempt 2, {PHASES}",
            f"ended FAILED (NONZERO_EXIT): {again.task_id}, attempt 2, exit code 3, ran T, {PHASES}, in all T")

    def test_one_that_is_delivered_first_and_run_later(self):
        response = self.stack.deploy("true", execute=False)
        payload_id = response.payload_ids[0]
        self.stack.wait(payload_id, (pb.PAYLOAD_STATUS_TRANSFERRED,))
        self.wait_steps(payload_id, 2)
        self.stack.payloads.ExecutePayload(payload_service.ExecutePayloadRequest(payload_ids=[payload_id]))
        payload = self.stack.wait(payload_id)
        self.expect_steps(payload, f"accepted: {response.task_ids[0]}, attempt 1",
                          f"delivered: {response.task_ids[0]}, attempt 1, {PHASES}",
                          f"asked to run: {payload.task_id}, attempt 1", f"started: {payload.task_id}, attempt 1, {PHASES}",
                          f"ended COMPLETED: {payload.task_id}, attempt 1, exit code 0, ran T, {PHASES}, in all T")

    def test_one_that_another_worker_takes_over(self):
        """What was claimed again after it had begun has not been delivered before."""
        instance = self.stack.instances[0]
        hold(instance)
        self.addCleanup(let_go, instance)
        payload_id = self.stack.deploy(HELD).payload_ids[0]
        task = self.stack.task(self.stack.wait(payload_id, (pb.PAYLOAD_STATUS_EXECUTING,)).task_id)
        worker = next(worker for worker in self.stack.workers if worker.name == task.worker)
        self.assertEqual(worker.terminate(), 0)
        wait_until(lambda: self.stack.task(task.id).worker not in ("", task.worker), "another worker to take it")
        let_go(instance)
        payload = self.stack.wait(payload_id)
        self.expect_steps(payload, f"accepted: {task.id}, attempt 1", f"started: {task.id}, attempt 1, {PHASES}",
                          f"ended COMPLETED: {task.id}, attempt 1, exit code 0, ran T, in all T")

    def test_one_that_is_cancelled_before_its_start(self):
        self.stack.instances[0].relay.cut()
        payload_id = self.stack.deploy("true").payload_ids[0]
        self.stack.payloads.CancelPayload(payload_service.CancelPayloadRequest(payload_id=payload_id))
        payload = self.stack.wait(payload_id)
        self.expect_steps(payload, f"accepted: {payload.task_id}, attempt 1",
                          f"ended CANCELLED: {payload.task_id}, attempt 1, in all T")

    def test_what_is_refused_or_only_checked_has_none(self):
        before = self.stack.sql("SELECT coalesce(max(id), 0) FROM payloads")
        self.stack.deploy("true", validate_only=True)
        payload = self.stack.run("true")
        logs = "".join(server.read_log() for server in self.stack.api_servers)
        accepted = [int(n) for n in re.findall(r"payload (\d+) accepted", logs)]
        self.assertEqual([n for n in accepted if n > int(before)], [payload.id])

    def test_no_line_holds_script_or_output(self):
        payload = self.stack.run(f"echo {SECRET}; echo {SECRET} >&2")
        self.wait_steps(payload.id, 3)
        for process in self.stack.api_servers + self.stack.workers:
            self.assertNotIn(SECRET, process.read_log())

    def test_the_line_of_a_signal_has_the_signals_time(self):
        for process in (self.stack.api_servers[1], self.stack.workers[1]):
            sent = datetime.datetime.now()
            self.assertEqual(process.terminate(), 0)
            line = [line for line in process.read_log().splitlines() if "signal 15: draining" in line][-1]
            self.assertGreaterEqual(datetime.datetime.strptime(LINE.fullmatch(line)[1], "%Y%m%d %H:%M:%S.%f"), sent)

    def test_every_message_is_one_line(self):
        """Whatever it holds: libpq's errors have several lines, and a worker gives its version itself."""
        worker = FakeWorker(self.stack, hello=False)
        self.addCleanup(worker.close)
        worker.send(hello=worker_service.WorkerHello(name="attacker", incarnation="turned \u202e", version="2\u2028I forged"))
        worker.connected()
        self.stack.postgres.signal(signal.SIGINT)  # Sessions are ended, nothing is lost.
        self.stack.postgres.ended()
        # The same server is there again at the end.
        self.addCleanup(self.stack.restore)
        self.addCleanup(self.stack.postgres.start)
        server = self.stack.api_servers[0]
        wait_until(lambda: "Is the server running" in server.read_log(), "a complaint about the database")
        for line in server.read_log().split("\n")[:-1]:
            self.assertRegex(line, LINE)
        self.assertIn("worker 'attacker' (turned \\u202e, version 2\\u2028I forged) connected", server.read_log())


class FileLimitTest(unittest.TestCase):

    def test_it_is_raised_and_what_is_missing_is_said(self):
        stack = Stack(instances=0, workers=0)
        self.addCleanup(stack.close)
        command = ["prlimit", "--nofile=300:2000", PROGRAMS["payload_worker"], f"--api_server=127.0.0.1:{stack.worker_ports[0]}",
                   f"--ssh_private_key={stack.key}", "--name=few-files", *stack.worker_flags("few-files")]
        for running, said in ((10000, True), (1000, False)):
            worker = Process(f"few-files-{running}", stack.directory, [*command, f"--max_running={running}"]).start()
            self.addCleanup(worker.kill)
            wait_until(lambda name=worker: "connected to an api_server" in name.read_log(), "its connection")
            self.assertEqual("no more than 2000 files can be open" in worker.read_log(), said, worker.read_log())
            with open(f"/proc/{worker.child.pid}/limits") as file:
                limit = next(line.split()[3:5] for line in file if line.startswith("Max open files"))
            self.assertEqual(limit, ["2000", "2000"])
            worker.kill()


if __name__ == "__main__":
    unittest.main()
