"""Times that come again, and what clocks do to them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from services.assistant.recurrence import WEEKDAYS, Due, Rule, described, due_at, following, latest

BERLIN = ZoneInfo("Europe/Berlin")


def at(month: int, day: int, hour: int = 9, minute: int = 0, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, minute)


def test_a_rule_in_words() -> None:
    assert described(WEEKDAYS) == "every weekday"
    assert described(Rule(1, "week", (0, 3))) == "every Monday and Thursday"
    assert described(Rule(2, "week", (4,))) == "every 2 weeks on Friday"
    assert described(Rule(1, "day")) == "every day"
    assert described(Rule(3, "hour")) == "every 3 hours"


def test_nine_o_clock_stays_nine_o_clock() -> None:
    due = Due(at(3, 28, 9), Rule(1, "day"))
    moments = [due_at(due.starts, BERLIN)]
    for _ in range(2):
        found = following(due, BERLIN, moments[-1])
        assert found is not None
        moments.append(found)
    assert [moment.hour for moment in moments] == [8, 7, 7]
    assert {moment.astimezone(BERLIN).hour for moment in moments} == {9}


@given(
    due=st.builds(
        Due,
        st.datetimes(datetime(2024, 1, 1), datetime(2025, 1, 1)),
        st.builds(Rule, st.integers(1, 3), st.sampled_from(["hour", "day", "week", "month", "year"])),
    ),
    days=st.integers(0, 1000),
)
def test_the_latest_is_the_last_of_those_that_follow_each_other(due: Due, days: int) -> None:
    moment = due_at(due.starts, BERLIN)
    until = moment + timedelta(days=days)
    found = latest(due, BERLIN, until)
    assert moment <= found <= until
    after = following(due, BERLIN, found)
    assert after is not None
    assert after > until
    assert found == moment or following(due, BERLIN, found - timedelta(seconds=1)) == found


def test_what_comes_once_has_its_only_time() -> None:
    assert latest(Due(at(3, 28)), BERLIN, due_at(at(4, 28), BERLIN)) == due_at(at(3, 28), BERLIN)


def test_a_time_that_the_clocks_leave_out_moves_forward_and_one_that_comes_twice_is_the_first() -> None:
    assert due_at(at(3, 29, 2, 30), BERLIN).astimezone(BERLIN).hour == 3
    assert due_at(at(10, 25, 2, 30), BERLIN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    due = Due(at(10, 24, 2, 30), Rule(1, "day"))
    first = following(due, BERLIN, due_at(due.starts, BERLIN))
    assert first == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert following(due, BERLIN, first) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


def test_a_short_month_has_its_last_day() -> None:
    due = Due(at(1, 31), Rule(1, "month"))
    moment = following(due, BERLIN, due_at(due.starts, BERLIN))
    assert moment is not None
    assert moment.astimezone(BERLIN).replace(tzinfo=None) == at(2, 28)
    moment = following(due, BERLIN, moment)
    assert moment is not None
    assert moment.astimezone(BERLIN).replace(tzinfo=None) == at(3, 31)


ZONES = st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"])
RULES = st.one_of(
    st.builds(Rule, st.integers(1, 5), st.sampled_from(["minute", "hour", "day", "week", "month", "year"])),
    st.builds(
        Rule,
        st.integers(1, 3),
        st.just("week"),
        st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days))),
    ),
)


@given(
    starts=st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)),
    rule=RULES,
    zone=ZONES,
    after=st.timedeltas(timedelta(0), timedelta(days=2000)),
)
def test_the_next_time_is_the_first_one_later(
    starts: datetime, rule: Rule, zone: str, after: timedelta
) -> None:
    due, where = Due(starts.replace(microsecond=0), rule), ZoneInfo(zone)
    asked = due_at(due.starts, where) + after
    found = following(due, where, asked)
    assert found is not None
    assert found > asked
    # Nothing lies between: the moment right before it has the same next one.
    assert following(due, where, found - timedelta(microseconds=1)) == found


def test_a_rule_that_reaches_beyond_the_calendar_comes_no_more() -> None:
    for unit in ("year", "month", "week"):
        due = Due(at(3, 3, year=9998), Rule(9999, unit))
        assert following(due, BERLIN, due_at(due.starts, BERLIN)) is None


@given(
    starts=st.one_of(
        st.datetimes(datetime(9999, 12, 20), datetime.max), st.datetimes(max_value=datetime(1, 1, 20))
    ),
    rule=st.one_of(st.none(), RULES, st.just(Rule(10_000, "hour")), st.just(Rule(10_000, "year"))),
    zone=st.sampled_from(["America/New_York", "Asia/Tokyo", "UTC"]),
    after=st.datetimes(datetime(9998, 12, 1), datetime(9999, 12, 31), timezones=st.just(UTC)),
)
def test_at_either_end_of_the_calendar_a_next_time_is_later_or_there_is_none(
    starts: datetime, rule: Rule | None, zone: str, after: datetime
) -> None:
    moment = following(Due(starts, rule), ZoneInfo(zone), after)
    assert moment is None or moment > after


def test_the_latest_of_a_rule_as_old_as_the_calendar_is_found() -> None:
    due = Due(datetime(1, 1, 2, 9), Rule(1, "day"))
    assert latest(due, ZoneInfo("UTC"), datetime(2026, 1, 1, 12, tzinfo=UTC)) == datetime(
        2026, 1, 1, 9, tzinfo=UTC
    )
