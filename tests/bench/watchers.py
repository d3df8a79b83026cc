"""What ten thousand watches cost: memory, wake-up times, and the time of storing with and without them, in one run.

Each round deploys to INSTANCES instances that are none, once without watches, once with a watch of each payload over one
connection, and once with DEPLOYMENT_WATCHES of the deployment. A simulated worker then reports all at once; the time is that from
its first assignment to the last acknowledgement. CPU is of user and system. ROUNDS, INSTANCES and DEPLOYMENT_WATCHES may be set
in the environment.
"""

import os
import statistics

from bench.bench import cpu_of
from bench.simulated import API_FLAGS, add_instances, store
from harness.api import payload_service
from harness.stack import Stack
from harness.watchers import Watchers

INSTANCES = int(os.environ.get("INSTANCES", "10000"))
DEPLOYMENT_WATCHES = int(os.environ.get("DEPLOYMENT_WATCHES", "1000"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))


class Bench:

    def __init__(self, stack):
        self.stack = stack
        self.ids = add_instances(stack, INSTANCES)
        self.server = stack.api_servers[0]
        self.rounds = 0

    def deploy(self):
        self.rounds += 1
        self.stack.sql("ANALYZE")  # As autovacuum has, where payloads do not come ten thousand within a second.
        return self.stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(
            instance_ids=self.ids, payload_content=b"true", remote_path=f"/root/bench-{self.rounds}.sh", execute_payload=True))

    def round(self, watch):
        """The figures of one round; `watch` opens the watches of a deployment, or returns None."""
        response = self.deploy()
        before = self.server.resident()
        watchers = watch(response)
        opened = self.server.resident()
        cpu = [cpu_of([process]) for process in (self.server, self.stack.postgres)]
        figures = {"storing": store(self.stack, INSTANCES)}
        report = watchers.report() if watchers else {}
        figures["api_server"], figures["postgres"] = (
            (cpu_of([process]) - used) * 1000 / INSTANCES for process, used in zip((self.server, self.stack.postgres), cpu))
        figures["opened"], figures["after"] = ((size - before) / 2**20 for size in (opened, self.server.resident()))
        for quantile in ("median", "p99", "longest"):
            figures[quantile] = report.get(quantile + "_us", 0) / 1000
        if report.get("broken"):
            raise AssertionError(f"{report['broken']} watches broke off")
        return figures

    def of_payloads(self, response):
        return Watchers(self.stack, INSTANCES, payload_ids=response.payload_ids).wait_watching()

    def of_deployment(self, response):
        return Watchers(self.stack, DEPLOYMENT_WATCHES, deployment_id=response.deployment_id).wait_watching()


def main():
    stack = Stack(instances=0, workers=0, api_flags=API_FLAGS)
    try:
        bench = Bench(stack)
        kinds = {"none": lambda response: None, f"{INSTANCES:,} of payloads": bench.of_payloads,
                 f"{DEPLOYMENT_WATCHES:,} of the deployment": bench.of_deployment}
        bench.round(kinds["none"])  # Caches.
        rounds = {name: [] for name in kinds}
        for _ in range(ROUNDS):
            for name, watch in kinds.items():
                rounds[name].append(bench.round(watch))
                print(name, rounds[name][-1], flush=True)
        print(f"\n{INSTANCES:,} payloads; medians of {ROUNDS} rounds; in brackets: times that without watches\n")
        print("| watches | storing, s | api_server CPU a payload, ms | PostgreSQL CPU a payload, ms "
              "| memory once open, at the end, MiB | woken after, ms: median, p99, longest |")
        print("|---|---|---|---|---|---|")
        without = None
        for name, all_figures in rounds.items():
            figure = {key: statistics.median(figures[key] for figures in all_figures) for key in all_figures[0]}
            without = without or figure
            cells = [f"{figure[key]:.2f} ({figure[key] / without[key]:.1f}x)" for key in ("storing", "api_server", "postgres")]
            cells.append(f"{figure['opened']:.0f}, {figure['after']:.0f}")
            cells.append(", ".join(f"{figure[key]:.0f}" for key in ("median", "p99", "longest")))
            print(f"| {name} | " + " | ".join(cells) + " |")
    finally:
        stack.close()


if __name__ == "__main__":
    main()
