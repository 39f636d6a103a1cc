"""Ask DuckDB, LanceDB and USearch for near vectors; prints a JSON line for each engine and filter.

ask.py ROWS.arrow FOLDER: the folder holds queries.npy and a file of flags for each filter.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

SIZE = 10


def told(engine: str, narrowed: str, **values: Any) -> None:
    """Print one line."""
    sys.stdout.write(json.dumps({"engine": engine, "narrowed": narrowed, **values}) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Load the rows, then ask one engine after another."""
    path, folder = sys.argv[1], Path(sys.argv[2])
    table = pa.ipc.open_file(pa.memory_map(path)).read_all()
    vectors = np.concatenate(
        [each.flatten().to_numpy().reshape(len(each), -1) for each in table.column("embedding").chunks]
    )
    queries = np.load(folder / "queries.npy")
    masks = {each.stem: np.load(each) for each in sorted(folder.glob("re*.npy")) + sorted(folder.glob("random*.npy"))}
    least = {"none": tenth(vectors, queries)}
    least |= {name: tenth(vectors[mask], queries) for name, mask in masks.items()}
    duckdb_in_place(path, vectors, queries, least, folder)
    usearch_graph(vectors, queries, least)
    lance(table, vectors, queries, least, folder)


def tenth(vectors: Any, queries: Any) -> Any:
    """Return the score of the tenth nearest row of each query."""
    return np.array([np.partition(vectors @ each, -SIZE)[-SIZE] for each in queries])


def recall(vectors: Any, queries: Any, found: Any, least: Any) -> float:
    """Return how many found rows are as near as the tenth."""
    hits = sum(
        int((vectors[rows] @ query >= each - 1e-6).sum())
        for query, rows, each in zip(queries, found, least, strict=False)
    )
    return round(hits / (len(queries) * SIZE), 4)


def timed(ask: Callable[[Any], Any], queries: Any) -> tuple[list[Any], float]:
    """Return what was found and the median milliseconds."""
    found, took = [], []
    for query in queries:
        began = time.perf_counter()
        found.append(ask(query))
        took.append((time.perf_counter() - began) * 1000)
    return found, round(statistics.median(took), 2)


def duckdb_in_place(path: str, vectors: Any, queries: Any, least: Any, folder: Path) -> None:
    """Compare every row of a Parquet file, without loading it."""
    import duckdb
    import pyarrow.parquet as pq

    file = folder / "scenes.parquet"
    if not file.exists():
        source = pa.ipc.open_file(pa.memory_map(path))
        with pq.ParquetWriter(file, source.schema, compression="none") as out:
            for number in range(source.num_record_batches):
                out.write_batch(source.get_batch(number))
    base = duckdb.connect()
    base.execute("SET threads TO 1")
    size = vectors.shape[1]
    for name in ("none", "region 10 %"):
        where = ""
        if name != "none":
            lon = base.execute(f"SELECT quantile_cont(centre_lon, [0.4, 0.5]) FROM '{file}'").fetchone()[0]
            where = f"WHERE centre_lon >= {lon[0]!r} AND centre_lon < {lon[1]!r}"

        def ask(query: Any, where: str = where) -> Any:
            near = f"array_inner_product(embedding::FLOAT[{size}], $1::FLOAT[{size}])"
            rows = base.execute(
                f"SELECT id FROM '{file}' {where} ORDER BY {near} DESC LIMIT {SIZE}", [query.tolist()]
            ).fetchall()
            return np.array([int(each[0].rpartition("-")[2]) for each in rows])

        found, took = timed(ask, queries[:10])
        told("DuckDB over Parquet", name, recall=recall(vectors, queries[:10], found, least[name]), p50=took, bytes=0)


def usearch_graph(vectors: Any, queries: Any, least: Any) -> None:
    """Search a graph of small-world neighbours, int8."""
    from usearch.index import Index

    # Its own 64 candidates find three quarters of the nearest ten here.
    index = Index(ndim=vectors.shape[1], metric="ip", dtype="i8", expansion_search=512)
    began = time.perf_counter()
    index.add(np.arange(len(vectors)), vectors, threads=2)
    build = len(vectors) / (time.perf_counter() - began)
    found, took = timed(lambda query: index.search(query, SIZE, threads=1).keys.astype(np.int64), queries)
    told("USearch HNSW, int8, 512 candidates", "none", recall=recall(vectors, queries, found, least["none"]), p50=took,
         build=f"{build:,.0f}", bytes=round(index.memory_usage / len(vectors)))  # fmt: skip


def lance(table: Any, vectors: Any, queries: Any, least: Any, folder: Path) -> None:
    """Search LanceDB's own table with its own index of the same kind as ours."""
    import lancedb
    from lancedb.index import IvfRq

    numbered = pa.table({"row": pa.array(np.arange(len(vectors))), "vector": table.column("embedding"),
                         "lon": table.column("centre_lon")})  # fmt: skip
    held = lancedb.connect(folder / "lance").create_table("scenes", numbered, mode="overwrite")
    lists = int(2 ** round(np.log2(np.sqrt(len(vectors)) / 2)))
    began = time.perf_counter()
    try:
        held.create_index("vector", config=IvfRq(distance_type="dot", num_partitions=lists))
    except (RuntimeError, ValueError, OSError) as error:
        told("LanceDB IVF_RQ", "none", recall=f"no index: {str(error)[:60]}")
        return
    build = len(vectors) / (time.perf_counter() - began)
    lon = table.column("centre_lon").to_numpy()
    for name in ("none", "region 10 %"):
        low, high = map(float, np.quantile(lon, [0.4, 0.5]))

        def ask(query: Any, name: str = name, low: float = low, high: float = high) -> Any:
            asked = held.search(query).distance_type("dot").limit(SIZE).nprobes(64).refine_factor(40)
            asked = asked.select(["row", "_distance"])
            if name != "none":
                asked = asked.where(f"lon >= {low!r} AND lon < {high!r}", prefilter=True)
            return asked.to_arrow().column("row").to_numpy()

        found, took = timed(ask, queries)
        told("LanceDB IVF_RQ, 64 lists, 40 times refined", name, recall=recall(vectors, queries, found, least[name]),
             p50=took, build=f"{build:,.0f}")  # fmt: skip


if __name__ == "__main__":
    main()
