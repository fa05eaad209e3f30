"""The figures as one table, each beside its target."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from bench.measure import TOGETHER, Figures
from bench.model import LONG_PIECES


@dataclass(frozen=True, slots=True)
class _Row:
    what: str
    figure: str
    target: str = ""
    ratio: str = ""
    met: str = ""


def report(figures: Figures) -> str:
    """The table, a line a figure; times also as multiples of the floor."""
    floor = median(figures.floor)
    own = (median(figures.whole) - median(figures.model)) / floor
    many, megabytes, drafts = figures.turns_a_second, figures.megabytes, figures.drafts / LONG_PIECES
    rows = [
        _Row("what", "figure", "target", "ratio", "met"),
        _time("floor: bare gRPC, select 1, one insert", figures.floor, floor),
        _time("the model alone, asked directly", figures.model, floor),
        _time("turn, first draft", figures.first_draft, floor, 6),
        _time("turn, whole", figures.whole, floor, 10),
        _Row(
            "turn, own overhead: less the model",
            f"{own:.1f} x floor",
            "<= 5",
            f"{own / 5:.2f} x target",
            _met(own <= 5),
        ),
        _Row(
            f"turns a second, {TOGETHER.conversations} talks",
            f"{many:.0f}",
            ">= 200",
            f"{many / 200:.2f} x target",
            _met(many >= 200),
        ),
        _Row("until all that is indexed", f"{figures.behind:.1f} s"),
        _count("queries before the model call", figures.before),
        _count("queries after it", figures.after),
        _Row(
            "memory of the assistant, MB",
            f"{megabytes:.0f}",
            "<= 250",
            f"{megabytes / 250:.2f} x target",
            _met(megabytes <= 250),
        ),
        _Row(
            f"drafts of {LONG_PIECES} pieces",
            f"{figures.drafts:.0f}",
            f"< {LONG_PIECES}",
            f"{drafts:.2f} a piece",
            _met(drafts < 1),
        ),
    ]
    queries = f"Before: {', '.join(figures.before)}. After: {', '.join(figures.after)}."
    times = f"Times: median (95th percentile) of {len(figures.whole)} turns, one by one."
    cells = [(row.what, row.figure, row.target, row.ratio, row.met) for row in rows]
    return f"{table(cells)}\n{times}\n{queries}"


def _time(what: str, milliseconds: Sequence[float], floor: float, target: float = 0) -> _Row:
    middle = median(milliseconds)
    figure = f"{middle:.2f} ({quantiles(milliseconds, n=20)[-1]:.2f}) ms"
    ratio = f"{middle / floor:.1f} x floor"
    return (
        _Row(what, figure, f"<= {target:g} ms", ratio, _met(middle <= target))
        if target
        else _Row(what, figure, "", ratio)
    )


def _count(what: str, names: Sequence[str]) -> _Row:
    return _Row(what, str(len(names)), "<= 2", f"{len(names) / 2:.1f} x target", _met(len(names) <= 2))


def _met(is_met: bool) -> str:
    return "yes" if is_met else "no"


def table(cells: Sequence[Sequence[str]]) -> str:
    """A line for each row, its columns as wide as they have to be."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )
