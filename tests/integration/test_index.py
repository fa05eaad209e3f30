"""Making talk findable, on real Postgres, with a real client at a fake embedding endpoint."""

import asyncio
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pytest

from fakes.openai import FakeOpenAI, Step
from remembering import Gate, Talk, models, texts
from services.assistant import index as indexing
from services.assistant.domain import TEAM_SPACE, Role
from services.assistant.index import ask_to_reindex, index, promote, reindex
from services.assistant.model import Embedder
from services.assistant.store import forgetting, passages, work
from services.assistant.store.connection import scoped, unscoped
from services.errors import ModelRefused, ModelUnavailable

LONG = " ".join(f"Sentence number {number} speaks of garden {number % 7}." for number in range(60))


async def test_what_was_said_is_indexed_once(talk: Talk) -> None:
    await talk.say("My dog is called Biscuit.")
    await talk.say("Noted.", role=Role.REMI)
    assert await talk.index() == 2
    assert await talk.index() == 0
    assert await talk.value("SELECT count(*) FROM passage") == 2
    assert await talk.value("SELECT count(*) FROM message WHERE indexed_at IS NULL") == 0
    await talk.check_counts()


async def test_a_long_message_is_found_by_passages_that_stand_in_it(talk: Talk) -> None:
    message = await talk.say(LONG)
    await talk.index()
    rows = await talk.rows("SELECT * FROM passage ORDER BY ordinal")
    assert len(rows) > 3
    assert {row["subject_id"] for row in rows} == {message}
    best = (await talk.found("sentence 33"))[0]
    assert "Sentence number 33" in best.text
    assert best.text == LONG[best.start : best.end]


