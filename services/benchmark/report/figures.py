"""Figures as people read them, the same on the terminal and on the page."""

from services.benchmark.report.measures import Measures
from services.benchmark.shown import Recall
from services.benchmark.totals import Interval

NONE = "–"


def interval(figure: Interval | None) -> str:
    """`0.67 (0.33–1.00)`; only the mean where there are no bounds."""
    if figure is None:
        return NONE
    if figure.low == figure.high:
        return f"{figure.mean:.2f}"
    return f"{figure.mean:.2f} ({figure.low:.2f}–{figure.high:.2f})"


def beside(each: Measures, dataset: str) -> str:
    """A dataset's score, and the judge's beside it where there is one."""
    judged = each.run.judged(dataset)
    score = interval(each.totals.datasets.get(dataset))
    return score if judged is None else f"{score} · judge {judged:.2f}"


def percent(share: float | None) -> str:
    return NONE if share is None else f"{share * 100:.0f} %"


def recalled(recall: Recall | None) -> dict[str, str]:
    """What contexts showed, by what each figure is called."""
    return {
        "evidence recall": percent(recall.evidence if recall else None),
        "all of it there": percent(recall.whole if recall else None),
        "stale share": percent(recall.stale if recall else None),
        "context tokens": f"{recall.tokens:,.0f}" if recall else NONE,
    }


def overall(each: Measures) -> dict[str, str]:
    """A run's figures, by what each is called."""
    totals, summary = each.totals, each.run.summary
    return {
        "total": f"{interval(totals.total)} of {len(totals.datasets)}",
        **recalled(each.recall),
        "LTM score, tokens": f"{totals.ltm_score:,.0f} of {totals.most_ltm_score:,.0f}",
        "tokens in, out": f"{summary.tokens_in:,}, {summary.tokens_out:,}",
        "cost, US$": f"{summary.cost:.2f}",
        "reply p50, p95": f"{each.p50 * 1000:.0f}, {each.p95 * 1000:.0f} ms",
        "messages": f"{summary.messages:,}",
        "without a reply": f"{summary.without_reply:,}",
    }
