"""The people, chats and messages of the fake Telegram."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from fakes.telegram.checks import Refusal, bad_request, utf16_length

Json = dict[str, Any]

ENTITY = re.compile(r"(?<!\S)(?P<bot_command>/\w{1,64}(?:@\w+)?)|(?<!\w)(?P<mention>@\w{5,32})")
START = 1_790_000_000


@dataclass(slots=True)
class Chat:
    """One chat and everything that stands in it."""

    about: Json
    topics: dict[int, str] = field(default_factory=dict)
    admins: list[Json] = field(default_factory=list)
    messages: dict[int, Json] = field(default_factory=dict)
    drafts: list[Json] = field(default_factory=list)
    actions: list[Json] = field(default_factory=list)
    closed: str = ""
    # The supergroup that it has become.
    moved_to: int | None = None
    ids: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def chat_id(self) -> int:
        """Positive for a direct chat, negative for a group."""
        return int(self.about["id"])

    @property
    def private(self) -> bool:
        """Whether this is a direct chat."""
        return bool(self.about["type"] == "private")


class World:
    """All chats, by id. Time is a counter: every message is a second later than the one before."""

    def __init__(self, bot: Json) -> None:
        self.bot = bot
        self.chats: dict[int, Chat] = {}
        # What the documents that people sent hold, by file_id; and by path, as soon as getFile has named it.
        self.files: dict[str, bytes] = {}
        self.links: dict[str, bytes] = {}
        self._seconds = count(START)
        self._groups = count(1)

    def person(self, user_id: int, name: str, **more: Any) -> Json:
        """A user, with a direct chat that the bot may write to."""
        user: Json = {"id": user_id, "is_bot": False, "first_name": name, "language_code": "en", **more}
        about = {"id": user_id, "type": "private", "first_name": name}
        self.chats.setdefault(user_id, Chat(about))
        return user

    def group(self, title: str, *, forum: bool = False, admins: tuple[Json, ...] = ()) -> Chat:
        """A supergroup that the bot is in."""
        about: Json = {"id": -1_000_000_000_000 - next(self._groups), "type": "supergroup", "title": title}
        if forum:
            about["is_forum"] = True
        chat = self.chats[about["id"]] = Chat(about, admins=list(admins))
        return chat

    def topic(self, chat: Chat, name: str, author: Json) -> int:
        """A forum topic; its id is that of the service message that opened it."""
        opened = self.message(chat, author, forum_topic_created={"name": name, "icon_color": 7322096})
        chat.topics[opened["message_id"]] = name
        return int(opened["message_id"])

    def find(self, chat_id: Any) -> Chat:
        """The chat, if the bot may write there; raises Refusal."""
        chat = self.chats.get(chat_id) if isinstance(chat_id, int) else None
        if chat is None:
            raise bad_request("chat not found")
        if chat.moved_to is not None:
            problem = "Bad Request: group chat was upgraded to a supergroup chat"
            raise Refusal(400, problem, moved_to=chat.moved_to)
        if chat.closed:
            raise Refusal(403, f"Forbidden: {chat.closed}")
        return chat

    def message(self, chat: Chat, author: Json, thread: int | None = None, **content: Any) -> Json:
        """A new message in a chat, as Telegram shows it to the bot."""
        made: Json = {
            "message_id": next(chat.ids),
            "date": next(self._seconds),
            "chat": chat.about,
            "from": author,
            **content,
        }
        if thread is not None:
            made |= {"message_thread_id": thread, "is_topic_message": True}
            if "reply_to_message" not in made:
                made["reply_to_message"] = shallow(chat.messages[thread])
        chat.messages[made["message_id"]] = made
        return made

    def document(self, name: str, content: bytes) -> Json:
        """A file as it stands in the message that it is sent with."""
        file_id = f"document-{len(self.files) + 1}"
        self.files[file_id] = content
        about = {"file_id": file_id, "file_unique_id": f"unique {file_id}", "file_name": name}
        return about | {"mime_type": "application/octet-stream", "file_size": len(content)}

    def link(self, file_id: str) -> str:
        """The path under which a file can be downloaded from now on."""
        path = f"documents/{file_id}"
        self.links[path] = self.files[file_id]
        return path

    def now(self) -> int:
        """Seconds since the epoch, one more at each call."""
        return next(self._seconds)


def shallow(message: Json) -> Json:
    """A message as it stands inside another: without the one that it replies to itself."""
    return {key: value for key, value in message.items() if key != "reply_to_message"}


def entities_of(text: str) -> list[Json]:
    """The commands and mentions that Telegram finds in a text by itself."""
    return [
        {
            "type": found.lastgroup,
            "offset": utf16_length(text[: found.start()]),
            "length": utf16_length(found[0]),
        }
        for found in ENTITY.finditer(text)
    ]


def written(text: str) -> Json:
    """The fields of a message that somebody typed."""
    entities = entities_of(text)
    return {"text": text, "entities": entities} if entities else {"text": text}


def captioned(text: str) -> Json:
    """The fields of a message with something that somebody typed below it."""
    names = {"text": "caption", "entities": "caption_entities"}
    return {names[field]: value for field, value in written(text).items()}
