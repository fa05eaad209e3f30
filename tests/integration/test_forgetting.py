"""Forgetting: a canary string goes into every table, and out of all of them."""

import asyncio
import json
from collections.abc import Coroutine, Sequence
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import asyncpg

from conftest import SECRET, Database
from remembering import ANN, Talk, texts
from services.assistant.domain import Message, Role, Usage
from services.assistant.learn import remember
from services.assistant.recall import nameless
from services.assistant.store import forgetting, learning, moving, work
from services.assistant.store.connection import scoped
from services.assistant.store.forgetting import Forgotten, Wish

CANARY = "zephyrquartz"


async def forget(talk: Talk, *message_ids: UUID, memories: tuple[UUID, ...] = ()) -> Forgotten:
    async with scoped(talk.store, [talk.space_id]) as connection:
        return await forgetting.forget(connection, talk.space_id, message_ids, memories)


async def turn(
    talk: Talk, *message_ids: UUID, state: str = "done", kind: str = "message", **columns: Any
) -> UUID:
    """A turn that took these messages."""
    turn_id = uuid4()
    await talk.rows(
        "INSERT INTO turn (space_id, turn_id, conversation_id, person_id, state, attempt, finished_at,"
        " asked_at, recalled, model)"
        " VALUES ($1, $2, $3, $4, $5, 1, CASE WHEN $5 <> 'running' THEN now() END, now(), $6, 'm')",
        talk.space_id,
        turn_id,
        talk.conversation_id,
        ANN,
        state,
        json.dumps(columns.get("recalled", [])),
    )
    for message_id in message_ids:
        await event(talk, message_id, turn_id, kind)
    if state == "running":
        await talk.rows(
            "INSERT INTO work (space_id, kind, subject_id, route, lease_until, attempt, holder)"
            " VALUES ($1, 'turn', $2, 'telegram:99', now() + interval '1 minute', 1, $3)",
            talk.space_id,
            talk.conversation_id,
            uuid4(),
        )
    return turn_id


async def event(talk: Talk, message_id: UUID, turn_id: UUID | None, kind: str = "message") -> None:
    await talk.rows(
        "INSERT INTO event (space_id, event_key, conversation_id, kind, person_id, author, body, message_id,"
        " sent_at, turn_id) VALUES ($1, $2, $3, $4, $5, '{}', $6, $7, now(), $8)",
        talk.space_id,
        str(uuid4()),
        talk.conversation_id,
        kind,
        ANN,
        json.dumps({"text": CANARY}),
        message_id,
        turn_id,
    )


async def delivery(talk: Talk, text: str = "", message_id: UUID | None = None, **columns: Any) -> UUID:
    delivery_id = uuid4()
    await talk.rows(
        "INSERT INTO delivery (space_id, delivery_id, conversation_id, turn_id, message_id, text,"
        " file_content) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        talk.space_id,
        delivery_id,
        talk.conversation_id,
        uuid4(),
        message_id,
        text,
        columns.get("file_content", b""),
    )
    await talk.rows(
        "INSERT INTO work (space_id, kind, subject_id, route) VALUES ($1, 'deliver', $2, 'telegram:99')",
        talk.space_id,
        delivery_id,
    )
    return delivery_id


def line(message_id: UUID | None = None, memory_id: UUID | None = None, *, cited: bool) -> dict[str, Any]:
    """A line of a turn's trace."""
    ids = {"message": message_id and str(message_id), "memory": memory_id and str(memory_id)}
    return {**ids, "shown": True, "cited": cited}


async def waiting(talk: Talk, many: int) -> None:
    """Until so many transactions wait for locks."""
    sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = $1"
    name = await talk.value("SELECT current_database()")
    async with asyncio.timeout(10):
        while await talk.value(sql, name) < many:  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.01)


async def meeting(talk: Talk, *doings: Coroutine[Any, Any, object]) -> None:
    """One after the other gets under way, while what was learned is held; then all go on at once."""
    async with scoped(talk.store, [talk.space_id]) as connection:
        await connection.execute("SELECT FROM memory FOR UPDATE")
        tasks = []
        for each in doings:
            tasks.append(asyncio.create_task(each))
            await waiting(talk, len(tasks))
    await asyncio.gather(*tasks)


async def learned(talk: Talk, text: str, *message_ids: UUID) -> None:
    """A memory that rests on these messages, each of which holds its words."""
    async with scoped(talk.store, [talk.space_id]) as connection:
        for each in message_ids:
            await remember(connection, talk.space_id, each, text, talk.now)


