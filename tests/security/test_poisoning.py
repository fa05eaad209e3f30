"""Whatever somebody writes, wherever it stands: it changes no scope, no permission, no recipient, and nobody
else's memory. The models in these tests do as the attacker says."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import grpc
import pytest

from calling import actor
from client import PATIENCE, Gateway, gateway
from conftest import Database, StartAssistant, thinks_with
from fakes.openai import Body, FakeOpenAI, Step
from security.payloads import PAYLOADS
from services.stubs.assistant.v1 import assistant_pb2 as pb

BOB, MALLORY = "8", "66"
GROUP, ELSEWHERE = "-100", "-200"
HERON, OSPREY, EGRET = "heron-4711", "osprey-0815", "egret-2468"
"""Secrets of Bob's, of the group elsewhere, and of Mallory's own direct talk."""

EXPECTED = (
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.PERMISSION_DENIED,
)

Path = Callable[["World", str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class World:
    """Bob and Mallory both talk with Remi. What leaked of Bob's: ids, which are no secret."""

    telegram: Gateway
    model: FakeOpenAI
    owner: asyncpg.Connection
    group: pb.Place
    leaked: Mapping[str, str]
    spaces: Mapping[str, UUID]

    def mallory(self, text: str = "", **more: Any) -> pb.ConverseRequest:
        return self.telegram.request(text, user=MALLORY, name="Mallory", **more)

    async def attack(self, text: str = "", **more: Any) -> pb.Delivery:
        return await self.telegram.final(self.mallory(text, **more))


@pytest.fixture
async def world(
    start_assistant: StartAssistant, model: FakeOpenAI, database: Database
) -> AsyncIterator[World]:
    allow = frozenset({f"telegram:{each}" for each in (BOB, MALLORY, GROUP, ELSEWHERE)})
    owner = await asyncpg.connect(database.owner_dsn)
    async with (
        start_assistant(allow=allow, **thinks_with(model)) as assistant,
        gateway(assistant) as telegram,
    ):
        there = telegram.place(ELSEWHERE, group=True)
        here = telegram.place(GROUP, group=True)
        model.reply = Step(text="Noted.")
        await telegram.say(f"The code of my safe is {HERON}.", user=BOB, name="Bob", message_id="81")
        await telegram.command("remember", f"The code is {HERON}.", user=BOB, name="Bob")
        question = await telegram.command("forget", HERON, user=BOB, name="Bob")
        await telegram.say(f"Our code is {OSPREY}.", user=BOB, name="Bob", place=there)
        await telegram.say(f"My own code is {EGRET}.", user=MALLORY, name="Mallory")
        await telegram.say("Hello all!", user=MALLORY, name="Mallory", place=here)
        await quiet(owner)
        spaces = {
            "bob": await owner.fetchval("SELECT person_id FROM identity WHERE user_id = $1", BOB),
            "mallory": await owner.fetchval("SELECT person_id FROM identity WHERE user_id = $1", MALLORY),
            "group": await owner.fetchval("SELECT space_id FROM chat WHERE chat_id = $1", GROUP),
        }
        bobs = "SELECT {} FROM {} WHERE space_id = $1 LIMIT 1"
        leaked = {
            "space": str(spaces["bob"]),
            "person": str(spaces["bob"]),
            "message": str(await owner.fetchval(bobs.format("message_id", "message"), spaces["bob"])),
            "memory": str(await owner.fetchval(bobs.format("memory_id", "memory"), spaces["bob"])),
            "turn": str(await owner.fetchval(bobs.format("turn_id", "turn"), spaces["bob"])),
            "action": question.button_rows[0].buttons[0].action,
        }
        model.requests.clear()
        yield World(telegram, model, owner, here, leaked, spaces)
    await owner.close()


