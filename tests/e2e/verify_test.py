"""`longshore verify` against a database in which every kind of payload has lived: it finds nothing wrong there, and each
violation that is planted.
"""

import json
import os
import subprocess
import unittest

from harness.api import payload_service, pb
from harness.patience import wait_until
from harness.programs import LONGSHORE
from harness.stack import Stack

# So that planting can write what the schema forbids; the guards are missed by the checks too, so each plant names its own.
UNGUARD = ("ALTER TABLE payloads DISABLE TRIGGER ALL; ALTER TABLE tasks DISABLE TRIGGER ALL; "
           "SET session_replication_role = replica; ")
DROP_CONSTRAINTS = """
DO $$ DECLARE c record; BEGIN
  FOR c IN SELECT conrelid::regclass AS name, conname FROM pg_constraint WHERE contype IN ('c', 'f')
    AND conrelid IN ('payloads'::regclass, 'tasks'::regclass, 'payload_output'::regclass) LOOP
    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.name, c.conname);
  END LOOP; END $$;
DROP INDEX tasks_remote_path;
"""

# Invariant, check, and what is planted; of the payloads and tasks that setUpClass makes.
PLANTS = [
    (1, "an open payload has a task that will end it",
     "UPDATE payloads SET status = 'EXECUTING', finished_at = NULL WHERE id = {completed}"),
    (1, "a lease that has run out is given to another",
     "UPDATE tasks SET status = 'RUNNING', lease_until = now() - interval '1 hour' WHERE id = {task}"),
    (1, "a lease that has run out is given to another",
     "UPDATE tasks SET status = 'RUNNING', lease_until = '9999-12-31 00:00:00+00', lease_group = 999 WHERE id = {task}"),
    (1, "a lease that has run out is given to another",
     "WITH ended AS (INSERT INTO lease_groups (worker, lease_until) VALUES ('w', now() - interval '1 hour') RETURNING id)"
     " UPDATE tasks t SET status = 'RUNNING', lease_until = '9999-12-31 00:00:00+00', lease_group = ended.id FROM ended"
     " WHERE t.id = {task}"),
    (1, "a payload that cannot be delivered fails in time",
     "UPDATE tasks SET status = 'PENDING', deliver_by = now() - interval '1 hour' WHERE id = {task}"),
    (1, "a task waits for something that will come",
     "UPDATE tasks SET status = 'PENDING', blocked_by = id + 1 WHERE id = {task}"),
    (1, "a task waits for something that will come",
     "UPDATE tasks SET status = 'PENDING', waiting_since = now() - interval '1 hour' WHERE id = {task}"),
    (1, "a task waits for something that will come", "UPDATE tasks SET status = 'PENDING', gated = true WHERE id = {task}"),
    (1, "everything has come to its end or its rest", "UPDATE tasks SET status = 'PENDING' WHERE id = {task}"),
    (2, "one task at a time works on a payload",
     "UPDATE tasks SET status = 'RUNNING', lease_until = now(), payload_id = {completed} WHERE id IN ({task}, {task} + 1)"),
    (2, "no output is of an attempt that nobody asked for",
     "UPDATE payload_output SET attempt = 2 WHERE payload_id = {completed}"),
    (2, "a remote_path has one payload at a time",
     "UPDATE payloads SET status = 'EXECUTING', remote_path = '/root/x.sh', instance_id = 1 WHERE id IN ({completed}, {failed})"),
    (3, "COMPLETED means exit status 0", "UPDATE payloads SET exit_code = 1 WHERE id = {completed}"),
    (3, "COMPLETED means exit status 0", "UPDATE payloads SET status = 'COMPLETED', failure_reason = '' WHERE id = {failed}"),
    (3, "exit status 0 means COMPLETED", "UPDATE payloads SET exit_code = 0 WHERE id = {failed}"),
    (3, "a failure's reason agrees with its result", "UPDATE payloads SET failure_reason = 'INTERRUPTED' WHERE id = {failed}"),
    (3, "a failure's reason agrees with its result", "UPDATE payloads SET executed = false WHERE id = {failed}"),
    (4, "the output has no gap and no byte twice",
     "UPDATE payload_output SET start_byte = start_byte + 1 WHERE payload_id = {completed} AND start_byte > 0"),
    (4, "the output has no gap and no byte twice",
     "UPDATE payload_output SET start_byte = start_byte - 1 WHERE payload_id = {completed} AND start_byte > 0"),
    (4, "the output is complete",
     "DELETE FROM payload_output o WHERE payload_id = {completed} AND start_byte = "
     "(SELECT max(start_byte) FROM payload_output WHERE payload_id = o.payload_id)"),
    (4, "output over the limit is exactly head and tail", "UPDATE payloads SET output_truncated = false WHERE id = {large}"),
    (4, "output over the limit is exactly head and tail",
     "UPDATE payload_output SET start_byte = start_byte + 1 WHERE payload_id = {large} AND start_byte > 600000"),
    (5, "the guards of the state machines are in place", "DROP TRIGGER tasks_guard ON tasks"),
    (5, "executed and times agree with the status", "UPDATE payloads SET finished_at = NULL WHERE id = {completed}"),
    (5, "executed and times agree with the status", "UPDATE payloads SET started_at = NULL WHERE id = {failed}"),
    (5, "a payload that has ended has no task that has not", "UPDATE tasks SET status = 'PENDING' WHERE id = {task}"),
    (5, "the last task of a payload agrees with it", "UPDATE tasks SET status = 'FAILED' WHERE id = {task}"),
    (6, "payload and task belong together", "UPDATE payloads SET task_id = task_id + 1 WHERE id = {completed}"),
    (6, "payload and task belong together", "UPDATE payloads SET task_id = 999999 WHERE id = {completed}"),
    (6, "a deployment has one payload for each of its instances",
     "INSERT INTO payloads (deployment_id, instance_id, remote_path, status, execute_payload, timeout, task_id, error,"
     " failure_reason, finished_at) SELECT deployment_id, instance_id, remote_path, status, execute_payload, timeout, task_id,"
     " error, failure_reason, finished_at FROM payloads WHERE id = {completed}"),
    (6, "an accepted request has its answer", "UPDATE request_ids SET response = ''"),
    (6, "a webhook is told of every end and every stop",
     "INSERT INTO webhooks (name, since) VALUES ('w', now() - interval '1 day')"),
    (6, "a webhook is told of every end and every stop",
     "INSERT INTO webhooks (name, since) VALUES ('w', now() - interval '1 day');"
     "INSERT INTO webhook_events (id, webhook, deployment_id, kind, body, created_at, delivered_at) SELECT gen_random_uuid(),"
     " 'w', id, 'deployment.ended', '', now(), now() FROM deployments; UPDATE deployments SET stop_reason = 'because'"),
    (7, "the output was written by holders in the order of their leases",
     "UPDATE tasks SET lease_epoch = 9 WHERE id = {task};"
     "UPDATE payload_output SET lease_epoch = 9 WHERE payload_id = {completed} AND start_byte = 0"),
    (7, "nobody wrote under a lease that was never given",
     "UPDATE payload_output SET lease_epoch = 9 WHERE payload_id = {completed}"),
    (7, "nobody wrote under a lease that was never given", "UPDATE tasks SET lease_epoch = 0 WHERE id = {task}"),
    (8, "nothing is left to be removed from instances",
     "INSERT INTO run_cleanups (payload_id, attempt, instance_id, run_at) VALUES ({completed}, 1, 1, now())"),
    (9, "no more run on an instance than may",
     "INSERT INTO tasks (type, status, payload_id, instance_id, remote_path, deliver_by, lease_until) SELECT 'PAYLOAD_TRANSFER',"
     " 'RUNNING', {completed}, 1, '/' || n, now(), now() FROM generate_series(1, 9) n"),
    (9, "no more of a deployment run than its rollout allows",
     "UPDATE deployments SET max_concurrency = 1; INSERT INTO tasks (type, status, payload_id, instance_id, remote_path,"
     " deliver_by, lease_until, deployment_id) SELECT 'PAYLOAD_TRANSFER', 'RUNNING', {completed}, 1, '/' || n, now(), now(), 1"
     " FROM generate_series(1, 2) n"),
    (9, "a rollout stops at max_errors and not before",
     "UPDATE deployments SET max_errors = 1 WHERE id = (SELECT deployment_id FROM payloads WHERE id = {failed})"),
    (9, "a rollout stops at max_errors and not before",
     "UPDATE deployments SET stop_reason = 'because', max_errors = 5"),
    (10, "no private key is in an error or a log",
     "UPDATE payloads SET error = '-----BEGIN OPENSSH PRIVATE KEY-----' WHERE id = {failed}"),
]


class VerifyTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = stack = Stack(instances=2)
        completed = stack.deploy("echo one; sleep 0.5; echo two; sleep 0.5; echo three", request_id="once").payload_ids[0]
        large = stack.deploy("head -c 3000000 /dev/zero | tr '\\0' x", instances=[stack.instances[1]]).payload_ids[0]
        failed = stack.deploy("echo no; exit 3").payload_ids[0]
        timed_out = stack.deploy("sleep 100", timeout=1, instances=[stack.instances[1]]).payload_ids[0]
        resting = stack.deploy("true", execute=False).payload_ids[0]
        cancelled = stack.deploy("sleep 100", instances=[stack.instances[0]]).payload_ids[0]
        stack.wait(cancelled, [pb.PAYLOAD_STATUS_EXECUTING])
        stack.payloads.CancelPayload(payload_service.CancelPayloadRequest(payload_id=cancelled))
        stack.wait(timed_out)
        wait_until(lambda: stack.sql("SELECT count(*) FROM tasks WHERE status IN ('PENDING', 'RUNNING')") == "0",
                   "the end of all")
        cls.names = {"completed": completed, "failed": failed, "large": large, "resting": resting,
                     "task": stack.get(completed).task_id}
        wait_until(lambda: stack.sql("SELECT count(*) FROM run_cleanups") == "0", "the cleanups")
        # Templates take no sessions beside.
        stack.api_servers[0].terminate()

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def verify(self, *words, database=None):
        """The exit status, and the violations."""
        url = self.stack.database_url.replace("/postgres", f"/{database or 'postgres'}")
        run = subprocess.run([LONGSHORE, "verify", "--json", "--database", url, *words], capture_output=True, text=True)
        self.last = run.stderr
        return run.returncode, [json.loads(line) for line in run.stdout.splitlines()]

    def planted(self, statement):
        """A copy of the database in which something is wrong."""
        self.stack.sql("DROP DATABASE IF EXISTS planted")
        subprocess.run(["psql", "-X", "-q", "-c", "CREATE DATABASE planted TEMPLATE postgres",
                        self.stack.database_url.replace("/postgres", "/template1")], check=True)
        text = statement.format(**self.names)
        before = "" if "TRIGGER" in text else DROP_CONSTRAINTS + UNGUARD
        after = "" if "TRIGGER" in text else (
            "; ALTER TABLE payloads ENABLE TRIGGER ALL; ALTER TABLE tasks ENABLE TRIGGER ALL;")
        subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", self.stack.database_url.replace("/postgres", "/planted")],
                       input=before + text + after, text=True, check=True)
        return "planted"

    def test_nothing_wrong(self):
        self.assertEqual(self.verify("--quiescent", "--instances", "--ssh-key", self.stack.key), (0, []), self.last)
        self.assertIn("2 instances: 0 violations", self.last)

    def test_each_planted_violation_is_found(self):
        for invariant, check, statement in PLANTS:
            with self.subTest(statement):
                status, found = self.verify("--quiescent", database=self.planted(statement))
                self.assertEqual(status, 1, self.last)
                self.assertIn((invariant, check), [(v["invariant"], v["check"]) for v in found])

    def test_every_check_has_a_plant(self):
        # Two look at the sessions of the moment: a transaction that has been idle for half a minute, and a lock kept for a whole
        # one.
        self.verify()
        count = int(self.last.split()[0])
        self.assertEqual(len({check for _, check, _ in PLANTS}) + 2, count)

    def run_of(self, name):
        """The name of a payload's run on its instance."""
        return self.stack.sql(f"SELECT run_id FROM payloads WHERE id = {self.names[name]}")

    def leave(self, *names):
        """Run directories that are left on the first instance."""
        for name in names:
            directory = os.path.join(self.stack.instances[0].path("/var/lib/longshore/runs"), name)
            os.mkdir(directory)
            self.addCleanup(os.rmdir, directory)

    def test_leftovers_on_an_instance(self):
        completed, large = self.run_of("completed"), self.run_of("large")
        self.leave(completed)
        upload = self.stack.instances[1].path(f"/root/.longshore-{large}.1-1")
        with open(upload, "w"):
            self.addCleanup(os.remove, upload)
        status, found = self.verify("--instances", "--ssh-key", self.stack.key)
        self.assertEqual(status, 1)
        self.assertEqual({v["invariant"] for v in found}, {8})
        self.assertEqual({(v["subject"], v["detail"]) for v in found},
                         {("instance 1", f"run {completed}"), ("instance 2", f"upload .longshore-{large}.1-1")})

    def test_what_is_another_installations_is_no_leftover(self):
        # One of them has the name that a run of this database had before runs had ids.
        self.leave("0123456789abcdef0123456789abcdef", f"{self.names['completed']}.1", "999999.1")
        self.assertEqual(self.verify("--instances", "--ssh-key", self.stack.key), (0, []))
        self.assertIn("3 run directories or uploads on them are not this database's", self.last)

    def test_leftovers_from_before_runs_had_ids(self):
        completed = self.names["completed"]
        url = self.planted("ALTER TABLE payloads DISABLE TRIGGER ALL; UPDATE payloads SET run_id = ''"
                           f" WHERE id = {completed}")
        self.leave(f"{completed}.1")
        status, found = self.verify("--instances", "--ssh-key", self.stack.key, database=url)
        self.assertEqual((status, [v["detail"] for v in found if v["invariant"] == 8]), (1, [f"run {completed}.1"]))

    def test_what_rests_is_no_leftover(self):
        self.leave(self.run_of("resting"))
        self.assertEqual(self.verify("--instances", "--ssh-key", self.stack.key), (0, []))

    def test_an_instance_that_is_not_reached_is_said(self):
        self.stack.instances[1].relay.cut()
        self.addCleanup(self.stack.instances[1].relay.heal)
        status, found = self.verify("--instances", "--ssh-key", self.stack.key)
        self.assertEqual((status, found), (1, []))
        self.assertIn("not checked: instance 2", self.last)

    def test_a_secret_in_a_log(self):
        directory = self.stack.directory
        for name, text in (("secret", "hunter2\n"), ("clean.log", "nothing\n"), ("bad.log", "one\nwith hunter2 in it\n")):
            with open(os.path.join(directory, name), "w") as file:
                file.write(text)
        path = os.path.join(directory, "bad.log")
        status, found = self.verify("--secret-file", f"{directory}/secret", "--log", f"{directory}/clean.log", "--log", path)
        self.assertEqual(status, 1)
        self.assertEqual([(v["invariant"], v["subject"]) for v in found], [(10, path)])
        self.assertNotIn("hunter2", json.dumps(found))
        own = [f"--log={p.log}" for p in self.stack.api_servers + self.stack.workers]
        self.assertEqual(self.verify(*own), (0, []))

    def test_wrong_command_lines(self):
        def run(*words):
            return subprocess.run([LONGSHORE, "verify", *words], capture_output=True, text=True)

        self.assertEqual(run().returncode, 2)
        self.assertEqual(run("--database", self.stack.database_url, "--instances").returncode, 2)
        other = self.stack.database_url.replace("/postgres", "/template1")
        self.assertIn("no schema of Longshore", run("--database", other).stderr)
        self.assertIn("cannot connect", run("--database", "postgresql://127.0.0.1:1/x").stderr)
        self.assertIn("/none", run("--database", self.stack.database_url, "--log", "/none").stderr)


if __name__ == "__main__":
    unittest.main()
