from __future__ import annotations

import math
import random
import time
from typing import Any

import pytest

from discovery.errors import LimitError
from discovery.query.cql2 import parse_json, parse_text
from discovery.query.cql2.knots import spend
from discovery.query.cql2.limits import Budget
from discovery.query.query import Region

BOW_TIE = [[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
# Once around the pole: on a map the ring crosses itself where 350 leads to 0, on the sphere it does not.
POLAR = [[float(lon), 80.0 if lon % 20 else 70.0] for lon in range(0, 360, 10)]
POLAR.append(POLAR[0])


def tangle(size: int) -> list[list[float]]:
    rng = random.Random(3)
    ring = [[round(rng.uniform(-170, 170), 1), round(rng.uniform(-80, 80), 1)] for _ in range(size - 1)]
    return [*ring, ring[0]]


def polygon(ring: list[list[float]]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [ring]}


@pytest.mark.parametrize("frame", ["geometry", "geometry.sky"])
@pytest.mark.parametrize("size", [100, 700, 4_900])
def test_a_tangle_is_refused_before_anybody_repairs_it(frame: str, size: int) -> None:
    began = time.process_time()
    with pytest.raises(LimitError) as caught:
        parse_json({"op": "s_within", "args": [{"property": frame}, polygon(tangle(size))]})
    assert caught.value.limit == "filter-crossing"
    assert time.process_time() - began < 1


def test_a_bow_tie_is_repaired_as_ever() -> None:
    assert isinstance(parse_text("S_WITHIN(geometry, POLYGON((0 0, 1 1, 1 0, 0 1, 0 0)))"), Region)


def test_crossings_are_counted_over_the_whole_filter() -> None:
    budget = Budget(crossing=9)
    spend(polygon(BOW_TIE), "earth", budget, "filter")
    with pytest.raises(LimitError):
        spend(polygon(BOW_TIE), "earth", budget, "filter")


def test_a_large_simple_polygon_costs_nothing() -> None:
    turns = [math.tau * step / 3_000 for step in range(3_000)]
    ring = [[30 * math.cos(turn), 30 * math.sin(turn)] for turn in turns]
    budget = Budget()
    spend(polygon([*ring, ring[0]]), "earth", budget, "filter")
    assert budget == Budget()


def test_a_ring_around_a_pole_of_the_sky_is_simple_there() -> None:
    sky, earth = Budget(), Budget(crossing=1_000)
    spend(polygon(POLAR), "sky", sky, "filter")
    assert sky == Budget()
    spend(polygon(BOW_TIE), "earth", earth, "filter")
    assert earth.crossing == 1_000 - len(BOW_TIE)


def test_collections_have_their_own_limit() -> None:
    points = [{"type": "Point", "coordinates": [1.0, 2.0]}] * 501
    with pytest.raises(LimitError) as caught:
        spend({"type": "GeometryCollection", "geometries": points}, "earth", Budget(), "filter")
    assert caught.value.limit == "filter-collection"
