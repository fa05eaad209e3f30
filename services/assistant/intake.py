"""An event comes in: may its author speak here, commit it, and follow what becomes of it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import structlog

from services.assistant.access import Denied, admit, forget_lately, space_of
from services.assistant.domain import (
    Access,
    Author,
    Commanded,
    Deleted,
    Delivery,
    Edited,
    Event,
    Moved,
    Place,
    Pressed,
    Reacted,
    RepliedTo,
    Said,
    Stop,
    TeamRole,
    TurnState,
)
from services.assistant.remi import Remi
from services.assistant.store import (
    directory,
    forgetting,
    inbox,
    links,
    memories,
    outbox,
    traces,
    turns,
    work,
)
from services.assistant.store.connection import Connection, alone, scoped, unscoped
from services.assistant.streams import Draft, Ended, Final, Frame, Listener, Merged
from services.assistant.turn import embed_ahead, run
from services.assistant.zones import zone
from services.errors import InvalidEvent, Unavailable

log = structlog.get_logger()

POLL = 1.0
"""Seconds between looks at a turn that runs in another replica."""
POLL_OWN = 10.0
"""The same for one that runs here: it tells by itself, unless it has lost the conversation."""
NOT_KEPT = (
    "You asked me to keep nothing of what you say in this group, so I can't answer it here. Write to me "
    "directly, or turn it off by /private off."
)
NEWEST = 50
"""Of how many messages of a place a gateway is told, to see what became of them."""
QUICK = 0.05
"""Seconds to the first look for an older delivery that is being sent just now."""
DISAGREES = "👎"
"""With any skin."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The event is committed."""

    reply_expected: bool
    turn_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The author may not talk to Remi here; nothing of the event was stored."""

    text: str


Outcome = Accepted | Refused | Draft | Final | Merged


async def converse(remi: Remi, event: Event) -> AsyncGenerator[Outcome, None]:
    """Take one event in and yield what becomes of it, as the contract orders it.

    Raises InvalidEvent for a key that was used with another body, StoreUnavailable if nothing was committed.
    """
    if isinstance(event.body, Deleted):
        await delete(remi, event, event.body.message_ids)
        yield Accepted(False)
        return
    if isinstance(event.body, Reacted):
        yield await _react(remi, event, event.body)
        return
    if isinstance(event.body, Moved):
        place = event.place
        await directory.move_chat(remi.store, place.platform, place.chat_id, event.body.to_chat_id)
        yield Accepted(False)
        return
    with remi.streams.listen(event.key) as listener:
        for _ in range(3):
            with remi.running.taking_in():
                admitted = await admit(remi.store, remi.door, event)
            if isinstance(admitted, Denied):
                yield Refused(admitted.text)
                return
            event, access = admitted
            # From here on the event's time is read on its author's clock.
            event = replace(event, sent_at=event.sent_at.astimezone(zone(access.zone, remi.knobs.zone)))
            if access.is_aside and isinstance(event.body, Said | Edited):
                yield Refused(NOT_KEPT if event.addressed else "")
                return
            if not _is_kept(event, access):
                yield Accepted(False)
                return
            # The question's vector is made while the event is being committed, unless too much comes in.
            is_asked = remi.running.is_calm and not _is_overheard(event, access)
            ahead = asyncio.create_task(embed_ahead(remi, event, access)) if is_asked else None
            with remi.running.taking_in():
                accepted = await commit(remi, event, access)
            if accepted is not None:
                break
            forget_lately(remi.door, event)
        else:
            raise Unavailable("the directory keeps changing")

        is_known = isinstance(accepted, inbox.Known)
        if isinstance(accepted, inbox.Known) and not accepted.same_body:
            log.warning("key_reused", key=event.key, conversation=str(access.conversation_id))
            raise InvalidEvent("idempotency_key", "was used with another event")
        turn_id = accepted.turn.turn_id if isinstance(accepted, inbox.Accepted) and accepted.turn else None
        # It runs while Accepted is on its way, and also if the stream breaks there.
        if isinstance(accepted, inbox.Accepted) and accepted.claim:
            remi.running.start(run(remi, accepted.claim, accepted.turn, ahead))
        if _is_overheard(event, access):
            yield Accepted(False)
            return
        yield Accepted(True, turn_id)
        is_heard_out = False
        try:
            # A new event has no past to look at: its turn has only just begun.
            frame = await _look(remi, event, access) if is_known or isinstance(event.body, Stop) else None
            if frame is None and remi.streams.is_crowded:
                # The Deliver stream brings the reply: what waits for one must not fill the memory.
                return
            is_clear = isinstance(accepted, inbox.Accepted) and accepted.is_clear
            async for outcome in _follow(remi, event, access, listener, frame, is_clear):
                yield outcome
            is_heard_out = True
        finally:
            if not is_heard_out and isinstance(listener.last, Final):
                remi.running.start(_hand_over(remi, listener.last.delivery))


async def _react(remi: Remi, event: Event, reacted: Reacted) -> Accepted | Refused:
    """A thumb that goes down on an answer asks what was behind it, once; all other reactions say nothing.

    What is offered then comes by the Deliver stream: a reaction's own stream carries no reply.
    """
    for _ in range(3):
        admitted = await admit(remi.store, remi.door, event)
        if isinstance(admitted, Denied):
            return Refused(admitted.text)
        _, access = admitted
        if reacted.removed or not reacted.emoji.startswith(DISAGREES):
            return Accepted(False)
        async with scoped(remi.store, [access.space_id]) as connection:
            sent = await traces.sent(connection, access.space_id, event.place, reacted.message_id)
        if sent is None:
            return Accepted(False)
        conversation_id, thread_id = sent
        place = replace(event.place, thread_id=thread_id)
        asked = replace(
            event,
            key=f"{place.route}:{place.chat_id}:{reacted.message_id}:down:{event.author.user_id}",
            place=place,
            body=Commanded("correct", "", reply_to=reacted.message_id),
        )
        access = replace(access, conversation_id=conversation_id)
        accepted = await commit(remi, asked, access)
        if isinstance(accepted, inbox.Accepted) and accepted.claim:
            remi.running.start(run(remi, accepted.claim, accepted.turn))
        if accepted is not None:
            return Accepted(False)
        forget_lately(remi.door, event)
    raise Unavailable("the directory keeps changing")


def _is_kept(event: Event, access: Access) -> bool:
    """In a group only what is addressed to Remi is kept, unless it listens; an edit is of what was kept."""
    return event.addressed or isinstance(event.body, Edited | Stop) or _is_overheard(event, access)


def _is_overheard(event: Event, access: Access) -> bool:
    return access.listens and not event.addressed and isinstance(event.body, Said)


async def commit(remi: Remi, event: Event, access: Access) -> inbox.Accepted | inbox.Known | None:
    """Write an event and all that it changes; None if the directory no longer says what `access` does."""
    begin = alone if _is_one_statement(event, access) else scoped
    async with begin(remi.store, [access.space_id]) as connection:
        match event.body:
            case Edited():
                return await _commit_edit(remi, connection, event, access)
            case Stop():
                accepted = await inbox.accept(remi.store, connection, event, access)
                if isinstance(accepted, inbox.Accepted):
                    await _stop(remi, connection, event, access)
                return accepted
            case Said(replied_to=RepliedTo() as replied_to):
                await directory.add_person(connection, replied_to.author, TeamRole.GUEST)
                await inbox.keep(connection, access, replied_to)
            case _:
                pass
        is_overheard = _is_overheard(event, access)
        accepted = await inbox.accept(remi.store, connection, event, access, is_overheard=is_overheard)
        if is_overheard and isinstance(accepted, inbox.Accepted):
            await _take_in(remi, connection, event, access)
        return accepted


def _is_one_statement(event: Event, access: Access) -> bool:
    """Whether an event changes nothing beside what comes in."""
    match event.body:
        case Said(replied_to=None) | Commanded() | Pressed():
            return not _is_overheard(event, access)
        case _:
            return False


async def _take_in(remi: Remi, connection: Connection, event: Event, access: Access) -> None:
    """What nobody answers is to be found and learned from too."""
    kinds: tuple[work.Kind, ...] = ("index", "learn") if remi.models.memory else ("index",)
    for kind in kinds:
        await work.ask(connection, access.space_id, kind, access.conversation_id, event.place.route)


async def _commit_edit(
    remi: Remi, connection: Connection, event: Event, access: Access
) -> inbox.Accepted | inbox.Known | None:
    await links.require_still(connection, access.space_id)
    await inbox.hold(connection, access)
    if known := await inbox.known(remi.store, connection, event):
        return known
    replacing = await inbox.replace(connection, event, access)
    if replacing is None and not event.addressed:
        return inbox.Known(same_body=True)
    if replacing and replacing.turn_id:
        remi.running.stop(replacing.turn_id)
    is_overheard = replacing is not None and replacing.is_overheard and not event.addressed
    accepted = await inbox.accept(remi.store, connection, event, access, replacing, is_overheard)
    if replacing and isinstance(accepted, inbox.Accepted):
        await memories.take_back(connection, access.space_id, replacing.message_id)
    if is_overheard and isinstance(accepted, inbox.Accepted):
        await _take_in(remi, connection, event, access)
    return accepted


async def delete(remi: Remi, event: Event, message_ids: Sequence[str]) -> None:
    """What is gone on the platform goes from memory too, whoever may still speak there."""
    async with unscoped(remi.store) as connection:
        space_id = await space_of(connection, event.place, event.author)
    if space_id is None:
        return
    async with scoped(remi.store, [space_id]) as connection:
        await links.require_still(connection, space_id)
        if await inbox.note(remi.store, connection, event):
            conversation_id = event.place.conversation_id
            await inbox.bury(connection, space_id, conversation_id, message_ids)
            ours = await inbox.kept(connection, space_id, conversation_id, message_ids)
            if ours:
                await forgetting.forget(connection, space_id, ours, ())


async def newest(remi: Remi, place: Place, author: Author) -> list[tuple[str, bytes]]:
    """The newest messages of people kept in a place: the platform's ids, and SHA-256 of their texts."""
    async with unscoped(remi.store) as connection:
        space_id = await space_of(connection, place, author)
    if space_id is None:
        return []
    async with scoped(remi.store, [space_id]) as connection:
        return await inbox.newest(connection, space_id, place.conversation_id, NEWEST)


