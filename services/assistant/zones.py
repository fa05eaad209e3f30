"""Time zones by their name, or by that of a city that names one."""

from functools import cache
from zoneinfo import ZoneInfo, available_timezones


def named(text: str) -> list[str]:
    """The zones that a text may mean, by their IANA names: none, one, or several to choose from."""
    wanted = "_".join(text.lower().split())
    if wanted in _by_name():
        return [_by_name()[wanted]]
    return sorted(name for low, name in _by_name().items() if low.rpartition("/")[2] == wanted)


def zone(name: str, otherwise: ZoneInfo) -> ZoneInfo:
    """The zone of that name; `otherwise` for an empty one."""
    return ZoneInfo(name) if name else otherwise


@cache
def _by_name() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones() if not name.startswith(("posix/", "right/"))}
