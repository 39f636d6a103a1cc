"""Facets beside selections are those of the oracle, however they are asked for together."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from discovery.index.base import Document, Plan
from discovery.index.tantivy import TantivyIndex
from discovery.index.tantivy.counting import Tally, asked_both
from discovery.query.query import FacetRequest, Histogram, Selection
from discovery.query.text import parse
from discovery.testing.index_catalogue import SCOPE, fill, make
from discovery.testing.oracle import OracleIndex

ENGINES = tuple[TantivyIndex, OracleIndex]
KEYWORD, LEVEL, MISSION = FacetRequest("keyword", 3), FacetRequest("level"), FacetRequest("mission", 5)
DAY = 86_400_000


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ENGINES]:
    chance = random.Random(11)
    made: list[Document] = []
    for key in range(1, 700):
        # Most keywords tie, so that the last bucket of three is decided by the value.
        keywords = {
            "keyword": tuple({f"k{chance.randrange(120):03d}" for _ in range(3)}),
            "level": (f"L{chance.randrange(3)}",),
            "mission": chance.choice((("a",), ("a", "a/b"), ("a", "a/b", "a/c"), ("d",))),
        }
        title = chance.choice(("ocean colour", "forest fire", "ocean fire"))
        made.append(make(key, title, keywords=keywords, instants={"start": chance.randrange(4000) * DAY}))
    tantivy, oracle = TantivyIndex(tmp_path_factory.mktemp("index")), OracleIndex()
    for engine in (tantivy, oracle):
        for part in range(3):
            fill(engine, made[part::3])
        engine.write(SCOPE, [], range(20, 60), engine.generation(SCOPE).change + 1)
    yield tantivy, oracle
    tantivy.close()


@pytest.mark.parametrize("text", ["", "ocean", "ocean fire"])
@pytest.mark.parametrize(
    "selections",
    [
        (Selection("level", ("L1",)),),
        (Selection("level", ("L1", "L2")),),
        (Selection("mission", ("a/b",)),),
        (Selection("mission", ("a/b", "a/c")), Selection("level", ("L0",))),
        (Selection("level", ("L0",)), Selection("mission", ("a/b",))),
        (Selection("keyword", ("k007",)),),
        (Selection("level", ("nothing has this",)),),
        (Selection("level", ('L1" OR "L2',)),),
    ],
    ids=lambda each: " and ".join(f"{one.name} {len(one.values)} {one.values[0][:7]}" for one in each),
)
@pytest.mark.parametrize("facets", [(KEYWORD, LEVEL, MISSION), (LEVEL, KEYWORD), (MISSION,), (KEYWORD,)])
def test_facets_beside_selections_are_those_of_the_oracle(
    engines: ENGINES, text: str, selections: tuple[Selection, ...], facets: tuple[FacetRequest, ...]
) -> None:
    plan = Plan(
        SCOPE,
        text=parse(text) if text else None,
        selections=selections,
        facets=facets,
        histogram=Histogram("month"),
    )
    # Without a page the counts say how many match, whatever is selected.
    for each in (plan, replace(plan, size=0, histogram=None)):
        ours, theirs = (engine.search(each) for engine in engines)
        assert ours.facets == theirs.facets
        assert ours.bins == theirs.bins
        assert (ours.total, ours.more) == (theirs.total, theirs.more)


def test_an_answer_is_asked_for_once() -> None:
    own, others = Tally([LEVEL], ("L1",)), Tally([KEYWORD, Histogram("month")])
    assert set(asked_both("level", own, others)) == {"0", "0+", "inside"}
    own.read({"0": {"buckets": [], "sum_other_doc_count": 0, "doc_count_error_upper_bound": 0}})
    assert own.pending == []
    assert own.asked() == {}
