"""Count ranges, days, cells and values that hold a text beside a page of results; prints a Markdown table.

bench_counts.py [--observations 200000] [--queries 200] [--folder DIR] [--elasticsearch URL]

Each row is one more thing to count beside a page of 20 of its own question; nothing is kept between questions but what
an engine keeps of everything. The time is that of the engine alone.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import generator

from discovery.index.base import Index, Plan
from discovery.index.document import documents
from discovery.index.elasticsearch import Access, ElasticsearchIndex
from discovery.index.tantivy import TantivyIndex
from discovery.model.record import OBSERVATIONS
from discovery.query.facets import CellRequest, RangeRequest, RangeSelection
from discovery.query.query import Comparison, FacetRequest, Histogram, Query, Sort
from discovery.query.text import parse
from ui import counting, listing

FACETS = tuple(
    FacetRequest(name)
    for name in ("dataset", "domain", "mission", "instrument", "product_type", "keyword", "level", "format")
)
CLOUDS = RangeRequest("cloud_cover", bins=20)
MEASURES: Mapping[str, Mapping[str, Any]] = {
    "page of 20": {},
    "8 facets": {"facets": FACETS},
    "8 facets, years": {"facets": FACETS, "histogram": Histogram("year")},
    "8 facets, automatic interval": {"facets": FACETS, "histogram": Histogram("auto", 48)},
    "8 facets, bounds of 3 numbers": {
        "facets": FACETS,
        "numbers": tuple(RangeRequest(name) for name in ("cloud_cover", "exposure", "size")),
    },
    "8 facets, histogram of 1 number": {"facets": FACETS, "numbers": (CLOUDS,)},
    "8 facets, histogram by factors": {"facets": FACETS, "numbers": (RangeRequest("exposure", bins=20, log=True),)},
    "8 facets, histogram with its range selected": {
        "facets": FACETS,
        "numbers": (CLOUDS,),
        "ranges": (RangeSelection("cloud_cover", 0.0, 20.0, below=True),),
    },
    "8 facets, heat map of order 3": {"facets": FACETS, "heat": CellRequest("sky", 3)},
    "heat map of order 5": {"heat": CellRequest("sky", 5)},
    "14 facets, years, as a page before": {
        "facets": tuple(FacetRequest(name, 8) for name in listing.SHOWN[OBSERVATIONS]),
        "histogram": Histogram("year"),
    },
    "14 facets, interval, 2 histograms, 8 bounds, as a page": {
        "facets": tuple(FacetRequest(name, 8) for name in listing.SHOWN[OBSERVATIONS]),
        "histogram": Histogram("auto", 48),
        "numbers": counting.read((), Query(scope=OBSERVATIONS), listing.NUMBERS[OBSERVATIONS]).numbers,
    },
    "8 facets, values that hold a text": {"facets": (*FACETS[:7], FacetRequest("keyword", text="word 4"))},
    "datasets and sources with counts": {"facets": (FacetRequest("dataset", 8), FacetRequest("source", 8)), "size": 0},
}


def question(i: int, kind: str) -> Plan:
    """Return question `i`: two words and a filter, one word, or everything."""
    r = random.Random(f"counts {i}")
    if kind == "everything":
        return Plan(OBSERVATIONS, sort=Sort("start", descending=True))
    if kind == "one word":
        return Plan(OBSERVATIONS, text=parse(r.choice(generator.COMMON)), filter=Comparison("=", "level", "L1"))
    words = " ".join(r.sample(generator.COMMON, 2))
    return Plan(OBSERVATIONS, text=parse(words), filter=Comparison("=", "level", r.choice(("L1", "L2"))))


def fill(index: Index, count: int) -> None:
    """Put observations into an index that has none."""
    if index.generation(OBSERVATIONS).documents:
        return
    build = index.build(OBSERVATIONS)
    rows = ((generator.observation(i), i + 1) for i in range(count))
    while part := list(islice(rows, 1_000)):
        build.add(documents(part))
    build.publish(1)


def milliseconds(act: Callable[[int], object], count: int) -> Iterator[float]:
    """Yield how long each call took."""
    for i in range(count):
        began = time.perf_counter()
        act(i)
        yield (time.perf_counter() - began) * 1_000


def main() -> None:
    """Build the index unless it is there, and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--observations", type=int, default=200_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--folder", default="")
    parser.add_argument("--elasticsearch", default="")
    given = parser.parse_args()
    folder = Path(given.folder or tempfile.mkdtemp())
    index: Index = TantivyIndex(folder)
    if given.elasticsearch:
        index = ElasticsearchIndex(Access((given.elasticsearch,)), prefix="bench-counts")
    fill(index, given.observations)
    kinds = ("two words", "one word", "everything")
    print(f"| {given.observations:,} observations, {index.name}, p50 ms | {' | '.join(kinds)} |")
    print(f"| --- | {' | '.join('---:' for _ in kinds)} |")
    for name, more in MEASURES.items():
        cells = []
        for kind in kinds:
            count = given.queries if kind == "two words" else given.queries // 4

            def act(i: int, kind: str = kind, more: Mapping[str, Any] = more) -> object:
                return index.search(replace(question(i, kind), **more))

            act(count)
            cells.append(f"{statistics.median(milliseconds(act, count)):.1f}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
