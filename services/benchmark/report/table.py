"""The figures of runs as tables for the terminal."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.benchmark.report.figures import beside, overall
from services.benchmark.report.measures import JUDGE, READER, Measures, judges


def show(console: Console, runs: Sequence[Measures]) -> None:
    """Scores by dataset, a column a run, then each run's figures."""
    scores = _table("score", runs)
    for name in sorted({name for each in runs for name in each.totals.datasets}):
        scores.add_row(name, *(beside(each, name) for each in runs))
    figures = [overall(each) for each in runs]
    whole = _table("", runs)
    for name in figures[0]:
        whole.add_row(name, *(each[name] for each in figures), style="bold" if name == "total" else "")
    console.print(scores, whole)
    if any(each.run.is_read for each in runs):
        console.print(Text(READER, style="dim"))
    for judge in judges(runs):
        console.print(Text(JUDGE.format(model=judge), style="dim"))


def _table(head: str, runs: Sequence[Measures]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column(head, no_wrap=True)
    for each in runs:
        table.add_column(Text(each.label), justify="right")
    return table
