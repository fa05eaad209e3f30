"""Named SQL: each .sql file beside this module holds blocks that begin with `-- name: the_name`."""

import re
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

_BLOCK = re.compile(r"^-- name: (?P<name>\w+)\n(?P<sql>.*?)(?=^-- name: |\Z)", re.MULTILINE | re.DOTALL)


def load(family: str) -> Mapping[str, str]:
    """The queries of `<family>.sql` by name. Raises KeyError on use of a name that is not there."""
    text = files(__package__).joinpath(f"{family}.sql").read_text(encoding="utf-8")
    return MappingProxyType({block["name"]: block["sql"].strip() for block in _BLOCK.finditer(text)})
