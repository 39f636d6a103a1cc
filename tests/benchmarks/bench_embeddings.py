"""Find near vectors with us and with others on the same rows and filters; prints a Markdown table.

bench_embeddings.py [--rows 1000000] [--size 768] [--queries 200] [--hard] [--folder DIR] [--no-peers]

Every engine has one thread for a question. What is near is known from comparing every row; recall counts rows that are
as near as the tenth. A region is a strip of longitudes, which chooses what its rows look like. numpy, and DuckDB,
USearch and LanceDB in an environment of their own, get the same rows; they read them as they do it best. Elasticsearch
holds the rows as an operator has it do so, and is asked through us: its time has our filter and our comparison in it.
"""

from __future__ import annotations

import os

# numpy stands beside us with one thread for a question, as everybody does; it looks at this when it is imported.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import http.client
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import peers
from bench_stac import serving
from embeddings import Scenes, to_arrow

from discovery.embeddings import blas, holding
from discovery.embeddings.asking import BALANCED, FAST, Allowed, Searcher
from discovery.embeddings.segment import OpenSegment
from discovery.embeddings.spaces import Spaces, opened
from discovery.embeddings.vectors import Flags
from discovery.index.elasticsearch import Access, ElasticsearchVectors

SIZE = 10
BUILD = """
import re, sys, time
from pathlib import Path
from discovery.embeddings import building
began = time.perf_counter()
building.add(Path(sys.argv[1]), building.Wanted((sys.argv[2],)))
took = time.perf_counter() - began
print(took, int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024)
"""
FILTERS = ("none", "random 1 %", "random 10 %", "random 50 %", "region 1 %", "region 10 %", "region 50 %")


