"""Instances that lie in every answer: docs/guarantees.md rows 35 to 37 and 39.

A lie costs the liar's own payload, never anything of anybody else. Every behaviour is of tests/hostile/*_behaviours.cc.
"""

import contextlib
import unittest

from harness.api import pb
from harness.patience import wait_until
from harness.stack import TERMINAL
from hostile.lies import COMPLETES, ENDS, LATE, LIES, LONG_LIES, RETRIED, user_of
from hostile.stack import CANCELLED, COMPLETED, FAILED, HostileStack, check_error, check_text

# How many payloads the honest instance is given beside a lie; the most of them take longer than the server's deadline.
ROUNDS, MOST_ROUNDS = 2, 30


class InstanceTest(unittest.TestCase):
    stack = None

    def setUp(self):
        cls = type(self)
        if cls.stack is None:
            cls.stack = HostileStack()

    @classmethod
    def drop_stack(cls):
        if cls.stack is not None:
            cls.stack.close()
            cls.stack = None

    @contextlib.contextmanager
    def isolated(self):
        """Whatever fails in here leaves nothing to the next test."""
        try:
            yield
        except BaseException:
            self.drop_stack()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.drop_stack()

    def deploy(self, liar, padding=0, **fields):
        """The script is never run, so it says what would be wrong."""
        response = self.stack.deploy("echo this was run\n" + "#" * padding, instances=[liar], **fields)
        return response.payload_ids[0], response.task_ids[0]

    def has_been_retried(self, task_id):
        task = self.stack.task(task_id)
        return task.attempt >= 2 and task.error

    def lie(self, behaviour):
        with self.isolated():
            self.try_lie(behaviour)

    def try_lie(self, behaviour):
        outcomes, mentions, fields = (LIES[behaviour] + ({},))[:3]
        liar = self.stack.liar(behaviour, ssh_user=user_of(behaviour))
        payload_id, task_id = self.deploy(liar, **fields)

        def settled():
            return self.stack.get(payload_id).status in TERMINAL or RETRIED in outcomes and self.has_been_retried(task_id)

        # The honest instance is served as long as the lie lasts; then, if it still does, nothing else moves.
        for n in range(MOST_ROUNDS):
            self.stack.run_honest()
            if n + 1 >= ROUNDS and settled():
                break
        wait_until(settled, f"the end of a payload at an instance that lies: {behaviour}")
        payload = self.stack.get(payload_id)
        if payload.status in TERMINAL:
            self.check_end(behaviour, payload, outcomes, mentions)
        else:
            self.check_retried(liar, payload_id, task_id)
        self.stack.run_honest()
        self.stack.check_unharmed(self)
        self.stack.check_nothing_refused(self)
        liar.kill()

    def check_end(self, behaviour, payload, outcomes, mentions):
        if payload.status == COMPLETED:
            self.assertIn(COMPLETES, outcomes, payload)
            self.assertEqual((payload.output, payload.exit_code), ("hello\n", 0), payload)
            self.assertLess(payload.execution_time.seconds, 10**6, payload)
            # Less was there at the end than had been seen.
            self.assertEqual(payload.output_truncated, behaviour == "end_short", payload)
            return
        self.assertIn(ENDS, outcomes, payload)
        check_error(self, payload, mentions)
        self.assertTrue(payload.executed or not payload.output, payload)
        if behaviour == "end_code_255":
            self.assertEqual((payload.failure_reason, payload.exit_code), (pb.FAILURE_REASON_NONZERO_EXIT, 255), payload)
        else:
            self.assertFalse(payload.HasField("exit_code"), payload)

    def check_retried(self, liar, payload_id, task_id):
        check_text(self, self.stack.task(task_id).error)
        liar.kill()
        self.stack.cancel(payload_id)
        # Otherwise it is the instance alone that knows, and it is gone.
        if not self.stack.maybe_started(payload_id):
            self.assertIn(self.stack.wait(payload_id).status, (CANCELLED, FAILED))

    def test_lies_that_last(self):
        liars = [self.stack.liar(behaviour) for behaviour in LONG_LIES]
        ids = [self.deploy(liar, padding=300000)[0] for liar in liars]
        with self.isolated():
            for _ in range(3 * ROUNDS):
                self.stack.run_honest()
            for liar, payload_id in zip(liars, ids):
                with self.subTest(liar.behaviour):
                    payload = self.stack.get(payload_id)
                    self.assertNotEqual(payload.status, CANCELLED, payload)
                    if payload.status == COMPLETED:  # Whoever reads no more names than there may be goes on.
                        self.assertEqual((liar.behaviour, payload.output), ("sftp_readdir_forever", "hello\n"))
                    if payload.status == FAILED:
                        check_error(self, payload)
                    liar.kill()
                    self.stack.cancel(payload_id)
                    if not self.stack.maybe_started(payload_id):
                        self.stack.wait(payload_id)
            self.stack.run_honest()
            self.stack.check_unharmed(self)
            self.stack.check_nothing_refused(self)

    def test_all_floods_at_once(self):
        """Each gets its share in turn, and the honest instance its own."""
        with self.isolated():
            floods = [b for b in LIES if b.startswith("flood_")] * 2
            ids = [self.deploy(self.stack.liar(behaviour), timeout=2)[0] for behaviour in floods]
            for payload_id in ids:
                self.stack.wait(payload_id, (pb.PAYLOAD_STATUS_EXECUTING,) + TERMINAL)
                self.stack.run_honest()
            for payload_id in ids:
                check_error(self, self.stack.wait(payload_id), LATE)
            self.stack.run_honest()
            self.stack.check_unharmed(self)
            self.stack.check_nothing_refused(self)

    def test_its_place_in_the_rollout_is_free_in_the_end(self):
        liar = self.stack.liar("never_ends")
        with self.isolated():
            response = self.stack.deploy("echo after it", instances=[liar, self.stack.instances[0]], timeout=2,
                                         rollout=dict(max_concurrency=1))
            check_error(self, self.stack.wait(response.payload_ids[0]), LATE)
            after = self.stack.wait(response.payload_ids[1])
            self.assertEqual((after.status, after.output), (COMPLETED, "after it\n"), after)
            self.stack.check_unharmed(self)
            self.stack.check_nothing_refused(self)


class DrainTest(unittest.TestCase):

    def test_a_worker_drains_beside_a_run_that_is_never_cleaned(self):
        """The run is over, the result is stored, and the instance goes on saying that it is there."""
        stack = HostileStack()
        self.addCleanup(stack.close)
        payload_id = stack.deploy("true", instances=[stack.liar("never_cleans")]).payload_ids[0]
        self.assertEqual(stack.wait(payload_id).status, COMPLETED)
        self.assertEqual(stack.workers[0].terminate(), 0)
        self.assertNotIn("could not be handed over", stack.workers[0].read_log())


def add_test(behaviour):
    setattr(InstanceTest, f"test_{behaviour}", lambda self: self.lie(behaviour))


for name in LIES:
    add_test(name)

if __name__ == "__main__":
    unittest.main()
