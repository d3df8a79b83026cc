"""What is secret in a stack, and where it must not stand: logs, the audit, arguments and environments of the servers and of their
children. Every stack is searched when it ends."""

import contextlib
import glob
import os
import subprocess


def secrets_of(stack):
    """Name -> bytes that stand in no other place."""
    found = {}
    if stack.token:
        found["the token"] = stack.token.split("_")[-1].encode()
    for path in [stack.key, *glob.glob(os.path.join(stack.directory, "tls", "**", "*.key"), recursive=True)]:
        with open(path, "rb") as file:
            # What stands before the last line and the end is nobody else's.
            found[path] = file.read().splitlines()[-3]
    return found


def descendants(pid):
    """The process and all that it has begun."""
    yield pid
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        with contextlib.suppress(OSError), open(path) as file:
            for child in file.read().split():
                yield from descendants(int(child))


def read(path):
    with contextlib.suppress(OSError), open(path, "rb") as file:
        return file.read()
    return b""


def places(stack):
    """(name, bytes) of each place. The instances are not searched: they are where scripts run."""
    for process in [stack.postgres, *stack.api_servers, *stack.workers]:
        yield process.log, read(process.log)
        if process.child.poll() is not None:
            continue
        for pid in descendants(process.child.pid):
            for what in ("cmdline", "environ"):
                yield f"{what} of {process.name}'s process {pid}", read(f"/proc/{pid}/{what}")
    if stack.postgres.child.poll() is not None:
        return
    with contextlib.suppress(subprocess.TimeoutExpired):  # It may be one that a test has stopped.
        audit = subprocess.run(["psql", "-X", "-q", "-c", "TABLE audit_events", stack.database_url], capture_output=True,
                               timeout=10, check=False)
        yield "the audit", audit.stdout


def out_of_place(stack):
    """Words about secrets that stand where they must not, and about servers that would dump them."""
    secrets = secrets_of(stack)
    found = [f"{name} stands in {place}" for place, text in places(stack) for name, secret in secrets.items() if secret in text]
    for process in stack.api_servers + stack.workers:
        limits = read(f"/proc/{process.child.pid}/limits") if process.child.poll() is None else b""
        for line in limits.splitlines():
            if line.startswith(b"Max core file size") and line.split()[4] != b"0":
                found.append(f"{process.name} would leave a core dump: {line.decode()}")
    return found
