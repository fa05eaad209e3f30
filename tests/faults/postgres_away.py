"""Postgres is down for a minute, then has no connection to spare: what is said meanwhile waits for it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg
import grpc

from conftest import Database
from faults.household import household
from faults.line import Line, Outcome, Size
from faults.servers import Switch, switch
from faults.talk import Town, request

DOWN = 60.0
CHATS = 50
MESSAGES = 12
"""What each conversation says: a third before, while Postgres is down, and while it is exhausted."""
DRAIN = 120.0


async def run(size: Size, folder: Path) -> Outcome:
    down, chats = max(1.0, DOWN * size.share), size.of(CHATS, 10)
    async with household(folder, chats, MESSAGES) as home:
        people, third = home.people, chats * MESSAGES // 3
        people.let_say(third)
        await people.until_accepted(third, DRAIN)
        async with _stopped(switch(folder)):
            refusals = await asked_while(people, down, third)
        await people.until_accepted(2 * third, DRAIN)
        async with _exhausted(home.database):
            refusals += await asked_while(people, down, third)
        ledger, is_alive = await home.settled(DRAIN), home.is_alive
    lines = (folder / "assistant.log").read_text().count("\n")
    # A few lines for each conversation that is broken off, twice; not one for each second.
    most = 60 + 2 * 3 * chats
    others = sorted(set(refusals) - {"UNAVAILABLE"})
    figure = (
        f"down {down:.0f} s, no connections {down:.0f} s, {chats * MESSAGES:,} messages: {ledger}; "
        f"{len(refusals)} asked meanwhile, {others or 'all refused as UNAVAILABLE'}, "
        f"{lines} lines logged"
    )
    is_met = ledger.is_clean and is_alive and bool(refusals) and not others and lines <= most
    return Outcome(figure, "refused cleanly, then drained in order, no flood in the log", is_met)


async def asked_while(people: Town, seconds: float, messages: int) -> list[str]:
    """Let people speak for so long; how each event asked beside them was answered."""
    answers = []
    ends = time.monotonic() + seconds
    people.let_say(messages)
    while time.monotonic() < ends:
        answers.append(await _asked_once(people))
        await asyncio.sleep(0.5)
    return answers


async def _asked_once(people: Town) -> str:
    """The status that one try ends with; the event is what the one whose least was taken says next."""
    chat = min(people.chats, key=lambda each: each.accepted)
    number = min(chat.accepted, MESSAGES - 1)
    call = people.client.conversation.Converse(
        request(chat, number), metadata=people.client.metadata, timeout=20
    )
    try:
        await call.read()
    except grpc.aio.AioRpcError as error:
        return error.code().name
    finally:
        call.cancel()
    return "accepted"


@asynccontextmanager
async def _stopped(power: Switch) -> AsyncIterator[None]:
    await power.off()
    yield
    await power.on()


@asynccontextmanager
async def _exhausted(database: Database) -> AsyncIterator[None]:
    """Others take every connection that an application may have, also those that Remi had."""
    async with AsyncExitStack() as stack:
        owner = await asyncpg.connect(database.owner_dsn)
        stack.push_async_callback(owner.close)
        quiet = 0
        async with asyncio.timeout(DRAIN):
            # One that is just being made has no name yet: none may be seen for a while.
            while quiet < 5:
                try:
                    other = await asyncpg.connect(database.app_dsn)
                    stack.push_async_callback(other.close)
                except asyncpg.TooManyConnectionsError:
                    quiet = 0 if await owner.fetchval(_TAKE_AWAY) else quiet + 1
                    await asyncio.sleep(0.1)
        yield


_TAKE_AWAY = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'remi'
"""

LINE = Line("Postgres down 60 s", run)
