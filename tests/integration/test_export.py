"""Exports and imports over real gRPC: what is taken along, and what coming back may and may not do."""

import asyncio
import json
import re
from codecs import BOM_UTF8
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import grpc
import pytest

from calling import access_of, actor, refused
from client import PATIENCE, Gateway, gateway
from conftest import Assistant, StartAssistant, thinks_with
from fakes.openai import FakeOpenAI, Step
from remembering import Gate
from services.assistant import commands, memory_servicer, wire
from services.assistant.index import index
from services.assistant.portable import LONGEST_LINE, PIECE
from services.assistant.recall import Query, recall
from services.assistant.showing import GROUP_NOTICE
from services.assistant.store.connection import scoped
from services.stubs.assistant.v1 import assistant_pb2 as pb
from talk import NOON, author, place

DOG = "My dog is called Biscuit."
HEADER = b'{"format": "remi", "version": 1}\n'


async def export(of: Gateway, who: pb.Actor) -> bytes:
    call = of.memory.Export(pb.ExportRequest(actor=who), metadata=of.metadata, timeout=PATIENCE)
    chunks = [each.chunk async for each in call]
    assert all(len(chunk) <= PIECE for chunk in chunks)
    return b"".join(chunks)


async def bring(of: Gateway, who: pb.Actor, content: bytes, size: int = 1000) -> tuple[int, int, int]:
    """(messages, memories, skipped)."""

    async def requests() -> AsyncIterator[pb.ImportRequest]:
        yield pb.ImportRequest(actor=who)
        for start in range(0, len(content), size):
            yield pb.ImportRequest(chunk=content[start : start + size])

    done = await of.memory.Import(requests(), metadata=of.metadata, timeout=PATIENCE)
    return done.messages, done.memories, done.skipped


def records(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.splitlines()]


def file_of(*lines: dict[str, Any]) -> bytes:
    return HEADER + b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def message(text: str, **more: Any) -> dict[str, Any]:
    return {
        "record": "message",
        "id": str(uuid4()),
        "conversation": str(uuid4()),
        "role": "person",
        "author": "Ann",
        "text": text,
        "sent_at": "2026-03-02T12:00:00+00:00",
        **more,
    }


def memory(source: dict[str, Any], quote: str, **more: Any) -> dict[str, Any]:
    return {
        "record": "memory",
        "id": str(uuid4()),
        "kind": "fact",
        "text": quote,
        "said_at": "2026-03-02T12:00:00+00:00",
        "learned_at": "2026-03-02T12:00:01+00:00",
        "sources": [{"message": source["id"], "quote": quote}],
        **more,
    }


NAMES = {"7": "Ann", "8": "Bob"}


async def rows(assistant: Assistant, user: str, query: str) -> list[dict[str, Any]]:
    access = await access_of(assistant, place(user), author(user, NAMES[user]))
    async with scoped(assistant.remi.store, [access.space_id]) as connection:
        return [dict(row) for row in await connection.fetch(query)]


def without(found: Iterable[dict[str, Any]], *fields: str) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in fields} for row in found]


async def test_what_is_kept_beside_a_memory_is_taken_along(assistant: Assistant, telegram: Gateway) -> None:
    told = message("I fly on Friday. Forget that. Reply in verse twice.")
    beside = {
        "confidence": 0.75,
        "confirmed_at": "2026-03-04T12:00:00+00:00",
        "happens_from": "2026-03-06",
        "happens_until": "2026-03-07",
        "superseded_at": "2026-03-05T12:00:00+00:00",
        "retracted_by": told["id"],
    }
    passing = {"kind": "instruction", "first_reply": 1, "last_reply": 2}
    odd = {"happens_from": "2026-03-06", "first_reply": 3, "last_reply": 2}
    file = file_of(
        told,
        memory(told, "I fly on Friday.", **beside),
        memory(told, "Reply in verse twice.", **passing),
        memory(told, "Forget that.", **odd),
    )
    assert await bring(telegram, actor(telegram), file) == (1, 3, 0)
    lines = records(await export(telegram, actor(telegram)))
    (again,) = [line["id"] for line in lines if line.get("record") == "message"]
    kept = {line["text"]: line for line in lines if line.get("record") == "memory"}
    assert beside | {"retracted_by": again} == {name: kept["I fly on Friday."][name] for name in beside}
    assert passing == {name: kept["Reply in verse twice."][name] for name in passing}
    assert not odd.keys() & kept["Forget that."].keys()


