"""Pools: two networks, each reached by its own worker alone, whose instances have one and the same address."""

import json
import subprocess
import unittest

import grpc

from harness.api import instance_pb, instance_service, pb, task_service
from harness.errors import expect_error
from harness.instance import Instance
from harness.network import Network
from harness.patience import wait_until
from harness.process import Process
from harness.programs import LONGSHORE, PROGRAMS
from harness.relay import Relay
from harness.stack import LONG_LEASE, Stack
from harness.web import Web

POOLS = ("east", "west")


class PoolTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=1, http=True, api_flags=[LONG_LEASE])
        cls.addClassCleanup(cls.stack.close)
        cls.networks, cls.instances, cls.workers = {}, {}, {}
        for pool in POOLS:
            network = cls.networks[pool] = Network(pool, cls.stack.directory)
            cls.addClassCleanup(network.close)
            instance = cls.instances[pool] = Instance(cls.stack, pool, network=network)
            cls.addClassCleanup(instance.process.kill)
            instance.id = cls.stack.instance_stub.RegisterInstance(instance_service.RegisterInstanceRequest(
                name=pool, address="127.0.0.1", pool=pool)).id
            way_out = Relay(cls.stack.worker_ports[0], network.server())
            command = [*network.inside, PROGRAMS["payload_worker"], f"--api_server=127.0.0.1:{way_out.port}", f"--pool={pool}",
                       f"--ssh_private_key={cls.stack.key}", f"--name={pool}", *cls.stack.worker_flags(pool)]
            cls.workers[pool] = Process(pool, cls.stack.directory, command)
            cls.addClassCleanup(cls.workers[pool].kill)

    def setUp(self):
        for pool in POOLS:
            if self.workers[pool].child is None or self.workers[pool].child.poll() is not None:
                self.workers[pool].start()
        self.await_lacking([])

    def list_workers(self):
        return self.stack.tasks.ListWorkers(task_service.ListWorkersRequest())

    def await_lacking(self, pools):
        wait_until(lambda: list(self.list_workers().pools_without_worker) == pools, f"{pools} to have no worker")

    def lose_worker(self, pool):
        self.workers[pool].kill()
        # As if a minute had passed.
        wait_until(lambda: self.stack.sql(
            f"UPDATE workers SET seen_at = now() - interval '61 seconds' WHERE name = '{pool}'") is not None and
            pool in self.list_workers().pools_without_worker, f"{pool} to have no worker")

    def deploy(self, *instances):
        return self.stack.deploy("hostname >> /root/ledger; echo ran", instances=instances)

    def worker_of(self, payload_id):
        return self.stack.task(self.stack.get(payload_id).task_id).worker

    def test_each_by_the_worker_of_its_network(self):
        plain = self.stack.instances[0]
        answer = self.deploy(plain, *self.instances.values())
        for payload_id, worker in zip(answer.payload_ids, ("worker-0", *POOLS)):
            payload = self.stack.wait(payload_id)
            self.assertEqual((payload.status, payload.output), (pb.PAYLOAD_STATUS_COMPLETED, "ran\n"), payload)
            task = self.stack.task(payload.task_id)
            self.assertEqual((task.worker, task.attempt), (worker, 1), "no other worker has tried")
        # They have one address, and are two hosts.
        keys = {self.stack.instance(instance.id).host_key for instance in self.instances.values()}
        self.assertEqual(len(keys), 2)
        for instance in self.instances.values():
            wait_until(lambda: instance.run_directories() == [], "its run directory to go, by the same way")

    def test_a_pool_without_a_worker(self):
        self.lose_worker("east")
        payload_id = self.deploy(self.instances["east"]).payload_ids[0]
        self.assertEqual(self.stack.wait(self.deploy(self.instances["west"]).payload_ids[0]).status, pb.PAYLOAD_STATUS_COMPLETED)
        self.assertEqual(self.stack.get(payload_id).status, pb.PAYLOAD_STATUS_PENDING)
        ready = Web(self.stack, token="").get("/readyz")
        self.assertEqual((ready.status, ready.json), (200, {"ready": True, "pools_without_worker": 1}))
        metrics = Web(self.stack).get("/metrics").body.decode()
        self.assertIn("\nlongshore_pools_without_worker 1\n", metrics)
        said = subprocess.run([LONGSHORE, "workers"], env=self.stack.environment_of_cli(), capture_output=True, text=True)
        self.assertIn("no worker of the pool east is connected", said.stdout)
        # Whose pools they are not is not told.
        other = self.stack.stubs_of(self.stack.channel(token=self.stack.new_token("ROLE_VIEWER", ["shop"]).token))
        self.assertEqual(list(other.tasks.ListWorkers(task_service.ListWorkersRequest()).pools_without_worker), [])

        self.workers["east"].start()
        self.assertEqual(self.stack.wait(payload_id).status, pb.PAYLOAD_STATUS_COMPLETED)
        self.assertEqual(self.worker_of(payload_id), "east")
        self.await_lacking([])

    def test_an_instance_that_moves(self):
        plain = self.stack.instances[0]
        update = instance_service.UpdateInstanceRequest(instance_id=plain.id, pool="nowhere")
        self.assertEqual(self.stack.instance_stub.UpdateInstance(update).instance.pool, "nowhere")
        self.assertEqual(list(self.list_workers().pools_without_worker), ["nowhere"])
        payload_id = self.deploy(plain).payload_ids[0]
        self.assertEqual(self.stack.wait(self.deploy(self.instances["west"]).payload_ids[0]).status, pb.PAYLOAD_STATUS_COMPLETED)
        self.assertEqual(self.stack.get(payload_id).status, pb.PAYLOAD_STATUS_PENDING)
        update.pool = "default"
        self.stack.instance_stub.UpdateInstance(update)
        self.assertEqual(self.stack.wait(payload_id).status, pb.PAYLOAD_STATUS_COMPLETED)
        self.assertEqual(self.worker_of(payload_id), "worker-0")

    def test_names(self):
        for name in ("a b", "x" * 65, "a\n", "ä", "a/b"):
            request = instance_service.RegisterInstanceRequest(name="x", address="192.0.2.1", pool=name)
            expect_error(self, lambda: self.stack.instance_stub.RegisterInstance(request), grpc.StatusCode.INVALID_ARGUMENT,
                         "INVALID_FIELD")
            run = subprocess.run([PROGRAMS["payload_worker"], "--check", f"--pool={name}",
                                  f"--ssh_private_key={self.stack.key}", *self.stack.worker_flags("east")],
                                 capture_output=True, text=True)
            self.assertEqual(run.returncode, 2)
            self.assertIn("--pool", run.stderr)

    def test_from_the_command_line(self):
        def longshore(*words):
            run = subprocess.run([LONGSHORE, *words, "-o", "json"], env=self.stack.environment_of_cli(), capture_output=True,
                                 text=True)
            self.assertEqual(run.returncode, 0, run.stderr)
            return json.loads(run.stdout)

        made = longshore("instances", "add", "--name", "far", "--address", "192.0.2.7", "--pool", "west")
        self.assertEqual(made["pool"], "west")
        changed = longshore("instances", "update", "far", "--pool", "east")
        self.assertEqual(changed["instance"]["pool"], "east")
        self.assertEqual({worker["name"]: worker["pool"] for worker in longshore("workers")},
                         {"worker-0": "default", "east": "east", "west": "west"})
        self.assertEqual(self.stack.instance(int(made["id"])).status, instance_pb.INSTANCE_STATUS_READY)


if __name__ == "__main__":
    unittest.main()
