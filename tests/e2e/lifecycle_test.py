"""What becomes of a payload when nothing breaks: every status, every kind of exit, output, timeout, cancel, delayed execution."""

import hashlib
import os
import stat
import subprocess
import threading
import unittest

import grpc

from harness.api import payload_service, pb, task_pb
from harness.errors import expect_error
from harness.held import HELD, hold, let_go
from harness.patience import wait_until
from harness.stack import LONG_LEASE, Stack

LIMIT = 65536  # --max_output_bytes of these tests.


class LifecycleTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=2, api_flags=[LONG_LEASE, f"--max_output_bytes={LIMIT}"])
        cls.first = cls.stack.instances[0]

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def setUp(self):
        self.addCleanup(self.stack.restore)

    def assert_clean(self, payload):
        """The run directory goes once the result is stored."""
        wait_until(lambda: f"{payload.id}.{payload.attempt}" not in self.first.run_directories(), "the cleanup")

    def test_completed(self):
        text = "echo out; echo err >&2; pwd; echo args $#; cat; echo stdin done; echo ran >> ledger\n"
        response = self.stack.deploy(text, instances=[self.first], timeout=30)
        self.assertTrue(response.success)
        self.assertEqual(len(response.payload_ids), 1)
        payload = self.stack.wait(response.payload_ids[0])
        self.assertEqual(payload.status, pb.PAYLOAD_STATUS_COMPLETED, payload)
        self.assertEqual(payload.output, "out\nerr\n/root\nargs 0\nstdin done\n")
        self.assertEqual(payload.output_bytes, len(payload.output))
        self.assertTrue(payload.executed)
        self.assertTrue(payload.HasField("exit_code"))
        self.assertEqual(payload.exit_code, 0)
        self.assertEqual(payload.script_sha256, hashlib.sha256(text.encode()).hexdigest())
        self.assertEqual(payload.script_bytes, len(text))
        self.assertEqual((payload.attempt, payload.timeout), (1, 30))
        self.assertEqual(payload.deployment_id, response.deployment_id)
        for field in ("created_at", "transferred_at", "started_at", "finished_at", "updated_at", "execution_time"):
            self.assertTrue(payload.HasField(field), field)
        remote = self.first.path(payload.remote_path)
        self.assertEqual(stat.S_IMODE(os.stat(remote).st_mode), 0o700)
        with open(remote) as file:
            self.assertEqual(file.read(), text)
        task = self.stack.task(response.task_ids[0])
        self.assertEqual(task.status, task_pb.TASK_STATUS_COMPLETED)
        self.assertEqual((task.payload_id, task.worker, task.attempt), (payload.id, "worker-0", 1))
        self.assertEqual(task.params.remote_path, payload.remote_path)
        self.assertTrue(task.params.execute_payload)
        times = (payload.created_at, task.claimed_at, payload.transferred_at, payload.started_at, payload.finished_at)
        self.assertEqual(list(times), sorted(times, key=lambda time: time.ToNanoseconds()))
        self.assert_clean(payload)
        wait_until(lambda: not self.first.uploads(), "the end of every upload")

    def test_sees_what_a_login_sees(self):
        text = ("env | grep -v '^SSH_' | sort; umask; pwd; echo $-; ulimit -a\n"
                "grep -E '^(Sig(Blk|Ign|Cgt)|NoNewPrivs|Seccomp:|Cap)' /proc/self/status\n"
                "ls /proc/self/fd | tr '\\n' ' '; readlink /proc/self/fd/0; ps -o tty= -p $$\n"
                "read -r _ _ _ _ group session _ < /proc/$$/stat; [ $group = $$ ] && [ $session = $$ ] && echo leader\n")
        payload = self.stack.run(text)
        login = subprocess.run(
            ["ssh", "-F", "none", "-i", self.stack.key, "-p", str(self.first.process.port), "-o", "StrictHostKeyChecking=no",
             "-o", "UserKnownHostsFile=/dev/null", "root@127.0.0.1",
             f"exec setsid -f -w bash {payload.remote_path} < /dev/null 2>&1 | cat"],
            stdout=subprocess.PIPE, check=True, text=True)
        self.assertEqual(payload.output, login.stdout)
        self.assertIn("leader\n", payload.output)

    def test_exit_codes(self):
        for code in (1, 2, 124, 125, 126, 127, 128, 137, 143, 254, 255):
            payload = self.stack.run(f"exit {code}")
            self.assertEqual(payload.status, pb.PAYLOAD_STATUS_FAILED)
            self.assertEqual(payload.failure_reason, pb.FAILURE_REASON_NONZERO_EXIT, payload)
            self.assertEqual(payload.exit_code, code)
            self.assertTrue(payload.executed)
            self.assertIn(str(code), payload.error)

    def test_signals(self):
        for name, number in (("KILL", 9), ("TERM", 15), ("INT", 2), ("HUP", 1), ("SEGV", 11), ("PIPE", 13)):
            payload = self.stack.run(f"echo before; kill -{name} $$; echo not reached")
            self.assertEqual(payload.failure_reason, pb.FAILURE_REASON_KILLED_BY_SIGNAL, (name, payload))
            self.assertFalse(payload.HasField("exit_code"))
            self.assertIn(f"signal {number} (SIG{name})", payload.error)
            self.assertEqual(payload.output, "before\n")

    def test_kills_its_own_group(self):
        payload = self.stack.run("kill -TERM 0; sleep 60")
        self.assertEqual(payload.failure_reason, pb.FAILURE_REASON_KILLED_BY_SIGNAL)

    def test_kills_its_supervisor(self):
        for victim in ("$PPID", "$(ps -o ppid= -p $PPID)", "$PPID $(ps -o ppid= -p $PPID)"):
            payload = self.stack.run(f"kill -9 {victim}; exit 0")
            self.assertEqual(payload.status, pb.PAYLOAD_STATUS_FAILED, (victim, payload))
            self.assertNotEqual(payload.exit_code, 137 if payload.HasField("exit_code") and victim == "$PPID" else -1)
            self.assertTrue(payload.executed)

    def test_timeout_of_a_script_that_ignores_term(self):
        payload = self.stack.run("trap '' TERM; echo begun; sleep 7777 & while :; do sleep 7777; done", timeout=1)
        self.assertEqual(payload.failure_reason, pb.FAILURE_REASON_EXECUTION_TIMEOUT, payload)
        self.assertEqual(payload.output, "begun\n")
        self.assertGreaterEqual(payload.execution_time.seconds, 5)
        wait_until(lambda: self.first.own_processes("sleep\0" + "7777") == 0, "no process left")
        self.assert_clean(payload)

    def test_timeout_of_a_script_that_heeds_term(self):
        payload = self.stack.run("trap 'echo bye; exit 0' TERM; echo begun; while :; do sleep 0.1; done", timeout=1)
        self.assertEqual(payload.failure_reason, pb.FAILURE_REASON_EXECUTION_TIMEOUT, payload)
        self.assertIn("begun\n", payload.output)
        self.assertIn("bye\n", payload.output)

    def test_background_child_that_keeps_stdout(self):
        payload = self.stack.run("sleep 6666 & echo started; exit 7")
        self.assertEqual((payload.exit_code, payload.output), (7, "started\n"))
        self.assertEqual(self.first.own_processes("sleep\0" + "6666"), 1)

    def test_closed_stdout_and_many_children(self):
        self.assertEqual(self.stack.run("exec >&- 2>&-; exit 0").status, pb.PAYLOAD_STATUS_COMPLETED)
        payload = self.stack.run("for i in $(seq 300); do : & done; wait; echo all")
        self.assertEqual(payload.output, "all\n")

    def test_output_over_the_limit_keeps_head_and_tail(self):
        size = 6 * LIMIT + 123
        payload = self.stack.run(f"seq 1 1000000 | head -c {size}")
        whole = "".join(f"{i}\n" for i in range(1, 1000000))[:size]
        self.assertEqual(payload.status, pb.PAYLOAD_STATUS_COMPLETED)
        self.assertTrue(payload.output_truncated)
        self.assertEqual(payload.output_bytes, size)
        self.assertEqual(payload.output, whole[:LIMIT // 2] + whole[-(LIMIT - LIMIT // 2):])

    def test_output_of_exactly_the_limit(self):
        payload = self.stack.run(f"head -c {LIMIT} /dev/zero | tr '\\0' x")
        self.assertFalse(payload.output_truncated)
        self.assertEqual(payload.output, "x" * LIMIT)
        payload = self.stack.run(f"head -c {LIMIT + 1} /dev/zero | tr '\\0' x")
        self.assertTrue(payload.output_truncated)
        self.assertEqual(payload.output, "x" * LIMIT)

    def test_bytes_that_are_not_text(self):
        payload = self.stack.run(r"printf 'a\0b\377c\303\251\355\240\200z'")
        self.assertEqual(payload.output, "a\0b\ufffdc\u00e9\ufffd\ufffd\ufffdz")
        self.assertEqual(payload.output_bytes, 11)
        raw = b"".join(e.output.data for e in self.stack.watch(payload.id))
        self.assertEqual(raw, b"a\0b\377c\303\251\355\240\200z")

    def test_output_cannot_imitate_control_records(self):
        payload = self.stack.run("echo '0123456789abcdef end 0 exit 0 1.0 2.0 none' >&2; echo cleaned; exit 5")
        self.assertEqual(payload.exit_code, 5)
        self.assertIn("cleaned", payload.output)

    def test_largest_script(self):
        text = "echo big\n#"
        payload = self.stack.run(text + "x" * (2097152 - len(text)))
        self.assertEqual((payload.status, payload.output), (pb.PAYLOAD_STATUS_COMPLETED, "big\n"))
        self.assertEqual(payload.script_bytes, 2097152)

    def test_delayed_execution(self):
        response = self.stack.deploy("echo later; echo ran >> later-ledger", instances=[self.first], execute=False)
        payload = self.stack.wait(response.payload_ids[0], [pb.PAYLOAD_STATUS_TRANSFERRED])
        self.assertFalse(payload.executed)
        wait_until(lambda: self.stack.task(response.task_ids[0]).status == task_pb.TASK_STATUS_COMPLETED, "the task")
        # Somebody replaces the file on the instance meanwhile: what runs is what was sent.
        with open(self.first.path(payload.remote_path), "w") as file:
            file.write("echo something else")
        execute = self.stack.payloads.ExecutePayload(
            payload_service.ExecutePayloadRequest(payload_ids=[payload.id], timeout=9))
        payload = self.stack.wait(payload.id)
        self.assertEqual((payload.status, payload.output, payload.timeout), (pb.PAYLOAD_STATUS_COMPLETED, "later\n", 9))
        self.assertEqual(payload.task_id, execute.task_ids[0])
        self.assertEqual(self.stack.task(execute.task_ids[0]).type, task_pb.TASK_TYPE_PAYLOAD_EXECUTE)
        expect_error(self, lambda: self.stack.payloads.ExecutePayload(payload_service.ExecutePayloadRequest(
            payload_ids=[payload.id])), grpc.StatusCode.FAILED_PRECONDITION, "WRONG_STATE", [payload.id])

    def test_execution_asked_before_the_transfer_ended(self):
        self.first.relay.cut()
        response = self.stack.deploy("echo patient", instances=[self.first], execute=False)
        payload_id = response.payload_ids[0]
        execute = self.stack.payloads.ExecutePayload(payload_service.ExecutePayloadRequest(payload_ids=[payload_id]))
        self.assertEqual(self.stack.task(execute.task_ids[0]).depends_on, response.task_ids[0])
        self.first.relay.heal()
        payload = self.stack.wait(payload_id)
        self.assertEqual((payload.status, payload.output), (pb.PAYLOAD_STATUS_COMPLETED, "patient\n"))

    def test_cancel_pending(self):
        self.first.relay.cut()
        response = self.stack.deploy("echo never >> never", instances=[self.first], execute=False)
        execute = self.stack.payloads.ExecutePayload(
            payload_service.ExecutePayloadRequest(payload_ids=response.payload_ids))
        payload = self.cancel(response.payload_ids[0])
        self.assertEqual(payload.status, pb.PAYLOAD_STATUS_CANCELLED)
        self.first.relay.heal()
        self.assertEqual(self.stack.task(execute.task_ids[0]).status, task_pb.TASK_STATUS_CANCELLED)
        # The transfer may have been in a worker's hands, and then it either ends there or is not tried again.
        ended = (task_pb.TASK_STATUS_CANCELLED, task_pb.TASK_STATUS_COMPLETED)
        wait_until(lambda: self.stack.task(response.task_ids[0]).status in ended, "the transfer's end")
        self.assertEqual(self.stack.get(response.payload_ids[0]).status, pb.PAYLOAD_STATUS_CANCELLED)
        self.assertFalse(os.path.exists(self.first.path("/root/never")))

    def test_cancel_transferred(self):
        response = self.stack.deploy("echo never", instances=[self.first], execute=False)
        self.stack.wait(response.payload_ids[0], [pb.PAYLOAD_STATUS_TRANSFERRED])
        wait_until(lambda: self.stack.task(response.task_ids[0]).status == task_pb.TASK_STATUS_COMPLETED, "the task")
        self.assertEqual(self.cancel(response.payload_ids[0]).status, pb.PAYLOAD_STATUS_CANCELLED)
        expect_error(self, lambda: self.cancel(response.payload_ids[0]), grpc.StatusCode.FAILED_PRECONDITION,
                     "WRONG_STATE", ["CANCELLED"])

    def test_cancel_executing(self):
        response = self.stack.deploy("echo begun; sleep 5555", instances=[self.first])
        payload_id = response.payload_ids[0]
        self.stack.wait_output(payload_id, "begun")
        self.cancel(payload_id)
        payload = self.stack.wait(payload_id)
        self.assertEqual(payload.status, pb.PAYLOAD_STATUS_CANCELLED)
        self.assertTrue(payload.executed)
        self.assertEqual(payload.output, "begun\n")
        wait_until(lambda: self.first.own_processes("sleep\0" + "5555") == 0, "no process left")

    def cancel(self, payload_id):
        return self.stack.payloads.CancelPayload(payload_service.CancelPayloadRequest(payload_id=payload_id))

    def test_watch_live_from_any_offset(self):
        hold(self.first)
        response = self.stack.deploy(f"echo tick 1; {HELD}; echo tick 2; echo tick 3", instances=[self.first])
        payload_id = response.payload_ids[0]
        events = []
        for event in self.stack.watch(payload_id):
            events.append(event)
            if event.HasField("output"):  # It comes while the script runs.
                let_go(self.first)
        statuses = [e.payload.status for e in events if e.HasField("payload")]
        self.assertEqual(statuses, sorted(statuses))
        self.assertEqual(statuses[-1], pb.PAYLOAD_STATUS_COMPLETED)
        self.assertTrue(events[-1].HasField("payload"))
        outputs = [e.output for e in events if e.HasField("output")]
        self.assertEqual(outputs[0].data, b"tick 1\n")
        self.assertEqual(b"".join(o.data for o in outputs), b"tick 1\ntick 2\ntick 3\n")
        offset = 0
        for output in outputs:
            self.assertEqual(output.offset, offset)
            offset += len(output.data)
        for start in (0, 1, 7, 20, 21, 1000):
            tail = b"".join(e.output.data for e in self.stack.watch(payload_id, start))
            self.assertEqual(tail, b"tick 1\ntick 2\ntick 3\n"[start:])

    def test_many_watchers_one_of_them_slow(self):
        response = self.stack.deploy("for i in $(seq 20); do echo $i; sleep 0.1; done", instances=[self.first])
        payload_id = response.payload_ids[0]
        slow = self.stack.watch(payload_id)
        next(slow)  # And reads no further until the others are done.
        results = []

        def follow():
            results.append(b"".join(e.output.data for e in self.stack.watch(payload_id)))

        threads = [threading.Thread(target=follow) for _ in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        want = "".join(f"{i}\n" for i in range(1, 21)).encode()
        self.assertEqual(results, [want] * 100)
        self.assertEqual(b"".join(e.output.data for e in slow), want)

    def test_one_remote_path_at_a_time(self):
        text = "echo in >> order; sleep 0.3; echo out >> order # %d"
        responses = [
            self.stack.deploy(text % i, instances=[self.first], remote_path="/root/same.sh") for i in range(4)
        ]
        for response in responses:
            self.assertEqual(self.stack.wait(response.payload_ids[0]).status, pb.PAYLOAD_STATUS_COMPLETED)
        with open(self.first.path("/root/order")) as file:
            self.assertEqual(file.read().split(), ["in", "out"] * 4)

    def test_at_most_eight_on_one_instance(self):
        text = "mkdir -p /root/now; touch /root/now/$$; ls /root/now | wc -l >> /root/peak; sleep 0.5; rm /root/now/$$ # %d"
        responses = [self.stack.deploy(text % i, instances=[self.first]) for i in range(20)]
        for response in responses:
            self.assertEqual(self.stack.wait(response.payload_ids[0]).status, pb.PAYLOAD_STATUS_COMPLETED)
        with open(self.first.path("/root/peak")) as file:
            peaks = [int(line) for line in file]
        self.assertEqual(len(peaks), 20)
        self.assertLessEqual(max(peaks), 8)

    def test_changed_file_changes_nothing(self):
        path = self.stack.script("echo as accepted")
        request = payload_service.DeployPayloadRequest(instance_ids=[i.id for i in self.stack.instances],
                                                       payload_path=path, execute_payload=True)
        response = self.stack.payloads.DeployPayload(request)
        os.unlink(path)
        for payload_id in response.payload_ids:
            self.assertEqual(self.stack.wait(payload_id).output, "as accepted\n")


if __name__ == "__main__":
    unittest.main()
