"""Instances and links to them at fault, and hostile scripts: docs/guarantees.md rows 12, 13, 16, 20, 21 and 23.

What lasts long by its nature goes on side by side: each test has an instance of its own.
"""

import os
import signal
import subprocess
import unittest

from harness.api import pb
from harness.patience import PATIENCE, wait_until
from harness.process import Process
from harness.stack import Stack

LINES = "for i in $(seq 20); do echo line $i; sleep 0.1; done\n"
OUTPUT = "".join(f"line {i}\n" for i in range(1, 21))
STARTED = "echo started >> /root/ledger\n"
SLOW = 3 * PATIENCE


class InstanceFaultTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=0, api_servers=1, workers=2)
        cls.number = 0

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def setUp(self):
        self.addCleanup(self.stack.restore)

    def instance(self, mounts="", config="", **fields):
        type(self).number += 1
        instance = self.stack.add_instance(f"i{self.number}", register=not config, mounts=mounts, **fields)
        if config:
            instance.configure_sshd(config)
            instance.id = self.stack.register(instance, **fields).id
        return instance

    def deploy(self, instance, text, **fields):
        return self.stack.deploy(text, instances=[instance], **fields).payload_ids[0]

    def pinned(self, instance):
        """Its host key is known from now on."""
        self.stack.wait(self.deploy(instance, "true"))
        return instance

    def assert_completed(self, instance, payload_id, output=OUTPUT, ledger=("started",), patience=SLOW):
        payload = self.stack.wait(payload_id, patience=patience)
        self.assertEqual((payload.status, payload.output), (pb.PAYLOAD_STATUS_COMPLETED, output), payload)
        self.assertEqual(instance.ledger(), list(ledger))
        wait_until(lambda: not instance.run_directories() and not instance.uploads(), "the cleanup")

    # Row 12.

    def test_half_a_second_for_each_round_trip(self):
        instance = self.instance()
        instance.relay.delay = 0.25
        self.assert_completed(instance, self.deploy(instance, STARTED + LINES))

    def test_a_kilobyte_a_second(self):
        instance = self.pinned(self.instance())
        instance.relay.rate = 1000
        self.assert_completed(instance, self.deploy(instance, STARTED + LINES))

    def test_silence_at_each_moment(self):
        """Bytes vanish, nothing is refused: TCP itself says nothing for a long time."""
        deployed = []
        for moment in ("connect", "upload", "printing"):
            instance = self.pinned(self.instance())
            deployed.append((instance, getattr(self, "silence_at_" + moment)(instance)))
        for instance, payload_id in deployed:
            self.assert_completed(instance, payload_id)

    # Each silences the connection that there is for good, and only that one.

    def silence_at_connect(self, instance):
        instance.relay.hold_after(100)
        payload_id = self.deploy(instance, STARTED + LINES)
        wait_until(instance.relay.held.is_set, "the connection to be held")
        instance.relay.silence_present()
        instance.relay.release()
        return payload_id

    def silence_at_upload(self, instance):
        instance.relay.hold_after(1024 * 1024)
        payload_id = self.deploy(instance, STARTED + LINES + "#" * 2000000)
        wait_until(instance.relay.held.is_set, "the connection to be held")
        instance.relay.silence_present()
        instance.relay.release()
        return payload_id

    def silence_at_printing(self, instance):
        payload_id = self.deploy(instance, STARTED + LINES)
        self.stack.wait_output(payload_id, "line 3\n")
        instance.relay.silence_present()
        return payload_id

    # Row 13.

    def test_sshd_dies_under_the_run(self):
        instance = self.instance()
        payload_id = self.deploy(instance, STARTED + LINES)
        self.stack.wait_output(payload_id, "line 3\n")
        for session in instance.sshd_sessions():
            os.kill(session, signal.SIGKILL)
        self.assert_completed(instance, payload_id)

    def test_max_startups_and_max_sessions_refuse(self):
        instance = self.instance(config="MaxStartups 1:100:1\nMaxSessions 1\n")
        ids = [self.deploy(instance, STARTED + f"echo {n}; sleep 1\n", remote_path=f"/root/{n}.sh") for n in range(6)]
        for number, payload_id in enumerate(ids):
            payload = self.stack.wait(payload_id, patience=SLOW)
            self.assertEqual((payload.status, payload.output), (pb.PAYLOAD_STATUS_COMPLETED, f"{number}\n"), payload)
        self.assertEqual(instance.ledger(), ["started"] * 6)

    def user_of_logind(self, name, linger):
        """An instance whose login user is ended by logind with its connection, unless it lingers."""
        home = f"/home/{name}"
        subprocess.run(["useradd", "--create-home", "--home-dir", home, "--shell", "/bin/bash", name], check=False)
        self.addCleanup(subprocess.run, ["userdel", "--remove", name], check=False, capture_output=True)
        subprocess.run(["usermod", "-p", "*", name], check=True)  # Not locked.
        os.makedirs("/etc/systemd", exist_ok=True)
        os.makedirs("/var/lib/systemd", exist_ok=True)
        mounts = ("mount -t tmpfs tmpfs /etc/systemd; mount -t tmpfs tmpfs /var/lib/systemd; mkdir /var/lib/systemd/linger\n"
                  "printf '[Login]\\nKillUserProcesses=no\\n' > /etc/systemd/logind.conf; mkdir /etc/systemd/logind.conf.d\n"
                  "printf '[Login]\\nKillUserProcesses=yes\\n' > /etc/systemd/logind.conf.d/kill.conf\n")
        if linger:
            mounts += f"touch /var/lib/systemd/linger/{name}\n"
        return self.instance(mounts, "SetEnv XDG_SESSION_ID=c1\n", ssh_user=name)

    def test_logind_that_would_end_the_run_is_told_at_the_start(self):
        name = "longshore-brief"
        instance = self.user_of_logind(name, linger=False)
        payload = self.stack.wait(self.deploy(instance, "echo ran > ran"))
        self.assertEqual((payload.status, payload.executed), (pb.PAYLOAD_STATUS_FAILED, False), payload)
        self.assertIn(f"loginctl enable-linger {name}", payload.error)
        self.assertFalse(os.path.exists(f"/home/{name}/ran"))
        # To be delivered it needs no more than the connection.
        resting = self.deploy(instance, "echo ran > ran", execute=False)
        self.stack.wait(resting, [pb.PAYLOAD_STATUS_TRANSFERRED])

    def test_logind_leaves_alone_who_lingers(self):
        instance = self.user_of_logind("longshore-stays", linger=True)
        payload = self.stack.wait(self.deploy(instance, "echo ran"))
        self.assertEqual((payload.status, payload.output), (pb.PAYLOAD_STATUS_COMPLETED, "ran\n"), payload)

    # Row 16.

    def test_key_file_that_cannot_be_read(self):
        worker = self.stack.workers[0]
        command = [w for w in worker.command if not w.startswith("--ssh_private_key")] + ["--ssh_private_key=/none/key"]
        other = Process("keyless", self.stack.directory, command).start()
        self.assertEqual(other.ended(), 1)
        self.assertIn("/none/key", other.tail())

    # Row 20.

    def test_reads_standard_input_and_leaves_a_daemon_with_it(self):
        instance = self.instance()
        text = STARTED + "cat; read -r word; echo \"[$word]\"; (setsid sleep 5555 &) ; echo end\n"
        self.assert_completed(instance, self.deploy(instance, text), "[]\nend\n")
        self.assertEqual(instance.own_processes("sleep\0" + "5555"), 1)

    # Row 21.

    def test_a_gigabyte_in_one_line(self):
        instance = self.instance()
        before = [w.resident() for w in self.stack.workers + self.stack.api_servers]
        payload_id = self.deploy(instance, STARTED + "head -c 1000000000 /dev/zero | tr '\\0' x\nprintf end\n", timeout=600)
        payload = self.stack.wait(payload_id, patience=2 * SLOW)
        self.assertEqual((payload.status, payload.output_bytes, payload.output_truncated),
                         (pb.PAYLOAD_STATUS_COMPLETED, 1000000003, True), payload.error)
        self.assertEqual(payload.output, "x" * (2**20 - 3) + "end")
        if "ASAN_OPTIONS" not in os.environ:
            for process, was in zip(self.stack.workers + self.stack.api_servers, before):
                self.assertLess(process.resident() - was, 150 * 2**20)

    # Row 23.

    def hostile(self, text, mounts=""):
        instance = self.instance(mounts)
        payload_id = self.deploy(instance, STARTED + text)
        payload = self.stack.wait(payload_id, patience=SLOW)
        self.assertEqual(instance.ledger(), ["started"])
        return payload

    def test_deletes_its_own_file(self):
        payload = self.hostile("rm \"$0\"; echo gone; exit 4\n")
        self.assertEqual((payload.exit_code, payload.output), (4, "gone\n"), payload)

    def test_deletes_its_run_directory(self):
        payload = self.hostile("echo here; sleep 0.5; rm -rf /var/lib/longshore/runs; sleep 0.5; exit 0\n")
        self.assertEqual(payload.failure_reason, pb.FAILURE_REASON_INTERRUPTED, payload)
        self.assertTrue(payload.executed)

    def test_forges_a_result(self):
        # The run directory is root's, as the script is: it can, but what it forges is overwritten by what was seen.
        payload = self.hostile("cd /var/lib/longshore/runs/*; echo 'exit 0 1 2 none' > result\n"
                               "echo 'exit 0 1 2 none' > result.new\n"
                               "exit 7\n")
        self.assertEqual((payload.failure_reason, payload.exit_code), (pb.FAILURE_REASON_NONZERO_EXIT, 7), payload)

    def test_kills_everything_it_can(self):
        payload = self.hostile("echo here; sleep 0.5; kill -9 -1; exit 0\n")
        self.assertIn(payload.failure_reason, (pb.FAILURE_REASON_INTERRUPTED, pb.FAILURE_REASON_KILLED_BY_SIGNAL), payload)
        self.assertNotEqual(payload.status, pb.PAYLOAD_STATUS_COMPLETED)

    def test_replaces_the_shell(self):
        # Its own copy of /usr, so that nobody else's is replaced.
        overlay = ("mkdir -p /root/u /root/w; mount -t tmpfs tmpfs /root/u; mkdir /root/u/up /root/u/work\n"
                   "mount -t overlay overlay -o lowerdir=/usr,upperdir=/root/u/up,workdir=/root/u/work /usr\n")
        payload = self.hostile("echo here; printf '#!/bin/false\\n' > /usr/bin/new; chmod 755 /usr/bin/new\n"
                               "for f in dash sh bash; do mv -f /usr/bin/new /usr/bin/$f; cp /usr/bin/false /usr/bin/new; done\n"
                               "sleep 1; exit 5\n", overlay)
        self.assertEqual(payload.exit_code, 5, payload)

    def test_restarts_sshd(self):
        """From inside: it ends every connection, its own too."""
        instance = self.instance()
        payload_id = self.deploy(instance, STARTED + LINES + "exit 0\n")
        self.stack.wait_output(payload_id, "line 2\n")
        for _ in range(3):
            for session in instance.sshd_sessions():
                os.kill(session, signal.SIGTERM)
        self.assert_completed(instance, payload_id)


if __name__ == "__main__":
    unittest.main()
