"""Carries a schedule out against an agent: every exchange is in the journal before the next one begins."""

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, TypeAlias

from services.benchmark.agent import Agent, Reply, tokens
from services.benchmark.journal import Heard, Journal
from services.benchmark.results import Results
from services.benchmark.schedule import Afresh, Over, Plan, Say, Schedule
from services.errors import ModelRefused, SettingsError, Unavailable
from services.gateway.backoff import delays

MOST_FAILURES = 3
"""So many failures in a row, and the run stops; it can go on later."""
GO_ON = "The same command goes on from here"
MOST_REPLY = 100_000
"""Characters of a reply that are kept; a longer one is a failure."""

Read: TypeAlias = Callable[[str, str, datetime], str]
"""Answers a question from a context, at the moment at which it is asked."""


@dataclass(frozen=True, slots=True)
class Partner:
    """Whom a run talks with, and how."""

    agent: Agent
    hears_twice: bool
    """Whether it may be told again what it may have heard (`Kind.hears_twice`)."""
    seconds: float
    """The longest it may take to reply."""
    read: Read | None = None
    """Answers the questions in the agent's place, from the context that the agent assembled."""


Tell: TypeAlias = Callable[[int, Sequence[str]], None]
"""Told how many messages are said, and which tests are at their end."""


async def carry_out(plan: Plan, partner: Partner, journal: Journal, results: Results, tell: Tell) -> None:
    """Run a plan to its end, going on from the journal.

    Raises Unavailable where the agent is gone, or failed too often in a row: the run can go on later.
    """
    schedule = Schedule(plan)
    said: list[Say] = []
    tests: list[Mapping[str, Any]] = []
    for step in schedule:
        match step:
            case Say():
                said.append(step)
                heard = journal.heard.get(step.position)
                if heard is None:
                    heard = await _exchange(step, partner, journal, results)
                    _stop_if_hopeless(journal)
                elif journal.said[step.position] != (step.said.text, step.at):
                    raise SettingsError("the journal is of a run with other messages: give another --out")
                schedule.heard(heard.graded)
                tell(len(said), [test["test"] for test in tests])
            case Afresh():
                if step.position not in journal.afresh:
                    await partner.agent.reset()
                    journal.reset(step.position)
            case Over():
                tests.append(results.test(step, journal.heard))
    results.schedule(said)
    results.summary(tests, said, journal)


def digest(plan: Plan) -> tuple[int, str]:
    """How many messages a run has, and what tells it from others.

    Of a dataset that reacts, with empty replies.
    """
    schedule, said, hashed = Schedule(plan), 0, hashlib.sha256()
    for step in schedule:
        if isinstance(step, Say):
            said += 1
            hashed.update(f"{step.at} {step.part} {step.test} {step.said.text}\n".encode())
            schedule.heard("")
    return said, hashed.hexdigest()


async def _exchange(say: Say, partner: Partner, journal: Journal, results: Results) -> Heard:
    if say.position in journal.said and not partner.hears_twice:
        heard = Heard("", "the run was killed while the agent replied")
    else:
        began = time.monotonic()
        reply, failure = await _reply_or_failure(say, partner, journal)
        heard = _heard(say, partner, reply, failure, time.monotonic() - began)
        if heard.context_tokens is not None:
            results.context(say.position, reply.context or "")
    journal.hear(say.position, heard)
    return heard


async def _reply_or_failure(say: Say, partner: Partner, journal: Journal) -> tuple[Reply, str]:
    """A reply, or an empty one and why. Raises Unavailable and SettingsError."""
    try:
        return await _replied(say, partner, journal), ""
    except TimeoutError:
        return Reply(""), f"no reply within {partner.seconds:g} seconds"
    except ModelRefused as error:
        return Reply(""), f"refused: {error}"
    except (Unavailable, SettingsError):
        raise
    except Exception as error:
        # Anybody's class may be an agent: what is wrong in it costs one reply.
        return Reply(""), f"the agent raised {type(error).__name__}"


async def _replied(say: Say, partner: Partner, journal: Journal) -> Reply:
    """Raises TimeoutError, Unavailable, ModelRefused, and whatever an agent's class raises."""
    for delay in islice(delays(first=1), MOST_FAILURES):
        journal.say(say.position, say.at, say.said.text)
        try:
            async with asyncio.timeout(partner.seconds):
                return await partner.agent.reply(say.said.text, say.at)
        except Unavailable as error:
            lost = error
            journal.lose(say.position, str(error))
        await asyncio.sleep(delay)
    raise Unavailable(f"the agent is gone: {lost}. {GO_ON}")


def _heard(say: Say, partner: Partner, reply: Reply, failure: str, seconds: float) -> Heard:
    words = reply.text.encode("utf-8", "replace").decode()
    if len(words) > MOST_REPLY:
        words, failure = words[:MOST_REPLY], f"a reply of {len(words):,} characters"
    answer = context_tokens = None
    if say.said.is_question and reply.context is not None:
        context_tokens = tokens(reply.context)
        if partner.read is not None:
            answer = partner.read(say.said.text, reply.context, say.at)
    return Heard(
        words,
        failure,
        answer,
        context_tokens,
        reply.tokens_in,
        reply.tokens_out,
        reply.cost,
        seconds if reply.seconds is None else reply.seconds,
    )


def _stop_if_hopeless(journal: Journal) -> None:
    """Raises Unavailable after too many failures in a row."""
    latest = [journal.heard[position].failure for position in sorted(journal.heard)[-MOST_FAILURES:]]
    if len(latest) == MOST_FAILURES and all(latest):
        raise Unavailable(f"{latest[-1]}, and so {MOST_FAILURES} times in a row. {GO_ON}")
