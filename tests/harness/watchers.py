"""Thousands of watches in a process of their own: tests/harness/watchers.cc."""

import itertools
import os
import re
import time

from harness.patience import Patience, wait_until
from harness.process import Process
from harness.programs import ROOT

NUMBERS = itertools.count()


class Watchers(Process):
    """Watches of `payload_ids`, in turn, or of a deployment. `idle` of them read one event and no other."""

    def __init__(self, stack, watches, payload_ids=(), deployment_id=0, idle=0, connections=1, api_server=0):
        self.watches = watches
        super().__init__(f"watchers-{next(NUMBERS)}", stack.directory, [
            os.path.join(ROOT, "tests/harness/watchers"), f"--server=127.0.0.1:{stack.api_servers[api_server].port}",
            f"--watches={watches}", "--payload_ids=" + ",".join(map(str, payload_ids)), f"--deployment_id={deployment_id}",
            f"--idle={idle}", f"--connections={connections}", f"--tls_ca={stack.tls.ca}"],
            env={"LONGSHORE_TOKEN": stack.token})
        self.start()

    def wait_watching(self):
        """Until each has had its first event."""
        said = f"watching {self.watches}\n"
        wait_until(lambda: said in self.read_log() or self.child.poll() is not None, "all watches to begin")
        return self

    def report(self):
        """Waits until all have ended; returns what they saw. Times are in microseconds."""
        patience = Patience("all watches to end")
        said = 0
        while self.child.poll() is None:
            if said < (said := os.path.getsize(self.log)):
                patience.renew()
            if patience.has_run_out():
                raise patience.error()
            time.sleep(0.02)
        if self.child.returncode != 0:
            raise AssertionError(f"{self.name}: {self.tail()}")
        lines = [line for line in self.read_log().splitlines() if not line.startswith("events ")]
        print(*lines[1:], sep="\n", flush=True)
        return {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", lines[-1])}
