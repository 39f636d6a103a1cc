"""The manifest of a space."""

from __future__ import annotations

from pathlib import Path

import pytest

from discovery.embeddings import space
from discovery.embeddings.space import Model, Quantization, Recall, Segment, Space
from discovery.errors import ConfigError, NotFoundError

FULL = Space(
    "s",
    3,
    model=Model("m", "1", "p"),
    quantization=Quantization("scale", 0.5, 1.0),
    columns={"id": "x"},
    segments=(Segment("a", "f", "1", 0, 10, left_out=2), Segment("b", "g", "2", 10, 5, gone="replaced")),
    recall=(Recall("none", "fast", 10, 50, 0.99, 1),),
)


def test_a_manifest_comes_back_as_it_was_with_a_new_generation(tmp_path: Path) -> None:
    made = space.publish(tmp_path, FULL)
    assert space.read(tmp_path) == made
    assert made.generation == 1
    assert made.segments == FULL.segments
    assert made.recall == FULL.recall
    assert (made.rows, made.live) == (15, 8)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 99}', '{"format": 1, "odd": 2}', '{"format": 1}', "\0"])
def test_a_damaged_manifest_is_an_error_that_names_the_space(tmp_path: Path, text: str) -> None:
    (tmp_path / space.MANIFEST).write_text(text)
    with pytest.raises(ConfigError, match="manifest"):
        space.read(tmp_path)


def test_no_manifest_is_no_space(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no space"):
        space.read(tmp_path)


@pytest.mark.parametrize("name", ["", "..", "a/b", "A", "a..b", ".a", "a" * 65, "a b", "é", "a\n", "a\0b"])
def test_a_name_is_a_folder_and_part_of_an_address(name: str) -> None:
    with pytest.raises(ConfigError, match="no name of a space"):
        space.checked_name(name)
    assert space.checked_name("major-tom.s2_v1") == "major-tom.s2_v1"


def test_what_makes_vectors_comparable_is_told_where_it_differs() -> None:
    other = Space("s", 4, model=Model("n"))
    assert [each.partition(":")[0] for each in space.same(FULL, other)] == ["dimensions", "model", "quantization"]


def test_drift_is_how_much_farther_new_rows_are() -> None:
    old = Segment("a", "f", "1", 0, 100, residual=1.0, coder="c")
    new = Segment("b", "g", "2", 100, 50, residual=1.3, coder="c")
    assert Space("s", 3, coder="c", trained=100, residual=1.0, segments=(old, new)).drift == pytest.approx(0.3)
    assert Space("s", 3, coder="c", trained=100, residual=1.0, segments=(old,)).drift == 0


def test_an_unknown_way_to_store_numbers_is_refused() -> None:
    with pytest.raises(ConfigError, match="signed-square"):
        Quantization("magic")
