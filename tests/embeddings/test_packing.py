from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numcodecs
import pytest
import zarr

from discovery.embeddings import packing
from discovery.embeddings.zarr import ZarrTable
from discovery.errors import ConfigError


class Canary:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return (Path.touch, (self.path,))


def pickled(path: Path, canary: Path) -> zarr.Array[Any]:
    made = zarr.create_array(
        path, shape=(4, 4), chunks=(4, 4), dtype="f4", zarr_format=2, compressors=numcodecs.Pickle(), filters=None
    )
    (path / "0.0").write_bytes(pickle.dumps(Canary(canary)))
    return made


def test_a_store_that_would_be_unpickled_is_told_before_it_is_read(tmp_path: Path) -> None:
    array = pickled(tmp_path / "x.zarr", tmp_path / "canary")
    assert packing.unknown(array) == "pickle"
    with pytest.raises(ConfigError, match="pickle"):
        ZarrTable(str(tmp_path / "x.zarr"))
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("format", [2, 3])
def test_what_is_written_by_default_is_read(tmp_path: Path, format: Any) -> None:
    array = zarr.create_array(tmp_path / "x", shape=(4, 4), dtype="f4", zarr_format=format)
    assert packing.names(array)
    assert packing.unknown(array) == ""


def test_codecs_within_shards_are_looked_at(tmp_path: Path) -> None:
    array = zarr.create_array(tmp_path / "x", shape=(4, 4), shards=(4, 4), chunks=(2, 2), dtype="f4")
    assert packing.names(array) == ("sharding_indexed", "bytes", "zstd", "bytes", "crc32c")
