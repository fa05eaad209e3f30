"""A small part of every line of `make faults`."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from structlog.testing import capture_logs

from faults.line import SMOKE, Line
from faults.table import LINES


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
async def test_a_small_part_of(line: Line) -> None:
    # Writing the tracebacks of so many faults would take longer than the faults.
    with TemporaryDirectory(prefix="remi-faults-") as folder, capture_logs():
        outcome = await line.run(SMOKE, Path(folder))
    assert outcome.met, outcome.figure
