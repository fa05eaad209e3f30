"""Add, confirm, supersede and retract, as a scripted model claims them and code allows them."""

import json
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.openai import FakeOpenAI, Step
from noting import answer, known, learn_all, learned, note
from remembering import Talk, texts
from services.assistant.adapters import open_models
from services.assistant.domain import Memory, MemoryKind, Role
from services.assistant.learn import remember
from services.assistant.notes import PROMPT, SCHEMA
from services.assistant.store import forgetting
from services.assistant.store.connection import Store, scoped
from services.errors import ModelUnavailable
from talk import NOON

BEN = uuid4()
UTC = ZoneInfo("UTC")
LEEDS, OSLO = "I live in Leeds.", "I live in Oslo now."


@pytest.fixture
def fake(fake: FakeOpenAI) -> FakeOpenAI:
    """It notes nothing, unless it is told to."""
    fake.reply = answer()
    return fake


async def in_leeds(talk: Talk, fake: FakeOpenAI) -> Memory:
    await talk.say(LEEDS)
    await learned(talk, fake, note("Ann lives in Leeds.", LEEDS))
    return (await known(talk))["Ann lives in Leeds."]


async def test_the_model_sees_what_it_may_confirm_or_end(talk: Talk, fake: FakeOpenAI) -> None:
    await in_leeds(talk, fake)
    await talk.say(OSLO)
    await learned(talk, fake)
    assert fake.bodies()[-1]["messages"][1]["content"].startswith(
        "Known:\nk1 fact: Ann lives in Leeds.\n\nTalk:\n#1 "
    )


async def test_in_a_group_each_ones_own_memories_are_shown(talk: Talk, fake: FakeOpenAI) -> None:
    """However many others have said what is nearer."""
    await in_leeds(talk, fake)
    await told(talk, fake, "Answer in French.", FRENCH)
    for name in ("Ben", "Cem", "Dora", "Eve", "Finn", "Gus", "Hana", "Ida", "Jo"):
        person = uuid4()
        for words, text, kind in (
            ("I live in Oslo now.", f"{name} lives in Oslo now.", "fact"),
            ("Call me the Great.", f"Call {name} {name} the Great.", "instruction"),
        ):
            await talk.say(words, by=name, person_id=person)
            await learned(talk, fake, note(text, words, kind=kind))
    await talk.say("I live in Oslo now, too.")
    await learned(talk, fake)
    shown = fake.bodies()[-1]["messages"][1]["content"].partition("Talk:")[0]
    assert "Ann lives in Leeds." in shown
    assert FRENCH in shown
    assert "Oslo" not in shown


async def test_what_changed_supersedes_and_ranks_above_what_was(talk: Talk, fake: FakeOpenAI) -> None:
    old = await in_leeds(talk, fake)
    moved = await talk.say(OSLO)
    await learned(talk, fake, note("Ann lives in Oslo.", OSLO, "supersede", handle="k1"))
    both = await known(talk, with_superseded=True)
    was, now = both["Ann lives in Leeds."], both["Ann lives in Oslo."]
    assert was.superseded_by == now.memory_id
    assert was.superseded_at == talk.now
    assert [source.message_id for source in now.sources] == [moved]
    found = await talk.found("Where does Ann live?")
    order = texts(found)
    assert order.index("Ann lives in Oslo.") < order.index("Ann lives in Leeds.")
    assert order.index(OSLO) < order.index(LEEDS)
    assert {each.memory_id for each in found if each.superseded} == {old.memory_id, None}
    assert {each.text for each in found if each.superseded} == {old.text, LEEDS}


YORK = note("Ann lives in York.", "I moved to York.", "supersede", handle="k1")


