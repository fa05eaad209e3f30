"""Answering with a model (the real client against a fake endpoint), and taking citations out of the text."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.openai import FakeOpenAI, Step
from questions import question, recalled
from services.assistant import offline
from services.assistant.answer import Citations, answer
from services.assistant.domain import Answer, Question, Usage
from services.assistant.endpoint import EndpointChat, connect
from services.errors import ModelMisconfigured, ModelUnavailable

DOG = recalled("m1", "My dog is called Biscuit.")
CAT = recalled("m2", "My cat is called Tom.")
ASKED = question("What is my dog called?", recalled=(DOG, CAT))


@pytest.fixture
async def chat(fake: FakeOpenAI) -> AsyncIterator[EndpointChat]:
    async with connect(fake.base_url, fake.api_key) as client:
        yield EndpointChat(client, "talker", lambda *_: None)


async def ask(chat: EndpointChat | None, asked: Question) -> tuple[list[str], Answer]:
    """The drafts and the answer."""
    async with aclosing(answer(chat, asked)) as stream:
        *drafts, final = [piece async for piece in stream]
    assert isinstance(final, Answer)
    return [str(draft) for draft in drafts], final


async def test_drafts_grow_and_the_answer_is_whole(fake: FakeOpenAI, chat: EndpointChat) -> None:
    fake.script(Step(text="Your dog is called Biscuit [m1]. Woof!", pieces=10))
    drafts, final = await ask(chat, ASKED)
    assert final.text == "Your dog is called Biscuit. Woof!"
    assert final.cited == ("m1",)
    assert final.model == "talker"
    assert final.usage.completion_tokens > 0
    assert len(drafts) > 5
    assert all(final.text.startswith(draft) for draft in drafts)
    assert drafts == sorted(set(drafts), key=len)
    assert "What is my dog called?" in fake.bodies()[0]["messages"][-1]["content"]


@pytest.mark.parametrize("text", ["", " \n", "[m1]"])
async def test_an_empty_answer_is_none(fake: FakeOpenAI, chat: EndpointChat, text: str) -> None:
    fake.script(Step(text=text))
    with pytest.raises(ModelUnavailable, match="empty"):
        await ask(chat, ASKED)


async def test_a_broken_stream_is_no_answer(fake: FakeOpenAI, chat: EndpointChat) -> None:
    fake.script(Step(text="Your dog is called Biscuit.", cut_after=3))
    with pytest.raises(ModelUnavailable):
        await ask(chat, ASKED)


async def test_a_refusal_is_passed_on(fake: FakeOpenAI, chat: EndpointChat) -> None:
    fake.script(Step(status=401))
    with pytest.raises(ModelMisconfigured):
        await ask(chat, ASKED)


async def test_cancelling_hangs_up(fake: FakeOpenAI, chat: EndpointChat) -> None:
    fake.script(Step(text="one two three", hang_after=3))
    first = asyncio.Event()

    async def read() -> None:
        async for _ in answer(chat, ASKED):
            first.set()

    reader = asyncio.create_task(read())
    await asyncio.wait_for(first.wait(), 5)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    await asyncio.wait_for(fake.hung_up.wait(), 5)


async def test_without_a_model_it_quotes() -> None:
    drafts, final = await ask(None, ASKED)
    assert drafts == []
    assert final.text.startswith("On 2026-11-01 you said: “My dog is called Biscuit.”")
    assert final.cited == ("m1",)
    assert final.usage == Usage(0, 0)
    assert final.model == offline.NAME


def stripped(text: str, *cuts: int) -> tuple[str, list[str]]:
    """The text without citations when it comes cut at these places."""
    citations = Citations(["m1", "m2", "m10"])
    ends = [*sorted(cuts), len(text)]
    pieces = [text[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    return "".join(citations.strip(piece) for piece in pieces) + citations.rest(), list(citations.cited)


@pytest.mark.parametrize(
    ("text", "clean", "cited"),
    [
        ("Biscuit [m1].", "Biscuit.", ["m1"]),
        ("Biscuit[m1].", "Biscuit.", ["m1"]),
        ("Biscuit [m1][m2] and [m10, m1] Tom", "Biscuit and Tom", ["m1", "m2", "m10"]),
        ("Biscuit [m1] [m2; m10]!", "Biscuit!", ["m1", "m2", "m10"]),
        ("[m1] Biscuit", "Biscuit", ["m1"]),
        ("Dogs:\n[m1] Biscuit\n- [m2] Tom", "Dogs:\nBiscuit\n- Tom", ["m1", "m2"]),
        ("An invented one [m77].", "An invented one.", []),
        ("`row[m77]` and row_[m77]", "`row[m77]` and row_[m77]", []),
        ("A [link](https://example.org) and [ ] a box", "A [link](https://example.org) and [ ] a box", []),
        ("Never closed [m1", "Never closed [m1", []),
        ("Biscuit 【m1】 and [M2, m10].", "Biscuit and.", ["m1", "m2", "m10"]),
        ("```\nbox = [x1, y1]\nprint([a1])\n```", "```\nbox = [x1, y1]\nprint([a1])\n```", []),
        ("Play [e4, e5].", "Play [e4, e5].", []),
        ("[m1, and so on] [note]", "[m1, and so on] [note]", []),
        ("", "", []),
    ],
)
def test_citations_leave_no_trace(text: str, clean: str, cited: list[str]) -> None:
    assert stripped(text) == (clean, cited)


def test_a_draft_never_shows_a_piece_of_a_citation() -> None:
    citations = Citations(["m1"])
    shown = [citations.strip(letter) for letter in "Biscuit [m1]. Woof!"]
    assert "".join(shown[:8]) == "Biscuit"
    assert "".join(shown) == "Biscuit. Woof!"
    assert citations.rest() == ""


scraps = st.lists(
    st.sampled_from(
        [
            "[m1]",
            "[m2]",
            "[m1, m10]",
            "[m77]",
            "[",
            "]",
            "m1",
            ",",
            " ",
            "  ",
            "\n",
            "\t",
            "a",
            "Tom.",
            "[x]",
            "7",
            "_",
        ]
    ),
    max_size=25,
).map("".join)


@given(scraps, st.data())
def test_it_does_not_matter_where_the_text_is_cut(text: str, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=10))
    assert stripped(text, *cuts) == stripped(text)
    assert stripped(text, *range(len(text))) == stripped(text)


@given(st.text(), st.data())
def test_a_text_without_citations_comes_through_unchanged(text: str, data: st.DataObject) -> None:
    text = text.replace("[", "(")
    assert stripped(text, data.draw(st.integers(0, len(text)))) == (text, [])
