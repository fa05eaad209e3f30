"""The days that statements name, said on Wednesday, 4 March 2026."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


SUNDAY = datetime(2026, 11, 22, 12, tzinfo=UTC)


def span(first: str, last: str = "") -> tuple[date, date]:
    return date.fromisoformat(first), date.fromisoformat(last or first) + timedelta(days=1)


@pytest.mark.parametrize(
    ("text", "claimed"),
    [
        ("I'm on holiday from next Monday for two weeks.", span("2026-11-23", "2026-12-06")),
        ("I'm on holiday from next Monday, 30 November, for two weeks.", span("2026-11-30", "2026-12-13")),
        ("Ich bin ab Montag zwei Wochen im Urlaub.", span("2026-11-23", "2026-12-06")),
        ("I'm in Oslo until Friday.", span("2026-11-22", "2026-11-27")),
        ("The conference starts on Tuesday and lasts 3 days.", span("2026-11-24", "2026-11-26")),
        ("The audit is a week from Friday.", span("2026-12-04")),
        ("The audit is a week from tomorrow.", span("2026-11-30")),
        ("The wedding is on Saturday week.", span("2026-12-05")),
        ("It's three weeks today.", span("2026-12-13")),
        ("The exam is three days before December 14.", span("2026-12-11")),
        ("Die Prüfung ist drei Tage vor dem 14.12.", span("2026-12-11")),
        ("We meet the day after December 24.", span("2026-12-25")),
        ("We meet the day after December 24, 2026.", span("2026-12-25")),
        ("We married on the last Friday of May 2019.", span("2019-05-31")),
        ("Wir haben am letzten Freitag im Mai 2019 geheiratet.", span("2019-05-31")),
        ("We meet on the last Friday before Christmas.", span("2026-12-18")),
        ("We meet on the first Monday in January.", span("2027-01-04")),
        ("We met on a Friday in 2019.", span("2019-05-31")),
        ("We fly on Good Friday.", span("2027-03-26")),
        ("I was born on March 14.", span("1990-03-14")),
        ("My last day at Acme is in January.", span("2027-01-29")),
        ("We left the next week.", span("2019-06-03", "2019-06-09")),
        ("Wir treffen uns Freitag in zwei Wochen.", span("2026-12-11")),
        ("The report is due by next Friday.", span("2026-11-25")),
        ("The report is due no later than next Friday.", span("2026-11-25")),
        ("Der Bericht kommt spätestens am nächsten Freitag.", span("2026-11-25")),
        ("I'll be back in a day or two.", span("2026-11-24")),
        ("We deployed version 2.4.", span("2026-11-22")),
        ("The interest is 3.5. We signed.", span("2026-11-22")),
        ("Geöffnet ist am 1.4. und 3.4.", span("2027-04-03")),
        ("I have yoga every Friday until 18 December 2026.", span("2026-11-27", "2026-12-18")),
        ("It rained every day last week.", span("2026-11-10")),
        ("I have yoga every Friday, and on Tuesday I see the dentist.", span("2026-11-24")),
    ],
)
def test_a_claim_stands_that_the_text_may_mean(text: str, claimed: tuple[date, date]) -> None:
    assert settled(claimed, text, SUNDAY, is_event=True) == claimed


@pytest.mark.parametrize(
    ("text", "claimed", "kept"),
    [
        ("The party is next Friday evening.", span("2026-11-26"), span("2026-11-27")),
        ("The party is next Friday in Oslo.", span("2026-11-20"), span("2026-11-27")),
        ("We meet tomorrow after work.", span("2026-11-24"), span("2026-11-23")),
        ("We meet tomorrow.", span("2026-11-21", "2026-11-30"), span("2026-11-23")),
        ("The party is on Friday.", span("2026-11-26"), span("2026-11-27")),
        ("The party is on Friday.", span("2026-11-22"), span("2026-11-27")),
        ("I saw the dentist on Friday.", span("2026-11-19"), span("2026-11-20")),
        ("Wir treffen uns am Freitag, 4.12.", span("2026-12-03"), None),
        ("Wir treffen uns am 4.12.", span("2026-12-03"), span("2026-12-04")),
    ],
)
def test_a_claim_that_is_plainly_wrong_is_put_right(
    text: str, claimed: tuple[date, date], kept: tuple[date, date] | None
) -> None:
    assert settled(claimed, text, SUNDAY, is_event=True) == kept


@pytest.mark.parametrize(
    "text",
    [
        "I have yoga every Friday.",
        "I have yoga every other Friday.",
        "I have yoga on Fridays.",
        "I have yoga on Friday evenings.",
        "I have yoga every week.",
        "I have yoga every Monday, Wednesday and Friday.",
        "I have yoga every two weeks on Friday.",
        "I have yoga every last Friday of the month.",
        "We meet on the first Friday of every month.",
        "Jeden Freitag habe ich Yoga.",
        "Freitags habe ich Yoga.",
        "Alle zwei Wochen habe ich Yoga.",
    ],
)
@pytest.mark.parametrize("week", range(3))
def test_what_comes_again_is_kept_without_a_day(text: str, week: int) -> None:
    said_at = SUNDAY + timedelta(weeks=week)
    friday = said_at.date() + timedelta(days=5)
    assert settled((friday, friday + timedelta(days=1)), text, said_at, is_event=True) is None
    assert settled(None, text, said_at, is_event=True) is None


@pytest.mark.parametrize(
    "text",
    [
        "I'm away from tomorrow.",
        "I've been ill since yesterday.",
        "We meet the day after 24 December 2026.",
        "It's a week from today.",
        "I'm away tomorrow until Christmas.",
        "The next day we left.",
        "I have yoga every Friday, but not tomorrow.",
        "The baby weighed 3.5.",
        "We deployed version 2.4.",
        "Wir treffen uns Freitag in zwei Wochen.",
    ],
)
def test_no_day_is_taken_that_the_text_may_not_mean(text: str) -> None:
    assert settled(None, text, SUNDAY, is_event=True) is None


@pytest.mark.parametrize(
    "text", ["After lunch it rained all day yesterday.", "I saw her yesterday before lunch and she was fine."]
)
def test_an_event_takes_a_day_whatever_else_the_text_tells(text: str) -> None:
    assert settled(None, text, SUNDAY, is_event=True) == span("2026-11-21")


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("Wir treffen uns vom 1.4. bis zum 3.4.", [span("2027-04-01"), span("2027-04-03")]),
        ("Wir treffen uns vom 1.4.-3.4.", [span("2027-04-01"), span("2027-04-03")]),
        ("Die Fassung 2.4. ist vom 1.5.2025", [span("2025-05-01")]),
        ("Wir brauchen 2.4. und 3.5. davon", []),
    ],
)
def test_a_day_and_month_in_digits_is_a_date_where_the_words_before_say_so(
    text: str, days: list[tuple[date, date]]
) -> None:
    assert [readings[0] for readings in named(text, SUNDAY)] == days


WORDS = [
    *(
        "next",
        "last",
        "the",
        "every",
        "until",
        "before",
        "am",
        "of",
        "in",
        "two",
        "week",
        "14",
        "1.4.",
        "march",
    ),
    *("friday", "fridays", "tomorrow", "2026-12-24", ";"),
]


@given(
    st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join),
    st.dates(max_value=date(9999, 12, 30)),
    st.booleans(),
)
def test_a_claim_stands_or_gives_way_to_a_reading_of_the_text_or_to_nothing(
    text: str, first: date, is_event: bool
) -> None:
    claimed = first, first + timedelta(days=1)
    kept = settled(claimed, text, SUNDAY, is_event=is_event)
    times = named(text, SUNDAY)
    assert kept in (claimed, None, *(days for readings in times for days in readings))
    assert times or "every" in text or "fridays" in text or kept == claimed
