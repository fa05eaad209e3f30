"""Sally-Anne: where somebody who saw only a part of what happened believes a thing to be."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from services.benchmark.datasets import sallyanne
from services.benchmark.reading.lines import Line
from services.benchmark.reading.templates import Told, asked, told

_LOOKS = (sallyanne.LOOKS, "Where will {person} look for the {thing}?")
_BELIEVES = (sallyanne.BELIEVES,)
_NOW = (sallyanne.NOW,)
_BEGINNING = (sallyanne.BEGINNING,)


def _events(ours: str, *published: str) -> tuple[str, ...]:
    return sallyanne.EVENT.format(event=ours), *(f"(On TV) {each}" for each in published)


_ENTERED = _events(sallyanne.ENTERS, "{person} entered the {room}.", "{person} is in the {room}.")
_EXITED = _events(sallyanne.LEAVES, "{person} exited the {room}.")
_LIES = _events(sallyanne.LIES, "The {thing} is in the {container}.", "The {thing} are in the {container}.")
_MOVED = _events(sallyanne.MOVES, "{person} moved the {thing} to the {container}.")
STATEMENTS = (*_LIES, *_MOVED, *_ENTERED, *_EXITED)
_ENDS = (
    sallyanne.INTRODUCTION,
    sallyanne.DATASET.reset,
    "They are broadcasting a program on TV.{rest}",
    "The TV program has ended for today.{rest}",
)


@dataclass(slots=True)
class _Play:
    """What is where, and what each person knows of it."""

    rooms: dict[str, str] = field(default_factory=dict)
    """Of people who are in one."""
    things: dict[str, tuple[str, str]] = field(default_factory=dict)
    """The container of each, and its room."""
    first: dict[str, str] = field(default_factory=dict)
    """The container in which each was at first."""
    seen: dict[tuple[str, str], str] = field(default_factory=dict)
    """The container, by person and thing."""
    shared: dict[tuple[str, str, str], str] = field(default_factory=dict)
    """Where the first person last saw the thing together with the second."""
    room: str = ""
    """Where something happened last."""

    def enter(self, person: str, room: str) -> None:
        self.rooms[person] = self.room = room
        for thing, (_, of) in self.things.items():
            if of == room:
                self._see(thing)

    def put(self, thing: str, container: str, room: str) -> None:
        self.things[thing] = container, room
        self.first.setdefault(thing, container)
        self.room = room
        self._see(thing)

    def _see(self, thing: str) -> None:
        container, room = self.things[thing]
        present = [person for person, at in self.rooms.items() if at == room]
        for person in present:
            self.seen[person, thing] = container
            self.shared |= {(person, other, thing): container for other in present if other != person}


def read(question: str, lines: Sequence[Line]) -> str | None:
    """The answer as JSON, "" if nothing is known of the thing; None if another dataset is asked."""
    wanted = asked(question, (*_LOOKS, *_BELIEVES, *_NOW, *_BEGINNING))
    if wanted is None:
        return None
    play = _Play()
    for event in told(lines, STATEMENTS, _ENDS):
        _happens(play, event)
    container = _answer(play, wanted)
    return json.dumps({"answer": container}) if container else ""


def _answer(play: _Play, wanted: Told) -> str:
    fields = {name: value.casefold() for name, value in wanted.fields.items()}
    thing = fields["thing"]
    now, _ = play.things.get(thing, ("", ""))
    if wanted.template in _BEGINNING:
        return play.first.get(thing, "")
    if wanted.template in _BELIEVES:
        return play.shared.get((fields["person"], fields["other"], thing), now)
    if wanted.template in _LOOKS:
        return play.seen.get((fields["person"], thing), now)
    return now


def _happens(play: _Play, event: Told) -> None:
    fields = {name: value.casefold() for name, value in event.fields.items()}
    if event.template in _ENTERED:
        play.enter(fields["person"], fields["room"])
    elif event.template in _EXITED:
        play.rooms.pop(fields["person"], None)
    else:
        room = play.rooms.get(fields.get("person", ""), play.room)
        play.put(fields["thing"], fields["container"], room)
