"""Asking for the next pages while the last one is being stored, so that the wait for a source costs nothing."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

_Q = TypeVar("_Q")
_A = TypeVar("_A")


class Ahead(Generic[_Q, _A]):
    """Answers questions, some of them before they are asked.

    Args:
        answer: Called with a question, in another thread for one that was begun ahead of its time.
    """

    def __init__(self, answer: Callable[[_Q], _A]) -> None:
        self._answer = answer
        # Few, and compared: a question need not be one that can be hashed.
        self._begun: list[tuple[_Q, queue.SimpleQueue[_A | BaseException]]] = []

    def begin(self, *questions: _Q) -> None:
        """Begin to look for the answers that will be wanted next; earlier ones that are none of them are let go."""
        before = self._begun
        self._begun = [
            next((each for each in before if each[0] == question), None) or (question, self._looked_for(question))
            for question in questions
        ]

    def take(self, question: _Q) -> _A:
        """Return the answer, which was begun or is looked for now; raises what looking for it has raised."""
        begun = next((each for each in self._begun if each[0] == question), None)
        if begun is None:
            # What was expected to follow does not, nor will what was expected behind it.
            self._begun.clear()
            return self._answer(question)
        self._begun.remove(begun)
        found = begun[1].get()
        if isinstance(found, BaseException):
            raise found
        return found

    def _looked_for(self, question: _Q) -> queue.SimpleQueue[_A | BaseException]:
        box: queue.SimpleQueue[_A | BaseException] = queue.SimpleQueue()
        # A daemon: whoever ends the walk early must not wait for a page that nobody reads.
        threading.Thread(target=self._look, args=(question, box), name="page ahead", daemon=True).start()
        return box

    def _look(self, question: _Q, box: queue.SimpleQueue[_A | BaseException]) -> None:
        try:
            box.put(self._answer(question))
        except BaseException as error:  # noqa: BLE001  # it is raised where it is waited for
            box.put(error)
