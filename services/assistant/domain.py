"""The words of Remi as frozen types. Nothing here knows Postgres, gRPC or a model."""

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from uuid import UUID, uuid5

# Ids that follow from a place are derived, so that no look-up is needed to find a conversation.
_NAMESPACE = UUID("6b1f3c1e-7a55-4d0e-9d5c-2f1b8a0e4c77")
TEAM_SPACE = uuid5(_NAMESPACE, "team")
UNNAMED = "somebody"
"""Whose name a platform doesn't tell, as with some reactions."""

_NUMBERED = re.compile(r"#?(?P<number>\d{1,4})(?:[.:)]|\b)(?P<words>.*)", re.DOTALL)


class Platform(StrEnum):
    TELEGRAM = "telegram"
    DISCORD = "discord"
    TERMINAL = "terminal"
    BENCHMARK = "benchmark"


class ChatKind(StrEnum):
    DIRECT = "direct"
    GROUP = "group"


class TeamRole(StrEnum):
    ADMIN = "admin"
    MEMBER = "member"
    GUEST = "guest"
    """Not let in themselves, but speaks in a group that is."""
    REMOVED = "removed"


class SpaceKind(StrEnum):
    PRIVATE = "private"
    GROUP = "group"
    TEAM = "team"


class MemoryKind(StrEnum):
    FACT = "fact"
    INSTRUCTION = "instruction"
    EVENT = "event"
    PROFILE = "profile"


class Role(StrEnum):
    """Who said a message."""

    PERSON = "person"
    REMI = "remi"


class TurnState(StrEnum):
    RUNNING = "running"
    PARKED = "parked"
    """No model answered; it is tried again."""
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message stands on a platform. `thread_id` is empty where there is none."""

    platform: Platform
    bot_id: str
    chat_id: str
    thread_id: str
    chat_kind: ChatKind
    title: str = ""

    @property
    def conversation_id(self) -> UUID:
        return uuid5(_NAMESPACE, f"{self.platform}\n{self.bot_id}\n{self.chat_id}\n{self.thread_id}")

    @property
    def group_space(self) -> UUID:
        """The space of this place's group, until the directory says otherwise."""
        return uuid5(_NAMESPACE, f"group\n{self.platform}\n{self.chat_id}")

    @property
    def route(self) -> str:
        """Which bot's Deliver stream carries what is sent here."""
        return f"{self.platform}:{self.bot_id}"


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote an event, as the platform tells it. `user_id` is the account's id, never a name."""

    platform: Platform
    user_id: str
    display_name: str
    is_chat_admin: bool = False
    language: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    reference: str
    file_name: str
    media_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class RepliedTo:
    """The message that another one replies to, as the platform showed it."""

    message_id: str
    author: Author
    text: str
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Said:
    """Somebody said something. `message_id` and `reply_to` are the platform's ids."""

    message_id: str
    text: str
    attachments: tuple[Attachment, ...] = ()
    reply_to: str = ""
    continues: bool = False
    unsupported_kind: str = ""
    replied_to: RepliedTo | None = None


@dataclass(frozen=True, slots=True)
class Edited:
    message_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Deleted:
    message_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Commanded:
    """`file` came with the command, or stands in the message that it replies to."""

    name: str
    arguments: str
    message_id: str = ""
    reply_to: str = ""
    file: Attachment | None = None

    @property
    def numbered(self) -> tuple[int, str] | None:
        """The number that the arguments begin with, and the words behind it; None without a number."""
        asked = _NUMBERED.fullmatch(self.arguments.strip())
        return (int(asked["number"]), asked["words"].strip()) if asked else None


@dataclass(frozen=True, slots=True)
class Pressed:
    action: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Reacted:
    message_id: str
    emoji: str
    removed: bool


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop the running turn of the conversation."""


@dataclass(frozen=True, slots=True)
class Moved:
    """The place's chat has another id from now on."""

    to_chat_id: str


Body = Said | Edited | Deleted | Commanded | Pressed | Reacted | Stop | Moved


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened on a platform. `sent_at` is *now* for its turn, in the person's zone."""

    key: str
    place: Place
    author: Author
    sent_at: datetime
    addressed: bool
    body: Body


@dataclass(frozen=True, slots=True)
class Access:
    """What the directory allows an author in a place: where the talk is kept, what a turn there may see."""

    person_id: UUID
    role: TeamRole
    space_id: UUID
    conversation_id: UUID
    zone: str = ""
    """The person's time zone, by its IANA name; empty until they say."""
    language: str = ""
    """What the person wants answers in; empty for the language they write in."""
    listens: bool = False
    """In a group: what isn't addressed to Remi is kept too."""
    is_news: bool = False
    """In a group: Remi has yet to say there what it keeps."""
    is_aside: bool = False
    """In a group: the person wants nothing kept of what they say there."""

    @property
    def spaces(self) -> tuple[UUID, ...]:
        """What a turn here may recall from: the talk's own space, then the team's."""
        return (self.space_id, TEAM_SPACE)


@dataclass(frozen=True, slots=True)
class GroupKeeps:
    """What Remi keeps in a group: all that is said, or what is said to it. It `leaves_out` who wants that."""

    listens: bool
    leaves_out: bool


