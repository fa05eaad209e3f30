"""When: the times that plain English requests name. No model, no I/O."""

import calendar
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from services.assistant import zones
from services.assistant.recurrence import WEEKDAYS, WEEKEND, Due, Rule, Unit, due_at, later
from services.errors import NotUnderstood

MORNING = timedelta(hours=9)
"""The hour of a day that is named without one."""
FARTHEST = timedelta(days=20 * 366)
REACH = 120
"""Characters at the end of a text in which a time is looked for."""
MOST_PIECES = 10
MOST_LINKS = 5
"""Of the pieces of one time, and the words between two."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be called to mind, and when."""

    what: str
    due: Due


def read(text: str, now: datetime) -> Request | None:
    """The time at the beginning or the end of a text, and the rest of it; None where there is no time.

    `now` is aware, in the person's zone. A time that goes on in words unknown here ("at nine and at five")
    is None too, and so is one whose parts don't fit each other. Raises NotUnderstood, with a sentence, for
    one that is past or too far away.
    """
    line = _line(text)
    try:
        first, last = _found(line)
        if not first.pieces and not last.pieces:
            return None
        due = _due(_said((*first.pieces, *last.pieces), now))
    except _Unclear:
        return None
    except OverflowError as error:
        raise NotUnderstood("That is too far away for me.") from error
    return Request(_what(line[first.end : last.start]), due)


def is_time(text: str) -> bool:
    """Whether a text names a time and nothing else."""
    line = _line(text)
    with suppress(_Unclear):
        run = _run(line, 0)
        return bool(run.pieces) and run.end == len(line)
    return False


def begins_with_time(text: str) -> bool:
    """Whether the first words name a time, be it one that can't be read whole."""
    line = _line(text)
    return _piece(line, 0) is not None or _LIKE_A_TIME.match(line) is not None


