"""`python -m services.terminal`: talk to Remi from a terminal or a pipe; `export FILE`, `import FILE`."""

import sys

from services.gateway.client import is_reached, open_channel
from services.gateway.process import run
from services.gateway.settings import GatewaySettings
from services.terminal.face import serve
from services.terminal.transfer import main


async def talk(settings: GatewaySettings) -> None:
    """The chat, or the pipe. Whoever waits for an assistant is told so."""
    async with open_channel(settings) as channel:
        if not await is_reached(channel):
            where = f"no assistant answers at {settings.assistant} yet"
            print(f"remi terminal: {where}, so I wait for it; make run starts one", file=sys.stderr)
    await serve(settings)


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.exit(main(sys.argv[1:]))
    sys.exit(run("terminal", GatewaySettings, talk))
