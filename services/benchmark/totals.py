"""A run's figures: a score by dataset, their sum, how sure both are, and the LTM score."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from statistics import fmean

CONFIDENCE = 0.95
_RESAMPLES = 2000
_SEED = 2024


@dataclass(frozen=True, slots=True)
class Graded:
    """What a test came to."""

    dataset: str
    points: float
    most: float
    span: int
    """Tokens from the test's first message that its answers need to its last question."""

    @property
    def score(self) -> float:
        """From 0 to 1, whatever the test's points."""
        return self.points / self.most if self.most else 0.0


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and the bounds between which it stands with CONFIDENCE."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Totals:
    datasets: Mapping[str, Interval]
    """The mean of each dataset's tests, from 0 to 1, by name in order of the alphabet."""
    total: Interval
    """The sum of those: from 0 to the number of datasets, as "x / 11" in the original's tables."""
    ltm_score: float
    """In tokens."""
    most_ltm_score: float


def totals(tests: Sequence[Graded]) -> Totals:
    """The figures of a run's tests; every dataset weighs the same, however many tests it has.

    The bounds are those of a percentile bootstrap (Efron, 1979): tests are drawn anew within each dataset,
    with a fixed seed, so that the same tests have the same bounds.
    """
    scores: dict[str, list[float]] = {}
    for test in sorted(tests, key=lambda test: test.dataset):
        scores.setdefault(test.dataset, []).append(test.score)
    random = Random(_SEED)
    drawn = {name: _means(each, random) for name, each in scores.items()}
    means = {name: fmean(each) for name, each in scores.items()}
    return Totals(
        {name: _interval(means[name], drawn[name]) for name in scores},
        _interval(sum(means.values()), [sum(each) for each in zip(*drawn.values(), strict=True)]),
        ltm_score(tests),
        float(sum(test.span for test in tests)),
    )


def ltm_score(tests: Sequence[Graded]) -> float:
    """Tokens remembered: each test's memory span times its score from 0 to 1, summed.

    So GoodAI's LTM Benchmark defines it; the documentation of its reports calls the memory span of a test the
    distance, in tokens of the conversation, from the first relevant information to the final question. Tokens
    are this benchmark's own estimate, so the figures compare between its own runs only.
    """
    return sum(test.span * test.score for test in tests)


def _means(scores: Sequence[float], random: Random) -> list[float]:
    return [fmean(random.choices(scores, k=len(scores))) for _ in range(_RESAMPLES)]


def _interval(mean: float, drawn: Sequence[float]) -> Interval:
    if not drawn:
        return Interval(mean, mean, mean)
    ordered = sorted(drawn)
    cut = round(len(ordered) * (1 - CONFIDENCE) / 2)
    return Interval(mean, ordered[cut], ordered[-1 - cut])
