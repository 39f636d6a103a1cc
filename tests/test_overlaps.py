"""Records ordered by overlap through the portal: exact, in pages, refused without a region or beyond the limit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from discovery import overlaps
from discovery.config import Settings
from discovery.errors import BadQueryError, LimitError, UnknownFieldError
from discovery.indexer import follow
from discovery.model.extent import EARTH, SKY, Extent
from discovery.model.record import OBSERVATIONS, Record
from discovery.model.source import Mapped, RawRecord
from discovery.portal import Portal
from discovery.query import form, region
from discovery.query.query import FacetRequest, Query, Sort
from discovery.wiring import open_portal

FALLING = Sort("overlap", descending=True)
COUNT = 30


def shape(number: int) -> dict[str, Any]:
    """Return circles around one place whose size grows with their number, in pairs of the same, and a point."""
    if number == COUNT - 1:
        return {"type": "Point", "coordinates": [40, 10]}
    return {"type": "Circle", "center": [40, 10], "radius": 0.5 + number // 2}


@pytest.fixture
def portal(tmp_path: Path, engine: Mapping[str, str]) -> Iterator[Portal]:
    portal = open_portal(Settings(tmp_path, **engine))  # type: ignore[arg-type]
    records = [
        Record("s", "c", f"{frame}-{n:02}", "observation", "Title", level=f"L{n % 2}", extent=Extent(frame, shape(n)))
        for frame in (SKY, EARTH)
        for n in range(COUNT)
    ]
    page = [Mapped(each, RawRecord("c", each.source_id, b"{}")) for each in records]
    portal.store.ingest.page("s", portal.store.ledger.begin("s").id, page)
    follow(portal.store, portal.index)
    yield portal
    portal.close()


@pytest.mark.parametrize("frame", [SKY, EARTH])
def test_what_is_most_like_the_region_comes_first_and_pages_go_on_to_the_end(portal: Portal, frame: str) -> None:
    asked = Query(scope=OBSERVATIONS, region=region.cone([40, 10, 5.5], frame=frame), sort=FALLING, size=7)
    names: list[str] = []
    while True:
        found = portal.search(asked)
        assert found.total.value == COUNT
        names += [each.record.source_id for each in found.records]
        if not found.next:
            break
        asked = replace(asked, after=found.next)
    # A circle of radius r shares about (r / 5.5)² with the region, or the inverse; the point shares nothing.
    ratio = {n: min((0.5 + n // 2) / 5.5, 5.5 / (0.5 + n // 2)) for n in range(COUNT - 1)} | {COUNT - 1: 0.0}
    wanted = sorted(ratio, key=lambda n: (-round(ratio[n], 6), n))
    assert names == [f"{frame}-{n:02}" for n in wanted]
    rising = portal.search(replace(asked, after="", sort=Sort("overlap"), size=COUNT))
    assert rising.records[0].record.source_id == f"{frame}-{COUNT - 1:02}"


def test_facets_words_and_an_empty_page_are_as_with_any_order(portal: Portal) -> None:
    asked = Query(scope=OBSERVATIONS, region=region.cone([40, 10, 5.5]), sort=FALLING, facets=(FacetRequest("level"),))
    for size in (0, 3):
        found = portal.search(replace(asked, size=size))
        assert {each.value: each.count for each in found.facets[0].buckets} == {"L0": 15, "L1": 15}
        assert (len(found.records), found.total.value) == (size, COUNT)
    assert portal.search(replace(asked, text="nothing")).records == ()
    assert len(portal.search(replace(asked, text="title", size=50)).records) == COUNT


def test_overlap_without_a_region_is_refused_and_so_is_too_much_to_measure(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadQueryError, match="overlap needs a region") as refused:
        portal.search(Query(scope=OBSERVATIONS, sort=FALLING))
    assert refused.value.parameter == "sort"
    monkeypatch.setattr(overlaps, "WINDOW", COUNT - 1)
    with pytest.raises(LimitError, match="more than 29 records match") as limited:
        portal.search(Query(scope=OBSERVATIONS, region=region.cone([40, 10, 5.5]), sort=FALLING))
    assert (limited.value.limit, limited.value.parameter) == ("overlap-window", "sort")


def test_the_order_is_a_parameter_and_a_mistyped_one_is_told_of_it() -> None:
    query = form.parse([("cone", "40,10,5"), ("sort", "-overlap")])
    assert query.sort == FALLING
    assert ("sort", "-overlap") in form.pairs(query)
    with pytest.raises(UnknownFieldError, match="overlap"):
        form.parse([("sort", "-overlapp")])
