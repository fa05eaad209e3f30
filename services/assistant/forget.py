"""`/forget`: shows what would go, asks, and then it is gone. By words, by time, by message, or everything.

What a question was about is erased batch by batch before its turn commits; erasing it twice does no harm.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias
from uuid import UUID, uuid4

from services.assistant import browse, dates, link, showing
from services.assistant.buttons import Change, button, dropping, offering
from services.assistant.dates import Stretch
from services.assistant.domain import TEAM_SPACE, Commanded, Memory, Message, Reply, Turn
from services.assistant.index import index
from services.assistant.quotes import quote
from services.assistant.remi import Remi
from services.assistant.rights import asker_in, asker_of, is_direct, not_theirs
from services.assistant.store import conversations, forgetting, links
from services.assistant.store.actions import Action
from services.assistant.store.connection import scoped
from services.assistant.store.forgetting import Doomed, Wish

Arguments: TypeAlias = dict[str, list[str]]

_NOT_THEIRS = "That came from others: only they, or an admin of this chat, can have it erased."
_WHAT = (
    "What shall I forget? Write some words that stand in it (/forget dentist), when it was said (/forget "
    "yesterday, /forget 2026-03-01 to 2026-03-05), /forget last answer, /forget everything; or write /forget "
    "in reply to a message."
)


async def command(remi: Remi, turn: Turn, asked: Commanded) -> tuple[Reply, Change | None]:
    """Show what would go, and ask."""
    text, now = " ".join(asked.arguments.split()), turn.newest.event.sent_at
    await index(remi.store, remi.models.embedder, turn.space_id, turn.conversation_id)
    match text.lower():
        case "" if asked.reply_to:
            return await _message(remi, turn, asked.reply_to)
        case "":
            return Reply(_WHAT), None
        case "last answer" | "the last answer" | "your last answer":
            return await _message(remi, turn, "")
        case "everything":
            return await _everything(remi, turn)
    stretches = dates.stretches(text, now)
    past = tuple((since, min(until, now)) for since, until in stretches if since < now)
    if past:
        wish = Wish(now, stretches=past)
        nothing = f"I remember nothing that was said {_when(past)}."
    else:
        wish = Wish(now, forgetting.dimensions(remi.store.secret, turn.space_id, text))
        nothing = f"I remember nothing that holds {quote(text)}."
        if stretches:
            nothing += " It is still to come, so nothing was said then."
    who, shared = asker_of(turn), await _shared(remi, turn, wish, text)
    async with scoped(remi.store, [turn.space_id]) as connection:
        wish = replace(wish, owner=None if who.is_in_charge else who.person_id)
        doomed = await forgetting.preview(connection, remi.store.secret, turn.space_id, wish)
        if not doomed:
            anybodys = replace(wish, owner=None)
            others = await forgetting.preview(connection, remi.store.secret, turn.space_id, anybodys)
            return Reply(f"{_NOT_THEIRS if others else nothing}{shared}"), None
    return _ask(turn, doomed, turn.space_id, wish, note=shared)


async def _shared(remi: Remi, turn: Turn, wish: Wish, text: str) -> str:
    """Where the person has shared what they want forgotten: that it stays with the team, and how it goes."""
    if not is_direct(turn):
        return ""
    words = forgetting.dimensions(remi.store.secret, TEAM_SPACE, text) if wish.dimensions else ()
    theirs = replace(wish, dimensions=words, owner=turn.newest.person_id)
    async with scoped(remi.store, [TEAM_SPACE]) as connection:
        doomed = await forgetting.preview(connection, remi.store.secret, TEAM_SPACE, theirs)
    if not doomed:
        return ""
    texts = [*(each.text for each in doomed.memories), *(each.text for each in doomed.messages)]
    first = quote(texts[0])
    return (
        f" What you shared with the team stays there, such as {first}: open it in /memory to forget that too."
    )


async def doom(remi: Remi, turn: Turn, asked: Action) -> tuple[Reply, Change | None]:
    """The button below one memory or message: ask whether it shall go."""
    thing = await browse.look_up(remi, turn, asked)
    if thing is None:
        return Reply("That is gone by now."), None
    is_of_team = await browse.is_of_team(remi, turn, thing)
    return await _thing(remi, turn, thing, TEAM_SPACE if is_of_team else turn.space_id)


async def pressed(remi: Remi, turn: Turn, asked: Action) -> tuple[Reply, Change | None]:
    """The answer to the question is yes."""
    if await _is_moving(remi, turn):
        return Reply(link.MOVING), None
    space_id = UUID(asked.arguments["space"][0])
    await index(remi.store, remi.models.embedder, space_id, turn.conversation_id)
    if "messages" in asked.arguments:
        message_ids = [UUID(each) for each in asked.arguments["messages"]]
        memory_ids = [UUID(each) for each in asked.arguments["memories"]]
        async with scoped(remi.store, [space_id]) as connection:
            await links.require_still(connection, space_id)
            # Whoever asked as an admin may have ceased to be one.
            who = await asker_in(connection, turn, space_id)
            if await not_theirs(connection, who, message_ids, memory_ids):
                return Reply(_NOT_THEIRS), None
            await forgetting.forget(connection, space_id, message_ids, memory_ids)
        return Reply(_gone(len(message_ids), len(memory_ids))), dropping(turn, asked)
    wish = _wish(asked)
    if wish.owner is None and not asker_of(turn).is_in_charge:
        return Reply(_NOT_THEIRS), None
    gone = await _in_batches(remi, space_id, wish)
    return Reply(_gone(*gone)), dropping(turn, asked)


async def surely(remi: Remi, turn: Turn, asked: Action) -> tuple[Reply, Change | None]:
    """Everything is asked about twice."""
    if not asker_of(turn).is_in_charge:
        return Reply(_NOT_THEIRS), None
    text = "There is no way back from this, and no copy with me. Really everything?"
    return _asked(turn, text, ("Yes, forget everything", "wipe", {}), ("Keep", "keep", {}))


async def wipe(remi: Remi, turn: Turn) -> tuple[Reply, Change | None]:
    """Everything goes."""
    if not asker_of(turn).is_in_charge:
        return Reply(_NOT_THEIRS), None
    if await _is_moving(remi, turn):
        return Reply(link.MOVING), None
    async with scoped(remi.store, [turn.space_id]) as connection:
        await links.require_still(connection, turn.space_id)
        held = await forgetting.count(connection, turn.space_id)
        await forgetting.wipe(connection, turn.space_id, turn.turn_id)
    went = _counts(held["messages"], held["memories"], held["reminders"])
    return Reply(f"All of it is gone: {went}. What you say from now on, I remember anew."), None


async def _is_moving(remi: Remi, turn: Turn) -> bool:
    async with scoped(remi.store, [turn.space_id]) as connection:
        return await links.is_moving(connection, turn.space_id)


async def _message(remi: Remi, turn: Turn, platform_message_id: str) -> tuple[Reply, Change | None]:
    """One message: the one of this id of the platform's, or Remi's last answer."""
    space_id, conversation_id = turn.space_id, turn.conversation_id
    async with scoped(remi.store, [space_id]) as connection:
        message_id = (
            await conversations.behind(connection, space_id, conversation_id, platform_message_id)
            if platform_message_id
            else await conversations.newest_reply(connection, space_id, conversation_id)
        )
        said = await conversations.said(connection, [space_id], [message_id] if message_id else [])
    if not said:
        return Reply("I have kept nothing of that message."), None
    return await _thing(remi, turn, said[0], space_id)


async def _thing(
    remi: Remi, turn: Turn, thing: Memory | Message, space_id: UUID
) -> tuple[Reply, Change | None]:
    message_ids, memory_ids = browse.ids_of(thing)
    async with scoped(remi.store, [space_id]) as connection:
        who = await asker_in(connection, turn, space_id)
        if await not_theirs(connection, who, message_ids, memory_ids):
            return Reply(_NOT_THEIRS), None
    if isinstance(thing, Message):
        return _ask(turn, Doomed((thing,), (), 1, 0), space_id)
    sources = [str(source.message_id) for source in thing.sources]
    return _ask(turn, Doomed((), (thing,), 0, 1), space_id, sources=sources)


async def _everything(remi: Remi, turn: Turn) -> tuple[Reply, Change | None]:
    if not asker_of(turn).is_in_charge:
        return Reply("Only an admin of this chat can have everything erased."), None
    async with scoped(remi.store, [turn.space_id]) as connection:
        held = await forgetting.count(connection, turn.space_id)
    if not any(held.values()):
        return Reply("I remember nothing here."), None
    text = (
        "Everything that I remember here would be gone for good: "
        f"{_counts(held['messages'], held['memories'], held['reminders'])}, and what my answers rested on. "
        "/export gives you a copy first. Shall I forget everything?"
    )
    return _asked(turn, text, ("Forget everything", "surely", {}), ("Keep", "keep", {}))


def _ask(
    turn: Turn,
    doomed: Doomed,
    space_id: UUID,
    wish: Wish | None = None,
    sources: Sequence[str] = (),
    note: str = "",
) -> tuple[Reply, Change | None]:
    """The question. What is too much for one go is named by the wish, not by its ids."""
    now = turn.newest.event.sent_at
    said = f", said {_when(wish.stretches)}" if wish and wish.stretches else ""
    lines = [
        *(f"- {showing.said(each, now)}" for each in doomed.messages),
        *(f"- {showing.learned(each, now)}" for each in doomed.memories),
    ]
    total = doomed.all_messages + doomed.all_memories
    listed = showing.some(lines, total=total)
    text = (
        "This would be gone for good, and whatever came of it: "
        f"{_counts(doomed.all_messages, doomed.all_memories)}{said}.\n\n{listed}\n\nShall I forget it?{note}"
    )
    arguments: Arguments = {"space": [str(space_id)]}
    if wish and not doomed.is_whole:
        arguments |= _stored(wish)
    else:
        arguments["messages"] = [str(each.message_id) for each in doomed.messages]
        arguments["memories"] = [str(each.memory_id) for each in doomed.memories]
    choices = [("Forget", "forget", arguments), ("Keep", "keep", {})]
    if sources:
        text += " The words it came from stay, unless you forget them too."
        too = {**arguments, "messages": list(sources), "memories": []}
        choices.insert(1, ("Forget its source too", "forget", too))
    return _asked(turn, text, *choices)


def _asked(turn: Turn, text: str, *choices: tuple[str, str, Arguments]) -> tuple[Reply, Change]:
    """A question with its answers, each a label, a verb and what it is about; one takes all buttons away."""
    ids = [uuid4() for _ in choices]
    offered = [
        Action(
            each,
            turn.newest.person_id,
            verb,
            {**about, "other": [str(other) for other in ids if other != each]},
        )
        for each, (_, verb, about) in zip(ids, choices, strict=True)
    ]
    row = tuple(button(label, each) for (label, _, _), each in zip(choices, offered, strict=True))
    return Reply(text, (row,)), offering(turn, *offered)


async def _in_batches(remi: Remi, space_id: UUID, wish: Wish) -> tuple[int, int]:
    """Erase all that a wish comes to, each batch in a transaction of its own; how much that was."""
    async with scoped(remi.store, [space_id]) as connection:
        message_ids, memory_ids = await forgetting.named(connection, remi.store.secret, space_id, wish)
    for start in range(0, max(len(message_ids), len(memory_ids)), forgetting.MOST):
        batch = slice(start, start + forgetting.MOST)
        async with scoped(remi.store, [space_id]) as connection:
            await links.require_still(connection, space_id)
            await forgetting.forget(connection, space_id, message_ids[batch], memory_ids[batch])
    return len(message_ids), len(memory_ids)


def _stored(wish: Wish) -> Arguments:
    """A wish as an action keeps it: no words in it, only what the index knows them by."""
    stored = {"until": [wish.until.isoformat()], "words": [str(each) for each in wish.dimensions]}
    if wish.stretches:
        stored["since"] = [since.isoformat() for since, _ in wish.stretches]
        stored["until"] = [until.isoformat() for _, until in wish.stretches]
    if wish.owner:
        stored["owner"] = [str(wish.owner)]
    return stored


def _wish(asked: Action) -> Wish:
    stored = asked.arguments
    since, until = (
        [datetime.fromisoformat(each) for each in stored.get(name, ())] for name in ("since", "until")
    )
    return Wish(
        max(until),
        tuple(int(each) for each in stored["words"]),
        tuple(zip(since, until, strict=True)) if since else (),
        UUID(stored["owner"][0]) if "owner" in stored else None,
    )


def _gone(messages: int, learned: int) -> str:
    if not (messages or learned):
        return "That was gone already."
    return f"Gone, and whatever came of it: {_counts(messages, learned)}."


def _counts(messages: int, learned: int, reminders: int = 0) -> str:
    parts = [
        *([showing.count(messages, "message")] if messages else []),
        *([showing.count(learned, "memory", "memories")] if learned else []),
        *([showing.count(reminders, "reminder")] if reminders else []),
    ]
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _when(stretches: Sequence[Stretch]) -> str:
    return " and ".join(
        f"until {until:%Y-%m-%d %H:%M}"
        if since == dates.BEGINNING
        else f"from {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M}"
        for since, until in stretches
    )
