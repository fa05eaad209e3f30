"""Each way an event may come again, or out of order: docs/reliability.md lists them under these names."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import grpc
import pytest

from client import PATIENCE, Gateway, gateway, kinds
from conftest import Assistant, Database, StartAssistant, thinks_with
from fakes.openai import FakeOpenAI, Step
from remembering import Gate
from services.assistant.store.connection import Store
from services.stubs.assistant.v1 import assistant_pb2 as pb


@pytest.fixture
async def assistant(start_assistant: StartAssistant, model: FakeOpenAI) -> AsyncIterator[Assistant]:
    async with start_assistant(allow=frozenset({"telegram:7"}), **thinks_with(model)) as started:
        yield started


@pytest.fixture
def gate(model: FakeOpenAI) -> Gate:
    """Holds the next answer back; those after it come at once."""
    gate = Gate()
    model.script(Step(text="The first answer.", gate=gate))
    model.reply = Step(text="A later answer.")
    return gate


Rows = Callable[[str], Awaitable[list[Any]]]


@pytest.fixture
async def rows(database: Database) -> Rows:
    """Any query, as the owner with every row in sight."""

    async def fetch(query: str) -> list[Any]:
        connection = await asyncpg.connect(database.owner_dsn)
        try:
            return list(await connection.fetch(query))
        finally:
            await connection.close()

    return fetch


async def ended(stream: "asyncio.Task[list[pb.ConverseResponse]]") -> list[pb.ConverseResponse]:
    return await asyncio.wait_for(stream, PATIENCE)


async def turns(rows: Rows) -> int:
    return len(await rows("SELECT FROM turn"))


def delete(telegram: Gateway, *message_ids: str) -> pb.ConverseRequest:
    return telegram.request(deletion=pb.DeletionEvent(message_ids=message_ids))


async def test_the_first_time_is_one_turn(telegram: Gateway, rows: Rows) -> None:
    stream = await telegram.converse(telegram.request("hello"))
    assert kinds(stream)[0] == "accepted"
    assert kinds(stream)[-1] == "final"
    assert await turns(rows) == 1


async def test_again_while_it_waits_gets_the_same_turn(telegram: Gateway, gate: Gate, rows: Rows) -> None:
    running = await telegram.begin(telegram.request("one"))
    await asyncio.wait_for(gate.reached.wait(), PATIENCE)
    asked = telegram.request("two")
    first, again = await telegram.begin(asked), await telegram.begin(asked)
    gate.set()
    await ended(running)
    finals = [(await ended(each))[-1].final.delivery for each in (first, again)]
    assert finals[0].delivery_id == finals[1].delivery_id != ""
    assert await turns(rows) == 2


async def test_again_while_its_turn_runs_attaches_to_it(telegram: Gateway, gate: Gate, rows: Rows) -> None:
    asked = telegram.request("hello")
    # Neither is acknowledged: an acknowledged reply is replayed with what was sent.
    first = await telegram.begin(asked, acknowledges=False)
    await asyncio.wait_for(gate.reached.wait(), PATIENCE)
    again = await telegram.begin(asked, acknowledges=False)
    gate.set()
    finals = [(await ended(each))[-1].final.delivery for each in (first, again)]
    assert finals[0] == finals[1]
    assert finals[0].text == "The first answer."
    assert await turns(rows) == 1


async def test_again_when_it_is_answered_replays_the_final(telegram: Gateway, rows: Rows) -> None:
    asked = telegram.request("hello")
    final = (await telegram.converse(asked, acknowledges=False))[-1].final.delivery
    again = await telegram.converse(asked)
    assert kinds(again) == ["accepted", "final"]
    assert again[-1].final.delivery == final
    assert await turns(rows) == 1


async def test_again_after_weeks_is_the_same_turn(telegram: Gateway, store: Store, rows: Rows) -> None:
    asked = telegram.request("hello")
    final = await telegram.final(asked)
    await rows("UPDATE turn SET started_at = started_at - interval '6 weeks' RETURNING 1")
    again = (await telegram.converse(asked))[-1].final.delivery
    assert again.delivery_id == final.delivery_id
    assert await turns(rows) == 1


async def test_again_after_it_was_forgotten_is_accepted_and_stays_forgotten(
    telegram: Gateway, rows: Rows
) -> None:
    asked = telegram.request("My locker's code is xylograph.", message_id="50")
    await telegram.final(asked)
    await telegram.converse(delete(telegram, "50"))
    await telegram.converse(asked)
    assert not await rows("SELECT FROM message WHERE text LIKE '%xylograph%'")
    assert await turns(rows) == 1


async def test_the_same_key_with_another_body_is_refused_and_harms_nothing(
    telegram: Gateway, rows: Rows
) -> None:
    await telegram.final(telegram.request("hello", key="telegram:k", message_id="1"))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await telegram.converse(telegram.request("something else", key="telegram:k", message_id="1"))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "idempotency_key" in str(refused.value.details())
    assert await turns(rows) == 1
    assert await telegram.say("and on")


async def test_an_edit_before_its_message_leaves_the_old_form_as_history(
    telegram: Gateway, rows: Rows
) -> None:
    edit = telegram.request(edit=pb.EditEvent(message_id="60", text="the new form"))
    assert await telegram.final(edit)
    late = await telegram.converse(telegram.request("the old form", message_id="60"))
    assert kinds(late) == ["accepted"]
    (old,) = await rows("SELECT replaced_by FROM message WHERE text = 'the old form'")
    (new,) = await rows("SELECT message_id, replaced_by FROM message WHERE text = 'the new form'")
    assert (old["replaced_by"], new["replaced_by"]) == (new["message_id"], None)
    assert await turns(rows) == 1


async def test_an_edit_of_a_waiting_message_takes_its_place(
    telegram: Gateway, gate: Gate, model: FakeOpenAI
) -> None:
    running = await telegram.begin(telegram.request("one"))
    await asyncio.wait_for(gate.reached.wait(), PATIENCE)
    waiting = await telegram.begin(telegram.request("the old form", message_id="61"))
    edit = await telegram.begin(telegram.request(edit=pb.EditEvent(message_id="61", text="the new form")))
    assert await ended(waiting) == []
    gate.set()
    await ended(running)
    assert (await ended(edit))[-1].final.delivery.text == "A later answer."
    assert "the new form" in str(model.bodies()[-1])
    assert "the old form" not in str(model.bodies()[-1])


async def test_an_edit_of_a_message_in_a_running_turn_ends_that_turn(
    telegram: Gateway, gate: Gate, rows: Rows
) -> None:
    running = await telegram.begin(telegram.request("the old form", message_id="62"))
    await asyncio.wait_for(gate.reached.wait(), PATIENCE)
    edit = await telegram.begin(telegram.request(edit=pb.EditEvent(message_id="62", text="the new form")))
    assert "final" not in kinds(await ended(running))
    assert (await ended(edit))[-1].final.delivery.text == "A later answer."
    states = await rows("SELECT state FROM turn ORDER BY started_at")
    assert [row["state"] for row in states] == ["stopped", "done"]


async def test_an_edit_of_an_answered_message_is_answered_in_the_old_replys_place(
    telegram: Gateway,
) -> None:
    said = telegram.request("the old form", message_id="63")
    delivery = (await telegram.converse(said, acknowledges=False))[-1].final.delivery
    await telegram.acknowledge(delivery, "r63")
    edit = telegram.request(edit=pb.EditEvent(message_id="63", text="the new form"))
    assert list((await telegram.final(edit)).replaces_message_ids) == ["r63"]


async def test_a_deletion_before_its_message_keeps_it_out(telegram: Gateway, rows: Rows) -> None:
    await telegram.say("Hello, I am new here.")
    await telegram.converse(delete(telegram, "70"))
    late = await telegram.converse(telegram.request("never mind", message_id="70"))
    assert kinds(late) == ["accepted"]
    assert not await rows("SELECT FROM message WHERE text = 'never mind'")
    assert await turns(rows) == 1


async def test_a_deletion_of_a_waiting_message_takes_it_out_of_the_queue(
    telegram: Gateway, gate: Gate, rows: Rows
) -> None:
    running = await telegram.begin(telegram.request("one", message_id="71"))
    await asyncio.wait_for(gate.reached.wait(), PATIENCE)
    waiting = await telegram.begin(telegram.request("two", message_id="72"))
    await telegram.converse(delete(telegram, "72"))
    assert await ended(waiting) == []
    gate.set()
    # The running turn might have recalled it, and starts anew.
    async with asyncio.timeout(PATIENCE):
        while not (  # noqa: ASYNC110 - Postgres tells nobody
            told := await rows("SELECT text FROM message WHERE role = 'remi'")
        ):
            await asyncio.sleep(0.02)
    assert [row["text"] for row in told] == ["A later answer."]
    await ended(running)
    assert not await rows("SELECT FROM message WHERE text = 'two'")


async def test_a_deletion_of_a_message_in_a_running_turn_leaves_nothing_to_answer(
    telegram: Gateway, gate: Gate, rows: Rows
) -> None:
    running = await telegram.begin(telegram.request("one", message_id="73"))
    await asyncio.wait_for(gate.reached.wait(), PATIENCE)
    await telegram.converse(delete(telegram, "73"))
    gate.set()
    assert "final" not in kinds(await ended(running))
    assert not await rows("SELECT FROM message")
    assert await telegram.say("something else")


async def test_a_deletion_of_an_answered_message_takes_the_reply_along(telegram: Gateway, rows: Rows) -> None:
    await telegram.say("one", message_id="74")
    await telegram.converse(delete(telegram, "74"))
    assert not await rows("SELECT FROM message")


async def test_an_edit_into_a_command_runs_it_and_takes_back_what_was_said(
    telegram: Gateway, rows: Rows
) -> None:
    """A gateway says it as a deletion and a command."""
    await telegram.say("I lik tea.", message_id="79")
    for right in ("I liek tea.", "I like tea."):
        await telegram.converse(delete(telegram, "79"))
        command = pb.CommandEvent(name="remember", arguments=right, message_id="79")
        answered = await telegram.converse(telegram.request(command=command))
        assert right in answered[-1].final.delivery.text
    said = await rows("SELECT text FROM message WHERE role = 'person'")
    assert [row["text"] for row in said] == ["I like tea."]


async def test_a_deletion_that_comes_again_changes_nothing(telegram: Gateway, rows: Rows) -> None:
    await telegram.say("one", message_id="75")
    gone = delete(telegram, "75")
    for _ in range(2):
        assert kinds(await telegram.converse(gone)) == ["accepted"]
    assert await turns(rows) == 1


async def test_two_replicas_with_the_same_event_at_once_make_one_turn(
    start_assistant: StartAssistant, assistant: Assistant, telegram: Gateway, database: Database, rows: Rows
) -> None:
    """Both stand before the key when the lock on the keys is let go."""
    await telegram.say("Hello.")
    asked = telegram.request("at once")
    owner = await asyncpg.connect(database.owner_dsn)
    async with start_assistant(allow=frozenset({"telegram:7"})) as replica, gateway(replica) as other:
        async with owner.transaction():
            await owner.execute("LOCK TABLE event_key IN ACCESS EXCLUSIVE MODE")
            streams = [asyncio.create_task(each.converse(asked)) for each in (telegram, other)]
            async with asyncio.timeout(PATIENCE):
                blocked = (
                    "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'event_key'::regclass"
                )
                # What it looks at stands in Postgres, which tells nobody.
                while await owner.fetchval(blocked) < 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        finals = [(await each)[-1].final.delivery for each in streams]
    await owner.close()
    assert finals[0].delivery_id == finals[1].delivery_id != ""
    assert await turns(rows) == 2


async def test_who_was_refused_and_is_then_let_in_may_send_the_event_again(
    start_assistant: StartAssistant, telegram: Gateway, rows: Rows
) -> None:
    asked = telegram.request("hello", user="55")
    assert kinds(await telegram.converse(asked)) == ["refused"]
    assert not await rows("SELECT FROM event_key")
    async with start_assistant(allow=frozenset({"telegram:55"})) as later, gateway(later) as telegram:
        assert kinds(await telegram.converse(asked))[-1] == "final"
    assert await turns(rows) == 1


async def test_parts_of_a_paste_are_one_question_in_the_order_they_came(
    telegram: Gateway, model: FakeOpenAI
) -> None:
    parts = [
        telegram.request(message=pb.MessageEvent(message_id=f"8{n}", text=f"part {n}", continues=n < 3))
        for n in (1, 2, 3)
    ]
    streams = [await telegram.begin(parts[0]), await telegram.begin(parts[1])]
    streams.append(await telegram.begin(parts[2]))
    ends = [kinds(await ended(each))[-1] for each in streams]
    assert ends == ["merged", "merged", "final"]
    asked = str(model.bodies()[-1]["messages"])
    assert asked.index("part 1") < asked.index("part 2") < asked.index("part 3")


async def test_a_paste_whose_last_part_never_comes_is_answered_after_a_moment(
    telegram: Gateway, rows: Rows
) -> None:
    part = telegram.request(message=pb.MessageEvent(message_id="90", text="part 1", continues=True))
    waiting = await telegram.begin(part)
    await rows("UPDATE work SET due_at = now() WHERE kind = 'turn' RETURNING 1")
    assert kinds(await ended(waiting))[-1] == "final"
