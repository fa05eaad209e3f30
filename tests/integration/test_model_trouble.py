"""Turns that no model answers: parked, told once, free again, tried again by a button and by themselves."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from client import PATIENCE, Gateway, gateway, kinds, next_delivery
from conftest import Assistant, Database, StartAssistant, thinks_with
from fakes.openai import FakeOpenAI, Step
from remembering import Gate
from services.assistant import fallover
from services.assistant.settings import Settings
from services.assistant.turn import MODEL_IS_AWAY, REFUSED
from services.stubs.assistant.v1 import assistant_pb2 as pb

AWAY = Step(status=503)


@pytest.fixture(autouse=True)
def no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that fails is tried again at once: when it rests is shown in test_fallover.py."""
    monkeypatch.setattr(fallover, "FAILURES", 1_000_000)
    monkeypatch.setattr(fallover, "FIRST_WAIT", 0.001)


@pytest.fixture
async def owner(database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.owner_dsn)
    yield connection
    await connection.close()


@asynccontextmanager
async def thinking(
    start_assistant: StartAssistant, model: FakeOpenAI, **more: Any
) -> AsyncIterator[tuple[Assistant, Gateway]]:
    knobs = {**thinks_with(model), "memory_model": "fake-memory", **more}
    async with (
        start_assistant(allow=frozenset({"telegram:7"}), **knobs) as assistant,
        gateway(assistant) as it,
    ):
        yield assistant, it


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await condition():  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.02)


async def states(owner: asyncpg.Connection) -> list[str]:
    return [row["state"] for row in await owner.fetch("SELECT state FROM turn ORDER BY started_at")]


async def waits(owner: asyncpg.Connection, *kinds: str) -> int:
    """How much work of these kinds is asked for."""
    count: int = await owner.fetchval("SELECT count(*) FROM work WHERE kind = ANY ($1::text[])", kinds)
    return count


async def test_the_conversation_is_free_again_and_the_button_tries_again(
    start_assistant: StartAssistant, model: FakeOpenAI, owner: asyncpg.Connection
) -> None:
    model.reply = AWAY
    async with thinking(start_assistant, model) as (_, telegram), telegram.deliver() as items:
        told = await telegram.final(telegram.request("Are you there?", message_id="70"))
        assert told.text == MODEL_IS_AWAY
        assert await states(owner) == ["parked"]
        assert "/remember" in (await telegram.command("help")).text
        model.reply = Step(text="Here I am.")
        assert (await telegram.press(told, "Try again")).text == "I'm trying again."
        answer = await next_delivery(items)
        assert (answer.text, answer.reply_to_message_id) == ("Here I am.", "70")
        await telegram.acknowledge(answer)
        assert await states(owner) == ["done"] * 3
        assert "answered already" in (await telegram.press(told, "Try again")).text
        assert (await states(owner)).count("done") == 4
        assert items.empty()
        assert (
            await owner.fetchval("SELECT count(*) FROM work WHERE kind IN ('retry', 'turn', 'deliver')") == 0
        )


async def test_an_empty_answer_may_be_mended_later(
    start_assistant: StartAssistant, model: FakeOpenAI
) -> None:
    model.reply = Step(text="")
    async with thinking(start_assistant, model) as (_, telegram), telegram.deliver() as items:
        told = await telegram.final(telegram.request("Are you there?"))
        assert told.text == MODEL_IS_AWAY
        model.reply = Step(text="Here I am.")
        await telegram.press(told, "Try again")
        assert (await next_delivery(items)).text == "Here I am."


@pytest.mark.parametrize(
    "step", [Step(text="", finish="content_filter"), Step(refusal="I won't."), Step(status=422)]
)
async def test_what_the_model_will_not_answer_is_told_and_waits_for_nothing(
    start_assistant: StartAssistant, model: FakeOpenAI, owner: asyncpg.Connection, step: Step
) -> None:
    model.reply = step
    async with thinking(start_assistant, model) as (_, telegram):
        assert await telegram.say("Are you there?") == REFUSED
        assert await waits(owner, "retry") == 0
        model.reply = Step(text="Here I am.")
        assert await telegram.say("And now?") == "Here I am."


async def test_it_is_answered_by_itself_once_and_nobody_is_told_twice(
    start_assistant: StartAssistant, model: FakeOpenAI, owner: asyncpg.Connection
) -> None:
    model.reply = AWAY
    async with thinking(start_assistant, model) as (_, telegram), telegram.deliver() as items:
        await telegram.say("Are you there?")
        for tries in (2, 3):
            tried = len(model.bodies())
            await owner.execute("UPDATE work SET due_at = now() WHERE kind = 'retry'")

            async def tried_again(tried: int = tried) -> bool:
                return len(model.bodies()) > tried and await states(owner) == ["parked"]

            await until(tried_again)
            assert len(model.bodies()) >= tries
        assert not any(items.get_nowait().HasField("delivery") for _ in range(items.qsize()))
        model.reply = Step(text="Here I am.")
        await owner.execute("UPDATE work SET due_at = now() WHERE kind = 'retry'")
        assert (await next_delivery(items)).text == "Here I am."
    assert await owner.fetchval("SELECT count(*) FROM delivery") == 2


