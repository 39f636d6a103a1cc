"""Keeps one DaCHS with its PostgreSQL for as long as somebody wants it: `keep.py FOLDER ROWS` returns at once.

`keep.py --here` only says, by its status, whether everything is here that this starts.

FOLDER/address says where TAP is as soon as it answers, and in its second line the folder of the database's socket;
FOLDER/failed says that it never will, and why. Whoever wants it holds FOLDER/users locked, shared. The kernel lets go
for a process that dies, so the servers end with the last of them, however that one ends.

The database is a cluster of its own without any port, in memory where there is room. PostgreSQL refuses to be started
by root, so then the servers are those of the user `postgres`, which the package brings.
"""

from __future__ import annotations

import ctypes
import fcntl
import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

RECIPE = Path(__file__).resolve().parent
SETTINGS = """\
[general]
rootDir: {own}/root
group: {group}
gavoGroup: {group}
[web]
user: {user}
bindAddress: 127.0.0.1
serverPort: {port}
serverURL: http://127.0.0.1:{port}
[ivoa]
authority: x-discovery-test
[async]
defaultMAXREC: 2000
hardMAXREC: 5000
"""
DATABASE = """\
listen_addresses = ''
unix_socket_directories = '{own}'
fsync = off
synchronous_commit = off
full_page_writes = off
max_wal_size = 4GB
"""
_PR_SET_PDEATHSIG = 1
_MEMORY = Path("/dev/shm")
_NEEDED = 4_000
"""Bytes of memory that a row takes with its indexes and the journal; more rows than fit go to the disk."""


def postgresql() -> Path | None:
    """Return the folder of PostgreSQL's programs: Debian keeps them off the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


def installed() -> bool:
    """Say whether everything is here that `keep` starts."""
    programs = postgresql()
    extensions = Path("/usr/share/postgresql")
    named = [list(extensions.glob(f"*/extension/{name}.control")) for name in ("pg_sphere", "q3c")]
    return shutil.which("dachs") is not None and programs is not None and all(named)


class Servers:
    """PostgreSQL and DaCHS in a folder of their own, as an ordinary user."""

    def __init__(self, own: Path, log: Path) -> None:
        self._own = own
        self._log = log
        self._running: list[subprocess.Popen[bytes]] = []
        programs = postgresql()
        assert programs is not None
        self._programs = programs
        who = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        self._user = who.pw_name
        self._as: dict[str, Any] = (
            {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
        )
        if os.geteuid() == 0:
            os.chown(own, who.pw_uid, who.pw_gid)
        self._environment = {
            "PATH": f"{programs}:/usr/bin:/bin",
            "HOME": str(own),
            "LC_ALL": "C.UTF-8",
            "GAVOSETTINGS": str(own / "gavorc"),
        }

    def start(self, rows: int) -> str:
        """Start both, fill the table and return where TAP answers."""
        own = self._own
        self._run("initdb", "-D", own / "pg", "-E", "UTF8", "--locale=C.UTF-8", "-A", "trust", "-U", "disco")
        with (own / "pg" / "postgresql.conf").open("a") as stream:
            stream.write(DATABASE.format(own=own))
        self._begin(self._programs / "postgres", "-D", own / "pg", ends_by=signal.SIGQUIT)
        self._wait((own / ".s.PGSQL.5432").exists)
        self._until("pg_isready", "-h", own, "-U", "disco")
        self._run("createdb", "-h", own, "-U", "disco", "gavo")
        port = free_port()
        group = self._group()
        (own / "gavorc").write_text(SETTINGS.format(own=own, user=self._user, group=group, port=port))
        self._run("mkdir", "-p", own / "root" / "inputs" / "disco")
        self._run("dachs", "init", "-d", f"host={own} port=5432 user=disco dbname=gavo")
        self._run("dachs", "imp", "//obscore")
        for name in ("obs", "epn", "rr"):
            shutil.copy(RECIPE / f"{name}.rd", own / "root" / "inputs" / "disco")
            self._run("dachs", "imp", f"disco/{name}")
        with (RECIPE / "rows.sql").open("rb") as script:
            options = ("-v", "table=disco.obs", "-v", f"rows={rows}", "-v", "ON_ERROR_STOP=1")
            self._run("psql", "-q", "-h", own, "-U", "disco", *options, "gavo", stdin=script)
        self._begin("dachs", "serve", "debug", ends_by=signal.SIGKILL)
        url = f"http://127.0.0.1:{port}/tap"
        self._wait(lambda: answers(url))
        return url

    def end(self) -> None:
        """End both; nobody keeps their data."""
        for each in reversed(self._running):
            each.send_signal(signal.SIGQUIT if each is self._running[0] else signal.SIGKILL)
            each.wait()

    def _group(self) -> str:
        return grp.getgrgid(self._own.stat().st_gid).gr_name

    def _run(self, *command: str | Path, stdin: int | IO[bytes] = subprocess.DEVNULL) -> None:
        with self._log.open("ab") as log:
            subprocess.run(
                command,
                stdin=stdin,
                stdout=log,
                stderr=log,
                check=True,
                env=self._environment,
                cwd=self._own,
                **self._as,
            )

    def _begin(self, *command: str | Path, ends_by: signal.Signals) -> None:
        def die_with_parent() -> None:
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ends_by)

        with self._log.open("ab") as log:
            self._running.append(
                subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=self._environment,
                    cwd=self._own,
                    preexec_fn=die_with_parent,  # noqa: PLW1509 - this process has one thread
                    **self._as,
                )
            )

    def _until(self, *command: str | Path) -> None:
        def succeeds() -> bool:
            try:
                self._run(*command)
            except subprocess.CalledProcessError:
                return False
            return True

        self._wait(succeeds)

    def _wait(self, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 120
        while not ready():
            ended = next((each for each in self._running if each.poll() is not None), None)
            if ended is not None:
                raise RuntimeError(f"{ended.args!r} has ended with {ended.returncode}")
            if time.monotonic() > deadline:
                raise RuntimeError("a server does not come up within two minutes")
            time.sleep(0.1)


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def answers(url: str) -> bool:
    """Say whether the service is up."""
    try:
        with urllib.request.urlopen(f"{url}/availability", timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def keep(folder: Path, rows: int) -> None:
    """Run the servers until nobody wants them."""
    room = shutil.disk_usage(_MEMORY).free if os.access(_MEMORY, os.W_OK) else 0
    place = _MEMORY if room > 300_000_000 + rows * _NEEDED else None
    own = Path(tempfile.mkdtemp(prefix="discovery-dachs-", dir=place))
    servers = Servers(own, folder / "log")
    try:
        part = folder / "address.part"
        try:
            url = servers.start(rows)
        except (RuntimeError, subprocess.CalledProcessError, OSError) as error:
            part.write_text(f"{error}\n{(folder / 'log').read_text(errors='replace')[-3000:]}")
            part.replace(folder / "failed")
            return
        part.write_text(f"{url}\n{own}\n")
        part.replace(folder / "address")
        with (folder / "users").open("a") as users:
            fcntl.flock(users, fcntl.LOCK_EX)
    finally:
        (folder / "address").unlink(missing_ok=True)
        servers.end()
        shutil.rmtree(own, ignore_errors=True)


if __name__ == "__main__":
    if sys.argv[1] == "--here":
        sys.exit(not installed())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if os.fork() == 0:
        os.setsid()
        keep(Path(sys.argv[1]).resolve(), int(sys.argv[2]))
