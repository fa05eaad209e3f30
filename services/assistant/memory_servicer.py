"""The gRPC edge of memory: to read, correct, take along and erase, each for one person in one place."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from services.assistant import portable, share, wire
from services.assistant.acting import Acting, acting, page_size, uuid
from services.assistant.domain import (
    TEAM_SPACE,
    Access,
    ChatKind,
    Memory,
    MemoryKind,
    Platform,
    Recalled,
    Source,
)
from services.assistant.edge import Context, Edge
from services.assistant.explain import Explanation, Line, explain
from services.assistant.index import index
from services.assistant.model import Vector
from services.assistant.names import capitalised
from services.assistant.recall import Query, embed_question, memory_tokens, recall_nearby
from services.assistant.remi import Remi
from services.assistant.rights import not_theirs
from services.assistant.store import conversations, directory, forgetting, links, memories, traces, work
from services.assistant.store.connection import Connection, alone, scoped
from services.assistant.store.forgetting import Forgotten
from services.assistant.zones import zone
from services.errors import InvalidEvent, NotAllowed, NotFound
from services.stubs.assistant.v1 import assistant_pb2 as pb
from services.stubs.assistant.v1.assistant_pb2_grpc import MemoryServiceServicer

MOST_TOKENS = 100_000
MOST_RESULTS = 1000
MOST_IDS = 1000
PATIENCE = timedelta(minutes=10)
"""After which a worker indexes and learns from what was imported, should whoever imports it be gone."""
SOON = timedelta(seconds=10)
"""How long an import that may be found later is indexed before it is answered."""
MOST_IMPORTS = 2
"""At once: what another assistant exported is held in memory."""

_KINDS: Mapping[int, MemoryKind | None] = {
    pb.MEMORY_KIND_UNSPECIFIED: None,
    pb.MEMORY_KIND_FACT: MemoryKind.FACT,
    pb.MEMORY_KIND_INSTRUCTION: MemoryKind.INSTRUCTION,
    pb.MEMORY_KIND_EVENT: MemoryKind.EVENT,
    pb.MEMORY_KIND_PROFILE: MemoryKind.PROFILE,
}

PlatformIds = Mapping[UUID, str]
"""The platform's ids of messages, by ours."""


