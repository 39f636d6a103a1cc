from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.errors import BadQueryError
from discovery.model.instant import days
from discovery.query.cover import prepared
from discovery.query.cql2 import MAX_BYTES, parse_json, parse_text, to_json, to_text
from discovery.query.fields import FIELDS, Type
from discovery.query.query import (
    And,
    Between,
    Comparison,
    Filter,
    In,
    IsNull,
    Like,
    Not,
    Or,
    Region,
    Time,
)

KEYWORDS = st.sampled_from([name for name, each in FIELDS.items() if each.type is Type.KEYWORD])
NUMBERS = st.sampled_from([name for name, each in FIELDS.items() if each.type is Type.NUMBER])
INSTANTS = st.sampled_from([name for name, each in FIELDS.items() if each.type is Type.INSTANT])
TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12) | st.text(
    alphabet="ab'\\\"%_", max_size=8
)
TAIL = TEXTS.filter(bool).map(lambda name: f"properties.{name}").filter(lambda name: "properties.eo" not in name)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
WHEN = st.integers(days(-300_000, 1, 1) * 86_400_000, days(300_000, 1, 1) * 86_400_000)
OPS = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])
LON, LAT = st.floats(-180, 360).map(lambda x: x + 0.0), st.floats(-90, 90).map(lambda x: x + 0.0)
POSITIONS = st.tuples(LON, LAT).map(list)


def closed(ring: list[Any]) -> list[Any]:
    return [*ring, ring[0]]


RINGS = st.lists(POSITIONS, min_size=3, max_size=5).map(closed)
GEOMETRIES = st.one_of(
    st.builds(lambda p: {"type": "Point", "coordinates": p}, POSITIONS),
    st.builds(lambda p: {"type": "MultiPoint", "coordinates": p}, st.lists(POSITIONS, min_size=1, max_size=3)),
    st.builds(lambda p: {"type": "LineString", "coordinates": p}, st.lists(POSITIONS, min_size=2, max_size=3)),
    st.builds(lambda p: {"type": "Polygon", "coordinates": p}, st.lists(RINGS, min_size=1, max_size=2)),
    st.builds(lambda p: {"type": "MultiPolygon", "coordinates": [[p]]}, RINGS),
    st.builds(lambda p, r: {"type": "Circle", "center": p, "radius": r}, POSITIONS, st.floats(0.001, 180)),
)


def is_asked(region: Region) -> bool:
    """Tell a region from a shape without area or with too many crossings, which nobody can ask for."""
    try:
        prepared(region, "geometry")
    except BadQueryError:
        return False
    return True


TIMES = st.tuples(st.none() | WHEN, st.none() | WHEN).filter(lambda t: t[0] is None or t[1] is None or t[0] <= t[1])
LEAVES: st.SearchStrategy[Filter] = st.one_of(
    st.builds(Comparison, OPS, KEYWORDS, TEXTS),
    st.builds(Comparison, OPS, NUMBERS, FLOATS),
    st.builds(Comparison, OPS, INSTANTS, WHEN),
    st.builds(Comparison, st.sampled_from(["=", "<>"]), TAIL, TEXTS),
    st.builds(Between, NUMBERS, FLOATS, FLOATS),
    st.builds(Between, KEYWORDS, TEXTS, TEXTS),
    st.builds(Between, INSTANTS, WHEN, WHEN),
    st.builds(In, KEYWORDS, st.lists(TEXTS, min_size=1, max_size=4).map(tuple)),
    st.builds(In, NUMBERS, st.lists(FLOATS, min_size=1, max_size=4).map(tuple)),
    st.builds(In, TAIL, st.lists(TEXTS, min_size=1, max_size=4).map(tuple)),
    st.builds(Like, KEYWORDS | st.just("title"), TEXTS, st.booleans(), st.booleans()),
    st.builds(IsNull, KEYWORDS | NUMBERS | INSTANTS | TAIL | st.just("title")),
    st.builds(
        Region,
        GEOMETRIES,
        st.sampled_from(["earth", "sky", "mars"]),
        st.sampled_from(["intersects", "within", "contains", "disjoint"]),
    ).filter(is_asked),
    st.builds(lambda ends: Time(*ends), TIMES),
    st.sampled_from([And(()), Or(())]),
)


def grown(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    parts = st.lists(inner, min_size=2, max_size=4).map(tuple)
    return st.builds(And, parts) | st.builds(Or, parts) | st.builds(Not, inner)


FILTERS = st.recursive(LEAVES, grown, max_leaves=10)


@pytest.mark.slow
@given(FILTERS)
def test_every_filter_reads_back_as_written(node: Filter) -> None:
    assert parse_json(to_json(node)) == node
    text = to_text(node)
    if len(text.encode()) <= MAX_BYTES:
        assert parse_text(text) == node


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (Comparison("<", "cloud_cover", 10.0), "cloud_cover < 10.0"),
        (Comparison("=", "start", 0), "start = TIMESTAMP('1970-01-01T00:00:00Z')"),
        (Comparison("=", "kind", "it's"), "kind = 'it''s'"),
        (Comparison("=", "kind", "a\\b"), "kind = 'a\\b'"),
        (Comparison("=", "kind", "a\\"), "kind = U&'a\\005C'"),
        (Comparison("=", "properties.a b", "x"), "\"properties.a b\" = 'x'"),
        (Time(None, 0), "T_INTERSECTS(datetime, INTERVAL('..', '1970-01-01T00:00:00Z'))"),
        (Not(And((IsNull("kind"), IsNull("level")))), "NOT (kind IS NULL AND level IS NULL)"),
        (
            Or((And((IsNull("kind"), IsNull("level"))), IsNull("doi"))),
            "(kind IS NULL AND level IS NULL) OR doi IS NULL",
        ),
        (And((IsNull("kind"),)), "kind IS NULL"),
        (Like("kind", "a%", casei=True), "CASEI(kind) LIKE CASEI('a%')"),
    ],
)
def test_text_is_what_a_person_would_write(node: Filter, text: str) -> None:
    assert to_text(node) == text
