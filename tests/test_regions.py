"""Regions of a question as an engine is asked them: exact, however deep in a filter, and honest where they are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from discovery.config import Settings
from discovery.indexer import follow
from discovery.model.extent import EARTH, SKY, Extent, Geometry
from discovery.model.record import OBSERVATIONS, Record
from discovery.model.source import Mapped, RawRecord
from discovery.planner import Planner
from discovery.portal import Portal
from discovery.query import region
from discovery.query.facets import CellRequest, RangeRequest
from discovery.query.query import And, Comparison, FacetRequest, Filter, Histogram, Not, Or, Query, Region, Selection
from discovery.query.relate import RELATIONS, decide
from discovery.regions import FEW, LITTLE, TOLD
from discovery.wiring import open_portal

pytestmark = pytest.mark.slow

COUNT = 240


def shape(number: int, frame: str) -> Geometry:
    """Return a footprint: points, circles, boxes and triangles of many sizes near each other, some at a pole."""
    rng = np.random.default_rng((7, number, frame == SKY))
    lon, lat = float(rng.uniform(-180, 180)), float(rng.choice([rng.uniform(-20, 20), rng.uniform(80, 90)]))
    size = float(np.exp(rng.uniform(-2, 3)))
    if number % 4 == 0:
        return {"type": "Point", "coordinates": [lon, lat]}
    if number % 4 == 1:
        return {"type": "Circle", "center": [lon, lat], "radius": size}
    if number % 4 == 2:
        east = (lon + size + 180) % 360 - 180
        return region.bbox([lon, lat - size, east, min(lat + size, 90)], frame=frame).geometry
    corners = [[lon, lat - size], [lon + size, lat - size], [lon, lat], [lon, lat - size]]
    return {"type": "Polygon", "coordinates": [corners]}


@pytest.fixture(scope="module")
def shapes() -> dict[str, tuple[str, Geometry]]:
    """Return frames and footprints by the source's id; the last ones have none."""
    return {f"{frame}-{n}": (frame, shape(n, frame)) for frame in (EARTH, SKY) for n in range(COUNT // 2)}


@pytest.fixture
def portal(tmp_path: Path, engine: Mapping[str, str], shapes: dict[str, tuple[str, Geometry]]) -> Iterator[Portal]:
    portal = open_portal(Settings(tmp_path, **engine))  # type: ignore[arg-type]
    records = [
        Record("s", "c", name, "observation", "Title", level=f"L{n % 3}", extent=Extent(frame, geometry))
        for n, (name, (frame, geometry)) in enumerate(shapes.items())
    ]
    records.append(Record("s", "c", "nowhere", "observation", "Title", level="L0"))
    page = [Mapped(each, RawRecord("c", each.source_id, b"{}")) for each in records]
    portal.store.ingest.page("s", portal.store.ledger.begin("s").id, page)
    follow(portal.store, portal.index)
    yield portal
    portal.close()


def names(portal: Portal, query: Query) -> set[str]:
    found = portal.search(query)
    assert found.total.exact
    assert found.total.value == len(found.records)
    return {each.record.source_id for each in found.records}


def true(shapes: dict[str, tuple[str, Geometry]], asked: Region) -> set[str]:
    there = [name for name, (frame, _) in shapes.items() if frame == asked.frame]
    return {
        name for name, truth in zip(there, decide(asked, [shapes[name][1] for name in there]), strict=True) if truth
    }


REGIONS = [
    region.cone([10, 5, 30]),
    region.cone([200, 85, 4]),
    region.cone([0, 0, 179]),
    region.cone([20, 10, 12], frame=EARTH),
    region.bbox([170, -30, -150, 20]),
    region.bbox([-180, 60, 180, 90]),
    region.bbox([-180, -90, 180, 90]),
    region.bbox([300, -10, 90, 25], frame=SKY),
    region.polygon([0, -20, 60, -20, 60, 30, 0, 30]),
    region.geojson({"type": "Moc", "moc": "1/0-20 3/400-420"}, frame=SKY),
    region.geojson({"type": "Point", "coordinates": [3, 85]}, frame=SKY),
]


@pytest.mark.parametrize("relation", RELATIONS)
def test_every_relation_is_exact_on_every_frame_whether_few_are_decided_or_all(
    portal: Portal, shapes: dict[str, tuple[str, Geometry]], relation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in REGIONS:
        asked = Region(each.geometry, each.frame, relation)
        wanted = true(shapes, asked)
        for few, little, told in ((0, 0, 0), (30, LITTLE, TOLD), (FEW, 0, TOLD), (FEW, LITTLE, 4)):
            monkeypatch.setattr("discovery.regions.LITTLE", little)
            monkeypatch.setattr("discovery.regions.TOLD", told)
            portal._planner = Planner(portal.store, portal.index, few=few)
            assert names(portal, Query(scope=OBSERVATIONS, region=asked, size=1000)) == wanted


def test_regions_are_exact_in_and_beneath_not_and_or(portal: Portal, shapes: dict[str, tuple[str, Geometry]]) -> None:
    one, other = REGIONS[0], Region(REGIONS[4].geometry, EARTH, "within")
    everything = {*shapes, "nowhere"}
    level = {name for n, name in enumerate(shapes) if n % 3 == 0} | {"nowhere"}
    a, b = true(shapes, one), true(shapes, other)
    asked: list[tuple[Filter, set[str]]] = [
        (Not(one), everything - a),
        (Or((one, other)), a | b),
        (And((Not(Or((one, other))), Comparison("=", "level", "L0"))), level - a - b),
        (Not(And((Not(one), Not(other)))), a | b),
    ]
    for node, wanted in asked:
        assert names(portal, Query(scope=OBSERVATIONS, filter=node, size=1000)) == wanted


@pytest.mark.parametrize("few", [0, FEW])
def test_a_region_among_other_conditions_is_exact_and_facets_are_counted_on_what_matches(
    portal: Portal, shapes: dict[str, tuple[str, Geometry]], few: int
) -> None:
    portal._planner = Planner(portal.store, portal.index, few=few)
    level = {name: f"L{n % 3}" for n, name in enumerate(shapes)}
    for each in (REGIONS[0], REGIONS[8]):
        inside = true(shapes, each)
        asked = Query(
            OBSERVATIONS, text="title", filter=And((Comparison("<>", "level", "L0"), each)), size=1000,
            selections=(Selection("level", ("L1",)),), facets=(FacetRequest("level"),),
        )  # fmt: skip
        assert names(portal, asked) == {name for name in inside if level[name] == "L1"}
        counts = {bucket.value: bucket.count for bucket in portal.search(asked).facets[0].buckets}
        assert counts == Counter(level[name] for name in inside if level[name] != "L0")


def test_finer_cells_do_where_a_border_is_crowded(portal: Portal, shapes: dict[str, tuple[str, Geometry]]) -> None:
    asked = REGIONS[8]
    portal._planner = Planner(portal.store, portal.index, most=len(true(shapes, asked)) + 8, few=0)
    assert names(portal, Query(scope=OBSERVATIONS, region=asked, size=1000)) == true(shapes, asked)


@pytest.mark.parametrize("relation", RELATIONS)
def test_counts_say_when_a_border_was_too_crowded_to_decide(
    portal: Portal, shapes: dict[str, tuple[str, Geometry]], relation: str
) -> None:
    portal._planner = Planner(portal.store, portal.index, most=0)
    for each in REGIONS[:2]:
        asked = Region(each.geometry, each.frame, relation)
        query = Query(
            OBSERVATIONS,
            region=asked,
            size=1000,
            facets=(FacetRequest("level"),),
            numbers=(RangeRequest("cloud_cover"),),
            histogram=Histogram("year"),
            heat=CellRequest(each.frame, 1),
        )
        found = portal.search(query)
        got, wanted = {one.record.source_id for one in found.records}, true(shapes, asked)
        # Very little may hold a large region: then nothing was left undecided.
        assert found.total.exact == found.facets[0].exact == (relation == "contains" and not got)
        assert found.heat is not None
        assert found.approximate != found.total.exact
        assert found.numbers[0].exact == found.heat.exact == found.total.exact
        assert found.total.value == len(got)
        # All that may match; of the others only those that are sure.
        assert got >= wanted if relation in ("intersects", "contains") else got <= wanted


def test_a_region_without_a_border_is_exact_however_few_are_decided(portal: Portal) -> None:
    portal._planner = Planner(portal.store, portal.index, most=0)
    assert portal.search(Query(scope=OBSERVATIONS, region=region.cone([0, 0, 180]))).total.exact
