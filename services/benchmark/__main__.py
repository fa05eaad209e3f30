"""`python -m services.benchmark`: how well an assistant remembers."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path

from services import logs
from services.benchmark import conversation, figures, recall
from services.benchmark.own_assistant import own_assistant
from services.benchmark.table import table
from services.errors import RemiError
from services.gateway.settings import GatewaySettings, load


def main(arguments: Sequence[str]) -> int:
    """The exit code of the process: 2 after one line on standard error for what can't be done."""
    options = _parser().parse_args(arguments)
    logs.configure("benchmark", "WARNING")
    try:
        return asyncio.run(_recall(options))
    except RemiError as error:
        print(f"remi benchmark: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.benchmark", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser(
        "recall", help="how much of what questions need is brought up by Remi's memory"
    )
    command.add_argument(
        "file", type=Path, metavar="FILE", help="conversations and questions, a JSON object a line"
    )
    command.add_argument(
        "--budgets", type=_budgets, default=(500, 1000, 2000, 4000), help="tokens, separated by commas"
    )
    command.add_argument("--json", action="store_true", help="print the figures as JSON")
    command.add_argument(
        "--assistant", help="host:port or unix:PATH of one that runs; without it, one is started and ended"
    )
    return parser


def _budgets(text: str) -> tuple[int, ...]:
    budgets = tuple(int(part) for part in text.split(","))
    if not all(1 <= budget <= recall.ANY_BUDGET for budget in budgets):
        raise argparse.ArgumentTypeError(f"1 to {recall.ANY_BUDGET:,} tokens each")
    return budgets


async def _recall(options: argparse.Namespace) -> int:
    conversations = conversation.read(options.file)
    async with _assistant(options.assistant) as settings:
        measured = await recall.measure(settings, conversations, options.budgets, _say)
    report = figures.report(measured, options.budgets)
    print(json.dumps(asdict(report), indent=2) if options.json else table(report))
    return 0


def _assistant(address: str | None) -> AbstractAsyncContextManager[GatewaySettings]:
    if address is None:
        return own_assistant()
    return nullcontext(load(GatewaySettings).model_copy(update={"assistant": address}))


def _say(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
