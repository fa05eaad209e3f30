"""The assistant's commands as Discord's slash commands."""

import asyncio
from typing import Any

import aiohttp
import discord
import structlog

from services.gateway.backoff import delays
from services.stubs.assistant.v1 import assistant_pb2 as pb

CHAT_INPUT = 1
TEXT_OPTION, ATTACHMENT_OPTION = 3, 11
IN_GUILDS, WITH_THE_BOT = 0, 1
INSTALLED_IN_GUILD = 0

_log = structlog.get_logger()


async def register(client: discord.Client, manifest: pb.CommandManifest) -> None:
    """Make these the bot's commands everywhere, in the place of all others; tried while Discord is away."""
    assert client.application_id is not None, "register after the login"
    commands: list[Any] = [describe(command) for command in manifest.commands]
    for delay in delays():
        try:
            await client.http.bulk_upsert_global_commands(client.application_id, commands)
        except (aiohttp.ClientError, OSError, TimeoutError, discord.DiscordServerError) as error:
            _log.warning("discord is away", error=type(error).__name__)
            await asyncio.sleep(delay)
        except (discord.HTTPException, discord.RateLimited) as error:
            _log.error("commands refused", error=type(error).__name__)
            return
        else:
            _log.info("commands registered", count=len(commands))
            return


def describe(command: pb.CommandDescription) -> dict[str, Any]:
    """One command in Discord's form. What it takes may be left out: the assistant says what is missing."""
    described: dict[str, Any] = {
        "type": CHAT_INPUT,
        "name": command.name,
        "description": command.description,
        "contexts": [IN_GUILDS, WITH_THE_BOT],
        "integration_types": [INSTALLED_IN_GUILD],
    }
    taken = ((TEXT_OPTION, command.argument), (ATTACHMENT_OPTION, command.file))
    if options := [_option(kind, name) for kind, name in taken if name]:
        described["options"] = options
    return described


def _option(kind: int, taken: str) -> dict[str, Any]:
    # A name has no blanks, and one bad name has Discord refuse all commands.
    return {"type": kind, "name": "_".join(taken.split()), "description": taken, "required": False}
