"""OAI-PMH: every record by lists with tokens, those that were deleted among them; pycsw's own ways included."""

from __future__ import annotations

import runpy
import sqlite3
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from discovery.errors import ConfigError, RunError, SourceUnavailableError
from discovery.http import Client
from discovery.model.instant import instant
from discovery.model.source import COMPLETE, FAILED, HELD, PARTIAL, Report, Source
from discovery.store.store import Store
from harvesters.base import SupportsChanges
from harvesters.registry import harvester

Harvest = Callable[..., Report]
Served = Callable[..., str]
ROOT = Path(__file__).parents[2]
MADE = runpy.run_path(str(ROOT / "tests" / "peers" / "pycsw" / "records.py"))
NAMES = [f"oai:r{n:02d}" for n in range(11)]

pytestmark = pytest.mark.slow


class Repository:
    """A small repository, whose answers a test may spoil."""

    def __init__(self, names: list[str], most: int = 4) -> None:
        self.stamps = dict.fromkeys(names, "2020-01-01")
        self.titles: dict[str, str] = {}
        self.deleted: set[str] = set()
        self.bodies: dict[str, str] = {}
        self.most = most
        self.prefixes = ["oai_dc", "iso19139"]
        self.granularity = "YYYY-MM-DD"
        self.total: Callable[[int], int | None] = lambda count: count
        self.end = ""
        self.exclusive = True
        """Whether a token may stand beside nothing else, as the standard wants it."""
        self.wrong: Callable[[Mapping[str, str]], bytes | tuple[int, bytes] | None] = lambda asked: None
        self.asked: list[dict[str, str]] = []

    def __call__(self, path: str, headers: Mapping[str, str]) -> tuple[int, bytes, Mapping[str, str]]:
        asked = dict(parse_qsl(urlsplit(path).query))
        self.asked.append(asked)
        answer = self.wrong(asked)
        answer = self.right(asked) if answer is None else answer
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        return status, body, {"Content-Type": "text/xml"}

    def right(self, asked: Mapping[str, str]) -> bytes:
        verb = asked["verb"]
        if verb == "Identify":
            said = f"<repositoryName>Theirs</repositoryName><granularity>{self.granularity}</granularity>"
            return wrapped(f"<Identify>{said}<deletedRecord>persistent</deletedRecord></Identify>")
        if verb == "ListMetadataFormats":
            found = "".join(
                f"<metadataFormat><metadataPrefix>{each}</metadataPrefix></metadataFormat>" for each in self.prefixes
            )
            return wrapped(f"<ListMetadataFormats>{found}</ListMetadataFormats>")
        token = asked.get("resumptionToken", "")
        if token and self.exclusive == (len(asked) > 3):
            return error("badArgument", "wrong arguments beside a token")
        start, _, since = (token or f"0/{asked.get('from', '')}").partition("/")
        known = [id for id, stamp in self.stamps.items() if stamp >= since]
        page = known[int(start) : int(start) + self.most]
        if not page:
            return error("noRecordsMatch", "nothing")
        ended = int(start) + self.most >= len(known)
        total = self.total(len(known))
        size = "" if total is None else f' completeListSize="{total}"'
        onward = self.end if ended else f"{int(start) + self.most}/{since}"
        records = "".join(self.record(id, verb) for id in page)
        token_tag = f"<resumptionToken{size}>{onward}</resumptionToken>" if len(known) > self.most else ""
        return wrapped(f"<{verb}>{records}{token_tag}</{verb}>")

    def record(self, id: str, verb: str) -> str:
        status = ' status="deleted"' if id in self.deleted else ""
        header = f"<header{status}><identifier>{id}</identifier><datestamp>{self.stamps[id]}</datestamp></header>"
        if verb == "ListIdentifiers":
            return header
        inside = self.bodies.get(id) or (
            '<o:dc xmlns:o="http://www.openarchives.org/OAI/2.0/oai_dc/" xmlns:dc="http://purl.org/dc/elements/1.1/">'
            f"<dc:identifier>http://e/{id}</dc:identifier><dc:title>{self.titles.get(id, id)}</dc:title></o:dc>"
        )
        return f"<record>{header}{'' if status else f'<metadata>{inside}</metadata>'}</record>"


