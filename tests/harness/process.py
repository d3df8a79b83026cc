"""The processes that a test starts, and the ports that they listen on."""

import contextlib
import os
import random
import socket
import subprocess

from harness.patience import wait_until

CLAIMS = []


def free_port():
    # Below the ephemeral range, so that no outgoing connection takes it meanwhile, and below the ports of machines that the
    # provider local makes (api_server/providers/local_provider.cc): one of these took that of a server that was down for a
    # moment. Nor does another test take it, on this machine, as long as this process has the name. Browsers refuse some below.
    while True:
        port = random.randrange(7000, 10000)
        claim = socket.socket(socket.AF_UNIX)
        with socket.socket() as probe:
            try:
                claim.bind(f"\0longshore-test-port-{port}")
                probe.bind(("127.0.0.1", port))
            except OSError:
                claim.close()
                continue
        CLAIMS.append(claim)
        return port


def listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Process:
    """A child that can be killed, stopped and started again with the same command line, and its fail points if it has them."""

    def __init__(self, name, directory, command, port=None, env=None):
        self.name, self.command, self.port = name, command, port
        self.more_ports = []  # That it listens on besides.
        self.is_ready = lambda: True  # Beyond that it listens.
        self.fail_points = os.path.join(directory, name + ".fail_points")
        self.env = dict(os.environ, LONGSHORE_FAIL_POINTS=self.fail_points, **(env or {}))
        self.log = os.path.join(directory, name + ".log")
        self.child = None

    def start(self, wait=True):
        """Starts it, and waits until it listens if it is to."""
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env,
                                          start_new_session=True)
        if self.port and wait:
            ports = [self.port, *self.more_ports]
            wait_until(lambda: (all(map(listening, ports)) and self.is_ready()) or self.child.poll() is not None,
                       f"{self.name} to listen")
            if self.child.poll() is not None:
                raise AssertionError(f"{self.name} ended: {self.tail()}")
        return self

    def signal(self, number):
        self.child.send_signal(number)

    def kill(self):
        if self.child and self.child.poll() is None:
            self.child.kill()
        if self.child:
            self.child.wait()

    def terminate(self):
        """SIGTERM; returns the exit status."""
        self.child.terminate()
        return self.ended()

    def ended(self):
        """Waits until it has ended by itself; returns the exit status."""
        wait_until(lambda: self.child.poll() is not None, f"{self.name} to end")
        return self.child.returncode

    def restart(self):
        self.kill()
        return self.start()

    def arm(self, point, action):
        """Arms a fail point (common/fail_point.h); whatever was armed there before is forgotten."""
        os.makedirs(self.fail_points, exist_ok=True)
        self.release(point)
        path = os.path.join(self.fail_points, point)
        with open(path + ".new", "w") as file:
            file.write(action)
        os.rename(path + ".new", path)

    def hit(self, point):
        """True when the armed fail point has been reached."""
        return os.path.exists(os.path.join(self.fail_points, point + ".hit"))

    def release(self, point):
        """Lets go what is held at the fail point, or disarms it."""
        for name in (point, point + ".hit"):
            with contextlib.suppress(FileNotFoundError):
                os.remove(os.path.join(self.fail_points, name))

    def read_log(self):
        """All that it has printed."""
        with open(self.log, errors="replace") as log:
            return log.read()

    def tail(self):
        return self.read_log()[-2000:]

    def resident(self):
        """Bytes of memory that it has."""
        with open(f"/proc/{self.child.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
