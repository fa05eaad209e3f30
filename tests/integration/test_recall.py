"""What a turn sees of its spaces."""

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID, uuid4

import asyncpg
import numpy as np
import pytest
from pgvector import HalfVector
from pgvector.asyncpg import register_vector

from client import PATIENCE, gateway
from conftest import SECRET, Database, StartAssistant, thinks_with
from fakes.openai import FakeOpenAI, embedding
from remembering import Talk, texts
from services.assistant.domain import MemoryKind, Role
from services.assistant.learn import remember
from services.assistant.passages import line, tokens
from services.assistant.recall import RECENT_MESSAGES, Query, embed_question, nameless, recall_nearby
from services.assistant.store import memories, passages
from services.assistant.store.connection import alone, scoped
from services.assistant.words import dimension, space_key
from talk import NOON

YEAR_AGO = NOON - timedelta(days=365)


async def test_the_best_comes_first_and_has_a_handle(talk: Talk) -> None:
    await talk.say("We planted tulips behind the house.")
    dog = await talk.say("My dog is called Biscuit.")
    await talk.say("It rained all day long.")
    await talk.index()
    found = await talk.found("What is my dog called?")
    assert (found[0].message_id, found[0].text, found[0].author_name) == (
        dog,
        "My dog is called Biscuit.",
        "Ann",
    )
    assert [each.handle for each in found] == ["m1", "m2", "m3"]
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    assert found[0].space_id == talk.space_id
    assert found[0].role is Role.PERSON


async def test_only_whole_lines_within_the_budget_are_shown_the_worst_is_cut(talk: Talk) -> None:
    for number in range(20):
        await talk.say(f"I planted {number} tulips behind the house.")
    await talk.index()
    found = await talk.found("tulips", token_budget=100)
    shown = [each for each in found if each.shown]
    assert 0 < len(shown) < len(found)
    assert found[: len(shown)] == tuple(shown)
    assert sum(each.tokens for each in shown) <= 100
    assert all(
        each.tokens == tokens(line(each.author_name, each.said_at, each.text, each.handle)) for each in found
    )
    assert [each.shown for each in await talk.found("tulips", limit=3)].count(True) == 3


async def test_standing_instructions_leave_room_for_what_is_recalled(talk: Talk) -> None:
    await talk.say("I planted tulips behind the house.")
    long = "Always answer in verse. " * 100
    asked = await talk.say(long)
    async with scoped(talk.store, [talk.space_id]) as connection:
        await remember(connection, talk.space_id, asked, long, talk.now)
    await talk.index()
    recollection = await talk.recall("What did I plant?", token_budget=300)
    assert [each.text for each in recollection.instructions] == [long]
    shown = [each for each in recollection.recalled if each.shown]
    assert "tulips" in shown[0].text
    assert sum(each.tokens for each in shown) <= 100


async def test_two_words_of_a_question_may_have_the_same_number(talk: Talk) -> None:
    key = space_key(SECRET, talk.space_id)
    words: dict[int, str] = {}
    for number in count():
        word = f"w{number}"
        if (other := words.setdefault(dimension(key, word), word)) != word:
            break
    await talk.say(f"The door opens with {other}.")
    await talk.index()
    assert texts(await talk.found(f"Is it {word} or {other}?"))[0] == f"The door opens with {other}."


async def test_the_turns_own_messages_and_replaced_ones_are_left_out(talk: Talk) -> None:
    await talk.say("My dog is called Rex.", replaced_by=uuid4())
    await talk.say("My dog is called Biscuit.")
    own = await talk.say("What is my dog called?")
    await talk.say("And my cat? This waits for its own turn.")
    await talk.index()
    recollection = await talk.recall(
        "What is my dog called?", leave_out=(own,), conversation_id=talk.conversation_id
    )
    assert texts(recollection.recalled)[0] == "My dog is called Biscuit."
    assert [message.text for message in recollection.recent] == ["My dog is called Biscuit."]


async def test_nobody_sees_another_space(talk: Talk) -> None:
    stranger = await Talk(talk.store, talk.models).begin()
    await stranger.say("The code of the safe is 4711.")
    await stranger.index()
    assert await talk.found("What is the code of the safe?") == ()
    both = await talk.found("code safe", spaces=(talk.space_id, stranger.space_id))
    assert texts(both) == ["The code of the safe is 4711."]


