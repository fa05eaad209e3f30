"""A virtual environment for each peer, in .venv-peers/, from its lock in deploy/locks/; made once."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from bench.processes import DidNotRun

PATIENCE = 300.0
"""Seconds that an installation may take."""

_ROOT = Path(__file__).parents[3]
_FOLDER = _ROOT / ".venv-peers"


def python_with(peer: str) -> Path:
    """The interpreter that has the peer; installs it at the first time. Raises DidNotRun."""
    lock = _ROOT / "deploy" / "locks" / f"peers-{peer}.txt"
    environment = _FOLDER / f"{peer}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    python = environment / "bin" / "python"
    stamp = environment / "installed"
    if stamp.exists():
        return python
    print(f"Installing {lock.relative_to(_ROOT)} into {environment.relative_to(_ROOT)}.", file=sys.stderr)
    shutil.rmtree(environment, ignore_errors=True)
    pip = ("-m", "pip", "install", "--disable-pip-version-check", "--no-deps", "--require-hashes", "-r", lock)
    try:
        for command in ((sys.executable, "-m", "venv", environment), (python, *pip)):
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.CalledProcessError as error:
        told = (error.stderr or error.stdout).strip().splitlines()
        raise DidNotRun(f"{peer}: {told[-1] if told else 'the installation failed'}") from None
    except subprocess.TimeoutExpired:
        raise DidNotRun(f"{peer}: the installation took longer than {PATIENCE:.0f} s") from None
    stamp.touch()
    return python
