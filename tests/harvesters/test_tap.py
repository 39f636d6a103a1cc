from __future__ import annotations

import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import orjson
import pytest
import pyvo
import requests
from pyvo.dal.exceptions import DALOverflowWarning

from discovery.demo.replay import ReplayServer, Service
from discovery.demo.votable import Field, Table
from discovery.errors import ConfigError
from discovery.http import Client
from discovery.model.record import record_id
from discovery.model.source import COMPLETE, FAILED, HELD, PARTIAL, RawRecord, Report, Source
from discovery.store.store import Store
from harvesters.base import Position
from harvesters.registry import harvester

PACK = Path(__file__).parents[2] / "fixtures" / "demo"
Harvest = Callable[..., Report]
Wrong = Callable[[str, bytes, int], tuple[int, bytes]]
TABLE = "ivoa.ObsCore"


@pytest.fixture(scope="module")
def replay() -> Iterator[ReplayServer]:
    with ReplayServer(PACK, limit=97) as server:
        yield server


def rows(store: Store, kind: str = "observation") -> list[str]:
    return [row["source_id"] for row in store.catalogue.export() if row["kind"] == kind]


@contextmanager
def service(cells: list[tuple[str, str]], *, limit: int = 5, wrong: Wrong | None = None) -> Iterator[str]:
    """Answer from a table of identifier and access_url; `wrong` may change the answer to a query."""
    fields = (Field("obs_publisher_did"), Field("access_url"), Field("obs_collection"))
    played = Service.over(Table(TABLE, fields, tuple((did, url, "X") for did, url in cells)))

    class Handler(BaseHTTPRequestHandler):
        disable_nagle_algorithm = True  # Else each answer in two parts waits 40 ms for a late ACK.

        def do_POST(self) -> None:
            asked = {
                name: found[0]
                for name, found in parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()).items()
            }
            body, _ = played.query(asked, limit)
            status = 200
            if wrong is not None:
                status, body = wrong(asked["QUERY"], body, int(asked["MAXREC"]))
            self.send_response(status)
            self.send_header("Content-Type", "application/x-votable+xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/tap"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_every_row_comes_although_each_answer_holds_few(replay: ReplayServer, store: Store, harvest: Harvest) -> None:
    report = harvest(Source("synthetic", "tap", f"{replay.url}/synthetic/tap"))
    assert (report.status, report.counts.seen, report.counts.quarantined) == (COMPLETE, 505, 0)
    found = rows(store)
    session = requests.Session()
    session.trust_env = False
    peer = pyvo.dal.TAPService(f"{replay.url}/synthetic/tap", session=session)
    told, last = [], ""
    while True:
        with warnings.catch_warnings():
            # That answers are cut is what this test is about.
            warnings.simplefilter("ignore", DALOverflowWarning)
            page = peer.run_sync(
                f"SELECT obs_publisher_did FROM {TABLE} WHERE obs_publisher_did > '{last}' ORDER BY obs_publisher_did"
            )
        told += [str(row["obs_publisher_did"]) for row in page]
        if page.query_status != "OVERFLOW":
            break
        last = told[-1]
    session.close()
    assert len(found) == len(told) == 500
    assert sorted(found) == sorted(told)


def test_observations_know_the_dataset_of_their_collection(
    replay: ReplayServer, store: Store, harvest: Harvest
) -> None:
    harvest(Source("gavo", "tap", f"{replay.url}/gavo/tap"))
    dataset = store.catalogue.find("gavo", "obs_collection", "Carte du Ciel").record
    observed = [store.catalogue.find("gavo", TABLE, id).record for id in rows(store)]
    assert {each.dataset for each in observed} == {dataset.id}
    assert (dataset.kind, dataset.title) == ("dataset", "Carte du Ciel")


@pytest.mark.slow
def test_a_second_harvest_changes_nothing(replay: ReplayServer, store: Store, harvest: Harvest) -> None:
    source = Source("synthetic", "tap", f"{replay.url}/synthetic/tap")
    harvest(source)
    report = harvest(source)
    assert (report.counts.unchanged, report.counts.added, report.counts.updated) == (505, 0, 0)


@pytest.mark.parametrize("page", [1, 2, 3, 7, 500])
def test_rows_that_share_an_identifier_have_the_same_names_under_any_paging(
    page: int, store: Store, harvest: Harvest
) -> None:
    cells = [("a", "u1"), ("b", "u3"), ("b", "u2"), ("b", "u2"), ("b", "u1"), ("c", "u1"), ("", "n1"), ("", "n2")]
    with service(cells, limit=500) as url:
        report = harvest(Source("s", "tap", url, settings={"page": str(page)}))
    assert (report.status, report.counts.quarantined) == (COMPLETE, 0)
    names = {id: store.catalogue.find("s", TABLE, id).record.assets[0].href for id in rows(store)}
    # The row that is there twice is one record.
    assert names == {
        "a": "u1",
        "b": "u1",
        "b#161dd075": "u2",
        "b#949814cc": "u3",
        "c": "u1",
        "row-9dd8a62d8a5c81ed": "n1",
        "row-822bccbf9de00a52": "n2",
    }


def test_a_walk_may_be_resumed_at_every_page(client: Client) -> None:
    with service([(f"d{n:02}", f"u{n}") for n in range(23)], limit=4) as url:
        source = Source("s", "tap", url)
        straight = [raw for page in harvester(source, client).pages(None) for raw in page.raws]
        pieces: list[RawRecord] = []
        position: Position | None = None
        while True:
            page = next(harvester(source, client).pages(position))
            pieces += page.raws
            if page.position is None:
                break
            position = orjson.loads(orjson.dumps(dict(page.position)))
    assert pieces == straight
    assert len(pieces) == 24


def test_quotes_in_an_identifier_are_no_query(store: Store, harvest: Harvest) -> None:
    names = ["a' OR 1=1 --", "b'", "c''d", 'e"f', "<g>&amp;"]
    with service([(name, "u") for name in names], limit=2) as url:
        assert harvest(Source("s", "tap", url)).status == COMPLETE
    assert sorted(rows(store)) == sorted(names)


CELLS = [(f"d{n:02}", f"u{n}") for n in range(20)]


def is_page(query: str) -> bool:
    return "ORDER BY" in query


def test_a_service_that_cuts_its_answer_and_says_ok_is_asked_on(store: Store, harvest: Harvest) -> None:
    def lies(query: str, body: bytes, maxrec: int) -> tuple[int, bytes]:
        return 200, body.replace(b"OVERFLOW", b"OK") if is_page(query) else body

    with service(CELLS, limit=5, wrong=lies) as url:
        report = harvest(Source("s", "tap", url))
    assert (report.status, len(rows(store))) == (COMPLETE, 20)


def test_a_service_that_counts_more_rows_than_it_gives_is_found_out(store: Store, harvest: Harvest) -> None:
    def lies(query: str, body: bytes, maxrec: int) -> tuple[int, bytes]:
        return 200, body if is_page(query) or "NULL" in query else body.replace(b"<TD>20</TD>", b"<TD>40</TD>")

    with service(CELLS, limit=5, wrong=lies) as url:
        report = harvest(Source("s", "tap", url))
    assert report.status == HELD
    # Forty rows and their collection are what there should be.
    assert "has 41 elements and gave 21" in report.message
    assert len(rows(store)) == 20


def test_a_service_that_always_sends_its_first_page_does_not_keep_us(harvest: Harvest) -> None:
    first: list[bytes] = []

    def repeats(query: str, body: bytes, maxrec: int) -> tuple[int, bytes]:
        if not is_page(query):
            return 200, body
        first.append(body)
        return 200, first[0]

    with service(CELLS, limit=5, wrong=repeats) as url:
        report = harvest(Source("s", "tap", url))
    assert report.status == PARTIAL
    assert len(first) < 10


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (b"<html><body>maintenance</body></html>", FAILED, "web page"),
        (b"", FAILED, "no answer can be read"),
        (b"ORA-01555: snapshot too old", FAILED, "no answer can be read"),
        (b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><VOTABLE/>', FAILED, "DTD"),
        (
            b'<VOTABLE><RESOURCE><INFO name="QUERY_STATUS" value="ERROR">it sleeps</INFO></RESOURCE></VOTABLE>',
            FAILED,
            "it sleeps",
        ),
    ],
)
def test_an_answer_that_is_none_fails_the_run(
    answer: bytes, status: str, said: str, store: Store, harvest: Harvest
) -> None:
    with service(CELLS, limit=50) as url:
        harvest(Source("s", "tap", url))
    with service(CELLS, wrong=lambda *_: (200, answer)) as url:
        report = harvest(Source("s", "tap", url))
    assert (report.status, len(rows(store))) == (status, 20)
    assert said in report.message


