"""ansible-playbook that dies, hangs, is missing or prints garbage; api_server and worker killed at each stage of a creation."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import unittest

from harness.api import instance_pb, pb, task_pb
from harness.patience import wait_until
from harness.provisioning import LONG, PROVISIONING, Provisioning
from harness.stack import Stack

PENDING, CREATED = instance_pb.INSTANCE_STATUS_PENDING, instance_pb.INSTANCE_STATUS_CREATED
SCRIPT = "echo start >> /root/ledger; for i in $(seq 200); do echo line $i; done; sleep 1; echo end"
OUTPUT = "".join(f"line {i}\n" for i in range(1, 201)) + "end\n"


class AnsibleFaultTest(Provisioning, unittest.TestCase):

    def start(self, program=None, flags=(), workers=1):
        """A stack whose workers run `program`, the text of a script, for ansible-playbook."""
        if program is not None:
            flags = (*flags, f"--ansible_playbook={self.fake(program)}")
        self.stack = Stack(instances=0, workers=workers, worker_flags=flags)
        self.addCleanup(self.stack.close)

    def fake(self, program):
        directory = tempfile.mkdtemp(prefix="longshore-fake-")
        self.addCleanup(shutil.rmtree, directory)
        path = os.path.join(directory, "ansible-playbook")
        with open(path, "w") as file:
            file.write(program)
        os.chmod(path, 0o755)
        return path

    def run_directories(self, port):
        """What is left of runs that had the instance at `port` among their hosts."""
        found = []
        for name in os.listdir("/tmp"):
            with contextlib.suppress(OSError):
                with open(f"/tmp/{name}/inventory.json") as file:
                    if f'"ansible_port": {port}' in file.read():
                        found.append(name)
        return found

    def create_with_payload(self, **fields):
        return self.create(name="f", payload_path=self.stack.script(SCRIPT, name="f.sh"), execute_payload=True,
                           **fields).instances

    def check_failed(self, instance_id, words):
        seen = self.failed(instance_id)
        task = self.provision_task(instance_id)
        for word in words:
            self.assertIn(word, seen.status_error)
        self.assertEqual(task.status, task_pb.TASK_STATUS_FAILED)
        self.assertEqual(self.stack.get(self.payload_of(instance_id).id).failure_reason, pb.FAILURE_REASON_DEPENDENCY_FAILED)
        return task

    def test_missing(self):
        self.start(flags=("--ansible_playbook=/none/ansible-playbook",))
        task = self.check_failed(self.create_with_payload()[0].id, ["cannot be started: /none/ansible-playbook"])
        self.assertEqual(task.attempt, 3)

    def test_missing_playbook(self):
        self.start(flags=("--provision_playbook=/none/main.yml",))
        self.check_failed(self.create_with_payload()[0].id, ["there is no playbook '/none/main.yml'"])

    def test_garbage(self):
        self.start("#!/bin/sh\nhead -c 3000000 /dev/urandom >&3\nprintf '\\nnull\\n[]\\n{\"kind\":\"ready\"}\\n' >&3\n"
                   "head -c 300000 /dev/urandom\necho; echo 'no idea'\nexit 0\n")
        task = self.check_failed(self.create_with_payload()[0].id, ["exit status 0", "no idea"])
        self.assertEqual(task.attempt, 3)
        self.assertIn("no idea", self.log(task.id))

    def test_dies_at_once(self):
        self.start("#!/bin/sh\nkill -9 $$\n")
        self.check_failed(self.create_with_payload()[0].id, ["killed by signal 9"])

    def test_hangs_with_children_that_ignore_signals(self):
        self.start("#!/bin/bash\ntrap '' TERM HUP\n(trap '' TERM HUP; exec -a longshore-hanging sleep 1000) &\nsleep 1000\n",
                   flags=("--provision_timeout=1",))
        instance_id = self.create_with_payload()[0].id
        self.check_failed(instance_id, ["did not end within 1 s"])
        self.assertEqual(subprocess.run(["pgrep", "-f", "longshore-hanging"], check=False).returncode, 1)
        self.assertEqual(self.run_directories(self.stack.instance(instance_id).port), [])

    def test_works_the_second_time(self):
        """It dies in the middle once; the next run begins again, and nobody is told of a failure."""
        self.start("""#!/bin/bash
if mkdir "$(dirname "$0")/first" 2> /dev/null; then
  echo '{"kind": "task", "host": "instance-1", "task": "a", "status": "ok", "message": ""}' >&3
  kill -9 $$
