"""Damaged files of embeddings: each number of their metadata made a lie, one at a time, and a judge that survives them.

A reader that believes a number makes room for it, walks that far, or reads what is not its own. Each damaged file is
read by a process of its own, with little memory and little time; what comes of it is `read`, an error of ours, or what
ended the process.

python -m discovery.testing.damage FOLDER < PATHS    one path a line; prints one JSON object a line
"""

from __future__ import annotations

import copy
import os
import resource
import shutil
import signal
import struct
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

LIES: Final = (-1, 0, 1, 2**31 - 1, 2**33, 2**40, 2**62)
"""Numbers that a reader should not believe."""
VALUES: Final[tuple[Any, ...]] = (
    -1,
    0,
    1,
    2**31 - 1,
    2**40,
    2**62,
    2**63,
    2**70,
    1.5,
    "",
    "x",
    None,
    [],
    {},
    [2**40, 2**40],
    "NaN",
    True,
)
"""What may stand instead of a value of JSON."""
MEMORY: Final = 3 << 30
"""Bytes of address space that a reader may take beside what its libraries have."""
SECONDS: Final = 30
"""Of the processor that a reader may take: a busy machine makes none of them guilty."""
PATIENCE: Final = 600
"""Seconds after which a reader hangs that does nothing."""
_TAIL: Final = 8
"""Bytes behind the footer of a Parquet file: its length and four letters."""
_STOP, _TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 0, 1, 2, 3, 7, 8, 9, 10, 11, 12
_WHOLE: Final = (4, 5, 6)
"""Types of whole numbers in Thrift's compact protocol: of 16, 32 and 64 bits."""


class _Walk:
    """Walks a struct of Thrift's compact protocol and notes where its whole numbers are."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at
        self.numbers: list[tuple[int, int]] = []

    def varint(self) -> int:
        shift = found = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            found |= (byte & 127) << shift
            if byte < 128:
                return found
            shift += 7

    def struct(self) -> None:
        while header := self.data[self.at]:
            self.at += 1
            if not header >> 4:
                self.varint()
            self.value(header & 15, within=False)
        self.at += 1

    def value(self, kind: int, *, within: bool) -> None:
        start = self.at
        if kind in (_TRUE, _FALSE):
            self.at += 1 if within else 0
        elif kind == _BYTE:
            self.at += 1
        elif kind in _WHOLE:
            self.varint()
            self.numbers.append((start, self.at))
        elif kind == _DOUBLE:
            self.at += 8
        elif kind == _BINARY:
            length = self.varint()
            self.at += length
        elif kind in (_LIST, _SET):
            head = self.data[self.at]
            self.at += 1
            count = self.varint() if head >> 4 == 15 else head >> 4
            for _ in range(count):
                self.value(head & 15, within=True)
        elif kind == _STRUCT:
            self.struct()
        else:
            raise ValueError(f"type {kind} at byte {start}")


def numbers(data: bytes, at: int = 0) -> tuple[list[tuple[int, int]], int]:
    """Return where the whole numbers of a Thrift struct begin and end, and where it ends itself."""
    walk = _Walk(data, at)
    walk.struct()
    return walk.numbers, walk.at


def varint(value: int) -> bytes:
    """Return a signed number as Thrift's compact protocol writes it."""
    left = (value << 1) ^ (value >> 63) if value < 0 else value << 1
    out = bytearray()
    while left > 127:
        out.append(left & 127 | 128)
        left >>= 7
    return bytes([*out, left])


def parquet(data: bytes, *, first_page: int | None = None) -> Iterator[tuple[str, bytes]]:
    """Yield a Parquet file again and again, each time with one lie in its footer, or in the header of a page.

    Args:
        data: The file.
        first_page: Where the header of the last page begins, if that is to lie.
    """
    size = struct.unpack("<I", data[-_TAIL:-4])[0]
    begin = len(data) - _TAIL - size
    footer = data[begin:-_TAIL]
    for number, (start, end) in enumerate(numbers(footer)[0]):
        for lie in LIES:
            made = footer[:start] + varint(lie) + footer[end:]
            yield f"footer-{number}-{lie}", data[:begin] + made + struct.pack("<I", len(made)) + data[-4:]
    if first_page is not None:
        for number, (start, end) in enumerate(numbers(data, first_page)[0]):
            for lie in LIES:
                yield f"page-{number}-{lie}", data[:start] + varint(lie) + data[end:]


