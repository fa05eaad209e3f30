"""Backup, restore and purge, on servers of their own, as an operator uses them."""

import re
import shutil
import subprocess
import tarfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from canaries import in_files, in_tables
from client import Gateway, gateway
from conftest import StartAssistant, data_folder
from services.assistant import minilm
from services.assistant.__main__ import main
from services.assistant.keeping import backed_up, purged, restored
from services.assistant.settings import Settings
from services.assistant.store import ledger
from services.assistant.store.backup import unpack
from services.assistant.store.embedded import postgres_programs, start_embedded
from services.assistant.store.migrate import migrate
from services.errors import NotFound, RemiError, SettingsError, Unreadable

ROOT = Path(__file__).parents[2]
CANARY = "zephyrquartz"
TULIPS = "We planted tulips by the river."
ALLOW = frozenset({"telegram:7"})


def quietly(_line: str) -> None:
    """Nobody watches."""


@pytest.fixture
def old(embedder_data: Path) -> Iterator[Path]:
    with data_folder() as folder:
        shutil.copytree(embedder_data / "models", folder / "models")
        yield folder


@pytest.fixture
def new(embedder_data: Path) -> Iterator[Path]:
    with data_folder() as folder:
        shutil.copytree(embedder_data / "models", folder / "models")
        yield folder


def settings_of(folder: Path, **knobs: Any) -> Settings:
    return Settings.model_validate({"data": folder, **knobs})


@asynccontextmanager
async def living(start_assistant: StartAssistant, folder: Path) -> AsyncIterator[Gateway]:
    """Telegram's gateway to an assistant on this data folder."""
    async with (
        start_assistant(data=folder, database_url="", secret=None, allow=ALLOW) as assistant,
        gateway(assistant) as telegram,
    ):
        yield telegram
        # What was forgotten stands in the ledger a second later; nobody waits here.
        await ledger.keep(assistant.remi.store, folder / ledger.NAME)


async def forget(telegram: Gateway, words: str) -> None:
    await telegram.press(await telegram.command("forget", words), "Forget")


async def restore(folder: Path, file: Path, others: Path | None, **knobs: Any) -> str:
    embedder = minilm.load(folder)
    try:
        return await restored(settings_of(folder, **knobs), file, others, embedder, quietly)
    finally:
        embedder.close()


async def test_a_restored_backup_brings_back_all_but_what_was_forgotten(
    start_assistant: StartAssistant, old: Path, new: Path
) -> None:
    file = old / "remi.backup"
    async with living(start_assistant, old) as telegram:
        await telegram.say(TULIPS)
        await telegram.say(f"The word is {CANARY}.")
        await telegram.command("memory", "tulips")
        saved = await backed_up(settings_of(old), file, quietly)
        assert str(file) in saved
        later = telegram.request(f"Later the word is {CANARY} too.", key="telegram:99:7:later")
        await telegram.converse(later)
        await forget(telegram, CANARY)
    assert in_files(old, [CANARY]) != {}

    line = await restore(new, file, old / ledger.NAME)
    assert "; recall finds 1 of 1; forgotten again: 1" in line
    owner_dsn = (await start_embedded(new / "postgres")).owner_dsn
    assert await in_tables(owner_dsn, [CANARY]) == {}
    await purged(settings_of(new), quietly)
    assert in_files(new, [CANARY]) == {}
    async with living(start_assistant, new) as telegram:
        # A platform that sends it once more, as Discord's history does, is told that it is known.
        await telegram.converse(later)
        assert await in_tables(owner_dsn, [CANARY]) == {}
        assert "river" in (await telegram.command("memory", "tulips")).text


async def test_a_backup_brings_nothing_back_of_a_space_where_everything_was_forgotten(
    start_assistant: StartAssistant, old: Path, new: Path
) -> None:
    file = old / "remi.backup"
    async with living(start_assistant, old) as telegram:
        await telegram.say(f"The word is {CANARY}.")
        await telegram.command("remember", f"Mind {CANARY}.")
        await telegram.command("remind", f"tomorrow at nine to mind {CANARY}")
        await backed_up(settings_of(old), file, quietly)
        later = telegram.request(f"Later the word is {CANARY} too.", key="telegram:99:7:later")
        await telegram.converse(later)
        sure = await telegram.press(await telegram.command("forget", "everything"), "Forget everything")
        await telegram.press(sure, "Yes, forget everything")

    assert "forgotten again: 1" in await restore(new, file, old / ledger.NAME)
    owner_dsn = (await start_embedded(new / "postgres")).owner_dsn
    assert await in_tables(owner_dsn, [CANARY]) == {}
    async with living(start_assistant, new) as telegram:
        await telegram.converse(later)
        assert await in_tables(owner_dsn, [CANARY]) == {}


