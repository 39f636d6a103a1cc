"""Tables of GeoParquet that a search answers, read by our own harvester and by others."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from shapely.geometry import shape

from harvesters.geoparquet import File
from harvesters.geoparquet_reader import GeoParquet

ROOT = Path(__file__).parents[2]
READERS = ROOT / ".cache" / "peers" / "parquet-readers"
S2 = "sentinel-s2-l2a-cogs"


def read(path: Path) -> list[dict[str, Any]]:
    file = File(path, path.name)
    rows = [row for group in range(len(file.rows())) for batch in file.read(group, 0, 100) for row in batch]
    assert not [row.fault for row in rows if row.fault]
    return [orjson.loads(row.body) for row in rows]


@pytest.fixture(scope="module")
def table(client: httpx.Client, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables") / "items.parquet"
    answer = client.get("/stac/search", headers={"Accept": "application/vnd.apache.parquet"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/vnd.apache.parquet")
    assert answer.headers["ogc-numbermatched"] == "203"
    path.write_bytes(answer.content)
    return path


def lenient(document: Any) -> Any:
    """Return a document without what a table cannot say: null members, empty objects, and how a time was written."""
    if isinstance(document, dict):
        kept = {name: lenient(value) for name, value in document.items()}
        return {name: value for name, value in kept.items() if value not in (None, {})}
    if isinstance(document, list):
        return [lenient(each) for each in document]
    return document.replace(".000Z", "Z").replace("+00:00", "Z") if isinstance(document, str) else document


@pytest.mark.slow
def test_our_own_harvester_reads_what_a_search_answers(client: httpx.Client, table: Path) -> None:
    sent = client.get("/stac/search", params={"limit": 1000}).json()["features"]
    for given, got in zip(sent, read(table), strict=True):
        geometry, other = given.pop("geometry"), got.pop("geometry")
        assert (geometry is None) == (other is None)
        assert geometry is None or shape(geometry).equals(shape(other))
        for written in (given, got):
            for name in ("created", "updated", "datetime"):
                written["properties"].pop(name, None)
        beside = {name: given.pop(name) for name in list(given) if name.startswith("discovery:")}
        given["properties"] |= beside
        assert lenient(got) == lenient(given)
    opened = GeoParquet(table, "table")
    try:
        assert {each["id"] for each in opened.collections()} >= {S2, f"mirror.collections.{S2}"}
        assert opened.rows == 203
    finally:
        opened.close()


@pytest.mark.slow
def test_a_table_follows_fields_limit_and_method(client: httpx.Client, tmp_path: Path) -> None:
    path = tmp_path / "few.parquet"
    asked = {
        "collections": [S2],
        "limit": 7,
        "fields": {"include": ["properties.eo:cloud_cover"], "exclude": ["assets"]},
    }
    path.write_bytes(client.post("/stac/search", params={"f": "geoparquet"}, json=asked).content)
    found = read(path)
    assert len(found) == 7
    # A table has a column for the time, and readers ask for it.
    assert all(each["properties"] == {"datetime": None} | each["properties"] for each in found)
    assert all(set(each["properties"]) == {"datetime", "eo:cloud_cover"} for each in found)


READ = """
import asyncio, json, os, sys
import geopandas, pyarrow.parquet, rustac, stac_geoparquet

async def others():
    return await rustac.read(sys.argv[1])

frame = geopandas.read_parquet(sys.argv[1])
items = list(stac_geoparquet.arrow.stac_table_to_items(pyarrow.parquet.read_table(sys.argv[1])))
print(json.dumps({
    "geopandas": [len(frame), int(frame.geometry.notna().sum()), str(frame.crs), str(frame["datetime"].dtype)],
    "stac-geoparquet": sorted(each["id"] for each in items),
    "rustac": sorted(each["id"] for each in asyncio.run(others())["features"]),
}), flush=True)
os._exit(0)  # A thread of theirs now and then outlives the interpreter, and aborts it.
"""


@pytest.mark.peer
def test_other_readers_find_every_item(client: httpx.Client, peer: Callable[[bool, str], None], tmp_path: Path) -> None:
    peer((READERS / ".installed").is_file(), "no other readers are here; tests/peers/parquet_readers.sh installs them")
    path = tmp_path / "items.parquet"
    path.write_bytes(client.get("/stac/search", params={"f": "geoparquet", "collections": S2}).content)
    command = [READERS / "bin" / "python", "-c", READ, path]
    found = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=100, check=False)
    assert found.returncode == 0, found.stderr
    said = json.loads(found.stdout)
    sent = client.get("/stac/search", params={"limit": 1000, "collections": S2}).json()["features"]
    ids = sorted(each["id"] for each in sent)
    assert said["geopandas"][:2] == [100, 100]
    assert "CRS84" in said["geopandas"][2]
    assert said["geopandas"][3].startswith("datetime64")
    assert said["stac-geoparquet"] == ids
    assert said["rustac"] == ids
