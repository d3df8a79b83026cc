"""Connections that are kept for the next task of their instance, and what becomes of them meanwhile: docs/guarantees.md rows 12
and 13."""

import os
import shutil
import signal
import unittest

from harness.api import pb
from harness.patience import wait_until
from harness.stack import Stack

STARTED = "echo started >> /root/ledger\n"


class SessionReuseTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=0)
        cls.number = 0

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def setUp(self):
        self.addCleanup(self.stack.restore)
        type(self).number += 1
        self.instance = self.stack.add_instance(f"i{self.number}")

    def run_script(self, text="echo done\n", **fields):
        """The payload, which completed at the first try."""
        payload_id = self.stack.deploy(STARTED + text, instances=[self.instance], **fields).payload_ids[0]
        payload = self.stack.wait(payload_id)
        self.assertEqual((payload.status, payload.output), (pb.PAYLOAD_STATUS_COMPLETED, "done\n"), payload)
        self.assertEqual(self.stack.sql(f"SELECT max(failures) FROM tasks WHERE payload_id = {payload_id}"), "0")
        self.assertEqual(self.instance.ledger().count("started"), self.runs())
        self.wait_cleanup()
        self.assertEqual((self.instance.run_directories(), self.instance.uploads()), ([], []))
        return payload

    def wait_cleanup(self):
        """Until the worker has told of it: what it came over is kept by then, which the instance does not show."""
        wait_until(lambda: self.stack.sql(f"SELECT count(*) FROM run_cleanups WHERE instance_id = {self.instance.id}") == "0",
                   "the cleanup")

    def runs(self):
        return int(self.stack.sql("SELECT count(*) FROM payloads WHERE started_at IS NOT NULL"
                                  f" AND instance_id = {self.instance.id}"))

    def kept(self):
        """Lets one script run; returns the sshd that serves its connection, which is kept."""
        self.run_script()
        sessions = self.instance.sshd_sessions()
        self.assertEqual(len(sessions), 1)
        return sessions

    def test_the_second_script_goes_over_the_connection_of_the_first(self):
        sessions = self.kept()
        for _ in range(3):
            self.run_script()
        self.assertEqual(self.instance.sshd_sessions(), sessions)

    def test_a_run_takes_ten_processes(self):
        """Besides the login's shell and the script: by the numbers of scripts' processes, one after the other. Where the machine
        is busy, the runner waits for its supervisor, which takes one more."""
        self.kept()
        numbers = []
        for _ in range(8):
            payload_id = self.stack.deploy(STARTED + "echo $$\n", instances=[self.instance]).payload_ids[0]
            numbers.append(int(self.stack.wait(payload_id).output))
            self.wait_cleanup()
        self.assertLessEqual(min(after - before for before, after in zip(numbers, numbers[1:])), 12, numbers)

    def test_a_file_that_is_only_placed_goes_over_it_too(self):
        sessions = self.kept()
        payload_id = self.stack.deploy("true", instances=[self.instance], execute=False).payload_ids[0]
        self.stack.wait(payload_id, [pb.PAYLOAD_STATUS_TRANSFERRED])
        self.assertEqual(self.instance.sshd_sessions(), sessions)

    def test_scripts_side_by_side_have_connections_of_their_own(self):
        self.kept()
        ids = [self.stack.deploy(STARTED + "sleep 1; echo done\n", instances=[self.instance],
                                 remote_path=f"/root/{i}.sh").payload_ids[0] for i in range(4)]
        for payload_id in ids:
            self.assertEqual(self.stack.wait(payload_id).output, "done\n")
        wait_until(lambda: len(self.instance.sshd_sessions()) == 2, "two of them to be kept")

    def test_where_one_channel_is_allowed(self):
        self.instance.configure_sshd("MaxSessions 1\n")
        sessions = self.kept()
        for _ in range(3):
            self.run_script()
        self.assertEqual(self.instance.sshd_sessions(), sessions)

    def test_it_breaks_meanwhile(self):
        sessions = self.kept()
        self.instance.relay.cut()
        self.instance.relay.heal()
        self.run_script()
        self.assertNotEqual(self.instance.sshd_sessions(), sessions)

    def test_it_falls_silent_meanwhile(self):
        self.kept()
        self.instance.relay.silence_present()
        self.run_script()

    def test_it_falls_silent_under_a_large_script(self):
        self.kept()
        self.instance.relay.hold_after(self.instance.relay.bytes + 500000)
        payload_id = self.stack.deploy(STARTED + "echo done\nexit 0\n" + "#" * 2000000, instances=[self.instance]).payload_ids[0]
        wait_until(self.instance.relay.held.is_set, "the connection to be held")
        self.instance.relay.silence_present()
        self.instance.relay.release()
        payload = self.stack.wait(payload_id)
        self.assertEqual(payload.output, "done\n", payload)
        self.assertEqual(self.instance.ledger(), ["started"] * 2)
        wait_until(lambda: not self.instance.uploads(), "the cleanup")

    def test_its_sshd_is_killed_meanwhile(self):
        for session in self.kept():
            os.kill(session, signal.SIGKILL)
        self.run_script()

    def test_its_sftp_server_is_killed_meanwhile(self):
        self.kept()
        for pid in self.instance.own_pids("sftp-server"):
            os.kill(pid, signal.SIGKILL)
        self.run_script()

    def test_the_instance_boots_meanwhile(self):
        self.kept()
        self.instance.process.restart()
        self.run_script()

    def test_another_key_is_pinned_meanwhile(self):
        self.kept()
        other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5q1iE5Yxf4JHkVfQ5R1mZ7m7yKq2yY0qk0Vt3r5m2J"
        self.stack.sql(f"UPDATE instances SET host_key = '{other}' WHERE id = {self.instance.id}")
        payload_id = self.stack.deploy(STARTED, instances=[self.instance]).payload_ids[0]
        payload = self.stack.wait(payload_id)
        self.assertEqual(payload.failure_reason, pb.FAILURE_REASON_HOST_KEY_MISMATCH, payload)
        self.assertEqual(self.instance.ledger(), ["started"])

    def test_the_directory_goes_meanwhile(self):
        self.kept()
        directory = self.instance.path("/root/place")
        os.mkdir(directory)
        self.run_script(remote_path="/root/place/x.sh")
        shutil.rmtree(directory)
        payload_id = self.stack.deploy(STARTED, instances=[self.instance], remote_path="/root/place/x.sh").payload_ids[0]
        self.assertEqual(self.stack.wait(payload_id).failure_reason, pb.FAILURE_REASON_REMOTE_PATH_REFUSED)
        self.run_script()


class SessionIdleTest(unittest.TestCase):

    def test_what_is_idle_is_closed(self):
        stack = Stack(worker_flags=["--ssh_idle_seconds=1"])
        self.addCleanup(stack.close)
        stack.run("true")
        wait_until(lambda: not stack.instances[0].sshd_sessions(), "the end of the connection")

    def test_nothing_is_kept_where_nothing_is_to_be(self):
        stack = Stack(worker_flags=["--ssh_idle_seconds=0"])
        self.addCleanup(stack.close)
        for _ in range(2):
            stack.run("true")
            wait_until(lambda: not stack.instances[0].sshd_sessions(), "the end of the connection")


if __name__ == "__main__":
    unittest.main()
