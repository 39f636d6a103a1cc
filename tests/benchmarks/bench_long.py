"""Find near vectors among ten million that nobody ever holds: made, written, built and asked piece by piece.

bench_long.py [--rows 10000000] [--size 768] [--queries 50] [--folder DIR] [--kind float16|int8]

The table is made block by block from a seed and written as an Arrow file, as float16 where the disk has room for it and
else as int8 with a scale; which of both is said. What is near is known from one pass over the file that compares every
row, apart from all that is measured. Memory is what is no mapped file: the most that it was while rows were made and
while the space was built, and what asking takes; the codes are a mapped file and told beside it.
"""

from __future__ import annotations

import os

# A question has one thread, as in bench_embeddings.py; programs of their own make and build the rows, with all threads.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from bench_embeddings import FILTERS, SIZE, allowed, mask
from embeddings import FLOAT16, INT8, Scenes, Stored
from memory import held

from discovery.embeddings import blas
from discovery.embeddings.asking import BALANCED, FAST, Searcher
from discovery.embeddings.spaces import Spaces
from discovery.embeddings.vectors import Flags

BATCH = 64
SPARE = 0.9
"""Of the free disk no more than this is filled."""
MAKE = """
import sys
from pathlib import Path
from embeddings import Scenes, Stored, to_arrow
from memory import watched
rows, size, kind, scale, path = sys.argv[1:]
with watched() as most:
    to_arrow(Scenes(int(rows), int(size)), Path(path), Stored(kind, float(scale)))
print(most[0])
"""
BUILD = """
import sys
from pathlib import Path
from discovery.embeddings import building
from discovery.embeddings.building import Wanted
from discovery.embeddings.space import Quantization
from memory import watched
folder, path, kind, scale = sys.argv[1:]
given = Quantization("scale", float(scale)) if kind == "int8" else Quantization()
with watched() as most:
    building.add(Path(folder), Wanted((path,), quantization=given))
print(most[0])
"""


