"""What a run's figures are."""

import pytest

from services.benchmark.totals import Graded, Interval, ltm_score, totals


def test_every_dataset_weighs_the_same_however_many_tests_or_points_it_has() -> None:
    figures = totals([
        Graded("shopping", 6, 6, 100),
        Graded("colours", 1, 1, 100),
        Graded("colours", 0, 1, 100),
        Graded("colours", 0, 1, 100),
    ])  # fmt: skip
    assert list(figures.datasets) == ["colours", "shopping"]
    assert figures.datasets["colours"].mean == pytest.approx(1 / 3)
    assert figures.datasets["shopping"] == Interval(1, 1, 1)
    assert figures.total.mean == pytest.approx(4 / 3)


def test_bounds_hold_the_mean_and_are_the_same_each_time() -> None:
    tests = [Graded("colours", number % 3 == 0, 1, 10) for number in range(30)]
    figures = totals(tests)
    colours = figures.datasets["colours"]
    assert 0.1 < colours.low < colours.mean < colours.high < 0.6
    assert figures.total == colours
    assert totals(tests) == figures


def test_more_tests_make_it_surer() -> None:
    def width(count: int) -> float:
        interval = totals([Graded("jokes", number % 2, 1, 10) for number in range(count)]).total
        return interval.high - interval.low

    assert width(100) < width(10)


def test_order_of_tests_does_not_matter_between_datasets() -> None:
    tests = [Graded("b", 1, 2, 10), Graded("a", 1, 1, 10), Graded("a", 0, 1, 10)]
    assert totals(tests) == totals(tests[1:] + tests[:1])


def test_the_ltm_score_is_tokens_remembered() -> None:
    tests = [Graded("a", 1, 1, 2000), Graded("a", 1, 2, 1000), Graded("b", 0, 1, 5000)]
    assert ltm_score(tests) == 2500
    assert totals(tests).most_ltm_score == 8000


def test_a_run_of_nothing_comes_to_nothing() -> None:
    figures = totals([])
    assert figures.datasets == {}
    assert figures.total == Interval(0, 0, 0)
    assert totals([Graded("restaurant", 0, 0, 10)]).total.mean == 0
