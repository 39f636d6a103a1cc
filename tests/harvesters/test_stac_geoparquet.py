from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from discovery.http import Client
from discovery.model.record import Record
from discovery.model.source import CHANGES, COMPLETE, FAILED, PARTIAL, Mapped, Report, Source
from discovery.store.store import Store
from harvesters.mapping import map_one
from harvesters.registry import harvester

Harvest = Callable[..., Report]
pytestmark = pytest.mark.slow
FIXTURES = Path(__file__).parents[2] / "fixtures" / "sources"
NAIP = FIXTURES / "stac-geoparquet" / "naip-rustac.parquet"
COLLECTION = {
    "type": "Collection",
    "stac_version": "1.0.0",
    "id": "c",
    "description": "d",
    "license": "CC0-1.0",
    "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [["2020-01-01T00:00:00Z", None]]}},
    "links": [],
}


def source(**settings: str) -> Source:
    return Source("s", "stac-geoparquet", "file:items.parquet", settings=settings)


def write(folder: Path, names: list[str], *, rows_a_group: int = 10, metadata: Any = None) -> None:
    table = pa.table({"id": names, "collection": ["c"] * len(names), "title": [f"Title {name}" for name in names]})
    given = {"stac-geoparquet": orjson.dumps(metadata).decode()} if metadata else None
    pq.write_table(table.replace_schema_metadata(given), folder / "items.parquet", row_group_size=rows_a_group)


def names(store: Store) -> list[str]:
    return sorted(row["source_id"] for row in store.catalogue.export())


def mapped(worker: Any) -> dict[str, Record]:
    found = [map_one(worker, raw) for page in worker.pages(None) for raw in page.raws]
    assert all(isinstance(each, Mapped) for each in found)
    return {each.record.source_id: each.record for each in found if isinstance(each, Mapped)}


@pytest.mark.parametrize(
    ("file", "items"),
    [
        ("naip-rustac.parquet", "planetary-computer/items.ndjson"),
        ("sentinel-2-stac-geoparquet.parquet", "earth-search/items.json"),
    ],
)
def test_a_file_of_another_program_gives_the_records_of_its_items(client: Client, file: str, items: str) -> None:
    def open_(kind: str, path: str) -> Any:
        return harvester(Source("s", kind, f"file:{path}"), client, FIXTURES)

    ours = mapped(open_("stac-geoparquet", f"stac-geoparquet/{file}"))
    theirs = mapped(open_("stac-items", f"stac-items/{items}"))
    assert ours.keys() == theirs.keys()
    for name, record in ours.items():
        assert ordered(record).fingerprint() == ordered(theirs[name]).fingerprint()


def ordered(record: Record) -> Record:
    # A table has no order of assets.
    assets = tuple(sorted(record.assets, key=str))
    return replace(record, assets=assets, formats=tuple(sorted(record.formats)))


def test_what_was_read_can_be_mapped_again_without_the_file(
    store: Store, harvest: Harvest, client: Client, tmp_path: Path
) -> None:
    shutil.copyfile(NAIP, tmp_path / "items.parquet")
    assert harvest(source()).counts.added == 3
    worker = harvester(source(), client, tmp_path / "elsewhere")
    for row in store.catalogue.export():
        stored = store.catalogue.get(row["id"])
        again = map_one(worker, store.catalogue.raw(row["id"]))
        assert isinstance(again, Mapped)
        assert again.record.fingerprint() == stored.record.fingerprint()


def test_collections_come_with_the_file(store: Store, harvest: Harvest, tmp_path: Path) -> None:
    write(tmp_path, ["a"], metadata={"version": "1.0.0", "collections": {"c": COLLECTION}})
    assert harvest(source()).counts.added == 2
    item = next(row for row in store.catalogue.export() if row["source_id"] == "a")
    dataset = store.catalogue.get(item["id"]).record.dataset
    assert store.catalogue.get(dataset).record.kind == "dataset"


def test_collections_may_stand_in_a_file_beside(store: Store, harvest: Harvest, tmp_path: Path) -> None:
    write(tmp_path, ["a"])
    (tmp_path / "collections.ndjson").write_bytes(orjson.dumps(COLLECTION) + b"\n")
    assert harvest(source(collections="collections.ndjson")).counts.added == 2
    assert names(store) == ["a", "c"]


def test_a_walk_goes_on_in_the_middle_of_a_row_group(store: Store, harvest: Harvest, tmp_path: Path) -> None:
    every = [f"i{n:02d}" for n in range(25)]
    write(tmp_path, every)
    seen = 0
    for _ in range(20):
        report = harvest(source(page="4"), limit=9)
        seen += report.counts.seen
        if report.status == COMPLETE:
            break
        assert report.status == PARTIAL
    assert names(store) == every
    assert seen < 2 * len(every)


def test_a_file_that_was_replaced_meanwhile_is_read_from_its_beginning(
    store: Store, harvest: Harvest, tmp_path: Path
) -> None:
    write(tmp_path, [f"a{n}" for n in range(9)])
    assert harvest(source(page="3"), limit=6).status == PARTIAL
    every = [f"b{n}" for n in range(9)]
    write(tmp_path, every)
    assert harvest(source(page="3")).status == COMPLETE
    assert {each for each in names(store) if each.startswith("b")} == set(every)


