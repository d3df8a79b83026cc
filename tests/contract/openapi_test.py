"""The OpenAPI document is true: every operation in it is called, with good and with bad input, and answers as it says."""

import base64
import json
import os
import subprocess
import unittest

import jsonschema

from contract.recipes import CONTRACT, NODE_MODULES
from harness.patience import communicate
from harness.stack import Stack
from harness.web import Web, port_of

CLIENT = f"{CONTRACT}/http_client.js"


class OpenApiTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=1, http=True)
        cls.web = Web(cls.stack)
        answer = Web(cls.stack, token="").get("/api/openapi.json")
        assert answer.status == 200, answer.body
        cls.document = answer.json
        cls.resolver = jsonschema.RefResolver.from_schema(cls.document)
        cls.operations = {operation["operationId"]: (verb.upper(), path, operation)
                          for path, verbs in cls.document["paths"].items() for verb, operation in verbs.items()}

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def validate(self, value, schema):
        jsonschema.Draft202012Validator(schema, resolver=self.resolver).validate(value)

    def is_valid(self, value, schema):
        return jsonschema.Draft202012Validator(schema, resolver=self.resolver).is_valid(value)

    def call(self, operation_id, body=None, query="", web=None, **path):
        """Calls an operation as the document says, and holds the answer against it."""
        verb, template, operation = self.operations[operation_id]
        declared = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
        self.assertEqual(set(path), declared)
        if body is not None and not isinstance(body, bytes) and web is None:
            self.validate(body, operation["requestBody"]["content"]["application/json"]["schema"])
        answer = (web or self.web).ask(verb, template.format(**path) + query, body)
        said = operation["responses"].get(str(answer.status)) or operation["responses"].get("default")
        self.assertIsNotNone(said, f"{operation_id}: {answer.status} {answer.body}")
        if answer.body:
            self.assertIn(answer.headers["Content-Type"], said["content"])
        if answer.json is not None:
            self.validate(answer.json, said["content"]["application/json"]["schema"])
        return answer

    def good(self, operation_id, body=None, query="", **path):
        answer = self.call(operation_id, body, query, **path)
        self.assertIn(answer.status, (200, 204, 206), answer.body)
        self.called.add(operation_id)
        return answer.json

    def test_it_is_a_document(self):
        self.assertEqual(self.document["openapi"], "3.1.0")
        for name, schema in self.document["components"]["schemas"].items():
            jsonschema.Draft202012Validator.check_schema(schema)
            self.assertTrue(name == "Error" or schema.get("description") or "properties" in schema, name)
        texts = json.dumps(self.document)
        for reference in set(part.split('"')[0] for part in texts.split('"$ref": "')[1:]):
            self.resolver.resolve(reference)
        self.assertEqual(len(self.operations), sum(len(verbs) for verbs in self.document["paths"].values()))
        deploy = self.operations["DeployPayload"][2]
        self.assertIn("Delivers", deploy["description"] + self.document["info"]["description"])
        timeout = self.document["components"]["schemas"]["DeployPayloadRequest"]["properties"]["timeout"]
        self.assertEqual(timeout, {"type": "integer", "format": "int32",
                                   "description": "Seconds; 0 means --default_payload_timeout."})

    def test_every_operation_with_good_input(self):
        self.called = set()
        instance = self.stack.instances[0]
        script = base64.b64encode(b"echo hello; exit 3\n").decode()
        deployed = self.good("DeployPayload", {"instance_ids": [instance.id], "payload_content": script, "execute_payload": True})
        payload_id, deployment_id = deployed["payload_ids"][0], deployed["deployment_id"]
        payload = self.stack.wait(payload_id)
        self.good("GetPayloadStatus", payload_id=payload_id)
        self.good("ListPayloads", query=f"?deployment_id={deployment_id}&status=failed&page_size=1")
        self.good("ListInstancePayloads", instance_id=instance.id)
        self.good("ReadPayloadOutput", payload_id=payload_id)
        self.good("WatchPayload", payload_id=payload_id)
        self.good("WatchDeployment", deployment_id=deployment_id)
        self.good("GetDeployment", deployment_id=deployment_id)
        self.good("ListDeployments", query="?page_size=1")
        self.good("GetScript", sha256=payload.script_sha256)
        self.good("RetryDeployment", {"request_id": "again"}, deployment_id=deployment_id)
        self.stack.wait(payload_id)
        copied = self.good("DeployPayload", {"instance_ids": [instance.id], "payload_content": script})
        self.good("ExecutePayload", {"timeout": 5}, payload_ids=copied["payload_ids"][0])
        self.stack.wait(copied["payload_ids"][0])
        copied = self.good("DeployPayload", {"instance_ids": [instance.id], "payload_content": script})
        self.good("ExecutePayloadOfDeployments", deployment_id=copied["deployment_id"])
        slow = base64.b64encode(b"sleep 600\n").decode()
        held = self.good("DeployPayload", {"instance_ids": [instance.id], "payload_content": slow, "execute_payload": True})
        self.good("CancelPayload", payload_id=held["payload_ids"][0])
        held = self.good("DeployPayload", {"instance_ids": [instance.id], "payload_content": slow, "execute_payload": True})
        self.good("PauseDeployment", deployment_id=held["deployment_id"])
        self.good("ResumeDeployment", deployment_id=held["deployment_id"])
        self.good("CancelDeployment", deployment_id=held["deployment_id"])
        self.good("GetTask", task_id=deployed["task_ids"][0])
        self.good("GetTaskLog", task_id=deployed["task_ids"][0])
        self.good("ListTasks", query="?status=completed&type=payload_transfer")
        self.good("ListWorkers")
        registered = self.good("CreateInstance", {"name": "a", "address": "192.0.2.1", "project": "openapi", "tags": ["x"]})
        created = self.good("CreateInstance", {"provider": "local", "name": "made"})
        self.stack.wait_instance(created["instances"][0]["id"])
        self.good("GetInstance", instance_id=registered["id"])
        self.good("ListInstances", query="?tags=x&tags=y&status=ready")
        self.good("UpdateInstance", {"tags": []}, instance_id=registered["id"])
        for number in (registered["id"], created["instances"][0]["id"]):
            self.good("TerminateInstance", instance_id=number)
        made = self.good("CreateToken", {"name": "t", "role": "viewer", "projects": ["openapi"],
                                         "expires_at": "2100-01-01T00:00:00Z"})
        self.good("ListTokens")
        self.good("RevokeToken", token_id=made["id"])
        self.good("ListAuditEvents", query="?from=2026-01-01T00:00:00Z&project=openapi")
        self.good("CallByJsonRpc", {"jsonrpc": "2.0", "method": "list_tasks", "id": 1})
        for operation_id in ("GetHealth", "GetReadiness", "GetOpenApi"):
            self.good(operation_id)
        self.assertEqual(self.called, set(self.operations))

    def test_every_operation_with_bad_input(self):
        stranger = Web(self.stack, token="")
        for operation_id, (verb, _, operation) in self.operations.items():
            path = {one["name"]: "0" * 64 if one["name"] == "sha256" else 10**15
                    for one in operation.get("parameters", []) if one["in"] == "path"}
            with self.subTest(operation_id):
                is_open = operation.get("security") == []
                if not is_open:
                    body = {} if verb in ("POST", "PATCH") else None
                    self.assertEqual(self.call(operation_id, body, web=stranger, **path).status,
                                     200 if operation_id == "CallByJsonRpc" else 401)
                if is_open or operation_id == "CallByJsonRpc":
                    continue
                if path:
                    body = {"tags": []} if operation_id == "UpdateInstance" else None  # There must be something to change.
                    self.assertEqual(self.call(operation_id, body, **path).status, 404)
                    for name in path:
                        if name != "sha256":
                            self.assertEqual(self.call(operation_id, **{**path, name: "x"}).status, 400)
                if verb in ("POST", "PATCH"):
                    schema = operation["requestBody"]["content"]["application/json"]["schema"]
                    self.assertFalse(self.is_valid({"no_such": 1}, schema))
                    self.assertEqual(self.call(operation_id, b'{"no_such": 1}', **path).status, 400)
                else:
                    self.assertEqual(self.call(operation_id, query="?no_such=1", **path).status, 400)

    def test_clients_that_know_nothing_of_longshore(self):
        environment = dict(os.environ, LONGSHORE_TOKEN=self.stack.token, NODE_EXTRA_CA_CERTS=self.stack.tls.ca,
                           NODE_PATH=NODE_MODULES)
        url = f"https://127.0.0.1:{port_of(self.stack.api_servers[0])}"
        child = subprocess.Popen(["node", CLIENT, url, str(self.stack.instances[0].id)], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        printed, errors = communicate(child, "the clients in Node")
        self.assertEqual(child.returncode, 0, errors)
        self.assertEqual(json.loads(printed), {
            "json_rpc": {"status": "failed", "output": "hello\n", "error": {"code": -32005, "reason": "PAYLOAD_NOT_FOUND"},
                         "batch": [["a", 1], ["b", -32601]]},
            "openapi": {"status": "failed", "output": "hello\n", "error": {"code": 404, "reason": "PAYLOAD_NOT_FOUND"},
                        "listed": [True]}})

    def test_a_wrong_form_is_wrong_by_the_schema_too(self):
        schemas = self.document["components"]["schemas"]
        for name, body in (("DeployPayloadRequest", {"instance_ids": ["1"]}), ("DeployPayloadRequest", {"timeout": 1.5}),
                           ("DeployPayloadRequest", {"rollout": {"max": 1}}), ("CreateTokenRequest", {"role": "ADMIN"})):
            self.assertFalse(self.is_valid(body, schemas[name]), body)
            verb, path = ("POST", "/api/v1/payloads" if name.startswith("Deploy") else "/api/v1/tokens")
            self.assertEqual(self.web.ask(verb, path, body).status, 400, body)


if __name__ == "__main__":
    unittest.main()
