"""An engine holds what the files hold: all of it, once, as it is now, and only where rows are found by it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from discovery.embeddings import asking, holding, space
from discovery.embeddings.building import Wanted
from discovery.embeddings.spaces import Spaces
from discovery.embeddings.vectors import Rows, Vectors, prepared
from discovery.errors import ConfigError, NotFoundError, UnavailableError
from discovery.testing.vectors import PlainEngine, clustered, nearest

Write = Callable[..., Path]


@pytest.fixture
def engine() -> PlainEngine:
    return PlainEngine()


@pytest.fixture
def spaces(tmp_path: Path, engine: PlainEngine) -> Spaces:
    def named(name: str) -> PlainEngine:
        if name != engine.name:
            raise ConfigError(f"no engine {name!r}")
        return engine

    return Spaces(tmp_path / "embeddings", named)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the engine asked however few rows there are, and sent them in several pieces."""
    monkeypatch.setattr(asking, "_FEW", 0)
    monkeypatch.setattr(holding, "SENT", 70)


def rows_of(engine: PlainEngine) -> list[int]:
    """Return the rows of the only index."""
    (held,) = engine.indexes.values()
    return sorted(held)


def test_all_rows_with_a_vector_are_held_measured_and_found(
    spaces: Spaces, engine: PlainEngine, major_tom: Write
) -> None:
    vectors = clustered(300, 16)
    vectors[[3, 299]] = 0
    spaces.add("s", Wanted((str(major_tom(vectors)),)))
    made = spaces.hold("s", "plain")
    assert rows_of(engine) == [row for row in range(300) if row not in (3, 299)]
    assert made.held is not None
    assert (made.held.engine, made.held.kind, made.held.starts) == ("plain", "whole", (0,))
    assert {each.value for each in made.held.recall} == {1.0}
    assert spaces.get("s") == made
    query = prepared(vectors, "cosine")[0][[7]]
    answer = spaces.searcher("s").search(query, 5)
    assert (answer.engine, answer.exact) == ("plain", False)
    kept = [row for row in range(300) if row not in (3, 299)]
    assert answer.found[0].rows.tolist() == [kept[each] for each in nearest(vectors[kept], vectors[7], 5)]


