"""How many payloads a second go from the request to their stored end when a worker is simulated: PAYLOADS at once in a new
database and beside a million that have ended, and SOME at once. Beside it, pgbench with the same row writes, a transaction a
payload: what PostgreSQL gives on this machine.

Medians of ROUNDS, one after the other in each database; rates from the call until all is stored. PAYLOADS, SOME and ROUNDS may be
set in the environment.
"""

import os
import re
import statistics
import subprocess
import time

from bench.bench import cpu_of
from bench.simulated import API_FLAGS, add_history, add_instances, store
from harness.api import payload_service
from harness.stack import Stack

PAYLOADS = int(os.environ.get("PAYLOADS", "10000"))
SOME = int(os.environ.get("SOME", "1000"))
ROUNDS = int(os.environ.get("ROUNDS", "5"))
PEER_SECONDS = 15
# Rows that a lifecycle inserts, updates and deletes, by table; measured, those of fewer than half of the payloads apart.
WRITES = ("SELECT relname || ' ' || n_tup_ins || ' ' || n_tup_upd || ' ' || n_tup_del FROM pg_stat_user_tables "
          "WHERE schemaname = 'public' ORDER BY relname")
# What pgbench updates in a row, by turns: columns that indexes have, as in a lifecycle.
CHANGES = {
    "payloads": ["status = 'TRANSFERRED', transferred_at = now()", "status = 'COMPLETED', finished_at = now()"],
    "tasks": ["status = 'RUNNING', lease_until = now(), lease_epoch = lease_epoch + 1", "status = 'COMPLETED', worker = 'w'"],
}
KEYS = {"payload_output": "payload_id", "run_cleanups": "payload_id"}


class Installation:

    def __init__(self, history):
        self.stack = Stack(instances=0, workers=0, api_flags=API_FLAGS)
        self.ids = add_history(self.stack) if history else add_instances(self.stack, max(PAYLOADS, SOME))
        self.rounds = 0

    def writes(self):
        rows = [line.split() for line in self.stack.sql(WRITES).splitlines()]
        return {name: list(map(int, counts)) for name, *counts in rows}

    def round(self, payloads):
        """(lifecycles a second, CPU ms of api_server and of PostgreSQL a payload)"""
        self.rounds += 1
        self.stack.sql("ANALYZE")  # As autovacuum has, where payloads do not come ten thousand within a second.
        processes = [self.stack.api_servers[0], self.stack.postgres]
        cpu, begun = [cpu_of([process]) for process in processes], time.monotonic()
        self.stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(
            instance_ids=self.ids[:payloads], payload_content=b"true", remote_path=f"/root/bench-{self.rounds}.sh",
            execute_payload=True))
        store(self.stack, payloads)
        seconds = time.monotonic() - begun
        return [payloads / seconds] + [(cpu_of([process]) - used) * 1000 / payloads for process, used in zip(processes, cpu)]

    def measure(self, payloads):
        """The medians, and the rows that a lifecycle writes."""
        self.round(payloads)  # Caches, plans.
        time.sleep(2)  # PostgreSQL tells its counts late.
        before = self.writes()
        figures = [statistics.median(column) for column in zip(*(self.round(payloads) for _ in range(ROUNDS)))]
        time.sleep(2)
        writes = {name: [round((after - earlier) / ROUNDS / payloads) for after, earlier in zip(counts, before[name])]
                  for name, counts in self.writes().items()}
        return figures, {name: counts for name, counts in writes.items() if any(counts)}

    def measure_peer(self, writes):
        """Transactions a second of pgbench, each with these writes, in copies of the tables with all their indexes. Each is on an
        instance of its own, as the payloads are."""
        self.stack.sql("CREATE SCHEMA peer; CREATE SEQUENCE peer.ids START 10000000")
        lines = ["SELECT nextval('peer.ids') AS id \\gset", "BEGIN;"]
        ends = []
        for name, (inserted, updated, deleted) in writes.items():
            key = KEYS.get(name, "id")
            self.stack.sql(f"CREATE TABLE peer.{name} (LIKE public.{name} INCLUDING ALL EXCLUDING CONSTRAINTS); "
                           f"CREATE TABLE peer.one_of_{name} AS SELECT * FROM public.{name} LIMIT 1")
            if self.stack.sql(f"SELECT count(*) FROM peer.one_of_{name}") == "0":
                raise AssertionError(f"no row of {name} to copy")
            columns = self.stack.sql("SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute WHERE attnum > 0 AND NOT "
                                     f"attisdropped AND attrelid = 'peer.{name}'::regclass AND attname <> '{key}'")
            values = columns.replace("instance_id", ":id")
            lines += [f"INSERT INTO peer.{name} ({key}, {columns}) SELECT :id, {values} FROM peer.one_of_{name};"] * inserted
            changes = CHANGES.get(name, [f"{key} = {key}"])
            lines += [f"UPDATE peer.{name} SET {changes[i * len(changes) // updated]} WHERE {key} = :id;" for i in range(updated)]
            ends += [f"DELETE FROM peer.{name} WHERE {key} = :id;"] * min(deleted, 1)
        script = self.stack.script("\n".join([*lines, *ends, "COMMIT;"]) + "\n", "peer.pgbench")
        told = subprocess.run(["pgbench", "-n", "-M", "prepared", "-c", "8", "-j", "2", "-T", str(PEER_SECONDS), "-f", script,
                               self.stack.database_url], check=True, stdout=subprocess.PIPE, text=True).stdout
        return float(re.search(r"tps = ([\d.]+)", told).group(1))


def main():
    new = Installation(history=False)
    try:
        figures, writes = new.measure(PAYLOADS)
        some, _ = new.measure(SOME)
        peer = new.measure_peer(writes)
    finally:
        new.stack.close()
    old = Installation(history=True)
    try:
        beside, _ = old.measure(PAYLOADS)
    finally:
        old.stack.close()
    print(f"\nmedians of {ROUNDS}; rows written a lifecycle (inserted, updated, deleted): "
          + "; ".join(f"{name} {', '.join(map(str, counts))}" for name, counts in writes.items()) + "\n")
    print("| | lifecycles a second | CPU a payload of api_server, ms | of PostgreSQL, ms |\n|---|---|---|---|")
    for name, (rate, server, postgres) in ((f"{PAYLOADS:,} at once", figures), (f"{SOME:,} at once", some),
                                           (f"{PAYLOADS:,} at once beside a million", beside)):
        print(f"| {name} | {rate:,.0f} ({rate / figures[0]:.2f}x) | {server:.2f} | {postgres:.2f} |")
    print(f"| pgbench, the same row writes | {peer:,.0f} ({peer / figures[0]:.2f}x) | | |")


if __name__ == "__main__":
    main()
