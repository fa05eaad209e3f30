"""The memory service over real gRPC: what a person may see and do to what Remi remembers, and nobody else."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import grpc
import pytest

from calling import actor, indexed, refused
from client import PATIENCE, Gateway, gateway
from commanding import BOB
from conftest import Assistant, StartAssistant
from services.assistant.domain import ChatKind, Platform
from services.stubs.assistant.v1 import assistant_pb2 as pb
from talk import NOON, author, place

DOG = "My dog is called Biscuit."
OFFICE = "The office opens at nine."


async def call(of: Gateway, method: str, request: Any) -> Any:
    return await getattr(of.memory, method)(request, metadata=of.metadata, timeout=PATIENCE)


async def search(of: Gateway, words: str, **more: Any) -> list[pb.Recalled]:
    who = more.pop("who", None) or actor(of)
    return list((await call(of, "Search", pb.SearchRequest(actor=who, query=words, **more))).results)


async def memories(of: Gateway, **more: Any) -> list[pb.Memory]:
    who = more.pop("who", None) or actor(of)
    return list((await call(of, "List", pb.ListRequest(actor=who, **more))).memories)


async def test_search_finds_what_a_turn_would_be_shown(assistant: Assistant, telegram: Gateway) -> None:
    await telegram.say(DOG, message_id="m77", sent_at=NOON)
    for number in range(5):
        await telegram.say(f"On day {number} I walked my dog along the river.")
    await indexed(assistant)
    results = await search(telegram, "What is my dog called?")
    best = results[0]
    assert best.text == DOG
    assert (best.start, best.end, best.handle) == (0, len(DOG), "m1")
    assert (best.author_name, best.platform_message_id) == ("Ann", "m77")
    assert best.said_at.ToDatetime(tzinfo=UTC) == NOON
    assert best.space == pb.SPACE_KIND_PRIVATE
    assert best.shown
    assert best.score > 0
    assert len(results) > 2
    assert [each.text for each in await search(telegram, "What is my dog called?", limit=2)] == [
        each.text for each in results[:2]
    ]
    few = await search(telegram, "What is my dog called?", token_budget=best.tokens)
    assert [each.text for each in few] == [DOG]


async def test_the_moment_of_asking_counts_only_where_clients_may_set_the_clock(
    start_assistant: StartAssistant,
) -> None:
    async with start_assistant(allow=frozenset({"telegram:7"})) as assistant:
        for platform in (Platform.TELEGRAM, Platform.BENCHMARK):
            async with gateway(assistant, platform) as of:
                for day, what in ((1, "apples"), (20, "pears")):
                    said_at = datetime(2025, 5, day, tzinfo=UTC)
                    await of.say(f"I bought a basket of {what} today.", sent_at=said_at)
                where, who = place(platform=platform), author(platform=platform)
                await indexed(assistant, where, who)
                found = {}
                for day in (2, 21):
                    request = pb.SearchRequest(actor=actor(of), query="Which basket did I buy yesterday?")
                    request.asked_at.FromDatetime(datetime(2025, 5, day, 12))
                    found[day] = [each.text for each in (await call(of, "Search", request)).results]
                if platform is Platform.BENCHMARK:
                    assert ("apples" in found[2][0], "pears" in found[21][0]) == (True, True)
                    request.asked_at.FromDatetime(datetime(1980, 1, 1))
                    code, details = await refused(call(of, "Search", request))
                    assert code is grpc.StatusCode.INVALID_ARGUMENT
                    assert details == "asked_at: is missing or long past"
                    request.asked_at.FromDatetime(datetime(9999, 12, 31, 23))
                    code, details = await refused(call(of, "Search", request))
                    assert (code, details) == (
                        grpc.StatusCode.INVALID_ARGUMENT,
                        "asked_at: is too far ahead",
                    )
                else:
                    assert found[2] == found[21]


async def test_memories_are_listed_by_kind_and_page(telegram: Gateway) -> None:
    for number in range(5):
        await telegram.command("remember", f"Shelf {number} holds tea.")
    await telegram.command("remember", "Always answer in French.")
    everything = await memories(telegram)
    assert len(everything) == 6
    instructions = await memories(telegram, kind=pb.MEMORY_KIND_INSTRUCTION)
    assert [each.text for each in instructions] == ["Always answer in French."]
    facts = await memories(telegram, kind=pb.MEMORY_KIND_FACT)
    assert [each.text for each in facts] == [f"Shelf {number} holds tea." for number in reversed(range(5))]
    source = facts[0].sources[0]
    assert source.quote == "Shelf 4 holds tea."
    assert source.author_name == "Ann"

    paged: list[str] = []
    token = ""
    while True:
        request = pb.ListRequest(actor=actor(telegram), page_size=4, page_token=token)
        page = await call(telegram, "List", request)
        paged += [each.memory_id for each in page.memories]
        if not (token := page.next_page_token):
            break
        assert len(page.memories) == 4
    assert paged == [each.memory_id for each in everything]


async def test_a_list_goes_on_though_what_a_page_ended_with_is_forgotten(telegram: Gateway) -> None:
    for number in range(4):
        await telegram.command("remember", f"Shelf {number} holds tea.")
    first = await call(telegram, "List", pb.ListRequest(actor=actor(telegram), page_size=2))
    gone = first.memories[-1].memory_id
    rest = pb.ListRequest(actor=actor(telegram), page_size=200, page_token=first.next_page_token)
    before = [each.memory_id for each in (await call(telegram, "List", rest)).memories]
    await call(telegram, "Forget", pb.ForgetRequest(actor=actor(telegram), memory_ids=[gone]))
    assert [each.memory_id for each in (await call(telegram, "List", rest)).memories] == before
    assert len(before) == 2


async def test_a_correction_is_found_at_once_and_the_old_stays_as_history(telegram: Gateway) -> None:
    await telegram.command("remember", "My locker is number 12.")
    (old,) = await memories(telegram)
    request = pb.CorrectRequest(
        actor=actor(telegram), memory_id=old.memory_id, text="My locker is number 15."
    )
    new = (await call(telegram, "Correct", request)).memory
    assert new.text == "My locker is number 15."
    assert new.sources[0].quote == "My locker is number 15."
    assert [each.memory_id for each in await memories(telegram)] == [new.memory_id]
    history = (
        await call(telegram, "Get", pb.GetRequest(actor=actor(telegram), memory_id=old.memory_id))
    ).memory
    assert history.superseded_by == new.memory_id
    assert history.HasField("superseded_at")
    assert len(await memories(telegram, with_superseded=True)) == 2
    found = await search(telegram, "What is the number of my locker?")
    assert any("15" in each.text and each.memory_id == new.memory_id for each in found)
    assert "15" in await telegram.say("What is the number of my locker?")


async def test_forget_erases_messages_and_what_came_of_them(assistant: Assistant, telegram: Gateway) -> None:
    await telegram.say(DOG)
    await indexed(assistant)
    await telegram.command("remember", "My cat is called Pepper.")
    (cat,) = await memories(telegram)
    dog = next(each for each in await search(telegram, "dog") if each.text == DOG)
    request = pb.ForgetRequest(actor=actor(telegram), message_ids=[dog.message_id, cat.sources[0].message_id])
    done = await call(telegram, "Forget", request)
    assert (done.forgotten_messages >= 2, done.forgotten_memories) == (True, 1)
    assert await memories(telegram) == []
    assert not any("Biscuit" in each.text for each in await search(telegram, "dog Biscuit"))
    again = await call(telegram, "Forget", request)
    assert (again.forgotten_messages, again.forgotten_memories) == (0, 0)


async def test_forget_everything_leaves_an_empty_space(assistant: Assistant, telegram: Gateway) -> None:
    await telegram.say(DOG)
    await telegram.say("I like rain.", user="8", name="Bob")
    await indexed(assistant, place("8"), author("8", "Bob"))
    await telegram.command("remember", "My cat is called Pepper.")
    await call(telegram, "Forget", pb.ForgetRequest(actor=actor(telegram), everything=True))
    assert await memories(telegram) == []
    assert await search(telegram, "dog cat rain") == []
    assert [each.text for each in await search(telegram, "rain", who=actor(telegram, "8", "Bob"))]


async def test_in_a_group_one_may_erase_ones_own_and_its_admin_anything(
    assistant: Assistant, telegram: Gateway, group: pb.Place
) -> None:
    await telegram.say("Our boat is called Biscuit.", place=group)
    await indexed(assistant, place("-100", kind=ChatKind.GROUP))
    await telegram.command("remember", "The boat leaks.", place=group)
    ann, bob = actor(telegram, place=group), actor(telegram, "8", "Bob", group)
    boss = actor(telegram, "8", "Bob", group, admin=True)
    boat = next(each for each in await search(telegram, "boat", who=bob) if "Biscuit" in each.text)
    assert boat.space == pb.SPACE_KIND_GROUP
    (leak,) = await memories(telegram, who=bob)
    for ids in ({"message_ids": [boat.message_id]}, {"memory_ids": [leak.memory_id]}, {"everything": True}):
        code, _ = await refused(call(telegram, "Forget", pb.ForgetRequest(actor=bob, **ids)))
        assert code is grpc.StatusCode.PERMISSION_DENIED
    own = pb.ForgetRequest(actor=ann, memory_ids=[leak.memory_id])
    assert (await call(telegram, "Forget", own)).forgotten_memories == 1
    await call(telegram, "Forget", pb.ForgetRequest(actor=boss, everything=True))
    assert await search(telegram, "boat", who=ann) == []


async def test_explain_tells_what_an_answer_rested_on(assistant: Assistant, telegram: Gateway) -> None:
    code, _ = await refused(call(telegram, "Explain", pb.ExplainRequest(actor=actor(telegram))))
    assert code is grpc.StatusCode.NOT_FOUND
    await telegram.say(DOG, message_id="m77")
    await indexed(assistant)
    answer = await telegram.final(telegram.request("What is my dog called?"))
    newest = await call(telegram, "Explain", pb.ExplainRequest(actor=actor(telegram)))
    named = await call(telegram, "Explain", pb.ExplainRequest(actor=actor(telegram), turn_id=answer.turn_id))
    assert newest == named
    line = newest.recalled[0]
    assert (line.text, line.platform_message_id) == (DOG, "m77")
    assert line.cited
    assert newest.model == "offline"
    assert newest.answered_at.ToDatetime() >= newest.asked_at.ToDatetime() - timedelta(seconds=1)
    gone = pb.ForgetRequest(actor=actor(telegram), message_ids=[line.message_id])
    await call(telegram, "Forget", gone)
    after = await call(telegram, "Explain", pb.ExplainRequest(actor=actor(telegram), turn_id=answer.turn_id))
    forgotten = next(each for each in after.recalled if each.message_id == line.message_id)
    assert forgotten.forgotten
    assert (forgotten.text, forgotten.author_name, forgotten.handle) == ("", "", line.handle)


async def test_explain_shows_standing_instructions(telegram: Gateway) -> None:
    await telegram.command("remember", "Always answer in French.")
    await telegram.say(DOG)
    explained = await call(telegram, "Explain", pb.ExplainRequest(actor=actor(telegram)))
    standing = next(each for each in explained.recalled if each.text == "Always answer in French.")
    assert standing.shown
    assert standing.memory_id
    assert [each.quote for each in standing.sources] == ["Always answer in French."]
    assert "What I always keep in mind" in (await telegram.command("why")).text


async def test_nobody_reaches_another_persons_memory(telegram: Gateway, group: pb.Place) -> None:
    await telegram.command("remember", "My locker code is 4711.")
    answer = await telegram.final(telegram.request("What is my locker code?"))
    (code,) = await memories(telegram)
    for other in (actor(telegram, "8", "Bob"), actor(telegram, place=group)):
        assert await memories(telegram, who=other) == []
        assert await search(telegram, "locker code 4711", who=other) == []
        for method, request in (
            ("Get", pb.GetRequest(actor=other, memory_id=code.memory_id)),
            ("Correct", pb.CorrectRequest(actor=other, memory_id=code.memory_id, text="It is 1234.")),
            ("Explain", pb.ExplainRequest(actor=other, turn_id=answer.turn_id)),
        ):
            status, _ = await refused(call(telegram, method, request))
            assert status is grpc.StatusCode.NOT_FOUND
        stolen = pb.ForgetRequest(actor=other, memory_ids=[code.memory_id])
        assert (await call(telegram, "Forget", stolen)).forgotten_memories == 0
    assert await memories(telegram) == [code]


async def test_the_teams_memory_is_everybodys_to_read_and_their_sharers_to_change(
    assistant: Assistant, telegram: Gateway, group: pb.Place
) -> None:
    await telegram.command("remember", OFFICE)
    await telegram.command("memory")
    assert "Shared" in (await telegram.command("share", "1")).text
    bob = actor(telegram, "8", "Bob")
    (office,) = await memories(telegram, who=bob)
    assert (office.text, office.space) == (OFFICE, pb.SPACE_KIND_TEAM)
    assert office.sources[0].platform_message_id == ""
    correct = pb.CorrectRequest(actor=bob, memory_id=office.memory_id, text="It opens at ten.")
    forget = pb.ForgetRequest(actor=bob, memory_ids=[office.memory_id])
    for method, request in (("Correct", correct), ("Forget", forget)):
        assert (await refused(call(telegram, method, request)))[0] is grpc.StatusCode.PERMISSION_DENIED
    assert "Ann, team" in (await telegram.command("memory", **BOB)).text

    in_group = actor(telegram, place=group)
    correct = pb.CorrectRequest(actor=in_group, memory_id=office.memory_id, text="It opens at ten.")
    assert (await refused(call(telegram, "Correct", correct)))[0] is grpc.StatusCode.PERMISSION_DENIED
    forget = pb.ForgetRequest(actor=in_group, memory_ids=[office.memory_id])
    assert (await call(telegram, "Forget", forget)).forgotten_memories == 0

    correct = pb.CorrectRequest(actor=actor(telegram), memory_id=office.memory_id, text="It opens at ten.")
    new = (await call(telegram, "Correct", correct)).memory
    assert (new.text, new.space) == ("It opens at ten.", pb.SPACE_KIND_TEAM)
    assert [each.text for each in await memories(telegram, who=bob)] == ["It opens at ten."]
    assert any(each.text == "It opens at ten." for each in await search(telegram, "open at ten", who=bob))
    forget = pb.ForgetRequest(actor=actor(telegram), memory_ids=[new.memory_id])
    assert (await call(telegram, "Forget", forget)).forgotten_memories == 1
    assert await memories(telegram, who=bob) == []


async def test_strangers_and_other_platforms_are_refused(assistant: Assistant, telegram: Gateway) -> None:
    stranger = pb.ListRequest(actor=actor(telegram, "666", "Eve"))
    assert (await refused(call(telegram, "List", stranger)))[0] is grpc.StatusCode.PERMISSION_DENIED
    async with gateway(assistant, Platform.DISCORD) as discord:
        request = pb.ListRequest(actor=actor(telegram))
        assert (await refused(call(discord, "List", request)))[0] is grpc.StatusCode.PERMISSION_DENIED
    async with gateway(assistant, token="wrong") as nobody:
        assert (await refused(call(nobody, "List", request)))[0] is grpc.StatusCode.UNAUTHENTICATED


async def test_a_person_who_was_removed_reads_nothing_any_more(
    assistant: Assistant, telegram: Gateway
) -> None:
    await telegram.say(DOG)
    async with assistant.remi.store.pool.acquire() as connection:
        await connection.execute("UPDATE person SET role = 'removed'")
    code, _ = await refused(search(telegram, "dog"))
    assert code is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.parametrize(
    ("method", "request_type", "fields", "field"),
    [
        ("Search", pb.SearchRequest, {"query": ""}, "query"),
        ("Search", pb.SearchRequest, {"query": "x", "token_budget": -1}, "token_budget"),
        ("Search", pb.SearchRequest, {"query": "x", "limit": 5000}, "limit"),
        ("List", pb.ListRequest, {"kind": 99}, "kind"),
        ("List", pb.ListRequest, {"page_size": 201}, "page_size"),
        ("List", pb.ListRequest, {"page_token": "next"}, "page_token"),
        ("List", pb.ListRequest, {"page_token": f"2026-01-01T00:00:00+00:00 {'x' * 36}"}, "page_token"),
        ("List", pb.ListRequest, {"page_token": f"0001-01-01T00:00:00+14:00 {uuid4()}"}, "page_token"),
        ("Get", pb.GetRequest, {"memory_id": "7"}, "memory_id"),
        ("Correct", pb.CorrectRequest, {"memory_id": str(uuid4()), "text": " "}, "text"),
        ("Forget", pb.ForgetRequest, {}, "everything"),
        ("Forget", pb.ForgetRequest, {"everything": True, "message_ids": [str(uuid4())]}, "everything"),
        ("Forget", pb.ForgetRequest, {"message_ids": ["all"]}, "message_ids"),
        ("Forget", pb.ForgetRequest, {"memory_ids": [str(uuid4())] * 1001}, "memory_ids"),
        ("Explain", pb.ExplainRequest, {"turn_id": "last"}, "turn_id"),
    ],
)
async def test_a_malformed_request_names_its_field(
    telegram: Gateway, method: str, request_type: Any, fields: dict[str, Any], field: str
) -> None:
    code, details = await refused(call(telegram, method, request_type(actor=actor(telegram), **fields)))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert details.startswith(f"{field}: ")
