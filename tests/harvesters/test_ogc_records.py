from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import orjson
import pytest

from discovery.errors import ConfigError, SourceUnavailableError
from discovery.http import Client, Policy
from discovery.model.record import Record
from discovery.model.source import COMPLETE, FAILED, HELD, PARTIAL, Mapped, RawRecord, Report, Source
from discovery.store.store import Store
from harvesters import paged, run
from harvesters.base import SupportsChanges
from harvesters.mapping import map_one
from harvesters.registry import harvester

Harvest = Callable[..., Report]
Served = Callable[..., str]
Answer = tuple[int, bytes, Mapping[str, str]]
FIXTURES = Path(__file__).parents[2] / "fixtures" / "sources" / "ogc-records"

pytestmark = pytest.mark.slow


def record(id: str, **properties: Any) -> dict[str, Any]:
    """Return a small record that no mapping has anything to say against."""
    given = {"type": "dataset", "title": f"Title of {id}", "updated": "2024-01-01T00:00:00Z", **properties}
    return {"id": id, "type": "Feature", "geometry": None, "time": None, "properties": given, "links": []}


class Catalogues:
    """A small service of records over lists of documents, whose answers a test may spoil."""

    def __init__(self, records: dict[str, list[dict[str, Any]]], most: int = 4) -> None:
        self.records = records
        self.most = most
        self.filters = False
        self.collections: list[Any] = [
            {"id": name, "title": name.title(), "itemType": "record", "links": []} for name in records
        ]
        self.conforms_to = ["http://www.opengis.net/spec/ogcapi-records-1/1.0/conf/core"]
        self.wrong: Callable[[str, str], Answer | None] = lambda path, query: None
        self.asked: list[str] = []

    def __call__(self, path: str, headers: Mapping[str, str]) -> Answer:
        self.asked.append(path)
        url = urlsplit(path)
        spoilt = self.wrong(url.path, url.query)
        return spoilt if spoilt is not None else self.right(url.path, url.query)

    def right(self, path: str, query: str) -> Answer:
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        if path == "/":
            links = [{"rel": "data", "href": "/collections"}, {"rel": "conformance", "href": "/conformance"}]
            return json({"title": "Theirs", "links": links})
        if path == "/conformance":
            return json({"conformsTo": self.conforms_to})
        if path == "/collections":
            return json({"collections": self.collections, "links": []})
        name = path.removeprefix("/collections/").removesuffix("/items")
        if name not in self.records:
            return 404, b'{"code": "NotFound"}', {}
        if not path.endswith("/items"):
            links = [{"rel": "items", "type": "text/html", "href": f"{path}/page"}, {"rel": "items", "href": "x/items"}]
            links[1]["href"] = f"{path}/items"
            return json({**next(each for each in self.collections if each["id"] == name), "links": links})
        return self.page(self.records[name], path, asked)

    def page(self, found: list[dict[str, Any]], path: str, asked: Mapping[str, str]) -> Answer:
        if self.filters and "filter" in asked:
            after = asked["filter"].removeprefix("updated >= TIMESTAMP('").removesuffix("')")
            if after == asked["filter"]:
                return 400, b'{"code": "filter"}', {}
            found = [each for each in found if each["properties"].get("updated", "") >= after]
        start, size = int(asked.get("offset", 0)), min(int(asked.get("limit", 10)), self.most)
        links: list[dict[str, Any]] = [{"rel": "self", "href": "x"}]
        # As pygeoapi does: the page behind a full one is linked, and empty when there is nothing more.
        if found[start : start + size]:
            links.append({"rel": "next", "href": f"{path}?{urlencode({**asked, 'offset': start + size})}"})
        features = found[start : start + size]
        return json({"type": "FeatureCollection", "features": features, "links": links, "numberMatched": len(found)})


def json(value: Any) -> Answer:
    return 200, orjson.dumps(value), {"Content-Type": "application/json"}


@pytest.fixture
def theirs() -> Catalogues:
    return Catalogues({"a": [record(f"a{n}") for n in range(11)], "b": [record("a1"), record("b/2")]})


@pytest.fixture
def source(theirs: Catalogues, served: Served) -> Source:
    return Source("s", "ogc-records", served(theirs))


def with_settings(source: Source, path: str = "", **settings: str) -> Source:
    return Source(source.id, source.kind, source.url + path, settings=settings)


