"""A CSW that lies, loops, breaks and changes costs no record; pycsw, which we did not write, gives all that it has."""

from __future__ import annotations

import os
import random
import runpy
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from lxml import etree

from discovery.errors import ConfigError, SourceRefusedError, SourceUnavailableError
from discovery.http import Client, Policy
from discovery.model.instant import instant
from discovery.model.source import COMPLETE, FAILED, HELD, PARTIAL, Report, Source
from discovery.store.connection import sqlite_url
from discovery.store.store import Store
from harvesters import csw, xml
from harvesters.base import SupportsChanges
from harvesters.csw_page import Dialect
from harvesters.registry import harvester

Harvest = Callable[..., Report]
Wrong = Callable[[Mapping[str, str]], bytes | tuple[int, bytes] | None]
ROOT = Path(__file__).parents[2]
MADE = runpy.run_path(str(ROOT / "tests" / "peers" / "pycsw" / "records.py"))

pytestmark = pytest.mark.slow


def element(id: str, title: str = "", modified: str = "2020-01-01") -> bytes:
    """Return a small metadata document that no mapping has anything to say against."""
    return (
        f"<gmd:MD_Metadata><gmd:fileIdentifier><gco:CharacterString>{id}</gco:CharacterString></gmd:fileIdentifier>"
        f"<gmd:dateStamp><gco:Date>{modified}</gco:Date></gmd:dateStamp><gmd:identificationInfo>"
        "<gmd:MD_DataIdentification><gmd:citation><gmd:CI_Citation><gmd:title><gco:CharacterString>"
        f"{title or f'Title of {id}'}</gco:CharacterString></gmd:title></gmd:CI_Citation></gmd:citation>"
        "</gmd:MD_DataIdentification></gmd:identificationInfo></gmd:MD_Metadata>"
    ).encode()


def exception(text: str = "it does not work") -> bytes:
    return (
        '<ows:ExceptionReport xmlns:ows="http://www.opengis.net/ows"><ows:Exception exceptionCode="NoApplicableCode">'
        f"<ows:ExceptionText>{text}</ows:ExceptionText></ows:Exception></ows:ExceptionReport>"
    ).encode()


class Catalogue:
    """A small CSW 2.0.2 over documents by their identifiers, whose answers a test may spoil."""

    def __init__(self, records: Mapping[str, bytes], most: int = 4) -> None:
        self.records = dict(records)
        self.most = most
        self.sorts = "apiso:Identifier"
        self.post = True
        self.dates: dict[str, str] = {}
        """When records changed; empty where the service cannot tell."""
        self.unserialisable: set[str] = set()
        self.following: Callable[[int, int, int], int | None] = lambda start, count, total: (
            0 if start + count > total else start + count
        )
        self.matched: Callable[[int], int | None] = lambda total: total
        self.wrong: Wrong = lambda asked: None
        self.asked: list[Mapping[str, str]] = []
        self.drip = 0.0
        self.clock = "2026-01-02T03:04:05Z"

    def answer(self, asked: Mapping[str, str]) -> bytes | tuple[int, bytes]:
        self.asked.append(asked)
        if asked["request"] == "GetCapabilities":
            spoilt = self.wrong(asked)
            return self.capabilities() if spoilt is None else spoilt
        spoilt = self.wrong(asked)
        return self.page(asked) if spoilt is None else spoilt

    def capabilities(self) -> bytes:
        post = '<ows:Post xlink:href="http://internal.example/csw"/>' if self.post else ""
        return (
            '<csw:Capabilities xmlns:csw="http://www.opengis.net/cat/csw/2.0.2" xmlns:ows="http://www.opengis.net/ows" '
            'xmlns:xlink="http://www.w3.org/1999/xlink" version="2.0.2"><ows:ServiceIdentification><ows:Title>Theirs'
            '</ows:Title></ows:ServiceIdentification><ows:OperationsMetadata><ows:Operation name="GetRecords"><ows:DCP>'
            f'<ows:HTTP><ows:Get xlink:href="http://internal.example/csw"/>{post}</ows:HTTP></ows:DCP>'
            '<ows:Parameter name="outputSchema"><ows:Value>http://www.isotc211.org/2005/gmd</ows:Value>'
            "<ows:Value>http://www.opengis.net/cat/csw/2.0.2</ows:Value></ows:Parameter>"
            '<ows:Parameter name="typeNames"><ows:Value>gmd:MD_Metadata</ows:Value></ows:Parameter>'
            "</ows:Operation></ows:OperationsMetadata></csw:Capabilities>"
        ).encode()

    def page(self, asked: Mapping[str, str]) -> bytes:
        sort = asked.get("sortby", "").partition(":A")[0]
        own = "dc:identifier" if "csw:" in asked.get("typenames", "") else self.sorts
        if sort and (sort not in (own, self.sorts) or self.sorts == "nothing"):
            return exception(f"cannot sort by {sort}")
        found = dict(sorted(self.records.items()) if sort else self.records.items())
        if since := asked.get("since"):
            if not self.dates:
                return exception("no such property")
            found = {id: body for id, body in found.items() if self.dates[id] >= since}
        start, size = int(asked["startposition"]), min(int(asked["maxrecords"]), self.most)
        page = list(found.items())[start - 1 : start - 1 + size] if start > 0 else []
        if self.unserialisable & {id for id, _ in page}:
            return exception("java.lang.NullPointerException")
        matched, following = self.matched(len(found)), self.following(start, len(page), len(found))
        said = "" if matched is None else f' numberOfRecordsMatched="{matched}"'
        said += "" if following is None else f' nextRecord="{following}"'
        return (
            '<?xml version="1.0" encoding="UTF-8"?><csw:GetRecordsResponse '
            'xmlns:csw="http://www.opengis.net/cat/csw/2.0.2" xmlns:gmd="http://www.isotc211.org/2005/gmd" '
            f'xmlns:gco="http://www.isotc211.org/2005/gco"><csw:SearchStatus timestamp="{self.clock}"/>'
            f'<csw:SearchResults{said} numberOfRecordsReturned="{len(page)}">'
        ).encode() + b"".join(body for _, body in page) + b"</csw:SearchResults></csw:GetRecordsResponse>"  # fmt: skip


