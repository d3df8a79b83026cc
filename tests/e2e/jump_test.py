"""Instances that are reached by way of other hosts: through networks that the worker is not in, and with faults on the way."""

import os
import unittest

from harness import login_user
from harness.api import instance_pb, instance_service, payload_service, pb
from harness.instance import Instance
from harness.network import Network
from harness.patience import wait_until
from harness.reached import Reached
from harness.stack import LONG_LEASE, Stack

INSIDE_PORT = 2200


def hop(host, address="127.0.0.1", port=None, **fields):
    """A JumpHost; `host` is an Instance."""
    fields.setdefault("host_key", host.host_key())
    return instance_pb.JumpHost(address=address, port=port or host.relay.port, **fields)


class NetworksTest(Reached, unittest.TestCase):
    """outside - first network, with a jump host - second network, with another one, where the instance is on loopback."""

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=0)
        cls.addClassCleanup(cls.stack.close)
        cls.networks = [Network(name, cls.stack.directory) for name in ("first", "second")]
        for network in cls.networks:
            cls.addClassCleanup(network.close)
        addresses = [cls.networks[0].connect(), cls.networks[1].connect(cls.networks[0])]
        cls.hosts = []
        for i, (network, address) in enumerate(zip(cls.networks, addresses)):
            host = Instance(cls.stack, f"jump-{i}", network=network)
            cls.addClassCleanup(host.process.kill)
            host.configure_sshd(f"ListenAddress {address}\nAllowTcpForwarding local\n")
            cls.hosts.append(host)
        cls.instance = Instance(cls.stack, "inside", login_user.MOUNTS, cls.networks[1], INSIDE_PORT)
        cls.addClassCleanup(cls.instance.process.kill)
        cls.instance.configure_sshd("ListenAddress ::1\n")
        wait_until(lambda: os.path.isdir(os.path.join(cls.instance.directory, "sudoers.d")), "its users")
        login_user.allow(cls.instance)
        cls.jump = [hop(host, address, 22) for host, address in zip(cls.hosts, addresses)]
        cls.instance.id = cls.register("127.0.0.1")

    @classmethod
    def register(cls, address, **fields):
        return cls.stack.instance_stub.RegisterInstance(instance_service.RegisterInstanceRequest(
            name="inside", address=address, port=INSIDE_PORT, jump=cls.jump, **fields)).id

    def test_through_two_networks(self):
        payload = self.completed(self.instance, "echo here; echo ran >> /root/ledger")
        self.assertEqual((payload.output, self.instance.ledger()), ("here\n", ["ran"]))
        self.assertEqual(self.stack.instance(self.instance.id).host_key, " ".join(self.instance.host_key().split()[:2]))
        wait_until(lambda: self.instance.run_directories() == [], "its run directory to go")
        for host in self.hosts:
            self.assertEqual((os.listdir(host.path("/root/")), host.run_directories()), ([], []), "nothing is left on the way")

    def test_by_ipv6_at_last(self):
        self.instance.id = self.register("::1")
        self.assertEqual(self.completed(self.instance).output, "here\n")

    def test_to_become_root_at_the_end(self):
        self.instance.id = self.register("127.0.0.1", ssh_user=login_user.NAME, become=True)
        self.assertEqual(self.completed(self.instance, "id -un; echo $SUDO_USER").output, "root\ndeploy\n")

    def test_what_is_left_there(self):
        payload = self.completed(self.instance)
        wait_until(lambda: self.instance.run_directories() == [], "its run directory to go")
        wait_until(lambda: self.stack.sql("SELECT count(*) FROM run_cleanups") == "0", "that to be stored")
        self.assert_nothing_left()
        left = self.stack.run_directory(self.instance, payload.id)
        os.makedirs(left)
        status, said = self.verify_instances()
        os.rmdir(left)
        self.assertIn("nothing is left on an instance", said)
        self.assertEqual(status, 1, said)

    def test_provisioning(self):
        # The host key is learned on that way.
        made = self.provisioned(login_user.NAME, address="::1", port=INSIDE_PORT, jump=self.jump, become=True, host_key="",
                                update_mask={"paths": ["address", "port", "jump", "become", "host_key"]})
        self.assertEqual(made.host_key, " ".join(self.instance.host_key().split()[:2]))

    def test_much_both_ways(self):
        payload = self.completed(self.instance, "#" * 1900000 + "\nhead -c 2000000 /dev/zero | tr '\\0' x")
        self.assertEqual(payload.output_bytes, 2000000)

    def test_connections_end_with_their_runs(self):
        self.completed(self.instance)
        self.stack.workers[0].terminate()
        self.addCleanup(self.stack.workers[0].start)
        for host in self.hosts:
            wait_until(lambda: host.sshd_sessions() == [], "no connection to be left")