async def test_the_database_alone_keeps_spaces_apart(talk: Talk) -> None:
    stranger = await Talk(talk.store, talk.models).begin()
    message = await stranger.say("The code of the safe is 4711.")
    await stranger.index()
    async with scoped(talk.store, [stranger.space_id]) as connection:
        await remember(connection, stranger.space_id, message, "The code of the safe is 4711.", NOON)
    vector = await embed_question(
        talk.store, talk.models.embedder, "What is the code of the safe?", [talk.space_id]
    )
    assert vector is not None
    asked = passages.Asked(
        [stranger.space_id],
        [],
        [],
        talk.models.embedder.name,
        HalfVector(vector),
        [],
        stranger.conversation_id,
        10,
        10,
        9000,
        8_000,
        10,
        4,
    )
    for begin in (scoped, alone):
        async with begin(talk.store, [talk.space_id]) as connection:
            assert await connection.fetch(passages.WHOLE, *asked.arguments()) == []
    assert {row["part"] for row in await passages.seen(talk.store, asked)} == {"found", "recent"}


async def test_a_question_is_embedded_without_the_names_of_those_who_speak(
    talk: Talk, fake: FakeOpenAI
) -> None:
    team = await Talk(talk.store, talk.models).begin()
    await team.say("The standup is at nine.", by="Zoe Black")
    await team.index()
    spaces = (talk.space_id, team.space_id)
    assert await nameless(talk.store, "Did Ann call Zoe?", spaces) == "Did Ann call someone?"
    await talk.say("Rex saw a doctor.")
    await talk.index()
    question = "When did Ann ask Zoe Black about Rex, ann's dog?"
    assert (
        await nameless(talk.store, question, spaces) == "When did someone ask someone about Rex, ann's dog?"
    )
    assert await nameless(talk.store, question, (team.space_id,)) == question.replace("Zoe Black", "someone")
    await talk.say("Rex is well.", by="Rex Black")
    await talk.index()
    assert await nameless(talk.store, "Is Rex Ann?", spaces) == "Is someone?"
    fake.requests.clear()
    found = await talk.found("Where does Ann go?")
    assert [body["input"] for body in fake.bodies("/v1/embeddings")] == [["Where does someone go?"]]
    assert {each.author_name for each in found[:1]} == {"Ann"}
    await talk.check_counts()


async def test_what_a_turn_says_is_indexed_with_its_names(
    start_assistant: StartAssistant, model: FakeOpenAI, database: Database
) -> None:
    owner = await asyncpg.connect(database.owner_dsn)
    await register_vector(owner)
    knobs = {"allow": {"telegram:7"}, "embedding_model": "fake-embedder", **thinks_with(model)}
    async with start_assistant(**knobs) as assistant, gateway(assistant) as telegram:
        for text in ("My name is Ann.", "Where does Ann live?"):
            model.requests.clear()
            await telegram.final(telegram.request(text))
            async with asyncio.timeout(PATIENCE):
                while await owner.fetchval("SELECT EXISTS (SELECT FROM message WHERE indexed_at IS NULL)"):
                    pass
    first, *rest = [body["input"] for body in model.bodies("/v1/embeddings")]
    assert first == ["Where does Ann live?", "Where does someone live?"]
    assert "Where does Ann live?" not in str(rest)
    own = await owner.fetchval(
        "SELECT own FROM passage JOIN message ON subject_id = message_id WHERE text = 'Where does Ann live?'"
    )
    await owner.close()
    expected = embedding("Where does Ann live?", own.dimensions())
    assert np.allclose(own.to_list(), expected / np.linalg.norm(expected), atol=2e-3)


async def test_in_a_long_question_names_are_looked_for_at_its_beginning(talk: Talk) -> None:
    await talk.say("Hello.")
    await talk.index()
    spaces = (talk.space_id,)
    assert (
        await nameless(talk.store, "Ann " + "x" * 5_000 + " Ann", spaces) == "someone " + "x" * 5_000 + " Ann"
    )
    assert await nameless(talk.store, "x" * 5_000 + " Ann", spaces) == "x" * 5_000 + " Ann"


