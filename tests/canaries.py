"""Finding a word wherever a database or its files may have kept it, in every form that text has there."""

import base64
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import asyncpg

CONTEXT = 24
"""Bytes shown on each side of what was found."""
MOST_SHOWN = 200
"""Characters shown of a row."""


def forms(word: str) -> frozenset[bytes]:
    """A word as its bytes may stand on a disk: in either case, plain, escaped, wide, as hex or as base64."""
    found = set()
    for text in {word, word.lower(), word.upper(), word.capitalize(), word.casefold()}:
        plain = text.encode()
        escaped = json.dumps(text)[1:-1].encode()
        found |= {plain, escaped, plain.hex().encode(), text.encode("utf-16-le"), text.encode("utf-16-be")}
        # At each of the three offsets base64 reads differently; what neighbours have a share in is cut off.
        for offset in range(3):
            coded = base64.b64encode(b"\0" * offset + plain)
            found.add(coded[(0, 2, 3)[offset] : len(coded) - 4])
    return frozenset(found)


def in_files(folder: Path, words: Iterable[str]) -> Mapping[str, bytes]:
    """The files below a folder that hold one of the words, each with a little of what stands around it."""
    wanted = sorted(form for word in words for form in forms(word))
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_socket()):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue
        for form in wanted:
            if (at := content.find(form)) >= 0:
                found[str(path.relative_to(folder))] = content[
                    max(0, at - CONTEXT) : at + CONTEXT + len(form)
                ]
                break
    return found


async def in_tables(owner_dsn: str, words: Iterable[str]) -> Mapping[str, list[str]]:
    """The tables, and columns of statistics, that hold one of the words, for one who sees all."""
    patterns = [f"%{word}%" for word in words]
    connection = await asyncpg.connect(owner_dsn)
    try:
        tables = await connection.fetch(
            "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
            " WHERE schemaname = 'public' OR tablename IN ('pg_statistic', 'pg_statistic_ext_data')"
        )
        found: dict[str, list[str]] = {}
        for name in [*(row["name"] for row in tables), "pg_stats", "pg_stats_ext", "pg_stat_activity"]:
            # bytea is printed as hex; its text is what counts.
            rows = await connection.fetch(
                f"SELECT t::text AS line FROM {name} AS t WHERE t::text ILIKE ANY ($1::text[])", patterns
            )
            found |= {name: [row["line"][:MOST_SHOWN] for row in rows]} if rows else {}
        files = await connection.fetch(
            "SELECT convert_from(file_content, 'UTF8') AS content FROM delivery"
            " WHERE convert_from(file_content, 'UTF8') ILIKE ANY ($1::text[])",
            patterns,
        )
        return found | ({"delivery.file_content": [row["content"] for row in files]} if files else {})
    finally:
        await connection.close()
