"""`python -m services.benchmark`: how well an assistant remembers over a long talk."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from services import logs
from services.benchmark import commands
from services.benchmark.recall import ANY_BUDGET
from services.errors import RemiError, Unavailable

STOPPED = 3
"""The exit code of a run that can go on later."""
GOES_ON = (commands.run, commands.judge)


def main(arguments: Sequence[str]) -> int:
    """The exit code of the process: 2 after one line on standard error for what can't be done."""
    options = _parser().parse_args(arguments)
    # What gRPC itself logs tells a person nothing.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    logs.configure("benchmark", "WARNING")
    try:
        return int(options.command(options))
    except RemiError as error:
        print(f"remi benchmark: {error}", file=sys.stderr)
        return STOPPED if isinstance(error, Unavailable) and options.command in GOES_ON else 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.benchmark", description=__doc__)
    names = parser.add_subparsers(required=True, metavar="COMMAND")
    _run_options(names.add_parser("run", help="test an agent; one that was stopped goes on"))
    command = names.add_parser("report", help="show what runs came to, beside each other")
    command.set_defaults(command=commands.report)
    command.add_argument("folders", type=Path, nargs="+", metavar="DIR", help="a run's folder")
    command.add_argument("--html", type=Path, metavar="FILE", help="where the page goes; DIR/report.html")
    command = names.add_parser(
        "judge", help="have a model grade runs where the original does; shown beside the scores"
    )
    command.set_defaults(command=commands.judge)
    command.add_argument("folders", type=Path, nargs="+", metavar="DIR", help="a run's folder")
    command.add_argument("--model", required=True, help="of the endpoint in OPENAI_BASE_URL")
    command.add_argument("--html", type=Path, metavar="FILE", help="where the page goes; DIR/report.html")
    command = names.add_parser("list", help="datasets, agents and configurations")
    command.set_defaults(command=commands.show)
    _recall_options(
        names.add_parser("recall", help="how much of what questions need is brought up by Remi's memory")
    )
    return parser


def _run_options(command: argparse.ArgumentParser) -> None:
    command.set_defaults(command=commands.run)
    command.add_argument("configuration", metavar="CONFIG", help="a YAML file, or the name of one in `list`")
    command.add_argument(
        "--agent",
        action="append",
        required=True,
        dest="agents",
        help="who is tested, by a name in `list`",
    )
    command.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="where its folder goes; data/benchmark",
    )
    command.add_argument(
        "--definitions", type=Path, metavar="DIR", help="tests in the layout of GoodAI's; else they are made"
    )
    command.add_argument(
        "--span", type=_count, metavar="TOKENS", help="memory span, in the configuration's place"
    )
    command.add_argument("--seed", type=int, metavar="N", help="seed, in the configuration's place")
    command.add_argument("--trivia", type=Path, metavar="FILE", help="TriviaQA's JSON, to fill the time with")
    command.add_argument(
        "--reader", action="store_true", help="the template reader answers, from the agent's context"
    )
    command.add_argument("--model", default="", help="of the endpoint in OPENAI_BASE_URL; for most agents")
    command.add_argument("--embedding-model", default="", metavar="MODEL", help="of the same endpoint")
    command.add_argument(
        "--window", type=_count, default=8_000, metavar="TOKENS", help="of a truncated prompt; 8000"
    )
    command.add_argument(
        "--budget",
        type=_count,
        default=0,
        metavar="TOKENS",
        help="of recall; else what the agent does by itself",
    )
    command.add_argument(
        "--prices", type=_prices, default=(0.0, 0.0), metavar="IN,OUT", help="US dollars a million tokens"
    )
    command.add_argument("--address", default="", help="of an agent that runs: a URL, or host:port for Remi")
    command.add_argument(
        "--seconds", type=float, default=300.0, metavar="N", help="the longest a reply may take; 300"
    )


def _recall_options(command: argparse.ArgumentParser) -> None:
    command.set_defaults(command=commands.recall)
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


def _count(text: str) -> int:
    count = int(text)
    if not 0 <= count <= 10_000_000:
        raise argparse.ArgumentTypeError("0 to 10,000,000 tokens")
    return count


def _prices(text: str) -> tuple[float, float]:
    price_in, price_out = map(float, text.split(","))
    return price_in, price_out


def _budgets(text: str) -> tuple[int, ...]:
    budgets = tuple(int(part) for part in text.split(","))
    if not all(1 <= budget <= ANY_BUDGET for budget in budgets):
        raise argparse.ArgumentTypeError(f"1 to {ANY_BUDGET:,} tokens each")
    return budgets


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
