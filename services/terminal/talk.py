"""One person's talk: typed lines become events, deliveries become text."""

import asyncio
import getpass
import os
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from services.errors import NotFound
from services.stubs.assistant.v1 import assistant_pb2 as pb

BOT_ID = "terminal"
NO_SUCH_FILE = (
    "I could not take that file in: there is none at this path, or it is empty, or I may not read it."
)

_COMMAND = re.compile(r"/([a-z][a-z0-9_]{0,31})(?:\s+(.*))?", re.DOTALL | re.IGNORECASE)
# What stands behind it is a file of this machine.
_TAKES_PATH = "import"
# Which of a list a button is for.
_OWN_NUMBER = re.compile(r"(?<![0-9])[0-9]{1,9}$")
# Control characters but tab and line feed: a reply may quote anybody, and must not steer the terminal.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class _Choice:
    """A button of the newest reply, to be chosen by its number."""

    action: str
    message_id: str


class Talk:
    """The talk of `user` with Remi. Remembers which buttons the newest reply offers."""

    def __init__(self, user: str) -> None:
        self._user = user
        self._choices: dict[str, _Choice] = {}
        self._files: set[str] = set()

    def subscription(self) -> pb.DeliverRequest:
        """What the standing call says of this gateway."""
        return pb.DeliverRequest(
            platform=pb.PLATFORM_TERMINAL,
            bot_id=BOT_ID,
            capabilities=pb.Capabilities(buttons=True, files=True),
        )

    def said(self, line: str) -> pb.ConverseRequest:
        """The event behind a line: a command, the number of a button, or a message."""
        request = self._event()
        choices, self._choices = self._choices, {}
        command = _COMMAND.fullmatch(line.strip())
        if command and command[1].lower() == "stop":
            request.stop.SetInParent()
        elif command:
            request.command.name = command[1].lower()
            request.command.arguments = command[2] or ""
            request.command.message_id = uuid.uuid4().hex
            if request.command.name == _TAKES_PATH and command[2]:
                request.command.file.CopyFrom(self._given(command[2].strip()))
        elif choice := choices.get(line.strip()):
            request.button.action = choice.action
            request.button.message_id = choice.message_id
        else:
            request.message.text = line
            request.message.message_id = uuid.uuid4().hex
        return request

    def shown(self, delivery: pb.Delivery) -> tuple[str, pb.AcknowledgeRequest]:
        """The text of a delivery, its buttons as numbered lines; and the acknowledgement that it stands."""
        message_id = uuid.uuid4().hex
        buttons = [button for row in delivery.button_rows for button in row.buttons]
        labels = [button.label for button in buttons]
        numbers = numbers_of(labels)
        self._choices = {
            number: _Choice(button.action, message_id)
            for number, button in zip(numbers, buttons, strict=True)
        }
        lines = _listed(numbers, labels)
        text = "\n".join([delivery.text.strip("\n"), *([""] if lines else []), *lines])
        return printable(text), pb.AcknowledgeRequest(delivered=pb.Delivered(message_ids=[message_id]))

    async def fetch(self, reference: str) -> bytes:
        """A file that was named in this talk; no delivery may ask for another. Raises NotFound."""
        if reference not in self._files:
            raise NotFound("the file was not named here")
        try:
            return await asyncio.to_thread(Path(reference).read_bytes)
        except OSError as error:
            raise NotFound(f"the file can't be read: {type(error).__name__}") from None

    def _given(self, path: str) -> pb.Attachment:
        """A file by its path; one that can't be read is told as such when it is fetched."""
        try:
            file = Path(path).expanduser().absolute()
            size = file.stat().st_size if file.is_file() else 0
        except (OSError, RuntimeError, ValueError):
            return pb.Attachment(reference=path)
        if size:
            self._files.add(str(file))
        return pb.Attachment(reference=str(file), size_bytes=size)

    def _event(self) -> pb.ConverseRequest:
        speaker = actor(self._user)
        request = pb.ConverseRequest(
            idempotency_key=f"terminal:{self._user}:{uuid.uuid4()}",
            place=speaker.place,
            author=speaker.author,
            addressed=True,
        )
        request.sent_at.GetCurrentTime()
        return request


def numbers_of(labels: Sequence[str]) -> list[str]:
    """What to type for each button: the number at the end of its label; for others the numbers above those.

    Where two labels end in the same number, all are counted.
    """
    own = [found[0] if (found := _OWN_NUMBER.search(label)) else "" for label in labels]
    borne = [int(number) for number in own if number]
    if len(set(borne)) < len(borne):
        return [str(number) for number in range(1, len(labels) + 1)]
    free = count(max(borne, default=0) + 1)
    return [number or str(next(free)) for number in own]


def _listed(numbers: Sequence[str], labels: Sequence[str]) -> list[str]:
    """The lines below a reply that show its buttons, in Markdown: a list with gaps it would count anew."""
    pairs = list(zip(numbers, labels, strict=True))
    bare = [number for number, label in pairs if number == label]
    if not bare and numbers == [str(number) for number in range(1, len(labels) + 1)]:
        return [f"{number}. {label}" for number, label in pairs]
    lines = [f"To choose, type a number: {', '.join(bare)}"] if bare else []
    return lines + [f"- {number}: {label}" for number, label in pairs if number != label]


def actor(user: str) -> pb.Actor:
    """An account in its direct talk with Remi."""
    place = pb.Place(
        platform=pb.PLATFORM_TERMINAL, bot_id=BOT_ID, chat_id=user, chat_kind=pb.CHAT_KIND_DIRECT
    )
    return pb.Actor(place=place, author=pb.Author(user_id=user, display_name=user))


def account() -> str:
    """Who sits at the terminal: the account of the operating system."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def printable(text: str) -> str:
    """The text without characters that would steer a terminal."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