fi
exec ansible-playbook "$@"
""")
        instance = self.create_with_payload()[0]
        self.ready(instance.id)
        self.assertEqual(self.stack.wait(self.payload_of(instance.id).id).output, OUTPUT)
        task = self.provision_task(instance.id)
        self.assertEqual((task.attempt, task.error), (2, ""))
        log = self.log(task.id)
        self.assertLess(log.index("killed by signal 9"), log.index("ready\n"))

    def test_one_host_hangs_and_the_others_do_not_wait(self):
        self.start(flags=("--provision_timeout=300",))
        ids = [i.id for i in self.create_with_payload(number_of_instances=3)]
        victim = wait_until(lambda: self.stack.instance(ids[1]).address and self.stack.instance(ids[1]), "the machine")
        with open(os.path.join(self.machine(victim), "pid")) as file:
            parent = int(file.read())
        sshd = int(subprocess.run(["pgrep", "-P", str(parent)], capture_output=True, text=True, check=True).stdout.split()[0])
        os.kill(sshd, signal.SIGSTOP)
        for instance_id in (ids[0], ids[2]):
            self.ready(instance_id)
        self.assertNotEqual(self.stack.instance(ids[1]).status, instance_pb.INSTANCE_STATUS_READY)
        os.kill(sshd, signal.SIGCONT)
        self.ready(ids[1])
        for instance_id in ids:
            self.assertEqual(self.stack.wait(self.payload_of(instance_id).id).output, OUTPUT)

    def test_no_worker_ever(self):
        self.start()
        self.stack.workers[0].kill()
        instance_id = self.create_with_payload()[0].id
        wait_until(lambda: self.stack.instance(instance_id).status in (CREATED, PROVISIONING), "the machine")
        task = self.provision_task(instance_id)
        self.stack.sql(f"UPDATE tasks SET deliver_by = now() WHERE id = {task.id}")
        self.check_failed(instance_id, ["not provisioned in time"])


class KillTest(Provisioning, unittest.TestCase):
    """Each kills something at a stage of a creation with a payload; it ends as if nothing had happened."""

    def setUp(self):
        self.stack = Stack(instances=0, api_servers=2, workers=2)
        self.addCleanup(self.stack.close)

    def begin(self):
        self.ids = [i.id for i in self.create(name="k", number_of_instances=3, execute_payload=True,
                                              payload_path=self.stack.script(SCRIPT, name="k.sh")).instances]

    def reach(self, status):
        wait_until(lambda: any(self.stack.instance(i).status >= status for i in self.ids), f"status {status}", LONG)

    def finish(self):
        machines = set()
        for instance_id in self.ids:
            made = self.ready(instance_id)
            payload = self.stack.wait(self.payload_of(instance_id).id, patience=LONG)
            self.assertEqual((payload.status, payload.output), (pb.PAYLOAD_STATUS_COMPLETED, OUTPUT))
            with open(self.inside(made, "/root/ledger")) as file:
                self.assertEqual(file.read(), "start\n")
            machines.add(os.path.basename(self.machine(made)))
        self.assertEqual(self.stack.machine_keys(), machines, "no orphan, no double")

    def restart(self, *processes):
        for process in processes:
            process.kill()
        for process in processes:
            process.start()

    def test_api_servers_at_each_stage(self):
        self.begin()
        for status in (PENDING, CREATED, PROVISIONING, instance_pb.INSTANCE_STATUS_READY):
            self.reach(status)
            self.restart(*self.stack.api_servers)
        self.finish()

    def test_workers_at_each_stage(self):
        self.begin()
        for status in (PENDING, CREATED, PROVISIONING, instance_pb.INSTANCE_STATUS_READY):
            self.reach(status)
            self.restart(*self.stack.workers)
        self.finish()
        self.assertEqual(subprocess.run(["pgrep", "-f", f"ansible-playbook.*{self.stack.directory}"], check=False).returncode, 1,
                         "those of the killed have died with them")

    def test_everything_in_the_middle(self):
        self.begin()
        self.reach(PROVISIONING)
        self.restart(self.stack.postgres, *self.stack.api_servers, *self.stack.workers)
        self.finish()

    def test_drained_worker_hands_over(self):
        self.begin()
        self.reach(PROVISIONING)
        holder = self.provision_task(self.ids[0]).worker or "worker-0"
        self.assertEqual(next(w for w in self.stack.workers if w.name == holder).terminate(), 0)
        self.finish()

    def test_worker_cut_off(self):
        """Its run ends with its leases, another's begins; the late one's word does not count."""
        self.begin()
        self.reach(PROVISIONING)
        for relay in self.stack.worker_relays:
            relay.silence()
        wait_until(lambda: self.provision_task(self.ids[0]).status == task_pb.TASK_STATUS_PENDING, "the lease's end", LONG)
        for relay in self.stack.worker_relays:
            relay.heal()
        self.finish()


if __name__ == "__main__":
    unittest.main()
