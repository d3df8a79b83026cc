"""The command line as a person and as a script uses it: its commands, its exit statuses, and what it prints where."""

import json
import os
import pty
import shutil
import socket
import subprocess
import tempfile
import unittest

import yaml
from harness.patience import communicate, wait_until
from harness.programs import LONGSHORE
from harness.stack import Stack


class CliTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=2)
        cls.api = cls.stack.api_servers[0].port
        cls.ids = [i.id for i in cls.stack.instances]
        cls.both = ",".join(map(str, cls.ids))

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def setUp(self):
        self.addCleanup(self.stack.restore)

    def start(self, *words, **options):
        child = subprocess.Popen([LONGSHORE, *map(str, words)], env=self.stack.environment_of_cli(), text=True, **options)
        self.addCleanup(child.kill)
        return child

    def finish(self, child):
        """Waits for its end; returns its exit status, standard output and standard error."""
        out, err = communicate(child, "the end of longshore")
        return child.returncode, out, err

    def longshore(self, *words, status=0):
        """Runs it away from any terminal; returns standard output and standard error."""
        child = self.start(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        ended, out, err = self.finish(child)
        self.assertEqual(ended, status, f"{words}\n{out}\n{err}")
        self.assertNotIn("\033", out + err, "no colours and no progress away from a terminal")
        return out, err

    def file(self, text):
        return self.stack.script(text)

    def deploy(self, text, *words, status=0):
        return self.longshore("deploy", "--file", self.file(text), "--instances", self.both, *words, status=status)

    def test_wait_ends_with_a_table_and_status_0(self):
        out, _ = self.deploy("echo hello", "--execute", "--wait")
        lines = out.splitlines()
        self.assertEqual(len(lines), 3, out)
        for word in ("PAYLOAD", "INSTANCE", "STATUS", "EXIT"):
            self.assertIn(word, lines[0])
        for line in lines[1:]:
            self.assertIn("COMPLETED", line)

    def test_follow_shows_every_line_with_its_instance(self):
        out, _ = self.deploy("echo one; echo two; printf unfinished", "--execute", "--follow")
        for instance in self.ids:
            for word in ("one", "two", "unfinished"):
                self.assertIn(f"[instance {instance}] {word}\n", out)

    def test_terminal_escapes_of_a_script_do_not_reach_the_terminal(self):
        out, _ = self.deploy(r"printf '\033[31mred\033[0m\n'", "--execute", "--follow")
        self.assertIn("red", out)

    def test_failure_is_status_1(self):
        out, _ = self.deploy("exit 3", "--execute", "--wait", status=1)
        self.assertIn("NONZERO_EXIT", out)
        self.assertIn("3", out)

    def test_path_is_read_by_the_server_and_its_error_is_shown(self):
        path = self.stack.script("echo by path")
        out, _ = self.longshore("deploy", "--path", path, "--instances", self.ids[0], "--execute", "--follow")
        self.assertIn("by path", out)
        _, err = self.longshore("deploy", "--path", "/etc/passwd", "--instances", self.ids[0], status=3)
        self.assertIn("/etc/passwd", err)
        self.assertIn("--allowed_payload_dirs", err)

    def test_partial_success_is_status_1_and_the_others_run(self):
        out, err = self.longshore("deploy", "--file", self.file("echo x"), "--instances", f"{self.ids[0]},987654", "--execute",
                                  "--wait", status=1)
        self.assertIn("987654", err)
        self.assertIn("COMPLETED", out)

    def test_transfer_first_execute_later(self):
        out, _ = self.deploy("echo later", "--remote-path", "/root/later.sh", "--wait", "--json")
        payloads = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([p["status"] for p in payloads], ["PAYLOAD_STATUS_TRANSFERRED"] * 2)
        self.assertEqual({p["remote_path"] for p in payloads}, {"/root/later.sh"})
        ids = ",".join(p["id"] for p in payloads)
        out, _ = self.longshore("execute", "--payloads", ids, "--timeout", "20", "--wait", "--json")
        self.assertEqual([json.loads(line)["exit_code"] for line in out.splitlines()], [0, 0])
        out, _ = self.longshore("status", payloads[0]["id"], "--json")
        self.assertEqual(json.loads(out)["output"], "later\n")
        out, _ = self.longshore("status", payloads[0]["id"])
        self.assertIn("later", out)

    def test_watch_gives_the_bytes_alone_on_standard_output(self):
        out, _ = self.deploy("printf abcdef", "--execute", "--json")
        payload = json.loads(out)["payload_ids"][0]
        out, err = self.longshore("watch", payload, "--offset", 2)
        self.assertEqual(out, "cdef")
        self.assertIn("COMPLETED", err)

    def test_cancel(self):
        out, _ = self.longshore("deploy", "--file", self.file("echo started; sleep 600"), "--instances", self.ids[0],
                                "--execute", "--json")
        payload = json.loads(out)["payload_ids"][0]
        self.stack.wait_output(int(payload), "started")
        watcher = self.start("watch", payload, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.longshore("cancel", payload)
        self.assertEqual(self.finish(watcher)[0], 1)
        _, err = self.longshore("cancel", payload, status=3)
        self.assertIn("CANCELLED", err)

    def test_instances(self):
        out, _ = self.longshore("instances", "add", "--name", "by-hand", "--address", "192.0.2.1", "--port", "2222", "--user",
                                "ada", "--project", "p", "--tag", "web", "--tag", "blue", "--quiet")
        self.assertTrue(out.strip().isdigit(), out)
        out, _ = self.longshore("instances", "list", "--project", "p", "--tag", "blue", "--json")
        instance = json.loads(out)
        self.assertEqual((instance["name"], instance["port"], instance["ssh_user"]), ("by-hand", 2222, "ada"))
        out, _ = self.longshore("instances", "list")
        self.assertEqual(len(out.splitlines()), 1 + int(self.stack.sql("SELECT count(*) FROM instances")))

    def test_the_life_of_an_instance(self):
        host = self.stack.instances[0]
        out, _ = self.longshore("instances", "add", "--name", "life", "--address", "127.0.0.1", "--port", host.relay.port,
                                "--tag", "t", "--quiet")
        instance = out.strip()
        out, _ = self.longshore("instances", "update", instance, "--name", "life-2", "--no-tags", "--json")
        self.assertEqual((json.loads(out)["instance"]["name"], json.loads(out)["instance"]["tags"]), ("life-2", []))
        out, _ = self.longshore("instances", "update", instance, "--path", self.file("echo by update"), "--execute", "--follow")
        self.assertIn("by update", out)
        out, _ = self.longshore("instances", "show", instance)
        self.assertIn("EXECUTED", out)
        self.assertIn("life-2", out)
        self.longshore("instances", "update", instance, "--tag", "x", "--no-tags", status=2)
        out, _ = self.longshore("instances", "delete", instance)
        self.assertIn(f"instance {instance} is being terminated", out)
        wait_until(lambda: "TERMINATED" in self.longshore("instances", "show", instance)[0], "the end of the instance")
        _, err = self.longshore("instances", "delete", instance, status=3)
        self.assertIn("TERMINATED", err)

    def test_lists_of_payloads_and_tasks(self):
        self.deploy("exit 1", "--execute", "--wait", status=1)
        out, _ = self.longshore("list", "--instance", self.ids[0], "--status", "failed", "--json")
        self.assertEqual({json.loads(line)["status"] for line in out.splitlines()}, {"PAYLOAD_STATUS_FAILED"})
        out, _ = self.longshore("tasks", "--instance", self.ids[0], "--type", "payload_transfer", "--json")
        task = json.loads(out.splitlines()[0])
        out, _ = self.longshore("tasks", task["id"], "--json")
        self.assertEqual(json.loads(out)["payload_id"], task["payload_id"])
        out, _ = self.longshore("tasks")
        self.assertIn("PAYLOAD_TRANSFER", out)

    def formats(self, *words, status=0):
        """What the same command prints as a document in JSON and in YAML, which have to say the same."""
        as_json = json.loads(self.longshore(*words, "-o", "json", status=status)[0])
        as_yaml = yaml.safe_load(self.longshore(*words, "-o", "yaml", status=status)[0])
        self.assertEqual(as_json, as_yaml)
        return as_json

    def test_every_list_is_one_document(self):
        self.deploy(r"printf 'a: \303\244\\n\t#\302\205'", "--execute", "--wait")
        host = str(self.ids[0])
        for words, column in ((("instances", "list"), "PROVIDER"), (("list", "--instance", host), "STARTED"),
                              (("tasks", "--instance", host), "DEPENDS ON"), (("deployments", "list"), "SHA256")):
            rows = self.formats(*words)
            lines = self.longshore(*words, "--json")[0].splitlines()
            self.assertEqual([json.loads(line) for line in lines], rows)
            table, wide = (self.longshore(*words, "-o", format)[0] for format in ("table", "wide"))
            self.assertEqual((table, len(wide.splitlines())), (self.longshore(*words)[0], len(rows) + 1))
            self.assertNotIn(column, table)
            self.assertIn(column, wide.splitlines()[0])
        self.assertEqual(self.formats("list", "--instance", host, "--status", "pending"), [])

    def test_every_thing_is_one_document(self):
        out, _ = self.deploy("echo x", "--execute", "--wait", "-o", "json")
        payload = json.loads(out)[0]
        self.assertEqual(payload["status"], "PAYLOAD_STATUS_COMPLETED")
        self.assertEqual(self.formats("status", payload["id"])["output"], "x\n")
        self.assertEqual(self.formats("instances", "show", payload["instance_id"])["id"], payload["instance_id"])
        self.assertEqual(self.formats("tasks", payload["task_id"])["payload_id"], payload["id"])
        shown = self.formats("deployments", "show", payload["deployment_id"])
        self.assertEqual(shown["deployment"]["id"], payload["deployment_id"])
        self.assertEqual({p["id"] for p in shown["payloads"]}, {p["id"] for p in json.loads(out)})
        self.assertEqual(self.formats("verify", "--database", self.stack.database_url), [])

    def test_a_watch_gives_a_document_for_each_event(self):
        payload = json.loads(self.deploy("echo x", "--execute", "--wait", "-o", "json")[0])[0]
        for words in (("watch", payload["id"]), ("deployments", "watch", payload["deployment_id"])):
            lines = [json.loads(line) for line in self.longshore(*words, "-o", "json")[0].splitlines()]
            self.assertEqual(list(yaml.safe_load_all(self.longshore(*words, "-o", "yaml")[0])), lines)
            self.assertGreater(len(lines), 1)

    def test_errors_are_in_yaml_too(self):
        _, err = self.longshore("status", "987654321", "-o", "yaml", status=3)
        self.assertEqual(yaml.safe_load(err)["error"]["reason"], "PAYLOAD_NOT_FOUND")

    def test_a_list_is_limited(self):
        self.deploy("echo x", "--execute", "--wait")
        host = str(self.ids[0])
        for words in (("instances", "list"), ("list", "--instance", host), ("tasks",), ("deployments", "list")):
            rows = self.longshore(*words, "--json")[0].splitlines()
            self.assertEqual(self.longshore(*words, "--json", "--limit", 1)[0].splitlines(), rows[:1])
            self.longshore(*words, "--limit", 0, status=2)
        self.longshore("tasks", "1", "--limit", 1, status=2)

    def test_the_script_comes_from_standard_input(self):
        child = self.start("deploy", "--file", "-", "--instances", self.ids[0], "--execute", "--follow", stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        child.stdin.write("echo by pipe\n")
        status, out, err = self.finish(child)
        self.assertEqual(status, 0, err)
        self.assertIn("by pipe", out)
        child = self.start("deploy", "--file", "-", "--instances", self.ids[0], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE)
        status, _, err = self.finish(child)
        self.assertEqual((status, "'-' is empty" in err), (2, True))

    def test_an_instance_goes_by_its_name(self):
        host = self.stack.instances[0]
        words = ("--address", "127.0.0.1", "--port", host.relay.port, "--quiet")
        first = self.longshore("instances", "add", "--name", "by-name", *words)[0].strip()
        out, _ = self.longshore("deploy", "--file", self.file("echo hello"), "--instances", f"{self.ids[1]},by-name", "--execute",
                                "--follow")
        self.assertIn(f"[instance {first}] hello", out)
        self.assertEqual(json.loads(self.longshore("instances", "show", "by-name", "-o", "json")[0])["id"], first)
        for words_of_list in (("list",), ("tasks",)):
            rows = json.loads(self.longshore(*words_of_list, "--instance", "by-name", "-o", "json")[0])
            self.assertEqual([row["instance_id"] for row in rows], [first])
        self.longshore("instances", "update", "by-name", "--tag", "t")
        second = self.longshore("instances", "add", "--name", "by-name", *words)[0].strip()
        for refused in (("instances", "show", "by-name"), ("instances", "delete", "by-name"),
                        ("deploy", "--file", self.file("echo x"), "--instances", "by-name")):
            _, err = self.longshore(*refused, status=2)
            self.assertIn(f"{first}, {second}", err)
        self.longshore("instances", "delete", first)
        wait_until(lambda: "TERMINATED" in self.longshore("instances", "show", first)[0], "the end of the first")
        self.assertEqual(json.loads(self.longshore("instances", "show", "by-name", "-o", "json")[0])["id"], second)
        code, reason, message = self.error("instances", "show", "no-such", status=3)
        self.assertEqual((code, reason), ("NOT_FOUND", "INSTANCE_NOT_FOUND"))
        self.assertIn("'no-such'", message)

    def fleet(self, name):
        """Registers both hosts by a tag of their own; returns the words that select them."""
        for host in self.stack.instances:
            self.longshore("instances", "add", "--name", host.name, "--address", "127.0.0.1", "--port", host.relay.port,
                           "--tag", name)
        return ("--project", "default", "--tag", name)

    def test_a_deployment_to_a_fleet(self):
        fleet = self.fleet("fleet")
        out, _ = self.longshore("deploy", "--file", self.file("exit 3"), *fleet, "--execute", "--max-concurrency", 1,
                                "--max-errors", 1, "--wait", status=1)
        self.assertEqual(out.count("FAILED (NONZERO_EXIT)"), 1, out)
        self.assertEqual(out.count("CANCELLED"), 1, out)
        out, _ = self.longshore("deployments", "list", "--project", "default", "--limit", 1, "--json")
        deployment = json.loads(out)
        self.assertEqual((deployment["counts"]["failed"], deployment["counts"]["cancelled"]), ("1", "1"))
        out, _ = self.longshore("deployments", "list", "--project", "default", "--limit", 1)
        self.assertIn("max_errors 1", out)
        out, _ = self.longshore("deployments", "show", deployment["id"])
        self.assertIn("project default, tags fleet", out)
        self.assertIn("max_errors 1", out)
        self.assertEqual(out.count("NONZERO_EXIT"), 1, out)
        out, err = self.longshore("deployments", "watch", deployment["id"], status=1)
        self.assertIn("2/2 ended  FAILED 1  CANCELLED 1", out)
        self.assertIn("FAILED (NONZERO_EXIT): ", out)
        self.assertIn("max_errors 1", err)
        out, _ = self.longshore("deployments", "retry", deployment["id"], "--wait", status=1)
        self.assertIn("NONZERO_EXIT", out)
        _, err = self.longshore("deployments", "cancel", deployment["id"], status=3)
        self.assertIn("cancelled", err)

    def test_transfer_to_a_fleet_and_execute_later(self):
        fleet = self.fleet("later")
        out, _ = self.longshore("deploy", "--file", self.file("echo later"), *fleet, "--wait")
        self.assertEqual(out.count("TRANSFERRED"), 2, out)
        out, _ = self.longshore("deployments", "list", "--project", "default", "--limit", 1, "--json")
        out, _ = self.longshore("execute", "--deployment", json.loads(out)["id"], "--follow")
        self.assertEqual(out.count("] later\n"), 2, out)

    def test_a_running_deployment_is_cancelled(self):
        fleet = self.fleet("stopped")
        child = self.start("deploy", "--file", self.file("echo up; sleep 600"), *fleet, "--execute", "--wait",
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        query = "SELECT deployment_id FROM payloads WHERE status = 'EXECUTING' GROUP BY 1 HAVING count(*) = 2"
        deployment = wait_until(lambda: self.stack.sql(query), "both to run")
        out, _ = self.longshore("deployments", "cancel", deployment)
        self.assertIn(f"deployment {deployment}: ", out)
        status, out, _ = self.finish(child)
        self.assertEqual((status, out.count("CANCELLED")), (1, 2))

    def test_validate_only_and_request_id(self):
        out, _ = self.deploy("echo x", "--validate-only")
        self.assertEqual(out, "valid\n")
        script = self.file("echo once")
        words = ("deploy", "--file", script, "--instances", self.both, "--request-id", "cli-1")
        first, _ = self.longshore(*words)
        again, _ = self.longshore(*words)
        self.assertEqual(first, again)

    def test_wrong_command_lines_are_status_2(self):
        for words in ((), ("deploi",), ("deploy",), ("deploy", "--file", "x"), ("deploy", "--file", "/none", "--instances", "1"),
                      ("deploy", "--file", "/dev/null", "--instances", "1"), ("deploy", "--nope"), ("status",),
                      ("status", "x"), ("status", "1", "2"), ("list",), ("tasks", "--status", "odd"),
                      ("deploy", "--file", self.file("x"), "--instances", "1", "--timeout", "4294967297"),
                      ("deploy", "--file", self.file("x"), "--instances", "1,0"),
                      ("instances", "show", ""),
                      ("deploy", "--file", self.file("x"), "--instances", "1", "--tag", "t"),
                      ("execute",), ("execute", "--payloads", "1", "--deployment", "1"),
                      ("deployments",), ("deployments", "show"), ("deployments", "retry", "x")):
            _, err = self.longshore(*words, status=2)
            self.assertTrue(err.startswith("longshore:"), err)

    def error(self, *words, status):
        """The error that it prints as JSON."""
        out, err = self.longshore(*words, "--json", status=status)
        self.assertEqual(out, "")
        error = json.loads(err)["error"]
        self.assertEqual(sorted(error), ["code", "message", "reason"])
        return error["code"], error["reason"], error["message"]

    def test_what_the_server_refuses_is_status_3(self):
        _, err = self.longshore("status", "987654321", status=3)
        self.assertTrue(err.startswith("longshore: "), err)
        self.assertIn("987654321", err)
        self.longshore("watch", "987654321", status=3)
        self.longshore("deployments", "watch", "987654321", status=3)
        code, reason, message = self.error("status", "987654321", status=3)
        self.assertEqual((code, reason), ("NOT_FOUND", "PAYLOAD_NOT_FOUND"))
        self.assertIn("987654321", message)

    def test_a_server_that_is_not_there_is_status_4(self):
        for words in (("status", "1"), ("watch", "1"), ("deployments", "watch", "1"), ("instances", "list")):
            _, err = self.longshore(*words, "--api", "127.0.0.1:1", status=4)
            self.assertTrue(err.startswith("longshore: the api_server is not reached: "), err)
        code, reason, _ = self.error("status", "1", "--api", "127.0.0.1:1", status=4)
        self.assertEqual((code, reason), ("UNAVAILABLE", "SERVER_NOT_REACHED"))

    def test_a_server_that_is_silent_is_status_4(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            api = f"127.0.0.1:{silent.getsockname()[1]}"
            for words in (("status", "1"), ("watch", "1"), ("deployments", "watch", "1")):
                code, reason, message = self.error(*words, "--api", api, "--deadline", "1s", status=4)
                self.assertEqual((code, reason), ("DEADLINE_EXCEEDED", "SERVER_NOT_REACHED"))
                self.assertIn("--deadline", message)

    def test_a_list_with_blanks_is_refused_before_anything_is_sent(self):
        payloads = self.stack.sql("SELECT count(*) FROM payloads")
        _, err = self.longshore("deploy", "--file", self.file("true"), "--instances", "1,", "2,", "3", "--execute", status=2)
        self.assertIn("surplus word '2,'", err)
        self.assertEqual(self.stack.sql("SELECT count(*) FROM payloads"), payloads)

    def test_a_wrong_command_line_is_an_error_in_json_too(self):
        code, reason, message = self.error("status", "1", "2", status=2)
        self.assertEqual((code, reason), ("INVALID_ARGUMENT", "WRONG_COMMAND_LINE"))
        self.assertIn("'2'", message)

    def test_help(self):
        out, _ = self.longshore("--help")
        self.assertIn("Exit status", out)

    def test_contexts(self):
        home = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, home)
        config = os.path.join(home, ".config/longshore/config.yaml")
        token = os.path.join(home, "token")
        with open(os.open(token, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            file.write(self.stack.token + "\n")
        reached = self.stack.environment_of_cli()
        bare = {name: value for name, value in reached.items() if not name.startswith(("LONGSHORE_", "XDG_"))} | {"HOME": home}

        def longshore(*words, status=0, **more):
            ended = subprocess.run([LONGSHORE, *words], env=bare | more, capture_output=True, text=True, cwd=home)
            self.assertEqual(ended.returncode, status, ended.stderr)
            return ended.stderr if status else ended.stdout

        longshore("context", "set", "here", "--api", reached["LONGSHORE_API"], "--ca", reached["LONGSHORE_CA"],
                  "--token-file", "token")
        longshore("context", "set", "other", "--api", "192.0.2.1:50051")
        self.assertEqual(os.stat(config).st_mode & 0o777, 0o600)
        self.assertEqual([(row["name"], row["in_use"], row["token_file"])
                          for row in json.loads(longshore("context", "list", "-o", "json"))],
                         [("here", True, token), ("other", False, "")])
        self.assertIn("worker-0", longshore("workers"))
        # What variables say is for another installation.
        self.assertIn("worker-0", longshore("workers", "--context", "here", LONGSHORE_TOKEN="lsk_1_" + "0" * 64,
                                            LONGSHORE_API="192.0.2.1:50051", LONGSHORE_INSECURE="true"))
        longshore("context", "use", "other")
        longshore("workers", "--deadline", "1s", status=4)
        self.assertIn("worker-0", longshore("workers", "--context", "here"))
        self.assertIn("worker-0", longshore("workers", LONGSHORE_CONTEXT="here"))
        # Who names an api_server of another installation shows it no token.
        self.assertIn("no token came", longshore("workers", "--api", reached["LONGSHORE_API"], "--ca", reached["LONGSHORE_CA"],
                                                 status=3))
        for words in (["context", "use", "none"], ["workers", "--context", "none"], ["context", "delete", "none"],
                      ["context", "set", "wrong", "--ca", "/nowhere"], ["context", "set", "wrong", "--token-file", "/nowhere"]):
            longshore(*words, status=2)
        os.unlink(token)
        longshore("workers", "--context", "here", status=2)
        longshore("context", "delete", "other")
        self.assertNotIn("other", longshore("context", "list"))
        os.chmod(config, 0o644)
        ended = subprocess.run([LONGSHORE, "context", "list"], env=bare, capture_output=True, text=True)
        self.assertIn("others can read or write", ended.stderr)
        with open(config, "w") as file:
            file.write("contexts: [")
        self.assertIn("is not as it should be", longshore("workers", status=2))

    def test_progress_on_a_terminal_only(self):
        master, slave = pty.openpty()
        child = self.start("deploy", "--file", self.file("sleep 1; exit 7"), "--instances", self.both, "--execute", "--wait",
                           stdout=subprocess.DEVNULL, stderr=slave)
        os.close(slave)
        seen = b""
        try:
            while chunk := os.read(master, 4096):
                seen += chunk
        except OSError:  # The other end is closed.
            pass
        os.close(master)
        self.assertEqual(self.finish(child)[0], 1)
        self.assertIn(b"[....................] 0/2 ended", seen)
        self.assertIn(b"EXECUTING", seen)
        self.assertIn(b"[####################] 2/2 ended", seen)
        self.assertEqual(seen.count(b"is FAILED (NONZERO_EXIT)"), 2, "each failure is named as it happens")

    def test_a_watch_goes_on_through_a_restart_of_the_api_server(self):
        out, _ = self.longshore("deploy", "--file", self.file("echo first; until [ -e go ]; do sleep 0.1; done; echo last"),
                                "--instances", self.ids[0], "--execute", "--json")
        payload = json.loads(out)["payload_ids"][0]
        self.stack.wait_output(int(payload), "first")
        watcher = self.start("watch", payload, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(watcher.stdout.readline(), "first\n")
        self.stack.api_servers[0].restart()
        with open(self.stack.instances[0].path("/root/go"), "w"):
            pass
        status, rest, _ = self.finish(watcher)
        self.assertEqual((rest, status), ("last\n", 0))
        self.stack.wait(int(payload))  # The stack's own connection is back for the next test.


if __name__ == "__main__":
    unittest.main()
