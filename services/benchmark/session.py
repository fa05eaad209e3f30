"""A run from the command line: plan, journal, agent, progress, results."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import rmtree
from typing import Any

from services.benchmark import journal as journals
from services.benchmark.agent import Kind, Setting
from services.benchmark.plan import Planned
from services.benchmark.results import Results
from services.benchmark.run import Partner, Progress, Read, carry_out, digest

VERSION = 1
"""Of the folder's form and of the schedule: a run of another can't go on."""


@dataclass(frozen=True, slots=True)
class Session:
    planned: Planned
    agent: str
    kind: Kind
    setting: Setting
    """Its folder is the run's; the agent gets one within."""
    seconds: float
    read: Read | None


async def run(session: Session, total: Callable[[int], None], tell: Callable[[Progress], None]) -> Path:
    """Carry it out to its end, from where it was left; the folder with its results.

    `total` is told how many messages there are. Raises SettingsError, Unavailable as `carry_out` does.
    """
    plan, folder = session.planned.plan, session.setting.folder
    messages, schedule = digest(plan)
    total(messages)
    results = Results(folder, _description(session, schedule))
    own = folder / "agent"
    async with AsyncExitStack() as stack:
        journal = stack.enter_context(journals.opened(folder / "journal.jsonl", results.run))
        own.mkdir(exist_ok=True)
        setting = replace(session.setting, folder=own, before=tuple(journal.told))
        agent = await stack.enter_async_context(session.kind.open(setting))
        partner = Partner(agent, session.kind.hears_twice, session.seconds, session.read)
        await carry_out(plan, partner, journal, results, tell)
    rmtree(own)
    return folder


def _description(session: Session, schedule: str) -> dict[str, Any]:
    """What stands in every file of the run, so that nobody mistakes it for another."""
    setting, plan = session.setting, session.planned.plan
    return {
        "version": VERSION,
        "name": session.planned.name,
        "agent": session.agent,
        "model": setting.model,
        "embedding_model": setting.embedding_model,
        "window": setting.window,
        "answered_by": "template reader" if session.read else "agent",
        "span": plan.span,
        "seed": plan.seed,
        "left_out": list(session.planned.left_out),
        "schedule": schedule,
    }
