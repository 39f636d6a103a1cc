"""Selections: as an address, as a document, and as the records that they have now."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery import selection
from discovery.errors import BadQueryError, LimitError, UnknownFieldError
from discovery.index.tantivy import TantivyIndex
from discovery.indexer import follow
from discovery.model.record import Record
from discovery.model.source import Mapped, RawRecord, Source
from discovery.portal import Portal
from discovery.query.query import Query
from discovery.selection import Lost, Selection
from discovery.store.store import Store

ID = "abcdefghijklmnop"


def record(source: str, name: str, **more: object) -> Record:
    return Record(source, "c", name, "dataset", f"Crab {name}", **more)  # type: ignore[arg-type]


def put(portal: Portal, *given: Record, walk: int = 1) -> None:
    for each in given:
        portal.store.ingest.page(each.source, walk, [Mapped(each, RawRecord("c", each.source_id, b"{}"))])


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """Return a portal with 30 records, one that was deleted and one that was merged."""
    home = tmp_path_factory.mktemp("selection")
    made = Portal(Store(f"sqlite:///{home / 'store.db'}"), TantivyIndex(home / "index"))
    for name in ("s", "gone", "one", "other"):
        made.store.ledger.add_source(Source(name, "stac-items", f"file:{name}", name))
    put(made, *(record("s", f"r{number}", updated=number) for number in range(30)), record("gone", "g"))
    put(made, record("one", "m", doi="10.5270/esa-1"), record("other", "m", doi="10.5270/esa-1"))
    made.store.duplicates.find()
    made.store.ingest.finish("gone", 2, sweep=True, now_gone=True)
    follow(made.store, made.index)
    yield made
    made.close()


def test_an_address_is_a_selection_and_back() -> None:
    for made in (
        Selection(),
        Selection.of_ids([ID, "b", ID]),
        Selection.parse([("all", "1"), ("q", "crab & 'x' ünï"), ("facet.mission", "astronomy/hubble")]),
        Selection.parse([("all", "1"), ("bbox", "1,2,3,4"), ("time", "2010/.."), ("filter", "kind = 'dataset'")]),
    ):
        pairs = parse_qsl(urlsplit(made.address()).query)
        assert Selection.parse(pairs) == made
        assert Selection.from_document(made.to_document()) == made
    assert Selection().address() == "/selection"
    assert Selection.of_ids(["b", "a"]).address("/compare", f="json") == "/compare?id=b&id=a&f=json"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_words_of_any_kind_survive_the_address(words: str) -> None:
    made = Selection.parse([("all", "1"), ("q", words)])
    assert Selection.parse(parse_qsl(urlsplit(made.address()).query)) == made


def test_a_question_is_kept_without_its_page() -> None:
    made = Selection.parse([("all", "1"), ("q", "crab"), ("size", "7"), ("after", "xyz")])
    assert made.query == Query(text="crab", lenient=True)
    assert made.to_document() == {"query": [["q", "crab"]]}


@pytest.mark.parametrize(
    ("pairs", "says"),
    [
        ([("id", "../../etc")], "no id of a record"),
        ([("id", "x" * 65)], "no id of a record"),
        ([("id", "a"), ("all", "1")], "a list of ids or all of a question"),
        ([("all", "yes")], "is not 1"),
        ([("q", "crab")], "say all=1"),
        ([("all", "1"), ("filter", "((")], "expected a name"),
    ],
)
def test_what_is_no_selection_is_refused(pairs: list[tuple[str, str]], says: str) -> None:
    with pytest.raises(BadQueryError, match=says):
        Selection.parse(pairs)


def test_a_hundred_can_be_picked_and_no_more() -> None:
    hundred = [f"{number:016d}" for number in range(100)]
    assert Selection.of_ids(hundred).ids == tuple(hundred)
    with pytest.raises(LimitError, match="selection-ids"):
        Selection.of_ids([*hundred, ID])
    with pytest.raises(LimitError, match="selection-ids"):
        Selection.of_ids(hundred).joined(Selection.of_ids([ID]))
    with pytest.raises(UnknownFieldError):
        Selection.parse([("all", "1"), ("colour", "red")])


@pytest.mark.parametrize("document", [{"ids": "ab"}, {"ids": [1]}, {"query": "q=x"}, {"query": [["q"]]}])
def test_what_is_no_document_of_a_selection_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(BadQueryError):
        Selection.from_document(document)


def test_records_can_be_added_and_taken_out() -> None:
    both = Selection.of_ids(["a", "b"]).joined(Selection.of_ids(["b", "c"]))
    assert both.ids == ("a", "b", "c")
    assert both.without("b").ids == ("a", "c")
    with pytest.raises(BadQueryError, match="not to all that a search finds"):
        both.joined(Selection.of_query(Query()))


def test_what_is_gone_or_moved_is_named_and_not_lost(portal: Portal) -> None:
    ids = [record("s", "r3").id, record("gone", "g").id, record("s", "r1").id, "neverheardof", record("other", "m").id]
    found = selection.choose(portal, Selection.of_ids(ids))
    merged = record("one", "m").id
    assert [each.record.id for each in selection.records(portal, found)] == [ids[0], ids[2], merged]
    assert found.lost == (Lost(ids[1], "deleted"), Lost(ids[3], "unknown"), Lost(ids[4], "merged", merged))
    assert [str(each) for each in found.lost] == [
        f"{ids[1]} was deleted at its source",
        "neverheardof is not known here",
        f"{ids[4]} was merged into {merged}, which takes its place",
    ]
    twice = selection.choose(portal, Selection.of_ids([merged, ids[4]]))
    assert twice.total.value == 1


@pytest.mark.parametrize("words", ["", "crab"])
def test_a_question_is_walked_to_its_end(portal: Portal, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "_WALK", 7)
    monkeypatch.setattr(selection, "_CHUNK", 3)
    chosen = selection.choose(portal, Selection.of_query(Query(text=words)))
    assert not chosen.is_whole
    assert chosen.total.value == 31
    found = [each.record.id for each in selection.records(portal, chosen)]
    assert len(set(found)) == len(found) == 31


def test_more_than_may_be_is_refused_before_anything_is_read(portal: Portal) -> None:
    with pytest.raises(LimitError, match="31 records match, and 30 are taken at most"):
        selection.choose(portal, Selection.of_query(Query()), 30)
    some = selection.first(portal, Selection.of_query(Query()), 5)
    assert (some.total.value, len(some.keys), some.is_whole) == (31, 5, False)
    assert len(selection.first(portal, Selection.of_ids([record("s", f"r{n}").id for n in range(9)]), 5).keys) == 5
