"""How an answer shows: typing, drafts, parts, buttons, files, replies, and what stands in the end."""

import asyncio
import itertools
from collections.abc import Iterable

import grpc
import pytest

from fakes.assistant import Fail, FakeAssistant, Hold, Step, accepted, draft, final, merged, refused
from fakes.discord.faults import Refused
from fakes.discord.server import FakeDiscord
from fakes.discord.world import LOADING, SUPPRESS_EMBEDS, Channel, Person
from services.discord.presenter import UNFINISHED, EventPresenter
from services.stubs.assistant.v1 import assistant_pb2 as pb

from .conftest import Running

CREATE = "POST /channels/{channel_id}/messages"
EDIT = "PATCH /channels/{channel_id}/messages/{message_id}"
CALLBACK = "POST /interactions/{interaction_id}/{interaction_token}/callback"
ORIGINAL = "PATCH /webhooks/{webhook_id}/{webhook_token}/messages/@original"


@pytest.fixture
def ann(fake: FakeDiscord) -> Person:
    return fake.person("Ann")


@pytest.fixture
def general(fake: FakeDiscord, ann: Person) -> Channel:
    return fake.channel(fake.guild("Lab", [ann]), "general")


@pytest.fixture
def _drafts_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EventPresenter, "draft_interval", 0.0)


def answers(assistant: FakeAssistant, text: str, **delivery: object) -> None:
    assistant.answer = lambda request: [accepted(), final(request, text, **delivery)]


async def test_an_answer_replies_and_pings_nobody(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, general: Channel, running: Running
) -> None:
    async with running():
        said = fake.says(ann, f"{fake.mention()} hi", general)
        answers(assistant, f"@everyone <@{ann.id}> hi", reply_to_message_id=said["id"])
        [answer] = await fake.sent(general)
        await assistant.until(lambda: bool(assistant.acknowledgements))
    assert answer["message_reference"]["message_id"] == said["id"]
    assert answer["mentions"] == []
    assert general.typing == 1
    assert assistant.acknowledgements[0].delivered.message_ids == [answer["id"]]


async def test_an_answer_stands_in_the_thread_of_its_question(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, general: Channel, running: Running
) -> None:
    async with running():
        thread = fake.thread(general, "lunch")
        fake.says(ann, "hello", thread)
        [answer] = await fake.sent(thread)
    assert answer["content"] == "You said: hello"
    assert fake.shown(general) == []


async def test_an_answer_to_a_message_that_is_gone_is_sent_all_the_same(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
) -> None:
    answers(assistant, "hi", reply_to_message_id="12345")
    async with running():
        fake.says(ann, "hello")
        [answer] = await fake.sent(fake.dm(ann))
    assert "message_reference" not in answer


async def test_a_long_answer_is_cut_and_its_code_stays_whole(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
) -> None:
    code = "```python\n" + "print('x')\n" * 100 + "```"
    answers(assistant, "word " * 300 + "\n\n" + code)
    async with running():
        fake.says(ann, "long, please")
        [first, second] = await fake.sent(fake.dm(ann), 2)
        await assistant.until(lambda: bool(assistant.acknowledgements))
    assert second["content"] == code
    assert max(len(first["content"]), len(second["content"])) <= 2000
    assert assistant.acknowledgements[-1].delivered.message_ids == [first["id"], second["id"]]


async def test_buttons_and_a_file_come_with_the_last_part(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
) -> None:
    row = pb.ButtonRow(
        buttons=[pb.Button(label="Yes", action="a" * 64), pb.Button(label="No", action="forget:no")]
    )
    answers(assistant, "x" * 2500, button_rows=[row], file_name="memory.jsonl", file_content=b"{}\n")
    async with running():
        fake.says(ann, "export")
        [first, second] = await fake.sent(fake.dm(ann), 2)
    assert first["components"] == []
    labels = [button["label"] for button in second["components"][0]["components"]]
    assert labels == ["Yes", "No"]
    assert second["attachments"][0]["filename"] == "memory.jsonl"
    assert fake.requests(CREATE)[1].files == {"files[0]": b"{}\n"}


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ([3, 1, 5], [3, 1, 5]),
        ([1] * 6, [2, 2, 2]),
        ([2] * 6 + [0], [3, 3, 3, 3]),
        ([7], [2, 2, 2, 1]),
        ([1] * 26, [5] * 5),
    ],
)
async def test_buttons_for_which_there_are_no_rows_move_together(
    fake: FakeDiscord,
    assistant: FakeAssistant,
    ann: Person,
    running: Running,
    given: list[int],
    shown: list[int],
) -> None:
    numbers = itertools.count(1)
    rows = [
        pb.ButtonRow(
            buttons=[pb.Button(label=f"{n}", action=f"cancel:{n}") for n in itertools.islice(numbers, row)]
        )
        for row in given
    ]
    answers(assistant, "Your reminders", button_rows=rows)
    async with running():
        fake.says(ann, "/reminders")
        [answer] = await fake.sent(fake.dm(ann))
    labels = [[button["label"] for button in row["components"]] for row in answer["components"]]
    assert [len(row) for row in labels] == shown
    assert list(itertools.chain(*labels)) == [str(n) for n in range(1, min(sum(given), 25) + 1)]


