"""Edits of our messages as discord.py's own don't make them: no link in them is fetched and shown."""

from collections.abc import Awaitable, Callable
from typing import Any

import discord
from discord.http import HTTPClient, Route, handle_message_parameters

# Edits a message that stands already, by the keywords of discord.Message.edit; gives the message.
Edit = Callable[..., Awaitable[discord.abc.Snowflake]]


async def edit_message(
    client: discord.Client, channel_id: int, message_id: int, **fields: Any
) -> discord.Object:
    """Edit a message of ours of which only the id is known. Raises what discord.Message.edit raises."""
    path = "/channels/{channel_id}/messages/{message_id}"
    return await _edit(
        client.http, Route("PATCH", path, channel_id=channel_id, message_id=message_id), fields
    )


async def edit_answer(interaction: discord.Interaction, **fields: Any) -> discord.Object:
    """Edit what answers a slash command. Raises what discord.Message.edit raises.

    Discord takes this flag with the edit alone, not when the command is deferred.
    """
    path = "/webhooks/{webhook_id}/{webhook_token}/messages/@original"
    route = Route("PATCH", path, webhook_id=interaction.application_id, webhook_token=interaction.token)
    return await _edit(interaction.client.http, route, fields)


async def _edit(http: HTTPClient, route: Route, fields: dict[str, Any]) -> discord.Object:
    flags = discord.MessageFlags(suppress_embeds=True)
    nobody = discord.AllowedMentions.none()
    with handle_message_parameters(**fields, flags=flags, previous_allowed_mentions=nobody) as params:
        if params.files:
            data = await http.request(route, files=params.files, form=params.multipart)
        else:
            data = await http.request(route, json=params.payload)
    return discord.Object(int(data["id"]))