def wrapped(inside: str) -> bytes:
    return (
        '<?xml version="1.0"?><OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>'
        f'{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}</responseDate><request verb="x">http://e</request>{inside}</OAI-PMH>'
    ).encode()


def error(code: str, text: str) -> bytes:
    return wrapped(f'<error code="{code}">{text}</error>')


@pytest.fixture
def repository() -> Repository:
    return Repository(NAMES)


@pytest.fixture
def source(repository: Repository, served: Served) -> Source:
    return Source("s", "oai-pmh", f"{served(repository)}oai?verb=Identify&key=x")


def live(store: Store) -> list[str]:
    return sorted(row["source_id"] for row in store.catalogue.export())


def reasons(store: Store) -> list[str]:
    return sorted(each.issue.code for each in store.ledger.quarantined("s"))


def with_settings(source: Source, **settings: str) -> Source:
    return Source(source.id, source.kind, source.url, settings=settings)


@pytest.mark.parametrize("exclusive", [True, False])
@pytest.mark.parametrize("total", [True, False])
@pytest.mark.parametrize("end", ["", "0"])
def test_every_record_comes_whatever_the_tokens_are_like(
    repository: Repository, source: Source, store: Store, harvest: Harvest, exclusive: bool, total: bool, end: str
) -> None:
    repository.exclusive, repository.end = exclusive, end
    if not total:
        repository.total = lambda count: None
    report = harvest(source)
    if end == "0" and not total:
        # Then `0` may be any token: it leads back to the beginning, which is found out.
        assert (report.status, report.counts.added, reasons(store)) == (COMPLETE, 11, ["repeated-page"])
    else:
        assert (report.status, report.counts.added, report.counts.quarantined) == (COMPLETE, 11, 0)
    assert live(store) == NAMES
    # What else stands in the address stays in it, and ISO is asked for before Dublin Core.
    assert {each["key"] for each in repository.asked} == {"x"}
    assert "iso19139" in {each.get("metadataPrefix") for each in repository.asked}


def test_a_record_is_kept_with_its_header_and_known_by_it(source: Source, store: Store, harvest: Harvest) -> None:
    harvest(source)
    _, _, raw = next(each for each in store.catalogue.raws("s") if each[2].source_id == NAMES[3])
    assert raw.body.startswith(b'<record xmlns="http://www.openarchives.org/OAI/2.0/"><header><identifier>oai:r03')
    assert b"<dc:title>oai:r03</dc:title>" in raw.body
    assert harvest(source, full=True).counts.unchanged == 11


def test_a_walk_may_be_resumed_at_every_list(source: Source, client: Client) -> None:
    whole = list(harvester(source, client).pages(None))
    for number, page in enumerate(whole[:-1]):
        rest = list(harvester(source, client).pages(page.position))
        assert [each.raws for each in rest] == [each.raws for each in whole[number + 1 :]]
    assert whole[-1].position is None
    assert all(page.clock is not None for page in whole)


def test_the_probe_says_what_it_is(source: Source, client: Client) -> None:
    probe = harvester(source, client).probe()
    assert (probe.title, probe.matched) == ("Theirs", 11)
    assert probe.notes == ("records in iso19139", "deleted records: persistent")


@pytest.mark.parametrize(
    ("granularity", "since"), [("YYYY-MM-DD", "2020-01-06"), ("YYYY-MM-DDThh:mm:ssZ", "2020-01-06T01:02:03Z")]
)
def test_only_what_has_changed_is_asked_for(
    repository: Repository, source: Source, client: Client, granularity: str, since: str
) -> None:
    repository.granularity = granularity
    repository.stamps = {id: f"2020-01-{n + 1:02d}" for n, id in enumerate(NAMES)}
    repository.deleted = {NAMES[8]}
    worker = harvester(source, client)
    assert isinstance(worker, SupportsChanges)
    pages = worker.changes(instant("2020-01-06T01:02:03Z"), None)
    assert pages is not None
    found = list(pages)
    assert [raw.source_id for page in found for raw in page.raws] == [
        id for id in NAMES[5 if since == "2020-01-06" else 6 :] if id != NAMES[8]
    ]
    assert [each for page in found for each in page.gone] == [("records", NAMES[8])]
    assert since in {each.get("from") for each in repository.asked}