def test_an_error_after_some_pages_is_partial_and_the_next_run_goes_on(store: Store, harvest: Harvest) -> None:
    broken = True

    def breaks(query: str, body: bytes, maxrec: int) -> tuple[int, bytes]:
        return (503, b"") if broken and ("d09" in query or "d08" in query) else (200, body)

    with service(CELLS, limit=5, wrong=breaks) as url:
        first = harvest(Source("s", "tap", url))
        assert (first.status, len(rows(store))) == (PARTIAL, 8)
        broken = False
        rest = harvest(Source("s", "tap", url))
    assert (rest.status, rest.counts.seen, len(rows(store))) == (COMPLETE, 12, 20)


def test_a_row_that_breaks_its_answer_is_stepped_over_and_shown(store: Store, harvest: Harvest) -> None:
    def breaks(query: str, body: bytes, maxrec: int) -> tuple[int, bytes]:
        return 200, body.replace(b"<TD>u7</TD>", b"<TD>\x00\x01</TD>")

    with service(CELLS, limit=50, wrong=breaks) as url:
        report = harvest(Source("s", "tap", url, settings={"page": "16"}))
    assert Counter(rows(store)) == Counter(did for did, url in CELLS if url != "u7")
    (entry,) = store.ledger.quarantined()
    assert (entry.raw.position, entry.issue.code) == ("d07", "broken-votable")
    assert report.counts.quarantined == 1


