"""TLS on both ports: what the programs refuse to start with, whom they let in, and certificates that change while they run."""

import contextlib
import os
import shutil
import subprocess
import threading
import unittest

import grpc

from harness.api import pb, task_service, worker_grpc, worker_service
from harness.certificates import read
from harness.patience import wait_until
from harness.process import free_port
from harness.programs import LONGSHORE, PROGRAMS
from harness.stack import Stack

Code = grpc.StatusCode


class StartTest(unittest.TestCase):
    """Needs no database: what is wrong is told before one is looked for."""

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=0, workers=0, api_servers=0)
        cls.addClassCleanup(cls.stack.close)
        cls.tls = cls.stack.tls

    def refused(self, program, *flags):
        ended = subprocess.run([PROGRAMS[program], *flags], capture_output=True, text=True, timeout=60)
        self.assertIn(ended.returncode, (1, 2), ended.stderr)
        return ended.stderr.strip().splitlines()[-1]

    def api_server(self, *flags):
        return self.refused("api_server", f"--listen=127.0.0.1:{free_port()}", f"--worker_listen=127.0.0.1:{free_port()}",
                            "--database_url=postgresql://nobody@127.0.0.1:1/none", "--database_wait=0", *flags)

    def worker(self, *flags):
        return self.refused("payload_worker", f"--ssh_private_key={self.stack.key}", *flags)

    def file(self, name, text):
        path = os.path.join(self.stack.directory, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def test_nothing_starts_without_tls(self):
        self.assertIn("--tls_cert and --tls_key are missing", self.api_server())
        public = self.tls.api_flags()[:2]
        self.assertIn("--worker_client_ca are missing", self.api_server(*public))
        self.assertIn("--worker_client_ca are missing", self.api_server(*self.tls.api_flags()[:4]))
        self.assertIn("--tls_ca, --tls_cert and --tls_key are required", self.worker())

    def test_insecure_is_for_loopback(self):
        for flag in ("--listen=0.0.0.0:0", "--worker_listen=0.0.0.0:0", "--listen=[::]:0", "--listen=127.example.org:0"):
            self.assertIn("--insecure is for loopback addresses only", self.api_server("--insecure", flag))
        self.assertIn("--insecure is for loopback", self.worker("--insecure", "--api_server=127.0.0.1:1,192.0.2.1:50052"))
        ended = subprocess.run([LONGSHORE, "--insecure", "--api", "192.0.2.1:50051", "workers"], capture_output=True, text=True)
        self.assertEqual(ended.returncode, 2)
        self.assertIn("--insecure is for loopback", ended.stderr)

    def test_files_that_cannot_be(self):
        certificate, key = self.tls.server()
        other_key = self.tls.worker("other")[1]
        expired = self.tls.make("server", self.tls.servers, "expired", "DNS:localhost", days=-1)
        garbage = self.file("garbage.pem", "no certificate\n")
        half = self.file("half.pem", read(certificate).decode()[:200])
        secret = os.path.join(self.stack.directory, "secret.key")
        subprocess.run(["openssl", "genrsa", "-aes128", "-passout", "pass:x", "-out", secret, "2048"], check=True,
                       capture_output=True)
        rest = self.tls.api_flags()[2:]
        for certificate_file, key_file, problem in (
                ("/nowhere", key, "'/nowhere' cannot be read"), (certificate, "/nowhere", "'/nowhere' cannot be read"),
                (garbage, key, "has no certificate in PEM"), (half, key, "has no certificate in PEM"),
                (certificate, garbage, "has no private key"), (certificate, secret, "without a passphrase"),
                (certificate, other_key, f"is not the key of '{certificate}'"), (*expired, "has run out")):
            with self.subTest(problem):
                self.assertIn(problem, self.api_server(f"--tls_cert={certificate_file}", f"--tls_key={key_file}", *rest))
                self.assertIn(problem, self.worker(f"--tls_ca={self.tls.ca}", f"--tls_cert={certificate_file}",
                                                   f"--tls_key={key_file}"))
        self.assertIn("cannot be read", self.api_server(*self.tls.api_flags(), "--refused_workers_file=/nowhere"))

    def test_a_command_line_with_a_bad_file(self):
        for words, problem in ((["--ca", "/nowhere"], "cannot be read"), (["--token-file", "/nowhere"], "cannot be read"),
                               (["--token-file", self.file("empty", "\n")], "holds no token"),
                               (["--token-file", self.file("words", "two words\n")], "holds no token")):
            ended = subprocess.run([LONGSHORE, *words, "workers"], capture_output=True, text=True)
            self.assertEqual(ended.returncode, 2, words)
            self.assertIn(problem, ended.stderr)


class TlsTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.refused = "/tmp/refused-workers-" + str(os.getpid())
        with open(cls.refused, "w") as file:
            file.write("# nobody\n")
        cls.addClassCleanup(os.remove, cls.refused)
        cls.stack = Stack(instances=1, api_flags=[f"--refused_workers_file={cls.refused}"])
        cls.addClassCleanup(cls.stack.close)
        cls.tls = cls.stack.tls

    def setUp(self):
        self.addCleanup(self.stack.restore)

    def hello(self, credentials, name):
        """The code with which the workers' port answers a hello; None when it says welcome."""
        with grpc.secure_channel(f"127.0.0.1:{self.stack.worker_ports[0]}", credentials) as channel:
            hello = worker_service.WorkerMessage(hello=worker_service.WorkerHello(name=name, incarnation="1", version="1"))
            stream = worker_grpc.WorkerServiceStub(channel).Connect(iter([hello]), timeout=20)
            try:
                return None if next(stream).HasField("welcome") else "?"
            except grpc.RpcError as error:
                return error.code()

    def ask(self, credentials, **options):
        """The code with which the public port answers; None when it does."""
        with grpc.secure_channel(f"127.0.0.1:{self.stack.api_servers[0].port}", credentials) as channel:
            try:
                self.stack.stubs_of(channel).tasks.ListWorkers(task_service.ListWorkersRequest(), timeout=20, **options)
            except grpc.RpcError as error:
                return error.code()

    def credentials(self, authority, name, kind="client", names=None, **options):
        certificate, key = self.tls.make(kind, authority, name, names or f"DNS:{name}", **options)
        return grpc.ssl_channel_credentials(read(self.tls.ca), read(key), read(certificate))

    def test_workers_are_known_by_their_certificates(self):
        self.assertIsNone(self.hello(self.tls.worker_credentials("alice"), "alice"))
        self.assertEqual(self.hello(self.tls.worker_credentials("alice"), "worker-0"), Code.PERMISSION_DENIED)
        by_uri = self.credentials(self.tls.workers, "uri", names="URI:spiffe://example.org/alice")
        self.assertIsNone(self.hello(by_uri, "spiffe://example.org/alice"))
        self.assertEqual(self.hello(by_uri, "alice"), Code.PERMISSION_DENIED)

    def test_who_is_no_worker(self):
        wrong = self.tls.authority("wrong")
        for what, credentials in {
                "no certificate": grpc.ssl_channel_credentials(read(self.tls.ca)),
                "of another authority": self.credentials(wrong, "stranger"),
                "of the servers' authority": self.credentials(self.tls.servers, "client"),
                "expired": self.credentials(self.tls.workers, "old", days=-1),
                "a server's": self.credentials(self.tls.workers, "backwards", kind="server")}.items():
            with self.subTest(what):
                self.assertEqual(self.hello(credentials, "client"), Code.UNAVAILABLE)

    def test_a_plain_connection(self):
        for port in (self.stack.api_servers[0].port, self.stack.worker_ports[0]):
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                with self.assertRaises(grpc.RpcError) as caught:
                    self.stack.stubs_of(channel).tasks.ListWorkers(task_service.ListWorkersRequest(), timeout=20)
                self.assertEqual(caught.exception.code(), Code.UNAVAILABLE)

    def test_a_workers_certificate_on_the_public_port(self):
        self.assertEqual(self.ask(self.tls.worker_credentials("alice")), Code.UNAUTHENTICATED)

    def test_a_client_that_trusts_others(self):
        self.assertEqual(self.ask(grpc.ssl_channel_credentials(read(self.tls.ca_of(self.tls.workers)))), Code.UNAVAILABLE)
        ended = subprocess.run([LONGSHORE, "workers"], capture_output=True, text=True, env=dict(
            self.stack.environment_of_cli(), LONGSHORE_CA=self.tls.ca_of(self.tls.workers)))
        self.assertEqual(ended.returncode, 4, ended.stderr)

    def test_old_versions_of_tls(self):
        for version, accepted in (("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)):
            for port in (self.stack.api_servers[0].port, self.stack.worker_ports[0]):
                ended = subprocess.run(["openssl", "s_client", version, "-cipher", "ALL:@SECLEVEL=0", "-alpn", "h2", "-connect",
                                        f"127.0.0.1:{port}"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                       errors="replace")
                self.assertEqual("Server certificate" in ended.stdout, accepted, f"{version}\n{ended.stdout}\n{ended.stderr}")

    def test_a_worker_that_is_refused_later(self):
        payload_id = self.stack.deploy("sleep 100").payload_ids[0]
        self.stack.wait(payload_id, (pb.PAYLOAD_STATUS_EXECUTING,))
        worker = self.stack.workers[0]
        with open(self.refused, "w") as file:
            file.write("worker-0\n")
        wait_until(lambda: "this worker is refused" in worker.read_log() or "left" in self.stack.api_servers[0].read_log(),
                   "the worker's stream to end")
        self.assertEqual(self.hello(self.tls.worker_credentials("worker-0"), "worker-0"), Code.PERMISSION_DENIED)
        wait_until(lambda: self.stack.sql("SELECT count(*) FROM tasks WHERE status = 'RUNNING'") == "0", "its lease to end")
        with open(self.refused, "w") as file:
            file.write("")
        wait_until(lambda: self.stack.sql("SELECT count(*) FROM tasks WHERE status = 'RUNNING'") == "1", "the worker to go on")

    def test_certificates_change_under_load(self):
        """Of the server and of a new authority: no call fails, and new connections see the new one."""
        problems, stop = [], threading.Event()

        def load():
            while not stop.is_set():
                with self.stack.channel(0) as channel:
                    try:
                        self.stack.stubs_of(channel).tasks.ListWorkers(task_service.ListWorkersRequest(), timeout=20)
                    except grpc.RpcError as error:
                        problems.append(error)

        both = os.path.join(self.stack.directory, "both.pem")
        new = self.tls.authority("new")
        with open(both, "wb") as file:
            file.write(read(self.tls.ca) + read(self.tls.ca_of(new)))
        old_ca, self.tls.ca = self.tls.ca, both
        self.addCleanup(setattr, self.tls, "ca", old_ca)
        thread = threading.Thread(target=load)
        thread.start()
        try:
            # A worker's --tls_ca is watched too: it has to trust both before the server changes.
            shutil.copy(both, old_ca + ".new")
            os.rename(old_ca + ".new", old_ca)
            certificate, key = self.tls.make("server", new, "renewed", "DNS:localhost,IP:127.0.0.1")
            for source, target in zip((key, certificate), reversed(self.tls.server())):
                os.rename(source, target)
            only_new = grpc.ssl_channel_credentials(read(self.tls.ca_of(new)))
            wait_until(lambda: self.ask(only_new) == Code.UNAUTHENTICATED, "the new certificate")
        finally:
            stop.set()
            thread.join()
        self.assertEqual(problems, [])
        self.stack.workers[0].restart()
        self.assertEqual(self.stack.run("echo on").output, "on\n")


class ShortLivedTest(unittest.TestCase):

    def test_the_command_line_is_soon_connected_to_one_that_comes_back(self):
        """gRPC looks at a handshake every 5 s only while no call waits for it, and gives up after 20 s."""
        with contextlib.closing(Stack(instances=0, workers=0)) as stack:
            stack.api_servers[0].kill()
            with subprocess.Popen([LONGSHORE, "instances", "add", "--name", "x", "--address", "192.0.2.1", "--deadline", "18s"],
                                  env=stack.environment_of_cli(), stdout=subprocess.DEVNULL) as child:
                stack.api_servers[0].start()
                self.assertEqual(child.wait(), 0)

    def test_connections_end_with_their_age(self):
        """Watches and the worker's stream go on over new connections, and what runs comes to its end."""
        stack = Stack(instances=1, api_flags=["--max_connection_age=1"])
        self.addCleanup(stack.close)
        with stack.channel(0) as channel:
            for i in range(5):
                self.assertEqual(stack.run(f"sleep 0.5; echo {i}").output, f"{i}\n")
                stack.stubs_of(channel).tasks.ListWorkers(task_service.ListWorkersRequest(), timeout=20, wait_for_ready=True)

    def test_clients_with_certificates(self):
        stack = Stack(instances=0, workers=0, api_servers=0)
        self.addCleanup(stack.close)
        clients = stack.tls.authority("clients")
        certificate, key = stack.tls.make("client", clients, "person", "DNS:person")
        stack.start_api_server(0, [f"--tls_client_ca={stack.tls.ca_of(clients)}"])
        environment = stack.environment_of_cli()
        without = subprocess.run([LONGSHORE, "workers"], env=environment, capture_output=True, text=True)
        self.assertEqual(without.returncode, 4, without.stderr)
        with_one = subprocess.run([LONGSHORE, "workers", "--cert", certificate, "--key", key], env=environment,
                                  capture_output=True, text=True)
        self.assertEqual(with_one.returncode, 0, with_one.stderr)


if __name__ == "__main__":
    unittest.main()
