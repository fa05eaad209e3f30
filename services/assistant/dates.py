"""The times a question names, as stretches: "in May 2023", "on 2024-03-01", "last week", "two hours ago"."""

import re
from contextlib import suppress
from datetime import date, datetime, time, timedelta

_MONTHS = (
    "january february march april may june july august september october november december".split()  # noqa: SIM905
)
_BETWEEN = frozenset(
    "from to until till through between and on in since of all everything what i we you said the".split()  # noqa: SIM905
)
_DATE = re.compile(
    rf"""\b(?:
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
_FIRST, _LAST = date(2, 1, 1), date(9998, 12, 31)
"""What begins on one of these days is a moment everywhere on earth, and so is its end."""

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


def ranges(question: str, now: datetime) -> list[tuple[datetime, datetime]]:
    """The stretches [from, to) that the question names, as of `now` and in its zone; in English or ISO 8601.

    A month or day without a year is the latest that has begun. Days that no calendar has are passed over, and
    so are the first and the last year that it has.
    "Two hours ago" is half an hour before and after that: half of the smallest unit that is counted.
    """
    found = []
    for named in _DATE.finditer(question):
        with suppress(ValueError, OverflowError):
            if days := _days(named, now.date()):
                begins, ends = (datetime.combine(day, time.min, now.tzinfo) for day in days)
                found.append((begins, ends))
    for named in _AGO.finditer(question):
        with suppress(OverflowError):
            found.append(_ago(named["counts"], now))
    return [(begins, ends) for begins, ends in found if _FIRST <= begins.date() <= _LAST]


def stretch(text: str, now: datetime) -> tuple[datetime, datetime] | None:
    """The one stretch [from, to) that a text is: "yesterday", "2026-03-01 to 2026-03-05", "from May to July".

    None for a text that says anything beside it.
    """
    found = ranges(text, now)
    beside = set(re.findall(r"\w+", _DATE.sub(" ", text).lower()))
    if not found or beside - _BETWEEN:
        return None
    return min(begins for begins, _ in found), max(ends for _, ends in found)


def _ago(counts: str, now: datetime) -> tuple[datetime, datetime]:
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
