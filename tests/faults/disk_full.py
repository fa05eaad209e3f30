"""Postgres has no room left on its disk: what is said meanwhile is refused, and taken when there is room."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from faults.household import household
from faults.line import SMOKE, Line, Outcome, Size
from faults.postgres_away import MESSAGES, asked_while
from faults.servers import switch

FULL_FOR = 60.0
CHATS = 50
ROOM = "512m"
"""The size of the file system."""
DRAIN = 120.0


async def run(size: Size, folder: Path) -> Outcome:
    seconds, chats = max(1.0, FULL_FOR * size.share), size.of(CHATS, 10)
    async with AsyncExitStack() as stack:
        if not await stack.enter_async_context(_small_disk(folder / "disk")):
            return Outcome(
                "not run: it takes the right to mount a file system, and here there is none",
                "refused cleanly, then drained in order",
                met=size == SMOKE,
            )
        home = await stack.enter_async_context(household(folder, chats, MESSAGES, folder / "disk"))
        people, half = home.people, chats * MESSAGES // 2
        people.let_say(half)
        await people.until_accepted(half, DRAIN)
        async with _filled(folder / "disk"):
            refusals = await asked_while(people, seconds, half)
            accepted = sum(chat.accepted for chat in people.chats) - half
        await switch(folder / "disk").on_again()
        ledger, is_alive = await home.settled(DRAIN), home.is_alive
    # What still fits the pages there are is accepted, and kept.
    others = sorted(set(refusals) - {"UNAVAILABLE", "accepted"})
    figure = (
        f"no room on a disk of {ROOM} for {seconds:.0f} s, {chats * MESSAGES:,} messages: {ledger}; "
        f"meanwhile {accepted} found room, {others or 'all others were refused as UNAVAILABLE'}"
    )
    is_met = ledger.is_clean and is_alive and "UNAVAILABLE" in refusals and not others
    return Outcome(figure, "refused cleanly, then drained in order", is_met)


@asynccontextmanager
async def _small_disk(place: Path) -> AsyncIterator[bool]:
    """A file system of its own at `place`, while the block runs; False where that is not allowed."""
    options = f"size={ROOM},mode=755,X-mount.mkdir"
    is_mounted = not await _command("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place))
    try:
        yield is_mounted
    finally:
        if is_mounted:
            await _command("umount", "--lazy", str(place))


@asynccontextmanager
async def _filled(place: Path) -> AsyncIterator[None]:
    """No byte is left at `place` while the block runs."""
    ballast = place / "ballast"

    def fill() -> None:
        with ballast.open("wb", buffering=0) as file:
            for size in (1 << 20, 4096):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    continue

    await asyncio.to_thread(fill)
    yield
    ballast.unlink()


async def _command(*words: str) -> int:
    nothing = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*words, stdin=nothing, stdout=nothing, stderr=nothing)
    return await process.wait()


LINE = Line("Postgres, disk full", run)