async def said(talk: Talk) -> list[str]:
    return [row["text"] for row in await talk.rows("SELECT text FROM message ORDER BY position")]


async def holding(database: Database, text: str) -> set[str]:
    """The tables in which a text stands, in any column, for the owner of all."""
    owner = await asyncpg.connect(database.owner_dsn)
    try:
        tables = await owner.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        found = set()
        for name in [*(row["tablename"] for row in tables), "pg_statistic"]:
            rows = await owner.fetch(
                f'SELECT true FROM "{name}" AS t WHERE t::text ILIKE $1 LIMIT 1', f"%{text}%"
            )
            found |= {name} if rows else set()
        return found
    finally:
        await owner.close()


async def test_of_who_said_nothing_else_no_name_is_left(talk: Talk) -> None:
    for _ in range(4):
        await talk.say("We planted tulips.")
    said = await talk.say("I saw them.", by=CANARY)
    await talk.index()
    assert await nameless(talk.store, f"Did {CANARY.title()} plant?", [talk.space_id]) == "Did someone plant?"
    await forget(talk, said)
    await talk.index()
    assert await talk.value("SELECT cardinality(authors) FROM space_statistics") == 1
    await talk.check_counts()


async def test_a_canary_goes_from_every_table(talk: Talk, database: Database) -> None:
    await talk.say("We planted tulips.")
    first = await talk.say(f"The word is {CANARY}1.")
    message = await talk.say(f"The word is {CANARY}.", attachments=json.dumps([{"file_name": CANARY}]))
    await talk.rows("UPDATE message SET replaced_by = $2 WHERE message_id = $1", first, message)
    async with scoped(talk.store, [talk.space_id]) as connection:
        memory = await remember(connection, talk.space_id, message, f"The word is {CANARY}.", talk.now)
    answered = await turn(talk, message)
    reply = await talk.say(f"I'll keep {CANARY}.", role=Role.REMI, turn_id=answered)
    await delivery(talk, message_id=reply)
    await delivery(talk, text=f"You told me: {CANARY}")
    await delivery(talk, file_content=f'{{"text": "{CANARY}"}}'.encode())
    await event(talk, message, None)
    await talk.rows(
        "INSERT INTO action VALUES ($1, $2, $3, 'forget', $4, now())",
        talk.space_id,
        uuid4(),
        ANN,
        json.dumps({"messages": [str(message)], "note": CANARY}),
    )
    await talk.rows(
        "INSERT INTO receipt (space_id, conversation_id, platform_message_id, message_id)"
        " VALUES ($1, $2, '7', $3)",
        talk.space_id,
        talk.conversation_id,
        message,
    )
    await talk.index()
    assert await holding(database, CANARY) == {
        "message",
        "memory",
        "memory_source",
        "event",
        "delivery",
        "action",
    }
    passages = await holding(database, str(message))
    assert "passage" in passages

    assert await forget(talk, message) == Forgotten(messages=3, memories=1)
    assert await holding(database, CANARY) == set()
    assert await holding(database, str(memory.memory_id)) == {"forgetting"}
    assert "passage" not in await holding(database, str(message))
    assert await said(talk) == ["We planted tulips."]
    assert await talk.value("SELECT count(*) FROM work WHERE kind = 'deliver'") == 0
    assert await talk.index() == 1
    await talk.check_counts()
    assert await holding(database, CANARY) == set()
    assert all(each.word_score == 0 for each in await talk.found(CANARY))


async def test_with_a_message_go_all_its_forms(talk: Talk) -> None:
    third = await talk.say(f"{CANARY} three")
    second = await talk.say(f"{CANARY} two", replaced_by=third)
    first = await talk.say(f"{CANARY} one", replaced_by=second)
    for each in (first, second, third):
        async with scoped(talk.store, [talk.space_id]) as connection:
            forms = await connection.fetch(forgetting.SQL["hold"], talk.space_id, [each])
        assert {row["message_id"] for row in forms} == {first, second, third}
    assert await forget(talk, second) == Forgotten(3, 0)
    assert await said(talk) == []


