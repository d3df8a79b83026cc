"""The links between workers and api_servers, cut, silent, slow or flapping: row 11 of docs/guarantees.md."""

import unittest

from fault.run_under_fault import RunUnderFault
from harness.held import let_go


class WorkerLinkFaultTest(RunUnderFault):

    def test_worker_link_cut_and_healed(self):
        payload_id = self.deploy()
        self.printing(payload_id)
        for relay in self.stack.worker_relays:
            relay.cut()
        self.let_it_end()
        for relay in self.stack.worker_relays:
            relay.heal()
        self.assert_right(payload_id)

    def test_worker_link_silent(self):
        payload_id = self.deploy()
        self.printing(payload_id)
        for relay in self.stack.worker_relays:
            relay.silence()
        self.let_it_end()
        for relay in self.stack.worker_relays:
            relay.heal()
        self.assert_right(payload_id)

    def one_way(self, direction):
        payload_id = self.deploy()
        self.printing(payload_id)
        for relay in self.stack.worker_relays:
            relay.silence(direction)
        self.let_it_end()
        for relay in self.stack.worker_relays:
            relay.heal()
        self.assert_right(payload_id)

    def test_worker_is_not_heard(self):
        self.one_way("up")

    def test_worker_does_not_hear(self):
        self.one_way("down")

    def test_worker_link_slow(self):
        for relay in self.stack.worker_relays:
            relay.rate = 3000
        self.assert_right(self.deploy())

    def test_worker_link_flaps(self):
        payload_id = self.deploy()
        self.just_started(payload_id)
        let_go(self.instance)
        while "ended" not in self.instance.ledger():
            for relay in self.stack.worker_relays:
                relay.drop()
        self.assert_right(payload_id)


if __name__ == "__main__":
    unittest.main()
