"""Adding files in a process of its own: a damaged Parquet file can end its reader, and must not end us."""

from __future__ import annotations

import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import orjson

from discovery.confinement import LARGE, Confined, Ended, Limits, Questions, Say
from discovery.embeddings import blas
from discovery.embeddings.building import Wanted
from discovery.embeddings.deriving import Failed, Progress
from discovery.embeddings.space import Model, Quantization, Space
from discovery.embeddings.spaces import Spaces
from discovery.errors import ConfigError, DiscoveryError

MEMORY: Final = 12 << 30
"""Bytes of memory that adding files may take at most; of a smaller machine three quarters of what it has."""
LIMITS: Final = Limits(memory=MEMORY, answer=256 << 20, written=None, handles=None, mapped=True)
"""What adding files may take: it maps tables of any size, writes what it derives, and takes as long as that takes."""
_OURS: Final = "DISCOVERY_"


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
    at = ""

    def failed(ended: Ended) -> ConfigError:
        return _failed(ended, at)

    # The keys of buckets are in variables; what is in ours is of no use to who reads files.
    environment = blas.hints() | {each: value for each, value in os.environ.items() if not each.startswith(_OURS)}
    with Confined("discovery.embeddings.apart:work", LIMITS, failed, environment) as reader:
        reader.ask(asked)
        while True:
            told = orjson.loads(reader.hear())
            if "made" in told:
                return Space.from_dict(told["made"])
            if "error" in told:
                raise Failed(told["error"], told["message"]).error()
            at = told["what"]
            if progress is not None:
                progress(at, told["done"], told["of"])


def _failed(ended: Ended, at: str) -> ConfigError:
    by = f"signal {ended.signal}" if ended.signal else f"status {ended.status}"
    by = "an answer that is too large" if ended.why == LARGE else by
    where = f" while {at} was read" if at else ""
    return ConfigError(f"the reader ended by {by}{where}: a file is damaged, or memory ran out")


def work(asked: Questions, say: Say) -> None:
    """Add the files that are asked for, and tell of it: what is done and how far, and at last what came of it.

    Args:
        asked: One question.
        say: Is given JSON.
    """
    given = orjson.loads(next(asked))
    at = ""

    def told(what: str, done: int, of: int) -> None:
        nonlocal at
        at = what
        say(orjson.dumps({"what": what, "done": done, "of": of}))

    try:
        made = Spaces(Path(given["folder"])).add(given["name"], _wanted(given["wanted"]), told)
    except DiscoveryError as error:
        say(orjson.dumps({"error": error.kind, "message": str(error)}))
    except MemoryError:
        where = f" while {at} was read" if at else ""
        message = f"memory ran out{where}: a file is damaged, or too large"
        say(orjson.dumps({"error": ConfigError.kind, "message": message}))
    else:
        say(orjson.dumps({"made": made.to_dict()}))


def _wanted(given: dict[str, Any]) -> Wanted:
    found = Wanted(**given)
    return replace(
        found,
        addresses=tuple(found.addresses),
        model=Model(**given["model"]),
        quantization=Quantization(**given["quantization"]),
    )
