"""A gateway dies by SIGKILL, at every named point and at random, while people write and get answers."""

import asyncio
import random
from bisect import bisect
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from fakes.openai import FakeOpenAI
from faults.assistant_kills import assistant_environment
from faults.ledger import settled
from faults.line import SMOKE, Line, Outcome, Size
from faults.processes import Aim, DidNotStart, Forge, Running, forge, until_serving
from faults.scenes import Scene, discord, telegram
from faults.servers import postgres
from faults.talk import Chat, repeat

KILLS = 200
A_KILL = 8
"""Messages said between two kills."""
PEOPLE = 40
COLD = 20
AIMED = 2.0
"""Seconds that a process which is aimed at a point may take to come by it."""
CONNECT = 30.0
"""Seconds until a gateway has come to its platform."""
DRAIN = 150.0
"""Seconds until all is answered after the last kill: what was under way stays leased for half a minute."""
LOOK = 0.05
TOKEN = "the gateway's"


@dataclass(frozen=True, slots=True)
class Stage:
    """A gateway between its fake platform and a real assistant, and everything said there."""

    scene: Scene
    forge: Forge
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

    async def answered(self, owner_dsn: str = "") -> None:
        """Wait until all that was said is answered, or it takes too long; given an owner, leases run out."""
        owner = await asyncpg.connect(owner_dsn) if owner_dsn else None
        try:
            async with asyncio.timeout(DRAIN):
                while not self._is_answered():
                    if owner is not None:
                        await owner.execute("UPDATE work SET lease_until = now() WHERE kind = 'deliver'")
                    await asyncio.sleep(1)
        except TimeoutError:
            pass
        finally:
            if owner is not None:
                await owner.close()

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


async def _run(
    size: Size, folder: Path, platform: Callable[[int], AbstractAsyncContextManager[Scene]]
) -> tuple[str, Stage, bool, int]:
    people, kills, cold = size.of(PEOPLE, 5), size.of(KILLS, 5), size.of(COLD, 1)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(postgres(folder))
        model = await stack.enter_async_context(FakeOpenAI(reply=repeat))
        scene = await stack.enter_async_context(platform(people))
        smith = await stack.enter_async_context(forge(folder))
        address = f"unix:{folder}/assistant.sock"
        brain = {
            **assistant_environment(folder, address, database, model),
            f"REMI_TOKEN_{scene.platform.upper()}": TOKEN,
            "REMI_ALLOW": ",".join(f"{scene.platform}:{account}" for account in scene.accounts),
        }
        await until_serving(await smith.start("assistant", brain), address)
        told = {**scene.environment, "REMI_ASSISTANT": address, "REMI_GATEWAY_TOKEN": TOKEN}
        stage = Stage(scene, smith, told, [Chat(number) for number in range(people)], [0] * people)

        # A first word makes each channel known.
        first = await stage.start()
        stage.say(people)
        await stage.answered()
        await stage.kill(first)
        by_itself = await _kill_often(stage, kills, cold)
        await stage.start()
        stage.say(-sum(stage.said) % people)
        await stage.answered(database.owner_dsn if size is SMOKE else "")
        ledger = await settled(database, stage.chats, stage.said[0])
    figure = (
        f"{kills} kills, {by_itself} of them at named points, over {sum(stage.said):,} messages, "
        f"{cold} cold starts: {ledger}"
    )
    return figure, stage, ledger.is_clean, ledger.repeated


async def _kill_often(stage: Stage, kills: int, cold: int) -> int:
    """Kill so often, by turns at each point and at random; how many died at their point."""
    chance = random.Random(kills)
    table, known = stage.scene.points
    named = list(known)
    by_itself = 0
    for number in range(kills):
        is_cold = number % (kills // cold) == 0
        aim: Aim | None = None
        if number % 2 and not is_cold:
            aim = (table, named[number // 2 % len(named)], chance.randrange(1, 4))
        stage.say(A_KILL)
        gateway = await stage.start(aim, is_cold=is_cold)
        try:
            async with asyncio.timeout(AIMED if aim else chance.uniform(0, 0.5)):
                await gateway.ended.wait()
            by_itself += 1
        except TimeoutError:
            pass
        await stage.kill(gateway)
    return by_itself


async def run_telegram(size: Size, folder: Path) -> Outcome:
    """Telegram can't be asked what it took: what was sent when the gateway died may stand twice."""
    figure, stage, is_clean, _ = await _run(size, folder, telegram)
    wrong = stage.repeated_in_one_life()
    return Outcome(
        f"{figure}, {wrong} of them by one process",
        "0 lost; twice only what a dead process had sent",
        is_clean and not wrong,
    )


async def run_discord(size: Size, folder: Path) -> Outcome:
    figure, _, is_clean, repeated = await _run(size, folder, discord)
    return Outcome(figure, "0 lost, 0 sent twice", is_clean and not repeated)


TELEGRAM = Line("Telegram gateway SIGKILL", run_telegram)
DISCORD = Line("Discord gateway SIGKILL", run_discord)
