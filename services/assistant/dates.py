"""The times a question names, as stretches: "in May 2023", "on 2024-03-01", "last week", "two hours ago"."""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeAlias

Stretch: TypeAlias = tuple[datetime, datetime]
"""From a moment to another, which is not in it."""

BEGINNING = datetime(2, 1, 1, tzinfo=UTC)
"""Before anything was said."""

_MONTHS = (
    "january february march april may june july august september october november december".split()  # noqa: SIM905
)
_TO = frozenset(["to", "until", "till", "through", "-", "–", "—"])
_BETWEEN = _TO | frozenset(
    "from between and on in of all everything what i we you said the".split()  # noqa: SIM905
)
_DATE = re.compile(
    rf"""\b(?P<since>since\s+(?:the\s+)?)?(?:
        (?P<iso>\d{{4}}-\d\d-\d\d)
      | (?:(?P<before>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?)?
        (?P<month>{"|".join(_MONTHS)})\b
        (?:\s+(?P<after>\d{{1,2}})(?:st|nd|rd|th)?\b)?
        (?:,?\s+(?P<year>(?:19|20)\d\d)\b)?
      | (?P<alone>(?:19|20)\d\d)
      | (?P<back>today|yesterday|(?:this|last)\s+(?:week|month|year))
    )\b""",
    # Other letters that are the same but for their case, as ı and i, are in none of the names.
    re.IGNORECASE | re.VERBOSE | re.ASCII,
)
_YEARS = range(BEGINNING.year, 9999)
"""What begins in one of these is a moment everywhere on earth, and so is its end."""

_NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()  # noqa: SIM905
_UNITS = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "month": timedelta(days=30),
    "year": timedelta(days=365),
}
_COUNT = rf"(?:(\d{{1,3}}|an?|{'|'.join(_NUMBERS)})\s+({'|'.join(_UNITS)})s?)"
_COUNTED = re.compile(_COUNT, re.IGNORECASE | re.ASCII)
_AGO = re.compile(
    rf"\b(?P<counts>{_COUNT}(?:(?:\s*,|\s+and)?\s+{_COUNT})*)\s+ago\b", re.IGNORECASE | re.ASCII
)
_LEAST = timedelta(minutes=5)
"""Who counts minutes is seldom nearer than this."""


def ranges(question: str, now: datetime) -> list[Stretch]:
    """The stretches [from, to) that the question names, as of `now` and in its zone; in English or ISO 8601.

    A month or day without a year is the latest that has begun. Days that no calendar has are passed over, and
    so are the first and the last year that it has. "Since May" reaches until now.
    "Two hours ago" is half an hour before and after that: half of the smallest unit that is counted.
    """
    found = [_open(days, now) if named["since"] else days for named, days in _named(question, now)]
    for named in _AGO.finditer(question):
        with suppress(OverflowError):
            found.append(_ago(named["counts"], now))
    return [(begins, ends) for begins, ends in found if _is_moment(begins)]


def stretches(text: str, now: datetime) -> list[Stretch]:
    """The stretches [from, to) that a text is: "May and June", "2026-03-01 to 2026-03-05", "since yesterday".

    "From" and "on" reach until now where no end is named ("from May", "everything from May on"), "until" from
    BEGINNING. None for a text that says anything beside it.
    """
    found: list[Stretch] = []
    last, at, is_between = None, 0, False
    for named, days in _named(text, now):
        words = _words(text[at : named.start()])
        if not _BETWEEN.issuperset(words):
            return []
        first = words[:1]
        if last and (_TO.intersection(first) or (is_between and first == ["and"])):
            found[-1] = (min(last[0], days[0]), max(last[1], days[1]))
        elif named["since"] or (first == ["from"] and not found):
            found.append(_open(days, now))
        elif {"until", "till"}.intersection(words):
            found.append((BEGINNING, days[1]))
        else:
            found.append(days)
        last, at, is_between = days, named.end(), "between" in words
    words = _words(text[at:])
    if words[:1] == ["on"] and found:
        found[-1] = _open(found[-1], now)
    return found if _BETWEEN.issuperset(words) else []


def _words(text: str) -> list[str]:
    return re.findall(r"\w+|[-–—]", text.lower())


def _named(text: str, now: datetime) -> Iterator[tuple[re.Match[str], Stretch]]:
    """The days that a text names one by one."""
    for named in _DATE.finditer(text):
        with suppress(ValueError, OverflowError):
            days = _days(named, now.date())
            if days and _is_moment(days[0]):
                begins, ends = (datetime.combine(day, time.min, now.tzinfo) for day in days)
                yield named, (begins, ends)


def _open(days: Stretch, now: datetime) -> Stretch:
    return days[0], max(now, days[1])


def _is_moment(day: date) -> bool:
    return day.year in _YEARS


def _ago(counts: str, now: datetime) -> Stretch:
    counted = [(_count(count.lower()), _UNITS[unit.lower()]) for count, unit in _COUNTED.findall(counts)]
    then = now - sum((count * unit for count, unit in counted), timedelta())
    about = max(_LEAST, min(unit for _, unit in counted) / 2)
    return then - about, then + about


def _count(word: str) -> int:
    if word.isdigit():
        return int(word)
    return _NUMBERS.index(word) if word in _NUMBERS else 1


def _days(named: re.Match[str], today: date) -> tuple[date, date] | None:
    if named["iso"]:
        return _day(date.fromisoformat(named["iso"]))
    if named["alone"]:
        return _year(int(named["alone"]))
    if named["back"]:
        return _back(named["back"].lower(), today)
    if not named["month"][0].isupper():
        return None  # "may" and "march" are verbs
    month = _MONTHS.index(named["month"].lower()) + 1
    day = int(named["before"] or named["after"] or 0)
    year = int(named["year"] or today.year - ((month, day) > (today.month, today.day)))
    return _day(date(year, month, day)) if day else _month(year, month)


def _back(words: str, today: date) -> tuple[date, date]:
    if words in ("today", "yesterday"):
        return _day(today - timedelta(days=words == "yesterday"))
    last = words.startswith("last")
    if words.endswith("week"):
        monday = today - timedelta(days=today.weekday() + 7 * last)
        return monday, monday + timedelta(days=7)
    if words.endswith("month"):
        first = today.replace(day=1)
        return _month(*_of(first - timedelta(days=1) if last else first))
    return _year(today.year - last)


def _of(day: date) -> tuple[int, int]:
    return day.year, day.month


def _day(day: date) -> tuple[date, date]:
    return day, day + timedelta(days=1)


def _month(year: int, month: int) -> tuple[date, date]:
    return date(year, month, 1), date(year + month // 12, month % 12 + 1, 1)


def _year(year: int) -> tuple[date, date]:
    return date(year, 1, 1), date(year + 1, 1, 1)
