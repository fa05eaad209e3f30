"""Telegram's limits on what a bot may send: in all, in a chat, and in a group."""

import asyncio
from collections import deque

# Messages in so many seconds. Source: core.telegram.org/bots/faq, "My bot is hitting limits".
ALL = (30, 1.0)
CHAT = (3, 3.0)
GROUP = (20, 60.0)
# Places in each window that previews leave to replies.
SPARE = 2
# The longest that a message waits here; beyond, it goes back to the assistant to come again.
PATIENCE_SECONDS = 5
MAX_CHATS = 10_000


class Window:
    """At most `most` events within any `seconds`."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._times: deque[float] = deque(maxlen=most)

    def wait(self, now: float, spare: int = 0) -> float:
        """Seconds until there is room for one more and `spare` others; `spare` is less than `most`."""
        room_for = self._most - spare
        if len(self._times) < room_for:
            return 0
        return max(0.0, self._times[-room_for] + self._seconds - now)

    def take(self, now: float) -> None:
        """Count one event."""
        self._times.append(now)

    def idle(self, now: float) -> bool:
        """Whether nothing that was counted matters any more."""
        return self.wait(now, self._most - 1) == 0


class Pacer:
    """The windows of one bot. Edits count as messages do; typing signs and drafts do not."""

    def __init__(self) -> None:
        self._all = Window(*ALL)
        self._chats: dict[str, tuple[Window, ...]] = {}

    async def turn(self, chat_id: str) -> float:
        """Wait for room and take it; the answer is 0. Where that would take too long, nothing is taken, and
        the answer is for how many seconds there is no room."""
        windows = self._windows(chat_id)
        while seconds := self._wait(windows):
            if seconds > PATIENCE_SECONDS:
                return seconds
            await asyncio.sleep(seconds)
        self._take(windows)
        return 0

    def preview(self, chat_id: str) -> bool:
        """Take room for a preview, if there is more than replies need."""
        windows = self._windows(chat_id)
        if self._wait(windows, SPARE):
            return False
        self._take(windows)
        return True

    def _windows(self, chat_id: str) -> tuple[Window, ...]:
        if chat_id not in self._chats:
            if len(self._chats) >= MAX_CHATS:
                self._forget_idle()
            limits = (CHAT, GROUP) if chat_id.startswith("-") else (CHAT,)
            self._chats[chat_id] = (self._all, *(Window(*limit) for limit in limits))
        return self._chats[chat_id]

    def _wait(self, windows: tuple[Window, ...], spare: int = 0) -> float:
        now = asyncio.get_running_loop().time()
        return max(window.wait(now, spare) for window in windows)

    def _take(self, windows: tuple[Window, ...]) -> None:
        now = asyncio.get_running_loop().time()
        for window in windows:
            window.take(now)

    def _forget_idle(self) -> None:
        now = asyncio.get_running_loop().time()
        busy = {key: own for key, own in self._chats.items() if not all(each.idle(now) for each in own[1:])}
        self._chats = busy
