"""`/share`: something that a person told Remi goes into the team's memory, because they say so.

It is copied under ids that follow from what it is a copy of: sharing twice adds nothing. What is shared is
the sharer's to forget, or that of an admin of the team.
"""

from datetime import datetime
from uuid import UUID, uuid5

from services.assistant import browse, showing
from services.assistant.buttons import Change, offering
from services.assistant.domain import (
    TEAM_SPACE,
    Access,
    Author,
    Commanded,
    Memory,
    MemoryKind,
    Message,
    Reply,
    Role,
    TeamRole,
    Turn,
)
from services.assistant.index import index
from services.assistant.quotes import quote
from services.assistant.remi import Remi
from services.assistant.rights import is_direct
from services.assistant.store import actions, conversations, memories
from services.assistant.store.actions import Action
from services.assistant.store.connection import Connection, scoped

MOST = 5
"""What `/share` with words offers: one row of buttons."""

_NOT_HERE = "Sharing with the team works only when you talk to me directly."
_WHAT = (
    "What shall I share with the team? Write some words that stand in it (/share wifi of the office), its "
    "number in the last list (/share 3), or /share in reply to a message of yours."
)
_GONE = "That is gone by now."


async def command(remi: Remi, turn: Turn, asked: Commanded) -> tuple[Reply, Change | None]:
    """`/share words`, `/share 3`, or `/share` in reply to a message."""
    if not is_direct(turn):
        return Reply(_NOT_HERE), None
    if asked.reply_to and not asked.arguments.strip():
        async with scoped(remi.store, [turn.space_id]) as connection:
            message_id = await conversations.behind(
                connection, turn.space_id, turn.conversation_id, asked.reply_to
            )
            said = await conversations.said(connection, [turn.space_id], [message_id] if message_id else [])
        return await _shared(remi, turn, said[0] if said else None), None
    if asked.numbered is not None and not asked.numbered[1]:
        async with scoped(remi.store, [turn.space_id]) as connection:
            listed = await actions.numbered(
                connection, turn.space_id, turn.newest.person_id, asked.numbered[0]
            )
        return (await pressed(remi, turn, listed) if listed else Reply(_WHAT)), None
    if not asked.arguments.strip():
        return Reply(_WHAT), None
    hits = await browse.look_for(remi, turn, asked.arguments, [turn.space_id])
    hits = [each for each in hits if each.role is Role.PERSON][:MOST]
    if not hits:
        return Reply(f"I remember nothing about {quote(asked.arguments)} that you told me here."), None
    lines = [
        f"{number}. {showing.recalled(each, turn.newest.event.sent_at)}"
        for number, each in enumerate(hits, start=1)
    ]
    things = [browse.thing_of(each) for each in hits]
    rows, offered = browse.numbered(turn, things, verb="share", label="Share ")
    heading = "Which shall I share? Everybody in the team can ask me about it then."
    if not browse.are_found(turn, hits, asked.arguments):
        heading = (
            f"Nothing that you told me holds {quote(asked.arguments)}. What comes nearest is this. {heading}"
        )
    return Reply("\n".join([heading, "", *lines]), rows), offering(turn, *offered)


async def pressed(remi: Remi, turn: Turn, asked: Action) -> Reply:
    """The button that shares one thing."""
    if not is_direct(turn):
        return Reply(_NOT_HERE)
    return await _shared(remi, turn, await browse.look_up(remi, turn, asked))


async def _shared(remi: Remi, turn: Turn, thing: Memory | Message | None) -> Reply:
    match thing:
        case None:
            return Reply(_GONE)
        case Memory(space_id=space_id) if space_id != turn.space_id:
            return Reply("The team knows that already.")
        case Memory(superseded_at=datetime()):
            return Reply("That no longer holds.")
        case Memory(kind=MemoryKind.INSTRUCTION):
            return Reply("That is how I am to behave with you. I share only what is so, not what I am to do.")
        case Message(role=Role.REMI):
            return Reply("Those are my own words. I share only what people told me.")
        case Memory():
            holds = await _copy_memory(remi, turn, thing)
        case Message():
            holds = await _copy_message(remi, turn, thing)
    if not holds:
        return Reply("The team was told that before, and has put it right since: /memory lists what holds.")
    conversation_id = conversation(turn.conversation_id)
    await index(remi.store, remi.models.embedder, TEAM_SPACE, conversation_id)
    return Reply(
        f"Shared with the team: {quote(thing.text, 300)} Everybody in it can ask me about it now. Your name "
        "stands with it. /memory lists it; open it there to take it back."
    )


async def _copy_memory(remi: Remi, turn: Turn, memory: Memory) -> bool:
    """Copy it, if the team hasn't it; False if the team's copy no longer holds."""
    memory_id = _copy_id(memory)
    # What is always shown to one person is not to be always shown to all.
    kind = MemoryKind.FACT if memory.kind is MemoryKind.PROFILE else memory.kind
    async with scoped(remi.store, [TEAM_SPACE]) as connection:
        if known := await memories.some(connection, [TEAM_SPACE], [memory_id]):
            return known[0].superseded_at is None
        copies = [
            (
                await note(
                    connection, turn, source.message_id, source.author_name, source.quote, source.sent_at
                ),
                source.quote,
            )
            for source in memory.sources
        ]
        now = turn.newest.event.sent_at
        await memories.insert(
            connection, TEAM_SPACE, memory_id, kind, memory.text, now, copies, details=memory.details
        )
    return True


async def _copy_message(remi: Remi, turn: Turn, message: Message) -> bool:
    """The same for what was said."""
    memory_id = uuid5(TEAM_SPACE, f"said {message.message_id}")
    async with scoped(remi.store, [TEAM_SPACE]) as connection:
        if known := await memories.some(connection, [TEAM_SPACE], [memory_id]):
            return known[0].superseded_at is None
        copy = await note(
            connection, turn, message.message_id, message.author_name, message.text, message.sent_at
        )
        now = turn.newest.event.sent_at
        await memories.insert(
            connection, TEAM_SPACE, memory_id, MemoryKind.FACT, message.text, now, [(copy, message.text)]
        )
    return True


async def is_shared(remi: Remi, memory: Memory) -> bool:
    """Whether the team has a copy of a memory, and holds it for true."""
    async with scoped(remi.store, [TEAM_SPACE]) as connection:
        copies = await memories.some(connection, [TEAM_SPACE], [_copy_id(memory)])
    return any(copy.superseded_at is None for copy in copies)


def _copy_id(memory: Memory) -> UUID:
    return uuid5(TEAM_SPACE, str(memory.memory_id))


async def note(
    connection: Connection, turn: Turn, original: UUID, author_name: str, text: str, sent_at: datetime
) -> UUID:
    """A message of the team's space that holds these words of the person's, and no more of what they said.

    The connection is in scope of the team's space. Doing it twice adds nothing.
    """
    person_id, event = turn.newest.person_id, turn.newest.event
    access = Access(person_id, TeamRole.MEMBER, TEAM_SPACE, conversation(turn.conversation_id))
    author = Author(event.author.platform, event.author.user_id, author_name)
    message_id = uuid5(TEAM_SPACE, f"{original} {text}")
    return await conversations.note(connection, event.place, author, access, text, sent_at, message_id)


def conversation(conversation_id: UUID) -> UUID:
    """The team's conversation that holds what is shared from this one."""
    return uuid5(TEAM_SPACE, str(conversation_id))