@pytest.mark.parametrize(
    ("then", "again", "holds"),
    [
        ("Sorry, no: Hull.", note("Ann lives in Hull.", "Hull", "supersede", handle="k1"), ["Hull"]),
        ("Forget that about York.", note("", "Forget that about York.", "retract", handle="k1"), []),
        ("Forget that.", note("", "Forget that.", "retract", handle="k1"), []),
        ("So Leeds is over.", note("", "So Leeds is over.", "retract", handle="k1"), ["York"]),
        ("Yes, York!", note("Ann lives in York.", "Yes, York!", "confirm", handle="k1"), ["York"]),
        (
            "And I work from home.",
            note("Ann has an office in the house.", "I work from home", "supersede", handle="k1"),
            ["York", "house"],
        ),
    ],
)
async def test_what_changes_twice_in_one_batch_ends_twice(
    talk: Talk, fake: FakeOpenAI, then: str, again: dict[str, Any], holds: list[str]
) -> None:
    await in_leeds(talk, fake)
    await talk.say("I moved to York.")
    await talk.say(then)
    await learned(talk, fake, YORK, again | {"message": 2})
    assert sorted(text.split()[-1].strip(".") for text in await known(talk)) == holds


@pytest.fixture
async def near(store: Store, fake: FakeOpenAI, embedder_data: Path) -> AsyncIterator[Talk]:
    """With the embedder that finds texts of a small difference near."""
    async with open_models(
        embedder_data, base_url=fake.base_url, api_key=fake.api_key, chat="fake-chat", memory="fake-memory"
    ) as opened:
        yield await Talk(store, opened).begin()


CHANGES = [
    (f"My train leaves from the {platform} one.", f"Ann's train to work leaves from the {platform} platform.")
    for platform in ("upper", "lower", "middle")
]


async def test_what_changed_in_one_word_supersedes_too(near: Talk, fake: FakeOpenAI) -> None:
    for said, text in CHANGES:
        await near.say(said)
        await learned(near, fake, note(text, said, "supersede", handle="k1"))
    every = await known(near, with_superseded=True)
    holds = {text: memory.superseded_at is None for text, memory in every.items()}
    assert holds == {text: text == CHANGES[-1][1] for _, text in CHANGES}
    assert all(len(memory.sources) == 1 for memory in every.values())


async def test_what_is_taken_back_ends_and_no_message_goes(talk: Talk, fake: FakeOpenAI) -> None:
    await in_leeds(talk, fake)
    words = "Forget what I said about Leeds, that was wrong."
    proof = await talk.say(words)
    await learned(talk, fake, note("", words, "retract", handle="k1"))
    assert await known(talk) == {}
    (was,) = (await known(talk, with_superseded=True)).values()
    assert (was.superseded_at, was.superseded_by) == (talk.now, None)
    assert was.details.retracted_by == proof
    assert await talk.value("SELECT count(*) FROM message") == 2
    async with scoped(talk.store, [talk.space_id]) as connection:
        await forgetting.forget(connection, talk.space_id, [proof], [])
    (was,) = (await known(talk, with_superseded=True)).values()
    assert was.superseded_at is not None
    assert was.details.retracted_by is None


async def test_what_is_said_again_in_other_words_makes_it_surer(talk: Talk, fake: FakeOpenAI) -> None:
    before = await in_leeds(talk, fake)
    await talk.say("Leeds is still my home, by the way.")
    again = note("Ann still lives in Leeds.", "Leeds is still my home", "confirm", handle="k1")
    await learned(talk, fake, again)
    (after,) = (await known(talk)).values()
    assert len(after.sources) == 2
    assert after.details.confidence > before.details.confidence
    assert after.details.confirmed_at == talk.now


async def test_a_confirmation_that_says_the_contrary_is_none(talk: Talk, fake: FakeOpenAI) -> None:
    await in_leeds(talk, fake)
    await talk.say("I do not live in Leeds.")
    contrary = note("Ann does not live in Leeds.", "I do not live in Leeds.", "confirm", handle="k1")
    await learned(talk, fake, contrary)
    assert set(await known(talk)) == {"Ann lives in Leeds.", "Ann does not live in Leeds."}


