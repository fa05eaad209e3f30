"""The gRPC edge of the team's administration, for its admins only. Every change is a line in the audit."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

from services.assistant import wire
from services.assistant.acting import acting, page_size, uuid
from services.assistant.domain import TeamRole
from services.assistant.edge import Context, Edge
from services.assistant.remi import Remi
from services.assistant.store import admin
from services.assistant.store.connection import Connection, unscoped
from services.errors import InvalidEvent, NotAllowed
from services.stubs.assistant.v1 import assistant_pb2 as pb
from services.stubs.assistant.v1.assistant_pb2_grpc import AdminServiceServicer

_ROLES: Mapping[int, TeamRole] = {
    pb.TEAM_ROLE_MEMBER: TeamRole.MEMBER,
    pb.TEAM_ROLE_ADMIN: TeamRole.ADMIN,
    pb.TEAM_ROLE_REMOVED: TeamRole.REMOVED,
}


class AdminServicer(AdminServiceServicer):
    def __init__(self, remi: Remi, edge: Edge) -> None:
        self._remi = remi
        self._edge = edge

    async def Invite(self, request: pb.InviteRequest, context: Context) -> pb.InviteResponse:  # noqa: N802
        async with self._admin(request.actor, context) as (connection, by):
            role = _role(request.role, TeamRole.MEMBER, TeamRole.ADMIN)
            code, expires_at = await admin.invite(self._remi.store, connection, role, by)
        return pb.InviteResponse(code=code, expires_at=wire.timestamp(expires_at))

    async def ListMembers(  # noqa: N802
        self, request: pb.ListMembersRequest, context: Context
    ) -> pb.ListMembersResponse:
        async with self._admin(request.actor, context) as (connection, _):
            members = await admin.members(connection)
        return pb.ListMembersResponse(members=[_member(each) for each in members])

    async def SetRole(self, request: pb.SetRoleRequest, context: Context) -> pb.SetRoleResponse:  # noqa: N802
        async with self._admin(request.actor, context) as (connection, by):
            person_id = uuid("person_id", request.person_id)
            role = _role(request.role, TeamRole.MEMBER, TeamRole.ADMIN, TeamRole.REMOVED)
            await admin.set_role(connection, person_id, role, by)
        return pb.SetRoleResponse()

    async def SetLimit(  # noqa: N802
        self, request: pb.SetLimitRequest, context: Context
    ) -> pb.SetLimitResponse:
        async with self._admin(request.actor, context) as (connection, by):
            person_id = uuid("person_id", request.person_id)
            if request.turns_a_day < 0:
                raise InvalidEvent("turns_a_day", "must be 0, for no limit, or more")
            await admin.set_limit(connection, person_id, request.turns_a_day, by)
        return pb.SetLimitResponse()

    async def GetUsage(  # noqa: N802
        self, request: pb.GetUsageRequest, context: Context
    ) -> pb.GetUsageResponse:
        """Counted by whole days in UTC; unset, the period has no beginning, and ends today."""
        async with self._admin(request.actor, context) as (connection, _):
            since = wire.moment("since", request.since) if request.HasField("since") else wire.EARLIEST
            until = wire.moment("until", request.until) if request.HasField("until") else datetime.now(UTC)
            used = await admin.usage(connection, since.date(), until.date())
        return pb.GetUsageResponse(
            usages=[
                pb.Usage(
                    person_id=str(each.person_id),
                    turns=each.turns,
                    prompt_tokens=each.prompt_tokens,
                    completion_tokens=each.completion_tokens,
                )
                for each in used
            ]
        )

    async def ListAudit(  # noqa: N802
        self, request: pb.ListAuditRequest, context: Context
    ) -> pb.ListAuditResponse:
        async with self._admin(request.actor, context) as (connection, _):
            size = page_size(request.page_size)
            entries = await admin.audit(connection, _before(request.page_token), size + 1)
        page = entries[:size]
        return pb.ListAuditResponse(
            entries=[
                pb.AuditEntry(
                    at=wire.timestamp(each.at),
                    person_id=str(each.person_id or ""),
                    action=each.action,
                    subject_id=each.subject_id,
                )
                for each in page
            ],
            next_page_token=str(page[-1].audit_id) if len(entries) > size else "",
        )

    @asynccontextmanager
    async def _admin(self, actor: pb.Actor, context: Context) -> AsyncIterator[tuple[Connection, UUID]]:
        """A transaction in which the actor is an admin and stays one, and their person id."""
        async with self._edge.call(context) as platform:
            person_id = (await acting(self._remi, platform, actor)).access.person_id
            async with unscoped(self._remi.store) as connection:
                if person_id not in await admin.admins(connection):
                    raise NotAllowed("only an admin of the team may do this")
                yield connection, person_id


def _role(value: int, *allowed: TeamRole) -> TeamRole:
    role = _ROLES.get(value)
    if role not in allowed:
        raise InvalidEvent("role", f"must be one of {', '.join(allowed)}")
    return role


def _before(token: str) -> int | None:
    if not token:
        return None
    if not (token.isascii() and token.isdigit() and len(token) <= 18):
        raise InvalidEvent("page_token", "is not one that was given out")
    return int(token)


def _member(member: admin.Member) -> pb.Member:
    return pb.Member(
        person_id=str(member.person_id),
        role=pb.TeamRole.Value(f"TEAM_ROLE_{member.role.name}"),
        identities=[
            pb.Identity(
                platform=pb.Platform.Value(f"PLATFORM_{account.platform.name}"),
                user_id=account.user_id,
                display_name=account.display_name,
            )
            for account in member.accounts
        ],
        joined_at=wire.timestamp(member.joined_at),
        turns_a_day=member.turns_a_day,
    )
