"""The primary dies and its synchronous standby is promoted, under load, again and again: row 54 of docs/guarantees.md.

LONGSHORE_FAILOVERS says how often; three times without it.
"""

import glob
import os
import random
import subprocess
import threading
import time
import unittest

import grpc

from harness.api import payload_service, pb
from harness.errors import server_went_away
from harness.patience import PATIENCE, wait_until
from harness.process import Process, free_port
from harness.programs import LONGSHORE, POSTGRES
from harness.stack import Stack

FAILOVERS = int(os.environ.get("LONGSHORE_FAILOVERS", 3))
CLIENTS = 4
BIN = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
AS_POSTGRES = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--")


class Pair(Stack):
    """A stack over a primary and a synchronous standby, which api_servers know by one URL. `postgres` is the primary."""

    def _start_postgres(self, directory):
        self.ports = [free_port(), free_port()]
        self.generation = 0
        data = os.path.join(directory, "postgres-0")
        subprocess.run([POSTGRES, "init", data, "cached"], check=True)
        self.database_url = self.url_of("longshore", None)
        primary = self.run_postgres(data, self.ports[0])
        self.standby = self.start_standby(primary)
        return primary

    def run_postgres(self, data, port):
        process = Process(f"postgres-{self.generation}", self.directory, [POSTGRES, "run", data, str(port)], port)
        process.data = data
        process.start()
        wait_until(lambda: self.ask(process, "SELECT 1") == "1", "PostgreSQL")
        return process

    @staticmethod
    def ask(process, query):
        url = f"postgresql://longshore@127.0.0.1:{process.port}/postgres"
        return subprocess.run(["psql", "-X", "-A", "-t", "-c", query, url], capture_output=True, text=True).stdout.strip()

    def url_of(self, role, port):
        hosts = ",".join(f"127.0.0.1:{one}" for one in self.ports)
        return f"postgresql://{role}@{hosts}/postgres?target_session_attrs=read-write"

    def start_standby(self, primary):
        """A new copy of the primary, on the port that it leaves free, without which no commit is acknowledged from now on."""
        self.generation += 1
        directory = os.path.join(self.directory, f"postgres-{self.generation}")
        os.mkdir(directory)
        subprocess.run(["chown", "postgres:", directory], check=True)
        port = next(one for one in self.ports if one != primary.port)
        subprocess.run([*AS_POSTGRES, f"{BIN}/pg_basebackup", "-h", "127.0.0.1", "-p", str(primary.port), "-U", "longshore",
                        "-D", f"{directory}/data", "-R", "-c", "fast", "--no-sync"], check=True, cwd="/")
        with open(f"{directory}/data/postgresql.auto.conf", "a") as file:
            file.write("synchronous_standby_names = ''\n")  # Whoever takes over has no standby at first.
        standby = self.run_postgres(directory, port)
        self.ask(primary, "ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.ask(primary, "SELECT pg_reload_conf()")
        wait_until(lambda: self.ask(primary, "SELECT sync_state FROM pg_stat_replication") == "sync", "a synchronous standby")
        return standby

    def fail_over(self):
        self.postgres.kill()
        self.postgres = self.standby
        self.ask(self.postgres, "SELECT pg_promote()")
        wait_until(lambda: self.ask(self.postgres, "SELECT pg_is_in_recovery()") == "f", "the promotion")

    def stop(self):
        super().stop()
        self.standby.kill()


class FailoverTest(unittest.TestCase):

    def setUp(self):
        self.stack = Pair(instances=2, api_servers=2, workers=2)
        self.addCleanup(self.stack.close)
        self.stop = threading.Event()
        self.acknowledged = {}  # Payload id -> what it wrote.
        self.problems = []

    def deploy(self, request):
        """The answer: whoever gets none asks again, by the same request id."""
        begun = time.monotonic()
        for turn in range(100000):
            try:
                return self.stack.stubs(turn % 2).payloads.DeployPayload(request, timeout=PATIENCE)
            except grpc.RpcError as error:
                if not server_went_away(error) or time.monotonic() - begun > PATIENCE:
                    raise
                time.sleep(0.05)
        raise AssertionError("never answered")

    def client(self, number):
        rng = random.Random(number)
        turn = 0
        try:
            while not self.stop.is_set():
                turn += 1
                token = f"c{number}-{turn}"
                text = f"echo {token} >> /root/ledger; echo {token}; sleep 0.{rng.randint(0, 9)}\n"
                answer = self.deploy(payload_service.DeployPayloadRequest(
                    instance_ids=[rng.choice(self.stack.instances).id], payload_content=text.encode(), execute_payload=True,
                    remote_path=f"/root/{token}.sh", request_id=token))
                self.acknowledged[answer.payload_ids[0]] = token
                self.stop.wait(0.1)
        except BaseException as error:  # Told below.
            self.problems.append(error)

    def wait_for_more(self):
        target = len(self.acknowledged) + 3 * CLIENTS
        wait_until(lambda: self.problems or len(self.acknowledged) >= target, "more requests to be acknowledged")

    def test_nothing_acknowledged_is_lost_and_nothing_runs_twice(self):
        clients = [threading.Thread(target=self.client, args=(number,)) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        self.addCleanup(self.stop.set)
        for _ in range(FAILOVERS):
            self.wait_for_more()
            time.sleep(random.random())  # At any moment.
            self.stack.fail_over()
            self.wait_for_more()
            self.stack.standby = self.stack.start_standby(self.stack.postgres)
        self.wait_for_more()
        self.stop.set()
        for client in clients:
            client.join()
        self.assertEqual(self.problems, [])
        for payload_id, token in self.acknowledged.items():
            payload = self.stack.wait(payload_id)
            self.assertEqual((payload.status, payload.output), (pb.PAYLOAD_STATUS_COMPLETED, f"{token}\n"))
        ledger = [word for instance in self.stack.instances for word in instance.ledger()]
        self.assertEqual(sorted(ledger), sorted(self.acknowledged.values()))
        wait_until(lambda: self.stack.sql("SELECT count(*) FROM run_cleanups") == "0", "the cleanups")
        run = subprocess.run([LONGSHORE, "verify", "--quiescent", "--database", self.stack.database_url], capture_output=True,
                             text=True)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        print(f"{FAILOVERS} failovers under {len(ledger)} payloads")


if __name__ == "__main__":
    unittest.main()
