"""When: the times that plain English requests name. No model, no I/O."""

import calendar
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from services.assistant.recurrence import WEEKDAYS, WEEKEND, Due, Rule, Unit, later
from services.errors import NotUnderstood

MORNING = time(9)
"""The hour of a day that is named without one."""
FARTHEST = timedelta(days=20 * 366)


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be called to mind, and when."""

    what: str
    due: Due


def read(text: str, now: datetime) -> Request | None:
    """The time at the beginning or the end of a text, and the rest of it; None where there is no time.

    `now` is aware, in the person's zone. A time that goes on in words unknown here ("at nine and at five") is
    None too. Raises NotUnderstood for a time that is past, with a sentence.
    """
    line = _line(text)
    for found in (_AT_START.match(line), _AT_END.search(line)):
        if found is None:
            continue
        before, after = line[: found.start("when")], line[found.end("when") :]
        if _GOES_ON.match(after) or _BEGAN_BEFORE.search(before):
            return None
        due = _due(found["when"], now)
        if due is not None:
            return Request(_what(before + after), due)
    return None


def is_time(text: str) -> bool:
    """Whether a text names a time and nothing else."""
    return re.fullmatch(_WHEN, _line(text), re.IGNORECASE) is not None


def begins_with_time(text: str) -> bool:
    """Whether the first words name a time, be it one that can't be read whole."""
    return _AT_START.match(_line(text)) is not None


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
_SPAN = rf"{_NUMBER}\s(?:and\sa\shalf\s)?{_UNIT}"
_RECURRING = (
    rf"weekday|weekend|work(?:ing)?\s?day|morning|afternoon|evening|night|{_UNIT}"
    rf"|{_DAY}s?(?:(?:\s?,\s?|\sand\s|\s?,\sand\s){_DAY}s?)*"
)
_PLURAL = rf"(?:weekday|weekend|{_DAY})s(?:(?:\s?,\s?|\sand\s|\s?,\sand\s){_DAY}s)*"
# What a time can be made of. Each stands for itself; several in a row make one time.
_PIECES = (
    rf"in\s(?:about\s)?(?:half\san\shour|{_SPAN}(?:(?:\sand|,)?\s{_SPAN})?)\b",
    rf"{_NUMBER}\s{_UNIT}\sfrom\snow",
    rf"(?:every|each)\s(?:other\s|second\s|{_NUMBER}\s)?(?:{_RECURRING})\b",
    rf"on\s{_PLURAL}\b",
    r"daily|weekly|monthly|yearly",
    r"(?:on\s)?the\sday\safter\stomorrow|today|tonight|tomorrow|tmrw",
    rf"(?:(?:on|this|next|coming)\s)*{_DAY}\b",
    rf"(?:on\s)?(?:the\s)?\d{{1,2}}(?:st|nd|rd|th)?\s(?:of\s)?{_MONTH}\b(?:,?\s\d{{4}})?",
    rf"(?:on\s)?{_MONTH}\s\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s\d{{4}})?",
    r"(?:on\s)?\d{4}-\d\d-\d\d",
    r"on\s\d{1,2}\.\d{1,2}\.(?:\d{4})?",
    r"(?:on\s)?the\s\d{1,2}(?:st|nd|rd|th)\sof\s(?:every|each)\smonth\b",
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
# Words with which a time goes on that no piece above reads. Half a time would be a wrong one.
_GOES_ON = re.compile(
    rf"\s?,?\s?(?:(?:and|or|until|till|except|before|after|from)\s(?:(?:on|at|the)\s)*(?:{_NUMBER}|{_DAY}|noon)\b"
    r"|(?:the|at|in|for|to|-|–)\s?\d)",
    re.IGNORECASE,
)
_BEGAN_BEFORE = re.compile(r"\b(?:and|or|until|till|except|before|after|from|between)\s$", re.IGNORECASE)
_LEADING = re.compile(r"^(?:to|that|of|about)\s+", re.IGNORECASE)


def _line(text: str) -> str:
    return " ".join(text.split()).strip(" .!?")


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
    moment = parts.now
    for span in re.finditer(_SPAN, found["spans"]):
        count, unit = re.fullmatch(rf"({_NUMBER})\s.*?([a-z]+)", span.group()).groups()  # type: ignore[union-attr]
        moment = _after(moment, _number(count), "and a half" in span.group(), _unit(unit))
    parts.moment = moment.replace(tzinfo=None)


def _half_an_hour(parts: _Parts, found: re.Match[str]) -> None:
    parts.moment = _after(parts.now, 30, False, "minute").replace(tzinfo=None)


def _after(moment: datetime, count: int, and_half: bool, unit: Unit) -> datetime:
    if unit not in ("minute", "hour"):
        return later(moment, Rule(count, unit), 1)
    minutes = (count + (0.5 if and_half else 0)) * (60 if unit == "hour" else 1)
    # Minutes pass the same whatever the clocks do.
    return (moment.astimezone(UTC) + timedelta(minutes=minutes)).astimezone(moment.tzinfo)


def _every(parts: _Parts, found: re.Match[str]) -> None:
    count = 2 if found["count"] in ("other", "second") else _number(found["count"] or "one")
    _again(parts, count, found["what"])


def _on_all(parts: _Parts, found: re.Match[str]) -> None:
    _again(parts, 1, found["what"])


def _again(parts: _Parts, count: int, what: str) -> None:
    if count < 1:
        parts.is_unlike = True
    elif re.fullmatch(r"weekdays?|work(ing)?\s?day", what):
        parts.rule = WEEKDAYS
    elif what.startswith("weekend"):
        parts.rule = WEEKEND
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
    # Within eight years there is a 29 February.
    for each in [int(year)] if year else range(today.year, today.year + 9):
        with suppress(ValueError):
            named = date(each, month, day)
            if year or named >= today:
                parts.day = named
                return
    parts.is_unlike = True


def _day_of_month(parts: _Parts, found: re.Match[str]) -> None:
    day, today = int(found["day"]), parts.now.date()
    if not 1 <= day <= 31:
        parts.is_unlike = True
        return
    if found["monthly"]:
        parts.rule = Rule(1, "month")
    # It begins in a month that has the day: what begins on the 28th stays there.
    first = today.replace(day=1)
    while day > (last := calendar.monthrange(first.year, first.month)[1]) or first.replace(day=day) <= today:
        first += timedelta(days=last)
    parts.day = first.replace(day=day)


def _next(parts: _Parts, found: re.Match[str]) -> None:
    parts.day = later(parts.now.replace(tzinfo=None), Rule(1, _unit(found["unit"])), 1).date()


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
    (r"in\s(?:about\s)?half\san\shour", _half_an_hour),
    (rf"(?:in\s(?:about\s)?)?(?P<spans>{_SPAN}.*?)(?:\sfrom\snow)?", _in),
    (rf"(?:every|each)\s(?:(?P<count>other|second|{_NUMBER})\s)?(?P<what>.+)", _every),
    (rf"on\s(?P<what>{_PLURAL})", _on_all),
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
    (
        r"(?:on\s)?the\s(?P<day>\d{1,2})(?:st|nd|rd|th)(?P<monthly>\sof\s(?:every|each)\smonth)?",
        _day_of_month,
    ),
    (r"next\s(?P<unit>week|month|year)", _next),
    (rf"(?:at\s)?(?P<clock>{_CLOCK})(?:\s(?:in\sthe|at)\s(?P<part>morning|afternoon|evening|night))?", _at),
    (r"(?:in\sthe\s|this\s|at\s)?(?P<part>morning|afternoon|evening|night)", _part_of_day),
)
