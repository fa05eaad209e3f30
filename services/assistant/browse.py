"""`/memory`: what is known, page by page or by words; and one thing of it, with where it came from.

Every line of a list has a number, and a button of that number that opens it. `/correct` and `/share` take
numbers of the list that the person was shown last.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import TypeAlias
from uuid import UUID, uuid4

from services.assistant import dates, showing
from services.assistant.buttons import Change, action, button, offering
from services.assistant.domain import (
    TEAM_SPACE,
    Button,
    Memory,
    MemoryKind,
    Message,
    Recalled,
    Reply,
    Role,
    Turn,
)
from services.assistant.index import index
from services.assistant.offline import beside_set_phrases
from services.assistant.quotes import quote
from services.assistant.recall import Query, recall
from services.assistant.remi import Remi
from services.assistant.rights import asker_in, is_direct, not_theirs
from services.assistant.store import conversations, memories
from services.assistant.store.actions import Action
from services.assistant.store.connection import scoped
from services.assistant.words import stems

PAGE = 10
"""Memories in one message: two rows of buttons, with room for one more."""
FOUND = 10
"""Most lines that a search shows."""
NEAREST = 3
"""Most lines where nothing holds any of the words."""
ROW = 5
"""Buttons in a row: what every platform shows."""

_HEADINGS = {
    MemoryKind.INSTRUCTION: "What I keep to",
    MemoryKind.PROFILE: "Profile",
    MemoryKind.FACT: "Facts",
    MemoryKind.EVENT: "Events",
}
_KINDS = tuple(_HEADINGS)
_GONE = "That is gone by now."

Named: TypeAlias = dict[str, list[str]]
"""A memory or a message, as an action's arguments name it."""
Rows: TypeAlias = tuple[tuple[Button, ...], ...]


async def listed(remi: Remi, turn: Turn, asked: Action | None = None) -> tuple[Reply, Change | None]:
    """One page of what is known; after the first, the one that its button asks for."""
    kind, shown, list_id = _KINDS[0], 0, str(uuid4())
    after: memories.After | None = None
    if asked is not None:
        memory_id, learned_at = asked.arguments["after"]
        after = datetime.fromisoformat(learned_at), UUID(memory_id)
        kind = MemoryKind(asked.arguments["kind"][0])
        shown, list_id = int(asked.arguments["shown"][0]), asked.arguments["list"][0]
    found: list[Memory] = []
    async with scoped(remi.store, turn.spaces) as connection:
        said = await conversations.count_messages(connection, turn.space_id)
        for each in _KINDS[_KINDS.index(kind) :]:
            size = PAGE + 1 - len(found)
            start = after if each is kind else None
            found += await memories.page(connection, turn.spaces, each, after=start, size=size)
            if len(found) > PAGE:
                break
    whom = "you" if is_direct(turn) else "this group"
    known = showing.count(said, "message")
    counted = f"I remember {known} word for word. /memory with some words searches in them."
    if not found:
        why = (
            " yet"
            if remi.models.memory
            else ": that takes a language model. /remember keeps what you want here"
        )
        return Reply(f"I haven't drawn conclusions about {whom}{why}. {counted}"), None
    page, now = found[:PAGE], turn.newest.event.sent_at
    team = " and from the team" if any(memory.space_id == TEAM_SPACE for memory in page) else ""
    parts, number = [f"**What I know about {whom}{team}**"], shown
    for heading, group in groupby(page, key=lambda memory: _HEADINGS[memory.kind]):
        lines = []
        for memory in group:
            number += 1
            lines.append(f"{number}. {showing.learned(memory, now)}")
        parts.append("\n".join([f"**{heading}**", "", *lines]))
    text = "\n\n".join(
        [*parts, f"Press a number to see where it came from, to correct or forget it. {counted}"]
    )
    rows, opened = numbered(turn, [memory_of(each) for each in page], list_id, shown)
    if len(found) <= PAGE:
        return Reply(text, rows), offering(turn, *opened)
    more = action(
        turn,
        "memory",
        kind=[page[-1].kind],
        after=[str(page[-1].memory_id), page[-1].learned_at.isoformat()],
        shown=[str(number)],
        list=[list_id],
    )
    return Reply(text, (*rows, (button("More", more),))), offering(turn, *opened, more)


async def found(remi: Remi, turn: Turn, words: str) -> tuple[Reply, Change | None]:
    """What is remembered of some words, numbered."""
    hits = await look_for(remi, turn, words, turn.spaces)
    if not hits:
        return Reply(f"I remember nothing about {quote(words)}."), None
    heading = f"**What I remember about {quote(words)}**"
    if not are_found(turn, hits, words):
        hits = hits[:NEAREST]
        heading = f"Nothing that I remember holds {quote(words)}. What comes nearest:"
    lines = [
        f"{number}. {showing.recalled(each, turn.newest.event.sent_at)}"
        for number, each in enumerate(hits, start=1)
    ]
    rows, opened = numbered(turn, [thing_of(each) for each in hits])
    text = "\n".join([heading, "", *lines])
    return Reply(f"{text}\n\nPress a number to see more of it.", rows), offering(turn, *opened)


def are_found(turn: Turn, hits: Sequence[Recalled], words: str) -> bool:
    """Whether these hold what was looked for, rather than coming near it."""
    return bool(dates.ranges(words, turn.newest.event.sent_at)) or any(_holds(each, words) for each in hits)


