"""The outcome of a turn, written at once."""

import json
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from uuid import UUID, uuid4

from services.assistant.domain import (
    Access,
    Delivery,
    Event,
    Memory,
    Message,
    Recalled,
    Reply,
    Turn,
    TurnState,
)
from services.assistant.store.connection import Connection
from services.assistant.store.outbox import CARRY
from services.assistant.store.queries import load
from services.assistant.store.work import LEASE, Claim, Kind
from services.errors import Fenced

SQL = load("turns")

AT_ONCE = timedelta(0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a turn came to. `message_id` is set when the reply is a message, not a command's answer."""

    reply: Reply | None
    message_id: UUID | None = None
    state: TurnState = TurnState.DONE
    standing: tuple[Memory, ...] = ()
    """Instructions and profile lines that the model saw."""
    recalled: tuple[Recalled, ...] = ()
    recent: tuple[Message, ...] = ()
    """The talk right before, that the model saw too."""
    cited: tuple[str, ...] = ()
    model: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Finished:
    """A committed outcome.

    `has_more` when the conversation stays ours because more came in, `is_next` when nothing older waits there
    to be sent.
    """

    delivery: Delivery | None
    has_more: bool
    is_next: bool


async def finish(
    connection: Connection, turn: Turn, claim: Claim, outcome: Outcome, carried: bool, then: tuple[Kind, ...]
) -> Finished:
    """Write a turn's outcome in the caller's transaction, in scope of its space, and ask for the work `then`.

    `carried`: a live Converse takes the delivery. Raises Fenced if the turn is not ours any more.
    """
    newest = turn.newest.event
    reply = outcome.reply
    delivery_id = uuid4() if reply else None
    reply_to = getattr(newest.body, "message_id", "") if len(turn.events) == 1 else ""
    row = await connection.fetchrow(
        SQL["finish"],
        turn.space_id,
        turn.turn_id,
        turn.attempt,
        outcome.state,
        json.dumps(_trace(turn.space_id, outcome)),
        outcome.model,
        outcome.prompt_tokens,
        outcome.completion_tokens,
        outcome.message_id,
        reply.text if reply else "",
        newest.sent_at,
        turn.newest.replaced_turn,
        delivery_id,
        _buttons(reply),
        reply_to,
        reply.file_name if reply else "",
        reply.file_content if reply else b"",
        claim.route,
        CARRY if carried else AT_ONCE,
        list(then),
        claim.wakes,
        turn.newest.person_id,
        json.dumps(asdict(reply.fetch)) if reply and reply.fetch else None,
    )
    if row is None:
        raise Fenced(f"turn {turn.turn_id} attempt {turn.attempt}")
    delivery = None
    if reply and delivery_id:
        delivery = Delivery(
            delivery_id, turn.space_id, turn.turn_id, newest.place, reply, reply_to, tuple(row["replaces"])
        )
    return Finished(delivery, row["has_more"], row["is_next"])


@dataclass(frozen=True, slots=True)
class Parked:
    """A turn that waits for a model. `delivery` says so, unless the person knows already; `earlier_id` is the
    parked turn that it joined, if there was one."""

    delivery: Delivery | None
    earlier_id: UUID | None
    has_more: bool


async def park(
    connection: Connection, turn: Turn, claim: Claim, notice: Reply, carried: bool, delay: timedelta
) -> Parked:
    """Leave a turn for later and free its conversation. Raises Fenced if it is not ours any more."""
    delivery_id = uuid4()
    row = await connection.fetchrow(
        SQL["park"],
        turn.space_id,
        turn.turn_id,
        turn.attempt,
        delivery_id,
        notice.text,
        _buttons(notice),
        claim.route,
        CARRY if carried else AT_ONCE,
        delay,
        claim.wakes,
    )
    if row is None:
        raise Fenced(f"turn {turn.turn_id} attempt {turn.attempt}")
    place = turn.newest.event.place
    delivery = Delivery(delivery_id, turn.space_id, turn.turn_id, place, notice) if row["is_news"] else None
    return Parked(delivery, row["earlier_id"], row["has_more"])


async def unpark(connection: Connection, waiting: Claim) -> Claim | None:
    """Take the conversation of a parked turn, which runs again then.

    None if somebody works there just now. Where nothing is parked any more, the claim holds no turn.
    """
    row = await connection.fetchrow(
        SQL["occupy"], waiting.space_id, waiting.subject_id, waiting.route, LEASE, waiting.holder
    )
    if row is None:
        return None
    await connection.execute(SQL["unpark"], waiting.space_id, waiting.subject_id)
    return replace(waiting, attempt=row["attempt"], wakes=row["wakes"])


async def is_parked(connection: Connection, space_id: UUID, conversation_id: UUID) -> bool:
    """Whether anything in a conversation waits for a model."""
    return bool(await connection.fetchval(SQL["is_parked"], space_id, conversation_id))


async def hurry(connection: Connection, space_id: UUID, conversation_id: UUID) -> bool:
    """Try what is parked in a conversation now; False if nothing is."""
    return bool(await connection.fetchval(SQL["hurry"], space_id, conversation_id))


async def note(connection: Connection, event: Event, access: Access, text: str, carried: bool) -> None:
    """Answer an event that passes the queue, in the transaction that accepted it."""
    turn_id = uuid4()
    await connection.execute(
        SQL["note"],
        access.space_id,
        turn_id,
        access.conversation_id,
        access.person_id,
        event.sent_at,
        uuid4(),
        text,
        event.place.route,
        CARRY if carried else AT_ONCE,
    )
    await connection.execute(SQL["answers"], access.space_id, event.key, turn_id)


def _buttons(reply: Reply | None) -> str:
    rows = reply.button_rows if reply else ()
    return json.dumps([[[button.label, button.action] for button in row] for row in rows])


def _trace(space_id: UUID, outcome: Outcome) -> list[dict[str, object]]:
    """References to what the model saw and what was cut: texts are read where they stand, while they do.

    A space is named where it is not the turn's own; what is none or false is left out.
    """
    standing = [
        {"space": str(memory.space_id), "memory": str(memory.memory_id), "standing": True, "shown": True}
        for memory in outcome.standing
    ]
    found = [_reference(space_id, recalled, outcome.cited) for recalled in outcome.recalled]
    named = {recalled.message_id for recalled in outcome.recalled}
    recent: list[dict[str, object]] = [
        {"message": str(message.message_id), "end": len(message.text), "recent": True, "shown": True}
        for message in outcome.recent
        if message.message_id not in named
    ]
    return [*standing, *found, *recent]


def _reference(space_id: UUID, recalled: Recalled, cited: tuple[str, ...]) -> dict[str, object]:
    reference: dict[str, object] = {
        "handle": recalled.handle,
        "message" if recalled.message_id else "memory": str(recalled.message_id or recalled.memory_id),
        "end": recalled.end,
        "score": round(recalled.score, 3),
        "vector": round(recalled.vector_score, 3),
        "words": round(recalled.word_score, 3),
        "tokens": recalled.tokens,
    }
    if recalled.space_id != space_id:
        reference["space"] = str(recalled.space_id)
    if recalled.start:
        reference["start"] = recalled.start
    if recalled.shown:
        reference["shown"] = True
    if recalled.handle in cited:
        reference["cited"] = True
    return reference
