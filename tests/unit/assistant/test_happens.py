"""The days that statements name, said on Wednesday, 4 March 2026."""

from datetime import UTC, date, datetime, timedelta

import pytest

from services.assistant.happens import named, settled

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


def day(month: int, number: int, year: int = 2026) -> tuple[date, date]:
    return date(year, month, number), date(year, month, number) + timedelta(days=1)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("yesterday", day(3, 3)),
        ("the day after tomorrow", day(3, 6)),
        ("vorgestern", day(3, 2)),
        ("next Friday", day(3, 6)),
        ("nächsten Freitag", day(3, 6)),
        ("last Wednesday", day(2, 25)),
        ("this Monday", day(3, 2)),
        ("on Sunday", day(3, 8)),
        ("in two weeks", day(3, 18)),
        ("vor drei Tagen", day(3, 1)),
        ("3 days ago", day(3, 1)),
        ("in einem Monat", (date(2026, 4, 1), date(2026, 5, 1))),
        ("in 2 years", (date(2028, 1, 1), date(2029, 1, 1))),
        ("last week", (date(2026, 2, 23), date(2026, 3, 2))),
        ("next month", (date(2026, 4, 1), date(2026, 5, 1))),
        ("letztes Jahr", (date(2025, 1, 1), date(2026, 1, 1))),
        ("next day", day(3, 5)),
        ("on 14 March", day(3, 14)),
        ("am 14. März", day(3, 14)),
        ("March 14th, 2031", day(3, 14, 2031)),
        ("on 31 December", day(12, 31, 2025)),
        ("am 1.4.", day(4, 1)),
        ("on 29 February 2028", day(2, 29, 2028)),
        ("2026-05-01", day(5, 1)),
        ("ÜBERMORGEN", day(3, 6)),
        ("2 dayſ ago", day(3, 2)),
    ],
)
def test_the_likeliest_reading_comes_first(text: str, days: tuple[date, date]) -> None:
    ((likeliest, *_),) = named(f"We met {text}.", NOW)
    assert likeliest == days


@pytest.mark.parametrize(
    "text",
    [
        *("soon", "on 30 February", "2026-13-01", "I may march", "in 999 years 99999 ago", "9999-12-31"),
        *("next frıday", "MİTTWOCH", "15 APRİL"),
    ],
)
def test_what_names_no_day_is_passed_over(text: str) -> None:
    assert not [days for readings in named(text, NOW) for days in readings if days[0].year < 2900]


@pytest.mark.parametrize(
    ("claimed", "text", "kept"),
    [
        (day(3, 13), "next Friday", day(3, 13)),
        (day(3, 20), "next Friday", day(3, 6)),
        (day(7, 1), "when summer comes", day(7, 1)),
        (None, "yesterday", day(3, 3)),
        (None, "I saw the dentist on Friday", None),
        (None, "every Friday", None),
        (None, "on 14 March", None),
        (None, "on 14 March 2026", day(3, 14)),
        (None, "in two weeks", (date(2026, 3, 16), date(2026, 3, 23))),
        (None, "from Monday to Friday", None),
        ((date(2026, 3, 9), date(2026, 3, 14)), "from Monday to Friday", None),
        (day(3, 9), "from Monday to Friday", day(3, 9)),
        (
            (date(2026, 3, 14), date(2026, 3, 17)),
            "from 14 March to 16 March",
            (date(2026, 3, 14), date(2026, 3, 17)),
        ),
        (day(5, 5), "from 14 March to 16 March", None),
    ],
)
def test_a_claim_gives_way_to_what_was_said(
    claimed: tuple[date, date] | None, text: str, kept: tuple[date, date] | None
) -> None:
    assert settled(claimed, text, NOW, is_event=True) == kept


def test_only_an_event_takes_a_day_that_nobody_claimed() -> None:
    assert settled(None, "yesterday", NOW, is_event=False) is None
