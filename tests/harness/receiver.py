"""A receiver of webhooks."""

import hashlib
import hmac
import http.server
import json
import os
import re
import socket
import ssl
import struct
import threading
import time

from harness.patience import wait_until

# Stands in every receiver's URL: neither a log nor the database may have it.
WORD = "word-that-is-in-every-url"


class Receiver:
    """Keeps what comes, by the last part of its path: `taken`, and of that `accepted`, what it answered with 204. `faults` has
    what happens instead to the next requests of a path: a function of the handler."""

    def __init__(self, address, port=0, certificate=None):
        self.lock = threading.Lock()
        self.taken = {}  # (headers, body, monotonic time) of each.
        self.accepted = {}  # The same, with the time of day.
        self.faults = {}
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.take(self, body)

            def do_GET(self):
                receiver.take(self, b"")

            do_CONNECT = do_GET

        self.server = http.server.ThreadingHTTPServer((address, port), Handler)
        self.server.handle_error = lambda *_: None  # Who does not trust the certificate leaves.
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_port
        self.url = f"{'https' if certificate else 'http'}://{address}:{self.port}/{WORD}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, handler, body):
        name = handler.path.rsplit("/", 1)[-1]
        with self.lock:
            self.taken.setdefault(name, []).append((handler.headers, body, time.monotonic()))
            faults = self.faults.get(name, [])
            fault = faults.pop(0) if faults else None
            if not fault:
                self.accepted.setdefault(name, []).append((handler.headers, body, time.time()))
        try:
            (fault or answer(204))(handler)
        except OSError:
            handler.close_connection = True

    def all(self, name):
        with self.lock:
            return list(self.taken.get(name, ()))

    def wait(self, name, number=1):
        return wait_until(lambda: len(self.all(name)) >= number and self.all(name), f"{number} of {name}")

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def answer(status, **headers):
    def fault(handler):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return fault


def reset(handler):
    """In the middle of an answer."""
    handler.wfile.write(b"HTTP/1.1 20")
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # Until nobody reads from it any more it would stay open.
    handler.rfile.close()
    handler.connection.close()
    handler.close_connection = True


def closed(handler):
    handler.connection.shutdown(socket.SHUT_RDWR)


def flags(receiver, directory, name, projects, secret):
    """Those of api_servers that tell it all of these projects."""
    paths = [os.path.join(directory, file) for file in ("webhook.secret", "webhooks")]
    with open(os.open(paths[0], os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
        file.write(secret + "\n")
    with open(paths[1], "w") as file:
        file.write(f"{name} {projects} {receiver.url}/{name} {paths[0]}\n")
    return [f"--webhooks_file={paths[1]}", f"--webhook_private_addresses={receiver.server.server_address[0]}"]


def read_event(headers, body, secret, received):
    """What a request tells that came at that time of day, when its signature and its id are right."""
    sent_at, signature = re.fullmatch("t=([0-9]+),v1=([0-9a-f]{64})", headers["Longshore-Signature"]).groups()
    expected = hmac.new(secret.encode(), sent_at.encode() + b"." + body, hashlib.sha256).hexdigest()
    told = json.loads(body)
    if not hmac.compare_digest(signature, expected):
        raise AssertionError(f"the signature is not of this: {body}")
    if abs(received - int(sent_at)) > 600:
        raise AssertionError(f"it was sent at {sent_at} and came at {received}: {body}")
    if headers["Longshore-Event-Id"] != told["id"]:
        raise AssertionError(f"{headers['Longshore-Event-Id']} is not the id of this: {body}")
    return told
