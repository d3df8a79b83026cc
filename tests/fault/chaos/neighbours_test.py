"""What is left on an instance is told apart by its run, and what is somebody else's and was removed is missed."""

import os
import shutil
import tempfile
import types
import unittest

from fault.chaos.neighbours import NeighboursRound, Strangers, leftovers
from fault.chaos.scripts import Script
from harness.held import hold
from harness.instance import Disk

OURS, THEIRS, OLD, NOBODYS = "a" * 32, "b" * 32, "c" * 32, "d" * 32


class Host(Disk):
    """The disk of an instance alone."""

    def __init__(self, directory):
        super().__init__(directory)
        self.name, self.id = "host", 1
        os.makedirs(self.path("/var/lib/longshore/runs"))
        os.makedirs(self.path("/root/"))

    def run_directory(self, name):
        return self.path(f"/var/lib/longshore/runs/{name}")

    def add(self, *names):
        for name in names:
            os.mkdir(self.run_directory(name) if not name.startswith(".") else self.path(f"/root/{name}"))


def installation(instances, *runs):
    """One whose payloads have these runs."""
    return types.SimpleNamespace(instances=instances, sql=lambda query: str(sum(f"'{run}' = run_id" in query for run in runs)))


class NeighboursTest(unittest.TestCase):

    def setUp(self):
        directory = tempfile.mkdtemp(prefix="longshore-neighbours-")
        self.addCleanup(shutil.rmtree, directory)
        self.host = Host(directory)
        self.strangers = Strangers([self.host])
        self.stacks = [installation([self.host], OURS, OLD), installation([self.host], THEIRS)]

    def test_nothing_wrong(self):
        self.assertEqual(leftovers(self.stacks, self.strangers), [[], []])
        self.assertEqual(self.strangers.harmed(), [])

    def test_each_has_left_its_own(self):
        self.host.add(OURS, f".longshore-{OLD}.7-1", THEIRS, f".longshore-{THEIRS}.7-2", NOBODYS)
        ours, theirs = leftovers(self.stacks, self.strangers)
        self.assertEqual(sorted(ours), [f".longshore-{OLD}.7-1 is left on instance host", f"{OURS} is left on instance host",
                                        f"{NOBODYS} is left on instance host, a run of neither installation"])
        self.assertEqual(sorted(theirs), [f".longshore-{THEIRS}.7-2 is left on instance host",
                                          f"{THEIRS} is left on instance host"])

    def test_a_strangers_run_directory_was_removed(self):
        for number, name in enumerate(self.strangers.names, 1):
            shutil.rmtree(self.host.run_directory(name))
            self.assertEqual(len(self.strangers.harmed()), number)

    def test_a_strangers_upload_was_removed(self):
        for name in self.host.uploads():
            os.remove(self.host.path(f"/root/{name}"))
        self.assertEqual(len(self.strangers.harmed()), 2)

    def let_go(self, *statuses):
        """Of a script that is held, with the status that is seen before and after its run directory is looked for."""
        answers = iter(["0"] + [THEIRS if status == "EXECUTING" else "" for status in statuses])
        neighbour = NeighboursRound.__new__(NeighboursRound)
        neighbour.instance = self.host
        neighbour.load = types.SimpleNamespace(requests=[types.SimpleNamespace(script=Script("w", "held"), payload_ids=[1])])
        neighbour.stack = types.SimpleNamespace(sql=lambda _: next(answers), until=lambda condition: condition())
        hold(self.host)
        found = neighbour.let_go()
        self.assertFalse(os.path.exists(self.host.path("/root/held")))
        return found

    def test_the_run_directory_of_a_script_that_runs_was_removed(self):
        self.assertEqual(len(self.let_go("EXECUTING", "EXECUTING")), 1)
        self.assertEqual(self.let_go("EXECUTING", "FAILED"), [], "a reboot ends it")
        self.host.add(THEIRS)
        self.assertEqual(self.let_go("EXECUTING", "EXECUTING"), [])


if __name__ == "__main__":
    unittest.main()
