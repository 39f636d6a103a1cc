"""What is found is right, is allowed, and is the same each time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from discovery.embeddings import asking, building, holding
from discovery.embeddings.asking import MODES, Searcher
from discovery.embeddings.building import Wanted
from discovery.embeddings.segment import OpenSegment
from discovery.embeddings.spaces import opened
from discovery.embeddings.vectors import Flags, prepared
from discovery.errors import BadQueryError, UnavailableError
from discovery.index.elasticsearch import Access, ElasticsearchVectors
from discovery.testing.vectors import PlainEngine, clustered, nearest

CLAY = Path(__file__).resolve().parents[2] / "fixtures" / "embeddings" / "clay_v0_03WVN_20220610.parquet"

VECTORS = clustered(3000, 64)
UNIT = prepared(VECTORS, "cosine")[0]
ENGINES = ("own", "plain", *(pytest.param(each, marks=pytest.mark.peer) for each in ("bbq_hnsw", "int8_hnsw")))
"""Our codes, an engine that compares every row, and Elasticsearch: what is said of the one is true of the others."""


@pytest.fixture(scope="module", params=ENGINES)
def searcher(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Searcher]:
    """Return a space of two files with codes."""
    folder = tmp_path_factory.mktemp("asking")
    np.save(folder / "a.npy", VECTORS[:2000])
    np.save(folder / "b.npy", VECTORS[2000:])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(building, "FEWEST", 1000)
        patch.setattr(building, "lists_for", lambda _rows: 16)
        made = building.add(folder / "s", Wanted((str(folder / "a.npy"), str(folder / "b.npy"))))
    if request.param == "own":
        yield opened(folder / "s", made)
        return
    engine: PlainEngine | ElasticsearchVectors = PlainEngine()
    if request.param != "plain":
        prefix = f"test-{os.environ.get('PYTEST_XDIST_WORKER', 'gw')}-asking"
        engine = ElasticsearchVectors(Access((request.getfixturevalue("elasticsearch"),)), prefix=prefix)
    made = holding.hold(folder / "s", engine, "" if request.param == "plain" else request.param)
    assert made.held is not None
    yield opened(folder / "s", made, engine)
    engine.remove(made.held.index)
    engine.close()


@pytest.fixture
def coded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have rows looked for by codes however few there are."""
    monkeypatch.setattr(asking, "_FEW", 0)


def only(rows: np.ndarray) -> Callable[[OpenSegment], Flags]:
    def allowed(segment: OpenSegment) -> Flags:
        mask = np.zeros(len(VECTORS), dtype=bool)
        mask[rows] = True
        return mask[segment.said.start : segment.said.start + segment.rows]

    return allowed


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_finds_what_a_loop_finds(searcher: Searcher, coded: None, mode: str) -> None:
    answer = searcher.search(UNIT[[7, 2500]], 10, mode=mode)
    assert answer.exact == (mode == "exact")
    for row, found in zip((7, 2500), answer.found, strict=True):
        assert found.rows[0] == row
        assert len(set(found.rows.tolist()) & set(nearest(VECTORS, VECTORS[row], 10))) >= 9
        assert (np.diff(found.scores) <= 0).all()


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_exact_is_brute_force_and_every_hit_is_allowed(searcher: Searcher, data: st.DataObject) -> None:
    rows = np.array(sorted(data.draw(st.sets(st.integers(0, 2999), min_size=1, max_size=60))))
    query = data.draw(st.integers(0, 2999))
    size = data.draw(st.integers(1, 20))
    for mode in MODES:
        found = searcher.search(UNIT[[query]], size, mode=mode, allowed=only(rows)).found[0]
        assert found.rows.tolist() == [rows[each] for each in nearest(VECTORS[rows], VECTORS[query], size)]


