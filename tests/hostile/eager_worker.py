"""A worker that says at once of each payload that it has run: what api_servers do for thousands, without the instances."""

import grpc

from harness.api import pb, worker_service
from hostile.fake_worker import FakeWorker

OUTPUT = b"done\n"


class EagerWorker(FakeWorker):

    def __init__(self, stack, capacity=1000):
        self.completed = 0
        super().__init__(stack, name="eager", capacity=capacity)

    def _read(self):
        try:
            for message in self.stream:
                if message.HasField("welcome"):
                    self.told.append(message)
                elif message.HasField("assignment"):
                    self.complete(message.assignment)
        except grpc.RpcError as error:
            self.status = error.code()

    def complete(self, assignment):
        finished = worker_service.Finished(status=pb.PAYLOAD_STATUS_COMPLETED, executed=True, exit_code=0,
                                           output_bytes=len(OUTPUT))
        finished.execution_time.FromMilliseconds(1)
        kinds = (dict(transferred=worker_service.Transferred(remote_path="/root/payload.sh")),
                 dict(executing=worker_service.Executing()),
                 dict(output=worker_service.OutputChunk(offset=0, data=OUTPUT)),
                 dict(finished=finished))
        self.send(events=worker_service.TaskEvents(events=[
            worker_service.TaskEvent(sequence=next(self.sequences), task_id=assignment.task_id,
                                     lease_epoch=assignment.lease_epoch, **kind) for kind in kinds]))
        self.completed += 1
        self.send(credit=worker_service.Credit(count=1))
