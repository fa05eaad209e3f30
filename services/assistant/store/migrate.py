"""Migrations: numbered .sql files, each applied once, in order, in its own transaction, only forward."""

from dataclasses import dataclass
from importlib.resources import files

import asyncpg

from services.assistant.store.connection import REFUSED
from services.errors import SettingsError

_LOCK = 0x52454D49
"""Advisory lock that keeps two starting services from migrating at once."""


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    sql: str


def migrations() -> tuple[Migration, ...]:
    """All migrations of this version, in order."""
    found = sorted(
        (
            entry
            for entry in files(__package__).joinpath("migrations").iterdir()
            if entry.name.endswith(".sql")
        ),
        key=lambda entry: entry.name,
    )
    return tuple(
        Migration(int(entry.name.partition("_")[0]), entry.name, entry.read_text(encoding="utf-8"))
        for entry in found
    )


async def migrate(owner_dsn: str) -> list[str]:
    """Bring the schema up to this version as the owner role; returns the names applied.

    A schema newer than this code is left alone: old code runs on the new schema during a rolling upgrade.
    """
    try:
        connection = await asyncpg.connect(owner_dsn)
    except ValueError:
        raise SettingsError("DATABASE_OWNER_URL: can't be read as the address of a database") from None
    except REFUSED as error:
        raise SettingsError(
            "DATABASE_OWNER_URL: Postgres refuses this role, or has no such database"
        ) from error
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS migration"
            " (number integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        applied = {row["number"] for row in await connection.fetch("SELECT number FROM migration")}
        missing = [migration for migration in migrations() if migration.number not in applied]
        for migration in missing:
            async with connection.transaction():
                await connection.execute(migration.sql)
                await connection.execute(
                    "INSERT INTO migration (number, name) VALUES ($1, $2)", migration.number, migration.name
                )
        return [migration.name for migration in missing]
    finally:
        await connection.close()
