"""From a question to what an engine is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from discovery.config import Settings
from discovery.errors import BadQueryError, StaleIndexError, UnavailableError
from discovery.index.base import Cells, Keys
from discovery.model.extent import Geometry
from discovery.model.record import OBSERVATIONS, RESOURCES
from discovery.planner import DEFAULT_SORT, Planner, answering
from discovery.query.query import And, Comparison, Or, Query, Region, Sort
from discovery.store.rebuilds import Rebuild
from discovery.wiring import open_portal

CIRCLE: Geometry = {"type": "Circle", "center": [10.0, 20.0], "radius": 1.0}


@pytest.fixture
def planner(tmp_path: Path, engine: Mapping[str, str]) -> Iterator[Planner]:
    portal = open_portal(Settings(tmp_path, **engine))  # type: ignore[arg-type]
    yield Planner(portal.store, portal.index)
    portal.close()


def test_words_are_ranked_and_everything_else_comes_newest_first(planner: Planner) -> None:
    assert planner.plan(Query(text="rain")).sort is None
    assert planner.plan(Query()).sort == DEFAULT_SORT[RESOURCES]
    assert planner.plan(Query(scope=OBSERVATIONS)).sort == DEFAULT_SORT[OBSERVATIONS]
    assert planner.plan(Query(text="rain", sort=Sort("datetime"))).sort == Sort("start")


def test_phrases_are_one_more_thing_to_find_and_without_a_word_nothing_is(planner: Planner) -> None:
    plan = planner.plan(Query(text="rain", phrases=("sea ice", "glacier")))
    assert plan.sort is None
    assert plan.text is not None
    assert [len(each.alternatives) for each in plan.text.groups[1:]] == [2]
    assert planner.plan(Query(phrases=("!?",))).filter == Or(())


def test_a_small_region_becomes_what_matches_all_conditions(planner: Planner) -> None:
    region = Region(CIRCLE, "sky")
    assert planner.plan(Query(region=region)).filter == Keys(frozenset())
    narrowed = Query(region=region, filter=Comparison("=", "level", "L1"))
    assert planner.plan(narrowed).filter == Keys(frozenset())


def test_a_region_becomes_cells_of_its_own_frame(planner: Planner) -> None:
    wide = Region({**CIRCLE, "radius": 170.0}, "sky", "disjoint")
    assert "Cells" in repr(planner.plan(Query(region=wide)).filter)
    planner = Planner(planner._store, planner._index, few=0)
    node = planner.plan(Query(region=Region(CIRCLE, "sky"))).filter
    assert isinstance(node, And)
    assert node.args[0] == Comparison("=", "frame", "sky")
    cells: object = node.args[1]
    assert isinstance(cells, Cells)


def test_names_that_are_not_there_stop_before_any_engine(planner: Planner) -> None:
    with pytest.raises(BadQueryError, match="'moon' is not one of"):
        planner.plan(Query(scope="moon"))
    with pytest.raises(BadQueryError, match="sort field"):
        planner.plan(Query(sort=Sort("colour")))


def test_whoever_asks_is_not_told_what_an_engine_said_of_its_machine(planner: Planner) -> None:
    store = planner._store
    with pytest.raises(UnavailableError, match="does not answer now") as told, answering(store):
        raise UnavailableError("http://10.0.0.7:9200 refused", retry_after=7)
    assert told.value.retry_after == 7
    with pytest.raises(UnavailableError, match="has to be built again"), answering(store):
        raise StaleIndexError("/var/lib/discovery/index is of version 3")


@pytest.mark.parametrize(
    ("under_way", "told", "again"),
    [
        (Rebuild(0, 900, 0.5), r"built again, 0 of 900 records are in it; please come again then", 5),
        (Rebuild(1_000, 5_000, 60.0), r"1,000 of 5,000 .* will be in about 4 minutes; please", 240),
        (Rebuild(4_999, 5_000, 60.0), r"will be in a minute; please", 5),
        (Rebuild(10, 1_000_000, 60.0), r"will be in about 99,999 minutes; please", 600),
    ],
)
def test_whoever_waits_for_an_index_is_told_how_far_it_is_and_when_to_come(
    planner: Planner, monkeypatch: pytest.MonkeyPatch, under_way: Rebuild, told: str, again: float
) -> None:
    monkeypatch.setattr(planner._store.rebuilds, "current", lambda: under_way)
    with pytest.raises(UnavailableError, match=told) as error, answering(planner._store):
        raise StaleIndexError("of version 3")
    assert error.value.retry_after == pytest.approx(again)