async def test_what_is_said_meanwhile_is_answered_along(
    start_assistant: StartAssistant, model: FakeOpenAI, owner: asyncpg.Connection
) -> None:
    model.reply = AWAY
    async with thinking(start_assistant, model) as (_, telegram), telegram.deliver() as items:
        await telegram.say("My dog is called Biscuit.")
        assert kinds(await telegram.converse(telegram.request("And my cat?")))[-1] == "merged"
        assert await states(owner) == ["parked", "stopped"]
        model.requests.clear()
        model.reply = Step(text="I know of no cat.")
        await owner.execute("UPDATE work SET due_at = now() WHERE kind = 'retry'")
        assert (await next_delivery(items)).text == "I know of no cat."
        asked = str([body for body in model.bodies() if body["model"] == "fake-chat"][-1]["messages"])
        assert "Biscuit" in asked
        assert "And my cat?" in asked


async def test_two_replicas_give_one_answer(
    start_assistant: StartAssistant, model: FakeOpenAI, owner: asyncpg.Connection
) -> None:
    model.reply = AWAY
    async with (
        thinking(start_assistant, model) as (_, telegram),
        thinking(start_assistant, model) as (_, other),
        telegram.deliver() as items,
    ):
        told = await telegram.final(telegram.request("Are you there?"))
        model.reply = Step(text="Here I am.")
        await asyncio.gather(telegram.press(told, "Try again"), other.press(told, "Try again"))
        texts = [(await next_delivery(items)).text]
        while texts[-1] != "Here I am.":
            texts.append((await next_delivery(items)).text)

        async def is_quiet() -> bool:
            return await waits(owner, "retry") == 0

        await until(is_quiet)
    answers = await owner.fetchval("SELECT count(*) FROM message WHERE role = 'remi'")
    assert answers == 1


async def test_it_waits_while_another_turn_runs(
    start_assistant: StartAssistant, model: FakeOpenAI, owner: asyncpg.Connection
) -> None:
    gate = Gate()
    model.reply = AWAY
    async with thinking(start_assistant, model) as (_, telegram), telegram.deliver() as items:
        await telegram.say("Are you there?")
        model.reply = Step(text="I am.", gate=gate)
        running = asyncio.create_task(telegram.say("Hello?"))
        await gate.reached.wait()
        await owner.execute("UPDATE work SET due_at = now() WHERE kind = 'retry'")

        async def was_put_back() -> bool:
            return bool(
                await owner.fetchval(
                    "SELECT attempt > 0 AND lease_until IS NULL FROM work WHERE kind = 'retry'"
                )
            )

        await until(was_put_back)
        gate.set()
        assert await running == "I am."
        await owner.execute("UPDATE work SET due_at = now() WHERE kind = 'retry'")
        assert (await next_delivery(items)).text == "I am."
        assert await states(owner) == ["done", "done"]


async def test_a_parked_turn_can_be_stopped_edited_and_forgotten(
    start_assistant: StartAssistant, model: FakeOpenAI, owner: asyncpg.Connection
) -> None:
    model.reply = AWAY
    async with thinking(start_assistant, model) as (_, telegram):
        await telegram.say("Are you there?")
        assert (await telegram.final(telegram.request(stop=pb.StopEvent()))).text == "Stopped."
        assert "parked" not in await states(owner)
        await telegram.say("Are you awake?", message_id="71")
        model.reply = Step(text="I am awake.")
        edit = pb.EditEvent(message_id="71", text="Are you awake now?")
        assert (await telegram.final(telegram.request(edit=edit))).text == "I am awake."
        assert "parked" not in await states(owner)
        model.reply = AWAY
        await telegram.say("The canary sings.", message_id="72")
        await telegram.press(await telegram.command("forget", "canary"), "Forget")
        assert "parked" not in await states(owner)
        model.requests.clear()
        await owner.execute("UPDATE work SET due_at = now()")

        async def is_quiet() -> bool:
            return await waits(owner, "retry", "turn") == 0

        await until(is_quiet)
        assert "canary" not in str(model.bodies())


async def test_the_second_endpoint_answers_and_the_trace_names_its_model(
    start_assistant: StartAssistant, model: FakeOpenAI
) -> None:
    model.reply = AWAY
    async with FakeOpenAI() as spare:
        spare.reply = Step(text="From the spare.")
        second = {
            "fallback_base_url": spare.base_url,
            "fallback_api_key": spare.api_key,
            "fallback_chat_model": "spare-chat",
        }
        async with thinking(start_assistant, model, **second) as (_, telegram):
            assert await telegram.say("Are you there?") == "From the spare."
            assert "spare-chat" in (await telegram.command("why")).text


def test_half_a_second_endpoint_stops_the_start() -> None:
    with pytest.raises(ValueError, match="REMI_FALLBACK_CHAT_MODEL"):
        Settings.model_validate({"fallback_base_url": "http://127.0.0.1:1/v1"})
