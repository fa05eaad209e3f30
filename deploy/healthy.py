"""The health check of all images: exit code 0 while the assistant serves that REMI_ASSISTANT names.

The assistant, which is told none, so asks itself at REMI_LISTEN. A gateway that cannot reach an assistant is
not healthy either; one that has died ends its container, and needs no check.
"""

import os
import socket
import ssl
import sys
from pathlib import Path

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

SECONDS = 4


def is_serving() -> bool:
    try:
        with channel() as line:
            answer = HealthStub(line).Check(HealthCheckRequest(), timeout=SECONDS)
    except (grpc.RpcError, OSError):
        return False
    return answer.status == HealthCheckResponse.SERVING


def channel() -> grpc.Channel:
    """To the assistant, in the same way in which the service speaks to it. Raises OSError."""
    options = [("grpc.enable_http_proxy", 0)]
    address = setting("REMI_ASSISTANT")
    authority, certificate, key = (read(f"REMI_TLS_{name}") for name in ("CA", "CERT", "KEY"))
    if address:
        if not (authority or certificate):
            return grpc.insecure_channel(address, options)
        return grpc.secure_channel(
            address, grpc.ssl_channel_credentials(authority, key, certificate), options
        )
    address = dialled(setting("REMI_LISTEN") or "127.0.0.1:50051")
    if not certificate:
        return grpc.insecure_channel(address, options)
    # Its certificate is not made out to the address at which it reaches itself.
    options.append(("grpc.ssl_target_name_override", name_of(address, setting("REMI_TLS_CERT"))))
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(certificate), options)


def setting(name: str) -> str:
    return os.environ.get(name, "")


def read(name: str) -> bytes | None:
    return Path(setting(name)).read_bytes() if setting(name) else None


def dialled(listen: str) -> str:
    """How a service is reached from here that listens there."""
    return listen.replace("0.0.0.0", "127.0.0.1").replace("[::]", "[::1]")


def name_of(address: str, certificate: str) -> str:
    """A name that the certificate there is made out to. Raises OSError where it is another one, or none."""
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.set_alpn_protocols(["h2"])
    with connected(address) as plain, context.wrap_socket(plain) as line:
        shown = line.getpeercert() or {}
    common = [each for part in shown["subject"] for each in part if each[0] == "commonName"]
    (_, name), *_ = shown.get("subjectAltName") or common
    return str(name).replace("*", "any")


def connected(address: str) -> socket.socket:
    if not address.startswith("unix:"):
        host, _, port = address.rpartition(":")
        return socket.create_connection((host.strip("[]"), int(port)), SECONDS)
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(SECONDS)
    line.connect(address.removeprefix("unix:"))
    return line


if __name__ == "__main__":
    sys.exit(0 if is_serving() else 1)