async def test_a_file_alone_and_nothing_at_all(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
) -> None:
    async with running():
        answers(assistant, "", file_name="memory.jsonl", file_content=b"{}\n")
        fake.says(ann, "export")
        [answer] = await fake.sent(fake.dm(ann))
        answers(assistant, " ")
        fake.says(ann, "say nothing")
        await assistant.until(lambda: len(assistant.acknowledgements) == 2)
    assert answer["content"] == ""
    assert assistant.acknowledgements[1].delivered.message_ids == []


@pytest.mark.usefixtures("_drafts_at_once")
async def test_drafts_are_edits_of_one_message_that_becomes_the_answer(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
) -> None:
    first, second = asyncio.Event(), asyncio.Event()
    dm = fake.dm(ann)

    def script(request: pb.ConverseRequest) -> Iterable[Step]:
        yield from (accepted(), draft("Once", 1), Hold(first), draft("Once upon", 2), Hold(second))
        yield final(request, "Once upon a time.", reply_to_message_id=request.message.message_id)

    assistant.answer = script
    async with running():
        said = fake.says(ann, "a story")
        await fake.until(lambda: [m["content"] for m in fake.shown(dm)] == [f"Once{UNFINISHED}"])
        first.set()
        await fake.until(lambda: [m["content"] for m in fake.shown(dm)] == [f"Once upon{UNFINISHED}"])
        second.set()
        await fake.until(lambda: [m["content"] for m in fake.shown(dm)] == ["Once upon a time."])
        await assistant.until(lambda: bool(assistant.acknowledgements))
    [answer] = fake.shown(dm)
    assert answer["message_reference"]["message_id"] == said["id"]
    assert assistant.acknowledgements[0].delivered.message_ids == [answer["id"]]


@pytest.mark.usefixtures("_drafts_at_once")
async def test_a_long_draft_shows_its_first_part(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
) -> None:
    written = asyncio.Event()
    long = "word " * 600
    dm = fake.dm(ann)
    assistant.answer = lambda request: [
        accepted(),
        draft(" ", 1),
        draft(long, 2),
        Hold(written),
        final(request, long),
    ]
    async with running():
        fake.says(ann, "long")
        [preview] = await fake.sent(dm)
        assert preview["content"].endswith(f"word{UNFINISHED}")
        written.set()
        await fake.until(lambda: len(fake.shown(dm)) == 2)
    assert [m["content"].endswith("word") for m in fake.shown(dm)] == [True, True]


async def test_a_quick_answer_has_no_draft(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
) -> None:
    assistant.answer = lambda request: [accepted(), draft("Hel"), final(request, "Hello")]
    async with running():
        fake.says(ann, "hi")
        [answer] = await fake.sent(fake.dm(ann))
    assert answer["content"] == "Hello"
    assert fake.requests(EDIT) == []


@pytest.mark.usefixtures("_drafts_at_once")
@pytest.mark.parametrize("last", [merged(), Fail()], ids=["merged", "broken"])
async def test_a_draft_that_no_answer_follows_is_taken_away(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running, last: Step
) -> None:
    shown = asyncio.Event()
    assistant.answer = lambda request: [accepted(), draft("Well"), Hold(shown), last]
    async with running():
        fake.says(ann, "hi")
        await fake.sent(fake.dm(ann))
        shown.set()
        await fake.until(lambda: not fake.shown(fake.dm(ann)))