def asked_in(body: bytes) -> dict[str, str]:
    """Return what a POST asks for, as the parameters of a GET."""
    root = xml.parse(body)
    names = {"startPosition": "startposition", "maxRecords": "maxrecords"}
    out = {"request": "GetRecords", "post": "1", **{key: str(root.get(name)) for name, key in names.items()}}
    words = [str(each.text) for each in root.iter("{*}PropertyName")]
    literal = next(root.iter("{*}Literal"), None)
    if literal is not None:
        out |= {"changed": words.pop(0), "since": str(literal.text)}
    return out | ({"sortby": words[0]} if words else {})


@contextmanager
def serving(catalogue: Catalogue) -> Iterator[Source]:
    class Handler(BaseHTTPRequestHandler):
        disable_nagle_algorithm = True  # Else each answer in two parts waits 40 ms for a late ACK.
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = {name.lower(): value for name, value in parse_qsl(urlsplit(self.path).query)}
            if constraint := asked.get("constraint"):
                asked["since"] = constraint.split("'")[1]
            self._send(catalogue.answer(asked))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked = dict(parse_qsl(urlsplit(self.path).query)) | asked_in(body)
            self._send(catalogue.answer(asked) if catalogue.post else (405, b""))

        def _send(self, answer: bytes | tuple[int, bytes]) -> None:
            status, body = answer if isinstance(answer, tuple) else (200, answer)
            self.send_response(status)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            for at in range(0, len(body), 100) if catalogue.drip else ():
                self.wfile.write(body[at : at + 100])
                time.sleep(catalogue.drip)
            self.wfile.write(b"" if catalogue.drip else body)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # who is killed in the middle of an answer hangs up

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield Source("s", "csw", f"http://127.0.0.1:{server.server_port}/csw?map=x&request=GetCapabilities&SERVICE=CSW")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


NAMES = [f"r{n:02d}" for n in range(11)]


@pytest.fixture
def catalogue() -> Catalogue:
    # Not in the order of their identifiers, in which they are asked for.
    return Catalogue({id: element(id) for id in reversed(NAMES)})


def live(store: Store) -> list[str]:
    return sorted(row["source_id"] for row in store.catalogue.export())


def titles(store: Store) -> dict[str, str]:
    return {row["source_id"]: row["title"] for row in store.catalogue.export()}


def reasons(store: Store) -> list[tuple[str, str]]:
    return [(each.raw.position or each.raw.source_id, each.issue.code) for each in store.ledger.quarantined("s")]


def with_settings(source: Source, **settings: str) -> Source:
    return Source(source.id, source.kind, source.url, settings=settings)


# What is harvested


