"""The certificates of a test's own: an authority for servers, another for workers, and what they have signed."""

import os
import subprocess

import grpc

from harness.programs import CERTIFICATES


class Certificates:
    """Lives in `directory`. Every certificate is made once, when it is first asked for. `since`, for example -3d, is for programs
    whose clocks are late: they would take one that is made now not to be valid yet."""

    def __init__(self, directory, since=None):
        self.command = ["faketime", "-f", since, CERTIFICATES] if since else [CERTIFICATES]
        self.directory = os.path.join(directory, "tls")
        self.servers, self.workers = self.authority("servers"), self.authority("workers")
        self.ca = self.ca_of(self.servers)

    @staticmethod
    def ca_of(authority):
        return os.path.join(authority, "ca.pem")

    def authority(self, name):
        """The directory of a new authority."""
        folder = os.path.join(self.directory, name)
        subprocess.run([*self.command, "authority", folder, f"Longshore test: {name}"], check=True)
        return folder

    def make(self, kind, authority, name, names, days=365):
        """A certificate (kind: server or client) for `names`; returns the paths of it and of its key."""
        prefix = os.path.join(self.directory, name)
        if not os.path.exists(prefix + ".pem"):
            subprocess.run([*self.command, kind, authority, prefix, names], check=True, env=dict(os.environ, DAYS=str(days)))
        return prefix + ".pem", prefix + ".key"

    def server(self):
        return self.make("server", self.servers, "server", "DNS:localhost,IP:127.0.0.1")

    def worker(self, name):
        return self.make("client", self.workers, f"worker-{name}", f"DNS:{name}")

    def api_flags(self):
        certificate, key = self.server()
        return [f"--tls_cert={certificate}", f"--tls_key={key}", f"--worker_tls_cert={certificate}", f"--worker_tls_key={key}",
                f"--worker_client_ca={self.ca_of(self.workers)}"]

    def worker_flags(self, name):
        certificate, key = self.worker(name)
        return [f"--tls_ca={self.ca}", f"--tls_cert={certificate}", f"--tls_key={key}"]

    def client_credentials(self, token=None):
        """Of a caller with this token, or with none."""
        credentials = grpc.ssl_channel_credentials(read(self.ca))
        if token is None:
            return credentials
        return grpc.composite_channel_credentials(credentials, grpc.access_token_call_credentials(token))

    def worker_credentials(self, name):
        certificate, key = self.worker(name)
        return grpc.ssl_channel_credentials(read(self.ca), read(key), read(certificate))


def read(path):
    with open(path, "rb") as file:
        return file.read()
