"""A Discord of our own on loopback, for the real discord.py client.

    async with FakeDiscord() as discord:
        ann = discord.person("Ann")
        discord.says(ann, "hello")                  # a direct message
        [answer] = await discord.sent(discord.dm(ann))

What the bot sends, and what the fake itself sends, is checked against the tables; leaving the block raises
AssertionError where something didn't fit.
"""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from fakes.discord.faults import Fault
from fakes.discord.gateway import Gateway
from fakes.discord.rest import BASE, Rest
from fakes.discord.routes import Interaction, Request, Routes
from fakes.discord.world import (
    ALL_PERMISSIONS,
    DIRECT,
    FORUM,
    LOADING,
    PUBLIC_THREAD,
    TEXT,
    Channel,
    File,
    Guild,
    Person,
    World,
    channel_object,
    member,
    timestamp,
    user,
)

Json = Any

WAIT_SECONDS = 20.0
APPLICATION_COMMAND, MESSAGE_COMPONENT = 2, 3
TEXT_OPTION, ATTACHMENT_OPTION = 3, 11
MISSING_ACCESS, CANNOT_WRITE_TO_USER = (403, 50001), (403, 50007)


class FakeDiscord:
    """One Discord with one bot."""

    token = "fake-token"

    def __init__(self) -> None:
        self.world = World()
        self.gateway = Gateway(self.world, self.token, self._changed)
        self.routes = Routes(self.world, self.gateway.dispatch)
        self.rest = Rest(self.routes, self.token, self._changed)
        self._news: asyncio.Future[None] | None = None
        self._tokens = (f"interaction-{number}" for number in itertools.count(1))
        self.base = self.origin = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/gateway/", self.gateway.serve)
        self.rest.add_to(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.origin = f"http://{host}:{port}"
        self.base = self.origin + BASE
        self.gateway.url = self.routes.gateway_url = f"ws://{host}:{port}/gateway/"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.rest.close()
        await self.gateway.drop()
        await self._runner.cleanup()
        if kind is None:
            assert not self.violations, self.violations

    @property
    def violations(self) -> list[str]:
        """What was sent that Discord's tables don't have."""
        return self.rest.violations + self.gateway.violations

    # The people and their places.

    @property
    def bot(self) -> Person:
        return self.world.bot

    def person(self, name: str, *, bot: bool = False) -> Person:
        return self.world.add_person(name, bot=bot)

    def guild(self, name: str, members: Sequence[Person] = (), admins: Sequence[Person] = ()) -> Guild:
        """Make guilds before the bot connects; it isn't told of later ones."""
        return self.world.add_guild(name, members, admins)

    def channel(self, guild: Guild, name: str) -> Channel:
        return self.world.add_channel(TEXT, name, guild)

    def forum(self, guild: Guild, name: str) -> Channel:
        return self.world.add_channel(FORUM, name, guild)

    def thread(self, parent: Channel, name: str, *, announced: bool = True) -> Channel:
        """A thread of a text channel, or a post in a forum."""
        assert parent.guild is not None
        thread = self.world.add_channel(PUBLIC_THREAD, name, parent.guild, parent)
        if announced:
            self._dispatch("THREAD_CREATE", channel_object(thread) | {"newly_created": True})
        return thread

    def dm(self, person: Person) -> Channel:
        return self.world.direct(person)

    # What people do.

    def says(
        self,
        person: Person,
        text: str,
        channel: Channel | None = None,
        *,
        reply_to: Json | None = None,
        **fields: Json,
    ) -> Json:
        """A message, in the direct channel unless another is named; `fields` as in Discord's message."""
        message = self.world.new_message(person, channel or self.dm(person), text, reply_to, **fields)
        self._dispatch("MESSAGE_CREATE", self.world.in_event(message))
        return message

    def forwards(self, person: Person, message: Json, channel: Channel | None = None) -> Json:
        """A message passed on, which has no words of its own."""
        kept = "type content mentions mention_roles attachments embeds components flags timestamp"
        snapshot = {name: message[name] for name in (*kept.split(), "edited_timestamp")}
        return self.says(person, "", channel, message_snapshots=[{"message": snapshot}])

    def mention(self) -> str:
        """How a message mentions the bot."""
        return f"<@{self.bot.id}>"

    def edits(self, message: Json, text: str) -> None:
        message.update(content=text, edited_timestamp=timestamp(self.world.new_id()))
        self._dispatch("MESSAGE_UPDATE", self.world.in_event(message))

    def unfurls(self, message: Json) -> None:
        """Discord adds the preview of a link: an update that is no edit."""
        message["embeds"] = [{"type": "link", "url": "https://example.org"}]
        self._dispatch("MESSAGE_UPDATE", self.world.in_event(message))

    def deletes(self, *messages: Json) -> None:
        """One message, or several at once."""
        channel = self.world.channels[int(messages[0]["channel_id"])]
        place = {"channel_id": str(channel.id)} | (
            {"guild_id": str(channel.guild.id)} if channel.guild else {}
        )
        for message in messages:
            del channel.messages[int(message["id"])]
        if len(messages) == 1:
            self._dispatch("MESSAGE_DELETE", {"id": messages[0]["id"], **place})
        else:
            self._dispatch("MESSAGE_DELETE_BULK", {"ids": [m["id"] for m in messages], **place})

    def reacts(self, person: Person, message: Json, emoji: str, *, removed: bool = False) -> None:
        channel = self.world.channels[int(message["channel_id"])]
        event: Json = {
            "user_id": str(person.id),
            "channel_id": str(channel.id),
            "message_id": message["id"],
            "emoji": {"id": None, "name": emoji},
            "burst": False,
            "type": 0,
        }
        if channel.guild:
            event["guild_id"] = str(channel.guild.id)
        if removed:
            self._dispatch("MESSAGE_REACTION_REMOVE", event)
            return
        event["message_author_id"] = message["author"]["id"]
        if channel.guild:
            event["member"] = member(person, channel.guild)
        self._dispatch("MESSAGE_REACTION_ADD", event)

    def slash(
        self,
        person: Person,
        name: str,
        argument: str = "",
        channel: Channel | None = None,
        *,
        file: File | None = None,
    ) -> Interaction:
        """A slash command, which the bot must have registered."""
        [command] = [command for command in self.routes.commands if command["name"] == name]
        data: Json = {"id": command["id"], "name": name, "type": 1}
        given = {TEXT_OPTION: argument, ATTACHMENT_OPTION: str(file.id) if file else ""}
        options = [
            {"name": option["name"], "type": option["type"], "value": given.pop(option["type"])}
            for option in command.get("options", ())
        ]
        assert not any(given.values()), f"/{name} takes no such thing: {given}"
        if chosen := [option for option in options if option["value"]]:
            data["options"] = chosen
        if file:
            data["resolved"] = {"attachments": {str(file.id): self._attachment(file)}}
        return self._interact(APPLICATION_COMMAND, person, channel or self.dm(person), data)

    def file(self, name: str, content: bytes) -> File:
        """A file to give with a command."""
        return self.world.add_file(name, content)

    def address(self, file: File) -> str:
        """Where the file can be had, for a while."""
        path = f"/ephemeral-attachments/{self.world.application_id}/{file.id}/{file.name}"
        return f"{self.origin}{path}?ex=6a000000&is=69000000&hm={file.signature}&"

    def removes(self, file: File) -> None:
        """The file is gone, or its address has run out."""
        del self.world.files[file.id]

    def _attachment(self, file: File) -> Json:
        return {
            "id": str(file.id),
            "filename": file.name,
            "size": len(file.content),
            "url": self.address(file),
            "proxy_url": self.address(file),
            "content_type": "text/plain; charset=utf-8",
            "ephemeral": True,
        }

    def presses(self, person: Person, message: Json, label: str) -> Interaction:
        """A press on the button that reads `label`."""
        [button] = [b for row in message["components"] for b in row["components"] if b["label"] == label]
        data = {"custom_id": button["custom_id"], "component_type": 2, "id": button["id"]}
        channel = self.world.channels[int(message["channel_id"])]
        return self._interact(MESSAGE_COMPONENT, person, channel, data, message)

    def _interact(
        self, kind: int, person: Person, channel: Channel, data: Json, message: Json | None = None
    ) -> Interaction:
        interaction = Interaction(
            self.world.new_id(), next(self._tokens), person, channel, time.monotonic(), message
        )
        self.routes.interactions[interaction.token] = interaction
        event: Json = {
            "id": str(interaction.id),
            "application_id": str(self.world.application_id),
            "type": kind,
            "data": data,
            "channel": channel_object(channel),
            "channel_id": str(channel.id),
            "token": interaction.token,
            "version": 1,
            "app_permissions": ALL_PERMISSIONS,
            "locale": "en-GB",
            "entitlements": [],
            "authorizing_integration_owners": {"0": str(channel.guild.id) if channel.guild else "0"},
            "context": 0 if channel.guild else 1,
            "attachment_size_limit": 10_485_760,
        }
        if message is not None:
            event["message"] = message
        if channel.guild is None:
            event["user"] = user(person)
        else:
            permissions = ALL_PERMISSIONS if person in channel.guild.admins else "0"
            event["member"] = member(person, channel.guild) | {"permissions": permissions}
            event["guild_id"] = str(channel.guild.id)
            event["guild"] = {"id": str(channel.guild.id), "locale": "en-US", "features": []}
        self._dispatch("INTERACTION_CREATE", event)
        return interaction

    # What goes wrong.

    def fault(self, route: str, *faults: Fault) -> None:
        """The next requests of a route (named as in discord.json) meet these, one each."""
        self.rest.faults[route].extend(faults)

    def throws_out(self, channel: Channel) -> None:
        """The bot has no access any more; in a direct channel, the person blocks it."""
        channel.refused = CANNOT_WRITE_TO_USER if channel.kind == DIRECT else MISSING_ACCESS

    async def drop(self) -> None:
        """The connection breaks; events wait for the bot to resume its session."""
        await self.gateway.drop()

    async def goes_away(self) -> None:
        """The gateway is out of reach, and the session is gone: messages stand in the history alone."""
        self.gateway.offline = True
        self.gateway.session = None
        await self.gateway.drop()

    def comes_back(self) -> None:
        self.gateway.offline = False

    # What the bot did.

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that a request or a connection of the bot's brings about; at most 20 s."""
        async with asyncio.timeout(WAIT_SECONDS):
            while not condition():
                self._news = self._news or asyncio.get_running_loop().create_future()
                await self._news

    async def connected(self) -> None:
        await self.until(lambda: self.gateway.ready)

    def shown(self, channel: Channel) -> list[Json]:
        """The bot's messages that stand in a channel now, oldest first; "thinking…" isn't one."""
        own = str(self.bot.id)
        return [
            message
            for message in channel.messages.values()
            if message["author"]["id"] == own and not message["flags"] & LOADING
        ]

    async def sent(self, channel: Channel, n: int = 1) -> list[Json]:
        """The bot's messages in a channel, once there are at least `n`."""
        with contextlib.suppress(TimeoutError):
            await self.until(lambda: len(self.shown(channel)) >= n)
        found = self.shown(channel)
        assert len(found) >= n, (
            f"{len(found)} of {n} messages: {[m['content'] for m in found]} {self.violations}"
        )
        return found

    def requests(self, route: str) -> list[Request]:
        """All requests of a route so far."""
        return [request for request in self.rest.requests if request.route == route]

    def _dispatch(self, event: str, data: Json) -> None:
        self.gateway.dispatch(event, data)

    def _changed(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)
        self._news = None
