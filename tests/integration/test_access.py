"""Denied by default: who is let in, by what, and what is kept of those who are not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.assistant.access import CODE_IS_NOT_VALID, Denied, Doorkeeper, admit, admit_actor, doorkeeper
from services.assistant.domain import Access, ChatKind, Commanded, Event, Platform, TeamRole
from services.assistant.store import directory
from services.assistant.store.connection import Store, unscoped
from talk import author, event, place

GROUP = place("-100", kind=ChatKind.GROUP)


@pytest.fixture
def nobody() -> Doorkeeper:
    """The operator lists nobody."""
    return doorkeeper(frozenset())


async def let_in(store: Store, door: Doorkeeper, happened: Event) -> Access:
    admitted = await admit(store, door, happened)
    assert not isinstance(admitted, Denied)
    return admitted[1]


async def invited(store: Store, role: TeamRole, lasts: timedelta = timedelta(days=1)) -> str:
    async with unscoped(store) as connection:
        return await directory.invite(store, connection, role, datetime.now(UTC) + lasts, None)


async def count(store: Store, table: str) -> int:
    async with unscoped(store) as connection:
        return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))


async def test_a_stranger_is_told_once_a_day_how_to_be_let_in_and_nothing_else_is_kept(
    store: Store, nobody: Doorkeeper
) -> None:
    first = await admit(store, nobody, event("hello, my secret is 42"))
    assert isinstance(first, Denied)
    assert "invitation code" in first.text
    assert await admit(store, nobody, event("hello?")) == Denied("")
    assert [await count(store, table) for table in ("person", "identity", "event_key")] == [0, 0, 0]
    async with unscoped(store) as connection:
        row = await connection.fetchrow("SELECT * FROM stranger")
        await connection.execute("UPDATE stranger SET told_at = now() - interval '25 hours'")
    assert row is not None
    assert set(row.keys()) == {"account_hash", "told_at"}
    again = await admit(store, nobody, event("hello again"))
    assert isinstance(again, Denied)
    assert again.text


async def test_an_unknown_group_is_told_once_and_not_when_it_does_not_ask(
    store: Store, nobody: Doorkeeper
) -> None:
    quiet = await admit(store, nobody, event("chatter", where=GROUP, addressed=False))
    assert quiet == Denied("")
    asked = await admit(store, nobody, event("Remi?", where=GROUP))
    assert isinstance(asked, Denied)
    assert "group" in asked.text
    assert await admit(store, nobody, event("Remi?", where=GROUP, by=author("8"))) == Denied("")


async def test_the_operators_list_lets_people_and_groups_in(store: Store) -> None:
    door = doorkeeper(frozenset({"telegram:7", "telegram:-100"}))
    access = await let_in(store, door, event("hello"))
    assert access.role is TeamRole.MEMBER
    assert access.space_id == access.person_id
    guest = await let_in(store, door, event("hi", where=GROUP, by=author("8", "Bob")))
    assert guest.role is TeamRole.GUEST
    assert guest.space_id == GROUP.group_space
    assert isinstance(await admit(store, door, event("hi", by=author("8", "Bob"))), Denied)


async def test_a_code_lets_one_person_in_once_and_is_never_stored(store: Store, nobody: Doorkeeper) -> None:
    code = await invited(store, TeamRole.ADMIN)
    admitted = await admit(store, nobody, event(f"  {code} "))
    assert not isinstance(admitted, Denied)
    assert admitted[0].body == Commanded("start", "")
    assert admitted[1].role is TeamRole.ADMIN
    for _ in range(2):
        assert await admit(store, nobody, event(code, by=author("8"))) == Denied(CODE_IS_NOT_VALID)
    async with unscoped(store) as connection:
        stored = await connection.fetch("SELECT code_digest, used_by FROM invitation")
    assert code.encode() not in bytes(stored[0]["code_digest"])
    assert stored[0]["used_by"] == "telegram:7"


async def test_an_expired_code_opens_nothing(store: Store, nobody: Doorkeeper) -> None:
    code = await invited(store, TeamRole.MEMBER, timedelta(seconds=-1))
    assert isinstance(await admit(store, nobody, event(code)), Denied)


async def test_a_code_posted_in_a_group_lets_the_group_in_and_raises_nobody(
    store: Store, nobody: Doorkeeper
) -> None:
    code = await invited(store, TeamRole.MEMBER)
    access = await let_in(store, nobody, event(code, where=GROUP))
    assert access.role is TeamRole.GUEST
    assert (await let_in(store, nobody, event("hi", where=GROUP, by=author("8")))).space_id == access.space_id
    assert isinstance(await admit(store, nobody, event("and here?")), Denied)


async def test_a_guest_with_a_code_becomes_a_member_and_a_removed_person_stays_out(store: Store) -> None:
    door = doorkeeper(frozenset({"telegram:-100"}))
    guest = await let_in(store, door, event("hi", where=GROUP))
    member = await let_in(store, door, event(await invited(store, TeamRole.MEMBER)))
    assert (member.person_id, member.role) == (guest.person_id, TeamRole.MEMBER)
    async with unscoped(store) as connection:
        await connection.execute("UPDATE person SET role = 'removed'")
    assert await admit_actor(store, door, place(), author()) is None
    assert await admit_actor(store, door, GROUP, author()) is None
    with_code = await let_in(
        store, doorkeeper(frozenset()), event(await invited(store, TeamRole.MEMBER), by=author(name="Anna"))
    )
    assert with_code.person_id == guest.person_id


@pytest.mark.parametrize(
    ("platform", "role"), [(Platform.TERMINAL, TeamRole.ADMIN), (Platform.BENCHMARK, TeamRole.MEMBER)]
)
async def test_the_operators_own_gateways_need_no_invitation(
    store: Store, nobody: Doorkeeper, platform: Platform, role: TeamRole
) -> None:
    where, who = place(platform=platform), author(platform=platform)
    assert (await let_in(store, nobody, event("hello", where=where, by=who))).role is role


async def test_a_new_name_is_taken_over(store: Store) -> None:
    door = doorkeeper(frozenset({"telegram:7"}))
    await let_in(store, door, event("hello"))
    await let_in(store, door, event("hello", by=author(name="Anna")))
    async with unscoped(store) as connection:
        names = await connection.fetch("SELECT display_name FROM identity")
    assert [row["display_name"] for row in names] == ["Anna"]


async def test_who_is_removed_while_their_new_name_is_written_stays_out(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = doorkeeper(frozenset({"telegram:7"}))
    await let_in(store, door, event("hello", by=author("7", "Ann")))
    find = directory.find

    async def found_then_removed(*asked: Any) -> directory.Entry:
        entry = await find(*asked)
        async with unscoped(store) as connection:
            await connection.execute("UPDATE person SET role = 'removed'")
        return entry

    monkeypatch.setattr(directory, "find", found_then_removed)
    assert await admit_actor(store, door, place("7"), author("7", "Anna")) is None
    async with unscoped(store) as connection:
        assert await connection.fetchval("SELECT role FROM person") == TeamRole.REMOVED
