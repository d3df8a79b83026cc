"""The faults of a round, drawn from its seed: what strikes, whom, when and for how long; and everything's repair."""

import os
import random
import signal
import subprocess
import time

from relay import DOWN, UP


class Faults:
    """Strikes a Stack. Each fault is a method that strikes and returns its repair."""

    KINDS = {
        "worker_killed": 4, "worker_stopped": 3, "worker_drained": 2,
        "api_server_killed": 3, "api_server_stopped": 2, "api_server_drained": 1,
        "power_cut": 1, "postgres_restarts": 1, "postgres_killed": 1, "sessions_ended": 2,
        "worker_link_cut": 2, "worker_link_silent": 2, "worker_link_one_way": 2, "worker_link_slow": 1, "worker_link_flaps": 1,
        "database_link_dropped": 2, "database_link_silent": 1, "database_link_late": 1,
        "ssh_cut": 2, "ssh_dropped": 3, "ssh_silent": 2, "ssh_late": 2, "ssh_slow": 1, "ssh_flaps": 1,
        "sshd_sessions_killed": 2, "reboot": 1,
    }

    def __init__(self, stack, seed):
        self.stack, self.rng = stack, random.Random(f"faults {seed}")
        self.rebooted = set()
        self.plan = sorted((self.rng.uniform(0, 2.0), kind, self.rng.uniform(0.1, 2.2))
                           for kind in self.rng.choices(list(self.KINDS), self.KINDS.values(), k=self.rng.randint(1, 4)))

    def __str__(self):
        return ", ".join(f"{kind} at {at:.1f} for {lasting:.1f} s" for at, kind, lasting in self.plan)

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
                repairs.append((at + lasting, getattr(self, kind)()))
            else:
                repairs.pop(0)[1]()
        self.repair_all()

    def repair_all(self):
        """Whatever was struck twice or by two faults is well again."""
        stack = self.stack
        stack.ensure_running(stack.postgres)
        for process in stack.api_servers + stack.workers + [i.process for i in stack.instances]:
            stack.ensure_running(process)
        for relay in stack.worker_relays + stack.database_relays + [i.relay for i in stack.instances]:
            relay.heal()

    # Processes.

    def _killed(self, process):
        process.kill()
        return lambda: self.stack.ensure_running(process)

    def _stopped(self, process):
        if process.child.poll() is None:
            process.signal(signal.SIGSTOP)
        return lambda: self.stack.ensure_running(process)

    def _drained(self, process):
        if process.child.poll() is None:
            process.draining = True
            process.signal(signal.SIGTERM)
        return lambda: self.stack.ensure_running(process)

    def worker_killed(self):
        return self._killed(self.rng.choice(self.stack.workers))

    def worker_stopped(self):
        return self._stopped(self.rng.choice(self.stack.workers))

    def worker_drained(self):
        return self._drained(self.rng.choice(self.stack.workers))

    def api_server_killed(self):
        return self._killed(self.rng.choice(self.stack.api_servers))

    def api_server_stopped(self):
        return self._stopped(self.rng.choice(self.stack.api_servers))

    def api_server_drained(self):
        return self._drained(self.rng.choice(self.stack.api_servers))

    def power_cut(self):
        processes = self.stack.workers + self.stack.api_servers
        for process in processes:
            process.kill()
        repair_postgres = self.postgres_killed()

        def repair():
            repair_postgres()
            for process in processes:
                self.stack.ensure_running(process)
        return repair

    def _postgres(self, number):
        postgres = self.stack.postgres
        if postgres.child.poll() is None:
            postgres.signal(number)
            postgres.child.wait()
        return lambda: self.stack.ensure_running(postgres)

    def postgres_restarts(self):
        return self._postgres(signal.SIGINT)

    def postgres_killed(self):
        return self._postgres(signal.SIGQUIT)  # Without a checkpoint: recovery at the next start.

    def sessions_ended(self):
        # The database may be away by another fault.
        subprocess.run(["psql", "-X", "-q", "-c", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE application_name = 'longshore'", self.stack.database_url], capture_output=True, check=False)
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

    def _worker_link(self):
        return self.rng.choice(self.stack.worker_relays)

    def _instance(self):
        return self.rng.choice(self.stack.instances)

    def worker_link_cut(self):
        return self._cut(self._worker_link())

    def worker_link_silent(self):
        return self._silent(self._worker_link())

    def worker_link_one_way(self):
        return self._silent(self._worker_link(), self.rng.choice([UP, DOWN]))

    def worker_link_slow(self):
        return self._slow(self._worker_link(), 20000)

    def worker_link_flaps(self):
        return self._flaps(self._worker_link())

    def database_link_dropped(self):
        return self._dropped(self.rng.choice(self.stack.database_relays))

    def database_link_silent(self):
        return self._silent(self.rng.choice(self.stack.database_relays), self.rng.choice([UP, DOWN]))

    def database_link_late(self):
        return self._late(self.rng.choice(self.stack.database_relays), 0.1)

    def ssh_cut(self):
        return self._cut(self._instance().relay)

    def ssh_dropped(self):
        return self._dropped(self._instance().relay)

    def ssh_silent(self):
        return self._silent(self._instance().relay, *self.rng.choice([(), (UP,), (DOWN,)]))

    def ssh_late(self):
        return self._late(self._instance().relay, 0.25)

    def ssh_slow(self):
        return self._slow(self._instance().relay, 30000)

    def ssh_flaps(self):
        return self._flaps(self._instance().relay)

    # Instances.

    def sshd_sessions_killed(self):
        """Every connection's sshd, but not the one that listens."""
        for pid in self._instance().sshd_sessions():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return lambda: None

    def reboot(self):
        instance = self._instance()
        self.rebooted.add(instance.id)
        return self._killed(instance.process)
