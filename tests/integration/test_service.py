"""The service as a whole: where it may listen, how it answers trouble, what goes on beside the calls."""

import asyncio
import socket
from pathlib import Path

import asyncpg
import grpc
import pytest

from client import PATIENCE, Gateway, gateway
from conftest import Database, StartAssistant
from services.assistant.__main__ import main
from services.assistant.domain import Platform
from services.assistant.store.connection import Store, connect, unscoped
from services.assistant.store.migrate import migrate
from services.errors import SettingsError, StoreUnavailable

TLS = Path(__file__).parent.parent / "fakes" / "tls"
ANN = {"allow": frozenset({"telegram:7"})}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_with_certificates_it_speaks_tls(start_assistant: StartAssistant) -> None:
    listen = f"0.0.0.0:{free_port()}"
    pair = {"tls_cert": TLS / "certificate.pem", "tls_key": TLS / "key.pem"}
    async with start_assistant(**ANN, **pair, listen=listen) as assistant:
        credentials = grpc.ssl_channel_credentials((TLS / "certificate.pem").read_bytes())
        address = listen.replace("0.0.0.0", "localhost")
        async with grpc.aio.secure_channel(address, credentials) as channel:
            telegram = Gateway(channel, assistant.tokens[Platform.TELEGRAM], Platform.TELEGRAM)
            assert await telegram.say("My dog is called Biscuit.")


@pytest.mark.parametrize(
    ("knobs", "named"),
    [
        ({"listen": "0.0.0.0:0"}, "REMI_LISTEN"),
        ({"listen": "example.org:1"}, "REMI_LISTEN"),
        ({"listen": "unix:/nowhere/at/all.sock"}, "REMI_LISTEN"),
        ({"tls_cert": Path("/nowhere"), "tls_key": Path("/nowhere")}, "REMI_TLS_CERT"),
        (
            {"tls_cert": TLS / "certificate.pem", "tls_key": Path(__file__)},
            "REMI_TLS_CERT and REMI_TLS_KEY: ",
        ),
        ({"database_url": "postgresql://remi@localhost:port/remi"}, "^DATABASE_URL: can't be read"),
    ],
)
async def test_it_does_not_start_where_it_would_not_be_safe_or_can_not_listen(
    start_assistant: StartAssistant, knobs: dict[str, object], named: str
) -> None:
    with pytest.raises(SettingsError, match=named):
        async with start_assistant(**knobs):
            pass


async def test_a_port_is_one_assistants(start_assistant: StartAssistant) -> None:
    listen = f"127.0.0.1:{free_port()}"
    async with start_assistant(listen=listen):
        with pytest.raises(SettingsError, match=f"REMI_LISTEN: can't listen on {listen}"):
            async with start_assistant(listen=listen):
                pass
    async with start_assistant(listen=listen):
        pass


async def test_the_operators_word_opens_a_closed_network(start_assistant: StartAssistant) -> None:
    async with start_assistant(listen=f"0.0.0.0:{free_port()}", closed_network=True):
        pass


async def test_trouble_of_our_own_is_internal_and_says_nothing(
    start_assistant: StartAssistant, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    async def raises(*_: object) -> None:
        raise ValueError("a canary in an error's message")

    async with start_assistant(**ANN) as assistant, gateway(assistant) as telegram:
        monkeypatch.setattr("services.assistant.intake.admit", raises)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await telegram.converse(telegram.request("my canary"))
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert "canary" not in str(caught.value.details())


async def test_a_postgres_that_went_away_is_unavailable_and_then_serves_again(
    start_assistant: StartAssistant, database: Database
) -> None:
    async with start_assistant(**ANN) as assistant, gateway(assistant) as telegram:
        await telegram.say("My dog is called Biscuit.")
        owner = await asyncpg.connect(database.owner_dsn)
        await owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND usename = 'remi_app'"
        )
        await owner.close()
        asked = telegram.request("What is my dog called?")
        refused = set()
        for _ in range(30):
            try:
                stream = await telegram.converse(asked)
                break
            except grpc.aio.AioRpcError as error:
                refused.add(error.code())
        assert refused <= {grpc.StatusCode.UNAVAILABLE}
        assert "Biscuit" in stream[-1].final.delivery.text


async def test_no_postgres_at_all_is_said_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        await connect(f"postgresql://remi_app@/postgres?host={tmp_path}", b"secret")


@pytest.mark.parametrize(("right", "wrong"), [("//remi_app", "//nobody"), ("/test_", "/no_test_")])
async def test_a_role_or_a_database_that_postgres_does_not_know_is_named(
    database: Database, right: str, wrong: str
) -> None:
    assert right in database.app_dsn
    with pytest.raises(SettingsError, match="DATABASE_URL: Postgres refuses"):
        await connect(database.app_dsn.replace(right, wrong), b"secret")


async def test_an_owner_that_postgres_does_not_know_is_named(database: Database) -> None:
    with pytest.raises(SettingsError, match="DATABASE_OWNER_URL"):
        await migrate(database.owner_dsn.replace("//postgres:@", "//nobody@"))


async def test_a_schema_is_migrated_once_and_a_newer_one_is_left_alone(database: Database) -> None:
    owner = await asyncpg.connect(database.owner_dsn)
    await owner.execute("INSERT INTO migration (number, name) VALUES (9999, 'of a newer version')")
    await owner.close()
    assert await migrate(database.owner_dsn) == []


async def test_what_fails_beside_the_calls_is_asked_for_again_later(
    start_assistant: StartAssistant, monkeypatch: pytest.MonkeyPatch, store: Store
) -> None:
    failed = asyncio.Event()

    async def raises(*_: object, **__: object) -> None:
        failed.set()
        raise ValueError

    monkeypatch.setattr("services.assistant.turn.index_turn", raises)
    monkeypatch.setattr("services.assistant.worker.index", raises)
    async with start_assistant(**ANN) as assistant, gateway(assistant) as telegram:
        await telegram.say("My dog is called Biscuit.")
        await asyncio.wait_for(failed.wait(), PATIENCE)
        failed.clear()
        async with unscoped(store) as connection:
            await connection.execute("UPDATE work SET due_at = now() WHERE kind = 'index'")
        await asyncio.wait_for(failed.wait(), PATIENCE)
        is_later = False
        async with asyncio.timeout(PATIENCE):
            while not is_later:
                async with unscoped(store) as connection:
                    is_later = await connection.fetchval(
                        "SELECT lease_until IS NULL AND due_at > now() FROM work WHERE kind = 'index'"
                    )


def test_the_operator_gets_a_code_from_the_command_line(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database.app_dsn)
    monkeypatch.setenv("DATABASE_OWNER_URL", database.owner_dsn)
    monkeypatch.setenv("REMI_DATA", str(tmp_path))
    assert main(["invite", "--admin"]) == 0
    assert capsys.readouterr().out.startswith("remi-")
    monkeypatch.setenv("REMI_ALLOW", "nonsense")
    assert main(["invite"]) == 2
    assert capsys.readouterr().err.startswith("REMI_ALLOW: ")
