"""Where each of Discord's events goes: to its channel, in the order they came."""

import asyncio
from datetime import UTC, datetime
from functools import partial

import aiohttp
import discord
import structlog

from services.discord import translate
from services.discord.arrival import Arrival
from services.discord.channels import Channels
from services.discord.presenter import Deferred, Openings
from services.discord.tasks import start

_log = structlog.get_logger()


class Listener:
    """Handlers of discord.py: it starts one for each event, in order, and none waits before passing it on."""

    def __init__(
        self, client: discord.Client, channels: Channels, openings: Openings, tasks: asyncio.TaskGroup
    ) -> None:
        assert client.user is not None, "listen after the login"
        self._client = client
        self._bot = client.user
        self._channels = channels
        self._openings = openings
        self._tasks = tasks
        for handler in (
            self.on_connect,
            self.on_ready,
            self.on_message,
            self.on_raw_message_edit,
            self.on_raw_message_delete,
            self.on_raw_bulk_message_delete,
            self.on_raw_reaction_add,
            self.on_raw_reaction_remove,
            self.on_interaction,
        ):
            client.event(handler)

    async def on_connect(self) -> None:
        self._channels.session_began()

    async def on_ready(self) -> None:
        _log.info("session ready", bot=self._bot.id, guilds=len(self._client.guilds))
        self._channels.session_ready()

    async def on_message(self, said: discord.Message) -> None:
        guild_id = said.guild.id if said.guild else None
        arrival = Arrival(partial(translate.message, said, bot=self._bot), message_id=said.id)
        self._channels.add(said.channel.id, guild_id, arrival)

    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        arrival = Arrival(partial(translate.edit, event.message, bot=self._bot))
        self._channels.add(event.channel_id, event.guild_id, arrival)

    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        if event.message_id in self._openings.taken_away:
            return
        arrival = Arrival(partial(translate.deletion, {event.message_id}, at=datetime.now(UTC)))
        self._channels.add(event.channel_id, event.guild_id, arrival)

    async def on_raw_bulk_message_delete(self, event: discord.RawBulkMessageDeleteEvent) -> None:
        arrival = Arrival(partial(translate.deletion, event.message_ids, at=datetime.now(UTC)))
        self._channels.add(event.channel_id, event.guild_id, arrival)

    async def on_raw_reaction_add(self, event: discord.RawReactionActionEvent) -> None:
        arrival = Arrival(partial(translate.reaction, event, bot=self._bot, at=datetime.now(UTC)))
        self._channels.add(event.channel_id, event.guild_id, arrival)

    async def on_raw_reaction_remove(self, event: discord.RawReactionActionEvent) -> None:
        await self.on_raw_reaction_add(event)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Deferred at once: Discord wants a first word within 3 s, and the channel may have a queue."""
        is_command = interaction.type is discord.InteractionType.application_command
        if not (is_command or interaction.type is discord.InteractionType.component):
            return
        assert interaction.channel_id is not None, "commands and buttons stand in a channel"
        thinking = start(self._tasks, _defer(interaction))
        if is_command:
            arrival = Arrival(partial(translate.command, interaction), Deferred(interaction, thinking))
        else:
            arrival = Arrival(partial(translate.button, interaction))
        pass_on = self._channels.pass_queue if translate.is_stop(interaction) else self._channels.add
        pass_on(interaction.channel_id, interaction.guild_id, arrival)


async def _defer(interaction: discord.Interaction) -> int | None:
    """The id of the message that now says "thinking…"; None for a button, and where it was too late."""
    try:
        deferred = await interaction.response.defer()
    except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError) as error:
        _log.warning("not deferred", interaction=interaction.id, error=type(error).__name__)
        return None
    return deferred.message_id if deferred else None
