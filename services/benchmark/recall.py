"""How much of what questions need an assistant's memory brings up: `recall FILE`.

A conversation is imported into the private space of somebody new; then each question is asked of
MemoryService as of its date. Nothing but the public contract is used, and no model but the embedder.
"""

import json
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

import grpc

from services.benchmark.conversation import Conversation, Message, Question
from services.benchmark.evidence import Hit
from services.errors import Unavailable
from services.gateway.client import open_channel
from services.gateway.settings import GatewaySettings, token
from services.stubs.assistant.v1 import assistant_pb2 as pb
from services.stubs.assistant.v1 import assistant_pb2_grpc as stubs

MOST_HITS = 20
ANY_BUDGET = 100_000
_PIECE = 256 * 1024
_ASK_SECONDS = 60
_IMPORT_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and what came back: the first MOST_HITS hits, and all hits within each budget."""

    question: Question
    first: Sequence[Hit]
    within: dict[int, Sequence[Hit]]
    tokens: dict[int, int]
    """What a prompt would spend on memory under each budget, standing instructions and profile included."""
    seconds: Sequence[float]
    """How long each search took."""


@dataclass(frozen=True, slots=True)
class Measured:
    conversation: Conversation
    ingested_in: float
    """Seconds until everything could be found."""
    asked: Sequence[Asked]


async def measure(
    settings: GatewaySettings,
    conversations: Sequence[Conversation],
    budgets: Sequence[int],
    progress: Callable[[str], None],
) -> list[Measured]:
    """Ingest each conversation and ask its questions. Raises Unavailable with the status of a failed call."""
    metadata = (("authorization", f"Bearer {token(settings, 'benchmark')}"),)
    async with open_channel(settings) as channel:
        memory = stubs.MemoryServiceStub(channel)
        try:
            return [await _measure(memory, metadata, each, budgets, progress) for each in conversations]
        except grpc.aio.AioRpcError as error:
            raise Unavailable(f"the assistant answers {error.code().name}: {error.details()}") from None


async def _measure(
    memory: "stubs.MemoryServiceAsyncStub",
    metadata: tuple[tuple[str, str], ...],
    conversation: Conversation,
    budgets: Sequence[int],
    progress: Callable[[str], None],
) -> Measured:
    actor = _somebody_new(conversation)
    began = time.monotonic()
    await memory.Import(_requests(actor, conversation), metadata=metadata, timeout=_IMPORT_SECONDS)
    ingested_in = time.monotonic() - began
    progress(f"{conversation.id}: {len(conversation.messages)} messages in {ingested_in:.1f} s")
    ids = await _ids(memory, metadata, actor, conversation)
    asked = []
    for question in conversation.questions:
        asked.append(await _ask(memory, metadata, actor, question, budgets, ids))
        if len(asked) % 50 == 0:
            progress(f"{conversation.id}: {len(asked)} of {len(conversation.questions)} questions")
    return Measured(conversation, ingested_in, asked)


def _somebody_new(conversation: Conversation) -> pb.Actor:
    user = f"recall-{uuid4()}"
    place = pb.Place(
        platform=pb.PLATFORM_BENCHMARK, bot_id="benchmark", chat_id=user, chat_kind=pb.CHAT_KIND_DIRECT
    )
    author = conversation.questions[0].author if conversation.questions else "somebody"
    return pb.Actor(place=place, author=pb.Author(user_id=user, display_name=author))


async def _requests(actor: pb.Actor, conversation: Conversation) -> AsyncIterator[pb.ImportRequest]:
    """The conversation in the form of an export (docs/export.md)."""
    lines = [
        {"format": "remi", "version": 1},
        *(_record(conversation, each) for each in conversation.messages),
    ]
    export = "".join(json.dumps(line) + "\n" for line in lines).encode()
    yield pb.ImportRequest(actor=actor)
    for start in range(0, len(export), _PIECE):
        yield pb.ImportRequest(chunk=export[start : start + _PIECE])


def _record(conversation: Conversation, message: Message) -> dict[str, object]:
    return {
        "record": "message",
        "id": str(_uuid(conversation, message)),
        "conversation": str(uuid5(NAMESPACE_OID, conversation.id)),
        "role": _role(message),
        "author": message.author,
        "text": message.text,
        "sent_at": message.sent_at.isoformat(),
    }


def _role(message: Message) -> str:
    return "remi" if message.role == "assistant" else "person"


def _uuid(conversation: Conversation, message: Message) -> UUID:
    return uuid5(NAMESPACE_OID, f"{conversation.id} {message.id}")


async def _ids(
    memory: "stubs.MemoryServiceAsyncStub",
    metadata: tuple[tuple[str, str], ...],
    actor: pb.Actor,
    conversation: Conversation,
) -> dict[str, str]:
    """Our ids of the messages by those that the assistant gave them, as an export tells them."""
    pieces = memory.Export(pb.ExportRequest(actor=actor), metadata=metadata, timeout=_IMPORT_SECONDS)
    exported = b"".join([piece.chunk async for piece in pieces])
    return matched(conversation, [json.loads(line) for line in exported.decode().split("\n") if line])


def matched(conversation: Conversation, exported: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Our ids of the messages by those in an export's records; of equal messages, in the order of both.

    Raises Unavailable if one of ours isn't among them.
    """
    theirs: dict[tuple[str, str, datetime, str], deque[str]] = {}
    for record in exported:
        if record.get("record") == "message":
            said = record["role"], record["author"], datetime.fromisoformat(record["sent_at"]), record["text"]
            theirs.setdefault(said, deque()).append(record["id"])
    try:
        return {
            theirs[_role(each), each.author, each.sent_at, each.text].popleft(): each.id
            for each in conversation.messages
        }
    except (KeyError, IndexError):
        raise Unavailable("the assistant does not give back the messages that it was given") from None


async def _ask(
    memory: "stubs.MemoryServiceAsyncStub",
    metadata: tuple[tuple[str, str], ...],
    actor: pb.Actor,
    question: Question,
    budgets: Sequence[int],
    ids: dict[str, str],
) -> Asked:
    async def search(budget: int, limit: int = 0) -> tuple[list[Hit], int]:
        request = pb.SearchRequest(actor=actor, query=question.text, token_budget=budget, limit=limit)
        request.asked_at.FromDatetime(question.asked_at)
        began = time.perf_counter()
        response = await memory.Search(request, metadata=metadata, timeout=_ASK_SECONDS)
        seconds.append(time.perf_counter() - began)
        return [_hit(each, ids) for each in response.results], response.memory_tokens

    seconds: list[float] = []
    first, _ = await search(ANY_BUDGET, MOST_HITS)
    within = {budget: await search(budget) for budget in budgets}
    return Asked(
        question,
        first,
        {budget: hits for budget, (hits, _) in within.items()},
        {budget: tokens for budget, (_, tokens) in within.items()},
        seconds,
    )


def _hit(recalled: pb.Recalled, ids: dict[str, str]) -> Hit:
    return Hit(
        recalled.text,
        recalled.tokens,
        ids.get(recalled.message_id, ""),
        recalled.start,
        recalled.end,
        tuple((ids.get(source.message_id, ""), source.quote) for source in recalled.sources),
    )
