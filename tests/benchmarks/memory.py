"""How much memory a process has that is no mapped file, and the most that it was while something was done."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def held() -> float:
    """Return how many MiB this process has now."""
    found = re.search(r"RssAnon:\s+(\d+)", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(found[1]) / 1024 if found else 0.0


@contextmanager
def watched() -> Iterator[list[float]]:
    """Yield a list whose one number is the most MiB that this process has had while the block ran."""
    most, ended = [held()], threading.Event()

    def watch() -> None:
        while not ended.wait(0.05):
            most[0] = max(most[0], held())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield most
    finally:
        ended.set()
        thread.join()
