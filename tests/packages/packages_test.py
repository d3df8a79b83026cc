"""The Debian packages, as they are built, installed, upgraded and removed on a machine with a real systemd."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from harness.held import held_by, hold, let_go
from harness.patience import wait_until
from harness.programs import PROGRAMS
from packages.installation import DIRECTORIES, NAMES, SERVICES, USERS, Installation, build, file_of, version

# What systemd-analyze may say of a unit at most, in tenths.
EXPOSURE = {"longshore-api-server": 25, "longshore-worker": 40}
NEW = version()
OLD = NEW + "~old"  # Comes before it.
# tools/upgrade.sh has other ideas: programs of an earlier commit, packages of them with this version, many more scripts that run.
OLD_PROGRAMS = os.environ.get("LONGSHORE_OLD_BINARIES")
OLD_PACKAGES = os.environ.get("LONGSHORE_OLD_PACKAGES")
RUNNING = int(os.environ.get("LONGSHORE_RUNNING", "20"))
PACKAGES = None


def setUpModule():
    global PACKAGES
    PACKAGES = tempfile.mkdtemp(prefix="packages-")
    unittest.addModuleCleanup(shutil.rmtree, PACKAGES)
    if OLD_PACKAGES:
        shutil.copytree(OLD_PACKAGES, PACKAGES, dirs_exist_ok=True)
    build(PACKAGES, *([NEW] if OLD_PACKAGES else [NEW, OLD]))
    os.mkdir(os.path.join(PACKAGES, "old"))
    for name, program in PROGRAMS.items():
        shutil.copy(os.path.join(OLD_PROGRAMS, name) if OLD_PROGRAMS else program, os.path.join(PACKAGES, "old"))


def run(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def package(name):
    return os.path.join(PACKAGES, file_of(name, NEW))


class PackagesTest(unittest.TestCase):
    """What is in them."""

    def extracted(self, name):
        directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, directory)
        run("dpkg-deb", "--extract", package(name), directory)
        return directory

    def test_lintian_has_nothing_to_say(self):
        self.assertEqual(run("lintian", "--allow-root", "--fail-on", "error,warning", *map(package, NAMES)), "")

    def test_units_expose_little(self):
        for name, tenths in EXPOSURE.items():
            unit = os.path.join(self.extracted(name), f"lib/systemd/system/{name}.service")
            said = run("systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={tenths}", unit)
            self.assertRegex(said, r"Overall exposure level for .*: \d")

    def test_debug_symbols_are_apart(self):
        for name in NAMES:
            program = os.path.join(self.extracted(name), "usr/bin", name)
            self.assertIn(", stripped", run("file", "--brief", program))
            build_id = re.search(r"Build ID: (\w+)", run("readelf", "--notes", program)).group(1)
            self.assertIn(f"/usr/lib/debug/.build-id/{build_id[:2]}/{build_id[2:]}.debug",
                          run("dpkg-deb", "--contents", package(f"{name}-dbgsym")))

    def test_what_they_need_is_computed(self):
        for name, library in (("longshore-api-server", "libpq5"), ("longshore-worker", "libssh-4"), ("longshore", "libgrpc++")):
            self.assertIn(library, run("dpkg-deb", "--field", package(name), "Depends"))
        self.assertIn("ansible-core", run("dpkg-deb", "--field", package("longshore-worker"), "Recommends"))

    def test_manual_pages_are_of_the_programs(self):
        for name, words in (("longshore-api-server", ("--database_url_file", "api_server.flags")),
                            ("longshore-worker", ("--ssh_private_key", "payload_worker.flags")),
                            ("longshore", ("deployments retry", "--max-concurrency"))):
            page = os.path.join(self.extracted(name), f"usr/share/man/man1/{name}.1.gz")
            text = run("man", "--warnings", "--local-file", page, env=dict(os.environ, MANWIDTH="200", LC_ALL="C.UTF-8"))
            for word in words:
                self.assertIn(word, text)

    def test_flag_files_name_flags(self):
        for name, program in zip(SERVICES, PROGRAMS.values()):
            with open(os.path.join(self.extracted(name), DIRECTORIES[name][1:] + ".flags")) as file:
                named = set(re.findall(r"^#?--(\w+)", file.read(), re.MULTILINE))
            # gflags ends with 1 after its help.
            told = subprocess.run([program, "--helpxml"], stdout=subprocess.PIPE, text=True).stdout
            self.assertGreater(len(named), 5)
            self.assertLessEqual(named, set(re.findall(r"<name>(\w+)</name>", told)))

    def test_completion(self):
        top = os.path.join(self.extracted("longshore"), "usr/share")
        for path in ("bash-completion/completions/longshore", "zsh/vendor-completions/_longshore",
                     "fish/vendor_completions.d/longshore.fish"):
            with open(os.path.join(top, path)) as file:
                self.assertIn("longshore", file.read())


class ServicesTest(unittest.TestCase):
    """What they do to a machine."""

    def machine(self):
        machine = Installation("machine", PACKAGES)
        self.addCleanup(machine.close)
        return machine

    def configured(self, number=NEW):
        machine = self.machine()
        machine.install(number)
        machine.configure()
        return machine

    def test_nothing_starts_before_it_is_configured(self):
        machine = self.machine()
        machine.install(NEW)
        for service in SERVICES:
            self.assertEqual(machine.show(service, "ActiveState", "UnitFileState", "NRestarts"), ("inactive", "disabled", "0"))
            self.assertEqual(machine.run(f"systemd-analyze verify /lib/systemd/system/{service}.service 2>&1"), "")
            user, directory = USERS[service], DIRECTORIES[service]
            self.assertEqual(machine.run(f"stat -c '%U %G %a' {directory}"), f"root {user} 750")
            self.assertRegex(machine.run(f"getent passwd {user}"), r":/usr/sbin/nologin$")
            self.assertEqual(machine.run(f"getent shadow {user} | cut -d: -f2"), "!*")
            machine.write(f"{directory}/secret", "it")
            reads = "setpriv --reuid={} --regid={} --clear-groups " + f"cat {directory}/secret"
            self.assertEqual(machine.run(reads.format(user, user)), "it")
            self.assertTrue(machine.fails(reads.format("nobody", "nogroup")))
            machine.run(f"rm {directory}/secret")
            # Who starts it all the same is told what is missing.
            self.assertTrue(machine.fails(f"systemctl start {service}"))
            self.assertIn(f"{directory}/", machine.journal(service))
            machine.run(f"systemctl stop {service}")
        machine.run(f"apt-get purge -y -qq {' '.join(NAMES)} 2>&1")
        self.assertEqual(machine.run("ls -d /etc/longshore* /var/lib/longshore-* 2> /dev/null || true"), "")

    def test_scripts_run(self):
        machine = self.configured()
        machine.watch_closely()
        machine.start()
        for service in SERVICES:
            pid, state, enabled = machine.show(service, "MainPID", "ActiveState", "UnitFileState")
            self.assertEqual((state, enabled), ("active", "enabled"))
            self.assertEqual(machine.run(f"ps -o user:32= -p {pid}"), USERS[service])
            self.assertRegex(machine.run(f"grep 'Max core file size' /proc/{pid}/limits"), r"size +0 +0 ")
            self.assertNotIn("hunter2", machine.run(f"cat /proc/{pid}/cmdline /proc/{pid}/environ | tr '\\0' ' '"))
        machine.add_instance()
        out = machine.longshore("deploy --file - --instances web-1 --execute --follow 2>&1 <<< 'echo out; exit 3'", False)
        self.assertIn("[instance 1] out", out.splitlines())
        self.assertIn("NONZERO_EXIT", out)
        wait_until(lambda: machine.show("longshore-api-server", "StatusText") == "serving; workers: 1", "its status")
        wait_until(lambda: machine.show("longshore-worker", "StatusText") == "connected; tasks: 0", "its status")
        for service in reversed(SERVICES):
            machine.run(f"systemctl stop {service}")
            self.assertEqual(machine.show(service, "Result", "ExecMainCode", "ExecMainStatus", "StatusText"),
                             ("success", "1", "0", "draining"))
            self.assertIn("drained", machine.journal(service))
            self.assertNotIn("hunter2", machine.journal(service))

    def test_who_hangs_is_started_again_and_who_waits_is_not(self):
        machine = self.configured()
        machine.watch_closely()
        machine.start()
        before = {service: machine.show(service, "MainPID", "NRestarts") for service in SERVICES}
        machine.database("stop")
        pings = {service: set() for service in SERVICES}

        def pinged():
            for service, times in pings.items():
                times.add(machine.show(service, "WatchdogTimestampMonotonic"))
            return all(len(times) > 3 for times in pings.values())

        wait_until(pinged, "pings without a database")
        self.assertEqual({service: machine.show(service, "MainPID", "NRestarts") for service in SERVICES}, before)
        machine.database("start")
        machine.run("kill -STOP " + " ".join(pid for pid, _ in before.values()))
        for service in SERVICES:
            wait_until(lambda: machine.show(service, "NRestarts", "ActiveState") == ("1", "active"), f"another {service}")
            self.assertIn("Watchdog timeout", machine.journal(service))

    def run_fleet(self, machine):
        """Has RUNNING scripts run there, held; returns the deployment's id."""
        machine.add_instances(RUNNING)
        hold(machine)
        deployed = machine.longshore("deploy --file - --tag fleet --execute --timeout 1h -o json <<< '"
                                     f"echo run >> /root/ledger; {held_by(RUNNING)}; echo done'")
        deployment = re.search(r'"deployment_id": ?"(\d+)"', deployed).group(1)

        def running():
            return machine.read("/root/ledger").count("run\n") if os.path.exists(machine.path("/root/ledger")) else 0

        wait_until(lambda: running() == RUNNING, f"{RUNNING} scripts to begin",
                   on_failure=lambda: f"{running()} run; {machine.longshore(f'deployments show {deployment}', False)[:3000]}")
        return deployment

    def expect_each_once(self, machine, deployment):
        let_go(machine)
        machine.longshore(f"deployments watch {deployment}")
        payloads = json.loads(machine.longshore(f"deployments show {deployment} -o json"))["payloads"]
        self.assertEqual([payload["status"] for payload in payloads], ["PAYLOAD_STATUS_COMPLETED"] * RUNNING)
        self.assertEqual(machine.read("/root/ledger"), "run\n" * RUNNING, "each ran once")
        self.assertEqual(machine.longshore(f"output {payloads[0]['id']}"), "done")
        whole = "SELECT count(*) FROM payload_output WHERE start_byte = 0 AND convert_from(data, 'UTF8') = E'done\\n'"
        self.assertEqual(machine.sql(whole), str(RUNNING))
        machine.run("LONGSHORE_DATABASE_URL=$(cat /etc/longshore/api_server/database_url) longshore verify")

    def test_an_upgrade_and_the_end(self):
        machine = self.configured(OLD)
        machine.start()
        deployment = self.run_fleet(machine)
        pids = {service: machine.show(service, "MainPID") for service in SERVICES}
        flags = machine.read("/etc/longshore/payload_worker.flags")
        machine.install(NEW)
        for service in SERVICES:
            self.assertEqual(machine.show(service, "ActiveState", "NRestarts"), ("active", "0"))
            self.assertNotEqual(machine.show(service, "MainPID"), pids[service])
            self.assertIn("drained", machine.journal(service))
        self.assertEqual(machine.read("/etc/longshore/payload_worker.flags"), flags)
        self.expect_each_once(machine, deployment)

        # Who has stopped a service finds it stopped.
        machine.run("systemctl stop longshore-worker")
        machine.run(f"dpkg --force-downgrade -i /packages/{file_of('longshore-worker', OLD)} 2>&1")
        machine.install(NEW)
        self.assertEqual(machine.show("longshore-worker", "ActiveState"), "inactive")

        machine.run("systemctl start longshore-worker")
        machine.run(f"apt-get remove -y -qq {' '.join(SERVICES)} 2>&1")
        for service in SERVICES:
            self.assertEqual(machine.show(service, "ActiveState", "LoadState"), ("inactive", "not-found"))
        self.assertEqual(machine.run("pgrep -c 'longshore-(api|work)' || true"), "0")
        self.assertEqual(machine.read("/etc/longshore/payload_worker.flags"), flags)
        machine.run(f"apt-get purge -y -qq {' '.join(SERVICES)} 2>&1")
        self.assertTrue(machine.fails("ls /etc/longshore/*.flags"))
        self.assertTrue(machine.fails("ls -d /var/lib/longshore-*"))
        self.assertTrue(os.path.exists(machine.path("/etc/longshore/payload_worker/ssh_key")), "it may be the only one")

    def test_services_take_over_from_units_of_ones_own(self):
        machine = self.configured()
        for name, service in zip(PROGRAMS, SERVICES):
            machine.run(f"systemd-run --quiet --unit=own-{name} /packages/old/{name} --flagfile=/etc/longshore/{name}.flags")
        machine.bootstrap("own-api_server", "own-payload_worker")
        deployment = self.run_fleet(machine)
        for name in reversed(PROGRAMS):
            machine.run(f"systemctl stop own-{name}")
            self.assertIn("drained", machine.journal(f"own-{name}"))
        machine.run(f"systemctl enable --now {' '.join(SERVICES)} 2>&1")
        self.expect_each_once(machine, deployment)

    def test_ansible_runs_in_the_workers_confinement(self):
        machine = self.configured()
        machine.run("ssh-keygen -A > /dev/null; mkdir -p -m 700 /root/.ssh; systemctl start ssh; "
                    "cat /etc/longshore/payload_worker/ssh_key.pub > /root/.ssh/authorized_keys")
        unit = machine.read("/lib/systemd/system/longshore-worker.service")
        command = ("/usr/bin/setpriv --pdeathsig KILL -- /usr/bin/ansible all --inventory localhost, --user root"
                   " --module-name copy --args 'content=it dest=/root/sent'"
                   " --private-key /etc/longshore/payload_worker/ssh_key "
                   "'--ssh-common-args=-F /dev/null -o StrictHostKeyChecking=no -o ControlMaster=auto -o ControlPersist=10"
                   " -o ControlPath=/tmp/%%C'\nEnvironment=ANSIBLE_HOME=/tmp/home ANSIBLE_LOCAL_TEMP=/tmp/tmp"
                   " ANSIBLE_CONFIG=/usr/share/longshore/ansible/ansible.cfg")
        unit = re.sub(r"^ExecStart=.*", lambda _: f"ExecStart={command}", unit, flags=re.MULTILINE)
        unit = re.sub(r"^(ExecStartPre|NotifyAccess|WatchdogSec|Restart\w*)=.*\n", "", unit, flags=re.MULTILINE)
        machine.write("/etc/systemd/system/confined.service", unit.replace("Type=notify", "Type=oneshot"))
        machine.run("systemctl daemon-reload; systemctl start confined || { journalctl -o cat -u confined; false; }")
        self.assertEqual(machine.read("/root/sent"), "it")


if __name__ == "__main__":
    unittest.main()
