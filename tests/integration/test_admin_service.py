"""The admin service over real gRPC: who may do what to whom, and what is written down of it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import grpc
import pytest

from calling import actor, refused
from client import PATIENCE, Gateway, gateway, kinds
from conftest import Assistant, StartAssistant
from services.assistant.domain import Platform, TeamRole
from services.assistant.invite import invite
from services.stubs.assistant.v1 import assistant_pb2 as pb

INVALID, MISSING = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND


@pytest.fixture
async def assistant(start_assistant: StartAssistant) -> AsyncIterator[Assistant]:
    async with start_assistant(allow=frozenset({"telegram:7", "telegram:-100"})) as started:
        yield started


@pytest.fixture
async def terminal(assistant: Assistant) -> AsyncIterator[Gateway]:
    """Whoever sits at the operator's machine is an admin."""
    async with gateway(assistant, Platform.TERMINAL) as opened:
        yield opened


async def call(of: Gateway, method: str, request: Any) -> Any:
    return await getattr(of.admin, method)(request, metadata=of.metadata, timeout=PATIENCE)


async def members(of: Gateway, **more: Any) -> dict[str, pb.Member]:
    """By the name of their first account."""
    found = await call(of, "ListMembers", pb.ListMembersRequest(actor=actor(of, **more)))
    return {member.identities[0].display_name: member for member in found.members}


async def set_role(of: Gateway, member: pb.Member, role: "pb.TeamRole.ValueType") -> None:
    await call(of, "SetRole", pb.SetRoleRequest(actor=actor(of), person_id=member.person_id, role=role))


async def audit(of: Gateway, **more: Any) -> pb.ListAuditResponse:
    response = await call(of, "ListAudit", pb.ListAuditRequest(actor=actor(of), **more))
    assert isinstance(response, pb.ListAuditResponse)
    return response


async def test_an_invitation_lets_one_person_in(terminal: Gateway, telegram: Gateway) -> None:
    request = pb.InviteRequest(actor=actor(terminal), role=pb.TEAM_ROLE_ADMIN)
    made = await call(terminal, "Invite", request)
    lasts = made.expires_at.ToDatetime(tzinfo=UTC) - datetime.now(UTC)
    assert timedelta(days=6, hours=23) < lasts <= timedelta(days=7)
    assert "Remi" in await telegram.say(made.code, user="8", name="Bob")
    assert (await members(telegram, user="8", name="Bob"))["Bob"].role == pb.TEAM_ROLE_ADMIN
    assert kinds(await telegram.converse(telegram.request(made.code, user="9"))) == ["refused"]


async def test_the_operators_invitation_is_made_without_a_person(
    assistant: Assistant, terminal: Gateway, telegram: Gateway
) -> None:
    code = await invite(assistant.remi.store, TeamRole.MEMBER)
    assert "Remi" in await telegram.say(code, user="8", name="Bob")
    actions = {(entry.action, entry.subject_id, entry.person_id) for entry in (await audit(terminal)).entries}
    assert ("invite", "member", "") in actions


async def test_members_are_listed_with_their_accounts(terminal: Gateway, telegram: Gateway) -> None:
    await telegram.say("hello")
    await telegram.say("hi", user="8", name="Bob", place=telegram.place("-100", group=True))
    listed = await members(terminal, name="Operator")
    assert {name: member.role for name, member in listed.items()} == {
        "Operator": pb.TEAM_ROLE_ADMIN,
        "Ann": pb.TEAM_ROLE_MEMBER,
        "Bob": pb.TEAM_ROLE_GUEST,
    }
    ann = listed["Ann"].identities[0]
    assert (ann.platform, ann.user_id) == (pb.PLATFORM_TELEGRAM, "7")
    assert listed["Ann"].joined_at.ToDatetime(tzinfo=UTC) <= datetime.now(UTC)


async def test_a_role_holds_from_the_next_event_on(terminal: Gateway, telegram: Gateway) -> None:
    await telegram.say("hello")
    ann = (await members(terminal, name="Operator"))["Ann"]
    assert (await refused(members(telegram)))[0] is grpc.StatusCode.PERMISSION_DENIED
    await set_role(terminal, ann, pb.TEAM_ROLE_ADMIN)
    assert "Ann" in await members(telegram)
    await set_role(terminal, ann, pb.TEAM_ROLE_REMOVED)
    assert (await refused(members(telegram)))[0] is grpc.StatusCode.PERMISSION_DENIED
    assert kinds(await telegram.converse(telegram.request("hello?"))) == ["refused"]
    await set_role(terminal, ann, pb.TEAM_ROLE_MEMBER)
    assert await telegram.say("hello again")


async def test_the_last_admin_stays(terminal: Gateway, telegram: Gateway) -> None:
    operator = (await members(terminal))["Ann"]
    for role in (pb.TEAM_ROLE_MEMBER, pb.TEAM_ROLE_REMOVED):
        code, details = await refused(set_role(terminal, operator, role))
        assert code is grpc.StatusCode.PERMISSION_DENIED
        assert "last admin" in details
    await set_role(terminal, operator, pb.TEAM_ROLE_ADMIN)


