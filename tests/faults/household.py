"""One assistant on a Postgres of its own, with a model that answers at once, and people who talk with it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from conftest import Database
from fakes.openai import FakeOpenAI
from faults.assistant_kills import TOKEN, assistant_environment
from faults.ledger import Ledger, settled
from faults.processes import Running, forge, until_serving
from faults.servers import postgres
from faults.talk import Town, repeat, town
from services.gateway.settings import GatewaySettings


@dataclass(frozen=True, slots=True)
class Household:
    database: Database
    assistant: Running
    people: Town
    messages: int
    """Of each conversation; nothing is said until it is let."""
    talking: "asyncio.Future[list[None]]"

    async def settled(self, within: float) -> Ledger:
        """What became of it all, once everything is said and answered. Raises TimeoutError."""
        async with asyncio.timeout(within):
            await self.talking
        await self.people.until_answered(self.messages, within)
        return await settled(self.database, self.people.chats, self.messages)

    @property
    def is_alive(self) -> bool:
        return not self.assistant.ended.is_set()


@asynccontextmanager
async def household(
    folder: Path, chats: int, messages: int, disk: Path | None = None
) -> AsyncIterator[Household]:
    """`disk` is where Postgres stands, if not in the folder."""
    async with postgres(disk or folder) as database, FakeOpenAI() as model, forge(folder) as smith:
        model.reply = repeat
        address = f"unix:{folder}/assistant.sock"
        assistant = await smith.start("assistant", assistant_environment(folder, address, database, model))
        await until_serving(assistant, address)
        settings = GatewaySettings(assistant=address, data=folder, gateway_token=SecretStr(TOKEN))
        async with town(settings, chats) as people:
            talking = asyncio.gather(*(people.talk(chat, messages) for chat in people.chats))
            yield Household(database, assistant, people, messages, talking)
            await assistant.stop()
