"""Two projects in one installation: what each is told, by every api_server, holds no id and no byte of the other's."""

import hashlib
import random
import re
import threading

import grpc
from google.protobuf.descriptor import FieldDescriptor

from harness.api import access_pb, access_service, instance_service, payload_service, task_service

FIRST, OTHER = "default", "blog"
# The fields that hold ids, by what they are ids of; a message's own `id` is of what it is called.
KINDS = {"payload": "payloads", "task": "tasks", "deployment": "deployments", "instance": "instances"}
# What stands in a script of a project and in all that it prints: its token (Round, in chaos.py).
MARKS = {FIRST: re.compile(rb"-r\d+-(?!blog)[a-z0-9]"), OTHER: re.compile(rb"-r\d+-blog")}
# What an eye that sees nothing may be told: that it is not there, or nothing yet.
UNANSWERED = (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED,
              grpc.StatusCode.CANCELLED, grpc.StatusCode.RESOURCE_EXHAUSTED)
# Seconds between two questions.
PAUSE = 0.02


def ids_in(message):
    """(kind, id) of everything that an answer names."""
    for field, value in message.ListFields():
        each = value if field.label == FieldDescriptor.LABEL_REPEATED else [value]
        if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
            for part in each:
                yield from ids_in(part)
        elif field.cpp_type == FieldDescriptor.CPPTYPE_INT64:
            word = message.DESCRIPTOR.name.lower() if field.name == "id" else re.sub("_ids?$", "", field.name)
            if word in KINDS:
                yield from ((KINDS[word], number) for number in each)


class Tokens:
    """Of both projects, for who looks, and of the other one, for who deploys in it."""

    def __init__(self, stack):
        self.stack = stack
        self.eyes = {project: self._make(project, access_pb.ROLE_VIEWER) for project in (FIRST, OTHER)}
        self.other = self._make(OTHER, access_pb.ROLE_OPERATOR)
        self.channels = {token: [stack.channel(i, token) for i in range(len(stack.api_servers))]
                         for token in [*self.eyes.values(), self.other]}

    def _make(self, project, role):
        return self.stack.stubs(0).access.CreateToken(access_service.CreateTokenRequest(
            name=f"{project} {role}", role=role, projects=[project])).token

    def stubs(self, token):
        return [self.stack.stubs_of(channel) for channel in self.channels[token]]

    def close(self):
        for channels in self.channels.values():
            for channel in channels:
                channel.close()


