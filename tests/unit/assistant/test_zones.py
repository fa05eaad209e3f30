"""Time zones by what people call them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.assistant.zones import named, shown


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("berlin", "Europe/Berlin"),
        ("Zürich", "Europe/Zurich"),
        ("São Paulo", "America/Sao_Paulo"),
        ("St. John's", "America/St_Johns"),
        ("new york", "America/New_York"),
        ("utc", "UTC"),
        ("Etc/GMT+2", "Etc/GMT+2"),
    ],
)
def test_a_city_or_a_name(text: str, zone: str) -> None:
    assert named(text) == [zone]


@given(
    hours=st.integers(-12, 14),
    name=st.sampled_from(["UTC", "gmt", "GMT ", ""]),
    minutes=st.sampled_from(["", ":00"]),
)
def test_hours_ahead_of_utc_are_ahead_of_it(hours: int, name: str, minutes: str) -> None:
    (zone,) = named(f"{name}{hours:+}{minutes}")
    assert datetime.now(UTC).astimezone(ZoneInfo(zone)).utcoffset() == timedelta(hours=hours)
    assert f"{hours:+}".lstrip("+-") in shown(ZoneInfo(zone))


@pytest.mark.parametrize("text", ["Atlantis", "UTC+15", "UTC-13", "UTC+5:30", "2", ""])
def test_what_is_no_zone(text: str) -> None:
    assert named(text) == []
