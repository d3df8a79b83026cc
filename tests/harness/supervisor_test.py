"""Nothing is left of what a program has started, whoever of those that run it is killed."""

import os
import signal
import subprocess
import unittest

from harness.patience import wait_until
from harness.programs import ROOT

RUN = os.path.join(ROOT, "tests/harness/run.sh")
# That of the program, or of who is killed in its place.
KILLED = 128 + signal.SIGKILL


def pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def lines(path):
    with open(path) as file:
        return file.read().splitlines()


def namespaces():
    for pid in pids():
        for kind in ("ipc", "mnt", "net", "pid"):
            try:
                yield os.readlink(f"/proc/{pid}/ns/{kind}")
            except OSError:
                pass  # It has ended.


def children(pid):
    return [int(child) for child in lines(f"/proc/{pid}/task/{pid}/children")[0].split()]


class SupervisorTest(unittest.TestCase):

    def there(self):
        """What there is by now and was not before. This test is in namespaces of its own, so it sees nothing of others."""
        now = {"processes": set(pids()), "namespaces": set(namespaces()), "mounts": set(lines("/proc/mounts")),
               "shared memory": set(os.listdir("/dev/shm") + lines("/proc/sysvipc/shm"))}
        if not hasattr(self, "before"):
            self.before = now
        more = {kind: found - self.before[kind] for kind, found in now.items()}
        if os.path.exists(getattr(self, "directory", "")):
            more["directory"] = {self.directory}
        return {kind: found for kind, found in more.items() if found}

    def start(self):
        self.there()
        self.supervisor = subprocess.Popen([RUN, "harness.litter"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                           start_new_session=True)
        for pipe in (self.supervisor.stdin, self.supervisor.stdout):
            self.addCleanup(pipe.close)
        # The temporary directory that the stack is in.
        self.directory = os.path.dirname(self.supervisor.stdout.readline().strip())
        there = self.there()
        self.assertIn("directory", there)
        self.assertGreater(len(there["processes"]), 10)
        self.assertGreater(len(there["namespaces"]), 4)

    def assert_gone_soon(self):
        self.supervisor.wait()
        wait_until(lambda: not self.there(), "the end of everything")

    def assert_gone(self):
        self.supervisor.wait()
        self.assertEqual(self.there(), {})

    def test_program_killed(self):
        self.start()
        self.supervisor.stdin.write("\n")
        self.supervisor.stdin.flush()
        self.assert_gone()
        self.assertEqual(self.supervisor.returncode, KILLED)

    def test_supervisor_terminated(self):
        self.start()
        self.supervisor.terminate()
        self.assert_gone()
        self.assertEqual(self.supervisor.returncode, KILLED)

    def test_supervisor_killed(self):
        self.start()
        self.supervisor.kill()
        self.assert_gone_soon()

    def test_its_process_group_killed(self):
        self.start()
        os.killpg(self.supervisor.pid, signal.SIGKILL)
        self.assert_gone_soon()

    def test_keeper_killed(self):
        self.start()
        (keeper,) = children(self.supervisor.pid)
        os.kill(keeper, signal.SIGKILL)
        self.assert_gone()
        self.assertEqual(self.supervisor.returncode, KILLED)

    def test_supervisor_terminated_while_it_begins(self):
        for stage in range(1, 7):  # By the processes that there are.
            self.there()
            with subprocess.Popen([RUN, "harness.litter"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as self.supervisor:
                wait_until(lambda: len(self.there().get("processes", ())) >= stage, "its beginning")
                self.supervisor.terminate()
                self.assert_gone_soon()

    def test_exit_status(self):
        for words, status in ((["platform"], 0), (["unittest", "nothing.like.it"], 1), (["nothing_like_it"], 1)):
            run = subprocess.run([RUN, *words], check=False, capture_output=True)
            self.assertEqual(run.returncode, status, run.stderr)


if __name__ == "__main__":
    unittest.main()