class MemoryServicer(MemoryServiceServicer):
    def __init__(self, remi: Remi, edge: Edge) -> None:
        self._remi = remi
        self._edge = edge
        self._importing = asyncio.Semaphore(MOST_IMPORTS)

    async def Search(self, request: pb.SearchRequest, context: Context) -> pb.SearchResponse:  # noqa: N802
        async with self._edge.call(context) as platform:
            text = wire.text("query", request.query)
            budget = _within("token_budget", request.token_budget, MOST_TOKENS)
            limit = _within("limit", request.limit, MOST_RESULTS)
            who, vector = await self._acting_and_vector(platform, request.actor, text)
            query = Query(
                text,
                who.access.spaces,
                self._asked_at(request, platform).astimezone(zone(who.access.zone, self._remi.knobs.zone)),
                budget or self._remi.knobs.token_budget,
                limit=limit,
                vector=vector,
            )
            recollection, _ = await recall_nearby(self._remi.store, self._remi.models.embedder, query)
            shown = [each for each in recollection.recalled if each.shown]
            ids = await self._platform_ids(who, shown)
        return pb.SearchResponse(
            results=[_recalled(who, each, ids) for each in shown], memory_tokens=memory_tokens(recollection)
        )

    async def List(self, request: pb.ListRequest, context: Context) -> pb.ListResponse:  # noqa: N802
        async with self._edge.call(context) as platform:
            who = await acting(self._remi, platform, request.actor)
            size = page_size(request.page_size)
            if request.kind not in _KINDS:
                raise InvalidEvent("kind", "is unknown")
            after = _after(request.page_token) if request.page_token else None
            async with alone(self._remi.store, who.access.spaces) as connection:
                found = await memories.page(
                    connection,
                    who.access.spaces,
                    _KINDS[request.kind],
                    request.with_superseded,
                    after,
                    size + 1,
                )
            page = found[:size]
            ids = await self._platform_ids(who, page)
        return pb.ListResponse(
            memories=[_memory(who, each, ids) for each in page],
            next_page_token=f"{page[-1].learned_at.isoformat()} {page[-1].memory_id}"
            if len(found) > size
            else "",
        )

    async def Get(self, request: pb.GetRequest, context: Context) -> pb.GetResponse:  # noqa: N802
        async with self._edge.call(context) as platform:
            who = await acting(self._remi, platform, request.actor)
            memory_id = uuid("memory_id", request.memory_id)
            async with alone(self._remi.store, who.access.spaces) as connection:
                memory = await memories.get(connection, who.access.spaces, memory_id)
            ids = await self._platform_ids(who, [memory])
        return pb.GetResponse(memory=_memory(who, memory, ids))

    async def Correct(self, request: pb.CorrectRequest, context: Context) -> pb.CorrectResponse:  # noqa: N802
        async with self._edge.call(context) as platform:
            who = await acting(self._remi, platform, request.actor)
            memory_id = uuid("memory_id", request.memory_id)
            text, now = wire.text("text", request.text), datetime.now(UTC)
            async with alone(self._remi.store, who.access.spaces) as connection:
                was = await memories.get(connection, who.access.spaces, memory_id)
            access, asker = _access(who, was.space_id), who.asker_in(was.space_id)
            async with scoped(self._remi.store, [access.space_id]) as connection:
                await directory.hold(connection, access.person_id)
                if await not_theirs(connection, asker, (), [memory_id]):
                    raise NotAllowed("only those it came from, or an admin of this chat, can correct it")
                message_id = await conversations.note(connection, who.place, who.author, access, text, now)
                memory = await memories.correct(connection, access.space_id, memory_id, text, message_id, now)
            await self._index(access)
        return pb.CorrectResponse(memory=_memory(who, memory, {}))

    async def Forget(self, request: pb.ForgetRequest, context: Context) -> pb.ForgetResponse:  # noqa: N802
        async with self._edge.call(context) as platform:
            who = await acting(self._remi, platform, request.actor)
            message_ids = _ids("message_ids", request.message_ids)
            memory_ids = _ids("memory_ids", request.memory_ids)
            if request.everything == bool(message_ids or memory_ids):
                raise InvalidEvent("everything", "must be set, or ids of messages or memories given")
            await self._index(who.access)
            spaces = who.access.spaces if _is_direct(who) else (who.access.space_id,)
            async with scoped(self._remi.store, spaces) as connection:
                await links.require_still(connection, who.access.space_id)
                if request.everything:
                    _require_charge(who)
                    gone = [await forgetting.wipe(connection, who.access.space_id)]
                else:
                    gone = [await _forget(connection, who, each, message_ids, memory_ids) for each in spaces]
        return pb.ForgetResponse(
            forgotten_messages=sum(each.messages for each in gone),
            forgotten_memories=sum(each.memories for each in gone),
        )

    async def Export(  # noqa: N802
        self, request: pb.ExportRequest, context: Context
    ) -> AsyncIterator[pb.ExportResponse]:
        async with self._edge.call(context) as platform:
            who = await acting(self._remi, platform, request.actor)
            _require_charge(who)
            async with aclosing(portable.pieces(self._remi.store, who.access.space_id)) as pieces:
                async for piece in pieces:
                    yield pb.ExportResponse(chunk=piece)

    async def Import(  # noqa: N802
        self, request_iterator: AsyncIterator[pb.ImportRequest], context: Context
    ) -> pb.ImportResponse:
        async with self._edge.call(context) as platform:
            first = await anext(request_iterator, pb.ImportRequest())
            who = await acting(self._remi, platform, first.actor)
            _require_charge(who)
            chunks = _chunks(first, request_iterator)
            worker_after = SOON if first.find_later else PATIENCE
            async with self._importing:
                done = await portable.bring(self._remi.store, who.access, who.place, chunks, worker_after)
            try:
                async with asyncio.timeout(SOON.total_seconds() if first.find_later else None):
                    await self._index(who.access, done.conversations)
                    # Not before: it would index the same meanwhile.
                    await work.begin(self._remi.store, who.access.space_id, "learn", list(done.conversations))
            except TimeoutError:
                # What isn't indexed by then is a worker's, from then on, and so is the rest.
                if not first.find_later:
                    raise
        return pb.ImportResponse(
            messages=done.messages,
            memories=done.memories,
            reminders=done.reminders,
            skipped=done.skipped,
            summary=portable.summary(done),
        )

    async def Explain(self, request: pb.ExplainRequest, context: Context) -> pb.ExplainResponse:  # noqa: N802
        async with self._edge.call(context) as platform:
            who = await acting(self._remi, platform, request.actor)
            access = who.access
            async with scoped(self._remi.store, access.spaces) as connection:
                turn_id = (
                    uuid("turn_id", request.turn_id)
                    if request.turn_id
                    else await traces.find(connection, access.space_id, access.conversation_id, "")
                )
                if turn_id is None:
                    raise NotFound("nothing was answered in this place yet")
                explained = await explain(connection, access.spaces, access.space_id, turn_id)
            ids = await self._platform_ids(who, [line.found for line in explained.lines if line.found])
        return _explanation(who, explained, ids)

    async def _index(self, access: Access, conversations: Collection[UUID] = ()) -> None:
        """What was said in these conversations, or else in the one at hand, can be found after this."""
        for conversation_id in conversations or [access.conversation_id]:
            await index(self._remi.store, self._remi.models.embedder, access.space_id, conversation_id)

    async def _acting_and_vector(
        self, platform: Platform, actor: pb.Actor, text: str
    ) -> tuple[Acting, Vector | None]:
        """Both at once, unless the question may hold names: whose these are is to be known first."""
        store, embedder = self._remi.store, self._remi.models.embedder
        if not capitalised(text):
            return await asyncio.gather(
                acting(self._remi, platform, actor), embed_question(store, embedder, text, ())
            )
        who = await acting(self._remi, platform, actor)
        return who, await embed_question(store, embedder, text, who.access.spaces)

    def _asked_at(self, request: pb.SearchRequest, platform: Platform) -> datetime:
        if request.HasField("asked_at") and platform in self._remi.knobs.client_clock:
            return wire.moment("asked_at", request.asked_at)
        return datetime.now(UTC)

    async def _platform_ids(self, who: Acting, shown: Iterable[Memory | Recalled]) -> PlatformIds:
        message_ids = {source.message_id for each in shown for source in each.sources}
        message_ids |= {each.message_id for each in shown if isinstance(each, Recalled) and each.message_id}
        async with alone(self._remi.store, who.access.spaces) as connection:
            return await conversations.platform_ids(connection, who.access.spaces, message_ids)