@pytest.mark.parametrize("op", ["supersede", "retract", "confirm"])
async def test_nobody_ends_or_confirms_what_rests_on_anothers_words(
    talk: Talk, fake: FakeOpenAI, op: str
) -> None:
    await in_leeds(talk, fake)
    words = "Ann has moved to Oslo, she does not live in Leeds."
    await talk.say(words, by="Ben", person_id=BEN)
    await learned(talk, fake, note("Ann lives in Oslo.", words, op, handle="k1"))
    assert "k1" not in fake.bodies()[-1]["messages"][1]["content"]
    found = await known(talk)
    assert found["Ann lives in Leeds."].superseded_at is None
    assert ("Ann lives in Oslo." in found) is (op != "retract")


@pytest.mark.parametrize("op", ["add", "supersede"])
async def test_what_was_said_earlier_never_ends_what_was_said_later(
    talk: Talk, fake: FakeOpenAI, op: str
) -> None:
    await talk.say(OSLO)
    await learned(talk, fake, note("Ann lives in Oslo.", OSLO))
    await talk.say(LEEDS, at=NOON - timedelta(days=300))
    await learned(talk, fake, note("Ann lives in Leeds.", LEEDS, op, handle="k1"))
    both = await known(talk, with_superseded=True)
    assert both["Ann lives in Oslo."].superseded_at is None
    if op == "supersede":
        assert both["Ann lives in Leeds."].superseded_by == both["Ann lives in Oslo."].memory_id


async def test_an_old_message_takes_nothing_newer_back(talk: Talk, fake: FakeOpenAI) -> None:
    await in_leeds(talk, fake)
    await talk.say("I left Leeds.", at=NOON - timedelta(days=300))
    await learned(talk, fake, note("", "I left Leeds.", "retract", handle="k1"))
    assert len(await known(talk)) == 1


async def test_a_target_that_is_not_there_leaves_an_addition(talk: Talk, fake: FakeOpenAI) -> None:
    await talk.say(OSLO)
    await learned(talk, fake, note("Ann lives in Oslo.", OSLO, "supersede", handle="k7"))
    assert set(await known(talk)) == {"Ann lives in Oslo."}


WAYS = {
    "My dog is called Biscuit.": ["Ann has a dog called Biscuit.", "The dog of Ann is called Biscuit."],
    LEEDS: ["Ann lives in Leeds.", "Ann has her home in Leeds, she lives there."],
    "I don't eat meat.": ["Ann doesn't eat meat.", "Ann doesn't eat any meat."],
}


def paraphrased(call: int) -> Step:
    """The same three statements, in other words at every other call, and never with a handle."""
    return answer(
        *(note(ways[call % 2], quote, message=at) for at, (quote, ways) in enumerate(WAYS.items(), 1))
    )


@pytest.mark.parametrize("paraphrases", [False, True])
async def test_a_conversation_held_ten_times_adds_nothing(
    talk: Talk, fake: FakeOpenAI, paraphrases: bool
) -> None:
    for time in range(10):
        for line in WAYS:
            await talk.say(line)
        fake.script(paraphrased(time if paraphrases else 0))
        await learn_all(talk)
    found = await known(talk, with_superseded=True)
    assert len(found) == 3
    assert all(len(memory.sources) == 10 for memory in found.values())
    assert all(0.9 < memory.details.confidence < 1 for memory in found.values())


async def test_a_change_of_mind_held_ten_times_leaves_two_memories(talk: Talk, fake: FakeOpenAI) -> None:
    for _ in range(10):
        for line, text in ((LEEDS, "Ann lives in Leeds."), (OSLO, "Ann lives in Oslo.")):
            await talk.say(line)
            await learned(talk, fake, note(text, line, "supersede", handle="k1"))
    both = await known(talk, with_superseded=True)
    assert {text: memory.superseded_at is None for text, memory in both.items()} == {
        "Ann lives in Leeds.": False,
        "Ann lives in Oslo.": True,
    }


async def test_the_same_short_answer_may_say_another_thing(talk: Talk, fake: FakeOpenAI) -> None:
    for dish in ("sushi", "ramen", "sushi"):
        await talk.say(f"How do you like {dish}?", role=Role.REMI)
        await talk.say("I love it!")
        await learned(talk, fake, note(f"Ann loves {dish}.", "I love it!", message=2))
    found = await known(talk)
    assert {text: len(memory.sources) for text, memory in found.items()} == {
        "Ann loves sushi.": 2,
        "Ann loves ramen.": 1,
    }