async def test_the_way_by_postgres_own_programs_that_operating_tells(
    start_assistant: StartAssistant, old: Path, new: Path
) -> None:
    operating = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    dumping, filling = (
        re.findall(rf"{program} --username=postgres (.*?) [<>] remi.dump", operating)[0].split()
        for program in ("pg_dump", "pg_restore")
    )
    file = old / "remi.dump"
    async with living(start_assistant, old) as telegram:
        await telegram.say(TULIPS)
        await telegram.say(f"The word is {CANARY}.")
        owner_dsn = (await start_embedded(old / "postgres")).owner_dsn
        run_postgres("pg_dump", owner_dsn, *dumping[:-1], f"--file={file}")
        await forget(telegram, CANARY)
    owner_dsn = (await start_embedded(new / "postgres")).owner_dsn
    await migrate(owner_dsn)
    run_postgres("pg_restore", owner_dsn, *(each for each in filling if each != "--dbname=remi"), str(file))
    assert await in_tables(owner_dsn, [CANARY]) != {}
    for name in ("secret", ledger.NAME):
        shutil.copy(old / name, new / name)
    async with living(start_assistant, new) as telegram:
        assert await in_tables(owner_dsn, [CANARY]) == {}
        assert "river" in (await telegram.command("memory", "tulips")).text


def run_postgres(program: str, dsn: str, *arguments: str) -> None:
    done = subprocess.run(
        [postgres_programs() / program, f"--dbname={dsn}", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


async def test_it_is_restored_into_an_empty_database_only(start_assistant: StartAssistant, old: Path) -> None:
    file = old / "remi.backup"
    async with living(start_assistant, old) as telegram:
        await telegram.say(TULIPS)
        await backed_up(settings_of(old), file, quietly)
        with pytest.raises(SettingsError, match="isn't empty"):
            await restore(old, file, None)
        with pytest.raises(SettingsError, match="REMI_SECRET: is another key"):
            await restore(old, file, None, secret="another")
        with pytest.raises(NotFound, match="nowhere"):
            await restore(old, file, old / "nowhere")
        assert "river" in (await telegram.command("memory", "tulips")).text


def test_a_backup_is_for_its_owner_only_and_holds_the_secret(old: Path, run: "Run") -> None:
    file = old / "remi.backup"
    assert run(old, "invite") == 0
    assert run(old, "backup", str(file)) == 0
    assert file.stat().st_mode & 0o777 == 0o600
    with tarfile.open(file) as tar:
        secret = tar.extractfile("secret")
        assert secret is not None
        assert secret.read() == (old / "secret").read_bytes()
    assert [path.name for path in old.iterdir() if path.name.startswith(".remi")] == []


def test_a_backup_replaces_no_file(old: Path, run: "Run", capsys: pytest.CaptureFixture[str]) -> None:
    file = old / "remi.backup"
    file.write_text("the backup of yesterday")
    assert run(old, "invite") == 0
    assert run(old, "backup", str(file)) == 2
    assert f"{file}: is there already" in capsys.readouterr().err
    assert file.read_text() == "the backup of yesterday"


async def test_the_ledger_is_there_to_be_copied_before_anything_was_forgotten(
    start_assistant: StartAssistant, tmp_path: Path
) -> None:
    file = tmp_path / "new" / ledger.NAME
    async with start_assistant(data=file.parent):
        assert (file.read_text(), file.stat().st_mode & 0o777) == ("", 0o600)
    file.unlink()
    file.mkdir()
    with pytest.raises(SettingsError, match=f"REMI_DATA: can't keep {ledger.NAME} there"):
        async with start_assistant(data=file.parent):
            pass


class Run:
    """The assistant's command line, on a data folder."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def __call__(self, folder: Path, *arguments: str) -> int:
        self._monkeypatch.setenv("REMI_DATA", str(folder))
        return main([*arguments])


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    return Run(monkeypatch)


def test_the_commands_say_what_they_did(
    old: Path, new: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    file = old / "remi.backup"
    assert run(old, "invite") == 0
    assert run(old, "backup", str(file)) == 0
    assert run(new, "restore", str(file)) == 0
    assert run(new, "purge") == 0
    said = capsys.readouterr()
    assert "rows in" in said.out
    assert "restored: " in said.out
    assert "purged: " in said.out
    assert "the write-ahead log" in said.err


def test_a_ledger_that_cant_be_read_is_told_before_the_database_is_filled(
    old: Path, new: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    file, damaged = old / "remi.backup", old / "damaged.jsonl"
    assert run(old, "invite") == 0
    assert run(old, "backup", str(file)) == 0
    for content in (b'{"forgetting": "3f\n', b"\xff\xfe\x00\n"):
        damaged.write_bytes(content)
        assert run(new, "restore", str(file), "--ledger", str(damaged)) == 2
        assert f"{damaged}: line 1 is no forgetting" in capsys.readouterr().err
    assert run(new, "restore", str(file), "--ledger", str(old)) == 2
    assert f"{old}: can't be read (Is a directory)" in capsys.readouterr().err
    shutil.copy(damaged, new / ledger.NAME)
    assert run(new, "restore", str(file)) == 2
    (new / ledger.NAME).unlink()
    assert run(new, "restore", str(file)) == 0


def test_where_there_is_no_database_nothing_is_made(
    tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path / "empty", "purge") == 2
    assert "no database" in capsys.readouterr().err
    assert not (tmp_path / "empty").exists()


@pytest.mark.parametrize(("content", "error"), [(None, NotFound), (b"something else", Unreadable)])
async def test_what_is_no_backup_is_refused(
    tmp_path: Path, content: bytes | None, error: type[RemiError]
) -> None:
    file = tmp_path / "file"
    if content:
        file.write_bytes(content)
    with pytest.raises(error):
        unpack(file, tmp_path)


def test_a_folder_is_no_backup(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="Is a directory"):
        unpack(tmp_path, tmp_path)
