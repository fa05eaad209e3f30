"""How long to wait before trying again."""

import random
from collections.abc import Iterator


def delays(first: float = 0.2, cap: float = 15) -> Iterator[float]:
    """Endless waits in seconds, each drawn evenly from zero to a bound that doubles up to `cap`.

    Source: "full jitter" in Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    bound = first
    while True:
        yield random.uniform(0, bound)
        bound = min(cap, bound * 2)
