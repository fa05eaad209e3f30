"""When: the times that plain English requests name, and what comes after them. No model, no I/O.

A time is local: nine o'clock stays nine o'clock when the clocks change. One that the change leaves out moves
forward by the gap, and one that it repeats means the first of the two.
"""

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

from services.errors import NotUnderstood

Unit: TypeAlias = Literal["minute", "hour", "day", "week", "month", "year"]
MORNING = time(9)
"""The hour of a day that is named without one."""
FARTHEST = timedelta(days=20 * 366)


@dataclass(frozen=True, slots=True)
class Rule:
    """Every so many units; of weeks, on these weekdays (Monday is 0)."""

    every: int
    unit: Unit
    weekdays: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Due:
    """The first time, local and without an offset, and how it comes again."""

    starts: datetime
    rule: Rule | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be called to mind, and when."""

    what: str
    due: Due


def read(text: str, now: datetime) -> Request | None:
    """The time at the beginning or the end of a text, and the rest of it; None where there is no time.

    `now` is aware, in the person's zone. Raises NotUnderstood for a time that is past, with a sentence.
    """
    line = " ".join(text.split()).strip(" .!")
    for found in (_AT_START.match(line), _AT_END.search(line)):
        if found is None:
            continue
        due = _due(found["when"], now)
        if due is not None:
            return Request(_what(line[: found.start("when")] + line[found.end("when") :]), due)
    return None


def due_at(starts: datetime, zone: ZoneInfo) -> datetime:
    """The moment of a local time."""
    return starts.replace(tzinfo=zone).astimezone(UTC)


def following(due: Due, zone: ZoneInfo, after: datetime) -> datetime | None:
    """The first moment of a rule later than `after`; None if it doesn't come again."""
    rule = due.rule
    first = due_at(due.starts, zone)
    if first > after:
        return first
    if rule is None:
        return None
    if rule.unit in ("minute", "hour"):
        step = timedelta(minutes=rule.every * (60 if rule.unit == "hour" else 1))
        return first + step * ((after - first) // step + 1)
    count = _steps_before(due, zone, after)
    while True:
        for starts in _in_step(due.starts, rule, count):
            if (moment := due_at(starts, zone)) > after and starts >= due.starts:
                return moment
        count += 1


def described(rule: Rule) -> str:
    """A rule in words: "every weekday", "every 2 weeks on Monday"."""
    if rule == WEEKDAYS:
        return "every weekday"
    if rule.weekdays:
        days = " and ".join(calendar.day_name[day] for day in rule.weekdays)
        return f"every {days}" if rule.every == 1 else f"every {rule.every} weeks on {days}"
    return f"every {rule.unit}" if rule.every == 1 else f"every {rule.every} {rule.unit}s"


WEEKDAYS = Rule(1, "week", (0, 1, 2, 3, 4))

_DAYS = {name.lower(): number for number, name in enumerate(calendar.day_name)}
_DAYS |= {name[:3]: number for name, number in _DAYS.items()} | {
    "tues": 1,
    "wednes": 2,
    "thurs": 3,
    "thur": 3,
}
_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_name) if name}
_MONTHS |= {name[:3]: number for name, number in _MONTHS.items()} | {"sept": 9}
_NUMBERS = dict(
    zip(
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"],
        range(1, 13),
        strict=True,
    )
) | {"a": 1, "an": 1, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "ninety": 90}
_UNITS: dict[str, Unit] = {
    "min": "minute",
    "minute": "minute",
    "hr": "hour",
    "hour": "hour",
    "day": "day",
    "week": "week",
    "month": "month",
    "year": "year",
}
_PARTS = {"morning": time(9), "noon": time(12), "afternoon": time(15), "evening": time(19), "night": time(21)}


