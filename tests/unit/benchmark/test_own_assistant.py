"""An assistant of the benchmark's own that can't be had."""

import fcntl
from pathlib import Path

import pytest

from services.benchmark import own_assistant as module
from services.benchmark.own_assistant import own_assistant
from services.errors import Unavailable


async def test_a_data_folder_is_for_one_assistant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STOP_SECONDS", 0.2)
    with (tmp_path / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Unavailable, match="another assistant runs"):
            async with own_assistant(tmp_path):
                pass


async def test_an_assistant_that_does_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="REMI_TIMEZONE"):
        async with own_assistant(tmp_path, {"REMI_TIMEZONE": "Nowhere"}):
            pass


async def test_an_assistant_that_says_nothing_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "START_SECONDS", 0)
    with pytest.raises(Unavailable, match="does not start"):
        async with own_assistant(tmp_path):
            pass
