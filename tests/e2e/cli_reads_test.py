"""The command line reads back what ran, shows a terminal nothing that it would obey, and repeats what changes something."""

import base64
import json
import os
import pty
import subprocess
import unittest

from harness.api import pb
from harness.patience import communicate, wait_until
from harness.programs import LONGSHORE
from harness.stack import Stack

# Writes the clipboard, clears the screen, moves the cursor, turns the direction of writing, and is red.
HOSTILE = b"\x1b]52;c;Y2xpcA==\x07\x1b[2J\rover\xc2\x9b1m\xe2\x80\xae\x1b[31mred\x1b[0m\n"
SHOWN = b"\\x1b]52;c;Y2xpcA==\\x07\\x1b[2J\\x0dover\\u009b1m\\u202e\x1b[31mred\x1b[0m"
PRINT_HOSTILE = f"echo {base64.b64encode(HOSTILE).decode()} | base64 -d"


class CliReadsTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=2)
        cls.api_server = cls.stack.api_servers[0]

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def setUp(self):
        self.addCleanup(self.stack.restore)

    def start(self, *words, **options):
        child = subprocess.Popen([LONGSHORE, *map(str, words)], env=self.stack.environment_of_cli(), **options)
        self.addCleanup(child.kill)
        return child

    def longshore(self, *words, status=0):
        """The bytes that it prints away from a terminal."""
        child = self.start(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = communicate(child, "the end of longshore")
        self.assertEqual(child.returncode, status, f"{words}\n{out}\n{err}")
        return out

    def at_a_terminal(self, *words):
        master, slave = pty.openpty()
        child = self.start(*words, stdout=slave, stderr=slave)
        os.close(slave)
        seen = b""
        try:
            while chunk := os.read(master, 4096):
                seen += chunk
        except OSError:  # The other end is closed.
            pass
        os.close(master)
        communicate(child, "the end of longshore")
        return seen

    def test_what_ran_and_what_became_of_it(self):
        text = "echo $HOSTNAME >&2; exit 3"
        response = self.stack.deploy(text, instances=self.stack.instances)
        for payload_id in response.payload_ids:
            self.stack.wait(payload_id)
        rows = json.loads(self.longshore("payloads", "list", "--deployment", response.deployment_id, "--status", "failed",
                                         "--failure-reason", "nonzero_exit", "-o", "json"))
        self.assertEqual([int(row["id"]) for row in rows], sorted(response.payload_ids, reverse=True))
        self.assertEqual(json.loads(self.longshore("payloads", "list", "--deployment", response.deployment_id, "--status",
                                                   "completed", "-o", "json")), [])
        self.assertEqual(self.longshore("script", response.payload_ids[0]), text.encode())
        self.assertEqual(self.longshore("script", "--sha256", rows[0]["script_sha256"]), text.encode())
        self.longshore("script", status=2)
        self.longshore("script", "--sha256", "0" * 64, status=3)
        self.assertIn(b"worker-0", self.longshore("workers"))

    def test_output_is_what_was_printed(self):
        payload = self.stack.run(PRINT_HOSTILE + "; printf '\\377\\000'; seq 300000")
        want = HOSTILE + b"\xff\x00" + b"".join(b"%d\n" % i for i in range(1, 300001))
        half = (1 << 20) // 2
        self.assertEqual(self.longshore("output", payload.id), want[:half] + want[-half:])
        self.assertEqual(self.longshore("output", payload.id, "--offset", len(want) - 7), want[-7:])
        self.assertEqual(self.longshore("watch", payload.id), want[:half] + want[-half:])

    def test_a_terminal_is_shown_what_it_would_obey(self):
        payload = self.stack.run(PRINT_HOSTILE)
        for words in (("output", payload.id), ("watch", payload.id), ("status", payload.id)):
            seen = self.at_a_terminal(*words)
            self.assertIn(SHOWN, seen, words)
            self.assertNotIn(HOSTILE[:6], seen, words)
        self.assertIn(HOSTILE[:-1], self.at_a_terminal("output", payload.id, "--raw"))
        self.assertIn(HOSTILE[:-1], self.at_a_terminal("watch", payload.id, "--raw"))
        script = self.stack.run(b"# " + HOSTILE + b"true\n")
        self.assertIn(SHOWN, self.at_a_terminal("script", script.id))
        named = self.stack.register(self.stack.instances[0], name="turned \u202e name")
        self.assertIn(b"turned \\u202e name", self.at_a_terminal("instances", "show", named.id))

    def test_a_change_is_repeated_until_the_api_server_is_back(self):
        deployments = self.stack.sql("SELECT count(*) FROM deployments")
        self.api_server.kill()
        child = self.start("deploy", "--file", self.stack.script("true"), "--instances", self.stack.instances[0].id, "--execute",
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        # It has been refused at least once when another one that is given no time has ended.
        self.longshore("deploy", "--file", self.stack.script("true"), "--instances", 1, "--deadline", "1s", status=4)
        self.api_server.start()
        communicate(child, "the end of longshore")
        self.assertEqual(child.returncode, 0)
        wait_until(lambda: self.stack.sql("SELECT count(*) FROM deployments") == str(int(deployments) + 1), "one more deployment")

    def test_waits_for_instances_by_their_stream(self):
        rows = json.loads(self.longshore("instances", "create", "--name", "made", "--count", 2, "--wait", "-o", "json"))
        self.assertEqual([row["status"] for row in rows], ["INSTANCE_STATUS_READY"] * 2)

    def test_a_change_of_address(self):
        added = self.stack.register(self.stack.instances[0], name="moves")
        self.longshore("instances", "update", added.id, "--port", self.stack.instances[1].relay.port, "--host-key",
                       self.stack.instances[1].host_key())
        out = self.longshore("deploy", "--file", self.stack.script("echo here"), "--instances", added.id, "--execute", "--wait",
                             "-o", "json")
        self.assertEqual(json.loads(out)[0]["status"], pb.PayloadStatus.Name(pb.PAYLOAD_STATUS_COMPLETED))


if __name__ == "__main__":
    unittest.main()
