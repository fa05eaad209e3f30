"""Updates that Telegram posts: the same events as polled ones, and answered only when they are taken."""

import asyncio
import socket
from collections.abc import Callable
from functools import partial

import aiohttp
import pytest

from fakes.assistant import FakeAssistant, Hold, accepted, final
from fakes.telegram.checks import bad_request
from fakes.telegram.server import FakeTelegram
from fakes.telegram.world import Json
from services.errors import SettingsError
from services.telegram import webhook
from services.telegram.__main__ import serve
from services.telegram.settings import TelegramSettings

from .conftest import Running, serving

SECRET = "s" * 32


@pytest.fixture
def hooked(settings: TelegramSettings) -> TelegramSettings:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    return settings.model_copy(
        update={
            "telegram_webhook_url": f"http://{address}/telegram",
            "telegram_webhook_secret": type(settings.telegram_bot_token)(SECRET),
            "telegram_webhook_listen": address,
        }
    )


@pytest.fixture
def listening(telegram: FakeTelegram, hooked: TelegramSettings) -> Callable[[], Running]:
    """`async with listening():` the gateway serves with a webhook."""
    return partial(serving, telegram, hooked, "setWebhook")


@pytest.fixture
def ann(telegram: FakeTelegram) -> Json:
    return telegram.world.person(1, "Ann")


async def post(settings: TelegramSettings, body: bytes, secret: str = SECRET) -> int:
    headers = {webhook.SECRET_HEADER: secret}
    async with aiohttp.ClientSession() as session:
        url = settings.telegram_webhook_url or ""
        async with session.post(url, data=body, headers=headers) as answer:
            return answer.status


async def test_a_message_is_answered_and_confirmed(
    telegram: FakeTelegram, listening: Callable[[], Running], ann: Json
) -> None:
    async with listening():
        telegram.says(ann, "hello")
        (stands,) = await telegram.sent(ann)
        await telegram.until(telegram.all_confirmed)
    assert stands["text"] == "You said: hello"
    (call,) = telegram.calls("setWebhook")
    assert call.parameters["secret_token"] == SECRET
    assert "message_reaction" in call.parameters["allowed_updates"]
    assert telegram.calls("getUpdates") == []


async def test_the_keys_are_those_of_polling(
    telegram: FakeTelegram,
    assistant: FakeAssistant,
    running: Callable[[], Running],
    listening: Callable[[], Running],
    ann: Json,
) -> None:
    """Whoever changes from one to the other, whichever way, answers nothing twice."""
    async with running():
        telegram.says(ann, "hello")
        await telegram.until(telegram.all_confirmed)
    async with listening():
        telegram.redeliver()
        await telegram.until(telegram.all_confirmed)
    async with running():
        telegram.redeliver()
        await telegram.until(telegram.all_confirmed)
    assert len(assistant.requests) > 2
    assert len(assistant.turns()) == 1


async def test_nothing_is_confirmed_before_the_assistant_has_it(
    telegram: FakeTelegram,
    assistant: FakeAssistant,
    listening: Callable[[], Running],
    ann: Json,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Telegram is told to come again; what comes again joins what waits."""
    monkeypatch.setattr(webhook, "PATIENCE_SECONDS", 0.05)
    back = asyncio.Event()
    assistant.answer = lambda request: [Hold(back), accepted(), final(request, "Here.")]
    async with listening():
        for text in ("one", "two"):
            telegram.says(ann, text)
        await telegram.until(lambda: telegram.answers.count(503) >= 3)
        assert len(assistant.requests) == 1
        # What the assistant takes now is waited for, on a slow machine too.
        monkeypatch.setattr(webhook, "PATIENCE_SECONDS", 20)
        back.set()
        await telegram.until(telegram.all_confirmed)
        await telegram.sent(ann, 2)
    assert set(telegram.answers) == {200, 503}
    assert [request.message.text for request in assistant.requests] == ["one", "two"]


async def test_what_is_too_much_stays_with_telegram(
    telegram: FakeTelegram,
    assistant: FakeAssistant,
    listening: Callable[[], Running],
    ann: Json,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webhook, "MAX_UNDER_WAY", 0)
    async with listening():
        telegram.says(ann, "one")
        await telegram.until(lambda: 503 in telegram.answers)
    assert assistant.requests == []


async def test_only_telegram_may_post(
    telegram: FakeTelegram,
    assistant: FakeAssistant,
    hooked: TelegramSettings,
    listening: Callable[[], Running],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webhook, "MAX_BODY_BYTES", 1000)
    async with listening():
        for secret in ("", "t" * 32, SECRET + "s", "\u00fc"):
            assert await post(hooked, b'{"update_id": 1}', secret) == 403
        assert await post(hooked, b"no update") == 400
        assert await post(hooked, b'"text"') == 200
        assert await post(hooked, b'{"update_id": 1, "message": {"message_id": "seven"}}') == 200
        assert await post(hooked, b" " * 1001) == 413
    assert assistant.requests == []


async def test_a_webhook_that_telegram_does_not_take_ends_the_gateway(
    telegram: FakeTelegram, hooked: TelegramSettings
) -> None:
    telegram.fail("setWebhook", bad_request("bad webhook: IP address 127.0.0.1 is reserved"))
    async with asyncio.timeout(5):
        with pytest.raises(SettingsError, match=r"^TELEGRAM_WEBHOOK_URL: .*is reserved"):
            await serve(hooked)


async def test_an_address_that_is_taken_ends_the_gateway(
    telegram: FakeTelegram, hooked: TelegramSettings
) -> None:
    host, port = hooked.telegram_webhook_listen.split(":")
    with socket.create_server((host, int(port))):
        async with asyncio.timeout(5):
            with pytest.raises(SettingsError, match=r"^TELEGRAM_WEBHOOK_LISTEN: "):
                await serve(hooked)


@pytest.mark.parametrize(
    ("knobs", "problem"),
    [
        ({"telegram_webhook_url": None}, "TELEGRAM_WEBHOOK_URL: not set"),
        ({"telegram_webhook_secret": None}, "TELEGRAM_WEBHOOK_SECRET: not set"),
        ({"telegram_webhook_url": "remi.example.org"}, "TELEGRAM_WEBHOOK_URL: must be an address"),
        ({"telegram_api_base": None}, "TELEGRAM_WEBHOOK_URL: must begin with https"),
        ({"telegram_webhook_listen": "8443"}, "TELEGRAM_WEBHOOK_LISTEN: must be host:port"),
        ({"telegram_webhook_listen": "127.0.0.1:99999"}, "TELEGRAM_WEBHOOK_LISTEN: must be host:port"),
    ],
)
def test_settings_that_do_not_go_together(
    hooked: TelegramSettings, knobs: dict[str, str | None], problem: str
) -> None:
    with pytest.raises(SettingsError, match=problem):
        webhook.webhook(hooked.model_copy(update=knobs))


def test_a_weak_secret_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_WEBHOOK_SECRET", "hush hush")
    with pytest.raises(ValueError, match="32 to 256") as caught:
        TelegramSettings(_env_file=None, telegram_bot_token="7000:a")  # type: ignore[arg-type, call-arg]
    assert "hush hush" not in str(caught.value)
