"""A network that only those in it reach: a network namespace with a loopback of its own, and links to others that one makes."""

import ctypes
import os
import random
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

    def connect(self, other=None):
        """Links it with another network, or with the machine's own; returns its address there."""
        number = random.randrange(1 << 14)
        near, far = f"lsa{number:x}", f"lsb{number:x}"
        inside_other = other.inside if other else []

        def address(i):
            # Of a range that is for tests of networks.
            last = 4 * number + i
            return f"198.18.{last >> 8}.{last & 255}"

        def ip(inside, *words):
            subprocess.run([*inside, "ip", *words], check=True)

        ip(inside_other, "link", "add", near, "type", "veth", "peer", "name", far, "netns", str(self.keeper.child.pid))
        for inside, name, i in ((inside_other, near, 1), (self.inside, far, 2)):
            ip(inside, "address", "add", address(i) + "/30", "dev", name)
            ip(inside, "link", "set", name, "up")
        return address(2)

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
