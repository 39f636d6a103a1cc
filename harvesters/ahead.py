"""Asking for the next page while the last one is being stored, so that the wait for a source costs nothing."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

_Q = TypeVar("_Q")
_A = TypeVar("_A")


class Ahead(Generic[_Q, _A]):
    """Answers questions, one of them before it is asked.

    Args:
        answer: Called with a question, in another thread for one that was begun ahead of its time.
    """

    def __init__(self, answer: Callable[[_Q], _A]) -> None:
        self._answer = answer
        self._begun: tuple[_Q, queue.SimpleQueue[_A | BaseException]] | None = None

    def begin(self, question: _Q) -> None:
        """Begin to look for the answer that will be wanted next."""
        box: queue.SimpleQueue[_A | BaseException] = queue.SimpleQueue()
        self._begun = (question, box)
        # A daemon: whoever ends the walk early must not wait for a page that nobody reads.
        threading.Thread(target=self._look, args=(question, box), name="page ahead", daemon=True).start()

    def take(self, question: _Q) -> _A:
        """Return the answer, which was begun or is looked for now; raises what looking for it has raised."""
        begun, self._begun = self._begun, None
        if begun is None or begun[0] != question:
            return self._answer(question)
        found = begun[1].get()
        if isinstance(found, BaseException):
            raise found
        return found

    def _look(self, question: _Q, box: queue.SimpleQueue[_A | BaseException]) -> None:
        try:
            box.put(self._answer(question))
        except BaseException as error:  # noqa: BLE001  # it is raised where it is waited for
            box.put(error)
