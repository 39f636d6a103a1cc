"""SIA2 services: whole where they give everything, and piece by piece where they do not."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from discovery.demo.votable import Field, answer, failure
from discovery.errors import ConfigError, RecordError
from discovery.http import Client
from discovery.model.record import record_id
from discovery.model.source import COMPLETE, FAILED, PARTIAL, RawRecord, Report, Source
from discovery.store.store import Store
from harvesters.registry import harvester
from harvesters.sia2 import Piece

pytestmark = pytest.mark.slow

Harvest = Callable[..., Report]
FIELDS = {
    "obs_publisher_did": "char", "obs_id": "char", "obs_collection": "char", "access_url": "char", "t_min": "double",
    "t_max": "double", "s_ra": "double", "s_dec": "double",
}  # fmt: skip


class Archive:
    """An SIA2 service over rows in memory, which gives at most so many at once."""

    def __init__(self, rows: list[dict[str, Any]], limit: int) -> None:
        self.rows = rows
        self.limit = limit
        self.asked: list[dict[str, str]] = []
        self.wrong: Callable[[dict[str, str]], tuple[int, bytes] | None] = lambda asked: None

    def __call__(self, path: str, _: Mapping[str, str]) -> tuple[int, bytes, dict[str, str]]:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        self.asked.append(asked)
        if (instead := self.wrong(asked)) is not None:
            return *instead, {}
        found = [row for row in self.rows if self.holds(row, asked)]
        most = min(int(asked["MAXREC"]), self.limit)
        cells = [[str(row.get(name, "")) for name in FIELDS] for row in found[:most]]
        fields = [Field(name, kind, "*" if kind == "char" else None) for name, kind in FIELDS.items()]
        return 200, answer(fields, cells, overflow=len(found) > most), {}

    def holds(self, row: Mapping[str, Any], asked: Mapping[str, str]) -> bool:
        if "COLLECTION" in asked and row["obs_collection"] != asked["COLLECTION"]:
            return False
        if "TIME" in asked:
            start, end = (float(each) for each in asked["TIME"].split())
            if "t_min" not in row or row["t_min"] > end or row["t_max"] < start:
                return False
        if "POS" in asked:
            west, east, south, north = (float(each) for each in asked["POS"].split()[1:])
            return bool(west <= row["s_ra"] <= east and south <= row["s_dec"] <= north)
        return True


def row(number: int, **more: Any) -> dict[str, Any]:
    return {
        "obs_publisher_did": f"ivo://a/{number:04}", "obs_id": f"o{number}", "obs_collection": "X",
        "access_url": f"https://a.example/{number}", "t_min": 50_000.0 + number, "t_max": 50_000.5 + number,
        "s_ra": (number * 37.1) % 360, "s_dec": (number * 11.3) % 180 - 90, **more,
    }  # fmt: skip


def without(cells: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in cells.items() if name not in names}


def here(store: Store) -> set[str]:
    return {each["source_id"] for each in store.catalogue.export() if each["kind"] == "observation"}


@pytest.fixture
def archive(served: Callable[..., str]) -> Callable[..., tuple[Archive, Source]]:
    """Return a function that plays an archive and gives the source that it is."""

    def start(rows: list[dict[str, Any]], limit: int = 10, **settings: str) -> tuple[Archive, Source]:
        played = Archive(rows, limit)
        return played, Source("s", "sia2", f"{served(played)}sia2/query", settings=settings)

    return start


Start = Callable[..., tuple[Archive, Source]]


def test_a_small_service_is_taken_in_one_answer(archive: Start, store: Store, harvest: Harvest) -> None:
    played, source = archive([row(n) for n in range(8)] + [without(row(8), "t_min", "t_max")])
    report = harvest(source)
    assert (report.status, report.counts.added, report.counts.quarantined) == (COMPLETE, 10, 0)
    assert len(here(store)) == 9
    assert [without(each, "RESPONSEFORMAT") for each in played.asked] == [{"MAXREC": "5000"}]
    record = store.catalogue.find("s", "sia2", "ivo://a/0003").record
    assert record.dataset == record_id("s", "obs_collection", "X")


def test_a_large_service_is_taken_in_windows_of_time(archive: Start, store: Store, harvest: Harvest) -> None:
    rows = [row(n) for n in range(100)] + [row(100, t_min=-200_000.0, t_max=-199_999.0), row(101, t_min=9e6, t_max=9e6)]
    _, source = archive(rows, times="all")
    report = harvest(source)
    assert (report.status, report.counts.quarantined) == (COMPLETE, 0)
    assert here(store) == {each["obs_publisher_did"] for each in rows}


def test_what_lasts_through_every_window_is_parted_by_the_sky(archive: Start, store: Store, harvest: Harvest) -> None:
    rows = [row(n, t_min=40_000.0, t_max=70_000.0) for n in range(60)]
    played, source = archive(rows, times="all")
    report = harvest(source)
    # The sky leaves out what has no place, which is said.
    assert (report.status, 0 < report.counts.quarantined < 10) == (COMPLETE, True)
    assert here(store) == {each["obs_publisher_did"] for each in rows}
    assert any(each.get("POS", "").startswith("RANGE ") for each in played.asked)
    assert len(played.asked) < 200


def test_rows_at_one_time_and_place_are_told_of_and_nothing_is_deleted(
    archive: Start, store: Store, harvest: Harvest
) -> None:
    same = {"t_min": 50_000.0, "t_max": 50_000.0, "s_ra": 10.0, "s_dec": 10.0}
    played, source = archive([row(n, **same) for n in range(30)] + [row(n) for n in range(100, 105)], times="all")
    report = harvest(source)
    assert report.counts.quarantined > 0
    kept = here(store)
    assert {f"ivo://a/{n:04}" for n in range(100, 105)} <= kept
    played.rows = played.rows[:30]
    for _ in range(2):
        harvest(source, full=True)
    assert here(store) >= kept
    assert len(played.asked) < 400


def test_rows_without_a_time_are_never_taken_to_have_gone(archive: Start, store: Store, harvest: Harvest) -> None:
    timeless = without(row(500), "t_min", "t_max")
    played, source = archive([*(row(n) for n in range(8)), timeless])
    harvest(source)
    assert timeless["obs_publisher_did"] in here(store)
    played.rows = [*(row(n) for n in range(40)), timeless]
    reports = [harvest(source, full=True) for _ in range(2)]
    assert [each.counts.deleted for each in reports] == [0, 0]
    assert here(store) == {each["obs_publisher_did"] for each in played.rows}


def test_what_has_gone_from_a_service_whose_rows_all_have_times_is_deleted(
    archive: Start, store: Store, harvest: Harvest
) -> None:
    played, source = archive([row(n) for n in range(60)], times="all")
    harvest(source)
    played.rows = played.rows[2:]
    harvest(source, full=True)
    # What is missing is buried when it is missing a second time.
    report = harvest(source, full=True)
    assert (report.status, report.counts.deleted, len(here(store))) == (COMPLETE, 2, 58)


def test_only_the_collections_that_are_named_are_asked_for(archive: Start, store: Store, harvest: Harvest) -> None:
    rows = [row(n, obs_collection="ABC"[n % 3]) for n in range(30)]
    played, source = archive(rows, limit=50, collections="A, B")
    assert harvest(source).status == COMPLETE
    assert here(store) == {each["obs_publisher_did"] for each in rows if each["obs_collection"] != "C"}
    assert [each["COLLECTION"] for each in played.asked] == ["A", "B"]


def test_rows_that_share_an_identifier_have_names_of_their_own(archive: Start, store: Store, harvest: Harvest) -> None:
    rows = [row(1), row(1, access_url="https://a.example/other"), row(2)]
    assert harvest(archive(rows)[1]).status == COMPLETE
    assert len(here(store)) == 3
    assert {"ivo://a/0001", "ivo://a/0002"} <= here(store)


def test_a_service_that_knows_no_format_is_asked_without_it(archive: Start, store: Store, harvest: Harvest) -> None:
    played, source = archive([row(1)])
    played.wrong = lambda asked: (400, failure("UsageFault: format")) if "RESPONSEFORMAT" in asked else None
    assert harvest(source).status == COMPLETE
    assert here(store) == {"ivo://a/0001"}


def test_a_window_that_a_service_gives_up_on_is_cut(archive: Start, store: Store, harvest: Harvest) -> None:
    played, source = archive([row(n) for n in range(40)], times="all")

    def slow(asked: dict[str, str]) -> tuple[int, bytes] | None:
        many = sum(played.holds(each, asked) for each in played.rows) > 10
        return (500, b"out of memory") if many and asked["MAXREC"] != "1" else None

    played.wrong = slow
    report = harvest(source)
    assert report.status == COMPLETE
    assert here(store) == {each["obs_publisher_did"] for each in played.rows}


@pytest.mark.parametrize(
    "body",
    [b"<html>hello</html>", failure("UsageFault: no"), answer([Field("a", "char", "*")], [["1"]], overflow=False), b""],
)
def test_what_is_no_sia2_service_fails(body: bytes, archive: Start, harvest: Harvest) -> None:
    played, source = archive([])
    played.wrong = lambda asked: (200, body)
    report = harvest(source)
    assert report.status in (FAILED, PARTIAL)
    assert report.message


def test_a_walk_may_be_resumed_at_every_page(archive: Start, client: Client) -> None:
    _, source = archive([row(n) for n in range(50)], times="all")
    straight = [raw for page in harvester(source, client).pages(None) for raw in page.raws]
    pieces: list[RawRecord] = []
    position: Any = None
    while True:
        page = next(iter(harvester(source, client).pages(position)))
        pieces += page.raws
        if page.position is None:
            break
        position = orjson.loads(orjson.dumps(page.position))
    assert pieces == straight


def test_what_cadc_sent_is_mapped(mapping: Callable[..., Any], client: Client, served: Callable[..., str]) -> None:
    body = (Path(__file__).parents[2] / "fixtures" / "sources" / "tap" / "cadc" / "sia2.xml").read_bytes()
    worker = harvester(Source("s", "sia2", f"{served(lambda path, headers: (200, body, {}))}q"), client)
    (page,) = worker.pages(None)
    dataset, one = (worker.map(raw, worker.parse(raw)).record for raw in page.raws)
    assert (dataset.kind, dataset.title) == ("dataset", "TEST")
    assert (one.source_id, one.extent.geometry["type"]) == (  # type: ignore[index]
        "ivo://cadc.nrc.ca/TEST?C190508_1442_SCI/C190508_1442_SCI", "Polygon",
    )  # fmt: skip
    assert one.assets[0].roles == ("datalink",)


def test_an_identifier_that_is_too_long_is_one_rows_fault(client: Client) -> None:
    worker = harvester(Source("s", "sia2", "http://127.0.0.1:1/q"), client)
    with pytest.raises(RecordError):
        worker.map(RawRecord("sia2", "x" * 3000, b"{}"), {})


def test_a_file_is_no_service(client: Client) -> None:
    with pytest.raises(ConfigError, match="http: or https:"):
        harvester(Source("s", "sia2", "file:a.xml"), client)


@pytest.mark.parametrize(
    ("piece", "asked"),
    [
        (Piece(), {}),
        (Piece("X"), {"COLLECTION": "X"}),
        (Piece("", (-math.inf, 15_020.0)), {"TIME": "-Inf 15020"}),
        (Piece("", (62_502.0, math.inf)), {"TIME": "62502 +Inf"}),
        (Piece("X", (1.5, 2.0), (0.0, 180.0, -90.0, 90.0)),
         {"COLLECTION": "X", "TIME": "1.5 2", "POS": "RANGE 0 180 -90 90"}),
    ],
)  # fmt: skip
def test_a_piece_is_asked_for_and_remembered(piece: Piece, asked: dict[str, str]) -> None:
    assert piece.parameters() == asked
    assert Piece.from_json(orjson.loads(orjson.dumps(piece.to_json()))) == piece
