"""A machine of its own for packages: this system's files, which it may change without changing them here, and a real systemd."""

import contextlib
import glob
import os
import shutil
import signal
import subprocess
import tempfile
import unittest

from harness.patience import communicate, wait_until

# Where this machine has cgroups of its own: version 2 alone, or beside version 1.
HIERARCHIES = ("/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def not_here(why):
    """What is raised where no such machine can be made: a test is skipped, but tools/upgrade.sh has to have run."""
    return AssertionError(why) if "LONGSHORE_OLD_BINARIES" in os.environ else unittest.SkipTest(why)


def removed(cgroup):
    """Whether it could be removed, with those in it: what was killed is there for a moment yet."""
    for directory, _, _ in os.walk(cgroup, topdown=False):
        with contextlib.suppress(OSError):
            os.rmdir(directory)
    return not os.path.exists(cgroup)


def remove_orphans(top):
    """The cgroups of tests that were killed: the directory for which they are named is not there any more."""
    for cgroup in glob.glob(f"{top}/longshore-test-*"):
        directory = os.path.basename(cgroup).split(".")[0]
        if not os.path.exists(os.path.join(os.path.dirname(tempfile.gettempdir()), directory)):
            removed(cgroup)


class Machine:
    """Has nothing of the network but loopback, until connect() gives it others. Whoever made it calls close().

    Skips the test where no such machine can be made: without overlays or cgroups, or where systemd-nspawn may not start one.
    All of it is in the test's namespaces, and ends with them; the cgroups of a test that was killed are removed by the next one.
    """

    def __init__(self, name, packages):
        self.name = name
        self.directory = tempfile.mkdtemp(prefix=f"machine-{name}-")
        self.root = os.path.join(self.directory, "root")
        # The test's own directory is longshore-test-… (harness/supervisor.py).
        test, own = os.path.basename(tempfile.gettempdir()), os.path.basename(self.directory)
        self.cgroups = [f"{top}/{test}.{own}" for top in HIERARCHIES if os.path.exists(f"{top}/cgroup.procs")]
        self.nspawn, self.log = None, os.path.join(self.directory, "console.log")
        try:
            self._lay_over()
            self._boot(packages)
        except BaseException:
            self.close()
            raise

    def _lay_over(self):
        layers = os.path.join(self.directory, "layers")
        for directory in (layers, self.root):
            os.mkdir(directory)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", layers], check=True)
        for name in ("upper", "work"):
            os.mkdir(os.path.join(layers, name))
        made = subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                               f"lowerdir=/,upperdir={layers}/upper,workdir={layers}/work", self.root],
                              capture_output=True, text=True)
        if made.returncode:
            raise not_here(f"no overlay can be made here: {made.stderr}")
        self.write("/etc/hostname", self.name + "\n")
        # A container's way to keep services from being started.
        with contextlib.suppress(FileNotFoundError):
            os.remove(self.path("/usr/sbin/policy-rc.d"))
        # Takes seconds at every installation.
        with contextlib.suppress(FileNotFoundError):
            os.remove(self.path("/var/lib/man-db/auto-update"))
        # It would wait for somebody to answer its questions.
        self.write("/etc/systemd/system/systemd-firstboot.service", "")

    def _boot(self, packages):
        # What systemd-nspawn writes down of its machines is for this test alone.
        os.makedirs("/run/systemd", exist_ok=True)
        if not os.path.ismount("/run/systemd"):
            subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run/systemd"], check=True)
        try:
            for cgroup in self.cgroups:
                remove_orphans(os.path.dirname(cgroup))
                os.mkdir(cgroup)
        except OSError as error:
            raise not_here(f"no cgroup can be made here: {error}")
        # The cgroups first, so that several machines are not in each other's way; only what a test starts is started.
        enter = "".join(f"echo $$ > {cgroup}/cgroup.procs; " for cgroup in self.cgroups)
        with open(self.log, "wb") as log:
            self.nspawn = subprocess.Popen(
                ["sh", "-c", enter + 'exec "$@"', "sh", "systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot",
                 f"--directory={self.root}", f"--machine={self.name}", "--private-network",
                 "--link-journal=no", "--resolv-conf=off", "--timezone=off", "--console=pipe", "--tmpfs=/tmp",
                 f"--bind-ro={packages}:/packages", "--", "--unit=basic.target"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(lambda: self.leader() or self.nspawn.poll() is not None, f"the machine {self.name}")
        wait_until(lambda: self.nspawn.poll() is not None or self._is_up(), f"systemd on {self.name}")
        if self.nspawn.poll() is not None:
            with open(self.log) as log:
                raise not_here(f"systemd-nspawn starts no machine here: {log.read()[-500:]}")

    def _is_up(self):
        return self.run("systemctl is-active basic.target", check=False) == "active"

    def leader(self):
        """Its first process, or None."""
        with open(f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children") as file:
            return next(iter(map(int, file.read().split())), None)

    def entering(self, *command):
        """The command that runs `command` there, as root."""
        return ["nsenter", "--target", str(self.leader() or 0), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup",
                "--root", "--wdns=/root", "env", "-i", f"PATH={PATH}", "HOME=/root", "LC_ALL=C.UTF-8",
                "DEBIAN_FRONTEND=noninteractive", *command]

    def run(self, script, check=True):
        """Has bash run a script there; returns what it printed."""
        child = subprocess.Popen(self.entering("bash", "-euo", "pipefail", "-c", script), stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        out, errors = communicate(child, f"{script!r} on {self.name}")
        if check and child.returncode:
            raise AssertionError(f"{self.name}: {script!r} ended with {child.returncode}: {out}{errors}")
        return out.strip()

    def fails(self, script):
        return "failed" in self.run(f"({script}) > /dev/null 2>&1 || echo failed", check=False)

    def path(self, inside):
        """Where a file of it is seen from outside."""
        return self.root + inside

    def write(self, inside, text, mode=0o644):
        os.makedirs(os.path.dirname(self.path(inside)), exist_ok=True)
        with open(self.path(inside), "w") as file:
            file.write(text)
        os.chmod(self.path(inside), mode)

    def read(self, inside):
        with open(self.path(inside)) as file:
            return file.read()

    def show(self, unit, *properties):
        """Those of a unit, as systemd tells them."""
        lines = self.run(f"systemctl show {unit} " + " ".join(f"-p {name}" for name in properties)).splitlines()
        values = dict(line.split("=", 1) for line in lines)
        return values[properties[0]] if len(properties) == 1 else tuple(values[name] for name in properties)

    def journal(self, unit):
        # What has been said may lie in a socket yet.
        return self.run(f"journalctl --sync; journalctl -q -o cat --no-pager -u {unit}", check=False)

    def close(self):
        if self.nspawn is not None and self.nspawn.poll() is None:
            leader = self.leader()
            if leader:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(leader, signal.SIGKILL)
            else:
                self.nspawn.kill()
        if self.nspawn is not None:
            self.nspawn.wait()
        for cgroup in self.cgroups:
            wait_until(lambda: removed(cgroup), f"the end of {cgroup}")
        for mount in (self.root, os.path.join(self.directory, "layers")):
            subprocess.run(["umount", "--lazy", mount], stderr=subprocess.DEVNULL)
        shutil.rmtree(self.directory, ignore_errors=True)


def connect(machines):
    """Has them reach each other, over a network of their own; returns their addresses."""
    def ip(words, machine=None):
        where = ["nsenter", "--target", str(machine.leader()), "--net"] if machine else []
        subprocess.run([*where, "ip", *words.split()], check=True)

    hub, addresses = machines[0], []
    ip("link add switch type bridge", hub)
    ip("link set switch up", hub)
    for number, machine in enumerate(machines):
        if machine is not hub:
            # Both ends are made where they belong: nothing of it is seen here.
            ip(f"link add port{number} netns {hub.leader()} type veth peer name host0 netns {machine.leader()}")
            ip(f"link set port{number} master switch up", hub)
        addresses.append(f"192.0.2.{number + 1}")
        device = "switch" if machine is hub else "host0"
        ip(f"address add {addresses[-1]}/24 dev {device}", machine)
        ip(f"link set {device} up", machine)
    return addresses
