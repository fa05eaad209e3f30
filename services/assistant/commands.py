"""What people can ask of Remi by a command, and what its buttons do. None of it calls a chat model."""

from contextlib import aclosing
from dataclasses import dataclass
from uuid import UUID

from services.assistant import browse, correct, forget, link, portable, prefer, remind, share, showing
from services.assistant.buttons import Change, dropping
from services.assistant.domain import Commanded, Edited, Fetch, Pressed, Reply, Said, Turn
from services.assistant.explain import explain
from services.assistant.learn import remember
from services.assistant.quotes import plain, quote
from services.assistant.remi import Remi
from services.assistant.rights import asker_of, is_direct
from services.assistant.store import actions, conversations, traces, turns
from services.assistant.store.connection import Connection, scoped


@dataclass(frozen=True, slots=True)
class Command:
    """How gateways announce a command. `argument` and `file` are empty where it takes none."""

    name: str
    description: str
    argument: str = ""
    file: str = ""


MANIFEST = (
    Command("start", "Who I am, what I keep and who sees it"),
    Command("help", "What I can do"),
    Command("memory", "What I know about you; with words, what I remember of them", "words"),
    Command("remember", "Remember something, word for word", "text"),
    Command("correct", "Put right what I have wrong, by its number in the last list", "number and text"),
    Command("forget", "Erase by words, by time, the last answer or everything; I ask first", "what"),
    Command("share", "Let the team know something that you told me", "words"),
    Command("remind", "Remind you of something at a time", "when and what"),
    Command("reminders", "What I'll remind you of here; change or cancel it", "number"),
    Command("timezone", "Where your clock is: a city, or a name such as Europe/Berlin", "city"),
    Command("language", "The language I answer you in; auto for the one you write in", "name"),
    Command("private", "In a group: on keeps nothing of what you say there", "on or off"),
    Command("listen", "In a group, for its admins: on keeps what isn't said to me too", "on or off"),
    Command("link", "Be one person here and on another channel; gives a code, or takes it", "code"),
    Command("unlink", "Part the accounts that were linked; I ask first"),
    Command("why", "What my last answer, or the one you reply to, rested on"),
    Command("export", "All that I remember here, as a file"),
    Command("import", "Bring such a file back, or one from another assistant", file="file"),
    Command("new", "Begin a fresh topic; what I remember stays"),
    Command("stop", "Stop the answer I am writing"),
)

LARGEST_FILE = 9_000_000
"""Bytes: what every platform lets a bot send."""
_TOO_LARGE = (
    "That is more than I can send in a chat. Whoever runs me can write it into a file: `docs/export.md` "
    "tells how, by `services.terminal export FILE`."
)
LARGEST_IMPORT = 20_000_000
"""Bytes: what every platform lets a bot fetch."""
_IMPORT = (
    "Send me the file with /import as its caption, or reply /import to it; on Discord, choose it with the "
    "command; at a terminal, write its path behind it. I read one of mine from /export, ChatGPT's "
    "`conversations.json`, and Charlie Mnemonic's memory file. It is read whole before anything changes, and "
    "bringing it twice adds nothing. "
)
_LARGER = (
    "A larger one can be brought in by whoever runs me: `docs/export.md` tells how, by "
    "`services.terminal import FILE`."
)
_NO_FILES = "I can't fetch files here yet."

_TOO_LATE = "This button was used already, or is too old. Please give the command again."
_NOT_YOURS = "This button is for the person who gave the command."


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
            return await _start(remi, turn), None
        case "help":
            return _help(), None
        case "memory" if body.arguments:
            return await browse.found(remi, turn, body.arguments)
        case "memory":
            return await browse.listed(remi, turn)
        case "correct":
            return await correct.command(remi, turn, body)
        case "share":
            return await share.command(remi, turn, body)
        case "remember":
            return _remember(turn, body.arguments)
        case "forget":
            return await forget.command(remi, turn, body)
        case "remind":
            return await remind.command(remi, turn, body.arguments)
        case "reminders":
            return await remind.listed(remi, turn, body.arguments)
        case "timezone":
            return prefer.timezone(remi, turn, body.arguments)
        case "language":
            return prefer.language(remi, turn, body.arguments)
        case "private":
            return await prefer.private(remi, turn, body.arguments)
        case "listen":
            return await prefer.listen(remi, turn, body.arguments)
        case "link":
            return await link.command(remi, turn, body.arguments)
        case "unlink":
            return await link.part(remi, turn)
        case "why":
            return await _why(remi, turn, body.reply_to), None
        case "export":
            return await _export(remi, turn), None
        case "import":
            return _import(turn, body), None
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
            return (
                "I can't open files yet. Please tell me in words what matters in it. A memory to take in "
                "comes with /import."
            )
        case _:
            return "There are no words in this message. Please tell me in words."


