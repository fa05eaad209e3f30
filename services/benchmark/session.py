"""A run from the command line: plan, journal, agent, progress, results."""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from shutil import rmtree
from typing import Any, TypeAlias

from services.benchmark import journal as journals
from services.benchmark.agent import Agent, Kind, Reply, Setting
from services.benchmark.plan import Planned
from services.benchmark.results import Results
from services.benchmark.run import Partner, Read, carry_out, digest
from services.errors import SettingsError

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


Watch: TypeAlias = Callable[[int, int, Sequence[str]], None]
"""Told how many messages there are, how many are said, and which tests are at their end."""


async def run(session: Session, watch: Watch) -> None:
    """Carry it out to its end, from where it was left; one that is at its end is graded anew.

    Raises SettingsError, Unavailable as `carry_out` does.
    """
    plan, folder = session.planned.plan, session.setting.folder
    messages, schedule = digest(plan)
    results = Results(folder, _description(session, schedule))
    own = folder / "agent"
    async with AsyncExitStack() as stack:
        journal = stack.enter_context(journals.opened(folder / "journal.jsonl", results.run))
        if (folder / "summary.json").exists():
            agent: Agent = _Nobody()
        else:
            own.mkdir(exist_ok=True)
            setting = replace(session.setting, folder=own, before=tuple(journal.told))
            agent = await stack.enter_async_context(session.kind.open(setting))
        partner = Partner(agent, session.kind.hears_twice, session.seconds, session.read)
        await carry_out(plan, partner, journal, results, partial(watch, messages))
    # What it remembers was for going on.
    rmtree(own, ignore_errors=True)


class _Nobody:
    """In the agent's place where all is said."""

    async def reply(self, message: str, at: datetime) -> Reply:
        raise SettingsError("the run is at its end, and lacks a message: remove its summary.json")

    async def reset(self) -> None: ...


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
        "budget": setting.budget,
        "answered_by": "template reader" if session.read else "agent",
        "span": plan.span,
        "seed": plan.seed,
        "left_out": list(session.planned.left_out),
        "schedule": schedule,
    }
