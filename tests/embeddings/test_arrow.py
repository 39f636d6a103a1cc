"""Parquet and Arrow files in the shapes that are published, and such that are damaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from discovery.embeddings.arrow import ArrowTable
from discovery.embeddings.table import NO_TIME, Batch
from discovery.errors import ConfigError, UnavailableError
from discovery.testing.vectors import clustered

SAMPLES = Path(__file__).resolve().parents[2] / "fixtures" / "embeddings"
CLAY = SAMPLES / "clay_v0_03WVN_20220610.parquet"


def whole(table: ArrowTable, size: int = 100) -> Batch:
    parts = list(table.batches(size))
    return Batch(
        np.concatenate([each.vectors for each in parts]),
        [id for each in parts for id in each.ids],
        [product for each in parts for product in each.products],
        *(np.concatenate([getattr(each, name) for each in parts]) for name in ("lon", "lat", "start")),
    )


def test_a_real_clay_tile_is_read_with_its_places_and_days() -> None:
    table = ArrowTable(str(CLAY))
    assert (table.about.rows, table.about.dimensions) == (417, 768)
    assert table.about.columns["vector"] == "embeddings"
    found = whole(table)
    assert found.ids[5] == "5"
    assert found.products[5].endswith("claytile_03WVN_20220610_v02_0006.tif")
    assert found.start[5] == 1_654_819_200_000
    assert -169 < found.lon.min() < found.lon.max() < -164
    assert 60 < found.lat.min() < found.lat.max() < 70


def test_an_earth_index_footer_names_the_model_even_without_rows() -> None:
    table = ArrowTable(str(SAMPLES / "earth_index_21MNT_schema_only.parquet"))
    assert (table.about.rows, table.about.dimensions) == (0, 384)
    assert (table.about.model.name, table.about.model.version) == ("dinov2_vits14_softcon", "2.0.0")
    assert list(table.batches(10)) == []


def test_a_major_tom_part_is_read(major_tom: Callable[..., Path]) -> None:
    vectors = clustered(1200, 8)
    table = ArrowTable(str(major_tom(vectors)))
    found = whole(table)
    assert np.array_equal(found.vectors, vectors)
    assert found.ids[:2] == ["row-0", "row-1"]
    assert found.products[6] == "S2A_1"
    assert found.lon[:2].tolist() == [-180, -179]
    assert found.start[1] - found.start[0] == 86_400_000


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
def test_rows_are_gathered_in_the_order_asked_for(tmp_path: Path, suffix: str) -> None:
    vectors = clustered(1000, 8)
    table = pa.table({"vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), 8)})
    path = tmp_path / f"v{suffix}"
    if suffix == ".parquet":
        pq.write_table(table, path, row_group_size=64)
    else:
        with pa.ipc.new_file(str(path), table.schema) as out:
            out.write_table(table, max_chunksize=64)
    found = ArrowTable(str(path))
    assert found.about.mapped == (suffix == ".arrow")
    wanted = np.array([999, 0, 63, 64, 0, 500])
    assert np.array_equal(found.gather(wanted), vectors[wanted])
    assert found.gather(np.array([], dtype=np.int64)).shape == (0, 8)


def test_batches_go_on_where_one_says(major_tom: Callable[..., Path]) -> None:
    table = ArrowTable(str(major_tom(clustered(1200, 8))))
    assert [each.ids[0] for each in table.batches(300, start=700)] == ["row-700", "row-1000"]


def test_lists_of_another_length_and_missing_ones_are_no_vectors(tmp_path: Path) -> None:
    column = pa.array([[1.0, 2.0], None, [1.0], [3.0, 4.0], [1.0, None]], pa.list_(pa.float32()))
    pq.write_table(pa.table({"emb": column}), tmp_path / "a.parquet")
    found = whole(ArrowTable(str(tmp_path / "a.parquet"))).vectors
    assert found[[0, 3]].tolist() == [[1, 2], [3, 4]]
    assert np.isnan(found[[1, 2, 4]]).any(axis=1).all()


def test_times_are_read_however_they_are_written(tmp_path: Path) -> None:
    vectors = pa.array([[1.0, 2.0]] * 3, pa.list_(pa.float32(), 2))
    for name, column, first in (
        ("a", pa.array(["2020", "2020-05-01T00:00:00Z", "soon"]), 1_577_836_800_000),
        ("b", pa.array([2020, 2021, None], pa.int32()), 1_577_836_800_000),
        ("c", pa.array([1, 2, None], pa.timestamp("us", "UTC")), 0),
        ("d", pa.array([1, 2, None], pa.date32()), 86_400_000),
    ):
        pq.write_table(pa.table({"vector": vectors, "date": column}), tmp_path / f"{name}.parquet")
        found = whole(ArrowTable(str(tmp_path / f"{name}.parquet"))).start
        assert found[0] == first
        assert found[2] == NO_TIME


def test_footprints_over_the_antimeridian_and_impossible_ones(tmp_path: Path) -> None:
    shapes = [
        shapely.box(179, 0, 179.5, 1),
        shapely.MultiPolygon([shapely.box(179, 0, 180, 1), shapely.box(-180, 0, -179, 1)]),
    ]
    column = pa.array([*(shapely.to_wkb(each) for each in shapes), b"junk", None], pa.binary())
    vectors = pa.array([[1.0, 2.0]] * 4, pa.list_(pa.float32(), 2))
    pq.write_table(pa.table({"vector": vectors, "geometry": column}), tmp_path / "g.parquet")
    found = whole(ArrowTable(str(tmp_path / "g.parquet")))
    assert found.lon[0] == pytest.approx(179.25)
    assert abs(found.lon[1]) == pytest.approx(180)
    assert np.isnan(found.lon[2:]).all()
    assert np.isnan(found.lat[2:]).all()


def test_geometries_of_another_system_are_left_out_and_that_is_said(tmp_path: Path) -> None:
    geo = b'{"columns": {"geometry": {"crs": {"type": "ProjectedCRS", "name": "WGS 84 / Pseudo-Mercator"}}}}'
    table = pa.table({"vector": pa.array([[1.0, 2.0]], pa.list_(pa.float32(), 2)), "geometry": pa.array([b""])})
    pq.write_table(table.replace_schema_metadata({b"geo": geo}), tmp_path / "m.parquet")
    found = ArrowTable(str(tmp_path / "m.parquet"))
    assert "Pseudo-Mercator" in found.about.warnings[0]
    assert np.isnan(whole(found).lon).all()


def test_columns_are_named_where_names_do_not_say(tmp_path: Path) -> None:
    two = {
        "a": pa.array([[1.0, 2.0]], pa.list_(pa.float32(), 2)),
        "b": pa.array([[3.0, 4.0]], pa.list_(pa.float32(), 2)),
    }
    pq.write_table(pa.table(two), tmp_path / "t.parquet")
    with pytest.raises(ConfigError, match=r"which column .* it has a, b"):
        ArrowTable(str(tmp_path / "t.parquet"))
    assert whole(ArrowTable(str(tmp_path / "t.parquet"), {"vector": "b"})).vectors.tolist() == [[3, 4]]
    with pytest.raises(ConfigError, match="no column 'c'"):
        ArrowTable(str(tmp_path / "t.parquet"), {"vector": "c"})


@pytest.mark.parametrize("column", [{"vector": ["text"]}, {"": [[1.0, 2.0]]}], ids=["text", "nameless"])
def test_a_file_without_vectors_is_named(tmp_path: Path, column: dict[str, list[Any]]) -> None:
    pq.write_table(pa.table(column), tmp_path / "t.parquet")
    with pytest.raises(ConfigError, match="no column of lists of numbers"):
        ArrowTable(str(tmp_path / "t.parquet"))


@pytest.mark.parametrize("size", [0, 3, 8, 50, 1000, -1])
def test_a_cut_file_is_named_and_ends_nothing(major_tom: Callable[..., Path], size: int) -> None:
    path = major_tom(clustered(300, 8))
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ConfigError, match=r"part_00001\.parquet cannot be read"):
        ArrowTable(str(path))


def test_a_file_that_changes_under_us_gives_no_rows(major_tom: Callable[..., Path]) -> None:
    table = ArrowTable(str(major_tom(clustered(300, 8))))
    major_tom(clustered(300, 8, seed=8))
    with pytest.raises(UnavailableError, match="has changed"):
        table.gather(np.array([1]))
    Path(table.address).unlink()
    with pytest.raises(UnavailableError, match="cannot be read"):
        table.gather(np.array([1]))
