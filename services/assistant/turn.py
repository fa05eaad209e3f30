"""One turn: take -> recall -> answer -> commit; a worker indexes and learns what the commit asks it to."""

import asyncio
import random
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeAlias
from uuid import UUID, uuid4

import structlog

from services.assistant import commands, remind, showing
from services.assistant.answer import answer
from services.assistant.buttons import Change, action, button, offering
from services.assistant.domain import (
    Access,
    Answer,
    Commanded,
    Edited,
    Event,
    Message,
    Pressed,
    Question,
    Reply,
    Role,
    Said,
    Taken,
    Turn,
    TurnState,
)
from services.assistant.index import index, index_turn
from services.assistant.model import Vector
from services.assistant.recall import Query, embed_said, recall_nearby, shorter
from services.assistant.remi import Remi
from services.assistant.store import directory, forgetting, inbox, turns, work
from services.assistant.store.connection import Connection, alone, scoped
from services.assistant.store.passages import Subject
from services.assistant.store.turns import Outcome
from services.assistant.store.work import Claim, Kind
from services.assistant.streams import Draft, Ended, Final, Frame, Merged
from services.errors import (
    ContextTooLong,
    Fenced,
    ModelRefused,
    ModelUnavailable,
    StoreUnavailable,
    Unreadable,
)

log = structlog.get_logger()

MOST_TRIES = 5
"""After so many failures of our own a turn is put aside; one that no model answered is parked."""

UNREADABLE = timedelta(seconds=30)
"""How long a conversation rests in which waits what this version can't read; a newer one may."""

MODEL_IS_AWAY = (
    "My language model doesn't answer right now. I have kept what you said, and will answer when it is back."
)
RETRY = timedelta(seconds=30)
"""About how long a parked turn waits before it is tried again."""
OVER_LIMIT = (
    "You have had all the answers that your team allows for today. I have kept what you said; "
    "please ask me again tomorrow."
)
REFUSED = (
    "My language model refuses this message: it may be too long, or of something that it won't speak about. "
    "I have kept what you said; please try it with fewer words, or with others."
)
PUT_ASIDE = "I couldn't answer this, and have put it aside. What you said is kept; please ask me again."


@dataclass(frozen=True, slots=True)
class Talk:
    """What the index wants of a turn: the talk before it, its own messages, and vectors known by now."""

    before: tuple[Subject, ...]
    messages: tuple[Message, ...]
    vectors: Mapping[UUID, Vector]


@dataclass(frozen=True, slots=True)
class Response:
    """What a turn is to commit: its outcome, and what else changes in the same transaction."""

    outcome: Outcome
    change: Change | None = None
    talk: Talk | None = None


Ahead: TypeAlias = Awaitable[tuple[Vector | None, Vector | None]]
"""The vectors of an event's text, on their way."""


async def embed_ahead(remi: Remi, event: Event, access: Access) -> tuple[Vector | None, Vector | None]:
    """The vectors of what an event says, to be found by and to recall by; None where they can't be had."""
    text = event.body.text if isinstance(event.body, Said | Edited) else ""
    with suppress(StoreUnavailable):
        return await embed_said(remi.store, remi.models.embedder, text, access.spaces)
    return None, None


async def run(remi: Remi, claim: Claim, turn: Turn | None, ahead: Ahead | None = None) -> None:
    """Work off a claimed conversation, turn by turn, until nothing waits in it.

    `ahead` belongs to the one event of `turn`.
    """
    with remi.running.holding(claim):
        try:
            while True:
                if remi.running.is_draining:
                    await work.put_back(remi.store, "turn", claim, timedelta(0))
                    return
                if turn is None:
                    turn, ahead = await _take(remi, claim), None
                if turn is None:
                    if await work.done(remi.store, "turn", claim):
                        return
                elif not await _answer(remi, claim, turn, ahead):
                    return
                again = await work.reclaim(remi.store, "turn", claim)
                if again is None:
                    return
                claim, turn = again, None
        except Unreadable as error:
            log.error("turn_unreadable", conversation=str(claim.subject_id), exc_info=error)
            await work.put_back(remi.store, "turn", claim, UNREADABLE)
        except StoreUnavailable:
            # Whoever comes first goes on from what is committed.
            log.warning("turn_left", conversation=str(claim.subject_id))
            remi.running.left.add(claim)
        except asyncio.CancelledError:
            await work.put_back(remi.store, "turn", claim, timedelta(0))
            raise


async def retry(remi: Remi, waiting: Claim) -> None:
    """Go on with what is parked in a conversation, if nobody works there. Raises StoreUnavailable."""
    async with scoped(remi.store, [waiting.space_id]) as connection:
        claim = await turns.unpark(connection, waiting)
    if claim is None:
        await work.put_back(remi.store, "retry", waiting, timedelta(seconds=2))
        return
    await run(remi, claim, None)
    # If it was parked again meanwhile, it asked to be tried again itself.
    await work.done(remi.store, "retry", waiting)


