"""Sally-Anne: where somebody who saw only a part of what happened believes a thing to be."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from services.benchmark.reading.lines import Line
from services.benchmark.reading.templates import Told, asked, told

_QUESTIONS = ("Where will {person} look for the {thing}?",)
_ENTERED = ("(On TV) {person} entered the {room}.", "(On TV) {person} is in the {room}.")
_EXITED = ("(On TV) {person} exited the {room}.",)
_LIES = ("(On TV) The {thing} is in the {spot}.", "(On TV) The {thing} are in the {spot}.")
_MOVED = ("(On TV) {person} moved the {thing} to the {spot}.",)
_ENDS = ("They are broadcasting a program on TV.{rest}", "The TV program has ended for today.{rest}")


@dataclass(slots=True)
class _Show:
    """What is where, and what each person has seen of it."""

    rooms: dict[str, str] = field(default_factory=dict)
    """Of people who are in one."""
    things: dict[str, tuple[str, str]] = field(default_factory=dict)
    """The spot of each, and the room in which it is."""
    believed: dict[tuple[str, str], str] = field(default_factory=dict)
    """The spot, by person and thing."""
    room: str = ""
    """Where something happened last."""

    def enter(self, person: str, room: str) -> None:
        self.rooms[person] = self.room = room
        for thing, (_, of) in self.things.items():
            if of == room:
                self._see(thing)

    def put(self, thing: str, spot: str, room: str) -> None:
        self.things[thing] = spot, room
        self.room = room
        self._see(thing)

    def _see(self, thing: str) -> None:
        spot, room = self.things[thing]
        self.believed |= {(person, thing): spot for person, at in self.rooms.items() if at == room}


def read(question: str, lines: Sequence[Line]) -> str | None:
    """The answer as JSON, "" if nothing was seen of the thing; None if another dataset is asked."""
    wanted = asked(question, _QUESTIONS)
    if wanted is None:
        return None
    show = _Show()
    for event in told(lines, (*_LIES, *_ENTERED, *_EXITED, *_MOVED), _ENDS):
        _happens(show, event)
    person, thing = (wanted.fields[name].casefold() for name in ("person", "thing"))
    spot = show.believed.get((person, thing)) or show.things.get(thing, ("",))[0]
    return json.dumps({"answer": spot}) if spot else ""


def _happens(show: _Show, event: Told) -> None:
    fields = {name: value.casefold() for name, value in event.fields.items()}
    if event.template in _ENTERED:
        show.enter(fields["person"], fields["room"])
    elif event.template in _EXITED:
        show.rooms.pop(fields["person"], None)
    elif event.template in _MOVED:
        show.put(fields["thing"], fields["spot"], show.rooms.get(fields["person"], show.room))
    else:
        show.put(fields["thing"], fields["spot"], show.room)
