"""Turns with a model: streamed, merged, stopped, taken over, and waited for while the model is away."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from client import PATIENCE, gateway, kinds, next_delivery
from conftest import StartAssistant, thinks_with
from fakes.openai import FakeOpenAI, Step
from services.assistant.model import Embedder
from services.assistant.recall import Query, recall_nearby
from services.assistant.store.connection import Store
from services.assistant.turn import MOST_TRIES
from services.stubs.assistant.v1 import assistant_pb2 as pb


def knobs(model: FakeOpenAI, **more: Any) -> dict[str, Any]:
    """Settings of an assistant that thinks with the fake endpoint. The memory model is the chat model."""
    return {
        "allow": frozenset({"telegram:7"}),
        **thinks_with(model),
        "memory_model": "fake-memory",
        **more,
    }


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what it looks at stands in the fake, which tells nobody
            await asyncio.sleep(0.01)


def chats(model: FakeOpenAI) -> list[dict[str, Any]]:
    """The bodies of the calls for an answer, not those for learning."""
    return [body for body in model.bodies() if body["model"] == "fake-chat"]


async def test_an_answer_streams_as_drafts_and_then_stands(
    start_assistant: StartAssistant, model: FakeOpenAI
) -> None:
    model.reply = Step(text="It is called Biscuit [m1].", pieces=6)
    async with start_assistant(**knobs(model)) as assistant, gateway(assistant) as telegram:
        stream = await telegram.converse(telegram.request("What is my dog called?"))
        assert stream[-1].final.delivery.text == "It is called Biscuit."
        texts = [each.draft.text for each in stream if each.WhichOneof("outcome") == "draft"]
        assert all(stream[-1].final.delivery.text.startswith(text.strip()) for text in texts)
        revisions = [each.draft.revision for each in stream if each.WhichOneof("outcome") == "draft"]
        assert revisions == sorted(set(revisions))


async def test_what_piles_up_while_a_turn_runs_is_answered_together(
    start_assistant: StartAssistant, model: FakeOpenAI
) -> None:
    gate = asyncio.Event()
    model.script(Step(text="First.", gate=gate), Step(text="Second and third."))
    async with start_assistant(**knobs(model)) as assistant, gateway(assistant) as telegram:
        first = await telegram.begin(telegram.request("one"))
        second = await telegram.begin(telegram.request("two"))
        third = await telegram.begin(telegram.request("three"))
        gate.set()
        streams = await asyncio.gather(first, second, third)
        assert streams[0][-1].final.delivery.text == "First."
        assert kinds(streams[1]) == ["merged"]
        assert streams[2][-1].final.delivery.text == "Second and third."
        assert streams[1][0].merged.turn_id == streams[2][-1].final.delivery.turn_id
        last = chats(model)[1]["messages"]
        assert "two" in str(last[-1]) + str(last[-2])
        assert "three" in str(last[-1])


async def test_a_paste_that_the_platform_cut_is_one_question(
    start_assistant: StartAssistant, model: FakeOpenAI
) -> None:
    async with start_assistant(**knobs(model)) as assistant, gateway(assistant) as telegram:
        part = pb.MessageEvent(message_id="1", text="The first half", continues=True)
        first = await telegram.begin(telegram.request(message=part))
        stream = await telegram.converse(telegram.request("and the second."))
        assert kinds(stream)[-1] == "final"
        assert kinds(await first) == ["merged"]
        (body,) = chats(model)
        assert "The first half" in str(body["messages"][-1])
        assert "and the second." in str(body["messages"][-1])


async def test_a_part_whose_rest_never_comes_is_answered_all_the_same(
    start_assistant: StartAssistant, model: FakeOpenAI, store: Store
) -> None:
    async with start_assistant(**knobs(model)) as assistant, gateway(assistant) as telegram:
        part = pb.MessageEvent(message_id="1", text="The first half", continues=True)
        waiting = await telegram.begin(telegram.request(message=part))
        assert chats(model) == []
        await due_now(store)
        assert kinds(await waiting)[-1] == "final"


async def test_stop_passes_the_queue_and_really_cancels_the_call(
    start_assistant: StartAssistant, model: FakeOpenAI
) -> None:
    model.script(Step(text="A long story that never ends", pieces=4, hang_after=2), Step(text="Go on."))
    async with start_assistant(**knobs(model)) as assistant, gateway(assistant) as telegram:
        running = await telegram.begin(telegram.request("tell me a story"))
        await until(lambda: bool(chats(model)))
        waiting = await telegram.begin(telegram.request("and then?"))
        stopped = await telegram.final(telegram.request(stop=pb.StopEvent()))
        assert stopped.text == "Stopped."
        assert "final" not in kinds(await running)
        assert (await waiting)[-1].final.delivery.text == "Go on."
        await asyncio.wait_for(model.hung_up.wait(), PATIENCE)
        again = await telegram.final(telegram.request(stop=pb.StopEvent()))
        assert "nothing" in again.text


async def test_with_the_model_down_remi_records_says_so_once_and_answers_later(
    start_assistant: StartAssistant, model: FakeOpenAI, store: Store
) -> None:
    model.reply = Step(status=503)
    async with start_assistant(**knobs(model)) as assistant, gateway(assistant) as telegram:
        told = await telegram.say("My dog is called Biscuit.")
        assert "model" in told
        assert kinds(await telegram.converse(telegram.request("What is my dog called?")))[-1] == "merged"
        assert "/remember" in (await telegram.command("help")).text
        model.reply = Step(text="Biscuit it is.")
        async with telegram.deliver() as items:
            delivery = await tried_again(items, store)
        assert delivery.text == "Biscuit it is."
        asked = str(chats(model)[-1]["messages"])
        assert "Biscuit" in asked
        assert "What is my dog called?" in asked


async def test_a_stream_that_breaks_leaves_no_half_answer(
    start_assistant: StartAssistant, model: FakeOpenAI, store: Store
) -> None:
    model.reply = Step(text="Half of an answer that is canary-cut", pieces=4, cut_after=3)
    async with start_assistant(**knobs(model)) as assistant, gateway(assistant) as telegram:
        await telegram.say("Tell me something.")
        model.reply = Step(text="Whole.")
        async with telegram.deliver() as items:
            whole = await tried_again(items, store)
            assert whole.text == "Whole."
            await telegram.acknowledge(whole)
        await telegram.say("And now?")
        assert "canary-cut" not in str(chats(model)[-1])


async def test_what_the_model_can_not_read_at_once_is_cut_and_asked_once_more(
    start_assistant: StartAssistant, model: FakeOpenAI
) -> None:
    async with start_assistant(**knobs(model)) as assistant, gateway(assistant) as telegram:
        await telegram.say("My dog is called Biscuit.")
        for number in range(6):
            await telegram.say(
                f"Day {number} at the lake. " + "We swam, we ate, and we slept in the sun. " * 9
            )
        model.context = 1_000
        model.reply = Step(text="Biscuit [m1].")
        assert await telegram.say("What is my dog called?") == "Biscuit."
        refused, taken = chats(model)[-2:]
        assert (model.takes(refused), model.takes(taken)) == (False, True)
        assert "My dog is called Biscuit." in str(taken["messages"])
        why = (await telegram.command("why")).text
        assert "My dog is called Biscuit." in why.partition("did not fit")[0]
        assert "at the lake" in why.partition("did not fit")[2]

        before = len(chats(model))
        told = await telegram.say("And what do you say to this? " + "word " * 1_000)
        assert "too long" in told
        assert len(chats(model)) == before + 2


async def test_a_turn_left_by_a_hung_worker_is_taken_over_and_the_late_one_is_fenced(
    start_assistant: StartAssistant, model: FakeOpenAI, store: Store
) -> None:
    gate = asyncio.Event()
    model.script(Step(text="From the dead.", gate=gate), Step(text="From the living."))
    async with (
        start_assistant(**knobs(model)) as first,
        start_assistant(**knobs(model)) as second,
        gateway(first) as telegram,
        gateway(second) as other,
    ):
        asked = telegram.request("hello")
        running = await telegram.begin(asked)
        await until(lambda: bool(chats(model)))
        running.cancel()
        first.remi.running.claims.clear()
        await due_now(store)
        async with other.deliver() as items, asyncio.timeout(PATIENCE):
            delivery = await next_delivery(items)
        assert delivery.text == "From the living."
        gate.set()
        replayed = (await other.converse(asked))[-1].final.delivery
        assert replayed.delivery_id == delivery.delivery_id


async def test_a_turn_that_always_raises_is_put_aside_and_its_neighbours_go_on(
    start_assistant: StartAssistant, monkeypatch: pytest.MonkeyPatch, store: Store
) -> None:
    tried = []

    async def recall(store: Store, embedder: Embedder, query: Query) -> Any:
        if "poison" in query.text:
            tried.append(query.text)
            raise ValueError
        return await recall_nearby(store, embedder, query)

    monkeypatch.setattr("services.assistant.turn.recall_nearby", recall)
    async with start_assistant(allow=frozenset({"telegram:7"})) as assistant, gateway(assistant) as telegram:
        poisoned = await telegram.begin(telegram.request("poison"))
        assert "Noted" in await telegram.say(
            "My dog is called Biscuit.", place=telegram.place("7", thread="5")
        )
        async with asyncio.timeout(PATIENCE):
            while not poisoned.done():
                async with store.pool.acquire() as connection:
                    await connection.execute("UPDATE work SET due_at = now() WHERE lease_until IS NULL")
                await asyncio.sleep(0.05)
        assert "put it aside" in (await poisoned)[-1].final.delivery.text
        assert len(tried) == MOST_TRIES
        assert "Noted" in await telegram.say("My cat is called Tom.")


async def test_what_a_person_says_is_learned_after_the_reply_with_its_source(
    start_assistant: StartAssistant, model: FakeOpenAI, store: Store
) -> None:
    async with start_assistant(**knobs(model)) as assistant, gateway(assistant) as telegram:
        await telegram.say("My dog is called Biscuit.")
        await due_now(store)
        await until(lambda: any(body["model"] == "fake-memory" for body in model.bodies()))


async def tried_again(items: "asyncio.Queue[pb.DeliverResponse]", store: Store) -> pb.Delivery:
    """What is parked is tried until the endpoint has rested; the first delivery that comes of it."""
    async with asyncio.timeout(PATIENCE):
        while True:
            await due_now(store)
            await asyncio.sleep(0.1)
            while not items.empty():
                item = items.get_nowait()
                if item.HasField("delivery"):
                    return item.delivery


async def due_now(store: Store) -> None:
    """What waits for its time is due, and every lease is over."""
    async with store.pool.acquire() as connection:
        await connection.execute("UPDATE work SET due_at = now(), lease_until = NULL, holder = NULL")
