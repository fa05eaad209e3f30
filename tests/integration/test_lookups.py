"""Rows are looked up by themselves, however many spaces the planner believes in (decision 0211)."""

import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from conftest import Database
from services.assistant.passages import REACH
from services.assistant.store import passages
from services.assistant.store.queries import load

SQL = passages.SQL
ROAD = {
    "accept": load("inbox")["accept"],
    "recall": passages.WHOLE,
    "finish": load("turns")["finish"],
    "write": SQL["write"],
    "settle": load("outbox")["settle"],
    "read": load("outbox")["read"],
    "waits": load("outbox")["waits"],
    "held back": load("outbox")["held_back"],
    "unsaid": f"{load('memories')['select']} {load('memories')['unsaid']}",
}
"""What every turn asks of the database, and every edit."""
HAUL = {
    "unindexed": SQL["texts"].replace("{asked}", SQL["unindexed"]),
    "stale": SQL["texts"].replace("{asked}", SQL["stale"]),
    "unlearned": load("learning")["unlearned"],
    "lapse": load("learning")["lapse"],
}
"""What is asked for every few messages of a long import, before the database has statistics of them."""
READS_PASSAGES = {"recall", "stale"}
"""Of a small space, all; of one whose vectors another model made, until it is known that none are left."""
SETTINGS = (
    "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET random_page_cost = 1.1;"
    " SET jit = off"
)
FILL = """
CREATE TEMP TABLE talk AS
    SELECT md5('space ' || n % 500)::uuid AS space, md5('talk ' || n % 500)::uuid AS talk,
           md5('message ' || n)::uuid AS said, md5('turn ' || n)::uuid AS turn, n
    FROM generate_series(1, 10000) AS n;
INSERT INTO message (space_id, message_id, conversation_id, role, person_id, author_name, text, sent_at,
                     turn_id, indexed_at, learned_at)
    SELECT space, said, talk, 'remi', space, '', '', now(), turn, now(), now() FROM talk;
INSERT INTO receipt (space_id, conversation_id, platform_message_id, message_id, turn_id)
    SELECT space, talk, n, said, turn FROM talk;
INSERT INTO event (space_id, event_key, conversation_id, kind, person_id, author, body, message_id, sent_at,
                   turn_id)
    SELECT space, n, talk, 'message', space, '{}', '{}', said, now(), turn FROM talk;
INSERT INTO turn (space_id, turn_id, conversation_id, person_id, state, attempt, asked_at, finished_at)
    SELECT space, turn, talk, space, 'done', 1, now(), now() FROM talk;
INSERT INTO delivery (space_id, delivery_id, conversation_id, turn_id, message_id, text, state)
    SELECT space, md5('delivery ' || n)::uuid, talk, turn, said, '', 'delivered' FROM talk;
INSERT INTO memory (space_id, memory_id, kind, text, said_at, learned_at, indexed_at)
    SELECT space, said, 'fact', '', now(), now(), now() FROM talk;
INSERT INTO memory_source (space_id, memory_id, message_id, quote) SELECT space, said, said, '' FROM talk;
INSERT INTO passage (space_id, subject_id, ordinal, of_memory, starts, ends, said_at, author, prior, model,
                     terms, words, posted)
    SELECT space, said, 0, false, 0, 1, now(), '{}', 0, '', '{}/1000000000', '{}', n % 2 = 0 FROM talk;
"""
MESSAGES = 2_000
ONE_SPACE = """
INSERT INTO message (space_id, message_id, conversation_id, role, person_id, author_name, text, sent_at,
                     indexed_at)
    SELECT $1, gen_random_uuid(), $1, 'person', $1, '', '', now(), now() FROM generate_series(1, $2::int)
"""
GROWS = {"message", "event", "receipt", "delivery", "turn", "memory", "memory_source", "passage"}
FEW = {
    "turn_running",
    "event_waiting",
    "memory_standing",
    "memory_passing",
    "memory_to_index",
    "message_to_index",
}
"""Indexes of the few rows of a space that are in a certain state."""


@pytest.mark.parametrize(
    ("name", "is_known"),
    [*((name, True) for name in ROAD | HAUL), *((name, False) for name in HAUL)],
)
async def test_no_statement_reads_a_space_for_a_row(database: Database, name: str, is_known: bool) -> None:
    statement = (ROAD | HAUL)[name]
    owner, connection = await asyncpg.connect(database.owner_dsn), await asyncpg.connect(database.app_dsn)
    try:
        await owner.execute(FILL)
        if is_known:
            await owner.execute("ANALYZE")
        await connection.execute(SETTINGS)
        await connection.execute(f"PREPARE road AS {statement}")
        nothing = ", ".join(["NULL"] * max(int(number) for number in re.findall(r"\$(\d+)", statement)))
        plan = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE road ({nothing})")
    finally:
        await owner.close()
        await connection.close()
    reads = [
        node
        for node in nodes(json.loads(plan)[0]["Plan"])
        if reads_a_space(node) and not (name in READS_PASSAGES and node["Relation Name"] == "passage")
    ]
    assert [(node["Relation Name"], node["Index Name"], node.get("Filter")) for node in reads] == []


@pytest.mark.parametrize(("name", "arguments"), [("hold", ()), ("unmake", ((), REACH))])
async def test_forgetting_reads_a_space_a_few_times_not_for_each_message(
    database: Database, name: str, arguments: tuple[object, ...]
) -> None:
    """As after a restore: before the database has statistics of what it holds."""
    space, statement = UUID(int=1), load("forgetting")[name]
    owner, connection = await asyncpg.connect(database.owner_dsn), await asyncpg.connect(database.app_dsn)
    try:
        await owner.execute(ONE_SPACE, space, MESSAGES)
        doomed = await owner.fetchval(
            "SELECT array_agg(message_id) FROM (SELECT message_id FROM message ORDER BY position LIMIT 50)"
        )
        await connection.execute(SETTINGS)
        async with connection.transaction():
            await connection.execute(f"SET LOCAL remi.spaces = '{{{space}}}'")
            plan = await connection.fetchval(
                f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", space, doomed, *arguments
            )
    finally:
        await owner.close()
        await connection.close()
    read = sum(
        node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
        for node in nodes(json.loads(plan)[0]["Plan"])
        if node.get("Relation Name") == "message"
    )
    assert read < 10 * MESSAGES


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def reads_a_space(node: dict[str, Any]) -> bool:
    """Whether the policy and the space are all that an index of a growing table is searched by."""
    if node.get("Relation Name") not in GROWS or node.get("Index Name") in FEW or "Index Cond" not in node:
        return False
    return set(re.findall(r"(\w+)\"? (?:=|<|>|IS)", node["Index Cond"])) == {"space_id"}