def test_a_filter_far_from_the_query_still_finds_all(searcher: Searcher, coded: None) -> None:
    """The rows that look least like the query: their lists are the last that a plain search would look into."""
    far = np.argsort(UNIT @ UNIT[5])[:60]
    answer = searcher.search(UNIT[[5]], 10, allowed=only(far))
    assert not answer.exact
    assert answer.eligible == 60
    assert answer.found[0].rows.tolist() == [far[each] for each in nearest(VECTORS[far], VECTORS[5], 10)]


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.98])
@pytest.mark.parametrize("kind", ["scattered", "together"])
def test_what_may_be_found_is_found_and_nothing_else(searcher: Searcher, coded: None, share: float, kind: str) -> None:
    if kind == "scattered":
        rows = np.flatnonzero(np.random.default_rng(4).random(3000) < share)
    else:
        rows = np.arange(1500 - int(1500 * share), 1500 + int(1500 * share))
    for query in (5, 2300):
        found = searcher.search(UNIT[[query]], 10, allowed=only(rows)).found[0]
        assert set(found.rows.tolist()) <= set(rows.tolist())
        assert (
            len(set(found.rows.tolist()) & {int(rows[each]) for each in nearest(VECTORS[rows], VECTORS[query], 10)})
            >= 9
        )


def test_nothing_allowed_is_nothing_found(searcher: Searcher) -> None:
    answer = searcher.search(UNIT[[5]], 10, allowed=only(np.array([], dtype=np.int64)))
    assert answer.eligible == 0
    assert answer.found[0].rows.tolist() == []


def test_many_queries_find_what_each_finds_alone(searcher: Searcher, coded: None) -> None:
    together = searcher.search(UNIT[:30], 5).found
    for row in range(30):
        assert searcher.search(UNIT[[row]], 5).found[0].rows.tolist() == together[row].rows.tolist()


@pytest.mark.parametrize(
    ("given", "told"),
    [({"size": 0}, "size is 0"), ({"size": 1001}, "1 to 1000"), ({"mode": "psychic"}, "mode 'psychic'")],
)
def test_what_cannot_be_asked_is_named(searcher: Searcher, given: dict[str, object], told: str) -> None:
    with pytest.raises(BadQueryError, match=told):
        searcher.search(UNIT[[0]], **({"size": 1} | given))  # type: ignore[arg-type]
    with pytest.raises(BadQueryError, match="at most 256"):
        searcher.search(np.repeat(UNIT[[0]], 257, axis=0), 1)


def test_rows_without_a_vector_are_never_found(tmp_path: Path) -> None:
    given = clustered(50, 8)
    given[3], given[4] = 0, np.nan
    np.save(tmp_path / "v.npy", given)
    made = building.add(tmp_path / "s", Wanted((str(tmp_path / "v.npy"),)))
    assert made.live == 48
    found = opened(tmp_path / "s", made).search(prepared(given, "cosine")[0][[0]], 50).found[0]
    assert len(found.rows) == 48
    assert not {3, 4} & set(found.rows.tolist())


def test_distances_are_scores_with_their_sign_turned(tmp_path: Path) -> None:
    given = np.array([[0, 0], [3, 4], [6, 8]], dtype=np.float32)
    np.save(tmp_path / "v.npy", given)
    made = building.add(tmp_path / "s", Wanted((str(tmp_path / "v.npy"),), metric="l2"))
    found = opened(tmp_path / "s", made).search(given[[0]], 3).found[0]
    assert found.rows.tolist() == [0, 1, 2]
    assert found.scores.tolist() == [0, -5, -10]


def test_a_file_that_is_gone_is_told_and_the_others_answer(tmp_path: Path) -> None:
    for name in ("a", "b"):
        np.save(tmp_path / f"{name}.npy", clustered(100, 8))
    made = building.add(tmp_path / "s", Wanted((str(tmp_path / "a.npy"), str(tmp_path / "b.npy"))))
    (tmp_path / "a.npy").unlink()
    answer = opened(tmp_path / "s", made).search(prepared(clustered(1, 8), "cosine")[0], 200)
    assert "a.npy" in answer.warnings[0]
    assert set(answer.found[0].rows.tolist()) == set(range(100, 200))
    (tmp_path / "b.npy").unlink()
    with pytest.raises(UnavailableError, match=r"b\.npy"):
        opened(tmp_path / "s", made).search(prepared(clustered(1, 8), "cosine")[0], 200)


