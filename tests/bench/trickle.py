"""Where the CPU of payloads goes that come alone: one each TRICKLE seconds, to an instance each, over connections that are kept.

Prints the CPU of each part, with what it takes while nothing comes, and PostgreSQL's statements, as pg_stat_statements sees them:
how often a payload has them executed, and for how many milliseconds, plans included. PAYLOADS may be set in the environment.
"""

import os
import time

from bench.bench import cpu_of
from harness.api import payload_service
from harness.stack import Stack

PAYLOADS = int(os.environ.get("PAYLOADS", "40"))
INSTANCES = 20
TRICKLE = 0.5  # Seconds from one payload to the next.
IDLE = 20  # Seconds.
SHOWN = 12
SETTINGS = "-c shared_preload_libraries=pg_stat_statements -c pg_stat_statements.track_planning=on"
STATEMENTS = ("SELECT calls, round((total_exec_time + total_plan_time)::numeric, 3), "
              "left(regexp_replace(query, '\\s+', ' ', 'g'), 90) "
              "FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%' ORDER BY 2 DESC")


def send(stack, instances, payloads):
    """One each TRICKLE seconds, to the instances in turn."""
    begun = time.monotonic()
    for number in range(payloads):
        time.sleep(max(0, begun + number * TRICKLE - time.monotonic()))  # The trickle itself.
        stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(
            instance_ids=[instances[number % len(instances)].id], payload_content=b"exit 0\n", remote_path="/root/trickle.sh",
            execute_payload=True))


class Trickle:

    def __init__(self, stack):
        self.stack = stack
        self.instances = [stack.add_instance(f"instance-{i}") for i in range(INSTANCES)]
        self.parts = {"payload_worker": stack.workers, "api_server": stack.api_servers, "PostgreSQL": [stack.postgres]}
        stack.sql("CREATE EXTENSION pg_stat_statements")

    def send(self, payloads):
        send(self.stack, self.instances, payloads)
        time.sleep(2)  # For the last of them, and what comes after it.

    def measure(self, action):
        """Seconds, CPU seconds of each part, and the statements."""
        self.stack.sql("SELECT pg_stat_statements_reset()")
        used, begun = [cpu_of(processes) for processes in self.parts.values()], time.monotonic()
        action()
        cpu = [cpu_of(processes) - before for processes, before in zip(self.parts.values(), used)]
        seconds = time.monotonic() - begun
        return seconds, cpu, [line.split("|", 2) for line in self.stack.sql(STATEMENTS).splitlines()]


def main():
    os.environ["POSTGRES_OPTIONS"] = SETTINGS
    stack = Stack(instances=0)
    try:
        trickle = Trickle(stack)
        trickle.send(INSTANCES)  # Connections, plans.
        idle_seconds, idle, _ = trickle.measure(lambda: time.sleep(IDLE))
        seconds, cpu, statements = trickle.measure(lambda: trickle.send(PAYLOADS))
    finally:
        stack.close()
    print(f"\n{PAYLOADS} payloads, one each {TRICKLE} s\n")
    print("| CPU | " + " | ".join(trickle.parts) + " |\n|---|---|---|---|")
    print("| a payload, ms | " + " | ".join(f"{part * 1000 / PAYLOADS:.1f}" for part in cpu) + " |")
    print("| while nothing comes, ms a second | " + " | ".join(f"{part * 1000 / idle_seconds:.1f}" for part in idle) + " |")
    print("| so of a payload alone, ms | " + " | ".join(
        f"{(part - before * seconds / idle_seconds) * 1000 / PAYLOADS:.1f}" for part, before in zip(cpu, idle)) + " |")
    executed = sum(int(calls) for calls, _, _ in statements)
    commits = sum(int(calls) for calls, _, text in statements if text == "COMMIT")
    milliseconds = sum(float(taken) for _, taken, _ in statements)
    print(f"\n{executed / PAYLOADS:.0f} statements a payload, of which {commits / PAYLOADS:.1f} COMMIT; executed and planned in "
          f"{milliseconds / PAYLOADS:.1f} ms\n")
    print("| times a payload | ms a payload | statement |\n|---|---|---|")
    for calls, taken, text in statements[:SHOWN]:
        print(f"| {int(calls) / PAYLOADS:.1f} | {float(taken) / PAYLOADS:.2f} | `{text.replace('|', '/')}` |")


if __name__ == "__main__":
    main()
