"""HTTP to an api_server of a stack made with `http`, by Python's own client."""

import http.client
import json
import socket
import ssl
import types

from harness.patience import PATIENCE, wait_until


def port_of(api_server):
    return api_server.more_ports[0]


class Web:
    """Calls to api_server `i` by the stack's token or another; "" is none."""

    def __init__(self, stack, i=0, token=None):
        self.stack, self.port = stack, port_of(stack.api_servers[i])
        self.token = stack.token if token is None else token

    def context(self):
        return ssl.create_default_context(cafile=self.stack.tls.ca)

    def socket(self, timeout=PATIENCE):
        """A new connection, to write to as one likes."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout)
        return plain if self.stack.insecure else self.context().wrap_socket(plain, server_hostname="127.0.0.1")

    def connection(self, timeout=PATIENCE):
        if self.stack.insecure:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=self.context())

    def headers(self, more=None):
        access = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return {**access, **(more or {})}

    def ask(self, method, path, body=None, headers=None, connection=None):
        """A whole answer: status, headers, body (bytes) and json, when it is some. `body` that is no bytes goes as JSON."""
        headers = self.headers(headers)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        own = connection or self.connection()
        try:
            own.request(method, path, body, headers)
            answer = own.getresponse()
            read = answer.read()
        finally:
            if connection is None:
                own.close()
        is_json = read and answer.headers.get("Content-Type") == "application/json"
        return types.SimpleNamespace(status=answer.status, headers=answer.headers, body=read,
                                     json=json.loads(read) if is_json else None)

    def get(self, path, **headers):
        return self.ask("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def rpc(self, method, params=None, rpc_id=1):
        """The response object of one JSON-RPC call."""
        request = {"jsonrpc": "2.0", "method": method, "id": rpc_id}
        if params is not None:
            request["params"] = params
        return self.ask("POST", "/rpc", request).json

    def result(self, method, **params):
        answer = self.rpc(method, params)
        assert "result" in answer, answer
        return answer["result"]

    def ended(self, payload_id):
        """The payload, once it has ended."""
        def look():
            payload = self.result("get_payload_status", payload_id=payload_id)
            return payload if payload["status"] in ("completed", "failed", "cancelled") else None

        return wait_until(look, f"payload {payload_id}")

    def events(self, path, last_event_id=None):
        """A stream of events: objects with id, name and data, until the server ends it. close() leaves it."""
        return Events(self, path, last_event_id)


class Events:

    def __init__(self, web, path, last_event_id):
        self.connection = web.connection()
        self.connection.request("GET", path, headers=web.headers(
            {} if last_event_id is None else {"Last-Event-ID": last_event_id}))
        self.answer = self.connection.getresponse()
        self.status = self.answer.status

    def __iter__(self):
        event = {}
        for line in self.answer:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name:
                event[name] = value
            elif event.get("data"):
                yield types.SimpleNamespace(id=event.get("id"), name=event["event"], data=json.loads(event["data"]))
                event = {}
            else:  # A heartbeat.
                event = {}

    def close(self):
        self.answer.close()  # It has the socket too.
        self.connection.close()
