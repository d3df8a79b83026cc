"""The console's types against the API: every field that it reads is one that the server sends, by the same name."""

import os
import re
import unittest

from harness.programs import ROOT
from harness.stack import Stack
from harness.web import Web

TYPES = os.path.join(ROOT, "console/src/api/types.ts")
# By the console's name, where that is another.
MESSAGES = {"Selector": "InstanceSelector", "DeployRequest": "DeployPayloadRequest", "DeployResponse": "DeployPayloadResponse"}
KINDS = {"number": "integer", "string": "string", "boolean": "boolean"}


class TypesTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        stack = Stack(instances=0, workers=0, http=True)
        cls.addClassCleanup(stack.close)
        cls.schemas = Web(stack, token="").get("/api/openapi.json").json["components"]["schemas"]
        with open(TYPES, encoding="utf-8") as file:
            cls.types = file.read()

    def test_fields(self):
        interfaces = re.findall(r"interface (\w+) \{\n(.*?)\n\}", self.types, re.DOTALL)
        self.assertGreater(len(interfaces), 10)
        for name, body in interfaces:
            properties = self.schemas[MESSAGES.get(name, name)]["properties"]
            for field, kind in re.findall(r"^  (\w+)\??: ([^;]+);", body, re.MULTILINE):
                self.assertIn(field, properties, name)
                if kind in KINDS and "$ref" not in properties[field]:
                    self.assertEqual(properties[field].get("type"), KINDS[kind], f"{name}.{field}")

    def test_enumerations(self):
        for name, values in re.findall(r"type (\w+) = ((?:'\w+'(?: \| )?)+);", self.types):
            self.assertEqual(sorted(re.findall(r"'(\w+)'", values)), sorted(self.schemas[name]["enum"]), name)


if __name__ == "__main__":
    unittest.main()
