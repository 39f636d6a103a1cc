"""Whatever is spoilt ends as a record, a record with a warning, or in quarantine by its reason; nothing else suffers.

The table is that of the reliability promises: each line says what becomes of an element. What is spoilt in XML stands
beside the harvesters that read XML.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest

from discovery.http import Client
from discovery.model.source import COMPLETE, Mapped, Quarantined, RawRecord, Report, Source
from discovery.store.store import Store
from harvesters import registry
from harvesters.mapping import map_one

Harvest = Callable[..., Report]
Lines = Callable[..., Source]
Body = Callable[[str], bytes]


class Case(NamedTuple):
    """An element that is spoilt, and what becomes of it."""

    body: Body
    codes: tuple[str, ...] = ()
    """Of its warnings, or the reason why it is in quarantine."""
    mapped: bool = True


def element(id: str, **more: Any) -> dict[str, Any]:
    properties = {"datetime": "2020-01-01T00:00:00Z", **more.pop("properties", {})}
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": id,
        "collection": "c",
        "geometry": {"type": "Point", "coordinates": [1, 2]},
        "bbox": [1, 2, 1, 2],
        "properties": properties,
        "links": [],
        "assets": {},
        **more,
    }


def whole(**more: Any) -> Body:
    return lambda id: orjson.dumps(element(id, **more))


def with_properties(**more: Any) -> Body:
    return whole(properties=more)


def replaced(old: bytes, new: bytes, **more: Any) -> Body:
    return lambda id: orjson.dumps(element(id, **more)).replace(old, new, 1)


def ring(count: int) -> dict[str, Any]:
    turn = 2 * math.pi / count
    points = [[round(9 * math.cos(n * turn), 4), round(9 * math.sin(n * turn), 4)] for n in range(count)]
    return {"type": "Polygon", "coordinates": [[*points, points[0]]]}


def round_outline(count: int) -> Body:
    """Return an element that is made when it is asked for: a million corners take a second."""
    return lambda id: orjson.dumps(element(id, geometry=ring(count)))


def outline(*points: tuple[float, float]) -> Body:
    return whole(geometry={"type": "Polygon", "coordinates": [[list(each) for each in points]]})


def nowhere(*numbers: float) -> Body:
    return whole(geometry=None, bbox=list(numbers))


CASES = {
    "bad UTF-8": Case(replaced(b'"id":"', b'"id":"\xff\xfe'), ("broken-json",), mapped=False),
    "cut short": Case(lambda id: orjson.dumps(element(id))[:-30], ("broken-json",), mapped=False),
    "another format": Case(lambda id: f"<feature xmlns='urn:{id}'/>".encode(), ("broken-json",), mapped=False),
    "no id": Case(replaced(b'"id":', b'"ID":'), ("missing-id",), mapped=False),
    "id of 64 KiB": Case(lambda id: orjson.dumps(element(id * 8000)), ("bad-id",), mapped=False),
    "NUL in the id": Case(lambda id: orjson.dumps(element(f"{id}\0")), ("bad-id",), mapped=False),
    "half a character": Case(replaced(b'"id":"', b'"id":"\\ud800'), ("broken-json",), mapped=False),
    "NaN": Case(replaced(b'"bbox":[1', b'"bbox":[NaN'), ("broken-json",), mapped=False),
    "Infinity": Case(replaced(b'"bbox":[1', b'"bbox":[Infinity'), ("broken-json",), mapped=False),
    "1e999": Case(replaced(b'"bbox":[1', b'"bbox":[1e999'), ("broken-json",), mapped=False),
    "date 0000-00-00": Case(with_properties(datetime="0000-00-00"), ("bad-date", "no-time")),
    "date 9999-99-99": Case(with_properties(datetime="9999-99-99"), ("bad-date", "no-time")),
    "year -4712": Case(with_properties(datetime="-4712-01-01T00:00:00Z")),
    "year 1000": Case(with_properties(datetime="1000-01-01T00:00:00Z")),
    "MJD as text": Case(with_properties(datetime="59000.5"), ("bad-date", "no-time")),
    "over the antimeridian": Case(nowhere(170, -10, -170, 10)),
    "latitude 91": Case(nowhere(0, 80, 1, 91), ("bad-bbox",)),
    "box of 3 numbers": Case(nowhere(1, 2, 3), ("bad-bbox",)),
    "outline that crosses itself": Case(outline((0, 0), (4, 4), (4, 0), (0, 4), (0, 0))),
    "outline that is not closed": Case(outline((0, 0), (4, 0), (4, 4)), ("open-ring",)),
    "empty outline": Case(whole(geometry={"type": "Polygon", "coordinates": []}), ("empty-geometry",)),
    "outline of 20,000 corners": Case(round_outline(20_000)),
    "5,000 keywords": Case(with_properties(keywords=[f"k{n}" for n in range(5000)]), ("too-many",)),
    "links in a circle": Case(whole(links=[{"rel": "parent", "href": "#"}, {"rel": "self", "href": "#"}])),
    "unknown version": Case(whole(stac_version="7.3"), ("unknown-version",)),
    "link that is no URL": Case(whole(assets={"a": {"href": "not a url at all"}})),
    "number as text": Case(with_properties(**{"eo:cloud_cover": "17.5"}), ("number-as-text",)),
    "other types": Case(whole(properties={"title": {"en": "T"}}, assets=[1], links="none"), ("wrong-type",) * 3),
    "list of properties": Case(replaced(b'"properties":{', b'"properties":[1],"x":{'), ("wrong-type", "no-time")),
    "HTML in the title": Case(with_properties(title="<script>alert(1)</script> <b>T</b>")),
    "1,000 unknown properties": Case(with_properties(**{f"x:{n}": n for n in range(1000)}), ("too-many",)),
}
HUGE = {
    "abstract of 10 MB": Case(with_properties(description="word " * 2_000_000), ("too-long",)),
    "outline of 1,000,000 corners": Case(round_outline(1_000_000), ("bad-geometry",)),
}
ROWS = {
    "right ascension 370": ({"s_ra": "370", "s_dec": "10"}, ()),  # It goes round, and is 10.
    "declination -91": ({"s_ra": "10", "s_dec": "-91"}, ("bad-position",)),
    "NaN as a place": ({"s_ra": "NaN", "s_dec": "nan"}, ("no-place",)),
    "MJD that is a word": ({"t_min": "yesterday"}, ("not-a-number",)),
    "times the wrong way round": ({"t_min": "59001", "t_max": "59000"}, ("bad-interval",)),
    "size that is infinite": ({"access_estsize": "inf"}, ("not-a-number",)),
    "region of another language": ({"s_region": "NOWHERE 1 2 3"}, ("bad-region",)),
}


def fate(store: Store, source_id: str) -> tuple[bool, tuple[str, ...]]:
    """Return whether an element became a record, and the codes of its warnings or of its quarantine."""
    for row in store.catalogue.export():
        if row["source_id"] == source_id:
            return True, tuple(each.code for each in store.catalogue.get(row["id"]).record.issues)
    (entry,) = store.ledger.quarantined()
    assert entry.raw.body
    assert entry.issue.message
    assert entry.raw.source_id or entry.raw.position
    return False, (entry.issue.code,)


@pytest.mark.parametrize("name", [*CASES, *(pytest.param(each, marks=pytest.mark.slow) for each in HUGE)])
def test_a_spoilt_element_ends_as_the_table_says_and_its_neighbours_are_there(
    name: str, store: Store, harvest: Harvest, lines: Lines
) -> None:
    case = {**CASES, **HUGE}[name]
    neighbours = [orjson.dumps(element("before")), orjson.dumps(element("behind"))]
    report = harvest(lines(neighbours[0], case.body("x"), neighbours[1]))
    assert (report.status, report.counts.seen) == (COMPLETE, 3)
    there = {row["source_id"] for row in store.catalogue.export()}
    assert there >= {"before", "behind"}
    assert fate(store, "x") == (case.mapped, case.codes)


def test_the_last_of_two_elements_of_one_id_counts(store: Store, harvest: Harvest, lines: Lines) -> None:
    bodies = [whole(properties={"title": title})("x") for title in ("first", "last")]
    assert harvest(lines(*bodies)).status == COMPLETE
    assert [row["title"] for row in store.catalogue.export()] == ["last"]


@pytest.mark.parametrize("name", ROWS)
def test_a_spoilt_row_becomes_a_record_with_the_warnings_of_the_table(name: str, client: Client) -> None:
    spoilt, codes = ROWS[name]
    row = {"obs_publisher_did": "ivo://x/1", "obs_collection": "C", "access_url": "https://x.org/1", "t_min": "59000"}
    row |= {"t_max": "59001", **({} if "s_region" in spoilt else {"s_ra": "1", "s_dec": "2"}), **spoilt}
    worker = registry.harvester(Source("s", "tap", "http://127.0.0.1/tap"), client)
    outcome = map_one(worker, RawRecord("ivoa.ObsCore", "ivo://x/1", orjson.dumps(row)))
    assert isinstance(outcome, Mapped), outcome
    assert set(codes) <= {each.code for each in outcome.record.issues}


@pytest.mark.slow
def test_500_spoilt_ones_among_10000_cost_nothing_but_themselves(
    store: Store, harvest: Harvest, tmp_path: Path, lines: Lines
) -> None:
    """25 ways to be spoilt, 20 times each; what is mended leaves quarantine."""
    chosen = [case for name, case in CASES.items() if name not in ("outline of 20,000 corners", "5,000 keywords")][:25]
    assert len(chosen) == 25
    bodies = [orjson.dumps(element(f"i{n}")) for n in range(10_000)]
    refused = set()
    for n in range(500):
        at, case = n * 20, chosen[n % 25]
        bodies[at] = case.body(f"i{at}")
        if not case.mapped:
            refused.add(f"i{at}")
    report = harvest(lines(*bodies, page=500))
    assert (report.status, report.counts.seen, report.counts.quarantined) == (COMPLETE, 10_000, len(refused))
    assert {row["source_id"] for row in store.catalogue.export()} == {f"i{n}" for n in range(10_000)} - refused
    entries = store.ledger.quarantined("s")
    assert len(entries) == store.ledger.quarantined_count("s") == len(refused)
    assert all(isinstance(each, Quarantined) and each.stage and each.first_seen and each.run for each in entries)
    again = Store(store.database.url)
    assert again.ledger.quarantined_count() == len(refused)
    again.close()
    mended = harvest(lines(*(orjson.dumps(element(f"i{n}")) for n in range(10_000)), page=500))
    assert (mended.status, mended.counts.quarantined, store.ledger.quarantined_count()) == (COMPLETE, 0, 0)
    assert len({row["source_id"] for row in store.catalogue.export()}) == 10_000
