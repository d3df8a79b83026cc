"""Hosts that are shared, hostile or careless, with a real sshd: docs/guarantees.md rows 34, 35, 45 and 55."""

import os
import shutil
import signal
import subprocess
import unittest

from harness.api import pb
from harness.patience import wait_until
from harness.stack import Stack
from hostile.stack import COMPLETED, FAILED, HOSTILE_FLAGS, HostileStack, check_error

# Runs until somebody makes the file /root/go.
HELD = "echo begun; until [ -e /root/go ]; do sleep 0.05; done\n"
FROM_B = "echo b >> /root/ledger; echo from-b; exit 7\n"


def release(instance, name="go"):
    with open(instance.path(f"/root/{name}"), "w"):
        pass


class SharedHostTest(unittest.TestCase):
    """Row 34: runs of the same number, of somebody else."""

    def start(self, **kwargs):
        stack = Stack(api_flags=HOSTILE_FLAGS, **kwargs)
        self.addCleanup(stack.close)
        return stack

    def two_installations(self):
        """They share the first one's instance; returns both and it."""
        first, second = self.start(instances=1), self.start(instances=0)
        instance = first.instances[0]
        with open(second.key + ".pub") as key, open(os.path.join(instance.directory, "authorized_keys"), "a") as file:
            file.write(key.read())
        shared = second.register(instance)
        return first, second, instance, shared

    def check_from_b(self, payload):
        self.assertEqual((payload.status, payload.failure_reason, payload.exit_code, payload.output),
                         (FAILED, pb.FAILURE_REASON_NONZERO_EXIT, 7, "from-b\n"), payload)

    def check_held(self, payload):
        self.assertEqual((payload.status, payload.exit_code, payload.output), (COMPLETED, 0, "begun\nend\n"), payload)

    def test_two_installations_with_payloads_of_the_same_number(self):
        first, second, instance, shared = self.two_installations()
        a = first.deploy(HELD + "echo a >> /root/ledger; echo end\n").payload_ids[0]
        first.wait_output(a, "begun\n")
        directories = instance.run_directories()
        b = second.deploy(FROM_B, instances=[shared]).payload_ids[0]
        self.assertEqual(a, b)
        self.check_from_b(second.wait(b))
        wait_until(lambda: second.sql("SELECT count(*) FROM run_cleanups") == "0", "the second one's cleanup")
        self.assertEqual(instance.run_directories(), directories, "the first one's is as it was, the second one's is gone")
        release(instance)
        self.check_held(first.wait(a))
        self.assertEqual(instance.ledger(), ["b", "a"])
        wait_until(lambda: not instance.run_directories(), "the first one's cleanup")

    def test_an_upload_is_left_alone_by_the_other_installation(self):
        first, second, instance, shared = self.two_installations()
        instance.relay.hold_after(1024 * 1024)
        big = first.deploy("echo a >> /root/ledger; echo own\n" + "#" * 2000000, remote_path="/root/a.sh")
        wait_until(instance.relay.held.is_set, "the connection to be held")
        self.assertEqual(len(instance.uploads()), 1)
        b = second.deploy(FROM_B, instances=[shared], remote_path="/root/b.sh").payload_ids[0]
        self.check_from_b(second.wait(b))
        # It also looks for what an earlier upload of its own left.
        again = second.deploy("true", instances=[shared], execute=False, remote_path="/root/c.sh")
        second.wait(again.payload_ids[0], [pb.PAYLOAD_STATUS_TRANSFERRED])
        self.assertEqual(len(instance.uploads()), 1, "the first one's")
        instance.relay.release()
        payload = first.wait(big.payload_ids[0])
        self.assertEqual((payload.status, payload.output), (COMPLETED, "own\n"), payload)
        self.assertEqual(first.task(big.task_ids[0]).attempt, 1, "nothing was to be done again")
        self.assertEqual(sorted(instance.ledger()), ["a", "b"])

    def test_a_database_restored_from_a_backup_gives_ids_out_again(self):
        stack = self.start(instances=1)
        instance = stack.instances[0]
        stack.wait(stack.deploy("true").payload_ids[0])
        wait_until(lambda: not instance.run_directories(), "the cleanup")
        data, backup = os.path.join(stack.directory, "postgres"), os.path.join(stack.directory, "backup")

        def stop():
            for process in stack.workers + stack.api_servers:
                process.kill()
            stack.postgres.signal(signal.SIGINT)
            wait_until(lambda: stack.postgres.child.poll() is not None, "the end of PostgreSQL")

        def start():
            stack.postgres.start()
            for process in stack.api_servers + stack.workers:
                process.start()

        stop()
        subprocess.run(["cp", "-a", data, backup], check=True)
        start()
        lost = stack.settled(lambda: stack.deploy(HELD + "echo lost >> /root/ledger\n")).payload_ids[0]
        stack.wait_output(lost, "begun\n")
        stop()
        shutil.rmtree(data)
        os.rename(backup, data)
        start()
        b = stack.settled(lambda: stack.deploy(FROM_B, remote_path="/root/b.sh")).payload_ids[0]
        self.assertEqual(lost, b)
        self.check_from_b(stack.wait(b))
        release(instance)
        # What the database has forgotten goes on, and is nobody's.
        wait_until(lambda: "lost" in instance.ledger(), "the end of the lost run")
        self.assertEqual(instance.ledger(), ["b", "lost"])