async def test_two_spaces_are_ranked_together(talk: Talk) -> None:
    team = await Talk(talk.store, talk.models).begin()
    await team.say("The standup is at nine.")
    await talk.say("My dentist is at nine on Friday.")
    await team.index()
    await talk.index()
    spaces = (talk.space_id, team.space_id)
    assert texts(await talk.found("When is the standup?", spaces=spaces))[0] == "The standup is at nine."
    assert (
        texts(await talk.found("When is my dentist?", spaces=spaces))[0] == "My dentist is at nine on Friday."
    )


async def test_instructions_and_profile_are_always_seen_and_count(talk: Talk) -> None:
    message = await talk.say("Answer in French. I am a nurse. I have a dog.")
    async with scoped(talk.store, [talk.space_id]) as connection:
        for kind, text in (
            (MemoryKind.INSTRUCTION, "Answer in French."),
            (MemoryKind.PROFILE, "I am a nurse."),
            (MemoryKind.FACT, "I have a dog."),
        ):
            assert await memories.insert(
                connection, talk.space_id, uuid4(), kind, text, talk.now, [(message, text)]
            )
            talk.now += timedelta(minutes=1)
    await talk.index()
    recollection = await talk.recall("Which animals are there?")
    assert [memory.text for memory in recollection.instructions] == ["Answer in French.", "I am a nurse."]
    assert recollection.instructions[0].sources[0].quote == "Answer in French."
    (fact,) = [each for each in recollection.recalled if each.memory_id]
    assert (fact.text, fact.author_name, fact.sources[0].message_id) == ("I have a dog.", "Ann", message)
    assert not any(each.shown for each in await talk.found("dog", token_budget=25))


async def test_recent_talk_is_that_of_the_topic_oldest_first(talk: Talk) -> None:
    for number in range(RECENT_MESSAGES + 3):
        await talk.say(f"This is message {number}.")
    elsewhere = await Talk(talk.store, talk.models, space_id=talk.space_id).begin()
    await elsewhere.say("This is another talk.")
    recent = (await talk.recall("?", conversation_id=talk.conversation_id)).recent
    assert [message.text for message in recent] == [
        f"This is message {number}." for number in range(3, RECENT_MESSAGES + 3)
    ]
    await talk.rows("UPDATE conversation SET topic_since = (SELECT max(position) FROM message)")
    await talk.say("A new topic.")
    recent = (await talk.recall("?", conversation_id=talk.conversation_id)).recent
    assert [message.text for message in recent] == ["A new topic."]
    assert (await talk.recall("?")).recent == ()


async def test_recent_talk_is_bounded_in_length_too(talk: Talk) -> None:
    for letter in "abcd":
        await talk.say(letter * 5_000)
    recent = (await talk.recall("?", conversation_id=talk.conversation_id)).recent
    assert [message.text for message in recent] == [letter * 4_000 for letter in "bcd"]


async def test_what_the_person_named_said_ranks_higher(talk: Talk) -> None:
    await talk.say("I have been to the museum.", by="Bob Miller")
    await talk.say("I have been to the museum.", by="Cora")
    await talk.index()
    assert (await talk.found("Which museum did cora see?"))[0].author_name == "Cora"
    assert (await talk.found("Which museum did Bob see?"))[0].author_name == "Bob Miller"


async def test_what_was_said_at_the_time_named_ranks_higher(talk: Talk) -> None:
    await talk.say("I have been to the museum.", at=YEAR_AGO)
    await talk.say("I have been to the museum.")
    await talk.index()
    assert (await talk.found("Which museum did I see last year?"))[0].said_at == YEAR_AGO
    assert (await talk.found("Which museum did I see today?"))[0].said_at > YEAR_AGO


async def test_people_rank_above_remi_and_statements_above_bare_questions(talk: Talk) -> None:
    for number in range(3):
        await talk.say(f"{number}")
    await talk.say("The museum opens at nine.", role=Role.REMI)
    for number in range(3):
        await talk.say(f"{number}")
    await talk.say("The museum opens at nine.")
    for number in range(3):
        await talk.say(f"{number}")
    await talk.say("The museum opens at nine?")
    await talk.index()
    found = [each for each in await talk.found("museum") if "museum" in each.text]
    assert [(each.role, each.text[-1]) for each in found] == [
        (Role.PERSON, "."),
        (Role.PERSON, "?"),
        (Role.REMI, "."),
    ]


