"""Stubs for Go, Java, Node and Python come from proto/ alone, by the commands of docs/clients.md, and compile."""

import glob
import os
import re
import unittest

from contract.recipes import NODE_MODULES, follow, make_node_stubs, make_python_stubs, run, workshop

# The public services and their calls, as the .proto files have them.
SERVICES = ("InstanceService", "PayloadService", "TaskService")


def calls(directory):
    """The names of the calls of each service."""
    found = {}
    for path in glob.glob(f"{directory}/proto/longshore/v1/*_service.proto"):
        with open(path) as file:
            service, body = re.search(r"^service (\w+) \{\n(.*?)^\}", file.read(), re.MULTILINE | re.DOTALL).groups()
        found[service] = re.findall(r"^  rpc (\w+)\(", body, re.MULTILINE)
    return {service: found[service] for service in SERVICES}


def read(path):
    with open(path) as file:
        return file.read()


class StubsTest(unittest.TestCase):

    def setUp(self):
        self.directory = workshop(self)
        self.calls = calls(self.directory)
        self.assertIn("DeployPayload", self.calls["PayloadService"])

    def test_go(self):
        # protoc-gen-go parses what it has made and fails when that is not Go; a compiler would be 80 MB to download.
        follow("Go", self.directory)
        files = glob.glob(f"{self.directory}/gen/go/longshore/v1/*.go")
        self.assertEqual({re.search(r"^package (\w+)$", read(file), re.MULTILINE).group(1) for file in files}, {"longshorev1"})
        text = "".join(read(file) for file in files)
        self.assertNotIn("github.com/longshore", re.sub(r"(?s)_rawDesc = \[\]byte\{.*?\n\}", "", text), "it imports itself")
        for service, names in self.calls.items():
            interface = re.search(rf"^type {service}Client interface {{\n(.*?)^}}", text, re.MULTILINE | re.DOTALL).group(1)
            self.assertEqual(re.findall(r"^\t(\w+)\(ctx", interface, re.MULTILINE), names)

    def test_java(self):
        follow("Java", self.directory)
        classes = os.listdir(f"{self.directory}/gen/classes/com/longshore/v1")
        for service in self.calls:
            self.assertIn(f"{service}Grpc${service}BlockingStub.class", classes)
        self.assertIn("DeployPayloadRequest.class", classes)

    def test_node(self):
        make_node_stubs(self.directory)
        flags = ["--noEmit", "--strict", "--allowJs", "--checkJs", "--skipLibCheck", "--module", "node16", "--target", "es2022"]
        types = glob.glob("gen/node/*.ts", root_dir=self.directory)
        run([f"{NODE_MODULES}/.bin/tsc", *flags, "client.js", *types], self.directory)
        for service, names in self.calls.items():
            client = read(f"{self.directory}/gen/node/longshore/v1/{service}.ts")
            self.assertEqual(set(re.findall(r"^  (\w+)\(argument", client, re.MULTILINE)) & set(names), set(names))

    def test_python(self):
        make_python_stubs(self.directory)
        modules = [os.path.basename(path)[:-len(".py")] for path in glob.glob(f"{self.directory}/gen/python/longshore/v1/*.py")]
        self.assertIn("payload_service_pb2_grpc", modules)
        program = ["from google.rpc import status_pb2, error_details_pb2"]
        program += [f"from longshore.v1 import {module}" for module in modules]
        program += [f"print(*vars({service[:-len('Service')].lower()}_service_pb2_grpc.{service}Stub(__import__('grpc')"
                    ".insecure_channel('localhost:1'))))" for service in self.calls]
        printed = run(["/usr/bin/python3", "-c", "\n".join(program)], self.directory,
                      env=dict(os.environ, PYTHONPATH="gen/python"))
        self.assertEqual([line.split() for line in printed.splitlines()], list(self.calls.values()))


if __name__ == "__main__":
    unittest.main()
