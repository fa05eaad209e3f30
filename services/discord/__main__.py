"""The Discord gateway: `python -m services.discord`."""

import asyncio
import sys
from functools import partial

import discord
import yarl

from services.discord.channels import Channels
from services.discord.client import logged_in, stay_connected
from services.discord.commands import register
from services.discord.fetch import fetch, origins
from services.discord.known import Known
from services.discord.listener import Listener
from services.discord.presenter import EventPresenter, Openings
from services.discord.send import CAPABILITIES, DiscordSender
from services.discord.settings import DiscordSettings
from services.discord.tasks import start
from services.gateway.client import connect
from services.gateway.delivery import Deliveries
from services.gateway.flow import carry
from services.gateway.process import run
from services.stubs.assistant.v1 import assistant_pb2 as pb


async def serve(settings: DiscordSettings) -> None:
    """Carry events and deliveries between Discord and the assistant until cancelled. Raises SettingsError."""
    _point_at(settings)
    openings = Openings()
    async with (
        connect(settings, "discord") as assistant,
        logged_in(settings.bot_token.get_secret_value()) as client,
    ):
        assert client.user is not None
        sender = DiscordSender(client, openings)
        deliveries = Deliveries(assistant, sender, partial(fetch, origins(settings.api_base)))

        async def carry_event(request: pb.ConverseRequest, presenter: EventPresenter) -> None:
            await carry(assistant, deliveries, request, presenter)

        async def take_manifest(manifest: pb.CommandManifest) -> None:
            start(tasks, register(client, manifest))

        subscription = pb.DeliverRequest(
            platform=pb.PLATFORM_DISCORD, bot_id=str(client.user.id), capabilities=CAPABILITIES
        )
        try:
            async with asyncio.TaskGroup() as tasks:
                channels = Channels(client, carry_event, Known(assistant), openings, tasks)
                Listener(client, channels, openings, tasks)
                start(tasks, stay_connected(client))
                start(tasks, channels.tell_what_was_seen())
                await deliveries.run(
                    subscription, on_manifest=take_manifest, on_cursors=channels.take_cursors
                )
        except BaseExceptionGroup as group:
            raise _first(group) from None
        finally:
            await deliveries.finish()


def _point_at(settings: DiscordSettings) -> None:
    """Turn discord.py to another Discord, where the settings name one."""
    if settings.api_base:
        discord.http.Route.BASE = settings.api_base
    if settings.gateway_url:
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(settings.gateway_url)


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


if __name__ == "__main__":
    sys.exit(run("discord", DiscordSettings, serve))
