"""Times in plain English, calendars and clocks that change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.assistant.when import WEEKDAYS, Due, Rule, described, due_at, following, read
from services.errors import NotUnderstood

BERLIN = ZoneInfo("Europe/Berlin")
# A Monday, two in the afternoon there.
NOW = datetime(2026, 3, 2, 13, 0, tzinfo=UTC).astimezone(BERLIN)


def at(month: int, day: int, hour: int = 9, minute: int = 0, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, minute)


@pytest.mark.parametrize(
    ("text", "what", "starts"),
    [
        ("tomorrow at nine to call the bank", "call the bank", at(3, 3)),
        ("to call the bank tomorrow at nine.", "call the bank", at(3, 3)),
        ("call the bank at 9:30 tomorrow", "call the bank", at(3, 3, 9, 30)),
        ("tomorrow: water the plants", "water the plants", at(3, 3)),
        ("in 20 minutes: tea", "tea", at(3, 2, 14, 20)),
        ("about the tea in half an hour", "the tea", at(3, 2, 14, 30)),
        ("in an hour and no later to leave", "and no later to leave", at(3, 2, 15)),
        ("leave in one and a half hours", "leave", at(3, 2, 15, 30)),
        ("leave in 1 and a half hours", "leave", at(3, 2, 15, 30)),
        ("in two weeks to renew the pass", "renew the pass", at(3, 16, 14)),
        ("two hours from now to stretch", "stretch", at(3, 2, 16)),
        ("to stretch at 3pm", "stretch", at(3, 2, 15)),
        ("to stretch at 3 p.m.", "stretch", at(3, 2, 15)),
        ("at 15:30 stretch", "stretch", at(3, 2, 15, 30)),
        ("at eight to run", "run", at(3, 3, 8)),
        ("at 8 in the evening to run", "run", at(3, 2, 20)),
        ("tonight at 8 to run", "run", at(3, 2, 20)),
        ("tonight to run", "run", at(3, 2, 20)),
        ("this evening to run", "run", at(3, 2, 19)),
        ("tomorrow evening to run", "run", at(3, 3, 19)),
        ("tomorrow at noon to eat", "eat", at(3, 3, 12)),
        ("at midnight to sleep", "sleep", at(3, 3, 0)),
        ("at half past nine to sleep", "sleep", at(3, 3, 9, 30)),
        ("at quarter to ten in the evening to sleep", "sleep", at(3, 2, 21, 45)),
        ("12 am tomorrow reset", "reset", at(3, 3, 0)),
        ("the day after tomorrow that Ann comes", "Ann comes", at(3, 4)),
        ("on Friday to pay the rent", "pay the rent", at(3, 6)),
        ("on Monday to pay the rent", "pay the rent", at(3, 9)),
        ("next tuesday at 10 to pay", "pay", at(3, 3, 10)),
        ("on 3 May to congratulate Bob", "congratulate Bob", at(5, 3)),
        ("May 3rd at 18:00 congratulate Bob", "congratulate Bob", at(5, 3, 18)),
        ("on the 1st of January to rest", "rest", at(1, 1, year=2027)),
        ("on 3 May 2028 to congratulate Bob", "congratulate Bob", at(5, 3, year=2028)),
        ("on 2026-04-01 to joke", "joke", at(4, 1)),
        ("on 1.4. to joke", "joke", at(4, 1)),
        ("on the 15th to pay", "pay", at(3, 15)),
        ("next week to ask", "ask", at(3, 9)),
        ("next month at 7am to ask", "ask", at(4, 2, 7)),
        ("tomorrow at nine", "", at(3, 3)),
        ("call the bank", "call the bank", None),
        ("read 9 books", "read 9 books", None),
        ("on the 35th to pay", "", None),
        ("on 31 February to pay", "", None),
        ("at 25:00 to pay", "", None),
    ],
)
def test_a_time_and_what_is_to_be_done(text: str, what: str, starts: datetime | None) -> None:
    found = read(text, NOW)
    if starts is None:
        assert found is None
    else:
        assert found is not None
        assert (found.what, found.due) == (what, Due(starts))


@pytest.mark.parametrize(
    ("text", "what", "starts", "rule"),
    [
        ("every Monday at 8 to water the plants", "water the plants", at(3, 9, 8), Rule(1, "week", (0,))),
        (
            "to water the plants every monday and thursday",
            "water the plants",
            at(3, 5),
            Rule(1, "week", (0, 3)),
        ),
        ("every weekday at 17:00 to go home", "go home", at(3, 2, 17), WEEKDAYS),
        ("every day to stretch", "stretch", at(3, 3), Rule(1, "day")),
        ("daily at 6pm to stretch", "stretch", at(3, 2, 18), Rule(1, "day")),
        ("every evening to read", "read", at(3, 2, 19), Rule(1, "day")),
        ("every other day to read", "read", at(3, 3), Rule(2, "day")),
        ("every 2 weeks on Friday to pay", "pay", at(3, 6), Rule(2, "week")),
        ("every month on the 1st to pay", "pay", at(4, 1), Rule(1, "month")),
        ("every month on the 31st at 8 to pay", "pay", at(3, 31, 8), Rule(1, "month")),
        ("every year on 3 May to congratulate", "congratulate", at(5, 3), Rule(1, "year")),
        ("every 3 hours to drink", "drink", at(3, 2, 17), Rule(3, "hour")),
        ("every 30 minutes to drink", "drink", at(3, 2, 14, 30), Rule(30, "minute")),
    ],
)
def test_a_time_that_comes_again(text: str, what: str, starts: datetime, rule: Rule) -> None:
    found = read(text, NOW)
    assert found is not None
    assert (found.what, found.due) == (what, Due(starts, rule))


@pytest.mark.parametrize("text", ["today at nine to call", "on 3 May 2020 to call", "in 900 years to call"])
def test_what_is_past_or_too_far_is_said_so(text: str) -> None:
    with pytest.raises(NotUnderstood):
        read(text, NOW)


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


def test_a_time_that_the_clocks_leave_out_moves_forward_and_one_that_comes_twice_is_the_first() -> None:
    assert due_at(at(3, 29, 2, 30), BERLIN).astimezone(BERLIN).hour == 3
    assert due_at(at(10, 25, 2, 30), BERLIN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    due = Due(at(10, 24, 2, 30), Rule(1, "day"))
    first = following(due, BERLIN, due_at(due.starts, BERLIN))
    assert first == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert following(due, BERLIN, first) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


def test_minutes_pass_the_same_whatever_the_clocks_do() -> None:
    before = datetime(2026, 3, 29, 0, 50, tzinfo=UTC).astimezone(BERLIN)
    found = read("in 20 minutes to look", before)
    assert found is not None
    assert found.due.starts == at(3, 29, 3, 10)


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


@given(st.text(max_size=60))
def test_any_text_can_be_read(text: str) -> None:
    try:
        found = read(text, NOW)
    except NotUnderstood:
        return
    assert found is None or found.due.starts > NOW.replace(tzinfo=None) - timedelta(minutes=1)
