"""What DeployPayload to 10,000 instances costs, with a new database and with a million payloads (storage/plans/history.sql); and
to the 100,000 that a selector may match.

Medians of ROUNDS calls, without workers; of the statements, milliseconds a call, by pg_stat_statements. ROUNDS may be set in the
environment.
"""

import os
import statistics
import time

from bench.simulated import add_history, add_instances
from harness.api import payload_service
from harness.stack import Stack

ROUNDS = int(os.environ.get("ROUNDS", "5"))
SETTINGS = "-c shared_preload_libraries=pg_stat_statements -c pg_stat_statements.track=all -c max_wal_size=4GB"
STATEMENTS = {
    "new payloads": "WITH new AS%INSERT INTO payloads AS%",
    "new tasks": "WITH new AS%INSERT INTO tasks%",
    "foreign keys, of these": "SELECT % FROM ONLY % FOR KEY SHARE OF x",
    "instances locked": "SELECT i.id, i.status, i.project, i.ssh_user%",
    "all": "%",
}


def call(stack, number, **instances):
    """Its seconds."""
    began = time.monotonic()
    stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(
        payload_content=b"true", remote_path=f"/root/{number}.sh", execute_payload=True, **instances))
    return time.monotonic() - began


def measure(history):
    """Seconds a call, and milliseconds a statement."""
    stack = Stack(instances=0, workers=0)
    try:
        if history:
            ids = add_history(stack)
        else:
            ids = add_instances(stack, 10000)
            stack.sql("VACUUM ANALYZE")
        stack.sql("CREATE EXTENSION pg_stat_statements")
        seconds = []
        for i in range(ROUNDS + 1):
            if i == 1:  # The first one makes the plans.
                stack.sql("SELECT pg_stat_statements_reset()")
            seconds.append(call(stack, i, instance_ids=ids))
        return statistics.median(seconds[1:]), {
            name: float(stack.sql("SELECT coalesce(sum(total_exec_time), 0) FROM pg_stat_statements WHERE query LIKE "
                                  f"'{pattern}'" + (" AND toplevel" if name == "all" else ""))) / ROUNDS
            for name, pattern in STATEMENTS.items()}
    finally:
        stack.close()


def measure_largest():
    """Seconds of one call to 100,000."""
    stack = Stack(instances=0, workers=0)
    try:
        add_instances(stack, 100000)
        stack.sql("VACUUM ANALYZE")
        call(stack, 0, instance_ids=[1])
        return call(stack, 1, selector={"project": "default"})
    finally:
        stack.close()


def main():
    os.environ["POSTGRES_OPTIONS"] = SETTINGS
    new, full = measure(history=False), measure(history=True)
    print("| DeployPayload to 10,000 instances | new database | a million payloads | |")
    print("|---|---|---|---|")
    print(f"| the call, s | {new[0]:.2f} | {full[0]:.2f} | {full[0] / new[0]:.1f}x |")
    for name in STATEMENTS:
        print(f"| {name}, ms | {new[1][name]:.0f} | {full[1][name]:.0f} | {full[1][name] / new[1][name]:.1f}x |")
    print(f"\nto 100,000 by a selector, a new database: {measure_largest():.1f} s")


if __name__ == "__main__":
    main()
