"""A client in Python, with stubs made as docs/clients.md says. Usage: client.py API_SERVER ADDRESS PORT,
with the token in $LONGSHORE_TOKEN and the CA's certificate in the file $LONGSHORE_CA.

Registers the instance at ADDRESS:PORT, runs a script there, and prints as JSON what it saw; client.js does the same.
"""

import json
import os
import sys

import grpc
from google.rpc import error_details_pb2, status_pb2
from longshore.v1 import (deployment_pb2, instance_pb2, instance_service_pb2, instance_service_pb2_grpc, payload_pb2,
                          payload_service_pb2, payload_service_pb2_grpc)

SCRIPT = b"echo begun\nprintf '\\303\\251\\377\\n' >&2\nexit 7\n"
NOWHERE = 2**62 + 1


def payload_fields(payload):
    return {
        "id": str(payload.id),
        "instance_id": str(payload.instance_id),
        "remote_path": payload.remote_path,
        "status": payload_pb2.PayloadStatus.Name(payload.status),
        "failure_reason": payload_pb2.FailureReason.Name(payload.failure_reason),
        "executed": payload.executed,
        "exit_code": payload.exit_code if payload.HasField("exit_code") else None,
        "output": payload.output,
        "output_bytes": str(payload.output_bytes),
    }


def error_fields(error):
    trailers = dict(error.trailing_metadata())
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    fields = {"code": error.code().name, "message": error.details()}
    for detail in status.details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo()
            detail.Unpack(info)
            fields.update(reason=info.reason, domain=info.domain)
    return fields


def main(api_server, address, port):
    with open(os.environ["LONGSHORE_CA"], "rb") as file:
        credentials = grpc.composite_channel_credentials(
            grpc.ssl_channel_credentials(file.read()), grpc.access_token_call_credentials(os.environ["LONGSHORE_TOKEN"]))
    with grpc.secure_channel(api_server, credentials) as channel:
        instances = instance_service_pb2_grpc.InstanceServiceStub(channel)
        payloads = payload_service_pb2_grpc.PayloadServiceStub(channel)
        instance = instances.RegisterInstance(instance_service_pb2.RegisterInstanceRequest(
            name="python", address=address, port=int(port), tags=["b", "a"]))
        deployed = payloads.DeployPayload(deployment_pb2.DeployPayloadRequest(
            instance_ids=[instance.id], payload_content=SCRIPT, remote_path="/root/python.sh", execute_payload=True))
        statuses, output, last = [], b"", None
        for event in payloads.WatchPayload(payload_service_pb2.WatchPayloadRequest(payload_id=deployed.payload_ids[0])):
            if event.WhichOneof("event") == "output":
                assert event.output.offset == len(output), event
                output += event.output.data
            else:
                last = event.payload
                statuses.append(payload_pb2.PayloadStatus.Name(last.status))
        read_back = payloads.GetPayloadStatus(payload_service_pb2.GetPayloadStatusRequest(payload_id=last.id))
        try:
            payloads.GetPayloadStatus(payload_service_pb2.GetPayloadStatusRequest(payload_id=NOWHERE))
            error = None
        except grpc.RpcError as caught:
            error = error_fields(caught)
    print(json.dumps({
        "instance": {
            "id": str(instance.id),
            "status": instance_pb2.InstanceStatus.Name(instance.status),
            "ssh_user": instance.ssh_user,
            "tags": list(instance.tags),
        },
        "payload_ids": [str(payload_id) for payload_id in deployed.payload_ids],
        "statuses": statuses,
        "output": output.hex(),
        "read_back": payload_fields(read_back),
        "error": error,
    }))


if __name__ == "__main__":
    main(*sys.argv[1:])
