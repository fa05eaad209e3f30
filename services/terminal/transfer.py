"""Taking the memory of the terminal's account along as a file, and bringing a file back."""

import asyncio
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

import grpc

from services.errors import SettingsError
from services.gateway.client import Client, connect, is_reached
from services.gateway.process import run
from services.gateway.settings import GatewaySettings
from services.stubs.assistant.v1 import assistant_pb2 as pb
from services.stubs.assistant.v1 import assistant_pb2_grpc as stubs
from services.terminal.files import new_file
from services.terminal.talk import account, actor

USAGE = "usage: .venv/bin/python -m services.terminal [export FILE | import FILE]"
_NOBODY = "the assistant does not answer; start it with make run"
_CHUNK_BYTES = 1024 * 1024


def main(arguments: list[str]) -> int:
    """`export FILE` or `import FILE`; the exit code."""
    match arguments:
        case ["export", path]:
            return run("terminal", GatewaySettings, partial(take_along, path=Path(path)))
        case ["import", path]:
            return run("terminal", GatewaySettings, partial(bring_back, path=Path(path)))
        case _:
            print(USAGE, file=sys.stderr)
            return 2


async def take_along(settings: GatewaySettings, path: Path) -> None:
    """Write all that Remi remembers of this account's direct talk. Raises SettingsError."""
    size = 0
    async with connect(settings, "terminal") as client:
        memory = await _memory(client)
        try:
            with new_file(path) as file:
                async for piece in memory.Export(
                    pb.ExportRequest(actor=actor(account())), metadata=client.metadata
                ):
                    size += file.write(piece.chunk)
        except grpc.aio.AioRpcError as error:
            await asyncio.to_thread(path.unlink)
            raise _told(error) from None
        except OSError as error:
            raise SettingsError(f"can't write {path}: {error.strerror}") from None
    print(f"{path}: {size:,} bytes. Whoever has this file can read all of it.")


async def bring_back(settings: GatewaySettings, path: Path) -> None:
    """Bring a file into the memory of this account's direct talk. Raises SettingsError."""
    async with connect(settings, "terminal") as client:
        memory = await _memory(client)
        try:
            with path.open("rb") as file:
                done = await memory.Import(_requests(file), metadata=client.metadata)
        except grpc.aio.AioRpcError as error:
            raise _told(error) from None
        except OSError as error:
            raise SettingsError(f"can't read {path}: {error.strerror}") from None
    print(done.summary)


async def _memory(client: Client) -> "stubs.MemoryServiceAsyncStub":
    if not await is_reached(client.channel):
        raise SettingsError(_NOBODY)
    return stubs.MemoryServiceStub(client.channel)


async def _requests(file: BinaryIO) -> AsyncIterator[pb.ImportRequest]:
    yield pb.ImportRequest(actor=actor(account()))
    while chunk := file.read(_CHUNK_BYTES):
        yield pb.ImportRequest(chunk=chunk)


def _told(error: grpc.aio.AioRpcError) -> SettingsError:
    if error.code() is grpc.StatusCode.UNAVAILABLE:
        return SettingsError(_NOBODY)
    return SettingsError(error.details() or error.code().name)
