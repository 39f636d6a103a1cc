"""A second thread for one question, while there is a core for it: hits and counts are looked for at the same time."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_T = TypeVar("_T")


class Beside:
    """Threads that do half of a question, as many as there are cores without the one that asks.

    tantivy lets go of the interpreter while it searches, so two halves really go on at once. Nobody waits for a free
    thread: under load each question is answered by its own thread alone, as if there were none here.

    Args:
        threads: How many; by default what the machine has to spare, which may be none.
    """

    def __init__(self, threads: int | None = None) -> None:
        self._count = (os.cpu_count() or 1) - 1 if threads is None else threads
        self._free = threading.Semaphore(self._count)
        self._pool = ThreadPoolExecutor(max(self._count, 1), "beside")

    def begin(self, act: Callable[[], _T]) -> Callable[[], _T]:
        """Begin something and return what waits for its result; without a free thread it is only done then."""
        if not self._free.acquire(blocking=False):
            return act
        try:
            future = self._pool.submit(act)
        except RuntimeError:
            # Closed: whoever still asks does so alone.
            self._free.release()
            return act
        future.add_done_callback(self._done)
        return future.result

    def _done(self, _: Future[_T]) -> None:
        self._free.release()

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=True)