async def test_one_message_may_say_two_things(talk: Talk, fake: FakeOpenAI) -> None:
    await talk.say("I have a dog and a cat.")
    both = [note(f"Ann has a {pet}.", "I have a dog and a cat.") for pet in ("dog", "cat")]
    await learned(talk, fake, *both)
    assert set(await known(talk)) == {"Ann has a dog.", "Ann has a cat."}


async def test_what_a_person_had_remembered_is_not_noted_in_other_words_too(
    talk: Talk, fake: FakeOpenAI
) -> None:
    old = await in_leeds(talk, fake)
    message_id = await talk.say(OSLO)
    async with scoped(talk.store, [talk.space_id]) as connection:
        asked_for = await remember(connection, talk.space_id, message_id, OSLO, talk.now)
    await learned(talk, fake, note("Ann lives in Oslo.", "live in Oslo", "supersede", handle="k2"))
    both = await known(talk, with_superseded=True)
    assert set(both) == {old.text, OSLO}
    assert both[old.text].superseded_by == asked_for.memory_id


async def test_an_event_is_kept_with_its_day(talk: Talk, fake: FakeOpenAI) -> None:
    await talk.say("I fly to Oslo next Friday.", at=NOON)
    wrong = note("Ann flies to Oslo.", "I fly to Oslo next Friday.", kind="event", date="2031-01-01")
    await learned(talk, fake, wrong)
    (memory,) = (await known(talk)).values()
    assert (memory.kind, memory.text) == (MemoryKind.EVENT, "Ann flies to Oslo. (2026-03-06)")
    assert memory.details.days == (date(2026, 3, 6), date(2026, 3, 7))


async def test_an_instruction_for_some_replies_holds_for_these(talk: Talk, fake: FakeOpenAI) -> None:
    words = "In your next but two replies add a joke."
    await talk.say(words)
    await talk.say("Gladly.", role=Role.REMI)
    await learned(talk, fake, note("Add a joke.", words, kind="instruction", replies="3-3"))
    held = []
    for number in range(2, 5):
        held.append((number, [each.text for each in (await talk.recall("Hello?")).instructions]))
        await talk.say(f"Reply {number}.", role=Role.REMI)
        await learn_all(talk)
    assert held == [(2, []), (3, ["Add a joke."]), (4, [])]
    assert await known(talk) == {}


JOKE, FRENCH = "Add a joke.", "Answer in French."


async def told(
    talk: Talk, fake: FakeOpenAI, words: str, text: str, replies: str = "", op: str = "add"
) -> None:
    """Ann gives an instruction, Remi answers, and it is learned."""
    await talk.say(words)
    await talk.say("Gladly.", role=Role.REMI)
    handle = "" if op == "add" else "k1"
    await learned(talk, fake, note(text, words, op, kind="instruction", replies=replies, handle=handle))


async def held(talk: Talk, replies: int) -> list[list[str]]:
    """The instructions that each of Remi's next replies sees."""
    seen = []
    for _ in range(replies):
        shown = await talk.recall("Hello?", conversation_id=talk.conversation_id)
        seen.append([each.text for each in shown.instructions])
        await talk.say("A reply.", role=Role.REMI)
        await learn_all(talk)
    return seen


async def test_a_passing_instruction_can_be_given_again(talk: Talk, fake: FakeOpenAI) -> None:
    for _ in range(2):
        await told(talk, fake, "In your next three replies add a joke.", JOKE, "1-3")
        assert await held(talk, 3) == [[JOKE], [JOKE], []]


async def test_given_again_while_it_holds_it_counts_from_there(talk: Talk, fake: FakeOpenAI) -> None:
    for _ in range(2):
        await told(talk, fake, "In your next three replies add a joke.", JOKE, "1-3")
    assert await held(talk, 3) == [[JOKE], [JOKE], []]


