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
LOCKS = _ROOT / "deploy" / "locks"
FOLDER = _ROOT / ".venv-peers"


def python_with(lock: Path, folder: Path = FOLDER) -> Path:
    """The interpreter that has what the lock names; installs it at the first time. Raises DidNotRun."""
    environment = folder / f"{lock.stem}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    python = environment / "bin" / "python"
    stamp = environment / "installed"
    if stamp.exists():
        return python
    print(f"Installing {lock.name} into {environment}; the first time takes a minute.", file=sys.stderr)
    shutil.rmtree(environment, ignore_errors=True)
    pip = ("-m", "pip", "install", "--disable-pip-version-check", "--no-deps", "--require-hashes", "-r", lock)
    try:
        for command in ((sys.executable, "-m", "venv", environment), (python, *pip)):
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.CalledProcessError as error:
        told = (error.stderr or error.stdout).strip().splitlines()
        raise DidNotRun(f"{lock.stem}: {told[-1] if told else 'the installation failed'}") from None
    except subprocess.TimeoutExpired:
        raise DidNotRun(f"{lock.stem}: the installation took longer than {PATIENCE:.0f} s") from None
    stamp.touch()
    return python
