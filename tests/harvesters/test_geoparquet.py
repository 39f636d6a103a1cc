from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from discovery.errors import SourceUnavailableError
from harvesters import geoparquet
from harvesters.geoparquet import File
from harvesters.geoparquet_reader import Row

Write = Callable[..., Path]
POINT = shapely.to_wkb(shapely.Point(1, 2))


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes columns, and gives the path of the file."""

    def go(metadata: dict[str, str] | None = None, rows_a_group: int = 1000, **columns: Any) -> Path:
        path = tmp_path / "items.parquet"
        table = pa.table(columns)
        pq.write_table(table.replace_schema_metadata(metadata), path, row_group_size=rows_a_group)
        return path

    return go


def rows(path: Path, **more: Any) -> list[Row]:
    file = File(path, "it")
    return [row for group in range(len(file.rows())) for batch in file.read(group, 0, 500, **more) for row in batch]


def items(path: Path) -> list[dict[str, Any]]:
    found = rows(path)
    assert [row.fault for row in found if row.fault] == []
    return [orjson.loads(row.body) for row in found]


def test_what_is_no_member_of_an_item_is_a_property(write: Write) -> None:
    (item,) = items(write(id=["a"], collection=["c"], **{"eo:cloud_cover": [12.5], "platform": ["x"]}))
    assert item["properties"] == {"datetime": None, "eo:cloud_cover": 12.5, "platform": "x"}
    assert (item["id"], item["collection"], item["type"]) == ("a", "c", "Feature")


def test_an_item_has_the_members_that_every_item_has(write: Write) -> None:
    (item,) = items(write(id=["a"]))
    assert item == {
        "type": "Feature", "id": "a", "geometry": None, "links": [], "assets": {}, "properties": {"datetime": None}
    }  # fmt: skip


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_are_texts_of_rfc_3339(write: Write, unit: str) -> None:
    moment = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
    column = pa.array([moment, None], pa.timestamp(unit, "UTC"))
    first, second = items(write(id=["a", "b"], datetime=column))
    assert first["properties"]["datetime"] == "2020-01-02T03:04:05Z"
    assert second["properties"]["datetime"] is None


def test_a_time_keeps_its_fraction_and_needs_no_zone(write: Write) -> None:
    moment = datetime(2020, 1, 2, 3, 4, 5, 120_000)  # noqa: DTZ001
    (item,) = items(write(id=["a"], datetime=pa.array([moment], pa.timestamp("us"))))
    assert item["properties"]["datetime"] == "2020-01-02T03:04:05.12Z"


def test_a_time_beyond_all_calendars_is_the_business_of_the_mapping(write: Write) -> None:
    (item,) = items(write(id=["a"], datetime=pa.array([1 << 61], pa.timestamp("ms", "UTC"))))
    assert item["properties"]["datetime"].endswith("Z")


def test_boxes_become_lists(write: Write) -> None:
    flat = {"xmin": 1.0, "ymin": 2.0, "xmax": 3.0, "ymax": 4.0}
    tall = {"xmin": 1.0, "ymin": 2.0, "zmin": 0.0, "xmax": 3.0, "ymax": 4.0, "zmax": 9.0}
    assert items(write(id=["a"], bbox=[flat]))[0]["bbox"] == [1, 2, 3, 4]
    assert items(write(id=["a"], bbox=[tall]))[0]["bbox"] == [1, 2, 0, 3, 4, 9]
    assert items(write(id=["a"], bbox=[[1.0, 2.0, 3.0, 4.0]]))[0]["bbox"] == [1, 2, 3, 4]


def test_geometries_become_geojson(write: Write) -> None:
    hole = shapely.Point(0, 0).buffer(3, 2).difference(shapely.Point(0, 0).buffer(1, 2))
    column = [
        POINT,
        None,
        shapely.to_wkb(hole),
        shapely.to_wkb(shapely.Polygon()),
        shapely.to_wkb(shapely.Point(1, 2, 3)),
    ]
    found = [item["geometry"] for item in items(write(id=list("abcde"), geometry=column))]
    assert found[0] == {"type": "Point", "coordinates": [1, 2]}
    assert found[1] is None
    assert shapely.from_geojson(orjson.dumps(found[2]).decode()).equals(hole)
    assert found[3] == {"type": "GeometryCollection", "geometries": []}
    assert found[4]["coordinates"][:2] == [1, 2]


def test_an_asset_of_other_rows_is_none_of_this_one(write: Write) -> None:
    kind = pa.struct([(name, pa.struct([("href", pa.string()), ("title", pa.string())])) for name in ("b", "r")])
    column = pa.array([{"b": {"href": "u", "title": None}, "r": None}, {"b": {"href": None}, "r": {"href": "v"}}], kind)
    first, second = items(write(id=["a", "b"], assets=column))
    assert (first["assets"], second["assets"]) == ({"b": {"href": "u"}}, {"r": {"href": "v"}})


def test_members_may_be_json_written_as_text(write: Write) -> None:
    (item,) = items(write(id=["a"], assets=['{"b": {"href": "u"}}'], links=['[{"rel": "via", "href": "u"}]']))
    assert (item["assets"], item["links"]) == ({"b": {"href": "u"}}, [{"rel": "via", "href": "u"}])


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (pa.array([[1, 2], None, []], pa.list_(pa.int64())), [[1, 2], None, []]),
        (pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int64(), 2)), [[1, 2], None, [3, 4]]),
        (pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int64())), [{"k": 1}, None, {}]),
        (pa.array(["x", None, "x"]).dictionary_encode(), ["x", None, "x"]),
        (pa.array([b"\xff", None, b""]), ["/w==", None, ""]),
        (pa.array([True, None, False]), [True, None, False]),
        (pa.array([float("nan"), None, 1.5]), [None, None, 1.5]),
        (pa.array([[{"a": [1]}], None, [{"a": None}]]), [[{"a": [1]}], None, [{}]]),
    ],
    ids=["list", "fixed list", "map", "dictionary", "binary", "bool", "not a number", "list of structures"],
)
def test_every_kind_of_column_has_a_value_in_json(write: Write, column: Any, value: list[Any]) -> None:
    found = [item["properties"].get("x") for item in items(write(id=["a", "b", "c"], x=column))]
    assert found == value


def test_a_later_part_of_a_row_group_reads_the_same_rows(write: Write) -> None:
    names = [f"i{n}" for n in range(25)]
    path = write(id=names, tags=[[name, "x"] for name in names], rows_a_group=10)
    file = File(path, "it")
    assert file.rows() == [10, 10, 5]
    found = [row for batch in file.read(1, 7, 4) for row in batch]
    assert [(row.group, row.number) for row in found] == [(1, 7), (1, 8), (1, 9)]
    assert [orjson.loads(row.body)["properties"]["tags"][0] for row in found] == ["i17", "i18", "i19"]


def test_the_same_row_is_the_same_bytes_however_the_columns_stand(write: Write) -> None:
    one = rows(write(id=["a"], collection=["c"], x=[1], y=[2]))
    two = rows(write(y=[2], x=[1], collection=["c"], id=["a"]))
    assert one == two


def test_one_bad_row_costs_only_itself(write: Write) -> None:
    deep = bytearray()
    for _ in range(20_000):
        deep += struct.pack("<BII", 1, 7, 1)
    column = [POINT, b"\x01nonsense", POINT, bytes(deep) + POINT, POINT, POINT[:-3]]
    found = rows(write(id=list("abcdef"), geometry=column))
    assert [row.number for row in found if row.fault] == [1, 3, 5]
    assert [orjson.loads(row.body)["id"] for row in found if not row.fault] == ["a", "c", "e"]


def test_a_text_that_is_none_costs_only_its_row(write: Write) -> None:
    texts = pa.array([b"good", b"b\xe9d", b"good"]).view(pa.string())
    assert [bool(row.fault) for row in rows(write(id=["a", "b", "c"], title=texts))] == [False, True, False]


def test_a_large_collection_of_many_shapes_is_no_nest(write: Write) -> None:
    shape = shapely.MultiPolygon([shapely.Point(n, 0).buffer(0.3) for n in range(60)])
    body = shapely.to_wkb(shape)
    assert len(body) > 16_384
    assert items(write(id=["a"], geometry=[body]))[0]["geometry"]["type"] == "MultiPolygon"


def test_ids_are_read_without_anything_else(write: Write) -> None:
    (row,) = rows(write(id=["a"], collection=["c"], geometry=[b"nonsense"]), ids=True)
    assert orjson.loads(row.body)["id"] == "a"


def test_a_file_carries_its_collections_under_either_name(write: Write) -> None:
    one, two = {"type": "Collection", "id": "one"}, {"type": "Collection", "id": "two"}
    new = write({"stac-geoparquet": orjson.dumps({"version": "1", "collections": {"one": one}}).decode()}, id=["a"])
    assert File(new, "it").collections() == [one]
    old = write({"stac:collection": orjson.dumps(two).decode()}, id=["a"])
    assert File(old, "it").collections() == [two]
    assert File(write({"stac-geoparquet": "{"}, id=["a"]), "it").collections() == []


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda body: b"", "no Parquet file"),
        (lambda body: b"{}" * 20, "no Parquet file"),
        (lambda body: body[:-9], "cut off"),
        (lambda body: body[:-8] + struct.pack("<I", 1 << 31) + b"PAR1", "a footer of 2147483648 bytes"),
        (lambda body: body[:-8] + struct.pack("<I", 9) + b"PAR1", "cannot be read as Parquet"),
    ],
    ids=["empty", "JSON", "cut", "a huge footer", "a short footer"],
)
def test_a_file_that_is_none_says_so(write: Write, spoil: Callable[[bytes], bytes], message: str) -> None:
    path = write(id=["a"])
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(SourceUnavailableError, match=message):
        File(path, "it")


def test_a_table_without_ids_is_refused(write: Write) -> None:
    with pytest.raises(SourceUnavailableError, match=r"no column id.*it has name"):
        File(write(name=["a"]), "it")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("MAX_COLUMNS", "columns; allowed are 1"),
        ("MAX_GROUP_ROWS", "rows; allowed are 1"),
        ("MAX_GROUP_BYTES", "bytes; allowed are 1"),
        ("MAX_VALUES_A_ROW", "too many values a row"),
    ],
)
def test_a_footer_that_promises_too_much_is_refused(
    write: Write, name: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(id=["a", "b"], tags=[["x"] * 9, ["y"] * 9])
    File(path, "it")
    monkeypatch.setattr(geoparquet, name, 1)
    with pytest.raises(SourceUnavailableError, match=message):
        File(path, "it")


def test_a_row_that_is_too_long_is_named(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geoparquet, "MAX_ROW", 2000)
    found = rows(write(id=["a", "b"], description=["x" * 3000, "y"]))
    assert ["longer than 2000 bytes" in row.fault for row in found] == [True, False]
    assert len(found[0].body) == 1000


def test_another_content_has_another_fingerprint(write: Write) -> None:
    one = File(write(id=["a"]), "it").fingerprint
    assert File(write(id=["a"]), "it").fingerprint == one
    assert File(write(id=["b"]), "it").fingerprint != one


def test_rows_are_told_of_so_many_at_a_time_as_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geoparquet, "PART", 100)
    rows = [Row(0, number, b"x" * size) for number, size in enumerate((60, 40, 1, 300, 50, 50, 0))]
    parts = [[each.number for each in part] for part in geoparquet._parts(rows)]
    assert parts == [[0, 1], [2], [3], [4, 5, 6]]
