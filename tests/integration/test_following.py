"""How a Converse stream follows its turn: by what that tells, and by looking where another may run it."""

import asyncio
from dataclasses import dataclass, field

import pytest

from client import gateway, kinds, next_delivery
from conftest import StartAssistant, thinks_with
from fakes.openai import FakeOpenAI, Step
from services.assistant import intake, streams
from services.assistant.domain import Access, Event
from services.assistant.remi import Remi

_look = intake._look


@dataclass(slots=True)
class Looks:
    """Looks as the assistant does, and counts."""

    of: list[str] = field(default_factory=list)

    async def look(self, remi: Remi, event: Event, access: Access) -> object:
        self.of.append(event.key)
        return await _look(remi, event, access)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    counted = Looks()
    monkeypatch.setattr(intake, "POLL", 0.01)
    monkeypatch.setattr(intake, "_look", counted.look)
    return counted


async def test_a_turn_that_runs_here_is_not_looked_for(
    start_assistant: StartAssistant, model: FakeOpenAI, looks: Looks
) -> None:
    gate = asyncio.Event()
    model.reply = Step(text="The answer.", gate=gate)
    async with (
        start_assistant(allow={"telegram:7"}, **thinks_with(model)) as running,
        gateway(running) as telegram,
    ):
        first = await telegram.begin(telegram.request("One."))
        second = await telegram.begin(telegram.request("Two."))
        # Fifty times as long as a look would take to come.
        done, _ = await asyncio.wait([first, second], timeout=0.5)
        assert not done
        assert looks.of == []
        gate.set()
        assert [frame.WhichOneof("outcome") for frame in await first][-1] == "final"
        assert [frame.WhichOneof("outcome") for frame in await second][-1] == "final"


async def test_a_turn_that_runs_elsewhere_is_looked_for(
    start_assistant: StartAssistant, model: FakeOpenAI, looks: Looks
) -> None:
    gate = asyncio.Event()
    model.reply = Step(text="The answer.", gate=gate)
    async with (
        start_assistant(allow={"telegram:7"}, **thinks_with(model)) as running,
        gateway(running) as telegram,
    ):
        first = await telegram.begin(telegram.request("One."))
        running.remi.running.conversations.clear()
        second = await telegram.begin(telegram.request("Two."))
        async with asyncio.timeout(20):
            while len(looks.of) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        gate.set()
        assert [frame.WhichOneof("outcome") for frame in await first][-1] == "final"
        assert [frame.WhichOneof("outcome") for frame in await second][-1] == "final"


async def test_where_too_many_listen_a_reply_goes_out_by_deliver(
    start_assistant: StartAssistant, model: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MOST_HEARD", 1)
    gate = asyncio.Event()
    model.reply = Step(text="The answer.", gate=gate)
    async with (
        start_assistant(allow={"telegram:7", "telegram:8"}, **thinks_with(model)) as running,
        gateway(running) as telegram,
        telegram.deliver() as deliveries,
    ):
        heard = await telegram.begin(telegram.request("One."))
        assert kinds(await telegram.converse(telegram.request("Two.", user="8"))) == ["accepted"]
        gate.set()
        assert kinds(await heard)[-1] == "final"
        assert (await next_delivery(deliveries)).text == "The answer."
