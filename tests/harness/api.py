"""The messages and stubs of the API, which a build rule makes from the .proto files, by the names that tests give them."""

from longshore.v1 import access_pb2 as access_pb
from longshore.v1 import access_service_pb2 as access_service
from longshore.v1 import access_service_pb2_grpc as access_grpc
from longshore.v1 import instance_pb2 as instance_pb
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

__all__ = ["access_grpc", "access_pb", "access_service", "instance_grpc", "instance_pb", "instance_service", "payload_grpc",
           "payload_service", "pb", "task_grpc", "task_pb", "task_service", "worker_grpc", "worker_service"]
