"""A space in the tiers of large ones: found as before, renewed, forgotten and moved without a rest."""

import asyncio
from uuid import UUID, uuid4

import pytest

from client import PATIENCE
from fakes.openai import FakeOpenAI
from remembering import Talk, texts
from services.assistant.index import promote
from services.assistant.store import forgetting, moving, passages
from services.assistant.store.connection import scoped
from services.assistant.words import dimension, space_key

ANIMALS = ("heron", "otter", "badger", "lynx", "stoat")
MANY = 20_000
"""Passages that the space believes it has, so that it is searched as a large one."""


@pytest.fixture
async def talk(talk: Talk) -> Talk:
    """Thirty messages: of each animal six, each day one."""
    for number in range(30):
        await talk.say(f"On day{number} we saw a {ANIMALS[number % 5]}.")
    await talk.index()
    return talk


async def grown(talk: Talk) -> None:
    await talk.rows("UPDATE space_statistics SET passages = $1", MANY)


async def shrunk(talk: Talk) -> None:
    """What it believes is true again."""
    await talk.rows("UPDATE space_statistics SET passages = (SELECT count(*) FROM passage)")


async def promoted(talk: Talk) -> None:
    await grown(talk)
    while await promote(talk.store, talk.space_id, waiting=1):
        pass


async def listed(talk: Talk, word: str) -> int:
    number = dimension(space_key(talk.store.secret, talk.space_id), word)
    rows = await talk.rows("SELECT FROM posting WHERE dimension = $1", number)
    return len(rows)


@pytest.mark.parametrize("question", ["day17 stoat", "a badger", "lynx on day3 or day4?", "nothing known"])
async def test_what_is_found_and_its_scores_are_as_before(talk: Talk, question: str) -> None:
    await grown(talk)
    before = await talk.found(question)
    await promoted(talk)
    after = await talk.found(question)
    assert texts(after) == texts(before)
    assert [each.score for each in after] == pytest.approx([each.score for each in before], abs=1e-3)


