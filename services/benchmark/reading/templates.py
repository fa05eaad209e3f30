"""Reading sentences that were made from a template."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from services.benchmark.reading.lines import Line, plain

_FIELD = re.compile(r"\\\{(\w+)\\\}")


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence made from a template, by what filled the template's fields."""

    template: str
    fields: Mapping[str, str]
    moment: datetime | None = None
    """When it was said, as Line has it."""


def told(lines: Iterable[Line], templates: Sequence[str], ends: Sequence[str] = ()) -> list[Told]:
    """What people said in these templates, without what they said so in earlier tests of the dataset.

    A test ends with a sentence made from one of `ends`: its question, or what is said to start afresh.
    """
    said: list[Told] = []
    is_over = False
    for line in lines:
        if line.is_reply:
            continue
        if statement := made_from(line.text, templates, line.moment):
            said = [statement] if is_over else [*said, statement]
            is_over = False
        elif made_from(line.text, ends):
            is_over = True
    return said


def made_from(text: str, templates: Iterable[str], moment: datetime | None = None) -> Told | None:
    """What a line's text says if it was made from one of the templates; the first that fits counts.

    Case, blanks and a full stop at the end don't matter. Numbers and distances are digits.
    """
    for template in templates:
        if found := _pattern(template).fullmatch(text):
            return Told(template, {name: value.strip() for name, value in found.groupdict().items()}, moment)
    return None


def asked(question: str, templates: Iterable[str]) -> Told | None:
    """What a question asks, whatever stands around it; None if it was made from none of the templates."""
    for template in templates:
        if found := _pattern(template).search(plain(question)):
            return Told(template, found.groupdict())
    return None


@cache
def _pattern(template: str) -> re.Pattern[str]:
    escaped = re.sub(r"(?:\\\s|\s)+", r"\\s+", re.escape(plain(template).strip().rstrip(".")))
    return re.compile(
        rf"\s*{_FIELD.sub(lambda field: _field(field[1]), escaped)}[.!]?\s*", re.IGNORECASE | re.DOTALL
    )


def _field(name: str) -> str:
    return rf"(?P<{name}>\d+)" if name in ("number", "distance") else rf"(?P<{name}>.+?)"
