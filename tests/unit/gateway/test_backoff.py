import itertools

from services.gateway.backoff import delays


def test_waits_are_drawn_below_a_bound_that_doubles_up_to_the_cap() -> None:
    bounds = [0.2, 0.4, 0.8, 1.0, 1.0, 1.0]

    runs = [list(itertools.islice(delays(0.2, 1), len(bounds))) for _ in range(200)]

    for run in runs:
        assert all(0 <= wait <= bound for wait, bound in zip(run, bounds, strict=True))
    assert len({run[-1] for run in runs}) > 100
