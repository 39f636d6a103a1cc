"""Half of a question is done by another thread when one is free, and by nobody else otherwise."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from discovery.index.base import Plan
from discovery.index.tantivy import TantivyIndex, search
from discovery.index.tantivy.beside import Beside
from discovery.query.query import FacetRequest, Histogram
from discovery.testing.index_catalogue import SCOPE, fill


@pytest.fixture
def beside() -> Iterator[Beside]:
    made = Beside(1)
    yield made
    made.close()


def test_a_free_thread_begins_at_once(beside: Beside) -> None:
    began = threading.Event()

    def act() -> threading.Thread:
        began.set()
        return threading.current_thread()

    result = beside.begin(act)
    assert began.wait(20)
    assert result() is not threading.current_thread()


def test_without_a_free_thread_whoever_asks_does_it(beside: Beside) -> None:
    go = threading.Event()
    first = beside.begin(lambda: go.wait(20))
    assert beside.begin(threading.current_thread)() is threading.current_thread()
    go.set()
    assert first()


def test_a_thread_is_free_again_after_an_error(beside: Beside) -> None:
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            beside.begin(lambda: 1 / 0)()
        beside.begin(lambda: None)()


@pytest.mark.parametrize("beside", [Beside(0), Beside(1)], ids=["one core", "closed"])
def test_one_core_or_a_closed_index_answers_all_the_same(beside: Beside) -> None:
    beside.close()
    assert beside.begin(threading.current_thread)() is threading.current_thread()


def test_halves_make_the_same_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = TantivyIndex(tmp_path)
    fill(index)
    plan = Plan(SCOPE, facets=(FacetRequest("keyword"), FacetRequest("mission")), histogram=Histogram("year"))
    alone = index.search(plan)
    monkeypatch.setattr(search, "LARGE", 0)
    index.write(SCOPE, (), [999], 2)
    assert index.search(plan) == alone
    index.close()
