"""Clients in Python and Node, with stubs made by the commands of docs/clients.md, drive a real Longshore."""

import json
import subprocess
import unittest

from contract.recipes import CONTRACT, make_node_stubs, make_python_stubs, workshop
from harness.patience import communicate
from harness.stack import Stack


class ClientsTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=1, register=False)

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def drive(self, name, command, directory, **environment):
        """Runs a client, and asserts that it saw what there was to see."""
        command += [f"127.0.0.1:{self.stack.api_servers[0].port}", "127.0.0.1", str(self.stack.instances[0].relay.port)]
        child = subprocess.Popen(command, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 text=True, env=dict(self.stack.environment_of_cli(), **environment))
        printed, errors = communicate(child, f"the client in {name}")
        self.assertEqual(child.returncode, 0, errors)
        seen = json.loads(printed)
        instance_id = self.stack.sql(f"SELECT id FROM instances WHERE name = '{name}'")
        self.assertEqual(seen["instance"],
                         {"id": instance_id, "status": "INSTANCE_STATUS_READY", "ssh_user": "root", "tags": ["a", "b"]})
        self.assertEqual(seen["payload_ids"], [self.stack.sql(f"SELECT id FROM payloads WHERE instance_id = {instance_id}")])
        self.assertEqual(seen["statuses"][-1], "PAYLOAD_STATUS_FAILED")
        order = ["PENDING", "TRANSFERRED", "EXECUTING", "FAILED"]
        places = [order.index(status.removeprefix("PAYLOAD_STATUS_")) for status in seen["statuses"]]
        self.assertEqual(places, sorted(set(places)), seen["statuses"])
        output = b"begun\n\xc3\xa9\xff\n"
        self.assertEqual(seen["output"], output.hex())
        self.assertEqual(seen["read_back"], {
            "id": seen["payload_ids"][0], "instance_id": instance_id, "remote_path": f"/root/{name}.sh",
            "status": "PAYLOAD_STATUS_FAILED", "failure_reason": "FAILURE_REASON_NONZERO_EXIT", "executed": True, "exit_code": 7,
            "output": output.decode(errors="replace"), "output_bytes": str(len(output))})
        error = seen["error"]
        self.assertEqual((error["code"], error["reason"], error["domain"]), ("NOT_FOUND", "PAYLOAD_NOT_FOUND", "longshore"))
        self.assertIn(str(2**62 + 1), error["message"])  # The id has come through exactly.

    def test_python(self):
        directory = workshop(self)
        make_python_stubs(directory)
        self.drive("python", ["/usr/bin/python3", f"{CONTRACT}/client.py"], directory, PYTHONPATH=f"{directory}/gen/python")

    def test_node(self):
        directory = workshop(self)
        make_node_stubs(directory)
        self.drive("node", ["node", "client.js"], directory)


if __name__ == "__main__":
    unittest.main()
