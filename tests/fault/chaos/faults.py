"""The faults of a round, drawn from its seed: what strikes, whom, when and for how long; and everything's repair."""

import os
import random
import signal
import subprocess
import time

from harness.relay import DOWN, UP


class Faults:
    """Strikes an installation, and in some rounds another one at the same moments. Each fault is a method that strikes and
    returns its repair."""

    KINDS = {
        "worker_killed": 4, "worker_stopped": 3, "worker_drained": 2,
        "api_server_killed": 3, "api_server_stopped": 2, "api_server_drained": 1,
        "power_cut": 1, "postgres_restarts": 1, "postgres_killed": 1, "sessions_ended": 2,
        "worker_link_cut": 2, "worker_link_silent": 2, "worker_link_one_way": 2, "worker_link_slow": 1, "worker_link_flaps": 1,
        "database_link_dropped": 2, "database_link_silent": 1, "database_link_late": 1,
        "ssh_cut": 2, "ssh_dropped": 3, "ssh_silent": 2, "ssh_late": 2, "ssh_slow": 1, "ssh_flaps": 1,
        "sshd_sessions_killed": 2, "reboot": 1,
    }

    # Both use the same instances.
    OF_INSTANCES = ("ssh_", "sshd_", "reboot")

    def __init__(self, stack, seed, other=None):
        self.rng = random.Random(f"faults {seed}")
        self.rebooted = set()  # Names of instances.
        self.plan = sorted((self.rng.uniform(0, 2.0), kind, self.rng.uniform(0.1, 2.2))
                           for kind in self.rng.choices(list(self.KINDS), self.KINDS.values(), k=self.rng.randint(1, 4)))
        self.instances = stack.instances
        self.struck = [stack] + ([other] if other and self.rng.random() < 0.3 else [])
        self.stacks = [stack] + ([other] if other else [])

    def __str__(self):
        words = ", ".join(f"{kind} at {at:.1f} for {lasting:.1f} s" for at, kind, lasting in self.plan)
        return words + (", of both installations" if len(self.struck) > 1 else "")

    def run(self):
        """Carries out the plan; everything is repaired when it returns."""
        begun = time.monotonic()
        repairs = []
        strikes = [(at, kind, lasting) for at, kind, lasting in self.plan]
        while strikes or repairs:
            strikes.sort()
            repairs.sort(key=lambda r: r[0])
            next_strike = strikes[0][0] if strikes else float("inf")
            next_repair = repairs[0][0] if repairs else float("inf")
            time.sleep(max(0, min(next_strike, next_repair) - (time.monotonic() - begun)))
            if next_strike <= next_repair:
                at, kind, lasting = strikes.pop(0)
                repairs += [(at + lasting, repair) for repair in self._strike(kind)]
            else:
                repairs.pop(0)[1]()
        self.repair_all()

    def _strike(self, kind):
        if kind.startswith(self.OF_INSTANCES):
            return [getattr(self, kind)(self.rng.choice(self.instances))]
        return [getattr(self, kind)(stack) for stack in self.struck]

    def repair_all(self):
        """Whatever was struck twice or by two faults is well again."""
        for stack in self.stacks:
            stack.ensure_running(stack.postgres)
            for process in stack.api_servers + stack.workers:
                stack.ensure_running(process)
            for relay in stack.worker_relays + stack.database_relays:
                relay.heal()
        for instance in self.instances:
            self.stacks[0].ensure_running(instance.process)
            instance.relay.heal()

    # Processes.

    @staticmethod
    def _killed(stack, process):
        process.kill()
        return lambda: stack.ensure_running(process)

    @staticmethod
    def _stopped(stack, process):
        if process.child.poll() is None:
            process.signal(signal.SIGSTOP)
        return lambda: stack.ensure_running(process)

    @staticmethod
    def _drained(stack, process):
        if process.child.poll() is None:
            process.draining = True
            process.signal(signal.SIGTERM)
        return lambda: stack.ensure_running(process)

    def worker_killed(self, stack):
        return self._killed(stack, self.rng.choice(stack.workers))

    def worker_stopped(self, stack):
        return self._stopped(stack, self.rng.choice(stack.workers))

    def worker_drained(self, stack):
        return self._drained(stack, self.rng.choice(stack.workers))

    def api_server_killed(self, stack):
        return self._killed(stack, self.rng.choice(stack.api_servers))

    def api_server_stopped(self, stack):
        return self._stopped(stack, self.rng.choice(stack.api_servers))

    def api_server_drained(self, stack):
        return self._drained(stack, self.rng.choice(stack.api_servers))

    def power_cut(self, stack):
        processes = stack.workers + stack.api_servers
        for process in processes:
            process.kill()
        repair_postgres = self.postgres_killed(stack)

        def repair():
            repair_postgres()
            for process in processes:
                stack.ensure_running(process)
        return repair

    @staticmethod
    def _postgres(stack, number):
        postgres = stack.postgres
        if postgres.child.poll() is None:
            postgres.signal(number)
            postgres.child.wait()
        return lambda: stack.ensure_running(postgres)

    def postgres_restarts(self, stack):
        return self._postgres(stack, signal.SIGINT)

    def postgres_killed(self, stack):
        return self._postgres(stack, signal.SIGQUIT)  # Without a checkpoint: recovery at the next start.

    def sessions_ended(self, stack):
        # The database may be away by another fault.
        subprocess.run(["psql", "-X", "-q", "-c", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE application_name = 'longshore'", stack.database_url], capture_output=True, check=False)
        return lambda: None

    # Links.

    @staticmethod
    def _cut(relay):
        relay.cut()
        return relay.heal

    @staticmethod
    def _dropped(relay):
        relay.drop()
        return lambda: None

    @staticmethod
    def _silent(relay, *directions):
        relay.silence(*directions)
        return relay.heal

    @staticmethod
    def _late(relay, seconds):
        relay.delay = seconds
        return relay.heal

    @staticmethod
    def _slow(relay, rate):
        relay.rate = rate
        return relay.heal

    @staticmethod
    def _flaps(relay):
        for _ in range(6):
            relay.cut()
            relay.heal()
            time.sleep(0.05)
        return lambda: None

    def _worker_link(self, stack):
        return self.rng.choice(stack.worker_relays)

    def worker_link_cut(self, stack):
        return self._cut(self._worker_link(stack))

    def worker_link_silent(self, stack):
        return self._silent(self._worker_link(stack))

    def worker_link_one_way(self, stack):
        return self._silent(self._worker_link(stack), self.rng.choice([UP, DOWN]))

    def worker_link_slow(self, stack):
        return self._slow(self._worker_link(stack), 20000)

    def worker_link_flaps(self, stack):
        return self._flaps(self._worker_link(stack))

    def database_link_dropped(self, stack):
        return self._dropped(self.rng.choice(stack.database_relays))

    def database_link_silent(self, stack):
        return self._silent(self.rng.choice(stack.database_relays), self.rng.choice([UP, DOWN]))

    def database_link_late(self, stack):
        return self._late(self.rng.choice(stack.database_relays), 0.1)

    def ssh_cut(self, instance):
        return self._cut(instance.relay)

    def ssh_dropped(self, instance):
        return self._dropped(instance.relay)

    def ssh_silent(self, instance):
        return self._silent(instance.relay, *self.rng.choice([(), (UP,), (DOWN,)]))

    def ssh_late(self, instance):
        return self._late(instance.relay, 0.25)

    def ssh_slow(self, instance):
        return self._slow(instance.relay, 30000)

    def ssh_flaps(self, instance):
        return self._flaps(instance.relay)

    # Instances.

    def sshd_sessions_killed(self, instance):
        """Every connection's sshd, but not the one that listens."""
        for pid in instance.sshd_sessions():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return lambda: None

    def reboot(self, instance):
        self.rebooted.add(instance.name)
        return self._killed(self.stacks[0], instance.process)