def test_a_file_that_changes_while_it_is_open_gives_no_wrong_rows(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", clustered(100, 8))
    made = building.add(tmp_path / "s", Wanted((str(tmp_path / "a.npy"),)))
    held = opened(tmp_path / "s", made)
    query = prepared(clustered(1, 8), "cosine")[0]
    assert len(held.search(query, 5).found[0].rows) == 5
    np.save(tmp_path / "a.npy", clustered(100, 8, seed=9))
    for each in (held, opened(tmp_path / "s", made)):
        with pytest.raises(UnavailableError, match="has changed"):
            each.search(query, 5)


def test_a_real_tile_finds_its_own_rows_first(tmp_path: Path) -> None:
    made = building.add(tmp_path / "clay", Wanted((str(CLAY),)))
    held = opened(tmp_path / "clay", made)
    for row in (0, 200, 416):
        found = held.search(held.segments[0].vectors(np.array([row])), 3)
        assert found.exact
        assert found.found[0].rows[0] == row
        assert found.found[0].scores[0] == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("mode", ["fast", "balanced"])
def test_queries_of_a_batch_look_where_each_would_look_alone(
    searcher: Searcher, coded: None, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    # So few lists that some queries look through more of them than others before they have seen enough.
    monkeypatch.setattr(asking, "_NARROWED", dict.fromkeys(MODES, (1, 0.3, 10_000)))
    allowed = only(np.flatnonzero(VECTORS[:, 0] > 0))
    queries = UNIT[::150]
    together = searcher.search(queries, 10, mode=mode, allowed=allowed)
    probed = set()
    for query, found in zip(queries, together.found, strict=True):
        alone = searcher.search(query[None], 10, mode=mode, allowed=allowed)
        assert found.rows.tolist() == alone.found[0].rows.tolist()
        probed.add(alone.probed)
    assert together.probed == max(probed)
    if searcher.space.held is None:
        assert len(probed) > 1
        assert together.probed < 2 * 16


def test_more_rows_are_compared_where_the_nearest_stand_behind(
    searcher: Searcher, coded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if searcher.space.held is not None:
        pytest.skip("an engine says itself what may be nearest")
    monkeypatch.setattr(asking, "_AGAIN", dict.fromkeys(MODES, (1, 12)))
    monkeypatch.setattr(asking, "_TWICE", dict.fromkeys(MODES, 1))
    rows = np.flatnonzero(VECTORS[:, 0] > 0)
    queries = UNIT[::150]
    exact = searcher.search(queries, 10, mode="exact", allowed=only(rows)).found

    def hits() -> tuple[int, int]:
        found = searcher.search(queries, 10, allowed=only(rows))
        for query, each in zip(queries, found.found, strict=True):
            assert len(set(each.rows.tolist())) == 10
            assert each.rows.tolist() == searcher.search(query[None], 10, allowed=only(rows)).found[0].rows.tolist()
        pairs = zip(found.found, exact, strict=True)
        return sum(len(set(ours.rows) & set(theirs.rows)) for ours, theirs in pairs), found.rescored

    known, compared = hits()
    monkeypatch.setattr(asking, "_SURE", 2.0)
    before, fewer = hits()
    assert known > before + 10
    assert known >= 0.98 * 10 * len(queries)
    assert compared > fewer == 2 * 12


def test_enough_of_what_a_filter_leaves_is_seen_however_far_its_lists_are(
    searcher: Searcher, coded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_NARROWED", dict.fromkeys(MODES, (1, 1.0, 10_000)))
    rows = np.array(sorted(set(nearest(VECTORS, -VECTORS[7], 300))))
    # Lists are ours; one bit of 64 dimensions tells a server too little of what is far away to be fast about it.
    mode = "fast" if searcher.space.held is None else "balanced"
    found = searcher.search(UNIT[[7]], 10, mode=mode, allowed=only(rows)).found[0]
    best = rows[np.argsort(-(UNIT[rows] @ UNIT[7]), kind="stable")[:10]]
    assert len(set(found.rows.tolist()) & set(best.tolist())) >= 9