@pytest.mark.parametrize("post", [True, False])
@pytest.mark.parametrize("sorts", ["apiso:Identifier", "dc:identifier", "Identifier", "nothing"])
def test_every_record_comes_in_each_dialect(
    catalogue: Catalogue, store: Store, harvest: Harvest, sorts: str, post: bool
) -> None:
    catalogue.sorts, catalogue.post = sorts, post
    with serving(catalogue) as source:
        report = harvest(source)
    assert (report.status, report.counts.added, report.counts.quarantined) == (COMPLETE, 11, 0)
    assert live(store) == NAMES
    assert catalogue.asked[-1].get("sortby", "").startswith(sorts) == (sorts != "nothing")
    # What the operator's address has beside the request stays in it; the service's own name of itself does not count.
    assert {each.get("map") for each in catalogue.asked} == {"x"}


def test_a_service_that_only_takes_post_is_asked_so(catalogue: Catalogue, store: Store, harvest: Harvest) -> None:
    catalogue.wrong = lambda asked: exception() if asked["request"] == "GetRecords" and "post" not in asked else None
    with serving(catalogue) as source:
        assert harvest(source).status == COMPLETE
    assert live(store) == NAMES


def test_a_record_is_kept_as_the_bytes_that_were_sent(catalogue: Catalogue, store: Store, harvest: Harvest) -> None:
    with serving(catalogue) as source:
        harvest(source)
    _, _, raw = next(each for each in store.catalogue.raws("s") if each[2].source_id == "r03")
    sent = element("r03")
    spaces = b' xmlns:gco="http://www.isotc211.org/2005/gco" xmlns:gmd="http://www.isotc211.org/2005/gmd"'
    assert raw.body == sent.replace(b"<gmd:MD_Metadata>", b"<gmd:MD_Metadata" + spaces + b">")
    assert (raw.media_type, raw.container) == ("application/xml", "records")
    assert etree.fromstring(raw.body).tag == "{http://www.isotc211.org/2005/gmd}MD_Metadata"


def test_a_second_harvest_changes_nothing(catalogue: Catalogue, harvest: Harvest) -> None:
    with serving(catalogue) as source:
        harvest(source)
        report = harvest(source)
    assert (report.status, report.counts.unchanged, report.counts.updated) == (COMPLETE, 11, 0)


def test_a_walk_may_be_resumed_at_every_page(catalogue: Catalogue, client: Client) -> None:
    with serving(catalogue) as source:
        worker = harvester(source, client)
        whole = list(worker.pages(None))
        for number, page in enumerate(whole[:-1]):
            rest = harvester(source, client).pages(page.position)
            assert [each.raws for each in rest] == [each.raws for each in whole[number + 1 :]]
        assert whole[-1].position is None
        assert [raw.source_id for page in whole for raw in page.raws] == NAMES
        assert {page.clock for page in whole} == {instant("2026-01-02T03:04:05Z")}
        assert sorted(worker.ids()) == [("records", id) for id in NAMES]
    assert catalogue.asked[-1]["elementsetname"] == "brief"


def test_the_probe_says_what_it_is_and_how_many_records_it_has(catalogue: Catalogue, client: Client) -> None:
    with serving(catalogue) as source:
        probe = harvester(source, client).probe()
        assert (probe.title, probe.matched) == ("Theirs", 11)
        assert "by GET" in probe.notes[0]
        catalogue.sorts = "nothing"
        assert "does not sort" in harvester(source, client).probe().notes[1]


def test_what_vanishes_is_deleted_when_it_is_missed_twice(catalogue: Catalogue, store: Store, harvest: Harvest) -> None:
    with serving(catalogue) as source:
        harvest(source)
        del catalogue.records["r05"]
        assert harvest(source, full=True).counts.deleted == 0
        assert harvest(source, full=True).counts.deleted == 1
    assert "r05" not in live(store)


# Only what has changed


@pytest.mark.parametrize("post", [True, False])
def test_only_what_has_changed_is_asked_for(catalogue: Catalogue, client: Client, post: bool) -> None:
    catalogue.post, catalogue.dates = post, {id: f"2020-01-{n + 1:02d}" for n, id in enumerate(NAMES)}
    with serving(catalogue) as source:
        worker = harvester(source, client)
        assert isinstance(worker, SupportsChanges)
        assert not worker.cheap_ids
        pages = worker.changes(instant("2020-01-06T23:00:00Z"), None)
        assert pages is not None
        first = next(iter(pages))
        assert [each.source_id for each in first.raws] == ["r05", "r06", "r07", "r08"]
        again = worker.changes(instant("2020-01-06T23:00:00Z"), first.position)
        assert again is not None
        assert [raw.source_id for page in again for raw in page.raws] == ["r09", "r10"]
    assert catalogue.asked[-1]["since"] == "2020-01-06"