@pytest.mark.parametrize("op", ["add", "supersede", "confirm"])
@pytest.mark.parametrize("lapsed", [True, False])
async def test_what_held_for_some_replies_may_hold_for_good(
    talk: Talk, fake: FakeOpenAI, lapsed: bool, op: str
) -> None:
    await told(talk, fake, "In your next three replies answer in French.", FRENCH, "1-3")
    if lapsed:
        await held(talk, 3)
    await told(talk, fake, "Always answer in French, not just three times.", FRENCH, op=op)
    assert await held(talk, 4) == [[FRENCH]] * 4


async def test_what_holds_for_good_holds_on_when_it_is_asked_for_some_replies(
    talk: Talk, fake: FakeOpenAI
) -> None:
    await told(talk, fake, "Always answer in French.", FRENCH)
    await told(talk, fake, "In your next two replies answer in French.", FRENCH, "1-2")
    assert await held(talk, 3) == [[FRENCH, FRENCH], [FRENCH], [FRENCH]]


async def test_an_edited_passing_instruction_counts_from_its_newest_form(
    talk: Talk, fake: FakeOpenAI
) -> None:
    old = await talk.say("In your next three replies add a joke")
    reply = await talk.say("Gladly.", role=Role.REMI)
    words = "In your next three replies add a joke"
    await learned(talk, fake, note(JOKE, words, kind="instruction", replies="1-3"))
    new, again = await talk.say(f"{words}, please."), await talk.say("Gladly!", role=Role.REMI)
    for was, now in ((old, new), (reply, again)):
        await talk.rows("UPDATE message SET replaced_by = $1 WHERE message_id = $2", now, was)
    await learned(talk, fake, note(JOKE, words, kind="instruction", replies="1-3"))
    assert await held(talk, 3) == [[JOKE], [JOKE], []]


async def test_an_instruction_for_some_replies_holds_in_its_own_talk(talk: Talk, fake: FakeOpenAI) -> None:
    await told(talk, fake, "In your next three replies add a joke.", JOKE, "1-3")
    other = Talk(talk.store, talk.models, talk.space_id, now=talk.now)
    await talk.rows(
        "INSERT INTO conversation (space_id, conversation_id, platform, bot_id, chat_id, thread_id,"
        " chat_kind) VALUES ($1, $2, 'discord', '99', '7', '', 'direct')",
        other.space_id,
        other.conversation_id,
    )
    assert await held(other, 3) == [[], [], []]
    assert await held(talk, 3) == [[JOKE], [JOKE], []]


async def test_of_two_instructions_the_one_told_again_is_the_newer(talk: Talk, fake: FakeOpenAI) -> None:
    for text in (FRENCH, "Answer in English.", FRENCH):
        await told(talk, fake, text, text)
    english, french = (await talk.recall("Hello?")).instructions
    assert (english.text, french.text) == ("Answer in English.", FRENCH)
    assert french.told_at == talk.now - timedelta(minutes=1) > english.told_at > french.learned_at


async def test_a_passing_instruction_is_not_what_a_person_had_remembered(
    talk: Talk, fake: FakeOpenAI
) -> None:
    await told(talk, fake, "In your next three replies add a joke.", "Always add a joke.", "1-3")
    message_id = await talk.say("Always add a joke.")
    async with scoped(talk.store, [talk.space_id]) as connection:
        await remember(connection, talk.space_id, message_id, "Always add a joke.", talk.now)
    await learn_all(talk)
    assert all("Always add a joke." in seen for seen in await held(talk, 4))


async def test_ten_turns_that_pile_up_cost_one_call_within_its_bound(talk: Talk, fake: FakeOpenAI) -> None:
    for number in range(40):
        await talk.say(f"I planted tulip {number} " + "and watered it " * 20)
        await learned(
            talk, fake, note(f"Ann planted tulip {number}. " + "x" * 120, f"I planted tulip {number}")
        )
    before = len(fake.bodies())
    for number in range(10):
        await talk.say(f"I like my tulip {number}.")
        await talk.say("Lovely.", role=Role.REMI)
    await learned(talk, fake)
    assert await learn_all(talk) == 0
    (body,) = fake.bodies()[before:]
    system, user = (message["content"] for message in body["messages"])
    frame, _, _ = user.partition("#1 ")
    assert frame.startswith("Known:\nk1 ")
    assert len(system) + len(json.dumps(SCHEMA.schema)) + len(frame) <= PROMPT


