"""`/correct`: putting right what was learned. What is right is a message too; the new memory rests on it."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid5

from services.assistant import browse, share, showing
from services.assistant.buttons import Change, offering
from services.assistant.domain import TEAM_SPACE, Commanded, Memory, Reply, Turn
from services.assistant.explain import explain
from services.assistant.index import index
from services.assistant.quotes import plain, quote
from services.assistant.remi import Remi
from services.assistant.rights import asker_in, asker_of, is_direct, not_theirs
from services.assistant.store import actions, memories, traces
from services.assistant.store.actions import Action
from services.assistant.store.connection import Connection, scoped
from services.assistant.store.traces import Reference

MOST_BEHIND = 10
"""Memories behind one answer that are offered."""

_OVER = "That no longer holds anyway."
_HOW = (
    "Which one, and what is right? /memory lists what I know, with numbers; then, for example: "
    "`/correct 3 I take my tea with milk.`"
)


async def command(remi: Remi, turn: Turn, asked: Commanded) -> tuple[Reply, Change | None]:
    """`/correct 3 text`; or, without a number, what was behind the answer it replies to, or the last one."""
    if not asked.arguments.strip():
        return await behind(remi, turn, asked.reply_to)
    if asked.numbered is None:
        return Reply(_HOW), None
    number, text = asked.numbered
    async with scoped(remi.store, [turn.space_id]) as connection:
        action = await actions.numbered(connection, turn.space_id, turn.newest.person_id, number)
    if action is None:
        return Reply(f"The last list I showed you has no number {number}. {_HOW}"), None
    thing = await browse.look_up(remi, turn, action)
    if not isinstance(thing, Memory):
        return Reply(
            "That is a message, and messages stay as they were said. Tell me what is right, and I will "
            "remember that as the newer."
        ), None
    if thing.space_id == TEAM_SPACE:
        return await _of_team(remi, turn, thing, number, text), None
    if thing.superseded_at is not None:
        return Reply(_OVER), None
    async with scoped(remi.store, [turn.space_id]) as connection:
        if await not_theirs(connection, asker_of(turn), (), [thing.memory_id]):
            return Reply("That came from others: only they, or an admin of this chat, can correct it."), None
    if not text or turn.newest.message_id is None:
        return how(number), None
    message_id, now = turn.newest.message_id, turn.newest.event.sent_at

    async def change(connection: Connection) -> None:
        await memories.correct(connection, turn.space_id, thing.memory_id, text, message_id, now)

    done = _done(thing, text)
    if await share.is_shared(remi, thing):
        done = replace(done, text=f"{done.text} The team still has the old one: /memory lists it.")
    return done, change


async def _of_team(remi: Remi, turn: Turn, memory: Memory, number: int, text: str) -> Reply:
    """Correct what was shared: before the turn commits, since it stands in another space than the turn.

    Doing it twice does no harm (docs/decisions/0201).
    """
    message_id, event = turn.newest.message_id, turn.newest.event
    if not is_direct(turn):
        return Reply("That was shared with the team. Correct it in a direct talk with me.")
    if text and message_id is not None and memory.superseded_by == uuid5(TEAM_SPACE, str(message_id)):
        return _done(memory, text)
    if memory.superseded_at is not None:
        return Reply(_OVER)
    async with scoped(remi.store, [TEAM_SPACE]) as connection:
        if await not_theirs(connection, await asker_in(connection, turn, TEAM_SPACE), (), [memory.memory_id]):
            return Reply("Others shared that: only they, or an admin of the team, can correct it.")
        if not text or message_id is None:
            return how(number)
        new_id, name = uuid5(TEAM_SPACE, str(message_id)), event.author.display_name
        copy = await share.note(connection, turn, message_id, name, text, event.sent_at)
        await memories.correct(connection, TEAM_SPACE, memory.memory_id, text, copy, event.sent_at, new_id)
    await index(remi.store, remi.models.embedder, TEAM_SPACE, share.conversation(turn.conversation_id))
    return _done(memory, text)


def _done(was: Memory, text: str) -> Reply:
    return Reply(f"I have put it right. It was: {quote(was.text, 300)} From now on: {quote(text, 300)}")


def how(number: int) -> Reply:
    return Reply(f"What is right instead? Write `/correct {number}` and then what is right.")


async def behind(remi: Remi, turn: Turn, reply_to: str) -> tuple[Reply, Change | None]:
    """What an answer rested on, numbered, so that it can be corrected or forgotten."""
    await index(remi.store, remi.models.embedder, turn.space_id, turn.conversation_id)
    async with scoped(remi.store, turn.spaces) as connection:
        turn_id = await traces.find(connection, turn.space_id, turn.conversation_id, reply_to)
        if turn_id is None:
            return Reply(_HOW), None
        explained = await explain(connection, turn.spaces, turn.space_id, turn_id)
        shown = [line.reference for line in explained.lines if line.found and line.reference.shown]
        cited = [reference for reference in shown if reference.cited]
        behind = await _memories(connection, turn, cited) or await _memories(connection, turn, shown)
    if not behind:
        return Reply(
            f"{_addressed(turn)}No memory was behind that answer. Tell me what is right, and I will "
            f"remember it. /why shows what I was shown. Or is it something else? {_HOW}"
        ), None
    rows, opened = browse.numbered(turn, [browse.memory_of(memory) for memory in behind])
    listed = "\n".join(
        f"{number}. {showing.learned(memory, turn.newest.event.sent_at)}"
        for number, memory in enumerate(behind, start=1)
    )
    return Reply(
        f"{_addressed(turn)}This was behind that answer. What of it is wrong?\n\n{listed}\n\nPress a number, "
        "or write `/correct`, the number, and what is right.",
        rows,
    ), offering(turn, *opened)


def _addressed(turn: Turn) -> str:
    """In a group, to whom this is said: what they did to ask may be seen by nobody."""
    return "" if is_direct(turn) else f"{plain(turn.newest.event.author.display_name, 40)}: "


async def _memories(connection: Connection, turn: Turn, named: Sequence[Reference]) -> list[Memory]:
    """The memories among these, and those that were drawn from the messages among them."""
    known = await memories.some(connection, turn.spaces, [each.memory_id for each in named if each.memory_id])
    drawn = await memories.resting_on(
        connection, turn.spaces, [each.message_id for each in named if each.message_id]
    )
    holding = (each for each in (*known, *drawn) if each.superseded_at is None)
    return list({each.memory_id: each for each in holding}.values())[:MOST_BEHIND]


def pressed(asked: Action) -> Reply:
    """The button below a memory."""
    return how(int(asked.arguments["number"][0]))