def test_a_service_that_cannot_tell_what_has_changed_is_walked_whole(catalogue: Catalogue, client: Client) -> None:
    with serving(catalogue) as source:
        worker = harvester(source, client)
        assert isinstance(worker, SupportsChanges)
        assert worker.changes(instant("2020-01-06"), None) is None
        # To know no record that has ever changed is not to know.
        catalogue.dates = dict.fromkeys(NAMES, "")
        assert worker.changes(instant("2020-01-06"), None) is None


def test_a_run_after_a_complete_one_reads_only_what_has_changed(
    catalogue: Catalogue, store: Store, harvest: Harvest
) -> None:
    catalogue.dates, catalogue.clock = dict.fromkeys(NAMES, "2020-01-01"), datetime.now(UTC).isoformat()
    with serving(catalogue) as source:
        harvest(source)
        catalogue.records["r04"] = element("r04", "another")
        catalogue.dates["r04"] = "9999-01-01"
        report = harvest(source)
    assert (report.status, report.counts.seen, report.counts.updated) == (COMPLETE, 1, 1)
    assert titles(store)["r04"] == "another"


# What services do wrong


@pytest.mark.parametrize(
    "following",
    [
        lambda start, count, total: 1,
        lambda start, count, total: start,
        lambda start, count, total: max(1, start - 1),
        lambda start, count, total: None,
        lambda start, count, total: 1 if start + count > total else start + count,
    ],
    ids=["always 1", "the same", "back", "missing", "1 at the end"],
)
@pytest.mark.parametrize("total", [8, 11])
def test_a_next_record_that_lies_loses_nothing_and_loops_never(
    store: Store, harvest: Harvest, following: Any, total: int
) -> None:
    catalogue = Catalogue({id: element(id) for id in NAMES[:total]})
    catalogue.following = following
    with serving(catalogue) as source:
        report = harvest(source)
    assert (report.status, live(store)) == (COMPLETE, NAMES[:total])
    assert len(catalogue.asked) < 8


@pytest.mark.parametrize("post", [True, False])
@pytest.mark.parametrize("change", ["taken away", "many taken away", "added", "exchanged"])
def test_a_source_that_changes_while_it_is_walked_loses_nothing(
    store: Store, harvest: Harvest, change: str, post: bool
) -> None:
    names = [f"n{n:03d}" for n in range(200)]
    catalogue = Catalogue({id: element(id) for id in names}, most=20)
    catalogue.post = post
    taken = {"taken away": 7, "many taken away": 70, "added": 0, "exchanged": 15}[change]

    def changed(asked: Mapping[str, str]) -> None:
        # In front of the walk, where it has been already.
        if int(asked.get("startposition", 0)) > 100 and names[0] in catalogue.records:
            for id in names[: max(taken, 1)]:
                del catalogue.records[id]
            if change in ("added", "exchanged"):
                catalogue.records |= {f"m{n:03d}": element(f"m{n:03d}") for n in range(20)}

    catalogue.wrong = changed
    with serving(catalogue) as source:
        report = harvest(source)
    assert (report.status, report.counts.quarantined) == (COMPLETE, 0)
    assert set(names[max(taken, 1) :]) <= set(live(store))


def test_pages_are_asked_for_ahead_and_one_after_the_other(store: Store, harvest: Harvest) -> None:
    catalogue = Catalogue({f"n{n:03d}": element(f"n{n:03d}") for n in range(40)})
    inside, most, lock = [0], [0], threading.Lock()

    def counted(asked: Mapping[str, str]) -> None:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        time.sleep(0.05)
        with lock:
            inside[0] -= 1

    catalogue.wrong = counted
    with serving(catalogue) as source:
        report = harvest(with_settings(source, page="4"))
    assert (report.status, len(live(store)), most[0]) == (COMPLETE, 40, 1)
    # Each page once, the first one behind the question for a single record.
    starts = sorted(int(asked["startposition"]) for asked in catalogue.asked if asked["request"] == "GetRecords")
    assert starts == [1, *range(1, 40, 3)]


def test_a_next_record_that_leads_over_others_is_found_out(
    catalogue: Catalogue, store: Store, harvest: Harvest
) -> None:
    with serving(catalogue) as source:
        harvest(source)
        catalogue.following = lambda start, count, total: start + count + 3
        for _ in range(3):
            report = harvest(source, full=True)
            assert (report.status, report.counts.deleted) == (HELD, 0)
            assert "11" in report.message
    assert live(store) == NAMES