async def _take(remi: Remi, claim: Claim) -> Turn | None:
    async with scoped(remi.store, [claim.space_id]) as connection:
        return await inbox.take(connection, claim, remi.knobs.zone)


async def _answer(remi: Remi, claim: Claim, turn: Turn, ahead: Ahead | None) -> bool:
    """Answer one turn; whether the conversation stays ours to go on with."""
    newest = turn.newest.event.key
    remi.streams.publish((taken.event.key for taken in turn.events[:-1]), Merged(turn.turn_id))
    # Ours from before, when the turn was made to start anew while it ran.
    remi.running.stop(turn.turn_id)
    answering = asyncio.create_task(_respond(remi, turn, ahead))
    remi.running.answers[turn.turn_id] = answering
    try:
        async with asyncio.timeout(remi.knobs.turn_timeout.total_seconds()):
            response = await answering
        has_more = await _commit(remi, claim, turn, response)
        await _index(remi, turn, response)
        return has_more
    except Fenced:
        remi.streams.publish([newest], Ended())
        return True
    except asyncio.CancelledError:
        if not answering.cancelled() or _is_being_cancelled():
            raise
        remi.streams.publish([newest], Ended())
        return True
    except ModelRefused as error:
        log.error("model_refused", turn=str(turn.turn_id), exc_info=error)
        return await _put_aside(remi, claim, turn, REFUSED)
    except (ModelUnavailable, TimeoutError) as error:
        log.warning("model_away", turn=str(turn.turn_id), tries=turn.tries, exc_info=error)
        return await _park(remi, claim, turn)
    except StoreUnavailable:
        raise
    except Exception as error:
        log.error("turn_failed", turn=str(turn.turn_id), tries=turn.tries, exc_info=error)
        if turn.tries < MOST_TRIES:
            await work.put_back(remi.store, "turn", claim, timedelta(seconds=2**turn.tries))
            return False
        return await _put_aside(remi, claim, turn, PUT_ASIDE)
    finally:
        answering.cancel()
        if remi.running.answers.get(turn.turn_id) is answering:
            del remi.running.answers[turn.turn_id]


async def _respond(remi: Remi, turn: Turn, ahead: Ahead | None) -> Response:
    match turn.newest.event.body:
        case Commanded() | Pressed():
            reply, change = await commands.run(remi, turn)
            response = Response(Outcome(reply), change or _unsaying(turn))
        case _:
            response = await _reply(remi, turn, ahead)
    return await _introduced(remi, turn, response) if turn.newest.is_news else response


def _unsaying(turn: Turn) -> Change | None:
    """A command's words are kept for what comes of them: where nothing does, they go."""
    message_id = turn.newest.message_id
    if message_id is None:
        return None

    async def change(connection: Connection) -> None:
        await forgetting.unsay(connection, turn.space_id, message_id)

    return change


async def _introduced(remi: Remi, turn: Turn, response: Response) -> Response:
    """The first reply in a group says what is kept there."""
    outcome, before = response.outcome, response.change
    async with alone(remi.store) as connection:
        # What the turn was begun with may be a minute old.
        is_news = await directory.is_news(connection, turn.space_id)
    remi.door.lately.clear()
    # What is told of a file takes the place of a reply's text, this notice with it: the next one says it.
    if outcome.reply is None or outcome.reply.fetch or not is_news:
        return response

    async def change(connection: Connection) -> None:
        if before is not None:
            await before(connection)
        await directory.tell(connection, turn.space_id)

    reply = replace(outcome.reply, text=f"{outcome.reply.text}\n\n{showing.GROUP_NOTICE}")
    return replace(response, outcome=replace(outcome, reply=reply), change=change)


async def _reply(remi: Remi, turn: Turn, ahead: Ahead | None) -> Response:
    """Recall, then answer, streaming drafts to whoever listens."""
    newest = turn.newest.event
    messages = tuple(_message(taken) for taken in turn.events if taken.message_id)
    text = "\n".join(message.text for message in messages if message.text)
    if turn.is_over_limit:
        return Response(Outcome(Reply(OVER_LIMIT)))
    if not text:
        assert isinstance(newest.body, Said | Edited)
        return Response(Outcome(Reply(commands.cannot_read(newest.body))))

    reminding = [
        asked
        for message in messages
        if message.text
        if (asked := await remind.requested(remi, turn, message)) is not None
    ]
    confirmed = [reply.text for reply, _ in reminding]
    changes = [change for _, change in reminding if change is not None]
    if len(reminding) == sum(bool(message.text) for message in messages):
        return Response(Outcome(Reply("\n\n".join(confirmed)), uuid4()), _all(changes))

    async with remi.running.giving_way():
        own, vector = await (ahead or embed_said(remi.store, remi.models.embedder, text, turn.spaces))
        query = Query(
            text,
            turn.spaces,
            newest.sent_at,
            remi.knobs.token_budget,
            turn.conversation_id,
            tuple(message.message_id for message in messages),
            vector=vector,
        )
        recollection, nearby = await recall_nearby(remi.store, remi.models.embedder, query)
    question = Question(
        messages,
        recollection,
        newest.sent_at,
        newest.place.chat_kind,
        newest.author.display_name,
        turn.newest.language,
    )
    try:
        answered = await _stream(remi, turn, question)
    except ContextTooLong:
        log.warning("context_too_long", turn=str(turn.turn_id))
        recollection = shorter(recollection)
        answered = await _stream(remi, turn, replace(question, recollection=recollection))
    outcome = Outcome(
        Reply("\n\n".join([answered.text, *confirmed])),
        uuid4(),
        standing=recollection.instructions,
        recalled=recollection.recalled,
        recent=recollection.recent,
        cited=answered.cited,
        model=answered.model,
        prompt_tokens=answered.usage.prompt_tokens,
        completion_tokens=answered.usage.completion_tokens,
    )
    known = {} if own is None or len(messages) > 1 else {messages[0].message_id: own}
    return Response(outcome, _all(changes), Talk(nearby, messages, known))


