from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from shapely.geometry import shape

from discovery.errors import BadQueryError, LimitError
from discovery.stac_api import formats, geoparquet
from discovery.stac_api.formats import Rows
from harvesters.geoparquet import File
from harvesters.geoparquet_reader import GeoParquet

ROOT = Path(__file__).parents[2]
READERS = ROOT / ".cache" / "peers" / "parquet-readers"
S2 = "sentinel-s2-l2a-cogs"


def item(id: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature", "stac_version": "1.0.0", "id": id, "geometry": {"type": "Point", "coordinates": [1.0, 2.0]},
        "bbox": [1.0, 2.0, 1.0, 2.0], "links": [], "assets": {"data": {"href": f"https://a.test/{id}"}},
        "properties": {"datetime": "2020-01-01T00:00:00Z", **properties},
    }  # fmt: skip


def pieces(items: list[dict[str, Any]]) -> Iterator[bytes]:
    found = Rows(tuple(range(len(items))), len(items), True, "")
    return geoparquet.parquet(found, lambda keys: [orjson.dumps(items[key]) for key in keys], lambda _ids: [])


def read(path: Path) -> list[dict[str, Any]]:
    file = File(path, path.name)
    rows = [row for group in range(len(file.rows())) for batch in file.read(group, 0, 100) for row in batch]
    assert not [row.fault for row in rows if row.fault]
    return [orjson.loads(row.body) for row in rows]


def there_and_back(tmp_path: Path, *items: dict[str, Any]) -> list[dict[str, Any]]:
    path = tmp_path / "items.parquet"
    path.write_bytes(b"".join(pieces(list(items))))
    return read(path)


def test_items_come_back_as_they_were(tmp_path: Path) -> None:
    given = [
        item("a", **{"eo:cloud_cover": 3, "many": [1, 2.5], "deep": {"x": [{"y": True}]}}),
        item("b", **{"eo:cloud_cover": 4.5, "many": [], "text": "ä\n", "created": "2020-05-01T00:00:00.25Z"}),
    ]
    assert there_and_back(tmp_path, *given) == given


def test_what_is_of_several_types_becomes_json_in_a_text(tmp_path: Path) -> None:
    first, second = there_and_back(tmp_path, item("a", x=1, y=[1, "a"], z=2**63), item("b", x="one", y=[{}], z=1))
    assert (first["properties"]["x"], second["properties"]["x"]) == ("1", '"one"')
    assert (first["properties"]["y"], second["properties"]["y"]) == (["1", '"a"'], ["{}"])
    assert first["properties"]["z"] == str(2**63)


def test_odd_documents_are_written_all_the_same(tmp_path: Path) -> None:
    odd = item("a", datetime=None, start_datetime="-4712-01-01T00:00:00Z", empty={}, nothing=None)
    odd["properties"]["id"] = "inner"
    odd |= {"geometry": None, "bbox": [0, 0, -5, 1, 1, 9], "assets": {}, "more": {"x": 1}}
    broken = item("b") | {"geometry": {"type": "Polygon", "coordinates": "none"}, "bbox": ["a"] * 4}
    first, second = there_and_back(tmp_path, odd, broken)
    assert first["properties"]["start_datetime"] == "-4712-01-01T00:00:00Z"
    assert first["properties"]["properties.id"] == "inner"
    assert (first["geometry"], first["bbox"], first["assets"]) == (None, [0, 0, -5, 1, 1, 9], {})
    assert first["properties"]["more"] == {"x": 1}
    assert (second["geometry"], second.get("bbox")) == (None, None)


def test_no_items_are_a_table_without_rows(tmp_path: Path) -> None:
    assert there_and_back(tmp_path) == []


def test_a_group_of_rows_is_in_memory_and_not_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geoparquet, "CHUNK", 10)
    monkeypatch.setattr(geoparquet, "_IN_MEMORY", 1000)
    found = list(pieces([item(str(number), text="x" * 100) for number in range(95)]))
    assert len(found) == 11
    assert all(found)


def test_what_is_too_much_is_refused_by_the_name_of_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LimitError) as caught:
        pieces([item(str(number), **{f"p{number}-{n}": 1 for n in range(60)}) for number in range(100)])
    assert caught.value.limit == "stac-columns"
    with pytest.raises(LimitError) as caught:
        pieces([item(str(n)) | {"assets": {f"{n}-{m}": {"href": "x"} for m in range(60)}} for n in range(100)])
    assert caught.value.limit == "stac-columns"
    monkeypatch.setattr(geoparquet, "MAX_BYTES", 100)
    with pytest.raises(LimitError) as caught:
        pieces([item("a")])
    assert caught.value.limit == "stac-bytes"
    monkeypatch.setattr(formats, "MAX_SECONDS", -1)
    with pytest.raises(LimitError) as caught:
        pieces([item("a")])
    assert caught.value.limit == "stac-seconds"


def test_without_arrow_another_form_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(BadQueryError, match="f=ndjson"):
        pieces([])


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
import asyncio, json, sys
import geopandas, pyarrow.parquet, rustac, stac_geoparquet

async def others():
    return await rustac.read(sys.argv[1])

frame = geopandas.read_parquet(sys.argv[1])
items = list(stac_geoparquet.arrow.stac_table_to_items(pyarrow.parquet.read_table(sys.argv[1])))
print(json.dumps({
    "geopandas": [len(frame), int(frame.geometry.notna().sum()), str(frame.crs), str(frame["datetime"].dtype)],
    "stac-geoparquet": sorted(each["id"] for each in items),
    "rustac": sorted(each["id"] for each in asyncio.run(others())["features"]),
}))
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
