"""The published schema: `python -m discovery_graphql.sdl` writes it anew, with `--release` that of the release too."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from graphql import GraphQLSchema, build_schema, find_breaking_changes

from discovery_graphql.operations import published
from discovery_graphql.schema import build


def text() -> str:
    """Return the schema as SDL, as `graphql/schema.graphql` has it."""
    return build().as_str().strip() + "\n"


def path() -> Path:
    """Return where the published schema is."""
    return published() / "schema.graphql"


def released() -> Path:
    """Return where a release keeps its schema, to which nothing may be broken; before the first one it is not there."""
    return published() / "released.graphql"


def broken(before: str, after: str) -> list[str]:
    """Return what clients of one schema lose with another, in words.

    What was deprecated before may go; everything else that is lost is told.
    """
    old = build_schema(before)
    return [
        each.description
        for each in find_breaking_changes(old, build_schema(after))
        if not _deprecated(old, each.description)
    ]


def lost(kept: Path) -> list[str]:
    """Return what clients of a kept schema would lose, in words; nothing where none was kept."""
    return broken(kept.read_text(encoding="utf-8"), text()) if kept.is_file() else []


def _deprecated(schema: GraphQLSchema, description: str) -> bool:
    """Tell whether a change is that a field or value has gone which the schema says is deprecated."""
    found = re.fullmatch(r"(?:Field|Enum value) (\w+)\.(\w+) was removed\.", description)
    if found is None:
        return False
    kind, name = found.groups()
    type_ = schema.type_map.get(kind)
    members = getattr(type_, "fields", None) or getattr(type_, "values", {})
    return name in members and members[name].deprecation_reason is not None


def write(target: Path) -> None:
    """Write the schema to a file."""
    target.write_text(text(), encoding="utf-8")


def main() -> None:
    """Write the published schema."""
    for each in (path(), released()) if "--release" in sys.argv[1:] else (path(),):
        write(each)
        sys.stdout.write(f"wrote {each.name}\n")


if __name__ == "__main__":
    main()
