"""The commands over embeddings, as people call them, over a real tile of Clay."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from discovery.testing.vectors import nearest

pytestmark = pytest.mark.slow
Run = Callable[..., tuple[int, str]]
CLAY = Path(__file__).resolve().parents[2] / "fixtures" / "embeddings" / "clay_v0_03WVN_20220610.parquet"


@pytest.fixture
def run(run: Run) -> Run:
    """Return a way to call the command in a home that has a space; it gives the exit status and what was printed."""
    assert run("embeddings", "add", "clay", "--data", str(CLAY))[0] == 0
    return run


@pytest.fixture(scope="module")
def vectors() -> Any:
    return np.stack(pq.read_table(CLAY).column("embeddings").to_numpy())


def test_each_of_several_vectors_is_asked_for_by_itself(run: Run, tmp_path: Path, vectors: Any) -> None:
    files = [tmp_path / "a.npy", tmp_path / "b.json"]
    np.save(files[0], vectors[5])
    files[1].write_text(json.dumps(vectors[300].tolist()))
    given = [part for each in files for part in ("--vector", str(each))]
    told = json.loads(run("similar", "clay", *given, "--each", "--size", "4", "--json")[1])["answers"]
    rows = [[hit["row"] for hit in each["hits"]] for each in told]
    assert rows == [nearest(vectors, vectors[5], 4), nearest(vectors, vectors[300], 4)]
    together = json.loads(run("similar", "clay", *given, "--size", "4", "--json")[1])
    assert len(together["hits"]) == 4
    printed = run("similar", "clay", "--row", "5", "--row", "300", "--each", "--size", "1")[1]
    assert printed.count("417 rows, exact") == 2
    assert run("similar", "clay", "--each")[0] != 0


def test_what_differs_most_is_found(run: Run, vectors: Any) -> None:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    middle = unit.mean(axis=0)
    away = 1 - unit @ (middle / np.linalg.norm(middle))
    told = json.loads(run("embeddings", "outliers", "clay", "--size", "3", "--json")[1])
    assert [each["row"] for each in told["hits"]] == np.argsort(-away, kind="stable")[:3].tolist()
    assert "417 rows" in run("embeddings", "outliers", "clay")[1]
    status, printed = run("embeddings", "change", "clay", "--later", "2022-06-01/..", "--by", "place")
    assert (status, "no place is there at two times" in printed) == (0, True)
    assert run("embeddings", "change", "clay", "--by", "odd")[0] != 0
