"""Inbox, turn and outbox against a simple model of them: Hypothesis chooses what happens next.

Two conversations of one person are worked on by any number of workers; those that lost their lease try on.
After every step the tables must say what the model says.
"""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count, pairwise
from typing import Any, TypeVar, cast
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import asyncpg
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from services.assistant import intake
from services.assistant.access import doorkeeper
from services.assistant.domain import (
    Access,
    Author,
    Body,
    ChatKind,
    Commanded,
    Deleted,
    Edited,
    Event,
    Place,
    Platform,
    Reacted,
    Reply,
    Said,
    Stop,
    TeamRole,
    Turn,
)
from services.assistant.model import Embedder, Models
from services.assistant.remi import Knobs, Remi
from services.assistant.store import directory, inbox, outbox, turns, work
from services.assistant.store.connection import Store, connect, scoped, unscoped
from services.assistant.store.outbox import CARRY
from services.assistant.store.turns import Outcome
from services.assistant.store.work import Claim
from services.errors import Fenced
from talk import NOON

T = TypeVar("T")

UTC = ZoneInfo("UTC")
LONG = timedelta(hours=1)
"""After so long every lease has ended and everything is due."""
PARTS = ("one", "two", "three")
TALK = ("message", "edit")


@dataclass(frozen=True, slots=True)
class Ground:
    """A database that runs may use one after the other."""

    runner: asyncio.Runner
    owner: asyncpg.Connection
    remi: Remi

    def wait(self, doing: Awaitable[T]) -> T:
        async def wait() -> T:
            return await asyncio.wait_for(doing, 30)

        return self.runner.run(wait())


@dataclass(slots=True)
class Row:
    """Work that is to be done: whose it is, and whether it may be claimed."""

    holder: "Worker | None"
    lease: str
    """none | held | over"""
    due: str
    """now | soon (cannot be told) | later"""
    wakes: int = 1


@dataclass(slots=True, eq=False, repr=False)
class Happened:
    """An accepted event."""

    event: Event
    kind: str
    turn_id: UUID | None = None


@dataclass(slots=True, eq=False, repr=False)
class Worker:
    """Somebody who was given a conversation, whether it is theirs still or not."""

    talk: "Conversation"
    claim: Claim
    turn: Turn | None


@dataclass(slots=True, eq=False)
class Running:
    turn_id: UUID
    worker: Worker | None
    """Whose commit counts; None where it must be taken anew first."""
    events: list[Happened]


@dataclass(slots=True, eq=False)
class Conversation:
    place: Place
    access: Access
    waiting: list[Happened] = field(default_factory=list)
    running: Running | None = None
    row: Row | None = None


@dataclass(slots=True, eq=False)
class Sending:
    """A delivery on its way."""

    row: Row | None
    sent: tuple[str, ...] = ()
    is_out: bool = False
    """A gateway has it."""
    state: str = "pending"


