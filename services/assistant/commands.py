"""What people can ask of Remi by a command, and what its buttons do. None of it calls a chat model."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from services.assistant import link, remind, showing, zones
from services.assistant.buttons import Change, action, button, dropping, offering
from services.assistant.domain import (
    ChatKind,
    Commanded,
    Edited,
    Memory,
    MemoryKind,
    Pressed,
    Reply,
    Said,
    Turn,
)
from services.assistant.explain import explain
from services.assistant.index import index
from services.assistant.learn import remember
from services.assistant.quotes import plain, quote
from services.assistant.recall import Query, recall
from services.assistant.remi import Remi
from services.assistant.rights import Asker, asker, not_theirs
from services.assistant.store import (
    actions,
    conversations,
    directory,
    forgetting,
    links,
    memories,
    traces,
    turns,
)
from services.assistant.store.actions import Action
from services.assistant.store.connection import Connection, scoped

PAGE = 20
"""Memories in one message."""
FOUND = 10
"""Most lines that a search shows."""


@dataclass(frozen=True, slots=True)
class Command:
    """How gateways announce a command. `argument` is empty where it takes none."""

    name: str
    description: str
    argument: str = ""


MANIFEST = (
    Command("start", "Who I am, what I keep and who sees it"),
    Command("help", "What I can do"),
    Command("memory", "What I know about you; with words, what I remember of them", "words"),
    Command("remember", "Remember something, word for word", "text"),
    Command("forget", "Erase what holds these words; I ask first", "words"),
    Command("remind", "Remind you of something at a time", "when and what"),
    Command("reminders", "What I'll remind you of here; change or cancel it", "number"),
    Command("timezone", "Where your clock is: a city, or a name such as Europe/Berlin", "city"),
    Command("link", "Be one person here and on another channel; gives a code, or takes it", "code"),
    Command("unlink", "Part the accounts that were linked; I ask first"),
    Command("why", "What my last answer, or the one you reply to, rested on"),
    Command("new", "Begin a fresh topic; what I remember stays"),
    Command("stop", "Stop the answer I am writing"),
)

_HEADINGS = {
    MemoryKind.INSTRUCTION: "What I keep to",
    MemoryKind.PROFILE: "Profile",
    MemoryKind.FACT: "Facts",
    MemoryKind.EVENT: "Events",
}
_KINDS = tuple(_HEADINGS)

_TOO_LATE = "This button was used already, or is too old. Please give the command again."
_NOT_YOURS = "This button is for the person who gave the command."
_NOT_THEIRS = "That came from others: only they, or an admin of this chat, can have it erased."


async def run(remi: Remi, turn: Turn) -> tuple[Reply, Change | None]:
    """Answer a command or the press of a button; the change, if any, is to be committed with the turn.

    Raises StoreUnavailable.
    """
    body = turn.newest.event.body
    if isinstance(body, Pressed):
        return await _press(remi, turn, body)
    assert isinstance(body, Commanded)
    match body.name:
        case "start":
            name = turn.newest.event.author.display_name
            return Reply(showing.introduction(name, _is_direct(turn))), None
        case "help":
            return _help(), None
        case "memory" if body.arguments:
            return await _search(remi, turn, body.arguments), None
        case "memory":
            return await _memory(remi, turn)
        case "remember":
            return _remember(turn, body.arguments)
        case "forget":
            return await _forget(remi, turn, body.arguments)
        case "remind":
            return await remind.command(remi, turn, body.arguments)
        case "reminders":
            return await remind.listed(remi, turn, body.arguments)
        case "timezone":
            return _timezone(remi, turn, body.arguments)
        case "link":
            return await link.command(remi, turn, body.arguments)
        case "unlink":
            return await link.part(remi, turn)
        case "why":
            return await _why(remi, turn, body.reply_to), None
        case "new":
            return _new(turn)
        case "stop":
            return Reply("There was nothing to stop."), None
        case name:
            return Reply(f"I don't know `/{name}`. /help lists what I can do."), None


def cannot_read(body: Said | Edited) -> str:
    """The answer to a message that has no text."""
    match body:
        case Said(unsupported_kind=kind) if kind:
            return f"I can't read this kind of message yet ({plain(kind)}). Please tell me in words."
        case Said(attachments=files) if files:
            return "I can't open files yet. Please tell me in words what matters in it."
        case _:
            return "There are no words in this message. Please tell me in words."


def _help() -> Reply:
    lines = [f"- {_usage(command)}: {command.description}" for command in MANIFEST]
    return Reply("\n".join(["Just talk to me, or use a command:", "", *lines]))


def _usage(command: Command) -> str:
    return f"/{command.name} *{command.argument}*" if command.argument else f"/{command.name}"


async def _memory(
    remi: Remi, turn: Turn, kind: MemoryKind = _KINDS[0], after: UUID | None = None
) -> tuple[Reply, Change | None]:
    """One page of what is known: from this kind on, and of it what comes after this memory."""
    found: list[Memory] = []
    async with scoped(remi.store, turn.spaces) as connection:
        said = await conversations.count_messages(connection, turn.space_id)
        for each in _KINDS[_KINDS.index(kind) :]:
            size = PAGE + 1 - len(found)
            start = after if each is kind else None
            found += await memories.page(connection, turn.spaces, each, after=start, size=size)
            if len(found) > PAGE:
                break
    whom = "you" if _is_direct(turn) else "this group"
    known = showing.count(said, "message")
    counted = f"I remember {known} word for word. /memory with some words searches in them."
    if not found:
        return Reply(f"I haven't drawn conclusions about {whom} yet. {counted}"), None
    page, now = found[:PAGE], turn.newest.event.sent_at
    parts = [f"**What I know about {whom}**"]
    for heading, group in groupby(page, key=lambda memory: _HEADINGS[memory.kind]):
        parts.append("\n".join([f"**{heading}**", "", *(showing.learned(each, now) for each in group)]))
    text = "\n\n".join([*parts, counted])
    if len(found) <= PAGE:
        return Reply(text), None
    more = action(turn, "memory", kind=[page[-1].kind], after=[str(page[-1].memory_id)])
    return Reply(text, ((button("More", more),),)), offering(turn, more)


async def _search(remi: Remi, turn: Turn, words: str) -> Reply:
    await _finish_index(remi, turn)
    now = turn.newest.event.sent_at
    query = Query(words, turn.spaces, now, remi.knobs.token_budget, limit=FOUND)
    recollection = await recall(remi.store, remi.models.embedder, query)
    lines = [showing.recalled(each, now) for each in recollection.recalled if each.shown]
    if not lines:
        return Reply(f"I remember nothing about {quote(words)}.")
    return Reply("\n".join([f"**What I remember about {quote(words)}**", "", *lines]))


def _remember(turn: Turn, text: str) -> tuple[Reply, Change | None]:
    message_id = turn.newest.message_id
    if message_id is None:
        return Reply(
            "What shall I remember? Write it behind the command: /remember I take my tea black."
        ), None

    async def change(connection: Connection) -> None:
        await remember(connection, turn.space_id, message_id, text, turn.newest.event.sent_at)

    return Reply(f"I'll remember: {quote(text)}"), change


async def _forget(remi: Remi, turn: Turn, words: str) -> tuple[Reply, Change | None]:
    """Show what would go, and ask."""
    if not words:
        return Reply("What shall I forget? Write some words that stand in it: /forget dentist."), None
    await _finish_index(remi, turn)
    async with scoped(remi.store, [turn.space_id]) as connection:
        doomed = await forgetting.preview(connection, remi.store.secret, turn.space_id, words)
        foreign = await not_theirs(
            connection,
            _asker(turn),
            [message.message_id for message in doomed.messages],
            [memory.memory_id for memory in doomed.memories],
        )
    messages = [message for message in doomed.messages if message.message_id not in foreign]
    learned = [memory for memory in doomed.memories if memory.memory_id not in foreign]
    if not (messages or learned):
        if foreign:
            return Reply(_NOT_THEIRS), None
        return Reply(f"I remember nothing that holds {quote(words)}."), None

    now = turn.newest.event.sent_at
    lines = [
        *(showing.said(each, now) for each in messages),
        *(showing.learned(each, now) for each in learned),
    ]
    text = (
        f"This would be gone for good, and whatever came of it: {_counts(messages, learned)}.\n\n"
        f"{showing.some(lines)}\n\nShall I forget it?"
    )
    if len(doomed.messages) + len(doomed.memories) >= forgetting.MOST:
        text += " There may be older ones that hold these words: then ask me again afterwards."
    keep_id = uuid4()
    erase = action(
        turn,
        "forget",
        messages=[str(message.message_id) for message in messages],
        memories=[str(memory.memory_id) for memory in learned],
        other=[str(keep_id)],
    )
    keep = Action(keep_id, erase.person_id, "keep", {"other": [str(erase.action_id)]})
    return Reply(text, ((button("Forget", erase), button("Keep", keep)),)), offering(turn, erase, keep)


async def _why(remi: Remi, turn: Turn, reply_to: str) -> Reply:
    async with scoped(remi.store, turn.spaces) as connection:
        turn_id = await traces.find(connection, turn.space_id, turn.conversation_id, reply_to)
        if turn_id is None and reply_to:
            return Reply("I know of no answer of mine behind that message.")
        if turn_id is None:
            return Reply("I haven't answered anything in this conversation yet.")
        explained = await explain(connection, turn.spaces, turn.space_id, turn_id)
    return Reply(showing.explanation(explained, turn.newest.event.sent_at))


async def _again(remi: Remi, turn: Turn) -> tuple[Reply, Change | None]:
    """What no model answered is tried once more, right after this."""
    async with scoped(remi.store, [turn.space_id]) as connection:
        if not await turns.is_parked(connection, turn.space_id, turn.conversation_id):
            return Reply("That has been answered already."), None

    async def change(connection: Connection) -> None:
        await turns.hurry(connection, turn.space_id, turn.conversation_id)

    return Reply("I'm trying again."), change


def _timezone(remi: Remi, turn: Turn, text: str) -> tuple[Reply, Change | None]:
    """Where the person's clock is. Reminders that are set already stay where they are."""
    now = turn.newest.event.sent_at
    if not text.strip():
        known = f"I take your clock to be that of {now.tzinfo}" + (
            "." if turn.newest.zone else ", as I don't know better."
        )
        return Reply(
            f"{known} It shows {now:%H:%M}. /timezone with a city, such as /timezone Lisbon, changes it."
        ), None
    found = zones.named(text)
    match found:
        case []:
            return Reply(
                f"I know no time zone by {quote(text)}. Try a large city, or a name such as Europe/Lisbon."
            ), None
        case [name]:
            pass
        case _:
            return Reply(f"Which one? /timezone {' or /timezone '.join(found)}."), None
    person_id = turn.newest.person_id

    async def change(connection: Connection) -> None:
        await directory.move(connection, person_id, name)

    remi.door.lately.clear()
    shown = now.astimezone(ZoneInfo(name))
    return Reply(
        f"Your clock is that of {name} then, and shows {shown:%H:%M}. Reminders that are set stay."
    ), change