def test_a_table_without_identifiers_is_refused_by_name(harvest: Harvest) -> None:
    fields = (Field("obs_id"),)
    played = Service.over(Table(TABLE, fields, (("x",),)))

    with service([], wrong=lambda query, body, maxrec: (200, played.query({"QUERY": query}, 50)[0])) as url:
        report = harvest(Source("s", "tap", url))
    assert report.status == FAILED
    assert "has no obs_publisher_did" in report.message


@pytest.mark.parametrize("table", ["x; DROP", "a.b.c.d", "", "x--", "a b"])
def test_a_table_that_is_no_name_is_a_wrong_setting(table: str, client: Client) -> None:
    with pytest.raises(ConfigError, match="setting table"):
        harvester(Source("s", "tap", "http://127.0.0.1/tap", settings={"table": table}), client)


def test_the_probe_says_how_many_rows_and_what_the_limit_is(replay: ReplayServer, client: Client) -> None:
    probe = harvester(Source("s", "tap", f"{replay.url}/gavo/tap"), client).probe()
    assert (probe.matched, probe.notes) == (10, ("at most 97 rows in one answer",))


def test_an_identifier_of_the_row_finds_its_record(replay: ReplayServer, store: Store, harvest: Harvest) -> None:
    harvest(Source("gavo", "tap", f"{replay.url}/gavo/tap"))
    did = "ivo://org.gavo.dc/~?potsdam/data/fits/POT032_000002E.fits"
    assert store.catalogue.find("gavo", TABLE, did).record.id == record_id("gavo", TABLE, did)
