"""An event on its way through its channel's queue."""

from collections.abc import Callable
from dataclasses import dataclass

from services.discord.presenter import Deferred
from services.stubs.assistant.v1 import assistant_pb2 as pb

Translate = Callable[[pb.Place], pb.ConverseRequest | None]


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event, to be translated once its channel's place is known."""

    translate: Translate
    command: Deferred | None = None
    # The message that it brings; 0 for what brings none.
    message_id: int = 0
