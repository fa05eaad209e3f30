"""What a run is reported by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.benchmark.runs import Run
from services.benchmark.shown import Recall, Shown, recall, shown
from services.benchmark.totals import Totals, totals

READER = (
    "The questions were answered by the template reader, a fixed program that sees nothing but the context"
    " which the agent assembled. So this measures the agent's memory, not its answers, and is no official"
    " score of the benchmark. Datasets that it does not read are left out of the total."
)

JUDGE = (
    "What {model} gave for the same answers stands beside the scores, where GoodAI's benchmark has a model"
    " grade. It counts for nothing else here."
)


@dataclass(frozen=True, slots=True)
class Measures:
    run: Run
    label: str
    """Tells the run from the others of the report."""
    totals: Totals
    shown: Mapping[str, Sequence[Shown | None]]
    """For each question of a test, by the test's name."""
    recall: Recall | None
    recalls: Mapping[str, Recall | None]
    """By dataset."""
    p50: float
    p95: float
    """Seconds of a reply."""


def measures(runs: Sequence[Run]) -> list[Measures]:
    """Of each run. Raises SettingsError if a context's file is gone."""
    return [_measures(run, label) for run, label in zip(runs, _labels(runs), strict=True)]


def judges(runs: Sequence[Measures]) -> list[str]:
    """The models that judged any of them."""
    return sorted({each.run.judgement.model for each in runs if each.run.judgement})


def span(tokens: int) -> str:
    """`200k`, or `isolated` for none."""
    if not tokens:
        return "isolated"
    return f"{tokens / 1000:g}k" if tokens >= 1000 else str(tokens)


def _measures(run: Run, label: str) -> Measures:
    seen = {test.test: [shown(run, test, asked) for asked in test.questions] for test in run.tests}
    names = {test.dataset: None for test in run.tests}
    by_dataset = {
        name: [each for test in run.tests if test.dataset == name for each in seen[test.test]]
        for name in names
    }
    return Measures(
        run,
        label,
        totals(run.graded()),
        seen,
        recall(each for every in seen.values() for each in every),
        {name: recall(each) for name, each in by_dataset.items()},
        _quantile(run.seconds, 0.5),
        _quantile(run.seconds, 0.95),
    )


def _labels(runs: Sequence[Run]) -> list[str]:
    """Agent and span; the folder's name too where they don't tell runs apart."""
    labels = [f"{run.agent} · {span(run.span)}" for run in runs]
    return [
        label if labels.count(label) == 1 else f"{label} · {run.folder.name}"
        for label, run in zip(labels, runs, strict=True)
    ]


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