async def test_words_go_to_their_tier_before_vectors_go_to_theirs(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiers = (
        "SELECT count(*) FILTER (WHERE posted) AS posted, count(*) FILTER (WHERE large) AS large FROM passage"
    )
    await grown(talk)
    found = await talk.found("day17 stoat")
    monkeypatch.setattr(passages, "FAR", MANY)
    await promoted(talk)
    assert await talk.rows(tiers) == [(30, 0)]
    assert texts(await talk.found("day17 stoat")) == texts(found)

    monkeypatch.setattr(passages, "FAR", MANY - 1)
    assert await promote(talk.store, talk.space_id) == 0
    assert await promote(talk.store, talk.space_id, most=20, waiting=30) == 20
    assert await talk.rows(tiers) == [(30, 20)]
    assert texts(await talk.found("day17 stoat")) == texts(found)
    await promoted(talk)
    assert await talk.rows(tiers) == [(30, 30)]
    assert texts(await talk.found("day17 stoat")) == texts(found)
    await shrunk(talk)
    await talk.check_counts()


async def test_without_an_embedder_postings_find(talk: Talk, fake: FakeOpenAI) -> None:
    await promoted(talk)
    fake.damage = "none"
    assert texts(await talk.found("day17"))[0] == "On day17 we saw a badger."


async def test_of_those_that_have_nearly_the_best_words_more_are_compared(
    talk: Talk, fake: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passages, "POSTED", 2)
    monkeypatch.setattr(passages, "MOST_POSTED", 9)
    passages.searched.cache_clear()
    fake.damage = "none"
    await promoted(talk)
    try:
        lynxes = await talk.found("a lynx")
        beside = await talk.found("day17 lynx")
    finally:
        passages.searched.cache_clear()
    assert sum("lynx" in text for text in texts(lynxes)) == 6
    assert len(lynxes) <= 9
    assert texts(beside)[0] == "On day17 we saw a badger."
    assert len(beside) < len(lynxes)


async def test_each_word_of_each_passage_is_listed(talk: Talk) -> None:
    await promoted(talk)
    await shrunk(talk)
    await talk.check_counts()
    assert (
        await talk.value("SELECT count(*) FROM passage WHERE posted AND large AND placed IS NOT NULL") == 30
    )


async def test_what_is_new_renews_its_neighbours_outside_of_the_tiers_until_they_go_back(talk: Talk) -> None:
    await promoted(talk)
    await talk.say("On day30 we saw a wolverine.")
    await talk.index()
    assert await talk.value("SELECT count(*) FROM passage WHERE NOT posted") == 3
    await shrunk(talk)
    await talk.check_counts()
    assert await talk.value("SELECT count(*) FROM passage WHERE large <> posted") == 0
    await grown(talk)
    assert texts(await talk.found("wolverine"))[0] == "On day30 we saw a wolverine."
    await promoted(talk)
    assert texts(await talk.found("wolverine"))[0] == "On day30 we saw a wolverine."
    await shrunk(talk)
    await talk.check_counts()


async def test_common_words_have_no_postings_and_are_compared_all_the_same(talk: Talk) -> None:
    await talk.rows("UPDATE term SET passages = $1 WHERE passages > 5", MANY // 10 + 1)
    await promoted(talk)
    assert await listed(talk, "day17") > 0
    assert await listed(talk, "badger") == 0
    (first, *_) = await talk.found("a badger on day17")
    assert first.text == "On day17 we saw a badger."
    assert texts(await talk.found("a badger"))[0].endswith("badger.")


async def test_what_is_forgotten_is_listed_no_more(talk: Talk) -> None:
    await promoted(talk)
    message_id = UUID(str(await talk.value("SELECT message_id FROM message WHERE text LIKE '%day17 %'")))
    await shrunk(talk)
    async with scoped(talk.store, [talk.space_id]) as connection:
        await forgetting.forget(connection, talk.space_id, [message_id], [])
    assert await listed(talk, "day17") == 0
    await talk.check_counts()
    async with scoped(talk.store, [talk.space_id]) as connection:
        await forgetting.wipe(connection, talk.space_id)
    assert await talk.value("SELECT count(*) FROM posting") == 0


async def test_of_a_space_that_went_into_another_nothing_is_left(talk: Talk) -> None:
    await promoted(talk)
    kept = uuid4()
    while await moving.some(talk.store, kept, talk.space_id):
        pass
    while await moving.erase(talk.store, talk.space_id):
        pass
    assert await talk.value("SELECT count(*) FROM posting") == 0


async def test_the_first_move_takes_no_passage_before_it_has_what_writers_take_first(talk: Talk) -> None:
    """Or each would wait for the other."""
    await grown(talk)
    async with asyncio.timeout(PATIENCE), scoped(talk.store, [talk.space_id]) as writer:
        await writer.execute("UPDATE space_statistics SET passages = passages")
        move = asyncio.create_task(promote(talk.store, talk.space_id, waiting=1))
        while not await talk.rows("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
            assert not move.done()
        await writer.execute("UPDATE passage SET prior = prior")
    await move
    await promoted(talk)
    assert await talk.value("SELECT count(*) FROM passage WHERE posted") == 30


async def test_a_passage_that_somebody_writes_just_then_goes_with_the_next_move(talk: Talk) -> None:
    await grown(talk)
    async with asyncio.timeout(PATIENCE), scoped(talk.store, [talk.space_id]) as writer:
        await writer.execute(
            "UPDATE passage SET prior = prior WHERE subject_id IN (SELECT subject_id FROM passage LIMIT 1)"
        )
        assert await promote(talk.store, talk.space_id, waiting=1) == 29
    assert await promote(talk.store, talk.space_id, waiting=1) == 1


async def test_another_space_sees_no_posting(talk: Talk) -> None:
    await promoted(talk)
    async with scoped(talk.store, [uuid4()]) as connection:
        assert await connection.fetchval("SELECT count(*) FROM posting") == 0
