"""A gateway between its fake platform and a real assistant: what most lines about gateways begin with."""

import asyncio
from bisect import bisect
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    nullcontext,
    suppress,
)
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from conftest import Database
from fakes.openai import FakeOpenAI
from faults.assistant_kills import assistant_environment
from faults.ledger import Ledger, settled
from faults.processes import Aim, DidNotStart, Forge, Running, forge, until_serving
from faults.scenes import Scene
from faults.servers import no_lease_lasts, postgres
from faults.talk import Chat, repeat

CONNECT = 30.0
"""Seconds until a gateway has come to its platform."""
DRAIN = 150.0
"""Seconds until all is answered after the last kill: what was under way stays leased for half a minute."""
LOOK = 0.05
TOKEN = "the gateway's"

S = TypeVar("S", bound=Scene)


@dataclass(slots=True)
class Stage(Generic[S]):
    """A gateway between its fake platform and a real assistant, and everything said there."""

    scene: S
    forge: Forge
    database: Database
    environment: dict[str, str]
    chats: list[Chat]
    said: list[int]
    """How much each person has said."""
    lives: list[list[int]] = field(default_factory=list)
    """After each kill, how many replies each person had."""

    async def start(self, aim: Aim | None = None, *, is_cold: bool = False) -> Running:
        """A gateway, when it has come to the platform or is dead."""
        before, service = self.scene.arrivals, str(self.scene.platform)
        if is_cold:
            gateway = await self.forge.start_cold(service, self.environment)
        else:
            gateway = await self.forge.start(service, self.environment, aim)
        try:
            async with asyncio.timeout(CONNECT):
                while not (self.scene.arrivals not in (before, 0) or gateway.ended.is_set()):  # noqa: ASYNC110
                    await asyncio.sleep(LOOK)
        except TimeoutError:
            raise DidNotStart(service) from None
        return gateway

    async def kill(self, gateway: Running) -> None:
        gateway.kill()
        await gateway.ended.wait()
        await self.scene.hung_up()
        self.lives.append([len(self.scene.replies(chat.number)) for chat in self.chats])

    def say(self, messages: int) -> None:
        """So many messages, by whoever has said least."""
        for _ in range(messages):
            person = min(range(len(self.said)), key=self.said.__getitem__)
            self.scene.says(person, f"This is message #{person}-{self.said[person]}#.")
            self.said[person] += 1

    async def answered(self, *, hurry: bool = False) -> None:
        """Wait until all that was said is answered, or it takes too long. In a hurry no lease lasts."""
        with suppress(TimeoutError):
            async with no_lease_lasts(self.database) if hurry else nullcontext(), asyncio.timeout(DRAIN):
                while not self._is_answered():  # noqa: ASYNC110
                    await asyncio.sleep(LOOK)

    async def ledger(self) -> Ledger:
        """The books, where each person has said as much as the others."""
        return await settled(self.database, self.chats, self.said[0])

    def _is_answered(self) -> bool:
        for chat in self.chats:
            chat.replies = self.scene.replies(chat.number)
        return all(len(set(chat.answered)) >= self.said[chat.number] for chat in self.chats)

    def repeated_in_one_life(self) -> int:
        """Answers that one process sent twice: it knew what it had sent."""
        found = 0
        for chat in self.chats:
            edges = [counts[chat.number] for counts in self.lives]
            sent = defaultdict(list)
            for position, reply in enumerate(chat.replies):
                for number in Chat(chat.number, replies=[reply]).answered:
                    sent[number].append(bisect(edges, position))
            found += sum(len(lives) - len(set(lives)) for lives in sent.values())
        return found


@asynccontextmanager
async def stage(
    folder: Path, platform: Callable[[int], AbstractAsyncContextManager[S]], people: int
) -> AsyncIterator[Stage[S]]:
    """An assistant that serves, and a gateway that is not started yet."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(postgres(folder))
        model = await stack.enter_async_context(FakeOpenAI(reply=repeat))
        scene = await stack.enter_async_context(platform(people))
        smith = await stack.enter_async_context(forge(folder, scene.platform))
        address = f"unix:{folder}/assistant.sock"
        brain = {
            **assistant_environment(folder, address, database, model),
            f"REMI_TOKEN_{scene.platform.upper()}": TOKEN,
            "REMI_ALLOW": ",".join(f"{scene.platform}:{account}" for account in scene.accounts),
        }
        await until_serving(await smith.start("assistant", brain), address)
        told = {**scene.environment, "REMI_ASSISTANT": address, "REMI_GATEWAY_TOKEN": TOKEN}
        chats = [Chat(number) for number in range(people)]
        yield Stage(scene, smith, database, told, chats, [0] * people)