def live(store: Store) -> set[tuple[str, str]]:
    return {(row["container"], row["source_id"]) for row in store.catalogue.export()}


def whole(theirs: Catalogues) -> set[tuple[str, str]]:
    return {(name, each["id"]) for name, found in theirs.records.items() for each in found}


# What is harvested


def test_every_record_of_every_catalogue_comes_and_nothing_else(
    theirs: Catalogues, source: Source, store: Store, harvest: Harvest
) -> None:
    theirs.collections.append({"id": "stations", "itemType": "feature", "links": []})
    theirs.collections.append({"id": "raster", "links": [{"rel": "coverage", "href": "x"}]})
    report = harvest(source)
    assert (report.status, report.message, report.counts.quarantined, report.counts.warnings) == (COMPLETE, "", 0, 0)
    assert live(store) == whole(theirs)
    found = store.catalogue.find("s", "b", "b/2").record
    assert (found.kind, found.domain, found.title) == ("dataset", "earth-observation", "Title of b/2")


@pytest.mark.parametrize("path", ["", "collections", "collections/a"])
def test_a_record_is_the_same_by_whichever_address_its_catalogue_is_entered(
    path: str, theirs: Catalogues, source: Source, store: Store, harvest: Harvest
) -> None:
    assert harvest(with_settings(source, path, page="3")).status == COMPLETE
    wanted = whole(theirs) if path != "collections/a" else {each for each in whole(theirs) if each[0] == "a"}
    assert live(store) == wanted
    assert store.catalogue.raw(store.catalogue.find("s", "a", "a1").record.id).url.endswith("/collections/a/items/a1")


def test_only_the_chosen_catalogues_are_taken(
    theirs: Catalogues, source: Source, store: Store, harvest: Harvest
) -> None:
    # Somebody who names a collection knows what is in it.
    theirs.collections[1]["itemType"] = "feature"
    assert harvest(with_settings(source, collections="b")).status == COMPLETE
    assert live(store) == {("b", "a1"), ("b", "b/2")}


@pytest.mark.parametrize(
    ("said", "conforms_to", "is_one"),
    [
        ("record", [], True),
        (["record"], [], True),
        ("feature", ["http://www.opengis.net/spec/ogcapi-records-1/1.0/conf/core"], False),
        (None, ["http://www.opengis.net/spec/ogcapi-records-1/1.0/conf/core"], True),
        (None, ["http://www.opengis.net/spec/ogcapi-records-1/1.0/conf/searchable-catalog"], True),
        (None, ["http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core"], False),
    ],
)
def test_a_catalogue_is_told_by_what_it_says_of_its_items_else_by_what_the_service_says(
    said: Any, conforms_to: list[str], is_one: bool, theirs: Catalogues, source: Source, client: Client
) -> None:
    theirs.conforms_to = conforms_to
    links = [{"rel": "items", "href": "/collections/a/items"}]
    theirs.collections = [{"id": "a", "itemType": said, "links": links}]
    if is_one:
        assert harvester(source, client).probe().matched == 11
    else:
        with pytest.raises(SourceUnavailableError, match="no catalogue of records: none of its 1 collections"):
            harvester(source, client).probe()


def test_the_probe_says_what_it_is_and_how_many_records_it_has(source: Source, client: Client) -> None:
    probe = harvester(source, client).probe()
    assert (probe.title, probe.matched, probe.notes) == ("Theirs", 13, ("catalogue a", "catalogue b"))


def test_a_second_harvest_changes_nothing(store: Store, source: Source, harvest: Harvest) -> None:
    first = harvest(source)
    before = store.catalogue.last_change()
    second = harvest(source)
    assert (second.counts.unchanged, second.counts.seen) == (first.counts.added, first.counts.seen)
    assert store.catalogue.last_change() == before


# What a record needs


def test_a_record_needs_only_an_id(mapping: Callable[..., Record]) -> None:
    found = mapping({"id": "x"}, "ogc-records")
    assert (found.kind, found.title) == ("dataset", "x")
    assert [each.code for each in found.issues] == ["missing-type", "not-a-feature"]
    # JSON's null is how many servers say that there is nothing.
    empty = {"id": "x", "properties": None, "links": None, "geometry": None, "time": {"interval": [None, None]}}
    assert mapping(empty, "ogc-records") == found


