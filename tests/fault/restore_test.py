"""The database is restored from a backup, to the moment of that or to another: row 34 of docs/guarantees.md."""

import glob
import os
import subprocess
import unittest

import grpc

from harness.api import payload_service, pb
from harness.errors import expect_error
from harness.held import HELD, hold, let_go
from harness.patience import wait_until
from harness.programs import LONGSHORE
from harness.stack import Stack

BIN = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
AS_POSTGRES = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--")
COMPLETED, EXECUTING = pb.PAYLOAD_STATUS_COMPLETED, pb.PAYLOAD_STATUS_EXECUTING


class Archived(Stack):
    """A stack whose PostgreSQL keeps its log, as docs/operations.md says."""

    def configure_postgres(self, directory):
        self.place = directory
        for name in ("archive", "backup"):
            os.mkdir(os.path.join(self.place, name))
            subprocess.run(["chown", "postgres:", os.path.join(self.place, name)], check=True)
        with open(f"{self.place}/data/postgresql.conf", "a") as file:
            file.write(f"archive_mode = on\narchive_command = 'test ! -f {self.place}/archive/%f && "
                       f"cp %p {self.place}/archive/%f'\n")

    def back_up(self):
        subprocess.run([*AS_POSTGRES, f"{BIN}/pg_basebackup", "-h", "127.0.0.1", "-p", str(self.postgres.port), "-U", "longshore",
                        "-D", f"{self.place}/backup/data", "-c", "fast", "-X", "stream"], check=True, cwd="/")

    def restore(self, until=None):
        """The database is lost; what comes back is the backup or, with the log, what there was at the time `until`."""
        for server in self.api_servers:
            server.kill()
        self.postgres.kill()
        os.rename(f"{self.place}/data", f"{self.place}/lost")
        os.rename(f"{self.place}/backup/data", f"{self.place}/data")
        if until:
            with open(f"{self.place}/data/postgresql.auto.conf", "a") as file:
                file.write(f"restore_command = 'cp {self.place}/archive/%f %p'\nrecovery_target_time = '{until}'\n"
                           "recovery_target_action = 'promote'\n")
            with open(f"{self.place}/data/recovery.signal", "w"):
                pass
            subprocess.run(["chown", "postgres:", f"{self.place}/data/recovery.signal"], check=True)
        self.postgres.start()
        wait_until(lambda: self.sql("SELECT pg_is_in_recovery()") == "f", "the end of the recovery")
        for server in self.api_servers:
            server.start()


class RestoreTest(unittest.TestCase):

    def setUp(self):
        self.stack = Archived(instances=2, workers=2)
        self.addCleanup(self.stack.close)
        self.first, self.second = self.stack.instances

    def deploy(self, name, instance=None, execute=True, more=""):
        text = f"echo {name} >> /root/ledger\necho {name}\n{more}\n"
        return self.stack.deploy(text, instances=[instance or self.first], execute=execute).payload_ids[0]

    def run_to_its_end(self, name):
        payload = self.stack.wait(self.deploy(name))
        self.assertEqual(payload.status, COMPLETED)
        wait_until(lambda: self.stack.sql(f"SELECT count(*) FROM run_cleanups WHERE payload_id = {payload.id}") == "0",
                   "its run directory to go")
        return payload.id

    def expect_output(self, payload_id, text):
        payload = self.stack.wait(payload_id)
        self.assertEqual((payload.status, payload.output), (COMPLETED, text), payload)

    def expect_unknown(self, payload_id):
        request = payload_service.GetPayloadStatusRequest(payload_id=payload_id)
        expect_error(self, lambda: self.stack.payloads.GetPayloadStatus(request), grpc.StatusCode.NOT_FOUND, "PAYLOAD_NOT_FOUND")

    def verify(self):
        wait_until(lambda: self.stack.sql("SELECT count(*) FROM run_cleanups") == "0", "the cleanups")
        run = subprocess.run([LONGSHORE, "verify", "--quiescent", "--database", self.stack.database_url], capture_output=True,
                             text=True)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def test_from_the_backup(self):
        before = self.run_to_its_end("before")
        resting = self.deploy("resting", execute=False)
        self.stack.wait(resting, (pb.PAYLOAD_STATUS_TRANSFERRED,))
        for instance in self.stack.instances:
            hold(instance)
            self.addCleanup(let_go, instance)
        ended, going_on = (self.deploy(name, instance, more=HELD + "\necho end") for name, instance in
                           (("ended", self.first), ("going-on", self.second)))
        for payload_id in (ended, going_on):
            self.stack.wait(payload_id, (EXECUTING,))
            self.stack.wait_output(payload_id, "\n")

        self.stack.back_up()
        let_go(self.first)
        self.expect_output(ended, "ended\nend\n")
        after = self.run_to_its_end("after")
        wait_until(lambda: self.stack.sql("SELECT count(*) FROM run_cleanups") == "0", "nothing to be left of them")
        self.stack.restore()

        self.expect_output(before, "before\n")
        self.expect_unknown(after)
        # Its run is gone with its result: that is said, and it is not run again.
        lost = self.stack.wait(ended)
        self.assertEqual((lost.status, lost.failure_reason, lost.executed),
                         (pb.PAYLOAD_STATUS_FAILED, pb.FAILURE_REASON_INTERRUPTED, True))
        # What runs through it all is found again.
        let_go(self.second)
        self.expect_output(going_on, "going-on\nend\n")
        self.stack.payloads.ExecutePayload(payload_service.ExecutePayloadRequest(payload_ids=[resting]))
        self.expect_output(resting, "resting\n")
        # It gives out the ids again that were given before, and takes nobody's run for its own.
        again = self.run_to_its_end("again")
        self.assertEqual(again, after)
        self.expect_output(again, "again\n")
        self.assertEqual(sorted(self.first.ledger() + self.second.ledger()),
                         ["after", "again", "before", "ended", "going-on", "resting"], "each script ran once")
        self.verify()

    def test_to_a_moment(self):
        self.stack.back_up()
        kept = self.run_to_its_end("kept")
        moment = self.stack.sql("SELECT clock_timestamp()")
        lost = self.run_to_its_end("lost")
        # Whatever is written from then on is in the next file, which nothing fills.
        switched = self.stack.sql("SELECT pg_walfile_name(pg_switch_wal() - 1)")
        wait_until(lambda: self.stack.sql(f"SELECT last_archived_wal >= '{switched}' FROM pg_stat_archiver") == "t",
                   "the log to be kept")
        self.stack.restore(moment)
        self.expect_output(kept, "kept\n")
        self.expect_unknown(lost)
        self.run_to_its_end("next")
        self.assertEqual(self.first.ledger(), ["kept", "lost", "next"])
        self.verify()


if __name__ == "__main__":
    unittest.main()
