from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from discovery.errors import ConfigError, RecordError
from discovery.http import Client
from discovery.model.source import COMPLETE, FAILED, HELD, PARTIAL, Report, Source
from discovery.store.store import Store
from harvesters.base import Position
from harvesters.opensearch import describe
from harvesters.registry import harvester

Harvest = Callable[..., Report]
Answer = tuple[int, bytes, Mapping[str, str]]
FIXTURES = Path(__file__).parents[2] / "fixtures" / "sources" / "opensearch-eo"
OS = 'xmlns="http://a9.com/-/spec/opensearch/1.1/"'
ATOM = "application/atom+xml"
GEOJSON = "application/geo+json"

pytestmark = pytest.mark.slow


def description(*urls: tuple[str, str, str]) -> bytes:
    found = "".join(f'<Url rel="{rel}" type="{kind}" template="{template}"/>' for rel, kind, template in urls)
    return f"<OpenSearchDescription {OS}><ShortName>Theirs</ShortName>{found}</OpenSearchDescription>".encode()


class Service:
    """A service of series that counts from 0, as its description says; answers may be spoilt."""

    def __init__(self, media_type: str, series: int = 11) -> None:
        self.media_type = media_type
        self.series = [f"series-{n}" for n in range(series)]
        self.by_links = False
        self.totals = True
        self.wrong: Callable[[str, str], Answer | None] = lambda path, query: None
        self.asked: list[str] = []

    def __call__(self, path: str, headers: Mapping[str, str]) -> Answer:
        self.asked.append(path)
        url = urlsplit(path)
        spoilt = self.wrong(url.path, url.query)
        return spoilt if spoilt is not None else self.right(url.path, url.query)

    def right(self, path: str, query: str) -> Answer:
        if path == "/osdd":
            template = "/search?n={count?}&amp;at={startIndex}&amp;box={geo:box?}&amp;when={time:start?}/{time:end?}"
            series = ("collection", self.media_type, f'{template}" indexOffset="0')
            return 200, description(("results", ATOM, "/granules?at={startIndex}"), series), {}
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        assert set(asked) <= {"n", "at"}
        start, size = int(asked.get("at", 0)), min(int(asked.get("n", 4)), 4)
        page = self.series[start : start + size]
        onward = f"/search?at={start + size}" if self.by_links and start + size < len(self.series) else ""
        return 200, self.atom(page, onward) if self.media_type == ATOM else self.geojson(page, onward), {}

    def atom(self, page: list[str], onward: str) -> bytes:
        entries = "".join(f"<entry><id>{each}</id><title>Title of {each}</title></entry>" for each in page)
        total = f"<os:totalResults>{len(self.series)}</os:totalResults>" if self.totals else ""
        link = f"<link rel='next' href='{onward}'/>" if onward else ""
        spaces = 'xmlns="http://www.w3.org/2005/Atom" xmlns:os="http://a9.com/-/spec/opensearch/1.1/"'
        return f"<feed {spaces}>{total}{link}{entries}</feed>".encode()

    def geojson(self, page: list[str], onward: str) -> bytes:
        features = [
            {"type": "Feature", "id": f"/{each}", "properties": {"identifier": each, "title": f"Title of {each}"}}
            for each in page
        ]
        links = {"next": [{"href": onward}]} if onward else {}
        total = {"totalResults": len(self.series)} if self.totals else {}
        return orjson.dumps(
            {"type": "FeatureCollection", "features": features, "properties": {"links": links, **total}}
        )


@pytest.fixture(params=[ATOM, GEOJSON])
def service(request: pytest.FixtureRequest) -> Service:
    return Service(request.param)


@pytest.fixture
def source(service: Service, served: Callable[..., str]) -> Source:
    return Source("s", "opensearch", f"{served(service)}osdd")


def live(store: Store) -> set[str]:
    return {str(row["source_id"]) for row in store.catalogue.export()}


@pytest.mark.parametrize("by_links", [True, False])
def test_every_series_comes_by_links_or_by_counting(
    by_links: bool, service: Service, source: Source, store: Store, harvest: Harvest, client: Client
) -> None:
    service.by_links = by_links
    probe = harvester(source, client).probe()
    assert (probe.title, probe.matched) == ("Theirs", 11)
    report = harvest(source)
    assert (report.status, report.message, report.counts.quarantined) == (COMPLETE, "", 0)
    assert live(store) == set(service.series)
    found = store.catalogue.find("s", "series", "series-3").record
    assert (found.kind, found.title, found.domain) == ("dataset", "Title of series-3", "earth-observation")
    assert harvest(source).counts.unchanged == 11