def main() -> None:
    """Make the rows, build, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--size", type=int, default=768)
    parser.add_argument("--queries", type=int, default=50)
    parser.add_argument("--folder", type=Path, help="keep the rows and what is built here, and use them again")
    parser.add_argument("--kind", choices=("float16", "int8"), help="without it what the disk has room for")
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="discovery-long-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        stored = chosen(asked.rows, asked.size, folder, asked.kind)
        print(f"{asked.rows:,} x {asked.size} as {stored.kind}; load average at the start {os.getloadavg()[0]:.2f}; "
              f"{os.cpu_count()} cores\n", flush=True)  # fmt: skip
        measure(Scenes(asked.rows, asked.size), stored, folder, asked.queries)
    finally:
        if asked.folder is None:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"\nload average at the end {os.getloadavg()[0]:.2f}")


def chosen(rows: int, size: int, folder: Path, kind: str | None) -> Stored:
    """Return how vectors are stored so that the disk has room for them and what is derived; ends where it has none."""
    free = shutil.disk_usage(folder).free + sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())
    for each in (FLOAT16, INT8):
        if kind in (None, each.kind):
            # Places, names and codes of one bit a number, beside the vectors.
            needed = rows * (size * each.bytes + size // 8 + 128)
            print(f"as {each.kind} {needed / 1e9:.1f} GB of {free / 1e9:.1f} GB that are free or ours")
            if needed <= free * SPARE:
                return each
    sys.exit("the disk has no room for them: give --folder on another one, or fewer --rows")


def measure(scenes: Scenes, stored: Stored, folder: Path, count: int) -> None:
    """Print what there is to say of these rows."""
    path = folder / f"scenes-{stored.kind}.arrow"
    if not path.exists():
        part = path.with_suffix(".part")
        took, memory = run(MAKE, scenes.rows, scenes.size, stored.kind, stored.scale, part)
        part.replace(path)
        print(f"made and written: {scenes.rows / took:,.0f} rows/s, {memory:,.0f} MiB of memory at most; "
              f"{path.stat().st_size / 1e9:.1f} GB on disk", flush=True)  # fmt: skip
    spaces = Spaces(folder / "spaces")
    if "scenes" not in spaces.names():
        took, memory = run(BUILD, spaces.folder / "scenes", path, stored.kind, stored.scale)
        print(
            f"built: {scenes.rows / took:,.0f} rows/s in {took:,.0f} s, {memory:,.0f} MiB of memory at most", flush=True
        )
    ask(scenes, stored, folder, path, spaces.searcher("scenes"), count)


def run(program: str, *arguments: Any) -> tuple[float, float]:
    """Run a program of ours by itself; return its seconds and the most memory that it had, in MiB."""
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    environment = blas.hints() | environment | {"PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", program, *map(str, arguments)]
    began = time.perf_counter()
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return time.perf_counter() - began, float(done.stdout)


def ask(scenes: Scenes, stored: Stored, folder: Path, path: Path, searcher: Searcher, count: int) -> None:
    """Print how well and how fast rows are found."""
    segment = searcher.segments[0]
    codes = next((folder / "spaces" / "scenes" / "segments").glob("*/codes.faiss")).stat().st_size
    print(
        f"codes: {codes / 1e9:.2f} GB, {codes / scenes.rows:.0f} bytes a row; {searcher.space.lists:,} lists",
        flush=True,
    )
    queries = scenes.queries(max(count, BATCH))
    masks = {name: mask(name, segment) for name in FILTERS}
    began = time.perf_counter()
    least = truth(path, stored, queries[:count], masks)
    print(f"compared every row with {count} queries in {time.perf_counter() - began:,.0f} s\n\n"
          "| narrowed by | mode | recall@10 | p50 ms | p99 ms |\n"
          "| --- | --- | --- | --- | --- |", flush=True)  # fmt: skip
    for name in FILTERS:
        for mode in (FAST, BALANCED):
            took, hits = [], 0
            for number, query in enumerate((*queries[:5], *queries[:count]), -5):
                began = time.perf_counter()
                found = searcher.search(query[None], SIZE, mode=mode, allowed=allowed(masks[name])).found[0]
                if number >= 0:
                    took.append((time.perf_counter() - began) * 1000)
                    hits += int((found.scores >= least[name][number] - 1e-6).sum())
            p50, p99 = statistics.median(took), sorted(took)[int(len(took) * 0.99)]
            print(f"| {name} | {mode} | {hits / (count * SIZE):.4f} | {p50:.2f} | {p99:.2f} |", flush=True)
    rates = []
    for _ in range(5):
        began = time.perf_counter()
        searcher.search(queries[:BATCH], SIZE, mode=FAST)
        rates.append(BATCH / (time.perf_counter() - began))
    print(f"\n{BATCH} queries at once: {statistics.median(rates):,.0f} a second (fast); "
          f"asking takes {held():,.0f} MiB of memory that is no mapped file")  # fmt: skip


def truth(
    path: Path, stored: Stored, queries: Any, masks: Mapping[str, Flags | None]
) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    """Return for each filter the score of the tenth nearest row of each query, from one pass over the file."""
    best = {name: np.full((SIZE, len(queries)), -np.inf, dtype=np.float32) for name in masks}
    with pa.memory_map(str(path)) as source:
        file = pa.ipc.open_file(source)
        at = 0
        for number in range(file.num_record_batches):
            column = file.get_batch(number).column("embedding")
            flat = column.flatten().to_numpy(zero_copy_only=False).astype(np.float32) * np.float32(stored.scale)
            vectors = flat.reshape(len(column), -1)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            scores = vectors @ queries.T
            for name, each in masks.items():
                here = scores if each is None else scores[each[at : at + len(vectors)]]
                both = np.concatenate([best[name], here])
                best[name] = np.partition(both, len(both) - SIZE, axis=0)[-SIZE:]
            at += len(vectors)
    return {name: each.min(axis=0) for name, each in best.items()}


if __name__ == "__main__":
    main()
