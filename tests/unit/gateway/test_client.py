import asyncio
import itertools
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from pydantic import SecretStr

from fakes.assistant import Fail, FakeAssistant, Hold, Step, accepted, draft, echo, final, message, refused
from services.errors import InvalidEvent, NotAllowed, SettingsError
from services.gateway import client as client_module
from services.gateway.client import Client, connect, converse, is_reached
from services.gateway.settings import GatewaySettings
from services.stubs.assistant.v1 import assistant_pb2 as pb

TLS = Path(__file__).parents[2] / "fakes" / "tls"


async def outcomes(client: Client, request: pb.ConverseRequest) -> list[str | None]:
    return [response.WhichOneof("outcome") async for response in converse(client, request)]


async def test_the_stream_is_passed_on(assistant: FakeAssistant, client: Client) -> None:
    assistant.answer = lambda request: [accepted(), draft("He"), draft("Hello", 2), final(request, "Hello.")]

    assert await outcomes(client, message("Hi")) == ["accepted", "draft", "draft", "final"]


async def test_an_event_is_said_again_until_it_is_accepted(assistant: FakeAssistant, client: Client) -> None:
    calls = itertools.count()

    def answer(request: pb.ConverseRequest) -> Iterable[Step]:
        match next(calls):
            case 0:
                return [Fail(grpc.StatusCode.UNAVAILABLE)]
            case 1:
                return [Fail(grpc.StatusCode.INTERNAL)]
            case 2:
                return []
            case _:
                return echo(request)

    assistant.answer = answer

    assert await outcomes(client, message("Hi")) == ["accepted", "final"]
    assert len(assistant.requests) == 4
    assert assistant.turns() == {"terminal:ann:1"}


async def test_an_event_waits_for_an_assistant_that_is_away(assistant: FakeAssistant, client: Client) -> None:
    await assistant.hang_up()
    waiting = asyncio.create_task(outcomes(client, message("Hi")))
    await assistant.come_back()

    assert await asyncio.wait_for(waiting, 10) == ["accepted", "final"]


