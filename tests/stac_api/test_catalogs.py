"""Catalogs that people and programs browse; tests/stac_api/test_browsing.py walks through all of them."""

from __future__ import annotations

import orjson
import pytest

from discovery.errors import NotFoundError
from discovery.model.record import Record
from discovery.model.source import Mapped, RawRecord
from discovery.portal import Portal
from discovery.stac_api.catalogs import Bounds, Catalog, Catalogs, Child, Known, page
from discovery.stac_api.links import Links
from discovery.stac_api.when import When

LINKS = Links("https://a.org", "https://a.org/stac")
S2 = "sentinel-s2-l2a-cogs"


def catalogs(portal: Portal, **bounds: int) -> Catalogs:
    return Catalogs(portal, Known(portal), LINKS, Bounds(**bounds))


def test_a_document_leads_to_its_children_and_says_where_they_are_listed() -> None:
    child = Child("https://a.org/stac/c", "Child", bytes)
    found = orjson.loads(
        Catalog("i", "https://a.org/stac/i", "https://a.org/p", "T", "D", (child,)).document("https://a.org/r")
    )
    assert {each["rel"]: each["href"] for each in found["links"]} == {
        "self": "https://a.org/stac/i",
        "root": "https://a.org/r",
        "parent": "https://a.org/p",
        "children": "https://a.org/stac/i/children",
        "child": "https://a.org/stac/c",
    }
    assert (found["type"], found["id"], found["title"], found["description"]) == ("Catalog", "i", "T", "D")


def test_a_page_ends_where_it_is_long_enough_and_leaves_out_what_has_gone() -> None:
    children = [Child("", "", lambda n=n: b"x" * (0 if n == 1 else 10)) for n in range(6)]  # type: ignore[misc]
    assert page(children, 0, 100, Bounds()) == ([b"x" * 10] * 5, 0)
    assert page(children, 0, 4, Bounds()) == ([b"x" * 10] * 3, 4)
    assert page(children, 0, 100, Bounds(page=2)) == ([b"x" * 10], 2)
    assert page(children, 2, 100, Bounds(body=15)) == ([b"x" * 10] * 2, 4)
    # Also one that is longer than a page may be.
    assert page(children, 5, 100, Bounds(body=1)) == ([b"x" * 10], 0)
    assert page(children, 9, 100, Bounds()) == ([], 0)


def test_the_sources_are_looked_for_again_when_something_has_changed(portal: Portal) -> None:
    known, patient = Known(portal, again=0.0), Known(portal, again=60.0)
    before = known.sources()
    assert [each for each, _ in before] == ["earth", "mirror", "vo"]
    assert known.sources() is before
    assert patient.sources() == before
    assert known.lost() == ("nothere",)
    record = Record("late", "c", "x", "dataset", "Late")
    portal.store.ingest.page("late", portal.store.ledger.begin("late").id, [Mapped(record, RawRecord("c", "x", b"{}"))])
    assert [each for each, _ in known.sources()] == ["earth", "late", "mirror", "vo"]
    assert patient.sources() == before
    portal.store.ingest.remove("late")
    assert known.sources() == before


def test_a_source_leads_to_its_collections_and_to_items_of_none(portal: Portal) -> None:
    found = catalogs(portal).source("vo")
    assert [(each.href, each.title) for each in found.children] == [
        ("https://a.org/stac/collections/ivo%3A%2F%2Fvo.test%2Fplates", "Plates"),
        ("https://a.org/stac/catalogs/vo/browse", "Items without a collection, 1 item"),
    ]
    assert [each.title for each in catalogs(portal).source("earth").children] == ["Sentinel 2 L2A COGs"]
    with pytest.raises(NotFoundError, match="no source 'nobody'"):
        catalogs(portal).source("nobody")


@pytest.mark.parametrize("links", [1_000, 30, 5, 1])
def test_the_items_of_a_collection_are_in_one_catalog_each_whatever_the_bound(portal: Portal, links: int) -> None:
    found = catalogs(portal, links=links)
    name = portal.store.catalogue.named("", [S2])[0]
    shelf = found.collection(portal.record(name.id))
    waiting, items, depth = [(When(), 0)], [], 0
    while waiting:
        when, level = waiting.pop()
        depth = max(depth, level)
        here = found.browse(shelf, when)
        assert len(here.items) <= links
        assert not (here.items and here.children)
        items += [each["href"] for each in here.items]
        waiting += [(When.parse(each.href.rpartition("/")[2]), level + 1) for each in here.children]
    assert len(items) == len(set(items)) == 100
    assert (depth == 0) == (links == 1_000)


def test_a_time_without_items_is_no_catalog(portal: Portal) -> None:
    found = catalogs(portal)
    shelf = found.loose("vo")
    assert len(found.browse(shelf, When()).items) == 1
    with pytest.raises(NotFoundError, match="no item of 'vo' at 2020-05"):
        found.browse(shelf, When.parse("2020-05"))
