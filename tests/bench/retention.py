"""What a year at 100,000 payloads a day, of which 90 days are kept, does to the database; scaled down.

DAYS days of PER_DAY payloads each are deployed, run by a simulated worker and stored; what is older than WINDOW days is moved
into the past and removed by `longshore prune`. A day takes seconds here, so autovacuum looks each second, and never rests; its
thresholds, which are shares of a table, stay as they are. A line a month of WINDOW days: the sizes of the tables with their
indexes, what a claim of 200 tasks takes PostgreSQL and how many pages it looks at, and all statements together a payload, with
those that remove it and those that move it into the past. DAYS, PER_DAY, WINDOW may be set in the environment.
"""

import os
import re
import subprocess
import time

from bench.simulated import API_FLAGS, add_instances, store
from harness.api import payload_service
from harness.programs import LONGSHORE
from harness.stack import Stack

DAYS = int(os.environ.get("DAYS", "120"))
PER_DAY = int(os.environ.get("PER_DAY", "5000"))
WINDOW = int(os.environ.get("WINDOW", "30"))
DEPLOYMENTS = 5  # A day.

TABLES = ("payloads", "tasks", "payload_output", "deployments", "request_ids")
SETTINGS = ("-c shared_preload_libraries=pg_stat_statements -c autovacuum_naptime=1s -c autovacuum_vacuum_cost_delay=0 "
            "-c fsync=off -c max_wal_size=4GB")
MEBIBYTE = 2**20


class Bench:

    def __init__(self, stack):
        self.stack = stack
        stack.sql("CREATE EXTENSION pg_stat_statements")
        self.ids = add_instances(stack, PER_DAY // DEPLOYMENTS)
        self.last_of_day = []  # The highest id of a payload.
        self.pruning = 0

    def day(self):
        """A day's payloads come, run and end; those of the day that leaves the window go."""
        number = len(self.last_of_day)
        for i in range(DEPLOYMENTS):
            self.stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(
                instance_ids=self.ids, payload_content=f"true {number} {i}".encode(), remote_path=f"/root/{i}.sh",
                execute_payload=True, request_id=f"{number}-{i}"))
        store(self.stack, DEPLOYMENTS * len(self.ids))
        self.last_of_day.append(int(self.stack.sql("SELECT max(id) FROM payloads")))
        if number >= WINDOW:
            self.prune(self.last_of_day[number - WINDOW])

    def prune(self, last):
        """Moves everything up to this payload a hundred days into the past, and has it removed."""
        began = time.monotonic()
        self.stack.sql(f"""SET session_replication_role = replica;
            UPDATE payloads SET finished_at = finished_at - interval '100 days'
              WHERE id <= {last} AND finished_at > now() - interval '90 days';
            UPDATE request_ids SET created_at = created_at - interval '100 days'
              WHERE created_at < (SELECT max(created_at) FROM payloads WHERE id <= {last});
            UPDATE scripts SET created_at = created_at - interval '100 days'
              WHERE created_at < (SELECT max(created_at) FROM payloads WHERE id <= {last})""")
        subprocess.run([LONGSHORE, "prune", "--database", self.stack.database_url], check=True, stdout=subprocess.DEVNULL)
        self.pruning += time.monotonic() - began

    def numbers(self, query):
        return [float(cell) for cell in re.split(r"[|\s]+", self.stack.sql(query).strip())]

    def month(self):
        """The figures since the last call."""
        payloads = WINDOW * PER_DAY
        figures = {table: [size / MEBIBYTE for size in self.numbers(
            f"SELECT pg_total_relation_size('{table}'), pg_indexes_size('{table}')")] for table in TABLES}
        figures["all"] = self.numbers("SELECT pg_database_size(current_database())")[0] / MEBIBYTE
        milliseconds, pages, rows = self.numbers(
            "SELECT sum(total_exec_time), sum(shared_blks_hit + shared_blks_read), sum(rows) FROM pg_stat_statements "
            "WHERE query LIKE 'WITH due AS MATERIALIZED%AS flow(%'")
        figures["claim"], figures["pages"] = milliseconds / rows * 200, pages / rows * 200
        figures["statements"] = self.numbers("SELECT sum(total_exec_time) FROM pg_stat_statements")[0] / payloads
        figures["pruning"], self.pruning = self.pruning * 1000 / payloads, 0
        self.stack.sql("SELECT pg_stat_statements_reset()")
        return figures


def main():
    os.environ["POSTGRES_OPTIONS"] = SETTINGS
    stack = Stack(instances=0, workers=0, api_flags=API_FLAGS)
    try:
        bench = Bench(stack)
        months = []
        print(f"{PER_DAY:,} payloads a day, {WINDOW} days kept; MiB, in brackets: of these, indexes\n")
        print("| after days | " + " | ".join(TABLES) + " | database | claim of 200, ms | its pages | statements a payload, ms "
              "| pruning a payload, ms |")
        print("|" + "---|" * (len(TABLES) + 6))
        for day in range(1, DAYS + 1):
            bench.day()
            if day % WINDOW != 0:
                continue
            months.append(bench.month())
            month = months[-1]
            cells = [f"{month[table][0]:.1f} ({month[table][1]:.1f})" for table in TABLES]
            cells += [f"{month['all']:.0f}", f"{month['claim']:.1f}", f"{month['pages']:.0f}"]
            cells += [f"{month['statements']:.2f}", f"{month['pruning']:.2f}"]
            print(f"| {day} | " + " | ".join(cells) + " |", flush=True)
        # The first month prunes nothing; from the second on all is as it stays.
        if len(months) > 2:
            print("\nlast month by the second: " + ", ".join(
                f"{name} {months[-1][name][0] / months[1][name][0]:.2f}x" for name in TABLES) +
                f"; claim, last by first: {months[-1]['claim'] / months[0]['claim']:.2f}x, its pages "
                f"{months[-1]['pages'] / months[0]['pages']:.2f}x")
    finally:
        stack.close()


if __name__ == "__main__":
    main()
