"""What the datasets' generators share: arguments, waits, and a script said in order."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from services.benchmark.definition import Arguments, Definition, Exchange, Said, Wait
from services.errors import SettingsError

LAST_WAIT = 0.9
"""Of the memory span must have passed when a test's last message is said."""


def spread(told: Sequence[Said], asked: Sequence[Said]) -> tuple[Said, ...]:
    """What is told at equal distances, then what is asked, at once, after LAST_WAIT of the span."""
    waits = [Wait(share=LAST_WAIT * number / len(told)) for number in range(1, len(told) + 1)]
    return (*(replace(said, wait=wait) for said, wait in zip(told, waits, strict=True)), *asked)


def told(script: Sequence[Said]) -> list[int]:
    """The places of the messages that ask nothing."""
    return [place for place, said in enumerate(script) if not said.is_question]


def in_order(definition: Definition, exchanges: Sequence[Exchange], now: datetime) -> Said | None:
    """The next message of a script that waits for nobody."""
    return definition.script[len(exchanges)] if len(exchanges) < len(definition.script) else None


def whole(arguments: Arguments, defaults: Arguments, name: str, low: int, high: int) -> int:
    """An argument that is a whole number within these bounds. Raises SettingsError."""
    value = arguments.get(name, defaults[name])
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise SettingsError(f"{name}: must be a whole number from {low} to {high}, not {value!r}")
    return value


def one_of(arguments: Arguments, defaults: Arguments, name: str, choices: Sequence[str]) -> str:
    """An argument that is one of these words. Raises SettingsError."""
    value = arguments.get(name, defaults[name])
    if value not in choices:
        raise SettingsError(f"{name}: must be one of {', '.join(choices)}, not {value!r}")
    return str(value)


def needs(holds: bool, field: str, problem: str) -> None:
    """Raises SettingsError about a field of a definition unless this holds."""
    if not holds:
        raise SettingsError(f"{field}: {problem}")
