"""Recurrence: local times, once or again and again, and the moments that they stand for. Pure.

A time is local: nine o'clock stays nine o'clock when the clocks change. One that the change leaves out moves
forward by the gap, and one that it repeats means the first of the two, unless its `fold` says the second.
"""

import calendar
from contextlib import suppress
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, datetime, timedelta
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

from services.errors import NotUnderstood

Unit: TypeAlias = Literal["minute", "hour", "day", "week", "month", "year"]


@dataclass(frozen=True, slots=True)
class Rule:
    """Every so many units; of weeks, on these weekdays (Monday is 0)."""

    every: int
    unit: Unit
    weekdays: tuple[int, ...] = ()

    @property
    def step(self) -> timedelta:
        """The longest that it takes from one step to the next, on a clock that nobody changes."""
        return timedelta(minutes=_MINUTES[self.unit] * self.every)


@dataclass(frozen=True, slots=True)
class Due:
    """The first time, local and without an offset, and how it comes again."""

    starts: datetime
    rule: Rule | None = None


WEEKDAYS = Rule(1, "week", (0, 1, 2, 3, 4))
WEEKEND = Rule(1, "week", (5, 6))


_MINUTES: dict[Unit, int] = {
    "minute": 1,
    "hour": 60,
    "day": 1440,
    "week": 7 * 1440,
    "month": 31 * 1440,
    "year": 366 * 1440,
}
"""Of a unit, the longest there is."""


def due_at(starts: datetime, zone: ZoneInfo) -> datetime:
    """The moment of a local time."""
    return starts.replace(tzinfo=zone).astimezone(UTC)


def following(due: Due, zone: ZoneInfo, after: datetime) -> datetime | None:
    """The first moment of a rule later than `after`; None if it comes no more, or beyond the calendar."""
    rule = due.rule
    # Only the last years of the calendar, or a rule that was set before there was a bound, reach beyond it.
    with suppress(NotUnderstood, OverflowError):
        first = due_at(due.starts, zone)
        if first > after:
            return first
        if rule is None:
            return None
        if rule.unit in ("minute", "hour"):
            return first + rule.step * ((after - first) // rule.step + 1)
        count = _steps_before(due, zone, after)
        while True:
            for starts in _in_step(due.starts, rule, count):
                if (moment := due_at(starts, zone)) > after and starts >= due.starts:
                    return moment
            count += 1
    return None


def latest(due: Due, zone: ZoneInfo, until: datetime) -> datetime:
    """The last moment of a rule up to `until`, which is not before its first."""
    moment = due_at(due.starts, zone)
    if due.rule is not None:
        # Between two of its moments lies never more than that, and an hour where the clocks change.
        step = due.rule.step + timedelta(hours=1)
        if until - moment > step:
            moment = following(due, zone, until - step) or moment
    while (again := following(due, zone, moment)) and again <= until:
        moment = again
    return moment


def described(rule: Rule) -> str:
    """A rule in words: "every weekday", "every 2 weeks on Monday"."""
    if rule == WEEKDAYS:
        return "every weekday"
    if rule.weekdays:
        days = " and ".join(calendar.day_name[day] for day in rule.weekdays)
        return f"every {days}" if rule.every == 1 else f"every {rule.every} weeks on {days}"
    return f"every {rule.unit}" if rule.every == 1 else f"every {rule.every} {rule.unit}s"


def later(starts: datetime, rule: Rule, count: int) -> datetime:
    """So many steps later. Of a month that is too short, its last day."""
    steps = rule.every * count
    match rule.unit:
        case "month" | "year":
            months = starts.year * 12 + starts.month - 1 + steps * (12 if rule.unit == "year" else 1)
            year, month = divmod(months, 12)
            if year > MAXYEAR:
                raise NotUnderstood("That is too far away for me.")
            day = min(starts.day, calendar.monthrange(year, month + 1)[1])
            return starts.replace(year=year, month=month + 1, day=day)
        case "day" | "week":
            return starts + timedelta(days=steps * (7 if rule.unit == "week" else 1))
        case "minute" | "hour":
            return starts + timedelta(minutes=steps * (60 if rule.unit == "hour" else 1))


def _steps_before(due: Due, zone: ZoneInfo, after: datetime) -> int:
    """A number of steps that does not yet reach beyond `after`, so that looking on from it finds the next."""
    assert due.rule is not None
    elapsed = after.astimezone(zone).replace(tzinfo=None) - due.starts - timedelta(days=1)
    return max(0, elapsed // due.rule.step)


def _in_step(starts: datetime, rule: Rule, count: int) -> list[datetime]:
    """The local times of a rule's step, in order: one, or one a weekday."""
    if not rule.weekdays:
        return [later(starts, rule, count)]
    monday = starts - timedelta(days=starts.weekday()) + timedelta(weeks=rule.every * count)
    return [monday + timedelta(days=day) for day in rule.weekdays]
