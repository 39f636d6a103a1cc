"""Writes collections and items for pgstac, one a line, the same ones each time: `items.py COLLECTIONS ITEMS`."""

from __future__ import annotations

import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

REAL = Path(__file__).parents[3] / "fixtures" / "sources" / "stac-items"
SINCE = datetime(2016, 1, 1, tzinfo=UTC)


def text(moment: datetime) -> str:
    """Return an instant as STAC has it."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def collection(name: str) -> dict[str, Any]:
    """Return a small Collection."""
    return {
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": name,
        "title": f"Scenes {name}",
        "description": "Made for tests",
        "license": "CC0-1.0",
        "extent": {
            "spatial": {"bbox": [[-180, -90, 180, 90]]},
            "temporal": {"interval": [["2016-01-01T00:00:00Z", None]]},
        },
        "links": [],
    }


def item(number: int) -> dict[str, Any]:
    """Return an Item; half of them lie in one week of ten years, every eighth is an interval, many have one time."""
    r = random.Random(f"item {number}")
    seconds = r.randrange(7 * 86_400) if number % 2 else r.randrange(3650 * 86_400)
    moment = SINCE + timedelta(seconds=seconds - seconds % 600)
    west, south = r.uniform(-179, 178), r.uniform(-80, 79)
    times = {"datetime": text(moment)}
    if number % 8 == 0:
        times = {"datetime": None, "start_datetime": text(moment), "end_datetime": text(moment + timedelta(days=40))}
    ring = [[west, south], [west + 1, south], [west + 1, south + 1], [west, south + 1], [west, south]]
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": f"scene/{number:05d}" if number % 50 == 0 else f"scene-{number:05d}",
        "collection": f"scenes-{number % 3}",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [west, south, west + 1, south + 1],
        "properties": {**times, "platform": "sentinel-2a", "eo:cloud_cover": round(r.uniform(0, 100), 2)},
        "links": [],
        "assets": {"data": {"href": f"https://data.example.org/{number}.tif", "type": "image/tiff", "roles": ["data"]}},
    }


def main() -> None:
    """Write a thousand made items and a few real ones."""
    collections = [collection(f"scenes-{number}") for number in range(3)] + [collection("empty")]
    collections += [
        orjson.loads((REAL / name / "collection.json").read_bytes()) for name in ("earth-search", "planetary-computer")
    ]
    items = [item(number) for number in range(1000)]
    items += orjson.loads((REAL / "earth-search" / "items.json").read_bytes())["features"]
    items += [orjson.loads(line) for line in (REAL / "planetary-computer" / "items.ndjson").read_bytes().splitlines()]
    known = {each["id"] for each in collections}
    # The real items name a collection whose document has another id.
    collections += [collection(name) for name in sorted({each["collection"] for each in items} - known)]
    for path, documents in zip(sys.argv[1:3], (collections, items), strict=True):
        Path(path).write_bytes(b"".join(orjson.dumps(each) + b"\n" for each in documents))


if __name__ == "__main__":
    main()