@pytest.mark.usefixtures("_drafts_at_once")
async def test_a_draft_that_somebody_deleted_is_no_loss(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, general: Channel, running: Running
) -> None:
    deleted = asyncio.Event()
    assistant.answer = lambda request: (
        [accepted(), draft("Well"), Hold(deleted), final(request, "Well, yes.")]
        if request.HasField("message")
        else [accepted(reply_expected=False)]
    )
    async with running():
        fake.says(ann, "hi", general)
        fake.deletes(*await fake.sent(general))
        deleted.set()
        [answer] = await fake.sent(general)
    assert answer["content"] == "Well, yes."


async def test_an_edited_question_edits_its_answer_in_place(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
) -> None:
    dm = fake.dm(ann)
    old = [fake.says(fake.bot, text, dm)["id"] for text in ("old one", "old two", "old three")]
    answers(assistant, "new " * 600, replaces_message_ids=old)
    async with running():
        said = fake.says(ann, "hi")
        fake.edits(said, "hello")
        await assistant.until(lambda: bool(assistant.acknowledgements))
    assert assistant.acknowledgements[-1].delivered.message_ids == old[:2]
    assert [message["id"] for message in fake.shown(dm)] == old[:2]
    assert all(message["content"].startswith("new") for message in fake.shown(dm))


async def test_what_cannot_be_edited_is_sent_anew_as_a_reply(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
) -> None:
    async with running():
        said = fake.says(ann, "hi")
        await fake.sent(fake.dm(ann))
        gone = fake.says(fake.bot, "gone", fake.dm(ann))
        fake.deletes(gone)
        answers(
            assistant,
            "new",
            replaces_message_ids=[gone["id"], "77"],
            reply_to_message_id=said["id"],
            delivery_id="again",
        )
        fake.edits(said, "hello")
        [*_, answer] = await fake.sent(fake.dm(ann), 2)
    assert answer["content"] == "new"
    assert answer["message_reference"]["message_id"] == said["id"]


async def test_buttons_go_away_when_their_message_is_replaced(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
) -> None:
    row = pb.ButtonRow(buttons=[pb.Button(label="Yes", action="forget:yes")])
    async with running():
        answers(assistant, "Sure?", button_rows=[row])
        fake.says(ann, "forget it")
        [asked] = await fake.sent(fake.dm(ann))
        answers(assistant, "Gone.", replaces_message_ids=[asked["id"]])
        fake.presses(ann, asked, "Yes")
        await fake.until(lambda: asked["content"] == "Gone.")
    assert asked["components"] == []
    assert len(fake.shown(fake.dm(ann))) == 1


async def test_a_stranger_is_told_why(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
) -> None:
    assistant.answer = lambda request: [refused("Ask to be let in." if request.HasField("message") else "")]
    async with running():
        said = fake.says(ann, "hi")
        [answer] = await fake.sent(fake.dm(ann))
        fake.reacts(ann, said, "👍")
        await assistant.until(lambda: len(assistant.requests) == 2)
    assert answer["content"] == "Ask to be let in."
    assert answer["message_reference"]["message_id"] == said["id"]


async def test_an_impossible_event_is_answered_with_a_line_but_for_deletions(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
) -> None:
    bad = Fail(grpc.StatusCode.INVALID_ARGUMENT, "message.text: is too long")
    assistant.answer = lambda _request: [bad]
    async with running():
        said = fake.says(ann, "hi")
        [answer] = await fake.sent(fake.dm(ann))
        fake.deletes(said)
        await assistant.until(lambda: len(assistant.requests) == 2)
        fake.says(ann, "hello")
        await fake.sent(fake.dm(ann), 2)
    assert "message.text: is too long" in answer["content"]