def test_a_damaged_row_group_is_named_and_deletes_nothing(store: Store, harvest: Harvest, tmp_path: Path) -> None:
    every = [f"i{n:02d}" for n in range(30)]
    write(tmp_path, every)
    assert harvest(source()).status == COMPLETE
    body = bytearray((tmp_path / "items.parquet").read_bytes())
    column = pq.read_metadata(tmp_path / "items.parquet").row_group(1).column(0)
    start = column.dictionary_page_offset or column.data_page_offset
    body[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    (tmp_path / "items.parquet").write_bytes(body)
    report = harvest(source(), full=True)
    assert (report.status, report.counts.seen, report.counts.deleted) == (COMPLETE, 21, 0)
    assert "could not be read" in report.message
    (held,) = store.ledger.quarantined("s")
    assert (held.issue.code, held.raw.position) == ("broken-row", "row group 2")
    assert names(store) == every


def test_a_file_that_is_no_parquet_fails_and_says_so(harvest: Harvest, tmp_path: Path) -> None:
    (tmp_path / "items.parquet").write_bytes(b"<html>" * 10)
    report = harvest(source())
    assert report.status == FAILED
    assert "is no Parquet file" in report.message


def test_a_file_that_is_as_it_was_is_not_read_again(
    store: Store, harvest: Harvest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, ["a", "b"])
    assert harvest(source()).mode == "full"
    # As if the walk had been two days after the file was written; what is newer than a day before it is read again.
    found = (tmp_path / "items.parquet").stat()
    days = 2 * 86_400
    real = os.stat_result((*found[:7], *(each - days for each in found[7:10])))
    monkeypatch.setattr(Path, "stat", lambda self, **_: real)
    report = harvest(source())
    assert (report.mode, report.status, report.counts.seen, report.counts.deleted) == (CHANGES, COMPLETE, 0, 0)
    monkeypatch.undo()
    assert harvest(source()).counts.unchanged == 2


def test_ids_come_without_the_rest(client: Client, tmp_path: Path) -> None:
    write(tmp_path, ["a", "b"], metadata={"collections": {"c": COLLECTION}})
    worker: Any = harvester(source(), client, tmp_path)
    assert list(worker.ids()) == [("collections", "c"), ("c", "a"), ("c", "b")]


def test_a_probe_says_how_many_items_there_are(client: Client) -> None:
    worker = harvester(Source("s", "stac-geoparquet", f"file:{NAIP.name}"), client, NAIP.parent)
    assert worker.probe().matched == 3


def test_a_file_from_the_network_is_the_same(
    store: Store, harvest: Harvest, client: Client, served: Callable[..., str]
) -> None:
    def answer(path: str, headers: Mapping[str, str]) -> tuple[int, bytes, Mapping[str, str]]:
        return 200, NAIP.read_bytes(), {"Last-Modified": formatdate(1_600_000_000, usegmt=True)}

    url = f"{served(answer)}naip.parquet"
    there = Source("s", "stac-geoparquet", url)
    assert harvest(there).counts.added == 3
    again = harvest(there)
    assert (again.mode, again.counts.seen) == (CHANGES, 0)
    assert {store.catalogue.raw(row["id"]).url for row in store.catalogue.export()} == {url}


KILLED = """
import os, sys
from pathlib import Path
from discovery.http import Client, Policy
from discovery.model.source import Source
from discovery.store.store import Store
from harvesters.run import harvest

source = Source("s", "stac-geoparquet", "file:items.parquet", settings={"page": "2"})
while sys.stdin.readline():
    child = os.fork()
    if child == 0:
        report = harvest(Store(sys.argv[1]), source, client=Client(Policy()), folder=Path(sys.argv[2]))
        os._exit(0 if report.status == "complete" else 1)
    print(child, flush=True)
    sys.stdin.readline()
    print(os.waitpid(child, 0)[1], flush=True)
"""


def readers(path: Path) -> list[int]:
    """Return the processes that have a file open."""
    found = set()
    for each in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            if each.readlink() == path:
                found.add(int(each.parts[2]))
    return sorted(found)


def test_a_killed_walk_goes_on_and_leaves_no_reader_behind(store_url: str, tmp_path: Path) -> None:
    every = [f"i{n:03d}" for n in range(150)]
    write(tmp_path, every, rows_a_group=40)
    r = random.Random(11)
    command = [sys.executable, "-c", KILLED, store_url, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        given, told = parent.stdin, parent.stdout
        assert given is not None
        assert told is not None

        def ask() -> int:
            given.write("\n")
            given.flush()
            return int(told.readline())

        for _ in range(8):
            child = ask()
            time.sleep(r.uniform(0.4, 1.6))
            os.kill(child, signal.SIGKILL)
            ask()
        ask()
        assert ask() == 0
        given.close()
    deadline = time.monotonic() + 20
    while left := readers(tmp_path / "items.parquet"):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)
    with closing(Store(store_url)) as store:
        assert names(store) == every