async def _forget(
    connection: Connection,
    who: Acting,
    space_id: UUID,
    message_ids: Collection[UUID],
    memory_ids: Collection[UUID],
) -> Forgotten:
    """Of these, what stands in this space goes. Raises NotAllowed where something is somebody else's."""
    if await not_theirs(connection, who.asker_in(space_id), message_ids, memory_ids):
        raise NotAllowed("only those it came from, or an admin of this chat, can have it erased")
    return await forgetting.forget(connection, space_id, message_ids, memory_ids)


def _is_direct(who: Acting) -> bool:
    return who.place.chat_kind is ChatKind.DIRECT


def _access(who: Acting, space_id: UUID) -> Access:
    """Where what they say of a memory in this space is kept. Raises NotAllowed for the team's in a group."""
    if space_id != TEAM_SPACE:
        return who.access
    if not _is_direct(who):
        raise NotAllowed("what the team knows is changed in a direct talk")
    conversation_id = share.conversation(who.access.conversation_id)
    return replace(who.access, space_id=TEAM_SPACE, conversation_id=conversation_id)


def _require_charge(who: Acting) -> None:
    if not who.asker.is_in_charge:
        raise NotAllowed("only an admin of this chat may do this to all of its memory")


async def _chunks(first: pb.ImportRequest, rest: AsyncIterator[pb.ImportRequest]) -> AsyncIterator[bytes]:
    yield first.chunk
    async for request in rest:
        yield request.chunk


