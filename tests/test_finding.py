"""Values are found by what people call them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from discovery.config import Settings
from discovery.errors import LimitError
from discovery.finding import named
from discovery.index.plans import MAX_BUCKETS, MAX_FIND
from discovery.indexer import follow
from discovery.model.record import OBSERVATIONS, Record
from discovery.model.source import Mapped, RawRecord, Source
from discovery.portal import Portal
from discovery.query.query import FacetRequest, Query
from discovery.wiring import open_portal

COLOUR = Record("s", "c", "one", "dataset", "100% Océan colour", missions=("earth-observation/sentinel-2",))


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    opened = open_portal(Settings(tmp_path))
    scene = Record("s", "c", "scene", "observation", "Scene", dataset=COLOUR.id)
    opened.store.ledger.add_source(Source("s", "stac-static", "https://example.org", title="Cåtalogue of Everything"))
    opened.store.ingest.page("s", 1, [Mapped(each, RawRecord("c", each.source_id, b"{}")) for each in (COLOUR, scene)])
    follow(opened.store, opened.index)
    yield opened
    opened.close()


def test_a_dataset_is_found_by_its_title(portal: Portal) -> None:
    for text in ("océan", "OCEAN", "100% o", " colour ", "oce\u0301an"):
        assert named(FacetRequest("dataset", text=text), portal.store, portal.index).values == (COLOUR.id,)
    assert named(FacetRequest("dataset", text="oc_an"), portal.store, portal.index).values == ()


def test_a_source_is_found_by_its_title(portal: Portal) -> None:
    assert named(FacetRequest("source", text="catalogue"), portal.store, portal.index).values == ("s",)


def test_a_term_is_found_by_its_label(portal: Portal) -> None:
    found = named(FacetRequest("mission", text="hubble space"), portal.store, portal.index)
    assert "astronomy/hubble" in found.values
    assert len(named(FacetRequest("mission", text="s"), portal.store, portal.index).values) <= MAX_BUCKETS


def test_without_a_text_nothing_is_named(portal: Portal) -> None:
    assert named(FacetRequest("dataset", text="  "), portal.store, portal.index) == FacetRequest("dataset")
    assert named(FacetRequest("keyword", text="a"), portal.store, portal.index).values == ()


def test_the_portal_lists_what_a_title_names(portal: Portal) -> None:
    page = portal.search(Query(scope=OBSERVATIONS, facets=(FacetRequest("dataset", text="ocean"),)))
    assert [(each.value, each.label, each.count) for each in page.facets[0].buckets] == [
        (COLOUR.id, "100% Océan colour", 1)
    ]


def test_accents_may_be_written_apart(portal: Portal) -> None:
    assert named(FacetRequest("keyword", text="e\u0301"), portal.store, portal.index).text == "\u00e9"


def test_a_text_too_long_is_refused_by_name(portal: Portal) -> None:
    with pytest.raises(LimitError) as caught:
        portal.search(Query(facets=(FacetRequest("keyword", text="x" * (MAX_FIND + 1)),)))
    assert caught.value.limit == "facet-text"
