"""Measure questions about places through `portal.keys`, each beside a count that knows no index.

bench_region.py [--count 100000] [--queries 40] [--checks 3] [--home DIR]

CPU is the time that this process really worked, in all its threads: on a machine that others use too, it says more
than the clock.

`--count` footprints of 0.01 to 8 degrees lie all over the sky, poles and 0/360 included, and a fourth as many on
Earth. Brute force decides every footprint of a frame for the first `--checks` questions of each kind: what it finds
and the portal does not is missed, and the other way round is wrong.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import bench_cover
import generator
import numpy as np

from discovery import wiring
from discovery.config import Settings
from discovery.indexer import rebuild
from discovery.model.extent import EARTH, SKY, Extent, Geometry
from discovery.model.record import OBSERVATIONS, Record
from discovery.model.source import Mapped
from discovery.portal import Portal
from discovery.query import region
from discovery.query.query import FacetRequest, Query, Region

FACETS = tuple(
    map(FacetRequest, ("kind", "domain", "mission", "instrument", "keyword", "level", "product_type", "format"))
)
_PAGE = 1_000

Make = Callable[[np.random.Generator], Region]


def shape(i: int, frame: str) -> Geometry:
    """Return footprint `i` of a frame: nine of ten are polygons or boxes, the others circles and points."""
    rng = np.random.default_rng((11, i, frame == SKY))
    kind = i % 20
    if kind == 0:
        return bench_cover.circle(rng)
    if kind == 1:
        return bench_cover.point(rng)
    return bench_cover.box(rng) if frame == EARTH and kind < 10 else bench_cover.polygon(rng)


def record(i: int, frame: str) -> Record:
    """Return the observation that has the footprint."""
    made = generator.observation(2 * i + (frame == SKY))
    own = made.extent
    return replace(made, description="", extent=Extent(frame, shape(i, frame), None, own.start, own.end))


def pages(count: int) -> Iterator[list[Mapped]]:
    """Yield the catalogue in pages as a harvest would bring it."""
    places = [(i, frame) for frame, share in ((SKY, count), (EARTH, count // 4)) for i in range(share)]
    for start in range(0, len(places), _PAGE):
        yield [generator.mapped(record(i, frame)) for i, frame in places[start : start + _PAGE]]


def build(portal: Portal, count: int) -> None:
    """Fill the store page by page, then make the index from it."""
    run, began = portal.store.ledger.begin("bench"), time.perf_counter()
    for page in pages(count):
        portal.store.ingest.page("bench", run.id, page)
    print(f"store filled in {time.perf_counter() - began:,.0f} s", flush=True)
    began = time.perf_counter()
    rebuild(portal.store, portal.index)
    print(f"index made in {time.perf_counter() - began:,.0f} s\n", flush=True)


def cone(radius: float) -> Make:
    """Return what makes cones of a radius, anywhere on the sky."""

    def make(rng: np.random.Generator) -> Region:
        return region.cone([rng.uniform(0, 360), np.degrees(np.arcsin(rng.uniform(-1, 1))), radius])

    return make


def box(size: float) -> Make:
    """Return what makes boxes of a width and height, anywhere on Earth."""

    def make(rng: np.random.Generator) -> Region:
        west, south = rng.uniform(-180, 180 - size), rng.uniform(-90, 90 - size)
        return region.bbox([west, south, west + size, south + size])

    return make


def polygon(size: float) -> Make:
    """Return what makes squares on the sky whose sides are great circles."""

    def make(rng: np.random.Generator) -> Region:
        lon, lat, half = rng.uniform(0, 360), rng.uniform(-60, 60), size / 2
        wide = half / np.cos(np.radians(abs(lat)))
        corners = ((-wide, -half), (wide, -half), (wide, half), (-wide, half))
        return region.polygon([number for x, y in corners for number in ((lon + x) % 360, lat + y)])

    return make


KINDS: dict[str, tuple[Make, tuple[str, str]]] = {
    "cone of 1 degree": (cone(1), ("6", "15")),
    "cone of 5 degrees": (cone(5), ("", "")),
    "cone of 30 degrees": (cone(30), ("40", "80")),
    "polygon of 10 degrees": (polygon(10), ("", "")),
    "box of 5 degrees on Earth": (box(5), ("", "")),
    "box of 20 degrees on Earth": (box(20), ("", "")),
}


def ask(
    portal: Portal, name: str, queries: int, checks: int, every: dict[str, tuple[Sequence[int], list[Geometry]]]
) -> None:
    """Print the rows of one kind of question."""
    make, marks = KINDS[name]
    rng = np.random.default_rng(3)
    regions = [make(rng) for _ in range(queries + 3)]
    for facets, mark in zip(((), FACETS), marks, strict=True):
        took, worked, found = [], [], []
        for n, each in enumerate(regions):
            cpu, began = time.process_time(), time.perf_counter()
            answer = portal.keys(Query(scope=OBSERVATIONS, region=each, facets=facets))
            if n >= 3:
                took.append((time.perf_counter() - began) * 1000)
                worked.append((time.process_time() - cpu) * 1000)
                found.append(answer.total.value)
        said = ""
        if not facets:
            said = " / ".join(map(str, brute(portal, regions[:checks], every)))
        took.sort()
        p99 = took[min(int(len(took) * 0.99), len(took) - 1)]
        named = f"{name}{', 8 facets' if facets else ''}"
        figures = f"{statistics.median(took):.1f} | {p99:.1f} | {statistics.median(worked):.1f}"
        print(
            f"| {named} | {figures} | {mark} | {statistics.median(found):,.0f} | {said} |",
            flush=True,
        )


def brute(
    portal: Portal, regions: Sequence[Region], every: dict[str, tuple[Sequence[int], list[Geometry]]]
) -> tuple[int, int]:
    """Return how many are missed and how many wrong, by deciding every footprint of the frame one after another."""
    missed = wrong = 0
    for each in regions:
        keys, geometries = every[each.frame]
        truths = region.decide(each, geometries)
        right = {key for key, truth in zip(keys, truths, strict=True) if truth}
        answer = portal.keys(Query(scope=OBSERVATIONS, region=each, size=0))
        got, after = set[int](), ""
        while True:
            page = portal.keys(Query(scope=OBSERVATIONS, region=each, size=10_000, after=after))
            got.update(page.keys)
            after = page.next
            if not after:
                break
        missed, wrong = missed + len(right - got), wrong + len(got - right) + abs(answer.total.value - len(got))
    return missed, wrong


def main() -> None:
    """Build the catalogue, ask it, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000, help="footprints on the sky")
    parser.add_argument("--queries", type=int, default=40, help="of each kind")
    parser.add_argument("--checks", type=int, default=3, help="questions of each kind that brute force answers too")
    parser.add_argument("--home", type=Path, help="keep the catalogue here and use it again")
    asked = parser.parse_args()
    home = asked.home or Path(tempfile.mkdtemp(prefix="discovery-bench-"))
    print(f"load average at the start {os.getloadavg()[0]:.2f}; {os.cpu_count()} cores\n")
    try:
        portal = wiring.open_portal(Settings(home.resolve(), log="error"))
        if not portal.store.catalogue.live(OBSERVATIONS):
            build(portal, asked.count)
        every = (
            {frame: footprints(frame, share) for frame, share in ((SKY, asked.count), (EARTH, asked.count // 4))}
            if asked.checks
            else {}
        )
        print("| region | p50 ms | p99 ms | CPU p50 | mark | found | missed / wrong |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        for name in KINDS:
            ask(portal, name, asked.queries, asked.checks, every)
        portal.close()
    finally:
        if asked.home is None:
            shutil.rmtree(home, ignore_errors=True)
    print(f"\nload average at the end {os.getloadavg()[0]:.2f}")


def footprints(frame: str, count: int) -> tuple[Sequence[int], list[Geometry]]:
    """Return the footprints of a frame with the keys that the store has given them: they came in this order."""
    first = 1 if frame == SKY else 4 * count + 1
    return range(first, first + count), [shape(i, frame) for i in range(count)]


if __name__ == "__main__":
    main()
