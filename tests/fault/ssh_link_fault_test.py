"""The link to an instance, cut at the start, in the upload and again and again: row 12 of docs/guarantees.md."""

import os
import threading
import unittest

from fault.run_under_fault import RunUnderFault
from harness.api import payload_service, pb, task_pb
from harness.patience import wait_until


class SshLinkFaultTest(RunUnderFault):

    def test_ssh_link_cut_just_after_start_and_while_it_prints(self):
        payload_id = self.deploy()
        self.just_started(payload_id)
        self.instance.relay.cut()
        self.instance.relay.heal()
        self.printing(payload_id)
        self.instance.relay.cut()
        self.let_it_end()
        self.instance.relay.heal()
        self.assert_right(payload_id)

    def test_ssh_link_flaps_from_the_beginning(self):
        payload_id = self.deploy()
        stop = threading.Event()

        def flap():
            while not stop.wait(0.15):
                self.instance.relay.cut()
                self.instance.relay.heal()

        thread = threading.Thread(target=flap)
        thread.start()
        stop.wait(3)
        stop.set()
        thread.join()
        self.assert_right(payload_id)

    def cut_in_the_upload(self):
        """Deploys a script of 2 MiB and cuts the link half way; returns the payload and the script's text."""
        # The host key is pinned by a first payload.
        self.stack.wait(self.deploy("exit 3"))
        text = "exit 3\n" + "#" * (2 * 1024 * 1024 - 7)
        self.instance.relay.cut_after(1024 * 1024)
        payload_id = self.deploy(text)
        wait_until(lambda: self.instance.relay.mode == "cut", "the cut")
        self.assertTrue(self.instance.uploads())
        return payload_id, text

    def test_ssh_link_cut_during_the_upload(self):
        payload_id, text = self.cut_in_the_upload()
        self.assertFalse(os.path.exists(self.instance.path(self.stack.get(payload_id).remote_path)))
        self.instance.relay.heal()
        payload = self.stack.wait(payload_id)
        self.assertEqual(payload.exit_code, 3, payload)
        self.assertFalse(self.instance.uploads())
        with open(self.instance.path(payload.remote_path)) as file:
            self.assertEqual(file.read(), text)

    def test_cancelled_after_the_link_was_cut_during_the_upload(self):
        payload_id, _ = self.cut_in_the_upload()
        wait_until(lambda: self.stack.task(self.stack.get(payload_id).task_id).status == task_pb.TASK_STATUS_PENDING,
                   "the retry")
        self.stack.payloads.CancelPayload(payload_service.CancelPayloadRequest(payload_id=payload_id))
        self.stack.wait(payload_id, [pb.PAYLOAD_STATUS_CANCELLED])
        self.instance.relay.heal()
        self.stack.sql("UPDATE run_cleanups SET run_at = now()")
        wait_until(lambda: not self.instance.uploads(), "the cleanup")


if __name__ == "__main__":
    unittest.main()
