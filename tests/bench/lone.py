"""What a payload costs that comes alone: round trips, processes on the instance, time to its first statement, CPU, transactions.

Prints the second table of docs/performance.md. A relay before the instance is late by half of DELAY in each direction; the
difference to none, divided by DELAY, is the number of round trips. ROUNDS may be set in the environment.
"""

import os
import statistics
import time

from bench.bench import Longshore, measure_dispatch
from bench.peers import Loop, ScpSsh, cpu_of_children
from bench.trickle import TRICKLE, send
from harness.patience import wait_until
from harness.stack import Stack

ROUNDS = int(os.environ.get("ROUNDS", "20"))
DELAY = 0.1


def median_time(run):
    times = []
    for _ in range(5):
        begun = time.monotonic()
        run()
        times.append(time.monotonic() - begun)
    return statistics.median(times)


def round_trips(relay, run):
    relay.delay = 0
    near = median_time(run)
    relay.delay = DELAY / 2
    far = median_time(run)
    relay.delay = 0
    return (far - near) / DELAY


def loop_round_trips(stack, instance):
    loop = Loop(stack)
    ports = [str(instance.relay.port)]
    cold = round_trips(instance.relay, lambda: loop.run([instance], ports=ports))
    # What three scripts more over the same connection cost.
    more = round_trips(instance.relay, lambda: loop.run([instance], times=4, ports=ports))
    return cold, (more - cold) / 3


def longshore_round_trips(*worker_flags):
    stack = Stack(worker_flags=worker_flags)
    try:
        longshore, instance = Longshore(stack), stack.instances[0]
        longshore.run([instance])  # The host key is pinned by a first payload.
        return round_trips(instance.relay, lambda: longshore.run([instance]))
    finally:
        stack.close()


def processes(stack, instance):
    """Processes of one payload on its instance, by the numbers of two scripts' own; without the script and the login's shell."""
    pids = []
    for _ in range(5):
        payload_id = stack.deploy("echo $$", instances=[instance]).payload_ids[0]
        pids.append(int(stack.wait(payload_id).output))
        wait_until(lambda: not instance.run_directories(), "the cleanup")
    return statistics.median(after - before for before, after in zip(pids, pids[1:])) - 2


def trickle(stack, instances):
    """CPU seconds and transactions a payload, one instance each, with what goes on besides."""
    longshore = Longshore(stack)
    transactions = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
    cpu, before = longshore.cpu(), int(stack.sql(transactions))
    send(stack, instances, len(instances))
    time.sleep(3)  # PostgreSQL tells its counts late.
    return (longshore.cpu() - cpu) / len(instances), (int(stack.sql(transactions)) - before - 1) / len(instances)


def main():
    stack = Stack(instances=0)
    try:
        instance = stack.add_instance("near")
        others = [stack.add_instance(f"other-{i}") for i in range(ROUNDS)]
        longshore, ssh = Longshore(stack), ScpSsh(stack)
        longshore.run([instance])
        loop_cold, loop_warm = loop_round_trips(stack, instance)
        cold, warm = longshore_round_trips("--ssh_idle_seconds=0"), longshore_round_trips()
        started = processes(stack, instance)
        first = statistics.median(measure_dispatch(longshore, instance)[0] for _ in range(ROUNDS))
        first_of_ssh = statistics.median(measure_dispatch(ssh, instance)[0] for _ in range(ROUNDS))
        used = cpu_of_children()
        Loop(stack).run(others)
        loop_cpu = (cpu_of_children() - used) / len(others)
        cpu_cold, _ = trickle(stack, others)
        cpu, transactions = trickle(stack, others)
        print("\n| | loop | longshore |\n|---|---|---|")
        print(f"| round trips, first script | {loop_cold:.1f} | {cold:.1f} |")
        print(f"| round trips, next script on the same connection | {loop_warm:.1f} | {warm:.1f} |")
        print(f"| processes on the instance, sshd's, the login shell and the script not counted | | {started:.0f} |")
        print(f"| call to first statement, idle, ms (scp + ssh: {first_of_ssh * 1000:.0f}) | | {first * 1000:.0f} |")
        print(f"| CPU a payload, one each {TRICKLE} s, first on each host, ms | {loop_cpu * 1000:.1f} "
              f"| {cpu_cold * 1000:.1f} ({cpu_cold / loop_cpu:.1f}x) |")
        print(f"| the same, connections kept, ms | | {cpu * 1000:.1f} ({cpu / loop_cpu:.1f}x) |")
        print(f"| transactions a payload | | {transactions:.1f} |")
    finally:
        stack.close()


if __name__ == "__main__":
    main()