def test_a_walk_may_be_resumed_at_every_page(source: Source, client: Client) -> None:
    straight = list(harvester(source, client).ids())
    pieces: list[tuple[str, str]] = []
    position: Position | None = None
    while True:
        page = next(harvester(source, client).pages(position))
        pieces += [(raw.container, raw.source_id) for raw in page.raws]
        position = page.position
        if position is None:
            break
    assert pieces == straight


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        (lambda path, query: (200, b"<html>maintenance</html>", {}) if path == "/search" else None, (FAILED,)),
        (lambda path, query: (200, b"<html>maintenance</html>", {}) if path == "/osdd" else None, (FAILED,)),
        (lambda path, query: (200, b"<feed><entry>", {}) if "at=4" in query else None, (PARTIAL,)),
        (lambda path, query: (200, b"", {}) if "at=4" in query else None, (PARTIAL,)),
        (lambda path, query: (500, b"", {}) if "at=4" in query else None, (PARTIAL,)),
    ],
    ids=["page", "description", "cut", "empty", "error"],
)
def test_a_fault_of_the_server_deletes_nothing(
    wrong: Any, status: tuple[str, ...], service: Service, source: Source, store: Store, harvest: Harvest
) -> None:
    harvest(source)
    service.wrong = wrong
    for _ in range(2):
        report = harvest(source)
        assert report.status in (*status, FAILED)
        assert report.message
        assert report.counts.deleted == 0
    assert live(store) == set(service.series)


@pytest.mark.parametrize("totals", [True, False])
def test_a_server_that_gives_the_same_page_again_and_again_is_left(
    totals: bool, service: Service, source: Source, store: Store, harvest: Harvest
) -> None:
    harvest(source)
    service.totals, service.by_links, service.asked = totals, True, []
    service.wrong = lambda path, query: service.right(path, "at=0") if path == "/search" else None
    for _ in range(2):
        report = harvest(source)
        assert report.status in (COMPLETE, HELD)
        assert report.counts.deleted == 0
    assert live(store) == set(service.series)
    assert len(service.asked) < 20


def test_a_total_that_lies_holds_the_run(service: Service, source: Source, store: Store, harvest: Harvest) -> None:
    harvest(source)
    service.by_links = True
    service.wrong = lambda path, query: (
        (200, service.right(path, query)[1].replace(b"11", b"911"), {}) if path == "/search" else None
    )
    assert harvest(source).status == HELD
    assert harvest(Source("s", source.kind, source.url, settings={"totals": "ignore"})).status == COMPLETE


def test_a_series_without_an_identifier_is_shown(store: Store, harvest: Harvest, served: Callable[..., str]) -> None:
    service = Service(ATOM)
    service.wrong = lambda path, query: (
        (200, service.right(path, query)[1].replace(b"<id>series-2</id>", b""), {}) if path == "/search" else None
    )
    report = harvest(Source("s", "opensearch", f"{served(service)}osdd"))
    assert (report.status, len(live(store))) == (COMPLETE, 10)
    assert [each.issue.code for each in store.ledger.quarantined()] == ["missing-id"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"<html/>", "no-description"),
        (b"{}", "broken-xml"),
        (description(), "no-search"),
        (description(("collection", "text/html", "/x?{count}")), "no-search"),
        (description(("collection", ATOM, "/x?id={geo:uid}")), "no-search"),
        (description(("suggestions", ATOM, "/x")), "no-search"),
    ],
)
def test_what_is_no_description_is_named(body: bytes, code: str) -> None:
    with pytest.raises(RecordError) as caught:
        describe(body, "http://h.org/osdd")
    assert caught.value.code == code


def test_of_several_searches_the_one_for_series_in_the_best_form_is_taken() -> None:
    urls = [("results", GEOJSON, "/r"), ("collection", ATOM, "/a"), ("collection", GEOJSON, "g?p={startPage}")]
    found = describe(description(*urls), "http://h.org/x/osdd")
    assert (found.fill(3, 10, 20), found.media_type) == ("http://h.org/x/g?p=3", GEOJSON)


def test_the_sample_of_pycsw_has_a_search_whose_gaps_can_be_filled() -> None:
    found = describe((FIXTURES / "pycsw_description-document.xml").read_bytes(), "http://localhost/")
    asked = parse_qs(urlsplit(found.fill(1, 10)).query)
    assert (asked["startposition"], asked["maxrecords"], asked["mode"]) == (["1"], ["10"], ["opensearch"])
    assert not {"bbox", "time", "q", "eo:platform"} & set(asked)


def test_a_file_is_no_service(client: Client) -> None:
    with pytest.raises(ConfigError, match="not an http: or https: address"):
        harvester(Source("s", "opensearch", "file:osdd.xml"), client)


@pytest.mark.peer
def test_pycsw_gives_all_its_records(pycsw: tuple[str, Path], store: Store, harvest: Harvest, client: Client) -> None:
    address = pycsw[0].partition("?")[0]
    url = f"{address}?mode=opensearch&service=CSW&version=3.0.0&request=GetCapabilities"
    source = Source("s", "opensearch", url)
    total = harvester(source, client).probe().matched
    assert total is not None
    assert total >= 1000
    report = harvest(source)
    assert (report.status, report.message) == (COMPLETE, "")
    assert len(live(store)) == report.counts.seen == total
