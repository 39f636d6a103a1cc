"""What is derived from a file and kept beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from discovery.embeddings import building
from discovery.embeddings.building import Wanted
from discovery.embeddings.segment import OpenSegment
from discovery.embeddings.vectors import prepared
from discovery.errors import ConfigError
from discovery.testing.vectors import clustered


@pytest.fixture
def folder(tmp_path: Path, major_tom: Callable[..., Path]) -> Path:
    building.add(tmp_path / "s", Wanted((str(major_tom(clustered(1200, 8))),), sidecar=True))
    return tmp_path / "s"


def test_rows_know_their_names_places_and_times(folder: Path) -> None:
    from discovery.embeddings.space import read
    from discovery.embeddings.spaces import opened

    (held,) = opened(folder, read(folder)).segments
    assert held.named("row-700") == 700
    assert held.named("none") == -1
    assert held.texts([700, 3]) == [("row-700", "S2A_0"), ("row-3", "S2A_3")]
    assert np.flatnonzero(held.made_of(["S2A_1", "odd"]))[:3].tolist() == [1, 6, 11]
    assert [held.first_made_of(each) for each in ("S2A_0", "S2A_3", "odd")] == [0, 3, -1]
    assert held.columns["lon"][1] == -179
    assert held.columns["start"][1] - held.columns["start"][0] == 86_400_000
    near = held.vectors(np.array([5, 2]))
    assert near == pytest.approx(prepared(clustered(1200, 8), "cosine")[0][[5, 2]], abs=1e-3)


def test_the_first_row_of_a_product_is_one_with_a_vector(tmp_path: Path, major_tom: Callable[..., Path]) -> None:
    from discovery.embeddings.spaces import opened

    vectors = clustered(100, 8)
    vectors[[2, 3]] = 0
    vectors[[4, 9, 14, 19]] = 0
    space = building.add(tmp_path / "s", Wanted((str(major_tom(vectors)),)))
    (held,) = opened(tmp_path / "s", space).segments
    assert [held.first_made_of(f"S2A_{each}") for each in (1, 2, 3, 4)] == [1, 7, 8, 24]


@pytest.mark.parametrize("name", ["lon.npy", "texts.arrow", "vectors-f16.npy", "usable.npy"])
def test_what_is_missing_or_cut_is_named(folder: Path, name: str) -> None:
    from discovery.embeddings.space import read

    made = read(folder)
    path = folder / "segments" / made.segments[0].name / name
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b""):
        path.write_bytes(content)
        with pytest.raises(ConfigError, match=r"segment .* of s"):
            OpenSegment(path.parent, made.segments[0], made)
    path.unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        OpenSegment(path.parent, made.segments[0], made)


def test_a_small_file_that_cannot_be_mapped_is_read_once(tmp_path: Path, major_tom: Callable[..., Path]) -> None:
    from discovery.embeddings.spaces import opened

    made = building.add(tmp_path / "s", Wanted((str(major_tom(clustered(1200, 8))),)))
    (held,) = opened(tmp_path / "s", made).segments
    assert held.is_mapped
    wanted = prepared(clustered(1200, 8), "cosine")[0]
    assert np.array_equal(held.vectors(np.array([1199, 0])), wanted[[1199, 0]])
    ((at, vectors, usable),) = held.batches(10)
    assert at == 0
    assert np.array_equal(vectors, wanted)
    assert usable.all()
    assert next(iter(held.batches(10)))[1] is vectors
