from __future__ import annotations

from pathlib import Path

from discovery_graphql import sdl

ROOT = Path(__file__).parents[2]


def test_the_published_schema_is_the_one_that_answers() -> None:
    published = sdl.path().read_text(encoding="utf-8")
    assert published == sdl.text(), "run `python -m discovery_graphql.sdl` and look at the difference"


def test_the_repository_wins_over_the_copy_in_the_wheel() -> None:
    assert sdl.path() == ROOT / "graphql" / "schema.graphql"


def test_what_is_written_is_what_is_compared(tmp_path: Path) -> None:
    sdl.write(tmp_path / "schema.graphql")
    assert (tmp_path / "schema.graphql").read_text(encoding="utf-8") == sdl.text()
