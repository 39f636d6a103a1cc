"""Vectors on a real server: what is sent is there once, what may not be found is not, and refusals are ours."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from discovery.embeddings import asking, segment
from discovery.embeddings.building import Wanted
from discovery.embeddings.held import Among, Look
from discovery.embeddings.spaces import Spaces
from discovery.embeddings.vectors import prepared
from discovery.errors import ConfigError, UnavailableError
from discovery.index.elasticsearch import Access, ElasticsearchVectors
from discovery.index.elasticsearch import vectors as vectors_module
from discovery.testing.vectors import clustered, nearest

NOBODY = Access(("http://127.0.0.1:1",))
UNIT = prepared(clustered(2500, 64), "cosine")[0]
CLAY = Path(__file__).resolve().parents[3] / "fixtures" / "embeddings" / "clay_v0_03WVN_20220610.parquet"


@pytest.fixture
def engine(elasticsearch: str, elasticsearch_prefix: str) -> Iterator[ElasticsearchVectors]:
    made = ElasticsearchVectors(Access((elasticsearch,)), prefix=elasticsearch_prefix)
    yield made
    made.close()


@pytest.fixture
def index(engine: ElasticsearchVectors) -> str:
    """Return an index that holds UNIT."""
    name = engine.fresh("tiles")
    assert engine.make(name, "int8_hnsw", 64, "cosine")
    engine.write(name, np.arange(2500), UNIT)
    assert engine.count(name, 0, 2500) == 2500
    return name


@pytest.mark.parametrize(
    ("dimensions", "wanted", "kind"),
    [(768, "", "bbq_hnsw"), (384, "", "bbq_hnsw"), (383, "", "int8_hnsw"), (64, "bbq_hnsw", "bbq_hnsw")],
)
def test_the_kind_follows_the_size_where_nobody_says_it(dimensions: int, wanted: str, kind: str) -> None:
    assert ElasticsearchVectors(NOBODY).kind(dimensions, wanted) == kind


@pytest.mark.parametrize(
    ("dimensions", "wanted", "told"),
    [(768, "flat", "not one of bbq_hnsw, int8_hnsw"), (63, "bbq_hnsw", "at least 64"), (4097, "", "at most 4,096")],
)
def test_what_cannot_be_held_is_told(dimensions: int, wanted: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        ElasticsearchVectors(NOBODY).kind(dimensions, wanted)


@pytest.mark.parametrize(
    ("size", "again", "asked", "times"),
    [(10, 400, 40, 10), (10, 100, 10, 10), (100, 2000, 200, 10), (1000, 4000, 1000, 4), (400, 0, 400, 0), (5, 3, 5, 1)],
)
def test_as_many_rows_are_compared_again_as_is_asked(size: int, again: int, asked: int, times: float) -> None:
    told = json.loads(vectors_module._body(UNIT[0], Look(size, 800, again), b""))
    assert (told["size"], told["knn"]["k"]) == (asked, asked)
    assert told["knn"]["rescore_vector"]["oversample"] == times
    assert told["knn"]["num_candidates"] >= asked
    assert "filter" not in told["knn"]


def test_vectors_travel_as_their_bytes() -> None:
    told = json.loads(vectors_module._document(7, UNIT[7]))
    assert told["row"] == 7
    assert np.array_equal(np.frombuffer(base64.b64decode(told["vector"]), dtype=">f4"), UNIT[7])


def look(size: int, among: Among | None = None, again: int = 0) -> Look:
    return Look(size, max(size, 200), again, among)


@pytest.mark.peer
@pytest.mark.parametrize(
    "among",
    [
        Among(((0, 2500),)),
        Among(((100, 300), (900, 1400))),
        Among(((0, 2500),), only=np.arange(0, 2500, 3)),
        Among(((0, 2000),), without=np.arange(0, 2000, 3)),
        Among(()),
    ],
    ids=["all", "spans", "only", "without", "none"],
)
def test_only_rows_that_may_be_found_are(engine: ElasticsearchVectors, index: str, among: Among) -> None:
    rows = np.concatenate([np.empty(0, dtype=np.int64), *(np.arange(*each) for each in among.spans)])
    if among.only is not None:
        rows = np.intersect1d(rows, among.only)
    if among.without is not None:
        rows = np.setdiff1d(rows, among.without)
    for found, scores in engine.nearest(index, UNIT[[7, 1900]], "cosine", look(50, among, again=200)):
        assert set(found.tolist()) <= set(rows.tolist())
        assert len(found) == min(50, len(rows))
        assert len(set(found.tolist())) == len(scores)


@pytest.mark.peer
@pytest.mark.parametrize("metric", ["cosine", "l2"])
def test_how_near_rows_are_is_told_as_we_tell_it(engine: ElasticsearchVectors, metric: str) -> None:
    given = UNIT if metric == "cosine" else clustered(2500, 64) * 3
    name = engine.fresh(metric)
    engine.make(name, "int8_hnsw", 64, metric)
    engine.write(name, np.arange(2500), given)
    engine.count(name, 0, 2500)
    query = given[9] + np.float32(0.01)
    if metric == "cosine":
        query /= np.linalg.norm(query)
    ((rows, near),) = engine.nearest(name, query[None], metric, look(10, again=100))
    wanted = given[rows] @ query if metric == "cosine" else -np.linalg.norm(given[rows] - query, axis=1)
    assert near == pytest.approx(wanted, abs=1e-5)


@pytest.mark.peer
def test_what_is_written_twice_is_there_once_and_what_goes_is_gone(engine: ElasticsearchVectors, index: str) -> None:
    engine.write(index, np.arange(100, 200), UNIT[100:200])
    assert engine.count(index, 0, 2500) == 2500
    engine.delete(index, np.arange(100, 150))
    assert engine.count(index, 0, 2500) == 2450
    assert engine.count(index, 100, 200) == 50
    assert not engine.make(index, "int8_hnsw", 64, "cosine")
    engine.remove(index)
    engine.remove(index)
    assert engine.make(index, "int8_hnsw", 64, "cosine")
    assert engine.count(index, 0, 2500) == 0


@pytest.mark.peer
def test_an_index_that_is_gone_is_told_and_never_made_by_a_write(engine: ElasticsearchVectors, index: str) -> None:
    engine.remove(index)
    for ask in (
        lambda: engine.nearest(index, UNIT[[7]], "cosine", look(5)),
        lambda: engine.count(index, 0, 5),
        lambda: engine.write(index, np.arange(5), UNIT[:5]),
    ):
        with pytest.raises(UnavailableError, match=r"not there any more.*discovery embeddings engine"):
            ask()


@pytest.mark.peer
def test_many_questions_at_once_are_answered_each(
    engine: ElasticsearchVectors, index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = engine.nearest(index, UNIT[:100], "cosine", look(5))
    monkeypatch.setattr(vectors_module, "_AT_ONCE", 7)
    assert [rows.tolist() for rows, _ in engine.nearest(index, UNIT[:100], "cosine", look(5))] == [
        rows.tolist() for rows, _ in together
    ]
    assert all(rows[0] == number for number, (rows, _) in enumerate(together))


@pytest.mark.peer
def test_rows_that_a_busy_server_does_not_take_are_sent_again(
    engine: ElasticsearchVectors, index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[str] = []
    bulk = engine._server.bulk

    def busy(name: str, actions: Any) -> None:
        if len(refused) < 3:
            refused.append(name)
            raise UnavailableError("timed out", retry_after=2.0)
        bulk(name, actions)

    monkeypatch.setattr(vectors_module, "_BACKOFF", (0.01, 0.02, 0.03))
    monkeypatch.setattr(engine._server, "bulk", busy)
    engine.write(index, np.arange(2500, 2600), UNIT[:100])
    assert engine.count(index, 2500, 2600) == 100
    refused[:] = []
    monkeypatch.setattr(vectors_module, "_BACKOFF", ())
    with pytest.raises(UnavailableError, match="timed out"):
        engine.write(index, np.arange(100), UNIT[:100])


def test_a_server_that_is_not_there_is_told() -> None:
    away = ElasticsearchVectors(NOBODY)
    with pytest.raises(UnavailableError, match="does not answer"):
        away.nearest("gone", UNIT[[7]], "cosine", look(5))
    away.close()


@pytest.fixture
def spaces(tmp_path: Path, engine: ElasticsearchVectors) -> Iterator[Spaces]:
    found = Spaces(tmp_path / "embeddings", lambda _name: engine)
    yield found
    found.close()


@pytest.fixture
def coded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the server asked however few rows there are."""
    monkeypatch.setattr(asking, "_FEW", 0)


