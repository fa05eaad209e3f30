"""The days that a statement names: "yesterday", "next Friday", "in two weeks", "am 14. März". No model.

English, German and ISO 8601. `dates.py` reads questions, which look back; a statement may look either way, so
what it names can have several readings.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
_WEEKDAY = _any(_WEEKDAYS)
_UNIT = _any(_UNITS)
_NAMED = re.compile(
    rf"""\b(?:
        (?P<iso>\d{{4}}-\d\d-\d\d)
      | (?P<near>{_any(_NEAR)})
      | (?:(?P<turn>{_NEXT}|{_LAST}|{_THIS})\s+)?(?P<weekday>{_WEEKDAY})
      | (?P<which>{_NEXT}|{_LAST}|{_THIS})\s+(?P<span>{_UNIT})
      | in\s+(?P<ahead>{_COUNT})\s+(?P<ahead_unit>{_UNIT})
      | (?P<back>{_COUNT})\s+(?P<back_unit>{_UNIT})\s+ago
      | vor\s+(?P<vor>{_COUNT})\s+(?P<vor_unit>{_UNIT})
      | (?:(?P<before>\d{{1,2}})(?:st|nd|rd|th|\.)?\s+(?:of\s+)?)
        (?P<month>{_any(_MONTHS)})\b\.?(?:,?\s+(?P<year>\d{{4}}))?
      | (?P<first>{_any(_MONTHS)})\s+(?P<after>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s+(?P<of>\d{{4}}))?
      | (?P<day>\d{{1,2}})\.(?P<number>\d{{1,2}})\.(?P<in>\d{{4}})?
    )(?!\w)""",
    re.VERBOSE,
)


_BESIDE = 40
"""Characters before a time in which words have to stand to bear on it."""
# "2.4." is as often a version or a number at the end of a sentence.
_BEFORE_A_DATE = re.compile(
    rf"""\b(?:am|vo[nm]|bis|zum|de[mnr]|ab|on|seit|vor|nach|{_WEEKDAY}),?\s+
        (?:\d{{1,2}}\.\d{{1,2}}\.\s*(?:[-–—/,&]|und|oder|bis)\s*)*$""",
    re.VERBOSE,
)
_BENT_BEFORE = re.compile(
    r"""\b(?:until|till?|by|from|since|before|after|between|beyond|through|of|than|following
          |weeks?|fortnight|bis|ab|seit|vor|nach|vo[nm]|zwischen|spätestens|frühestens|wochen?)
        (?:\s+(?:the|on|zu[mr]|am|de[mnrs]))*\s+$""",
    re.VERBOSE,
)
_BENT_AFTER = re.compile(
    rf"""\s+(?:week|fortnight|of|des|or|oder|until|till?|bis|onwards?
          |(?:in|im)\s+(?:the\s+)?(?:\d{{4}}|{_any(_MONTHS)}|{_UNIT}
            |spring|summer|autumn|fall|winter|frühjahr|frühling|sommer|herbst))\b""",
    re.VERBOSE,
)
# "Yesterday after lunch" is yesterday; "the last Friday before Christmas" isn't last Friday.
_WEEKDAY_BENT_AFTER = re.compile(r"\s+(?:before|after|vor|nach)\b")
# "The next week" and "my last day" are told from within a story.
_WHOSE = re.compile(r"\b(?:the|my|our|your|his|her|their|(?:mein|unser|euer|sein|ihr)\w*)\s+$")
_SERIES = re.compile(
    rf"""\b(?:
        (?:(?:{_WEEKDAY})\s+(?:(?:of|in|im)\s+)?)?
        (?:every|each|jede[mnrs]?|alle)\s+
        (?:(?:single|few|other|first|second|third|fourth|last
          |paar|(?:ander|erst|zweit|dritt|viert|letzt)e[nrs]?|{_COUNT})\s+)?
        (?:{_WEEKDAY}|{_UNIT}|weekend|wochenende|morning|afternoon|evening|night|morgen|abend|nacht)s?
        (?:(?:,?(?:\s+(?:and|und))?|\s+(?:on|am))\s+(?:{_WEEKDAY})\b)*
      | (?:{_WEEKDAY})\s*(?:morning|afternoon|evening|night|(?:vor|nach)?mittag|morgen|abend|nacht)?s
    )\b""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class _Time:
    """A time that a text names. What stands beside a bent one may move it: "a week from Friday"."""

    match: re.Match[str]
    readings: tuple[Days, ...]
    is_bent: bool