async def test_a_model_that_can_not_read_as_much_is_given_less(talk: Talk, fake: FakeOpenAI) -> None:
    said = [f"I planted tulip {number} " + "and watered it " * 60 for number in range(8)]
    for text in said:
        await talk.say(text)
    fake.context = 1_500
    while await learn_all(talk):
        pass
    taken = [body["messages"][1]["content"] for body in fake.bodies() if fake.takes(body)]
    assert all(sum(text in each for each in taken) == 1 for text in said)
    assert len(taken) < len(said)


async def test_talk_that_is_too_long_even_alone_is_passed_over(talk: Talk, fake: FakeOpenAI) -> None:
    await talk.say("I planted tulips.")
    fake.context = 10
    assert await learn_all(talk) == 1
    assert await learn_all(talk) == 0


async def test_answers_that_hold_no_notes_are_tried_three_times(talk: Talk, fake: FakeOpenAI) -> None:
    await talk.say(LEEDS)
    fake.reply = Step(text="I would rather not.")
    for _ in range(2):
        with pytest.raises(ModelUnavailable):
            await learn_all(talk)
    assert await learn_all(talk) == 1
    assert await learn_all(talk) == 0
    assert await known(talk) == {}


async def test_what_learning_costs_is_counted(talk: Talk, fake: FakeOpenAI) -> None:
    person = uuid4()
    await talk.say(LEEDS, person_id=person)
    await learned(talk, fake)
    sql = "SELECT turns, prompt_tokens, completion_tokens FROM usage WHERE person_id = $1"
    (row,) = await talk.rows(sql, person)
    assert row["turns"] == 0
    assert row["prompt_tokens"] > 100
    assert row["completion_tokens"] > 0


_VALUES = st.one_of(
    st.none(),
    st.integers(-2, 4),
    st.text(max_size=12),
    st.sampled_from([LEEDS, "Leeds", "jazz is best", "k1"]),
)
_NOTES = st.fixed_dictionaries(
    {
        "op": st.one_of(st.sampled_from(["add", "confirm", "supersede", "retract"]), _VALUES),
        "kind": st.one_of(st.sampled_from(list(MemoryKind)), _VALUES),
        "text": st.one_of(st.sampled_from(["Ann lives in Leeds.", "Ann likes jazz."]), _VALUES),
        "message": st.one_of(st.integers(0, 3), _VALUES),
        "quote": _VALUES,
    },
    optional={"handle": _VALUES, "date": _VALUES, "replies": _VALUES},
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(claimed=st.lists(_NOTES, max_size=5), around=st.text(max_size=20))
async def test_whatever_a_model_says_each_memory_rests_on_a_persons_words(
    talk: Talk, fake: FakeOpenAI, claimed: list[dict[str, Any]], around: str
) -> None:
    await talk.say(LEEDS)
    await talk.say("jazz is best", role=Role.REMI)
    fake.script(Step(text=around + json.dumps({"memories": claimed}) + around))
    fake.reply = answer()
    while True:
        try:
            if not await learn_all(talk):
                break
        except ModelUnavailable:
            continue
    assert not await talk.rows(
        "SELECT FROM memory"
        " WHERE NOT EXISTS (SELECT FROM memory_source s JOIN message m USING (space_id, message_id)"
        " WHERE s.space_id = memory.space_id AND s.memory_id = memory.memory_id AND m.role = 'person'"
        " AND s.quote <> '' AND position(s.quote IN m.text) > 0)"
    )
    assert not await talk.rows(
        "SELECT FROM memory_source s JOIN message m USING (space_id, message_id)"
        " WHERE m.role = 'remi' OR position(s.quote IN m.text) = 0"
    )