def test_a_deleted_record_is_deleted_by_the_run_that_hears_of_it(
    repository: Repository, source: Source, store: Store, harvest: Harvest
) -> None:
    harvest(source)
    repository.deleted, repository.stamps[NAMES[2]] = {NAMES[2]}, "9999-01-01"
    report = harvest(source)
    assert (report.status, report.counts.seen, report.counts.deleted) == (COMPLETE, 0, 1)
    assert live(store) == [id for id in NAMES if id != NAMES[2]]
    assert harvest(source, full=True).status == COMPLETE
    repository.deleted, repository.titles[NAMES[2]] = set(), "back"
    assert harvest(source).counts.seen == 1
    assert live(store) == NAMES


def test_a_repository_that_takes_everything_back_at_once_is_not_believed(
    store: Store, served: Served, harvest: Harvest
) -> None:
    names = [f"oai:n{n:03d}" for n in range(300)]
    repository = Repository(names, most=100)
    source = Source("s", "oai-pmh", served(repository))
    harvest(source)
    repository.deleted = set(names)
    repository.stamps = dict.fromkeys(names, "9999-01-01")
    assert harvest(source).counts.deleted == 30
    for _ in range(3):
        assert harvest(source, full=True).status == HELD
    assert len(live(store)) == 270


def test_identifiers_alone_tell_what_has_gone(repository: Repository, source: Source, client: Client) -> None:
    repository.deleted = {NAMES[0]}
    assert [id for _, id in harvester(source, client).ids()] == NAMES[1:]
    assert repository.asked[-1]["verb"] == "ListIdentifiers"
    repository.total = lambda count: 100
    with pytest.raises(RunError, match="says that it has 100"):
        list(harvester(source, client).ids())


# What repositories do wrong


def test_a_token_that_has_expired_begins_the_list_anew(
    repository: Repository, source: Source, store: Store, harvest: Harvest
) -> None:
    expired = [True]

    def wrong(asked: Mapping[str, str]) -> bytes | None:
        if asked.get("resumptionToken", "").startswith("8") and expired:
            expired.pop()
            return error("badResumptionToken", "too old")
        return None

    repository.wrong = wrong
    report = harvest(source)
    assert (report.status, live(store)) == (COMPLETE, NAMES)


def test_tokens_that_always_expire_end_the_run(
    repository: Repository, source: Source, store: Store, harvest: Harvest
) -> None:
    harvest(source)
    repository.wrong = lambda asked: error("badResumptionToken", "too old") if "resumptionToken" in asked else None
    report = harvest(source, full=True)
    assert (report.status, report.counts.deleted) == (PARTIAL, 0)
    assert "too old" in report.message
    assert live(store) == NAMES


@pytest.mark.parametrize("token", ["always", "0"])
def test_lists_that_lead_in_a_circle_end_and_delete_nothing(
    repository: Repository, source: Source, store: Store, harvest: Harvest, token: str
) -> None:
    harvest(source)

    def circle(asked: Mapping[str, str]) -> bytes | None:
        if asked["verb"] != "ListRecords":
            return None
        records = "".join(repository.record(id, "ListRecords") for id in NAMES[:4])
        return wrapped(f"<ListRecords>{records}<resumptionToken>{token}</resumptionToken></ListRecords>")

    repository.wrong = circle
    for _ in range(3):
        report = harvest(source, full=True)
        assert (report.status, report.counts.deleted) == (COMPLETE, 0)
        assert "could not be read" in report.message
    assert reasons(store) == ["repeated-page"]
    assert live(store) == NAMES


