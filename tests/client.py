"""A gateway for tests: speaks the contract over real gRPC, one call a line."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

import grpc

from conftest import Assistant
from services.assistant.domain import Platform
from services.stubs.assistant.v1 import assistant_pb2 as pb
from services.stubs.assistant.v1 import assistant_pb2_grpc

PATIENCE = 20.0
"""Seconds within which everything in a test must have come."""

_numbers = count(1)
_PLATFORMS = {Platform.TELEGRAM: 1, Platform.DISCORD: 2, Platform.TERMINAL: 3, Platform.BENCHMARK: 4}


@dataclass
class Gateway:
    """One gateway's channel; `user` talks in `place` unless told otherwise."""

    channel: grpc.aio.Channel
    token: str
    platform: Platform

    def __post_init__(self) -> None:
        self.conversation = assistant_pb2_grpc.ConversationServiceStub(self.channel)
        self.memory = assistant_pb2_grpc.MemoryServiceStub(self.channel)
        self.admin = assistant_pb2_grpc.AdminServiceStub(self.channel)

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.token}"),)

    def place(self, chat: str = "7", group: bool = False, thread: str = "") -> pb.Place:
        kind = pb.CHAT_KIND_GROUP if group else pb.CHAT_KIND_DIRECT
        return pb.Place(
            platform=_PLATFORMS[self.platform],  # type: ignore[arg-type]
            bot_id="99",
            chat_id=chat,
            thread_id=thread,
            chat_kind=kind,
        )

    def request(
        self,
        text: str = "",
        *,
        user: str = "7",
        name: str = "Ann",
        place: pb.Place | None = None,
        key: str = "",
        message_id: str = "",
        addressed: bool = True,
        sent_at: datetime | None = None,
        **event: Any,
    ) -> pb.ConverseRequest:
        """Something said; or, by keyword, any other event of the contract (`edit=pb.EditEvent(...)`)."""
        place = place or self.place(user)
        message_id = message_id or str(next(_numbers))
        asked = pb.ConverseRequest(
            idempotency_key=key or f"{self.platform}:99:{place.chat_id}:{message_id}:{next(_numbers)}",
            place=place,
            author=pb.Author(user_id=user, display_name=name),
            addressed=addressed,
            **(event or {"message": pb.MessageEvent(message_id=message_id, text=text)}),
        )
        asked.sent_at.FromDatetime((sent_at or datetime.now(UTC)).replace(tzinfo=None))
        return asked

    async def converse(
        self, asked: pb.ConverseRequest, *, acknowledges: bool = True
    ) -> list[pb.ConverseResponse]:
        """The whole stream, drafts and all. What isn't acknowledged holds back the replies after it."""
        async with asyncio.timeout(PATIENCE):
            stream = [each async for each in self.conversation.Converse(asked, metadata=self.metadata)]
        if acknowledges and stream and stream[-1].HasField("final"):
            await self.acknowledge(stream[-1].final.delivery)
        return stream

    async def begin(
        self, asked: pb.ConverseRequest, *, acknowledges: bool = True
    ) -> "asyncio.Task[list[pb.ConverseResponse]]":
        """Send an event and come back when it is accepted; the task reads and acknowledges the rest."""
        call = self.conversation.Converse(asked, metadata=self.metadata, timeout=PATIENCE)
        first = await call.read()
        assert isinstance(first, pb.ConverseResponse)
        assert first.WhichOneof("outcome") == "accepted"

        async def rest() -> list[pb.ConverseResponse]:
            stream = []
            while isinstance(each := await call.read(), pb.ConverseResponse):
                stream.append(each)
            if acknowledges and stream and stream[-1].HasField("final"):
                await self.acknowledge(stream[-1].final.delivery)
            return stream

        return asyncio.create_task(rest())

    async def final(self, asked: pb.ConverseRequest) -> pb.Delivery:
        """The delivery an event comes to; it is acknowledged, part by part one message."""
        delivery = (await self.converse(asked))[-1].final.delivery
        assert delivery.delivery_id, "the stream ended without a Final"
        return delivery

    async def say(self, text: str, **more: Any) -> str:
        """Say something and read the reply."""
        return (await self.final(self.request(text, **more))).text

    async def command(self, command: str, arguments: str = "", **more: Any) -> pb.Delivery:
        event = pb.CommandEvent(
            name=command, arguments=arguments, reply_to_message_id=more.pop("reply_to", "")
        )
        return await self.final(self.request(command=event, **more))

    async def press(self, delivery: pb.Delivery, label: str, **more: Any) -> pb.Delivery:
        """Press the button of this label under a delivery."""
        actions = {button.label: button.action for row in delivery.button_rows for button in row.buttons}
        return await self.final(self.request(button=pb.ButtonEvent(action=actions[label]), **more))

    async def acknowledge(self, delivery: pb.Delivery, *message_ids: str, **result: Any) -> None:
        if not result:
            sent = message_ids or (f"r{next(_numbers)}",)
            result = {"delivered": pb.Delivered(message_ids=sent)}
        await self.conversation.Acknowledge(
            pb.AcknowledgeRequest(delivery_id=delivery.delivery_id, place=delivery.place, **result),
            metadata=self.metadata,
            timeout=PATIENCE,
        )

    @asynccontextmanager
    async def deliver(self, bot: str = "99") -> AsyncIterator["asyncio.Queue[pb.DeliverResponse]"]:
        """The standing Deliver call; what comes down it is put on a queue."""
        asked = pb.DeliverRequest(platform=self.place().platform, bot_id=bot)
        call = self.conversation.Deliver(asked, metadata=self.metadata)
        queue: asyncio.Queue[pb.DeliverResponse] = asyncio.Queue()

        async def read() -> None:
            async for each in call:
                queue.put_nowait(each)

        task = asyncio.create_task(read())
        try:
            yield queue
        finally:
            call.cancel()
            await asyncio.wait([task])


@asynccontextmanager
async def gateway(
    assistant: Assistant, platform: Platform = Platform.TELEGRAM, token: str | None = None
) -> AsyncIterator[Gateway]:
    async with grpc.aio.insecure_channel(assistant.address) as channel:
        yield Gateway(channel, assistant.tokens[platform] if token is None else token, platform)


def kinds(stream: list[pb.ConverseResponse]) -> list[str]:
    """What a stream held, frame by frame."""
    return [str(each.WhichOneof("outcome")) for each in stream]


async def next_delivery(items: "asyncio.Queue[pb.DeliverResponse]") -> pb.Delivery:
    """The next delivery that comes down a Deliver call, past whatever else does."""
    async with asyncio.timeout(PATIENCE):
        while not (item := await items.get()).HasField("delivery"):
            pass
    return item.delivery
