"""Zarr arrays of embeddings: mapped where they are not packed, read by zarr-python where they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import xarray
import zarr

from discovery.embeddings import zarr as zarrs
from discovery.embeddings.table import NO_TIME
from discovery.embeddings.zarr import ZarrTable
from discovery.errors import ConfigError, UnavailableError
from discovery.testing.vectors import clustered

VECTORS = clustered(1000, 8)


def written(path: Path, **how: Any) -> Path:
    group = zarr.open_group(path, mode="w")
    array = group.create_array("embeddings", shape=VECTORS.shape, dtype="f4", **how)
    array[:] = VECTORS
    return path


@pytest.mark.parametrize(
    ("how", "mapped"),
    [
        ({"chunks": (64, 8), "compressors": None}, True),
        ({"chunks": (64, 8), "shards": (256, 8), "compressors": None}, True),
        ({"chunks": (64, 8)}, False),
        ({"chunks": (64, 8), "shards": (256, 8)}, False),
        ({"chunks": (64, 4), "compressors": None}, False),
    ],
)
def test_rows_are_the_same_mapped_and_read(tmp_path: Path, how: dict[str, Any], mapped: bool) -> None:
    table = ZarrTable(str(written(tmp_path / "a.zarr", **how)))
    assert table.about.mapped == mapped
    wanted = np.array([999, 0, 63, 64, 255, 256, 0])
    assert np.array_equal(table.gather(wanted), VECTORS[wanted])
    assert np.array_equal(np.concatenate([each.vectors for each in table.batches(100)]), VECTORS)
    assert sum(len(each) for each in table.batches(100, start=950)) == 50


def test_big_endian_numbers_are_not_mapped_as_little_ones(tmp_path: Path) -> None:
    path = written(
        tmp_path / "b.zarr", chunks=(64, 8), compressors=None, serializer=zarr.codecs.BytesCodec(endian="big")
    )
    table = ZarrTable(str(path))
    assert not table.about.mapped
    assert np.array_equal(table.gather(np.array([7])), VECTORS[[7]])


def test_chunks_that_were_never_written_hold_the_fill_value(tmp_path: Path) -> None:
    group = zarr.open_group(tmp_path / "f.zarr", mode="w")
    array = group.create_array("embeddings", shape=(100, 8), dtype="f4", chunks=(10, 8), compressors=None, fill_value=2)
    array[50:60] = VECTORS[:10]
    table = ZarrTable(str(tmp_path / "f.zarr"))
    assert table.about.mapped
    assert table.gather(np.array([0, 55])).tolist() == [[2] * 8, VECTORS[5].tolist()]


def test_what_describes_rows_is_read_by_xarray(tmp_path: Path) -> None:
    times = np.array(["2020-01-01", "NaT", "2021-01-01"], dtype="datetime64[ns]")
    data = xarray.Dataset(
        {"embedding": (("row", "dim"), VECTORS[:3])},
        coords={"lon": ("row", [0.0, 190.0, np.nan]), "lat": ("row", [1.0, 2.0, 3.0]), "time": ("row", times)},
    )
    data["id"] = ("row", np.array([7, 8, 9]))
    data.to_zarr(tmp_path / "x.zarr", zarr_format=3, consolidated=False)
    (batch,) = ZarrTable(str(tmp_path / "x.zarr")).batches(100)
    assert batch.lon[:2].tolist() == [0, -170]
    assert np.isnan(batch.lon[2])
    assert batch.start.tolist() == [1_577_836_800_000, NO_TIME, 1_609_459_200_000]
    assert batch.ids == ["7", "8", "9"]


def test_an_array_alone_has_rows_without_names(tmp_path: Path) -> None:
    array = zarr.create_array(store=str(tmp_path / "v.zarr"), shape=(5, 8), dtype="i1", chunks=(5, 8))
    array[:] = 3
    (batch,) = ZarrTable(str(tmp_path / "v.zarr")).batches(100)
    assert batch.ids == [""] * 5
    assert np.isnan(batch.lon).all()
    assert batch.vectors.dtype == np.int8


@pytest.mark.parametrize(
    ("shape", "dtype", "told"),
    [
        ((5,), "f4", "1 dimensions"),
        ((2, 2, 2), "f4", "3 dimensions"),
        ((5, 9000), "f4", "8192"),
        ((5, 2), "bool", "no numbers"),
    ],
)
def test_arrays_that_hold_no_vectors_are_named(tmp_path: Path, shape: tuple[int, ...], dtype: str, told: str) -> None:
    zarr.create_array(store=str(tmp_path / "w.zarr"), shape=shape, dtype=dtype)
    with pytest.raises(ConfigError, match=told):
        ZarrTable(str(tmp_path / "w.zarr"))


def test_a_chunk_that_would_fill_the_memory_is_refused_before_it_is_made(tmp_path: Path) -> None:
    zarr.create_array(store=str(tmp_path / "h.zarr"), shape=(1 << 35, 64), dtype="f8", chunks=(1 << 35, 64))
    with pytest.raises(ConfigError, match="chunks of"):
        ZarrTable(str(tmp_path / "h.zarr"))


def claimed(path: Path, rows: int, *, separator: Literal["/", "."] = "/", version: Literal[2, 3] = 3) -> Path:
    """Write 100 rows of an array in 10 chunks, and say afterwards that it has more."""
    array = zarr.create_array(
        store=str(path), shape=(100, 8), dtype="f4", chunks=(10, 8), zarr_format=version,
        chunk_key_encoding={"name": "default" if version == 3 else "v2", "separator": separator},
    )  # fmt: skip
    array[:] = VECTORS[:100]
    about = path / ("zarr.json" if version == 3 else ".zarray")
    about.write_text(json.dumps(json.loads(about.read_text()) | {"shape": [rows, 8]}))
    return path


@pytest.mark.parametrize(("version", "separator"), [(3, "/"), (3, "."), (2, "."), (2, "/")])
def test_rows_that_no_file_holds_are_not_read_for_days(
    tmp_path: Path, version: Literal[2, 3], separator: Literal["/", "."]
) -> None:
    most = zarrs.MAX_BLANK + 100 * zarrs.SPARSE
    sparse = ZarrTable(str(claimed(tmp_path / "s.zarr", most, separator=separator, version=version)))
    assert sparse.about.rows == most
    assert np.array_equal(sparse.gather(np.array([99])), VECTORS[[99]])
    path = claimed(tmp_path / "m.zarr", 2**31 - 1, separator=separator, version=version)
    with pytest.raises(ConfigError, match=r"m\.zarr claims 2,147,483,647 rows, and files are there for 100 of them"):
        ZarrTable(str(path))


def test_chunks_beside_each_other_hold_rows_once(tmp_path: Path) -> None:
    path = written(tmp_path / "w.zarr", chunks=(100, 1))
    about = path / "embeddings" / "zarr.json"
    about.write_text(json.dumps(json.loads(about.read_text()) | {"shape": [zarrs.MAX_BLANK + 1_010_000, 8]}))
    with pytest.raises(ConfigError, match="files are there for 1,000 of them"):
        ZarrTable(str(path))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"zarr_format": 3}', '{"zarr_format": 9, "node_type": "array"}', "\0" * 9]
)
def test_damaged_metadata_are_named(tmp_path: Path, text: str) -> None:
    path = written(tmp_path / "d.zarr", chunks=(64, 8))
    (path / "embeddings" / "zarr.json").write_text(text)
    with pytest.raises(ConfigError, match=r"d\.zarr"):
        ZarrTable(str(path))


def test_a_cut_chunk_is_named_and_not_mapped(tmp_path: Path) -> None:
    path = written(tmp_path / "c.zarr", chunks=(64, 8), compressors=None)
    chunk = path / "embeddings" / "c" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:100])
    table = ZarrTable(str(path))
    assert not table.about.mapped
    with pytest.raises(UnavailableError, match=r"c\.zarr cannot be read"):
        table.gather(np.array([1]))


def test_a_place_without_zarr_is_named(tmp_path: Path) -> None:
    (tmp_path / "e.zarr").mkdir()
    with pytest.raises(ConfigError, match=r"e\.zarr"):
        ZarrTable(str(tmp_path / "e.zarr"))
    with pytest.raises(UnavailableError, match="cannot be read"):
        ZarrTable(str(tmp_path / "none.zarr"))
