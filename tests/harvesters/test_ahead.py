from __future__ import annotations

import threading
import time

import pytest

from harvesters.ahead import Ahead


def test_an_answer_that_was_begun_is_looked_for_once() -> None:
    asked: list[tuple[int, bool]] = []

    def answer(question: int) -> int:
        asked.append((question, threading.current_thread() is threading.main_thread()))
        return question * 2

    ahead = Ahead(answer)
    assert ahead.take(1) == 2
    ahead.begin(2)
    assert ahead.take(2) == 4
    assert ahead.take(2) == 4
    assert asked == [(1, True), (2, False), (2, True)]


def test_the_next_answer_is_looked_for_meanwhile() -> None:
    begun = threading.Event()
    ahead = Ahead[str, None](lambda _: begun.set())
    ahead.begin("next")
    assert begun.wait(10)


def test_several_answers_are_looked_for_one_after_the_other_and_each_of_them_once() -> None:
    asked: list[int] = []
    alone = threading.Lock()

    def answer(question: int) -> int:
        assert alone.acquire(blocking=False)
        asked.append(question)
        time.sleep(0.01)
        alone.release()
        return question * 2

    ahead = Ahead(answer)
    ahead.begin(1, 2)
    assert ahead.take(1) == 2
    ahead.begin(2, 3)
    assert [ahead.take(2), ahead.take(3)] == [4, 6]
    assert asked == [1, 2, 3]


def test_an_answer_that_nobody_wants_any_more_is_not_looked_for() -> None:
    asked: list[int] = []
    go_on, at_work = threading.Event(), threading.Event()

    def answer(question: int) -> int:
        asked.append(question)
        at_work.set()
        assert go_on.wait(10)
        return question

    ahead = Ahead(answer)
    ahead.begin(1, 2)
    assert at_work.wait(10)
    ahead.begin(1, 3)
    go_on.set()
    assert [ahead.take(1), ahead.take(3)] == [1, 3]
    assert asked == [1, 3]


def test_what_was_expected_behind_a_wrong_guess_is_let_go() -> None:
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return question

    ahead = Ahead(answer)
    ahead.begin("b", "c")
    assert ahead.take("x") == "x"
    assert ahead.take("c") == "c"
    # The second was in nobody's hands yet, or it was: whoever wanted another answer has let it go.
    assert sorted(asked) in (["b", "c", "c", "x"], ["b", "c", "x"])


def test_an_answer_to_another_question_is_not_given() -> None:
    ahead = Ahead[str, str](lambda question: question.upper())
    ahead.begin("a")
    assert ahead.take("b") == "B"
    assert ahead.take("a") == "A"


def test_an_error_is_raised_where_the_answer_is_wanted() -> None:
    def answer(question: str) -> str:
        raise ValueError(question)

    ahead = Ahead(answer)
    ahead.begin("a")
    with pytest.raises(ValueError, match="a"):
        ahead.take("a")


def test_a_question_need_not_be_hashable() -> None:
    asked: list[dict[str, int]] = []

    def answer(question: dict[str, int]) -> int:
        asked.append(question)
        return question["page"]

    ahead = Ahead(answer)
    ahead.begin({"page": 1}, {"page": 2})
    assert ahead.take({"page": 1}) == 1
    ahead.begin({"page": 2})
    assert ahead.take({"page": 2}) == 2
    assert sorted(each["page"] for each in asked) == [1, 2]
