"""How many footprints a second are covered on one core, by kind and frame.

    .venv/bin/python tests/benchmarks/bench_cover.py --count 20000

CPU time decides (`a second`), so that other work on the machine disturbs little; the best of three runs is shown.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from discovery.query.cover import covers

Draw = Callable[[np.random.Generator], dict[str, Any]]


def _middle(rng: np.random.Generator) -> tuple[float, float, float]:
    """A place anywhere and a size of 0.01 to 8 degrees."""
    lat, size = np.degrees(np.arcsin(rng.uniform(-1, 1))), np.exp(rng.uniform(-4.6, 2.1))
    return float(rng.uniform(-180, 180)), float(lat), float(size)


def polygon(rng: np.random.Generator, corners: int = 0) -> dict[str, Any]:
    """Return a ring of 4 to 8 corners around its middle, drawn on the sphere."""
    lon, lat, size = _middle(rng)
    count = corners or int(rng.integers(4, 9))
    turn = (np.arange(count) + rng.uniform(0, 0.9, count)) * 2 * np.pi / count
    away, y0 = np.radians(size) * rng.uniform(0.5, 1, count), np.radians(lat)
    y = np.arcsin(np.clip(np.sin(y0) * np.cos(away) + np.cos(y0) * np.sin(away) * np.cos(turn), -1, 1))
    x = np.arctan2(np.sin(turn) * np.sin(away) * np.cos(y0), np.cos(away) - np.sin(y0) * np.sin(y))
    ring = np.column_stack((lon + np.degrees(x), np.degrees(y))).tolist()
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


def swath(rng: np.random.Generator) -> dict[str, Any]:
    """Return a ring of 100 corners, as satellites' swaths have them."""
    return polygon(rng, 100)


def box(rng: np.random.Generator) -> dict[str, Any]:
    """Return a lon/lat box."""
    lon, lat, size = _middle(rng)
    west, south = max(lon - size, -180.0), max(lat - size, -90.0)
    east, north = min(lon + size, 180.0), min(lat + size, 90.0)
    return {
        "type": "Polygon",
        "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
    }


def point(rng: np.random.Generator) -> dict[str, Any]:
    """Return a point."""
    lon, lat, _ = _middle(rng)
    return {"type": "Point", "coordinates": [lon, lat]}


def circle(rng: np.random.Generator) -> dict[str, Any]:
    """Return a circle; these are covered one by one."""
    lon, lat, size = _middle(rng)
    return {"type": "Circle", "center": [lon, lat], "radius": size}


KINDS: dict[str, tuple[Draw, int]] = {
    "polygons of 4 to 8 corners": (polygon, 1), "boxes": (box, 1), "rings of 100 corners": (swath, 4),
    "points": (point, 1), "circles": (circle, 40),
}  # fmt: skip


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000, help="polygons of each kind; slow kinds take a share")
    count = parser.parse_args().count
    print(f"load average at the start {os.getloadavg()[0]:.2f}; {os.cpu_count()} cores\n")
    print("| footprints | frame | a second | cells each | n |\n| --- | --- | --- | --- | --- |")
    for name, (draw, share) in KINDS.items():
        rng = np.random.default_rng(1)
        geometries = [draw(rng) for _ in range(max(count // share, 10))]
        for frame in ("earth", "sky"):
            made, spent = covers(geometries[:100], frame), []
            for _ in range(3):
                began = time.process_time()
                made = covers(geometries, frame)
                spent.append(time.process_time() - began)
            cells = float(np.mean([len(each.cells) for each in made if each is not None]))
            print(f"| {name} | {frame} | {len(made) / min(spent):,.0f} | {cells:.1f} | {len(made):,} |", flush=True)


if __name__ == "__main__":
    main()