def _new(turn: Turn) -> tuple[Reply, Change]:
    async def change(connection: Connection) -> None:
        await conversations.begin_topic(connection, turn.space_id, turn.conversation_id)

    return Reply("A fresh topic, then. What I remember stays."), change


async def _press(remi: Remi, turn: Turn, pressed: Pressed) -> tuple[Reply, Change | None]:
    action_id = _uuid(pressed.action)
    async with scoped(remi.store, [turn.space_id]) as connection:
        asked = await actions.find(connection, turn.space_id, action_id) if action_id else None
    if asked is None:
        return Reply(_TOO_LATE), None
    if asked.person_id != turn.newest.person_id:
        return Reply(_NOT_YOURS), None
    match asked.verb:
        case "memory":
            (kind,), (after,) = asked.arguments["kind"], asked.arguments["after"]
            return await _memory(remi, turn, MemoryKind(kind), UUID(after))
        case "forget":
            return await _erase(remi, turn, asked)
        case "again":
            return await _again(remi, turn)
        case "unremind":
            return await remind.cancelled(remi, turn, asked)
        case "link":
            return await link.answered(remi, turn, asked)
        case "unlink":
            return await link.parted(remi, turn, asked)
        case "keep":
            return Reply("Kept."), dropping(turn, asked)
        case _:
            return Reply(_TOO_LATE), None


