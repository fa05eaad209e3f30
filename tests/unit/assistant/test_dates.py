"""The dates a question names."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from services.assistant.dates import BEGINNING, ranges, stretches

NOW = datetime(2026, 3, 10, 12, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What did I say?", []),
        ("in May 2023", [("2023-05-01", "2023-06-01")]),
        ("in December 2023", [("2023-12-01", "2024-01-01")]),
        ("on 2024-02-29", [("2024-02-29", "2024-03-01")]),
        ("on May 5th, 2023", [("2023-05-05", "2023-05-06")]),
        ("on the 5th of May 2023", [("2023-05-05", "2023-05-06")]),
        ("on 5 January", [("2026-01-05", "2026-01-06")]),
        ("on 5 April", [("2025-04-05", "2025-04-06")]),
        ("in March", [("2026-03-01", "2026-04-01")]),
        ("in April", [("2025-04-01", "2025-05-01")]),
        ("in 2022 or 2024", [("2022-01-01", "2023-01-01"), ("2024-01-01", "2025-01-01")]),
        ("today", [("2026-03-10", "2026-03-11")]),
        ("Yesterday", [("2026-03-09", "2026-03-10")]),
        ("this week", [("2026-03-09", "2026-03-16")]),
        ("last week", [("2026-03-02", "2026-03-09")]),
        ("this month", [("2026-03-01", "2026-04-01")]),
        ("last month", [("2026-02-01", "2026-03-01")]),
        ("last year", [("2025-01-01", "2026-01-01")]),
        ("may I march on?", []),
        ("2024-13-45", []),
        ("31 February 2024", []),
        ("room 20231 and call 1999999", []),
        ("until 9999-12-31", []),
        ("since 0001-01-01", []),
        ("in 9998-12-31", [("9998-12-31", "9999-01-01")]),
        ("10 mınutes ago", []),
        ("LAST WEEK", [("2026-03-02", "2026-03-09")]),
    ],
)
def test_dates_are_read_as_of_now(question: str, expected: list[tuple[str, str]]) -> None:
    found = ranges(question, NOW)
    assert [(begins.date().isoformat(), ends.date().isoformat()) for begins, ends in found] == expected


def test_days_begin_at_midnight_where_the_person_is() -> None:
    ((begins, ends),) = ranges("today", NOW)
    assert (begins.hour, begins.tzinfo, ends.tzinfo) == (0, NOW.tzinfo, NOW.tzinfo)


@pytest.mark.parametrize(
    ("question", "begins", "ends"),
    [
        ("What did I say two hours ago?", "09:30", "10:30"),
        ("about 2 hours and 21 minutes ago", "09:34", "09:44"),
        ("An hour ago", "10:30", "11:30"),
        ("1 hour, 5 minutes ago", "10:50", "11:00"),
    ],
)
def test_so_long_ago_is_about_then(question: str, begins: str, ends: str) -> None:
    (found,) = ranges(question, NOW)
    assert [moment.strftime("%H:%M") for moment in found] == [begins, ends]


def test_days_ago_are_about_a_day() -> None:
    ((begins, ends),) = ranges("3 days ago", NOW)
    assert (begins.isoformat()[:16], ends.isoformat()[:16]) == ("2026-03-07T00:00", "2026-03-08T00:00")


def test_before_all_time_is_no_time() -> None:
    assert ranges("999 years, 999 years and 999 years ago", NOW) == []


def test_so_long_ago_is_no_stretch_to_forget() -> None:
    assert stretches("two hours ago", NOW) == []


def test_since_reaches_until_now() -> None:
    assert [ends for _, ends in ranges("since February, since the 5th of March and in May", NOW)] == [
        NOW,
        NOW,
        datetime(2025, 6, 1, tzinfo=NOW.tzinfo),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yesterday", [("03-09", "03-10")]),
        ("What I said to you yesterday", [("03-09", "03-10")]),
        ("from 2026-03-01 to 2026-03-05", [("03-01", "03-06")]),
        ("2026-03-05 - 2026-03-01", [("03-01", "03-06")]),
        ("between January and February", [("01-01", "03-01")]),
        ("from 2026-02-01 until yesterday", [("02-01", "03-10")]),
        ("since 2026-03-01 till 2026-03-05", [("03-01", "03-06")]),
        ("January and 2026-03-01", [("01-01", "02-01"), ("03-01", "03-02")]),
        ("yesterday, and what I said to you on 2026-02-01", [("03-09", "03-10"), ("02-01", "02-02")]),
        ("from 2026-02-01 to 2026-02-03 and since 2026-03-05", [("02-01", "02-04"), ("03-05", "now")]),
        ("everything since 2026-03-01", [("03-01", "now")]),
        ("since last month", [("02-01", "now")]),
        ("from 2026-03-01", [("03-01", "now")]),
        ("everything from 2026-03-01 on", [("03-01", "now")]),
        ("everything from last week", [("03-02", "03-09")]),
        ("all until 2026-03-05", [("beginning", "03-06")]),
        ("everything I said till yesterday", [("beginning", "03-10")]),
        ("since the dentist came yesterday", []),
        ("yesterday 9999-12-31", []),
        ("yesterday at noon", []),
        ("", []),
    ],
)
def test_a_text_that_is_nothing_but_stretches(text: str, expected: list[tuple[str, str]]) -> None:
    def shown(moment: datetime) -> str:
        return {NOW: "now", BEGINNING: "beginning"}.get(moment) or f"{moment:%m-%d}"

    assert [(shown(begins), shown(ends)) for begins, ends in stretches(text, NOW)] == expected
