"""Time zones by their name, by that of a city that names one, or by their distance from UTC."""

import re
import unicodedata
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

# Their names have the sign the other way round: Etc/GMT-2 is two hours ahead.
_FIXED = "Etc/GMT"
_OFFSET = re.compile(r"(?:utc|gmt)?_?(?P<sign>[+-])_?0?(?P<hours>\d{1,2})(?::?00)?")


def named(text: str) -> list[str]:
    """The zones that a text may mean, by their IANA names: none, one, or several to choose from."""
    wanted = _plain(text)
    if wanted in _by_name():
        return [_by_name()[wanted]]
    if offset := _OFFSET.fullmatch(wanted):
        fixed = f"{_FIXED}{'-' if offset['sign'] == '+' else '+'}{offset['hours']}".lower()
        return [_by_name()[fixed]] if fixed in _by_name() else []
    return sorted(name for low, name in _by_name().items() if low.rpartition("/")[2] == wanted)


def zone(name: str, otherwise: ZoneInfo) -> ZoneInfo:
    """The zone of that name; `otherwise` for an empty one."""
    return ZoneInfo(name) if name else otherwise


def shown(zone: ZoneInfo) -> str:
    """What a person reads of a zone: its name, or how far it is from UTC."""
    found = re.fullmatch(rf"{_FIXED}([+-])(\d+)", zone.key)
    return f"UTC{'+' if found[1] == '-' else '-'}{found[2]}" if found else zone.key


def _plain(name: str) -> str:
    """A name without accents, dots and case, its words joined as in IANA's names."""
    letters = "".join(each for each in unicodedata.normalize("NFKD", name) if not unicodedata.combining(each))
    return "_".join(re.sub(r"[.'’]", "", letters.replace("−", "-")).casefold().split())


@cache
def _by_name() -> dict[str, str]:
    return {_plain(name): name for name in available_timezones() if not name.startswith(("posix/", "right/"))}
