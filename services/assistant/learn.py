"""Learn: memories out of what people said. With a model after the reply; or without one, because they asked.

A model only proposes (notes.py). What it claims is kept if it stands up to a look (proof.py): above all, if
the quote it rests on stands in a message of a person.
"""

import re
from collections import Counter
from collections.abc import Sequence, Set
from contextlib import suppress
from datetime import datetime
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import structlog
from pgvector import HalfVector

from services.assistant import proof
from services.assistant.domain import Details, Memory, MemoryKind, Message, Role, Usage
from services.assistant.index import index
from services.assistant.model import Chat, Embedder
from services.assistant.notes import SCHEMA, Operation, prompt, read
from services.assistant.proof import Proven, prove
from services.assistant.store import learning, memories
from services.assistant.store.connection import Connection, Store, scoped
from services.assistant.store.learning import Alike
from services.errors import ContextTooLong, InvalidEvent, ModelRefused, ModelUnavailable, NotFound

MOST = 20
MOST_BYTES = 16_000
"""Of talk in one call."""
MOST_TRIES = 3
"""So many answers that can't be read, and the talk is passed over."""

_SOMEBODY = r"(?:i|we|he|she|it|they|my|our|his|her|its|their|the|this|that)\b"
_DO = r"(?:always|never|don['’]?t|do\s+not|answer|reply|respond|speak|write|use|be|stop)\b"
_TELL = r"(?:say|tell|give|ask|show|remind|call|talk|translate|explain)\b"
_STANDING = re.compile(
    rf"""\W*(?:please\s+)?(?:
        {_DO} (?!\s+of\b | (?:\s+(?!that\b|what\b|who\b)[\w'’-]+)?\s+(?:is|are|was|were|has|had)\b)
      | (?:call|address|talk\s+to)\s+me\b
      | from\s+now\s+on\b (?!,?\s+{_SOMEBODY})
      | (?:when(?:ever)?|if)\s+i\s+(?:say|ask|tell|write|send|type|mention)\b (?![^.!?\n]*,\s*{_SOMEBODY})
      | (?:when(?:ever)?|if)\b [^.!?\n]*,\s* (?:then\s+|please\s+)* (?:{_DO}|{_TELL})
    )""",
    re.IGNORECASE | re.VERBOSE,
)
"""What tells Remi what to do, and when; not how things are: "Use is free", "When I was young I swam"."""

log = structlog.get_logger()


