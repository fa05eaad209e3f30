"""What calls to the memory and admin services share: on whose behalf, which ids, how large a page."""

from dataclasses import dataclass
from uuid import UUID

from services.assistant import wire
from services.assistant.access import admit_actor
from services.assistant.domain import TEAM_SPACE, Access, Author, Place, Platform, TeamRole
from services.assistant.edge import own
from services.assistant.remi import Remi
from services.assistant.rights import Asker, asker
from services.errors import InvalidEvent, NotAllowed
from services.stubs.assistant.v1 import assistant_pb2 as pb

LARGEST_PAGE = 200
_USUAL_PAGE = 50


@dataclass(frozen=True, slots=True)
class Acting:
    """A person in a place, and what they may do there as of now."""

    place: Place
    author: Author
    access: Access

    @property
    def asker(self) -> Asker:
        return asker(self.access.person_id, self.access.space_id, self.place, self.author)

    def asker_in(self, space_id: UUID) -> Asker:
        """The same in any space that they see: of the team's, an admin of the team is in charge."""
        if space_id != TEAM_SPACE:
            return self.asker
        return Asker(self.access.person_id, TEAM_SPACE, self.access.role is TeamRole.ADMIN)


async def acting(remi: Remi, platform: Platform, actor: pb.Actor) -> Acting:
    """Raises InvalidEvent, and NotAllowed for one of another platform or who may not talk to Remi there."""
    own(platform, wire.PLATFORMS.get(actor.place.platform))
    place = wire.place_from(actor.place)
    author = wire.author_from(actor.author, platform)
    access = await admit_actor(remi.store, remi.door, place, author)
    if access is None:
        raise NotAllowed("this account may not talk to Remi in this place")
    return Acting(place, author, access)


def uuid(field: str, value: str) -> UUID:
    """An id of ours. Raises InvalidEvent."""
    try:
        return UUID(value)
    except ValueError:
        raise InvalidEvent(field, "is not an id of ours") from None


def page_size(value: int) -> int:
    """Raises InvalidEvent."""
    if not 0 <= value <= LARGEST_PAGE:
        raise InvalidEvent("page_size", f"must be 1 to {LARGEST_PAGE}, or 0 for {_USUAL_PAGE}")
    return value or _USUAL_PAGE
