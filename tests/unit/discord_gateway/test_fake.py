"""The fake refuses what Discord would refuse, and knows its own tables."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from fakes.discord import tables
from fakes.discord.faults import Hangs
from fakes.discord.server import FakeDiscord
from fakes.discord.world import Channel, Person, user
from fakes.tables.make_discord import make


@pytest.fixture
async def http(fake: FakeDiscord) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bot {fake.token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        yield session


@pytest.fixture
def channel(fake: FakeDiscord) -> Channel:
    return fake.channel(fake.guild("Lab"), "general")


def button(label: str, action: str) -> dict[str, Any]:
    return {"type": 2, "style": 2, "label": label, "custom_id": action}


@pytest.mark.parametrize(
    "body",
    [
        {"content": "x" * 2001},
        {"content": "x", "nonce": "n" * 26},
        {"content": "x", "colour": "red"},
        {"content": 5},
        {"content": "x", "components": [{"type": 1, "components": [button("x", "y" * 101)]}]},
        {"content": "x", "components": [{"type": 1, "components": [button("x", str(n)) for n in range(6)]}]},
    ],
    ids=["too long", "nonce", "unknown field", "wrong type", "long button", "wide row"],
)
async def test_what_the_tables_refuse(
    fake: FakeDiscord, http: aiohttp.ClientSession, channel: Channel, body: dict[str, Any]
) -> None:
    async with http.post(f"{fake.base}/channels/{channel.id}/messages", json=body) as answer:
        assert answer.status == 400
        assert (await answer.json())["code"] == 50035
    assert len(fake.violations) == 1
    fake.rest.violations.clear()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"content": ""}, 50006),
        ({"content": "x", "message_reference": {"message_id": "1"}}, 50035),
        (
            {
                "content": "x",
                "components": [{"type": 1, "components": [button("x", "y"), button("z", "y")]}],
            },
            50035,
        ),
    ],
    ids=["empty", "reply to nothing", "same button twice"],
)
async def test_what_discord_refuses_for_reasons_of_its_own(
    fake: FakeDiscord, http: aiohttp.ClientSession, channel: Channel, body: dict[str, Any], code: int
) -> None:
    async with http.post(f"{fake.base}/channels/{channel.id}/messages", json=body) as answer:
        assert answer.status == 400
        assert (await answer.json())["code"] == code


async def test_requests_that_no_client_should_make(
    fake: FakeDiscord, http: aiohttp.ClientSession, channel: Channel
) -> None:
    messages = f"{fake.base}/channels/{channel.id}/messages"
    for address, body, status in (
        (f"{fake.base}/nowhere", None, 404),
        (f"{messages}?limit=1000", None, 400),
        (f"{messages}?page=2", None, 400),
        (f"{fake.base}/channels/general", None, 400),
        (f"{fake.base}/users/@me", {"a": "body"}, 400),
    ):
        async with http.get(address, json=body) as answer:
            assert answer.status == status, address
    assert len(fake.violations) == 5
    async with http.get(f"{fake.base}/users/@me", headers={"Authorization": "Bot nobody"}) as answer:
        assert answer.status == 401
    async with http.post(f"{messages}", data=b"{}", headers={"Content-Type": "text/plain"}) as answer:
        assert answer.status == 400
    assert len(fake.violations) == 6
    fake.rest.violations.clear()


async def test_a_request_may_hang(fake: FakeDiscord, http: aiohttp.ClientSession) -> None:
    fake.fault("GET /users/@me", Hangs())
    with pytest.raises(TimeoutError):
        await http.get(f"{fake.base}/users/@me", timeout=aiohttp.ClientTimeout(total=0.05))


async def test_a_file_is_had_by_its_signed_address_alone(
    fake: FakeDiscord, http: aiohttp.ClientSession
) -> None:
    file = fake.file("memory.jsonl", b"{}")
    signed = fake.address(file)
    async with http.get(signed) as answer:
        assert (answer.status, await answer.read()) == (200, b"{}")
    async with http.get(signed.partition("?")[0]) as answer:
        assert answer.status == 404
    fake.removes(file)
    async with http.get(signed) as answer:
        assert answer.status == 404


async def test_the_gateway_for_bots(fake: FakeDiscord, http: aiohttp.ClientSession) -> None:
    for path in ("gateway", "gateway/bot"):
        async with http.get(f"{fake.base}/{path}") as answer:
            assert answer.headers["Content-Type"] == "application/json"
            assert (await answer.json())["url"] == fake.gateway.url


async def test_a_violation_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="no such route"):
        async with FakeDiscord() as fake, aiohttp.ClientSession() as http:
            await http.get(f"{fake.base}/nowhere")


async def test_unknown_gateway_payloads_close_the_connection(
    fake: FakeDiscord, http: aiohttp.ClientSession
) -> None:
    for payload in ({"op": 3, "d": {}}, {"op": 2, "d": {"token": 5}}):
        async with http.ws_connect(fake.gateway.url) as socket:
            assert (await socket.receive_json())["op"] == 10
            await socket.send_json(payload)
            closing = await socket.receive()
            assert closing.data == 4002
    assert len(fake.violations) == 2
    fake.gateway.violations.clear()


def test_the_fake_checks_what_it_says_itself(fake: FakeDiscord) -> None:
    ann = fake.person("Ann")
    assert tables.problem("UserResponse", user(ann)) == ""
    with pytest.raises(AssertionError, match="the fake's own MESSAGE_CREATE"):
        fake.says(ann, "hello", colour="red")


def test_without_the_content_intent_a_guild_is_mute(fake: FakeDiscord, channel: Channel) -> None:
    """Only what mentions the bot, what it wrote itself, and direct messages come with their text."""
    ann: Person = fake.person("Ann")
    guild_messages, direct_messages = 1 << 9, 1 << 12
    fake.gateway._identify(guild_messages | direct_messages)
    assert fake.gateway.session is not None
    fake.says(ann, "secret", channel)
    fake.says(ann, f"{fake.mention()} hi", channel)
    fake.says(ann, "hello")
    texts = [event["d"]["content"] for event in fake.gateway.session.log[-3:]]
    assert texts == ["", f"{fake.mention()} hi", "hello"]


def test_the_table_keeps_names_types_flags_and_limits_alone() -> None:
    """On a description of one route; the real one isn't part of the project."""
    reference = {"$ref": "#/components/schemas/Said"}
    operation = {
        "description": "prose",
        "requestBody": {
            "content": {"application/json": {"schema": reference}, "multipart/form-data": {"schema": {}}}
        },
        "responses": {"200": {"content": {"application/json": {"schema": reference}}}, "4XX": {}},
    }
    said = {
        "type": "object",
        "description": "prose",
        "properties": {
            "text": {"type": "string", "maxLength": 9, "format": "prose"},
            "kind": {"type": "integer", "oneOf": [{"title": "A", "const": 1}, {"title": "B", "const": 2}]},
            "poll": {"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/PollCreateRequest"}]},
        },
        "required": ["text"],
    }
    description = {
        "paths": {
            "/channels/{channel_id}": {
                "parameters": [{"name": "channel_id", "in": "path", "schema": {"type": "string"}}],
                "get": operation,
            }
        },
        "components": {"schemas": {"Said": said, "PollCreateRequest": {"type": "object"}}},
    }
    table = make(description, ["GET /channels/{channel_id}"], [])
    assert table["routes"]["GET /channels/{channel_id}"] == {
        "path": {"channel_id": {"type": "string"}},
        "query": {},
        "request": {"$ref": "#/$defs/Said"},
        "multipart": True,
        "responses": {200: {"$ref": "#/$defs/Said"}},
    }
    assert table["shapes"]["PollCreateRequest"] is False
    assert table["shapes"]["Said"] == {
        "type": "object",
        "required": ["text"],
        "additionalProperties": False,
        "properties": {
            "text": {"type": "string", "maxLength": 9},
            "kind": {"type": "integer", "enum": [1, 2]},
            "poll": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/PollCreateRequest"}]},
        },
    }