class Machine(RuleBasedStateMachine):
    def __init__(self, ground: Ground) -> None:
        super().__init__()
        self.ground = ground
        self.remi = ground.remi
        self.store = ground.remi.store
        self.numbers = count(1)
        self.workers: list[Worker] = []
        self.happened: list[Happened] = []
        self.forms: dict[tuple[int, str], list[Happened]] = {}
        """By the platform's message: all its forms, in the order they took effect."""
        self.deleted: set[tuple[int, str]] = set()
        self.deliveries: dict[UUID, Sending] = {}
        self.finished: list[tuple[Conversation, list[Happened]]] = []
        self.ground.wait(self.begin())

    async def begin(self) -> None:
        await self.ground.owner.execute("DELETE FROM work")
        user = uuid4().hex
        self.author = Author(Platform.TELEGRAM, user, "Ann")
        async with unscoped(self.store) as connection:
            await directory.add_person(connection, self.author, TeamRole.MEMBER)
            entry = await directory.find(connection, self.author, user)
        assert entry.person_id
        self.space = entry.person_id
        places = [Place(Platform.TELEGRAM, "99", user, thread, ChatKind.DIRECT) for thread in ("", "2")]
        self.talks = [
            Conversation(place, Access(self.space, TeamRole.MEMBER, self.space, place.conversation_id))
            for place in places
        ]

    # What gateways send

    def commit(self, talk: Conversation, body: Body, key: str = "") -> tuple[Event, Any]:
        key = key or f"telegram:99:{talk.place.chat_id}:{talk.place.thread_id}:{next(self.numbers)}"
        event = Event(key, talk.place, self.author, NOON, True, body)
        return event, self.ground.wait(intake.commit(self.remi, event, talk.access))

    def accept(self, talk: Conversation, body: Body, kind: str) -> Happened:
        """Commit something new that waits for its turn, and see that it is given out as the model says."""
        event, accepted = self.commit(talk, body)
        happened = Happened(event, kind)
        self.happened.append(happened)
        continues = isinstance(body, Said) and body.continues
        row = talk.row
        is_ours = not continues and (row is None or row.lease == "none")
        is_taken = is_ours and not talk.waiting and talk.running is None
        assert isinstance(accepted, inbox.Accepted)
        assert (accepted.claim is not None, accepted.turn is not None) == (is_ours, is_taken)
        if row is None:
            row = talk.row = Row(None, "none", "soon" if continues else "now")
        else:
            row.wakes += 1
            row.due = "soon" if continues else "now"
        if accepted.claim:
            worker = Worker(talk, accepted.claim, accepted.turn)
            self.workers.append(worker)
            row.holder, row.lease = worker, "held"
            if accepted.turn:
                happened.turn_id = accepted.turn.turn_id
                talk.running = Running(accepted.turn.turn_id, worker, [happened])
        if not is_taken:
            talk.waiting.append(happened)
        return happened

    @rule(which=st.integers(0, 1), continues=st.sampled_from([False, False, False, True]))
    def say(self, which: int, continues: bool) -> None:
        name = f"{next(self.numbers)}"
        happened = self.accept(self.talks[which], Said(name, f"said {name}", continues=continues), "message")
        self.forms[which, name] = [happened]

    @rule(which=st.integers(0, 1))
    def command(self, which: int) -> None:
        self.accept(self.talks[which], Commanded("why", ""), "command")

    @rule(which=st.integers(0, 1))
    def react(self, which: int) -> None:
        event, accepted = self.commit(self.talks[which], Reacted("1", "+", False))
        assert accepted == inbox.Accepted(None, None)
        self.happened.append(Happened(event, "record"))

    @precondition(lambda self: self.happened)
    @rule(data=st.data())
    def again(self, data: st.DataObject) -> None:
        """The platform sends an event once more; nothing changes."""
        event = data.draw(st.sampled_from(self.happened)).event
        talk = next(each for each in self.talks if each.place == event.place)
        assert self.commit(talk, event.body, event.key)[1] == inbox.Known(same_body=True)

    @precondition(lambda self: self.happened)
    @rule(data=st.data())
    def again_with_another_body(self, data: st.DataObject) -> None:
        event = data.draw(st.sampled_from(self.happened)).event
        talk = next(each for each in self.talks if each.place == event.place)
        assert self.commit(talk, Said("x", "other words"), event.key)[1] == inbox.Known(same_body=False)

    @precondition(lambda self: self.forms)
    @rule(data=st.data())
    def edit(self, data: st.DataObject) -> None:
        which, name = data.draw(st.sampled_from(sorted(self.forms)))
        talk, forms = self.talks[which], self.forms[which, name]
        old = forms[-1] if forms and (which, name) not in self.deleted else None
        if old and old in talk.waiting:
            talk.waiting.remove(old)
            old.kind = "record"
        elif old and talk.running and old in talk.running.events:
            # The turn ends, and what else it had waits again.
            again = [each for each in talk.running.events if each is not old]
            for each in again:
                each.turn_id = None
            talk.waiting = [*again, *talk.waiting]
            talk.running = None
            self.free(talk)
        self.deleted.discard((which, name))
        forms.append(self.accept(talk, Edited(name, f"edited {next(self.numbers)}"), "edit"))

    @rule(which=st.integers(0, 1))
    def edit_before_its_message(self, which: int) -> None:
        talk, name = self.talks[which], f"{next(self.numbers)}"
        edited = self.accept(talk, Edited(name, f"edited {name}"), "edit")
        event, accepted = self.commit(talk, Said(name, f"said {name}"))
        assert accepted == inbox.Accepted(None, None)
        old = Happened(event, "record")
        self.happened.append(old)
        self.forms[which, name] = [old, edited]

    @rule(which=st.integers(0, 1))
    def delete_before_its_message(self, which: int) -> None:
        talk, name = self.talks[which], f"{next(self.numbers)}"
        self.forget(talk, name)
        event, accepted = self.commit(talk, Said(name, f"said {name}"))
        assert accepted == inbox.Accepted(None, None)
        self.happened.append(Happened(event, "record"))

    @precondition(lambda self: self.forms)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        which, name = data.draw(st.sampled_from(sorted(self.forms)))
        if (which, name) in self.deleted:
            self.forget(self.talks[which], name)
            return
        self.deleted.add((which, name))
        for talk in self.talks:
            # Turns that may have the message before them start anew.
            if talk.running and talk.running.events[0].kind in TALK:
                talk.running.worker = None
                self.free(talk)
        talk = self.talks[which]
        self.forget(talk, name)
        for form in self.forms[which, name]:
            if form in talk.waiting:
                talk.waiting.remove(form)
            elif talk.running and form in talk.running.events:
                talk.running.events.remove(form)
            else:
                continue
            form.kind, form.turn_id = "record", None
        self.forms[which, name] = []
        if talk.running and not talk.running.events:
            talk.running = None
        # Replies may have gone with it, and those that were still to be sent.
        there = self.states()
        for delivery_id, sending in list(self.deliveries.items()):
            if delivery_id not in there:
                assert sending.state != "delivered", "what a platform has was taken back"
                del self.deliveries[delivery_id]

    def forget(self, talk: Conversation, name: str) -> None:
        event = Event(f"deleted:{uuid4()}", talk.place, self.author, NOON, True, Deleted((name,)))
        self.ground.wait(intake.delete(self.remi, event, (name,)))

    @rule(which=st.integers(0, 1))
    def stop(self, which: int) -> None:
        talk = self.talks[which]
        event, _ = self.commit(talk, Stop())
        if talk.running:
            talk.running = None
            self.free(talk)
        rows = self.rows("SELECT turn_id FROM event WHERE event_key = $1", event.key)
        self.happened.append(Happened(event, "record", rows[0]["turn_id"]))
        (delivery_id,) = self.states().keys() - self.deliveries.keys()
        self.deliveries[delivery_id] = Sending(Row(None, "over", "now"))

    def free(self, talk: Conversation) -> None:
        if talk.row:
            talk.row.holder, talk.row.lease, talk.row.due = None, "none", "now"
            talk.row.wakes += 1

    # What workers do, thought dead or not

    @rule()
    def claim(self) -> None:
        """Whoever looks for work gets what is due and nobody's."""
        claims = {
            each.subject_id: each for each in self.ground.wait(work.claim(self.store, "turn", uuid4(), 10))
        }
        for talk in self.talks:
            row, claim = talk.row, claims.pop(talk.access.conversation_id, None)
            may = row is not None and row.lease != "held" and row.due != "later"
            must = may and row is not None and row.due == "now"
            assert may if claim else not must
            if row and claim:
                worker = Worker(talk, claim, None)
                self.workers.append(worker)
                row.holder, row.lease = worker, "held"
        assert not claims

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def take(self, data: st.DataObject) -> None:
        self.take_as(data.draw(st.sampled_from(self.workers)))

    def take_as(self, worker: Worker) -> None:
        """A worker takes a turn; with nothing to take it lets the conversation go."""
        talk = worker.talk
        if talk.row and talk.row.holder is worker and worker.turn is not None:
            return
        turn = self.ground.wait(self.inside(lambda connection: inbox.take(connection, worker.claim, UTC)))
        expected = self.next_turn(worker)
        assert (
            [each.event.key for each in turn.events] == [each.event.key for each in expected]
            if turn
            else (not expected)
        )
        if turn is None:
            is_done = self.ground.wait(work.done(self.store, "turn", worker.claim))
            row = talk.row
            assert is_done == bool(row and row.holder is worker and row.wakes == worker.claim.wakes)
            if is_done:
                talk.row = None
            return
        worker.turn = turn
        talk.running = Running(turn.turn_id, worker, expected)
        talk.waiting = [each for each in talk.waiting if each not in expected]
        for each in expected:
            each.turn_id = turn.turn_id

    def next_turn(self, worker: Worker) -> list[Happened]:
        talk = worker.talk
        if talk.row is None or talk.row.holder is not worker:
            return []
        commands = [number for number, each in enumerate(talk.waiting) if each.kind == "command"]
        together = talk.waiting[: commands[0]] if commands else talk.waiting
        if talk.running:
            joins = all(each.kind in TALK for each in talk.running.events)
            return [*talk.running.events, *(together if joins else [])]
        return list(together) or talk.waiting[:1]

    @precondition(lambda self: any(worker.turn for worker in self.workers))
    @rule(data=st.data(), carried=st.booleans())
    def finish(self, data: st.DataObject, carried: bool) -> None:
        self.finish_as(data.draw(st.sampled_from([each for each in self.workers if each.turn])), carried)

    def finish_as(self, worker: Worker, carried: bool) -> None:
        talk, turn = worker.talk, worker.turn
        assert turn is not None
        worker.turn = None
        outcome = Outcome(Reply("Noted."), uuid4())
        running = talk.running
        if running is None or running.worker is not worker or running.turn_id != turn.turn_id:
            try:
                self.ground.wait(self.finishing(worker, turn, outcome, carried))
            except Fenced:
                return
            raise AssertionError("a worker that had lost its turn committed")
        finished = self.ground.wait(self.finishing(worker, turn, outcome, carried))
        talk.running = None
        self.finished.append((talk, running.events))
        if talk.row and talk.row.wakes == worker.claim.wakes and not talk.waiting:
            talk.row = None
        assert finished.has_more == (talk.row is not None)
        assert finished.delivery
        row = Row(None, "held" if carried else "over", "now")
        self.deliveries[finished.delivery.delivery_id] = Sending(row, is_out=carried)

    async def finishing(self, worker: Worker, turn: Turn, outcome: Outcome, carried: bool) -> turns.Finished:
        async with scoped(self.store, [self.space]) as connection:
            return await turns.finish(connection, turn, worker.claim, outcome, carried, ())

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def go_on(self, data: st.DataObject) -> None:
        """A worker asks for its conversation once more."""
        worker = data.draw(st.sampled_from(self.workers))
        claim = self.ground.wait(work.reclaim(self.store, "turn", worker.claim))
        row = worker.talk.row
        assert (claim is not None) == bool(row and (row.holder is worker or row.lease != "held"))
        if row and claim:
            worker.claim, worker.turn = claim, None
            row.holder, row.lease = worker, "held"

    @precondition(lambda self: self.workers)
    @rule(data=st.data(), later=st.booleans())
    def give_back(self, data: st.DataObject, later: bool) -> None:
        worker = data.draw(st.sampled_from(self.workers))
        delay = timedelta(minutes=5 if later else 0)
        self.ground.wait(work.put_back(self.store, "turn", worker.claim, delay))
        row = worker.talk.row
        if row and row.holder is worker:
            row.holder, row.lease, row.due = None, "none", "later" if later else "now"

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(self.workers))
        self.ground.wait(work.renew(self.store, [worker.claim]))
        row = worker.talk.row
        if row and row.holder is worker:
            row.lease = "held"

    @rule()
    def clock_moves_on(self) -> None:
        """Leases end, and what was to wait is due."""
        self.ground.wait(
            self.ground.owner.execute(
                "UPDATE work SET due_at = due_at - $1::interval, lease_until = lease_until - $1::interval",
                LONG,
            )
        )
        for row in (*(each.row for each in self.talks), *(each.row for each in self.deliveries.values())):
            if row:
                row.due = "now"
                row.lease = "over" if row.lease == "held" else row.lease

    # What gateways send on

    @rule()
    def deliver(self) -> None:
        """A Deliver stream gets what is due and on no other stream, with the parts that stand."""
        route = self.talks[0].place.route
        claims = self.ground.wait(work.claim(self.store, "deliver", uuid4(), 1_000, route, CARRY))
        due = {
            delivery_id
            for delivery_id, each in self.deliveries.items()
            if each.row and each.row.lease != "held" and each.row.due == "now"
        }
        assert {each.subject_id for each in claims} == due
        read = self.ground.wait(self.inside(lambda connection: outbox.claimed(connection, claims)))
        assert read.keys() == due
        for claim in claims:
            sending, found = self.deliveries[claim.subject_id], read[claim.subject_id]
            assert isinstance(found, outbox.Due)
            assert tuple(found.delivery.sent) == sending.sent
            assert sending.row
            sending.row.lease, sending.is_out = "held", True

    @precondition(lambda self: any(each.is_out for each in self.deliveries.values()))
    @rule(
        data=st.data(),
        said=st.sampled_from(["delivered", "partly", "rate limited", "rejected", "unknown"]),
    )
    def acknowledge(self, data: st.DataObject, said: str) -> None:
        """A gateway tells what became of a delivery; perhaps once more, or of one that another has sent."""
        out = [delivery_id for delivery_id, each in self.deliveries.items() if each.is_out]
        delivery_id = data.draw(st.sampled_from(out))
        sending = self.deliveries[delivery_id]
        result: outbox.Settled | outbox.Later
        match said:
            case "partly" | "rate limited":
                sent = PARTS[: data.draw(st.integers(len(sending.sent), 2))] if sending.row else PARTS[:1]
                waits = said == "rate limited"
                result = outbox.Later(self.named(delivery_id, sent), timedelta(minutes=waits))
                if sending.row:
                    sending.sent = self.named(delivery_id, sent)
                    sending.row = Row(None, "none", "later" if waits else "now")
            case _:
                sent = {"delivered": PARTS, "rejected": (), "unknown": PARTS[:1]}[said]
                result = outbox.Settled(said, self.named(delivery_id, sent))
                sending.row = None
                may_be = ("pending", "unknown") if said == "delivered" else ("pending",)
                sending.state = said if sending.state in may_be else sending.state
        self.ground.wait(
            self.inside(
                lambda connection: outbox.record(
                    connection, Platform.TELEGRAM, self.space, delivery_id, result
                )
            )
        )

    def named(self, delivery_id: UUID, parts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(f"{delivery_id}:{part}" for part in parts)

    # What holds after every step

    async def inside(self, doing: Any) -> Any:
        async with scoped(self.store, [self.space]) as connection:
            return await doing(connection)

    def rows(self, query: str, *arguments: object) -> list[Any]:
        return cast(
            list[Any],
            self.ground.wait(self.inside(lambda connection: connection.fetch(query, *arguments))),
        )

    def states(self) -> dict[UUID, str]:
        return {row[0]: row[1] for row in self.rows("SELECT delivery_id, state FROM delivery")}

    @invariant()
    def tables_say_what_the_model_says(self) -> None:
        events = self.rows("SELECT event_key, kind, turn_id FROM event")
        assert {row["event_key"]: (row["kind"], row["turn_id"]) for row in events} == {
            each.event.key: (each.kind, each.turn_id) for each in self.happened
        }
        running = self.rows("SELECT conversation_id, turn_id FROM turn WHERE state = 'running'")
        assert sorted((row["conversation_id"], row["turn_id"]) for row in running) == sorted(
            (each.access.conversation_id, each.running.turn_id) for each in self.talks if each.running
        )
        rows = self.rows(
            "SELECT subject_id, holder FROM work WHERE kind = 'turn' AND space_id = $1", self.space
        )
        assert {row["subject_id"]: row["holder"] for row in rows} == {
            each.access.conversation_id: each.row.holder and each.row.holder.claim.holder
            for each in self.talks
            if each.row
        }
        assert all(each.row for each in self.talks if each.waiting or each.running), "something is stranded"

    @invariant()
    def a_delivery_waits_or_is_settled(self) -> None:
        assert self.states() == {delivery_id: each.state for delivery_id, each in self.deliveries.items()}
        open_ = {row[0] for row in self.rows("SELECT subject_id FROM work WHERE kind = 'deliver'")}
        assert open_ == {delivery_id for delivery_id, each in self.deliveries.items() if each.row}

    def teardown(self) -> None:
        """All that was accepted comes to exactly one turn in the end, in order, with one Final each."""
        for _ in range(100):
            if not any(each.row for each in self.talks):
                break
            self.clock_moves_on()
            self.claim()
            for talk in self.talks:
                worker = talk.row and talk.row.holder
                if worker:
                    worker.turn = None
                    self.take_as(worker)
                    if worker.turn:
                        self.finish_as(worker, carried=False)
        assert not any(each.waiting or each.running or each.row for each in self.talks)
        self.tables_say_what_the_model_says()
        assert all(each.turn_id for each in self.happened if each.kind != "record")
        order = {
            row["event_key"]: row["position"] for row in self.rows("SELECT event_key, position FROM event")
        }
        for talk in self.talks:
            positions = [
                order[each.event.key] for done, events in self.finished if done is talk for each in events
            ]
            assert all(before < after for before, after in pairwise(positions))
        finals = self.rows("SELECT count(*) FROM delivery GROUP BY turn_id HAVING count(*) > 1")
        assert not finals


@contextmanager
def ground(owner_dsn: str, app_dsn: str) -> Iterator[Ground]:
    """One event loop and one pool for all runs."""
    with asyncio.Runner() as runner:
        owner = runner.run(asyncpg.connect(owner_dsn))
        store: Store = runner.run(connect(app_dsn, b"of the machine", size=2))
        # Nothing that happens here asks a model.
        models = Models(None, None, cast(Embedder, None), None)
        remi = Remi(
            store,
            models,
            doorkeeper(frozenset()),
            Knobs(1_000, timedelta(minutes=1), frozenset(), UTC, timedelta(hours=1)),
        )
        yield Ground(runner, owner, remi)
        runner.run(store.pool.close())
        runner.run(owner.close())


def run_machine(on: Ground, runs: int, steps: int) -> None:
    """Raises what a run raised that found something, with its steps.

    They are not made fewer: that would take far longer than to read them.
    """
    run_state_machine_as_test(
        lambda: Machine(on),  # type: ignore[arg-type]  # whatever makes one will do
        settings=settings(
            max_examples=runs,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            report_multiple_bugs=False,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
