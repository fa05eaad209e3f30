"""What is killed is not traced: it would write nothing down, and all about it would take longer."""

import os

import pytest


@pytest.fixture(autouse=True)
def children_are_not_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("COVERAGE_"):
            monkeypatch.delenv(name)
