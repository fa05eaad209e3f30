"""Remi's memory beside mem0's and LangGraph's, on the same model and the same Postgres: `make bench-peers`.

    SCALE=0.1 make bench-peers

Real processes: the assistant with the embedded Postgres, an instant model, and an adapter for each contender.
Nothing is asserted; what is measured is printed. `SCALE` multiplies how much people have to remember.
"""

import asyncio
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.peers.measure import REMI, measure
from bench.peers.people import sizes
from bench.peers.report import report
from bench.processes import DidNotRun


def main() -> int:
    classes = sizes(float(os.environ.get("SCALE") or 1))
    with TemporaryDirectory(prefix="remi-peers-") as folder:
        try:
            measured = asyncio.run(measure(Path(folder), classes))
        except (DidNotRun, TimeoutError) as error:
            print(f"bench-peers: {error or 'something took too long'}", file=sys.stderr)
            return 1
    print(report(measured, classes))
    return 1 if measured[REMI].failure else 0


if __name__ == "__main__":
    sys.exit(main())
