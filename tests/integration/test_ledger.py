"""The ledger of forgettings: ids in a file that outlives the database, replayed into a restored one."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from fakes.openai import FakeOpenAI
from remembering import Talk, models
from services.assistant.learn import remember
from services.assistant.store import forgetting, ledger
from services.assistant.store.connection import Store, scoped
from services.assistant.store.forgetting import Forgetting
from services.errors import Unreadable

CANARY = "zephyrquartz"


@pytest.fixture
async def talk(store: Store, tmp_path: Path) -> AsyncIterator[Talk]:
    async with FakeOpenAI() as fake, models(fake, tmp_path) as opened:
        yield await Talk(store, opened).begin()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ledger.NAME


async def heard(talk: Talk, text: str, key: str = "") -> UUID:
    """Somebody said something, which an event brought."""
    message_id = await talk.say(text)
    key = key or str(uuid4())
    await talk.rows("INSERT INTO event_key (key, digest) VALUES ($1, 'd')", key)
    await talk.rows(
        "INSERT INTO event (space_id, event_key, conversation_id, kind, person_id, author, body, message_id,"
        " sent_at) VALUES ($1, $2, $3, 'record', $4, '{}', '{}', $5, now())",
        talk.space_id,
        key,
        talk.conversation_id,
        uuid4(),
        message_id,
    )
    return message_id


async def forget(talk: Talk, text: str = CANARY) -> Forgetting:
    """Somebody said something, and has it forgotten."""
    key = str(uuid4())
    message_id = await heard(talk, text, key)
    async with scoped(talk.store, [talk.space_id]) as connection:
        await forgetting.forget(connection, talk.space_id, [message_id], [])
    row = (await talk.rows("SELECT forgetting_id, at FROM forgetting ORDER BY at DESC LIMIT 1"))[0]
    return Forgetting(talk.space_id, row["forgetting_id"], row["at"], (message_id,), (), {key: b"d"}, {})


def check_file(path: Path) -> None:
    assert CANARY not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


def as_it_was_written(path: Path) -> None:
    """Before lines said which spaces had come in."""
    path.write_text(path.read_text().replace(', "taken_in": {}', ""))


def begin_a_line(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:40])


async def test_it_holds_ids_and_keys_and_no_text(talk: Talk, path: Path) -> None:
    first, second = await forget(talk), await forget(talk)
    assert await ledger.keep(talk.store, path) == 2
    assert ledger.read(path) == [first, second]
    check_file(path)
    assert await ledger.keep(talk.store, path) == 0
    third = await forget(talk)
    assert await ledger.keep(talk.store, path) == 1
    assert ledger.read(path) == [first, second, third]


async def test_what_the_database_does_not_know_of_is_forgotten_again(talk: Talk, path: Path) -> None:
    past = await forget(talk)
    await ledger.keep(talk.store, path)
    # As after a crash between the file and the database.
    ledger.append(path, [past])
    # What a restored backup looks like: the message is back, the forgetting and the key were not there yet.
    await talk.say(CANARY, message_id=past.messages[0])
    await talk.rows("DELETE FROM forgetting")
    await talk.rows("DELETE FROM event_key")
    assert await ledger.replay(talk.store, path) == 1
    assert await talk.rows("SELECT * FROM message") == []
    assert [row["key"] for row in await talk.rows("SELECT key FROM event_key")] == list(past.keys)
    assert await ledger.replay(talk.store, path) == 0
    assert await ledger.keep(talk.store, path) == 0


async def test_where_everything_was_forgotten_it_is_so_again(
    talk: Talk, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "MOST", 2)
    said = [await heard(talk, f"{CANARY} {number}") for number in range(5)]
    async with scoped(talk.store, [talk.space_id]) as connection:
        memory = await remember(connection, talk.space_id, said[0], f"{CANARY} 0", talk.now)
        await forgetting.wipe(connection, talk.space_id)
    assert await ledger.keep(talk.store, path) == 3
    past = ledger.read(path)
    assert {each for line in past for each in line.messages} == set(said)
    assert [line.memories for line in past if line.memories] == [(memory.memory_id,)]
    assert sorted(len(line.keys) for line in past) == [1, 2, 2]

    await talk.say(CANARY, message_id=said[3])
    stays = await talk.say("We planted tulips.")
    await talk.rows("DELETE FROM forgetting")
    await talk.rows("DELETE FROM event_key")
    assert await ledger.replay(talk.store, path) == 3
    assert [row["message_id"] for row in await talk.rows("SELECT message_id FROM message")] == [stays]
    assert await talk.value("SELECT count(*) FROM event_key") == 5


async def people(*talks: Talk) -> None:
    """These are private spaces."""
    for talk in talks:
        await talk.rows("INSERT INTO person (person_id, role) VALUES ($1, 'member')", talk.space_id)


async def linked(gone: Talk, kept: Talk) -> None:
    """The one private space has gone into the other."""
    await gone.rows(
        "INSERT INTO link (link_id, code_digest, issuer_platform, issuer_id, issuer_conversation, state,"
        " expires_at, kept_person, gone_person)"
        " VALUES ($1, $2, 'telegram', '1', $1, 'linked', now(), $3, $4)",
        uuid4(),
        uuid4().bytes,
        kept.space_id,
        gone.space_id,
    )


async def test_what_went_from_one_into_another_and_on_is_forgotten_wherever_a_backup_has_it(
    talk: Talk, path: Path
) -> None:
    first, second, aside = [await Talk(talk.store, talk.models).begin() for _ in range(3)]
    await people(talk, first, second, aside)
    await linked(first, second)
    await linked(second, talk)
    past = await forget(talk)
    await ledger.keep(talk.store, path)
    (kept,) = ledger.read(path)
    assert kept.taken_in == {first.space_id: second.space_id, second.space_id: talk.space_id}

    # A backup from before the links has what had these ids then.
    again = Forgetting(talk.space_id, uuid4(), past.at, (), (), {}, kept.taken_in)
    for each, into in ((first, (second, talk)), (second, (talk,)), (aside, (talk,))):
        stood = await each.say(CANARY)
        moved = stood
        for where in into:
            moved = await talk.value("SELECT moved_id($1, $2)", where.space_id, moved)
        again = replace(again, messages=(*again.messages, moved))
        await each.say("We planted tulips.")
    ledger.append(path, [again])
    assert await ledger.replay(talk.store, path) == 1
    left = [await each.value("SELECT count(*) FROM message") for each in (first, second, aside)]
    # Nothing of the last has gone anywhere: it is not looked at.
    assert left == [1, 1, 2]


async def test_a_line_of_an_older_version_is_looked_for_in_every_private_space(
    talk: Talk, path: Path
) -> None:
    other = await Talk(talk.store, talk.models).begin()
    await people(talk, other)
    stood, stays = await other.say(CANARY), await other.say("We planted tulips.")
    moved = await talk.value("SELECT moved_id($1, $2)", talk.space_id, stood)
    ledger.append(path, [Forgetting(talk.space_id, uuid4(), datetime.now(UTC), (moved,), (), {}, {})])
    as_it_was_written(path)
    assert await ledger.replay(talk.store, path) == 1
    assert [row["message_id"] for row in await other.rows("SELECT message_id FROM message")] == [stays]
    # That is a forgetting too, to be kept for the next restore.
    assert await ledger.keep(talk.store, path) == 1


async def test_a_line_that_was_cut_by_a_crash_is_written_anew(talk: Talk, path: Path) -> None:
    past = await forget(talk)
    await ledger.keep(talk.store, path)
    begin_a_line(path)
    assert ledger.read(path) == [past]
    after = await forget(talk)
    await ledger.keep(talk.store, path)
    assert ledger.read(path) == [past, after]


def test_what_is_no_ledger_is_refused_by_its_line(path: Path) -> None:
    ledger.append(path, [Forgetting(uuid4(), uuid4(), datetime.now(UTC), (), (), {})])
    with path.open("a") as file:
        file.write('{"space": 7}\n')
    with pytest.raises(Unreadable, match="line 2"):
        ledger.read(path)


def test_where_there_is_no_ledger_nothing_was_forgotten(path: Path) -> None:
    assert ledger.read(path) == []