async def test_two_admins_cant_step_down_at_once(terminal: Gateway, telegram: Gateway) -> None:
    await telegram.say("hello")
    listed = await members(terminal, name="Operator")
    await set_role(terminal, listed["Ann"], pb.TEAM_ROLE_ADMIN)
    ann = pb.SetRoleRequest(
        actor=actor(telegram), person_id=listed["Operator"].person_id, role=pb.TEAM_ROLE_REMOVED
    )
    operator = pb.SetRoleRequest(
        actor=actor(terminal, name="Operator"), person_id=listed["Ann"].person_id, role=pb.TEAM_ROLE_REMOVED
    )
    outcomes = await asyncio.gather(
        call(telegram, "SetRole", ann), call(terminal, "SetRole", operator), return_exceptions=True
    )
    failed = [each for each in outcomes if isinstance(each, grpc.aio.AioRpcError)]
    assert [each.code() for each in failed] == [grpc.StatusCode.PERMISSION_DENIED]


async def test_a_limit_stops_turns_for_the_day(terminal: Gateway, telegram: Gateway) -> None:
    await telegram.say("My dog is called Biscuit.")
    ann = (await members(terminal, name="Operator"))["Ann"]
    assert ann.turns_a_day == 0
    limit = pb.SetLimitRequest(actor=actor(terminal), person_id=ann.person_id, turns_a_day=2)
    await call(terminal, "SetLimit", limit)
    assert (await members(terminal, name="Operator"))["Ann"].turns_a_day == 2
    assert "Biscuit" in await telegram.say("What is my dog called?")
    assert "Biscuit" not in await telegram.say("What is my dog called?")
    limit.turns_a_day = 0
    await call(terminal, "SetLimit", limit)
    assert "Biscuit" in await telegram.say("What is my dog called?")


async def test_usage_counts_turns_by_person_and_day(terminal: Gateway, telegram: Gateway) -> None:
    for text in ("My dog is called Biscuit.", "I like rain."):
        await telegram.say(text)
    ann = (await members(terminal, name="Operator"))["Ann"].person_id

    async def turns(**period: datetime) -> dict[str, int]:
        request = pb.GetUsageRequest(actor=actor(terminal))
        for field, moment in period.items():
            getattr(request, field).FromDatetime(moment)
        usages = (await call(terminal, "GetUsage", request)).usages
        return {each.person_id: each.turns for each in usages}

    now = datetime.now(UTC).replace(tzinfo=None)
    assert await turns() == {ann: 2}
    assert await turns(since=now - timedelta(days=1), until=now) == {ann: 2}
    assert await turns(since=now + timedelta(days=2)) == {}
    assert await turns(until=now - timedelta(days=2)) == {}


async def test_every_change_is_in_the_audit_page_by_page(terminal: Gateway, telegram: Gateway) -> None:
    await telegram.say("hello")
    listed = await members(terminal, name="Operator")
    ann, operator = listed["Ann"].person_id, listed["Operator"].person_id
    await call(terminal, "Invite", pb.InviteRequest(actor=actor(terminal), role=pb.TEAM_ROLE_MEMBER))
    await set_role(terminal, listed["Ann"], pb.TEAM_ROLE_ADMIN)
    await call(terminal, "SetLimit", pb.SetLimitRequest(actor=actor(terminal), person_id=ann, turns_a_day=9))
    first = await audit(terminal, page_size=2)
    rest = await audit(terminal, page_size=2, page_token=first.next_page_token)
    entries = [*first.entries, *rest.entries]
    assert [(entry.action, entry.subject_id, entry.person_id) for entry in entries] == [
        ("set_limit:9", ann, operator),
        ("set_role:admin", ann, operator),
        ("invite", "member", operator),
    ]
    assert rest.next_page_token == ""
    assert entries[0].at.ToDatetime() >= entries[-1].at.ToDatetime()


@pytest.mark.parametrize(
    ("method", "request_type", "fields", "code", "says"),
    [
        ("Invite", pb.InviteRequest, {}, INVALID, "role: "),
        ("Invite", pb.InviteRequest, {"role": pb.TEAM_ROLE_REMOVED}, INVALID, "role: "),
        ("SetRole", pb.SetRoleRequest, {"person_id": "Ann"}, INVALID, "person_id: "),
        ("SetRole", pb.SetRoleRequest, {"person_id": str(uuid4()), "role": pb.TEAM_ROLE_GUEST},
         INVALID, "role: "),
        ("SetRole", pb.SetRoleRequest, {"person_id": str(uuid4()), "role": pb.TEAM_ROLE_MEMBER},
         MISSING, "no such person"),
        ("SetLimit", pb.SetLimitRequest, {"person_id": str(uuid4()), "turns_a_day": -1},
         INVALID, "turns_a_day: "),
        ("SetLimit", pb.SetLimitRequest, {"person_id": str(uuid4())}, MISSING, "no such"),
        ("ListAudit", pb.ListAuditRequest, {"page_size": -1}, INVALID, "page_size: "),
        ("ListAudit", pb.ListAuditRequest, {"page_token": "x"}, INVALID, "page_token: "),
    ],
)  # fmt: skip
async def test_a_request_that_cant_be_done_says_why(
    terminal: Gateway,
    method: str,
    request_type: Any,
    fields: dict[str, Any],
    code: grpc.StatusCode,
    says: str,
) -> None:
    got, details = await refused(call(terminal, method, request_type(actor=actor(terminal), **fields)))
    assert got is code
    assert says in details


@pytest.mark.parametrize("method", ["Invite", "ListMembers", "SetRole", "SetLimit", "GetUsage", "ListAudit"])
async def test_only_admins_may_do_any_of_it(telegram: Gateway, method: str) -> None:
    await telegram.say("hello")
    request = getattr(pb, f"{method}Request")
    code, details = await refused(call(telegram, method, request(actor=actor(telegram))))
    assert code is grpc.StatusCode.PERMISSION_DENIED
    assert "admin" in details