def test_an_unknown_type_is_kept_beside_a_warning(mapping: Callable[..., Record]) -> None:
    found = mapping(record("x", type="Map sheet"), "ogc-records")
    assert (found.kind, found.properties["type"], found.issues[0].code) == ("dataset", "Map sheet", "unknown-type")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"time": "2020"}, "wrong-type"),
        ({"time": {"interval": ["2020-01-01"]}}, "bad-interval"),
        ({"time": {"interval": "2020-01-01/2021-01-01"}}, "bad-interval"),
        ({"time": {"date": "soon"}}, "bad-date"),
        ({"type": "feature"}, "not-a-feature"),
        ({"links": {}}, "wrong-type"),
        ({"links": [{"rel": "about"}]}, "bad-link"),
        ({"geometry": {"type": "Box", "coordinates": [1, 2]}}, "bad-geometry"),
    ],
)
def test_what_is_against_the_standard_is_a_warning(
    more: dict[str, Any], code: str, mapping: Callable[..., Record]
) -> None:
    found = mapping({**record("x"), **more}, "ogc-records")
    assert found.title == "Title of x"
    assert {each.code for each in found.issues} == {code}


def test_nulls_in_a_record_are_what_is_missing(mapping: Callable[..., Record]) -> None:
    given = record("x", keywords=[None, "a"], themes=[{"concepts": [{"id": None}], "scheme": None}], license=None)
    given["properties"]["contacts"] = [{"name": None, "organization": "O", "emails": [{"value": None}], "roles": None}]
    given["links"] = [{"rel": None, "href": "https://example.org/a", "type": None, "title": None}]
    found = mapping(given, "ogc-records")
    assert (found.keywords, found.themes, found.issues) == (("a",), (), ())
    assert [each.name for each in found.contacts] == ["O"]


# What changed


def test_what_was_updated_is_asked_for_where_the_server_obeys(
    theirs: Catalogues, source: Source, client: Client
) -> None:
    theirs.filters = True
    theirs.records["a"][7]["properties"]["updated"] = "2025-06-01T00:00:00Z"
    worker = harvester(source, client)
    assert isinstance(worker, SupportsChanges)
    pages = worker.changes(1_735_689_600_000, None)
    assert pages is not None
    assert [raw.source_id for page in pages for raw in page.raws] == ["a7"]


def test_the_loop_asks_for_what_has_changed_and_deletes_nothing_then(
    theirs: Catalogues, source: Source, store: Store, harvest: Harvest
) -> None:
    theirs.filters = True
    harvest(source)
    theirs.asked = []
    changed = {"title": "New", "updated": "2999-01-01T00:00:00Z"}
    theirs.records["a"][7]["properties"].update(changed)
    theirs.records["b"].append(record("new", **changed))
    gone = theirs.records["a"].pop(0)
    report = harvest(source)
    assert (report.status, report.counts.seen, report.counts.updated, report.counts.added) == (COMPLETE, 2, 1, 1)
    assert report.counts.deleted == 0
    assert live(store) == whole(theirs) | {("a", gone["id"])}


def test_a_filter_that_is_ignored_or_would_hide_records_is_not_used(
    theirs: Catalogues, source: Source, client: Client
) -> None:
    worker = harvester(source, client)
    assert isinstance(worker, SupportsChanges)
    assert worker.changes(1_735_689_600_000, None) is None
    theirs.filters = True
    # Whether this one has changed will never be known.
    del theirs.records["b"][0]["properties"]["updated"]
    assert worker.changes(1_735_689_600_000, None) is None


# What goes wrong


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"id": "c", "type": "Catalog", "links": [{"rel": "child", "href": "x"}]}', "records-static"),
        (b'{"links": []}', "neither the landing page"),
        (b"[]", "not an object"),
        (b"<html>maintenance</html>", "web page"),
        (b"{", "not JSON"),
        (b'{"links": [{"rel": "data", "href": "http://[x"}]}', "leads nowhere"),
    ],
)
def test_what_is_no_landing_page_fails_the_run(
    body: bytes, said: str, theirs: Catalogues, source: Source, store: Store, harvest: Harvest
) -> None:
    harvest(source)
    before = live(store)
    theirs.wrong = lambda path, query: (200, body, {}) if path == "/" else None
    report = harvest(source)
    assert (report.status, live(store)) == (FAILED, before)
    assert said in report.message


def test_a_file_is_no_service(client: Client) -> None:
    with pytest.raises(ConfigError, match="not an http: or https: address"):
        harvester(Source("s", "ogc-records", "file:catalog.json"), client)


