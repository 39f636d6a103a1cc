from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from discovery.http import Client
from discovery.model.record import record_id
from discovery.model.source import COMPLETE, FAILED, PARTIAL, Report, Source
from discovery.store.store import Store
from harvesters import stac_items
from harvesters.registry import harvester

Harvest = Callable[..., Report]
Make = Callable[..., dict[str, Any]]
Lines = Callable[..., Source]
FIXTURES = Path(__file__).parents[2] / "fixtures" / "sources" / "stac-items"


def live(store: Store) -> set[str]:
    return {row["source_id"] for row in store.catalogue.export()}


def spoilt(make: Make) -> dict[str, tuple[bytes, str]]:
    """Return elements that are wrong in one way each, and the codes of what becomes of them.

    A code in capitals is of the quarantine, those in small letters are warnings on a record, nothing means a plain one.
    """
    dump, long_ring = orjson.dumps, [[n / 1000, 0] for n in range(100_001)]
    plain = make("x")
    square: list[Any] = [[[0, 0], [1, 0], [1, 1], [0, 1]]]
    bow: list[Any] = [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]
    table: dict[str, tuple[Any, str]] = {
        "bad UTF-8": (dump(make("x", properties={"title": "é"})).replace("é".encode(), b"\xe9"), "BROKEN-JSON"),
        "truncated": (dump(plain)[:-10], "BROKEN-JSON"),
        "not an object": (b"[1, 2]", "NOT-AN-OBJECT"),
        "no id": ({k: v for k, v in plain.items() if k != "id"}, "MISSING-ID"),
        "empty id": (make(""), "MISSING-ID"),
        "an id of 64 KiB": (make("x" * 65_536), "BAD-ID"),
        "NUL in the id": (make("a\0b"), "BAD-ID"),
        "NUL in the collection": (make("x", collection="a\0b"), "BAD-CONTAINER"),
        "a collection of 64 KiB": (make("x", collection="c" * 65_536), "BAD-CONTAINER"),
        "NUL in every text": (
            make(
                "x", properties={"title": "a\0", "k\0": "v", "k": "v\0"}, assets={"a\0": {"href": "https://b.org/\0"}}
            ),
            "",
        ),
        "the id is an object": (make("x") | {"id": {}}, "BAD-ID"),
        "a lone surrogate": (dump(plain).replace(b'"x"', b'"\\ud800"'), "BROKEN-JSON"),
        "NaN": (dump(make("x", properties={"gsd": 5})).replace(b'"gsd":5', b'"gsd":NaN'), "BROKEN-JSON"),
        "a nest of 100,000": (b'{"id":' + b"[" * 100_000, "BROKEN-JSON"),
        "1e999": (dump(make("x", properties={"gsd": 5})).replace(b'"gsd":5', b'"gsd":1e999'), "BROKEN-JSON"),
        "properties are missing": ({k: v for k, v in plain.items() if k != "properties"}, "wrong-type no-time"),
        "the year 0": (make("x", properties={"datetime": "0000-00-00T00:00:00Z"}), "bad-date no-time"),
        "the year 1000": (make("x", properties={"datetime": "1000-01-01T00:00:00Z"}), ""),
        "the year -4712": (make("x", properties={"datetime": "-4712-01-01T00:00:00Z"}), ""),
        "month 99": (make("x", properties={"datetime": "9999-99-99T00:00:00Z"}), "bad-date no-time"),
        "MJD as text": (make("x", properties={"datetime": "58849.5"}), "bad-date no-time"),
        "a date that is a number": (make("x", properties={"datetime": 58849.5}), "bad-date no-time"),
        "no time at all": (make("x", properties={"datetime": None}), "no-time"),
        "the end before the start": (
            make("x", properties={"start_datetime": "2021-01-01", "end_datetime": "2020-01-01"}),
            "bad-interval",
        ),
        "a box across the antimeridian": (make("x", bbox=[170, -10, -170, 10]), ""),
        "latitude 91": (make("x", geometry={"type": "Point", "coordinates": [0, 91]}), "bad-geometry"),
        "a box to latitude 91": (make("x", bbox=[0, 0, 1, 91]), "bad-bbox"),
        "a box of three numbers": (make("x", bbox=[0, 0, 1]), "bad-bbox"),
        "a box upside down": (make("x", bbox=[0, 10, 1, 0]), "bad-bbox"),
        "an open ring": (make("x", geometry={"type": "Polygon", "coordinates": square}), "open-ring"),
        "a crossing ring": (make("x", geometry={"type": "Polygon", "coordinates": bow}), ""),
        "100,001 positions": (make("x", geometry={"type": "LineString", "coordinates": long_ring}), "bad-geometry"),
        "an empty geometry": (make("x", geometry={"type": "Polygon", "coordinates": []}), "empty-geometry"),
        "an unknown geometry": (make("x", geometry={"type": "Blob", "coordinates": [0, 0]}), "bad-geometry"),
        "a geometry of text": (make("x", geometry="POINT(0 0)"), "bad-geometry"),
        "5,000 keywords": (make("x", properties={"keywords": [f"k{n}" for n in range(5000)]}), "too-many"),
        "a description of 10 MB": (make("x", properties={"description": "x" * 10_000_000}), "too-long"),
        "an unknown STAC version": (make("x", stac_version="0.6.0"), "unknown-version"),
        "a link that is no URL": (
            make("x", links=[{"rel": "via", "href": "www.climate.esa.int"}]),
            "link-without-scheme",
        ),
        "a link without href": (make("x", links=[{"rel": "via"}]), "bad-link"),
        "links that are text": (make("x", links="none"), "wrong-type"),
        "a password in a link": (make("x", links=[{"rel": "via", "href": "https://u:p@h.org/x"}]), "secret-in-link"),
        "a signed asset": (make("x", assets={"a": {"href": "https://b.org/x?X-Amz-Signature=1"}}), "signed-asset"),
        "an asset of text": (make("x", assets={"a": "https://b.org/x"}), "bad-asset"),
        "a number as text": (make("x", properties={"eo:cloud_cover": "12.5"}), "number-as-text"),
        "a number that is none": (make("x", properties={"eo:cloud_cover": "cloudy"}), "not-a-number"),
        "a size of 1e300": (make("x", assets={"a": {"href": "https://b.org/x", "file:size": 1e300}}), "not-a-number"),
        "HTML in the title": (make("x", properties={"title": "<script>alert(1)</script>"}), ""),
        "1,000 unknown properties": (make("x", properties={f"p{n}": n for n in range(1000)}), "too-many"),
        "a title that is a list": (make("x", properties={"title": ["a"]}), "wrong-type"),
    }
    return {name: (each if isinstance(each, bytes) else dump(each), code) for name, (each, code) in table.items()}


