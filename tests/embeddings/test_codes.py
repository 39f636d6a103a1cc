"""Codes find what is near, and only what may be found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from discovery.embeddings.codes import Coder, Codes, lists_for
from discovery.embeddings.vectors import prepared
from discovery.errors import ConfigError
from discovery.testing.vectors import clustered

VECTORS = prepared(clustered(4000, 64), "cosine")[0]


@pytest.fixture(scope="module")
def coder() -> Coder:
    return Coder.train(VECTORS, 32)


@pytest.fixture(scope="module")
def codes(coder: Coder) -> Codes:
    made = coder.empty()
    for at in range(0, len(VECTORS), 1000):
        made.add(coder.turned(VECTORS[at : at + 1000]))
    return made


def looked(coder: Coder, codes: Codes, rows: list[int], size: int, allowed: np.ndarray | None = None) -> np.ndarray:
    turned = coder.turned(VECTORS[rows])
    away, lists = coder.nearest(turned, coder.lists)
    return codes.search(turned, lists, away, size, allowed)


def test_a_row_finds_itself_among_the_first(coder: Coder, codes: Codes) -> None:
    found = looked(coder, codes, list(range(0, 4000, 40)), 20)
    assert np.mean([row in found[at] for at, row in enumerate(range(0, 4000, 40))]) == 1.0


def test_only_allowed_rows_are_found_and_missing_ones_are_minus_one(coder: Coder, codes: Codes) -> None:
    allowed = np.zeros(4000, dtype=bool)
    allowed[[5, 77, 3999]] = True
    found = looked(coder, codes, [5, 6], 10, allowed)
    for each in found:
        assert sorted(each[each >= 0].tolist()) == [5, 77, 3999]


def test_every_row_is_in_one_list(codes: Codes) -> None:
    rows = np.concatenate(list(codes.members()))
    assert sorted(rows.tolist()) == list(range(4000))


def test_what_is_kept_comes_back_and_finds_the_same(tmp_path: Path, coder: Coder, codes: Codes) -> None:
    coder.write(tmp_path / "lists.faiss")
    codes.write(tmp_path / "codes.faiss")
    again, held = Coder.read(tmp_path / "lists.faiss"), Codes.read(tmp_path / "codes.faiss")
    assert np.array_equal(looked(again, held, [1, 2, 3], 50), looked(coder, codes, [1, 2, 3], 50))
    assert (tmp_path / "codes.faiss").stat().st_size / 4000 < 64 / 8 + 60


def test_a_damaged_file_is_named(tmp_path: Path, coder: Coder) -> None:
    path = tmp_path / "lists.faiss"
    coder.write(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ConfigError, match=r"lists\.faiss cannot be read"):
        Coder.read(path)
    with pytest.raises(ConfigError, match=r"none\.faiss cannot be read"):
        Codes.read(tmp_path / "none.faiss")


@pytest.mark.parametrize(
    ("rows", "lists"), [(100, 0), (20_000, 64), (500_000, 256), (1_000_000, 512), (10_000_000, 2048)]
)
def test_lists_grow_with_the_root_of_the_rows(rows: int, lists: int) -> None:
    assert lists_for(rows) == lists
