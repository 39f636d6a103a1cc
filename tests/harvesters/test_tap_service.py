"""Every fault of a TAP service that somebody has seen, and what becomes of it."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable
from typing import Any

import pytest

from discovery.errors import NotFoundError, RecordError, SourceUnavailableError
from discovery.http import Client, Policy
from discovery.model.source import COMPLETE, PARTIAL, Report, Source
from discovery.store.store import Store
from harvesters import tap_job
from harvesters.tap_service import Service

pytestmark = pytest.mark.slow

Harvest = Callable[..., Report]
Answer = tuple[int, dict[str, str], bytes]
ROWS = [{"obs_publisher_did": f"d{n:02}", "access_url": "u"} for n in range(23)]
QUERY = "SELECT * FROM ivoa.ObsCore"
TIMEOUT = b'<VOTABLE><RESOURCE><INFO name="QUERY_STATUS" value="ERROR">Query timed out</INFO></RESOURCE></VOTABLE>'


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tap_job, "_FIRST", 0.01)


def is_page(query: str) -> bool:
    return "ORDER BY" in query


class Faults:
    """Answers the first pages wrong, each in its way."""

    def __init__(self, tap: Any, *faults: Callable[[bytes], Answer]) -> None:
        self.tap = tap
        self.left = list(faults)
        self.met = 0

    def __call__(self, query: str, most: int) -> Answer | None:
        if not is_page(query) or not self.left:
            return None
        self.met += 1
        return self.left.pop(0)(self.tap.answer(query, min(most, self.tap.limit)))


def cut(body: bytes) -> Answer:
    """Announce a whole answer and hang up in the middle of its rows."""
    return 200, {"Content-Length": str(len(body))}, body[: body.index(b"<TR>") + 60]


def cut_xml(body: bytes) -> Answer:
    """End in the middle of the rows, as if that were all."""
    return 200, {}, body[: body.index(b"<TR>") + 60]


def late_error(body: bytes) -> Answer:
    """Fail after rows were sent, and say so behind them."""
    error = b'<INFO name="QUERY_STATUS" value="ERROR">the disk is full</INFO></RESOURCE></VOTABLE>'
    return 200, {}, body[: body.index(b"</TABLE>") + 8] + error


def csv(body: bytes) -> Answer:
    return 200, {"Content-Type": "text/csv"}, b"obs_publisher_did,access_url\nd00,u\nd01,u\n"


def oracle(body: bytes) -> Answer:
    """Answer as ALMA does when it is asked for too much."""
    return 200, {}, body[: body.index(b"<TR>")] + b"ORA-01555: snapshot too old"


def status(code: int, **headers: str) -> Callable[[bytes], Answer]:
    return lambda body: (code, {name.replace("_", "-"): value for name, value in headers.items()}, b"")


@pytest.mark.parametrize(
    "faults",
    [
        (cut,),
        (cut, cut),
        (cut_xml,),
        (late_error,),
        (oracle,),
        (csv,),
        (status(429, Retry_After="0"),),
        (status(503, Retry_After="0"),),
        (status(502),),
        (status(500),),
        (status(413),),
        (status(400),),
        (late_error, cut, oracle, status(503)),
    ],
    ids=lambda faults: "-".join(getattr(each, "__name__", "") for each in faults),
)
def test_a_fault_that_passes_loses_no_row_and_invents_none(
    faults: tuple[Callable[[bytes], Answer], ...], tap_server: Callable[..., Any], store: Store, harvest: Harvest
) -> None:
    tap = tap_server(ROWS, limit=11)
    tap.wrong = wrong = Faults(tap, *faults)
    report = harvest(Source("s", "tap", tap.url))
    assert wrong.met == len(faults)
    assert (report.status, report.counts.quarantined, report.counts.seen) == (COMPLETE, 0, 23)
    found = sorted(row["source_id"] for row in store.catalogue.export())
    assert found == [row["obs_publisher_did"] for row in ROWS]


@pytest.mark.parametrize("fault", [cut, cut_xml, late_error, oracle, csv, status(500), status(503)])
def test_nothing_of_an_answer_that_failed_is_stored(
    fault: Callable[[bytes], Answer], tap_server: Callable[..., Any], store: Store, harvest: Harvest
) -> None:
    tap = tap_server(ROWS, limit=11)

    def wrong(query: str, most: int) -> Answer | None:
        if "NOT NULL" in query or not is_page(query):
            return None
        return fault(tap.answer(query, min(most, tap.limit)))

    tap.wrong = wrong
    report = harvest(Source("s", "tap", tap.url, settings={"mode": "sync"}))
    assert report.status == PARTIAL
    # The first answer held 11 rows, of which the last is left to the second.
    assert len(list(store.catalogue.export())) == 10
    tap.wrong = lambda query, most: None
    assert harvest(Source("s", "tap", tap.url, settings={"mode": "sync"})).status == COMPLETE
    assert len(list(store.catalogue.export())) == 23


def test_the_last_of_two_statuses_counts_and_a_row_too_many_does_no_harm(
    tap_server: Callable[..., Any], client: Client
) -> None:
    tap = tap_server(ROWS, limit=1000)
    # DaCHS gives a row more than it was asked for, says OK before the table and OVERFLOW behind it.
    tap.wrong = lambda query, most: (200, {}, tap.answer(query, most + 1))
    table = Service(client, tap.url).ask(QUERY, 10)
    assert (table.status, len(table.rows)) == ("OVERFLOW", 11)


def test_an_answer_without_an_end_is_read_no_further_than_was_asked(
    tap_server: Callable[..., Any], client: Client
) -> None:
    tap = tap_server([{"obs_publisher_did": f"d{n}"} for n in range(3000)], limit=3000)
    tap.wrong = lambda query, most: (200, {}, tap.answer(query, 3000))
    table = Service(client, tap.url).ask(QUERY, 10)
    assert (len(table.rows), table.full) == (30, True)


def test_an_error_with_status_200_is_an_error(tap_server: Callable[..., Any], client: Client) -> None:
    tap = tap_server(ROWS)
    with pytest.raises(SourceUnavailableError, match="no such table") as caught:
        Service(client, tap.url).ask("SELECT * FROM nowhere", 10)
    assert caught.value.detail == "query"
    assert tap.jobs == {}


@pytest.mark.parametrize("fault", [status(404), status(405), status(413), lambda body: (200, {}, TIMEOUT)])
def test_what_is_refused_as_a_synchronous_query_is_asked_as_a_job(
    fault: Callable[[bytes], Answer], tap_server: Callable[..., Any], store: Store, harvest: Harvest
) -> None:
    tap = tap_server(ROWS, limit=11)
    tap.wrong = lambda query, most: fault(b"")
    report = harvest(Source("s", "tap", tap.url))
    assert (report.status, report.counts.seen) == (COMPLETE, 23)
    assert tap.jobs == {}
    # After the first refusal nothing is asked in vain.
    assert tap.requests.count("POST /sync") == 1


def test_a_query_that_takes_too_long_is_asked_as_a_job(tap_server: Callable[..., Any]) -> None:
    tap, over = tap_server(ROWS, limit=100), threading.Event()
    policy = Policy(attempts=1, read=0.3).with_hosts("127.0.0.1")

    def slow(query: str, most: int) -> Answer | None:
        over.wait(60)
        return None

    tap.wrong = slow
    # Jobs are asked about by somebody who has time: else a machine that is busy fails them.
    with Client(policy) as hasty, Client(Policy().with_hosts("127.0.0.1")) as patient:
        service = Service(hasty, tap.url)
        service._jobs = tap_job.Jobs(patient, tap.url)
        table = service.ask(QUERY, 50)
        over.set()
    assert len(table.rows) == 23
    assert tap.jobs == {}


def test_a_service_that_has_no_jobs_either_says_what_it_said_first(
    tap_server: Callable[..., Any], client: Client
) -> None:
    tap = tap_server(ROWS)
    tap.wrong = lambda query, most: (200, {}, TIMEOUT)
    service = Service(client, tap.url)
    service._jobs = tap_job.Jobs(client, f"{tap.url}/nowhere")
    with pytest.raises(SourceUnavailableError, match="timed out"):
        service.ask(QUERY, 10)
    with pytest.raises(NotFoundError):
        Service(client, f"{tap.url}/nowhere", "sync").ask(QUERY, 10)


def test_a_compressed_answer_that_is_cut_is_no_answer(tap_server: Callable[..., Any], client: Client) -> None:
    tap = tap_server(ROWS, limit=1000)
    packed = gzip.compress(tap.answer(QUERY, 100))
    tap.wrong = lambda query, most: (200, {"Content-Encoding": "gzip"}, packed[: len(packed) - 20])
    with pytest.raises((SourceUnavailableError, RecordError)):
        Service(client, tap.url, "sync").ask(QUERY, 100)


@pytest.mark.parametrize(
    ("body", "rows"),
    [(b"<c><outputLimit><hard>70</hard></outputLimit></c>", 70), (b"<c/>", None), (b"<c", None), (b"no XML", None)],
)
def test_limits_are_those_that_the_service_states(
    body: bytes, rows: int | None, tap_server: Callable[..., Any], client: Client
) -> None:
    tap = tap_server(ROWS)
    tap.capabilities = body
    assert Service(client, tap.url).limits().rows == rows


def test_columns_are_told_with_what_is_indexed(tap_server: Callable[..., Any], client: Client) -> None:
    tap = tap_server(ROWS, limit=100)
    columns = Service(client, tap.url).columns('"IVOA".obscore')
    assert columns is not None
    assert (columns["obs_publisher_did"].indexed, columns["t_min"].indexed) == (True, False)
    assert (columns["t_min"].numeric, columns["lastmodified"].numeric) == (True, False)