def test_pages_that_hold_nothing_are_passed_over_where_the_service_leads_on(
    catalogue: Catalogue, store: Store, harvest: Harvest
) -> None:
    # As GeoNetwork counts records of other schemas, which it leaves out of its pages.
    catalogue.records |= {f"r{n:02d}x": b"" for n in range(3, 9)}
    catalogue.matched = lambda total: total

    def following(start: int, count: int, total: int) -> int:
        return 0 if start + catalogue.most > total else start + catalogue.most

    catalogue.following = following
    with serving(catalogue) as source:
        report = harvest(with_settings(source, totals="ignore"))
    assert (report.status, live(store)) == (COMPLETE, NAMES)


@pytest.mark.parametrize("said", [None, 1_000_000, 5])
def test_a_number_that_lies_deletes_nothing(catalogue: Catalogue, store: Store, harvest: Harvest, said: Any) -> None:
    with serving(catalogue) as source:
        harvest(source)
        catalogue.matched = lambda total: said
        reports = [harvest(source, full=True) for _ in range(3)]
        assert {each.counts.deleted for each in reports} == {0}
        assert reports[-1].status == (HELD if said == 1_000_000 else COMPLETE)
    assert live(store) == NAMES


def test_a_service_that_gives_the_first_page_for_ever_ends(
    catalogue: Catalogue, store: Store, harvest: Harvest
) -> None:
    def first(asked: Mapping[str, str]) -> bytes | None:
        return catalogue.page({**asked, "startposition": "1"}) if asked["request"] == "GetRecords" else None

    catalogue.wrong, catalogue.matched = first, lambda total: 1_000_000
    catalogue.following = lambda start, count, total: None
    with serving(catalogue) as source:
        report = harvest(source)
    assert (report.status, report.counts.deleted) == (HELD, 0)
    assert [code for _, code in reasons(store)] == ["repeated-page"]
    assert len(catalogue.asked) < 10


def test_a_service_that_makes_up_records_without_end_ends(catalogue: Catalogue, store: Store, harvest: Harvest) -> None:
    def endless(asked: Mapping[str, str]) -> bytes | None:
        if asked["request"] != "GetRecords":
            return None
        start = int(asked["startposition"])
        made = Catalogue({f"e{n}": element(f"e{n}") for n in range(start, start + 4)})
        made.matched, made.following = (lambda total: start + 3 if start > 1 else 11), (lambda *_: start + 4)
        return made.page({**asked, "startposition": "1"})

    catalogue.wrong = endless
    with serving(catalogue) as source:
        report = harvest(with_settings(source, page="4"))
    assert report.counts.deleted == 0
    assert len(catalogue.asked) < 30


@pytest.mark.parametrize("bad", [["r00"], ["r04"], ["r10"], ["r03", "r04", "r07"]], ids="-".join)
def test_a_record_that_the_service_cannot_give_costs_only_itself(
    catalogue: Catalogue, store: Store, harvest: Harvest, bad: list[str]
) -> None:
    with serving(catalogue) as source:
        harvest(source)
        catalogue.unserialisable = set(bad)
        harvest(source, full=True)
        report = harvest(source, full=True)
        assert (report.status, report.counts.deleted, report.counts.quarantined) == (COMPLETE, 0, len(bad))
        assert live(store) == NAMES
        assert reasons(store) == [(f"record {NAMES.index(id) + 1}", "unserialisable") for id in bad]
        entry = store.ledger.quarantined("s")[0]
        assert "NullPointerException" in entry.issue.message
        catalogue.unserialisable = set()
        assert harvest(source, full=True).counts.quarantined == 0
    assert store.ledger.quarantined("s") == []


def test_a_service_that_can_give_nothing_any_more_is_not_asked_for_ever(
    catalogue: Catalogue, store: Store, harvest: Harvest
) -> None:
    catalogue.records = {f"q{n:03d}": element(f"q{n:03d}") for n in range(200)}
    catalogue.most = 100
    with serving(catalogue) as source:
        harvest(source)
        catalogue.unserialisable = {f"q{n:03d}" for n in range(50, 200)}
        catalogue.asked.clear()
        report = harvest(source, full=True)
    assert (report.status, report.counts.deleted) == (PARTIAL, 0)
    assert "NullPointerException" in report.message
    assert len(catalogue.asked) < 100
    assert len(live(store)) == 200


def test_an_exception_among_the_records_of_a_page_is_one_of_the_page(
    catalogue: Catalogue, store: Store, harvest: Harvest
) -> None:
    catalogue.records["r05"] = exception("broken in the middle")
    with serving(catalogue) as source:
        report = harvest(source)
    assert (report.counts.added, reasons(store)) == (10, [("record 6", "unserialisable")])