# Answers in the remote runner's place, with its nonce, which is no secret from the instance.
LYING_BASHRC = r"""
eval "set -- ${BASH_EXECUTION_STRING##*\' longshore }"
[ -n "$2" ] || return
case $1 in
  clean) echo "$2 cleaned" >&2; exit ;;
  start) echo "$2 ready" >&2; read -r go ;;
esac
echo "$2 running 9223372036854775807" >&2
echo "$2"
printf x
exec cat > /dev/null
"""


class HostileShellTest(unittest.TestCase):

    def test_bashrc_that_answers_in_the_runners_place(self):
        """Row 35."""
        stack = HostileStack()
        self.addCleanup(stack.close)
        liar = stack.add_instance("bashrc")
        with open(liar.path("/root/.bashrc"), "w") as file:
            file.write(LYING_BASHRC)
        payload_id = stack.deploy("echo this was run >> /root/ledger", instances=[liar], timeout=1).payload_ids[0]
        for _ in range(3):
            stack.run_honest()
        check_error(self, stack.wait(payload_id), "9223372036854775807|offset")
        self.assertEqual(liar.ledger(), [])
        stack.run_honest()
        stack.check_unharmed(self)
        stack.check_nothing_refused(self)


# Swap, as fast as they can, what they may. They own /srv/mallory.
SWAP_FILES = """
import os
os.chdir('/srv/mallory')
open('evil', 'w').write('echo EVIL >> /root/ledger\\n')
while True:
    for name in os.listdir('.'):
        if name.endswith('.sh'):
            try:
                os.link('evil', 'new')
                os.rename('new', name)
                os.unlink('new')
            except OSError:
                pass
"""
# Each for a while, so that whoever looks once may see one directory from beginning to end.
SWAP_DIRECTORIES = """
import os, time
os.chdir('/srv/mallory')
for name in ('good', 'bad'):
    os.mkdir(name, 0o777)
    os.chmod(name, 0o777)
for n in range(30):
    open(f'bad/{n}.sh', 'w').write('echo EVIL >> /root/ledger\\n')
while True:
    for name in ('good', 'bad'):
        os.symlink(name, 'new')
        os.rename('new', 'directory')
        time.sleep(0.004)
"""
DEPLOYMENTS = 30
# What a script sees as $0 where others may write in the directory of remote_path (docs/adr/0011).
COPY = r"^/var/lib/longshore/runs/[0-9a-f]{32}/script\n$"


class LocalUserTest(unittest.TestCase):
    """Row 45: somebody on the instance who may write in the directory of remote_path."""

    def start(self, swapper):
        self.stack = Stack(instances=0, api_flags=HOSTILE_FLAGS)
        self.addCleanup(self.stack.close)
        self.instance = self.stack.add_instance("mallory", mounts=(
            "mount -t tmpfs tmpfs /srv; mkdir /srv/mallory; chown 65534:65534 /srv/mallory\n"
            f"cat > /srv/swapper.py <<'END'\n{swapper}END\n"
            "setpriv --reuid=65534 --regid=65534 --clear-groups python3 /srv/swapper.py < /dev/null > /dev/null 2>&1 &\n"))

    def deploy(self, directory):
        return [self.stack.deploy(f"echo own-{n} >> /root/ledger; echo $0\n", remote_path=f"{directory}/{n}.sh").payload_ids[0]
                for n in range(DEPLOYMENTS)]

    def test_the_file_is_swapped(self):
        self.start(SWAP_FILES)
        self.stack.instances.append(self.instance)
        for n, payload_id in enumerate(self.deploy("/srv/mallory")):
            payload = self.stack.wait(payload_id)
            self.assertNotIn("EVIL", self.instance.ledger())
            self.assertEqual(payload.status, COMPLETED, payload)
            self.assertRegex(payload.output, COPY)
        self.assertEqual(sorted(self.instance.ledger()), sorted(f"own-{n}" for n in range(DEPLOYMENTS)))

    def test_the_directory_is_swapped(self):
        """Whose directory vanishes under it may fail, but runs nothing else."""
        self.start(SWAP_DIRECTORIES)
        self.stack.instances.append(self.instance)
        for n, payload_id in enumerate(self.deploy("/srv/mallory/directory")):
            payload = self.stack.wait(payload_id)
            self.assertNotIn("EVIL", self.instance.ledger())
            if payload.status == COMPLETED:
                self.assertRegex(payload.output, COPY)
            else:
                check_error(self, payload)
            self.assertEqual(self.instance.ledger().count(f"own-{n}"), int(payload.executed), payload)