async def test_what_stood_beside_it_shares_in_it_no_more(talk: Talk) -> None:
    for text in ("One.", "Two.", "Three.", "Four."):
        await talk.say(text)
    secret = await talk.say(f"The word is {CANARY}.")
    for text in ("Five.", "Six.", "Seven."):
        await talk.say(text)
    await talk.index()
    assert [each.text for each in await talk.found(CANARY) if each.word_score] != []
    await forget(talk, secret)
    waiting = await talk.rows("SELECT text FROM message WHERE indexed_at IS NULL ORDER BY position")
    assert [row["text"] for row in waiting] == ["Three.", "Four.", "Five.", "Six."]
    assert await talk.value("SELECT count(*) FROM work WHERE kind = 'index'") == 1
    assert await talk.index() == 4
    assert [each.text for each in await talk.found(CANARY) if each.word_score] == []
    assert len(await talk.found("?")) == 7
    await talk.check_counts()


async def test_remis_words_go_if_they_came_of_it(talk: Talk) -> None:
    secret = await talk.say(f"The safe's code is {CANARY}.")
    answered = await turn(talk, secret)
    await talk.say("Noted.", role=Role.REMI, turn_id=answered)
    question = await talk.say("What was the code?")
    cited = await turn(talk, question, recalled=[line(secret, cited=True)])
    await talk.say("You told me earlier.", role=Role.REMI, turn_id=cited)
    await talk.say(f"It was {CANARY}, I think.", role=Role.REMI, turn_id=uuid4())
    shown = await turn(talk, recalled=[line(secret, cited=False)])
    await talk.say("Tulips grow in spring.", role=Role.REMI, turn_id=shown)
    await talk.index()
    assert await forget(talk, secret) == Forgotten(messages=4, memories=0)
    assert await said(talk) == ["What was the code?", "Tulips grow in spring."]


async def test_a_reply_stays_if_others_said_its_words_too(talk: Talk) -> None:
    one = await talk.say("I planted tulips.")
    await talk.say("I planted tulips too.", by="Bob")
    await talk.say("Tulips everywhere!", role=Role.REMI)
    await talk.index()
    await forget(talk, one)
    assert await said(talk) == ["I planted tulips too.", "Tulips everywhere!"]


async def test_a_memory_can_be_forgotten_by_itself(talk: Talk) -> None:
    message = await talk.say("My dog is called Biscuit.")
    async with scoped(talk.store, [talk.space_id]) as connection:
        memory = await remember(connection, talk.space_id, message, "My dog is called Biscuit.", talk.now)
    cited = await turn(talk, recalled=[line(memory_id=memory.memory_id, cited=True)])
    await talk.say("Biscuit.", role=Role.REMI, turn_id=cited)
    await talk.index()
    assert await forget(talk, memories=(memory.memory_id,)) == Forgotten(messages=1, memories=1)
    assert await said(talk) == ["My dog is called Biscuit."]
    await talk.index()
    await talk.check_counts()


async def test_a_running_turn_starts_anew_without_it(talk: Talk) -> None:
    secret = await talk.say(f"The word is {CANARY}.")
    question = await talk.say("What is the word?")
    running = await turn(talk, question, state="running")
    await forget(talk, secret)
    (row,) = await talk.rows("SELECT state, attempt FROM turn WHERE turn_id = $1", running)
    assert (row["state"], row["attempt"]) == ("running", 2)
    (row,) = await talk.rows("SELECT attempt, lease_until, holder FROM work WHERE kind = 'turn'")
    assert (row["attempt"], row["lease_until"], row["holder"]) == (2, None, None)


async def test_a_running_turn_that_asks_just_this_ends(talk: Talk) -> None:
    secret = await talk.say(f"The word is {CANARY}.")
    running = await turn(talk, secret, state="running")
    await forget(talk, secret)
    assert await talk.value("SELECT state FROM turn WHERE turn_id = $1", running) == "stopped"
    (row,) = await talk.rows("SELECT kind, body, turn_id FROM event")
    assert (row["kind"], row["body"], row["turn_id"]) == ("record", "{}", None)


async def test_the_turn_that_forgets_goes_on(talk: Talk) -> None:
    secret = await talk.say(f"The word is {CANARY}.")
    button = await talk.say("")
    running = await turn(talk, button, state="running", kind="button")
    await forget(talk, secret)
    (row,) = await talk.rows("SELECT state, attempt FROM turn WHERE turn_id = $1", running)
    assert (row["state"], row["attempt"]) == ("running", 1)


