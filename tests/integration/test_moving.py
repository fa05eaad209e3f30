"""One private space goes into another, on real Postgres: what dies, who comes in meanwhile, what is left."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from conftest import Database
from fakes.openai import FakeOpenAI
from remembering import Talk, models
from services.assistant import portable
from services.assistant.access import Denied, admit, doorkeeper
from services.assistant.domain import Access, Author, ChatKind, Event, Place, Platform, Role
from services.assistant.index import index
from services.assistant.link import join
from services.assistant.recall import Query, recall
from services.assistant.remi import Knobs, Remi
from services.assistant.remind import fire_due
from services.assistant.store import directory, export, forgetting, inbox, links, moving, work
from services.assistant.store.connection import Store, scoped, unscoped
from services.assistant.store.work import Claim
from services.errors import StoreUnavailable, Unavailable
from talk import NOON, event

CANARY = "zephyrquartz"
ANN = Author(Platform.TELEGRAM, "7", "Ann")
ANNS = Author(Platform.DISCORD, "70", "Ann S.")
HERE = Place(Platform.TELEGRAM, "99", "7", "", ChatKind.DIRECT)
THERE = Place(Platform.DISCORD, "99", "70", "", ChatKind.DIRECT)
UTC_ZONE = ZoneInfo("UTC")


class Tired:
    """A pool that breaks after so many transactions."""

    def __init__(self, pool: asyncpg.Pool, left: int) -> None:
        self.pool, self.left = pool, left

    def acquire(self) -> Any:
        if self.left == 0:
            raise ConnectionError("Postgres went away")
        self.left -= 1
        return self.pool.acquire()


@dataclass(slots=True)
class Pair:
    """Ann's two accounts, each a person still, with `kept` the larger of their spaces."""

    remi: Remi
    owner: asyncpg.Connection
    kept: Talk
    gone: Talk
    claim: Claim

    async def rows(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """Any query, past row-level security."""
        return list(await self.owner.fetch(sql, *arguments))

    async def messages(self) -> list[tuple[UUID, str]]:
        rows = await self.rows("SELECT space_id, text FROM message ORDER BY position")
        return [(row["space_id"], row["text"]) for row in rows]

    async def left(self) -> set[str]:
        """The tables that still hold anything of the space that is to go."""
        tables = await self.rows("SELECT relname FROM pg_class WHERE relrowsecurity")
        names = [*(row["relname"] for row in tables), "work", "undelivered", "sent_again"]
        return {
            name
            for name in names
            if await self.rows(f"SELECT FROM {name} WHERE space_id = $1 LIMIT 1", self.gone.space_id)
        }

    async def join(self) -> bool:
        return await join(self.remi, self.claim)


async def let_in(remi: Remi, happened: Event) -> Access:
    admitted = await admit(remi.store, remi.door, happened)
    assert not isinstance(admitted, Denied)
    return admitted[1]


@pytest.fixture
async def pair(store: Store, database: Database, tmp_path: Path) -> AsyncIterator[Pair]:
    async with FakeOpenAI() as fake, models(fake, tmp_path) as opened:
        knobs = Knobs(2_000, timedelta(minutes=1), frozenset(), UTC_ZONE, timedelta(hours=1))
        remi = Remi(store, opened, doorkeeper(frozenset({"telegram:7", "discord:70"})), knobs)
        talks = []
        for where, who in ((HERE, ANN), (THERE, ANNS)):
            access = await let_in(remi, event("hello", where=where, by=who))
            talks.append(Talk(store, opened, access.space_id, access.conversation_id))
            async with scoped(store, [access.space_id]) as connection:
                await export.add_conversations(connection, access, where, [access.conversation_id])
        kept, gone = talks
        for number in range(8):
            await kept.say(f"On day {number} the weather was fine.", person_id=kept.space_id)
        await fill(gone)
        await kept.index()
        await gone.index()
        async with unscoped(store) as connection:
            await links.offer(store, connection, "link-1", ANN, kept.conversation_id)
            link = await links.take(store, connection, "link-1", ANNS, gone.conversation_id)
            assert link is not None
            await links.agree(connection, link.link_id, "issuer")
            await links.agree(connection, link.link_id, "taker")
        (claim,) = await work.claim(store, "link", uuid4(), 1)
        owner = await asyncpg.connect(database.owner_dsn)
        yield Pair(remi, owner, kept, gone, claim)
        await owner.close()


async def fill(talk: Talk) -> None:
    """Something of everything that a private space holds."""
    space, here = talk.space_id, talk.conversation_id
    first = await talk.say(f"I live in {CANARY} Lane, number 4.", person_id=space)
    edited = await talk.say(f"I live in {CANARY} Lane, number 5.", person_id=space, replaced_by=first)
    turn_id, old, new = uuid4(), uuid4(), uuid4()
    reply = await talk.say(f"Noted: {CANARY} Lane.", role=Role.REMI, turn_id=turn_id, reply_to=first)
    taken_back = await talk.say("I moved away.", person_id=space)
    await talk.say("I moved to Foxglove Road.", person_id=space, learned_at=NOON)
    trace = [
        {"message": str(first), "shown": True, "cited": True, "handle": "m1", "end": 10},
        {"memory": str(old), "message": None, "shown": True, "cited": False, "handle": "m2"},
        {"message": str(first), "space": str(uuid4()), "shown": False, "cited": False, "handle": "m3"},
    ]
    await talk.rows(
        "INSERT INTO turn (space_id, turn_id, conversation_id, person_id, state, attempt,"
        " finished_at, asked_at,"
        " recalled, model) VALUES ($1, $2, $3, $1, 'done', 1, now(), now(), $4, 'm')",
        space,
        turn_id,
        here,
        json.dumps(trace),
    )
    await talk.rows(
        "INSERT INTO event (space_id, event_key, conversation_id, kind, person_id, author, body,"
        " message_id, sent_at,"
        " turn_id) VALUES ($1, 'k1', $2, 'message', $1, '{}', '{}', $3, now(), $4)",
        space,
        here,
        first,
        turn_id,
    )
    for platform_id, message_id, of_turn in (
        ("p1", first, None),
        ("p2", reply, turn_id),
        ("p3", None, turn_id),
    ):
        await talk.rows(
            "INSERT INTO receipt (space_id, conversation_id, platform_message_id, message_id, turn_id)"
            " VALUES ($1, $2, $3, $4, $5)",
            space,
            here,
            platform_id,
            message_id,
            of_turn,
        )
    for memory_id, text, by, source in (
        (new, "Ann lives in Foxglove Road.", None, taken_back),
        (old, f"Ann lives in {CANARY} Lane.", new, first),
    ):
        await talk.rows(
            "INSERT INTO memory (space_id, memory_id, kind, text, said_at, learned_at,"
            " superseded_at, superseded_by,"
            " retracted_by, happens_from, happens_until)"
            " VALUES ($1, $2, 'fact', $3, now(), now(), CASE WHEN $4::uuid IS NOT NULL THEN now()"
            " END, $4, $5,"
            " '2026-03-01', '2026-03-02')",
            space,
            memory_id,
            text,
            by,
            taken_back if by else None,
        )
        await talk.rows(
            "INSERT INTO memory_source (space_id, memory_id, message_id, quote) VALUES ($1, $2, $3, 'I')",
            space,
            memory_id,
            source,
        )
    reminder = uuid4()
    await talk.rows(
        "INSERT INTO reminder (space_id, reminder_id, number, conversation_id, person_id,"
        " message_id, text, starts,"
        " zone, every, unit, next_due) VALUES ($1, $2, 1, $3, $1, $4, $5, '2026-03-03 09:00',"
        " 'UTC', 1, 'day', $6)",
        space,
        reminder,
        here,
        edited,
        f"call {CANARY}",
        NOON,
    )
    await talk.rows(
        "INSERT INTO occurrence (space_id, reminder_id, due_at, state) VALUES ($1, $2, $3, 'missed')",
        space,
        reminder,
        NOON - timedelta(days=1),
    )
    await talk.rows(
        "INSERT INTO work (space_id, kind, subject_id, route, due_at) VALUES ($1, 'remind', $2,"
        " 'discord:99', $3)",
        space,
        reminder,
        NOON,
    )
    await talk.rows(
        "INSERT INTO action (space_id, action_id, person_id, verb, arguments, expires_at)"
        " VALUES ($1, $2, $1, 'forget', $3, now())",
        space,
        uuid4(),
        json.dumps({"messages": [str(first)]}),
    )
    await talk.rows(
        "INSERT INTO delivery (space_id, delivery_id, conversation_id, turn_id, text, state)"
        " VALUES ($1, $2, $3, $4, $5, 'expired')",
        space,
        uuid4(),
        here,
        turn_id,
        CANARY,
    )


async def check_moved(pair: Pair) -> None:
    """Everything stands in the one space, as it stood in the other."""
    assert await pair.left() == set()
    assert not await pair.rows("SELECT FROM person WHERE person_id = $1", pair.gone.space_id)
    said = await pair.rows(
        "SELECT m.*, r.text AS answers, n.text AS became FROM message m"
        " LEFT JOIN message r ON r.message_id = m.reply_to LEFT JOIN message n ON n.message_id ="
        " m.replaced_by"
        " WHERE m.conversation_id = $1 ORDER BY m.position",
        pair.gone.conversation_id,
    )
    assert {row["space_id"] for row in said} == {pair.kept.space_id}
    assert [row["text"].split()[0] for row in said] == ["I", "I", "Noted:", "I", "I"]
    assert {row["person_id"] for row in said} == {pair.kept.space_id, None}
    assert (said[2]["answers"], said[1]["became"]) == (said[0]["text"], said[0]["text"])
    assert [row["learned_at"] for row in said] == [None, None, None, None, NOON]

    memories = await pair.rows(
        "SELECT m.text, newer.text AS newer, said.text AS source, back.text AS back,"
        " m.happens_from FROM memory m"
        " LEFT JOIN memory newer ON newer.memory_id = m.superseded_by"
        " LEFT JOIN message back ON back.message_id = m.retracted_by"
        " JOIN memory_source s ON s.memory_id = m.memory_id JOIN message said ON said.message_id"
        " = s.message_id"
        " WHERE m.superseded_at IS NOT NULL"
    )
    (old,) = memories
    assert (old["newer"], old["back"]) == ("Ann lives in Foxglove Road.", "I moved away.")
    assert (old["source"], f"{old['happens_from']}") == (said[0]["text"], "2026-03-01")

    (turn,) = await pair.rows("SELECT t.*, e.message_id FROM turn t JOIN event e USING (turn_id)")
    assert (turn["person_id"], turn["message_id"]) == (pair.kept.space_id, said[0]["message_id"])
    cited, learned, elsewhere = json.loads(turn["recalled"])
    assert cited["message"] == str(said[0]["message_id"])
    assert await pair.rows("SELECT FROM memory WHERE memory_id = $1", UUID(learned["memory"]))
    assert elsewhere["message"] not in {str(row["message_id"]) for row in said}
    receipts = await pair.rows("SELECT * FROM receipt ORDER BY platform_message_id")
    assert [(row["platform_message_id"], row["message_id"], row["turn_id"]) for row in receipts] == [
        ("p1", said[0]["message_id"], None),
        ("p2", said[2]["message_id"], turn["turn_id"]),
        ("p3", None, turn["turn_id"]),
    ]
    (reminder,) = await pair.rows("SELECT * FROM reminder JOIN occurrence USING (space_id, reminder_id)")
    (asked,) = await pair.rows("SELECT space_id, subject_id, due_at FROM work WHERE kind = 'remind'")
    assert tuple(asked) == (pair.kept.space_id, reminder["reminder_id"], NOON)
    assert reminder["message_id"] == said[1]["message_id"]


async def test_everything_moves_and_nothing_is_left(pair: Pair) -> None:
    assert await pair.join()
    await check_moved(pair)
    waiting = {row["conversation_id"] for row in await pair.rows("SELECT conversation_id FROM conversation")}
    for conversation_id in waiting:
        await index(pair.remi.store, pair.kept.models.embedder, pair.kept.space_id, conversation_id)
    await pair.kept.check_counts()
    query = Query("Foxglove", (pair.kept.space_id,), NOON, 2_000)
    found = await recall(pair.remi.store, pair.kept.models.embedder, query)
    assert "Foxglove Road" in found.recalled[0].text
    async with aclosing(portable.pieces(pair.remi.store, pair.kept.space_id)) as pieces:
        exported = b"".join([piece async for piece in pieces]).decode()
    assert exported.count(CANARY) == 5
    assert '"discord:' not in exported

    # Once more, it finds nothing to do.
    assert await pair.join()
    await check_moved(pair)


async def test_whatever_dies_it_goes_on_where_it_was(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "BATCH", 2)
    texts = sorted(text for _, text in await pair.messages())
    crashes = 0
    for budget in range(1, 200):
        tired = Store(Tired(pair.remi.store.pool, budget), pair.remi.store.secret)  # type: ignore[arg-type]
        try:
            assert await join(replace(pair.remi, store=tired), pair.claim)
            break
        except StoreUnavailable:
            crashes += 1
            assert sorted(text for _, text in await pair.messages()) == texts
    assert crashes > 10
    await check_moved(pair)


async def test_two_workers_do_each_other_no_harm(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "BATCH", 2)
    assert any(await asyncio.gather(pair.join(), pair.join(), pair.join()))
    assert await pair.join()
    await check_moved(pair)
    told = await pair.rows("SELECT FROM delivery WHERE text LIKE '%one person to me now%'")
    assert len(told) == 2


async def test_an_event_that_is_being_committed_is_waited_for(pair: Pair) -> None:
    happened = event("I moved to Cowslip Hill.", where=THERE, by=ANNS)
    access = await let_in(pair.remi, happened)
    async with scoped(pair.remi.store, [access.space_id]) as connection:
        assert isinstance(await inbox.accept(pair.remi.store, connection, happened, access), inbox.Accepted)
        joining = asyncio.create_task(pair.join())
        async with asyncio.timeout(10):
            while not await pair.rows("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
                assert not joining.done()
    # It was committed to the space that is to go, so that waits until it is answered.
    assert await joining is False
    assert await pair.left()
    async with scoped(pair.remi.store, [access.space_id]) as connection:
        await connection.execute("DELETE FROM work WHERE kind = 'turn'")
    assert await pair.join()
    assert (pair.kept.space_id, "I moved to Cowslip Hill.") in await pair.messages()


async def test_what_an_older_version_lets_in_is_waited_for(pair: Pair) -> None:
    tired = Store(Tired(pair.remi.store.pool, 6), pair.remi.store.secret)  # type: ignore[arg-type]
    with pytest.raises(StoreUnavailable):
        await join(replace(pair.remi, store=tired), pair.claim)
    await pair.gone.say("I moved to Cowslip Hill.")
    await pair.gone.rows(
        "INSERT INTO work (space_id, kind, subject_id, route) VALUES ($1, 'turn', $2, 'discord:99')",
        pair.gone.space_id,
        pair.gone.conversation_id,
    )
    assert await pair.join() is False
    await pair.owner.execute("DELETE FROM work WHERE kind = 'turn'")
    assert await pair.join()
    assert (pair.kept.space_id, "I moved to Cowslip Hill.") in await pair.messages()
    assert await pair.left() == set()


async def test_who_asked_before_comes_too_late(pair: Pair) -> None:
    happened = event("I moved to Cowslip Hill.", where=THERE, by=ANNS)
    access = await let_in(pair.remi, happened)
    assert await pair.join()
    async with scoped(pair.remi.store, [access.space_id]) as connection:
        assert await inbox.accept(pair.remi.store, connection, happened, access) is None
        with pytest.raises(Unavailable):
            await directory.hold(connection, access.person_id)
    content = (
        b'{"format": "remi", "version": 1}\n'
        + json.dumps(
            {
                "record": "message",
                "id": str(uuid4()),
                "conversation": str(uuid4()),
                "role": "person",
                "author": "Ann",
                "text": CANARY,
                "sent_at": "2026-03-02T12:00:00+00:00",
            }
        ).encode()
    )

    async def chunks() -> AsyncIterator[bytes]:
        yield content

    with pytest.raises(Unavailable):
        await portable.bring(pair.remi.store, access, THERE, chunks(), timedelta(0))
    assert await pair.left() == set()


async def test_a_reminder_fires_once_whoever_is_first(pair: Pair) -> None:
    remi = replace(pair.remi, clock=lambda: NOON)
    done = await asyncio.gather(join(remi, pair.claim), fire_due(remi), fire_due(remi))
    if not done[0]:
        # It fired from the space that is to go: what is being sent there is waited for.
        (delivery,) = await pair.rows("SELECT space_id FROM delivery WHERE state = 'pending'")
        assert delivery["space_id"] == pair.gone.space_id
        await pair.owner.execute("UPDATE delivery SET state = 'delivered'")
        await pair.owner.execute("DELETE FROM work WHERE kind = 'deliver'")
        assert await join(remi, pair.claim)
    await fire_due(remi)
    sent = await pair.rows("SELECT space_id FROM occurrence WHERE due_at = $1", NOON)
    assert [row["space_id"] for row in sent] == [pair.kept.space_id]


async def test_while_things_move_nothing_can_be_forgotten_half(pair: Pair) -> None:
    tired = Store(Tired(pair.remi.store.pool, 6), pair.remi.store.secret)  # type: ignore[arg-type]
    with pytest.raises(StoreUnavailable):
        await join(replace(pair.remi, store=tired), pair.claim)
    async with scoped(pair.remi.store, [pair.kept.space_id]) as connection:
        with pytest.raises(Unavailable):
            await links.require_still(connection, pair.kept.space_id)
    assert await pair.join()
    async with scoped(pair.remi.store, [pair.kept.space_id]) as connection:
        await links.require_still(connection, pair.kept.space_id)


async def test_what_was_linked_can_be_forgotten_for_real(pair: Pair) -> None:
    assert await pair.join()
    space_id = pair.kept.space_id
    async with scoped(pair.remi.store, [space_id]) as connection:
        await forgetting.wipe(connection, space_id)
    tables = await pair.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    for name in [*(row["tablename"] for row in tables), "pg_statistic"]:
        assert not await pair.rows(f'SELECT FROM "{name}" AS t WHERE t::text ILIKE $1', f"%{CANARY}%"), name
