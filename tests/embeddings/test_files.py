"""Files are opened by what they are called."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from discovery.embeddings.arrow import ArrowTable
from discovery.embeddings.files import NpyTable, opened
from discovery.errors import ConfigError, UnavailableError
from discovery.testing.vectors import clustered

CLAY = Path(__file__).resolve().parents[2] / "fixtures" / "embeddings" / "clay_v0_03WVN_20220610.parquet"


def test_the_suffix_says_what_a_file_is(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", clustered(50, 4))
    assert isinstance(opened(str(CLAY)), ArrowTable)
    assert isinstance(opened(str(tmp_path / "v.npy")), NpyTable)
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(ConfigError, match="none of Parquet"):
        opened(str(tmp_path / "a.txt"))
    with pytest.raises(UnavailableError, match="is not there"):
        opened(str(tmp_path / "none.parquet"))


def test_a_numpy_file_is_mapped(tmp_path: Path) -> None:
    vectors = clustered(50, 4)
    np.save(tmp_path / "v.npy", vectors)
    table = NpyTable(str(tmp_path / "v.npy"))
    assert np.array_equal(table.gather(np.array([49, 0])), vectors[[49, 0]])
    assert [len(each) for each in table.batches(20)] == [20, 20, 10]


def test_objects_in_a_numpy_file_are_never_made(tmp_path: Path) -> None:
    np.save(tmp_path / "o.npy", np.array([[{"a": 1}]], dtype=object), allow_pickle=True)
    with pytest.raises(ConfigError, match="cannot be read"):
        opened(str(tmp_path / "o.npy"))
    np.save(tmp_path / "t.npy", np.array(["text"]))
    with pytest.raises(ConfigError, match="no rows"):
        opened(str(tmp_path / "t.npy"))