@pytest.mark.slow
def test_every_spoilt_element_ends_where_it_should(
    store: Store, harvest: Harvest, lines: Lines, make_item: Make
) -> None:
    table = spoilt(make_item)
    for number, (name, (body, code)) in enumerate(table.items()):
        harvest(Source(f"s{number}", lines(body).kind, "file:items.ndjson"))
        held = [each.issue.code.upper() for each in store.ledger.quarantined(f"s{number}")]
        rows = [row for row in store.catalogue.export() if row["source"] == f"s{number}"]
        warned = [issue.code for row in rows for issue in store.catalogue.get(row["id"]).record.issues]
        assert (name, held + warned) == (name, code.split())
        assert (name, len(rows) + len(held)) == (name, 1)


def test_spoilt_elements_never_stop_a_run(store: Store, harvest: Harvest, lines: Lines, make_item: Make) -> None:
    bad = [body for body, _ in spoilt(make_item).values()]
    report = harvest(lines(make_item("first"), *bad, make_item("last"), page=7))
    assert report.status == COMPLETE
    assert {"first", "last"} <= live(store)
    assert report.counts.seen == len(bad) + 2


def test_quarantine_keeps_the_bytes_the_place_and_the_reason(store: Store, harvest: Harvest, lines: Lines) -> None:
    harvest(lines(b'{"type": "Feature"}', b'{"id": "cut'))
    first, second = sorted(store.ledger.quarantined(), key=lambda each: each.raw.position)
    assert (first.raw.position, first.issue.code, first.raw.body) == ("line 1", "missing-id", b'{"type": "Feature"}')
    assert (second.raw.position, second.stage, second.raw.body) == ("line 2", "parse", b'{"id": "cut')


def test_the_stored_bytes_are_those_that_were_sent(
    store: Store, harvest: Harvest, tmp_path: Path, make_item: Make
) -> None:
    odd = b'{ "type":"Feature","id" : "a",  "properties":{"x":1.0000,"datetime":"2020-01-01T00:00:00Z"},"n":1e2 }'
    other = orjson.dumps(make_item("b"))
    (tmp_path / "f.json").write_bytes(
        b'{"type":"FeatureCollection",\n"features" : [\n ' + odd + b" ,\n" + other + b"]}"
    )
    harvest(Source("s", "stac-items", "file:f.json"))
    assert store.catalogue.raw(record_id("s", "", "a")).body == odd
    assert store.catalogue.raw(record_id("s", "c", "b")).body == other


@pytest.mark.parametrize("name", ["f.json", "f.ndjson", "f.ndjson.gz", "list.json", "compact.json", "one.json"])
def test_a_file_is_read_in_every_form(
    name: str, store: Store, harvest: Harvest, tmp_path: Path, make_item: Make
) -> None:
    items = [make_item(f"i{n}") for n in range(7)]
    collection = {"type": "FeatureCollection", "features": items}
    bodies = {
        "f.json": orjson.dumps(collection, option=orjson.OPT_INDENT_2),
        "compact.json": orjson.dumps(collection) + b"\n",
        "list.json": orjson.dumps(items),
        "f.ndjson": b"\xef\xbb\xbf" + b"\r\n\n".join(orjson.dumps(each) for each in items),
        "f.ndjson.gz": gzip.compress(b"\n".join(orjson.dumps(each) for each in items)),
        "one.json": orjson.dumps(items[0], option=orjson.OPT_INDENT_2),
    }
    (tmp_path / name).write_bytes(bodies[name])
    report = harvest(Source("s", "stac-items", f"file:{name}", settings={"page": "3"}))
    assert report.status == COMPLETE
    assert live(store) == ({"i0"} if name == "one.json" else {f"i{n}" for n in range(7)})


