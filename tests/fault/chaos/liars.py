"""Instances that lie, beside the honest ones of a round: tests/hostile/ssh_server_main.cc, with behaviours drawn for the
round."""

import random

import grpc

from fault.chaos.installation import GRACE
from harness.api import instance_service, payload_service
from hostile.liar import Liar
from hostile.lies import LIES, LONG_LIES, MAY_COMPLETE

# In how many of a hundred rounds there are some.
SHARE = 35
# Nobody asks for a home here: every deployment names its remote_path.
ANY = [behaviour for behaviour in [*LIES, *LONG_LIES] if not behaviour.startswith("home_")]
# Those that come to an end within the timeout of an honest script, or are tried again.
QUICK = [behaviour for behaviour in ANY if len(LIES.get(behaviour, ())) == 2]
# More than one piece of an upload, for those that lie about the second.
PADDING = 300000


class Liars:
    """Those of a round. What goes to them goes to honest instances as well, or is a deployment of its own with a short
    timeout."""

    def __init__(self, stack, name, token):
        self.stack, self.token = stack, token
        self.rng = random.Random(f"liars {name}")
        self.alone = self.rng.random() < 0.5
        number = self.rng.randint(1, 2) if self.rng.randrange(100) < SHARE else 0
        behaviours = self.rng.choices(ANY if self.alone else QUICK, k=number)
        self.liars = [Liar(stack, behaviour) for behaviour in behaviours]
        self.given_up = set()  # Ids of the payloads that the round has cancelled.
        self.overdue = []  # Words about what did not come to its end.

    def __str__(self):
        words = ", ".join(liar.behaviour for liar in self.liars) or "none"
        return words + (", alone" if self.liars and self.alone else "")

    @property
    def ids(self):
        return [liar.id for liar in self.liars]

    def behaviours(self):
        """By instance id: what it does, and whether that may be taken for a script that exited with 0."""
        return {liar.id: (liar.behaviour, liar.behaviour in MAY_COMPLETE) for liar in self.liars}

    def join(self, load):
        """Has a deployment go to them."""
        if not self.liars:
            return
        if self.alone:
            load.add_deployment(self.token, self.ids, ["run", "run", "run", "cancel", "retry", "rest"], padding=PADDING,
                                timeout=1)
        else:
            self.rng.choice(load.plans)["fields"]["instance_ids"] += self.ids

    def finish(self, client):
        """Called when all else has settled: cancels what was not started yet, sees that everything ends, and ends the
        instances."""
        if not self.liars:
            return
        here = "instance_id = ANY ('{" + ",".join(map(str, self.ids)) + "}')"
        for row in self.stack.rows(f"SELECT id FROM payloads WHERE status = 'PENDING' AND {here}"):
            self.given_up.add(row["id"])
            client.ask("CancelPayload", payload_service.CancelPayloadRequest(payload_id=row["id"]),
                       settled=[grpc.StatusCode.FAILED_PRECONDITION])
        # Whether a script that was perhaps started runs only its instance could say. It is asked for a while; then its hour is
        # over.
        hurry = f"UPDATE tasks SET deliver_by = now() WHERE status = 'PENDING' AND maybe_started AND {here}; "
        query = (f"SELECT (SELECT count(*) FROM tasks WHERE status IN ('PENDING', 'RUNNING') AND {here})"
                 f" + (SELECT count(*) FROM payloads WHERE status IN ('PENDING', 'EXECUTING') AND {here})")
        if not self.stack.until(lambda: self.stack.sql(query) == "0", GRACE + 3):
            self.stack.until(lambda: self.stack.sql(hurry + query).split()[-1] == "0")
        self.overdue = [f"payload {row['id']} on an instance that lies is {row['status']}" for row in self.stack.rows(
            f"SELECT id, status FROM payloads WHERE status IN ('PENDING', 'EXECUTING') AND {here}")]
        # What they do not let go of is nobody's any more.
        for instance_id in self.ids:
            client.ask("TerminateInstance", instance_service.TerminateInstanceRequest(instance_id=instance_id),
                       service="instances")
        ids = ",".join(map(str, self.ids))
        gone = f"SELECT count(*) FROM instances WHERE id IN ({ids}) AND status <> 'TERMINATED'"
        if not self.stack.until(lambda: self.stack.sql(gone) == "0"):
            self.overdue.append(f"of the instances {ids}, which lie, not all are terminated")
        self.kill()

    def kill(self):
        for liar in self.liars:
            liar.kill()
