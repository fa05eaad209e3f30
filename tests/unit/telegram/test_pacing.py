"""The windows of Telegram's limits, on a clock of the test's own."""

import asyncio

import pytest

from services.telegram import pacing
from services.telegram.pacing import CHAT, GROUP, PATIENCE_SECONDS, Pacer, Window


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> "Clock":
    made = Clock()
    monkeypatch.setattr(asyncio.get_running_loop(), "time", made.time)
    monkeypatch.setattr(asyncio, "sleep", made.sleep)
    return made


class Clock:
    """Time that passes only in sleep."""

    def __init__(self) -> None:
        self.now = 1000.0

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_window_is_full_until_its_oldest_event_leaves_it() -> None:
    window = Window(2, 10)
    window.take(100)
    assert window.wait(100) == 0
    window.take(104)
    assert window.wait(104) == 6
    assert window.wait(110) == 0
    assert window.wait(104, spare=1) == 10
    assert not window.idle(110)
    assert window.idle(114)


async def test_a_chat_gets_a_burst_and_then_one_a_second(clock: Clock) -> None:
    pacer = Pacer()
    for _ in range(CHAT[0]):
        assert await pacer.turn("1") == 0
    assert clock.now == 1000
    assert await pacer.turn("1") == 0
    assert clock.now == 1003
    assert await pacer.turn("2") == 0
    assert clock.now == 1003


async def test_a_full_group_is_told_instead_of_waited_for(clock: Clock) -> None:
    pacer = Pacer()
    for _ in range(GROUP[0]):
        assert await pacer.turn("-1") == 0
    assert await pacer.turn("-1") > PATIENCE_SECONDS


async def test_previews_leave_room_for_replies(clock: Clock) -> None:
    pacer = Pacer()
    assert pacer.preview("-1")
    assert not pacer.preview("-1")
    assert await pacer.turn("-1") == 0
    assert clock.now == 1000


async def test_idle_chats_are_forgotten(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "MAX_CHATS", 2)
    pacer = Pacer()
    assert pacer.preview("1")
    clock.now += 60
    assert pacer.preview("2")
    assert pacer.preview("3")
    assert pacer.preview("1")
    assert not pacer.preview("2")