_FULL_DAYS = {name.lower(): number for number, name in enumerate(calendar.day_name)}
_SHORT_DAYS = {name[:3]: number for name, number in _FULL_DAYS.items()} | {
    "tues": 1,
    "wednes": 2,
    "thurs": 3,
    "thur": 3,
}
_DAYS = _FULL_DAYS | _SHORT_DAYS
_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_name) if name}
_MONTHS |= {name[:3]: number for name, number in _MONTHS.items()} | {"sept": 9}
_ONES = dict(
    zip(["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"], range(1, 10), strict=True)
)
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50}
_NUMBERS = (
    _ONES
    | {"ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16}
    | {"seventeen": 17, "eighteen": 18, "nineteen": 19, "ninety": 90}
    | _TENS
    | {f"{ten}{gap}{one}": _TENS[ten] + _ONES[one] for ten in _TENS for one in _ONES for gap in " -"}
)
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


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a day: where it is named alone, and the hours of a clock that lie in it.

    Hours count on past midnight: a night's small hours are those of the next day.
    """

    alone: timedelta
    hours: range


_PARTS = {
    "morning": _Part(MORNING, range(12)),
    "afternoon": _Part(timedelta(hours=15), range(12, 20)),
    "evening": _Part(timedelta(hours=19), range(16, 24)),
    "night": _Part(timedelta(hours=21), range(17, 29)),
    "tonight": _Part(timedelta(hours=20), range(17, 29)),
}


def _any(words: Mapping[str, Any]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_WORD_NUMBER = f"(?:{_any(_NUMBERS)})"
_NUMBER = rf"(?:\d{{1,4}}|an?|{_WORD_NUMBER})"
_UNIT = r"(?:minute|min|hour|hr|day|week|month|year)s?"
_DAY = rf"(?:{_any(_DAYS)})"
_SHORT = rf"(?:{_any(_SHORT_DAYS)})"
_FULL = rf"(?:{_any(_FULL_DAYS)})"
_MONTH = rf"(?:{_any(_MONTHS)})"
_PART = "(?:morning|afternoon|evening|night)"
_AND = r"(?:\s?,\s?|\sand\s|\s?,\sand\s)"
_COUNTED = rf"{_NUMBER}\s(?:and\sa\shalf\s)?{_UNIT}(?:\sand\sa\shalf)?"
_SPAN = rf"(?P<count>{_NUMBER})\s(?:and\sa\shalf\s)?(?P<unit>{_UNIT})(?:\sand\sa\shalf)?"
_SPANS = rf"(?P<spans>{_COUNTED}(?:(?:\sand|,)?\s{_COUNTED})?)"
_HOUR = rf"(?:\d{{1,4}}|{_any({word: number for word, number in _NUMBERS.items() if number <= 12})})"
_TO_59 = _any({word: number for word, number in _NUMBERS.items() if 10 <= number <= 59})
_MINUTES = rf"(?:oh[\s-](?:{_any(_ONES)})|{_TO_59})"
# "Ten to six" is told from "at 10 to 6 people" by its words.
_TO = r"(?:five|ten|twenty(?:[\s-]five)?|\d{1,2}(?=\sminutes))(?:\sminutes)?|(?:a\s)?quarter"
_PAST = rf"(?:\d{{1,2}}|{_any(_NUMBERS)})(?:\sminutes?)?|(?:a\s)?quarter|half"
_CLOCK = (
    rf"(?:(?P<past>{_PAST})\spast\s(?P<hour_past>{_HOUR})|(?P<to>{_TO})\sto\s(?P<hour_to>{_HOUR})"
    rf"|(?P<hour>{_HOUR})(?:[:.](?P<digits>\d\d)|[\s-](?P<minutes>{_MINUTES})(?!\s{_UNIT}))?)"
)
_HALF = r"(?:\s?(?P<half>[ap])\.?m\b\.?)"
_DATE_END = r"(?:,?\s(?P<year>\d{4}))?"
_OF_DAY = rf"(?:\s(?P<of_day>{_PART}))?"

_ALWAYS_ON = (
    r"until|til|till|except|unless|starting|beginning|ending|thru|through|between|during|past|twice|hundred"
)
_ZONES = (
    "utc|gmt|cest|cet|eest|eet|bst|ist|msk|est|edt|cst|cdt|mst|mdt|pst|pdt|akst|akdt|hst|jst|kst|sgt|hkt"
    "|aest|aedt|acst|awst|nzst|nzdt|sast|brt|(?-i:ET|CT|MT|PT|WET|WEST|EAT|CAT|WAT|Z)"
)
_A_NUMBER = rf"(?:\d+(?:[:.]\d\d)?(?:st|nd|rd|th|\s?[ap]\.?m)?|{_WORD_NUMBER}|noon|midday|midnight)"
_TIME_WORD = (
    rf"(?:{_A_NUMBER}|half|quarter|{_FULL}s?|{_PART}s?|today|tonight|tomorrow|tmrw|[ap]\.?m|o['’]?clock"
    rf"|{_MONTH}\s\d+)"
)
_LINK = re.compile(
    r"\s?,?\s?(?:(?:and|or|but|plus|not|to|before|after|from|by|around|on|in|at|for|per|times|once|every|each"
    r"|next|last|this)(?=\s)|[-–—/&+])",
    re.IGNORECASE,
)
# Words with which a time goes on that no piece reads. Half a time would be a wrong one.
_GOES_ON = re.compile(
    rf"\s?,?\s?(?:(?:{_ALWAYS_ON}|or\sso)\b|{_TIME_WORD}(?![\w'’])"
    rf"|(?:and|or)\s(?:(?:on|every|each)\s)?(?:{_DAY}|{_MONTH})(?![\w'’])"
    rf"|(?:and|for|per|times|once|every|each|next|last|this)\s(?:other\s|an?\s|the\snext\s)?(?:half|{_UNIT})(?![\w'’])"
    rf"|of\s(?:the|each|every|this|next)\s(?:{_UNIT}|{_MONTH})\b"
    rf"|(?:about|the)\s{_A_NUMBER}(?![\w'’])"
    rf"|\(?(?:{_ZONES})(?!\w)"
    r"|(?:at|after|before|around|by)\s(?:the\s)?"
    r"(?:lunch|breakfast|dinner|supper|bed|dawn|dusk|sunrise|sunset|start|beginning|end)(?:time)?\b"
    r"|(?:after|before)\s(?:work|school)\b)",
    re.IGNORECASE | re.ASCII,
)
_IN_A_ZONE = re.compile(r"\s?,?\s?\(?(?P<place>\S+(?:\s\S+){0,2}?)\stime\b", re.IGNORECASE)
_OTHER_CLOCKS = ("local", "standard", "summer", "winter", "eastern", "central", "mountain", "pacific")
_BEGAN_BEFORE = re.compile(
    rf"(?<!\w)(?:{_ALWAYS_ON}|and|or|before|after|from|by|for|of|since|than|to|around|about|last|the|an?|every|each|half"
    r"|quarter)[\s,]+$",
    re.IGNORECASE,
)
_LIKE_A_TIME = re.compile(
    r"(?:in|at|on|by|every|each|next|after|before|around|from|until)\s(?:\S+\s){0,4}?"
    rf"(?:\d|{_WORD_NUMBER}\b|{_DAY}s?\b|{_MONTH}\b|{_UNIT}\b|{_PART}\b|noon|midnight)",
    re.IGNORECASE | re.ASCII,
)
_LEADING = re.compile(r"^(?:to|that|of|about)\s+", re.IGNORECASE)


def _line(text: str) -> str:
    return " ".join(text.split()).strip(" .!?")


def _what(rest: str) -> str:
    return _LEADING.sub("", rest.strip(" ,:;-–—.")).strip(" ,:;-–—.")


class _Unclear(Exception):
    """A time that can't be read whole."""


Words: TypeAlias = defaultdict[str, str]
"""The named groups of a piece, in lower case; what isn't said is empty."""


@dataclass(slots=True)
class _Said:
    """What the pieces of a time say, gathered one by one."""

    now: datetime
    moment: datetime | None = None
    is_exact: bool = False
    """The moment is counted in minutes."""
    day: date | None = None
    weekday: int | None = None
    month_day: int | None = None
    ahead: Unit | None = None
    """In the next week, month or year."""
    clock: tuple[int, int, str] | None = None
    """Hour, minute, and a or p; hour 24 is midnight, which ends the day that is named."""
    part: str | None = None
    is_of_day: bool = False
    """The part belongs to the day that is named: "tomorrow night" goes on into the day after it."""
    rule: Rule | None = None

    def take(self, **said: Any) -> None:
        """Raises _Unclear where something else is said already."""
        for name, value in said.items():
            known = getattr(self, name)
            if known is not None and known is not False and known != value:
                raise _Unclear
            setattr(self, name, value)

    @property
    def zone(self) -> ZoneInfo:
        assert isinstance(self.now.tzinfo, ZoneInfo)
        return self.now.tzinfo


Reader: TypeAlias = Callable[[_Said, Words], None]


@dataclass(frozen=True, slots=True)
class _Run:
    """Pieces in a row, and where in the line they stand."""

    pieces: tuple[tuple[Reader, Words], ...]
    start: int
    end: int

    def has(self, *readers: Reader) -> bool:
        return any(reader in readers for reader, _ in self.pieces)


def _found(line: str) -> tuple[_Run, _Run]:
    """The time at the beginning and the one at the end, where the text is what stands between them.

    Of two times, the one at the end belongs to the text, unless it tells the hour that the first leaves open.
    """
    nothing = _Run((), len(line), len(line))
    first = _run(line, 0)
    if not first.pieces:
        return first, _at_end(line, 0) or nothing
    if not _ENDS.match(line, first.end) or _goes_on(line, first.end):
        raise _Unclear
    if not first.has(_at, _in):
        with suppress(_Unclear):
            last = _at_end(line, first.end)
            if last is not None and all(reader is _at for reader, _ in last.pieces):
                return first, last
    return first, nothing


def _at_end(line: str, start: int) -> _Run | None:
    for word in _WORD.finditer(line, max(start, len(line) - REACH)):
        run = _run(line, word.start())
        if not run.pieces:
            continue
        if run.end < len(line):
            if _goes_on(line, run.end):
                raise _Unclear
            continue
        if _BEGAN_BEFORE.search(line, max(0, run.start - REACH), run.start):
            raise _Unclear
        return run
    return None


def _goes_on(line: str, end: int) -> bool:
    """Whether more of the time stands behind it, be it after a few words that link it."""
    for _ in range(MOST_LINKS):
        if _GOES_ON.match(line, end) or _is_zone(line, end):
            return True
        if (link := _LINK.match(line, end)) is None:
            return False
        end = link.end()
        if _piece(line, end + line.startswith(" ", end)):
            return True
    return False


def _is_zone(line: str, start: int) -> bool:
    found = _IN_A_ZONE.match(line, start)
    if found is None:
        return False
    return found["place"].lower() in _OTHER_CLOCKS or bool(zones.named(found["place"]))


def _run(line: str, start: int) -> _Run:
    """As many pieces as stand there in a row. Each is read once, so that no text makes it take long."""
    pieces, end = list[tuple[Reader, Words]](), start
    gap: re.Match[str] | None = None
    while found := _piece(line, gap.end() if gap else end):
        reader, piece = found
        if len(pieces) == MOST_PIECES:
            raise _Unclear
        said = {name: each.lower() for name, each in piece.groupdict().items() if each}
        pieces.append((reader, defaultdict(str, said)))
        end = piece.end()
        gap = _GAP.match(line, end)
        if gap is None:
            break
    return _Run(tuple(pieces), start, end)


def _piece(line: str, start: int) -> tuple[Reader, re.Match[str]] | None:
    for pattern, reader in _PIECES:
        if piece := pattern.match(line, start):
            return reader, piece
    return None


def _said(pieces: tuple[tuple[Reader, Words], ...], now: datetime) -> _Said:
    said = _Said(now)
    for reader, words in pieces:
        reader(said, words)
    return said


def _due(said: _Said) -> Due:
    rule, day, hours = said.rule, _day(said), _hours(said)
    if said.moment is not None:
        if rule or day or (said.is_exact and hours is not None):
            raise _Unclear
        return Due(_checked(said, said.moment if hours is None else _on(said.moment, hours)))
    if rule is not None and rule.unit in ("minute", "hour"):
        if day or hours is not None:
            raise _Unclear
        return Due(
            _after(said.now, rule.every, rule.unit).replace(second=0, microsecond=0, tzinfo=None), rule
        )
    if rule is not None and day is not None and not _fits(said, rule):
        raise _Unclear
    if rule is not None and hours is not None and hours >= _A_DAY:
        if said.part and (rule.weekdays or day):
            raise _Unclear
        hours -= _A_DAY
    if day is not None:
        return Due(_checked(said, _on(day, MORNING if hours is None else hours)), rule)
    return Due(_first(said, _on(said.now, MORNING if hours is None else hours), rule), rule)


_A_DAY = timedelta(days=1)


def _on(day: date, hours: timedelta) -> datetime:
    return datetime(day.year, day.month, day.day) + hours


def _fits(said: _Said, rule: Rule) -> bool:
    """Whether a rule can begin on the day that is named."""
    match rule.unit:
        case "week":
            return not rule.weekdays
        case "month":
            return said.month_day is not None and said.weekday is None
        case "year":
            return said.day is not None
        case _:
            return False


def _day(said: _Said) -> date | None:
    today = said.now.date()
    weekday, day = said.weekday, said.day
    if said.ahead is not None:
        if day is not None or said.rule is not None:
            raise _Unclear
        ahead = later(said.now.replace(tzinfo=None), Rule(1, said.ahead), 1).date()
        match said.ahead, weekday, said.month_day:
            case _, None, None:
                return ahead
            case "week", int(), None:
                return ahead + timedelta(days=weekday - ahead.weekday())
            case "month", None, int(month_day) if (
                month_day <= calendar.monthrange(ahead.year, ahead.month)[1]
            ):
                return ahead.replace(day=month_day)
            case _:
                raise _Unclear
    if said.month_day is not None:
        if day is not None:
            raise _Unclear
        day = _next_with(said.month_day, today)
    if weekday is None:
        return day
    if day is None:
        return today + timedelta(days=(weekday - today.weekday()) % 7 or 7)
    if day.weekday() != weekday:
        raise _Unclear
    return day


def _next_with(month_day: int, today: date) -> date:
    # It begins in a month that has the day: what begins on the 28th stays there.
    first = today.replace(day=1)
    while month_day > (last := calendar.monthrange(first.year, first.month)[1]) or (
        first.replace(day=month_day) <= today
    ):
        first += timedelta(days=last)
    return first.replace(day=month_day)


def _hours(said: _Said) -> timedelta | None:
    """The time of day, counted from its beginning: beyond 24 hours it is in the night that follows."""
    part = _PARTS[said.part] if said.part else None
    if said.clock is None:
        return part.alone if part else None
    hour, minute, half = said.clock
    if half and not 1 <= hour <= 12:
        raise _Unclear
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    if part is not None:
        # An hour without a half of the day may be any of them.
        every = 24 if half or hour > 12 else 12
        hour = next((each for each in range(hour % every, 36, every) if each in part.hours), -1)
        if hour < 0 or (said.clock[0] == 24 and hour != 24):
            raise _Unclear
    if hour >= 24 and part is not None and not said.is_of_day and not said.rule and said.clock[0] != 24:
        if said.day or said.weekday is not None or said.month_day or said.ahead or said.moment:
            # "Tomorrow at two at night" is either of two.
            raise _Unclear
        hour -= 24
    return timedelta(hours=hour, minutes=minute)


def _first(said: _Said, starts: datetime, rule: Rule | None) -> datetime:
    """The first time from today on that lies ahead, of a rule on a day of its own."""
    while True:
        for each in (starts, starts.replace(fold=1)):
            if due_at(each, said.zone) > said.now and (
                rule is None or not rule.weekdays or each.weekday() in rule.weekdays
            ):
                return each
        starts += _A_DAY


def _checked(said: _Said, starts: datetime) -> datetime:
    """A time that lies ahead; of one that the clocks repeat, the second if the first is over."""
    moments = [due_at(each, said.zone) for each in (starts, starts.replace(fold=1))]
    if max(moments) <= said.now:
        raise NotUnderstood(f"{starts:%A %d %B %Y, %H:%M} is past already.")
    if moments[0] - said.now > FARTHEST:
        raise NotUnderstood(f"{starts:%Y} is too far away for me.")
    return starts if moments[0] > said.now else starts.replace(fold=1)


def _number(text: str) -> int:
    return int(text) if text.isdigit() else {"a": 1, "an": 1}.get(text) or _NUMBERS[text]


def _unit(text: str) -> Unit:
    return _UNITS[text.rstrip("s")]


def _in(said: _Said, words: Words) -> None:
    moment, units = said.now, set[Unit]()
    for span in re.finditer(_SPAN, words["spans"] or "30 minutes"):
        unit = _unit(span["unit"])
        moment = _after(moment, _number(span["count"]) + (0.5 if "half" in span.group() else 0), unit)
        units.add(unit)
    said.take(moment=moment.replace(tzinfo=None), is_exact=not units.isdisjoint({"minute", "hour"}))


def _after(moment: datetime, count: float, unit: Unit) -> datetime:
    if unit not in ("minute", "hour"):
        if count % 1:
            raise _Unclear
        return later(moment, Rule(int(count), unit), 1)
    # Minutes pass the same whatever the clocks do.
    passed = timedelta(minutes=count * (60 if unit == "hour" else 1))
    return (moment.astimezone(UTC) + passed).astimezone(moment.tzinfo)


def _every(said: _Said, words: Words) -> None:
    count, what = words["count"] or "one", words["what"]
    rule = _rule(2 if count in ("other", "second") else _number(count), what)
    if rule.step > FARTHEST:
        raise NotUnderstood(f"Every {rule.every} {rule.unit}s is too seldom for me.")
    said.take(rule=rule)
    for part in {what} & _PARTS.keys() | {words["of_day"]} - {""}:
        said.take(part=part, is_of_day=True)


def _on_all(said: _Said, words: Words) -> None:
    said.take(rule=_rule(1, words["what"]))


def _rule(count: int, what: str) -> Rule:
    if count < 1:
        raise _Unclear
    if re.fullmatch(r"weekdays?|work(ing)?\s?day", what):
        if count > 1:
            raise _Unclear
        return WEEKDAYS
    if what.startswith("weekend"):
        return replace(WEEKEND, every=count)
    if what in _PARTS:
        return Rule(count, "day")
    if re.fullmatch(_UNIT, what):
        return Rule(count, _unit(what))
    names = set(re.findall(r"[a-z]+", what)) - {"and"}
    days = {_DAYS[name if name in _DAYS else name.removesuffix("s")] for name in names}
    return Rule(count, "week", tuple(sorted(days)))


def _adverb(said: _Said, words: Words) -> None:
    units: dict[str, Unit] = {"daily": "day", "weekly": "week", "monthly": "month", "yearly": "year"}
    said.take(rule=Rule(1, units[words["adverb"]]))


def _near_day(said: _Said, words: Words) -> None:
    near = words["near"]
    if part := words["of_day"]:
        said.take(part=part, is_of_day=True)
    if near == "tonight":
        said.take(part=near, is_of_day=True)
    ahead = 2 if "after" in near else int(near in ("tomorrow", "tmrw"))
    said.take(day=said.now.date() + timedelta(days=ahead))


def _weekday(said: _Said, words: Words) -> None:
    said.take(weekday=_DAYS[words["day"]])
    if part := words["of_day"]:
        said.take(part=part, is_of_day=True)


def _date(said: _Said, words: Words) -> None:
    month = _MONTHS.get(words["month"]) or int(words["month"])
    year, day, today = words["year"], int(words["day"]), said.now.date()
    # Within eight years there is a 29 February.
    for each in [int(year)] if year else range(today.year, today.year + 9):
        with suppress(ValueError):
            named = date(each, month, day)
            if year or named >= today:
                said.take(day=named)
                return
    raise _Unclear


def _day_of_month(said: _Said, words: Words) -> None:
    day = int(words["day"])
    if not 1 <= day <= 31:
        raise _Unclear
    said.take(month_day=day)
    if words["monthly"]:
        said.take(rule=Rule(1, "month"))


def _next(said: _Said, words: Words) -> None:
    said.take(ahead=_unit(words["unit"]))


def _at(said: _Said, words: Words) -> None:
    if words["fixed"]:
        said.take(clock=(24, 0, "") if words["fixed"] == "midnight" else (12, 0, "p"))
        return
    hour, minute = _hour_and_minute(words)
    if hour > 23 or minute > 59:
        raise _Unclear
    said.take(clock=(hour, minute, words["half"]))


def _hour_and_minute(words: Words) -> tuple[int, int]:
    if words["past"]:
        return _number(words["hour_past"]), _minutes(words["past"])
    if words["to"]:
        # A quarter to one is in the hour of twelve.
        return _number(words["hour_to"]) - 1 or 12, 60 - _minutes(words["to"])
    if re.fullmatch(r"\d{4}", words["hour"]) and not words["digits"] and not words["minutes"]:
        return int(words["hour"][:2]), int(words["hour"][2:])
    minutes = words["minutes"].removeprefix("oh").lstrip(" -")
    return _number(words["hour"]), int(words["digits"] or 0) or _number(minutes or "0")


def _minutes(words: str) -> int:
    words = words.removeprefix("a ").removesuffix(" minutes").removesuffix(" minute")
    return {"quarter": 15, "half": 30}.get(words) or _number(words)


def _part_of_day(said: _Said, words: Words) -> None:
    said.take(part=words["part"])


_GAP = re.compile(r"\s?,?\s")
# A colon behind a time may begin what is to be done, but not the minutes.
_ENDS = re.compile(r"$|[\s,;]|:(?!\d)")
_WORD = re.compile(r"(?<![^\s,])\S")
# What a time can be made of. Each stands for itself; several in a row make one time.
_PIECES: tuple[tuple[re.Pattern[str], Reader], ...] = tuple(
    (re.compile(rf"(?:{pattern})(?![\w'’])", re.IGNORECASE | re.ASCII), reader)
    for pattern, reader in (
        (rf"in\s(?:about\s)?(?:half\san\shour|{_SPANS}(?:['’]?\stime)?)", _in),
        (rf"{_SPANS}\sfrom\snow", _in),
        (
            rf"(?:every|each)\s(?:(?P<count>other|second|{_NUMBER})\s)?"
            rf"(?P<what>weekday|weekend|work(?:ing)?\s?day|{_PART}|{_UNIT}|{_DAY}s?(?:{_AND}{_DAY}s?){{0,6}}){_OF_DAY}",
            _every,
        ),
        (rf"on\s(?P<what>(?:weekday|weekend|{_DAY})s(?:{_AND}{_DAY}s){{0,6}})", _on_all),
        (r"(?P<adverb>daily|weekly|monthly|yearly)", _adverb),
        (rf"(?P<near>(?:on\s)?the\sday\safter\stomorrow|tomorrow|tmrw|today|tonight){_OF_DAY}", _near_day),
        (r"this\s(?P<of_day>morning|afternoon|evening)", _near_day),
        (rf"(?:(?:on|this|next|coming)\s){{1,3}}(?P<day>{_DAY}){_OF_DAY}", _weekday),
        (rf"(?P<day>{_FULL}){_OF_DAY}", _weekday),
        # A short name alone is a word such as "sun" or "sat": it wants an hour, or to stand alone.
        (rf"^(?P<day>{_SHORT})(?=$|\s?,?\s(?:at\s|\d|in\sthe\s|noon|midnight))", _weekday),
        (
            rf"(?:on\s)?(?:the\s)?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s(?:of\s)?(?P<month>{_MONTH}){_DATE_END}",
            _date,
        ),
        (rf"(?:on\s)?(?P<month>{_MONTH})\s(?P<day>\d{{1,2}})(?:st|nd|rd|th)?{_DATE_END}", _date),
        (r"(?:on\s)?(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)", _date),
        (r"on\s(?P<day>\d{1,2})\.(?P<month>\d{1,2})(?:\.(?P<year>\d{4})?|$)", _date),
        (
            r"(?:on\s)?the\s(?P<day>\d{1,2})(?:st|nd|rd|th)(?P<monthly>\sof\s(?:every|each)\smonth)",
            _day_of_month,
        ),
        (r"on\sthe\s(?P<day>\d{1,2})(?:st|nd|rd|th)", _day_of_month),
        (r"next\s(?P<unit>week|month|year)", _next),
        (r"(?:at\s)?(?P<fixed>noon|midday|midnight)", _at),
        (rf"at\s{_CLOCK}(?:{_HALF}|\s?o['’]?clock)?(?:\ssharp)?", _at),
        (rf"{_CLOCK}{_HALF}", _at),
        (rf"(?P<past>{_PAST})\spast\s(?P<hour_past>{_HOUR})", _at),
        (rf"(?P<to>(?:a\s)?quarter)\sto\s(?P<hour_to>{_HOUR})", _at),
        (r"(?P<hour>\d{1,2}):(?P<digits>\d\d)", _at),
        (r"(?:in\sthe\s(?P<part>morning|afternoon|evening))", _part_of_day),
        (r"at\s(?P<part>night)", _part_of_day),
    )
)