async def _stop(remi: Remi, connection: Connection, event: Event, access: Access) -> None:
    stopped = await inbox.stop(connection, access)
    if stopped is not None:
        remi.running.stop(stopped)
    text = "Stopped." if stopped else "There was nothing to stop."
    await turns.note(connection, event, access, text, carried=remi.streams.is_heard(event.key))


async def _follow(
    remi: Remi, event: Event, access: Access, listener: Listener, frame: Frame | None, is_clear: bool
) -> AsyncIterator[Draft | Final | Merged]:
    while True:
        match frame:
            case Draft():
                # Where drafts are messages, the reply comes to stand where its first draft did.
                is_clear = is_clear or await _is_clear(remi, access)
                if is_clear:
                    yield frame
            case Final(delivery, is_next):
                if not is_next:
                    await _until_next(remi, delivery)
                yield frame
                return
            case Merged():
                yield frame
                return
            case Ended():
                return
        is_here = access.conversation_id in remi.running.conversations
        frame = await listener.next(POLL_OWN if is_here else POLL) or await _look(remi, event, access)


async def _is_clear(remi: Remi, access: Access) -> bool:
    async with alone(remi.store, [access.space_id]) as connection:
        return await outbox.is_clear(connection, access.space_id, access.conversation_id)


async def _until_next(remi: Remi, delivery: Delivery) -> None:
    """Wait for what is to be sent before it: a reply that was left behind must not come after a newer one."""
    pause = QUICK
    while True:
        async with alone(remi.store, [delivery.space_id]) as connection:
            if await outbox.is_next(connection, delivery.space_id, delivery.delivery_id):
                return
        await asyncio.sleep(pause)
        pause = min(2 * pause, POLL)


async def _hand_over(remi: Remi, delivery: Delivery) -> None:
    """The stream broke before it carried its Final: the Deliver stream may have it at once."""
    async with alone(remi.store, [delivery.space_id]) as connection:
        await outbox.release(connection, delivery)
    remi.outgoing.set()


async def _look(remi: Remi, event: Event, access: Access) -> Final | Merged | Ended | None:
    """What the store says became of an event; None while it waits, or its turn does."""
    async with scoped(remi.store, [access.space_id]) as connection:
        followed = await inbox.follow(connection, access.space_id, event.key)
        if followed is None or followed.is_over:
            return Ended()
        if followed.turn_id is None:
            return None
        if not followed.is_newest:
            return Merged(followed.turn_id)
        if followed.state in (TurnState.RUNNING, TurnState.PARKED):
            return None
        delivery = await outbox.of_turn(connection, access.space_id, followed.turn_id)
    # What was put aside is not sent again by itself, whoever asks.
    return Final(delivery) if delivery and delivery.state in ("pending", "delivered") else Ended()