def named(text: str, said_at: datetime) -> list[list[Days]]:
    """For each time that a text names, its possible readings as of `said_at`, the likeliest first.

    `said_at` is in the zone of whoever said it. Days that no calendar has are passed over, and so is what
    comes again and again: "every Friday".
    """
    return [list(time.readings) for time in _times(text, said_at.date())]


def settled(claimed: Days | None, text: str, said_at: datetime, *, is_event: bool) -> Days | None:
    """The days a memory is kept with: the model's claim, unless the text it rests on plainly says otherwise.

    A claim stands that lies within a reading of some time that the text names, or that spans all of them and
    begins or ends with one. One that contradicts all of them gives way to the text if it names one time only,
    else to nothing; but where words beside that time may move it, as in "a week from Friday", it stands. Of
    what comes again, as "every Friday" does, no single day is kept. Of an event without a claim the only time
    named counts, if nothing may move it and it can be read in one way: "on Friday" may be the last one or the
    next, or any.
    """
    today = said_at.date()
    times = _times(text, today)
    comes_again = _SERIES.search(text.casefold()) is not None
    only = times[0] if len(times) == 1 and not comes_again else None
    if claimed is None:
        return _certain(only.readings) if is_event and only and not only.is_bent else None
    if any(_lies_within(claimed, time) for time in times) or _spans(claimed, times):
        return claimed
    if comes_again and claimed == _day(claimed[0]):
        return None
    if not times or (only and only.is_bent):
        return claimed
    return _likeliest(only.readings, claimed, today) if only else None


def _times(text: str, today: date) -> list[_Time]:
    # To a pattern that ignores case ı is an i; to a name that is looked up it isn't.
    text = _SERIES.sub(";", text.casefold())
    found = []
    for match in _NAMED.finditer(text):
        if match["number"] and not match["in"] and not _follows(_BEFORE_A_DATE, match):
            continue
        if readings := _read(match, today):
            found.append(_Time(match, readings, _is_bent(match)))
    return found


def _is_bent(match: re.Match[str]) -> bool:
    """Whether words beside a time may make another one of it."""
    return bool(
        _follows(_BENT_BEFORE, match)
        or _BENT_AFTER.match(match.string, match.end())
        or (match["weekday"] and _WEEKDAY_BENT_AFTER.match(match.string, match.end()))
        or ((match["turn"] or match["which"]) and _follows(_WHOSE, match))
        or (match["span"] and _UNITS[match["span"]] == "day")
    )


def _follows(words: re.Pattern[str], match: re.Match[str]) -> bool:
    return words.search(match.string, max(0, match.start() - _BESIDE), match.start()) is not None


def _lies_within(claimed: Days, time: _Time) -> bool:
    """Whether a claim lies within a reading of a time; a day without its week or year may be any such day."""
    part = time.match.groupdict()
    is_any = (part["weekday"] and not part["turn"]) or _is_yearless(part)
    readings = time.readings + (_read(time.match, claimed[0]) if is_any else ())
    return any(from_ <= claimed[0] and claimed[1] <= until for from_, until in readings)


def _is_yearless(part: dict[str, str | None]) -> bool:
    month, year = part["month"] or part["first"] or part["number"], part["year"] or part["of"] or part["in"]
    return month is not None and year is None


def _spans(claimed: Days, times: Sequence[_Time]) -> bool:
    """Whether a claim holds a reading of each time, and begins or ends with one."""
    held = [
        [days for days in time.readings if claimed[0] <= days[0] and days[1] <= claimed[1]] for time in times
    ]
    return all(held) and any(
        claimed[0] == from_ or claimed[1] == until for readings in held for from_, until in readings
    )


def _likeliest(readings: Sequence[Days], claimed: Days, today: date) -> Days:
    """The likeliest reading that lies ahead if the claim does, or back if that does; else the likeliest."""
    is_past = claimed[0] < today
    return next((days for days in readings if (days[0] < today) is is_past), readings[0])


def _certain(readings: Sequence[Days]) -> Days | None:
    """The reading that all others lie within, if there is one."""
    from_, until = min(each[0] for each in readings), max(each[1] for each in readings)
    return (from_, until) if (from_, until) in readings else None


def _read(match: re.Match[str], today: date) -> tuple[Days, ...]:
    """The readings of a time as of a day, the likeliest first; none if no calendar has it."""
    try:
        return tuple(_readings(match, today))
    except (ValueError, OverflowError):
        return ()


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
            yield from (_day(coming), _day(gone))
            if today.weekday() == weekday:
                yield _day(today)


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
