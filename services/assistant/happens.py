"""The days that a statement names: "yesterday", "next Friday", "in two weeks", "am 14. März". No model.

English, German and ISO 8601. `dates.py` reads questions, which look back; a statement may look either way, so
what it names can have several readings.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import TypeAlias

Days: TypeAlias = tuple[date, date]
"""Days [from, until)."""

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january januar jan",
            "february februar feb",
            "march märz maerz mar",
            "april apr",
            "may mai",
            "june juni jun",
            "july juli jul",
            "august aug",
            "september sept sep",
            "october oktober oct okt",
            "november nov",
            "december dezember dec dez",
        ),
        1,
    )
    for name in names.split()
}
_WEEKDAYS = {
    name: number
    for number, names in enumerate(
        (
            "monday montag",
            "tuesday dienstag",
            "wednesday mittwoch",
            "thursday donnerstag",
            "friday freitag",
            "saturday samstag sonnabend",
            "sunday sonntag",
        )
    )
    for name in names.split()
}
_NEAR = {
    "today": 0,
    "tonight": 0,
    "heute": 0,
    "tomorrow": 1,
    "yesterday": -1,
    "last night": -1,
    "gestern": -1,
    "the day after tomorrow": 2,
    "übermorgen": 2,
    "the day before yesterday": -2,
    "vorgestern": -2,
}
_NUMBERS = {
    name: number
    for number, names in enumerate(
        (
            "a an one ein eine einem einer",
            "two zwei",
            "three drei",
            "four vier",
            "five fünf",
            "six sechs",
            "seven sieben",
            "eight acht",
            "nine neun",
            "ten zehn",
        ),
        1,
    )
    for name in names.split()
}
_UNITS = {
    name: unit
    for unit, names in {
        "day": "day days tag tage tagen",
        "week": "week weeks woche wochen",
        "month": "month months monat monate monaten",
        "year": "year years jahr jahre jahren",
    }.items()
    for name in names.split()
}
_NEXT = "next|coming|nächste[nrs]?|kommende[nrs]?"
_LAST = "last|letzte[nrs]?|vergangene[nrs]?|vorige[nrs]?"
_THIS = "this|diese[nrs]?"


def _any(words: dict[str, int] | dict[str, str]) -> str:
    return "|".join(sorted(words, key=len, reverse=True)).replace(" ", r"\s+")


_COUNT = rf"\d{{1,3}}|{_any(_NUMBERS)}"
_NAMED = re.compile(
    rf"""\b(?:
        (?P<iso>\d{{4}}-\d\d-\d\d)
      | (?P<near>{_any(_NEAR)})
      | (?:(?P<turn>{_NEXT}|{_LAST}|{_THIS})\s+)?(?P<weekday>{_any(_WEEKDAYS)})
      | (?P<which>{_NEXT}|{_LAST}|{_THIS})\s+(?P<span>{_any(_UNITS)})
      | in\s+(?P<ahead>{_COUNT})\s+(?P<ahead_unit>{_any(_UNITS)})
      | (?P<back>{_COUNT})\s+(?P<back_unit>{_any(_UNITS)})\s+ago
      | vor\s+(?P<vor>{_COUNT})\s+(?P<vor_unit>{_any(_UNITS)})
      | (?:(?P<before>\d{{1,2}})(?:st|nd|rd|th|\.)?\s+(?:of\s+)?)
        (?P<month>{_any(_MONTHS)})\b\.?(?:,?\s+(?P<year>\d{{4}}))?
      | (?P<first>{_any(_MONTHS)})\s+(?P<after>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s+(?P<of>\d{{4}}))?
      | (?P<day>\d{{1,2}})\.(?P<number>\d{{1,2}})\.(?P<in>\d{{4}})?
    )(?!\w)""",
    re.VERBOSE,
)


def named(text: str, said_at: datetime) -> list[list[Days]]:
    """For each time that a text names, its possible readings as of `said_at`, the likeliest first.

    `said_at` is in the zone of whoever said it. Days that no calendar has are passed over.
    """
    today = said_at.date()
    found = []
    # To a pattern that ignores case ı is an i; to a name that is looked up it isn't.
    for match in _NAMED.finditer(text.casefold()):
        try:
            readings = list(_readings(match, today))
        except (ValueError, OverflowError):
            continue
        if readings:
            found.append(readings)
    return found


def settled(claimed: Days | None, text: str, said_at: datetime, *, is_event: bool) -> Days | None:
    """The days a memory is kept with: the model's claim, unless the text it rests on says otherwise.

    A claim that lies within a reading of some time that the text names stands. One that contradicts all of
    them gives way to the text if it names one time only, else to nothing. Of an event without a claim the
    only time named counts, if it can be read in one way: "on Friday" may be the last one or the next, or any.
    """
    times = named(text, said_at)
    if claimed is not None:
        if not times or any(
            from_ <= claimed[0] and claimed[1] <= until for time in times for from_, until in time
        ):
            return claimed
        spanning = [time[0] for time in times]
        if len(times) > 1 and claimed == (min(spanning)[0], max(until for _, until in spanning)):
            return claimed
        return times[0][0] if len(times) == 1 else None
    return _certain(times[0]) if is_event and len(times) == 1 else None


def _certain(readings: Sequence[Days]) -> Days | None:
    """The reading that all others lie within, if there is one."""
    from_, until = min(each[0] for each in readings), max(each[1] for each in readings)
    return (from_, until) if (from_, until) in readings else None


def _readings(match: re.Match[str], today: date) -> Iterator[Days]:
    part = {name: value for name, value in match.groupdict().items() if value}
    if "iso" in part:
        yield _day(date.fromisoformat(part["iso"]))
    elif "near" in part:
        yield _day(today + timedelta(days=_NEAR[" ".join(part["near"].split())]))
    elif "weekday" in part:
        yield from _weekday(part.get("turn", ""), _WEEKDAYS[part["weekday"]], today)
    elif "span" in part:
        yield _span(_direction(part["which"]), _UNITS[part["span"]], today)
    elif "ahead" in part:
        yield from _away(_count(part["ahead"]), _UNITS[part["ahead_unit"]], today)
    elif "back" in part or "vor" in part:
        count, unit = part.get("back") or part["vor"], part.get("back_unit") or part["vor_unit"]
        yield from _away(-_count(count), _UNITS[unit], today)
    else:
        yield from _calendar_day(part, today)


def _weekday(turn: str, weekday: int, today: date) -> Iterator[Days]:
    ahead = (weekday - today.weekday()) % 7 or 7
    coming, gone = today + timedelta(days=ahead), today + timedelta(days=ahead - 7)
    if gone == today:
        gone -= timedelta(days=7)
    match _direction(turn) if turn else None:
        case 1:
            yield _day(coming)
            yield _day(coming + timedelta(days=7))
        case -1:
            yield _day(gone)
            yield _day(gone - timedelta(days=7))
        case 0:
            yield _day(today - timedelta(days=today.weekday() - weekday))
        case _:
            yield from (_day(coming), _day(gone), _day(today))


def _span(direction: int, unit: str, today: date) -> Days:
    if unit == "day":
        return _day(today + timedelta(days=direction))
    if unit == "week":
        monday = today - timedelta(days=today.weekday() - 7 * direction)
        return monday, monday + timedelta(days=7)
    if unit == "month":
        return _month(today, direction), _month(today, direction + 1)
    return date(today.year + direction, 1, 1), date(today.year + direction + 1, 1, 1)


def _away(count: int, unit: str, today: date) -> Iterator[Days]:
    """So many units away: the very day; weeks and more are often meant roughly."""
    if unit in ("day", "week"):
        there = today + timedelta(days=count * (7 if unit == "week" else 1))
        yield _day(there)
        if unit == "week":
            monday = there - timedelta(days=there.weekday())
            yield monday, monday + timedelta(days=7)
        return
    months = count * (12 if unit == "year" else 1)
    first, beyond = _month(today, months), _month(today, months + 1)
    if unit == "year":
        yield date(first.year, 1, 1), date(first.year + 1, 1, 1)
    else:
        yield first, beyond


def _calendar_day(part: dict[str, str], today: date) -> Iterator[Days]:
    day = int(part.get("before") or part.get("after") or part["day"])
    name = part.get("month") or part.get("first")
    month = _MONTHS[name] if name else int(part["number"])
    year = part.get("year") or part.get("of") or part.get("in")
    if year:
        yield _day(date(int(year), month, day))
        return
    # Without a year the nearer one is the likelier.
    near = [
        date(each, month, day)
        for each in (today.year - 1, today.year, today.year + 1)
        if _is(each, month, day)
    ]
    yield from (_day(each) for each in sorted(near, key=lambda each: abs(each - today)))


def _is(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _direction(words: str) -> int:
    if re.fullmatch(_NEXT, words):
        return 1
    return -1 if re.fullmatch(_LAST, words) else 0


def _count(words: str) -> int:
    return int(words) if words.isdigit() else _NUMBERS[words]


def _month(today: date, away: int) -> date:
    """The first day of the month so many months away."""
    months = today.year * 12 + today.month - 1 + away
    return date(months // 12, months % 12 + 1, 1)


def _day(day: date) -> Days:
    return day, day + timedelta(days=1)
