"""Remi, over the contract that its gateways speak."""

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar
from uuid import uuid4

import grpc

from services.benchmark.agent import Agent, Reply, Setting, line
from services.benchmark.own_assistant import own_assistant
from services.errors import ModelRefused, SettingsError, Unavailable
from services.gateway.client import Client, connect, converse, is_serving
from services.gateway.delivery import Deliveries, Stands
from services.gateway.settings import GatewaySettings, load
from services.stubs.assistant.v1 import assistant_pb2 as pb
from services.stubs.assistant.v1 import assistant_pb2_grpc as stubs

BOT_ID = "benchmark"
ATTEMPTS = 3
"""How often a message is said whose stream ended without a reply."""
LOOK_SECONDS = 3
"""Between looks whether an assistant that takes its time still serves."""
MOST_MISSES = 3
_SECONDS = 60
# An export without a record.
_NOTHING = b'{"format": "remi", "version": 1}\n'
# What the operator says of the endpoint, for an assistant of our own that is to use a model.
_ENDPOINT = ("OPENAI_BASE_URL", "OPENAI_API_KEY", "REMI_MEMORY_MODEL")

T = TypeVar("T")


@asynccontextmanager
async def remembering(setting: Setting) -> AsyncIterator[Agent]:
    """Remi as it is: one person, one direct talk."""
    async with _connected(setting) as (client, deliveries):
        yield _Remi(client, deliveries, _Person(setting.folder))


@asynccontextmanager
async def without_memory(setting: Setting) -> AsyncIterator[Agent]:
    """Remi to whom everybody is new: each message comes from another person."""
    async with _connected(setting) as (client, deliveries):
        yield _Stranger(client, deliveries, _Person(setting.folder))


@asynccontextmanager
async def _connected(setting: Setting) -> AsyncIterator[tuple[Client, Deliveries]]:
    async with AsyncExitStack() as stack:
        if setting.address:
            settings = load(GatewaySettings).model_copy(update={"assistant": setting.address})
        else:
            own = own_assistant(setting.folder / "assistant", _knobs(setting))
            settings = await stack.enter_async_context(own)
        client = await stack.enter_async_context(connect(settings, "benchmark"))
        deliveries = Deliveries(client, _Reader())
        # Reminders and the like come this way: what nobody takes would hold up the replies after it.
        subscription = pb.DeliverRequest(platform=pb.PLATFORM_BENCHMARK, bot_id=BOT_ID)
        standing = asyncio.create_task(
            deliveries.run(subscription, on_manifest=_ignored, on_cursors=_ignored)
        )
        try:
            yield client, deliveries
        finally:
            standing.cancel()
            await deliveries.finish()


def _knobs(setting: Setting) -> dict[str, str]:
    """What an assistant of our own is told; of models nothing, unless one is named."""
    knobs = {"REMI_RECALL_TOKENS": str(setting.budget)} if setting.budget else {}
    if setting.model:
        knobs |= {name: os.environ[name] for name in _ENDPOINT if name in os.environ}
        knobs |= {"REMI_CHAT_MODEL": setting.model, "REMI_EMBEDDING_MODEL": setting.embedding_model}
    return knobs


async def _ignored(_: object) -> None: ...


class _Reader:
    """Takes every delivery as read."""

    async def send(self, delivery: pb.Delivery, stands: Stands) -> pb.AcknowledgeRequest:
        return pb.AcknowledgeRequest(delivered=pb.Delivered(message_ids=[delivery.delivery_id]))


