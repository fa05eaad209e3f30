"""A model that says what to look up, and keeps a scratchpad: after the first of GoodAI's LTM agents.

Three calls a message: queries, the reply, the scratchpad anew. An endpoint's vectors find what is looked up.
"""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from services.benchmark.agent import Agent, Reply, Setting, Told
from services.benchmark.agents.endpoint import Endpoint, Role, connected
from services.benchmark.agents.memories import Meaning
from services.benchmark.agents.said import Entry, entries
from services.benchmark.agents.simple import NOTES, budget
from services.errors import SettingsError

MOST_QUERIES = 3
MOST_NOTES = 8_000
"""Characters of the scratchpad."""
NOTHING = "(nothing yet)"
ASK = (
    "You are about to reply to a user whom you have talked with for long. Say what to look up in that talk "
    "before you do: at most {most} search queries, one a line, and nothing else. Your scratchpad:\n{notes}"
)
NOTE = (
    "You keep a scratchpad of what matters in a long talk with a user: facts about them, lists that change, "
    "wishes for your later replies. Reply with the whole scratchpad as it should read after the user's "
    "message below and your reply to it, and with nothing else. The scratchpad so far:\n{notes}"
)


@asynccontextmanager
async def with_scratchpad(setting: Setting) -> AsyncIterator[Agent]:
    if not setting.model or not setting.embedding_model:
        raise SettingsError("this agent needs two models: name them with --model and --embedding-model")
    async with connected(setting) as endpoint:
        agent = _Noting(endpoint, budget(setting), setting.folder / "scratchpad.json")
        for told in setting.before:
            await agent.add(told)
        yield agent


class _Noting:
    def __init__(self, endpoint: Endpoint, most: int, path: Path) -> None:
        self._endpoint = endpoint
        self._most = most
        self._path = path
        self._begin()

    async def reply(self, message: str, at: datetime) -> Reply:
        notes = self._notes(at)
        asked = await self._ask(ASK.format(most=MOST_QUERIES, notes=notes or NOTHING), message)
        queries = [line for line in asked.text.splitlines() if line.strip()][:MOST_QUERIES]
        places = {place for query in [message, *queries] for place in await self._found(query)}
        lines = "\n".join(self._log[place].line for place in sorted(places))
        context = f"Scratchpad: {notes}\n{lines}" if notes else lines
        replied = await self._ask(NOTES.format(now=f"{at:%A %Y-%m-%d %H:%M}", context=context), message)
        exchange = f"{message}\n\n(You replied:)\n{replied.text}"
        noted = await self._ask(NOTE.format(notes=notes or NOTHING), exchange)
        self._keep(at, notes, noted.text[:MOST_NOTES])
        await self.add(Told(at, message, replied.text))
        return _with_cost(replied.text, context, [asked, replied, noted])

    async def reset(self) -> None:
        self._path.unlink(missing_ok=True)
        self._begin()

    async def add(self, told: Told) -> None:
        for entry in entries(told):
            await self._memory.add(entry)
            self._log.append(entry)

    def _begin(self) -> None:
        self._log: list[Entry] = []
        self._memory = Meaning(self._most // (MOST_QUERIES + 1), self._endpoint)

    async def _found(self, query: str) -> Sequence[int]:
        return await self._memory.chosen(query, self._log)

    async def _ask(self, system: str, text: str) -> Reply:
        messages: list[tuple[Role, str]] = [("system", system), ("user", text)]
        return await self._endpoint.answer(messages)

    def _notes(self, at: datetime) -> str:
        """The scratchpad before the message of this moment, also where that was noted already."""
        if not self._path.exists():
            return ""
        kept = json.loads(self._path.read_text(encoding="utf-8"))
        return str(kept["before"] if kept["at"] == at.isoformat() else kept["notes"])

    def _keep(self, at: datetime, before: str, notes: str) -> None:
        new = self._path.with_name("scratchpad.new")
        new.write_text(json.dumps({"at": at.isoformat(), "before": before, "notes": notes}), encoding="utf-8")
        new.replace(self._path)


def _with_cost(text: str, context: str, replies: Sequence[Reply]) -> Reply:
    return Reply(
        text,
        context,
        sum(each.tokens_in for each in replies),
        sum(each.tokens_out for each in replies),
        sum(each.cost for each in replies),
    )
