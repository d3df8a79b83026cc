"""What stands on the other side of an SSH connection and means harm."""

import os
import socket
import subprocess
import threading

from harness.api import instance_service
from harness.patience import wait_until
from harness.process import Process, free_port
from harness.programs import ROOT

SSH_SERVER = os.path.join(ROOT, "tests/hostile/ssh_server")


class Liar:
    """An instance of tests/hostile/ssh_server_main.cc, registered."""

    def __init__(self, stack, behaviour, ssh_user="root"):
        self.behaviour = behaviour
        key = os.path.join(stack.directory, "hostile_key")
        if not os.path.exists(key):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        port = free_port()
        self.process = Process(f"{behaviour}-{port}", stack.directory,
                               [SSH_SERVER, f"--port={port}", f"--host_key={key}", f"--behaviour={behaviour}"]).start()
        # It counts its connections, so nobody tries one to see whether it listens.
        wait_until(lambda: "listening" in self.process.read_log(), "the hostile instance to listen")
        self.id = stack.instance_stub.RegisterInstance(instance_service.RegisterInstanceRequest(
            name=f"{behaviour}-{port}", address="127.0.0.1", port=port, ssh_user=ssh_user)).id

    def kill(self):
        self.process.kill()


class SilentListener:
    """Takes every connection and says nothing; counts those that are there and those that were given up."""

    def __init__(self):
        self.server = socket.socket()
        self.server.bind(("127.0.0.1", 0))
        self.server.listen(512)
        self.port = self.server.getsockname()[1]
        self.opened = self.closed = 0
        self.connections = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            self.opened += 1
            self.connections.append(connection)
            threading.Thread(target=self._wait, args=(connection,), daemon=True).start()

    def _wait(self, connection):
        try:
            while connection.recv(4096):
                pass
        except OSError:
            pass
        self.closed += 1

    def close(self):
        for end in [self.server] + self.connections:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()