class _Person:
    """Who talks to Remi in this run; after a reset somebody else. Kept on disk."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "person"
        if not self._path.exists():
            self.change()
        self.user = self._path.read_text(encoding="ascii")

    def change(self) -> None:
        self.user = f"run-{uuid4()}"
        new = self._path.with_name("person.new")
        new.write_text(self.user, encoding="ascii")
        new.replace(self._path)

    def actor(self, suffix: str = "") -> pb.Actor:
        user = self.user + suffix
        place = pb.Place(
            platform=pb.PLATFORM_BENCHMARK, bot_id=BOT_ID, chat_id=user, chat_kind=pb.CHAT_KIND_DIRECT
        )
        return pb.Actor(place=place, author=pb.Author(user_id=user, display_name="User"))


class _Remi:
    def __init__(self, client: Client, deliveries: Deliveries, person: _Person) -> None:
        self._client = client
        self._deliveries = deliveries
        self._person = person
        self._memory: stubs.MemoryServiceAsyncStub = stubs.MemoryServiceStub(client.channel)

    async def reply(self, message: str, at: datetime) -> Reply:
        actor = self._actor(at)
        began = monotonic()
        delivery = await self._while_serving(self._delivery(_event(actor, message, at)))
        seconds = monotonic() - began
        try:
            explained = await self._explained(actor, delivery.turn_id)
            await self._settled(actor)
        except grpc.aio.AioRpcError as error:
            raise Unavailable(f"Remi does not answer: {error.code().name}") from None
        return Reply(
            delivery.text,
            _context(explained),
            explained.prompt_tokens,
            explained.completion_tokens,
            seconds=seconds,
        )

    async def reset(self) -> None:
        self._person.change()

    def _actor(self, at: datetime) -> pb.Actor:
        return self._person.actor()

    async def _delivery(self, request: pb.ConverseRequest) -> pb.Delivery:
        """What Remi replies; it is acknowledged. Said again, the same event has the same reply."""
        for _ in range(ATTEMPTS):
            async with aclosing(converse(self._client, request)) as responses:
                async for response in responses:
                    match response.WhichOneof("outcome"):
                        case "refused":
                            raise SettingsError(
                                f"Remi does not talk to the benchmark: {response.refused.text}"
                            )
                        case "final":
                            await self._deliveries.send(response.final.delivery)
                            return response.final.delivery
        raise ModelRefused("the turn ended without a reply")

    async def _explained(self, actor: pb.Actor, turn_id: str) -> pb.ExplainResponse:
        """What the turn rested on; nothing for one that no memory went into."""
        request = pb.ExplainRequest(actor=actor, turn_id=turn_id)
        try:
            return await self._memory.Explain(request, metadata=self._client.metadata, timeout=_SECONDS)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return pb.ExplainResponse()
            raise

    async def _settled(self, actor: pb.Actor) -> None:
        """Wait until all that was said can be found, as it can when a person goes on: an import answers then.

        Without, what is recalled would hang on who is faster.
        """
        await self._memory.Import(
            iter((pb.ImportRequest(actor=actor, chunk=_NOTHING),)),
            metadata=self._client.metadata,
            timeout=_SECONDS,
        )

    async def _while_serving(self, work: Coroutine[Any, Any, T]) -> T:
        """What comes of it. Raises Unavailable when the assistant is gone before."""
        task = asyncio.create_task(work)
        misses = 0
        try:
            while misses < MOST_MISSES:
                done, _ = await asyncio.wait({task}, timeout=LOOK_SECONDS)
                if done:
                    return task.result()
                misses = 0 if await is_serving(self._client.channel) else misses + 1
            raise Unavailable("the assistant does not serve")
        finally:
            task.cancel()


class _Stranger(_Remi):
    def _actor(self, at: datetime) -> pb.Actor:
        return self._person.actor(f"-{at:%Y%m%d%H%M%S}")


def _event(actor: pb.Actor, message: str, at: datetime) -> pb.ConverseRequest:
    moment = f"{at:%Y%m%d%H%M%S}"
    request = pb.ConverseRequest(
        idempotency_key=f"benchmark:{actor.author.user_id}:{moment}",
        place=actor.place,
        author=actor.author,
        addressed=True,
        message=pb.MessageEvent(message_id=moment, text=message),
    )
    request.sent_at.FromDatetime(at)
    return request


def _context(explained: pb.ExplainResponse) -> str:
    """All that the turn was shown, oldest first; what was recalled and stands in the recent talk, once."""
    shown = [each for each in explained.recalled if each.shown and not each.forgotten]
    recent = {each.message_id for each in shown if each.message_id and not each.handle}
    kept = [each for each in shown if not (each.handle and each.message_id in recent)]
    kept.sort(key=lambda each: each.said_at.ToNanoseconds())
    return "\n".join(
        line(each.author_name, each.said_at.ToDatetime(), each.text, superseded=each.superseded)
        for each in kept
    )
