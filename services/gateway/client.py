"""The typed line to the assistant: a channel, the gateway's token, and calls that outlast its restart."""

import asyncio
import contextlib
import ipaddress
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

import grpc
import structlog
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from services import pem
from services.errors import InvalidEvent, NotAllowed, RemiError, SettingsError
from services.gateway.backoff import delays
from services.gateway.settings import GatewaySettings, token
from services.stubs.assistant.v1 import assistant_pb2 as pb
from services.stubs.assistant.v1 import assistant_pb2_grpc as stubs

# The assistant commits an event within milliseconds; after this long without a word the call is made anew.
ACCEPT_SECONDS = 30
# How long somebody who can't wait for the assistant looks for it.
REACH_SECONDS = 5
# The longest a turn's stream is held open; a Final that takes longer comes through Deliver.
TURN_SECONDS = 900
# A refusal costs next to nothing, and what waits should be taken within seconds of the assistant's return.
LONGEST_WAIT = 2.0
# gRPC takes messages of up to 4 MiB; one above would fail for ever.
MAX_REQUEST_BYTES = 4 * 1024 * 1024 - 1024

_CHANNEL_OPTIONS = (
    ("grpc.keepalive_time_ms", 15_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # A delivery may carry a file.
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    # An address of the outside world's proxy settings is none of this line's business.
    ("grpc.enable_http_proxy", 0),
)

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Client:
    """What a call to the assistant needs; `metadata` carries the gateway's token."""

    conversation: "stubs.ConversationServiceAsyncStub"
    channel: grpc.aio.Channel
    metadata: tuple[tuple[str, str], ...]


@contextlib.asynccontextmanager
async def connect(settings: GatewaySettings, platform: str) -> AsyncIterator[Client]:
    """A client for one platform's gateway. Does not wait for the assistant. Raises SettingsError."""
    metadata = (("authorization", f"Bearer {token(settings, platform)}"),)
    async with open_channel(settings) as channel:
        yield Client(stubs.ConversationServiceStub(channel), channel, metadata)


def open_channel(settings: GatewaySettings) -> grpc.aio.Channel:
    """A channel that connects when it is used. Raises SettingsError where it would not be safe."""
    if settings.tls_ca or settings.tls_cert or settings.tls_key:
        return grpc.aio.secure_channel(settings.assistant, _credentials(settings), options=_CHANNEL_OPTIONS)
    if settings.closed_network or _stays_here(settings.assistant):
        return grpc.aio.insecure_channel(settings.assistant, options=_CHANNEL_OPTIONS)
    raise SettingsError(
        f"REMI_ASSISTANT: {settings.assistant} is another machine: give REMI_TLS_CA, "
        "or say REMI_CLOSED_NETWORK=true where nobody else is on that network"
    )


async def is_reached(channel: grpc.aio.Channel) -> bool:
    """Whether somebody answers at the other end, on a busy machine too: a first attempt is given up soon."""
    try:
        async with asyncio.timeout(REACH_SECONDS):
            await channel.channel_ready()
    except TimeoutError:
        return False
    return True


async def is_serving(channel: grpc.aio.Channel) -> bool:
    """Whether the assistant at the other end says, within a second, that it serves."""
    check = channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        request_serializer=HealthCheckRequest.SerializeToString,
        response_deserializer=HealthCheckResponse.FromString,
    )
    try:
        answer = await check(HealthCheckRequest(), timeout=1)
    except grpc.aio.AioRpcError:
        return False
    return bool(answer.status == HealthCheckResponse.SERVING)


def _credentials(settings: GatewaySettings) -> grpc.ChannelCredentials:
    if bool(settings.tls_cert) != bool(settings.tls_key):
        raise SettingsError("REMI_TLS_CERT and REMI_TLS_KEY: one is set without the other")
    key, chain = (
        pem.pair(settings.tls_cert, settings.tls_key)
        if settings.tls_cert and settings.tls_key
        else (None, None)
    )
    return grpc.ssl_channel_credentials(
        root_certificates=pem.authority(settings.tls_ca) if settings.tls_ca else None,
        private_key=key,
        certificate_chain=chain,
    )


def _stays_here(address: str) -> bool:
    """Whether what is sent to `address` never leaves this machine."""
    if address.startswith("unix:"):
        return True
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def converse(client: Client, request: pb.ConverseRequest) -> AsyncGenerator[pb.ConverseResponse, None]:
    """Say one event until the assistant has it, then yield what it answers.

    Before Accepted or Refused every failure is tried again with the same idempotency key, for ever. After it,
    a broken stream ends the iteration quietly: the Final then comes through Deliver. Raises InvalidEvent and
    NotAllowed for an event that can never be served, SettingsError where the assistant refuses the token.
    """
    if request.ByteSize() > MAX_REQUEST_BYTES:
        raise InvalidEvent(request.WhichOneof("event") or "event", "larger than 4 MiB")
    for delay in delays(cap=LONGEST_WAIT):
        committed = False
        call = client.conversation.Converse(request, metadata=client.metadata, timeout=TURN_SECONDS)
        try:
            async with asyncio.timeout(ACCEPT_SECONDS):
                response = await call.read()
            while isinstance(response, pb.ConverseResponse):
                committed = True
                yield response
                response = await call.read()
            problem = "no answer"
        except TimeoutError:
            problem = "no answer in time"
        except grpc.aio.AioRpcError as error:
            problem = error.code().name
            if not committed and (for_good := permanent(error)):
                raise for_good from None
        finally:
            call.cancel()
        if committed:
            return
        _log.warning("event not taken yet", key=request.idempotency_key, problem=problem)
        await asyncio.sleep(delay)


def permanent(error: grpc.aio.AioRpcError) -> RemiError | None:
    """The error of ours for a status that no repetition changes; None for all others."""
    match error.code():
        case grpc.StatusCode.INVALID_ARGUMENT:
            field, _, problem = (error.details() or "").partition(": ")
            return InvalidEvent(field, problem)
        case grpc.StatusCode.PERMISSION_DENIED:
            return NotAllowed("the assistant denies this gateway the event's platform")
        case grpc.StatusCode.UNAUTHENTICATED:
            return SettingsError("REMI_GATEWAY_TOKEN: the assistant does not know this gateway's token")
        case _:
            return None
