"""Times in plain English."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.assistant.recurrence import WEEKDAYS, WEEKEND, Due, Rule
from services.assistant.when import begins_with_time, is_time, read
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
        ("in 2 hours and 30 minutes to leave", "leave", at(3, 2, 16, 30)),
        ("in 1 day, 2 hours to leave", "leave", at(3, 3, 16)),
        ("on 29 February to leap", "leap", at(2, 29, year=2028)),
        ("at nine and five to eat", "", None),
        ("Tuesday and Thursday at 8 to run", "", None),
        ("on Monday the 15th to pay", "", None),
        ("at 5 to 7 to run", "", None),
        ("to run on Friday and at 5", "", None),
        ("every day until Friday to rest", "", None),
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
        ("on the 1st of every month to pay", "pay", at(4, 1), Rule(1, "month")),
        ("each Friday to pay", "pay", at(3, 6), Rule(1, "week", (4,))),
        ("on Mondays and Fridays at 8 to run", "run", at(3, 6, 8), Rule(1, "week", (0, 4))),
        ("at 17:00 on weekdays to go home", "go home", at(3, 2, 17), WEEKDAYS),
        ("every weekend at 10 to rest", "rest", at(3, 7, 10), WEEKEND),
        ("every year on 29 February to leap", "leap", at(2, 29, year=2028), Rule(1, "year")),
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


def test_the_last_day_of_months_is_kept() -> None:
    february = datetime(2026, 2, 10, 13, 0, tzinfo=UTC).astimezone(BERLIN)
    found = read("every month on the 31st to pay", february)
    assert found is not None
    assert found.due == Due(at(3, 31), Rule(1, "month"))


def test_a_time_alone_is_told_from_one_with_more() -> None:
    assert is_time("Tomorrow at nine")
    assert not is_time("Tomorrow you")
    assert begins_with_time("tuesday and Thursday at 8 to run")
    assert not begins_with_time("what my dog is called")


def test_minutes_pass_the_same_whatever_the_clocks_do() -> None:
    before = datetime(2026, 3, 29, 0, 50, tzinfo=UTC).astimezone(BERLIN)
    found = read("in 20 minutes to look", before)
    assert found is not None
    assert found.due.starts == at(3, 29, 3, 10)


@given(st.text(max_size=60))
def test_any_text_can_be_read(text: str) -> None:
    try:
        found = read(text, NOW)
    except NotUnderstood:
        return
    assert found is None or found.due.starts > NOW.replace(tzinfo=None) - timedelta(minutes=1)
