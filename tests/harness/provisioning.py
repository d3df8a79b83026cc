"""What the tests of provisioning share."""

import os

from harness.api import instance_pb, instance_service, payload_service, task_pb, task_service
from harness.patience import PATIENCE

READY, FAILED = instance_pb.INSTANCE_STATUS_READY, instance_pb.INSTANCE_STATUS_FAILED
PROVISIONING = instance_pb.INSTANCE_STATUS_PROVISIONING
PAYLOAD = instance_pb.InstancePayloadStatus
# ansible-playbook is slow on a busy machine.
LONG = 4 * PATIENCE


class Provisioning:
    """What the tests below share; `stack` is theirs."""

    def create(self, **fields):
        fields.setdefault("provision", True)
        return self.stack.instance_stub.CreateInstance(instance_service.CreateInstanceRequest(**fields))

    def payload_of(self, instance_id):
        listed = self.stack.settled(lambda: self.stack.payloads.ListInstancePayloads(
            payload_service.ListInstancePayloadsRequest(instance_id=instance_id)))
        return listed.payloads[-1]

    def provision_task(self, instance_id):
        tasks = self.stack.settled(lambda: self.stack.tasks.ListTasks(task_service.ListTasksRequest(
            instance_id=instance_id, type=task_pb.TASK_TYPE_PROVISION_INSTANCE))).tasks
        self.assertEqual(len(tasks), 1)
        return tasks[0]

    def log(self, task_id):
        return self.stack.settled(lambda: self.stack.tasks.GetTaskLog(task_service.GetTaskLogRequest(task_id=task_id))).log

    def ready(self, instance_id):
        return self.stack.wait_instance(instance_id, READY, LONG)

    def failed(self, instance_id):
        return self.stack.wait_instance(instance_id, FAILED, LONG)

    def inside(self, instance, path):
        """Where a file of a created instance is seen from outside."""
        return os.path.join(self.machine(instance), path.lstrip("/"))

    def machine(self, instance):
        return os.path.join(self.stack.machines,
                            self.stack.sql(f"SELECT machine_key FROM instances WHERE id = {instance.id}"))
