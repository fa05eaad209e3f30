"""What runs came to: a table for the terminal, and a page that needs nothing but a browser."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from services.benchmark.report import page, table
from services.benchmark.report.measures import measures
from services.benchmark.runs import load


def report(folders: Sequence[Path], console: Console, html: Path) -> None:
    """Show the figures of the runs in these folders, and write their page.

    Raises SettingsError for what can't be read or written.
    """
    runs = measures([load(folder) for folder in folders])
    table.show(console, runs)
    page.write(runs, html)
