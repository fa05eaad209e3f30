"""Clocks that are wrong, and clocks that change.

Three replicas, one an hour ahead and one an hour behind, fire reminders over the two nights in which Berlin's
clocks change; now and then one of them is cut off.
"""

import asyncio
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import asyncpg

from conftest import SECRET, Database
from faults.line import Line, Outcome, Size
from faults.servers import postgres
from services.assistant.access import doorkeeper
from services.assistant.minilm import load
from services.assistant.model import Models
from services.assistant.recurrence import Due, Rule, due_at
from services.assistant.remi import Knobs, Remi
from services.assistant.remind import fire_due
from services.assistant.store import reminders
from services.assistant.store.connection import connect, scoped
from services.assistant.store.reminders import New

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)
NIGHTS = ((date(2027, 3, 26), 5), (date(2027, 10, 29), 5))
"""From which day on, and for how many: the clocks change on the third."""
SPACES = 20
STEP = timedelta(minutes=20)


async def run(size: Size, folder: Path) -> Outcome:
    count = size.of(2000, 40)
    async with postgres(folder) as database:
        store = await connect(database.app_dsn, SECRET, size=8)
        knobs = Knobs(2000, timedelta(minutes=5), frozenset(), BERLIN, timedelta(hours=12))
        embedder = load(folder)
        remi = Remi(store, Models(None, None, embedder, None), doorkeeper(frozenset()), knobs)
        expected: Counter[tuple[UUID, date]] = Counter()
        cut = 0
        for first, days in NIGHTS:
            made = await _set(remi, first, count // len(NIGHTS))
            expected.update((each, first + timedelta(days=day)) for each in made for day in range(days))
            cut += await _pass(remi, first, days)
            async with store.pool.acquire() as connection:
                await connection.execute("DELETE FROM work WHERE kind = 'remind'")
        found, wrong = await _found(database)
        await store.pool.close()
        embedder.close()
    missing, doubled = expected - found, found - expected
    figure = (
        f"{count} reminders, {expected.total()} due times, {cut} cut off: {len(missing)} missing, "
        f"{len(doubled)} doubled, {wrong} at a wrong hour"
    )
    return Outcome(figure, "one row each", not missing and not doubled and not wrong)


async def _set(remi: Remi, first: date, count: int) -> list[UUID]:
    """Daily reminders at all minutes of the hours around the change."""
    chance = random.Random(count)
    made = []
    for number in range(count):
        space_id = conversation_id = UUID(int=number % SPACES + 1)
        message_id = uuid4()
        starts = datetime.combine(first, time(chance.choice((1, 2, 3)), chance.randrange(60)))
        async with scoped(remi.store, [space_id]) as connection:
            await connection.execute(
                "INSERT INTO conversation VALUES ($1, $2, 'telegram', '99', '7', '', 'direct')"
                " ON CONFLICT DO NOTHING",
                space_id,
                conversation_id,
            )
            await connection.execute(
                "INSERT INTO message (space_id, message_id, conversation_id, role, person_id, author_name,"
                " text, sent_at) VALUES ($1, $2, $3, 'person', $2, 'Ann', 'Remind me.', now())",
                space_id,
                message_id,
                conversation_id,
            )
            new = New(
                uuid4(),
                space_id,
                conversation_id,
                uuid4(),
                message_id,
                "telegram:99",
                "the night",
                Due(starts, Rule(1, "day")),
                BERLIN,
                due_at(starts, BERLIN),
            )
            await reminders.add(connection, new)
        made.append(new.reminder_id)
    return made


async def _pass(remi: Remi, first: date, days: int) -> int:
    """Let those days pass by three clocks at once; how often one was cut off in the middle of its work."""
    chance = random.Random(days)
    now = datetime.combine(first, time(0), BERLIN).astimezone(UTC)
    end = now + timedelta(days=days)
    cut = 0
    while now < end:
        for _ in range(40):
            clocks = [now, min(now + HOUR, end - STEP), now - HOUR]
            replicas = [replace(remi, clock=lambda moment=moment: moment) for moment in clocks]  # type: ignore[misc]
            firing = [asyncio.create_task(fire_due(each)) for each in replicas]
            if chance.random() < 0.2:
                await asyncio.sleep(chance.random() / 100)
                cut += chance.choice(firing).cancel()
            for done in await asyncio.gather(*firing, return_exceptions=True):
                if isinstance(done, Exception):
                    raise done
            async with remi.store.pool.acquire() as connection:
                # What was cut off would be free again when its lease has run out.
                await connection.execute("UPDATE work SET lease_until = NULL WHERE kind = 'remind'")
                if not await connection.fetchval(
                    "SELECT count(*) FROM work WHERE kind = 'remind' AND due_at <= $1", now
                ):
                    break
        now += STEP
    return cut


async def _found(database: Database) -> tuple[Counter[tuple[UUID, date]], int]:
    """The rows that are there, by reminder and day, and how many are not at the hour they should be."""
    owner = await asyncpg.connect(database.owner_dsn)
    rows = await owner.fetch(
        "SELECT reminder_id, due_at, starts FROM occurrence JOIN reminder USING (space_id, reminder_id)"
    )
    await owner.close()
    found: Counter[tuple[UUID, date]] = Counter()
    wrong = 0
    for row in rows:
        local = row["due_at"].astimezone(BERLIN)
        found[row["reminder_id"], local.date()] += 1
        asked = datetime.combine(local.date(), row["starts"].time(), BERLIN)
        wrong += asked.astimezone(UTC) != row["due_at"]
    return found, wrong


LINE = Line("clock ± 1 h, DST", run)
