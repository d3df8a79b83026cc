"""PostgreSQL at fault: docs/guarantees.md rows 8, 9, 10 and 30."""

import itertools
import os
import signal
import subprocess
import threading
import unittest

import grpc

from harness.api import payload_service, pb
from harness.held import HELD, hold, let_go
from harness.patience import PATIENCE, wait_until
from harness.process import Process, free_port
from harness.programs import FAIL_POINTS
from harness.stack import Stack

# Goes on for some seconds, and waits in the middle if the test holds it.
SCRIPT = ("echo started >> /root/ledger\n"
          f"for i in $(seq 20); do echo line $i; sleep 0.1; if [ $i = 10 ]; then {HELD}; fi; done\n")
OUTPUT = "".join(f"line {i}\n" for i in range(1, 21))


class DatabaseFaultTest(unittest.TestCase):

    def start(self, **options):
        self.stack = Stack(instances=1, binaries=FAIL_POINTS, **options)
        self.addCleanup(self.stack.close)
        self.instance = self.stack.instances[0]

    def begin(self):
        """Deploys a script that has printed something and goes no further than the test lets it."""
        hold(self.instance)
        payload_id = self.stack.deploy(SCRIPT).payload_ids[0]
        self.stack.wait_output(payload_id, "line 2\n")
        return payload_id

    def let_it_end(self, payload_id):
        let_go(self.instance)
        result = os.path.join(self.stack.run_directory(self.instance, payload_id), "result")
        wait_until(lambda: os.path.exists(result) or not self.instance.run_directories(), "the script's end")

    def assert_right(self, payload_id):
        payload = self.stack.wait(payload_id)
        self.assertEqual((payload.status, payload.output), (pb.PAYLOAD_STATUS_COMPLETED, OUTPUT), payload)
        self.assertEqual(self.instance.ledger(), ["started"])

    def request(self, request_id):
        return payload_service.DeployPayloadRequest(instance_ids=[self.instance.id], payload_content=SCRIPT.encode(),
                                                    execute_payload=True, request_id=request_id, remote_path="/root/s.sh")

    def counts(self):
        return self.stack.sql("SELECT (SELECT count(*) FROM deployments), (SELECT count(*) FROM payloads),"
                              " (SELECT count(*) FROM tasks)")

    # Row 8.

    def test_connections_refused_while_a_script_runs(self):
        self.start(api_servers=2, workers=2, relay_database=True)
        payload_id = self.begin()
        for relay in self.stack.database_relays:
            relay.cut()
        self.let_it_end(payload_id)
        with self.assertRaises(grpc.RpcError) as caught:
            self.stack.payloads.DeployPayload(self.request("while-away"), timeout=PATIENCE)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAVAILABLE)
        self.assertEqual(self.counts(), "1|1|1")
        for relay in self.stack.database_relays:
            relay.heal()
        self.assert_right(payload_id)

    # Row 9.

    def test_disk_full_under_postgres(self):
        disk = "/tmp/longshore-small-disk"
        os.makedirs(disk, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m,mode=755", "tmpfs", disk], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", disk])
        self.start(postgres_directory=disk)
        payload_id = self.begin()
        ballast = os.path.join(disk, "ballast")
        subprocess.run(["dd", "if=/dev/zero", f"of={ballast}", "bs=64k"], stderr=subprocess.DEVNULL, check=False)

        def refused():
            """Asked again and again until it shows: there is room left in files that are there."""
            try:
                self.stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(
                    instance_ids=[self.instance.id], payload_content=os.urandom(400000), remote_path="/root/x.sh"), timeout=10)
                return False
            except grpc.RpcError as error:
                self.assertIn(error.code(), (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED), error.details())
                return True
        wait_until(refused, "the full disk")
        let_go(self.instance)
        os.remove(ballast)
        if self.stack.postgres.child.poll() is not None:  # It gives up when it cannot write its log.
            self.stack.postgres.start()
        self.assert_right(payload_id)
        deployments, payloads, tasks = wait_until(self.counts, "the database").split("|")
        self.assertEqual((deployments, payloads), (tasks, tasks), "nothing half written")

    def trouble(self, table, state, times):
        """The next writes to the table fail with the SQLSTATE."""
        self.stack.sql(f"""
            CREATE SEQUENCE trouble;
            CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              IF nextval('trouble') <= {times} THEN RAISE EXCEPTION 'trouble' USING ERRCODE = '{state}'; END IF;
              RETURN NULL; END $$;
            CREATE TRIGGER trouble AFTER INSERT OR UPDATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION trouble();""")

    def test_deadlocks_serialization_failures_and_timeouts(self):
        """What PostgreSQL says in each case; real deadlocks are the chaos run's business."""
        self.start()
        for number, state in enumerate(["40P01", "40001", "55P03", "57014"]):
            for table in ("tasks", "payloads", "payload_output"):
                with self.subTest(state, table=table):
                    self.trouble(table, state, times=4)
                    payload_id = self.stack.payloads.DeployPayload(self.request(f"{number}-{table}")).payload_ids[0]
                    payload = self.stack.wait(payload_id)
                    self.assertEqual((payload.status, payload.output), (pb.PAYLOAD_STATUS_COMPLETED, OUTPUT), payload)
                    self.assertEqual(self.instance.ledger().pop(), "started")
                    self.stack.sql("DROP FUNCTION trouble CASCADE; DROP SEQUENCE trouble")
        self.assertEqual(len(self.instance.ledger()), 12)

    def test_a_lock_that_is_held_for_long(self):
        self.start()
        payload_id = self.begin()
        holder = subprocess.Popen(["psql", "-X", "-q", "-c", "BEGIN; LOCK TABLE tasks IN EXCLUSIVE MODE; SELECT pg_sleep(25)",
                                   self.stack.database_url], stdout=subprocess.DEVNULL)
        self.addCleanup(holder.wait)
        self.addCleanup(holder.kill)
        wait_until(lambda: self.stack.sql("SELECT count(*) FROM pg_locks WHERE relation = 'tasks'::regclass AND granted"
                                          " AND mode = 'ExclusiveLock'") == "1", "the lock")
        self.let_it_end(payload_id)
        self.assert_right(payload_id)

    # Row 10.

    def test_the_answers_to_commits_are_lost_for_a_while(self):
        """Of whatever commits just then: claims, results, renewals. A claim whose answer is lost is made again after its
        lease."""
        self.start(api_servers=2, workers=2, api_flags=["--lease_duration_ms=1500"])
        stop = threading.Event()

        def lose():
            # In turn: on a slow machine that commits once in 0.3 s, every answer of both would be lost, and nothing could go on.
            for server in itertools.cycle(self.stack.api_servers):
                if stop.is_set():
                    return
                server.arm("database.committed", "error lost")
                stop.wait(0.3)

        thread = threading.Thread(target=lose)
        thread.start()
        try:
            payload_id = self.ask_until_answered("lost-commit").payload_ids[0]
            wait_until(lambda: self.instance.ledger(), "the start")
            run = os.path.join(self.stack.run_directory(self.instance, payload_id), "result")
            wait_until(lambda: os.path.exists(run) or not self.instance.run_directories(), "the script's end")
        finally:
            stop.set()
            thread.join()
        for server in self.stack.api_servers:
            server.release("database.committed")
        self.assert_right(payload_id)
        self.assertEqual(self.counts(), "1|1|1")
        raw = b"".join(e.output.data for e in self.stack.watch(payload_id))
        self.assertEqual(raw.decode(), OUTPUT, "no second output chunk")

    def ask_until_answered(self, request_id):
        def ask():
            try:
                return self.stack.payloads.DeployPayload(self.request(request_id), timeout=PATIENCE)
            except grpc.RpcError as error:
                self.assertEqual(error.code(), grpc.StatusCode.UNAVAILABLE, error.details())
                return None
        return wait_until(ask, "an answer")

    def test_the_answer_to_a_request_is_lost(self):
        self.start()
        self.stack.api_servers[0].arm("request.committed", "error the answer is lost")
        with self.assertRaises(grpc.RpcError) as caught:
            self.stack.payloads.DeployPayload(self.request("once"))
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAVAILABLE)
        first = self.stack.payloads.DeployPayload(self.request("once"))
        self.assertEqual(self.stack.payloads.DeployPayload(self.request("once")), first)
        self.assert_right(first.payload_ids[0])
        self.assertEqual(self.counts(), "1|1|1")

    def test_api_server_killed_before_and_after_the_commit_of_a_request(self):
        self.start(api_servers=2)
        for number, point in enumerate(["request.prepared", "database.committing", "request.committed"]):
            with self.subTest(point):
                server = self.stack.api_servers[0]
                server.arm(point, "crash")
                self.stack.use(0)
                with self.assertRaises(grpc.RpcError):
                    # The first commit may be another's: it dies all the same.
                    while True:
                        self.stack.payloads.DeployPayload(self.request(point), timeout=PATIENCE)
                server.kill()
                self.stack.use(1)
                answer = self.ask_until_answered(point)
                self.stack.wait(answer.payload_ids[0])
                server.start()
                self.assertEqual(self.counts(), f"{number + 1}|{number + 1}|{number + 1}")
                self.assertEqual(self.instance.ledger(), ["started"] * (number + 1))

    # Row 30.

    def test_killed_in_a_migration(self):
        directory = self.fresh_database()
        for point in ("migrator.committing", "migrator.committed"):
            server = self.server(directory, f"victim-{point}")
            server.arm(point, "crash")
            server.start(wait=False)
            self.assertEqual(server.ended(), -signal.SIGKILL)
        servers = [self.server(directory, f"together-{i}").start() for i in range(3)]
        versions = self.sql("SELECT string_agg(version::text, ',' ORDER BY version) FROM schema_migrations")
        self.assertEqual(versions, ",".join(str(n) for n in range(1, len(versions.split(",")) + 1)))
        for server in servers:
            self.assertEqual(server.terminate(), 0)

    def test_an_older_binary_refuses_a_newer_schema(self):
        directory = self.fresh_database()
        server = self.server(directory, "current").start()
        server.terminate()
        self.sql("INSERT INTO schema_migrations (version, name) VALUES (9999, 'of_tomorrow')")
        older = self.server(directory, "older")
        older.start(wait=False)
        self.assertEqual(older.ended(), 1)
        self.assertIn("start a newer binary", older.tail())

    def fresh_database(self):
        self.stack = Stack(instances=0, workers=0, api_servers=0)
        self.addCleanup(self.stack.close)
        return self.stack.directory

    def sql(self, query):
        return self.stack.sql(query)

    def server(self, directory, name):
        port = free_port()
        process = Process(name, directory, [
            FAIL_POINTS["api_server"], f"--listen=127.0.0.1:{port}", f"--worker_listen=127.0.0.1:{free_port()}",
            f"--database_url={self.stack.database_url}", *self.stack.api_flags()], port)
        self.addCleanup(process.kill)
        return process


if __name__ == "__main__":
    unittest.main()
