"""Resources near in meaning beside those that have the words, over a real store and real engines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from discovery.config import Settings
from discovery.errors import GoneError
from discovery.fusion import NEAR, WINDOW, _Lists, check, fused, joined, parted
from discovery.index.base import Hit, Index
from discovery.indexer import follow, learn
from discovery.meaning.meanings import FILE
from discovery.model.record import Record
from discovery.model.source import Mapped, RawRecord
from discovery.portal import Page, Portal
from discovery.query.query import Comparison, FacetRequest, Histogram, Query, Selection, Sort
from discovery.testing.oracle import OracleIndex
from discovery.understanding import FEW, sentences, to_dict
from discovery.wiring import meanings, open_portal

# Made by hand: wetness, coldness, farness, height and force.
WORDS = {
    "drizzle": (1, 0, 0, 0, 0),
    "downpour": (0.95, 0.1, 0, 0, 0),
    "shower": (0.9, 0, 0.2, 0, 0),
    "firn": (0, 1, 0, 0, 0),
    "neve": (0.1, 0.95, 0, 0, 0),
    "rime": (0.05, 1, 0, 0, 0),
    "quasar": (0, 0, 1, 0, 0),
    "alps": (0, 0, 0, 1, 0),
    "tremor": (0, 0, 0, 0, 1),
}
RECORDS = (
    Record("s", "c", "exact", "dataset", "Drizzle", keywords=("alps",), doi="10.5270/esa-drizzle"),
    Record("s", "c", "near", "dataset", "Downpour maps", provider="ESA"),
    Record("s", "c", "alpine", "project", "Shower of the Alps", provider="ESA"),
    Record("s", "c", "cold", "dataset", "Firn of the Alps", provider="DLR"),
    Record("s", "c", "colder", "dataset", "Neve", provider="DLR"),
    *(Record("s", "c", f"quake{number}", "dataset", f"Tremor {number}") for number in range(FEW + 2)),
    Record("s", "o", "scene", "observation", "Downpour 7"),
)
FACETS = (FacetRequest("kind"), FacetRequest("provider"))


def weights(path: Path, turned: float = 1.0) -> Path:
    vectors = turned * np.array(list(WORDS.values()), dtype=np.float32)
    np.savez(path, words=np.array(list(WORDS)), vectors=vectors)
    return path


def put(portal: Portal, *records: Record) -> None:
    portal.store.ingest.page("s", 1, [Mapped(each, RawRecord("c", each.source_id, b"{}")) for each in records])
    follow(portal.store, portal.index)
    learn(portal.store, portal.meanings)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def portal(home: Path) -> Iterator[Portal]:
    weights(home / "w.npz")
    opened = open_portal(Settings(home, semantic_weights="w.npz"))
    put(opened, *RECORDS)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def plain(home: Path, portal: Portal) -> Iterator[Portal]:
    opened = open_portal(Settings(home))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def reference(home: Path, portal: Portal) -> Portal:
    """The same records behind an engine that shares no code with the others."""
    index: Index = OracleIndex()
    opened = Portal(portal.store, index, meanings=portal.meanings)
    follow(opened.store, index)
    return opened


@pytest.fixture(params=["tantivy", "oracle", pytest.param("elasticsearch", marks=pytest.mark.peer)])
def engine(request: pytest.FixtureRequest, home: Path, portal: Portal, reference: Portal) -> Iterator[Portal]:
    if request.param != "elasticsearch":
        yield portal if request.param == "tantivy" else reference
        return
    named = f"elasticsearch={request.getfixturevalue('elasticsearch')}"
    prefix = request.getfixturevalue("elasticsearch_prefix")
    opened = open_portal(Settings(home, semantic_weights="w.npz", index=named, index_prefix=prefix))
    follow(opened.store, opened.index)
    yield opened
    opened.close()


def ids(page: Page) -> list[str]:
    return [found.record.source_id for found in page.records]


def ask(portal: Portal, text: str, **more: object) -> Page:
    return portal.search(Query(text=text, lenient=True, **more))  # type: ignore[arg-type]


def test_a_neighbour_without_the_word_is_found_behind_what_has_it(engine: Portal) -> None:
    page = ask(engine, "drizzle")
    assert ids(page) == ["exact", "near", "alpine"]
    assert page.total.value == 3
    assert page.understood is not None
    assert (page.understood.near, page.understood.complete) == (2, 1)
    assert sentences(page.understood) == ["2 records are listed for other words that are near in meaning."]
    assert to_dict(page.understood)["near"] == 2


def test_a_word_that_no_record_has_finds_what_is_near(engine: Portal, plain: Portal) -> None:
    assert ids(ask(plain, "rime")) == []
    page = ask(engine, "rime")
    assert ids(page) == ["colder", "cold"]
    assert page.understood is not None
    assert (page.understood.complete, page.understood.near) == (0, 2)
    assert ask(engine, "quasar").records == ()


def test_scores_fall_along_the_page(engine: Portal) -> None:
    scores = [found.score for found in ask(engine, "drizzle alps").records]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) > 3


def test_what_has_all_of_the_words_is_never_moved(engine: Portal, plain: Portal) -> None:
    for text in ("drizzle", "drizzle alps", "alps firn", "alps", "tremor", "tremor 3"):
        before, now = ask(plain, text), ask(engine, text)
        complete = before.understood.complete if before.understood else before.total.value
        assert set(ids(now)[:complete]) == set(ids(before)[:complete]), text
        assert set(ids(now)) >= set(ids(before)), text


def test_tantivy_keeps_its_own_order_of_what_has_all_of_the_words(portal: Portal, plain: Portal) -> None:
    for text in ("alps", "drizzle alps", "firn alps"):
        before = ask(plain, text)
        complete = before.understood.complete if before.understood else before.total.value
        assert ids(ask(portal, text))[:complete] == ids(before)[:complete], text


@pytest.mark.parametrize(
    "text",
    [
        "10.5270/esa-drizzle",
        "https://doi.org/10.5270/esa-drizzle",
        '"drizzle"',
        'downpour "maps"',
        "tremor",
        "-drizzle",
        "",
        "zzzz",
    ],
)
def test_what_is_named_quoted_plentiful_or_unknown_is_answered_as_without_weights(
    portal: Portal, plain: Portal, text: str
) -> None:
    for query in (Query(text=text, lenient=True, facets=FACETS), Query(text=text, facets=FACETS)):
        now, before = portal.search(query), plain.search(query)
        assert replace(now, seconds=0.0) == replace(before, seconds=0.0)


@pytest.mark.parametrize(
    "query",
    [
        Query(text="drizzle"),
        Query(text="downpour", scope="observations", lenient=True),
        Query(text="drizzle", lenient=True, sort=Sort("title")),
        Query(phrases=("drizzle",), lenient=True),
    ],
)
def test_exact_questions_other_orders_and_observations_have_no_signal(
    portal: Portal, plain: Portal, query: Query
) -> None:
    now, before = portal.search(query), plain.search(query)
    assert replace(now, seconds=0.0) == replace(before, seconds=0.0)


def test_everything_is_counted_over_what_is_listed(engine: Portal) -> None:
    page = ask(engine, "drizzle", facets=FACETS, histogram=Histogram())
    kinds, providers = ({each.value: each.count for each in facet.buckets} for facet in page.facets)
    assert kinds == {"dataset": 2, "project": 1}
    assert providers == {"ESA": 2}
    assert page.total.value == len(page.records)


def test_filters_and_ticked_values_hold_for_what_is_near(engine: Portal) -> None:
    page = ask(engine, "drizzle", filter=Comparison("=", "kind", "project"))
    assert (ids(page), page.total.value) == (["alpine"], 1)
    page = ask(engine, "drizzle", selections=(Selection("kind", ("project",)),), facets=FACETS)
    assert ids(page) == ["alpine"]
    assert {each.value: each.count for each in page.facets[0].buckets} == {"dataset": 2, "project": 1}


def test_what_is_not_wanted_is_not_near_either(engine: Portal) -> None:
    assert ids(ask(engine, "drizzle -shower")) == ["exact", "near"]


def test_pages_are_parts_of_one_order(engine: Portal) -> None:
    whole = ids(ask(engine, "drizzle alps"))
    walked: list[str] = []
    page = ask(engine, "drizzle alps", size=2)
    while True:
        walked += ids(page)
        if not page.next:
            break
        page = ask(engine, "drizzle alps", size=2, after=page.next)
    assert walked == whole
    assert len(set(whole)) == len(whole) == page.total.value


@pytest.mark.slow
def test_behind_the_window_the_words_alone_order(tmp_path: Path) -> None:
    weights(tmp_path / "w.npz")
    many = WINDOW + 30
    opened = open_portal(Settings(tmp_path, semantic_weights="w.npz"))
    try:
        records = [Record("s", "c", f"t{number}", "dataset", f"Glory {number}") for number in range(many)]
        put(opened, *records, *(Record("s", "c", f"d{number}", "dataset", "Shower") for number in range(NEAR + 3)))
        walked: list[str] = []
        after = ""
        while True:
            page = ask(opened, "glory drizzle", size=23, after=after)
            walked += ids(page)
            after = page.next
            if not after:
                break
        assert len(walked) == len(set(walked)) == page.total.value == many + NEAR
        assert [each for each in walked[WINDOW + NEAR :] if each.startswith("d")] == []
        assert {each for each in walked[: WINDOW + NEAR] if each.startswith("d")} != set()
    finally:
        opened.close()


def test_a_page_of_other_weights_cannot_be_gone_on_with(portal: Portal, plain: Portal, home: Path) -> None:
    after = ask(portal, "drizzle", size=1).next
    with pytest.raises(GoneError, match="begin again"):
        ask(plain, "drizzle", size=1, after=after)
    weights(home / "other.npz", 2.0)
    named = meanings(Settings(home, semantic_weights="other.npz"))
    other = Portal(portal.store, portal.index, meanings=named)
    with pytest.raises(GoneError, match="begin again"):
        ask(other, "drizzle", size=1, after=after)


def test_a_page_that_began_without_weights_goes_on_without(portal: Portal, plain: Portal) -> None:
    before = ask(plain, "drizzle alps", size=1)
    assert before.next
    assert ids(ask(portal, "drizzle alps", size=5, after=before.next)) == ids(ask(plain, "drizzle alps"))[1:]


@pytest.mark.parametrize("name", ["missing.npz", "w.npz"])
def test_weights_or_vectors_that_are_not_there_fail_no_search(tmp_path: Path, name: str) -> None:
    weights(tmp_path / "w.npz")
    opened = open_portal(Settings(tmp_path, semantic_weights=name))
    try:
        put(opened, *RECORDS[:3])
        (tmp_path / "meaning" / FILE).unlink(missing_ok=True)
        assert ids(ask(opened, "drizzle")) == ["exact"]
        assert opened.meanings is not None
        assert len(opened.meanings.check()) == 1
    finally:
        opened.close()


def test_reciprocals_of_ranks_decide_behind_what_has_all_of_the_words() -> None:
    lists = _Lists((Hit(9, 5.0),), (Hit(1, 4.0), Hit(2, 3.0), Hit(3, 2.0)), (7, 3, 8))
    assert [hit.key for hit in fused(lists)] == [9, 3, 1, 7, 2, 8]
    assert fused(lists)[0] == Hit(9, 5.0)


def test_a_cursor_says_by_which_weights_its_page_was_made() -> None:
    assert parted(joined("resources-7", "abc")) == ("resources-7", "abc")
    assert parted(joined("resources-7", "")) == ("resources-7", "")
    check("", "abc")
    check("abc", "abc")
    with pytest.raises(GoneError):
        check("abc", "")
