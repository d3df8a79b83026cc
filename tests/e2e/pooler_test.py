"""A connection pooler between api_server and PostgreSQL: refused at the start, for a reason that is said."""

import os
import subprocess
import unittest

from harness.process import Process, free_port
from harness.programs import PROGRAMS
from harness.stack import Stack


class PoolerTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=0, workers=0)
        cls.addClassCleanup(cls.stack.close)

    def start_pgbouncer(self, pool_mode, more=""):
        """Returns the URL that leads through it."""
        port = free_port()
        directory = os.path.join(self.stack.directory, f"pgbouncer-{port}")
        os.mkdir(directory)
        with open(os.path.join(directory, "users"), "w") as file:
            file.write('"longshore" ""\n')
        path = os.path.join(directory, "pgbouncer.ini")
        with open(path, "w") as file:
            file.write(f"""[databases]
* = host=127.0.0.1 port={self.stack.postgres.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {directory}/users
pool_mode = {pool_mode}
{more}
""")
        command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--", "pgbouncer", path]
        pgbouncer = Process(f"pgbouncer-{port}", self.stack.directory, command, port)
        self.addCleanup(pgbouncer.kill)
        pgbouncer.start()
        return self.stack.url_of("longshore", port)

    def expect_refusal(self, url, said):
        for action in ((), ("--migrate_only",)):
            run = subprocess.run([PROGRAMS["api_server"], *self.stack.api_flags(), f"--database_url={url}", *action,
                                  f"--listen=127.0.0.1:{free_port()}", f"--worker_listen=127.0.0.1:{free_port()}"],
                                 capture_output=True, text=True)
            self.assertEqual(run.returncode, 1, run.stderr)
            self.assertIn(said, run.stderr)
            self.assertIn("is a connection pooler", run.stderr)

    def test_settings_are_refused(self):
        self.expect_refusal(self.start_pgbouncer("session"), "it refuses the settings of a session")

    def test_settings_are_dropped(self):
        url = self.start_pgbouncer("session", "ignore_startup_parameters = options")
        self.expect_refusal(url, "it drops the settings of a session")

    def test_transactions_are_pooled(self):
        url = self.start_pgbouncer("transaction", "ignore_startup_parameters = options")
        self.expect_refusal(url, "it hands connections on after each transaction")


if __name__ == "__main__":
    unittest.main()
