"""The roles of ops/database_roles.sql: what each may, and that an api_server and verify need no more."""

import os
import subprocess
import unittest

from harness.api import instance_service, pb
from harness.patience import wait_until
from harness.programs import LONGSHORE, PROGRAMS, ROOT
from harness.stack import Stack

ROLES = {"owner": "owner", "application": "app", "reader": "reader"}


class DatabaseRolesTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=0, api_servers=0, workers=0)
        cls.addClassCleanup(cls.stack.close)
        cls.make_roles()
        cls.too_old = cls.api_server("app", "--insecure", "--database_wait=0")
        cls.migrated = cls.api_server("owner", "--migrate_only")
        cls.make_roles()
        cls.stack.role = "app"
        cls.stack.worker_ports.append(cls.stack.start_api_server(0, []))
        cls.stack.use(0)
        cls.stack.add_worker([])
        cls.instance = cls.stack.add_instance("one")

    @classmethod
    def make_roles(cls):
        variables = [word for name, role in ROLES.items() for word in ("-v", f"{name}={role}")]
        subprocess.run(["psql", "-X", "-q", *variables, "-f", os.path.join(ROOT, "ops/database_roles.sql"),
                        cls.stack.database_url], check=True)

    @classmethod
    def api_server(cls, role, *flags):
        url = cls.stack.url_of(role, cls.stack.postgres.port)
        return subprocess.run([PROGRAMS["api_server"], f"--database_url={url}", *flags], capture_output=True, text=True)

    def denied(self, role, statement):
        with self.assertRaises(subprocess.CalledProcessError, msg=statement) as caught:
            self.stack.sql(statement, role)
        self.assertRegex(caught.exception.stderr, "permission denied|must be owner", statement)

    def test_who_may_not_migrate_says_so(self):
        self.assertEqual(self.too_old.returncode, 1)
        self.assertIn("run api_server --migrate_only as its owner", self.too_old.stderr)
        self.assertEqual((self.migrated.returncode, self.api_server("owner", "--migrate_only").returncode), (0, 0))

    def test_an_api_server_needs_no_more(self):
        payload = self.stack.wait(self.stack.deploy("echo hi", [self.instance]).payload_ids[0])
        self.assertEqual((payload.status, payload.output), (pb.PAYLOAD_STATUS_COMPLETED, "hi\n"))
        made = self.stack.instance_stub.CreateInstance(instance_service.CreateInstanceRequest(
            name="made", provider="local", provision=True)).instances[0]
        self.stack.wait_instance(made.id)
        self.stack.instance_stub.TerminateInstance(instance_service.TerminateInstanceRequest(instance_id=made.id))
        self.assertNotIn("permission denied", self.stack.api_servers[0].read_log())
        verified = subprocess.run([LONGSHORE, "verify", "--database", self.stack.url_of("reader", self.stack.postgres.port)],
                                  capture_output=True, text=True)
        self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)

    def test_the_application_changes_neither_schema_nor_audit(self):
        for statement in ("CREATE TABLE x ()", "ALTER TABLE tasks DISABLE TRIGGER tasks_guard", "DROP TABLE audit_events",
                          "UPDATE audit_events SET principal = 'x'", "DELETE FROM audit_events", "TRUNCATE audit_events",
                          "INSERT INTO schema_migrations (version, name) VALUES (1000, 'x')"):
            self.denied("app", statement)

    def test_the_reader_reads(self):
        self.stack.sql("SELECT count(*) FROM payloads", "reader")
        for statement in ("UPDATE tasks SET cancel_requested = true", "DELETE FROM payloads", "SELECT * FROM tokens",
                          "INSERT INTO workers (name, incarnation, version) VALUES ('x', '', '')", "CREATE TABLE x ()"):
            self.denied("reader", statement)

    def test_a_notification_is_no_command(self):
        """Anybody who may log in to the database may send one."""
        payload_id = self.stack.deploy("sleep 100", [self.instance]).payload_ids[0]
        running = self.stack.wait(payload_id, (pb.PAYLOAD_STATUS_EXECUTING,))
        for text in (f"x c{running.task_id} r{running.task_id} t i p{payload_id}", "x c1,2,99999999999999999999 p*", "\\", "x c"):
            self.stack.sql(f"NOTIFY longshore, '{text}'", "reader")
        # What comes after is dealt with after.
        other = self.stack.wait(self.stack.deploy("echo after", [self.instance]).payload_ids[0])
        self.assertEqual(other.output, "after\n")
        self.assertEqual(self.stack.get(payload_id).status, pb.PAYLOAD_STATUS_EXECUTING)
        self.stack.sql(f"UPDATE tasks SET cancel_requested = true WHERE id = {running.task_id}")
        self.stack.sql(f"NOTIFY longshore, 'x c{running.task_id}'", "reader")
        self.assertEqual(self.stack.wait(payload_id).status, pb.PAYLOAD_STATUS_CANCELLED)
        wait_until(lambda: self.stack.sql("SELECT count(*) FROM run_cleanups") == "0", "the cleanup")


if __name__ == "__main__":
    unittest.main()
