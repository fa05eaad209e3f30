"""The health check of all images: exit code 0 while the assistant at REMI_ASSISTANT serves.

The assistant so asks itself. A gateway that cannot reach an assistant is not healthy either; one that has
died ends its container, and needs no check.
"""

import os
import sys

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

SECONDS = 4


def is_serving(address: str) -> bool:
    with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
        try:
            answer = HealthStub(channel).Check(HealthCheckRequest(), timeout=SECONDS)
        except grpc.RpcError:
            return False
    return answer.status == HealthCheckResponse.SERVING


if __name__ == "__main__":
    sys.exit(0 if is_serving(os.environ.get("REMI_ASSISTANT", "127.0.0.1:50051")) else 1)
