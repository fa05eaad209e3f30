"""`python -m services.terminal`: talk to Remi from a terminal or a pipe; `export FILE`, `import FILE`."""

import sys

from services.gateway.process import run
from services.gateway.settings import GatewaySettings
from services.terminal.face import serve
from services.terminal.transfer import main

if __name__ == "__main__":
    if sys.argv[1:]:
        sys.exit(main(sys.argv[1:]))
    sys.exit(run("terminal", GatewaySettings, serve))
