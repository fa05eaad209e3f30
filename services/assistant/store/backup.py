"""The whole database as one file, and an empty one filled from it, by Postgres' own programs."""

import asyncio
import io
import json
import os
import tarfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from urllib.parse import quote, unquote, urlsplit

import asyncpg

from services.assistant.store.embedded import ROLE
from services.errors import NotFound, RemiError, SettingsError, Unreadable

_DUMP, _SECRET, _ABOUT = "remi.dump", "secret", "about.json"

_SEES_ALL = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
_OWNER = """
SELECT CASE WHEN r.rolname = 'pg_database_owner' THEN current_user ELSE r.rolname END
FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner WHERE n.nspname = 'public'
"""


@dataclass(frozen=True, slots=True)
class About:
    """What a backup holds: when it was taken, and the rows of each table."""

    taken_at: str
    rows: Mapping[str, int]


async def backup(owner_dsn: str, programs: Path | None, secret: bytes, file: Path) -> About:
    """Write the database and the secret that keys its digests to a file that only its owner reads.

    It appears whole or not at all. `programs` is the folder of Postgres' own, None for those on the PATH.
    Raises SettingsError for a role that doesn't see every row.
    """
    with TemporaryDirectory(dir=file.parent, prefix=".remi-backup-") as folder:
        dump = Path(folder) / _DUMP
        connection = await asyncpg.connect(owner_dsn)
        try:
            await _require_all(connection)
            # Counted in the very snapshot that is dumped.
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
                about = About(datetime.now(UTC).isoformat(), await _rows(connection))
                await _run(programs, "pg_dump", owner_dsn, "-Fc", f"--snapshot={snapshot}", f"--file={dump}")
        finally:
            await connection.close()
        await asyncio.to_thread(_pack, file, dump, secret, about)
    return about


@dataclass(frozen=True, slots=True)
class Backup:
    """An opened backup."""

    dump: Path
    secret: bytes
    about: About


def unpack(file: Path, folder: Path) -> Backup:
    """Open a backup into a folder. Raises Unreadable for another file, NotFound where there is none."""
    try:
        with tarfile.open(file, "r:") as tar:
            for name in (_DUMP, _SECRET, _ABOUT):
                tar.extract(name, folder, filter="data")
        about = json.loads((folder / _ABOUT).read_bytes())
        taken_at, rows = (
            str(about["taken_at"]),
            {str(name): int(count) for name, count in about["rows"].items()},
        )
        return Backup(folder / _DUMP, (folder / _SECRET).read_bytes(), About(taken_at, rows))
    except FileNotFoundError:
        raise NotFound(f"{file}: there is no such file") from None
    except OSError as error:
        raise Unreadable(f"{file}: can't be read ({error.strerror})") from None
    except (tarfile.TarError, KeyError, ValueError, TypeError, AttributeError):
        raise Unreadable(f"{file}: is no backup that this version can read") from None


async def restore(owner_dsn: str, programs: Path | None, opened: Backup) -> None:
    """Fill an empty database; it stays empty if that fails. Checks the number of rows of every table.

    Raises SettingsError where the database isn't empty, or the roles aren't there.
    """
    connection = await asyncpg.connect(owner_dsn)
    try:
        await _require_all(connection)
        if await connection.fetch(_TABLES):
            raise SettingsError("the database isn't empty: a backup is restored into an empty one only")
        if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", ROLE):
            raise SettingsError(f"there is no role {ROLE}: run deploy/database/roles.sql first")
        owner = await connection.fetchval(_OWNER)
        await _run(
            programs,
            "pg_restore",
            owner_dsn,
            "--no-owner",
            f"--role={owner}",
            "--no-comments",
            "--single-transaction",
            "--exit-on-error",
            str(opened.dump),
        )
        rows = await _rows(connection)
        if rows != opened.about.rows:
            differing = sorted(
                name
                for name in rows.keys() | opened.about.rows.keys()
                if rows.get(name) != opened.about.rows.get(name)
            )
            raise RemiError(f"restored, but other rows than were saved stand in {', '.join(differing)}")
    finally:
        await connection.close()


async def _require_all(connection: asyncpg.Connection) -> None:
    if not await connection.fetchval(_SEES_ALL):
        raise SettingsError(
            "DATABASE_OWNER_URL: row-level security hides rows from this role;"
            " a backup needs a superuser, or a role with BYPASSRLS"
        )


async def _rows(connection: asyncpg.Connection) -> dict[str, int]:
    names = [row["tablename"] for row in await connection.fetch(_TABLES)]
    return {name: await connection.fetchval(f'SELECT count(*) FROM "{name}"') for name in names}


def _pack(file: Path, dump: Path, secret: bytes, about: About) -> None:
    with NamedTemporaryFile(dir=file.parent, prefix=".remi-backup-", delete=False) as new:
        try:
            with tarfile.open(fileobj=new, mode="w") as tar:
                for name, content in ((_ABOUT, json.dumps(asdict(about)).encode()), (_SECRET, secret)):
                    entry = tarfile.TarInfo(name)
                    entry.size, entry.mode = len(content), 0o600
                    tar.addfile(entry, io.BytesIO(content))
                tar.add(dump, arcname=_DUMP)
            new.flush()
            os.fsync(new.fileno())
            # A temporary file is its owner's alone, and stays so under its name.
            os.replace(new.name, file)
        except BaseException:
            os.unlink(new.name)
            raise


async def _run(programs: Path | None, program: str, dsn: str, *arguments: str) -> None:
    """Run a program of Postgres' on a database. Others can't read a password in its environment."""
    parts = urlsplit(dsn)
    user, _, host = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    address = parts._replace(netloc=f"{quote(unquote(name))}@{host}" if user else host).geturl()
    environment = os.environ | ({"PGPASSWORD": unquote(password)} if password else {})
    try:
        process = await asyncio.create_subprocess_exec(
            str(programs / program) if programs else program,
            "--no-password",
            f"--dbname={address}",
            *arguments,
            env=environment,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
    except FileNotFoundError:
        raise SettingsError(f"{program} isn't on the PATH: install the client programs of Postgres") from None
    _, complaint = await process.communicate()
    if process.returncode:
        # Its first line names the cause, and no row.
        first = complaint.decode(errors="replace").strip().partition("\n")[0]
        raise RemiError(f"{program} failed: {first}")
