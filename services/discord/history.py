"""What the history says that no event told: messages that came, changed or went while the bot was away."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from functools import partial

import discord

from services.discord import translate
from services.discord.arrival import Arrival

# How far back, counted in messages of the channel, changes are looked for.
LOOK_BACK = 200
UNKNOWN_MESSAGE = 10008


async def missed(
    channel: discord.abc.Messageable, after: int, bot: discord.ClientUser
) -> AsyncIterator[Arrival]:
    """What was said after a message, oldest first."""
    async for said in channel.history(limit=None, after=discord.Object(after), oldest_first=True):
        yield Arrival(partial(translate.message, said, bot=bot), message_id=said.id)


async def changes(
    channel: discord.abc.Messageable, kept: Mapping[int, bytes], newest: int, bot: discord.ClientUser
) -> AsyncIterator[Arrival]:
    """Of the messages that the assistant keeps, those up to `newest` that read differently now or are gone.

    `kept` maps their ids to the SHA-256 of the text as the assistant has it. Their keys are those under which
    a live event would have come. An edit from before `newest` was said is known: its words may differ all the
    same, since they hold names, which change, and history doesn't tell what somebody is called in a guild.
    """
    known = sorted(message_id for message_id in kept if message_id <= newest)
    if not known:
        return
    found = {
        said.id: said async for said in channel.history(limit=LOOK_BACK, before=discord.Object(newest + 1))
    }
    known_until = discord.utils.snowflake_time(newest)
    oldest = min(found) if len(found) == LOOK_BACK else 0
    for message_id in known:
        said = found.get(message_id)
        if said is None and message_id >= oldest and await _is_gone(channel, message_id):
            yield Arrival(partial(translate.deletion, {message_id}, at=datetime.now(UTC)))
        elif said and _is_edited(said, known_until) and kept[message_id] != _digest(said, bot):
            yield Arrival(partial(translate.edit, said, bot=bot))


def _is_edited(said: discord.Message, since: datetime) -> bool:
    return said.edited_at is not None and said.edited_at >= since


async def _is_gone(channel: discord.abc.Messageable, message_id: int) -> bool:
    """Only Discord's own word counts: whoever may not read the history sees an empty one."""
    try:
        await channel.fetch_message(message_id)
    except discord.NotFound as error:
        return error.code == UNKNOWN_MESSAGE
    except discord.Forbidden:
        return False
    return False


def _digest(said: discord.Message, bot: discord.ClientUser) -> bytes:
    return hashlib.sha256(translate.words(said, bot).encode("utf-8", "surrogatepass")).digest()
