"""What DeployPayload to 10,000 instances costs, with a new database and with a million payloads (storage/plans/history.sql).

Medians of ROUNDS calls, without workers; of the statements, milliseconds a call, by pg_stat_statements. ROUNDS may be set in the
environment.
"""

import os
import statistics
import subprocess
import time

from harness.api import payload_service
from harness.programs import ROOT
from harness.stack import Stack

ROUNDS = int(os.environ.get("ROUNDS", "5"))
SETTINGS = "-c shared_preload_libraries=pg_stat_statements -c pg_stat_statements.track=all -c max_wal_size=4GB"
STATEMENTS = {
    "new payloads": "INSERT INTO payloads AS%",
    "new tasks": "INSERT INTO tasks%",
    "foreign keys, of these": "SELECT % FROM ONLY % FOR KEY SHARE OF x",
    "instances locked": "SELECT i.id, i.status, i.project, i.ssh_user%",
    "all": "%",
}


def fill(stack, history):
    if history:
        path = os.path.join(ROOT, "storage/plans/history.sql")
        subprocess.run(["psql", "-q", "-X", "-v", "ON_ERROR_STOP=1", "-f", path, stack.database_url], check=True,
                       stdout=subprocess.DEVNULL)
        stack.sql("UPDATE instances SET project = 'default', status = 'READY'")
    else:
        stack.sql("INSERT INTO instances (name, provider, address, port, ssh_user, status) "
                  "SELECT 'i' || n, 'registered', 'host' || n, 22, 'root', 'READY' FROM generate_series(1, 10000) n")
    stack.sql("VACUUM ANALYZE")


def measure(history):
    """Seconds a call, and milliseconds a statement."""
    stack = Stack(instances=0, workers=0)
    try:
        fill(stack, history)
        stack.sql("CREATE EXTENSION pg_stat_statements")
        ids = [int(line) for line in stack.sql("SELECT id FROM instances ORDER BY id").split()]
        seconds = []
        for i in range(ROUNDS + 1):
            if i == 1:  # The first one makes the plans.
                stack.sql("SELECT pg_stat_statements_reset()")
            began = time.monotonic()
            stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(
                instance_ids=ids, payload_content=b"true", remote_path=f"/root/{i}.sh", execute_payload=True))
            seconds.append(time.monotonic() - began)
        return statistics.median(seconds[1:]), {
            name: float(stack.sql("SELECT coalesce(sum(total_exec_time), 0) FROM pg_stat_statements WHERE query LIKE "
                                  f"'{pattern}'" + (" AND toplevel" if name == "all" else ""))) / ROUNDS
            for name, pattern in STATEMENTS.items()}
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


if __name__ == "__main__":
    main()