@pytest.mark.parametrize("detail", ["too large", "cut"])
def test_a_page_that_is_too_much_is_asked_for_in_pieces(store: Store, harvest: Harvest, detail: str) -> None:
    catalogue = Catalogue({id: element(id) for id in NAMES}, most=100)

    def wrong(asked: Mapping[str, str]) -> bytes | tuple[int, bytes] | None:
        if int(asked.get("maxrecords", 0)) <= 3:
            return None
        return (413, b"") if detail == "too large" else catalogue.page(asked)[:-300]

    catalogue.wrong = wrong
    with serving(catalogue) as source:
        report = harvest(source)
    assert (report.status, live(store)) == (COMPLETE, NAMES)


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.8, 0.9])
def test_a_page_that_is_cut_off_is_never_the_last_one(
    catalogue: Catalogue, store: Store, harvest: Harvest, kept: float
) -> None:
    with serving(catalogue) as source:
        harvest(source)

        def cut(asked: Mapping[str, str]) -> bytes | None:
            if asked["request"] != "GetRecords" or int(asked["startposition"]) < 5:
                return None
            page = catalogue.page(asked)
            return page[: int(len(page) * kept)]

        catalogue.wrong = cut
        report = harvest(source, full=True)
        assert (report.status, report.counts.deleted) == (PARTIAL, 0)
    assert live(store) == NAMES


HTML = b"<!DOCTYPE html><html><body>We are being maintained</body></html>"
BOMB = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><x>&b;</x>'


@pytest.mark.parametrize(
    ("body", "said"),
    [(HTML, "web page"), (BOMB, "DTD"), (b"", "XML"), (b'{"a": 1}', "XML"), (b"<a/>", "SearchResults")],
    ids=["HTML", "bomb", "nothing", "JSON", "other XML"],
)
def test_a_page_that_is_no_page_ends_the_run_with_its_reason(
    catalogue: Catalogue, store: Store, harvest: Harvest, body: bytes, said: str
) -> None:
    with serving(catalogue) as source:
        harvest(source)
        catalogue.wrong = lambda asked: body if int(asked.get("startposition", 0)) > 4 else None
        report = harvest(source, full=True)
        assert (report.status, report.counts.deleted) == (PARTIAL, 0)
        assert said in report.message or (said == "XML" and "no SearchResults" in report.message)
        assert len(catalogue.asked) < 20
    assert live(store) == NAMES


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (HTML, "web page"),
        (BOMB, "DTD"),
        (b"", "not XML"),
        (b"<WMS_Capabilities/>", "not what a CSW says"),
        (exception("go away"), "go away"),
        ((404, b""), "404"),
        ((500, b"x"), "500"),
    ],
    ids=["HTML", "bomb", "nothing", "WMS", "exception", "404", "500"],
)
def test_what_is_no_catalogue_service_fails_the_run(
    catalogue: Catalogue, harvest: Harvest, body: Any, said: str
) -> None:
    catalogue.wrong = lambda asked: body
    with serving(catalogue) as source:
        report = harvest(source)
    assert report.status == FAILED
    assert said in report.message


def test_an_answer_that_drips_is_given_up(catalogue: Catalogue, store: Store, harvest: Harvest) -> None:
    from harvesters import run

    policy = Policy(attempts=1, total=0.4, grace=0.2).with_hosts("127.0.0.1")
    with serving(catalogue) as source, Client(policy) as client:
        harvest(source)
        catalogue.drip = 0.05
        began = time.monotonic()
        report = run.harvest(store, source, client=client, full=True)
        assert time.monotonic() - began < 20
    assert (report.status, report.counts.deleted) == (FAILED, 0)
    assert live(store) == NAMES


def test_a_broken_record_costs_only_itself(catalogue: Catalogue, store: Store, harvest: Harvest) -> None:
    catalogue.records |= {
        "r02": element("r02").replace(b"Title", b"\xff"),
        "r05": element("r05").replace(b"</gmd:dateStamp>", b""),
        "r07": b"<gmd:MD_Metadata/>",
        "r08": b"<DIF/>",
        "r09": element("x" * 65_536),
    }
    with serving(catalogue) as source:
        harvest(source, full=True)
        report = harvest(source, full=True)
    assert (report.status, report.counts.quarantined) == (COMPLETE, 5)
    assert live(store) == [id for id in NAMES if id not in ("r02", "r05", "r07", "r08", "r09")]
    assert sorted(code for _, code in reasons(store)) == [
        "bad-id",
        "broken-xml",
        "broken-xml",
        "missing-id",
        "unknown-standard",
    ]
    assert {b"\xff" in each.raw.body for each in store.ledger.quarantined("s")} == {True, False}


