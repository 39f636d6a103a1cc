"""Keeps one PostgreSQL server for as long as somebody wants it: `keep.py FOLDER [large]` returns at once.

FOLDER/address says where the server is as soon as it answers, FOLDER/failed that it never will, and why. Whoever wants
the server holds FOLDER/users locked, shared. The kernel lets go for a process that dies, so the server ends with the
last of them, however that one ends; and the server itself ends with the process that keeps it. `large` is for
benchmarks: memory as a server of its own would have it, data on the disk.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SETTINGS = """\
listen_addresses = '127.0.0.1'
unix_socket_directories = '{own}'
# Nothing here outlives the tests.
fsync = off
full_page_writes = off
synchronous_commit = off
wal_level = minimal
max_wal_senders = 0
autovacuum = off
max_connections = 200
shared_buffers = 64MB
max_wal_size = 4GB
lc_messages = 'C'
"""
LARGE = """\
shared_buffers = 2GB
work_mem = 64MB
maintenance_work_mem = 512MB
effective_cache_size = 8GB
random_page_cost = 1.1
"""
LOCALE = ("-E", "UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")
"""An order of words that is not that of SQLite, as most servers have it: what relies on the server's is found out."""
OLDEST = 15
OWNER = "nobody"
"""Who runs the server where the tests run as root, whom it refuses."""
_PR_SET_PDEATHSIG = 1
_MEMORY = Path("/dev/shm")
_ATTEMPTS = 5


def programs() -> Path | None:
    """Return the folder with the newest server that is here; Debian keeps them off the path."""
    here = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    # Older ones know neither the order of words nor the way of copying that are asked for here.
    known = sorted((each for each in here if float(each.parts[-3]) >= OLDEST), key=lambda each: float(each.parts[-3]))
    found = known[-1] if known else shutil.which("initdb")
    return Path(found).parent if found else None


def _die_with_parent() -> None:
    # Quit, not kill: the first process of the server ends all the others and gives their memory back.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


def _as_owner() -> dict[str, Any]:
    if os.getuid() != 0:
        return {}
    entry = pwd.getpwnam(OWNER)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def made(home: Path, own: Path, log: Path, more: str = "") -> Path:
    """Make a cluster in a folder of its own and return where it is."""
    if who := _as_owner():
        os.chown(own, who["user"], who["group"])
    data = own / "data"
    with log.open("a") as out:
        subprocess.run(
            [home / "initdb", "-D", data, "-U", "discovery", "-A", "trust", "-N", *LOCALE],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=own,
            check=True,
            **_as_owner(),
        )
    with (data / "postgresql.conf").open("a") as conf:
        conf.write(SETTINGS.format(own=own) + more)
    return data


def started(home: Path, data: Path, log: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Start the server on a port that is free, and return it with its address once it answers."""
    for _ in range(_ATTEMPTS):  # Somebody may take the port between the look and the use.
        port = _free_port()
        with log.open("a") as out:
            server = subprocess.Popen(
                [home / "postgres", "-D", data, "-p", str(port)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=data,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - this process has one thread
                **_as_owner(),
            )
        asked = [home / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port), "-U", "discovery"]
        while server.poll() is None:
            if subprocess.run(asked, stdin=subprocess.DEVNULL, check=False).returncode == 0:
                return server, f"postgresql://discovery@127.0.0.1:{port}/postgres"
            time.sleep(0.05)
    raise RuntimeError(f"the server does not start:\n{log.read_text()[-2000:]}")


def keep(home: Path, folder: Path, *, large: bool) -> None:
    """Run the server until nobody wants it."""
    log = folder / "log"
    memory = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    # The server's own user has to get there: not below a folder that may be closed to it.
    own = Path(tempfile.mkdtemp(prefix="discovery-postgresql-", dir=None if large else memory))
    server = None
    try:
        try:
            server, found = started(home, made(home, own, log, LARGE if large else ""), log)
            name = "address"
        except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
            name, found = "failed", f"{error}\n{log.read_text()[-2000:] if log.exists() else ''}"
        part = folder / f"{name}.part"
        part.write_text(found)
        part.replace(folder / name)
        if name == "address":
            with (folder / "users").open("a") as users:
                fcntl.flock(users, fcntl.LOCK_EX)
    finally:
        (folder / "address").unlink(missing_ok=True)
        if server is not None:
            server.send_signal(signal.SIGQUIT)
            server.wait()
        shutil.rmtree(own, ignore_errors=True)


if __name__ == "__main__":
    found = programs()
    if sys.argv[1] == "--here":
        sys.exit(found is None)
    assert found is not None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if os.fork() == 0:
        os.setsid()
        keep(found, Path(sys.argv[1]).resolve(), large=sys.argv[2:] == ["large"])