@pytest.mark.peer
def test_a_real_tile_is_held_measured_and_found(spaces: Spaces, coded: None) -> None:
    spaces.add("clay", Wanted((str(CLAY),)))
    made = spaces.hold("clay", "elasticsearch", "int8_hnsw")
    assert made.held is not None
    assert {each.kind for each in made.held.recall} == {"none", "random-1%", "random-10%", "region-1%", "region-10%"}
    searcher = spaces.searcher("clay")
    for row in (0, 200, 416):
        query = searcher.segments[0].vectors(np.array([row]))
        one, other = searcher.search(query, 20), searcher.search(query, 20, mode="exact")
        assert (one.engine, other.engine) == ("elasticsearch", "")
        assert one.found[0].rows.tolist() == other.found[0].rows.tolist()
        assert one.found[0].scores == pytest.approx(other.found[0].scores, abs=1e-6)
    spaces.remove("clay")


@pytest.mark.peer
def test_bits_that_tell_near_duplicates_not_apart_are_refused(
    spaces: Spaces, coded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scenes of one tile look all alike: one bit a dimension is not enough unless many rows are compared again."""
    spaces.add("clay", Wanted((str(CLAY),)))
    monkeypatch.setattr(asking, "_AGAIN", {"fast": (1, 20), "balanced": (1, 20)})
    with pytest.raises(ConfigError, match=r"not found by elasticsearch as bbq_hnsw: .*too few are found \(none 0\."):
        spaces.hold("clay", "elasticsearch")
    assert spaces.get("clay").held is None
    assert spaces.searcher("clay").search(spaces.searcher("clay").segments[0].vectors(np.array([5])), 5).engine == ""


@pytest.mark.peer
def test_rows_of_a_file_that_cannot_be_mapped_are_compared_again_by_the_server(
    spaces: Spaces, coded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    spaces.add("clay", Wanted((str(CLAY),)))
    spaces.hold("clay", "elasticsearch", "int8_hnsw")
    truth = spaces.searcher("clay")
    query = truth.segments[0].vectors(np.array([200]))
    wanted = truth.search(query, 20, mode="exact").found[0]
    monkeypatch.setattr(segment, "MAX_HELD", 0)
    monkeypatch.setattr(segment.OpenSegment, "vectors", lambda *_: pytest.fail("the file was read"))
    answer = truth.search(query, 20)
    assert (answer.engine, answer.exact, answer.rescored) == ("elasticsearch", False, 400)
    assert answer.found[0].rows.tolist() == wanted.rows.tolist()
    assert answer.found[0].scores == pytest.approx(wanted.scores, abs=1e-6)


KILLED = """
import sys, time
from pathlib import Path
from discovery.embeddings import holding
from discovery.index.elasticsearch import Access, ElasticsearchVectors
holding.SENT = 100
def told(*_):
    print("on", flush=True)
    time.sleep(0.02)
holding.hold(Path(sys.argv[1]), ElasticsearchVectors(Access((sys.argv[2],)), prefix=sys.argv[3]), progress=told)
"""


@pytest.mark.peer
@pytest.mark.slow
def test_holding_that_is_killed_goes_on_and_ends_with_all_rows(
    spaces: Spaces, elasticsearch: str, elasticsearch_prefix: str, tmp_path: Path, coded: None
) -> None:
    vectors = clustered(3000, 64)
    for number in range(2):
        np.save(tmp_path / f"{number}.npy", vectors[number * 1500 : (number + 1) * 1500])
    spaces.add("s", Wanted((str(tmp_path / "0.npy"), str(tmp_path / "1.npy"))))
    folder = spaces.folder / "s"
    command = [sys.executable, "-c", KILLED, str(folder), elasticsearch, elasticsearch_prefix]
    for steps in (1, 9, 14):
        work = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert work.stdout is not None
        for _ in range(steps):
            work.stdout.readline()
        os.kill(work.pid, signal.SIGKILL)
        work.wait()
        work.stdout.close()
        assert spaces.get("s").held is None
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert told.count("on") < 15
    made = spaces.get("s")
    assert made.held is not None
    answer = spaces.searcher("s").search(prepared(vectors[[7, 2500]], "cosine")[0], 10)
    assert answer.engine == "elasticsearch"
    for row, found in zip((7, 2500), answer.found, strict=True):
        assert len(set(found.rows.tolist()) & set(nearest(vectors, vectors[row], 10))) >= 9
    with urllib.request.urlopen(f"{elasticsearch}/{elasticsearch_prefix}-vectors-*-g*/_count") as response:
        assert json.load(response)["count"] == 3000


@pytest.mark.peer
@pytest.mark.slow
def test_the_command_says_what_finds_the_rows(
    run: Callable[..., tuple[int, str]], elasticsearch: str, elasticsearch_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("embeddings", "add", "clay", "--data", str(CLAY))[0] == 0
    assert run("embeddings", "engine", "clay", "elasticsearch")[0] != 0
    monkeypatch.setenv("DISCOVERY_VECTORS", f"elasticsearch={elasticsearch}")
    monkeypatch.setenv("DISCOVERY_INDEX_PREFIX", elasticsearch_prefix)
    status, told = run("embeddings", "engine", "clay", "elasticsearch", "--kind", "int8_hnsw")
    assert status == 0
    assert "found by elasticsearch (int8_hnsw); recall@10 1.000" in told
    assert "held by elasticsearch as int8_hnsw" in run("embeddings", "show", "clay")[1]
    found: Any = json.loads(run("similar", "clay", "--row", "5", "--size", "2", "--json")[1])
    assert len(found["hits"]) == 2
    monkeypatch.delenv("DISCOVERY_VECTORS")
    assert run("similar", "clay", "--row", "5")[0] != 0
    assert run("embeddings", "engine", "clay", "own", "--kind", "int8_hnsw")[0] != 0
    monkeypatch.setenv("DISCOVERY_VECTORS", f"elasticsearch={elasticsearch}")
    assert run("embeddings", "engine", "clay", "own")[0] == 0
    monkeypatch.delenv("DISCOVERY_VECTORS")
    assert run("similar", "clay", "--row", "5")[0] == 0
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(
            f"{elasticsearch}/{elasticsearch_prefix}-vectors-clay-g*/_mapping?allow_no_indices=false"
        )