def words(data: bytes, kept: Sequence[range] = ()) -> Iterator[tuple[str, bytes]]:
    """Yield a file again and again, each time with one lie in a word of it, as Arrow files have their metadata.

    Args:
        data: The file.
        kept: Bytes that stay as they are.
    """
    for at in range(0, len(data) - 8, 4):
        if any(at in each for each in kept):
            continue
        for lie in (-1, 2**31 - 1, 2**40, 2**62):
            size = 8 if lie > 2**31 else 4
            made = (lie & (2 ** (8 * size) - 1)).to_bytes(size, "little")
            if data[at : at + size] != made:
                yield f"word-{at}-{lie}", data[:at] + made + data[at + size :]


def values(document: Any) -> Iterator[tuple[str, Any]]:
    """Yield a document of JSON again and again, each time with another value somewhere, or without one."""
    for path in _paths(document):
        for number, value in enumerate(VALUES):
            yield f"{'.'.join(map(str, path))}-{number}", _with(document, path, value)
        yield f"{'.'.join(map(str, path))}-gone", _without(document, path)


def _paths(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    pairs: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        pairs = value.items()
    elif isinstance(value, list):
        pairs = enumerate(value)
    for key, inner in pairs:
        yield (*before, key)
        yield from _paths(inner, (*before, key))


def _with(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    made = copy.deepcopy(document)
    inner = made
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return made


def _without(document: Any, path: tuple[Any, ...]) -> Any:
    made = copy.deepcopy(document)
    inner = made
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return made


def judged(paths: Iterable[Path], folder: Path) -> dict[str, str]:
    """Return what comes of reading files, by their paths.

    Args:
        paths: Of the files, or of folders that are Zarr.
        folder: For what is derived; it is emptied.
    """
    asked = "".join(f"{each}\n" for each in paths)
    command = [sys.executable, "-m", "discovery.testing.damage", str(folder)]
    done = subprocess.run(command, input=asked.encode(), capture_output=True, check=True)
    return dict(orjson.loads(line) for line in done.stdout.splitlines())


def _read(path: str, folder: Path) -> str:
    """Return what comes of adding a file to a space and asking for what is in it."""
    from discovery.embeddings.building import Wanted
    from discovery.embeddings.spaces import Spaces
    from discovery.errors import DiscoveryError

    shutil.rmtree(folder, ignore_errors=True)
    try:
        spaces = Spaces(folder)
        spaces.add("s", Wanted((path,)))
        searcher = spaces.searcher("s")
        segment = searcher.segments[0]
        row = int(segment.usable.nonzero()[0][0]) if segment.usable.any() else -1
        if row >= 0:
            import numpy as np

            searcher.search(segment.vectors(np.array([row])), 5, mode="exact")
    except DiscoveryError as error:
        return f"{error.kind}: {error}"
    except BaseException as error:  # noqa: BLE001 - that it is none of ours is what is told
        return f"raised {type(error).__name__}: {str(error)[:200]}"
    return "read"


def _alone(path: str, folder: Path) -> str:
    """Return what comes of a file, read by a child of this process."""
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        os.close(told)
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        signal.alarm(PATIENCE)
        os.write(tell, _read(path, folder).encode("utf-8", "replace")[:4000])
        os._exit(0)
    os.close(tell)
    with os.fdopen(told, "rb") as pipe:
        said = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return f"ended by {signal.Signals(os.WTERMSIG(status)).name}"
    return said or f"ended with {os.waitstatus_to_exitcode(status)}"


def main() -> None:
    """Read the files whose paths come in, each alone, and print what came of it."""
    import discovery.embeddings.spaces  # noqa: F401 - once, and not by every child

    folder = Path(sys.argv[1])
    for line in sys.stdin:
        path = line.rstrip("\n")
        sys.stdout.buffer.write(orjson.dumps([path, _alone(path, folder)]) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
