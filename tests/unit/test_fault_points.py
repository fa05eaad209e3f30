"""Every point at which `make faults` kills a service is a function that is really there."""

import inspect

import pytest

from faults.points import ASSISTANT, DISCORD, TELEGRAM, Point, find

TABLES = {"assistant": ASSISTANT, "telegram": TELEGRAM, "discord": DISCORD}


@pytest.mark.parametrize(
    "point",
    [
        pytest.param(point, id=f"{service}: {name}")
        for service, points in TABLES.items()
        for name, point in points.items()
    ],
)
def test_a_point_names_a_coroutine_or_a_stream(point: Point) -> None:
    _, function = find(point)
    is_right = inspect.isasyncgenfunction if point.moment == "within" else inspect.iscoroutinefunction
    assert is_right(function)
