"""The ledger of forgettings: a file of ids beside the database, which outlives it.

A backup holds what was forgotten after it was taken. What the ledger knows and a database doesn't is
forgotten there once more (docs/decisions/0208).
"""

import asyncio
import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

from services.assistant.store import forgetting
from services.assistant.store.connection import Store, scoped, unscoped
from services.assistant.store.forgetting import Forgetting
from services.errors import SettingsError, Unreadable

NAME = "forgotten.jsonl"
PAGE = 100
"""Forgettings written at a time."""


def begin(path: Path) -> None:
    """Have the file there before anything is forgotten, ready to be copied. Raises SettingsError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        append(path, [])
    except OSError as error:
        raise SettingsError(f"REMI_DATA: can't keep {path.name} there ({error.strerror})") from None


async def keep(store: Store, path: Path) -> int:
    """Write down, durably, what was forgotten since; how many. Raises StoreUnavailable."""
    kept = 0
    while True:
        async with unscoped(store) as connection:
            page = await forgetting.unkept(connection, PAGE)
        if not page:
            return kept
        await asyncio.to_thread(append, path, page)
        # What is written twice after a crash in between is the same forgetting by its id.
        async with unscoped(store) as connection:
            await forgetting.mark_kept(connection, [each.forgetting_id for each in page])
        kept += len(page)


async def replay(store: Store, path: Path) -> int:
    """Forget once more what the ledger has and the database doesn't, as after a restore; how many.

    Raises Unreadable, naming the line, and StoreUnavailable.
    """
    recorded = await asyncio.to_thread(read, path)
    async with unscoped(store) as connection:
        known = await forgetting.known(connection, [each.forgetting_id for each in recorded])
    unknown = {each.forgetting_id: each for each in recorded if each.forgetting_id not in known}
    missing = list(unknown.values())
    for each in missing:
        async with scoped(store, [each.space_id]) as connection:
            await forgetting.repeat(connection, each)
    if missing:
        await _repeat_unmoved(store, missing)
    return len(missing)


async def _repeat_unmoved(store: Store, missing: Sequence[Forgetting]) -> None:
    """Accounts linked since are two people again after a restore: what one took in stands in another."""
    async with unscoped(store) as connection:
        private = await forgetting.people(connection)
    ids: dict[tuple[UUID, tuple[UUID, ...]], set[UUID]] = {}
    for each in missing:
        for space_id, into in _ways(each, private):
            ids.setdefault((space_id, into), set()).update(each.messages, each.memories)
    for (space_id, into), forgotten in ids.items():
        async with scoped(store, [space_id]) as connection:
            await forgetting.repeat_unmoved(connection, space_id, into, forgotten)


def _ways(past: Forgetting, private: frozenset[UUID]) -> Iterator[tuple[UUID, tuple[UUID, ...]]]:
    """The private spaces in which it may stand, each with those that it went through to where it was."""
    if past.taken_in is None:
        if past.space_id in private:
            yield from ((space_id, (past.space_id,)) for space_id in private if space_id != past.space_id)
        return
    for space_id in private & past.taken_in.keys():
        into = [past.taken_in[space_id]]
        while (further := past.taken_in.get(into[-1])) is not None and further not in into:
            into.append(further)
        yield space_id, tuple(into)


def append(path: Path, forgettings: Sequence[Forgetting]) -> None:
    """Add a line a forgetting, durably, to a file that only its owner reads."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with open(descriptor, "r+b") as file:
        # Another assistant may write to the same folder.
        fcntl.flock(file, fcntl.LOCK_EX)
        written = file.read()
        # What has no end was being written when the power went: the database has it still to be kept.
        file.truncate(written.rfind(b"\n") + 1)
        file.seek(0, os.SEEK_END)
        file.write("".join(_line(each) for each in forgettings).encode())
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read(path: Path) -> list[Forgetting]:
    """All forgettings of a ledger, none where there is no file. Raises Unreadable."""
    try:
        written = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Unreadable(f"{path}: can't be read ({error.strerror})") from None
    # Behind the last end of a line stands nothing, or what was being written when the power went.
    lines = written.split(b"\n")[:-1]
    return [_parse(path, number, line) for number, line in enumerate(lines, 1)]


def _line(each: Forgetting) -> str:
    record = {
        "forgetting": str(each.forgetting_id),
        "space": str(each.space_id),
        "at": each.at.isoformat(),
        "messages": [str(message_id) for message_id in each.messages],
        "memories": [str(memory_id) for memory_id in each.memories],
        "keys": {key: digest.hex() for key, digest in each.keys.items()},
        "taken_in": {str(gone): str(kept) for gone, kept in (each.taken_in or {}).items()},
    }
    return json.dumps(record) + "\n"


def _parse(path: Path, number: int, line: bytes) -> Forgetting:
    try:
        record = json.loads(line)
        return Forgetting(
            UUID(record["space"]),
            UUID(record["forgetting"]),
            datetime.fromisoformat(record["at"]),
            tuple(UUID(each) for each in record["messages"]),
            tuple(UUID(each) for each in record["memories"]),
            {str(key): bytes.fromhex(digest) for key, digest in record["keys"].items()},
            {UUID(gone): UUID(kept) for gone, kept in record["taken_in"].items()}
            if "taken_in" in record
            else None,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unreadable(f"{path}: line {number} is no forgetting ({type(error).__name__})") from None