def _within(field: str, value: int, most: int) -> int:
    if not 0 <= value <= most:
        raise InvalidEvent(field, f"must be 0 to {most:,}")
    return value


def _after(page_token: str) -> memories.After:
    learned_at, _, memory_id = page_token.partition(" ")
    try:
        return datetime.fromisoformat(learned_at).astimezone(UTC), UUID(memory_id)
    except (ValueError, OverflowError):
        raise InvalidEvent("page_token", "is none of ours") from None


def _ids(field: str, values: Iterable[str]) -> tuple[UUID, ...]:
    ids = tuple(uuid(field, value) for value in values)
    if len(ids) > MOST_IDS:
        raise InvalidEvent(field, f"are more than {MOST_IDS:,}")
    return ids


def _space(who: Acting, space_id: UUID) -> "pb.SpaceKind.ValueType":
    if space_id == TEAM_SPACE:
        return pb.SPACE_KIND_TEAM
    return pb.SPACE_KIND_PRIVATE if _is_direct(who) else pb.SPACE_KIND_GROUP


def _memory(who: Acting, memory: Memory, ids: PlatformIds) -> pb.Memory:
    return pb.Memory(
        memory_id=str(memory.memory_id),
        kind=pb.MemoryKind.Value(f"MEMORY_KIND_{memory.kind.name}"),
        text=memory.text,
        space=_space(who, memory.space_id),
        sources=[_source(each, ids) for each in memory.sources],
        learned_at=wire.timestamp(memory.learned_at),
        superseded_at=wire.timestamp(memory.superseded_at) if memory.superseded_at else None,
        superseded_by=str(memory.superseded_by or ""),
    )


def _source(source: Source, ids: PlatformIds) -> pb.Source:
    return pb.Source(
        message_id=str(source.message_id),
        quote=source.quote,
        sent_at=wire.timestamp(source.sent_at),
        author_name=source.author_name,
        platform_message_id=ids.get(source.message_id, ""),
    )


def _recalled(who: Acting, recalled: Recalled, ids: PlatformIds, cited: bool = False) -> pb.Recalled:
    return pb.Recalled(
        handle=recalled.handle,
        message_id=str(recalled.message_id or ""),
        memory_id=str(recalled.memory_id or ""),
        text=recalled.text,
        start=recalled.start,
        end=recalled.end,
        author_name=recalled.author_name,
        said_at=wire.timestamp(recalled.said_at),
        score=recalled.score,
        vector_score=recalled.vector_score,
        word_score=recalled.word_score,
        tokens=recalled.tokens,
        space=_space(who, recalled.space_id),
        shown=recalled.shown,
        cited=cited,
        superseded=recalled.superseded,
        sources=[_source(each, ids) for each in recalled.sources],
        platform_message_id=ids.get(recalled.message_id, "") if recalled.message_id else "",
    )


def _explanation(who: Acting, explained: Explanation, ids: PlatformIds) -> pb.ExplainResponse:
    trace = explained.trace
    return pb.ExplainResponse(
        turn_id=str(explained.turn_id),
        asked_at=wire.timestamp(trace.asked_at),
        answered_at=wire.timestamp(trace.answered_at),
        recalled=[_line(who, line, ids) for line in explained.lines],
        model=trace.model,
        prompt_tokens=trace.prompt_tokens,
        completion_tokens=trace.completion_tokens,
    )


def _line(who: Acting, line: Line, ids: PlatformIds) -> pb.Recalled:
    if line.found is not None:
        return _recalled(who, line.found, ids, line.reference.cited)
    gone = line.reference
    return pb.Recalled(
        handle=gone.handle,
        message_id=str(gone.message_id or ""),
        memory_id=str(gone.memory_id or ""),
        score=gone.score,
        tokens=gone.tokens,
        space=_space(who, gone.space_id),
        shown=gone.shown,
        cited=gone.cited,
        forgotten=True,
    )