@dataclass(frozen=True, slots=True)
class Message:
    """Something somebody or Remi said, verbatim."""

    message_id: UUID
    role: Role
    author_name: str
    text: str
    sent_at: datetime
    person_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A message a memory came from; `quote` stands verbatim in it."""

    message_id: UUID
    quote: str
    sent_at: datetime
    author_name: str
    platform_message_id: str = ""


@dataclass(frozen=True, slots=True)
class Details:
    """What is kept of a memory beside what it says."""

    confidence: float = 0.6
    """Above 0 to 1: how far it is to be believed. It rises with each message that says it again."""
    confirmed_at: datetime | None = None
    """When it was last said again."""
    days: tuple[date, date] | None = None
    """When it happens: days [from, until) on the clock of whoever said it."""
    replies: tuple[int, int] | None = None
    """Of an instruction: the first and last of Remi's replies it holds for; 1 answers its message."""
    retracted_by: UUID | None = None
    """The message in which the person took it back."""


PLAIN = Details()


@dataclass(frozen=True, slots=True)
class Memory:
    """Something learned from messages of the same space."""

    memory_id: UUID
    space_id: UUID
    kind: MemoryKind
    text: str
    learned_at: datetime
    sources: tuple[Source, ...]
    superseded_at: datetime | None = None
    superseded_by: UUID | None = None
    details: Details = PLAIN

    @property
    def last_said(self) -> datetime:
        """When it was last said; what is older says nothing against it."""
        return max((source.sent_at for source in self.sources), default=self.learned_at)

    @property
    def told_at(self) -> datetime:
        """When it was learned, or confirmed since: of two instructions the one told later holds."""
        return max(self.learned_at, self.details.confirmed_at or self.learned_at)


@dataclass(frozen=True, slots=True)
class Recalled:
    """One thing recall found: a passage of a message (`start`, `end` in code points) or a memory.

    `tokens` is ceil(UTF-8 bytes / 4) of the line as the model sees it, label included.
    """

    handle: str
    space_id: UUID
    message_id: UUID | None
    memory_id: UUID | None
    role: Role
    text: str
    start: int
    end: int
    author_name: str
    said_at: datetime
    score: float
    vector_score: float
    word_score: float
    tokens: int
    shown: bool
    superseded: bool = False
    sources: tuple[Source, ...] = ()
    platform_message_id: str = ""


@dataclass(frozen=True, slots=True)
class Recollection:
    """What a turn sees of its spaces."""

    instructions: tuple[Memory, ...] = ()
    """Standing instructions and profile lines: always shown, oldest first."""
    recalled: tuple[Recalled, ...] = ()
    """Best first; those with `shown` fit the budget, the rest stands here for the trace."""
    recent: tuple[Message, ...] = ()
    """The latest talk of the conversation since its topic began, oldest first, without the turn's own."""


@dataclass(frozen=True, slots=True)
class Question:
    """All that an answer rests on: the turn's new messages, oldest first, and what was recalled for them."""

    messages: tuple[Message, ...]
    recollection: Recollection
    now: datetime
    """The turn's clock: the newest message's sent-at, in the person's zone."""
    chat_kind: ChatKind
    person_name: str
    language: str = ""

    def is_own(self, role: Role, author_name: str, space_id: UUID | None = None) -> bool:
        """Whether who asks has said this. In a direct talk that is all but what the team shares.

        Their words may stand there under other names: of another account, or from before.
        """
        is_direct = self.chat_kind is ChatKind.DIRECT and space_id != TEAM_SPACE
        return role is Role.PERSON and (is_direct or author_name == self.person_name)


@dataclass(frozen=True, slots=True)
class Usage:
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole reply: its text without citations, and the handles it cited."""

    text: str
    cited: tuple[str, ...]
    usage: Usage
    model: str


@dataclass(frozen=True, slots=True)
class Button:
    label: str
    action: str


@dataclass(frozen=True, slots=True)
class Fetch:
    """A file on the platform, to be brought into the memory of the place on behalf of somebody there."""

    reference: str
    author: Author


@dataclass(frozen=True, slots=True)
class Reply:
    """Something to be sent to a place that no model wrote: a command's answer.

    With `fetch`, what became of that file is told instead of `text`.
    """

    text: str
    button_rows: tuple[tuple[Button, ...], ...] = ()
    file_name: str = ""
    file_content: bytes = b""
    fetch: Fetch | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing to be sent to a place, until the platform has taken it.

    `reply_to`, `replaces` and `sent` are the platform's message ids. `state` is pending, delivered, or why
    it was put aside: rejected, unknown, expired.
    """

    delivery_id: UUID
    space_id: UUID
    turn_id: UUID
    place: Place
    reply: Reply
    reply_to: str = ""
    replaces: tuple[str, ...] = ()
    sent: tuple[str, ...] = ()
    state: str = "pending"
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Taken:
    """An event that a turn answers. `message_id` is ours; None for a command or a button."""

    event: Event
    person_id: UUID
    message_id: UUID | None
    replaced_turn: UUID | None = None
    """Of an edit: the turn that answered the old form."""
    zone: str = ""
    """Of the person; empty until they say. The event's `sent_at` is in it, or in the team's."""
    language: str = ""
    is_news: bool = False
    """As `Access.language` and `Access.is_news`."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One run: message(s) in, one reply out. `attempt` fences its commit."""

    turn_id: UUID
    space_id: UUID
    conversation_id: UUID
    attempt: int
    tries: int
    events: tuple[Taken, ...]
    is_over_limit: bool = False
    """The person has had as many turns today as the team allows them."""

    @property
    def newest(self) -> Taken:
        return self.events[-1]

    @property
    def spaces(self) -> tuple[UUID, ...]:
        """What the turn may recall from, as `Access.spaces`."""
        return (self.space_id, TEAM_SPACE)
