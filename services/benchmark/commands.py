"""The commands of the benchmark, from their options to what is printed."""

import argparse
import asyncio
import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from services.benchmark import conversation, figures
from services.benchmark import judge as judges
from services.benchmark import recall as recalls
from services.benchmark.agent import Setting
from services.benchmark.agents import AGENTS
from services.benchmark.agents.endpoint import connected
from services.benchmark.datasets import DATASETS
from services.benchmark.own_assistant import own_assistant
from services.benchmark.plan import CONFIGURATIONS, Planned, Wanted, planned
from services.benchmark.reading import read
from services.benchmark.report import report as show_report
from services.benchmark.session import Session, Watch
from services.benchmark.session import run as run_session
from services.benchmark.table import table
from services.errors import SettingsError
from services.gateway.settings import GatewaySettings, load

FOLDER = Path("data/benchmark")
"""Where runs go that are given no folder."""


def run(options: argparse.Namespace) -> int:
    """Test agents, one after the other; print what it came to, and where the page is."""
    for agent in options.agents:
        if agent not in AGENTS:
            raise SettingsError(f"--agent: there is no agent {agent!r}; there are {', '.join(AGENTS)}")
    folders = [_run(agent, options) for agent in options.agents]
    return _reported(folders, (options.out or folders[0]) / "report.html")


def _run(agent: str, options: argparse.Namespace) -> Path:
    """The folder of a run that is at its end."""
    answers = bool(options.model or options.address or agent == "human") and not options.reader
    wanted = Wanted(
        options.configuration, options.definitions, options.span, options.seed, options.trivia, answers
    )
    plan = planned(wanted)
    for line in plan.left_out:
        _say(f"left out: {line}")
    setting = Setting(
        # An assistant of the run's own works in another folder.
        _folder(agent, plan, options).absolute(),
        model=options.model,
        embedding_model=options.embedding_model,
        window=options.window,
        budget=options.budget,
        prices=options.prices,
        address=options.address,
    )
    session = Session(plan, agent, AGENTS[agent], setting, options.seconds, read if options.reader else None)
    with _watch(agent) as watch:
        asyncio.run(run_session(session, watch))
    return setting.folder


def _folder(agent: str, plan: Planned, options: argparse.Namespace) -> Path:
    if options.out is not None:
        return options.out / agent if len(options.agents) > 1 else Path(options.out)
    reader = "reader" if options.reader else ""
    return FOLDER / _slug(plan.name, str(plan.plan.span), agent, options.model, reader)


def report(options: argparse.Namespace) -> int:
    """Show runs beside each other."""
    return _reported(options.folders, options.html or options.folders[0] / "report.html")


def judge(options: argparse.Namespace) -> int:
    """Have a model grade runs that are at their end, and show them."""
    asyncio.run(_judge(options.folders, options.model))
    return _reported(options.folders, options.html or options.folders[0] / "report.html")


async def _judge(folders: Sequence[Path], model: str) -> None:
    async with connected(Setting(FOLDER, model=model)) as endpoint:
        for folder in folders:
            await judges.judge(folder, endpoint, _say)


def show(options: argparse.Namespace) -> int:
    """List what there is to choose from."""
    for title, lines in {
        "Datasets": {name: dataset.summary for name, dataset in DATASETS.items()},
        "Agents": {name: kind.summary for name, kind in AGENTS.items()},
        "Configurations": {path.stem: "" for path in sorted(CONFIGURATIONS.glob("*.yml"))},
    }.items():
        print(title)
        for name, summary in lines.items():
            print(f"  {name:32} {summary}".rstrip())
    return 0


def recall(options: argparse.Namespace) -> int:
    """Measure what Remi's memory brings up; print the figures."""
    return asyncio.run(_recall(options))


async def _recall(options: argparse.Namespace) -> int:
    conversations = conversation.read(options.file)
    async with _assistant(options.assistant) as settings:
        measured = await recalls.measure(settings, conversations, options.budgets, _say)
    found = figures.report(measured, options.budgets)
    print(json.dumps(asdict(found), indent=2) if options.json else table(found))
    return 0


def _assistant(address: str | None) -> AbstractAsyncContextManager[GatewaySettings]:
    if address is None:
        return own_assistant()
    return nullcontext(load(GatewaySettings).model_copy(update={"assistant": address}))


def _reported(folders: Sequence[Path], html: Path) -> int:
    show_report(folders, Console(), html)
    print(f"{html.resolve().as_uri()}")
    return 0


@contextmanager
def _watch(agent: str) -> Iterator[Watch]:
    """A bar of the messages said, and how many tests are at their end; none where somebody types."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("messages,"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=agent == "human") as progress:
        task = progress.add_task(f"{agent}: starting", total=None)

        def watch(total: int, said: int, over: Sequence[str]) -> None:
            done = f"{agent}: {len(over)} tests done" + (f", {over[-1]} lately" if over else "")
            progress.update(task, total=max(total, said), completed=said, description=done)

        yield watch


def _slug(*parts: str) -> str:
    return "-".join(re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-") for part in parts if part)


def _say(line: str) -> None:
    print(line, file=sys.stderr)
