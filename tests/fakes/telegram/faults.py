"""What can go wrong with one request to the fake Telegram."""

import asyncio
from dataclasses import dataclass, field

from fakes.telegram.checks import Refusal


@dataclass(frozen=True, slots=True)
class Broken:
    """An answer from in front of the Bot API: a status and a page that is no JSON."""

    status: int = 502


@dataclass(frozen=True, slots=True)
class Hang:
    """No answer until the event is set; then the request is served."""

    until: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection breaks: before the request is served, or after it, instead of the answer."""

    served: bool


@dataclass(frozen=True, slots=True)
class Torn:
    """The connection ends in the middle of the answer."""


Fault = Refusal | Broken | Hang | Cut | Torn

CUT_BEFORE = Cut(served=False)
CUT_AFTER = Cut(served=True)


def too_many(seconds: int) -> Refusal:
    """The flood control's answer."""
    return Refusal(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)