async def test_others_get_their_turn_between_the_passages_of_a_long_message(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns, seen = 0, []

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    def made(passage: object) -> object:
        seen.append(turns)
        return passage

    make = indexing._passage
    monkeypatch.setattr(indexing, "_passage", lambda *given: made(make(*given)))
    await talk.say(LONG)
    busy = asyncio.create_task(others())
    await talk.index()
    busy.cancel()
    assert len(seen) == len(set(seen)) > 3


async def test_a_blank_message_is_done_without_a_passage(talk: Talk) -> None:
    await talk.say(" ")
    assert await talk.index() == 1
    assert await talk.value("SELECT count(*) FROM passage") == 0


async def test_a_message_is_found_by_what_it_answers(talk: Talk) -> None:
    await talk.say("Where shall we have the picnic?")
    await talk.say("At the old lighthouse.", by="Bob")
    await talk.index()
    assert "At the old lighthouse." in texts(await talk.found("Where is the picnic?"))
    found = {each.text: each for each in await talk.found("picnic")}
    assert found["At the old lighthouse."].word_score > 0
    assert found["At the old lighthouse."].vector_score > 0


async def test_it_does_not_matter_how_talk_was_cut_into_batches(talk: Talk) -> None:
    said = ["We met in Oslo.", LONG, "That was long!", "Shall we go on?", "Yes, on Friday."]
    for text in said:
        await talk.say(text)
        await talk.index()
    other = await Talk(talk.store, talk.models, space_id=talk.space_id).begin()
    for text in said:
        await other.say(text)
    await other.index()
    ours, theirs = [
        await talk.rows(
            "SELECT ordinal, starts, ends, terms, words, embedding FROM passage"
            " JOIN message ON message_id = subject_id WHERE conversation_id = $1 ORDER BY position, ordinal",
            each.conversation_id,
        )
        for each in (talk, other)
    ]
    assert len(ours) == len(theirs) >= 8
    for one, two in zip(ours, theirs, strict=True):
        assert one["terms"] == two["terms"]
        assert [one[key] for key in ("ordinal", "starts", "ends", "words")] == [
            two[key] for key in ("ordinal", "starts", "ends", "words")
        ]
        # Half precision in between: a neighbour's vector may have been stored and read again.
        assert np.allclose(one["embedding"].to_list(), two["embedding"].to_list(), atol=2e-3)
    await talk.check_counts()


async def test_two_at_once_index_everything_once(talk: Talk) -> None:
    for number in range(10):
        await talk.say(f"I planted {number} tulips.")
    await asyncio.gather(talk.index(), talk.index(), talk.index())
    assert await talk.value("SELECT count(*) FROM passage") == 10
    await talk.check_counts()


async def test_a_vector_that_is_known_is_not_asked_for_again(talk: Talk, fake: FakeOpenAI) -> None:
    message = await talk.say("My dog is called Biscuit.")
    (vector,) = await talk.models.embedder.embed(["My dog is called Biscuit."])
    fake.requests.clear()
    await index(talk.store, talk.models.embedder, talk.space_id, talk.conversation_id, {message: vector})
    assert fake.bodies("/v1/embeddings") == []
    assert await talk.value("SELECT count(*) FROM passage WHERE embedding IS NOT NULL") == 1


async def test_while_the_embedder_is_away_words_find_and_vectors_follow(talk: Talk, fake: FakeOpenAI) -> None:
    await talk.say("We met at the lighthouse.")
    await talk.index()
    fake.damage = "none"
    await talk.say("My dog is called Biscuit.")
    assert await talk.index() == 1
    (best, *_) = await talk.found("biscuit")
    assert (best.text, best.vector_score) == ("My dog is called Biscuit.", 0)
    assert best.word_score > 0
    with pytest.raises(ModelUnavailable):
        await reindex(talk.store, talk.models.embedder, talk.space_id)
    fake.damage = ""
    assert await reindex(talk.store, talk.models.embedder, talk.space_id) == 1
    assert await reindex(talk.store, talk.models.embedder, talk.space_id) == 0
    (best, *_) = await talk.found("biscuit")
    assert best.vector_score > 0
    assert await talk.value("SELECT model FROM space_statistics") == talk.models.embedder.name
    await talk.check_counts()


async def test_a_text_that_the_endpoint_refuses_takes_the_vectors_of_no_other(
    talk: Talk, fake: FakeOpenAI, tmp_path: Path
) -> None:
    for number in range(10):
        await talk.say(f"Line {number} is about gardens.")
        if number in (2, 3, 7):
            await talk.say(f"Poison number {number}.")
    await talk.index()
    fake.unembeddable = "Poison"
    async with models(fake, tmp_path, embedding="newer") as newer:
        talk.models = newer
        while await reindex(talk.store, newer.embedder, talk.space_id, limit=5):
            pass
        await talk.say("Poison once more.")
        await talk.say("What follows it is about gardens too.")
        assert await talk.index() == 2
        fake.requests.clear()
        assert await reindex(talk.store, newer.embedder, talk.space_id) == 0
        assert fake.bodies("/v1/embeddings") == []
        bare = await talk.rows(
            "SELECT text FROM passage JOIN message ON message_id = subject_id WHERE own IS NULL"
        )
        assert len(bare) == 4
        assert all("Poison" in row["text"] for row in bare)
        assert await talk.value("SELECT count(*) FROM passage WHERE embedding IS NULL") == 4
        assert await talk.value("SELECT model FROM space_statistics") == newer.embedder.name
        found = await talk.found("Which line is about gardens?")
        assert "gardens" in found[0].text
        assert found[0].vector_score > 0
        assert "Poison once more." in texts(await talk.found("poison"))
    await talk.check_counts()


async def test_an_endpoint_that_refuses_everything_is_asked_again(talk: Talk, fake: FakeOpenAI) -> None:
    await talk.say("We met in Oslo.")
    await talk.say("My dog is called Biscuit.")
    fake.embedding_faults.extend([Step(status=400)] * 9)
    assert await talk.index() == 2
    with pytest.raises(ModelRefused):
        await reindex(talk.store, talk.models.embedder, talk.space_id)
    fake.embedding_faults.clear()
    assert await reindex(talk.store, talk.models.embedder, talk.space_id) == 2
    assert await talk.value("SELECT count(*) FROM passage WHERE own IS NULL") == 0


async def test_a_large_space_goes_to_its_tiers_beside_what_was_refused(
    talk: Talk, fake: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.unembeddable = "Poison"
    for number in range(20):
        await talk.say(f"On day {number} we saw {number} herons.")
    await talk.say("Poison kills herons.")
    await talk.index()
    monkeypatch.setattr(passages, "LARGE", 10)
    monkeypatch.setattr(passages, "FAR", 10)
    while await promote(talk.store, talk.space_id, 20, 1):
        pass
    await talk.rows("UPDATE space_statistics SET passages = 20000")
    assert texts(await talk.found("17 herons"))[0] == "On day 17 we saw 17 herons."
    assert texts(await talk.found("poison"))[0] == "Poison kills herons."


async def test_what_the_index_asked_for_stays_asked_for_while_something_is_left_of_it(
    talk: Talk, fake: FakeOpenAI
) -> None:
    async def asked_for() -> list[bool]:
        """Whether each row of work is due only when an import would have died."""
        rows = await talk.rows("SELECT due_at > now() + interval '6 seconds' AS is_late FROM work")
        return [row["is_late"] for row in rows]

    async def say(text: str, many: int = 1) -> None:
        for _ in range(many):
            await talk.say(text)
        async with scoped(talk.store, [talk.space_id]) as connection:
            await work.ask(
                connection, talk.space_id, "index", talk.conversation_id, "", timedelta(minutes=10)
            )

    await say("My dog is called Biscuit.", many=indexing.MOST + 1)
    gate = Gate()
    fake.embedding_faults += [Step(), Step(), Step(gate=gate)]  # the first batch takes two requests
    whole = asyncio.create_task(talk.index())
    await gate.reached.wait()
    assert await asked_for() == [True]
    gate.set()
    assert await whole == indexing.MOST + 1
    assert await asked_for() == []

    fake.damage = "none"
    await say("We met at the lighthouse.")
    assert await talk.index() == 1
    assert await asked_for() == [False]


async def test_an_embedder_that_never_answered_yet_holds_nothing_up(
    talk: Talk, fake: FakeOpenAI, tmp_path: Path
) -> None:
    fake.damage = "none"
    async with models(fake, tmp_path, embedding="newer") as newer:
        talk.models = newer
        await talk.say("My dog is called Biscuit.")
        assert await talk.index() == 1
        assert texts(await talk.found("biscuit")) == ["My dog is called Biscuit."]
        fake.damage = ""
        await newer.embedder.embed(["Hello"])
        assert await reindex(talk.store, newer.embedder, talk.space_id) == 1
    assert await talk.value("SELECT count(*) FROM passage WHERE model <> ''") == 1


async def test_a_new_model_makes_all_vectors_anew(talk: Talk, fake: FakeOpenAI, tmp_path: Path) -> None:
    for number, colour in enumerate(["red", "blue", "green", "grey", "pink"]):
        await talk.say(f"Box {number} holds the {colour} paint.")
    await talk.index()
    fake.dimensions, fake.takes_dimensions = 384, False
    async with models(fake, tmp_path, embedding="newer") as newer:
        talk.models = newer
        (best, *_) = await talk.found("Which box holds the green paint?")
        assert (best.text, best.vector_score) == ("Box 2 holds the green paint.", 0)
        assert await reindex(talk.store, newer.embedder, talk.space_id, limit=3) == 3
        assert await reindex(talk.store, newer.embedder, talk.space_id, limit=3) == 2
        assert await reindex(talk.store, newer.embedder, talk.space_id, limit=3) == 0
        assert await talk.value("SELECT count(DISTINCT model) FROM passage") == 1
        (best, *_) = await talk.found("Which box holds the green paint?")
        assert best.vector_score > 0
    await talk.check_counts()


async def test_spaces_with_vectors_of_another_model_are_reindexed_though_nobody_speaks_there(
    talk: Talk, fake: FakeOpenAI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def asked_for(embedder: Embedder) -> list[UUID]:
        await ask_to_reindex(talk.store, embedder)
        return [
            claim.space_id
            for claim in await work.claim(talk.store, "index", uuid4(), 9, lease=timedelta(minutes=1))
        ]

    monkeypatch.setattr(indexing, "MOST_SPACES", 1)
    spaces = {kind: uuid4() for kind in ("person", "group")} | {"team": TEAM_SPACE}
    async with unscoped(talk.store) as connection:
        await connection.execute(
            "INSERT INTO person (person_id, role) VALUES ($1, 'member')", spaces["person"]
        )
        await connection.execute(
            "INSERT INTO chat (platform, chat_id, space_id) VALUES ('telegram', '-1', $1)", spaces["group"]
        )
    assert await asked_for(talk.models.embedder) == []
    for space in spaces.values():
        other = await Talk(talk.store, talk.models, space_id=space).begin()
        await other.say("My dog is called Biscuit.")
        await other.index()
    assert await asked_for(talk.models.embedder) == []
    fake.damage = "none"
    async with models(fake, tmp_path, embedding="newer") as newer:
        assert await asked_for(newer.embedder) == []  # it never answered yet
        fake.damage = ""
        await newer.embedder.embed(["Hello"])
        assert sorted(await asked_for(newer.embedder)) == sorted(spaces.values())
        assert await asked_for(newer.embedder) == []


async def test_a_model_that_is_changed_back_makes_its_vectors_anew_too(
    talk: Talk, fake: FakeOpenAI, tmp_path: Path
) -> None:
    async def noted() -> str:
        return str(await talk.value("SELECT model FROM space_statistics"))

    async def row() -> list[tuple[object, ...]]:
        return [tuple(each) for each in await talk.rows("SELECT xmin, ctid FROM space_statistics")]

    old = talk.models.embedder
    for number, colour in enumerate(["red", "blue", "green", "grey", "pink"]):
        await talk.say(f"Box {number} holds the {colour} paint.")
    await talk.index()
    assert await noted() == old.name
    async with models(fake, tmp_path, embedding="newer") as newer:
        assert await reindex(talk.store, newer.embedder, talk.space_id, limit=3) == 3
        assert await noted() == ""
        unchanged = await row()
        assert await reindex(talk.store, newer.embedder, talk.space_id, limit=1) == 1
        assert await row() == unchanged
    while await reindex(talk.store, old, talk.space_id):
        pass
    assert await noted() == old.name
    assert [each["model"] for each in await talk.rows("SELECT DISTINCT model FROM passage")] == [old.name]
    await talk.check_counts()


async def test_that_all_vectors_are_by_one_model_is_not_looked_for_again(talk: Talk) -> None:
    """It would read every passage of a large space after every turn."""
    await talk.say("My dog is called Biscuit.")
    await talk.index()
    statement = passages.SQL["settle"]
    async with scoped(talk.store, [talk.space_id]) as connection:
        name = talk.models.embedder.name
        known = await connection.fetch(f"EXPLAIN ANALYZE {statement}", talk.space_id, name)
        new = await connection.fetch(f"EXPLAIN ANALYZE {statement}", talk.space_id, "newer@384")
    (known_reads,), (new_reads,) = [
        [row[0] for row in plan if "on passage" in row[0]] for plan in (known, new)
    ]
    assert "never executed" in known_reads
    assert "never executed" not in new_reads


async def test_what_is_forgotten_while_it_is_embedded_leaves_no_trace(talk: Talk, fake: FakeOpenAI) -> None:
    await talk.say("We met in Oslo.")
    secret = await talk.say("The code is xylophone.")
    await talk.say("I will keep that in mind.")
    gate = Gate()
    fake.embedding_faults.append(Step(gate=gate))
    indexing = asyncio.create_task(talk.index())
    await asyncio.wait_for(gate.reached.wait(), 10)
    async with scoped(talk.store, [talk.space_id]) as connection:
        await forgetting.forget(connection, talk.space_id, [secret], [])
    gate.set()
    assert await indexing == 2
    assert [each.word_score for each in await talk.found("xylophone")] == [0, 0]
    await talk.check_counts()


async def test_a_space_that_grows_large_goes_to_the_far_tier_and_is_found_there(
    talk: Talk, fake: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        await talk.say(f"On day {number} we saw {number} herons.")
    await talk.index()
    assert await promote(talk.store, talk.space_id) == 0
    near = texts(await talk.found("17 herons"))
    monkeypatch.setattr(passages, "LARGE", 20)
    monkeypatch.setattr(passages, "FAR", 20)
    assert await promote(talk.store, talk.space_id, 20, 20) == 20
    assert await promote(talk.store, talk.space_id, 20, 20) == 0
    assert await promote(talk.store, talk.space_id, 20, 10) == 10
    await talk.say("On day 99 we saw 99 herons.")
    await talk.index()
    await talk.rows("UPDATE space_statistics SET passages = 20000")
    found = texts(await talk.found("17 herons"))
    assert found[0] == near[0] == "On day 17 we saw 17 herons."
    assert set(found) == {*near, "On day 99 we saw 99 herons."}
    fake.damage = "none"
    assert texts(await talk.found("17 herons"))[0] == near[0]
