"""The spaces of a home."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from discovery.embeddings.building import Wanted
from discovery.embeddings.spaces import Spaces
from discovery.errors import NotFoundError
from discovery.testing.vectors import clustered

CLAY = Path(__file__).resolve().parents[2] / "fixtures" / "embeddings" / "clay_v0_03WVN_20220610.parquet"


def test_a_space_is_added_measured_listed_and_removed(tmp_path: Path) -> None:
    spaces = Spaces(tmp_path / "embeddings")
    made = spaces.add("clay", Wanted((str(CLAY),)))
    assert spaces.names() == ["clay"]
    assert {each.value for each in made.recall} == {1.0}
    assert spaces.audit("clay", queries=5).generation == made.generation + 1
    spaces.remove("clay")
    assert spaces.names() == []
    assert CLAY.exists()
    with pytest.raises(NotFoundError, match="there is none yet"):
        spaces.get("clay")


def test_questions_see_what_was_added_since(tmp_path: Path, major_tom: Callable[..., Path]) -> None:
    spaces = Spaces(tmp_path / "embeddings")
    spaces.add("s", Wanted((str(major_tom(clustered(100, 8))),)))
    held = spaces.searcher("s")
    assert spaces.searcher("s") is held
    Spaces(tmp_path / "embeddings").add(
        "s", Wanted((str(major_tom(clustered(50, 8, seed=8), "b.parquet", first=100)),))
    )
    assert spaces.searcher("s").space.rows == 150
    spaces.close()


@pytest.mark.parametrize("name", ["..", "a/../b", "", "\0"])
def test_odd_names_are_no_spaces(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotFoundError, match="no space"):
        Spaces(tmp_path).get(name)


def test_a_manifest_is_read_again_only_when_it_is_another_one(
    tmp_path: Path, major_tom: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from discovery.embeddings import space

    spaces = Spaces(tmp_path / "embeddings")
    made = spaces.add("s", Wanted((str(major_tom(clustered(100, 8))),)))
    held = spaces.get("s")
    assert held == made
    monkeypatch.setattr(space, "read", lambda *_: pytest.fail("it was read again"))
    assert spaces.get("s") is held
    monkeypatch.undo()
    assert spaces.audit("s", queries=5).generation == spaces.get("s").generation == made.generation + 1
    spaces.close()
