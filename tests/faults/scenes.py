"""The fake platforms as lines need them: people by number, what they say, and what stands of Remi's."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from fakes.discord.server import FakeDiscord
from fakes.discord.world import Channel, Person
from fakes.telegram.server import FakeTelegram
from fakes.telegram.world import written
from faults import points
from faults.points import Point
from services.assistant.domain import Platform

CONFIRM = 60.0
"""Seconds until the gateway has confirmed everything."""
LOOK = 0.05


class Scene(Protocol):
    """A platform with people who write to Remi directly."""

    @property
    def platform(self) -> Platform: ...

    @property
    def points(self) -> tuple[str, Mapping[str, Point]]:
        """The gateway's table of points by name, and itself."""
        ...

    @property
    def environment(self) -> dict[str, str]:
        """What the gateway is told of the platform."""
        ...

    @property
    def accounts(self) -> list[str]:
        """The people's numbers on the platform."""
        ...

    @property
    def arrivals(self) -> int:
        """How often a gateway has asked for events so far."""
        ...

    def says(self, person: int, text: str) -> None: ...

    def replies(self, person: int) -> list[str]:
        """Remi's messages to somebody, oldest first."""
        ...

    async def hung_up(self) -> None:
        """The gateway's process is dead, and the platform notices."""
        ...


@dataclass(frozen=True, slots=True)
class TelegramScene:
    fake: FakeTelegram
    people: list[dict[str, Any]]
    platform = Platform.TELEGRAM
    points = ("TELEGRAM", points.TELEGRAM)

    @property
    def environment(self) -> dict[str, str]:
        return {"TELEGRAM_BOT_TOKEN": self.fake.token, "TELEGRAM_API_BASE": self.fake.base}

    @property
    def accounts(self) -> list[str]:
        return [str(person["id"]) for person in self.people]

    @property
    def arrivals(self) -> int:
        return len(self.fake.calls("getUpdates")) + len(self.fake.calls("setWebhook"))

    def says(self, person: int, text: str) -> None:
        self.fake.says(self.people[person], text)

    def unsent(self, person: int, number: int) -> dict[str, Any]:
        """A message that stands in its chat, of which the bot was told nothing."""
        user = self.people[person]
        return self.fake.world.message(
            self.fake.world.chats[user["id"]], user, **written(f"This is message #{person}-{number}#.")
        )

    def replies(self, person: int) -> list[str]:
        # What a reply quotes of the question is not its own.
        standing = self.fake.standing(self.people[person])
        return [json.dumps({**message, "reply_to_message": None}) for message in standing]

    async def heard(self) -> None:
        """Wait until every update is confirmed."""
        async with asyncio.timeout(CONFIRM):
            while not self.fake.all_confirmed():  # noqa: ASYNC110
                await asyncio.sleep(LOOK)

    async def hung_up(self) -> None:
        """Telegram keeps no connection."""


@dataclass(frozen=True, slots=True)
class DiscordScene:
    """Each person has a channel: the last two talk in a guild, the others directly."""

    fake: FakeDiscord
    people: list[Person]
    channels: list[Channel]
    platform = Platform.DISCORD
    points = ("DISCORD", points.DISCORD)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "DISCORD_BOT_TOKEN": self.fake.token,
            "DISCORD_API_BASE": self.fake.base,
            "DISCORD_GATEWAY_URL": self.fake.gateway.url,
        }

    @property
    def accounts(self) -> list[str]:
        return [str(each.id) for each in self.people] + [str(each.id) for each in self.channels]

    @property
    def arrivals(self) -> int:
        # The sessions are numbered.
        session = self.fake.gateway.session
        return int(session.id.rpartition("-")[2]) if session else 0

    def says(self, person: int, text: str) -> None:
        channel = self.channels[person]
        to_remi = f"{self.fake.mention()} " if channel.guild else ""
        self.fake.says(self.people[person], f"{to_remi}{text}", channel)

    def replies(self, person: int) -> list[str]:
        return [message["content"] for message in self.fake.shown(self.channels[person])]

    async def hung_up(self) -> None:
        """The session is gone with the process: another one can't resume it."""
        await self.fake.drop()
        self.fake.gateway.session = None


@asynccontextmanager
async def telegram(people: int) -> AsyncIterator[TelegramScene]:
    async with FakeTelegram() as fake:
        yield TelegramScene(
            fake, [fake.world.person(number + 1, f"Person {number}") for number in range(people)]
        )


@asynccontextmanager
async def discord(people: int) -> AsyncIterator[DiscordScene]:
    async with FakeDiscord() as fake:
        present = [fake.person(f"Person {number}") for number in range(people)]
        general = fake.channel(fake.guild("Lab", present), "general")
        thread = fake.thread(general, "lunch")
        yield DiscordScene(fake, present, [*map(fake.dm, present[:-2]), general, thread])
