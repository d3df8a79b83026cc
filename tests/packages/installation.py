"""Packages of the programs under test, and a machine on which they are installed and configured much as docs/install.md says."""

import os
import re
import subprocess

from harness.patience import wait_until
from harness.programs import CERTIFICATES, LONGSHORE, PROGRAMS, ROOT
from packages.machine import Machine

NAMES = ("longshore-api-server", "longshore-worker", "longshore")
SERVICES = NAMES[:2]
DIRECTORIES = {"longshore-api-server": "/etc/longshore/api_server", "longshore-worker": "/etc/longshore/payload_worker"}
USERS = {"longshore-api-server": "longshore-api", "longshore-worker": "longshore-worker"}

# A PostgreSQL that takes nobody in without TLS and a password.
DATABASE = """
version=$(ls /usr/lib/postgresql | sort -V | tail -n 1)
pg_createcluster "$version" test --port 5499 -- --auth=scram-sha-256 --auth-local=peer > /dev/null
settings=/etc/postgresql/$version/test
install -o postgres -m 600 /root/database.key "$settings/server.key"
install -o postgres /root/database.pem "$settings/server.pem"
echo "hostssl all all all scram-sha-256" > "$settings/pg_hba.conf"
echo "local all postgres peer" >> "$settings/pg_hba.conf"
cat >> "$settings/postgresql.conf" << END
ssl = on
ssl_cert_file = '$settings/server.pem'
ssl_key_file = '$settings/server.key'
END
systemctl start "postgresql@$version-test"
as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups psql -q -p 5499 -c "$1"; }
as_postgres "CREATE ROLE longshore LOGIN PASSWORD 'hunter2'"
as_postgres "CREATE DATABASE longshore OWNER longshore"
"""
URL = "postgresql://longshore:hunter2@localhost:5499/longshore?sslmode=verify-full&sslrootcert={}/database_ca.pem"


def version():
    with open(f"{ROOT}/common/version.h") as file:
        return re.search(r'kVersion = "(.*)"', file.read()).group(1)


def build(out, *versions):
    """Makes packages of the programs under test."""
    programs = os.path.join(out, "programs")
    os.makedirs(programs)
    for name, program in (*PROGRAMS.items(), ("longshore", LONGSHORE)):
        os.symlink(program, os.path.join(programs, name))
    for number in versions:
        # Those of the version under test alone have their debug symbols made: that takes half of the time.
        options = "" if number == version() else "noautodbgsym"
        subprocess.run([f"{ROOT}/packaging/build_packages.sh", programs, out, number], check=True,
                       env=dict(os.environ, DEB_BUILD_OPTIONS=options))


def file_of(name, number):
    architecture = subprocess.run(["dpkg", "--print-architecture"], check=True, capture_output=True, text=True).stdout.strip()
    return f"{name}_{number}_{architecture}.deb"


class Installation(Machine):
    """A machine for both services, a database and an instance."""

    def install(self, number, names=NAMES):
        files = " ".join(f"/packages/{file_of(name, number)}" for name in names)
        return self.run(f"apt-get install -y -qq --no-install-recommends {files} 2>&1")

    def configure(self):
        """Has what both services need, and starts nothing."""
        tls = os.path.join(self.directory, "tls")
        for words in (("authority", f"{tls}/servers", "servers"), ("authority", f"{tls}/workers", "workers"),
                      ("server", f"{tls}/servers", f"{tls}/server", "DNS:localhost"),
                      ("client", f"{tls}/workers", f"{tls}/worker", "DNS:worker-1")):
            subprocess.run([CERTIFICATES, *words], check=True)
        for source, target in (("server.pem", "database.pem"), ("server.key", "database.key"), ("servers/ca.pem", "ca.pem")):
            self._copy(f"{tls}/{source}", f"/root/{target}")
        self.run(DATABASE)
        api_server, worker = DIRECTORIES.values()
        self.write(f"{api_server}/database_url", URL.format(api_server) + "\n")
        for source, target in (("server.pem", f"{api_server}/server.pem"), ("server.key", f"{api_server}/server.key"),
                               ("servers/ca.pem", f"{api_server}/database_ca.pem"),
                               ("workers/ca.pem", f"{api_server}/workers_ca.pem"),
                               ("servers/ca.pem", f"{worker}/servers_ca.pem"), ("worker.pem", f"{worker}/worker.pem"),
                               ("worker.key", f"{worker}/worker.key")):
            self._copy(f"{tls}/{source}", target)
        self.run(f"chown longshore-api: {api_server}/*; chmod 600 {api_server}/*; ssh-keygen -q -t ed25519 -N '' "
                 f"-f {worker}/ssh_key; chown longshore-worker: {worker}/*; chmod 600 {worker}/*")
        self.run("sed -i 's/^#--name=.*/--name=worker-1/; s/^#--api_server=.*/--api_server=localhost:50052/' "
                 "/etc/longshore/payload_worker.flags")

    def _copy(self, source, target):
        with open(source) as file:
            self.write(target, file.read())

    def start(self):
        self.run("systemctl enable --now longshore-api-server longshore-worker 2>&1")
        self.bootstrap(*SERVICES)

    def bootstrap(self, api_server, worker):
        """Waits for one unit to connect to the other, and makes the token for longshore()."""
        wait_until(lambda: "connected" in self.journal(api_server), "the worker to connect",
                   on_failure=lambda: self.journal(worker))
        self.token = self.run("longshore tokens bootstrap --database_url_file /etc/longshore/api_server/database_url")

    def add_instance(self):
        """This machine itself."""
        self._start_sshd()
        self.longshore("instances add --name web-1 --address localhost --user root")

    def add_instances(self, number):
        """This machine as so many, with the tag fleet, each by another address of loopback."""
        self._start_sshd()
        addresses = " ".join(f"127.1.{i // 250}.{i % 250 + 1}" for i in range(number))
        self.run(f"{self._access()}\nfor address in {addresses}; do\n"
                 "longshore instances add --name $address --address $address --user root --tag fleet\ndone > /dev/null")

    def _start_sshd(self):
        self.write("/etc/ssh/sshd_config.d/fleet.conf", "MaxStartups 1000\n")
        # What this machine's root has each command begin with is not of the fleet.
        self.run("rm -f /root/.bashrc; ssh-keygen -A > /dev/null; mkdir -p -m 700 /root/.ssh; systemctl start ssh; "
                 "cat /etc/longshore/payload_worker/ssh_key.pub > /root/.ssh/authorized_keys")

    def longshore(self, words, check=True):
        return self.run(f"{self._access()}\nlongshore {words}", check)

    def _access(self):
        return f"export LONGSHORE_API=localhost:50051 LONGSHORE_CA=/root/ca.pem LONGSHORE_TOKEN={self.token}"

    def sql(self, query):
        return self.run("setpriv --reuid=postgres --regid=postgres --init-groups "
                        f'psql -XAtq -p 5499 -d longshore -c "{query}"')

    def database(self, action):
        """Starts or stops it."""
        self.run(f"systemctl {action} postgresql@$(ls /usr/lib/postgresql | sort -V | tail -n 1)-test")

    def watch_closely(self):
        """A watchdog for these tests, whose patience is shorter than that of the units."""
        for service in SERVICES:
            self.write(f"/etc/systemd/system/{service}.service.d/watchdog.conf", "[Service]\nWatchdogSec=10\n")
        self.run("systemctl daemon-reload")
