"""What is measured, one thing after the other."""

import asyncio
import math
import random
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import aiohttp
import asyncpg

from bench import queries
from bench.load import PATIENCE, Plan, Seen, says
from bench.model import LONG, PAUSE, PAUSED
from bench.processes import child, first_line, load, resident, until_serving
from services.assistant.prompts import SYSTEM

ALONE = Plan(conversations=1, turns=75, first=10)
ROUNDS = 4
"""The floor, a turn and the model are measured by turns, so that a busy machine slows them alike."""
LENGTHY = Plan(conversations=1, turns=10, ending=LONG, first=2)
WATCHED = Plan(conversations=1, turns=10, ending=PAUSED, rest=0.2, first=3)
TOGETHER = Plan(conversations=32, turns=30, first=100)
BEFORE = 50
"""Turns that somebody talked before, so that there is something to recall; all of it is indexed."""
BEFORE_TOGETHER = 10

_ANY_INDEX_WORK = "SELECT true FROM work WHERE kind = 'index' LIMIT 1"


@dataclass(frozen=True, slots=True)
class Figures:
    """Times are in milliseconds, one for each turn."""

    floor: Sequence[float]
    """A whole turn of the floor."""
    model: Sequence[float]
    """A whole answer of the model, asked directly."""
    first_draft: Sequence[float]
    whole: Sequence[float]
    before: tuple[str, ...]
    """The names of a turn's queries before the model is called."""
    after: tuple[str, ...]
    """And after that, until the next turn; the acknowledgement's left out, which is a call of its own."""
    drafts: float
    """Draft frames of an answer in LONG_PIECES pieces."""
    turns_a_second: float
    behind: float
    """Seconds after the last of those turns until everything that was said is indexed."""
    megabytes: float
    """Memory of the assistant's process at the end of it all."""


async def measure(folder: Path) -> Figures:
    """Start everything, measure, and end it. Raises DidNotRun."""
    data = folder / "data"
    data.mkdir()
    logs = {name: folder / f"{name}.log" for name in ("model", "assistant", "floor", "load")}
    assistant_at, floor_at = f"unix:{folder}/assistant.sock", f"unix:{folder}/floor.sock"

    async def talk(plan: Plan, address: str = assistant_at) -> list[Seen]:
        return await load(address, token, plan, logs["load"])

    async def get_to_know(plan: Plan, turns: int) -> None:
        await talk(replace(plan, turns=turns, rest=0))
        await _until_indexed(owner_dsn)

    async with AsyncExitStack() as stack:
        model = await stack.enter_async_context(child("bench.model", log=logs["model"]))
        model_at = await first_line(model, logs["model"])
        environment = {
            "REMI_DATA": str(data),
            "REMI_LISTEN": assistant_at,
            "OPENAI_BASE_URL": model_at,
            "OPENAI_API_KEY": "sk-fake",
            "REMI_CHAT_MODEL": "instant",
        }
        assistant = await stack.enter_async_context(
            child("services.assistant", log=logs["assistant"], environment=environment)
        )
        await until_serving(assistant, assistant_at, logs["assistant"])
        token = (data / "tokens" / "benchmark").read_text()
        owner_dsn = queries.owner_dsn(data / "postgres")
        floor = await stack.enter_async_context(child("bench.floor", owner_dsn, floor_at, log=logs["floor"]))
        await first_line(floor, logs["floor"])

        await talk(replace(ALONE, turns=BEFORE), floor_at)
        at_floor, alone, model_took = [], [], []
        for number in range(ROUNDS):
            somebody_new = replace(ALONE, first=ALONE.first + number)
            await get_to_know(somebody_new, BEFORE)
            at_floor += await talk(somebody_new, floor_at)
            alone += await talk(somebody_new)
            model_took += await _ask_directly(model_at, ALONE.turns)
        lengthy = await talk(LENGTHY)
        await get_to_know(WATCHED, BEFORE)
        async with queries.logged(owner_dsn):
            watched = await talk(WATCHED)
        before, after = _queries(watched, queries.read(data / "postgres" / "log"))
        await get_to_know(TOGETHER, BEFORE_TOGETHER)
        together = await talk(TOGETHER)
        behind = await _until_indexed(owner_dsn) - max(turn.finished for turn in together)
        return Figures(
            _milliseconds(turn.finished - turn.asked for turn in at_floor),
            _milliseconds(model_took),
            _milliseconds(turn.drafted - turn.asked for turn in alone),
            _milliseconds(turn.finished - turn.asked for turn in alone),
            before,
            after,
            median(turn.drafts for turn in lengthy),
            len(together) / (max(turn.finished for turn in together) - min(turn.asked for turn in together)),
            max(behind, 0.0),
            await resident(assistant),
        )


async def _until_indexed(owner_dsn: str) -> float:
    """When no conversation waits for the index any more, at most PATIENCE from now."""
    connection = await asyncpg.connect(owner_dsn)
    try:
        async with asyncio.timeout(PATIENCE):
            # What it looks at stands in another process, which tells nobody.
            while await connection.fetchval(_ANY_INDEX_WORK):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    except TimeoutError:
        return math.inf
    finally:
        await connection.close()
    return time.time()


async def _ask_directly(address: str, times: int) -> list[float]:
    """What the model itself takes for a prompt of a turn's length, in seconds."""
    words = random.Random(0)
    asked = "\n".join(says(words) for _ in range(100))
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": asked}]
    body = {"model": "instant", "messages": messages, "stream": True}
    took = []
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer sk-fake"}) as session:
        for _ in range(times):
            began = time.perf_counter()
            async with session.post(f"{address}/chat/completions", json=body) as response:
                await response.read()
            took.append(time.perf_counter() - began)
    return took


def _queries(
    turns: Sequence[Seen], all_queries: Sequence[queries.Query]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What most turns asked of the database before and after the model was called.

    The model paused before its answer, so nothing happens around half a pause before the first draft.
    """
    called = [turn.drafted - PAUSE / 2 for turn in turns]
    before = Counter(
        queries.between(all_queries, turn.asked, at) for turn, at in zip(turns, called, strict=True)
    )
    after = Counter(
        queries.between(all_queries, at, turn.finished + WATCHED.rest - PAUSE / 2)
        for turn, at in zip(turns, called, strict=True)
    )
    return before.most_common(1)[0][0], after.most_common(1)[0][0]


def _milliseconds(seconds: Iterable[float]) -> list[float]:
    return [1000 * each for each in seconds]
