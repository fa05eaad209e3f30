"""Forgetting is real: a canary takes every path there is, is forgotten, and then is found nowhere."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from calling import actor
from canaries import in_files, in_tables
from client import PATIENCE, Gateway, gateway, next_delivery
from conftest import Assistant, StartAssistant, data_folder, thinks_with
from fakes.openai import Body, FakeOpenAI, Step
from services.assistant.remind import fire_due
from services.assistant.store import ledger
from services.assistant.store.embedded import Embedded, start_embedded
from services.assistant.store.purge import purge
from services.stubs.assistant.v1 import assistant_pb2 as pb

CANARY = "zephyrquartz"
UMLAUT = "Zephyrköder"
PARKED = "at a time without a model"
HURRY = "UPDATE work SET due_at = least(due_at, now()) WHERE kind IN ('index', 'learn') RETURNING true"
ADD_FILE = """
INSERT INTO delivery (space_id, delivery_id, conversation_id, turn_id, text, file_content)
-- In a talk of its own: no reply waits for it.
SELECT space_id, gen_random_uuid(), gen_random_uuid(), turn_id, '', $1 FROM turn LIMIT 1
"""
LINE = re.compile(r"^#(\d+) \S+ \S+ \w+: (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class House:
    """An assistant on a data folder of its own, and Telegram's gateway to it."""

    folder: Path
    owner_dsn: str
    assistant: Assistant
    telegram: Gateway


@pytest.fixture
def folder() -> Iterator[Path]:
    with data_folder() as path:
        yield path


@pytest.fixture
async def house(folder: Path, start_assistant: StartAssistant, model: FakeOpenAI) -> AsyncIterator[House]:
    model.reply = thinking
    knobs = thinks_with(model) | {"memory_model": "fake-memory", "embedding_model": "fake-embedder"}
    allow = frozenset({"telegram:7", "telegram:8", "telegram:-100"})
    server: Embedded = await start_embedded(folder / "postgres")
    async with (
        start_assistant(data=folder, database_url="", secret=None, allow=allow, **knobs) as assistant,
        gateway(assistant) as telegram,
    ):
        yield House(folder, server.owner_dsn, assistant, telegram)


def thinking(body: Body) -> Step:
    """The model repeats what it is told; the memory model keeps each line, and ends where somebody moved."""
    shown = body["messages"][-1]["content"]
    if PARKED in shown:
        return Step(status=401)
    if body["model"] == "fake-chat":
        return Step(text=f"You said: {shown[-400:]}")
    known = re.search(r"^(k\d+) fact: .*moved", shown, re.MULTILINE)
    notes = [
        {
            "op": "supersede" if known and "moved" in said else "add",
            "handle": known[1] if known and "moved" in said else "",
            "kind": "fact",
            "text": said,
            "message": int(number),
            "quote": said,
        }
        for number, said in LINE.findall(shown)
        if CANARY in said and "You said" not in said
    ]
    return Step(text=json.dumps({"memories": notes}))


async def learned(owner_dsn: str) -> None:
    """Until nothing is left to be learned; it need not wait for more talk."""
    owner = await asyncpg.connect(owner_dsn)
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                if not await owner.fetchval(HURRY):
                    return
                await asyncio.sleep(0.1)
    finally:
        await owner.close()


async def spread(house: House) -> None:
    """Say the canary on every path there is. Replies repeat it, and are left in every state of delivery."""
    telegram = house.telegram
    await telegram.say("We planted tulips by the river.")
    await telegram.say(f"The word is {CANARY} plain, and {UMLAUT}.", message_id="m1")
    await telegram.say(f"I moved to {CANARY} street.", message_id="m2")
    await learned(house.owner_dsn)
    await telegram.say(f"I moved to {CANARY} square.", message_id="m3")
    await learned(house.owner_dsn)
    assert "no longer holds" in (await telegram.command("memory", "street")).text
    # A long one goes out of line, in pieces.
    await telegram.say(" ".join(f"{CANARY} {number} is entry {number}." for number in range(400)))
    attachment = pb.Attachment(
        reference=f"ref-{CANARY}", file_name=f"{CANARY}.pdf", media_type="application/pdf"
    )
    await telegram.final(
        telegram.request(
            message=pb.MessageEvent(message_id="m4", text=f"See the {CANARY} file.", attachments=[attachment])
        )
    )
    await telegram.final(
        telegram.request(edit=pb.EditEvent(message_id="m1", text=f"The word is {CANARY} edited."))
    )
    await telegram.say(f"Never mind: {CANARY}.", message_id="m5")
    await telegram.final(telegram.request(edit=pb.EditEvent(message_id="m5", text="Never mind.")))
    replied_to = pb.RepliedTo(
        message_id="m6", author=pb.Author(user_id="8", display_name="Bob"), text=f"Bob says {CANARY}."
    )
    replied_to.sent_at.FromDatetime(datetime.now(UTC).replace(tzinfo=None))
    said = pb.MessageEvent(
        message_id="m7", text=f"What is {CANARY}?", reply_to_message_id="m6", replied_to=replied_to
    )
    await telegram.final(telegram.request(message=said))
    await telegram.command("remember", f"The gate opens with {CANARY}.")
    await telegram.command("remind", f"tomorrow at nine to say {CANARY}")
    await telegram.say(f"Remind me tomorrow at ten to whisper {CANARY}.")
    await telegram.command("memory", CANARY)
    await telegram.command("why")
    await learned(house.owner_dsn)


