"""A stretch of values is only ever a faster way to the page that asking for everything would bring."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tantivy import DocAddress

from discovery.index.base import Document
from discovery.index.tantivy import TantivyIndex, search
from discovery.index.tantivy.density import MONTH, Density, measure
from discovery.query.query import Comparison, Filter, Sort
from discovery.testing.index_catalogue import SCOPE, fill, walked

FLAT = Density(100, 10.0, (0.0, 10.0, 50.0), (20, 40, 40))


@pytest.mark.parametrize(
    ("value", "wanted", "descending", "end"),
    [
        (None, 10, False, 5.0),
        (None, 20, False, 10.0),
        (None, 40, False, 15.0),
        (None, 80, False, 55.0),
        (None, 101, False, None),
        (None, 20, True, 55.0),
        (None, 60, True, 15.0),
        (None, 101, True, None),
        (5.0, 10, False, 10.0),
        (5.0, 30, False, 15.0),
        (5.0, 10, True, 0.0),
        (5.0, 11, True, None),
        (30.0, 20, False, 55.0),
        (30.0, 20, True, 15.0),
        (-7.0, 10, False, 5.0),
        (-7.0, 1, True, None),
        (99.0, 1, False, None),
        (99.0, 20, True, 55.0),
    ],
)
def test_a_stretch_ends_where_as_many_values_are_expected(
    value: float | None, wanted: float, descending: bool, end: float | None
) -> None:
    assert FLAT.end(value, wanted, descending=descending) == end


@pytest.mark.parametrize(
    ("value", "wanted", "descending", "end"),
    [
        (None, 10, False, 7.0),
        (None, 20, True, 51.0),
        (None, 40, True, 50.0),
        (51.0, 20, True, 50.0),
        (7.0, 10, False, 10.0),
        (55.0, 20, True, 51.0),
        (-9.0, 10, False, 7.0),
    ],
)
def test_the_outer_bins_end_with_the_values(value: float | None, wanted: float, descending: bool, end: float) -> None:
    """A catalogue that grows by the day ends amid a bin, and people look at its newest records first."""
    cut = Density(100, 10.0, (0.0, 10.0, 50.0), (20, 40, 40), 4.0, 52.0)
    assert cut.end(value, wanted, descending=descending) == end


def test_a_density_fits_until_a_tenth_of_the_documents_came_or_went() -> None:
    assert [FLAT.fits(documents) for documents in (89, 90, 110, 111)] == [False, True, True, False]


def test_an_empty_density_ends_nowhere() -> None:
    assert Density(0, 0.0).end(None, 1, descending=True) is None


def documents() -> list[Document]:
    """Return documents with ties, a gap of ages, a crowd in one hour, and some without any value."""
    chance = random.Random(3)
    made = []
    for key in range(1, 1801):
        place = key % 6
        if place == 0:
            start = chance.randrange(0, 40 * int(MONTH))
        elif place == 1:
            start = 7 * int(MONTH) + chance.randrange(3_600_000)
        elif place == 2:
            start = chance.choice((-(10**15), 3 * int(MONTH), 39 * int(MONTH), 10**16))
        else:
            start = chance.randrange(300 * int(MONTH), 303 * int(MONTH))
        keywords = {"level": (f"L{key % 3}",)}
        if place == 5:
            made.append(Document(key, keywords=keywords))
        else:
            numbers = {"size": float(chance.choice((key, 7, -3.5, key * 1e6)))}
            made.append(Document(key, keywords=keywords, instants={"start": start}, numbers=numbers))
    return made


def in_order(made: list[Document], sort: Sort) -> list[int]:
    """Return keys in the order that every engine keeps."""

    def value(document: Document) -> float | None:
        return {**document.instants, **document.numbers}.get(sort.name)

    known = [each for each in made if value(each) is not None]
    known.sort(key=lambda each: (-(value(each) or 0) if sort.descending else value(each) or 0, each.key))
    return [each.key for each in known] + [each.key for each in made if value(each) is None]


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[TantivyIndex, list[Document], list[bool]]]:
    """Give an index of several segments and deletions where each page is looked for in a stretch first."""
    monkeypatch.setattr(search, "SMALL", 0)
    monkeypatch.setattr(search, "STRETCH_COST", 0)
    near = search.Search.near
    used: list[bool] = []

    def watched(self: search.Search, *args: Any, **more: Any) -> list[tuple[Any, DocAddress]] | None:
        hits = near(self, *args, **more)
        used.append(hits is not None)
        return hits

    monkeypatch.setattr(search.Search, "near", watched)
    made = documents()
    index = TantivyIndex(tmp_path)
    for part in range(3):
        fill(index, made[part::3])
    index.write(SCOPE, (), [each.key for each in made if each.key % 50 == 1], 2)
    yield index, [each for each in made if each.key % 50 != 1], used
    index.close()


@pytest.mark.parametrize("name", ["start", "size"])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("filter", [None, Comparison("=", "level", "L1")])
def test_pages_from_stretches_are_the_pages_of_the_whole_order(
    pages: tuple[TantivyIndex, list[Document], list[bool]], name: str, descending: bool, filter: Filter | None
) -> None:
    index, made, used = pages
    wanted = [each for each in made if filter is None or each.key % 3 == 1]
    sort = Sort(name, descending=descending)
    assert walked(index, sort, 40, filter=filter) == in_order(wanted, sort)
    assert sum(used) > 3


def test_bins_hold_every_value_once(pages: tuple[TantivyIndex, list[Document], list[bool]]) -> None:
    index, made, _ = pages
    searcher = index._scope(SCOPE).reader().searcher
    for name in ("start", "size"):
        found = measure(searcher, name)
        assert sum(found.counts) == sum(name in {**each.instants, **each.numbers} for each in made)
        assert list(found.starts) == sorted(found.starts)
        assert found.documents == len(made)


def test_a_field_that_nothing_has_has_no_bins(pages: tuple[TantivyIndex, list[Document], list[bool]]) -> None:
    index, _, _ = pages
    assert measure(index._scope(SCOPE).reader().searcher, "cloud_cover").counts == ()