async def test_texts_on_their_way_that_have_nothing_to_do_with_it_arrive(talk: Talk) -> None:
    secret = await talk.say(f"The word is {CANARY}.")
    kept = await delivery(talk, text="Tulips!")
    await delivery(talk, text=f"Forget {CANARY.upper()}?")
    await forget(talk, secret)
    assert [row["delivery_id"] for row in await talk.rows("SELECT delivery_id FROM delivery")] == [kept]


async def test_everything_goes_and_other_spaces_stay(talk: Talk, database: Database) -> None:
    other = await Talk(talk.store, talk.models).begin()
    for each in (talk, other):
        message = await each.say(f"My dog is called {CANARY}.")
        async with scoped(each.store, [each.space_id]) as connection:
            await remember(connection, each.space_id, message, f"My dog is called {CANARY}.", each.now)
        await each.say("Noted.", role=Role.REMI)
        await each.index()
    async with scoped(talk.store, [talk.space_id]) as connection:
        assert await forgetting.wipe(connection, talk.space_id) == Forgotten(2, 1)
    assert await talk.rows("SELECT * FROM passage") == await talk.rows("SELECT * FROM term") == []
    assert texts(await other.found("dog"))[0] == f"My dog is called {CANARY}."
    await other.check_counts()
    assert await forget(talk, uuid4()) == Forgotten(0, 0)


async def test_everything_is_also_what_waits_for_its_turn(talk: Talk, database: Database) -> None:
    await event(talk, await talk.say(f"The word is {CANARY}."), None)
    async with scoped(talk.store, [talk.space_id]) as connection:
        await forgetting.wipe(connection, talk.space_id)
    assert await holding(database, CANARY) == set()


async def test_another_spaces_messages_are_out_of_reach(talk: Talk) -> None:
    other = await Talk(talk.store, talk.models).begin()
    message = await other.say("My dog is called Biscuit.")
    assert await forget(talk, message) == Forgotten(0, 0)
    assert await said(other) == ["My dog is called Biscuit."]


async def test_a_preview_shows_what_holds_all_of_the_words(talk: Talk) -> None:
    await talk.say("My dog is called Rex.")
    old = await talk.say("My dentist is Dr Rossi.")
    new = await talk.say("I have two dentists called Rossi.")
    await talk.say("My dentist is Dr Bianchi.", replaced_by=uuid4())
    async with scoped(talk.store, [talk.space_id]) as connection:
        memory = await remember(connection, talk.space_id, old, "My dentist is Dr Rossi.", talk.now)
    await talk.index()
    async with scoped(talk.store, [talk.space_id]) as connection:
        doomed, nothing, blank = [
            await forgetting.preview(
                connection,
                SECRET,
                talk.space_id,
                Wish(talk.now, forgetting.dimensions(SECRET, talk.space_id, words)),
            )
            for words in ("the ROSSI dentist", "the cat", "?")
        ]
    assert [message.message_id for message in doomed.messages] == [new, old]
    assert doomed.memories == (memory,)
    assert nothing == blank == forgetting.Doomed((), (), 0, 0)


async def test_what_a_command_brought_in_vain_goes_from_the_index_too(talk: Talk, database: Database) -> None:
    before = await talk.say("The boat is blue.")
    brought = await talk.say(f"call {CANARY}")
    turn_id = await turn(talk, brought, state="running", kind="command")
    await talk.index()
    async with scoped(talk.store, [talk.space_id]) as connection:
        await forgetting.unsay(connection, talk.space_id, brought)
    # The end of the turn empties its events.
    assert await holding(database, CANARY) == {"event"}
    assert await talk.value("SELECT count(*) FROM message") == 1
    assert await talk.value("SELECT state FROM turn WHERE turn_id = $1", turn_id) == "running"
    await talk.index()
    assert await talk.value("SELECT count(*) FROM passage WHERE subject_id = $1", before) == 1


async def test_what_was_learned_from_meanwhile_stays_said(talk: Talk) -> None:
    brought = await talk.say(f"call {CANARY}")
    async with scoped(talk.store, [talk.space_id]) as connection:
        await remember(connection, talk.space_id, brought, f"call {CANARY}", talk.now)
        await forgetting.unsay(connection, talk.space_id, brought)
    assert await talk.value("SELECT count(*) FROM message") == 1


