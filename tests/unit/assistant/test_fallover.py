"""Two endpoints behind one model: tried again, left to rest, fallen over from, by the real client."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from fakes.openai import FakeOpenAI, Step
from services.assistant.domain import Usage
from services.assistant.endpoint import EndpointChat, connect
from services.assistant.fallover import FAILURES, LONGEST_REST, REST, TRIES, Breaker, Endpoint, Fallover
from services.assistant.model import Begun, ChatMessage, Patience
from services.errors import EmptyAnswer, ModelMisconfigured, ModelRefused, ModelUnavailable

HELLO = [ChatMessage("user", "Hello?")]
QUICK = Patience(connect=2, first_token=2, between_tokens=0.5, whole=6)


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def first() -> AsyncIterator[FakeOpenAI]:
    async with FakeOpenAI() as fake:
        yield fake


@pytest.fixture
async def second() -> AsyncIterator[FakeOpenAI]:
    async with FakeOpenAI() as fake:
        yield fake


@pytest.fixture
async def both(first: FakeOpenAI, second: FakeOpenAI, clock: Clock) -> AsyncIterator[Fallover]:
    """A model of each endpoint; nobody waits for long."""
    async with AsyncExitStack() as stack:
        endpoints = []
        for name, fake in (("main", first), ("spare", second)):
            client = await stack.enter_async_context(connect(fake.base_url, fake.api_key, QUICK))
            chat = EndpointChat(client, name, lambda _model, _usage: None, QUICK)
            endpoints.append(Endpoint(chat, Breaker(name, clock)))
        yield Fallover(endpoints, lambda _longest: 0)


async def said(model: Fallover) -> tuple[str, str]:
    """What is left of an answer, and which model gave it."""
    text, by = "", ""
    async with aclosing(model.stream(HELLO)) as stream:
        async for piece in stream:
            if isinstance(piece, Begun):
                text, by = "", piece.model
            elif not isinstance(piece, Usage):
                text += piece
    return text, by


TROUBLE = {
    "too many requests": Step(status=429),
    "a server error": Step(status=500),
    "away for a while": Step(status=503),
    "a cut stream": Step(text="Half of an answer", pieces=4, cut_after=2),
    "an error within the stream": Step(text="Half of an answer", pieces=4, error_after=2),
    "no end to the stream": Step(text="Half of an answer", finish=""),
    "an empty answer": Step(text=""),
    "a page of a proxy": Step(raw="<html>Bad gateway</html>"),
}


@pytest.mark.parametrize("trouble", TROUBLE.values(), ids=TROUBLE.keys())
async def test_another_try_mends_it(both: Fallover, first: FakeOpenAI, trouble: Step) -> None:
    first.script(trouble, Step(text="Here I am."))
    assert await said(both) == ("Here I am.", "main")
    assert len(first.requests) == 2


@pytest.mark.parametrize("cut", range(1, 7))
async def test_a_stream_cut_anywhere_starts_over(both: Fallover, first: FakeOpenAI, cut: int) -> None:
    first.script(Step(text="Half of an answer", pieces=6, cut_after=cut), Step(text="Whole."))
    assert await said(both) == ("Whole.", "main")


@pytest.mark.parametrize("trouble", TROUBLE.values(), ids=TROUBLE.keys())
async def test_what_lasts_goes_to_the_second_endpoint(
    both: Fallover, first: FakeOpenAI, second: FakeOpenAI, trouble: Step
) -> None:
    first.reply = trouble
    second.reply = Step(text="From the spare.")
    assert await said(both) == ("From the spare.", "spare")
    assert len(first.requests) == TRIES


async def test_whole_answers_are_tried_again_and_fallen_over_for_too(
    both: Fallover, first: FakeOpenAI, second: FakeOpenAI
) -> None:
    first.script(Step(status=503), Step(text="Here I am."))
    assert (await both.complete(HELLO)).text == "Here I am."
    first.reply = Step(status=503)
    second.reply = Step(text="From the spare.")
    assert (await both.complete(HELLO)).text == "From the spare."


@pytest.mark.parametrize("silent_after", [0, 2])
async def test_silence_is_not_waited_for_twice(
    both: Fallover, first: FakeOpenAI, second: FakeOpenAI, silent_after: int
) -> None:
    first.reply = Step(text="Half of an answer", pieces=4, hang_after=silent_after)
    second.reply = Step(text="From the spare.")
    assert await said(both) == ("From the spare.", "spare")
    assert len(first.requests) == 1


@pytest.mark.parametrize("status", [401, 404])
async def test_what_only_the_operator_can_mend_is_not_tried_again(
    both: Fallover, first: FakeOpenAI, second: FakeOpenAI, status: int
) -> None:
    first.reply = Step(status=status)
    assert (await said(both))[1] == "spare"
    assert len(first.requests) == 1


async def test_a_model_that_is_unknown_leaves_the_others_of_its_endpoint_alone(
    both: Fallover, first: FakeOpenAI, second: FakeOpenAI
) -> None:
    second.reply = Step(text="From the spare.")
    for _ in range(FAILURES):
        first.script(Step(status=404))
        assert (await said(both))[1] == "spare"
    assert await said(both) == ("Noted.", "main")


async def test_a_message_that_gets_no_answer_leaves_the_endpoint_to_the_others(
    both: Fallover, first: FakeOpenAI, second: FakeOpenAI
) -> None:
    for _ in range(FAILURES):
        first.script(*[Step(text="")] * TRIES)
        second.script(*[Step(text="")] * TRIES)
        with pytest.raises(EmptyAnswer):
            await said(both)
    assert await said(both) == ("Noted.", "main")


async def test_a_refusal_is_final_and_no_failure(
    both: Fallover, first: FakeOpenAI, second: FakeOpenAI
) -> None:
    first.reply = Step(status=400)
    with pytest.raises(ModelRefused):
        await said(both)
    with pytest.raises(ModelRefused):
        await both.complete(HELLO)
    assert second.requests == []
    assert both.endpoints[0].breaker.failures == 0


async def test_when_none_answers_the_last_failure_is_told(
    both: Fallover, first: FakeOpenAI, second: FakeOpenAI
) -> None:
    first.reply = Step(status=503)
    second.reply = Step(status=401)
    with pytest.raises(ModelMisconfigured, match="spare: HTTP 401"):
        await said(both)


async def test_an_endpoint_that_asks_for_a_moment_gets_it(both: Fallover, first: FakeOpenAI) -> None:
    first.script(Step(status=429, retry_after=0.05), Step(text="Here."))
    assert await said(both) == ("Here.", "main")
    first.script(
        Step(status=429, retry_after=format_datetime(datetime.now(UTC) + timedelta(seconds=-5), usegmt=True)),
        Step(text="Here."),
    )
    assert await said(both) == ("Here.", "main")


async def test_an_endpoint_that_asks_for_long_is_left_alone_for_as_long(
    both: Fallover, first: FakeOpenAI, clock: Clock
) -> None:
    first.script(Step(status=429, retry_after=300))
    assert (await said(both))[1] == "spare"
    assert (await said(both))[1] == "spare"
    assert len(first.requests) == 1
    clock.now += 301
    assert (await said(both))[1] == "main"


async def test_an_endpoint_that_keeps_failing_rests_and_is_tried_out_by_one(
    both: Fallover, first: FakeOpenAI, clock: Clock
) -> None:
    first.reply = Step(status=503)
    for _ in range(4):
        assert (await said(both))[1] == "spare"
    assert len(first.requests) == FAILURES
    clock.now += REST + 0.1
    assert (await said(both))[1] == "spare"
    assert len(first.requests) == FAILURES + 1
    first.reply = Step(text="Back.")
    clock.now += 2 * REST + 0.1
    assert await said(both) == ("Back.", "main")


def test_a_rest_grows_to_its_bound_and_success_ends_it(clock: Clock) -> None:
    breaker = Breaker("main", clock)
    for _ in range(FAILURES + 20):
        breaker.failed()
    clock.now += LONGEST_REST - 0.1
    assert not breaker.allows()
    clock.now += 0.2
    assert breaker.allows()
    assert not breaker.allows()
    breaker.succeeded()
    assert breaker.allows()
    assert breaker.allows()


async def test_with_all_at_rest_nobody_is_asked(
    both: Fallover, first: FakeOpenAI, second: FakeOpenAI
) -> None:
    for endpoint in both.endpoints:
        for _ in range(FAILURES):
            endpoint.breaker.failed()
    with pytest.raises(ModelUnavailable, match="rests"):
        await said(both)
    assert first.requests == second.requests == []


async def test_hanging_up_is_no_failure(both: Fallover, first: FakeOpenAI) -> None:
    first.reply = Step(text="A long answer", pieces=6, hang_after=3)
    async with aclosing(both.stream(HELLO)) as stream:
        assert isinstance(await anext(stream), Begun)
        await anext(stream)
    assert both.endpoints[0].breaker.failures == 0
