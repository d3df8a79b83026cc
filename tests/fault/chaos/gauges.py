"""What a stack holds while it runs, sampled over time, and whether it grows."""

import csv
import os
import statistics

MEBIBYTE = 2**20
# Those that grow with what is asked for.
TABLES = ["payloads", "tasks", "payload_output", "deployments", "scripts", "request_ids", "audit_events", "webhook_events",
          "run_cleanups", "instances", "task_logs", "lease_groups"]
# Below these nothing has grown: a page or a thread more is no leak.
FLOORS = {"MiB": 1, "descriptors": 5, "threads": 5}


class Gauges:
    """Writes a line of CSV for each sample; the first line has the names, which end in their unit."""

    def __init__(self, stack, out):
        self.stack = stack
        self.processes = stack.api_servers + stack.workers
        self.out = csv.writer(out)
        self.file = out
        self.names = ["seconds"]
        for process in self.processes:
            self.names += [f"{process.name} MiB", f"{process.name} descriptors", f"{process.name} threads"]
        self.names += [f"{table} MiB" for table in TABLES] + ["database MiB", "open tasks", "payloads"]
        self.rows = []
        self.out.writerow(self.names)

    def sample(self, seconds):
        row = [round(seconds)]
        for process in self.processes:
            row += measured(process)
        sizes = ", ".join(f"pg_total_relation_size('{table}')" for table in TABLES)
        *sizes, open_tasks, payloads = map(int, self.stack.sql(
            f"SELECT {sizes}, pg_database_size(current_database()),"
            " (SELECT count(*) FROM tasks WHERE status IN ('PENDING', 'RUNNING')), (SELECT count(*) FROM payloads)").split("|"))
        row += [round(size / MEBIBYTE, 1) for size in sizes] + [open_tasks, payloads]
        self.rows.append(row)
        self.out.writerow(row)
        self.file.flush()

    def growth(self):
        """For each gauge the mean of the middle third of the time, that of the last, and whether it has grown by more than a
        tenth. In the first third, when it is more than half an hour, what comes and what goes is not in balance yet."""
        third = len(self.rows) // 3
        if third == 0:
            return
        middle, last = self.rows[third:2 * third], self.rows[2 * third:]
        for i, name in enumerate(self.names[1:-2], start=1):
            before, after = (statistics.fmean(row[i] for row in rows) for rows in (middle, last))
            floor = FLOORS[name.rsplit(" ", 1)[-1]]
            yield name, before, after, after > before * 1.1 + floor


def measured(process):
    """Resident MiB, descriptors, threads."""
    of_it = f"/proc/{process.child.pid}"
    return [round(process.resident() / MEBIBYTE, 1), len(os.listdir(f"{of_it}/fd")), len(os.listdir(f"{of_it}/task"))]
