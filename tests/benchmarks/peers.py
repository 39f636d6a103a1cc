"""The servers that benchmarks stand beside, run as long as a block lasts, with the memory of a server of its own."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "tests" / "peers"
HOMES = ROOT / ".cache" / "peers"


def prepare(*names: str) -> None:
    """Install peers as CI does; what is there already costs nothing."""
    for name in names:
        subprocess.run([RECIPES / name / "prepare.sh"], stdin=subprocess.DEVNULL, check=True)


def wait(calm: float | None) -> None:
    """Wait until others have left the machine, if that is asked for, and say how busy it is."""
    while calm is not None and os.getloadavg()[0] >= calm:
        time.sleep(5)
    print(f"load average before the first question {os.getloadavg()[0]:.2f}", flush=True)


@contextmanager
def _kept(folder: Path, *command: str | Path) -> Iterator[str]:
    """Start a keeper; give the address of what it keeps."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "users").open("a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        subprocess.run([sys.executable, *command], stdin=subprocess.DEVNULL, check=True)
        while not (folder / "address").exists():
            if (folder / "failed").exists():
                raise SystemExit((folder / "failed").read_text(encoding="utf-8"))
            time.sleep(0.05)
        yield (folder / "address").read_text(encoding="utf-8")


@contextmanager
def elasticsearch(folder: Path) -> Iterator[str]:
    """Run an Elasticsearch node with 4 GiB of heap; give its address."""
    with _kept(folder, RECIPES / "elasticsearch" / "keep.py", HOMES / "elasticsearch", folder, "large") as address:
        yield address


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """Run a PostgreSQL server with 2 GiB of shared buffers; give its address, without a database's name."""
    with _kept(folder, RECIPES / "postgresql" / "keep.py", folder, "large") as address:
        yield address.rpartition("/")[0]


@contextmanager
def pgstac(folder: Path, files: list[Path]) -> Iterator[tuple[str, float]]:
    """Load items by pgstac's own loader and serve them; give the address and the seconds that loading took.

    Args:
        folder: Where the server's own things may go.
        files: Collections and items, one a line.
    """
    import psycopg

    with postgresql(folder / "postgresql") as address:
        with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE pgstac")
        command = [HOMES / "pgstac" / "bin" / "python", RECIPES / "pgstac" / "serve.py", f"{address}/pgstac", *files]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            try:
                loaded = float(next(line for line in server.stdout if line.startswith("loaded")).split()[2])
                url = next(line.strip() for line in server.stdout if line.startswith("http"))
                with psycopg.connect(f"{address}/pgstac", autocommit=True) as connection:
                    # What autovacuum would have done by the time that somebody asks.
                    connection.execute("VACUUM ANALYZE")
                yield url, loaded
            finally:
                server.kill()


@contextmanager
def sfeos(elasticsearch: str, prefix: str) -> Iterator[str]:
    """Serve STAC by SFEOS upon an Elasticsearch; give the address."""
    command = [HOMES / "sfeos" / "bin" / "python", RECIPES / "sfeos" / "serve.py", elasticsearch, prefix]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield next(line.strip() for line in server.stdout if line.startswith("http"))
        finally:
            server.kill()