async def _erase(remi: Remi, turn: Turn, action: Action) -> tuple[Reply, Change | None]:
    message_ids = [UUID(each) for each in action.arguments["messages"]]
    memory_ids = [UUID(each) for each in action.arguments["memories"]]
    await _finish_index(remi, turn)
    async with scoped(remi.store, [turn.space_id]) as connection:
        # Whoever asked as an admin of the chat may have ceased to be one.
        if await not_theirs(connection, _asker(turn), message_ids, memory_ids):
            return Reply(_NOT_THEIRS), None
        if await links.is_moving(connection, turn.space_id):
            return Reply(link.MOVING), None
    answered = dropping(turn, action)

    async def change(connection: Connection) -> None:
        await forgetting.forget(connection, turn.space_id, message_ids, memory_ids)
        await answered(connection)

    return Reply(f"Gone, and whatever came of it: {_counts(message_ids, memory_ids)}."), change


async def _finish_index(remi: Remi, turn: Turn) -> None:
    """What was said just before is to be found too."""
    while await index(remi.store, remi.models.embedder, turn.space_id, turn.conversation_id):
        pass


def _counts(messages: Sequence[object], learned: Sequence[object]) -> str:
    parts = [showing.count(len(messages), "message")] if messages else []
    if learned:
        parts.append(showing.count(len(learned), "memory", "memories"))
    return " and ".join(parts)


def _asker(turn: Turn) -> Asker:
    newest = turn.newest
    return asker(newest.person_id, turn.space_id, newest.event.place, newest.event.author)


def _is_direct(turn: Turn) -> bool:
    return turn.newest.event.place.chat_kind is ChatKind.DIRECT


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
