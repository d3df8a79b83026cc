"""The messages and stubs of the API, which a build rule makes from the .proto files, by the names that tests give them."""

import os

import grpc

from longshore.v1 import access_pb2 as access_pb
from longshore.v1 import access_service_pb2 as access_service
from longshore.v1 import access_service_pb2_grpc as access_grpc
from longshore.v1 import instance_pb2 as instance_pb
from longshore.v1 import deployment_pb2 as deployment_pb
from longshore.v1 import instance_service_pb2 as instance_service
from longshore.v1 import instance_service_pb2_grpc as instance_grpc
from longshore.v1 import payload_pb2 as pb
from longshore.v1 import payload_service_pb2 as payload_service
from longshore.v1 import payload_service_pb2_grpc as payload_grpc
from longshore.v1 import task_pb2 as task_pb
from longshore.v1 import task_service_pb2 as task_service
from longshore.v1 import task_service_pb2_grpc as task_grpc
from longshore.v1 import worker_service_pb2 as worker_service
from longshore.v1 import worker_service_pb2_grpc as worker_grpc

__all__ = ["access_grpc", "access_pb", "access_service", "deployment_pb", "instance_grpc", "instance_pb", "instance_service",
           "payload_grpc", "payload_service", "pb", "task_grpc", "task_pb", "task_service", "worker_grpc", "worker_service"]

# While no call waits for a connection, gRPC looks at its handshake only this often, in milliseconds (docs/clients.md). It reads
# the variable at its first channel, which is not closed; the programs under test do without.
_POLL = "GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS"
os.environ[_POLL] = "200"
FIRST_CHANNEL = grpc.insecure_channel("127.0.0.1:1")
del os.environ[_POLL]
