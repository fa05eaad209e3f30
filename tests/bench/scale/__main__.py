"""How search grows with memory: `make bench-scale`, on a Postgres of its own in a temporary folder.

A million memories in ten thousand spaces; SCALE=.05 takes a twentieth of both. Nothing is asserted; what is
measured is printed beside its target, and a full run draws docs/scale.svg.
"""

import asyncio
import os
import sys
import time
from pathlib import Path

import asyncpg
import numpy as np

from bench.scale import load
from bench.scale.inserts import insert
from bench.scale.made import Maker, uuid, zipfian
from bench.scale.measure import Figures, classes, measure
from bench.scale.plot import plot
from bench.scale.report import report
from bench.scale.server import filled, server
from services.assistant.store.connection import connect

QUESTIONS = 60
"""For each class of spaces, of so many spaces."""
SPACES = 5
LIMIT = 40 * 60.0
"""Seconds; whatever isn't done then is given up."""
_PICTURE = Path(__file__).parents[3] / "docs" / "scale.svg"


async def bench(scale: float, questions: int = QUESTIONS) -> tuple[str, list[Figures]]:
    """Fill a database, and measure it; the report."""
    maker = Maker(zipfian(scale))
    async with server() as database:
        owner = await asyncpg.connect(database.owner_dsn)
        began = time.monotonic()
        _tell(f"{maker.sizes.sum():,} memories in {len(maker.sizes):,} spaces; seed {maker.seed}")
        indexes = await load.drop_indexes(owner)
        await load.load(owner, maker)
        _tell(f"loaded in {time.monotonic() - began:.0f} s")
        for name, definition in indexes:
            began = time.monotonic()
            await owner.execute(definition)
            if (took := time.monotonic() - began) >= 1:
                _tell(f"{name} built in {took:.0f} s")
        await owner.execute("VACUUM ANALYZE")
        await filled(database.owner_dsn)
        store = await connect(database.app_dsn, b"bench", size=2)
        figures = []
        for each in classes(maker):
            figures.append(await measure(store, maker, each, questions, SPACES))
            _tell(f"asked spaces of {figures[-1].passages:,.0f}")
        middle = int(np.searchsorted(-maker.sizes, -np.median(maker.sizes)))
        inserts = [(float(maker.sizes[number]), await insert(store, uuid(number))) for number in (middle, 0)]
        await store.pool.close()
        sizes = [(row["name"], row["megabytes"], row["rows"]) for row in await owner.fetch(_SIZES)]
        await owner.close()
    return report(figures, inserts, sizes), figures


def main() -> int:
    scale = float(os.environ.get("SCALE", "1"))
    try:
        text, figures = asyncio.run(asyncio.wait_for(bench(scale), LIMIT))
    except TimeoutError:
        print("bench: it took too long", file=sys.stderr)
        return 1
    print(text)
    if scale == 1:
        _PICTURE.write_text(plot(figures), encoding="utf-8")
        print(f"\nHow cost grows: {_PICTURE}")
    return 0


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


_SIZES = """
SELECT relname AS name, (pg_relation_size(oid) / 1e6)::int AS megabytes, reltuples::bigint AS rows
FROM pg_class
WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 1e7
ORDER BY pg_relation_size(oid) DESC
"""

if __name__ == "__main__":
    sys.exit(main())
