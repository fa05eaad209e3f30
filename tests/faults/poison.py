"""Turns that always raise: put aside after five tries, said once, and no neighbour waits for them."""

import asyncio
from pathlib import Path

import asyncpg
import grpc

from bench.processes import child, first_line, until_serving
from client import Gateway
from faults.line import Line, Outcome, Size
from faults.servers import postgres
from services.assistant.domain import Platform
from services.assistant.turn import MOST_TRIES, PUT_ASIDE

TURNS = 100
TOKEN = "a token that only the faults know"
BOUND = 120.0
"""Seconds until all must be put aside."""

# Every commit of a reply in a poisoned thread raises, whoever tries.
_POISON = """
CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF EXISTS (SELECT FROM conversation c
               WHERE c.conversation_id = NEW.conversation_id AND thread_id LIKE 'poison%') THEN
        RAISE 'poison';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER poison BEFORE INSERT ON message
    FOR EACH ROW WHEN (NEW.role = 'remi') EXECUTE FUNCTION poison();
"""
_TURNS = """
SELECT turn.state, turn.tries, count(delivery_id) AS told
FROM turn JOIN conversation USING (space_id, conversation_id) LEFT JOIN delivery USING (space_id, turn_id)
WHERE thread_id LIKE 'poison%'
GROUP BY space_id, turn_id, turn.state, turn.tries
"""


async def run(size: Size, folder: Path) -> Outcome:
    """People talk in one thread each, while another thread of theirs is poisoned."""
    people = [str(number) for number in range(1, size.of(TURNS, 4) + 1)]
    async with postgres(folder) as database, child("bench.model", log=folder / "model.log") as model:
        environment = {
            "REMI_DATA": str(folder / "data"),
            "REMI_LISTEN": f"unix:{folder}/assistant.sock",
            "REMI_ALLOW": ",".join(f"telegram:{person}" for person in people),
            "REMI_SECRET": "a secret that only the faults know",
            "REMI_TOKEN_TELEGRAM": TOKEN,
            "DATABASE_URL": database.app_dsn,
            "OPENAI_BASE_URL": await first_line(model, folder / "model.log"),
            "OPENAI_API_KEY": "sk-fake",
            "REMI_CHAT_MODEL": "fake-chat",
        }
        log = folder / "assistant.log"
        owner = await asyncpg.connect(database.owner_dsn)
        await owner.execute(_POISON)
        async with child("services.assistant", log=log, environment=environment) as assistant:
            await until_serving(assistant, environment["REMI_LISTEN"], log)
            async with grpc.aio.insecure_channel(environment["REMI_LISTEN"]) as channel:
                telegram = Gateway(channel, TOKEN, Platform.TELEGRAM)
                turns, answered = await _talk(telegram, owner, people)
        await owner.close()
    aside = [turn for turn in turns if turn["state"] == "failed"]
    tries = {turn["tries"] for turn in aside}
    told = [turn for turn in aside if turn["told"] == 1]
    figure = (
        f"{len(turns)} poisoned turns: {len(aside)} put aside after {tries} tries, {len(told)} told once; "
        f"{answered} of {len(people)} neighbours answered meanwhile"
    )
    met = len(told) == len(turns) == len(people) == answered and tries == {MOST_TRIES}
    return Outcome(figure, f"all put aside after {MOST_TRIES}, told once, neighbours unaffected", met)


async def _talk(
    telegram: Gateway, owner: asyncpg.Connection, people: list[str]
) -> tuple[list[asyncpg.Record], int]:
    """The poisoned turns in the end, and how many neighbours were answered before it."""
    poisoned = [
        asyncio.create_task(
            telegram.converse(
                telegram.request("hello", user=person, place=telegram.place(person, thread=f"poison{person}"))
            )
        )
        for person in people
    ]
    neighbours = await asyncio.gather(*(telegram.say("hello", user=person) for person in people))
    async with asyncio.timeout(BOUND):
        while await owner.fetchval("SELECT true FROM turn WHERE state = 'running'"):
            await owner.execute("UPDATE work SET due_at = now() WHERE kind = 'turn' AND lease_until IS NULL")
            await asyncio.sleep(0.1)
    await asyncio.wait(poisoned, timeout=BOUND)
    for task in poisoned:
        task.cancel()
    return await owner.fetch(_TURNS), sum(PUT_ASIDE not in each for each in neighbours)


LINE = Line("poison turn", run)
