"""Agents that have no memory but the log of their talk, and a rule which of it a model sees."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import TypeAlias

from services.benchmark.agent import Agent, Open, Reply, Setting, Told, line
from services.benchmark.agents.endpoint import Endpoint, Role, connected
from services.benchmark.agents.memories import Both, Everything, Meaning, Memory, Newest, Words
from services.benchmark.agents.said import Entry, entries
from services.errors import SettingsError

SYSTEM = (
    "You are a helpful assistant. Do what the user asks, answer briefly, and remember what you were told."
)
NOTES = (
    "You are a helpful assistant with a memory. Below stands, oldest first, what you remember of your talk "
    "with the user, each line with its date. Do what the user asks, and answer briefly. "
    "It is now {now}.\n\n{context}"
)
BUDGET = 4_000
"""Tokens that the retrieval agents recall, unless told otherwise."""

Prompt: TypeAlias = list[tuple[Role, str]]
Form: TypeAlias = Callable[[Sequence[Entry], str, datetime], Prompt]
"""How a model is shown the chosen entries, oldest first, and the message."""


def talk(chosen: Sequence[Entry], message: str, at: datetime) -> Prompt:
    """As the talk that it was."""
    said: Prompt = [("assistant" if each.is_reply else "user", each.text) for each in chosen]
    return [("system", SYSTEM), *said, ("user", message)]


def dated_talk(chosen: Sequence[Entry], message: str, at: datetime) -> Prompt:
    """As the talk that it was, with the date before what the user said."""
    said: Prompt = [("assistant", each.text) if each.is_reply else ("user", each.line) for each in chosen]
    return [("system", SYSTEM), *said, ("user", line("User", at, message))]


def notes(chosen: Sequence[Entry], message: str, at: datetime) -> Prompt:
    """As a block of dated lines."""
    lines = "\n".join(each.line for each in chosen)
    return [("system", NOTES.format(now=f"{at:%A %Y-%m-%d %H:%M}", context=lines)), ("user", message)]


class _Simple:
    """`memory` makes an empty one."""

    def __init__(self, memory: Callable[[], Memory], form: Form, endpoint: Endpoint | None) -> None:
        self._make = memory
        self._memory = memory()
        self._form = form
        self._endpoint = endpoint
        self._log: list[Entry] = []

    async def reply(self, message: str, at: datetime) -> Reply:
        places = sorted(set(await self._memory.chosen(message, self._log)))
        chosen = [self._log[place] for place in places]
        said = Reply("")
        if self._endpoint is not None and self._endpoint.model:
            said = await self._endpoint.answer(self._form(chosen, message, at))
        await self.add(Told(at, message, said.text))
        shown = "\n".join(each.line for each in chosen)
        return Reply(said.text, shown, said.tokens_in, said.tokens_out, said.cost)

    async def reset(self) -> None:
        self._log.clear()
        self._memory = self._make()

    async def add(self, told: Told) -> None:
        for entry in entries(told):
            await self._memory.add(entry)
            self._log.append(entry)


def opening(memory: Callable[[Setting], Memory], form: Form = notes, *, needs_model: bool = False) -> Open:
    """An agent of this memory. Without a model it answers nothing, and still tells what it chose."""

    @asynccontextmanager
    async def opened(setting: Setting) -> AsyncIterator[Agent]:
        if needs_model and not setting.model:
            raise SettingsError("this agent is a model with a rule: name one with --model")
        async with AsyncExitStack() as stack:
            endpoint = await stack.enter_async_context(connected(setting)) if setting.model else None
            agent = _Simple(lambda: memory(setting), form, endpoint)
            for told in setting.before:
                await agent.add(told)
            yield agent

    return opened


@asynccontextmanager
async def semantic(setting: Setting) -> AsyncIterator[Agent]:
    """What is nearest in meaning, by an endpoint's vectors."""
    if not setting.embedding_model:
        raise SettingsError("this agent needs vectors: name a model with --embedding-model")
    async with connected(setting) as endpoint:
        agent = _Simple(lambda: Meaning(budget(setting), endpoint), notes, endpoint)
        for told in setting.before:
            await agent.add(told)
        yield agent


def budget(setting: Setting) -> int:
    """Most tokens that an agent recalls."""
    return setting.budget or BUDGET


full_log = opening(lambda setting: Everything())
recency = opening(lambda setting: Newest(budget(setting)))
bm25 = opening(lambda setting: Words(budget(setting)))
bm25_recent = opening(lambda setting: Both(Words(budget(setting) // 2), Newest(budget(setting) // 2)))
openai_full = opening(lambda setting: Everything(), talk, needs_model=True)
openai_truncated = opening(lambda setting: Newest(setting.window), talk, needs_model=True)
openai_timestamped = opening(lambda setting: Newest(setting.window), dated_talk, needs_model=True)