async def test_words_may_stand_in_different_passages_of_a_message(talk: Talk) -> None:
    walk = "It was a sunny day and we walked around. " * 30
    long = await talk.say(f"My dentist is Rossi. {walk} The appointment is in Bergamo.")
    await talk.say("The dentist was here.")
    await talk.say("Bergamo is far.")
    await talk.index()
    assert await talk.value("SELECT count(*) FROM passage WHERE subject_id = $1", long) > 1
    wish = Wish(talk.now, forgetting.dimensions(SECRET, talk.space_id, "dentist Bergamo"))
    async with scoped(talk.store, [talk.space_id]) as connection:
        doomed = await forgetting.preview(connection, SECRET, talk.space_id, wish)
    assert ([message.message_id for message in doomed.messages], doomed.all_messages) == ([long], 1)


async def test_two_neighbours_are_forgotten_at_once(talk: Talk) -> None:
    before, _, after = [await talk.say(f"{what} are in bloom.") for what in ("Tulips", "Roses", "Lilies")]
    await learned(talk, "are in bloom", before, after)
    await talk.index()
    await meeting(talk, forget(talk, before), forget(talk, after))
    assert await said(talk) == ["Roses are in bloom."]
    assert await talk.index() == 1
    await talk.check_counts()


async def test_what_is_forgotten_while_its_talk_is_indexed_leaves_no_trace(talk: Talk) -> None:
    # The index takes messages in this order: it holds the others when it comes to the last.
    *_, last = sorted([await talk.say(f"{what} are here.") for what in ("Tulips", "Roses", "Lilies")])
    await learned(talk, "are here", last)
    await talk.index()
    await talk.say("So they are.")
    await meeting(talk, forget(talk, last), talk.index())
    assert await talk.index() == 0
    assert await talk.rows("SELECT message_id FROM message ORDER BY 1") == (
        await talk.rows("SELECT subject_id AS message_id FROM passage ORDER BY 1")
    )
    await talk.check_counts()


async def test_what_is_to_be_indexed_anew_is_asked_for_still_when_the_index_waited(talk: Talk) -> None:
    _, secret, *_ = [await talk.say(f"Row {number} has tulips.") for number in range(6)]
    await talk.index()
    async with scoped(talk.store, [talk.space_id]) as connection:
        await work.ask(connection, talk.space_id, "index", talk.conversation_id, "")
    await talk.say("And this is the last one.")
    async with scoped(talk.store, [talk.space_id]) as connection:
        await forgetting.forget(connection, talk.space_id, [secret], [])
        indexing = asyncio.create_task(talk.index())
        await waiting(talk, 1)
    assert await indexing == 1
    assert await talk.value("SELECT count(*) FROM message WHERE indexed_at IS NULL") == 3
    assert await talk.value("SELECT count(*) FROM work WHERE kind = 'index'") == 1


async def test_many_neighbours_are_forgotten_while_the_talk_goes_on(talk: Talk) -> None:
    for _ in range(6):
        ids = [await talk.say(f"Row {number} has tulips.") for number in range(6)]
        await talk.index()
        await talk.say("And this is the last one.")
        await asyncio.gather(*(forget(talk, each) for each in ids[1:5]), talk.index())
    await talk.index()
    assert len(await said(talk)) == 6 * 3
    await talk.check_counts()


async def test_it_is_forgotten_while_its_talk_is_learned_from(talk: Talk) -> None:
    ids = [await talk.say(f"Row {number} has tulips.") for number in range(3)]
    # In whatever order learning takes them: one of these comes after another one.
    for last in (ids[-1], max(ids[:-1])):
        await learned(talk, "has tulips", last)
        await talk.index()
        async with scoped(talk.store, [talk.space_id]) as connection:
            read = await learning.unlearned(
                connection, talk.space_id, talk.conversation_id, 10, 1_000, ZoneInfo("UTC")
            )

        async def mark(read: Sequence[Message] = read) -> None:
            async with scoped(talk.store, [talk.space_id]) as connection:
                await learning.mark(connection, talk.space_id, read, Usage(0, 0))

        await meeting(talk, forget(talk, last), mark())
        await talk.rows("UPDATE message SET learned_at = NULL")
    assert len(await said(talk)) == 1


async def test_it_is_forgotten_while_its_space_goes_into_another(talk: Talk) -> None:
    *_, last = [await talk.say(f"Row {number} has tulips.") for number in range(3)]
    await learned(talk, "has tulips", last)
    await talk.index()
    kept = uuid4()
    await meeting(talk, forget(talk, last), moving.some(talk.store, kept, talk.space_id))
    assert await said(talk) == []
    async with scoped(talk.store, [kept]) as connection:
        assert await connection.fetchval("SELECT count(*) FROM message") == 2
