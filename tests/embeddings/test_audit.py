"""Recall is measured, and a build that finds too little is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from discovery.embeddings import asking, audit, building
from discovery.embeddings.asking import Searcher
from discovery.embeddings.building import Wanted
from discovery.embeddings.spaces import opened
from discovery.errors import ConfigError
from discovery.testing.vectors import clustered


@pytest.fixture
def searcher(tmp_path: Path, major_tom: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Searcher:
    monkeypatch.setattr(building, "FEWEST", 1000)
    monkeypatch.setattr(building, "lists_for", lambda _rows: 16)
    path = major_tom(clustered(2000, 32), group=500)
    return opened(tmp_path / "s", building.add(tmp_path / "s", Wanted((str(path),), sidecar=True)))


def test_each_kind_of_filter_is_measured_in_each_mode(searcher: Searcher) -> None:
    found = audit.audit(searcher, queries=10)
    kinds = ["none", "random-1%", "random-10%", "region-1%", "region-10%"]
    assert [(each.kind, each.mode) for each in found] == [
        (kind, mode) for kind in kinds for mode in ("fast", "balanced")
    ]
    assert all(each.value >= 0.95 for each in found)
    assert all(each.queries == 10 for each in found)


def test_a_search_that_finds_the_wrong_rows_is_seen_and_refused(
    searcher: Searcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_FEW", 0)
    monkeypatch.setattr(asking, "_AGAIN", {"fast": (1, 1), "balanced": (1, 1)})
    poor = audit.audit(searcher, queries=10)
    assert min(each.value for each in poor if each.mode == "balanced") < 0.95
    with pytest.raises(ConfigError, match="not published"):
        audit.measured(opened)(tmp_path / "s", searcher.space)


def test_rows_without_places_are_measured_without_regions(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", clustered(200, 8))
    made = building.add(tmp_path / "s", Wanted((str(tmp_path / "v.npy"),)))
    kinds = {each.kind for each in audit.audit(opened(tmp_path / "s", made), queries=5)}
    assert kinds == {"none", "random-1%", "random-10%"}
