"""Instances: real sshds in namespaces of their own."""

import contextlib
import os
import subprocess

from harness.process import Process, free_port
from harness.programs import LOCAL_INSTANCE
from harness.relay import Relay


class Disk:
    """What a local instance (api_server/providers/local_instance.sh) keeps in its directory, seen from outside."""

    def __init__(self, directory):
        self.directory = directory

    def path(self, inside):
        """Where a file of the instance is seen from outside."""
        if inside.startswith("/root/"):
            return os.path.join(self.directory, inside[1:])
        return os.path.join(self.directory, "longshore", inside.removeprefix("/var/lib/longshore/"))

    def ledger(self, name="ledger"):
        try:
            with open(self.path("/root/" + name)) as file:
                return file.read().split()
        except FileNotFoundError:
            return []

    def run_directories(self):
        return self._names("/var/lib/longshore/runs")

    def uploads(self):
        """The temporary files in the login directory."""
        return [name for name in self._names("/root/") if name.startswith(".longshore-")]

    def _names(self, inside):
        with contextlib.suppress(FileNotFoundError):
            return os.listdir(self.path(inside))
        return []


class Instance(Disk):
    """A local instance behind a relay; in `network`, where there is none, on its port 22 or another."""

    def __init__(self, stack, name, mounts="", network=None, port=22):
        super().__init__(os.path.join(stack.directory, name))
        self.name = name
        subprocess.run([LOCAL_INSTANCE, "init", self.directory, stack.key + ".pub"], check=True)
        if mounts:
            with open(os.path.join(self.directory, "mounts.sh"), "w") as file:
                file.write(mounts)
        port = port if network else free_port()
        command = [*(network.inside if network else ()), LOCAL_INSTANCE, "run", self.directory, str(port)]
        self.process = Process(name, stack.directory, command, None if network else port)
        self.process.start()
        self.relay = None if network else Relay(port)
        self.doors = {}
        self.id = None

    def door(self, project):
        """The relay by which a project reaches it, because an address is of one project. The first one's is `relay`."""
        if project not in self.doors:
            self.doors[project] = Relay(self.process.port) if self.doors else self.relay
        return self.doors[project]

    def configure_sshd(self, lines):
        """Puts lines before its configuration, of which the first value counts, and starts it again."""
        path = os.path.join(self.directory, "sshd_config")
        with open(path) as file:
            old = file.read()
        with open(path, "w") as file:
            file.write(lines + old)
        self.process.restart()

    def arm(self, point, text):
        """Arms a fail point of the remote runner (payload_worker/run/fail_points.sed): it runs `text`, a line of shell."""
        directory = self.path("/root/.fail_points")
        os.makedirs(directory, exist_ok=True)
        with open(os.path.join(directory, point + ".new"), "w") as file:
            file.write(text + "\n")
        os.rename(os.path.join(directory, point + ".new"), os.path.join(directory, point))

    def hold(self, point):
        """Arms it so that the runner waits there until release()."""
        self.arm(point, f'while [ -e "$HOME/.fail_points/{point}.hit" ]; do sleep 0.02; done')

    def hit(self, point):
        return os.path.exists(self.path(f"/root/.fail_points/{point}.hit"))

    def release(self, point):
        for name in (point, point + ".hit"):
            with contextlib.suppress(FileNotFoundError):
                os.remove(self.path(f"/root/.fail_points/{name}"))

    def sshd_sessions(self):
        """The processes that serve its connections."""
        def children(pid):
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/task/{pid}/children") as file:
                    return [int(child) for child in file.read().split()]
            return []

        def is_sshd(pid):
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/comm") as file:
                    return file.read().strip() == "sshd"
            return False

        # What has lost its parent is the child of the instance's first process too: that is the sshd that listens.
        return [child for sshd in children(self.process.child.pid) for child in children(sshd) if is_sshd(child)]

    def host_key(self):
        with open(os.path.join(self.directory, "host_key.pub")) as file:
            return file.read().strip()

    def pids(self, pattern, namespace=None):
        """The processes on the machine, or in a pid namespace of it, that have `pattern` in their command line."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    if pattern.encode() in file.read() and namespace in (None, os.readlink(f"/proc/{pid}/ns/pid")):
                        yield int(pid)

    def own_pids(self, pattern):
        """Those on this instance: other tests may run the same beside."""
        return list(self.pids(pattern, os.readlink(f"/proc/{self.process.child.pid}/ns/pid_for_children")))

    def own_processes(self, pattern):
        """How many these are."""
        return len(self.own_pids(pattern))
