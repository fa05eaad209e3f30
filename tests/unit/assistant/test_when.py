"""Times in plain English."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.assistant.recurrence import WEEKDAYS, WEEKEND, Due, Rule, due_at
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
        ("tomorrow night to take out the trash", "take out the trash", at(3, 3, 21)),
        ("on Friday night to dance", "dance", at(3, 6, 21)),
        ("Monday night at 8 to call", "call", at(3, 9, 20)),
        ("Friday night at 1am to sleep", "sleep", at(3, 7, 1)),
        ("tonight at midnight to sleep", "sleep", at(3, 3, 0)),
        ("at midnight tonight to sleep", "sleep", at(3, 3, 0)),
        ("tomorrow at midnight to sleep", "sleep", at(3, 4, 0)),
        ("at 2 at night to feed the baby", "feed the baby", at(3, 3, 2)),
        ("at 12:30 at night to feed the baby", "feed the baby", at(3, 3, 0, 30)),
        ("tonight at 1am to feed the baby", "feed the baby", at(3, 3, 1)),
        ("at nine thirty to run", "run", at(3, 3, 9, 30)),
        ("at seven forty-five to run", "run", at(3, 3, 7, 45)),
        ("tomorrow at nine oh five to run", "run", at(3, 3, 9, 5)),
        ("at 5 past 9 to run", "run", at(3, 3, 9, 5)),
        ("at twenty past nine to run", "run", at(3, 3, 9, 20)),
        ("to run half past nine tomorrow", "run", at(3, 3, 9, 30)),
        ("tomorrow a quarter to nine to run", "run", at(3, 3, 8, 45)),
        ("at ten to six to run", "run", at(3, 3, 5, 50)),
        ("at ten to six in the evening to run", "run", at(3, 2, 17, 50)),
        ("at quarter to one tomorrow to eat", "eat", at(3, 3, 12, 45)),
        ("at half past nine pm to sleep", "sleep", at(3, 2, 21, 30)),
        ("at 1530 to stretch", "stretch", at(3, 2, 15, 30)),
        ("in an hour and a half to leave", "leave", at(3, 2, 15, 30)),
        ("in twenty-four hours to leave", "leave", at(3, 3, 14)),
        ("next month on the 5th to pay", "pay", at(4, 5)),
        ("on Friday next week to pay", "pay", at(3, 13)),
        ("on Friday, 13 March to stay in bed", "stay in bed", at(3, 13)),
        ("mon 9am standup", "standup", at(3, 9)),
        ("to call on sat", "call", at(3, 7)),
        ("sun cream tomorrow", "sun cream", at(3, 3)),
        ("to log in tomorrow", "log in", at(3, 3)),
        ("tomorrow to call the bank at 3pm", "call the bank", at(3, 3, 15)),
        ("tomorrow to book a table for Friday at 8", "book a table for Friday at 8", at(3, 3)),
        ("at nine and five to eat", "", None),
        ("at 9am and 5pm to take pills", "", None),
        ("to take pills at 9am and 5pm", "", None),
        ("every day at 8am and 8pm to run", "", None),
        ("every hour until 6pm to drink", "", None),
        ("every 30 minutes from 9am to 5pm to drink", "", None),
        ("every Monday starting 6 April to run", "", None),
        ("every 3 hours at 9 to drink", "", None),
        ("every second Monday of the month to pay", "", None),
        ("every day for a month to rest", "", None),
        ("every other weekday to run", "", None),
        ("at 9am UTC to join the call", "", None),
        ("to join the call at 9am UTC tomorrow", "", None),
        ("at 9 New York time to join the call", "", None),
        ("to join the call at 9am ET", "", None),
        ("at 5:30pm-6pm to run", "", None),
        ("tomorrow at 2 at night to feed the baby", "", None),
        ("at 8pm in the morning to run", "", None),
        ("at nine to five to run", "", None),
        ("in one and a half days to run", "", None),
        ("in two and a half weeks to run", "", None),
        ("in one and a half years to run", "", None),
        ("Monday in two weeks to run", "", None),
        ("on the 1st and 15th of every month to pay", "", None),
        ("on Friday 14 March to pay", "", None),
        ("at 25:00 to pay tomorrow", "", None),
        ("to call at 5 30 tomorrow", "", None),
        ("to book a table for Friday at 8", "", None),
        ("what we did last Monday", "", None),
        ("to get out in the sun", "", None),
        ("where I sat", "", None),
        ("next frıday to swim", "", None),
        ("in 10 mınutes to swim", "", None),
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
        ("every evening at 8 to read", "read", at(3, 2, 20), Rule(1, "day")),
        ("at 8 every evening to read", "read", at(3, 2, 20), Rule(1, "day")),
        ("every night at ten to read", "read", at(3, 2, 22), Rule(1, "day")),
        ("every afternoon at 3 to read", "read", at(3, 2, 15), Rule(1, "day")),
        ("every night at midnight to read", "read", at(3, 3, 0), Rule(1, "day")),
        ("every day to read at 8pm", "read", at(3, 2, 20), Rule(1, "day")),
        ("every Monday morning at 7 to run", "run", at(3, 9, 7), Rule(1, "week", (0,))),
        ("every weekday evening at 7 to run", "run", at(3, 2, 19), WEEKDAYS),
        ("every other weekend to rest", "rest", at(3, 7), Rule(2, "week", (5, 6))),
        ("every Monday at midnight to turn the logs", "turn the logs", at(3, 9, 0), Rule(1, "week", (0,))),
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


@pytest.mark.parametrize(
    "text",
    [
        "today at nine to call",
        "this morning to call",
        "on 3 May 2020 to call",
        "in 900 years to call",
        "in 7973 years and 9999 hours to call",
        "every 9999 years to call",
        "every 3000 weeks to call",
    ],
)
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
    assert begins_with_time("on the first Monday of every month to pay")
    assert begins_with_time("in half a year to pay")
    assert not begins_with_time("what my dog is called")
    assert not begins_with_time("in a few words of my dog")


def test_minutes_pass_the_same_whatever_the_clocks_do() -> None:
    before = datetime(2026, 3, 29, 0, 50, tzinfo=UTC).astimezone(BERLIN)
    found = read("in 20 minutes to look", before)
    assert found is not None
    assert found.due.starts == at(3, 29, 3, 10)


@pytest.mark.parametrize(
    ("now", "text", "due"),
    [
        # The clock of 25 October shows 02:00 to 03:00 twice, an hour apart.
        ((0, 45), "in 30 minutes to look", (1, 15)),
        ((1, 10), "every 30 minutes to look", (1, 40)),
        ((1, 10), "at 2:50 to look", (1, 50)),
        ((0, 10), "at 2:50 to look", (0, 50)),
    ],
)
def test_in_the_hour_that_comes_twice_a_time_lies_ahead(
    now: tuple[int, int], text: str, due: tuple[int, int]
) -> None:
    found = read(text, datetime(2026, 10, 25, *now, tzinfo=UTC).astimezone(BERLIN))
    assert found is not None
    assert due_at(found.due.starts, BERLIN) == datetime(2026, 10, 25, *due, tzinfo=UTC)


TIMES = st.sampled_from(
    [
        *("tomorrow", "tonight", "today", "on Friday", "Monday", "next week", "next month", "on the 5th"),
        *("on 3 May", "the 15th", "at 9", "at nine", "at 5pm", "9:30", "noon", "midnight", "at ten to six"),
        *("half past nine", "20 past 9", "thirty", "5", "pm", "and a half", "UTC", "Berlin time"),
        *("in the evening", "at night", "night", "evening", "morning", "this evening", "for a week"),
        *("every day", "every Monday", "every evening", "every hour", "every 2 weeks", "every month"),
        *("in 2 hours", "in three days", "each week", "weekly", "on weekdays"),
    ]
)
LINKS = st.sampled_from(
    [" ", ", ", " and ", " or ", " until ", " from ", " to ", " - ", " starting ", " at ", "-", "/"]
)


@st.composite
def spoken(draw: st.DrawFn) -> str:
    """Pieces of times in a row that may fit each other, or not."""
    pieces = draw(st.lists(TIMES, min_size=1, max_size=4))
    return pieces[0] + "".join(draw(LINKS) + piece for piece in pieces[1:])


MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))


@settings(max_examples=500)
@given(time=spoken(), moment=MOMENTS)
@example(time="in 30 minutes", moment=datetime(2026, 10, 25, 0, 45, tzinfo=UTC))
def test_a_time_is_read_whole_and_lies_ahead_or_sets_nothing(time: str, moment: datetime) -> None:
    now = moment.astimezone(BERLIN)
    try:
        found = read(f"{time} to call the bank", now)
    except NotUnderstood:
        return
    if found is not None:
        assert found.what == "call the bank"
        assert due_at(found.due.starts, BERLIN) > now.replace(second=0, microsecond=0)
        rule = found.due.rule
        assert rule is None or not rule.weekdays or found.due.starts.weekday() in rule.weekdays


@pytest.mark.parametrize(
    "word", [".", " ", "😀", "at 9 ", "at 9 at night ", "Monday, ", "every day and ", "1", "on "]
)
@pytest.mark.parametrize("around", ["{}", "foo {} x y", "foo {}at 9", "at 9 {} x", "tomorrow {}"])
@pytest.mark.timeout(20)
def test_no_text_takes_more_than_its_length(word: str, around: str) -> None:
    """Were it more than linear, this would take hours."""
    text = around.format(word * (100_000 // len(word)))
    is_time(text)
    begins_with_time(text)
    with suppress(NotUnderstood):
        read(text, NOW)


@given(st.text(max_size=60))
def test_any_text_can_be_read(text: str) -> None:
    try:
        found = read(text, NOW)
    except NotUnderstood:
        return
    assert found is None or found.due.starts > NOW.replace(tzinfo=None) - timedelta(minutes=1)
