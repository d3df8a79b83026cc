"""A real Longshore for a test: PostgreSQL, api_servers, payload_workers, sshd instances, and relays between them.

Everything runs on loopback on free ports, in a directory of its own, and is gone after close().
"""

import atexit
import contextlib
import importlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import types

import grpc

from patience import MOVEMENT, PATIENCE, follow, wait_until
from relay import Relay

ROOT = os.getcwd()  # Bazel runs tests at the top of the runfiles.
LIB = os.path.join(ROOT, "tools/lib")
# Where the programs are: the shipped ones, and those with fail points.
PROGRAMS = {name: f"{ROOT}/{name}/{name}" for name in ("api_server", "payload_worker")}
FAIL_POINTS = {name: f"{ROOT}/tests/fault/{name}" for name in PROGRAMS}
LOCAL_INSTANCE = os.path.join(ROOT, "api_server/providers/local_instance.sh")


def _generate_stubs():
    """Python stubs of the public API, made from the .proto files as any client would make them."""
    out = tempfile.mkdtemp(prefix="longshore-stubs-")
    atexit.register(shutil.rmtree, out, ignore_errors=True)
    protos = f"{ROOT}/proto"
    files = [f"longshore/v1/{f}" for f in sorted(os.listdir(f"{protos}/longshore/v1")) if f.endswith(".proto")]
    rpc = [f"third_party/googleapis/google/rpc/{f}.proto" for f in ("status", "error_details")]
    subprocess.run(
        ["protoc", "--plugin=protoc-gen-grpc=/usr/bin/grpc_python_plugin", f"--python_out={out}", f"--grpc_out={out}",
         f"-I{protos}", "-I/usr/include"] + files, check=True, cwd=protos)
    subprocess.run(["protoc", f"--python_out={out}", f"-I{ROOT}/third_party/googleapis", "-I/usr/include"] +
                   [os.path.join(ROOT, f) for f in rpc], check=True)
    sys.path.insert(0, out)
    return out


STUBS = _generate_stubs()
pb = importlib.import_module("longshore.v1.payload_pb2")
instance_pb = importlib.import_module("longshore.v1.instance_pb2")
task_pb = importlib.import_module("longshore.v1.task_pb2")
instance_service = importlib.import_module("longshore.v1.instance_service_pb2")
payload_service = importlib.import_module("longshore.v1.payload_service_pb2")
task_service = importlib.import_module("longshore.v1.task_service_pb2")
worker_service = importlib.import_module("longshore.v1.worker_service_pb2")
instance_grpc = importlib.import_module("longshore.v1.instance_service_pb2_grpc")
payload_grpc = importlib.import_module("longshore.v1.payload_service_pb2_grpc")
task_grpc = importlib.import_module("longshore.v1.task_service_pb2_grpc")
worker_grpc = importlib.import_module("longshore.v1.worker_service_pb2_grpc")

TERMINAL = (pb.PAYLOAD_STATUS_COMPLETED, pb.PAYLOAD_STATUS_FAILED, pb.PAYLOAD_STATUS_CANCELLED)
CLAIMS = []


