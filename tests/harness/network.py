"""A network that only those in it reach: a network namespace with nothing but a loopback of its own."""

import ctypes
import os
import socket
import subprocess
import threading

from harness.process import Process

CLONE_NEWNET = 0x40000000  # From sched.h.
LIBC = ctypes.CDLL(None, use_errno=True)


class Network:

    def __init__(self, name, directory):
        """`directory`: for the log of the process that keeps it."""
        self.keeper = Process(f"network-{name}", directory, ["unshare", "--net", "--", "sleep", "infinity"]).start()
        # The namespace is there before the program is.
        while os.readlink(self._path()) == os.readlink("/proc/self/ns/net"):
            assert self.keeper.child.poll() is None, self.keeper.tail()
        subprocess.run([*self.inside, "ip", "link", "set", "lo", "up"], check=True)

    def _path(self):
        return f"/proc/{self.keeper.child.pid}/ns/net"

    @property
    def inside(self):
        """What to put before a command, to run it there."""
        return ["nsenter", f"--net={self._path()}", "--"]

    def server(self, port=0):
        """A socket that listens there, whoever accepts from it."""
        made = []

        def make():
            with open(self._path()) as namespace:
                if LIBC.setns(namespace.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            server = socket.create_server(("127.0.0.1", port), backlog=128)
            made.append(server)

        thread = threading.Thread(target=make)  # It alone is there, and ends there.
        thread.start()
        thread.join()
        return made[0]

    def close(self):
        self.keeper.kill()
