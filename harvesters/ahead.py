"""Asking for the next pages while the last one is being stored, so that the wait for a source costs nothing."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

_Q = TypeVar("_Q")
_A = TypeVar("_A")


@dataclass(frozen=True, eq=False)
class _Begun(Generic[_Q, _A]):
    """A question whose answer somebody may want, and the answer once it is there."""

    question: _Q
    answer: Future[_A] = field(default_factory=Future)


class Ahead(Generic[_Q, _A]):
    """Answers questions, some of them before they are asked.

    Those are looked for one after the other: a service that is asked for two pages at a time takes longer for each, and
    one that works through several in a row never waits for us either.

    Args:
        answer: Called with a question, in another thread for one that was begun ahead of its time.
    """

    def __init__(self, answer: Callable[[_Q], _A]) -> None:
        self._answer = answer
        # Few, and compared: a question need not be one that can be hashed.
        self._begun: list[_Begun[_Q, _A]] = []
        self._waiting: deque[_Begun[_Q, _A]] = deque()
        self._lock = threading.Lock()
        self._at_work = False

    def begin(self, *questions: _Q) -> None:
        """Begin to look for the answers that will be wanted next, in their order; others that were begun are let go."""
        before = self._begun
        self._begun = [
            next((each for each in before if each.question == question), _Begun[_Q, _A](question))
            for question in questions
        ]
        with self._lock:
            # Compared by what they are: nothing is hashed or equal here but itself.
            at_work = [each for each in before if each not in self._waiting]
            self._waiting = deque(each for each in self._begun if each not in at_work)
            start = bool(self._waiting) and not self._at_work
            self._at_work = self._at_work or start
        if start:
            # A daemon: whoever ends the walk early must not wait for a page that nobody reads.
            threading.Thread(target=self._look, name="page ahead", daemon=True).start()

    def take(self, question: _Q) -> _A:
        """Return the answer, which was begun or is looked for now; raises what looking for it has raised."""
        begun = next((each for each in self._begun if each.question == question), None)
        if begun is None:
            # What was expected to follow does not, nor will what was expected behind it.
            self.begin()
            return self._answer(question)
        self._begun.remove(begun)
        return begun.answer.result()

    def _look(self) -> None:
        """Look for one answer after the other until none is waited for."""
        while True:
            with self._lock:
                if not self._waiting:
                    self._at_work = False
                    return
                each = self._waiting.popleft()
            try:
                each.answer.set_result(self._answer(each.question))
            except BaseException as error:  # noqa: BLE001  # it is raised where it is waited for
                each.answer.set_exception(error)