def test_a_collection_that_is_cut_off_gives_what_is_whole(
    store: Store, harvest: Harvest, tmp_path: Path, make_item: Make
) -> None:
    whole = orjson.dumps({"type": "FeatureCollection", "features": [make_item(f"i{n}") for n in range(5)]})
    (tmp_path / "f.json").write_bytes(whole)
    harvest(Source("s", "stac-items", "file:f.json"))
    (tmp_path / "f.json").write_bytes(whole[:-40])
    report = harvest(Source("s", "stac-items", "file:f.json"))
    assert report.status == PARTIAL
    assert "ends after 4 whole elements" in report.message
    assert len(live(store)) == 5


def test_one_broken_element_of_a_collection_costs_only_itself(
    store: Store, harvest: Harvest, tmp_path: Path, make_item: Make
) -> None:
    whole = orjson.dumps({"type": "FeatureCollection", "features": [make_item(f"i{n}", gsd=7) for n in range(5)]})
    (tmp_path / "f.json").write_bytes(whole.replace(b'"gsd":7', b'"gsd":NaN', 1))
    report = harvest(Source("s", "stac-items", "file:f.json"))
    assert (report.status, live(store)) == (COMPLETE, {"i1", "i2", "i3", "i4"})
    assert [each.raw.position for each in store.ledger.quarantined()] == ["element 1"]


@pytest.mark.parametrize("body", [b"<html>maintenance</html>", b"", b"{}", b'"text"', b'{"features": 1}'])
def test_what_is_no_collection_fails_the_run_and_loses_nothing(
    body: bytes, store: Store, harvest: Harvest, tmp_path: Path, make_item: Make
) -> None:
    (tmp_path / "f.json").write_bytes(orjson.dumps([make_item("a")]))
    harvest(Source("s", "stac-items", "file:f.json"))
    (tmp_path / "f.json").write_bytes(body)
    assert harvest(Source("s", "stac-items", "file:f.json")).status == FAILED
    assert live(store) == {"a"}


def test_collections_come_before_their_items(store: Store, harvest: Harvest, client: Client) -> None:
    folder = FIXTURES / "planetary-computer"
    source = Source("pc", "stac-items", f"file:{folder / 'items.ndjson'}", settings={"collections": "collection.json"})
    assert harvest(source).status == COMPLETE
    records = [store.catalogue.get(row["id"]).record for row in store.catalogue.export()]
    (dataset,) = [each for each in records if each.kind == "dataset"]
    assert (dataset.container, dataset.source_id) == ("collections", "naip")
    assert {each.dataset for each in records if each.kind == "observation"} == {dataset.id}
    assert next(iter(harvester(source, client).ids())) == ("collections", "naip")


def test_items_may_be_given_the_collection_that_they_do_not_name(store: Store, harvest: Harvest) -> None:
    folder = FIXTURES / "earth-search"
    settings = {"collections": "collection.json", "collection": "sentinel-s2-l2a-cogs-test"}
    harvest(Source("es", "stac-items", f"file:{folder / 'items.json'}", settings=settings))
    records = [store.catalogue.get(row["id"]).record for row in store.catalogue.export()]
    dataset = record_id("es", "collections", "sentinel-s2-l2a-cogs-test")
    items = [each for each in records if each.kind == "observation"]
    assert items
    assert {(each.dataset, each.container) for each in items} == {(dataset, "sentinel-s2-l2a-cogs")}


@pytest.mark.parametrize(
    ("url", "beside"),
    [
        ("file:items.ndjson", "file:all.json"),
        ("file:/a/items.ndjson", "file:/a/all.json"),
        ("https://example.org/a/items.ndjson", "https://example.org/a/all.json"),
    ],
)
def test_a_file_of_collections_stands_beside_that_of_the_items(url: str, beside: str) -> None:
    assert stac_items.beside(url, "all.json") == beside
    assert stac_items.beside(url, "https://example.org/b.json") == "https://example.org/b.json"


def test_a_file_that_nobody_has_touched_is_not_read_again(
    store: Store, client: Client, lines: Lines, make_item: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harvesters import walk
    from harvesters.run import harvest

    # A file that was written within a day before the last walk is read again, and here it was written just now.
    monkeypatch.setattr(walk, "OVERLAP", 0)
    source = lines(make_item("a"), make_item("b"))
    time.sleep(0.01)
    first = harvest(store, source, client=client, folder=tmp_path)
    second = harvest(store, source, client=client, folder=tmp_path)
    assert [(each.mode, each.status, each.counts.seen, each.bytes > 0) for each in (first, second)] == [
        ("full", "complete", 2, True),
        ("changes", "complete", 0, False),
    ]
    time.sleep(0.01)
    third = harvest(store, lines(make_item("a")), client=client, folder=tmp_path)
    assert (third.mode, third.counts.seen) == ("full", 1)