def test_fewer_records_than_stated_delete_nothing(
    repository: Repository, source: Source, store: Store, harvest: Harvest
) -> None:
    harvest(source)
    repository.stamps = dict.fromkeys(NAMES[:5], "2020-01-01")
    repository.total = lambda count: 11
    for _ in range(3):
        report = harvest(source, full=True)
        assert (report.status, report.counts.deleted) == (HELD, 0)
    assert live(store) == NAMES


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<!doctype html><html></html>", "web page"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "DTD"),
        (b"<OAI-PMH/>", "ListRecords"),
        (error("badVerb", "no such thing"), "no such thing"),
        ((500, b""), "500"),
    ],
    ids=["HTML", "bomb", "nothing", "error", "500"],
)
def test_a_list_that_is_none_ends_the_run_with_its_reason(
    repository: Repository, source: Source, store: Store, harvest: Harvest, body: Any, said: str
) -> None:
    harvest(source)
    repository.wrong = lambda asked: body if "resumptionToken" in asked else None
    report = harvest(source, full=True)
    assert (report.status, report.counts.deleted) == (PARTIAL, 0)
    assert said in report.message
    assert live(store) == NAMES


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
def test_a_list_that_is_cut_off_is_never_the_last_one(
    repository: Repository, source: Source, store: Store, harvest: Harvest, kept: float
) -> None:
    harvest(source)

    def cut(asked: Mapping[str, str]) -> bytes | None:
        whole = repository.right(asked)
        return whole[: int(len(whole) * kept)] if asked.get("resumptionToken", "").startswith("4") else None

    repository.wrong = cut
    report = harvest(source, full=True)
    assert (report.status, report.counts.deleted) == (PARTIAL, 0)
    assert live(store) == NAMES


def test_a_broken_record_costs_only_itself(
    repository: Repository, source: Source, store: Store, harvest: Harvest
) -> None:
    repository.bodies = {NAMES[1]: "<x>&</x>", NAMES[4]: "<DIF/>", NAMES[5]: " "}
    report = harvest(source)
    assert (report.status, report.counts.quarantined) == (COMPLETE, 3)
    assert reasons(store) == ["broken-xml", "missing-metadata", "unknown-standard"]
    assert len(live(store)) == 8


def test_nothing_that_matches_is_no_error(repository: Repository, source: Source, harvest: Harvest) -> None:
    harvest(source)
    report = harvest(source)
    assert (report.status, report.counts.seen) == (COMPLETE, 0)
    assert any("from" in each for each in repository.asked)


def test_what_is_no_repository_fails_the_run(
    repository: Repository, source: Source, client: Client, harvest: Harvest
) -> None:
    repository.wrong = lambda asked: b"<!doctype html><html></html>"
    assert harvest(source).status == FAILED
    repository.wrong = lambda asked: b"<rss/>"
    with pytest.raises(SourceUnavailableError, match="not what an OAI-PMH"):
        harvester(source, client).probe()
    with pytest.raises(ConfigError, match="oai-pmh: url"):
        harvester(Source("s", "oai-pmh", "file:x"), client)


# A real service


@pytest.mark.peer
@pytest.mark.parametrize("prefix", ["", "oai_dc"])
def test_pycsw_gives_all_that_it_has(pycsw: tuple[str, Path], store: Store, harvest: Harvest, prefix: str) -> None:
    source = Source("s", "oai-pmh", f"{pycsw[0]}/?mode=oaipmh", settings={"prefix": prefix})
    report = harvest(source)
    assert (report.status, report.counts.quarantined) == (COMPLETE, 0)
    assert {MADE["identifier"](n) for n in range(1000)} <= set(live(store))
    again = harvest(source, full=True)
    assert (again.counts.unchanged, again.counts.deleted) == (report.counts.added, 0)


@pytest.mark.peer
def test_pycsw_says_what_has_changed_and_what_it_still_has(pycsw: tuple[str, Path], client: Client) -> None:
    address, database = pycsw
    worker = harvester(Source("s", "oai-pmh", f"{address}/?mode=oaipmh"), client)
    assert isinstance(worker, SupportsChanges)
    pages = worker.changes(int(MADE["modified"](980).timestamp() * 1000), None)
    assert pages is not None
    found = {raw.source_id for page in pages for raw in page.raws}
    assert {MADE["identifier"](n) for n in range(980, 1000)} <= found
    assert len(found) < 60
    with sqlite3.connect(database) as connection:
        connection.execute("DELETE FROM records WHERE identifier = ?", (MADE["identifier"](3),))
    connection.close()
    ids = {id for _, id in worker.ids()}
    assert MADE["identifier"](3) not in ids
    assert len(ids) > 1000
