"""/link and /unlink: two accounts become one person with one private space, and part again.

Both sides say yes before anything happens (docs/decisions/0205). What both have said then is brought together
by `join`, in the background and step by step (docs/decisions/0206).
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4, uuid5

import structlog

from services.assistant.buttons import Change, action, button, dropping, offering
from services.assistant.domain import Button, ChatKind, Platform, Reply, TeamRole, Turn
from services.assistant.quotes import plain
from services.assistant.remi import Remi
from services.assistant.store import actions, links, moving, outbox, work
from services.assistant.store.actions import Action
from services.assistant.store.connection import Connection, scoped, unscoped
from services.assistant.store.links import Link, Part, Side
from services.assistant.store.work import Claim
from services.errors import StoreUnavailable

log = structlog.get_logger()

AGAIN = timedelta(seconds=1)
"""How long to wait for a moment in which nothing goes on in the space that goes."""
MOST = 4
"""Links brought together at once."""

MOVING = "I am just bringing together what you told me on two accounts. Please try again in a moment."

_ONLY_DIRECT = "That works in a direct talk with me only. Whoever saw a code here can't use it any more."
_NO_CODE = (
    "This code doesn't work: it was used, is older than ten minutes, was given to this very person, or I "
    "never gave it. /link without a code gives a new one."
)
_LAST_ADMIN = (
    "You are your team's only admin, and would not be any more. Ask for the code here instead, by /link, and "
    "send it from your other account."
)
_TOO_LATE = "This is over: it was answered, or ten minutes have passed. /link gives a new code."
_YES = "Thank you. As soon as both accounts have said yes I bring them together, and tell you on both."
_NO = "Then nothing happens. The code doesn't work any more."
_NOT_LINKED = "This account is linked to no other. /link gives a code for one."
_CHANGED = (
    "I could not bring your two accounts together: something about them has changed. /link begins anew."
)
_NAMES = {
    Platform.TELEGRAM: "Telegram",
    Platform.DISCORD: "Discord",
    Platform.TERMINAL: "the terminal",
    Platform.BENCHMARK: "the benchmark",
}


async def command(remi: Remi, turn: Turn, arguments: str) -> tuple[Reply, Change | None]:
    """Give a code, or take one: then both sides are asked. Raises StoreUnavailable."""
    code, author = arguments.strip(), turn.newest.event.author
    if turn.newest.event.place.chat_kind is not ChatKind.DIRECT:
        async with unscoped(remi.store) as connection:
            await links.void(remi.store, connection, code)
        return Reply(_ONLY_DIRECT), None
    if not code:
        return _offer(remi, turn)
    async with unscoped(remi.store) as connection:
        link = await links.take(remi.store, connection, code, author, turn.conversation_id)
        is_last_admin = link is not None and await links.takes_last_admin(connection, link)
        if link is not None and is_last_admin:
            await links.refuse(connection, link.link_id)
    if link is None:
        return Reply(_NO_CODE), None
    if is_last_admin:
        return Reply(_LAST_ADMIN), None
    yes, no = _answers(link, "issuer")
    asked = (
        f"{_account(link.taker)} has sent the code that you asked for here. {_MEANS}\n\n"
        "Is that account yours too? If it isn't, somebody else has seen your code: say no."
    )
    await _tell(remi, link, link.issuer, "ask", Reply(asked, _row(yes, no)), (yes, no))
    yes, no = _answers(link, "taker")
    text = f"This code is from {_account(link.issuer)}. {_MEANS}\n\nIs that account yours too?"
    return Reply(text, _row(yes, no)), offering(turn, yes, no)


_MEANS = (
    "If both are yours and both say yes, they become one person to me: what was told to me directly on the "
    "one is known on the other too, and each can see, export and erase all of it."
)


def _offer(remi: Remi, turn: Turn) -> tuple[Reply, Change | None]:
    code, author = links.new_code(), turn.newest.event.author

    async def change(connection: Connection) -> None:
        await links.offer(remi.store, connection, code, author, turn.conversation_id)

    return Reply(
        "Send this to me from your other account, in a direct talk and within ten minutes:\n\n"
        f"`/link {code}`\n\nIt works once. Don't show it to anybody. I'll ask on both accounts before I do "
        "anything."
    ), change


async def answered(remi: Remi, turn: Turn, pressed: Action) -> tuple[Reply, Change | None]:
    """Yes or no to a question of `command`."""
    (part,), (said,) = pressed.arguments["part"], pressed.arguments["answer"]
    async with unscoped(remi.store) as connection:
        link = await links.find(connection, UUID(pressed.arguments["link"][0]))
        if link is None or link.state != "asked" or link.is_over:
            return Reply(_TOO_LATE), dropping(turn, pressed)
        if said == "no":
            await links.refuse(connection, link.link_id)
    ours: Part = "issuer" if part == "issuer" else "taker"
    mine, other = (link.issuer, link.taker) if ours == "issuer" else (link.taker, link.issuer)
    if said == "no":
        text = f"{_account(mine)} has said no, so nothing happens. The code doesn't work any more."
        await _tell(remi, link, other, "refused", Reply(text))
        return Reply(_NO), dropping(turn, pressed)
    drop = dropping(turn, pressed)

    async def change(connection: Connection) -> None:
        await links.agree(connection, link.link_id, ours)
        await drop(connection)

    return Reply(_YES), change


async def part(remi: Remi, turn: Turn) -> tuple[Reply, Change | None]:
    """Ask whether to part what was linked last."""
    if turn.newest.event.place.chat_kind is not ChatKind.DIRECT:
        return Reply("That works in a direct talk with me only."), None
    async with unscoped(remi.store) as connection:
        link = await links.newest(connection, turn.newest.event.author)
    if link is None:
        return Reply(_NOT_LINKED), None
    keep_id = uuid4()
    parting = action(turn, "unlink", link=[str(link.link_id)], other=[str(keep_id)])
    keep = Action(keep_id, parting.person_id, "keep", {"other": [str(parting.action_id)]})
    text = (
        f"{_account(link.taker)} would be a person of its own again, and know nothing of what was said on "
        f"either account: that stays with {_account(link.issuer)}, which gave the code. Shall I part them?"
    )
    return Reply(text, ((button("Part", parting), button("Keep", keep)),)), offering(turn, parting, keep)


async def parted(remi: Remi, turn: Turn, pressed: Action) -> tuple[Reply, Change | None]:
    async with unscoped(remi.store) as connection:
        link = await links.find(connection, UUID(pressed.arguments["link"][0]))
    # The person may have been linked or parted otherwise since the button was shown.
    if (
        link is None
        or link.state != "linked"
        or {link.issuer.person_id, link.taker.person_id} != {turn.space_id}
    ):
        return Reply(_TOO_LATE), dropping(turn, pressed)
    text = (
        f"{_account(link.taker)} and {_account(link.issuer)} are two people to me again. All that was "
        f"said is kept by {_account(link.issuer)}; {_account(link.taker)} begins anew."
    )
    drop = dropping(turn, pressed)

    async def change(connection: Connection) -> None:
        if await links.part(connection, link):
            for side in (link.issuer, link.taker):
                if side.conversation_id != turn.conversation_id:
                    told = uuid5(link.link_id, f"parted {side.conversation_id}")
                    await outbox.tell(connection, turn.space_id, side.conversation_id, told, Reply(text))
        await drop(connection)

    return Reply(text), change


async def join_due(remi: Remi) -> None:
    """Bring together what both sides have agreed to."""
    for claim in await work.claim(remi.store, "link", uuid4(), MOST):
        try:
            is_done = await join(remi, claim)
            if is_done:
                await work.done(remi.store, "link", claim)
            else:
                await work.put_back(remi.store, "link", claim, AGAIN)
        except StoreUnavailable:
            raise
        except Exception as error:
            log.error("link_failed", link=str(claim.subject_id), attempt=claim.attempt, exc_info=error)
            await work.put_back(remi.store, "link", claim, claim.backoff)


async def join(remi: Remi, claim: Claim) -> bool:
    """Go on with a link from where it stands; False if it has to wait. Raises StoreUnavailable.

    Whatever dies in between, each step is committed whole, and the next worker begins with the first that is
    not. Two at once do each other no harm.
    """
    async with unscoped(remi.store) as connection:
        link = await links.find(connection, claim.subject_id)
    if link is None:
        return True
    if link.state == "agreed":
        if not await _switch(remi, link):
            return False
        async with unscoped(remi.store) as connection:
            link = await links.find(connection, claim.subject_id)
        assert link is not None
    if link.state != "moving" or link.kept is None or link.gone is None:
        return True
    while await moving.some(remi.store, link.kept, link.gone):
        if await work.reclaim(remi.store, "link", claim) is None:
            return False
    async with unscoped(remi.store) as connection:
        if await links.is_busy(connection, link.gone):
            # A replica of a version that knows no links let something in.
            return False
    await moving.sign(remi.store, link.kept, link.gone)
    while await moving.erase(remi.store, link.gone):
        if await work.reclaim(remi.store, "link", claim) is None:
            return False
    await _finish(remi, link, link.kept)
    return True


async def _switch(remi: Remi, link: Link) -> bool:
    """The moment in which two become one; False if something goes on in the space that is to go."""
    if link.is_one_person or not _may(link):
        await _give_up(remi, link)
        return True
    async with unscoped(remi.store) as connection:
        kept, gone = await links.larger(connection, link)
    try:
        async with scoped(remi.store, [kept, gone]) as connection:
            if await links.takes_last_admin(connection, link):
                raise _Stale
            await links.hold(connection, link)
            if await links.find(connection, link.link_id) != link:
                raise _Stale
            await moving.begin(connection, kept, gone)
            # Asked after the reminders are held, so that none is fired unseen.
            if await links.is_busy(connection, gone):
                raise _Busy
            await links.join(connection, link, kept, gone)
    except _Busy:
        return False
    except _Stale:
        async with unscoped(remi.store) as connection:
            now = await links.find(connection, link.link_id)
        if now == link:
            await _give_up(remi, link)
            return True
        return False
    log.info("linked", link=str(link.link_id))
    return True


class _Busy(Exception):
    """Something goes on in the space that is to go."""


class _Stale(Exception):
    """The directory says something else by now."""


def _may(link: Link) -> bool:
    let_in = (TeamRole.MEMBER, TeamRole.ADMIN)
    return link.issuer.role in let_in and link.taker.role in let_in


async def _give_up(remi: Remi, link: Link) -> None:
    async with unscoped(remi.store) as connection:
        await links.refuse(connection, link.link_id)
    for side in (link.issuer, link.taker):
        await _tell(remi, link, side, "given up", Reply(_CHANGED))


async def _finish(remi: Remi, link: Link, kept: UUID) -> None:
    async with scoped(remi.store, [kept]) as connection:
        if not await links.finish(connection, link.link_id):
            return
        for mine, other in ((link.issuer, link.taker), (link.taker, link.issuer)):
            text = (
                f"This account and {_account(other)} are one person to me now: what you told me on either is "
                "known on both. If that is wrong, /unlink parts them."
            )
            told = uuid5(link.link_id, f"linked {mine.conversation_id}")
            await outbox.tell(connection, kept, mine.conversation_id, told, Reply(text))
    remi.outgoing.set()
    log.info("link_done", link=str(link.link_id))


async def _tell(
    remi: Remi, link: Link, side: Side, what: str, reply: Reply, offered: Sequence[Action] = ()
) -> None:
    """Send something to one side's direct talk, once however often it is tried."""
    told = uuid5(link.link_id, f"{what} {side.conversation_id}")
    async with scoped(remi.store, [side.person_id]) as connection:
        if await outbox.tell(connection, side.person_id, side.conversation_id, told, reply):
            await actions.offer(connection, side.person_id, offered)
    remi.outgoing.set()


def _answers(link: Link, part: Part) -> tuple[Action, Action]:
    person_id = link.issuer.person_id if part == "issuer" else link.taker.person_id
    yes_id, no_id = uuid4(), uuid4()
    asked: dict[str, Sequence[str]] = {"link": [str(link.link_id)], "part": [part]}
    return (
        Action(yes_id, person_id, "link", {**asked, "answer": ["yes"], "other": [str(no_id)]}),
        Action(no_id, person_id, "link", {**asked, "answer": ["no"], "other": [str(yes_id)]}),
    )


def _row(yes: Action, no: Action) -> tuple[tuple[Button, ...], ...]:
    return ((button("Yes", yes), button("No", no)),)


def _account(side: Side) -> str:
    # Anybody can take another's name, but not their account's id.
    return f"**{plain(side.name, 40)}** on {_NAMES[side.platform]} (account {plain(side.user_id, 40)})"