def _all(changes: Sequence[Change]) -> Change | None:
    if not changes:
        return None

    async def change(connection: Connection) -> None:
        for each in changes:
            await each(connection)

    return change


async def _stream(remi: Remi, turn: Turn, question: Question) -> Answer:
    """The model's answer; what it has so far goes to whoever listens."""
    async with aclosing(answer(remi.models.chat, question)) as pieces:
        revision = 0
        async for piece in pieces:
            if isinstance(piece, Answer):
                return piece
            revision += 1
            draft = Draft(turn.turn_id, revision, piece)
            remi.streams.publish([turn.newest.event.key], draft)
    raise ModelUnavailable("the answer broke off")


async def _commit(remi: Remi, claim: Claim, turn: Turn, response: Response) -> bool:
    """Write the outcome at once, and hand it out; whether more waits in the conversation."""
    newest = turn.newest.event.key
    carried = remi.streams.is_heard(newest)
    then: tuple[Kind, ...] = ("index", "learn") if remi.models.memory else ("index",)
    begin = scoped if response.change else alone
    async with remi.running.giving_way(), begin(remi.store, [turn.space_id]) as connection:
        if response.change is not None:
            await response.change(connection)
        finished = await turns.finish(connection, turn, claim, response.outcome, carried, then)
    final = Final(finished.delivery, finished.is_next) if finished.delivery else Ended()
    remi.streams.publish([newest], final)
    if not carried:
        remi.outgoing.set()
    log.info("turn_done", turn=str(turn.turn_id), state=response.outcome.state, tries=turn.tries)
    return finished.has_more


async def _index(remi: Remi, turn: Turn, response: Response) -> None:
    """Make what was said findable at once; if that fails, the work row asks for it again later."""
    store, embedder = remi.store, remi.models.embedder
    talk, outcome = response.talk, response.outcome
    try:
        if talk is None or outcome.reply is None or outcome.message_id is None:
            await index(store, embedder, turn.space_id, turn.conversation_id)
            return
        sent_at = turn.newest.event.sent_at
        reply = Message(outcome.message_id, Role.REMI, "Remi", outcome.reply.text, sent_at)
        said = (*talk.messages, reply)
        async with remi.running.giving_way():
            await index_turn(
                store, embedder, turn.space_id, turn.conversation_id, talk.before, said, talk.vectors
            )
    except Exception as error:
        log.warning("index_failed", conversation=str(turn.conversation_id), exc_info=error)


async def _put_aside(remi: Remi, claim: Claim, turn: Turn, text: str) -> bool:
    """Give a turn up, and say so; whether more waits in the conversation."""
    try:
        return await _commit(remi, claim, turn, Response(Outcome(Reply(text), state=TurnState.FAILED)))
    except Fenced:
        return True


async def _park(remi: Remi, claim: Claim, turn: Turn) -> bool:
    """Leave the turn for when a model answers; say so, once. Whether more waits in the conversation."""
    newest = turn.newest.event.key
    carried = remi.streams.is_heard(newest)
    again = action(turn, "again")
    delay = RETRY * random.uniform(0.8, 1.2)
    notice = Reply(MODEL_IS_AWAY, ((button("Try again", again),),))
    try:
        async with scoped(remi.store, [turn.space_id]) as connection:
            parked = await turns.park(connection, turn, claim, notice, carried, delay)
            if parked.delivery is not None:
                await offering(turn, again)(connection)
    except Fenced:
        remi.streams.publish([newest], Ended())
        return True
    told: Frame = Ended()
    if parked.delivery is not None:
        told = Final(parked.delivery)
        if not carried:
            remi.outgoing.set()
    elif parked.earlier_id is not None:
        told = Merged(parked.earlier_id)
    remi.streams.publish([newest], told)
    return parked.has_more


def _message(taken: Taken) -> Message:
    event = taken.event
    assert isinstance(event.body, Said | Edited)
    assert taken.message_id is not None
    return Message(
        taken.message_id,
        Role.PERSON,
        event.author.display_name,
        event.body.text,
        event.sent_at,
        taken.person_id,
    )


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
