"""The patience of tests: it lasts as long as something moves, and ends when nothing does."""

import subprocess
import time
import unittest

import grpc

from harness.api import instance_service, payload_service
from harness.patience import LOOK, communicate, follow, wait_until
from harness.stack import Stack

SHORT = 2 * LOOK


class PatienceTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=1, workers=0)  # Without a worker nothing moves but what the tests move.

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def payload(self):
        return self.stack.deploy("true").payload_ids[0]

    def watch(self, payload_id):
        return self.stack.payloads.WatchPayload(payload_service.WatchPayloadRequest(payload_id=payload_id))

    def test_ends_when_nothing_moves(self):
        with self.assertRaisesRegex(AssertionError, "for the moon"):
            wait_until(lambda: False, "the moon", SHORT)

    def test_lasts_while_something_moves(self):
        begun = time.monotonic()
        moved = 0

        def reached():
            nonlocal moved
            if time.monotonic() > begun + moved:
                moved += 1
                self.stack.instance_stub.RegisterInstance(instance_service.RegisterInstanceRequest(name="n", address="192.0.2.1"))
            return moved > 2 * SHORT

        wait_until(reached, "twice its patience", SHORT)
        self.assertGreater(time.monotonic() - begun, 2 * SHORT)

    def test_tries_are_no_movement(self):
        payload_id = self.payload()

        def reached():
            self.stack.sql(f"UPDATE tasks SET failures = failures + 1, updated_at = now() WHERE payload_id = {payload_id}")
            return False

        with self.assertRaisesRegex(AssertionError, "for ever"):
            wait_until(reached, "ever", SHORT)

    def test_a_stream_that_says_nothing_is_given_up(self):
        events = follow(self.watch(self.payload()), "the next event", SHORT)
        next(events)
        with self.assertRaisesRegex(AssertionError, "for the next event"):
            next(events)

    def test_a_reader_takes_its_time(self):
        payload_id = self.payload()
        events = follow(self.watch(payload_id), "the next event", SHORT)
        next(events)
        time.sleep(SHORT + LOOK)
        self.stack.payloads.CancelPayload(payload_service.CancelPayloadRequest(payload_id=payload_id))
        self.assertEqual(len(list(events)), 1)

    def test_a_stream_tells_its_own_error(self):
        with self.assertRaises(grpc.RpcError) as caught:
            list(follow(self.watch(987654)))
        self.assertEqual(caught.exception.code(), grpc.StatusCode.NOT_FOUND)

    def test_a_program_that_hangs_is_killed(self):
        child = subprocess.Popen(["sleep", "1000"], stdout=subprocess.PIPE)
        with self.assertRaisesRegex(AssertionError, "for its end"):
            communicate(child, "its end", SHORT)
        self.assertEqual(child.returncode, -9)


if __name__ == "__main__":
    unittest.main()
