"""The chat for a program: one message a line on standard input, one block a reply on standard output."""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator

from services.gateway.client import connect
from services.gateway.delivery import Deliveries, Stands
from services.gateway.flow import carry
from services.gateway.settings import GatewaySettings
from services.stubs.assistant.v1 import assistant_pb2 as pb
from services.terminal.files import kept
from services.terminal.talk import NO_SUCH_FILE, Talk, account, printable

# A longer line is left out; the assistant may draw its own line far below.
MAX_LINE_BYTES = 1_000_000
# How often one line is said where its stream broke before the reply.
ATTEMPTS = 3
_CHUNK_BYTES = 64 * 1024


async def serve(settings: GatewaySettings, source: int = 0) -> None:
    """Answer each line of the file descriptor `source` before the next is read; returns at its end."""
    talk = Talk(account())
    async with connect(settings, "terminal") as client:
        face = _Face(talk)
        deliveries = Deliveries(client, face, talk.fetch, not_found=NO_SUCH_FILE)
        try:
            async for line in _lines(source):
                text = _text(line)
                if not text:
                    continue
                request = talk.said(text)
                for _ in range(ATTEMPTS):
                    face.broken = False
                    await carry(client, deliveries, request, face)
                    if not face.broken:
                        break
        finally:
            await deliveries.finish()


class _Face:
    """Replies on standard output, all else on standard error."""

    typing_interval = 60.0
    draft_interval = 60.0

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        # The last stream brought no reply. Said again, the same event brings the same one.
        self.broken = False

    async def send(self, delivery: pb.Delivery, stands: Stands) -> pb.AcknowledgeRequest:
        text, acknowledgement = self._talk.shown(await kept(delivery))
        sys.stdout.buffer.write(f"{text}\n\n".encode())
        sys.stdout.buffer.flush()
        return acknowledgement

    async def confirm(self) -> None: ...

    async def tell(self, text: str) -> None:
        _complain(text)

    async def typing(self) -> None: ...

    async def draft(self, draft: pb.Draft) -> None: ...

    async def final(self, delivery: pb.Delivery) -> None: ...

    async def ended(self) -> None:
        self.broken = True


def _complain(text: str) -> None:
    print(printable(text), file=sys.stderr, flush=True)


def _text(line: bytes | None) -> str:
    """What a line says; empty where it is blank or, after a word to the sender, cannot be read."""
    if line is None:
        _complain(f"That line is longer than {MAX_LINE_BYTES:,} bytes, so I left it out.")
        return ""
    try:
        text = line.decode().strip()
    except UnicodeDecodeError:
        _complain("That line is not UTF-8 text, so I left it out.")
        return ""
    if "\0" in text:
        _complain("That line holds a NUL character, so I left it out.")
        return ""
    return text


async def _lines(source: int) -> AsyncIterator[bytes | None]:
    """The lines of a file descriptor; None for one that is too long."""
    pending, too_long = b"", False
    while chunk := await _read(source):
        *whole, pending = (pending + chunk).split(b"\n")
        for line in whole:
            yield None if too_long or len(line) > MAX_LINE_BYTES else line
            too_long = False
        if len(pending) > MAX_LINE_BYTES:
            pending, too_long = b"", True
    if pending or too_long:
        yield None if too_long else pending


async def _read(source: int) -> bytes:
    """Read without holding up the event loop, whatever kind of file it is.

    By a thread that nobody waits for at exit: a read of standard input may never return.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[bytes] = loop.create_future()

    def finish(data: bytes) -> None:
        if not done.cancelled():
            done.set_result(data)

    def work() -> None:
        try:
            data = os.read(source, _CHUNK_BYTES)
        except OSError:
            # It was closed, or its terminal is gone: nothing more comes.
            data = b""
        if not loop.is_closed():
            loop.call_soon_threadsafe(finish, data)

    threading.Thread(target=work, name="read input", daemon=True).start()
    return await done