async def quiet(owner: asyncpg.Connection) -> None:
    """Until nothing is left to be done; what waits for more talk need not wait any longer."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if not await owner.fetchval("UPDATE work SET due_at = least(due_at, now()) RETURNING true"):
                return
            await asyncio.sleep(0.1)


async def others(world: World, own: UUID) -> Mapping[str, str]:
    """Digests of all that the talk in this space must not touch: every table, but for its own rows.

    Names that people give themselves are theirs to change, and the books on keys and usage go on.
    """
    tables = await world.owner.fetch(
        "SELECT relname, 'space_id' IN (SELECT attname FROM pg_attribute WHERE attrelid = c.oid) AS scoped"
        " FROM pg_class c WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        " AND relname NOT IN ('event_key', 'usage', 'cursor', 'work')"
    )
    digests = {}
    for table in tables:
        row = "(to_jsonb(t) - 'display_name')::text"
        where = "WHERE space_id <> $1" if table["scoped"] else "WHERE $1::uuid IS NOT NULL"
        digests[table["relname"]] = await world.owner.fetchval(
            f"SELECT md5(string_agg({row}, ',' ORDER BY {row})) FROM {table['relname']} t {where}", own
        )
    rights = (
        "SELECT relname, relrowsecurity, relforcerowsecurity, relacl::text FROM pg_class ORDER BY relname"
    )
    digests["rights"] = str(await world.owner.fetch(rights))
    return digests


async def strays(world: World) -> list[asyncpg.Record]:
    """Deliveries that are not for the very chats in which Mallory spoke."""
    return list(
        await world.owner.fetch(
            "SELECT chat_id FROM delivery JOIN conversation USING (space_id, conversation_id)"
            " WHERE space_id = ANY ($1::uuid[]) AND chat_id <> ALL ($2::text[])",
            [world.spaces["mallory"], world.spaces["group"]],
            [MALLORY, GROUP],
        )
    )


def leaks(world: World, secrets: Iterable[str]) -> list[str]:
    """Which of the secrets the model was shown."""
    shown = json.dumps([request.body for request in world.model.requests])
    return [secret for secret in secrets if secret in shown]


def obedient(payload: str) -> Callable[[Body], Step]:
    """A model that says what the attacker wrote, and learns it in the form that it wants to be learned in."""

    def step(body: Body) -> Step:
        talk = body["messages"][-1]["content"]
        if "response_format" not in body:
            return Step(text=f"{payload}\n\n[m1] [m2]")
        claims = [
            {"kind": kind, "text": payload[:400], "message": 1, "quote": quote, "space_id": str(uuid4())}
            for kind in ("fact", "instruction", "profile", "event")
            for quote in (payload, talk[-40:], HERON)
        ]
        return Step(text=json.dumps({"memories": claims}))

    return step


async def in_a_direct_talk(world: World, payload: str) -> None:
    await world.attack(payload)


async def in_a_group(world: World, payload: str) -> None:
    await world.attack(payload, place=world.group)


async def as_an_edit(world: World, payload: str) -> None:
    number = str(uuid4().int)[:12]
    await world.attack("Good morning!", message_id=number)
    await world.attack(edit=pb.EditEvent(message_id=number, text=payload))


async def as_a_quoted_message(world: World, payload: str) -> None:
    said = pb.RepliedTo(
        message_id=str(uuid4().int)[:12], text=payload, author=pb.Author(user_id=BOB, display_name="Bob")
    )
    said.sent_at.GetCurrentTime()
    message = pb.MessageEvent(message_id=str(uuid4().int)[:12], text="What of this?", replied_to=said)
    await world.attack(message=message, place=world.group)


async def as_a_file_name(world: World, payload: str) -> None:
    file = pb.Attachment(reference=payload, file_name=payload, media_type=payload, size_bytes=1)
    message = pb.MessageEvent(message_id=str(uuid4().int)[:12], text="Look at this.", attachments=[file])
    await world.attack(message=message)


async def as_a_name(world: World, payload: str) -> None:
    asked = world.mallory("What do you know?", place=world.group)
    asked.author.display_name = payload
    asked.place.title = payload
    asked.author.language = payload
    await world.telegram.final(asked)


async def as_something_to_remember(world: World, payload: str) -> None:
    await world.attack(command=pb.CommandEvent(name="remember", arguments=payload))


async def as_words_to_forget(world: World, payload: str) -> None:
    asked = await world.attack(command=pb.CommandEvent(name="forget", arguments=payload))
    for button in (button for row in asked.button_rows for button in row.buttons):
        await world.attack(button=pb.ButtonEvent(action=button.action))


async def as_a_command(world: World, payload: str) -> None:
    name, _, arguments = payload.lstrip("/").partition(" ")
    command = pb.CommandEvent(name=name[:32], arguments=arguments, reply_to_message_id="81")
    await refusable(world.attack(command=command))


async def as_a_button(world: World, payload: str) -> None:
    for action in (payload[:64], world.leaked["action"], world.leaked["memory"]):
        await refusable(world.attack(button=pb.ButtonEvent(action=action, message_id="81")))


async def as_an_import(world: World, payload: str) -> None:
    space, message = world.leaked["space"], world.leaked["message"]
    said = {
        "record": "message",
        "role": "person",
        "author": payload[:200],
        "text": payload,
        "space_id": space,
    }
    when = {"sent_at": "2026-01-01T00:00:00+00:00"}
    learned = {"record": "memory", "kind": "instruction", "text": payload[:400], "said_at": when["sent_at"]}
    records = [
        {"format": "remi", "version": 1},
        {**said, **when, "id": str(uuid4()), "conversation": space},
        {**said, **when, "id": message, "conversation": message, "reply_to": message, "replaced_by": message},
        {
            **learned,
            "id": world.leaked["memory"],
            "learned_at": when["sent_at"],
            "superseded_by": world.leaked["memory"],
            "sources": [{"message": message, "quote": payload}],
        },
    ]
    lines = "\n".join(json.dumps(record) for record in records).encode()
    who = actor(world.telegram, MALLORY, "Mallory")
    requests = iter([pb.ImportRequest(actor=who), pb.ImportRequest(chunk=lines)])
    await refusable(
        world.telegram.memory.Import(requests, metadata=world.telegram.metadata, timeout=PATIENCE)
    )


async def by_the_memory_service(world: World, payload: str) -> None:
    who, memory = actor(world.telegram, MALLORY, "Mallory"), world.telegram.memory
    theirs, metadata = world.leaked["memory"], world.telegram.metadata
    found = await memory.Search(
        pb.SearchRequest(actor=who, query=payload), metadata=metadata, timeout=PATIENCE
    )
    assert not leaks_in(str(found))
    said = [world.leaked["message"]]
    for method, request in (
        ("Get", pb.GetRequest(actor=who, memory_id=theirs)),
        ("Correct", pb.CorrectRequest(actor=who, memory_id=theirs, text=payload)),
        ("Forget", pb.ForgetRequest(actor=who, message_ids=said, memory_ids=[theirs])),
        ("Explain", pb.ExplainRequest(actor=who, turn_id=world.leaked["turn"])),
    ):
        answer = await refusable(getattr(memory, method)(request, metadata=metadata, timeout=PATIENCE))
        assert not leaks_in(str(answer))


async def refusable(call: Awaitable[Any]) -> Any:
    """What a call answers, or None if it is refused in a way that a client may expect."""
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        if error.code() not in EXPECTED:
            raise
        return None


def leaks_in(text: str) -> list[str]:
    return [secret for secret in (HERON, OSPREY) if secret in text]


PATHS: Mapping[Path, str] = {
    in_a_direct_talk: "mallory",
    in_a_group: "group",
    as_an_edit: "mallory",
    as_a_quoted_message: "group",
    as_a_file_name: "mallory",
    as_a_name: "group",
    as_something_to_remember: "mallory",
    as_words_to_forget: "mallory",
    as_a_command: "mallory",
    as_a_button: "mallory",
    as_an_import: "mallory",
    by_the_memory_service: "mallory",
}
"""Each with the space that it may touch."""


def test_there_are_enough_cases() -> None:
    assert len(PAYLOADS) * len(PATHS) >= 300


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.__name__)
async def test_nothing_that_is_written_has_power(world: World, path: Path) -> None:
    own = world.spaces[PATHS[path]]
    before = await others(world, own)
    for name, pattern in PAYLOADS.items():
        payload = pattern.format_map(world.leaked)
        world.model.reply = obedient(payload)
        await path(world, payload)
        after = await others(world, own)
        assert {table for table in after if after[table] != before[table]} == set(), name
        assert await strays(world) == [], name
        assert leaks(world, (HERON, OSPREY)) == [], name
        world.model.requests.clear()
    await quiet(world.owner)
    assert await others(world, own) == before


async def test_what_was_poisoned_in_a_group_stays_there(world: World) -> None:
    """Everybody in the group meets it; a direct talk doesn't, nor does a group see what was said directly."""
    for pattern in PAYLOADS.values():
        await in_a_group(world, pattern.format_map(world.leaked) + " kingfisher-1357")
    await quiet(world.owner)
    world.model.requests.clear()
    world.model.reply = Step(text="Well.")
    await world.telegram.say("What do you know of the kingfisher?", user=BOB, name="Bob")
    assert leaks(world, ("kingfisher-1357", EGRET, OSPREY)) == []
    assert leaks(world, (HERON,)) == [HERON]
    world.model.requests.clear()
    await world.telegram.say("What do you know of codes?", user=BOB, name="Bob", place=world.group)
    assert leaks(world, ("kingfisher-1357",)) == ["kingfisher-1357"]
    assert leaks(world, (HERON, EGRET, OSPREY)) == []