@pytest.mark.usefixtures("_drafts_at_once")
async def test_no_link_of_an_answer_is_fetched(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
) -> None:
    """Whoever talks Remi into a link would be told by Discord's look at it what stands in the link."""
    link = "https://example.org/?q=secret"
    assistant.manifest.commands.add(name="memory", description="What I know about you")
    shown = asyncio.Event()

    def script(request: pb.ConverseRequest) -> Iterable[Step]:
        yield accepted()
        if request.HasField("message"):
            yield from (draft(f"See {link}"), Hold(shown))
        yield final(request, f"{'word ' * 500}\n\n{link}", replaces_message_ids=[old["id"]])

    async with running():
        await fake.until(lambda: bool(fake.routes.commands))
        old = fake.says(fake.bot, "old", fake.dm(ann))
        assistant.answer = script
        fake.says(ann, "hello")
        await fake.sent(fake.dm(ann), 2)
        shown.set()
        await assistant.until(lambda: bool(assistant.acknowledgements))
        fake.slash(ann, "memory")
        await assistant.until(lambda: len(assistant.acknowledgements) > 1)
        answers(assistant, link, replaces_message_ids=[old["id"]])
        fake.says(ann, "and now?")
        await fake.until(lambda: old["content"] == link)
        assistant.answer = lambda _request: [refused(link)]
        for say in (lambda: fake.says(ann, "who?"), lambda: fake.slash(ann, "memory")):
            before = len(fake.shown(fake.dm(ann)))
            say()
            await fake.sent(fake.dm(ann), before + 1)
    written = [*fake.requests(CREATE), *fake.requests(EDIT), *fake.requests(ORIGINAL)]
    assert {len(fake.requests(route)) > 0 for route in (CREATE, EDIT, ORIGINAL)} == {True}
    assert [request.body.get("flags") for request in written] == [SUPPRESS_EMBEDS] * len(written)


class TestSlashCommands:
    """A command's answer takes the place of "thinking…"."""

    @pytest.fixture(autouse=True)
    def _commands(self, assistant: FakeAssistant) -> None:
        assistant.manifest.commands.add(name="memory", description="What I know about you")

    async def test_the_answer_takes_its_place(
        self, fake: FakeDiscord, assistant: FakeAssistant, ann: Person, general: Channel, running: Running
    ) -> None:
        answers(assistant, "word " * 500)
        async with running():
            await fake.until(lambda: bool(fake.routes.commands))
            asked = fake.slash(ann, "memory", channel=general)
            [first, second] = await fake.sent(general, 2)
            await assistant.until(lambda: bool(assistant.acknowledgements))
        assert int(first["id"]) == asked.original
        assert not first["flags"] & LOADING
        assert assistant.acknowledgements[-1].delivered.message_ids == [first["id"], second["id"]]
        assert general.typing == 0

    async def test_it_is_deferred_while_the_queue_waits(
        self, fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
    ) -> None:
        assistant.answer = lambda _request: []
        async with running():
            await fake.until(lambda: bool(fake.routes.commands))
            fake.says(ann, "this one isn't taken")
            asked = fake.slash(ann, "memory")
            await fake.until(lambda: asked.answered)
            await assistant.until(lambda: bool(assistant.requests))
        assert {request.message.text for request in assistant.requests} == {"this one isn't taken"}

    async def test_a_refusal_takes_its_place(
        self, fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
    ) -> None:
        assistant.answer = lambda _request: [refused("Ask to be let in.")]
        async with running():
            await fake.until(lambda: bool(fake.routes.commands))
            asked = fake.slash(ann, "memory")
            [answer] = await fake.sent(fake.dm(ann))
        assert int(answer["id"]) == asked.original

    async def test_without_an_answer_it_goes_away(
        self, fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
    ) -> None:
        assistant.answer = lambda _request: [accepted(reply_expected=False)]
        async with running():
            await fake.until(lambda: bool(fake.routes.commands))
            asked = fake.slash(ann, "memory")
            await fake.until(lambda: asked.original is not None and not fake.dm(ann).messages)

    async def test_deferred_too_late_the_answer_is_a_message(
        self, fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
    ) -> None:
        fake.routes.patience = -1
        answers(assistant, "I know nothing.")
        async with running():
            await fake.until(lambda: bool(fake.routes.commands))
            asked = fake.slash(ann, "memory")
            [answer] = await fake.sent(fake.dm(ann))
        assert asked.original is None
        assert answer["content"] == "I know nothing."

    async def test_when_discord_no_longer_takes_the_edit_the_answer_is_a_message(
        self, fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
    ) -> None:
        expired_token = 50027
        fake.fault(ORIGINAL, Refused(401, expired_token))
        answers(assistant, "I know nothing.")
        async with running():
            await fake.until(lambda: bool(fake.routes.commands))
            fake.slash(ann, "memory")
            [answer] = await fake.sent(fake.dm(ann))
        assert answer["type"] == 0
