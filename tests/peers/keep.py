"""Keeps one server for as long as somebody wants it: `keep.py FOLDER COMMAND ...` returns at once.

The command prints its address (`http://...`) when it answers. FOLDER/address then holds it; FOLDER/failed says that it
never will, and why. Whoever wants the server holds FOLDER/users locked, shared. The kernel lets go for a process that
dies, so the server ends with the last of them, however that one ends; and it ends with the process that keeps it.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def keep(folder: Path, command: list[str]) -> None:
    """Run the server until nobody wants it."""
    log = folder / "log"
    server = None
    try:
        with log.open("w") as errors:
            server = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - this process has one thread
            )
        assert server.stdout is not None
        found = next((line.strip() for line in server.stdout if line.startswith("http://")), "")
        part = folder / "address.part"
        part.write_text(found or log.read_text()[-2000:] or "it ended without a word")
        part.replace(folder / ("address" if found else "failed"))
        if found:
            with (folder / "users").open("a") as users:
                fcntl.flock(users, fcntl.LOCK_EX)
    finally:
        (folder / "address").unlink(missing_ok=True)
        if server is not None:
            server.kill()
            server.wait()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if os.fork() == 0:
        os.setsid()
        keep(Path(sys.argv[1]).resolve(), sys.argv[2:])
