"""What may go wrong with one request to the fake Discord."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RateLimited:
    """429: come again after so many seconds."""

    retry_after: float


@dataclass(frozen=True, slots=True)
class Banned:
    """429 from the edge, without Discord's body: the address asked too much."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A 5xx answer. discord.py itself tries again after 500, 502, 504 and 524, but not after 503."""

    status: int = 503
    # Whether the request was carried out all the same.
    processed: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection closes without an answer."""

    processed: bool = False


@dataclass(frozen=True, slots=True)
class Hangs:
    """No answer ever comes."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An error of Discord's own, such as 403 with code 50013 (missing permissions)."""

    status: int
    code: int


@dataclass(frozen=True, slots=True)
class Redirected:
    """302: ask at another address."""

    address: str


Fault = RateLimited | Banned | Failed | Cut | Hangs | Refused | Redirected