def test_few_rows_and_exact_answers_need_no_engine(
    spaces: Spaces, engine: PlainEngine, major_tom: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    spaces.add("s", Wanted((str(major_tom(clustered(300, 16))),)))
    spaces.hold("s", "plain")
    engine.asked.clear()
    query = spaces.searcher("s").segments[0].vectors(np.array([7]))
    assert spaces.searcher("s").search(query, 5, mode="exact").exact
    monkeypatch.setattr(asking, "_FEW", 300)
    assert spaces.searcher("s").search(query, 5).exact
    assert engine.asked == []


def test_holding_again_sends_nothing_and_new_files_only_themselves(
    spaces: Spaces, engine: PlainEngine, major_tom: Write
) -> None:
    spaces.add("s", Wanted((str(major_tom(clustered(300, 16))),)))
    first = spaces.hold("s", "plain")
    assert spaces.hold("s", "plain") == first
    assert engine.written == 300
    spaces.add("s", Wanted((str(major_tom(clustered(100, 16, seed=8), "b.parquet", first=300)),)))
    between = spaces.searcher("s").search(clustered(1, 16, seed=8), 400)
    assert set(between.found[0].rows.tolist()) == set(range(400))
    made = spaces.hold("s", "plain")
    assert engine.written == 400
    assert made.held is not None
    assert made.held.starts == (0, 300)


def test_rows_of_a_file_that_changed_are_replaced(spaces: Spaces, engine: PlainEngine, major_tom: Write) -> None:
    path = major_tom(clustered(300, 16))
    spaces.add("s", Wanted((str(path),)))
    spaces.hold("s", "plain")
    major_tom(clustered(200, 16, seed=8))
    spaces.add("s", Wanted((str(path),)))
    query = prepared(clustered(200, 16, seed=8), "cosine")[0][[5]]
    for _ in range(2):
        found = spaces.searcher("s").search(query, 300).found[0].rows
        assert set(found.tolist()) == set(range(300, 500))
        spaces.hold("s", "plain")
    assert rows_of(engine) == list(range(300, 500))


def test_rows_that_are_sent_but_not_told_of_yet_are_not_found(
    spaces: Spaces, engine: PlainEngine, major_tom: Write
) -> None:
    """While somebody adds to what an engine holds, others ask by the manifest before."""
    spaces.add("s", Wanted((str(major_tom(clustered(300, 16))),)))
    made = spaces.hold("s", "plain")
    assert made.held is not None
    query = spaces.searcher("s").segments[0].vectors(np.array([7]))
    before = spaces.searcher("s").search(query, 5).found[0].rows.tolist()
    engine.write(made.held.index, np.arange(300, 320), np.repeat(query, 20, axis=0))
    assert spaces.searcher("s").search(query, 5).found[0].rows.tolist() == before


def test_an_attempt_that_fails_goes_on_where_it_was(
    spaces: Spaces, engine: PlainEngine, major_tom: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    spaces.add("s", Wanted((str(major_tom(clustered(700, 16), group=70)),)))
    write = engine.write

    def full(index: str, rows: Rows, vectors: Vectors) -> None:
        if engine.written >= 280:
            raise UnavailableError("no room", retry_after=None)
        write(index, rows, vectors)

    monkeypatch.setattr(engine, "write", full)
    with pytest.raises(UnavailableError, match="no room"):
        spaces.hold("s", "plain")
    assert spaces.get("s").held is None
    monkeypatch.setattr(engine, "write", write)
    spaces.hold("s", "plain")
    assert engine.written == 700
    assert rows_of(engine) == list(range(700))


def test_what_the_engine_lost_is_sent_again(spaces: Spaces, engine: PlainEngine, major_tom: Write) -> None:
    spaces.add("s", Wanted((str(major_tom(clustered(300, 16))),)))
    made = spaces.hold("s", "plain")
    assert made.held is not None
    engine.delete(made.held.index, np.array([5]))
    assert spaces.hold("s", "plain") == made
    assert rows_of(engine) == list(range(300))
    engine.remove(made.held.index)
    with pytest.raises(UnavailableError, match="not there any more"):
        spaces.searcher("s").search(clustered(1, 16), 5)
    spaces.hold("s", "plain")
    assert rows_of(engine) == list(range(300))


def test_a_file_that_changes_while_it_is_sent_is_not_held(
    spaces: Spaces, engine: PlainEngine, major_tom: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = major_tom(clustered(300, 16))
    spaces.add("s", Wanted((str(path),)))
    write = engine.write

    def changing(index: str, rows: Rows, vectors: Vectors) -> None:
        write(index, rows, vectors)
        if engine.written == 300:
            major_tom(clustered(200, 16, seed=8))

    monkeypatch.setattr(engine, "write", changing)
    with pytest.raises(UnavailableError, match="has changed"):
        spaces.hold("s", "plain")
    assert spaces.get("s").held is None
    monkeypatch.setattr(engine, "write", write)
    spaces.add("s", Wanted((str(path),)))
    spaces.hold("s", "plain")
    assert rows_of(engine) == list(range(300, 500))


def test_an_engine_that_finds_too_little_is_refused(spaces: Spaces, engine: PlainEngine, major_tom: Write) -> None:
    spaces.add("s", Wanted((str(major_tom(clustered(900, 16))),), sidecar=False))
    engine.power = 1
    with pytest.raises(ConfigError, match=r"not found by plain as whole: .*too few are found \(none 0\."):
        spaces.hold("s", "plain")
    assert spaces.get("s").held is None
    assert spaces.searcher("s").search(clustered(1, 16), 5).engine == ""


def test_another_kind_is_another_index_and_own_is_none(spaces: Spaces, engine: PlainEngine, major_tom: Write) -> None:
    spaces.add("s", Wanted((str(major_tom(clustered(300, 16))),)))
    one = spaces.hold("s", "plain")
    other = spaces.hold("s", "plain", "half")
    assert one.held is not None
    assert other.held is not None
    assert list(engine.indexes) == [other.held.index] != [one.held.index]
    with pytest.raises(ConfigError, match="one of whole, half"):
        spaces.hold("s", "plain", "quarter")
    assert spaces.release("s").held is None
    assert engine.indexes == {}
    assert spaces.release("s").held is None
    with pytest.raises(NotFoundError):
        spaces.release("none")


def test_audits_measure_our_codes_and_the_engine(spaces: Spaces, engine: PlainEngine, major_tom: Write) -> None:
    spaces.add("s", Wanted((str(major_tom(clustered(300, 16))),)))
    spaces.hold("s", "plain")
    engine.power = 50
    found = spaces.audit("s", queries=5)
    assert found.held is not None
    assert min(each.value for each in found.held.recall) < 0.95
    assert {each.value for each in found.recall} == {1.0}


def test_a_space_that_is_removed_is_not_held_any_more(spaces: Spaces, engine: PlainEngine, major_tom: Write) -> None:
    spaces.add("s", Wanted((str(major_tom(clustered(300, 16))),)))
    spaces.hold("s", "plain")
    spaces.remove("s")
    assert engine.indexes == {}
    assert spaces.names() == []


def test_a_journal_that_was_cut_off_is_no_obstacle(spaces: Spaces, engine: PlainEngine, major_tom: Write) -> None:
    spaces.add("s", Wanted((str(major_tom(clustered(300, 16))),)))
    (spaces.folder / "s" / "holding.json").write_bytes(b'{"index": "s-0", "kind"')
    assert spaces.hold("s", "plain").held is not None
    assert not (spaces.folder / "s" / "holding.json").exists()
    assert space.read(spaces.folder / "s").held is not None