def test_a_schema_that_the_service_does_not_give_is_an_error_that_says_so(
    catalogue: Catalogue, harvest: Harvest
) -> None:
    with serving(catalogue) as source:
        report = harvest(with_settings(source, schema="iso19115-3"))
    assert report.status == FAILED
    assert "does not give iso19115-3" in report.message


def test_a_service_that_is_gone_says_so(client: Client) -> None:
    with pytest.raises(SourceUnavailableError):
        harvester(Source("s", "csw", "http://127.0.0.1:1/"), client).probe()
    with pytest.raises(SourceRefusedError):
        harvester(Source("s", "csw", "http://10.0.0.1/"), client).probe()
    with pytest.raises(ConfigError, match="csw: url"):
        harvester(Source("s", "csw", "file:x"), client)


# A real service


@pytest.fixture
def peer_source(pycsw: tuple[str, Path]) -> Source:
    return Source("s", "csw", pycsw[0])


def bare(number: int, title: str) -> str:
    """Return a made record as pycsw has it in its database: a text, which says nothing of its encoding."""
    return str(MADE["iso"](number, title=title)).partition("?>")[2].strip()


EVERYTHING = {MADE["identifier"](n) for n in range(1000)}


@pytest.mark.peer
@pytest.mark.parametrize("version", ["2.0.2", "3.0.0"])
@pytest.mark.parametrize("schema", ["", "dublin-core"])
def test_pycsw_gives_all_that_it_has(
    peer_source: Source, store: Store, harvest: Harvest, version: str, schema: str
) -> None:
    report = harvest(with_settings(peer_source, version=version, schema=schema))
    assert (report.status, report.counts.quarantined) == (COMPLETE, 0)
    assert report.counts.added > 1000
    assert set(live(store)) >= EVERYTHING
    found = {row["source_id"]: row for row in store.catalogue.export()}
    made = etree.fromstring(MADE["iso"](7).encode())
    title = made.findtext(".//{*}CI_Citation/{*}title/{*}CharacterString")
    assert found[MADE["identifier"](7)]["title"] == title
    again = harvest(with_settings(peer_source, version=version, schema=schema), full=True)
    assert (again.counts.unchanged, again.counts.deleted) == (report.counts.added, 0)


@pytest.mark.peer
@pytest.mark.parametrize("version", ["2.0.2", "3.0.0"])
def test_pycsw_says_what_has_changed(peer_source: Source, client: Client, version: str) -> None:
    worker = harvester(with_settings(peer_source, version=version), client)
    assert isinstance(worker, SupportsChanges)
    pages = worker.changes(int(MADE["modified"](900).timestamp() * 1000), None)
    assert pages is not None
    found = {raw.source_id for page in pages for raw in page.raws}
    assert {MADE["identifier"](n) for n in range(900, 1000)} <= found
    assert len(found) < 130


@pytest.mark.peer
def test_a_record_that_pycsw_cannot_give_costs_only_itself(
    pycsw: tuple[str, Path], store: Store, harvest: Harvest
) -> None:
    address, database = pycsw
    broken = MADE["identifier"](500)
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE records SET xml = ? WHERE identifier = ?", ("<no xml", broken))
    connection.close()
    report = harvest(Source("s", "csw", address))
    assert (report.status, report.counts.quarantined) == (COMPLETE, 1)
    assert EVERYTHING - set(live(store)) == {broken}
    assert reasons(store)[0][1] == "unserialisable"


@pytest.mark.peer
def test_records_that_change_and_go_at_pycsw_do_so_here(
    pycsw: tuple[str, Path], store: Store, harvest: Harvest
) -> None:
    address, database = pycsw
    source = Source("s", "csw", address)
    harvest(source)
    changed, gone = MADE["identifier"](1), MADE["identifier"](2)
    body = bare(1, "Another title").replace("2005-01-01T05:00:00Z", "2099-01-01T00:00:00Z")
    with sqlite3.connect(database) as connection:
        connection.execute(
            "UPDATE records SET xml = ?, date_modified = '2099-01-01' WHERE identifier = ?", (body, changed)
        )
        connection.execute("DELETE FROM records WHERE identifier = ?", (gone,))
    connection.close()
    report = harvest(source)
    assert (report.status, report.counts.updated, report.counts.deleted) == (COMPLETE, 1, 0)
    assert report.counts.seen < 20
    assert titles(store)[changed] == "Another title"
    harvest(source, full=True)
    report = harvest(source, full=True)
    assert report.counts.deleted == 1
    assert gone not in live(store)


# Kills

