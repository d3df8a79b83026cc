"""When a test gives up: not when a clock says so, but when nothing has moved for PATIENCE seconds.

What moves is what Longshore has stored: a status, a byte of output, a line of a log. A machine half as fast gets there all the
same, later. The CPU time of the processes is no measure, nor are leases and tries: what spins, or tries for ever, has plenty.
"""

import contextlib
import subprocess
import threading
import time

from harness.programs import PSQL

# How long anything may take in which nothing else moves; a machine under load is slow, a broken product slower.
PATIENCE = 90
# How long anything may take at all.
LIMIT = 900
# Between two looks at what moves: what is over sooner, as nearly everything is, never pays for one.
LOOK = 5
# What only ever goes on. The status of a task that has not ended does not: it changes with each try.
STORED = """
SELECT 'payloads ' || status, count(*) FROM payloads GROUP BY 1 UNION ALL
SELECT 'instances ' || status, count(*) FROM instances GROUP BY 1 UNION ALL
SELECT 'ended tasks', count(*) FROM tasks WHERE status NOT IN ('PENDING', 'RUNNING') UNION ALL
SELECT 'output', sum(end_byte - start_byte) FROM payload_output UNION ALL
SELECT 'logs', sum(length(log)) FROM task_logs UNION ALL
SELECT 'cleanups', count(*) FROM run_cleanups ORDER BY 1"""


class Movement:
    """Says when what the databases of this process's tests have stored last changed; one look serves all who ask."""

    def __init__(self):
        self.stored = {}  # By the database's URL.
        self.looked = self.changed = time.monotonic()
        self.lock = threading.Lock()

    def watch(self, database_url):
        with self.lock:
            self.stored[database_url] = None

    def forget(self, database_url):
        with self.lock:
            self.stored.pop(database_url, None)

    def last(self):
        with self.lock:
            if time.monotonic() - self.looked > LOOK:
                for url, before in self.stored.items():
                    with contextlib.suppress(subprocess.SubprocessError):  # It does not answer, or has no tables yet.
                        now = subprocess.run([PSQL, "-X", "-A", "-t", "-c", STORED, url], check=True, capture_output=True,
                                             timeout=LOOK).stdout
                        if now != before:
                            self.stored[url] = now
                            self.changed = time.monotonic()
                self.looked = time.monotonic()
            return self.changed


MOVEMENT = Movement()


class Patience:
    """Runs out `seconds` after the last movement."""

    def __init__(self, what, seconds=PATIENCE):
        self.what, self.seconds = what, seconds
        self.begun = self.moved = time.monotonic()

    def renew(self):
        self.moved = time.monotonic()

    def has_run_out(self):
        now = time.monotonic()
        if now - self.moved > LOOK:
            self.moved = max(self.moved, MOVEMENT.last())
        return now - self.moved > self.seconds or now - self.begun > max(self.seconds, LIMIT)

    def error(self):
        now = time.monotonic()
        return AssertionError(f"waited {now - self.begun:.0f} s for {self.what}; {now - self.moved:.0f} s ago something moved")


def wait_until(condition, what, patience=PATIENCE, on_failure=None):
    """Polls `condition`, which looks at the outside of a process, until it is true; returns what it returned. What `on_failure`
    returns is told when it never is.
    """
    limit = Patience(what, patience)
    while not (value := condition()):
        if limit.has_run_out():
            raise AssertionError(f"{limit.error()}: {on_failure()}") if on_failure else limit.error()
        time.sleep(0.02)
    return value


class Watchdog:
    """For what cannot be polled: calls `give_up`, which ends what goes on within `with`, when the patience has run out."""

    def __init__(self, give_up, what, patience=PATIENCE):
        self.give_up = give_up
        self.patience = Patience(what, patience)
        self.resting = False
        self.bitten = False
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._oversee, daemon=True)

    def _oversee(self):
        while not self.over.wait(1):
            if not self.resting and self.patience.has_run_out():
                self.bitten = True
                self.give_up()
                return

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, error, trace):
        self.over.set()
        self.thread.join()
        if self.bitten:
            raise self.patience.error() from error


def follow(call, what="the next event of a stream", patience=PATIENCE):
    """The events of a gRPC call, which has no deadline: each event may take its time, and so may the reader between them."""
    with Watchdog(call.cancel, what, patience) as dog:
        for event in call:
            dog.resting = True
            yield event
            dog.patience.renew()
            dog.resting = False


def communicate(child, what, patience=PATIENCE):
    """What a child prints until its end: (standard output, standard error)."""
    with Watchdog(child.kill, what, patience):
        return child.communicate()