async def _start(remi: Remi, turn: Turn) -> Reply:
    keeps_here = None if is_direct(turn) else await prefer.group_keeps(remi, turn)
    return Reply(showing.introduction(turn.newest.event.author.display_name, keeps_here))


def _help() -> Reply:
    lines = [f"- {_usage(command)}: {command.description}" for command in MANIFEST]
    return Reply("\n".join(["Just talk to me, or use a command:", "", *lines]))


def _usage(command: Command) -> str:
    return f"/{command.name} *{command.argument}*" if command.argument else f"/{command.name}"


def _remember(turn: Turn, text: str) -> tuple[Reply, Change | None]:
    message_id = turn.newest.message_id
    if message_id is None:
        return Reply(
            "What shall I remember? Write it behind the command: /remember I take my tea black."
        ), None

    async def change(connection: Connection) -> None:
        await remember(connection, turn.space_id, message_id, text, turn.newest.event.sent_at)

    return Reply(f"I'll remember: {quote(text)}"), change


async def _why(remi: Remi, turn: Turn, reply_to: str) -> Reply:
    async with scoped(remi.store, turn.spaces) as connection:
        turn_id = await traces.find(connection, turn.space_id, turn.conversation_id, reply_to)
        if turn_id is None and reply_to:
            return Reply("I know of no answer of mine behind that message.")
        if turn_id is None:
            return Reply("I haven't answered anything in this conversation yet.")
        explained = await explain(connection, turn.spaces, turn.space_id, turn_id)
    return Reply(showing.explanation(explained, turn.newest.event.sent_at, remi.knobs.prices))


async def _again(remi: Remi, turn: Turn) -> tuple[Reply, Change | None]:
    """What no model answered is tried once more, right after this."""
    async with scoped(remi.store, [turn.space_id]) as connection:
        if not await turns.is_parked(connection, turn.space_id, turn.conversation_id):
            return Reply("That has been answered already."), None

    async def change(connection: Connection) -> None:
        await turns.hurry(connection, turn.space_id, turn.conversation_id)

    return Reply("I'm trying again."), change


async def _export(remi: Remi, turn: Turn) -> Reply:
    if not asker_of(turn).is_in_charge:
        return Reply("Only an admin of this chat can take all of its memory along.")
    held = bytearray()
    async with aclosing(portable.pieces(remi.store, turn.space_id)) as pieces:
        async for piece in pieces:
            held += piece
            if len(held) > LARGEST_FILE:
                return Reply(_TOO_LARGE)
    name = f"remi-{turn.newest.event.sent_at:%Y-%m-%d}.jsonl"
    return Reply(
        "Here is all I remember here: every message, what I learned from them, and what I shall remind of. "
        "Whoever has this file can read all of it. /import tells how to bring it back.",
        file_name=name,
        file_content=bytes(held),
    )


def _import(turn: Turn, body: Commanded) -> Reply:
    if not asker_of(turn).is_in_charge:
        return Reply("Only an admin of this chat can bring a memory into it.")
    if body.file is None:
        return Reply(_IMPORT + _LARGER)
    if turn.is_over_limit:
        # What was said elsewhere is learned from, by the model that the limit is for.
        return Reply("You have had all that your team allows for today. Please bring it tomorrow.")
    if body.file.size_bytes > LARGEST_IMPORT:
        return Reply(f"I can't fetch files of more than {LARGEST_IMPORT // 1_000_000} MB. {_LARGER}")
    # The text is for a gateway that fetches nothing; any other says what came of the file instead.
    return Reply(_NO_FILES, fetch=Fetch(body.file.reference, turn.newest.event.author))


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
            return await browse.listed(remi, turn, asked)
        case "open":
            return await browse.opened(remi, turn, asked)
        case "correct":
            return correct.pressed(asked), None
        case "share":
            return await share.pressed(remi, turn, asked), None
        case "doom":
            return await forget.doom(remi, turn, asked)
        case "forget":
            return await forget.pressed(remi, turn, asked)
        case "surely":
            return await forget.surely(remi, turn, asked)
        case "wipe":
            return await forget.wipe(remi, turn)
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


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
