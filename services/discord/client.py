"""The connection to Discord: logging in and staying connected."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiohttp
import discord
import structlog

from services.errors import SettingsError
from services.gateway.backoff import delays

# Discord sends the guilds one by one when a session begins; after so long without another, all are there.
GUILD_READY_SECONDS = 0.5
# Longer waits are the assistant's: it sends the delivery again when the chat is open.
MAX_WAIT_SECONDS = 30.0
WRONG_TOKEN = 4004

_log = structlog.get_logger()


def make_client() -> discord.Client:
    """A client that hears messages, reactions and interactions, pings nobody, and remembers no messages."""
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
    intents = discord.Intents(
        guilds=True,
        guild_messages=True,
        guild_reactions=True,
        dm_messages=True,
        dm_reactions=True,
        message_content=True,
    )
    return discord.Client(
        intents=intents,
        allowed_mentions=discord.AllowedMentions.none(),
        max_messages=None,
        guild_ready_timeout=GUILD_READY_SECONDS,
        max_ratelimit_timeout=MAX_WAIT_SECONDS,
    )


@contextlib.asynccontextmanager
async def logged_in(token: str) -> AsyncIterator[discord.Client]:
    """A client that knows who it is; tries for as long as Discord is away. Raises SettingsError."""
    for delay in delays():
        async with make_client() as client:
            try:
                await client.login(token)
            except discord.LoginFailure:
                raise SettingsError("DISCORD_BOT_TOKEN: Discord doesn't take it") from None
            except (aiohttp.ClientError, OSError, TimeoutError, discord.HTTPException) as error:
                _log.warning("discord is away", error=type(error).__name__)
            else:
                yield client
                return
        await asyncio.sleep(delay)


async def stay_connected(client: discord.Client) -> None:
    """Keep the gateway's connection, for ever. Raises SettingsError where Discord won't have it."""
    try:
        await client.connect()
    except discord.PrivilegedIntentsRequired:
        raise SettingsError(
            "DISCORD_BOT_TOKEN: this bot may not read messages yet; "
            "switch on Bot -> Message Content Intent in Discord's developer portal"
        ) from None
    except discord.ConnectionClosed as closed:
        if closed.code == WRONG_TOKEN:
            raise SettingsError("DISCORD_BOT_TOKEN: Discord doesn't take it any more") from None
        raise
