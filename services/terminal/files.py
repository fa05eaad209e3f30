"""Files that Remi hands over: each becomes a new one in the working folder, for its owner alone."""

import asyncio
import os
from itertools import count
from pathlib import Path
from typing import BinaryIO

from services.stubs.assistant.v1 import assistant_pb2 as pb

_KEPT = "It is in `{path}`. What I forget later stays in there: delete it when you no longer need it."
_NOT_KEPT = (
    "I could not write it into `{folder}`: {reason}. "
    "`.venv/bin/python -m services.terminal export FILE` writes it where you want it."
)


def new_file(path: Path) -> BinaryIO:
    """Open a file that wasn't there, to write what only its owner may read. Raises OSError."""
    return open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600))


async def kept(delivery: pb.Delivery) -> pb.Delivery:
    """The delivery; where it hands over a file, its text tells where that stands now, or why it doesn't."""
    if not delivery.file_name:
        return delivery
    folder = Path.cwd()
    try:
        path = await asyncio.to_thread(_keep, folder / Path(delivery.file_name).name, delivery.file_content)
        line = _KEPT.format(path=path)
    except OSError as error:
        line = _NOT_KEPT.format(folder=folder, reason=error.strerror)
    told = pb.Delivery()
    told.CopyFrom(delivery)
    told.text = f"{delivery.text}\n\n{line}"
    return told


def _keep(path: Path, content: bytes) -> Path:
    """Write a file under this name, or that with a number where there is one. Raises OSError."""
    wanted, number = path, count(2)
    while True:
        try:
            file = new_file(path)
            break
        except FileExistsError:
            path = wanted.with_stem(f"{wanted.stem}-{next(number)}")
    try:
        with file:
            file.write(content)
    except OSError:
        path.unlink()
        raise
    return path