async def test_an_export_holds_what_was_said_and_learned_and_comes_back_unchanged(
    assistant: Assistant, telegram: Gateway
) -> None:
    await telegram.say(DOG, message_id="m1", sent_at=NOON)
    await telegram.final(
        telegram.request(edit=pb.EditEvent(message_id="m1", text="My dog is called Pepper."))
    )
    await telegram.command("remember", "Always answer in French. 🐕")
    content = await export(telegram, actor(telegram))
    header, *lines = records(content)
    assert (header["format"], header["version"]) == ("remi", 1)
    messages = [line for line in lines if line["record"] == "message"]
    assert [line["role"] for line in messages].count("person") == 3
    old = next(line for line in messages if line["text"] == DOG)
    new = next(line for line in messages if "Pepper" in line["text"] and line["role"] == "person")
    assert old["replaced_by"] == new["id"]
    assert (old["author"], old["sent_at"]) == ("Ann", "2026-03-02T12:00:00+00:00")
    (learned,) = [line for line in lines if line["record"] == "memory"]
    assert (learned["kind"], learned["text"]) == ("instruction", "Always answer in French. 🐕")
    said = next(line for line in messages if line["text"] == "Always answer in French. 🐕")
    assert learned["sources"] == [{"message": said["id"], "quote": "Always answer in French. 🐕"}]
    assert await bring(telegram, actor(telegram), content) == (0, 0, len(lines))
    assert records(await export(telegram, actor(telegram)))[1:] == lines


async def test_an_import_is_the_importers_own_and_is_not_doubled(
    assistant: Assistant, telegram: Gateway
) -> None:
    await telegram.say(DOG, sent_at=NOON)
    await telegram.command("remember", "I take my tea black.")
    content = await export(telegram, actor(telegram))
    count = len(records(content)) - 1
    bob = actor(telegram, "8", "Bob")
    assert await bring(telegram, bob, content, size=7) == (count - 1, 1, 0)
    assert await bring(telegram, bob, content) == (0, 0, count)

    access = await access_of(assistant, place("8"), author("8", "Bob"))
    said = await rows(assistant, "8", "SELECT * FROM message WHERE role = 'person' ORDER BY position")
    assert [row["text"] for row in said] == [DOG, "I take my tea black."]
    assert {(row["person_id"], row["author_name"]) for row in said} == {(access.person_id, "Ann")}
    assert said[0]["conversation_id"] != access.conversation_id
    brought = records(await export(telegram, bob))[1:]
    assert without(brought, "id", "conversation", "sources", "reply_to") == without(
        records(content)[1:], "id", "conversation", "sources", "reply_to"
    )
    assert not {row["id"] for row in brought} & {row["id"] for row in records(content)[1:]}

    remi = assistant.remi
    await index(remi.store, remi.models.embedder, access.space_id, said[0]["conversation_id"])
    query = Query("What is my dog called?", access.spaces, NOON, 2000, access.conversation_id)
    recollection = await recall(remi.store, remi.models.embedder, query)
    assert any(each.text == DOG for each in recollection.recalled)
    assert recollection.recent == ()


async def test_what_was_imported_is_indexed_in_the_background(
    assistant: Assistant, telegram: Gateway
) -> None:
    await bring(telegram, actor(telegram), file_of(message(DOG), message("Nothing new", learned=True)))
    asked = await assistant.remi.store.pool.fetch("SELECT kind FROM work WHERE kind IN ('index', 'learn')")
    unfinished = await rows(assistant, "7", "SELECT text FROM message WHERE indexed_at IS NULL")
    assert asked or not unfinished


