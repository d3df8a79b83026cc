"""Instances that take connections and say nothing delay nobody else's work: FAULTS.md row 38."""

import time
import unittest

from harness import instance_service, payload_service, wait_until
from hostile import HostileStack, SilentListener

SILENT = 300


class FairnessTest(unittest.TestCase):

    def test_three_hundred_silent_instances(self):
        stack = HostileStack(worker_flags=["--max_connecting=64"])
        self.addCleanup(stack.close)
        listener = SilentListener()
        self.addCleanup(listener.close)
        ids = [stack.instance_stub.RegisterInstance(instance_service.RegisterInstanceRequest(
            name=f"silent-{n}", address="127.0.0.1", port=listener.port)).id for n in range(SILENT)]
        silent = stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(
            instance_ids=ids, payload_path=stack.script("true"), execute_payload=True))
        wait_until(lambda: listener.opened > 0, "the first connection to a silent instance")
        begun = time.monotonic()
        stack.run_honest()
        # Nobody had to give up for that; so it did not wait for any of them.
        given_up = listener.closed
        print(f"{time.monotonic() - begun:.2f} s beside {listener.opened} silent connections", flush=True)
        self.assertEqual(given_up, 0)
        stack.check_unharmed(self)
        stack.check_nothing_refused(self)
        self.assertEqual(len(silent.payload_ids), SILENT)


if __name__ == "__main__":
    unittest.main()
