"""Many conversations at once, through the code that all gateways share, and what came of each message.

A message says who it is, `#3-17#`; the fake model repeats what it is asked to answer. So every reply tells
which messages it answers, and nothing has to be taken from our own books.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from fakes.openai import Step
from services.gateway.client import Client, connect
from services.gateway.delivery import Deliveries, Stands
from services.gateway.flow import carry
from services.gateway.settings import GatewaySettings
from services.stubs.assistant.v1 import assistant_pb2 as pb

_MARK = re.compile(r"#(\d+)-(\d+)#")
_BELOW = re.compile(r"Below stands what is said to you now|Nothing else in your memory seems")


def repeat(body: dict[str, Any]) -> Step:
    """The fake model's answer: which messages it was asked."""
    asked = _BELOW.split(body["messages"][-1]["content"])[-1]
    return Step(text=" ".join(f"#{who}-{number}#" for who, number in _MARK.findall(asked)) or "Noted.")


@dataclass(slots=True)
class Chat:
    """One conversation: what was accepted there, and the replies that reached it, in order."""

    number: int
    accepted: int = 0
    replies: list[str] = field(default_factory=list)
    deliveries: set[str] = field(default_factory=set)
    doubled: int = 0

    @property
    def answered(self) -> list[int]:
        """The numbers of the messages that replies answered, in the order in which they came."""
        return [int(number) for reply in self.replies for _, number in _MARK.findall(reply)]


@dataclass(slots=True)
class Town:
    """All conversations, and the gateway's side of them."""

    client: Client
    chats: list[Chat]
    bot: str
    deliveries: Deliveries = field(init=False)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    breath: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    """One message may be said for each release."""

    def __post_init__(self) -> None:
        self.deliveries = Deliveries(self.client, self)

    async def send(self, delivery: pb.Delivery, stands: Stands) -> pb.AcknowledgeRequest:
        """The platform's side: it takes everything, and remembers what it was sent twice."""
        chat = self.chats[int(delivery.place.chat_id)]
        if delivery.delivery_id in chat.deliveries:
            chat.doubled += 1
        else:
            chat.deliveries.add(delivery.delivery_id)
            chat.replies.append(delivery.text)
        self.news.set()
        name = f"r{chat.number}-{len(chat.replies)}"
        return pb.AcknowledgeRequest(delivered=pb.Delivered(message_ids=[name]))

    async def talk(self, chat: Chat, messages: int) -> None:
        """Say so many messages, each when the last was accepted, as a platform hands them over."""
        async with asyncio.TaskGroup() as streams:
            for number in range(messages):
                await self.breath.acquire()
                said = _Said(chat, self.news)
                streams.create_task(
                    carry(self.client, self.deliveries, request(chat, number, self.bot), said)
                )
                await said.confirmed.wait()

    def let_say(self, messages: int) -> None:
        """So many messages more, by whoever has waited longest."""
        for _ in range(messages):
            self.breath.release()

    async def until_accepted(self, messages: int, seconds: float) -> None:
        """Wait until so many messages were accepted in all. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while sum(chat.accepted for chat in self.chats) < messages:
                self.news.clear()
                await self.news.wait()

    async def until_answered(self, messages: int, seconds: float) -> bool:
        """Wait until every message was answered; False if that takes longer."""
        try:
            async with asyncio.timeout(seconds):
                while any(len(set(chat.answered)) < messages for chat in self.chats):
                    self.news.clear()
                    await self.news.wait()
        except TimeoutError:
            return False
        return True

    async def until_quiet(self, seconds: float) -> bool:
        """Wait until everything accepted so far was answered; False if that takes longer."""
        try:
            async with asyncio.timeout(seconds):
                while any(len(set(chat.answered)) < chat.accepted for chat in self.chats):
                    self.news.clear()
                    await self.news.wait()
        except TimeoutError:
            return False
        return True


class _Said:
    """How one event shows: not at all, but that it was accepted."""

    typing_interval = 60.0
    draft_interval = 60.0

    def __init__(self, chat: Chat, news: asyncio.Event) -> None:
        self._chat = chat
        self._news = news
        self.confirmed = asyncio.Event()

    async def confirm(self) -> None:
        self._chat.accepted += 1
        self.confirmed.set()
        self._news.set()

    async def tell(self, text: str) -> None: ...

    async def typing(self) -> None: ...

    async def draft(self, draft: pb.Draft) -> None: ...

    async def final(self, delivery: pb.Delivery) -> None: ...

    async def ended(self) -> None: ...


def request(chat: Chat, number: int, bot: str = "town") -> pb.ConverseRequest:
    who = str(chat.number)
    place = pb.Place(platform=pb.PLATFORM_BENCHMARK, bot_id=bot, chat_id=who, chat_kind=pb.CHAT_KIND_DIRECT)
    asked = pb.ConverseRequest(
        idempotency_key=f"benchmark:{bot}:{who}:{number}",
        place=place,
        author=pb.Author(user_id=who, display_name=f"Person {who}"),
        addressed=True,
        message=pb.MessageEvent(message_id=str(number), text=f"This is message #{who}-{number}#."),
    )
    asked.sent_at.FromDatetime(datetime.now(UTC).replace(tzinfo=None))
    return asked


@asynccontextmanager
async def town(settings: GatewaySettings, chats: int, bot: str = "town") -> AsyncIterator[Town]:
    """So many conversations with one bot by one gateway, whose standing call is kept while the block runs."""

    async def ignore(_: object) -> None: ...

    async with connect(settings, "benchmark") as client:
        made = Town(client, [Chat(number) for number in range(chats)], bot)
        subscription = pb.DeliverRequest(platform=pb.PLATFORM_BENCHMARK, bot_id=bot)
        standing = asyncio.create_task(
            made.deliveries.run(subscription, on_manifest=ignore, on_cursors=ignore)
        )
        try:
            yield made
        finally:
            await made.deliveries.finish()
            standing.cancel()
            await asyncio.wait([standing])