async def test_what_no_longer_holds_ranks_lower_and_is_marked(talk: Talk) -> None:
    for number in range(3):
        await talk.say(f"{number}")
    old = await talk.say("I live in Leeds.")
    async with scoped(talk.store, [talk.space_id]) as connection:
        memory = await remember(connection, talk.space_id, old, "I live in Leeds.", talk.now)
    await talk.index()
    new = await talk.say("I live in Oslo now.")
    async with scoped(talk.store, [talk.space_id]) as connection:
        later = await memories.correct(
            connection, talk.space_id, memory.memory_id, "I live in Oslo now.", new, talk.now
        )
    await talk.index()
    found = {each.memory_id: each for each in await talk.found("Where do I live?") if each.memory_id}
    assert list(found) == [later.memory_id, memory.memory_id]
    assert [each.superseded for each in found.values()] == [False, True]


async def test_a_message_that_a_memory_says_word_for_word_is_found_as_the_memory(talk: Talk) -> None:
    told = await talk.say("I live in Leeds.")
    async with scoped(talk.store, [talk.space_id]) as connection:
        await remember(connection, talk.space_id, told, "I live in Leeds.", talk.now)
    await talk.index()
    (found,) = await talk.found("Where do I live?")
    assert found.memory_id is not None


@pytest.mark.parametrize("holds", [True, False])
async def test_a_message_is_marked_unless_something_that_rests_on_it_holds(talk: Talk, holds: bool) -> None:
    said = "I moved from Leeds to Oslo."
    told = await talk.say(said)
    old = uuid4()
    async with scoped(talk.store, [talk.space_id]) as connection:
        for memory_id, text in ((old, "Ann lives in Leeds."), (uuid4(), "Ann lives in Oslo.")):
            if holds or memory_id == old:
                await memories.insert(
                    connection, talk.space_id, memory_id, MemoryKind.FACT, text, talk.now, [(told, said)]
                )
        await memories.supersede(connection, talk.space_id, old, talk.now, None)
    await talk.index()
    (message,) = [each for each in await talk.found("Where does Ann live?") if each.message_id]
    assert (message.text, message.superseded) == (said, not holds)


async def test_without_an_embedder_words_find(talk: Talk, fake: FakeOpenAI) -> None:
    await talk.say("My dog is called Biscuit.")
    await talk.say("We planted tulips.")
    await talk.index()
    fake.damage = "none"
    assert texts(await talk.found("biscuit?"))[0] == "My dog is called Biscuit."


async def test_a_vector_that_is_known_or_can_not_be_is_not_asked_for_again(
    talk: Talk, fake: FakeOpenAI
) -> None:
    await talk.say("My dog is called Biscuit.")
    await talk.index()
    query = Query("What is my dog called?", (talk.space_id,), talk.now, 2000)
    vector = await embed_question(talk.store, talk.models.embedder, query.text, query.spaces)
    fake.requests.clear()
    for known in (vector, None):
        asked = replace(query, vector=known)
        recollection, _ = await recall_nearby(talk.store, talk.models.embedder, asked)
        (found,) = recollection.recalled
        assert (found.vector_score > 0) is (known is not None)
        assert found.word_score > 0
    assert fake.requests == []


@pytest.mark.parametrize("text", ["", " ", "?!", "🙂", "the of and"])
async def test_a_question_without_words_brings_something_or_nothing_but_no_error(
    talk: Talk, text: str
) -> None:
    await talk.say("My dog is called Biscuit.")
    await talk.index()
    assert texts(await talk.found(text)) == ["My dog is called Biscuit."]


async def test_an_empty_space_has_nothing(talk: Talk) -> None:
    assert await talk.recall("What is my dog called?", conversation_id=talk.conversation_id) == (
        await talk.recall("What else?")
    )


