"""One story of a person and their memory: learning, superseding, correcting, forgetting, linking, moving.

It is told once and run on each channel, with a model and without one: fake platforms, the real gateways, a
real assistant.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import pytest

from canaries import in_tables
from client import PATIENCE
from conftest import Database, StartAssistant, thinks_with
from direct_talk import DirectTalk, Shown, gateways, two_channels
from fakes.openai import FakeOpenAI
from scripted import MEMORY, thinking

CANARY = "Zephyrquartz"
HURRY = "UPDATE work SET due_at = least(due_at, now()) WHERE kind IN ('index', 'learn') RETURNING true"


@dataclass(frozen=True, slots=True)
class Story:
    """Ann, who talks to Remi `here`, and has another account `there`."""

    here: DirectTalk
    there: DirectTalk
    thinks: bool
    """Whether Remi has a model."""
    owner_dsn: str

    async def settled(self) -> None:
        """Until all that was said is indexed, and learned from where a model can."""
        owner = await asyncpg.connect(self.owner_dsn)
        try:
            async with asyncio.timeout(PATIENCE):
                while await owner.fetchval(HURRY):  # noqa: ASYNC110 - the database tells nobody
                    await asyncio.sleep(0.1)
        finally:
            await owner.close()

    async def ask(self, text: str) -> Shown:
        """Ask here, when all that was said before is settled, and not from the talk just before."""
        await self.settled()
        await self.here.ask("/new")
        return await self.here.ask(text)


@pytest.fixture(params=["Telegram", "Discord"])
def begins_on(request: pytest.FixtureRequest) -> str:
    """Where the story is told; the other is the one to be linked."""
    return str(request.param)


@pytest.fixture(params=["scripted model", "offline"])
def thinks(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "scripted model")


@pytest.fixture
async def story(
    start_assistant: StartAssistant, database: Database, model: FakeOpenAI, begins_on: str, thinks: bool
) -> AsyncIterator[Story]:
    async with two_channels(database.owner_dsn) as (telegram, disc):
        allow = {telegram.account, disc.account}
        model.reply = thinking
        knobs = {**thinks_with(model), "memory_model": MEMORY} if thinks else {}
        async with (
            start_assistant(allow=allow, **knobs) as assistant,
            gateways(assistant, telegram.fake, disc.fake),
        ):
            here, there = (telegram, disc) if begins_on == "Telegram" else (disc, telegram)
            yield Story(here, there, thinks, database.owner_dsn)


async def test_a_person_is_remembered_corrected_forgotten_and_linked(story: Story) -> None:
    await learns(story)
    await supersedes(story)
    await corrects(story)
    await forgets(story)
    await links(story)
    await parts(story)
    await moves(story)


async def learns(story: Story) -> None:
    """What was said once is known, and what an answer rested on is shown."""
    await story.here.ask("I live in Leeds.")
    answer = await story.ask("Where do I live?")
    assert "Leeds" in answer.text
    assert ("You told me" in answer.text) is story.thinks
    why = await story.here.ask("/why")
    assert "I live in Leeds." in why.text
    assert ("with fake-chat" if story.thinks else "without a language model") in why.text
    listed = await story.here.ask("/memory")
    if story.thinks:
        assert "lives in Leeds." in listed.text
        card = await story.here.press(listed, "1")
        assert "I live in Leeds." in card.text
    else:
        assert "that takes a language model" in listed.text
        assert "I live in Leeds." in (await story.here.ask("/memory Leeds")).text


async def supersedes(story: Story) -> None:
    """The newer counts, and the older stays as history."""
    await story.here.ask("I now live in York.")
    answer = (await story.ask("Where do I live?")).text
    assert "York" in answer
    found = (await story.here.ask("/memory live")).text
    assert "York" in found
    assert "Leeds" in found
    if not story.thinks:
        # It can't tell that the one ended the other; the newest comes first.
        assert answer.index("York") < answer.index("Leeds")
        return
    assert "Leeds" not in answer
    (old,) = (line for line in found.splitlines() if "lives in Leeds." in line)
    assert "no longer holds" in old
    listed = await story.here.ask("/memory")
    assert "lives in York." in listed.text
    assert "Leeds" not in listed.text
    card = await story.here.press(listed, "1")
    assert "lives in Leeds." in card.text.partition("Before")[2]


async def corrects(story: Story) -> None:
    """By the buttons of /memory and by /correct; and by a thumb down."""
    await story.here.ask("/remember I take my tea black.")
    listed = await story.here.ask("/memory")
    assert "I take my tea black." in listed.text
    card = await story.here.press(listed, "1")
    how = await story.here.press(card, "Correct")
    assert "/correct 1" in how.text
    right = await story.here.ask("/correct 1 I take my tea with milk.")
    assert "tea black" in right.text
    answer = await story.ask("How do I take my tea?")
    assert "with milk" in answer.text.splitlines()[0]
    why = (await story.here.ask("/why")).text
    assert "with milk" in why
    listed = await story.here.ask("/memory")
    assert "with milk" in listed.text
    assert "black" not in listed.text
    found = (await story.here.ask("/memory tea")).text
    (old,) = (line for line in found.splitlines() if line.endswith("“I take my tea black.”"))
    assert "no longer holds" in old
    behind = await story.here.thumbs_down(answer)
    assert "with milk" in behind.text
    await story.here.ask("/correct 1 I take my tea green.")
    assert "green" in (await story.ask("How do I take my tea?")).text.splitlines()[0]


async def forgets(story: Story) -> None:
    """What is forgotten is nowhere: in no answer, no list, no file, no table."""
    await story.here.ask(f"My dentist is called {CANARY}.")
    assert CANARY in (await story.ask("What is my dentist called?")).text
    assert CANARY in (await story.here.ask("/why")).text
    assert CANARY in (await story.here.file("/export")).decode()
    assert "public.message" in await in_tables(story.owner_dsn, [CANARY])
    asked = await story.here.ask(f"/forget {CANARY}")
    assert CANARY in asked.text
    gone = await story.here.press(asked, "Forget")
    assert "Gone" in gone.text
    assert await in_tables(story.owner_dsn, [CANARY]) == {}
    assert CANARY not in (await story.ask("What is my dentist called?")).text
    assert CANARY not in (await story.here.ask("/why")).text
    assert CANARY not in (await story.here.ask("/memory")).text
    assert CANARY not in (await story.here.ask("/memory dentist")).text
    exported = (await story.here.file("/export")).decode()
    assert CANARY not in exported
    assert "York" in exported
    assert all(json.loads(line) for line in exported.splitlines())
    await story.settled()
    assert await in_tables(story.owner_dsn, [CANARY]) == {}


async def links(story: Story) -> None:
    """What was told on the one channel is known on the other."""
    here, there = story.here, story.there
    assert "York" not in (await there.ask("Where do I live?")).text
    given = await here.ask("/link")
    (code,) = (word.strip("`") for word in given.text.split() if "link-" in word)
    question = await there.ask(f"/link {code}")
    assert f"on {here.channel}" in question.text
    asked = await here.told(f"on {there.channel}")
    await there.press(question, "Yes")
    await here.press(asked, "Yes")
    await here.told("one person to me now")
    await there.told("one person to me now")
    await story.settled()
    answer = (await there.ask("Where do I live?")).text.splitlines()[0]
    assert "York" in answer
    assert "you" in answer.lower()
    assert "green" in (await there.ask("/memory tea")).text
    await there.ask("My dog is called Biscuit.")
    assert "Biscuit" in (await story.ask("What is my dog called?")).text


async def parts(story: Story) -> None:
    """What was said stays with the account that gave the code."""
    here, there = story.here, story.there
    parting = await there.ask("/unlink")
    await there.press(parting, "Part")
    await here.told("two people to me again")
    await there.ask("/new")
    for question in ("Where do I live?", "What is my dog called?", "/memory tea", "/why"):
        answer = (await there.ask(question)).text
        assert not any(word in answer for word in ("York", "Biscuit", "green", "Leeds"))
    assert "Biscuit" in (await story.ask("What is my dog called?")).text
    assert "York" in (await story.ask("Where do I live?")).text


async def moves(story: Story) -> None:
    """What comes out as a file goes in on another channel, once."""
    exported = await story.here.file("/export")
    taken = await story.there.give("/import", exported)
    assert "I have brought in" in taken.text
    await story.settled()
    await story.there.ask("/new")
    assert "York" in (await story.there.ask("Where do I live?")).text
    assert "green" in (await story.there.ask("/memory tea")).text
    again = await story.there.give("/import", exported)
    assert "brought in 0 messages, 0 memories and 0 reminders" in again.text
    refused = await story.there.give("/import", b"nonsense")
    assert "can't take that file in" in refused.text
