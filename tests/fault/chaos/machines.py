"""Instances that a round has made at the provider `local`, with Ansible and a payload, and terminates when all is settled."""

import collections
import contextlib
import os
import random
import signal

from fault.chaos.checker import Created, Request
from fault.chaos.installation import command_lines, ledgers
from fault.chaos.scripts import draw
from harness.api import instance_service, payload_service
from harness.instance import Disk

# In how many of a hundred rounds some are made: ansible-playbook takes seconds.
SHARE = 25


class Machine(Disk):
    """The disk of an instance that was made."""

    def __init__(self, stack, instance_id, key):
        super().__init__(os.path.join(stack.machines, key))
        self.id = instance_id


class Machines:

    def __init__(self, stack, name, token):
        self.stack, self.rng = stack, random.Random(f"machines {name}")
        self.number = self.rng.randint(1, 2) if self.rng.randrange(100) < SHARE else 0
        self.plan = {"script": draw(self.rng, token, ["exit", "exit", "signal", "large"]), "at": self.rng.uniform(0, 1.0),
                     "rng": random.Random(self.rng.random())}
        self.created = {}  # By instance id, of Created.
        self.ledgers = {}
        self.leftovers = []

    def __str__(self):
        return str(self.number)

    def join(self, load):
        """Has them made."""
        if self.number:
            load.add(lambda client, plan: self._create(client, load), self.plan)

    def _create(self, client, load):
        script = self.plan["script"]
        answer = client.ask("CreateInstance", instance_service.CreateInstanceRequest(
            name=script.token, number_of_instances=self.number, provision=True, execute_payload=True, request_id=script.token,
            payload_path=self.stack.script(script.text(), name=f"{script.token}.sh")), service="instances")
        # One each, in one deployment.
        payloads = [payload for instance in answer.instances for payload in client.ask(
            "ListInstancePayloads", payload_service.ListInstancePayloadsRequest(instance_id=instance.id)).payloads]
        load.acknowledged(Request(
            request_id=script.token, script=script, payload_ids=[p.id for p in payloads], task_ids=[p.task_id for p in payloads],
            deployment_id=payloads[0].deployment_id, instances=[instance.id for instance in answer.instances]))

    def finish(self, client):
        """Called when all has settled: sees what has become of them, and ends them."""
        if not self.number:
            return
        for row in self.stack.rows("SELECT id, status, status_error, machine_key FROM instances"
                                   " WHERE machine_key <> '' AND status <> 'TERMINATED'"):
            self.created[row["id"]] = Created(status=row["status"], error=row["status_error"], key=row["machine_key"])
        there = [Machine(self.stack, instance_id, created.key) for instance_id, created in self.created.items()]
        self.ledgers = ledgers(there, [self.plan["script"].token])
        self.leftovers = [f"{name} is left on instance {machine.id}" for machine in there
                          for name in machine.run_directories() + machine.uploads()]
        serving = self._serving()
        known = {created.key: created for created in self.created.values()}
        for key in self.stack.machine_keys() | set(serving):
            if key in known:
                known[key].machines = serving[key]
            else:
                self.leftovers.append(f"a machine {key} is at the provider, of no instance")
        for instance_id in self.created:
            client.ask("TerminateInstance", instance_service.TerminateInstanceRequest(instance_id=instance_id),
                       service="instances")
        open_ones = "SELECT count(*) FROM instances WHERE machine_key <> '' AND status <> 'TERMINATED'"
        self.stack.until(lambda: self.stack.sql(open_ones) == "0")
        for row in self.stack.rows("SELECT id, status FROM instances WHERE machine_key <> ''"):
            if row["id"] in self.created:
                self.created[row["id"]].end = row["status"]
        self.leftovers += [f"the machine {key} is left" for key in self.stack.machine_keys() | set(self._serving())]

    def _serving(self):
        """How many sshds listen for each machine."""
        ours = f" {self.stack.machines}/"
        return collections.Counter(line.split(ours)[1].split("/")[0] for line in command_lines()
                                   if ours in line and "[listener]" in line)


def stop_machines(stack):
    """Ends the machines that there are, and leaves what is on their disks."""
    for key in stack.machine_keys():
        machine = os.path.join(stack.machines, key)
        with contextlib.suppress(OSError):
            with open(os.path.join(machine, "pid")) as file:
                pid = int(file.read())
            with open(f"/proc/{pid}/cmdline") as file:
                if machine in file.read().split("\0"):
                    os.kill(pid, signal.SIGKILL)
