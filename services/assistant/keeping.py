"""What an operator does to keep a database: back it up, restore it, purge its files of what was deleted."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg

from services.assistant.model import Embedder
from services.assistant.recall import Query, recall
from services.assistant.settings import Settings, kept_secret, secret
from services.assistant.store import backup, ledger
from services.assistant.store.connection import Store, close, connect
from services.assistant.store.embedded import postgres_programs, start_embedded
from services.assistant.store.forgetting import Forgetting
from services.assistant.store.migrate import migrate
from services.assistant.store.purge import purge
from services.errors import NotFound, RemiError, SettingsError

_SAMPLE = """
SELECT DISTINCT ON (space_id) space_id, text FROM message
WHERE role = 'person' AND replaced_by IS NULL AND indexed_at IS NOT NULL AND length(text) >= 20
ORDER BY space_id, position DESC LIMIT 3
"""
"""What the restored memory is asked for: of a few spaces the newest message."""
_BUDGET = 8_000
"""Tokens. Much may have been said in the same words."""

Tell = Callable[[str], None]


async def purged(settings: Settings, tell: Tell) -> str:
    """Rewrite what deleted rows still stand in; one line on what was done, and what is left."""
    _, owner_dsn = await _database(settings, is_there=True)
    done = await purge(owner_dsn, tell)
    line = f"purged: {done.tables} tables rewritten, {done.log_files} files of the write-ahead log removed"
    return f"{line}\n{done.left}" if done.left else line


async def backed_up(settings: Settings, file: Path | None, tell: Tell) -> str:
    """Save the database and its secret in a new file; one line on what it holds.

    Raises NotFound where its folder isn't, and SettingsError where the file is.
    """
    _, owner_dsn = await _database(settings, is_there=True)
    file = file or Path(f"remi-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.backup")
    if not await asyncio.to_thread(file.parent.is_dir):
        raise NotFound(f"{file.parent}: there is no such folder")
    if await asyncio.to_thread(file.exists):
        raise SettingsError(f"{file}: is there already; a backup replaces no other one")
    tell(f"saving to {file}")
    about = await backup.backup(owner_dsn, _programs(settings), secret(settings), file)
    return f"saved: {_counted(about)} in {file}. It holds what people said, and the key of the digests."


async def restored(
    settings: Settings, file: Path, others: Path | None, embedder: Embedder, tell: Tell
) -> str:
    """Fill an empty database from a backup, and forget again what the ledger has forgotten since."""
    if others is not None and not await asyncio.to_thread(others.exists):
        raise NotFound(f"{others}: there is no such file")
    # A database that is filled can't be restored into again: what may fail comes before.
    kept = settings.data / ledger.NAME
    further = await asyncio.to_thread(_further, kept, others)
    with TemporaryDirectory(prefix="remi-restore-") as folder:
        tell(f"reading {file}")
        opened = await asyncio.to_thread(backup.unpack, file, Path(folder))
        kept_secret(settings, opened.secret)
        await asyncio.to_thread(ledger.begin, kept)
        app_dsn, owner_dsn = await _database(settings, is_there=False)
        tell("filling the database")
        await backup.restore(owner_dsn, _programs(settings), opened)
    await asyncio.to_thread(ledger.append, kept, further)
    await migrate(owner_dsn)
    store = await connect(app_dsn, opened.secret, settings.database_pool)
    try:
        # What has to be indexed anew after forgetting is found later: so recall comes first.
        tell("recalling")
        found = await _recalls(store, embedder, owner_dsn)
        tell("forgetting again")
        again = await ledger.replay(store, kept)
    finally:
        await close(store)
    return f"restored: {_counted(opened.about)}; recall finds {found} of {found}; forgotten again: {again}"


def _counted(about: backup.About) -> str:
    return f"{sum(about.rows.values()):,} rows in {len(about.rows)} tables"


async def _database(settings: Settings, *, is_there: bool) -> tuple[str, str]:
    """The application role's and the owner's addresses. Raises SettingsError, and NotFound."""
    if settings.database_url:
        if not settings.database_owner_url:
            raise SettingsError("DATABASE_OWNER_URL: is needed for this beside DATABASE_URL")
        return settings.database_url, settings.database_owner_url
    folder = settings.data / "postgres"
    if is_there and not folder.exists():
        raise NotFound(f"REMI_DATA: there is no database in {settings.data}")
    embedded = await start_embedded(folder)
    return embedded.app_dsn, embedded.owner_dsn


def _programs(settings: Settings) -> Path | None:
    """Those of the embedded server for itself; for any other server those on the PATH."""
    return None if settings.database_url else postgres_programs()


def _further(kept: Path, others: Path | None) -> list[Forgetting]:
    """What another ledger has forgotten, and ours doesn't know. Raises Unreadable for either."""
    known = {each.forgetting_id for each in ledger.read(kept)}
    return [each for each in ledger.read(others) if each.forgetting_id not in known] if others else []


async def _recalls(store: Store, embedder: Embedder, owner_dsn: str) -> int:
    """How many messages were asked for and found. Raises RemiError if one is not."""
    connection = await asyncpg.connect(owner_dsn)
    try:
        sample = await connection.fetch(_SAMPLE)
    finally:
        await connection.close()
    for row in sample:
        query = Query(row["text"], (row["space_id"],), datetime.now(UTC), _BUDGET)
        recollection = await recall(store, embedder, query)
        if not any(each.shown and each.text in row["text"] for each in recollection.recalled):
            raise RemiError(
                f"restored, but recall doesn't find the newest message of space {row['space_id']}"
            )
    return len(sample)
