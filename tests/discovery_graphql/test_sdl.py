from __future__ import annotations

from pathlib import Path

import pytest

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


@pytest.mark.skipif(not sdl.released().is_file(), reason="nothing was released yet, so there is nothing to break")
def test_nothing_is_broken_for_clients_of_the_last_release() -> None:
    """Deprecate first; a release writes the kept schema anew by `python -m discovery_graphql.sdl --release`."""
    assert sdl.lost(sdl.released()) == []


def test_a_kept_schema_is_held_to(tmp_path: Path) -> None:
    kept = tmp_path / "released.graphql"
    assert sdl.lost(kept) == []
    sdl.write(kept)
    assert sdl.lost(kept) == []
    kept.write_text(sdl.text().replace("  resolve(", "  answer: Int\n\n  resolve(", 1), encoding="utf-8")
    assert sdl.lost(kept) == ["Field Query.answer was removed."]


OLD = """type Query { a: Int b: Int @deprecated(reason: "use a") c(x: Int): Kind } enum Kind { ONE TWO @deprecated }"""


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        ("", "", []),
        ("a: Int", "a: Int d: Int", []),
        ('b: Int @deprecated(reason: "use a")', "", []),
        ("TWO @deprecated", "", []),
        ("a: Int", "", ["Field Query.a was removed."]),
        ("ONE", "", ["Enum value Kind.ONE was removed."]),
        ("x: Int", "x: Int y: Int!", ["A required argument Query.c(y:) was added."]),
        ("a: Int", "a: String", ["Field Query.a changed type from Int to String."]),
    ],
)
def test_what_clients_would_lose_is_told_but_for_what_was_deprecated(before: str, after: str, lost: list[str]) -> None:
    assert sdl.broken(OLD, OLD.replace(before, after, 1)) == lost
