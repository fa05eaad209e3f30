"""How fast Remi is, beside a floor measured in the same run: `make bench`.

Real processes: the assistant on an empty data folder with the embedded Postgres, an instant model, the floor,
and the load that talks to them. Nothing is asserted; what is measured is printed, within a minute or so.
"""

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measure import measure
from bench.processes import DidNotRun
from bench.report import report


def main() -> int:
    with TemporaryDirectory(prefix="remi-bench-") as folder:
        try:
            figures = asyncio.run(measure(Path(folder)))
        except (DidNotRun, TimeoutError) as error:
            print(f"bench: {error or 'something took too long'}", file=sys.stderr)
            return 1
    print(report(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