class TruncatedOutputTest(unittest.TestCase):
    """Row 55: the run's output file is made shorter while it runs."""

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=1, workers=2, api_flags=HOSTILE_FLAGS)
        cls.instance = cls.stack.instances[0]
        cls.stack.wait(cls.stack.deploy("true").payload_ids[0])

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def begin(self, truncate, name):
        """Starts a script that prints and, once it is let go, runs `truncate` and prints more; returns its id."""
        payload_id = self.stack.deploy(
            f"echo seen; until [ -e /root/{name} ]; do sleep 0.05; done\n{truncate}\necho more; exit 3\n",
            remote_path=f"/root/{name}.sh").payload_ids[0]
        self.stack.wait_output(payload_id, "seen\n")
        return payload_id

    def check(self, payload_id):
        payload = self.stack.wait(payload_id)
        self.assertEqual((payload.status, payload.failure_reason, payload.exit_code),
                         (FAILED, pb.FAILURE_REASON_NONZERO_EXIT, 3), payload)
        self.assertTrue(payload.output.startswith("seen\n"), payload)
        self.assertTrue(payload.output_truncated, payload)

    def truncated_by_the_script(self, truncate, name):
        payload_id = self.begin(truncate, name)
        release(self.instance, name)
        self.check(payload_id)

    def test_the_script_empties_its_standard_output(self):
        self.truncated_by_the_script(": > /proc/self/fd/1", "stdout")

    def test_the_script_opens_its_standard_error_anew(self):
        self.truncated_by_the_script("echo x > /dev/stderr", "stderr")

    def test_longer_afterwards_than_before(self):
        """The size alone does not tell."""
        self.truncated_by_the_script(": > /proc/self/fd/1; head -c 5000 /dev/zero | tr '\\0' y", "longer")

    def test_another_process_truncates_it(self):
        payload_id = self.begin("sleep 0.2", "other")
        (directory,) = self.instance.run_directories()
        os.truncate(self.instance.path(f"/var/lib/longshore/runs/{directory}/output"), 0)
        release(self.instance, "other")
        self.check(payload_id)

    def test_truncated_while_nobody_looks(self):
        payload_id = self.begin("echo x > /dev/stderr", "unseen")
        for worker in self.stack.workers:
            worker.kill()
        release(self.instance, "unseen")
        wait_until(lambda: "more" in self.output_file(), "the script's end")
        for worker in self.stack.workers:
            worker.start()
        self.check(payload_id)

    def test_truncated_before_another_worker_attaches(self):
        payload_id = self.begin("echo late", "between")
        for worker in self.stack.workers:
            worker.kill()
        (directory,) = self.instance.run_directories()
        os.truncate(self.instance.path(f"/var/lib/longshore/runs/{directory}/output"), 0)
        for worker in self.stack.workers:
            worker.start()
        release(self.instance, "between")
        self.check(payload_id)

    def output_file(self):
        for directory in self.instance.run_directories():
            with open(self.instance.path(f"/var/lib/longshore/runs/{directory}/output")) as file:
                return file.read()
        return ""

    def test_not_truncated(self):
        payload_id = self.begin("echo whole", "whole")
        release(self.instance, "whole")
        payload = self.stack.wait(payload_id)
        self.assertEqual((payload.exit_code, payload.output, payload.output_truncated),
                         (3, "seen\nwhole\nmore\n", False), payload)


if __name__ == "__main__":
    unittest.main()