async def take_along(house: House) -> None:
    """By import, and by export: as a file in the outbox that waits to be sent."""
    told = {
        "record": "message",
        "id": str(uuid4()),
        "conversation": str(uuid4()),
        "role": "person",
        "author": "Ann",
        "text": f"Brought along: {CANARY}.",
        "sent_at": "2026-01-05T10:00:00Z",
    }
    header = {"format": "remi", "version": 1}
    content = "\n".join(json.dumps(line) for line in (header, told)).encode()
    telegram = house.telegram

    async def chunks() -> AsyncIterator[pb.ImportRequest]:
        yield pb.ImportRequest(actor=actor(telegram), chunk=content)

    imported = await telegram.memory.Import(chunks(), metadata=telegram.metadata, timeout=PATIENCE)
    assert imported.messages == 1
    export = telegram.memory.Export(pb.ExportRequest(actor=actor(telegram)), metadata=telegram.metadata)
    exported = b"".join([each.chunk async for each in export])
    assert CANARY.encode() in exported
    owner = await asyncpg.connect(house.owner_dsn)
    await owner.execute(ADD_FILE, exported)
    await owner.close()


async def leave_undelivered(house: House) -> None:
    """Replies, reminders and commands' answers that hold the canary: pending, refused, unknown."""
    telegram = house.telegram
    async with telegram.deliver() as queue:
        tomorrow = datetime.now(UTC).replace(hour=9, minute=0, second=1) + timedelta(days=1)
        await fire_due(replace(house.assistant.remi, clock=lambda: tomorrow))
        await telegram.acknowledge(await next_delivery(queue), rejected=pb.Rejected(reason="403"))
    for result in ({"rejected": pb.Rejected(reason="400")}, {"unknown": pb.UnknownAfterSend()}):
        stream = await telegram.converse(telegram.request(f"Say {CANARY} once more."), acknowledges=False)
        await telegram.acknowledge(stream[-1].final.delivery, **result)
        listing = telegram.request(command=pb.CommandEvent(name="memory", arguments=CANARY))
        stream = await telegram.converse(listing, acknowledges=False)
        await telegram.acknowledge(stream[-1].final.delivery, **result)
    # What is still to be sent holds back its own conversation only; so does what no model answers.
    for thread, text in enumerate(
        (
            f"Say {CANARY} for the last time.",
            f"Remind me at six to sing {CANARY}.",
            f"Say {CANARY} {PARKED}.",
        )
    ):
        elsewhere = telegram.place("7", thread=str(thread))
        await telegram.converse(telegram.request(text, place=elsewhere), acknowledges=False)


async def forget(house: House) -> None:
    """As a person does: by the word, and the button."""
    for words in (CANARY, UMLAUT):
        asked = await house.telegram.command("forget", words)
        if asked.button_rows:
            await house.telegram.press(asked, "Forget")


async def test_what_is_forgotten_is_nowhere(house: House) -> None:
    await spread(house)
    await take_along(house)
    await leave_undelivered(house)
    assert {"public.message", "public.memory", "public.delivery"} <= set(
        await in_tables(house.owner_dsn, [CANARY])
    )
    await forget(house)
    await learned(house.owner_dsn)
    assert await in_tables(house.owner_dsn, [CANARY, UMLAUT]) == {}
    assert in_files(house.folder, [CANARY]) != {}
    purged = await purge(house.owner_dsn, lambda line: None)
    assert purged.left == ""
    assert in_files(house.folder, [CANARY, UMLAUT]) == {}
    assert "tulips" in (await house.telegram.command("memory", "tulips")).text


async def test_a_name_stays_with_the_account_only(house: House) -> None:
    """Who somebody is on a platform is no memory; it is what the platform says last."""
    telegram = house.telegram
    await telegram.say("We planted tulips by the river.", name=CANARY)
    await telegram.command("help", name=CANARY)
    await telegram.final(telegram.request(stop=pb.StopEvent(), name=CANARY))
    everything = pb.ForgetRequest(actor=actor(telegram, name=CANARY), everything=True)
    await telegram.memory.Forget(everything, metadata=telegram.metadata, timeout=PATIENCE)
    assert set(await in_tables(house.owner_dsn, [CANARY])) == {"public.identity"}
    await telegram.say("I am Ann now.")
    assert await in_tables(house.owner_dsn, [CANARY]) == {}


async def test_only_the_person_brings_it_back(house: House) -> None:
    """An import is their own act. No start of the assistant undoes it; and learning does nothing like it."""
    telegram, remi = house.telegram, house.assistant.remi
    await telegram.say(f"The word is {CANARY}.")
    exporting = telegram.memory.Export(pb.ExportRequest(actor=actor(telegram)), metadata=telegram.metadata)
    exported = b"".join([each.chunk async for each in exporting])
    await forget(house)
    assert await in_tables(house.owner_dsn, [CANARY]) == {}
    await ledger.keep(remi.store, house.folder / ledger.NAME)
    await learned(house.owner_dsn)
    assert await in_tables(house.owner_dsn, [CANARY]) == {}

    async def chunks() -> AsyncIterator[pb.ImportRequest]:
        yield pb.ImportRequest(actor=actor(telegram), chunk=exported)

    await telegram.memory.Import(chunks(), metadata=telegram.metadata, timeout=PATIENCE)
    assert await ledger.replay(remi.store, house.folder / ledger.NAME) == 0
    assert "public.message" in await in_tables(house.owner_dsn, [CANARY])
