"""Suggestions over a real store and a real engine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from discovery.errors import BadQueryError
from discovery.index.tantivy import TantivyIndex
from discovery.indexer import follow
from discovery.model.record import OBSERVATIONS, RESOURCES, Record
from discovery.model.source import Mapped, RawRecord
from discovery.store.store import Store
from discovery.suggester import FRESH, WHATS, Suggester, Suggestion


class Clock:
    """Seconds that a test moves on."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{tmp_path / 'store.sqlite'}")
    yield opened
    opened.close()


@pytest.fixture
def index(tmp_path: Path) -> Iterator[TantivyIndex]:
    opened = TantivyIndex(tmp_path / "index")
    yield opened
    opened.close()


@pytest.fixture
def suggester(store: Store, index: TantivyIndex, clock: Clock) -> Suggester:
    return Suggester(store, index, clock=clock)


@pytest.fixture
def put(store: Store, index: TantivyIndex) -> Callable[..., None]:
    def write(*given: Record) -> None:
        store.ingest.page("s", 1, [Mapped(each, RawRecord("c", each.source_id, b"{}")) for each in given])
        follow(store, index)

    return write


def record(name: str, title: str = "Title", kind: str = "dataset", **more: object) -> Record:
    return Record("s", "c", name, kind, title, **more)  # type: ignore[arg-type]


def told(found: list[Suggestion]) -> list[tuple[str, str]]:
    return [(each.what, each.title) for each in found]


def test_values_come_first_then_places_and_objects_then_titles(suggester: Suggester, put: Callable[..., None]) -> None:
    put(
        record("a", "Mediterranean heat", missions=("astronomy/hubble",), instruments=("MEDUSA",)),
        record("o", "x", "observation", targets=("Medusa Nebula",)),
    )
    assert told(suggester.suggest("med", 8)) == [
        ("instrument", "MEDUSA"),
        ("target", "Medusa Nebula"),
        ("place", "Mediterranean Sea"),
        ("object", "Medusa Galaxy (NGC 4194)"),
        ("place", "Medan"),
        ("object", "Medusa Nebula (Sh2 274)"),
        ("place", "Medellín"),
        ("title", "Mediterranean heat"),
    ]


def test_a_mission_is_suggested_by_every_name_of_it(suggester: Suggester, put: Callable[..., None]) -> None:
    put(record("a", missions=("astronomy/hubble",)), record("b", missions=("astronomy/hubble",)))
    for typed in ("hub", "HST", "space tel", "astronomy hub"):
        found = suggester.suggest(typed, 8)[0]
        assert (found.what, found.value, found.count, found.scope) == ("mission", "astronomy/hubble", 2, RESOURCES)


def test_the_most_frequent_of_what_begins_so_comes_first(suggester: Suggester, put: Callable[..., None]) -> None:
    put(
        record("a", instruments=("Zed camera",)),
        *(record(f"b{n}", instruments=("Zed mapper",)) for n in range(3)),
        *(record(f"c{n}", instruments=("Old zed",)) for n in range(9)),
    )
    assert [each.title for each in suggester.suggest("zed", 8)][:3] == ["Zed mapper", "Zed camera", "Old zed"]


def test_what_only_observations_have_leads_to_observations(suggester: Suggester, put: Callable[..., None]) -> None:
    put(record("o", "x", "observation", targets=("Qwerty 7",)))
    (found,) = suggester.suggest("qwert", 8)
    assert (found.what, found.value, found.scope, found.count) == ("target", "Qwerty 7", OBSERVATIONS, 1)


def test_titles_keep_their_places_when_there_are_many_of_each(suggester: Suggester, put: Callable[..., None]) -> None:
    put(*(record(f"r{n}", f"Sea {n}", instruments=(f"Sea {n}",)) for n in range(20)))
    whats = [each.what for each in suggester.suggest("sea", 8)]
    assert whats == ["instrument"] * 3 + ["place"] * 2 + ["title"] * 3


def test_a_name_is_the_one_that_near_takes(suggester: Suggester) -> None:
    (found, *_) = suggester.suggest("m31", 8)
    assert (found.what, found.title, found.value, found.frame) == (
        "object", "Andromeda Galaxy (M31)", "Andromeda Galaxy", "sky",
    )  # fmt: skip


def test_counts_are_taken_anew_after_a_while_and_not_before(
    suggester: Suggester, put: Callable[..., None], clock: Clock
) -> None:
    put(record("a", instruments=("Zed",)))
    assert suggester.suggest("zed", 1)[0].count == 1
    put(record("b", instruments=("Zed",)))
    assert suggester.suggest("zed", 1)[0].count == 1
    clock.now += FRESH + 1
    assert suggester.suggest("zed", 1)[0].count == 2


def test_whoever_asks_while_counts_are_taken_gets_the_last_ones(
    store: Store, index: TantivyIndex, put: Callable[..., None], clock: Clock
) -> None:
    put(record("a", instruments=("Zed",)))
    counting, free = threading.Event(), threading.Event()

    class Slow(Suggester):
        def _counted(self, scope: str, known: object) -> object:  # type: ignore[override]
            if known is not None:
                counting.set()
                assert free.wait(20)
            return super()._counted(scope, known)  # type: ignore[arg-type]

    slow = Slow(store, index, clock=clock)
    assert slow.suggest("zed", 1)[0].count == 1
    put(record("b", instruments=("Zed",)))
    clock.now += FRESH + 1
    worker = threading.Thread(target=slow.suggest, args=("zed", 1))
    worker.start()
    assert counting.wait(20)
    assert slow.suggest("zed", 1)[0].count == 1
    free.set()
    worker.join(20)
    assert slow.suggest("zed", 1)[0].count == 2


HOSTILE = [
    "",
    " ",
    "\x00",
    "x" * 10_000,
    "sea " * 3_000,
    "\u202esea",
    ".*",
    "(a+)+$",
    "[",
    "\\",
    "😀",
    "\u05d0" * 99,
    "s",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_answered_quickly_and_always_the_same(
    suggester: Suggester, put: Callable[..., None], text: str
) -> None:
    put(*(record(f"r{n}", f"Sea {n}", instruments=(f"Sea {n}", "[", ".*")) for n in range(9)))
    first = suggester.suggest(text, 8)
    began = time.process_time()
    assert suggester.suggest(text, 8) == first
    assert time.process_time() - began < 2
    assert len(first) <= 8
    assert all(each.what in WHATS for each in first)


def test_half_a_character_is_refused(suggester: Suggester) -> None:
    with pytest.raises(BadQueryError, match="surrogate"):
        suggester.suggest("\ud800", 8)


def test_no_more_are_given_than_asked_for(suggester: Suggester, put: Callable[..., None]) -> None:
    put(*(record(f"r{n}", f"Sea {n}") for n in range(20)))
    for size in (0, 1, 2, 3, 50):
        assert len(suggester.suggest("sea", size)) <= size