async def learn(
    store: Store,
    memory: Chat | None,
    embedder: Embedder,
    space_id: UUID,
    conversation_id: UUID,
    zone: ZoneInfo,
) -> int:
    """Learn from a conversation what was not learned yet, in one call to the memory model.

    `zone` is the clock of people who haven't told theirs. Returns how many messages were read, a batch at
    most; 0 when nothing waits, or without a model: then all is learned when one comes. Talk that the model
    refuses, or can't answer in a form that can be read, is passed over. Raises ModelUnavailable and
    StoreUnavailable; then nothing is lost.
    """
    if memory is None:
        return 0
    async with scoped(store, [space_id]) as connection:
        messages = await learning.unlearned(connection, space_id, conversation_id, MOST, MOST_BYTES, zone)
    if not messages:
        return 0
    proven: list[Proven] = []
    dropped: Counter[str] = Counter()
    usage = Usage(0, 0)
    if any(each.role is Role.PERSON and each.text.strip() for each in messages):
        # What is known is found by what the index holds of the new talk.
        await index(store, embedder, space_id, conversation_id)
        while True:
            try:
                proven, dropped, usage = await _ask(store, memory, space_id, messages)
                break
            except ContextTooLong:
                messages = messages[: len(messages) // 2]
    vectors = await _vectors(embedder, [each.text for each in proven])
    done: Counter[str] = Counter()
    async with scoped(store, [space_id]) as connection:
        ours = await learning.mark(connection, space_id, messages, usage)
        for each, vector in sorted(
            zip(proven, vectors, strict=True), key=lambda pair: pair[0].message.sent_at
        ):
            if each.message.message_id in ours:
                done[await _keep(connection, space_id, each, vector, _name(embedder), ours)] += 1
        done["lapsed"] += await learning.lapse(connection, space_id, messages[-1].sent_at)
    log.info(
        "learned", conversation=str(conversation_id), messages=len(messages), **done, dropped=dict(dropped)
    )
    if proven:
        await index(store, embedder, space_id, conversation_id)
    return len(messages)


async def remember(
    connection: Connection, space_id: UUID, message_id: UUID, text: str, now: datetime
) -> Memory:
    """Keep what a person asked to be remembered, in their own words; a standing instruction as such.

    `text` must stand verbatim in their message, else InvalidEvent. `index` makes it findable.
    """
    kind = MemoryKind.INSTRUCTION if is_standing(text) else MemoryKind.FACT
    for known in await learning.alike(connection, space_id, message_id, text, text, "", None):
        holds = known.superseded_at is None and not known.is_passing
        if holds and known.kind is kind and proof.reads_alike(known.text, text):
            await learning.confirm(connection, space_id, known.memory_id, (message_id, text))
            return await memories.get(connection, [space_id], known.memory_id)
    memory_id = uuid4()
    details = Details(memories.ASKED_FOR)
    if not await memories.insert(
        connection, space_id, memory_id, kind, text, now, [(message_id, text)], details=details
    ):
        raise InvalidEvent("text", "must stand in the person's message")
    return await memories.get(connection, [space_id], memory_id)


def is_standing(text: str) -> bool:
    """Whether a person's words tell Remi how to behave, rather than how things are."""
    return _STANDING.match(text) is not None


async def _ask(
    store: Store, memory: Chat, space_id: UUID, messages: Sequence[Message]
) -> tuple[list[Proven], Counter[str], Usage]:
    """What the model claims and stands up to a look; what doesn't, by reason; and the price.

    Raises ModelUnavailable, and ContextTooLong where fewer messages may do.
    """
    ids = [each.message_id for each in messages if each.role is Role.PERSON]
    async with scoped(store, [space_id]) as connection:
        known = await learning.known(connection, space_id, ids)
    owners = {each.memory.memory_id: each.person_id for each in known}
    asked, shown = prompt(messages, [each.memory for each in known])
    try:
        completion = await memory.complete(asked, SCHEMA)
    except ModelRefused as error:
        if isinstance(error, ContextTooLong) and len(messages) > 1:
            raise
        log.warning("learning_refused", messages=len(messages), exc_info=error)
        return [], Counter(refused=1), Usage(0, 0)
    found = read(completion.text)
    if found is None:
        async with scoped(store, [space_id]) as connection:
            tries = await learning.garbled(connection, space_id, messages, completion.usage)
        if tries < MOST_TRIES:
            raise ModelUnavailable(f"{memory.name}: the answer holds no notes")
        return [], Counter(garbled=1), Usage(0, 0)
    notes, malformed = found
    proven, dropped = prove(
        notes, messages, shown, {handle: owners[each.memory_id] for handle, each in shown.items()}
    )
    if malformed:
        dropped["malformed"] = malformed
    return proven, dropped, completion.usage


async def _keep(
    connection: Connection,
    space_id: UUID,
    claim: Proven,
    vector: HalfVector | None,
    model: str,
    batch: Set[UUID],
) -> str:
    """Do what a proven note says, as far as what is known by now allows; what came of it, in one word.

    `batch` are the messages that are learned from together.
    """
    message, source = claim.message, (claim.message.message_id, claim.quote)
    target = await _standing(connection, space_id, claim, batch)
    if claim.op is Operation.RETRACT:
        if target is None or target.last_said >= message.sent_at:
            return "too_late"
        await memories.supersede(
            connection, space_id, target.memory_id, message.sent_at, None, message.message_id
        )
        return "retracted"
    if (
        claim.op is Operation.CONFIRM
        and target is not None
        and not (claim.replies or target.details.replies)
        and proof.may_mean_the_same(claim.text, target.text)
    ):
        await learning.confirm(connection, space_id, target.memory_id, source)
        return "confirmed"

    alike = await learning.alike(
        connection, space_id, message.message_id, claim.text, claim.quote, model, vector
    )
    # An instruction for a few replies counts these from its own message: given again, it is another one.
    lasting = [
        each
        for each in alike
        if message.message_id in each.messages or not (claim.replies or each.is_passing)
    ]
    same = _same(claim, target, lasting)
    passing = _same(claim, None, [each for each in alike if each.is_passing and each.superseded_at is None])
    if same is not None:
        revive = same.superseded_at is not None and same.superseded_at < message.sent_at
        await learning.confirm(connection, space_id, same.memory_id, source, revive=revive)
        memory_id, holds = same.memory_id, revive or same.superseded_at is None
    else:
        memory_id, holds = uuid4(), True
        details = Details(days=claim.days, replies=claim.replies)
        if not await memories.insert(
            connection,
            space_id,
            memory_id,
            claim.kind,
            claim.text,
            message.sent_at,
            [source],
            details=details,
        ):
            return "gone"
    if claim.op is not Operation.SUPERSEDE or target is None:
        target = await _given_anew(connection, space_id, message, passing)
    if target is not None and holds and target.memory_id != memory_id:
        if target.last_said < message.sent_at:
            await memories.supersede(connection, space_id, target.memory_id, message.sent_at, memory_id)
            return "superseded"
        if target.last_said > message.sent_at:
            # What was said earlier is learned later: it is the past already.
            await memories.supersede(connection, space_id, memory_id, target.last_said, target.memory_id)
    return "confirmed" if same is not None else "added"


async def _standing(connection: Connection, space_id: UUID, claim: Proven, batch: Set[UUID]) -> Memory | None:
    """The memory a note is about as it stands now; None if it went, ended, or rests on this message.

    What took its place in this very call the model couldn't name: a note about the same goes for that.
    """
    shown = claim.target
    if shown is None:
        return None
    target = await _memory(connection, space_id, shown.memory_id)
    while target is not None and target.superseded_at is not None:
        by = target.superseded_by
        target = None if by is None else await _memory(connection, space_id, by)
        if target is not None and not _goes_on(claim, shown, target, batch):
            return None
    own = target is not None and claim.message.message_id in _messages(target)
    return None if own else target


async def _given_anew(
    connection: Connection, space_id: UUID, message: Message, passing: Alike | None
) -> Memory | None:
    """The instruction for a few replies that a message gives anew, if it holds and rests on others."""
    memory = await _memory(connection, space_id, passing.memory_id) if passing else None
    if memory is None or memory.superseded_at is not None or message.message_id in _messages(memory):
        return None
    return memory


def _goes_on(claim: Proven, shown: Memory, now: Memory, batch: Set[UUID]) -> bool:
    """Whether a note about what the model was shown is about what took its place, in the same batch."""
    if batch.isdisjoint(_messages(now)):
        return False
    if claim.op is Operation.RETRACT:
        return not proof.names_only(claim.quote, shown.text, now.text)
    return proof.shared(claim.text, now.text) >= proof.RELATED


def _messages(memory: Memory) -> frozenset[UUID]:
    return frozenset(source.message_id for source in memory.sources)


async def _memory(connection: Connection, space_id: UUID, memory_id: UUID) -> Memory | None:
    with suppress(NotFound):
        return await memories.get(connection, [space_id], memory_id)
    return None


def _same(claim: Proven, target: Memory | None, known: Sequence[Alike]) -> Alike | None:
    """What says the same already: in the same words, or in others as far as code can tell."""
    changed = target.memory_id if target is not None and claim.op is Operation.SUPERSEDE else None
    standing = claim.kind is MemoryKind.INSTRUCTION
    known = [each for each in known if (each.kind is MemoryKind.INSTRUCTION) is standing]
    for each in known:
        # What a person had remembered, word for word, needs no saying in a model's words.
        if each.is_verbatim or proof.reads_alike(each.text, claim.text):
            return each
    for each in sorted(known, key=lambda each: (each.superseded_at is not None, -each.likeness)):
        # One message may say several things in the same words; what was noted from it is none of the others.
        if claim.message.message_id in each.messages:
            continue
        # Who says that it changed says something else than what was.
        if changed is not None and (each.superseded_at is not None or each.memory_id == changed):
            continue
        if not proof.may_mean_the_same(each.text, claim.text):
            continue
        related = max(each.likeness, proof.shared(each.text, claim.text)) >= proof.RELATED
        says_it = each.same_quote and not proof.part_ways(each.text, claim.text, claim.quote)
        if each.likeness >= proof.ALIKE or (says_it and related):
            return each
    return None


async def _vectors(embedder: Embedder, texts: Sequence[str]) -> list[HalfVector | None]:
    """Of each text, or none while the embedder is away."""
    if texts:
        with suppress(ModelUnavailable, ModelRefused):
            return [HalfVector(vector) for vector in await embedder.embed(texts)]
    return [None] * len(texts)


def _name(embedder: Embedder) -> str:
    try:
        return embedder.name
    except ModelUnavailable:
        return ""
