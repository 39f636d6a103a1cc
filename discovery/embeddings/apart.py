"""Adding files in a process of its own: a damaged Parquet file can end its reader, and must not end us."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import orjson

from discovery.embeddings import blas
from discovery.embeddings.building import Wanted
from discovery.embeddings.deriving import Failed, Progress
from discovery.embeddings.space import Model, Quantization, Space
from discovery.embeddings.spaces import Spaces
from discovery.errors import ConfigError, DiscoveryError

MEMORY: Final = 12 << 30
"""Bytes of memory that adding files may take at most; of a smaller machine three quarters of what it has."""


def add(folder: Path, name: str, wanted: Wanted, progress: Progress | None = None) -> Space:
    """Add files to a space as `Spaces.add` does, and raise what it raises; see `discovery.embeddings.building`.

    Args:
        folder: With a folder for each space.
        name: Of the space.
        wanted: The files, and what is known of them.
        progress: Is told how far it is.

    Raises:
        ConfigError: The reader was ended by what it read.
    """
    asked = orjson.dumps({"folder": str(folder), "name": name, "wanted": asdict(wanted)})
    command = [sys.executable, "-m", "discovery.embeddings.apart"]
    at = ""
    environment = blas.hints() | os.environ
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as work:
        assert work.stdin is not None
        assert work.stdout is not None
        try:
            work.stdin.write(asked)
            work.stdin.close()
            for line in work.stdout:
                told = orjson.loads(line)
                if "made" in told:
                    return Space.from_dict(told["made"])
                if "error" in told:
                    raise Failed(told["error"], told["message"]).error()
                at = told["what"]
                if progress is not None:
                    progress(at, told["done"], told["of"])
        except BaseException:
            work.kill()
            raise
    ended = f"signal {signal.Signals(-work.returncode).name}" if work.returncode < 0 else f"status {work.returncode}"
    where = f" while {at} was read" if at else ""
    raise ConfigError(f"the reader ended by {ended}{where}: a file is damaged, or memory ran out")


def _say(value: Mapping[str, Any]) -> None:
    sys.stdout.buffer.write(orjson.dumps(value) + b"\n")
    sys.stdout.buffer.flush()


def _bounded() -> None:
    """Keep a file that asks for more memory than there is from taking it from everybody else on this machine."""
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    most = min(MEMORY, there * 3 // 4)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard in (resource.RLIM_INFINITY, -1) or hard > most:
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def main() -> None:
    """Read what is asked for, do it, and tell of it line by line."""
    _bounded()
    asked = orjson.loads(sys.stdin.buffer.read())
    given = asked["wanted"]
    wanted = Wanted(
        **given
        | {
            "addresses": tuple(given["addresses"]),
            "model": Model(**given["model"]),
            "quantization": Quantization(**given["quantization"]),
        }
    )

    at = ""

    def told(what: str, done: int, of: int) -> None:
        nonlocal at
        at = what
        _say({"what": what, "done": done, "of": of})

    try:
        made = Spaces(Path(asked["folder"])).add(asked["name"], wanted, told)
    except DiscoveryError as error:
        _say({"error": error.kind, "message": str(error)})
        return
    except MemoryError:
        where = f" while {at} was read" if at else ""
        _say({"error": ConfigError.kind, "message": f"memory ran out{where}: a file is damaged, or too large"})
        return
    _say({"made": made.to_dict()})


if __name__ == "__main__":
    main()
