"""The published schema: `python -m discovery_graphql.sdl` writes it anew."""

from __future__ import annotations

import sys
from pathlib import Path

from discovery_graphql.operations import published
from discovery_graphql.schema import build


def text() -> str:
    """Return the schema as SDL, as `graphql/schema.graphql` has it."""
    return build().as_str().strip() + "\n"


def path() -> Path:
    """Return where the published schema is."""
    return published() / "schema.graphql"


def write(target: Path) -> None:
    """Write the schema to a file."""
    target.write_text(text(), encoding="utf-8")


def main() -> None:
    """Write the published schema."""
    write(path())
    sys.stdout.write(f"wrote {path().name}\n")


if __name__ == "__main__":
    main()
