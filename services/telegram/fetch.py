"""Files out of Telegram, by the reference under which a message names them."""

from contextlib import aclosing

from aiogram import Bot
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramNotFound,
)
from aiohttp import ClientError, ClientResponseError

from services.errors import NotFound, Unavailable
from services.gateway.bring import whole

# Source: core.telegram.org/bots/api#getfile. A Bot API server of one's own may give more.
MAX_BYTES = 20 * 1024 * 1024
DOWNLOAD_SECONDS = 120

# Refusals of a download that are not about the file: an unknown token, and too many requests.
_PASSING = {401, 429}


async def fetch(bot: Bot, file_id: str) -> bytes:
    """The content of a file.

    Raises NotFound where Telegram doesn't hand it over or it is too large, and Unavailable while Telegram is
    away. Neither says more of what happened than its kind: an error of a download quotes its address, which
    holds the token.
    """
    return await _download(bot, await _path(bot, file_id))


async def _path(bot: Bot, file_id: str) -> str:
    """Where the file can be had for an hour. Raises NotFound and Unavailable."""
    try:
        path = (await bot.get_file(file_id)).file_path
    except (TelegramBadRequest, TelegramNotFound, TelegramForbiddenError) as error:
        raise NotFound(f"Telegram refuses the file: {type(error).__name__}") from None
    except (TelegramAPIError, ClientDecodeError) as error:
        raise Unavailable(f"Telegram does not name the file: {type(error).__name__}") from None
    if not path:
        raise NotFound("Telegram gives no path to the file")
    return path


async def _download(bot: Bot, path: str) -> bytes:
    """What stands there. Raises NotFound and Unavailable."""
    url = bot.session.api.file_url(bot.token, path)
    try:
        async with aclosing(bot.session.stream_content(url, timeout=DOWNLOAD_SECONDS)) as chunks:
            return await whole(chunks, MAX_BYTES)
    except ClientResponseError as error:
        if 400 <= error.status < 500 and error.status not in _PASSING:
            raise NotFound(f"Telegram refuses the download: {error.status}") from None
        raise Unavailable(f"Telegram answers the download with {error.status}") from None
    except (ClientError, TimeoutError) as error:
        raise Unavailable(f"the download broke off: {type(error).__name__}") from None
