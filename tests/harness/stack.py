"""A real Longshore for a test: PostgreSQL, api_servers, payload_workers, sshd instances, and relays between them.

Everything runs on loopback on free ports, in a directory of its own, and is gone after close().
"""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import tempfile
import types

import grpc

from harness.api import (access_grpc, access_service, instance_grpc, instance_pb, instance_service, payload_grpc, payload_service,
                         pb, task_grpc, task_service)
from harness.certificates import Certificates
from harness.instance import Instance
from harness.patience import MOVEMENT, PATIENCE, follow, wait_until
from harness.process import Process, free_port
from harness.programs import LOCAL_INSTANCE, LONGSHORE, PLAYBOOK, POSTGRES, PROGRAMS, PSQL
from harness.relay import Relay
from harness.secret_search import out_of_place

# No slowness outlasts it, nor the quarter of it that a runner waits for `go`: for tests that count tries and lose no holder.
LONG_LEASE = "--lease_duration_ms=120000"
TERMINAL = (pb.PAYLOAD_STATUS_COMPLETED, pb.PAYLOAD_STATUS_FAILED, pb.PAYLOAD_STATUS_CANCELLED)


class Stack:
    """`binaries` is where the programs are: FAIL_POINTS has those with fail points.

    Between every worker and every api_server, in front of every instance and, if asked for, between every api_server and
    PostgreSQL is a relay. `insecure`: without TLS and tokens. In `payload_dirs`, where scripts by path may be, {} stands for
    payload_dir. Instances are of the project `project`, if nothing else is said. With `http` api_servers speak it: see web.py.
    """

    def __init__(self, instances=1, api_servers=1, workers=1, api_flags=(), worker_flags=(), register=True, binaries=PROGRAMS,
                 relay_database=False, postgres_directory=None, environment=None, key=None, insecure=False,
                 certificates_since=None, payload_dirs=("{}",), project="default", http=False):
        self.binaries, self.relay_database, self.insecure = binaries, relay_database, insecure
        self.project, self.http = project, http
        self.environment = environment or {}  # By the process's name.
        self.role = "longshore"  # As which api_servers go to the database.
        self.directory = tempfile.mkdtemp(prefix="stack-")
        os.chmod(self.directory, 0o755)
        self.closers = []
        self.payload_dir = os.path.join(self.directory, "payloads")
        os.mkdir(self.payload_dir)
        self.payload_dirs = ",".join(directory.format(self.payload_dir) for directory in payload_dirs)
        self.machines = os.path.join(self.directory, "machines")  # Those that CreateInstance makes.
        self.key = key or os.path.join(self.directory, "key")
        if key is None:
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", self.key], check=True)
        self.tls = Certificates(self.directory, certificates_since)
        self.token = None  # May do everything; made when the first api_server is there.
        self.postgres = self._start_postgres(postgres_directory or self.directory)
        MOVEMENT.watch(self.database_url)
        self.api_servers, self.database_relays, self.channels, self.worker_ports = [], [], [], []
        self.workers, self.links = [], []  # links[worker][api_server]
        try:
            for i in range(api_servers):
                self.worker_ports.append(self.start_api_server(i, api_flags))
            for _ in range(workers):
                self.add_worker(worker_flags)
            if self.channels:
                self.use(0)
            self.instances = [self.add_instance(f"instance-{i}", register) for i in range(instances)]
        except BaseException:
            self.close()
            raise

    def _start_postgres(self, directory):
        data = os.path.join(directory, "postgres")
        subprocess.run([POSTGRES, "init", data, "cached"], check=True)
        self.configure_postgres(data)
        port = free_port()
        self.database_url = self.url_of("longshore", port)
        postgres = Process("postgres", self.directory, [POSTGRES, "run", data, str(port)], port)
        # It listens before it takes anybody in.
        postgres.is_ready = lambda: subprocess.run(["pg_isready", "-q", "-d", self.database_url]).returncode == 0
        return postgres.start()

    def configure_postgres(self, directory):
        """For those who want settings of their own, before it is started: its data is in `directory`/data."""

    @staticmethod
    def url_of(role, port):
        return f"postgresql://{role}@127.0.0.1:{port}/postgres"

    @property
    def worker_relays(self):
        """Those of every worker to every api_server."""
        return [relay for links in self.links for relay in links]

    def add_worker(self, flags):
        i = len(self.workers)
        self.links.append([Relay(port) for port in self.worker_ports])
        command = [self.binaries["payload_worker"], "--api_server=" + ",".join(f"127.0.0.1:{r.port}" for r in self.links[i]),
                   f"--ssh_private_key={self.key}", f"--name=worker-{i}", "--max_connecting=16",
                   f"--provision_playbook={PLAYBOOK}", *self.worker_flags(f"worker-{i}"), *flags]
        name = f"worker-{i}"
        port = free_port() if self.http else None
        if port:
            command.append(f"--http_listen=127.0.0.1:{port}")
        self.workers.append(Process(name, self.directory, command, port, self.environment.get(name)).start())

    def start_api_server(self, i, flags):
        """Returns the port for workers."""
        port, worker_port = free_port(), free_port()
        database_port = self.postgres.port
        if self.relay_database:
            self.database_relays.append(Relay(database_port))
            database_port = self.database_relays[i].port
        command = [self.binaries["api_server"], f"--listen=127.0.0.1:{port}", f"--worker_listen=127.0.0.1:{worker_port}",
                   f"--database_url={self.url_of(self.role, database_port)}",
                   f"--allowed_payload_dirs={self.payload_dirs}", "--providers=local,digitalocean",
                   f"--local_instances_dir={self.machines}", f"--authorized_keys_file={self.key}.pub",
                   *self.api_flags(), "--lease_duration_ms=4000", "--retry_initial_ms=200", "--retry_maximum_ms=2000", *flags]
        name = f"api_server-{i}"
        server = Process(name, self.directory, command, port, self.environment.get(name))
        if self.http:
            server.more_ports.append(free_port())
            command.append(f"--http_listen=127.0.0.1:{server.more_ports[0]}")
        self.api_servers.append(server.start())
        if not self.insecure:
            self.token = self.token or self._first_token()
        self.channels.append(self.channel(i))
        return worker_port

    def api_flags(self):
        """What a further api_server needs, to be reached and to know its workers."""
        return ["--insecure"] if self.insecure else self.tls.api_flags()

    def worker_flags(self, name):
        """What a worker of this name needs, to be let in."""
        return ["--insecure"] if self.insecure else self.tls.worker_flags(name)

    def _first_token(self):
        url_file = os.path.join(self.directory, "database_url")
        with open(url_file, "w") as file:
            file.write(self.database_url)
        made = subprocess.run([LONGSHORE, "tokens", "bootstrap", "--database_url_file", url_file], check=True,
                              capture_output=True, text=True)
        return made.stdout.strip()

    def new_token(self, role, projects=("*",)):
        """Its id and its text: a CreateTokenResponse."""
        return self.stubs(0).access.CreateToken(access_service.CreateTokenRequest(name="test", role=role, projects=projects))

    def channel(self, i=0, token=None):
        """A new one to api_server `i`, by the stack's token or another."""
        address = f"127.0.0.1:{self.api_servers[i].port}"
        options = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 500)]
        if self.insecure:
            return grpc.insecure_channel(address, options)
        return grpc.secure_channel(address, self.tls.client_credentials(token or self.token), options)

    def environment_of_cli(self, i=0):
        """What the command line takes from its environment, for api_server `i`."""
        address = f"127.0.0.1:{self.api_servers[i].port}"
        if self.insecure:
            return dict(os.environ, LONGSHORE_API=address, LONGSHORE_INSECURE="true")
        return dict(os.environ, LONGSHORE_API=address, LONGSHORE_CA=self.tls.ca, LONGSHORE_TOKEN=self.token)

    def stubs(self, i):
        """Those of api_server `i`."""
        return self.stubs_of(self.channels[i])

    @staticmethod
    def stubs_of(channel):
        return types.SimpleNamespace(access=access_grpc.AccessServiceStub(channel),
                                     payloads=payload_grpc.PayloadServiceStub(channel),
                                     instances=instance_grpc.InstanceServiceStub(channel),
                                     tasks=task_grpc.TaskServiceStub(channel))

    def use(self, i):
        """From now on calls go to api_server `i`."""
        stubs = self.stubs(i)
        self.payloads, self.instance_stub, self.tasks = stubs.payloads, stubs.instances, stubs.tasks

    def add_instance(self, name, register=True, mounts="", **fields):
        instance = Instance(self, name, mounts)
        instance.project = fields.get("project", self.project)
        if register:
            instance.id = self.register(instance, **fields).id
        self.closers.append(instance)
        return instance

    def register(self, instance, **fields):
        project = fields.get("project", self.project)
        request = dict(name=instance.name, address="127.0.0.1", port=instance.door(project).port, project=project)
        request.update(fields)
        return self.instance_stub.RegisterInstance(instance_service.RegisterInstanceRequest(**request))

    def script(self, text, name=None):
        """Writes a script where payload_path may point; returns its path."""
        name = name or f"script-{random.getrandbits(48):x}.sh"
        path = os.path.join(self.payload_dir, name)
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return path

    def deploy(self, text, instances=None, execute=True, **fields):
        """Deploys a script by path; returns the response."""
        ids = [i.id for i in (instances or self.instances)]
        return self.payloads.DeployPayload(payload_service.DeployPayloadRequest(
            instance_ids=ids, payload_path=self.script(text), execute_payload=execute, **fields))

    def run(self, text, **fields):
        """Deploys to the first instance and waits for the end."""
        response = self.deploy(text, instances=[self.instances[0]], **fields)
        return self.wait(response.payload_ids[0])

    def get(self, payload_id):
        return self.settled(lambda: self.payloads.GetPayloadStatus(
            payload_service.GetPayloadStatusRequest(payload_id=payload_id), timeout=30, wait_for_ready=True))

    def wait(self, payload_id, statuses=TERMINAL, patience=PATIENCE):
        def look():
            payload = self.get(payload_id)
            if payload.status in TERMINAL and payload.status not in statuses:
                raise AssertionError(f"ended early: {payload}")
            return payload if payload.status in statuses else None

        return wait_until(look, f"payload {payload_id}", patience)

    def wait_output(self, payload_id, text):
        return wait_until(lambda: text in self.get(payload_id).output, f"output {text!r}")

    def watch(self, payload_id, offset=0):
        return follow(self.payloads.WatchPayload(
            payload_service.WatchPayloadRequest(payload_id=payload_id, output_offset=offset)))

    def sql(self, query, role="longshore"):
        url = self.url_of(role, self.postgres.port)
        out = subprocess.run([PSQL, "-X", "-A", "-t", "-c", query, url], check=True, capture_output=True,
                             text=True)
        return out.stdout.strip()

    def run_directory(self, instance, payload_id):
        """Where the payload's run is seen from outside."""
        return instance.path("/var/lib/longshore/runs/" + self.sql(f"SELECT run_id FROM payloads WHERE id = {payload_id}"))

    def settled(self, call):
        """What `call` returns once nothing on the way to the api_server is being restarted."""
        def attempt():
            try:
                return (call(),)
            except grpc.RpcError as error:
                if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                    raise
                return None

        return wait_until(attempt, "an answer")[0]

    def instance(self, instance_id):
        return self.settled(lambda: self.instance_stub.GetInstance(
            instance_service.GetInstanceRequest(instance_id=instance_id), timeout=30, wait_for_ready=True))

    def machine_keys(self):
        """The machines that the provider local has."""
        return set(os.listdir(self.machines)) if os.path.isdir(self.machines) else set()

    def wait_instance(self, instance_id, status=instance_pb.INSTANCE_STATUS_READY, patience=PATIENCE):
        ends = {instance_pb.INSTANCE_STATUS_FAILED, instance_pb.INSTANCE_STATUS_TERMINATED} - {status}

        def look():
            instance = self.instance(instance_id)
            if instance.status in ends:
                raise AssertionError(f"ended early: {instance}")
            return instance if instance.status == status else None

        return wait_until(look, f"instance {instance_id}", patience)

    def task(self, task_id):
        return self.settled(lambda: self.tasks.GetTask(task_service.GetTaskRequest(task_id=task_id), timeout=30,
                                                       wait_for_ready=True))

    def restore(self):
        """For tests that share a stack: everything runs and is connected, and nothing that was asked for is open any more."""
        open_tasks = "FROM tasks WHERE status IN ('PENDING', 'RUNNING')"
        for process in self.api_servers + self.workers + [instance.process for instance in self.instances]:
            if process.child.poll() is None:
                process.signal(signal.SIGCONT)
            else:
                process.start()
        for relay in self.worker_relays + self.database_relays + [instance.relay for instance in self.instances]:
            relay.heal()
        self.use(0)
        for payload_id in self.sql(f"SELECT DISTINCT payload_id {open_tasks} AND payload_id IS NOT NULL").split():
            with contextlib.suppress(grpc.RpcError):  # It may have ended meanwhile.
                self.settled(lambda: self.payloads.CancelPayload(
                    payload_service.CancelPayloadRequest(payload_id=int(payload_id)), timeout=30, wait_for_ready=True))
        wait_until(lambda: self.sql(f"SELECT count(*) {open_tasks}") == "0", "the end of what a test left open")

    def stop(self):
        """Ends everything, and leaves what is on the disk."""
        MOVEMENT.forget(self.database_url)
        for channel in self.channels:
            channel.close()
        for process in self.workers + self.api_servers:
            process.kill()
        for instance in self.closers:
            instance.process.kill()
            for relay in {instance.relay, *instance.doors.values()}:
                relay.close()
        for relay in self.worker_relays + self.database_relays:
            relay.close()
        if self.postgres.child.poll() is None:
            self.postgres.signal(signal.SIGQUIT)
        self.postgres.kill()

    def keep(self):
        """Ends everything; returns where what is on the disk stays, though the test's own directory goes."""
        self.stop()
        kept = f"/tmp/longshore-kept-{os.path.basename(self.directory)}"
        os.rename(self.directory, kept)
        return kept

    def close(self):
        """Ends everything and removes it, and looks for secrets where none may be."""
        try:
            found = out_of_place(self)
        finally:
            self.stop()
        for name in self.machine_keys():
            subprocess.run([LOCAL_INSTANCE, "delete", os.path.join(self.machines, name)], check=True)
        shutil.rmtree(self.directory, ignore_errors=True)
        assert not found, found