async def test_who_can_not_wait_looks_for_the_assistant_for_a_while(
    assistant: FakeAssistant, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await assistant.hang_up()
    looking = asyncio.create_task(is_reached(client.channel))
    # Longer than one attempt to connect.
    await asyncio.sleep(0.3)
    await assistant.come_back()
    assert await looking

    await assistant.hang_up()
    monkeypatch.setattr(client_module, "REACH_SECONDS", 0.3)
    assert not await is_reached(client.channel)


async def test_a_call_that_hangs_before_accepted_is_made_anew(
    assistant: FakeAssistant, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "ACCEPT_SECONDS", 0.05)
    assistant.answer = lambda request: (
        echo(request) if len(assistant.requests) > 1 else [Hold(asyncio.Event())]
    )

    assert await outcomes(client, message("Hi")) == ["accepted", "final"]


async def test_a_stream_that_breaks_after_accepted_ends_quietly(
    assistant: FakeAssistant, client: Client
) -> None:
    assistant.answer = lambda request: [accepted(), draft("He"), Fail(grpc.StatusCode.UNAVAILABLE)]

    assert await outcomes(client, message("Hi")) == ["accepted", "draft"]
    assert len(assistant.requests) == 1


async def test_refused_ends_the_event(assistant: FakeAssistant, client: Client) -> None:
    assistant.answer = lambda request: [refused("Ask for an invitation.")]

    assert await outcomes(client, message("Hi")) == ["refused"]


async def test_an_invalid_event_names_its_field(assistant: FakeAssistant, client: Client) -> None:
    assistant.answer = lambda request: [Fail(grpc.StatusCode.INVALID_ARGUMENT, "message.text: is too long")]

    with pytest.raises(InvalidEvent) as caught:
        await outcomes(client, message("Hi"))
    assert (caught.value.field, caught.value.problem) == ("message.text", "is too long")


async def test_an_event_larger_than_grpc_takes_is_never_sent(
    assistant: FakeAssistant, client: Client
) -> None:
    with pytest.raises(InvalidEvent, match="message: larger than 4 MiB"):
        await outcomes(client, message("x" * 5_000_000))
    assert assistant.requests == []


async def test_an_event_of_another_platform_is_not_allowed(assistant: FakeAssistant, client: Client) -> None:
    assistant.answer = lambda request: [Fail(grpc.StatusCode.PERMISSION_DENIED)]

    with pytest.raises(NotAllowed):
        await outcomes(client, message("Hi"))


async def test_a_token_the_assistant_does_not_know_is_a_setting_at_fault(
    assistant: FakeAssistant, client: Client
) -> None:
    stranger = replace(client, metadata=(("authorization", "Bearer wrong"),))

    with pytest.raises(SettingsError, match=r"^REMI_GATEWAY_TOKEN"):
        await outcomes(stranger, message("Hi"))


async def test_a_caller_that_leaves_cancels_the_call(assistant: FakeAssistant, client: Client) -> None:
    over = asyncio.Event()

    async def linger() -> None:
        async for _ in converse(client, message("Hi")):
            over.set()

    assistant.answer = lambda request: [accepted(), Hold(asyncio.Event())]
    listening = asyncio.create_task(linger())
    await asyncio.wait_for(over.wait(), 5)
    listening.cancel()

    with pytest.raises(asyncio.CancelledError):
        await listening


@pytest.mark.parametrize("address", ["10.0.0.7:50051", "assistant:50051", "[2001:db8::1]:50051"])
async def test_plain_text_to_another_machine_is_refused(address: str) -> None:
    settings = GatewaySettings(assistant=address, gateway_token=SecretStr("token"))

    with pytest.raises(SettingsError, match=r"^REMI_ASSISTANT: .*REMI_CLOSED_NETWORK=true"):
        async with connect(settings, "telegram"):
            pass


@pytest.mark.parametrize("address", ["127.0.0.1:1", "localhost:1", "[::1]:1", "unix:/run/remi.sock"])
async def test_plain_text_on_this_machine_is_fine(address: str) -> None:
    async with connect(
        GatewaySettings(assistant=address, gateway_token=SecretStr("token")), "telegram"
    ) as client:
        assert client.metadata == (("authorization", "Bearer token"),)


async def test_plain_text_is_fine_where_the_operator_says_the_network_is_closed() -> None:
    settings = GatewaySettings(
        assistant="assistant:50051", gateway_token=SecretStr("token"), closed_network=True
    )

    async with connect(settings, "telegram"):
        pass


async def test_a_certificate_wants_its_key(tmp_path: Path) -> None:
    settings = GatewaySettings(gateway_token=SecretStr("token"), tls_cert=tmp_path / "gateway.pem")

    with pytest.raises(SettingsError, match=r"^REMI_TLS_CERT and REMI_TLS_KEY"):
        async with connect(settings, "telegram"):
            pass


async def test_what_is_no_certificate_is_named(tmp_path: Path) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("-----BEGIN SOMETHING-----")
    token = SecretStr("token")

    for settings, problem in (
        (GatewaySettings(gateway_token=token, tls_ca=junk), r"^REMI_TLS_CA: .*junk.pem holds no certificate"),
        (
            GatewaySettings(gateway_token=token, tls_cert=TLS / "certificate.pem", tls_key=junk),
            r"^REMI_TLS_CERT and REMI_TLS_KEY: .*junk.pem don't hold a certificate",
        ),
    ):
        with pytest.raises(SettingsError, match=problem):
            async with connect(settings, "telegram"):
                pass


async def test_a_certificate_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    settings = GatewaySettings(gateway_token=SecretStr("token"), tls_ca=tmp_path / "none.pem")

    with pytest.raises(SettingsError, match=r"^REMI_TLS_CA: cannot read .*none.pem"):
        async with connect(settings, "telegram"):
            pass
