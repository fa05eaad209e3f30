"""Files as the fake Telegram hands them over, and what is raised where it does not."""

import logging

import pytest
from aiogram import Bot

from fakes.telegram import faults
from fakes.telegram.checks import Refusal, bad_request
from fakes.telegram.server import FakeTelegram
from services.errors import NotFound, Unavailable
from services.telegram import fetch as fetch_module
from services.telegram.fetch import fetch

CONTENT = bytes(range(256)) * 1000


@pytest.fixture
def file_id(telegram: FakeTelegram) -> str:
    sent = telegram.hands_over(telegram.world.person(1, "Ann"), "memory.jsonl", CONTENT)
    return str(sent["document"]["file_id"])


async def test_the_whole_content(bot: Bot, file_id: str) -> None:
    assert await fetch(bot, file_id) == CONTENT


async def test_a_file_without_content(telegram: FakeTelegram, bot: Bot) -> None:
    sent = telegram.hands_over(telegram.world.person(1, "Ann"), "empty", b"")
    assert await fetch(bot, sent["document"]["file_id"]) == b""


@pytest.mark.parametrize("reference", ["another", ""])
async def test_a_reference_that_telegram_does_not_know(bot: Bot, reference: str) -> None:
    with pytest.raises(NotFound):
        await fetch(bot, reference)


@pytest.mark.parametrize(
    "refusal",
    [
        bad_request("file is too big"),
        Refusal(403, "Forbidden: bot was blocked by the user"),
        Refusal(404, "Not Found"),
    ],
)
async def test_what_telegram_refuses(
    telegram: FakeTelegram, bot: Bot, file_id: str, refusal: Refusal
) -> None:
    telegram.fail("getFile", refusal)
    with pytest.raises(NotFound):
        await fetch(bot, file_id)
    assert telegram.calls("download") == []


async def test_a_file_without_a_path(
    telegram: FakeTelegram, bot: Bot, file_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telegram.world, "link", lambda _: "")
    with pytest.raises(NotFound):
        await fetch(bot, file_id)
    assert telegram.calls("download") == []


@pytest.mark.parametrize("status", [400, 403, 404, 410])
async def test_a_download_that_is_refused(
    telegram: FakeTelegram, bot: Bot, file_id: str, status: int
) -> None:
    telegram.fail("download", Refusal(status, "Not Found"))
    with pytest.raises(NotFound):
        await fetch(bot, file_id)


@pytest.mark.parametrize(
    "fault",
    [
        Refusal(500, "Internal Server Error"),
        Refusal(401, "Unauthorized"),
        faults.too_many(7),
        faults.Broken(),
        faults.CUT_BEFORE,
        faults.Torn(),
    ],
)
@pytest.mark.parametrize("request_for", ["getFile", "download"])
async def test_while_telegram_is_away_and_when_it_is_back(
    telegram: FakeTelegram, bot: Bot, file_id: str, request_for: str, fault: faults.Fault
) -> None:
    # The client asks for a download once more by itself where a connection that it had kept is dead.
    again = request_for == "download" and fault == faults.CUT_BEFORE
    telegram.fail(request_for, *[fault] * (2 if again else 1))
    with pytest.raises(Unavailable):
        await fetch(bot, file_id)
    assert await fetch(bot, file_id) == CONTENT


async def test_a_download_that_takes_too_long(
    telegram: FakeTelegram, bot: Bot, file_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch_module, "DOWNLOAD_SECONDS", 0.05)
    telegram.fail("download", faults.Hang())
    with pytest.raises(Unavailable):
        await fetch(bot, file_id)


async def test_no_more_is_read_than_telegram_gives(
    bot: Bot, file_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch_module, "MAX_BYTES", len(CONTENT))
    assert await fetch(bot, file_id) == CONTENT
    monkeypatch.setattr(fetch_module, "MAX_BYTES", len(CONTENT) - 1)
    with pytest.raises(NotFound, match="too large"):
        await fetch(bot, file_id)


async def test_the_token_is_told_nowhere(
    telegram: FakeTelegram, bot: Bot, file_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    telegram.fail("getFile", Refusal(404, "Not Found"), faults.CUT_BEFORE)
    telegram.fail("download", Refusal(404, "Not Found"), faults.Broken(), faults.Torn())
    for _ in range(5):
        with pytest.raises((NotFound, Unavailable)) as failed:
            await fetch(bot, file_id)
        assert telegram.token not in str(failed.value)
        assert failed.value.__cause__ is None
        assert failed.value.__suppress_context__
    assert await fetch(bot, file_id) == CONTENT
    assert telegram.token not in caplog.text
