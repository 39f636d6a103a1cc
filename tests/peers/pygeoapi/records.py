"""Makes records for a catalogue out of the fixtures: `records.py FILE [COUNT]` writes them, one a line.

Each has an id, a title and a time of its own; everything else is as real catalogues have it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).parents[3] / "fixtures" / "sources" / "ogc-records"
BEGINNING = datetime(2025, 1, 1, tzinfo=UTC)


def templates() -> list[dict[str, Any]]:
    """Return the records of the fixtures that name themselves."""
    found = list(json.loads((FIXTURES / "pygeoapi.json").read_bytes())["_default"].values())
    found += json.loads((FIXTURES / "pycsw.json").read_bytes())["features"][:3]
    found += [json.loads(path.read_bytes()) for path in sorted((FIXTURES / "wcmp2").glob("*passing*.json"))]
    return [*found, json.loads((FIXTURES / "spec_record.json").read_bytes())]


def records(count: int = 1000) -> Iterator[dict[str, Any]]:
    """Yield as many different records."""
    models = templates()
    for number in range(count):
        made = json.loads(json.dumps(models[number % len(models)]))
        made["id"] = f"urn:example:record:{number}"
        made["properties"]["title"] = f"{made['properties'].get('title', 'Record')} {number}"
        made["properties"]["updated"] = (BEGINNING + timedelta(hours=number)).strftime("%Y-%m-%dT%H:%M:%SZ")
        yield made


if __name__ == "__main__":
    lines = (json.dumps(each) for each in records(int(sys.argv[2]) if len(sys.argv) > 2 else 1000))
    Path(sys.argv[1]).write_text("\n".join(lines) + "\n", encoding="utf-8")
