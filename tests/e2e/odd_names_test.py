"""Names that look like options, commands, templates or formats, that cannot be shown, or are no text, on every way that they go:
gRPC, SQL, SSH, SFTP, sh, Ansible, JSON, YAML, tables, the command line, completion and logs. Each is refused with its rule, or
carried unchanged: docs/guarantees.md row 51.
"""

import json
import os
import shlex
import shutil
import subprocess
import tempfile
import typing
import unicodedata
import unittest

import grpc
import yaml

from harness.api import instance_service, payload_service, pb, task_service
from harness.errors import expect_error, why_not_showable
from harness.patience import communicate, follow, wait_until
from harness.process import Process
from harness.programs import LONGSHORE, PLAYBOOK
from harness.provisioning import LONG, Provisioning
from harness.stack import Stack

INVALID = grpc.StatusCode.INVALID_ARGUMENT
COMMAND = "touch${IFS}pwned"  # Without a blank or a slash, which a login name may not have.
TEXT = "label address user remote worker"  # What is one line of text for people.


class Odd(typing.NamedTuple):
    text: str
    refused: str = ""  # As which kinds of field: label, address, user, remote (a file there), path (one here), request, worker.


def address_of(project):
    """One of the project's own."""
    return f"p{abs(hash(project))}"


ODD = {
    "an option of ssh": Odd(f"-oProxyCommand={COMMAND}"),
    "an option of ours": Odd("--name=-x"),
    "dashes": Odd("--"),
    "a number below zero": Odd("-1"),
    "a newline": Odd("one\ntwo", TEXT),
    "a carriage return": Odd("one\rtwo", TEXT),
    "an escape": Odd("\x1b[2J", TEXT),
    "a NUL byte": Odd("before\0after", f"{TEXT} path request"),
    "DEL": Odd("a\x7fb", TEXT),
    "quotes": Odd("it's_\"quoted\""),
    "backslashes": Odd("\\n\\\\\\"),
    "a substitution": Odd(f"$({COMMAND})"),
    "backticks": Odd(f"`{COMMAND}`"),
    "commands": Odd(f";{COMMAND}|{COMMAND}&{COMMAND}>pwned#"),
    "patterns": Odd("*?[a-z]{a,b}~!"),
    "a template": Odd("{{7*7}}{%raw%}{#"),
    "a template with blanks": Odd("{{ 7*7 }} {% raw %} {# #}", "address user"),
    "formats": Odd("%s%n%d%h%%"),
    "blanks": Odd(" two  blanks ", "address user"),
    "an empty list": Odd("{}"),
    "a separator of lists": Odd("%%"),
    "a list": Odd("[a,b]"),
    "no value": Odd("NULL"),
    "a login elsewhere": Odd("root@127.0.0.1", "address user"),
    "turned around": Odd("a\u202eb\u2066c"),
    "C1": Odd("a\u009b1m\u0085", "worker"),
    "separators": Odd("\u2028\u2029\ufeff\uffff"),
    "beyond the BMP": Odd("\U0001f40b\u0301"),
    "the longest login": Odd("x" * 64),
    "the longest name": Odd("\u00e9" * 127 + "x", "user request"),
    "too long": Odd("y" * 256, f"{TEXT} path request"),
}
NO_TEXT = b"a\xff\xc3("
# Where a request takes a text: what its violation names, the kind of the field, and the request.
REGISTER, CREATE, UPDATE = "RegisterInstance", "CreateInstance", "UpdateInstance"
WAYS = [
    ("name", "label", REGISTER, lambda text: dict(name=text, address="a")),
    ("project", "label", REGISTER, lambda text: dict(name="a", address=address_of(text), project=text)),
    ("tags", "label", REGISTER, lambda text: dict(name="a", address="a", tags=["a", text])),
    ("address", "address", REGISTER, lambda text: dict(name="a", address=text)),
    ("ssh_user", "user", REGISTER, lambda text: dict(name="a", address="a", ssh_user=text)),
    ("request_id", "request", REGISTER, lambda text: dict(name="a", address="a", request_id=text)),
    ("name", "label", UPDATE, lambda text: dict(instance_id=1, name=text)),
    ("tags", "label", UPDATE, lambda text: dict(instance_id=1, tags=[text])),
    ("address", "address", UPDATE, lambda text: dict(instance_id=1, address=text)),
    ("payload_path", "path", UPDATE, lambda text: dict(instance_id=1, payload_path="{here}" + text)),
    ("request_id", "request", UPDATE, lambda text: dict(instance_id=1, name="a", request_id=text)),
    ("name", "label", CREATE, lambda text: dict(name=text)),
    ("project", "label", CREATE, lambda text: dict(name="a", project=text)),
    ("tags", "label", CREATE, lambda text: dict(name="a", tags=[text])),
    ("region", "label", CREATE, lambda text: dict(name="a", region=text)),
    ("payload_path", "path", CREATE, lambda text: dict(name="a", provision=True, payload_path="{here}" + text)),
    ("request_id", "request", CREATE, lambda text: dict(name="a", request_id=text)),
    ("project", "label", "ListInstances", lambda text: dict(project=text)),
    ("tags", "label", "ListInstances", lambda text: dict(tags=[text])),
    ("selector.project", "label", "WatchInstances", lambda text: dict(selector=dict(project=text))),
    ("selector.tags", "label", "WatchInstances", lambda text: dict(selector=dict(tags=[text]))),
    ("selector.project", "label", "DeployPayload", lambda text: dict(selector=dict(project=text), payload_content=b"a")),
    ("selector.tags", "label", "DeployPayload", lambda text: dict(selector=dict(tags=[text]), payload_content=b"a")),
    ("payload_path", "path", "DeployPayload", lambda text: dict(instance_ids=[1], payload_path="{here}" + text)),
    ("remote_path", "remote", "DeployPayload", lambda text: dict(instance_ids=[1], payload_content=b"a",
                                                                 remote_path="/root/" + text)),
    ("request_id", "request", "DeployPayload", lambda text: dict(instance_ids=[1], payload_content=b"a", request_id=text)),
    ("request_id", "request", "ExecutePayload", lambda text: dict(payload_ids=[1], request_id=text)),
    ("request_id", "request", "RetryDeployment", lambda text: dict(deployment_id=1, request_id=text)),
    ("project", "label", "ListDeployments", lambda text: dict(project=text)),
]
REASONS = {"path": "PAYLOAD_PATH_INVALID", "remote": "REMOTE_PATH_INVALID"}
# Says what Ansible was told. provision_test takes odd names through the real one, which is slower.
ODD_PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - name: What the inventory says
      ansible.builtin.copy:
        content: "{{ {'name': longshore_name, 'tags': longshore_tags} | to_json }}"
        dest: /root/told.json
    - name: The instance is ready
      ansible.builtin.debug:
        msg: ready
