"""The Postgres that Remi brings along stops with its last user, also when another was killed."""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

USER = """
import asyncio, sys
from pathlib import Path
from services.assistant.store.embedded import start_embedded

asyncio.run(start_embedded(Path(sys.argv[1])))
print("started", flush=True)
sys.stdin.read()
"""


def start(folder: Path) -> "subprocess.Popen[bytes]":
    """A process that uses the server until its standard input ends."""
    user = subprocess.Popen(
        [sys.executable, "-c", USER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert user.stdout is not None
    assert user.stdout.readline() == b"started\n"
    return user


def test_it_does_not_outlive_its_last_user() -> None:
    with TemporaryDirectory(prefix="remi") as parent:
        Path(parent).chmod(0o755)
        folder = Path(parent) / "postgres"
        killed = start(folder)
        killed.kill()
        killed.communicate()
        assert (folder / "postmaster.pid").exists()

        last = start(folder)
        assert json.loads((folder / ".handle_pids.json").read_text()) == [last.pid]
        last.communicate(b"", timeout=30)
        assert not (folder / "postmaster.pid").exists()
