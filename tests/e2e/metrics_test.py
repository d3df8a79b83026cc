"""The metrics are true: they agree with the rows, docs/metrics.md names each, and a real Prometheus takes them and the rules."""

import http.client
import http.server
import json
import random
import re
import signal
import subprocess
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

from harness.api import access_pb, payload_service, pb
from harness.patience import PATIENCE, wait_until
from harness.process import Process, free_port
from harness.programs import LONGSHORE
from harness.stack import Stack
from harness.web import Web, port_of

RULES = "ops/prometheus/longshore_alerts.yml"
DASHBOARD = "ops/grafana/longshore.json"


def parsed(text):
    """(name, labels as a frozenset) -> value."""
    metrics = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, labels, value = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line).groups()
            metrics[name, frozenset(re.findall(r'(\w+)="([^"]*)"', labels or ""))] = float(value)
    return metrics


class MetricsTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=2, http=True)
        cls.web = Web(cls.stack)

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def setUp(self):
        self.addCleanup(self.stack.restore)

    def read(self):
        answer = self.web.get("/metrics")
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
        return parsed(answer.body.decode())

    def value(self, name, **labels):
        return self.read().get((name, frozenset(labels.items())), 0)

    def sum(self, name, **labels):
        return sum(value for (one, its), value in self.read().items() if one == name and frozenset(labels.items()) <= its)

    def count(self, query):
        return int(self.stack.sql("SELECT count(*) FROM " + query))

    def test_counts_agree_with_the_rows(self):
        for script in ("true\n", "exit 3\n", "kill -KILL $$\n"):
            for payload_id in self.stack.deploy(script).payload_ids:
                self.stack.wait(payload_id)
        copied = self.stack.deploy("true\n", execute=False).payload_ids
        for payload_id in copied:
            self.stack.wait(payload_id, (pb.PAYLOAD_STATUS_TRANSFERRED,))
        self.stack.payloads.ExecutePayload(payload_service.ExecutePayloadRequest(payload_ids=copied))
        for payload_id in copied:
            self.stack.wait(payload_id)
        # They are counted just after they are stored.
        wait_until(lambda: self.sum("longshore_payloads_ended_total") == self.count("payloads"), "the last end to be counted")
        self.assertEqual(self.value("longshore_payload_steps_total", step="accepted"), self.count("payloads"))
        self.assertEqual(self.value("longshore_payload_steps_total", step="started"), self.count("payloads WHERE executed"))
        self.assertEqual(self.value("longshore_payload_steps_total", step="delivered"), len(copied))
        self.assertEqual(self.value("longshore_payload_steps_total", step="asked to run"), len(copied))
        rows = self.stack.sql("SELECT lower(status), lower(coalesce(failure_reason, '')), count(*) FROM payloads GROUP BY 1, 2")
        for row in rows.splitlines():
            status, reason, number = row.split("|")
            self.assertEqual(self.value("longshore_payloads_ended_total", status=status, failure_reason=reason), int(number), row)
        self.assertEqual(self.sum("longshore_payloads_ended_total"), self.count("payloads"))
        self.assertEqual(self.sum("longshore_open_tasks"), 0)
        # Each try of a task is a claim.
        self.assertEqual(self.value("longshore_claims_total"), int(self.stack.sql("SELECT sum(attempt) FROM tasks")))
        self.assertGreaterEqual(self.value("longshore_worker_events_total"), 2 * self.count("tasks"))

    def test_what_is_open_and_due(self):
        self.stack.workers[0].kill()
        wait_until(lambda: self.value("longshore_worker_streams") == 0, "the worker to be gone")
        self.stack.deploy("true\n", execute=False)
        self.assertEqual(self.value("longshore_open_tasks", type="payload_transfer", status="pending"), 2)
        wait_until(lambda: self.value("longshore_oldest_due_task_seconds") >= 1, "the tasks to be late")
        self.stack.workers[0].start()
        wait_until(lambda: self.sum("longshore_open_tasks") == 0, "the tasks to be done")
        self.assertEqual(self.value("longshore_worker_streams"), 1)
        self.assertEqual(self.value("longshore_oldest_due_task_seconds"), 0)

    def test_leases_that_run_out(self):
        before = self.value("longshore_leases_expired_total")
        payload_id = self.stack.deploy("sleep 600\n", instances=self.stack.instances[:1]).payload_ids[0]
        self.stack.wait(payload_id, (pb.PAYLOAD_STATUS_EXECUTING,))
        self.stack.workers[0].kill()
        wait_until(lambda: self.value("longshore_leases_expired_total") == before + 1, "the lease to run out")

    def test_calls_by_method_and_code(self):
        def calls(method, code):
            return self.value("longshore_requests_total", method=method, code=code)

        method = "PayloadService.GetPayloadStatus"
        before = calls(method, "NOT_FOUND")
        self.web.get("/api/v1/payloads/1000000000000000")  # By HTTP.
        self.web.rpc("get_payload_status", {"payload_id": 10**15})
        # A call is counted just after its answer.
        wait_until(lambda: calls(method, "NOT_FOUND") == before + 2, "both to be counted")
        Web(self.stack, token="").get("/api/v1/payloads/1")
        wait_until(lambda: calls(method, "UNAUTHENTICATED") >= 1, "that to be counted")
        counted = self.sum("longshore_requests_total", method=method)
        self.assertEqual(self.value("longshore_request_duration_seconds_count", method=method), counted)
        payload_id = self.stack.deploy("sleep 600\n", instances=self.stack.instances[:1]).payload_ids[0]
        watch = "PayloadService.WatchPayload"
        events = self.web.events(f"/api/v1/payloads/{payload_id}/events")
        next(iter(events))
        self.assertEqual(self.value("longshore_requests_open", method=watch), 1)
        events.close()
        wait_until(lambda: self.value("longshore_requests_open", method=watch) == 0, "the watch to end")
        wait_until(lambda: calls(watch, "CANCELLED") >= 1, "that to be counted")

    def test_who_may_read(self):
        def status(**fields):
            return Web(self.stack, token=self.stack.new_token(**fields).token).get("/metrics").status

        self.assertEqual(Web(self.stack, token="").get("/metrics").status, 401)
        self.assertEqual(status(role=access_pb.ROLE_VIEWER, projects=["*"]), 200)
        self.assertEqual(status(role=access_pb.ROLE_ADMIN, projects=["default"]), 403)
        self.assertEqual(self.web.ask("POST", "/metrics", b"").status, 405)

    def test_without_the_database(self):
        self.assertEqual(self.value("longshore_database_up"), 1)
        self.stack.api_servers[0].kill()
        command = self.stack.api_servers[0].command
        self.addCleanup(self.stack.api_servers[0].restart)
        self.addCleanup(setattr, self.stack.api_servers[0], "command", command)
        self.stack.api_servers[0].command = [*command, "--open_metrics"]
        self.stack.api_servers[0].start()
        stranger = Web(self.stack, token="")
        self.assertEqual(stranger.get("/metrics").status, 200)
        self.stack.postgres.signal(signal.SIGQUIT)
        wait_until(lambda: self.stack.postgres.child.poll() is not None, "PostgreSQL to end")
        page = parsed(stranger.get("/metrics").body.decode())
        self.stack.postgres.start()
        self.assertEqual(page["longshore_database_up", frozenset()], 0)

    def verify(self, url, token=None):
        environment = self.stack.environment_of_cli()
        return subprocess.run([LONGSHORE, "verify", "--json", "--database", self.stack.database_url, "--metrics", url],
                              env=dict(environment, LONGSHORE_TOKEN=token or self.stack.token), capture_output=True, text=True)

    def test_verify_compares_them(self):
        running = self.stack.deploy("sleep 600\n").payload_ids
        for payload_id in running:
            self.stack.wait(payload_id, (pb.PAYLOAD_STATUS_EXECUTING,))
        url = f"https://127.0.0.1:{port_of(self.stack.api_servers[0])}"
        run = self.verify(url)
        self.assertEqual((run.returncode, run.stdout), (0, ""), run.stderr)
        # A page that lies, in front of the true one.
        page = self.web.get("/metrics").body.decode()
        told = 'longshore_open_tasks{status="running",type="payload_transfer"}'
        told = told if told in page else 'longshore_open_tasks{type="payload_transfer",status="running"}'
        lies = {"/": page.replace(f"{told} 2", f"{told} 3"), "/none": "", "/down": page.replace("database_up 1", "database_up 0")}

        class Liar(http.server.BaseHTTPRequestHandler):

            def do_GET(self):
                # A token does not go over a connection that anybody may read.
                self.send_response(200 if self.headers["Authorization"] is None else 400)
                self.end_headers()
                self.wfile.write(lies[self.path.removesuffix("metrics").rstrip("/") or "/"].encode())

            def log_message(self, *words):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Liar)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        liar = f"http://127.0.0.1:{server.server_port}"
        run = self.verify(liar)
        self.assertEqual(run.returncode, 1, run.stderr)
        (violation,) = [json.loads(line) for line in run.stdout.splitlines()]
        self.assertEqual((violation["invariant"], violation["detail"]), (9, "it tells 3, there are 2"))
        for path in ("/none", "/down"):
            self.assertNotEqual(self.verify(liar + path).returncode, 0)
        self.assertIn("401", self.verify(url, "lsk_1_" + "0" * 64).stderr)

    def ask_worker(self, path, method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", self.stack.workers[0].port, timeout=PATIENCE)
        self.addCleanup(connection.close)
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    def worker_value(self, name, **labels):
        return parsed(self.ask_worker("/metrics")[1]).get((name, frozenset(labels.items())), 0)

    def test_what_a_worker_tells(self):
        steps = "longshore_delivery_steps_total"
        before = {step: self.worker_value(steps, step=step, result="ok") for step in ("connect", "login", "upload", "start")}
        reused = self.worker_value("longshore_ssh_sessions_reused_total")
        sent = self.worker_value("longshore_script_bytes_sent_total")
        printed = self.worker_value("longshore_output_bytes_read_total")
        measured = self.worker_value("longshore_ssh_round_trip_seconds_count")
        traffic = [self.worker_value("longshore_ssh_bytes_total", direction=way) for way in ("received", "sent")]
        instance = self.stack.add_instance("counted")
        for _ in range(2):
            payload_id = self.stack.deploy("echo printed\n", instances=[instance]).payload_ids[0]
            self.stack.wait(payload_id)
            wait_until(lambda: self.count("run_cleanups") == 0, "the cleanup")
        self.assertEqual(self.worker_value(steps, step="connect", result="ok"), before["connect"] + 1)
        self.assertEqual(self.worker_value(steps, step="login", result="ok"), before["login"] + 1)
        self.assertEqual(self.worker_value(steps, step="upload", result="ok"), before["upload"] + 2)
        self.assertGreaterEqual(self.worker_value(steps, step="start", result="ok"), before["start"] + 2)
        self.assertGreaterEqual(self.worker_value("longshore_ssh_sessions_reused_total"), reused + 1)
        self.assertEqual(self.worker_value("longshore_script_bytes_sent_total"), sent + 2 * len("echo printed\n"))
        self.assertEqual(self.worker_value("longshore_output_bytes_read_total"), printed + 2 * len("printed\n"))
        self.assertEqual(self.worker_value("longshore_ssh_round_trip_seconds_count"), measured + 1)
        for way, before_it in zip(("received", "sent"), traffic):
            self.assertGreater(self.worker_value("longshore_ssh_bytes_total", direction=way), before_it + 1000)
        self.assertGreaterEqual(self.worker_value("longshore_ssh_sessions_kept"), 1)
        self.assertEqual((self.worker_value("longshore_worker_tasks", state="held"),
                          self.worker_value("longshore_outbox_bytes")), (0, 0))
        running = self.stack.deploy("sleep 600\n", instances=[instance]).payload_ids[0]
        self.stack.wait(running, (pb.PAYLOAD_STATUS_EXECUTING,))
        self.assertEqual(self.worker_value("longshore_worker_tasks", state="held"), 1)
        other = self.stack.add_instance("stranger", register=False)
        with open(f"{self.stack.key}.pub") as key:  # A key, but not the instance's.
            other_id = self.stack.register(other, host_key=key.read().strip()).id
        response = self.stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(
            instance_ids=[other_id], payload_content=b"true"))
        self.stack.wait(response.payload_ids[0])
        self.assertEqual(self.worker_value(steps, step="connect", result="host_key_mismatch"), 1)
        unknown = self.stack.register(other, ssh_user="nobody-of-that-name").id
        response = self.stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(
            instance_ids=[unknown], payload_content=b"true"))
        self.stack.wait(response.payload_ids[0])
        self.assertEqual(self.worker_value(steps, step="login", result="authentication_failed"), 1)

    def test_how_a_worker_is(self):
        self.assertEqual([self.ask_worker(path)[0] for path in ("/healthz", "/readyz", "/metrics", "/", "/rpc")],
                         [200, 200, 200, 404, 404])
        self.assertEqual(self.ask_worker("/metrics", "POST")[0], 405)
        self.stack.worker_relays[0].cut()
        wait_until(lambda: self.ask_worker("/readyz")[0] == 503, "the worker to notice")
        self.assertEqual((self.ask_worker("/healthz")[0], self.worker_value("longshore_worker_connected")), (200, 0))
        self.stack.worker_relays[0].heal()
        wait_until(lambda: self.ask_worker("/readyz")[0] == 200, "the worker to be connected")

    def test_the_page_names_them_all(self):
        with open("docs/metrics.md") as page:
            parts = page.read().split("## payload_worker")
        for text, part in ((self.web.get("/metrics").body.decode(), parts[0]), (self.ask_worker("/metrics")[1], parts[1])):
            told = dict(re.findall(r"^\| `(longshore_\w+)` \| (\w+) \|", part, re.MULTILINE))
            self.assertEqual(dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE)), told)

    def expect_exemplars(self, port):
        """Prometheus leads from what was counted to the trace in whose course it was."""
        trace = f"{random.getrandbits(128) | 1 << 127:x}"
        answer = self.stack.payloads.DeployPayload(
            payload_service.DeployPayloadRequest(instance_ids=[self.stack.instances[0].id], payload_content=b"true",
                                                 execute_payload=True), metadata=[("traceparent", f"00-{trace}-{'1' * 16}-01")])
        self.stack.wait(answer.payload_ids[0])
        begun = time.time() - 600
        for series in ('longshore_requests_total{code="OK"}', "longshore_request_duration_seconds_bucket",
                       'longshore_payload_steps_total{step="started"}', 'longshore_payloads_ended_total{status="completed"}',
                       'longshore_delivery_steps_total{result="ok"}', "longshore_delivery_step_duration_seconds_bucket"):
            query = urllib.parse.urlencode({"query": series, "start": begun, "end": begun + 3600})

            def look():
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query_exemplars?{query}") as found:
                    return [exemplar["labels"] for one in json.load(found)["data"] for exemplar in one["exemplars"]]

            wait_until(lambda: {"trace_id": trace} in look(), f"an exemplar of {series}")

    def test_both_formats_tell_the_same(self):
        self.stack.run("true")
        # It is counted once it is committed, which clients may see before.
        wait_until(lambda: self.value("longshore_payloads_ended_total", status="completed", failure_reason=""), "its count")
        text = self.web.get("/metrics").body.decode()
        answer = self.web.get("/metrics", Accept="application/openmetrics-text; version=1.0.0,text/plain;q=0.5")
        self.assertEqual(answer.headers["Content-Type"], "application/openmetrics-text; version=1.0.0; charset=utf-8")
        lines = answer.body.decode().splitlines()
        self.assertEqual(lines[-1], "# EOF")
        self.assertEqual(parsed("\n".join(line.split(" # {")[0] for line in lines)).keys(), parsed(text).keys())
        types = re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE)
        self.assertEqual(re.findall(r"^# TYPE (\w+) (\w+)$", "\n".join(lines), re.MULTILINE),
                         [(name.removesuffix("_total"), kind) for name, kind in types])

    def test_a_real_prometheus(self):
        subprocess.run(["promtool", "check", "rules", RULES], check=True, capture_output=True)
        checked = subprocess.run(["promtool", "check", "metrics"], input=self.web.get("/metrics").body, capture_output=True)
        self.assertEqual((checked.returncode, checked.stderr), (0, b""))
        directory, port = self.stack.directory, free_port()
        with open(f"{directory}/prometheus.token", "w") as file:
            file.write(self.stack.token)
        with open(f"{directory}/prometheus.yml", "w") as file:
            json.dump({"global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": [f"{directory}/rules.yml"],
                       "scrape_configs": [{
                           "job_name": "longshore", "scheme": "https",
                           "authorization": {"credentials_file": f"{directory}/prometheus.token"},
                           "tls_config": {"ca_file": self.stack.tls.ca},
                           "static_configs": [{"targets": [f"127.0.0.1:{port_of(self.stack.api_servers[0])}"]}]},
                           {"job_name": "worker", "static_configs": [{"targets": [f"127.0.0.1:{self.stack.workers[0].port}"]}]}]},
                      file)
        with open(RULES) as rules, open(f"{directory}/rules.yml", "w") as file:
            file.write(rules.read())
        prometheus = Process("prometheus", directory, [
            "prometheus", f"--config.file={directory}/prometheus.yml", f"--storage.tsdb.path={directory}/tsdb",
            f"--web.listen-address=127.0.0.1:{port}", "--enable-feature=exemplar-storage"], port)
        self.addCleanup(prometheus.kill)
        prometheus.start()

        def ask(expression):
            query = urllib.parse.urlencode({"query": expression})
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query?{query}") as answer:
                    return json.load(answer)["data"]["result"]
            except urllib.error.HTTPError as error:
                self.assertEqual(error.code, 503)  # It has just begun.
                return []

        wait_until(lambda: ask('up{job="longshore"} == 1'), "a scrape")
        wait_until(lambda: ask("longshore_worker_streams == 1"), "the worker in a scrape")
        self.expect_exemplars(port)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/rules") as answer:
            rules = json.load(answer)["data"]["groups"][0]["rules"]
        self.assertGreater(len(rules), 5)
        self.assertEqual([rule for rule in rules if rule["health"] == "err"], [])
        with open(DASHBOARD) as file:
            expressions = [target["expr"] for panel in json.load(file)["panels"] for target in panel["targets"]]
        self.assertGreater(len(expressions), 10)
        with open(RULES) as file:
            asked = set(re.findall(r"longshore_\w+", "\n".join([*expressions, file.read()]))) - {"longshore_alerts"}
        with open("docs/metrics.md") as page:
            self.assertLessEqual({re.sub("_bucket$", "", name) for name in asked}, set(re.findall(r"longshore_\w+", page.read())))
        for expression in expressions:  # One that is no PromQL is answered with 400.
            ask(expression)


if __name__ == "__main__":
    unittest.main()
