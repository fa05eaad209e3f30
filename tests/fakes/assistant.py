"""A scripted assistant on loopback: the real grpcio server, answers and faults as a test says."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc
from grpc_health.v1 import health, health_pb2_grpc

from services.gateway.settings import GatewaySettings
from services.stubs.assistant.v1 import assistant_pb2 as pb
from services.stubs.assistant.v1 import assistant_pb2_grpc as stubs

WAIT_SECONDS = 5


async def unheard(_: Sequence[str]) -> None:
    """Takes a part's receipt where a test is about something else."""


@dataclass(frozen=True, slots=True)
class Fail:
    """End the call here with this status: before Accepted a fault to retry, after it a stream that breaks."""

    code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE
    details: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """Go on only when the event is set."""

    event: asyncio.Event


Step = pb.ConverseResponse | Fail | Hold
S = TypeVar("S", bound=GatewaySettings)


class FakeAssistant(stubs.ConversationServiceServicer):
    """`async with FakeAssistant() as assistant:` serves on a free port until the block is left."""

    def __init__(self, address: str = "127.0.0.1:0") -> None:
        self.address = address
        self.token = "token"
        self.requests: list[pb.ConverseRequest] = []
        self.acknowledgements: list[pb.AcknowledgeRequest] = []
        self.subscriptions: list[pb.DeliverRequest] = []
        self.manifest = pb.CommandManifest()
        self.cursors = pb.Cursors()
        # By the place's innermost id: the messages kept there, and up to where it was seen.
        self.kept: dict[str, pb.ListKeptResponse] = {}
        self.seen: dict[str, str] = {}
        self.known_faults: list[Fail] = []
        # What a call to Converse and to Acknowledge does; a test replaces them.
        self.answer: Callable[[pb.ConverseRequest], Iterable[Step]] = echo
        self.acknowledge_faults: list[Fail] = []
        # What was imported: its first request, and the whole content.
        self.imports: list[tuple[pb.ImportRequest, bytes]] = []
        self.import_faults: list[Fail] = []
        # A Deliver stream says nothing at all while this is set.
        self.silent = False
        self._deliveries: dict[str, pb.Delivery] = {}
        self._streams: list[asyncio.Queue[pb.Delivery | Fail]] = []
        self._changed = asyncio.Condition()
        self._server: grpc.aio.Server | None = None

    async def __aenter__(self) -> Self:
        await self.come_back()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        await self.hang_up()

    async def come_back(self) -> None:
        """Serve, on the port of the first time."""
        server = grpc.aio.server()
        stubs.add_ConversationServiceServicer_to_server(self, server)
        server.add_generic_rpc_handlers((self._memory(),))
        health_pb2_grpc.add_HealthServicer_to_server(health.aio.HealthServicer(), server)
        port = server.add_insecure_port(self.address)
        if self.address.endswith(":0"):
            self.address = f"127.0.0.1:{port}"
        await server.start()
        self._server = server

    async def hang_up(self) -> None:
        """Stop serving; calls under way break."""
        if self._server is not None:
            await self._server.stop(grace=None)
            self._server = None

    def settings(self, settings_type: type[S], **more: Any) -> S:
        """Settings with which a gateway reaches this assistant."""
        knobs = {"_env_file": None, "assistant": self.address, "gateway_token": self.token, **more}
        return settings_type(**knobs)

    def deliver(self, delivery: pb.Delivery) -> None:
        """Send it down every Deliver stream, and again at each new one, until it is acknowledged."""
        self._deliveries[delivery.delivery_id] = delivery
        for stream in self._streams:
            stream.put_nowait(delivery)

    def cut_deliver(self, fault: Fail | None = None) -> None:
        """Break the Deliver streams that stand."""
        for stream in self._streams:
            stream.put_nowait(fault or Fail())

    def turns(self) -> set[str]:
        """The idempotency keys seen: events sent again count once."""
        return {request.idempotency_key for request in self.requests}

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a record to make it true; TimeoutError after five seconds."""
        async with asyncio.timeout(WAIT_SECONDS), self._changed:
            await self._changed.wait_for(condition)

    async def Converse(  # noqa: N802
        self, request: pb.ConverseRequest, context: Any
    ) -> AsyncIterator[pb.ConverseResponse]:
        await self._authenticate(context)
        await self._record(self.requests, request)
        for step in self.answer(request):
            match step:
                case Fail(code, details):
                    await context.abort(code, details)
                case Hold(event):
                    await event.wait()
                case response:
                    yield response

    async def Deliver(  # noqa: N802
        self, request: pb.DeliverRequest, context: Any
    ) -> AsyncIterator[pb.DeliverResponse]:
        await self._authenticate(context)
        await self._record(self.subscriptions, request)
        if self.silent:
            await asyncio.Event().wait()
        stream: asyncio.Queue[pb.Delivery | Fail] = asyncio.Queue()
        for delivery in self._deliveries.values():
            stream.put_nowait(delivery)
        self._streams.append(stream)
        try:
            yield pb.DeliverResponse(manifest=self.manifest)
            yield pb.DeliverResponse(cursors=self.cursors)
            while True:
                match await stream.get():
                    case Fail(code, details):
                        await context.abort(code, details)
                    case delivery:
                        yield pb.DeliverResponse(delivery=delivery)
        finally:
            self._streams.remove(stream)

    async def Acknowledge(  # noqa: N802
        self, request: pb.AcknowledgeRequest, context: Any
    ) -> pb.AcknowledgeResponse:
        await self._authenticate(context)
        if self.acknowledge_faults:
            fault = self.acknowledge_faults.pop(0)
            await context.abort(fault.code, fault.details)
        if request.WhichOneof("result") in {"delivered", "rejected", "unknown"}:
            self._deliveries.pop(request.delivery_id, None)
        await self._record(self.acknowledgements, request)
        return pb.AcknowledgeResponse()

    def _memory(self) -> grpc.GenericRpcHandler:
        """Of MemoryService, what gateways call."""
        taking_in = grpc.stream_unary_rpc_method_handler(
            self._import, pb.ImportRequest.FromString, pb.ImportResponse.SerializeToString
        )
        return grpc.method_handlers_generic_handler("assistant.v1.MemoryService", {"Import": taking_in})

    async def _import(
        self, request_iterator: AsyncIterator[pb.ImportRequest], context: Any
    ) -> pb.ImportResponse:
        await self._authenticate(context)
        first, *rest = [request async for request in request_iterator]
        if self.import_faults:
            fault = self.import_faults.pop(0)
            await context.abort(fault.code, fault.details)
        content = b"".join(request.chunk for request in (first, *rest))
        await self._record(self.imports, (first, content))
        return pb.ImportResponse(summary=f"I have brought in {len(content)} bytes.")

    async def ListKept(  # noqa: N802
        self, request: pb.ListKeptRequest, context: Any
    ) -> pb.ListKeptResponse:
        await self._authenticate(context)
        await self._meet_fault(context)
        place = request.place.thread_id or request.place.chat_id
        return self.kept.get(place, pb.ListKeptResponse())

    async def MoveCursors(  # noqa: N802
        self, request: pb.MoveCursorsRequest, context: Any
    ) -> pb.MoveCursorsResponse:
        await self._authenticate(context)
        await self._meet_fault(context)
        async with self._changed:
            for each in request.cursors:
                self.seen[each.place.thread_id or each.place.chat_id] = each.message_id
            self._changed.notify_all()
        return pb.MoveCursorsResponse()

    async def _meet_fault(self, context: Any) -> None:
        if self.known_faults:
            fault = self.known_faults.pop(0)
            await context.abort(fault.code, fault.details)

    async def _authenticate(self, context: Any) -> None:
        if dict(context.invocation_metadata()).get("authorization") != f"Bearer {self.token}":
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "unknown token")

    async def _record(self, records: list[Any], request: Any) -> None:
        async with self._changed:
            records.append(request)
            self._changed.notify_all()


def echo(request: pb.ConverseRequest) -> Iterable[Step]:
    """The default script: every event is accepted, and answered with what it says."""
    return [accepted(), final(request, f"You said: {request.message.text}")]


def accepted(reply_expected: bool = True) -> pb.ConverseResponse:
    return pb.ConverseResponse(accepted=pb.Accepted(reply_expected=reply_expected))


def draft(text: str, revision: int = 1, turn_id: str = "turn") -> pb.ConverseResponse:
    return pb.ConverseResponse(draft=pb.Draft(text=text, revision=revision, turn_id=turn_id))


def final(request: pb.ConverseRequest, text: str, **fields: Any) -> pb.ConverseResponse:
    """The reply to a request, in its place; further fields of the delivery by name."""
    defaults = {"delivery_id": f"d:{request.idempotency_key}", "turn_id": "turn", "place": request.place}
    return pb.ConverseResponse(final=pb.Final(delivery=pb.Delivery(**{**defaults, "text": text, **fields})))


def merged(turn_id: str = "turn") -> pb.ConverseResponse:
    return pb.ConverseResponse(merged=pb.Merged(turn_id=turn_id))


def refused(text: str = "") -> pb.ConverseResponse:
    return pb.ConverseResponse(refused=pb.Refused(text=text))


def message(text: str, key: str = "terminal:ann:1", **place: Any) -> pb.ConverseRequest:
    """What a gateway sends for something a person typed in a direct talk."""
    fields = {"platform": pb.PLATFORM_TERMINAL, "bot_id": "remi", "chat_id": "ann", **place}
    return pb.ConverseRequest(
        idempotency_key=key,
        place=pb.Place(chat_kind=pb.CHAT_KIND_DIRECT, **fields),
        author=pb.Author(user_id="ann", display_name="Ann"),
        addressed=True,
        message=pb.MessageEvent(message_id="1", text=text),
    )
