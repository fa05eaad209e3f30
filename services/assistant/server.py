"""The gRPC server: what is served, how clients prove themselves, and how it drains."""

import ipaddress

import grpc
from grpc_health.v1 import health, health_pb2_grpc

from services import pem
from services.assistant.admin_servicer import AdminServicer
from services.assistant.edge import Edge
from services.assistant.memory_servicer import MemoryServicer
from services.assistant.remi import Remi
from services.assistant.servicer import ConversationServicer
from services.assistant.settings import Settings
from services.errors import SettingsError
from services.stubs.assistant.v1 import assistant_pb2_grpc

_OPTIONS = (
    ("grpc.max_receive_message_length", 8 * 1024 * 1024),
    ("grpc.max_send_message_length", 64 * 1024 * 1024),
    ("grpc.keepalive_time_ms", 15_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    # Else a second assistant could listen on the same port, and would get some of the calls.
    ("grpc.so_reuseport", 0),
)


async def serve(
    remi: Remi, edge: Edge, settings: Settings
) -> tuple[grpc.aio.Server, health.aio.HealthServicer]:
    """Start serving at `settings.listen`. Raises SettingsError if that can't be done safely, or at all."""
    server = grpc.aio.server(options=_OPTIONS)
    is_healthy = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(is_healthy, server)
    assistant_pb2_grpc.add_ConversationServiceServicer_to_server(ConversationServicer(remi, edge), server)
    assistant_pb2_grpc.add_MemoryServiceServicer_to_server(MemoryServicer(remi, edge), server)
    assistant_pb2_grpc.add_AdminServiceServicer_to_server(AdminServicer(remi, edge), server)
    try:
        if settings.tls_cert and settings.tls_key:
            pair = pem.pair(settings.tls_cert, settings.tls_key)
            server.add_secure_port(settings.listen, grpc.ssl_server_credentials([pair]))
        elif settings.closed_network or _is_local(settings.listen):
            server.add_insecure_port(settings.listen)
        else:
            raise SettingsError(
                "REMI_LISTEN: others can reach this address; give REMI_TLS_CERT and REMI_TLS_KEY, "
                "or set REMI_CLOSED_NETWORK=true if they can't"
            )
    except RuntimeError:
        raise SettingsError(f"REMI_LISTEN: can't listen on {settings.listen}") from None
    await server.start()
    return server, is_healthy


def _is_local(address: str) -> bool:
    if address.startswith("unix:"):
        return True
    host = address.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