async def look_for(remi: Remi, turn: Turn, words: str, spaces: Sequence[UUID]) -> list[Recalled]:
    """What recall finds for some words, best first; what was said just before too.

    What holds none of the words must be at least half as near in meaning as the nearest. What somebody said
    several times over is there once; that Remi noted it, or knew nothing of it, is not there.
    """
    await index(remi.store, remi.models.embedder, turn.space_id, turn.conversation_id)
    now = turn.newest.event.sent_at
    query = Query(words, tuple(spaces), now, remi.knobs.token_budget, limit=FOUND)
    recollection = await recall(remi.store, remi.models.embedder, query)
    once: dict[tuple[str, str, bool], Recalled] = {}
    for each in recollection.recalled:
        if each.shown and (each.role is Role.PERSON or beside_set_phrases(each.text)):
            once.setdefault((each.author_name, each.text.casefold(), each.superseded), each)
    nearest = max((each.vector_score for each in once.values()), default=0)
    if dates.ranges(words, now):
        return list(once.values())
    return [each for each in once.values() if each.vector_score >= nearest / 2 or _holds(each, words)]


def _holds(found: Recalled, words: str) -> bool:
    return bool(set(stems(words)) & set(stems(f"{found.author_name} {found.text}")))


async def opened(remi: Remi, turn: Turn, asked: Action) -> tuple[Reply, Change | None]:
    """One thing of a list: all of it, where it came from, and buttons for what may be done about it."""
    thing = await look_up(remi, turn, asked)
    if thing is None:
        return Reply(_GONE), None
    now, number = turn.newest.event.sent_at, asked.arguments["number"][0]
    ours = {name: ids for name, ids in asked.arguments.items() if name in ("memory", "message")}
    space_id = TEAM_SPACE if await is_of_team(remi, turn, thing) else turn.space_id
    async with scoped(remi.store, [space_id]) as connection:
        who = await asker_in(connection, turn, space_id)
        is_theirs = not await not_theirs(connection, who, *ids_of(thing))
        past = (
            await memories.replaced(connection, space_id, thing.memory_id)
            if isinstance(thing, Memory)
            else ()
        )
    is_own = space_id == turn.space_id
    offered: list[tuple[str, Action]] = []
    if isinstance(thing, Memory):
        text = showing.card(thing, now, past)
        if is_theirs and (is_own or is_direct(turn)) and thing.superseded_at is None:
            offered.append(("Correct", action(turn, "correct", number=[number], **ours)))
            text += f"\n\nIf it is wrong: `/correct {number}` and then what is right."
    else:
        text = showing.said(thing, now, 2000)
    if is_theirs:
        offered.append(("Forget", action(turn, "doom", **ours)))
    if is_own and is_direct(turn):
        offered.append(("Share with the team", action(turn, "share", **ours)))
    row = tuple(button(label, each) for label, each in offered)
    return Reply(text, (row,) if row else ()), offering(turn, *(each for _, each in offered))


async def look_up(remi: Remi, turn: Turn, asked: Action) -> Memory | Message | None:
    """What a button or a number names; None if it is gone."""
    async with scoped(remi.store, turn.spaces) as connection:
        if "memory" in asked.arguments:
            named = [UUID(each) for each in asked.arguments["memory"]]
            return next(iter(await memories.some(connection, turn.spaces, named)), None)
        named = [UUID(each) for each in asked.arguments["message"]]
        return next(iter(await conversations.said(connection, turn.spaces, named)), None)


async def is_of_team(remi: Remi, turn: Turn, thing: Memory | Message) -> bool:
    if isinstance(thing, Memory):
        return thing.space_id == TEAM_SPACE
    async with scoped(remi.store, [turn.space_id]) as connection:
        return not await conversations.said(connection, [turn.space_id], [thing.message_id])


def ids_of(thing: Memory | Message) -> tuple[list[UUID], list[UUID]]:
    """Of a thing, the messages and the memories: one of either."""
    return ([], [thing.memory_id]) if isinstance(thing, Memory) else ([thing.message_id], [])


def memory_of(memory: Memory) -> Named:
    return {"memory": [str(memory.memory_id)]}


def thing_of(recalled: Recalled) -> Named:
    """What a line of recall is, as a button names it."""
    if recalled.memory_id is not None:
        return {"memory": [str(recalled.memory_id)]}
    return {"message": [str(recalled.message_id)]}


def numbered(
    turn: Turn,
    things: Sequence[Named],
    list_id: str = "",
    shown: int = 0,
    *,
    verb: str = "open",
    label: str = "",
) -> tuple[Rows, list[Action]]:
    """Rows of buttons for the things of a list: a new one, or the next page of one."""
    list_id = list_id or str(uuid4())
    offered = [
        action(turn, verb, number=[str(number)], list=[list_id], **thing)
        for number, thing in enumerate(things, start=shown + 1)
    ]
    buttons = [button(label + each.arguments["number"][0], each) for each in offered]
    return in_rows(buttons), offered


def in_rows(buttons: Sequence[Button]) -> Rows:
    """As many in a row as every platform shows: Discord takes five rows, and no reply with more."""
    return tuple(tuple(buttons[start : start + ROW]) for start in range(0, len(buttons), ROW))
