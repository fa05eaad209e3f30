"""The assistant service: `python -m services.assistant`; `... invite` and others for its operator."""

import argparse
import asyncio
import gc
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog
import uvloop
from grpc_health.v1.health_pb2 import HealthCheckResponse

from services import logs
from services.assistant.access import doorkeeper
from services.assistant.adapters import SecondEndpoint, open_models
from services.assistant.domain import TeamRole
from services.assistant.edge import Edge
from services.assistant.invite import invite
from services.assistant.keeping import backed_up, purged, restored
from services.assistant.model import Models, Patience
from services.assistant.remi import Knobs, Remi
from services.assistant.server import serve
from services.assistant.settings import Settings, gateway_tokens, load, secret, turn_timeout
from services.assistant.store import ledger
from services.assistant.store.connection import Store, close, connect
from services.assistant.store.embedded import keep_running, start_embedded
from services.assistant.store.migrate import migrate
from services.assistant.undelivered import listing, send_again
from services.assistant.worker import keep_forgettings, keep_leases, look_for_work
from services.errors import RemiError

log = structlog.get_logger()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m services.assistant", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    inviting = commands.add_parser("invite", help="print a one-time code that lets a person or a group in")
    inviting.add_argument("--admin", action="store_true", help="let them in as an admin")
    aside = commands.add_parser("undelivered", help="list what could not be delivered, without its text")
    aside.add_argument("--resend", metavar="ID|all", help="have it sent again")
    commands.add_parser("purge", help="rewrite the files in which deleted rows still stand")
    saving = commands.add_parser("backup", help="save the database and its secret in one file")
    saving.add_argument("file", nargs="?", type=Path)
    restoring = commands.add_parser("restore", help="fill an empty database from a backup")
    restoring.add_argument("file", type=Path)
    restoring.add_argument("--ledger", type=Path, help="what was forgotten since: a forgotten.jsonl")
    options = parser.parse_args(arguments)
    try:
        settings = load()
        if options.command == "invite":
            print(uvloop.run(_invite(settings, TeamRole.ADMIN if options.admin else TeamRole.MEMBER)))
        elif options.command == "undelivered":
            print(uvloop.run(_undelivered(settings, options.resend)))
        elif options.command == "purge":
            print(uvloop.run(purged(settings, _tell)))
        elif options.command == "backup":
            print(uvloop.run(backed_up(settings, options.file, _tell)))
        elif options.command == "restore":
            print(uvloop.run(_restore(settings, options.file, options.ledger)))
        else:
            logs.configure("assistant", settings.log_level)
            uvloop.run(_serve(settings))
    except RemiError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


async def _invite(settings: Settings, role: TeamRole) -> str:
    async with _open_store(settings) as store:
        return await invite(store, role)


async def _undelivered(settings: Settings, resend: str | None) -> str:
    async with _open_store(settings) as store:
        return await send_again(store, resend) if resend else await listing(store)


async def _restore(settings: Settings, file: Path, others: Path | None) -> str:
    async with _open_models(settings) as models:
        return await restored(settings, file, others, models.embedder, _tell)


def _tell(line: str) -> None:
    print(line, file=sys.stderr)


async def _serve(settings: Settings) -> None:
    asked_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked_to_stop.set)
    async with running(settings) as remi:
        _collect_less()
        await asked_to_stop.wait()
        log.info("draining", running=len(remi.running.tasks))
    log.info("stopped")


def _collect_less() -> None:
    """Look often at what is new, and seldom at the rest (docs/decisions/0214): each look holds up every call.

    What the start made stays, and is not looked through again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(700, 1_000, 100)


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Remi]:
    """The whole service, serving; at the end it drains: running turns finish, or are handed over."""
    async with (
        _open_store(settings) as store,
        _open_models(settings) as models,
    ):
        knobs = Knobs(
            settings.recall_tokens,
            turn_timeout(settings),
            settings.client_clock,
            ZoneInfo(settings.timezone),
            timedelta(hours=settings.reminder_grace_hours),
            timedelta(hours=settings.delivery_hours),
            settings.prices,
        )
        await asyncio.to_thread(ledger.begin, settings.data / ledger.NAME)
        if again := await ledger.replay(store, settings.data / ledger.NAME):
            log.info("forgotten_again", forgettings=again)
        remi = Remi(store, models, doorkeeper(settings.allow), knobs)
        server, is_healthy = await serve(remi, Edge(gateway_tokens(settings)), settings)
        renewing = asyncio.create_task(keep_leases(remi))
        looking = asyncio.create_task(look_for_work(remi))
        keeping = asyncio.create_task(keep_forgettings(remi, settings.data / ledger.NAME))
        await is_healthy.set("", HealthCheckResponse.SERVING)
        log.info("serving", listen=settings.listen, model=models.chat.name if models.chat else "offline")
        try:
            yield remi
        finally:
            await is_healthy.enter_graceful_shutdown()
            looking.cancel()
            remi.running.is_draining = True
            await _drain(remi, settings.drain_seconds)
            await server.stop(grace=1)
            # What the last calls began.
            await _drain(remi, 0)
            renewing.cancel()
            keeping.cancel()
            await asyncio.wait([looking, renewing, keeping])


def _open_models(settings: Settings) -> AbstractAsyncContextManager[Models]:
    return open_models(
        settings.data,
        base_url=settings.openai_base_url,
        api_key=settings.openai_api_key.get_secret_value(),
        chat=settings.chat_model,
        memory=settings.memory_model,
        embedding=settings.embedding_model,
        transcription=settings.transcription_model,
        second=_second_endpoint(settings),
        patience=Patience(
            first_token=settings.first_token_seconds, between_tokens=settings.between_tokens_seconds
        ),
    )


def _second_endpoint(settings: Settings) -> SecondEndpoint | None:
    if not settings.fallback_base_url:
        return None
    key = settings.fallback_api_key.get_secret_value()
    return SecondEndpoint(settings.fallback_base_url, key, settings.fallback_chat_model)


async def _drain(remi: Remi, seconds: float) -> None:
    """Let running turns finish; those that take longer are handed over: their leases are given back."""
    if remi.running.tasks:
        await asyncio.wait(list(remi.running.tasks), timeout=seconds)
    rest = list(remi.running.tasks)
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


@asynccontextmanager
async def _open_store(settings: Settings) -> AsyncIterator[Store]:
    """Postgres, migrated: the operator's, or the one Remi brings along."""
    app_dsn, owner_dsn = settings.database_url, settings.database_owner_url
    watching: asyncio.Task[None] | None = None
    if not app_dsn:
        embedded = await start_embedded(settings.data / "postgres")
        watching = asyncio.create_task(keep_running(settings.data / "postgres"))
        app_dsn, owner_dsn = embedded.app_dsn, embedded.owner_dsn
    if owner_dsn:
        for name in await migrate(owner_dsn):
            log.info("migrated", migration=name)
    store = await connect(app_dsn, secret(settings), settings.database_pool)
    try:
        yield store
    finally:
        if watching is not None:
            watching.cancel()
        await close(store)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
