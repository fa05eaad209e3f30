"""`python -m services.terminal`: talk to Remi from a terminal or a pipe."""

import sys

from services.gateway.process import run
from services.gateway.settings import GatewaySettings
from services.terminal.face import serve

if __name__ == "__main__":
    sys.exit(run("terminal", GatewaySettings, serve))