def free_port():
    # Below the ephemeral range, so that no outgoing connection takes it meanwhile; nor does another test, on this machine, as
    # long as this process has the name.
    while True:
        port = random.randrange(12000, 32000)
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
            wait_until(lambda: listening(self.port) or self.child.poll() is not None, f"{self.name} to listen")
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

    def tail(self):
        with open(self.log, errors="replace") as log:
            return log.read()[-2000:]

    def resident(self):
        """Bytes of memory that it has."""
        with open(f"/proc/{self.child.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Instance:
    """A local instance (api_server/providers/local_instance.sh) behind a relay."""

    def __init__(self, stack, name, mounts=""):
        self.name = name
        self.directory = os.path.join(stack.directory, name)
        subprocess.run([LOCAL_INSTANCE, "init", self.directory, stack.key + ".pub"], check=True)
        if mounts:
            with open(os.path.join(self.directory, "mounts.sh"), "w") as file:
                file.write(mounts)
        port = free_port()
        self.process = Process(name, stack.directory, [LOCAL_INSTANCE, "run", self.directory, str(port)], port)
        self.process.start()
        self.relay = Relay(port)
        self.id = None

    def path(self, inside):
        """Where a file of the instance is seen from outside."""
        if inside.startswith("/root/"):
            return os.path.join(self.directory, inside[1:])
        return os.path.join(self.directory, "longshore", inside.removeprefix("/var/lib/longshore/"))

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

    def ledger(self, name="ledger"):
        try:
            with open(self.path("/root/" + name)) as file:
                return file.read().split()
        except FileNotFoundError:
            return []

    def run_directories(self):
        try:
            return os.listdir(self.path("/var/lib/longshore/runs"))
        except FileNotFoundError:
            return []

    def uploads(self):
        """The temporary files in the login directory."""
        return [name for name in os.listdir(self.path("/root/")) if name.startswith(".longshore-")]

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

    def processes(self, pattern, namespace=None):
        """How many processes on the machine, or in a pid namespace of it, have `pattern` in their command line."""
        found = 0
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    found += pattern.encode() in file.read() and namespace in (None, os.readlink(f"/proc/{pid}/ns/pid"))
        return found

    def own_processes(self, pattern):
        """How many on this instance: other tests may run the same beside."""
        return self.processes(pattern, os.readlink(f"/proc/{self.process.child.pid}/ns/pid_for_children"))


class Stack:
    """`binaries` is where the programs are: FAIL_POINTS has those with fail points.

    Between every worker and every api_server, in front of every instance and, if asked for, between every api_server and
    PostgreSQL is a relay.
    """

    def __init__(self, instances=1, api_servers=1, workers=1, api_flags=(), worker_flags=(), register=True, binaries=PROGRAMS,
                 relay_database=False, postgres_directory=None, environment=None, key=None):
        self.binaries, self.relay_database = binaries, relay_database
        self.environment = environment or {}  # By the process's name.
        self.directory = tempfile.mkdtemp(prefix="longshore-test-", dir="/tmp")
        os.chmod(self.directory, 0o755)
        self.closers = []
        self.payload_dir = os.path.join(self.directory, "payloads")
        os.mkdir(self.payload_dir)
        self.machines = os.path.join(self.directory, "machines")  # Those that CreateInstance makes.
        self.key = key or os.path.join(self.directory, "key")
        if key is None:
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", self.key], check=True)
        self.postgres = self._start_postgres(postgres_directory or self.directory)
        MOVEMENT.watch(self.database_url)
        self.api_servers, self.database_relays, self.channels, self.worker_ports = [], [], [], []
        self.workers, self.links = [], []  # links[worker][api_server]
        try:
            for i in range(api_servers):
                self.worker_ports.append(self._start_api_server(i, api_flags))
            for i in range(workers):
                self.links.append([Relay(port) for port in self.worker_ports])
                self._start_worker(i, worker_flags)
            if self.channels:
                self.use(0)
            self.instances = [self.add_instance(f"instance-{i}", register) for i in range(instances)]
        except BaseException:
            self.close()
            raise

    def _start_postgres(self, directory):
        data = os.path.join(directory, "postgres")
        subprocess.run([f"{LIB}/postgres.sh", "init", data], check=True)
        port = free_port()
        self.database_url = f"postgresql://longshore@127.0.0.1:{port}/postgres"
        return Process("postgres", self.directory, [f"{LIB}/postgres.sh", "run", data, str(port)], port).start()

    @property
    def worker_relays(self):
        """Those of every worker to every api_server."""
        return [relay for links in self.links for relay in links]

    def _start_worker(self, i, flags):
        command = [self.binaries["payload_worker"], "--api_server=" + ",".join(f"127.0.0.1:{r.port}" for r in self.links[i]),
                   f"--ssh_private_key={self.key}", f"--name=worker-{i}", "--max_connecting=16",
                   f"--provision_playbook={ROOT}/ansible/main.yml", *flags]
        name = f"worker-{i}"
        self.workers.append(Process(name, self.directory, command, env=self.environment.get(name)).start())

    def _start_api_server(self, i, flags):
        """Returns the port for workers."""
        port, worker_port = free_port(), free_port()
        url = self.database_url
        if self.relay_database:
            self.database_relays.append(Relay(self.postgres.port))
            url = f"postgresql://longshore@127.0.0.1:{self.database_relays[i].port}/postgres"
        command = [self.binaries["api_server"], f"--listen=127.0.0.1:{port}", f"--worker_listen=127.0.0.1:{worker_port}",
                   f"--database_url={url}", f"--allowed_payload_dirs={self.payload_dir}",
                   f"--local_instances_dir={self.machines}", f"--authorized_keys_file={self.key}.pub",
                   "--lease_duration_ms=4000", "--retry_initial_ms=200", "--retry_maximum_ms=2000", *flags]
        name = f"api_server-{i}"
        self.api_servers.append(Process(name, self.directory, command, port, self.environment.get(name)).start())
        self.channels.append(grpc.insecure_channel(f"127.0.0.1:{port}", options=[
            ("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 500)]))
        return worker_port

    def stubs(self, i):
        """Those of api_server `i`."""
        channel = self.channels[i]
        return types.SimpleNamespace(payloads=payload_grpc.PayloadServiceStub(channel),
                                     instances=instance_grpc.InstanceServiceStub(channel),
                                     tasks=task_grpc.TaskServiceStub(channel))

    def use(self, i):
        """From now on calls go to api_server `i`."""
        stubs = self.stubs(i)
        self.payloads, self.instance_stub, self.tasks = stubs.payloads, stubs.instances, stubs.tasks

    def add_instance(self, name, register=True, mounts="", **fields):
        instance = Instance(self, name, mounts)
        if register:
            instance.id = self.register(instance, **fields).id
        self.closers.append(instance)
        return instance

    def register(self, instance, **fields):
        request = dict(name=instance.name, address="127.0.0.1", port=instance.relay.port)
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

    def sql(self, query):
        out = subprocess.run(["psql", "-X", "-A", "-t", "-c", query, self.database_url], check=True, capture_output=True,
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
            instance.relay.close()
        for relay in self.worker_relays + self.database_relays:
            relay.close()
        if self.postgres.child.poll() is None:
            self.postgres.signal(signal.SIGQUIT)
        self.postgres.kill()

    def close(self):
        """Ends everything and removes it."""
        self.stop()
        for name in self.machine_keys():
            subprocess.run([LOCAL_INSTANCE, "delete", os.path.join(self.machines, name)], check=True)
        shutil.rmtree(self.directory, ignore_errors=True)


def error_details(error):
    """The google.rpc details of an RpcError, by the name of their type."""
    status_pb2 = importlib.import_module("google.rpc.status_pb2")
    details_pb2 = importlib.import_module("google.rpc.error_details_pb2")
    found = {}
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(value).details:
                kind = detail.type_url.rsplit(".", 1)[-1]
                found[kind] = getattr(details_pb2, kind).FromString(detail.value)
    return found


def expect_error(test, call, code, reason=None, mentions=()):
    """Asserts that `call` fails with the gRPC code and the ErrorInfo reason, and that its message mentions the values."""
    with test.assertRaises(grpc.RpcError) as caught:
        call()
    error = caught.exception
    test.assertEqual(error.code(), code, error.details())
    for text in mentions:
        test.assertIn(str(text), error.details())
    details = error_details(error)
    if reason is not None:
        test.assertEqual(details["ErrorInfo"].reason, reason)
        test.assertEqual(details["ErrorInfo"].domain, "longshore")
    return details
