"""Intake on real Postgres: one event, one turn, in order, whoever comes at the same time."""

import asyncio
from zoneinfo import ZoneInfo

import pytest

from services.assistant.access import Denied, Doorkeeper, admit, doorkeeper
from services.assistant.domain import Access, Commanded, Edited, Event, Reply, TurnState
from services.assistant.store import inbox, turns, work
from services.assistant.store.connection import Store, scoped
from services.assistant.store.turns import Outcome
from services.errors import Fenced
from talk import event

REPLY = Outcome(Reply("Noted."))


@pytest.fixture
def door() -> Doorkeeper:
    return doorkeeper(frozenset({"telegram:7"}))


async def allowed(store: Store, door: Doorkeeper, happened: Event) -> Access:
    admitted = await admit(store, door, happened)
    assert not isinstance(admitted, Denied)
    return admitted[1]


async def accept(store: Store, door: Doorkeeper, happened: Event) -> inbox.Accepted | inbox.Known | None:
    access = await allowed(store, door, happened)
    async with scoped(store, [access.space_id]) as connection:
        return await inbox.accept(store, connection, happened, access)


async def accept_new(store: Store, door: Doorkeeper, happened: Event) -> inbox.Accepted:
    accepted = await accept(store, door, happened)
    assert isinstance(accepted, inbox.Accepted)
    return accepted


async def test_an_event_in_a_quiet_conversation_is_a_turn_at_once(store: Store, door: Doorkeeper) -> None:
    accepted = await accept_new(store, door, event("hello"))
    assert accepted.claim is not None
    assert accepted.turn is not None
    assert accepted.turn.newest.message_id is not None


async def test_a_redelivered_event_is_known_and_another_body_under_its_key_is_seen(
    store: Store, door: Doorkeeper
) -> None:
    first = event("hello")
    await accept_new(store, door, first)
    assert await accept(store, door, first) == inbox.Known(same_body=True)
    other = event("something else", key=first.key)
    assert await accept(store, door, other) == inbox.Known(same_body=False)


async def test_what_piles_up_is_taken_together_up_to_the_next_command(store: Store, door: Doorkeeper) -> None:
    running = await accept_new(store, door, event("one"))
    assert running.claim
    assert running.turn
    for body in ("two", "three"):
        waiting = await accept_new(store, door, event(body))
        assert waiting == inbox.Accepted(None, None)
    await accept_new(store, door, event(Commanded("why", "")))
    await accept_new(store, door, event("four"))

    space = [running.claim.space_id]
    async with scoped(store, space) as connection:
        finished = await turns.finish(connection, running.turn, running.claim, REPLY, False, ())
    assert finished.has_more
    taken = []
    for _ in range(3):
        claim = await work.reclaim(store, "turn", running.claim)
        assert claim is not None
        async with scoped(store, space) as connection:
            turn = await inbox.take(connection, claim, ZoneInfo("UTC"))
            assert turn is not None
            taken.append([getattr(each.event.body, "text", "command") for each in turn.events])
            finished = await turns.finish(connection, turn, claim, REPLY, False, ())
    assert taken == [["two", "three"], ["command"], ["four"]]
    assert not finished.has_more


async def test_ten_events_at_once_make_one_running_turn(store: Store, door: Doorkeeper) -> None:
    await allowed(store, door, event("warm"))
    accepted = await asyncio.gather(*(accept_new(store, door, event(f"{n}")) for n in range(10)))
    assert sum(each.claim is not None for each in accepted) == 1
    claim = next(each.claim for each in accepted if each.claim)
    async with scoped(store, [claim.space_id]) as connection:
        states = await connection.fetch("SELECT state FROM turn")
    assert [row["state"] for row in states] == ["running"]


async def test_a_worker_that_was_thought_dead_cannot_write(store: Store, door: Doorkeeper) -> None:
    accepted = await accept_new(store, door, event("hello"))
    assert accepted.claim
    assert accepted.turn
    async with scoped(store, [accepted.claim.space_id]) as connection:
        await connection.execute("UPDATE work SET lease_until = now() - interval '1 second'")
    (taken_over,) = await work.claim(store, "turn", accepted.turn.turn_id, 10)
    async with scoped(store, [accepted.claim.space_id]) as connection:
        again = await inbox.take(connection, taken_over, ZoneInfo("UTC"))
    assert again is not None
    assert (again.turn_id, again.tries) == (accepted.turn.turn_id, 2)

    with pytest.raises(Fenced):
        async with scoped(store, [accepted.claim.space_id]) as connection:
            await turns.finish(connection, accepted.turn, accepted.claim, REPLY, False, ())
    async with scoped(store, [accepted.claim.space_id]) as connection:
        await turns.finish(connection, again, taken_over, REPLY, False, ())
        rows = await connection.fetch("SELECT state FROM turn")
        deliveries = await connection.fetchval("SELECT count(*) FROM delivery")
    assert [row["state"] for row in rows] == [TurnState.DONE]
    assert deliveries == 1


async def test_an_edit_stops_the_turn_on_the_old_form_and_keeps_what_came_with_it(
    store: Store, door: Doorkeeper
) -> None:
    said = event("My dog is called Biscuit.")
    accepted = await accept_new(store, door, said)
    assert accepted.claim
    assert accepted.turn
    edit = event(Edited(said.body.message_id, "My dog is called Bisquit."))  # type: ignore[union-attr]
    access = await allowed(store, door, edit)
    async with scoped(store, [access.space_id]) as connection:
        replacing = await inbox.replace(connection, edit, access)
        assert replacing is not None
        again = await inbox.accept(store, connection, edit, access, replacing)
    assert isinstance(again, inbox.Accepted)
    assert again.turn is not None
    assert again.turn.newest.replaced_turn == accepted.turn.turn_id
    with pytest.raises(Fenced):
        async with scoped(store, [access.space_id]) as connection:
            await turns.finish(connection, accepted.turn, accepted.claim, REPLY, False, ())
    async with scoped(store, [access.space_id]) as connection:
        rows = await connection.fetch("SELECT text, replaced_by FROM message ORDER BY position")
    assert rows[0]["replaced_by"] == again.turn.newest.message_id
    assert rows[1]["text"] == "My dog is called Bisquit."


async def test_a_role_that_changed_meanwhile_is_seen_at_the_commit(store: Store, door: Doorkeeper) -> None:
    happened = event("hello")
    access = await allowed(store, door, happened)
    async with scoped(store, [access.space_id]) as connection:
        await connection.execute("UPDATE person SET role = 'removed'")
        assert await inbox.accept(store, connection, happened, access) is None
        assert await connection.fetchval("SELECT count(*) FROM event_key") == 0
