"""Configuration: from files, checked before anything starts, and never a secret where others may read it."""

import datetime
import json
import os
import subprocess
import unittest

from harness.patience import wait_until
from harness.process import Process, free_port
from harness.programs import PROGRAMS
from harness.stack import Stack


class ConfigurationTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=1, api_flags=["--log_format=json"], worker_flags=["--log_format=json"])
        cls.addClassCleanup(cls.stack.close)
        cls.url_file = cls.file("url", cls.stack.database_url + "\n")

    @classmethod
    def file(cls, name, text):
        path = os.path.join(cls.stack.directory, name)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, 0o600)
        return path

    def run_program(self, name, *flags, **environment):
        run = subprocess.run([PROGRAMS[name], *flags], capture_output=True, text=True, timeout=60,
                             env={**os.environ, **environment})
        return run.returncode, run.stdout + run.stderr

    def api_server(self, *flags, **environment):
        return self.run_program("api_server", *self.stack.tls.api_flags(), *flags, **environment)

    def worker(self, *flags):
        return self.run_program("payload_worker", *self.stack.worker_flags("worker-0"), "--name=worker-0", *flags)

    def test_a_good_configuration(self):
        good = (0, "the configuration is good\n")
        self.assertEqual(self.api_server("--check", f"--database_url_file={self.url_file}"), good)
        # Whether somebody answers there is not what is asked.
        self.assertEqual(self.api_server("--check", "--database_url=postgresql://x@127.0.0.1:1/none"), good)
        self.assertEqual(self.worker("--check", f"--ssh_private_key={self.stack.key}"), good)

    def test_what_is_wrong_is_named(self):
        url = f"--database_url_file={self.url_file}"
        for flags, said in (((), "--database_url_file"), ((url, "--database_url=x"), "--database_url_file"),
                            (("--database_url_file=/none",), "'/none' cannot be read"),
                            (("--database_url_file=/dev/null",), "has no first line"),
                            (("--database_url=hunter2",), "is no connection string"),
                            ((url, "--tls_cert=/none"), "/none"), ((url, "--max_output_bytes=1"), "--max_output_bytes"),
                            ((url, "--log_format=xml"), "--log_format"), ((url, "--refused_workers_file=/none"), "/none")):
            status, text = self.api_server("--check", *flags)
            self.assertIn(status, (1, 2), (flags, text))
            self.assertIn(said, text)
            self.assertNotIn("hunter2", text)
        for flags, said in (((), "--ssh_private_key"), (("--ssh_private_key=/none",), "/none"),
                            ((f"--ssh_private_key={self.stack.key}", "--max_running=0"), "--max_running"),
                            ((f"--ssh_private_key={self.stack.key}", "--log_format="), "--log_format")):
            status, text = self.worker("--check", *flags)
            self.assertIn(status, (1, 2), (flags, text))
            self.assertIn(said, text)

    def test_from_the_environment(self):
        flags = ("--check", "--fromenv=database_url")
        status, text = self.api_server(*flags)
        self.assertNotEqual(status, 0)
        self.assertIn("FLAGS_database_url not found", text)
        good = (0, "the configuration is good\n")
        self.assertEqual(self.api_server(*flags, FLAGS_database_url="postgresql://x@127.0.0.1:1/none"), good)
        status, text = self.api_server(*flags, FLAGS_database_url="hunter2")
        self.assertIn(status, (1, 2))
        self.assertIn("is no connection string", text)
        self.assertNotIn("hunter2", text)
        self.assertEqual(self.api_server("--check", "--tryfromenv=max_output_bytes,database_url",
                                         FLAGS_database_url="postgresql://x@127.0.0.1:1/none"), good)

    def test_advice_on_a_database_elsewhere(self):
        url = self.file("remote", "postgresql://longshore:hunter2@db.example/longshore")
        status, text = self.api_server("--check", f"--database_url_file={url}")
        self.assertEqual(status, 0)
        self.assertIn("sslmode=verify-full", text)
        self.assertNotIn("hunter2", text)
        url = self.file("verified", "postgresql://longshore:hunter2@db.example/longshore?sslmode=verify-full")
        self.assertNotIn("advice", self.api_server("--check", f"--database_url_file={url}")[1])

    def test_all_from_files(self):
        flags = self.file("flags", "\n".join([
            *self.stack.tls.api_flags(), f"--database_url_file={self.url_file}", f"--listen=127.0.0.1:{(port := free_port())}",
            f"--worker_listen=127.0.0.1:{free_port()}", "--log_format=json"]))
        server = Process("configured", self.stack.directory, [PROGRAMS["api_server"], f"--flagfile={flags}"], port).start()
        self.addCleanup(server.kill)
        wait_until(lambda: "is ready on port" in server.read_log(), "the api_server")
        with open(f"/proc/{server.child.pid}/cmdline") as file:
            self.assertNotIn("postgresql", file.read())
        self.assertEqual(server.terminate(), 0)

    def test_logs_in_json(self):
        payload = self.stack.run("echo out; exit 3")
        lines = wait_until(lambda: self.lines_of(payload.id, 3), "its three lines")
        ids = {"payload_id": payload.id, "deployment_id": payload.deployment_id, "instance_id": payload.instance_id,
               "task_id": payload.task_id, "attempt": 1, "project": "default"}
        self.assertEqual([line["message"].split(":")[0].split(" ", 2)[2] for line in lines],
                         ["accepted", "started", "ended FAILED (NONZERO_EXIT)"])
        for line in lines:
            self.assertEqual({name: line[name] for name in ids}, ids)
            self.assertEqual((line["severity"], line["program"]), ("INFO", "api_server"))
            self.assertRegex(line["source"], r"^payload_log\.cc:\d+$")
            then = datetime.datetime.fromisoformat(line["time"].replace("Z", "+00:00"))
            age = datetime.datetime.now(datetime.timezone.utc) - then
            self.assertLess(abs(age.total_seconds()), 600)
        # Who asked for it, where somebody did.
        self.assertEqual((lines[0]["principal"], lines[0]["method"]), ("bootstrap", "PayloadService.DeployPayload"))
        self.assertNotIn("principal", lines[1])
        self.assertEqual([line.get("worker") for line in lines], [None, "worker-0", "worker-0"])
        # How long each phase took: they are parts of the whole.
        self.assertLessEqual({"waited_ms", "delivery_ms", "total_ms"}, set(lines[1]))
        phases = [lines[2][name] for name in ("waited_ms", "delivery_ms", "run_ms")]
        self.assertTrue(all(0 <= phase <= lines[2]["total_ms"] for phase in phases), (phases, lines[2]))
        for process in self.stack.api_servers + self.stack.workers:
            for line in process.read_log().splitlines():
                self.assertTrue(line.isascii())
                self.assertLessEqual({"time", "severity", "message", "source", "program"}, set(json.loads(line)))
        (joined,) = [line for line in map(json.loads, self.stack.api_servers[0].read_log().splitlines())
                     if "connected, takes" in line["message"]]
        self.assertEqual(joined["worker"], "worker-0")

    def lines_of(self, payload_id, number):
        lines = [json.loads(line) for line in self.stack.api_servers[0].read_log().splitlines()]
        found = [line for line in lines if line.get("payload_id") == payload_id]
        return found if len(found) == number else None


if __name__ == "__main__":
    unittest.main()
