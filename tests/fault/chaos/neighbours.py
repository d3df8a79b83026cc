"""A second installation on the same instances, whose payloads have the same numbers; and what is of neither of the two."""

import copy
import os
import random
import secrets

from fault.chaos.installation import ChaosStack
from fault.chaos.load import Load
from harness.held import hold, let_go

TABLES = ["payloads", "tasks", "deployments"]


class Neighbour(ChaosStack):
    """Small, with the SSH key of the first installation and its instances."""

    def __init__(self, first):
        super().__init__(instances=0, workers=1, api_servers=1, key=first.key)
        try:
            self.instances = [self._share(instance) for instance in first.instances]
            self.meet()
        except BaseException:
            self.close()
            raise

    def _share(self, instance):
        shared = copy.copy(instance)
        shared.project = self.project
        shared.id = self.register(instance).id
        return shared

    def collide(self, first):
        """What is asked for next has the numbers that the first one's next have, unless they are used already."""
        last = first.sql("SELECT " + ", ".join(f"(SELECT max(id) FROM {table})" for table in TABLES)).split("|")
        self.sql("SELECT " + ", ".join(
            f"setval(pg_get_serial_sequence('{table}', 'id'), greatest({number}, (SELECT max(id) FROM {table})))"
            for table, number in zip(TABLES, last)))


class NeighboursRound:
    """What the second installation does in a round: a deployment like those of the first, and a script that runs, held, until the
    first one's have ended and what they left has been removed."""

    def __init__(self, stack, name, token):
        self.stack, self.rng = stack, random.Random(f"neighbour {name}")
        self.load = Load(stack, f"{name}/neighbour", [f"{token}-n"])
        self.instance = self.rng.choice(stack.instances)
        self.load.add_deployment(f"{token}-w", [self.instance.id], ["hold"])
        hold(self.instance)

    def let_go(self):
        """Returns words about run directories that are not there though their script runs; then lets it end."""
        mark = f"FROM payloads WHERE instance_id = {self.instance.id} AND id IN ({self._held()})"
        ended_or_begun = f"SELECT count(*) {mark} AND status = 'PENDING'"
        self.stack.until(lambda: self.stack.sql(ended_or_begun) == "0")
        query = f"SELECT run_id {mark} AND status = 'EXECUTING'"
        before, there, after = self.stack.sql(query), self.instance.run_directories(), self.stack.sql(query)
        let_go(self.instance)
        return [f"the run directory {run} of the other installation was removed while its script ran"
                for run in before.split() if run in after.split() and run not in there]

    def _held(self):
        return ",".join(str(payload_id) for request in self.load.requests if request.script.kind == "held"
                        for payload_id in request.payload_ids)


class Strangers:
    """Run directories and uploads of nobody who is here: what either installation removes is not among them."""

    def __init__(self, instances):
        self.instances = instances
        self.names = [secrets.token_hex(16), "30.1"]  # The second is from before runs had ids; there will be a payload 30.
        for instance in instances:
            for path in self._paths(instance):
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w") as file:
                    file.write("somebody else's")

    def _paths(self, instance):
        for name in self.names:
            yield instance.path(f"/var/lib/longshore/runs/{name}/started")
            yield instance.path(f"/root/.longshore-{name.split('.')[0]}.30-1")

    def harmed(self):
        """Words about what is gone."""
        return [f"{path}, of neither installation, was removed"
                for instance in self.instances for path in self._paths(instance) if not os.path.exists(path)]

    def among(self, name):
        """Whether the name of a run directory or upload is one of theirs."""
        return name in self.names or run_of(name) in [name.split(".")[0] for name in self.names]


def run_of(name):
    """The name of the run that a run directory or an upload is of."""
    return name.removeprefix(".longshore-").split(".")[0] if name.startswith(".longshore-") else name


def leftovers(stacks, strangers):
    """By the number of the installation, words about run directories and uploads that it has left; what is nobody's is the
    first's."""
    found = [[] for _ in stacks]
    for instance in stacks[0].instances:
        for name in instance.run_directories() + instance.uploads():
            if not strangers.among(name):
                known = "SELECT count(*) FROM payloads WHERE '{0}' = run_id OR '{0}' = ANY (earlier_run_ids)".format(run_of(name))
                owner = next((n for n, stack in enumerate(stacks) if stack.sql(known) != "0"), None)
                found[owner or 0].append(f"{name} is left on instance {instance.name}" +
                                         (", a run of neither installation" if owner is None else ""))
    return found
