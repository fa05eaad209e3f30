"""The figures as tables, each beside its target."""

from collections.abc import Sequence
from statistics import median

import numpy as np

from bench.report import table
from bench.scale.inserts import Inserts
from bench.scale.measure import BEST, ROUNDS, Figures

LEAST_RECALL = 0.99
MOST = {"median": (3, 8), "largest": (15, 30)}
"""Multiples of `select 1` that vectors alone, and vectors with words, may take."""


def report(
    figures: Sequence[Figures],
    inserts: Sequence[tuple[float, Inserts]],
    sizes: Sequence[tuple[str, int, int]],
) -> str:
    """All that was measured: `inserts` by the size of the space, `sizes` as name, megabytes, rows."""
    lines = [table([_HEAD, *(_row(each) for each in figures)]), ""]
    lines.append(
        f"Times: median (99th percentile) in ms, warm, each question's fastest of {ROUNDS}; x: multiples of"
        f" the `select 1` beside it. recall: share of the {BEST} best by exact search. plans: by index, on"
        " the tenth execution as the application role."
    )
    lines += ["", table([("insert, ms a memory", "indexed", "moved to the tiers"), *map(_insert, inserts)])]
    lines += [
        "",
        table([("on disk", "MB", "rows"), *((name, str(size), str(rows)) for name, size, rows in sizes)]),
    ]
    return "\n".join(lines)


def is_met(figures: Figures) -> bool:
    """Whether a class reaches what it has to."""
    vectors, hybrid = MOST.get(figures.name, (np.inf, np.inf))
    return (
        min(figures.vectors_recall, figures.hybrid_recall) >= LEAST_RECALL
        and figures.is_indexed
        and ratio(figures, figures.vectors) <= vectors
        and ratio(figures, figures.hybrid) <= hybrid
    )


def ratio(figures: Figures, times: Sequence[float]) -> float:
    """How many times longer than `select 1`, at the median."""
    return median(times) / median(figures.select)


_HEAD = (
    "passages of the space", "select 1", "vectors", "x", "at most", "recall",
    "and words", "x", "at most", "recall", "plans", "met",
)  # fmt: skip


def _row(figures: Figures) -> tuple[str, ...]:
    most = MOST.get(figures.name, ("", ""))
    return (
        f"{figures.passages:,.0f} {figures.name}".strip(),
        f"{median(figures.select):.2f}",
        _time(figures.vectors),
        f"{ratio(figures, figures.vectors):.1f}",
        str(most[0]),
        f"{figures.vectors_recall:.3f}",
        _time(figures.hybrid),
        f"{ratio(figures, figures.hybrid):.1f}",
        str(most[1]),
        f"{figures.hybrid_recall:.3f}",
        "yes" if figures.is_indexed else "no",
        "yes" if is_met(figures) else "no",
    )


def _time(times: Sequence[float]) -> str:
    return f"{median(times):.2f} ({np.percentile(times, 99):.2f})"


def _insert(inserts: tuple[float, Inserts]) -> tuple[str, ...]:
    passages, took = inserts
    return f"space of {passages:,.0f}", f"{took.indexed:.2f}", f"{took.promoted:.2f}" if took.promoted else ""
