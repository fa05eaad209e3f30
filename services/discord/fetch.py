"""Files that came with a command, from Discord's content delivery network."""

from collections.abc import Set

import aiohttp
import yarl

from services.errors import NotFound, Unavailable
from services.gateway.bring import whole

CDN = frozenset({yarl.URL("https://cdn.discordapp.com"), yarl.URL("https://media.discordapp.net")})
LARGEST_FILE = 20_000_000
CHUNK_BYTES = 64 * 1024
DOWNLOAD_SECONDS = 60.0


def origins(api_base: str | None) -> Set[yarl.URL]:
    """Where files may be fetched from; another Discord serves them itself."""
    return {yarl.URL(api_base).origin()} if api_base else CDN


async def fetch(allowed: Set[yarl.URL], address: str) -> bytes:
    """The file at an address of one of these origins.

    Raises NotFound where it can't be had, and Unavailable while Discord is away. Neither tells the address:
    whoever knows it can read the file.
    """
    if not _is_from(allowed, address):
        raise NotFound("this is no address of a file on Discord")
    return await _get(address)


def _is_from(allowed: Set[yarl.URL], address: str) -> bool:
    try:
        return yarl.URL(address).origin() in allowed
    except ValueError:
        return False


async def _get(address: str) -> bytes:
    # discord.py's own get_from_cdn follows redirects, and reads whatever comes into memory.
    timeout = aiohttp.ClientTimeout(total=DOWNLOAD_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(address, allow_redirects=False) as answer,
        ):
            return await _content(answer)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise Unavailable(f"Discord is away: {type(error).__name__}") from None


async def _content(answer: aiohttp.ClientResponse) -> bytes:
    if answer.status == 429 or answer.status >= 500:
        raise Unavailable(f"Discord answers {answer.status}")
    if answer.status != 200:
        raise NotFound(f"Discord answers {answer.status}")
    return await whole(answer.content.iter_chunked(CHUNK_BYTES), LARGEST_FILE)
