"""The figures of `recall` as a table to read."""

from collections.abc import Iterable, Mapping, Sequence

from services.benchmark.figures import APART, FIRST, Figures, Report


def table(report: Report) -> str:
    """A line a kind, those that count first, then the total, then the kinds apart."""
    kinds = report.kinds
    rows = [_heads(kinds.values())]
    rows += [_row(kind, figures) for kind, figures in kinds.items() if kind not in APART]
    if report.total:
        rows.append(_row("all of these", report.total))
    rows += [_row(f"apart: {kind}", figures) for kind, figures in kinds.items() if kind in APART]
    lines = _aligned(rows)
    lines += [
        "",
        f"Search: {report.p50 * 1000:.1f} ms at the median, {report.p95 * 1000:.1f} at the 95th percentile.",
    ]
    if report.ingested_in:
        rate = report.messages / report.ingested_in
        lines.append(
            f"Ingested: {report.messages:,} messages in {report.ingested_in:.1f} s, {rate:.0f} a second."
        )
    return "\n".join(lines)


def _heads(kinds: Iterable[Figures]) -> list[str]:
    budgets = next((figures.within for figures in kinds), {})
    return [
        "evidence found, %",
        "questions",
        *(f"@{count}" for count in FIRST),
        "all @10",
        *(f"{budget} tokens" for budget in budgets),
        *(f"answers {budget}" for budget in budgets),
        *(f"spent of {budget}" for budget in budgets),
    ]


def _row(name: str, figures: Figures) -> list[str]:
    return [
        name,
        str(figures.questions),
        *_percents(figures.at),
        f"{figures.all_at_10 * 100:.1f}",
        *_percents(figures.within),
        *(_percents(figures.answers_within) or ["-"] * len(figures.within)),
        *(f"{tokens:.0f}" for tokens in figures.tokens.values()),
    ]


def _percents(shares: Mapping[int, float]) -> list[str]:
    return [f"{share * 100:.1f}" for share in shares.values()]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if index else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