async def test_what_is_imported_is_indexed_once_and_by_a_worker_should_the_import_end_before(
    start_assistant: StartAssistant, model: FakeOpenAI
) -> None:
    gate = Gate()
    knobs = {"allow": {"telegram:7"}, "embedding_model": "fake-embedder", **thinks_with(model)}
    async with start_assistant(**knobs) as assistant, gateway(assistant) as telegram:
        model.embedding_faults.append(Step(gate=gate))
        importing = asyncio.create_task(bring(telegram, actor(telegram), file_of(message(DOG))))
        await asyncio.wait_for(gate.reached.wait(), PATIENCE)
        pool = assistant.remi.store.pool
        waiting = await pool.fetch(
            "SELECT kind, due_at - now() AS rest, attempt FROM work WHERE kind IN ('index', 'learn')"
        )
        assert sorted((each["kind"], each["attempt"]) for each in waiting) == [("index", 0), ("learn", 0)]
        assert all(timedelta(minutes=9) < each["rest"] <= timedelta(minutes=10) for each in waiting)
        gate.set()
        await importing
        async with asyncio.timeout(PATIENCE):
            while await pool.fetch("SELECT FROM work WHERE kind = 'index' OR kind = 'learn' AND attempt = 0"):
                pass
    asked = [each.body["input"] for each in model.requests if each.path.endswith("/embeddings")]
    assert [texts for texts in asked if DOG in texts] == [[DOG]]


@pytest.mark.parametrize("late", [False, True])
async def test_what_may_be_found_later_is_found_soon(
    assistant: Assistant, telegram: Gateway, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    if late:
        monkeypatch.setattr(memory_servicer, "SOON", timedelta(0))
    who = actor(telegram)

    async def requests() -> AsyncIterator[pb.ImportRequest]:
        yield pb.ImportRequest(actor=who, find_later=True)
        yield pb.ImportRequest(chunk=file_of(message(DOG), message("Rex barks.")))

    done = await telegram.memory.Import(requests(), metadata=telegram.metadata, timeout=PATIENCE)
    assert done.summary == "I have brought in 2 messages, 0 memories and 0 reminders."
    assert len(await rows(assistant, "7", "SELECT FROM message WHERE role = 'person'")) == 2
    assert bool(await rows(assistant, "7", "SELECT FROM message WHERE indexed_at IS NULL")) is late
    async with asyncio.timeout(PATIENCE):
        while await rows(assistant, "7", "SELECT FROM message WHERE indexed_at IS NULL"):
            pass


FILE = pb.Attachment(reference="file-1", file_name="remi.jsonl", size_bytes=1000)


async def test_a_file_that_comes_with_the_command_is_to_be_fetched(
    assistant: Assistant, telegram: Gateway
) -> None:
    asked = telegram.request(command=pb.CommandEvent(name="import", file=FILE))
    stream = await telegram.converse(asked, acknowledges=False)
    delivery = stream[-1].final.delivery
    assert delivery.fetch.reference == "file-1"
    assert (delivery.fetch.author.user_id, delivery.fetch.author.display_name) == ("7", "Ann")
    assert delivery.fetch.author.role == pb.CHAT_ROLE_MEMBER
    assert delivery.text == "I can't fetch files here yet."
    # Where it is signed anew it is the same event, and it is replayed with what is to be fetched.
    asked.command.file.reference = "file-1-signed-anew"
    assert (await telegram.converse(asked))[-1].final.delivery.fetch == delivery.fetch
    assert await rows(assistant, "7", "SELECT fetches FROM delivery") == [{"fetches": None}]
    assert "file-1" not in str(await rows(assistant, "7", "SELECT body FROM event"))


async def test_a_groups_first_reply_that_is_of_a_file_leaves_the_notice_to_the_next(
    telegram: Gateway, group: pb.Place
) -> None:
    asked = telegram.request(command=pb.CommandEvent(name="import", file=FILE), place=group)
    asked.author.role = pb.CHAT_ROLE_ADMIN
    assert (await telegram.final(asked)).text == "I can't fetch files here yet."
    assert GROUP_NOTICE in (await telegram.command("help", place=group)).text


async def test_who_has_used_up_the_day_brings_nothing_to_learn_from(
    start_assistant: StartAssistant,
) -> None:
    async with start_assistant(allow={"telegram:7"}) as assistant, gateway(assistant) as telegram:
        await telegram.say("hello")
        await rows(assistant, "7", "SELECT 1 AS one")
        await assistant.remi.store.pool.execute("UPDATE person SET turns_a_day = 1")
        told = await telegram.final(telegram.request(command=pb.CommandEvent(name="import", file=FILE)))
    assert "tomorrow" in told.text
    assert not told.HasField("fetch")


async def test_what_can_not_be_fetched_is_told_at_once(telegram: Gateway, group: pb.Place) -> None:
    def command(size: int) -> pb.CommandEvent:
        return pb.CommandEvent(name="import", file=pb.Attachment(reference="file-1", size_bytes=size))

    none = await telegram.final(telegram.request(command=pb.CommandEvent(name="import")))
    assert "caption" in none.text
    assert not none.HasField("fetch")
    large = await telegram.final(telegram.request(command=command(commands.LARGEST_IMPORT + 1)))
    assert "20 MB" in large.text
    assert not large.HasField("fetch")
    member = await telegram.final(telegram.request(command=command(1000), place=group))
    assert "Only an admin" in member.text
    assert not member.HasField("fetch")
    asked = telegram.request(command=command(1000), place=group)
    asked.author.role = pb.CHAT_ROLE_ADMIN
    admin = await telegram.final(asked)
    assert admin.fetch.author.role == pb.CHAT_ROLE_ADMIN


async def test_history_stays_history(assistant: Assistant, telegram: Gateway) -> None:
    first, second = message("My locker is 12."), message("My locker is 15.")
    new = memory(second, "My locker is 15.")
    old = memory(
        first,
        "My locker is 12.",
        superseded_at="2026-03-03T12:00:00+00:00",
        superseded_by=new["id"],
    )
    assert await bring(telegram, actor(telegram), file_of(first, second, old, new)) == (2, 2, 0)
    found = await rows(assistant, "7", "SELECT * FROM memory ORDER BY text")
    assert found[0]["superseded_by"] == found[1]["memory_id"]
    assert found[0]["superseded_at"] is not None
    assert found[1]["superseded_at"] is None


async def test_a_memory_without_true_sources_is_skipped(assistant: Assistant, telegram: Gateway) -> None:
    said = message(DOG)
    lines = [
        said,
        memory(said, "My cat is called Biscuit."),
        memory(message("elsewhere"), "elsewhere"),
        memory(said, "Biscuit", sources=[{"message": said["id"], "quote": "biscuit"}]),
        memory(said, "dog is called Biscuit"),
    ]
    assert await bring(telegram, actor(telegram), file_of(*lines)) == (1, 1, 3)
    assert [row["text"] for row in await rows(assistant, "7", "SELECT text FROM memory")] == [
        "dog is called Biscuit"
    ]


async def test_an_import_cant_rewrite_what_stands(assistant: Assistant, telegram: Gateway) -> None:
    await telegram.say(DOG)
    (said,) = (line for line in records(await export(telegram, actor(telegram)))[1:] if line["text"] == DOG)
    forged = {**said, "text": "My dog is called Brutus.", "author": "Bob"}
    assert await bring(telegram, actor(telegram), file_of(forged)) == (0, 0, 1)
    stands = await rows(assistant, "7", "SELECT text, author_name FROM message WHERE role = 'person'")
    assert stands == [{"text": DOG, "author_name": "Ann"}]


async def test_a_large_space_goes_out_in_pieces_and_comes_back_in_batches(telegram: Gateway) -> None:
    conversation = str(uuid4())
    said = [message(f"{number} " + "🐕" * 500, conversation=conversation) for number in range(450)]
    learned = [memory(each, each["text"][:5]) for each in said[:250]]
    whole = file_of(*said, *learned)
    assert await bring(telegram, actor(telegram), whole, size=100_000) == (450, 250, 0)
    content = await export(telegram, actor(telegram))
    assert len(content) > 3 * PIECE
    texts = [record["text"] for record in records(content)[1:]]
    assert texts[:450] == [each["text"] for each in said]
    assert sorted(texts[450:]) == sorted(each["text"] for each in learned)


async def test_unknown_fields_and_empty_lines_are_passed_over(telegram: Gateway) -> None:
    content = (
        file_of({**message(DOG), "mood": "happy"})
        + b"\n  \n"
        + file_of(message("I like rain."))[len(HEADER) :]
    )
    assert await bring(telegram, actor(telegram), content.rstrip(b"\n")) == (2, 0, 0)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "holds no export"),
        (b"hello\n", "line 1 "),
        (b'{"format": "other", "version": 1}\n', "line 1 can't be read at format"),
        (b'{"format": "remi", "version": 2}\n', "line 1 can't be read at version"),
        (file_of({"record": "secret-word"}), "line 2 "),
        (file_of(message(DOG), message("secret-word \x00")), "line 3 can't be read at message.text"),
        (file_of(message("secret-word " * 20_000)), "line 2 can't be read at message.text"),
        (file_of(message(DOG, sent_at="2026-03-02T12:00:00")), "at message.sent_at"),
        (file_of(message(DOG, sent_at="9999-12-31T23:59:59-12:00")), "at message.sent_at"),
        (file_of(memory(message(DOG), "secret-word", sources=[])), "at memory.sources"),
        (file_of(message(DOG))[:-10] + b"\xff\xff\n", "line 2 "),
        (HEADER + b"x" * (LONGEST_LINE + 5000), "longer than"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_line_that_cant_be_read_is_named_and_never_quoted(
    telegram: Gateway, content: bytes, says: str
) -> None:
    code, details = await refused(bring(telegram, actor(telegram), content, size=500_000))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert says in details
    assert "secret-word" not in details


async def test_nothing_changes_until_all_of_it_was_read(telegram: Gateway) -> None:
    lines = [message(f"Note {number}") for number in range(250)]
    code, details = await refused(bring(telegram, actor(telegram), file_of(*lines[:220]) + b"oops\n"))
    assert (code, "line 222 " in details) == (grpc.StatusCode.INVALID_ARGUMENT, True)
    assert await bring(telegram, actor(telegram), file_of(*lines)) == (250, 0, 0)


async def test_an_export_by_command_comes_back_without_loss(telegram: Gateway) -> None:
    await telegram.say("My dog is called Biscuit.", sent_at=NOON)
    await telegram.command("remember", "I take my tea black.")
    await telegram.command("memory")
    await telegram.command("correct", "1 I take my tea with milk.")
    await telegram.command("remind", "every Monday at nine to water the plants")
    sent = await telegram.command("export")
    assert sent.file_name.endswith(".jsonl")
    assert "every message" in sent.text
    before = records(sent.file_content)
    asked = await telegram.command("forget", "everything")
    asked = await telegram.press(asked, "Forget everything")
    await telegram.press(asked, "Yes, forget everything")
    await bring(telegram, actor(telegram), sent.file_content)
    after = records(await export(telegram, actor(telegram)))

    def plain(kept: list[dict[str, Any]]) -> list[Any]:
        """All but the ids, which are new ones: each by where it first stands."""
        seen: dict[str, int] = {}
        text = [json.dumps(record, sort_keys=True) for record in kept[1:]]
        return [
            re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", lambda m: str(seen.setdefault(m[0], len(seen))), line)
            for line in text
        ]

    assert plain(before) == plain(after)
    assert {record["record"] for record in after[1:]} == {"message", "memory", "reminder"}


async def test_import_by_command_says_how(telegram: Gateway, group: pb.Place) -> None:
    assert "services.terminal import FILE" in (await telegram.command("import")).text
    assert "Only an admin" in (await telegram.command("export", place=group)).text


async def test_too_much_for_a_chat_is_not_sent_there(
    telegram: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "LARGEST_FILE", 10)
    sent = await telegram.command("export")
    assert not sent.file_name
    assert "services.terminal export FILE" in sent.text


CHATGPT = {
    "conversation_id": "c1",
    "create_time": 1706745600.0,
    "current_node": "d",
    "mapping": {
        "root": {"parent": None, "children": ["a"], "message": None},
        "a": {"parent": "root", "children": ["b", "d"], "message": {
            "author": {"role": "user"}, "create_time": 1706745600.5,
            "content": {"content_type": "text", "parts": ["My dog is called Biscuit."]}}},
        "b": {"parent": "a", "children": [], "message": {
            "author": {"role": "assistant"}, "create_time": 1706745610.0,
            "content": {"content_type": "text", "parts": ["An answer that was made anew."]}}},
        "d": {"parent": "a", "children": [], "message": {
            "author": {"role": "assistant"}, "create_time": None,
            "content": {"content_type": "multimodal_text", "parts": [{"asset": 1}, "Noted."]}}},
    },
}  # fmt: skip
CHARLIE = {
    "active_brain": [
        {"id": "2", "document": "Hello Ann!", "metadata": {"created_at": 1706745602.0}},
        {"id": "1", "document": "I am Ann.", "metadata": {"created_at": 1706745601, "username": "ann"}},
    ]
}


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        ([CHATGPT], ["person me My dog is called Biscuit.", "remi ChatGPT Noted."]),
        ([{**CHATGPT, "current_node": None}], [
            "person me My dog is called Biscuit.", "remi ChatGPT An answer that was made anew."]),
        ([{**CHATGPT, "current_node": "gone"}], [
            "person me My dog is called Biscuit.", "remi ChatGPT An answer that was made anew."]),
        (CHARLIE, ["person me I am Ann.", "remi Charlie Hello Ann!"]),
    ],
    ids=["chatgpt", "chatgpt-without-current-node", "chatgpt-with-none-that-stands", "charlie"],
)  # fmt: skip
async def test_what_was_said_to_another_assistant_comes_in_once(
    telegram: Gateway, content: Any, texts: list[str]
) -> None:
    for added in (2, 0):
        file = json.dumps(content).encode()
        assert (await bring(telegram, actor(telegram), file, size=700))[0] == added
    held = records(await export(telegram, actor(telegram)))[1:]
    assert [f"{each['role']} {each['author']} {each['text']}" for each in held] == texts
    assert held[0]["sent_at"].startswith("2024-02-01T00:00:0")
    assert not any(each["learned"] for each in held)
    assert "Biscuit" in (await telegram.command("memory", "dog")).text or content is CHARLIE


