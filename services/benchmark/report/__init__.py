"""What runs came to: a table for the terminal, and a page that needs nothing but a browser."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from services.benchmark.report import page, table
from services.benchmark.report.measures import measures
from services.benchmark.runs import load

NAME = "report.html"


def report(folders: Sequence[Path], console: Console, out: Path | None = None) -> Path:
    """Show the figures of the runs in these folders and write their page; the page's path.

    By default it stands in the first folder. Raises SettingsError for what can't be read or written.
    """
    runs = measures([load(folder) for folder in folders])
    table.show(console, runs)
    path = out or folders[0] / NAME
    page.write(runs, path)
    return path
