"""The chaos run: rounds of load under random faults, each followed by quiescence and the checker.

Usage: chaos.py --rounds N --seed S [--first ROUND] [--instances N] [--workers N]

A round is named by seed and number, and these replay its requests and its schedule of faults. Beside the installation that is
struck are another one on the same instances (neighbours.py), instances that lie (liars.py), instances that are made
(machines.py) and a second project (projects.py). Needs root, as the instances do. Ends with a summary, and with exit status 1
at the first round with a violation, whose evidence stays on the disk.
"""

import argparse
import collections
import contextlib
import random
import sys
import time

from fault.chaos.checker import Checker
from fault.chaos.faults import Faults
from fault.chaos.installation import BOUND, LONG_BOUND, ChaosStack, View
from fault.chaos.liars import Liars
from fault.chaos.load import Client, Load
from fault.chaos.machines import Machines, stop_machines
from fault.chaos.neighbours import Neighbour, NeighboursRound, Strangers, leftovers
from fault.chaos.projects import OTHER, Projects, Tokens


class Round:
    """What is drawn by seed and number; and its course."""

    def __init__(self, stack, neighbour, strangers, tokens, seed, number):
        self.stacks, self.strangers, self.name = [stack, neighbour], strangers, f"{seed}/{number}"
        token = f"s{seed}-r{number}"
        neighbour.collide(stack)
        self.views = [View(each) for each in self.stacks]
        self.faults = Faults(stack, self.name, neighbour)
        self.load = Load(stack, self.name, [f"{token}-{i}" for i in range(4)])
        self.neighbours = NeighboursRound(neighbour, self.name, token)
        self.liars = Liars(stack, self.name, f"{token}-l")
        self.machines = Machines(stack, self.name, f"{token}-m")
        self.projects = Projects(stack, tokens, self.name, f"{token}-blog")
        for part in (self.liars, self.machines, self.projects):
            part.join(self.load)

    def __str__(self):
        return f"faults: {self.faults}; instances that lie: {self.liars}; machines: {self.machines}"

    def run(self):
        """Returns the violations, and the evidence that shows them of each installation."""
        try:
            return self._run()
        finally:
            self.projects.stop()
            self.liars.kill()

    def _run(self):
        loads = [self.load, self.neighbours.load]
        for stack in self.stacks:
            stack.fail_receiver(random.Random(f"receiver {self.name}"))
        for part in (self.projects, *loads):
            part.start()
        self.faults.run()
        for load in loads:
            load.join()
        self.stacks[0].settle(self.liars.ids, LONG_BOUND if self.machines.number else BOUND)
        harmed = self.neighbours.let_go()
        client = Client(self.stacks[0], self.load.rng)
        self.liars.finish(client)
        self.machines.finish(client)
        # What the end of an instance has begun ends as well.
        for stack in self.stacks:
            stack.settle(self.liars.ids if stack is self.stacks[0] else ())
            stack.settle_webhooks()
        left = leftovers(self.stacks, self.strangers)
        self.projects.stop()
        evidence = [view.gather(load, harmed=[], rebooted={i.id for i in view.stack.instances if i.name in self.faults.rebooted})
                    for view, load in zip(self.views, loads)]
        first, other = evidence
        first.liars, first.given_up, first.overdue = self.liars.behaviours(), self.liars.given_up, self.liars.overdue
        first.created = self.machines.created
        first.ledgers.update(self.machines.ledgers)
        first.leftovers += left[0] + self.machines.leftovers
        other.leftovers += left[1]
        other.harmed += harmed
        first.harmed += self.strangers.harmed()
        violations = Checker(first).check() + [(n, f"the other installation: {words}") for n, words in Checker(other).check()]
        return violations + [("access", words) for words in self.projects.check()], evidence


def tell(current, violations):
    print(f"round {current.name}: {len(violations)} violations; {current}", flush=True)
    for invariant, words in violations:
        print(f"  invariant {invariant}: {words}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--first", type=int, default=1, help="the number of the first round")
    parser.add_argument("--instances", type=int, default=4)
    parser.add_argument("--workers", type=int, default=3)
    options = parser.parse_args()
    with contextlib.ExitStack() as ends:
        stacks = [ChaosStack(options.instances, options.workers)]
        ends.callback(stacks[0].close)
        stacks[0].add_project(OTHER)
        stacks.append(Neighbour(stacks[0]))
        ends.callback(stacks[1].close)
        tokens = ends.enter_context(contextlib.closing(Tokens(stacks[0])))
        if run(stacks, tokens, options):
            ends.pop_all()
            stop_machines(stacks[0])
            kept = [stack.keep() for stack in reversed(stacks)]
            print(f"  the evidence is in {' and '.join(reversed(kept))}", flush=True)
            return 1
    return 0


class Totals:
    """Of all rounds."""

    def __init__(self):
        self.payloads = [0, 0]
        self.faults, self.ends, self.liars, self.created = (collections.Counter() for _ in range(4))
        self.answers = 0  # That the eyes of the two projects got.
        self.events = self.told = 0  # Of webhooks, and how often they were told.

    def add(self, current, evidence):
        self.faults.update(kind for _, kind, _ in current.faults.plan)
        self.answers += current.projects.answers
        self.payloads = [total + len(each.payloads) for total, each in zip(self.payloads, evidence)]
        self.events += sum(len(each.events) for each in evidence)
        self.told += sum(len(each.told) for each in evidence)
        for each in evidence:
            for payload in each.payloads.values():
                end = payload["failure_reason"] or payload["status"]
                (self.liars if payload["instance_id"] in each.liars else self.ends)[end] += 1
            self.created.update(created.status for created in each.created.values())

    def tell(self):
        for what, counts in (("faults", self.faults), ("ends", self.ends), ("ends at instances that lie", self.liars),
                             ("instances that were made", self.created)):
            print(f"{what}: " + ", ".join(f"{name} {count}" for name, count in counts.most_common()))
        print(f"events of webhooks: {self.events}, told {self.told} times")
        print(f"answers to two projects, compared with what is theirs: {self.answers}")


def run(stacks, tokens, options):
    """All rounds, or until one with a violation; returns whether there was one."""
    totals, begun = Totals(), time.monotonic()
    strangers = Strangers(stacks[0].instances)
    for number in range(options.first, options.first + options.rounds):
        current = Round(*stacks, strangers, tokens, options.seed, number)
        try:
            violations, evidence = current.run()
        except AssertionError as error:  # It did not come to its end, which is a violation as well.
            violations, evidence = [("progress", str(error))], []
        totals.add(current, evidence)
        seconds = time.monotonic() - begun
        if violations:
            tell(current, violations)
            return True
        if number % 10 == 0:
            print(f"round {current.name}: {sum(totals.payloads)} payloads so far, {seconds:.0f} s", flush=True)
    print(f"{options.rounds} rounds of seed {options.seed}, "
          f"{' and '.join(map(str, totals.payloads))} payloads of two installations, "
          f"{sum(totals.faults.values())} faults, 0 violations, {seconds:.0f} s")
    totals.tell()
    return False


if __name__ == "__main__":
    sys.exit(main())