"""
SCRIPT = "printf %s \"$0\""  # What it prints is where it was put.
ROWS = "SELECT " + " || ' ' || ".join(f"(SELECT count(*) FROM {table})" for table in (
    "instances", "deployments", "payloads", "tasks", "scripts", "request_ids"))


def carried(kind):
    return {what: odd.text for what, odd in ODD.items() if kind not in odd.refused.split()}


def refused(kind):
    return {what: odd.text for what, odd in ODD.items() if kind in odd.refused.split()}


def field(number, data):
    """One of a message, as protobuf writes it; short."""
    return bytes([number << 3 | 2, len(data)]) + data


def messages_without_text(message):
    """For every string that a request of the type may have: its name, and the bytes of one in which it is no UTF-8."""
    for one in message.fields:
        if one.type == one.TYPE_STRING:
            yield one.name, field(one.number, NO_TEXT)
        elif one.message_type is not None:
            yield from ((f"{one.name}.{name}", field(one.number, data))
                        for name, data in messages_without_text(one.message_type))


class OddNamesTest(Provisioning, unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        # Where nothing of what the names ask for may appear.
        cls.playbooks = tempfile.TemporaryDirectory(prefix="odd-names-")
        cls.addClassCleanup(cls.playbooks.cleanup)
        shutil.copytree(os.path.dirname(PLAYBOOK), cls.playbooks.name, dirs_exist_ok=True)
        playbook = os.path.join(cls.playbooks.name, "odd.yml")
        with open(playbook, "w") as file:
            file.write(ODD_PLAYBOOK)
        cls.stack = Stack(instances=1, insecure=True, worker_flags=[f"--provision_playbook={playbook}"])
        cls.addClassCleanup(cls.stack.close)
        cls.host = cls.stack.instances[0]
        cls.here = cls.stack.payload_dir + "/"

    def setUp(self):
        self.addCleanup(self.check_nothing_was_obeyed)
        self.addCleanup(self.stack.restore)

    def check_nothing_was_obeyed(self):
        for directory in (os.getcwd(), self.host.path("/root/"), self.stack.directory, self.stack.payload_dir, "/", "/tmp"):
            self.assertNotIn("pwned", os.listdir(directory))

    def call(self, method, **fields):
        """Any RPC by its name; of a stream the first answer."""
        module = instance_service if method.endswith(("Instance", "Instances")) else payload_service
        stub = self.stack.instance_stub if module is instance_service else self.stack.payloads
        answer = getattr(stub, method)(getattr(module, method + "Request")(**fields))
        if not method.startswith("Watch"):
            return answer
        first = next(follow(answer))
        answer.cancel()
        return first

    def register(self, **fields):
        return self.call(REGISTER, **dict(dict(name="odd", address="127.0.0.1", port=self.host.relay.port), **fields))

    def deploy(self, remote_path, **fields):
        return self.call("DeployPayload", remote_path=remote_path, execute_payload=True, **fields).payload_ids[0]

    def rows(self):
        return self.stack.sql(ROWS)

    def check_ran(self, payload_id, remote_path):
        payload = self.stack.wait(payload_id)
        self.assertEqual((payload.status, payload.output, payload.remote_path),
                         (pb.PAYLOAD_STATUS_COMPLETED, remote_path, remote_path), payload.error)
        self.assertIn(os.path.basename(remote_path).encode(), os.listdir(os.fsencode(self.host.path("/root/"))))

    def test_refused_with_the_rule(self):
        before = self.rows()
        for name, kind, method, fields in WAYS:
            for what, text in refused(kind).items():
                with self.subTest(f"{method} {name}: {what}"):
                    request = fields(text)
                    if "payload_path" in request:
                        request["payload_path"] = request["payload_path"].replace("{here}", self.here)
                    details = expect_error(self, lambda: self.call(method, **request), INVALID,
                                           REASONS.get(kind, "INVALID_FIELD"), [name])
                    self.assertEqual([each.field for each in details["BadRequest"].field_violations], [name])
        self.assertEqual(self.rows(), before, "refused requests leave nothing behind")

    def test_what_a_provider_does_not_take(self):
        for name in ("provider", "region"):
            for what, text in carried("label").items():
                with self.subTest(f"{name}: {what}"):
                    details = expect_error(self, lambda: self.call(CREATE, **{"name": "a", name: text}), INVALID, "INVALID_FIELD")
                    (violation,) = details["BadRequest"].field_violations
                    self.assertEqual((violation.field, why_not_showable(violation.description)), (name, ""))

    def test_no_text_at_all(self):
        before = self.rows()
        for module in (instance_service, payload_service, task_service):
            for service in module.DESCRIPTOR.services_by_name.values():
                for method in service.methods:
                    path = f"/{service.full_name}/{method.name}"
                    channel = self.stack.channels[0]
                    call = channel.unary_stream(path) if method.name.startswith("Watch") else channel.unary_unary(path)
                    for name, request in messages_without_text(method.input_type):
                        with self.subTest(f"{method.name} {name}"):
                            details = expect_error(self, lambda: list(call(request)), INVALID, "INVALID_FIELD", ["UTF-8"])
                            self.assertEqual([each.field for each in details["BadRequest"].field_violations],
                                             [name.rsplit(".")[-1]])
                    with self.subTest(f"{method.name}: no message"):
                        expect_error(self, lambda: list(call(b"\xff")), INVALID, "INVALID_FIELD", [method.name])
        self.assertEqual(self.rows(), before)

    def test_labels_are_carried(self):
        changing = self.register().id
        for what, text in carried("label").items():
            with self.subTest(what):
                fields = dict(name=text, project=text, tags=sorted([text, "odd"]))
                made = self.register(address=address_of(text), **fields)
                changed = self.call(UPDATE, instance_id=changing, name=text, tags=[text]).instance
                self.assertEqual((changed.name, list(changed.tags)), (text, [text]))
                selector = dict(project=text, tags=[text, "odd"])
                for seen in (made, self.stack.instance(made.id), self.call("WatchInstances", selector=selector),
                             *self.call("ListInstances", **selector).instances):
                    self.assertEqual(dict(name=seen.name, project=seen.project, tags=list(seen.tags), id=seen.id),
                                     dict(fields, id=made.id))
                stored = self.stack.sql("SELECT encode(convert_to(name || project || array_to_string(tags, ''), 'UTF8'), 'hex') "
                                        f"FROM instances WHERE id = {made.id}")
                self.assertEqual(bytes.fromhex(stored).decode(), text + text + "".join(fields["tags"]))
                deployed = self.call("DeployPayload", selector=selector, payload_content=b"true", remote_path="/root/label.sh")
                listed = self.call("ListDeployments", project=text).deployments
                self.assertEqual([(each.id, each.request.selector.project, list(each.request.selector.tags)) for each in listed],
                                 [(deployed.deployment_id, text, selector["tags"])])
                self.call("TerminateInstance", instance_id=made.id)

    def test_files_are_put_and_run(self):
        payloads = {}
        for what, text in carried("path").items():
            with self.subTest(what):
                self.stack.script(SCRIPT, text)
                remote_path = "/root/" + (text if text in carried("remote").values() else f"named-{len(payloads)}")
                payload_id = self.deploy(remote_path, instance_ids=[self.host.id], payload_path=self.here + text)
                payloads[payload_id] = remote_path, self.here + text
        for payload_id, (remote_path, original_path) in payloads.items():
            with self.subTest(remote_path):
                self.check_ran(payload_id, remote_path)
                params = self.stack.task(self.stack.get(payload_id).task_id).params
                self.assertEqual((params.original_path, params.remote_path), (original_path, remote_path))
                stored = self.stack.sql("SELECT encode(convert_to(remote_path, 'UTF8'), 'hex') FROM payloads "
                                        f"WHERE id = {payload_id}")
                self.assertEqual(bytes.fromhex(stored).decode(), remote_path)
                (watched,) = [event.payload.remote_path for event in self.stack.watch(payload_id) if event.HasField("payload")]
                self.assertEqual(watched, remote_path)
        listed = self.call("ListPayloads", instance_id=self.host.id).payloads
        self.assertLessEqual(set(payloads), {each.id for each in listed})
        self.assertEqual(self.host.uploads(), [])

    def test_directories_whose_names_are_odd(self):
        names = list(carried("remote").values())
        for begin in range(0, len(names), 4):
            parent = "/".join(name for name in names[begin:begin + 4] if len(name) < 200)
            os.makedirs(self.host.path(f"/root/below/{parent}"))
            remote_path = f"/root/below/{parent}/run.sh"
            with self.subTest(parent):
                payload = self.stack.wait(self.deploy(remote_path, instance_ids=[self.host.id], payload_content=SCRIPT.encode()))
                self.assertEqual((payload.status, payload.output), (pb.PAYLOAD_STATUS_COMPLETED, remote_path), payload.error)
                self.assertEqual(os.listdir(self.host.path(f"/root/below/{parent}")), ["run.sh"])

    def test_the_default_remote_path(self):
        for user, code in (("root", "REMOTE_PATH_INVALID"), ("nobody", "REMOTE_PATH_INVALID")):
            instance = self.register(ssh_user=user)
            path = self.stack.script(SCRIPT, f"{user}\nnewline")
            before = self.rows()
            expect_error(self, lambda: self.call("DeployPayload", instance_ids=[instance.id], payload_path=path), INVALID, code)
            self.assertEqual(self.rows(), before)

    def test_request_ids(self):
        for what, text in carried("request").items():
            with self.subTest(what):
                first = self.register(request_id=text)
                self.assertEqual(self.register(request_id=text).id, first.id)
                expect_error(self, lambda: self.register(name="other", request_id=text), grpc.StatusCode.ALREADY_EXISTS,
                             "REQUEST_ID_REUSED")

    def test_logins_and_addresses(self):
        """A login is asked for as it is, by ssh, which refuses it; an address is looked up, and there is none."""
        logins = {self.register(ssh_user=text).id: text for text in carried("user").values()}
        addresses = {self.register(address=text).id: text for text in carried("address").values()}
        response = self.call("DeployPayload", instance_ids=[*logins, *addresses], payload_content=b"touch ~/pwned",
                             remote_path="/root/run.sh", execute_payload=True)
        payloads = dict(zip([*logins, *addresses], response.payload_ids))
        for instance_id, text in logins.items():
            with self.subTest(login=text):
                self.assertEqual(self.stack.instance(instance_id).ssh_user, text)
                payload = self.stack.wait(payloads[instance_id])
                self.assertEqual((payload.failure_reason, payload.executed),
                                 (pb.FAILURE_REASON_AUTHENTICATION_FAILED, False), payload)
                self.assertEqual(why_not_showable(payload.error), "")
                # As sshd writes what it was asked for.
                shown = "".join(chr(byte) if 0x20 < byte < 0x7f else f"\\{byte:03o}"
                                for byte in text.replace("\\", "\\\\").encode())
                self.assertIn(f"Invalid user {shown} from", self.host.process.read_log())
        for instance_id, text in addresses.items():
            with self.subTest(address=text):
                self.assertEqual(self.stack.instance(instance_id).address, text)
                task_id = self.stack.get(payloads[instance_id]).task_id
                error = wait_until(lambda: self.stack.task(task_id).error, "a first try")
                self.assertIn("cannot resolve", error)
                self.assertEqual(why_not_showable(error), "")

    def test_a_selector_that_is_as_long_as_can_be(self):
        tags = [f"{n:02}" + "\u00e9" * 126 for n in range(64)]
        expect_error(self, lambda: self.call("DeployPayload", selector=dict(tags=tags), payload_content=b"true"),
                     grpc.StatusCode.NOT_FOUND, "INSTANCE_NOT_FOUND", ["00", "no instance matches"])

    def test_ansible(self):
        """Everything that is carried, through an inventory, a playbook and its log."""
        tags = sorted(carried("label").values(), key=str.encode)
        name = " ".join(text for text in tags if len(text) < 40)[:120]
        path = self.stack.script(SCRIPT, "-o '\" \\ {{ 7*7 }} {% raw %} %n $(touch pwned) `touch pwned`.sh")
        made = self.create(name=name, tags=tags, project=name, payload_path=path, execute_payload=True).instances[0]
        self.ready(made.id)
        payload = self.stack.wait(self.payload_of(made.id).id, patience=LONG)
        self.assertEqual((payload.status, payload.output),
                         (pb.PAYLOAD_STATUS_COMPLETED, "/root/" + os.path.basename(path)), payload.error)
        with open(self.inside(made, "/root/told.json")) as file:
            self.assertEqual(json.load(file), {"name": name, "tags": tags})
        seen = self.stack.instance(made.id)
        self.assertEqual((seen.name, list(seen.tags), seen.project), (name, tags, name))
        self.assertNotIn("pwned", os.listdir(self.inside(made, "/root")))

    def worker(self, name):
        """A further one; `name` may be bytes."""
        worker = Process("odd-worker", self.stack.directory, [
            self.stack.binaries["payload_worker"], f"--api_server=127.0.0.1:{self.stack.worker_ports[0]}",
            f"--ssh_private_key={self.stack.key}", "--insecure", b"--name=" + os.fsencode(name)])
        self.addCleanup(worker.kill)
        return worker.start()

    def worker_names(self):
        return [worker.name for worker in self.stack.tasks.ListWorkers(task_service.ListWorkersRequest()).workers]

    def test_workers(self):
        names = set(carried("worker").values())
        workers = [self.worker(name) for name in names]
        wait_until(lambda: names <= set(self.worker_names()), "every worker")
        for worker in workers:
            worker.kill()
        before = self.worker_names()
        for what, name in {**refused("worker"), "no text": NO_TEXT}.items():
            with self.subTest(what):
                if "\0" not in os.fsdecode(name):  # What no command line can have.
                    worker = self.worker(name)
                    self.assertEqual(worker.ended(), 2)
                    self.assertIn("--name", worker.tail())
        self.assertEqual(self.worker_names(), before)

    def test_logs_stay_one_line(self):
        for what in ("an option of ssh", "formats", "turned around", "the longest name"):
            text = ODD[what].text
            worker = self.worker(text)
            wait_until(lambda: text in self.worker_names(), f"worker {text!r}")
            worker.kill()
        for process in (*self.stack.api_servers, *self.stack.workers, worker):
            for line in process.read_log().rstrip("\n").split("\n"):
                self.assertRegex(line, r"^[IWEF]\d{8} ")
                self.assertEqual([c for c in line if unicodedata.category(c) == "Cc"], [], line)

    def longshore(self, *words, status=0):
        """What it prints away from a terminal: standard output, standard error."""
        child = subprocess.Popen([LONGSHORE, *map(os.fsencode, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 stdin=subprocess.DEVNULL, cwd=self.stack.directory,
                                 env=self.stack.environment_of_cli())
        self.addCleanup(child.kill)
        out, err = communicate(child, "the end of longshore")
        self.assertEqual(child.returncode, status, f"{words}\n{out}\n{err}")
        return out.decode(), err.decode()

    def test_command_line(self):
        made = {}
        for what, text in carried("label").items():
            with self.subTest(what):
                words = [f"--tag={text}", "--tag=cli", f"--project={text}"]
                add = ["instances", "add", f"--name={text}", f"--address=cli.{address_of(text)}", *words, "-o", "json"]
                row = json.loads(self.longshore(*add)[0])
                self.assertEqual((row["name"], row["project"], row["tags"]), (text, text, sorted([text, "cli"], key=str.encode)))
                self.assertEqual(json.loads(self.longshore("instances", "list", *words, "-o", "json")[0]), [row])
                self.assertEqual(json.loads(self.longshore("instances", "show", "-o", "json", "--", text)[0]), row)
                # A list takes a comma for its own.
                instances = row["id"] if "," in text else text
                self.stack.script(SCRIPT, text)
                self.longshore("deploy", f"--path={self.here}{text}", f"--remote-path=/root/{text}", f"--instances={instances}",
                               "--validate-only")
                made[int(row["id"])] = row
        self.assertEqual(json.loads(self.longshore("instances", "list", "--tag=cli", "-o", "json")[0]), list(made.values()))
        self.assertEqual(yaml.safe_load(self.longshore("instances", "list", "--tag=cli", "-o", "yaml")[0]), list(made.values()))
        table = self.longshore("instances", "list", "--tag=cli")[0]
        self.assertEqual(len(table.split("\n")), len(made) + 2, table)
        self.assertEqual({c for c in table if unicodedata.category(c) == "Cc"}, {"\n"}, table)
        for instance_id in made:  # So that nobody else is given its name.
            self.call("TerminateInstance", instance_id=instance_id)

    def test_verify(self):
        """It goes by ssh, and shows what that says; so does an instance that greets with what a terminal obeys."""
        noisy = self.stack.add_instance("noisy", host_key=self.host.host_key())
        with open(noisy.path("/root/.bashrc"), "w") as file:
            file.write("printf '\\033]52;c;QQ==\\007\\233\\342\\200\\256' >&2; exit 7\n")
        self.call(UPDATE, instance_id=noisy.id, host_key=noisy.host_key())
        fields = [dict(ssh_user=text) for text in carried("user").values()]
        fields += [dict(address=text) for text in carried("address").values()]
        ids = [self.register(host_key=self.host.host_key(), **each).id for each in fields]
        _, err = self.longshore("verify", f"--database={self.stack.database_url}", "--instances", f"--ssh-key={self.stack.key}",
                                status=1)
        self.assertIn(f"not checked: instance {noisy.id}: ssh ended with 7: \\x1b]52;c;QQ==\\x07\ufffd\\u202e\n", err)
        for instance_id in ids:
            self.assertIn(f"not checked: instance {instance_id}: ssh ended with 255", err)
        self.assertEqual({c for c in err if unicodedata.category(c) == "Cc"}, {"\n"})

    def test_command_line_with_no_text(self):
        before = self.rows()
        add = [b"instances", b"add", b"--name=a", b"--address=a"]
        for name, words in {
            "--name": [*add, b"--name=" + NO_TEXT], "--project": [*add, b"--project=" + NO_TEXT],
            "--tag": [*add, b"--tag=" + NO_TEXT], "--address": [*add, b"--address", NO_TEXT],
            "--user": [*add, b"--user=" + NO_TEXT], "--request-id": [*add, b"--request-id=" + NO_TEXT],
            "INSTANCE": [b"instances", b"show", NO_TEXT],
            "--instances": [b"deploy", b"--path=/a", b"--instances=1," + NO_TEXT],
            "--path": [b"deploy", b"--instances=1", b"--path=/" + NO_TEXT],
            "--remote-path": [b"deploy", b"--instances=1", b"--path=/a", b"--remote-path=/" + NO_TEXT],
        }.items():
            with self.subTest(name):
                _, err = self.longshore(*words, status=2)
                self.assertRegex(err, f"^longshore: {name} .*UTF-8")
                _, err = self.longshore(*words, "-o", "json", status=2)
                self.assertIn(name, json.loads(err)["error"]["message"])
        self.assertEqual(self.rows(), before)
        # The name of a file here is what it is.
        path = os.fsencode(self.stack.directory) + b"/" + NO_TEXT
        with open(path, "w") as file:
            file.write("true")
        self.longshore("deploy", b"--file=" + path, f"--instances={self.host.id}", "--validate-only")

    def test_completion(self):
        """By the function that bash would call: what has been typed may be anything."""
        directory = tempfile.TemporaryDirectory(prefix="odd-names-")
        self.addCleanup(directory.cleanup)
        cases = []  # What has been typed, and what is offered.
        for text in [*carried("label").values(), *refused("label").values()]:
            if "\0" not in text:  # What no command line can have.
                cases += [(["instances", "show", text, "--outp"], ["--output"] * (text != "--")),
                          ([f"--api={text}", "dep"], ["deploy", "deployments"])]
                if text[0] != "-":  # Else it is completed as the option that it looks like.
                    cases += [(["instances", "show", text], []), (["deploy", "--file", text], [])]
        script = self.longshore("completion", "bash")[0]
        for words, _ in cases:
            script += (f"COMP_WORDS=(longshore {shlex.join(words)}); COMP_CWORD={len(words)}; _longshore {LONGSHORE}; "
                       "printf '%s\\n' ${COMPREPLY[@]+\"${COMPREPLY[@]}\"} .\n")
        run = subprocess.run(["bash", "--norc"], input=script.encode(), capture_output=True, cwd=directory.name)
        self.assertEqual((run.returncode, run.stderr), (0, b""))
        offers = [offer.split("\n")[:-1] for offer in run.stdout.decode().split(".\n")]
        for (words, offered), found in zip(cases, offers, strict=False):
            with self.subTest(words=words):
                self.assertEqual(found, offered)
        self.assertEqual((len(offers), os.listdir(directory.name)), (len(cases) + 1, []))


if __name__ == "__main__":
    unittest.main()