async def test_what_is_longer_than_a_message_comes_in_as_several(telegram: Gateway) -> None:
    long = "ab" * wire.MAX_TEXT
    content = {"brain": [{"id": "1", "document": f"{long}c", "metadata": {"created_at": 1706745601}}]}
    for added in (3, 0):
        assert (await bring(telegram, actor(telegram), json.dumps(content).encode()))[0] == added
    held = records(await export(telegram, actor(telegram)))[1:]
    assert "".join(each["text"] for each in held) == f"{long}c"


@pytest.mark.parametrize("size", [1, 700])
async def test_a_mark_before_the_text_is_passed_over(telegram: Gateway, size: int) -> None:
    for content in (file_of(message(DOG)), json.dumps([CHATGPT]).encode()):
        assert (await bring(telegram, actor(telegram), BOM_UTF8 + content, size=size))[0] > 0


@pytest.mark.parametrize(
    "content",
    [b"[{}]", b'[{"mapping": {"a": {"message": 3}}}]', b"[", b'{"active_brain": [{"id": "secret-word"}]}'],
)
async def test_what_only_looks_like_anothers_export_is_refused(telegram: Gateway, content: bytes) -> None:
    code, details = await refused(bring(telegram, actor(telegram), content))
    assert (code, "another assistant" in details) == (grpc.StatusCode.INVALID_ARGUMENT, True)
    assert "secret-word" not in details


