"""What a person or a group sets: time zone, language, whose words are kept, whether Remi listens along."""

import re
from unicodedata import category
from zoneinfo import ZoneInfo

from services.assistant import showing, zones
from services.assistant.buttons import Change
from services.assistant.domain import GroupKeeps, Reply, Turn
from services.assistant.quotes import plain, quote
from services.assistant.remi import Remi
from services.assistant.rights import is_direct
from services.assistant.store import directory
from services.assistant.store.connection import Connection, alone

_LANGUAGE = re.compile(r"L{2,20}(?:[ -]L{1,20}){0,2}")
"""A name's letters, each one an L."""
_ON_OFF = {"on": True, "off": False}


def timezone(remi: Remi, turn: Turn, text: str) -> tuple[Reply, Change | None]:
    """Where the person's clock is. Reminders that are set already stay where they are."""
    now = turn.newest.event.sent_at
    if not text.strip():
        assert isinstance(now.tzinfo, ZoneInfo)
        known = f"I take your clock to be that of {zones.shown(now.tzinfo)}" + (
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
    where = ZoneInfo(name)
    return Reply(
        f"Your clock is that of {zones.shown(where)} then, and shows {now.astimezone(where):%H:%M}. "
        "Reminders that are set stay."
    ), change


def language(remi: Remi, turn: Turn, text: str) -> tuple[Reply, Change | None]:
    """The language a person is answered in: at most three words, so that only a name gets into a prompt."""
    name, person_id = " ".join(text.split()), turn.newest.person_id
    if not name:
        known = turn.newest.language or "the language you write in"
        return Reply(
            f"I answer you in {plain(known)}. /language Deutsch changes it, /language auto undoes it."
        ), None
    if not _LANGUAGE.fullmatch(_letters(name)):
        return Reply(f"I know no language called {quote(name)}. Its name will do: /language Deutsch."), None
    wanted = "" if name.lower() == "auto" else name

    async def change(connection: Connection) -> None:
        await directory.speak(connection, person_id, wanted)

    remi.door.lately.clear()
    if not wanted:
        return Reply("I answer in the language you write in, then."), change
    without = (
        "" if remi.models.chat else " Without a language model I only quote, in the language it was said in."
    )
    return Reply(f"I answer you in {plain(wanted)} from now on.{without}"), change


def _letters(name: str) -> str:
    # Many scripts write vowels as marks upon a letter.
    return "".join("L" if category(each)[0] in "LM" else each if each in " -" else "?" for each in name)


async def group_keeps(remi: Remi, turn: Turn) -> GroupKeeps:
    """What is kept in the turn's group, and of what its author says there."""
    async with alone(remi.store) as connection:
        return await directory.group_keeps(connection, turn.space_id, turn.newest.event.author)


async def private(remi: Remi, turn: Turn, text: str) -> tuple[Reply, Change | None]:
    """Whether a person's own words in a group are kept."""
    if is_direct(turn):
        return Reply("This talk is private anyway: nobody but you gets to see it."), None
    is_on = _ON_OFF.get(text.strip().lower())
    if is_on is None:
        kept = showing.what_is_kept(await group_keeps(remi, turn))
        return Reply(
            f"{kept} Say /private on, and I keep nothing of what you say in this group; "
            "/private off undoes it."
        ), None

    async def change(connection: Connection) -> None:
        await directory.put_aside(connection, turn.space_id, turn.newest.event.author, is_on)

    remi.door.lately.clear()
    if is_on:
        return Reply(
            "From now on I keep nothing of what you say in this group, so I can't answer it here either; "
            "commands such as /memory still work. What you said before stays until you /forget it."
        ), change
    return Reply("I keep what you say to me in this group again."), change


async def listen(remi: Remi, turn: Turn, text: str) -> tuple[Reply, Change | None]:
    """Whether what is said in a group, but not to Remi, is kept too."""
    event = turn.newest.event
    if is_direct(turn):
        return Reply("I listen to all you say here. /listen is for groups."), None
    is_on = _ON_OFF.get(text.strip().lower())
    if is_on is None:
        kept = showing.what_is_kept(await group_keeps(remi, turn))
        return Reply(
            f"{kept} With /listen on I keep all that is said in this group; /listen off undoes it."
        ), None
    if not event.author.is_chat_admin:
        return Reply("Only an admin of this chat can say whether I listen along."), None

    async def change(connection: Connection) -> None:
        await directory.listen(connection, turn.space_id, is_on)

    remi.door.lately.clear()
    if is_on:
        return Reply(
            "To everybody here: from now on I keep all that is said in this group and learn from it, "
            "also what isn't said to me. All of you can ask about it. /private on leaves your messages out."
        ), change
    return Reply(
        "To everybody here: from now on I keep only what is said to me, and what that replies to."
    ), change