KILLED = """
import os, sys
from discovery.http import Client, Policy
from discovery.model import terms
from discovery.model.source import Source
from discovery.store.store import Store
from harvesters.run import harvest

source = Source("s", "csw", sys.argv[2], settings={"page": "50"})
policy = Policy(attempts=2, backoff=0.01, backoff_cap=0.05).with_hosts("127.0.0.1")
for find in (terms.mission, terms.instrument, terms.theme, terms.license):
    find("read the vocabulary once and not in each child")
while sys.stdin.readline():
    child = os.fork()
    if child == 0:
        store = Store(sys.argv[1])
        report = harvest(store, source, client=Client(policy), full=True)
        print(report.status, report.message, file=sys.stderr)
        os._exit(0 if report.status == "complete" else 1)
    print(child, flush=True)
    # It is waited for only when told so: until then its number cannot become that of another process.
    sys.stdin.readline()
    print(os.waitpid(child, 0)[1], flush=True)
"""


def killed(store: Store, folder: Path, url: str, change: Callable[[int], dict[str, str]], kills: int) -> None:
    """Kill harvests at random moments while the source changes, and see that the last state is the catalogue."""
    chance, version, done = random.Random(5), 0, 0
    expected = change(0)
    command = [sys.executable, "-c", KILLED, store.database.url, url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None

        def walk(delay: float | None) -> int:
            assert parent.stdin is not None
            assert parent.stdout is not None
            print("go", file=parent.stdin, flush=True)
            child = int(parent.stdout.readline())
            if delay is not None:
                time.sleep(delay)
                os.kill(child, signal.SIGKILL)
            print("wait", file=parent.stdin, flush=True)
            return int(parent.stdout.readline())

        assert walk(None) == 0
        started = time.monotonic()
        assert walk(None) == 0
        duration = time.monotonic() - started
        while done < kills:
            if walk(chance.random() * duration) == signal.SIGKILL:
                done += 1
            else:
                version += 1
                expected = change(version)
        version += 1
        expected = change(version)
        # What is left of a walk over a source that has changed meanwhile: what moved to an earlier page was not seen,
        # so that the run may be held.
        walk(None)
        for _ in range(2):
            # Deletion takes two steps.
            assert walk(None) == 0
        parent.stdin.close()
    fresh = Store(sqlite_url(folder / "catalogue.sqlite"))
    assert titles(fresh) == expected
    assert fresh.check() == []
    assert fresh.ingest.checkpoint("s") is None
    changes = [each.key for each in fresh.catalogue.changes("resources", 0, 10_000) if each.record is not None]
    assert len(changes) == len(set(changes)) == len(expected)
    fresh.close()


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kills", [8, pytest.param(70, marks=pytest.mark.long)])
def test_kills_lose_nothing_double_nothing_and_leave_nothing_stale(tmp_path: Path, store: Store, kills: int) -> None:
    catalogue = Catalogue({}, most=50)

    def publish(version: int) -> dict[str, str]:
        # Each version changes every title, takes a few records away and brings others.
        known = {f"k{n:04d}": f"{n}, version {version}" for n in range(version % 3, 1000 + version % 3)}
        catalogue.records = {id: element(id, title) for id, title in known.items()}
        return known

    publish(0)
    with serving(catalogue) as source:
        killed(store, tmp_path, source.url, publish, kills)


@pytest.mark.peer
@pytest.mark.long
@pytest.mark.timeout(1200)
def test_kills_of_a_harvest_of_pycsw_end_with_the_same_catalogue(
    tmp_path: Path, store: Store, pycsw: tuple[str, Path]
) -> None:
    address, database = pycsw
    with sqlite3.connect(database) as connection:
        connection.execute("DELETE FROM records WHERE identifier NOT LIKE '%-peer-%'")
    connection.close()

    def publish(version: int) -> dict[str, str]:
        number = version % 1000
        body = bare(number, f"version {version}")
        with sqlite3.connect(database, timeout=30) as connection:
            connection.execute("UPDATE records SET xml = ? WHERE identifier = ?", (body, MADE["identifier"](number)))
            rows = connection.execute("SELECT identifier, xml FROM records").fetchall()
        connection.close()
        path = ".//{*}identificationInfo/*/{*}citation/*/{*}title/{*}CharacterString"
        return {id: str(etree.fromstring(text.encode()).findtext(path)) for id, text in rows}

    killed(store, tmp_path, address, publish, 20)


def test_the_walk_says_where_it_stands_in_few_words() -> None:
    position = csw._Walk(Dialect("http://e/", "2.0.2", "s", "t"), 1, 100, 100).position()
    assert position is not None
    assert csw._Walk.resume(position).position() == position