def test_a_service_that_has_lost_its_catalogues_deletes_nothing(
    theirs: Catalogues, source: Source, store: Store, harvest: Harvest
) -> None:
    harvest(source)
    theirs.collections = []
    for _ in range(2):
        assert harvest(source).status == FAILED
    assert live(store) == whole(theirs)


def spoilt_links(theirs: Catalogues, path: str, query: str, target: str) -> Answer:
    page = orjson.loads(theirs.right(path, query)[1])
    return json({**page, "links": [{"rel": "next", "href": target}]})


FAULTS: dict[str, Callable[[Catalogues, str, str], Answer]] = {
    "html with 200": lambda theirs, path, query: (200, b"<!doctype html><p>maintenance", {"Content-Type": "text/html"}),
    "cut body": lambda theirs, path, query: (200, theirs.right(path, query)[1][:-40], {}),
    "shorter than it says": lambda theirs, path, query: (200, b"{", {"Content-Length": "4000", "Connection": "close"}),
    "no list": lambda theirs, path, query: json({"features": None}),
    "empty": lambda theirs, path, query: (200, b"", {}),
    "error": lambda theirs, path, query: (500, b"", {}),
    "loop to itself": lambda theirs, path, query: spoilt_links(theirs, path, query, f"?{query}"),
    "loop to the first": lambda theirs, path, query: spoilt_links(theirs, path, query, "?limit=4"),
    "link to nowhere": lambda theirs, path, query: spoilt_links(theirs, path, query, "http://[x"),
    "link to a file": lambda theirs, path, query: spoilt_links(theirs, path, query, "file:///etc/hostname"),
    "link into the inside": lambda theirs, path, query: spoilt_links(theirs, path, query, "http://10.0.0.1/items"),
    "total too high": lambda theirs, path, query: (
        200,
        theirs.right(path, query)[1].replace(b'"numberMatched":11', b'"numberMatched":911'),
        {},
    ),
    "fewer than before": lambda theirs, path, query: json({"features": [], "numberMatched": 0}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_server_deletes_nothing_and_is_named(
    fault: str, theirs: Catalogues, source: Source, store: Store, harvest: Harvest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paged, "MOST_EMPTY", 5)
    theirs.records["a"] += [record(f"more{n}") for n in range(30)] if fault == "fewer than before" else []
    harvest(source)
    before, theirs.asked = live(store), []
    theirs.wrong = lambda path, query: FAULTS[fault](theirs, path, query) if path == "/collections/a/items" else None
    for _ in range(3):
        report = harvest(source)
        assert report.counts.deleted == 0
        assert report.message or store.ledger.quarantined()
    assert live(store) == before
    assert len(theirs.asked) < 100


def test_a_server_that_drips_is_not_waited_for(
    theirs: Catalogues, source: Source, store: Store, harvest: Harvest
) -> None:
    harvest(source)
    before = live(store)
    theirs.wrong = lambda path, query: (
        (*theirs.right(path, query)[:2], {"X-Drip": "0.05"}) if path == "/collections/a/items" else None
    )
    policy = Policy(attempts=1, grace=0.6, min_rate=10_000).with_hosts("127.0.0.1")
    # The run that goes on leaves the catalogue that failed again, and reads the other one.
    for status in (FAILED, COMPLETE):
        with Client(policy) as impatient:
            began = time.monotonic()
            report = run.harvest(store, source, client=impatient)
        assert (report.status, report.counts.deleted) == (status, 0)
        assert time.monotonic() - began < 20
    assert "could not be read" in report.message
    assert [each.issue.code for each in store.ledger.quarantined()] == ["no-items"]
    assert live(store) == before


def test_an_endless_chain_of_empty_pages_ends(
    theirs: Catalogues, source: Source, store: Store, harvest: Harvest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paged, "MOST_EMPTY", 5)
    number = iter(range(1_000_000))

    def endless(path: str, query: str) -> Answer | None:
        if path != "/collections/a/items":
            return None
        return json({"features": [], "links": [{"rel": "next", "href": f"?page={next(number)}"}]})

    theirs.wrong = endless
    report = harvest(source)
    assert (report.status, live(store)) == (COMPLETE, {("b", "a1"), ("b", "b/2")})
    assert [each.issue.code for each in store.ledger.quarantined()] == ["repeated-page"]


def test_a_total_that_lies_holds_the_run_until_somebody_says_that_it_does(
    theirs: Catalogues, source: Source, store: Store, harvest: Harvest
) -> None:
    theirs.wrong = lambda path, query: (
        FAULTS["total too high"](theirs, path, query) if path == "/collections/a/items" else None
    )
    report = harvest(source)
    assert (report.status, live(store)) == (HELD, whole(theirs))
    assert "says that it has 913 elements and gave 13" in report.message
    assert harvest(with_settings(source, totals="ignore")).status == COMPLETE


def test_a_walk_goes_on_where_a_fault_has_ended_it(
    theirs: Catalogues, source: Source, store: Store, harvest: Harvest
) -> None:
    theirs.wrong = lambda path, query: (503, b"", {}) if "offset=8" in query else None
    assert harvest(with_settings(source, page="4")).status == PARTIAL
    theirs.wrong, theirs.asked = lambda path, query: None, []
    assert harvest(with_settings(source, page="4")).status == COMPLETE
    assert live(store) == whole(theirs)
    assert "/collections/a/items?limit=4" not in theirs.asked


def test_a_broken_record_costs_only_itself(theirs: Catalogues, source: Source, store: Store, harvest: Harvest) -> None:
    def wrong(path: str, query: str) -> Answer:
        status, body, headers = theirs.right(path, query)
        return status, body.replace(b'"id":"a5"', b'"id":"a5","x":NaN'), headers

    theirs.wrong = wrong
    assert harvest(source).status == COMPLETE
    assert live(store) == whole(theirs) - {("a", "a5")}
    assert [each.issue.code for each in store.ledger.quarantined()] == ["broken-json"]


# The samples


def documents() -> dict[str, dict[str, Any]]:
    """Return every record among the samples by a name of its own."""
    found = {f"pygeoapi {n}": each for n, each in read("pygeoapi.json")["_default"].items()}
    found |= {f"pycsw {n}": each for n, each in enumerate(read("pycsw.json")["features"])}
    found |= {path.stem: orjson.loads(path.read_bytes()) for path in sorted((FIXTURES / "wcmp2").glob("*.json"))}
    return found | {"spec_record": read("spec_record.json")}


def read(name: str) -> Any:
    return orjson.loads((FIXTURES / name).read_bytes())


WARNINGS = {
    "wcmp2-failing-created-none": ["bad-date"],
    "wcmp2-failing-invalid-geometry-range": ["open-ring"],
    "wcmp2-failing-invalid-geometry-validity": ["bad-date"],
}


@pytest.mark.parametrize("name", documents())
def test_every_sample_is_a_record_with_no_warnings_but_those_named_here(name: str, client: Client) -> None:
    document = documents()[name]
    worker = harvester(Source("s", "ogc-records", "https://example.org/"), client)
    outcome = map_one(worker, RawRecord("c", document["id"], orjson.dumps(document)))
    assert isinstance(outcome, Mapped)
    found = outcome.record
    assert [each.code for each in found.issues] == WARNINGS.get(name, [])
    assert found.title == document["properties"]["title"].strip()
    assert found.kind == document["properties"]["type"]


# The peer


@pytest.mark.peer
def test_pygeoapi_gives_all_its_records(pygeoapi: str, store: Store, harvest: Harvest, client: Client) -> None:
    source = Source("s", "ogc-records", pygeoapi)
    probe = harvester(source, client).probe()
    assert (probe.title, probe.matched, probe.notes) == ("Records of a peer", 1000, ("catalogue catalogue",))
    report = harvest(source)
    assert (report.status, report.message, report.counts.quarantined) == (COMPLETE, "", 0)
    assert live(store) == {("catalogue", f"urn:example:record:{n}") for n in range(1000)}
    # It gives 500 at a time, and an empty page at the end; the rest is the way in.
    assert report.requests <= 8
    again = harvest(with_settings(source, "/collections/catalogue", page="300"))
    assert (again.status, again.counts.unchanged) == (COMPLETE, 1000)


@pytest.mark.peer
def test_pygeoapi_ignores_filters_and_is_walked_whole(pygeoapi: str, client: Client) -> None:
    worker = harvester(Source("s", "ogc-records", pygeoapi), client)
    assert isinstance(worker, SupportsChanges)
    assert worker.changes(1_735_689_600_000, None) is None