def main() -> None:
    """Make the rows, build, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--size", type=int, default=768)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--hard", action="store_true", help="near-duplicates")
    parser.add_argument("--folder", type=Path, help="keep the rows and what is built here, and use them again")
    parser.add_argument("--no-peers", action="store_true")
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="discovery-vectors-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"{asked.rows:,} x {asked.size}{', near-duplicates' if asked.hard else ''}; "
          f"load average at the start {os.getloadavg()[0]:.2f}; {os.cpu_count()} cores\n")  # fmt: skip
    try:
        compare(Scenes(asked.rows, asked.size, asked.hard), folder, asked.queries, with_peers=not asked.no_peers)
    finally:
        if asked.folder is None:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"\nload average at the end {os.getloadavg()[0]:.2f}")


def compare(scenes: Scenes, folder: Path, count: int, *, with_peers: bool) -> None:
    """Print the tables."""
    path = folder / "scenes.arrow"
    if not path.exists():
        to_arrow(scenes, path)
    home = folder / "home"
    spaces = Spaces(home / "embeddings")
    if "scenes" not in spaces.names():
        environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
        environment = blas.hints() | environment
        command = [sys.executable, "-c", BUILD, spaces.folder / "scenes", path]
        made = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        took, memory = map(float, made.stdout.split())
        print(f"build: {scenes.rows / took:,.0f} rows/s, {memory:,.0f} MiB of memory that is no mapped file")
    searcher = spaces.searcher("scenes")
    segment = searcher.segments[0]
    codes = next((spaces.folder / "scenes" / "segments").glob("*/codes.faiss")).stat().st_size
    print(f"codes: {codes / scenes.rows:.0f} bytes a row\n")
    queries = scenes.queries(count)
    masks = {name: mask(name, segment) for name in FILTERS}
    print("| narrowed by | mode | recall@10 | p50 ms | p99 ms | numpy, exact: p50 ms | times faster |\n"
          "| --- | --- | --- | --- | --- | --- | --- |")  # fmt: skip
    vectors = np.concatenate([part for _, part, _ in segment.batches(65_536)]) if scenes.rows <= 2_000_000 else None
    least: dict[str, Any] = {}
    for name in FILTERS:
        least[name], exact = truth(searcher, vectors, queries, masks[name])
        for mode in (FAST, BALANCED):
            row(searcher, queries, mode, name, masks[name], least[name], exact)
    batch(searcher, queries)
    over_http(home, queries)
    if with_peers:
        beside(folder, path, queries, masks)
        elasticsearch(spaces.folder / "scenes", folder / "elasticsearch", queries[:50], masks, least)


def mask(name: str, segment: OpenSegment) -> Flags | None:
    """Return which rows a filter leaves."""
    if name == "none":
        return None
    kind, share, _ = name.split()
    if kind == "random":
        return np.random.default_rng(3).random(segment.rows) < float(share) / 100
    lon = np.asarray(segment.columns["lon"])
    low, high = np.quantile(lon, [0.4, min(1.0, 0.4 + float(share) / 100)])
    inside: Flags = (lon >= low) & (lon < high)
    return inside


def allowed(found: Flags | None) -> Allowed | None:
    """Return a filter as searches take it."""
    return None if found is None else lambda _segment: found


def truth(searcher: Searcher, vectors: Any, queries: Any, narrowed: Flags | None) -> tuple[Any, float]:
    """Return the score of the tenth nearest row of each query, and the median milliseconds that numpy takes for one."""
    if vectors is None:
        found = searcher.search(queries[:50], SIZE, mode="exact", allowed=allowed(narrowed)).found
        return np.array([each.scores[-1] for each in found]), float("nan")
    rows = None if narrowed is None else np.flatnonzero(narrowed)
    tenth, took = [], []
    for query in queries[:50]:
        began = time.perf_counter()
        scores = (vectors if rows is None else vectors[rows]) @ query
        tenth.append(np.partition(scores, -SIZE)[-SIZE])
        took.append((time.perf_counter() - began) * 1000)
    return np.array(tenth), statistics.median(took)


def row(
    searcher: Searcher, queries: Any, mode: str, name: str, narrowed: Flags | None, least: Any, exact: float
) -> None:
    """Print one line."""
    took, hits = [], 0
    for query in queries[:10]:
        searcher.search(query[None], SIZE, mode=mode, allowed=allowed(narrowed))
    for number, query in enumerate(queries):
        began = time.perf_counter()
        found = searcher.search(query[None], SIZE, mode=mode, allowed=allowed(narrowed)).found[0]
        took.append((time.perf_counter() - began) * 1000)
        if number < len(least):
            hits += int((found.scores >= least[number] - 1e-6).sum())
    p50, p99 = statistics.median(took), sorted(took)[int(len(took) * 0.99)]
    recall = hits / (len(least) * SIZE)
    print(f"| {name} | {mode} | {recall:.4f} | {p50:.2f} | {p99:.2f} | {exact:.1f} | {exact / p50:.0f} |", flush=True)


def batch(searcher: Searcher, queries: Any) -> None:
    """Print how many queries are answered a second when 64 come at once."""
    rates = []
    for _ in range(5):
        began = time.perf_counter()
        searcher.search(queries[:64], SIZE, mode=FAST)
        rates.append(64 / (time.perf_counter() - began))
    print(f"\n64 queries at once: {statistics.median(rates):,.0f} a second (fast)")


def over_http(home: Path, queries: Any) -> None:
    """Print what a program gets that asks by vectors: reading them and writing hits is in it."""
    for mode in (FAST, BALANCED):
        with serving(home) as (url, _):
            client = http.client.HTTPConnection(urlsplit(url).netloc)
            took = []
            for query in queries:
                body = json.dumps({"like": {"vectors": [query.tolist()]}, "size": SIZE, "mode": mode})
                began = time.perf_counter()
                client.request("POST", "/embeddings/scenes/similar", body, {"Content-Type": "application/json"})
                answer = client.getresponse()
                found = answer.read()
                took.append((time.perf_counter() - began) * 1000)
                if answer.status != HTTPStatus.OK or len(json.loads(found)["hits"]) != SIZE:
                    raise SystemExit(f"{answer.status}: {found[:200]!r}")
            took = sorted(took[10:])
            print(f"over HTTP, {mode}: p50 {statistics.median(took):.1f} ms, p99 {took[int(len(took) * 0.99)]:.1f} ms")


def beside(folder: Path, path: Path, queries: Any, masks: dict[str, Flags | None]) -> None:
    """Print what others do with the same rows."""
    subprocess.run([peers.RECIPES / "vectors" / "prepare.sh"], stdin=subprocess.DEVNULL, check=True)
    np.save(folder / "queries.npy", queries[:50])
    for name, each in masks.items():
        if each is not None:
            np.save(folder / f"{name}.npy", each)
    python = peers.HOMES / "vectors" / "bin" / "python"
    command: Sequence[str | Path] = [python, peers.RECIPES / "vectors" / "ask.py", path, folder]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": ""}
    print(
        "\n| engine | narrowed by | recall@10 | p50 ms | build, rows/s | bytes a row |\n"
        "| --- | --- | --- | --- | --- | --- |"
    )
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as work:
        assert work.stdout is not None
        for line in work.stdout:
            told = json.loads(line)
            names = ("engine", "narrowed", "recall", "p50", "build", "bytes")
            print("| " + " | ".join(str(told.get(each, "")) for each in names) + " |", flush=True)


def elasticsearch(
    space: Path, work: Path, queries: Any, masks: Mapping[str, Flags | None], least: Mapping[str, Any]
) -> None:
    """Print what a server finds that holds the same rows, narrowed as ours."""
    peers.prepare("elasticsearch")
    with peers.elasticsearch(work) as url:
        engine = ElasticsearchVectors(Access((url,)), prefix="bench")
        began = time.perf_counter()
        made = holding.hold(space, engine, "bbq_hnsw")
        build = made.live / (time.perf_counter() - began)
        assert made.held is not None
        with urllib.request.urlopen(f"{url}/{made.held.index}/_stats/store") as told:
            size = json.load(told)["_all"]["primaries"]["store"]["size_in_bytes"] / made.live
        searcher = opened(space, made, engine)
        for _ in range(5):
            # A server that has just come up has compiled nothing yet.
            for query in queries:
                searcher.search(query[None], SIZE)
        for name, narrowed in masks.items():
            for query in queries[:10]:
                searcher.search(query[None], SIZE, allowed=allowed(narrowed))
            took, hits = [], 0
            for number, query in enumerate(queries):
                began = time.perf_counter()
                found = searcher.search(query[None], SIZE, allowed=allowed(narrowed)).found[0]
                took.append((time.perf_counter() - began) * 1000)
                hits += int((found.scores >= least[name][number] - 1e-6).sum())
            recall, p50 = hits / (len(queries) * SIZE), statistics.median(took)
            once = f"{build:,.0f} | {size:,.0f}" if name == "none" else " | "
            print(f"| Elasticsearch bbq_hnsw | {name} | {recall:.4f} | {p50:.2f} | {once} |", flush=True)
        holding.release(space, engine)
        engine.close()


if __name__ == "__main__":
    main()
