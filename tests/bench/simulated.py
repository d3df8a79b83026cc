"""Payloads to instances that are none, run by a worker that only says so: tests/bench/simulated_worker.cc."""

import itertools
import os
import re
import subprocess

from harness.process import Process
from harness.programs import PSQL, ROOT

NUMBERS = itertools.count(1)
# Lets no lease run out: the simulated worker renews none.
API_FLAGS = ["--lease_duration_ms=60000"]


def add_instances(stack, count):
    """Returns their ids."""
    stack.sql("INSERT INTO instances (name, provider, address, port, ssh_user, status) "
              "SELECT 'i' || n, 'registered', '127.0.0.1', 1 + n % 65000, 'root', 'READY' "
              f"FROM generate_series(1, {count}) n")
    return instance_ids(stack)


def add_history(stack):
    """A million payloads that have ended, and ten thousand instances; returns the ids of these."""
    subprocess.run([PSQL, "-q", "-X", "-v", "ON_ERROR_STOP=1", "-f", os.path.join(ROOT, "storage/plans/history.sql"),
                    stack.database_url], check=True, stdout=subprocess.DEVNULL)
    stack.sql("UPDATE instances SET project = 'default', pool = 'default', status = 'READY'")
    stack.sql("VACUUM ANALYZE")
    return instance_ids(stack)


def instance_ids(stack):
    return [int(line) for line in stack.sql("SELECT id FROM instances ORDER BY id").split()]


def store(stack, payloads):
    """Has so many run; returns the seconds from the first assignment until all of it is stored."""
    worker = Process(f"simulated-{next(NUMBERS)}", stack.directory, [
        os.path.join(ROOT, "tests/bench/simulated_worker"), f"--server=127.0.0.1:{stack.worker_ports[0]}", f"--tasks={payloads}",
        *stack.worker_flags("simulated")]).start()
    if worker.ended() != 0:
        raise AssertionError(worker.tail())
    return float(re.search(r"seconds=([\d.]+)", worker.read_log()).group(1))