class Eye:
    """Asks for everything, by the token of one project, until it is told to stop."""

    def __init__(self, stubs, project, seed):
        self.stubs, self.project, self.rng = stubs, project, random.Random(f"eye {project} {seed}")
        self.foreign = MARKS[OTHER if project == FIRST else FIRST]
        self.highest = {}  # By kind, the highest id that there may be, of whatever project.
        self.scripts = []  # Hashes of scripts of either project.
        self.ids, self.answers = set(), 0
        self.errors = set()
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._look)

    def start(self):
        self.thread.start()

    def stop(self):
        self.stopping.set()
        self.thread.join()

    def _look(self):
        try:
            while not self.stopping.wait(PAUSE):
                self._ask()
        except BaseException as error:  # Told by Projects.check().
            self.errors.add(repr(error))

    def _ask(self):
        stubs = self.rng.choice(self.stubs)
        # Rather one of this round than of those before.
        one = {kind: self.rng.randint(max(1, number - 40), number) for kind, number in self.highest.items()}
        service, method, request = self.rng.choice([
            (stubs.instances, "ListInstances", instance_service.ListInstancesRequest()),
            (stubs.instances, "GetInstance", instance_service.GetInstanceRequest(instance_id=one["instances"])),
            (stubs.instances, "WatchInstances", instance_service.WatchInstancesRequest(selector={})),
            (stubs.payloads, "ListPayloads", payload_service.ListPayloadsRequest()),
            (stubs.payloads, "ListInstancePayloads", payload_service.ListInstancePayloadsRequest(instance_id=one["instances"])),
            (stubs.payloads, "GetPayloadStatus", payload_service.GetPayloadStatusRequest(payload_id=one["payloads"])),
            (stubs.payloads, "ReadPayloadOutput", payload_service.ReadPayloadOutputRequest(payload_id=one["payloads"])),
            (stubs.payloads, "GetScript", payload_service.GetScriptRequest(sha256=self.rng.choice(self.scripts))),
            (stubs.payloads, "WatchPayload", payload_service.WatchPayloadRequest(payload_id=one["payloads"])),
            (stubs.payloads, "ListDeployments", payload_service.ListDeploymentsRequest()),
            (stubs.payloads, "GetDeployment", payload_service.GetDeploymentRequest(deployment_id=one["deployments"])),
            (stubs.payloads, "WatchDeployment", payload_service.WatchDeploymentRequest(deployment_id=one["deployments"])),
            (stubs.tasks, "ListTasks", task_service.ListTasksRequest()),
            (stubs.tasks, "GetTask", task_service.GetTaskRequest(task_id=one["tasks"])),
            (stubs.tasks, "GetTaskLog", task_service.GetTaskLogRequest(task_id=one["tasks"])),
        ])
        try:
            answer = getattr(service, method)(request, timeout=1, wait_for_ready=True)
            for message in answer if method.startswith("Watch") else [answer]:
                self._see(message)
        except grpc.RpcError as error:
            if error.code() not in UNANSWERED:
                self.errors.add(f"{method}: {error.code()} {error.details()}")

    def _see(self, message):
        self.answers += 1
        self.ids.update(ids_in(message))
        found = self.foreign.search(message.SerializeToString())
        if found:
            self.errors.add(f"{message.DESCRIPTOR.name}: bytes of the other's, {found.group()}")


class Projects:
    """A round's eyes, one for each project, and its deployment to the other project's instance."""

    def __init__(self, stack, tokens, name, token):
        self.stack, self.tokens, self.token = stack, tokens, token
        self.eyes = [Eye(tokens.stubs(tokens.eyes[project]), project, name) for project in (FIRST, OTHER)]

    def join(self, load):
        """Has it go to the instance of the other project. Called last."""
        ids = [instance.id for instance in self.stack.instances if instance.project == OTHER]
        load.add_deployment(self.token, ids, ["run", "run", "cancel", "retry"], stubs=self.tokens.stubs(self.tokens.other))
        scripts = [hashlib.sha256(plan["script"].text()).hexdigest() for _, plan in load.jobs]
        (highest,) = self.stack.rows("SELECT " + ", ".join(
            f"(SELECT coalesce(max(id), 0) + 20 FROM {kind}) AS {kind}" for kind in KINDS.values()))
        for eye in self.eyes:
            eye.scripts, eye.highest = scripts, highest

    def start(self):
        for eye in self.eyes:
            eye.start()

    def stop(self):
        for eye in self.eyes:
            eye.stop()

    @property
    def answers(self):
        return sum(eye.answers for eye in self.eyes)

    def check(self):
        """Returns words about what an eye was told that is not its project's."""
        return [words for eye in self.eyes for words in foreign(eye, self._own(eye.project))]

    def _own(self, project):
        """(kind, id) of what is the project's."""
        of_instances = f"JOIN instances i ON i.id = instance_id WHERE i.project = '{project}'"
        queries = {"payloads": f"SELECT p.id FROM payloads p {of_instances}",
                   "tasks": f"SELECT t.id FROM tasks t {of_instances}",
                   "deployments": f"SELECT DISTINCT deployment_id AS id FROM payloads {of_instances}",
                   "instances": f"SELECT id FROM instances WHERE project = '{project}'"}
        return {(kind, row["id"]) for kind, query in queries.items() for row in self.stack.rows(query)}


def foreign(eye, own):
    """Words about what it was told beyond what is its project's own, (kind, id)."""
    found = [f"{kind} {number}" for kind, number in sorted(eye.ids - own)]
    if not eye.ids:
        found.append("nothing at all")
    return [f"the project {eye.project} was told of {words}" for words in [*found, *sorted(eye.errors)]]