class FaultsTest(Reached, unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=2, api_flags=[LONG_LEASE])
        cls.addClassCleanup(cls.stack.close)
        cls.host = cls.stack.add_instance("jump", register=False)
        cls.direct = cls.stack.instances[0]
        cls.number = 0

    def setUp(self):
        self.addCleanup(self.stack.restore)

    def instance(self, *jump, name=None, **fields):
        """A new one, by way of `jump`."""
        FaultsTest.number += 1
        instance = self.stack.add_instance(f"i{self.number}", register=False)
        fields = {"address": "127.0.0.1", "port": instance.process.port, "jump": jump or [hop(self.host)], **fields}
        instance.id = self.stack.register(instance, **fields).id
        return instance

    def failed(self, instance, reason, mentions):
        payload = self.stack.wait(self.stack.deploy("echo ran >> /root/ledger", [instance]).payload_ids[0])
        self.assertEqual(payload.failure_reason, reason, payload)
        self.assertIn(mentions, payload.error)
        self.assertEqual(self.stack.task(payload.task_id).attempt, 1)
        self.assertEqual((instance.ledger(), os.listdir(instance.path("/root/"))), ([], []))

    def complaint(self, payload_id, text):
        wait_until(lambda: text in self.stack.task(self.stack.get(payload_id).task_id).error, f"the complaint {text!r}")

    def where(self, number=1):
        return f"jump host {number} (127.0.0.1:{self.host.relay.port}): "

    def test_another_key_on_the_way(self):
        other = self.direct.host_key()
        self.failed(self.instance(hop(self.host, host_key=other)), pb.FAILURE_REASON_HOST_KEY_MISMATCH, self.where())
        self.failed(self.instance(hop(self.host), hop(self.host, host_key=other)), pb.FAILURE_REASON_HOST_KEY_MISMATCH,
                    self.where(2))
        self.assertEqual(os.listdir(self.host.path("/root/")), [])

    def test_another_key_at_the_end(self):
        self.failed(self.instance(host_key=self.host.host_key()), pb.FAILURE_REASON_HOST_KEY_MISMATCH, "the host shows host key")

    def test_login_refused_on_the_way(self):
        locked = self.stack.add_instance("locked", register=False)
        open(os.path.join(locked.directory, "authorized_keys"), "w").close()
        self.failed(self.instance(hop(locked)), pb.FAILURE_REASON_AUTHENTICATION_FAILED,
                    f"jump host 1 (127.0.0.1:{locked.relay.port}): ")

    def test_a_host_that_lets_nobody_through(self):
        closed = self.stack.add_instance("closed", register=False)
        closed.configure_sshd("AllowTcpForwarding no\n")
        instance = self.instance(hop(closed))
        payload_id = self.stack.deploy("echo ran", [instance]).payload_ids[0]
        self.complaint(payload_id, f"jump host 1 (127.0.0.1:{closed.relay.port}): it does not connect to 127.0.0.1")
        closed.configure_sshd("AllowTcpForwarding yes\n")
        self.assertEqual(self.stack.wait(payload_id).status, pb.PAYLOAD_STATUS_COMPLETED)

    def test_three_hosts(self):
        self.assertEqual(self.completed(self.instance(*[hop(self.host)] * 3)).output, "here\n")

    def begun(self, instance):
        payload_id = self.stack.deploy("echo begun; echo ran >> /root/ledger; while [ ! -e /root/end ]; do sleep 0.05; done; "
                                       "echo ended", [instance]).payload_ids[0]
        self.stack.wait_output(payload_id, "begun")
        return payload_id

    def ended(self, instance, payload_id):
        with open(instance.path("/root/end"), "w"):
            pass
        payload = self.stack.wait(payload_id)
        self.assertEqual((payload.status, payload.output), (pb.PAYLOAD_STATUS_COMPLETED, "begun\nended\n"), payload)
        self.assertEqual(instance.ledger(), ["ran"])
        wait_until(lambda: instance.run_directories() == [], "its run directory to go")

    def test_a_host_dies_in_the_middle(self):
        instance = self.instance()
        payload_id = self.begun(instance)
        self.host.process.kill()
        wait_until(lambda: self.stack.task(self.stack.get(payload_id).task_id).attempt > 1, "another try")
        self.host.process.start()
        self.ended(instance, payload_id)

    def test_connections_break_in_the_middle(self):
        instance = self.instance(*[hop(self.host)] * 2)
        payload_id = self.begun(instance)
        self.host.relay.drop()
        self.ended(instance, payload_id)

    def test_a_silent_host_holds_up_only_its_own(self):
        instance, other = self.instance(), self.instance(hop(self.stack.instances[1]))
        payload_id = self.begun(instance)
        self.host.relay.silence()
        new = self.stack.deploy("echo new", [self.instance()]).payload_ids[0]
        for _ in range(3):
            self.completed(other)
            self.completed(self.direct)
        self.complaint(new, self.where() + "127.0.0.1 port")
        self.host.relay.heal()
        self.assertEqual(self.stack.wait(new).status, pb.PAYLOAD_STATUS_COMPLETED)
        self.ended(instance, payload_id)

    def test_a_slow_way(self):
        self.host.relay.rate = 100000
        self.completed(self.instance(), "#" * 200000 + "\nhead -c 100000 /dev/zero | tr '\\0' x")

    def test_cancelled(self):
        payload_id = self.begun(self.instance())
        self.stack.payloads.CancelPayload(payload_service.CancelPayloadRequest(payload_id=payload_id))
        self.assertEqual(self.stack.wait(payload_id).status, pb.PAYLOAD_STATUS_CANCELLED)

    def test_addresses_that_may_be_dialled(self):
        for worker in self.stack.workers:
            worker.kill()
            self.addCleanup(worker.start)
        self.stack.add_worker(["--allowed_addresses=127.0.0.1,127.0.0.3"])
        ours = self.stack.workers.pop()
        self.addCleanup(ours.kill)
        self.completed(self.instance())
        for jump, address in ([hop(self.host)], "127.0.0.2"), ([hop(self.host), hop(self.host, "127.0.0.2")], "127.0.0.1"), \
                             ([hop(self.host, "127.0.0.2")], "127.0.0.1"):
            payload_id = self.stack.deploy("echo ran", [self.instance(*jump, address=address)]).payload_ids[0]
            self.complaint(payload_id, "127.0.0.2 is not in the networks that this worker may dial")
            self.stack.payloads.CancelPayload(payload_service.CancelPayloadRequest(payload_id=payload_id))
            self.stack.wait(payload_id, [pb.PAYLOAD_STATUS_CANCELLED])


if __name__ == "__main__":
    unittest.main()
