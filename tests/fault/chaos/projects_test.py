"""What an eye of one project is told of another is found, whatever the answer."""

import types
import unittest

from fault.chaos.projects import FIRST, OTHER, Eye, foreign, ids_in
from harness.api import payload_service, pb, task_service


class ProjectsTest(unittest.TestCase):

    def eye(self, answer, project=FIRST):
        """One that gets this answer to whatever it asks."""
        anything = AnyStub(answer)
        eye = Eye([types.SimpleNamespace(instances=anything, payloads=anything, tasks=anything)], project, "seed")
        eye.highest, eye.scripts = dict.fromkeys(["payloads", "tasks", "deployments", "instances"], 5), ["0" * 64]
        while not eye.answers:
            eye._ask()
        return eye

    def test_ids_are_found_wherever_they_stand(self):
        page = payload_service.ListPayloadsResponse(payloads=[
            pb.Payload(id=1, instance_id=2, deployment_id=3, task_id=4), pb.Payload(id=5)])
        self.assertEqual(set(ids_in(page)), {("payloads", 1), ("instances", 2), ("deployments", 3), ("tasks", 4),
                                             ("payloads", 5)})
        self.assertEqual(set(ids_in(payload_service.DeployPayloadResponse(payload_ids=[6, 7], task_ids=[8]))),
                         {("payloads", 6), ("payloads", 7), ("tasks", 8)})
        self.assertEqual(set(ids_in(task_service.GetTaskLogResponse(task_id=9, log="x"))), {("tasks", 9)})

    def test_a_foreign_id(self):
        eye = self.eye(payload_service.ListPayloadsResponse(payloads=[pb.Payload(id=1), pb.Payload(id=2)]))
        self.assertEqual(foreign(eye, {("payloads", 1)}), ["the project default was told of payloads 2"])
        self.assertEqual(foreign(eye, {("payloads", 1), ("payloads", 2)}), [])

    def test_a_foreign_byte(self):
        for project, own, others in ((FIRST, b"sx-r1-0 line", b"sx-r1-blog line"), (OTHER, b"sx-r1-blog line", b"sx-r1-l line")):
            nothing = f"the project {project} was told of nothing at all"
            self.assertEqual(foreign(self.eye(payload_service.ReadPayloadOutputResponse(data=own), project), set()), [nothing])
            found = foreign(self.eye(payload_service.ReadPayloadOutputResponse(data=others), project), set())
            self.assertEqual((len(found), found[0]), (2, nothing), found)
            self.assertIn("bytes of the other's", found[1])


class AnyStub:

    def __init__(self, answer):
        self.answer = answer

    def __getattr__(self, method):
        answer = [self.answer] if method.startswith("Watch") else self.answer
        return lambda request, **options: answer


if __name__ == "__main__":
    unittest.main()
