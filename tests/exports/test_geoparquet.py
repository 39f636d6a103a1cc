from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from discovery.errors import BadQueryError, LimitError
from discovery.exports import geoparquet, limits
from discovery.stac_api.formats import Rows
from harvesters.geoparquet import File

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
    monkeypatch.setattr(limits, "MAX_SECONDS", -1)
    with pytest.raises(LimitError) as caught:
        pieces([item("a")])
    assert caught.value.limit == "stac-seconds"


def test_without_arrow_another_form_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(BadQueryError, match="f=ndjson"):
        pieces([])