def _any(words: dict[str, int]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_NUMBER = rf"(?:\d{{1,4}}|{_any(_NUMBERS)})"
_UNIT = r"(?:minute|min|hour|hr|day|week|month|year)s?"
_DAY = rf"(?:{_any(_DAYS)})"
_MONTH = rf"(?:{_any(_MONTHS)})"
_CLOCK = (
    rf"(?:(?:half|quarter)\s(?:past|to)\s{_NUMBER}|{_NUMBER}(?:[:.]\d\d)?(?:\s?(?:[ap]\.?m\b\.?|o['’]?clock))?"
    r"|noon|midday|midnight)"
)
# What a time can be made of. Each stands for itself; several in a row make one time.
_PIECES = (
    rf"in\s(?:about\s)?(?:half\san\shour|{_NUMBER}\s(?:and\sa\shalf\s)?{_UNIT})",
    rf"{_NUMBER}\s{_UNIT}\sfrom\snow",
    rf"every\s(?:other\s|second\s|{_NUMBER}\s)?(?:weekday|work(?:ing)?\s?day|morning|afternoon|evening|night|{_UNIT}"
    rf"|{_DAY}s?(?:(?:\s?,\s?|\sand\s|\s?,\sand\s){_DAY}s?)*)\b",
    r"daily|weekly|monthly|yearly",
    r"(?:on\s)?the\sday\safter\stomorrow|today|tonight|tomorrow|tmrw",
    rf"(?:(?:on|this|next|coming)\s)*{_DAY}\b",
    rf"(?:on\s)?(?:the\s)?\d{{1,2}}(?:st|nd|rd|th)?\s(?:of\s)?{_MONTH}\b(?:,?\s\d{{4}})?",
    rf"(?:on\s)?{_MONTH}\s\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s\d{{4}})?",
    r"(?:on\s)?\d{4}-\d\d-\d\d",
    r"on\s\d{1,2}\.\d{1,2}\.(?:\d{4})?",
    r"on\sthe\s\d{1,2}(?:st|nd|rd|th)\b",
    r"next\s(?:week|month|year)",
    rf"at\s{_CLOCK}(?:\sin\sthe\s(?:morning|afternoon|evening)|\sat\snight)?",
    r"\d{1,2}:\d\d",
    r"\d{1,2}\s?[ap]\.?m\b\.?",
    r"in\sthe\s(?:morning|afternoon|evening)|(?:this\s)?(?:morning|afternoon|evening)|at\snight",
)
_PIECE = f"(?:{'|'.join(_PIECES)})"
_WHEN = rf"(?P<when>{_PIECE}(?:\s?,?\s{_PIECE})*)"
_AT_START = re.compile(rf"{_WHEN}(?=$|[\s:,;])", re.IGNORECASE)
_AT_END = re.compile(rf"(?:^|(?<=[\s,])){_WHEN}$", re.IGNORECASE)
_LEADING = re.compile(r"^(?:to|that|of|about)\s+", re.IGNORECASE)


def _what(rest: str) -> str:
    return _LEADING.sub("", rest.strip(" ,:;-.")).strip(" ,:;-.")


@dataclass(slots=True)
class _Parts:
    """What the pieces of a time say, gathered one by one."""

    now: datetime
    moment: datetime | None = None
    day: date | None = None
    clock: time | None = None
    rule: Rule | None = None
    is_afternoon: bool = False
    is_unlike: bool = False
    """Two pieces contradict each other, or name no time that there is."""


def _due(text: str, now: datetime) -> Due | None:
    parts = _Parts(now)
    for piece in re.finditer(_PIECE, text.lower()):
        words = piece.group()
        for pattern, read_piece in _READERS:
            if found := re.fullmatch(pattern, words):
                read_piece(parts, found)
                break
    return None if parts.is_unlike else _assembled(parts)


def _assembled(parts: _Parts) -> Due | None:
    now = parts.now.replace(tzinfo=None)
    if parts.moment is not None:
        starts = parts.moment if parts.clock is None else datetime.combine(parts.moment, parts.clock)
        return Due(_checked(starts, now), parts.rule)
    clock = parts.clock
    if clock is not None and parts.is_afternoon and clock.hour < 12:
        clock = clock.replace(hour=clock.hour + 12)
    if parts.rule is not None and parts.rule.unit in ("minute", "hour"):
        step = timedelta(minutes=parts.rule.every * (60 if parts.rule.unit == "hour" else 1))
        return Due((now + step).replace(second=0, microsecond=0), parts.rule)
    if parts.day is not None:
        return Due(_checked(datetime.combine(parts.day, clock or MORNING), now), parts.rule)
    if clock is None and parts.rule is None:
        return None
    starts = datetime.combine(now, clock or MORNING)
    if parts.rule is not None:
        return Due(_first(starts, parts.rule, now), parts.rule)
    return Due(starts if starts > now else starts + timedelta(days=1))


def _first(starts: datetime, rule: Rule, now: datetime) -> datetime:
    """The first time of a rule that begins today or later."""
    while starts <= now or (rule.weekdays and starts.weekday() not in rule.weekdays):
        starts += timedelta(days=1)
    return starts


def _checked(starts: datetime, now: datetime) -> datetime:
    if starts <= now:
        raise NotUnderstood(f"{starts:%A %d %B %Y, %H:%M} is past already.")
    if starts - now > FARTHEST:
        raise NotUnderstood(f"{starts:%Y} is too far away for me.")
    return starts


def _number(text: str) -> int:
    return int(text) if text.isdigit() else _NUMBERS[text]


def _unit(text: str) -> Unit:
    return _UNITS[text.rstrip("s")]


def _in(parts: _Parts, found: re.Match[str]) -> None:
    now = parts.now
    if found["half_hour"]:
        parts.moment = (now + timedelta(minutes=30)).replace(tzinfo=None)
        return
    count, unit = _number(found["count"]), _unit(found["unit"])
    if unit in ("minute", "hour"):
        minutes = (count + (0.5 if found["and_half"] else 0)) * (60 if unit == "hour" else 1)
        # Minutes pass the same whatever the clocks do.
        moment = (now.astimezone(UTC) + timedelta(minutes=minutes)).astimezone(now.tzinfo)
        parts.moment = moment.replace(tzinfo=None)
    else:
        parts.moment = _later(now.replace(tzinfo=None), Rule(count, unit), 1)


def _every(parts: _Parts, found: re.Match[str]) -> None:
    what = found["what"]
    count = 2 if found["count"] in ("other", "second") else _number(found["count"] or "one")
    if count < 1:
        parts.is_unlike = True
    elif re.fullmatch(r"weekday|work(ing)?\s?day", what):
        parts.rule = WEEKDAYS
    elif what in _PARTS:
        parts.rule = Rule(count, "day")
        parts.clock = parts.clock or _PARTS[what]
    elif re.fullmatch(_UNIT, what):
        parts.rule = Rule(count, _unit(what))
    else:
        days = sorted(
            {
                _DAYS[day.removesuffix("s") if day not in _DAYS else day]
                for day in re.findall(r"[a-z]+", what)
                if day != "and"
            }
        )
        parts.rule = Rule(count, "week", tuple(days))


def _adverb(parts: _Parts, found: re.Match[str]) -> None:
    units: dict[str, Unit] = {"daily": "day", "weekly": "week", "monthly": "month", "yearly": "year"}
    parts.rule = Rule(1, units[found.group()])


def _near_day(parts: _Parts, found: re.Match[str]) -> None:
    words, today = found.group(), parts.now.date()
    if words == "tonight":
        parts.clock = parts.clock or time(20)
        parts.is_afternoon = True
    ahead = 2 if "after" in words else int(words.startswith(("tom", "tmrw")))
    parts.day = today + timedelta(days=ahead)


def _weekday(parts: _Parts, found: re.Match[str]) -> None:
    today = parts.now.date()
    ahead = (_DAYS[found["day"]] - today.weekday()) % 7
    parts.day = today + timedelta(days=ahead or 7)


def _date(parts: _Parts, found: re.Match[str]) -> None:
    month = _MONTHS.get(found["month"]) or int(found["month"])
    _set_day(parts, found["year"], month, int(found["day"]))


def _set_day(parts: _Parts, year: str | None, month: int, day: int) -> None:
    today = parts.now.date()
    try:
        named = date(int(year or today.year), month, day)
        parts.day = named if year or named >= today else date(today.year + 1, month, day)
    except ValueError:
        parts.is_unlike = True


def _day_of_month(parts: _Parts, found: re.Match[str]) -> None:
    day, today = int(found["day"]), parts.now.date()
    if not 1 <= day <= 31:
        parts.is_unlike = True
        return
    first = today.replace(day=1)
    while True:
        last = calendar.monthrange(first.year, first.month)[1]
        named = first.replace(day=min(day, last))
        # Only a rule means the last day of a month that is too short.
        if named > today and (day <= last or parts.rule):
            parts.day = named
            return
        first += timedelta(days=last)


def _next(parts: _Parts, found: re.Match[str]) -> None:
    later = _later(parts.now.replace(tzinfo=None), Rule(1, _unit(found["unit"])), 1)
    parts.day = later.date()


def _at(parts: _Parts, found: re.Match[str]) -> None:
    words = found["clock"]
    if words in ("noon", "midday", "midnight"):
        parts.clock = time(0 if words == "midnight" else 12)
        if words == "midnight":
            parts.day = (parts.day or parts.now.date()) + timedelta(days=1)
        return
    if part := re.fullmatch(rf"(half|quarter)\s(past|to)\s({_NUMBER})", words):
        minutes = _number(part[3]) * 60 + (30 if part[1] == "half" else 15) * (1 if part[2] == "past" else -1)
    else:
        numbers = re.match(rf"({_NUMBER})(?:[:.](\d\d))?", words)
        assert numbers is not None
        minutes = _number(numbers[1]) * 60 + int(numbers[2] or 0)
        if int(numbers[2] or 0) > 59:
            parts.is_unlike = True
    hour = minutes // 60
    is_late = (
        re.search(r"p\.?m", words) or found["part"] in ("afternoon", "evening", "night") or parts.is_afternoon
    )
    if is_late and hour < 12:
        minutes += 12 * 60
    elif re.search(r"a\.?m", words) and hour == 12:
        minutes -= 12 * 60
    if not 0 <= minutes < 24 * 60:
        parts.is_unlike = True
        return
    parts.clock = time(minutes // 60, minutes % 60)


def _part_of_day(parts: _Parts, found: re.Match[str]) -> None:
    part = found["part"]
    if parts.clock is None:
        parts.clock = _PARTS[part]
    parts.is_afternoon = part != "morning"


_READERS: tuple[tuple[str, Callable[[_Parts, re.Match[str]], None]], ...] = (
    (
        rf"(?:in\s(?:about\s)?)?(?:(?P<half_hour>half\san\shour)|(?P<count>{_NUMBER})\s(?P<and_half>and\sa\shalf\s)?"
        rf"(?P<unit>{_UNIT}))(?:\sfrom\snow)?",
        _in,
    ),
    (rf"every\s(?:(?P<count>other|second|{_NUMBER})\s)?(?P<what>.+)", _every),
    (r"daily|weekly|monthly|yearly", _adverb),
    (r"(?:on\s)?the\sday\safter\stomorrow|today|tonight|tomorrow|tmrw", _near_day),
    (rf"(?:(?:on|this|next|coming)\s)*(?P<day>{_DAY})", _weekday),
    (
        rf"(?:on\s)?(?:the\s)?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s(?:of\s)?(?P<month>{_MONTH})(?:,?\s(?P<year>\d{{4}}))?",
        _date,
    ),
    (rf"(?:on\s)?(?P<month>{_MONTH})\s(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:,?\s(?P<year>\d{{4}}))?", _date),
    (r"(?:on\s)?(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)", _date),
    (r"on\s(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})?", _date),
    (r"on\sthe\s(?P<day>\d{1,2})(?:st|nd|rd|th)", _day_of_month),
    (r"next\s(?P<unit>week|month|year)", _next),
    (rf"(?:at\s)?(?P<clock>{_CLOCK})(?:\s(?:in\sthe|at)\s(?P<part>morning|afternoon|evening|night))?", _at),
    (r"(?:in\sthe\s|this\s|at\s)?(?P<part>morning|afternoon|evening|night)", _part_of_day),
)


def _steps_before(due: Due, zone: ZoneInfo, after: datetime) -> int:
    """A number of steps that does not yet reach beyond `after`, so that looking on from it finds the next."""
    assert due.rule is not None
    days = max(0, (after.astimezone(zone).replace(tzinfo=None) - due.starts).days - 1)
    longest = {"day": 1, "week": 7, "month": 31, "year": 366}[due.rule.unit] * due.rule.every
    return days // longest


def _in_step(starts: datetime, rule: Rule, count: int) -> list[datetime]:
    """The local times of a rule's step, in order: one, or one a weekday."""
    if not rule.weekdays:
        return [_later(starts, rule, count)]
    monday = starts - timedelta(days=starts.weekday()) + timedelta(weeks=rule.every * count)
    return [monday + timedelta(days=day) for day in rule.weekdays]


def _later(starts: datetime, rule: Rule, count: int) -> datetime:
    """So many steps later. Of a month that is too short, its last day."""
    steps = rule.every * count
    match rule.unit:
        case "month" | "year":
            months = starts.year * 12 + starts.month - 1 + steps * (12 if rule.unit == "year" else 1)
            year, month = divmod(months, 12)
            if year > 9999:
                raise NotUnderstood("That is too far away for me.")
            day = min(starts.day, calendar.monthrange(year, month + 1)[1])
            return starts.replace(year=year, month=month + 1, day=day)
        case "day" | "week":
            return starts + timedelta(days=steps * (7 if rule.unit == "week" else 1))
        case "minute" | "hour":
            return starts + timedelta(minutes=steps * (60 if rule.unit == "hour" else 1))