async def test_a_long_message_that_fits_well_leaves_the_others_their_places(talk: Talk) -> None:
    """Each of its passages fits better than they do."""
    long = await talk.say(" ".join(["The heron stood in the garden by the pond."] * 200))
    others = {await talk.say(f"A heron, said number{number}.") for number in range(12)}
    await talk.index()
    assert await talk.value("SELECT count(*) FROM passage WHERE subject_id = $1", long) > 11
    found = await talk.found("Where in the garden by the pond stood the heron?", limit=1)
    assert found[0].message_id == long
    assert {each.message_id for each in found[1:]} < others


SPACES = 20
LARGE = 5_000
SMALL = 50


@pytest.fixture
async def loaded(talk: Talk, database: Database) -> Talk:
    """The talk's space is large and in the HNSW tier, among many small ones."""
    owner = await asyncpg.connect(database.owner_dsn)
    await register_vector(owner)
    (index,) = await owner.fetch("SELECT indexdef FROM pg_indexes WHERE indexname = 'passage_placed_384'")
    await owner.execute("DROP INDEX passage_placed_384")
    spaces = [(talk.space_id, LARGE), *((uuid4(), SMALL) for _ in range(SPACES))]
    generator = np.random.default_rng(7)
    for space_id, size in spaces:
        ids = [uuid4() for _ in range(size)]
        vectors = generator.standard_normal((size, 384)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        await owner.execute(
            "INSERT INTO message (space_id, message_id, conversation_id, role, person_id, author_name, text,"
            " sent_at) SELECT $1, id, $1, 'person', $1, 'Ann', 'Hello.', $3 FROM unnest($2::uuid[]) AS id",
            space_id,
            ids,
            NOON,
        )
        await owner.execute(
            "INSERT INTO passage SELECT $1, id, 0, false, 0, 6, $4, '{}', 0, 'test@384', vector, vector,"
            " '{1:1}/1000000000', '{1}', $5, $5,"
            " CASE WHEN $5 THEN vector || space_direction($1) END"
            " FROM unnest($2::uuid[], $3::halfvec[]) AS p (id, vector)",
            space_id,
            ids,
            [HalfVector(vector) for vector in vectors],
            NOON,
            size == LARGE,
        )
        await owner.execute(
            "INSERT INTO space_statistics VALUES ($1, $2, 'test@384', $3)", space_id, size, size == LARGE
        )
        await owner.execute("INSERT INTO term VALUES ($1, 1, $2)", space_id, size)
    await owner.execute("INSERT INTO posting SELECT space_id, 1, subject_id, 0, 1 FROM passage WHERE posted")
    await owner.execute("SET maintenance_work_mem = '256MB'")
    await owner.execute(index["indexdef"])
    await owner.execute("VACUUM ANALYZE passage, posting, message, term, space_statistics")
    await owner.close()
    return talk


async def kept_plan(talk: Talk, spaces: list[UUID], statement: str) -> str:
    """The plan that a connection keeps of the search of large spaces, made for these."""
    nothing = ", ".join(["NULL"] * max(int(number) for number in re.findall(r"\$(\d+)", statement)))
    async with scoped(talk.store, spaces, by_index=True) as connection:
        await connection.execute(f"PREPARE kept AS {statement}")
        plan = await connection.fetch(f"EXPLAIN EXECUTE kept ({nothing})")
        await connection.execute("DEALLOCATE kept")
    return "\n".join(row[0] for row in plan)


async def test_the_plans_use_their_indexes_on_the_tenth_execution(loaded: Talk) -> None:
    """As the application role, under row-level security: a large space's tiers, or the covering ones."""
    vector = np.random.default_rng(8).standard_normal(384).astype(np.float32)
    vector /= np.linalg.norm(vector)
    small = uuid4()
    asked = passages.Asked(
        [loaded.space_id, small],
        [(loaded.space_id, 1)],
        [(datetime(2026, 1, 1, tzinfo=UTC), NOON)],
        "test@384",
        HalfVector(vector),
        [],
        loaded.conversation_id,
        50,
        12,
        9_000,
        8_000,
        10,
        4,
    )
    for _ in range(10):
        rows = await passages.seen(loaded.store, asked)
    plan = await kept_plan(loaded, [loaded.space_id, small], passages.searched(2, 384, True))
    assert len(rows) == 51
    assert "Index Scan using passage_placed_384" in plan
    assert "Index Only Scan using posting_pkey" in plan
    assert "Index Only Scan using passage_worded" in plan
    assert "Index Only Scan using passage_near" in plan
    assert "passage_dated" in plan
    assert "Seq Scan on passage" not in plan
    assert "Seq Scan on message" not in plan


PASSAGES = """
INSERT INTO passage
SELECT CASE WHEN n <= $2 THEN $1 ELSE md5((n % 5000)::text)::uuid END, md5('passage ' || n)::uuid, 0, false,
       0, 6, now(), '{}', 0, 'test@384', vector, vector, '{1:1}/1000000000', '{1}'
FROM generate_series(1, 10000) AS n, (SELECT array_fill(.05::real, ARRAY[384])::halfvec AS vector) AS given
"""
"""Ten thousand, of which so many lie in a space; the others in small ones."""
VACUUM = "VACUUM ANALYZE passage"


async def plan_after(talk: Talk, database: Database, passages_here: int, *statements: str) -> str:
    """The plan of a search when the owner has filled the table, and carried these out."""
    owner = await asyncpg.connect(database.owner_dsn)
    await owner.execute(PASSAGES, talk.space_id, passages_here)
    for statement in statements:
        await owner.execute(statement)
    await owner.close()
    return await kept_plan(talk, [talk.space_id], passages.searched(1, 384, False))


async def test_what_waits_for_the_tiers_is_read_by_its_own_index_while_the_table_changes(
    talk: Talk, database: Database
) -> None:
    """Where few rows are expected, an index of all passages costs as little, and reads the space whole."""
    changing = "UPDATE pg_class SET relallvisible = relpages * 9 / 10 WHERE relname = 'passage'"
    plan = await plan_after(talk, database, 2100, VACUUM, changing)
    assert "Index Only Scan using passage_worded" in plan
    assert "Index Only Scan using passage_near" in plan


async def test_what_waits_for_the_tiers_is_read_by_its_own_index_though_that_has_empty_pages(
    talk: Talk, database: Database
) -> None:
    leaving = f"UPDATE passage SET posted = true, large = true WHERE subject_id > '{UUID(int=1 << 120)}'"
    plan = await plan_after(talk, database, 10_000, leaving, VACUUM)
    assert "Index Only Scan using passage_worded" in plan
    assert "Index Only Scan using passage_near" in plan


async def test_vectors_are_read_from_their_index_though_it_has_grown_by_what_was_renewed(
    talk: Talk, database: Database
) -> None:
    renewing = "UPDATE passage SET posted = NOT posted"
    plan = await plan_after(
        talk, database, 10_000, renewing, VACUUM, renewing, VACUUM, renewing, renewing, VACUUM
    )
    assert "Index Only Scan using passage_near" in plan


async def test_what_was_said_at_the_time_asked_for_is_found_in_a_large_space(loaded: Talk) -> None:
    """However much else is nearer to the question in meaning and in words."""
    fish = await loaded.say("Fish drive tanks.", at=NOON - timedelta(hours=2))
    for number in range(220):
        await loaded.say(f"I tell you about hour {number}.")
    await loaded.index()
    question = "What did I tell you about two hours ago?"
    found = await loaded.found(question, now=NOON, token_budget=50_000)
    assert fish in {each.message_id for each in found}


@pytest.mark.parametrize(("time", "bonus"), [("two hours ago", 0.6), ("today", 0.2), ("yesterday", 0)])
async def test_the_nearer_a_time_is_named_the_more_it_counts(talk: Talk, time: str, bonus: float) -> None:
    await talk.say("Fish drive tanks.", at=NOON - timedelta(hours=2))
    await talk.say("What else?", at=NOON - timedelta(days=30))
    await talk.index()
    scores = {each.text: each.score for each in await talk.found(f"What else did I say {time}?", now=NOON)}
    (unnamed,) = [each.score for each in await talk.found("What else did I say?") if each.text[0] == "F"]
    assert scores["Fish drive tanks."] - unnamed == pytest.approx(bonus, abs=0.05)