async def test_anothers_message_that_cant_be_kept_is_named_by_its_day(telegram: Gateway) -> None:
    content = {"brain": [{"id": "1", "document": "a\x00b", "metadata": {"created_at": 1706745601}}]}
    _, details = await refused(bring(telegram, actor(telegram), json.dumps(content).encode()))
    assert "a message of 2024-02-01 can't be read at text" in details


async def test_in_a_group_only_its_admin_exports_and_imports(telegram: Gateway) -> None:
    group = telegram.place("-100", group=True)
    await telegram.say("Our boat is called Biscuit.", place=group)
    member, boss = actor(telegram, "8", "Bob", group), actor(telegram, "8", "Bob", group, admin=True)
    assert (await refused(export(telegram, member)))[0] is grpc.StatusCode.PERMISSION_DENIED
    content = await export(telegram, boss)
    assert "boat" in content.decode()
    assert (await refused(bring(telegram, member, content)))[0] is grpc.StatusCode.PERMISSION_DENIED
    assert (await bring(telegram, boss, content))[:2] == (0, 0)


async def test_nothing_of_others_is_in_an_export(telegram: Gateway) -> None:
    await telegram.say("My locker opens with Zephyr.")
    await telegram.say("I like rain.", user="8", name="Bob")
    assert b"Zephyr" not in await export(telegram, actor(telegram, "8", "Bob"))
