from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from discovery.errors import BadQueryError, LimitError, UnknownFieldError
from discovery.model.instant import instant, span
from discovery.query.cql2 import MAX_BYTES, MAX_DEPTH, MAX_PREDICATES, parse_json, parse_text, to_json, to_text
from discovery.query.query import And, Between, Comparison, Filter, In, IsNull, Like, Not, Or, Region, Time

CLOUD = "cloud_cover"
TOUCHDOWN = instant("1969-07-16T13:32:00Z")
LIFTOFF = instant("1969-07-24T16:50:35Z")
DAY = span("2015-01-01")


def eq(name: str, value: str | float) -> Comparison:
    return Comparison("=", name, value)


def polygon(*ring: list[float]) -> dict[str, object]:
    return {"type": "Polygon", "coordinates": [list(ring)]}


TRIANGLE = polygon([-10.0, -10.0], [10.0, -10.0], [10.0, 10.0], [-10.0, -10.0])
LOS_ANGELES = polygon([-118.0, 33.8], [-117.9, 33.8], [-117.9, 34.0], [-118.0, 34.0], [-118.0, 33.8])

# The examples of OGC 21-065r2 (clause6_*, clause7_*, example*), with names of ours in place of theirs.
VALID: list[tuple[str, Filter]] = [
    ("platform='Toronto'", eq("platform", "Toronto")),
    ("updated >= date('1970-01-01')", Comparison(">=", "updated", 0)),
    ("geometry IS NOT NULL", Not(IsNull("frame"))),
    ("platform LIKE 'Smith%'", Like("platform", "Smith%")),
    ("gsd BETWEEN 100.0 and 150.0", Between("resolution", 100.0, 150.0)),
    (
        "platform IN ('Toronto','Frankfurt','Tokyo','New York')",
        In("platform", ("Toronto", "Frankfurt", "Tokyo", "New York")),
    ),
    ("gsd NOT IN (1,2,3,4)", Not(In("resolution", (1.0, 2.0, 3.0, 4.0)))),
    (
        "CASEI(target) IN (CASEI('Οδος'),CASEI('Straße'))",
        Or((Like("target", "Οδος", True), Like("target", "Straße", True))),
    ),
    ("ACCENTI(target) = ACCENTI('débárquér')", Like("target", "débárquér", False, True)),
    (
        "S_INTERSECTS(geometry,POINT(36.319836 32.288087))",
        Region({"type": "Point", "coordinates": [36.319836, 32.288087]}),
    ),
    ("T_INTERSECTS(datetime, INTERVAL('1969-07-16T13:32:00Z', '1969-07-24T16:50:35Z'))", Time(TOUCHDOWN, LIFTOFF)),
    (
        "T_DURING(INTERVAL(start_datetime, end_datetime), INTERVAL('1969-07-16T13:32:00Z', '1969-07-24T16:50:35Z'))",
        And((Comparison(">", "start", TOUCHDOWN), Comparison("<", "end", LIFTOFF))),
    ),
    ("A_CONTAINS(keywords, ('layers-ca','layers-us'))", And((eq("keyword", "layers-ca"), eq("keyword", "layers-us")))),
    ("A_OVERLAPS(keywords, ('a', 'b'))", In("keyword", ("a", "b"))),
    ("A_CONTAINEDBY(('a', 'b'), keywords)", And((eq("keyword", "a"), eq("keyword", "b")))),
    ("sci:doi = '10.1/x'", eq("doi", "10.1/x")),
    ("properties.eo:cloud_cover < 10", Comparison("<", CLOUD, 10.0)),
    ("instruments LIKE 'OLI%'", Like("instrument", "OLI%")),
    ("properties.landsat:wrs_path IN ('153','154','15X')", In("properties.landsat:wrs_path", ("153", "154", "15X"))),
    (
        "eo:cloud_cover < 0.1 AND properties.landsat:wrs_row=28 AND properties.landsat:wrs_path=203",
        And(
            (
                Comparison("<", CLOUD, 0.1),
                eq("properties.landsat:wrs_row", "28"),
                eq("properties.landsat:wrs_path", "203"),
            )
        ),
    ),
    ("eo:cloud_cover=0.1 OR eo:cloud_cover=0.2", Or((eq(CLOUD, 0.1), eq(CLOUD, 0.2)))),
    ("eo:cloud_cover IN (0.1,0.2)", In(CLOUD, (0.1, 0.2))),
    (
        "eo:cloud_cover BETWEEN 0.1 AND 0.2 AND kind='dataset' AND level = '2'",
        And((Between(CLOUD, 0.1, 0.2), eq("kind", "dataset"), eq("level", "2"))),
    ),
    (
        "eo:cloud_cover >= 0.1 AND eo:cloud_cover <= 0.2",
        And((Comparison(">=", CLOUD, 0.1), Comparison("<=", CLOUD, 0.2))),
    ),
    (
        "platform LIKE 'OLI%' \n AND S_INTERSECTS(footprint,POLYGON((-10 -10, 10 -10,\n 10 10, -10 -10)))",
        And((Like("platform", "OLI%"), Region(TRIANGLE))),
    ),
    ("s_intersects(footprint,POLYGON((-10 -10,10 -10,10 10,-10 -10)))", Region(TRIANGLE)),
    ("gsd>5", Comparison(">", "resolution", 5.0)),
    ("gsd <= 500", Comparison("<=", "resolution", 500.0)),
    ("provider LIKE '%Jones%'", Like("provider", "%Jones%")),
    ("provider NOT LIKE '%Mike%'", Not(Like("provider", "%Mike%"))),
    ("properties.swimming_pool = true", eq("properties.swimming_pool", "true")),
    (
        "properties.pool=true AND (gsd>5\n OR kind LIKE 'brick%' OR kind LIKE '%brick')",
        And(
            (
                eq("properties.pool", "true"),
                Or((Comparison(">", "resolution", 5.0), Like("kind", "brick%"), Like("kind", "%brick"))),
            )
        ),
    ),
    (
        "(gsd>5 AND kind='brick') OR properties.pool=false",
        Or((And((Comparison(">", "resolution", 5.0), eq("kind", "brick"))), eq("properties.pool", "false"))),
    ),
    (
        "NOT (gsd<5) OR kind='a'",
        Or((Not(Comparison("<", "resolution", 5.0)), eq("kind", "a"))),
    ),
    (
        "kind='a' OR kind='b' AND kind='c'",
        Or((eq("kind", "a"), And((eq("kind", "b"), eq("kind", "c"))))),
    ),
    (
        "(kind LIKE 'mike%' OR kind LIKE 'Mike%') AND gsd<4",
        And((Or((Like("kind", "mike%"), Like("kind", "Mike%"))), Comparison("<", "resolution", 4.0))),
    ),
    ("T_BEFORE(updated, DATE('2015-01-01'))", Comparison("<", "updated", DAY[0])),
    ("T_AFTER(updated,DATE('2015-01-01'))", Comparison(">", "updated", DAY[1])),
    ("S_WITHIN(geometry,BBOX(-118,33.8,-117.9,34))", Region(LOS_ANGELES, relation="within")),
    (
        "gsd>5 AND S_WITHIN(geometry,BBOX(-118,33.8,-117.9,34))",
        And((Comparison(">", "resolution", 5.0), Region(LOS_ANGELES, relation="within"))),
    ),
    ("CASEI(title) LIKE CASEI('%calcutta%')", Like("title", "%calcutta%", True)),
    ("\"id\" = 'fa7e1920'", eq("id", "fa7e1920")),
    ("\"id\" <> 'fa7e1920'", Comparison("<>", "id", "fa7e1920")),
    ('"eo:cloud_cover" >= 10', Comparison(">=", CLOUD, 10.0)),
    ("NOT \"title\" LIKE 'foo%'", Not(Like("title", "foo%"))),
    ("NOT gsd BETWEEN 10 AND 20", Not(Between("resolution", 10.0, 20.0))),
    ("gsd NOT BETWEEN 10 AND 20", Not(Between("resolution", 10.0, 20.0))),
    ("gsd IN (1.0, 2.0, 3.0)", In("resolution", (1.0, 2.0, 3.0))),
    ("kind NOT IN ('a', 'b', 'c')", Not(In("kind", ("a", "b", "c")))),
    ("gsd IS NULL", IsNull("resolution")),
    ("NOT gsd IS NULL", Not(IsNull("resolution"))),
    ("title IS NOT NULL", Not(IsNull("title"))),
    ("datetime IS NULL", IsNull("start")),
    ("properties.x IS NULL", IsNull("properties.x")),
    ("(NOT kind LIKE 'foo%' AND gsd > 10)", And((Not(Like("kind", "foo%")), Comparison(">", "resolution", 10.0)))),
    ("(gsd IS NULL OR gsd BETWEEN 10 AND 20)", Or((IsNull("resolution"), Between("resolution", 10.0, 20.0)))),
    (
        'S_DISJOINT("geometry", MULTIPOLYGON (((144.0 45.0, -1.0 0.0, 180.0 47.0, 144.0 45.0))))',
        Region(
            {"type": "MultiPolygon", "coordinates": [[[[144.0, 45.0], [-1.0, 0.0], [180.0, 47.0], [144.0, 45.0]]]]},
            relation="disjoint",
        ),
    ),
    (
        'S_WITHIN(POLYGON Z ((-10 -10 5, 10 -10 5, 10 10 1852.6, -10 -10 5)), "geometry")',
        Region(TRIANGLE, relation="contains"),
    ),
    (
        'S_CONTAINS("geometry", POINT (-3.508362 -1.754181))',
        Region({"type": "Point", "coordinates": [-3.508362, -1.754181]}, relation="contains"),
    ),
    (
        "S_INTERSECTS(geometry, MULTIPOINT((180.0 -0.5), 179 -47.1))",
        Region({"type": "MultiPoint", "coordinates": [[180.0, -0.5], [179.0, -47.1]]}),
    ),
    (
        "S_INTERSECTS(geometry, GEOMETRYCOLLECTION (POINT (1.9 2.5), LINESTRING (179.0 1.1, -148.1 -65.0)))",
        Region(
            {
                "type": "GeometryCollection",
                "geometries": [
                    {"type": "Point", "coordinates": [1.9, 2.5]},
                    {"type": "LineString", "coordinates": [[179.0, 1.1], [-148.1, -65.0]]},
                ],
            }
        ),
    ),
    (
        "S_INTERSECTS(geometry.sky, CIRCLE(83.6 22, 0.5))",
        Region({"type": "Circle", "center": [83.6, 22.0], "radius": 0.5}, "sky"),
    ),
    ("S_INTERSECTS(s_region, MOC('3/1-4'))", Region({"type": "Moc", "moc": "3/1-4"}, "sky")),
    ("T_AFTER(\"updated\", DATE('2015-01-01'))", Comparison(">", "updated", DAY[1])),
    (
        "T_BEFORE(updated, TIMESTAMP('2012-08-10T05:30:00.000000Z'))",
        Comparison("<", "updated", instant("2012-08-10T05:30:00Z")),
    ),
    (
        "T_CONTAINS(INTERVAL('1969-07-16T13:32:00Z', '1969-07-24T16:50:35Z'), INTERVAL(start, end))",
        And((Comparison(">", "start", TOUCHDOWN), Comparison("<", "end", LIFTOFF))),
    ),
    (
        "T_DISJOINT(INTERVAL('..', '1969-07-24T16:50:35Z'), INTERVAL(start, end))",
        Comparison(">", "start", LIFTOFF),
    ),
    ("T_EQUALS(updated, DATE('2015-01-01'))", Between("updated", *DAY)),
    ("T_MEETS(INTERVAL('2005-01-10', '2015-01-01'), datetime)", Between("start", *DAY)),
    ("T_METBY(datetime, INTERVAL('1969-07-16T13:32:00Z', '1969-07-24T16:50:35Z'))", eq("start", LIFTOFF)),
    ("T_INTERSECTS(datetime, DATE('2015-01-01'))", Time(*DAY)),
    ("T_INTERSECTS(datetime, INTERVAL('2015-01-01', '..'))", Time(DAY[0], None)),
    ("datetime = DATE('2015-01-01')", Between("start", *DAY)),
    ("datetime = '2015-01-01'", Between("start", *DAY)),
    ("datetime <> DATE('2015-01-01')", Or((Comparison("<", "start", DAY[0]), Comparison(">", "start", DAY[1])))),
    ("datetime < DATE('2015-01-01')", Comparison("<", "start", DAY[0])),
    ("datetime <= DATE('2015-01-01')", Comparison("<=", "start", DAY[1])),
    ("datetime > DATE('2015-01-01')", Comparison(">", "start", DAY[1])),
    ("DATE('2015-01-01') <= datetime", Comparison(">=", "start", DAY[0])),
    ("datetime > TIMESTAMP('1969-07-16T15:32:00+02:00')", Comparison(">", "start", TOUCHDOWN)),
    ("created BETWEEN DATE('2015-01-01') AND DATE('2015-01-01')", Between("created", *DAY)),
    (
        "created IN (DATE('2015-01-01'), TIMESTAMP('1970-01-01T00:00:00Z'))",
        Or((Between("created", *DAY), eq("created", 0))),
    ),
    ("end < '-004712'", Comparison("<", "end", instant("-004712"))),
    ("10 > eo:cloud_cover", Comparison("<", CLOUD, 10.0)),
    ("gsd = -1.5e2", eq("resolution", -150.0)),
    ("gsd = .5", eq("resolution", 0.5)),
    ("kind = 'it''s'", eq("kind", "it's")),
    ("kind = 'it\\'s'", eq("kind", "it's")),
    ("kind = '漢字'", eq("kind", "漢字")),
    ("kind = ''", eq("kind", "")),
    ("properties.größe = 'x'", eq("properties.größe", "x")),
    ('"properties.odd ""name""" = 1.5', eq('properties.odd "name"', "1.5")),
    ("TRUE", And(())),
    ("NOT FALSE", Not(Or(()))),
    ("NOT NOT kind = 'a'", Not(Not(eq("kind", "a")))),
    ("CASEI(kind) <> 'A_b'", And((Not(Like("kind", "A\\_b", True)), Not(IsNull("kind"))))),
    ("ACCENTI(CASEI(kind)) = 'x'", Like("kind", "x", True, True)),
    ("title LIKE CASEI('FOO%')", Like("title", "FOO%", True)),
    ("Kind='a'".replace("K", "k"), eq("kind", "a")),
    ("kind='a'and kind='b'", And((eq("kind", "a"), eq("kind", "b")))),
]

# What is wrong, where the error points (counted from 0), and what it says.
INVALID: list[tuple[str, int | None, str]] = [
    ("", 0, "expected a filter"),
    ("   ", 3, "found the end"),
    ("kind", 4, "expected an operator"),
    ("kind =", 6, "expected a name or a value, found the end"),
    ("kind = 'a", 7, "no closing quote"),
    ('"kind = 1', 0, "no closing quote"),
    ("kind = 'a' AND", 14, "found the end"),
    ("kind = 'a' kind = 'b'", 11, "expected AND, OR or the end, found kind"),
    ("(kind = 'a'", 11, "expected ')'"),
    ("kind = 'a')", 10, "expected AND, OR or the end"),
    ("((((a=))))", 6, "expected a name or a value"),
    ("AND kind = 'a'", 0, "found AND"),
    ("kind == 'a'", 6, "found ="),
    ("kind != 'a'", 5, "unequal is written <>"),
    ("kind = a", 7, "text stands in single quotes"),
    ("s2:mean-x = 1", 7, "double quotes"),
    ("gsd * 2 > 3", 4, "arithmetic"),
    ("gsd - 150.0 > 0", 4, "arithmetic"),
    ("1 = (gsd div 2)", 4, "expected a name or a value"),
    ("gsd > resolution", 6, "expected a value, found the property"),
    ("1 = 1", 0, "expected a property"),
    ("'a' IS NULL", 0, "IS NULL asks for a property"),
    ("kind IS 'a'", 8, "expected NULL"),
    ("kind BETWEEN 'a' OR 'b'", 17, "expected AND and the upper end"),
    ("kind IN ()", 9, "expected a name or a value"),
    ("kind IN 'a'", 8, "expected '('"),
    ("kind IN ('a' 'b')", 13, "expected ')'"),
    ("kind LIKE 5", 10, "LIKE asks for text"),
    ("gsd LIKE 'a%'", 0, "does not take LIKE"),
    ("properties.x LIKE 'a%'", 0, "does not take LIKE"),
    ("properties.x < 4", 0, "takes =, <>, IN and IS NULL, not <"),
    ("title = 'a'", 0, "LIKE and IS NULL"),
    ("eo:cloud_cover < '10'", 17, "cloud_cover is a number, '10' is not"),
    ("eo:cloud_cover < true", 17, "cloud_cover is a number, True is not"),
    ("gsd = 1e999", 6, "resolution is a number, inf is not"),
    ("level = 2", 8, "level is text, 2 is not"),
    ("kind = DATE('2020-01-01')", 7, "kind is text"),
    ("datetime > 5", 11, "start is a time, 5 is not"),
    ("datetime > '2020-13-01'", 11, "month 13"),
    ("datetime > DATE('yesterday')", 11, "is not a date"),
    ("datetime > DATE(2020)", 16, "expected a text"),
    ("CASEI(kind) < 'a'", 0, "CASEI and ACCENTI compare with"),
    ("CASEI(kind) BETWEEN 'a' AND 'b'", 0, "CASEI and ACCENTI compare with"),
    ("Foo(geometry) = TRUE", 0, "Foo is not a function"),
    ("avg(windSpeed) < 4", 0, "avg is not a function"),
    ("S_CROSSES(geometry, POINT(1 2))", 0, "S_CROSSES is not answered here; there are S_INTERSECTS"),
    ("S_WITHIN(kind, POINT(1 2))", 9, "'kind' is no geometry"),
    ("S_WITHIN(geometry, geometry)", 0, "asks for geometry and a geometry"),
    ("S_WITHIN(POINT(1 2), POINT(1 2))", 0, "not geometry and geometry"),
    ("S_WITHIN(geometry, POINT(1))", 26, "expected a number"),
    ("S_WITHIN(geometry, POINT(1, 2))", 26, "expected a number"),
    ("S_WITHIN(geometry, POINT(1 91))", 19, "latitude 91"),
    ("S_WITHIN(geometry, POINT(1e3 2))", 19, "longitude 1000"),
    ("S_WITHIN(geometry, BBOX(1, 2, 3))", 19, "4 or 6 numbers"),
    ("S_WITHIN(geometry, BBOX(1, 20, 3, 4))", 19, "south 20 above north 4"),
    ("S_WITHIN(geometry, POLYGON((0 0, 1 0, 0 0)))", 19, "at least 4 positions"),
    ("S_WITHIN(geometry, POLYGON((0 0, 1 0, 1 1, 0 1)))", 19, "ends where it began"),
    ("S_WITHIN(geometry, GEOMETRYCOLLECTION(GEOMETRYCOLLECTION(POINT(1 2))))", 38, "expected POINT, MULTIPOINT"),
    ("S_WITHIN(geometry, CIRCLE(1 2, -3))", 19, "0 to 180"),
    ("S_WITHIN(geometry)", 17, "expected ','"),
    ("T_FOO(datetime, DATE('2020-01-01'))", 0, "not a temporal function"),
    ("T_AFTER(kind, DATE('2020-01-01'))", 8, "kind is not a time"),
    ("T_AFTER(datetime, updated)", 0, "written out"),
    ("T_AFTER(DATE('2020-01-01'), DATE('2020-01-01'))", 0, "compares a property"),
    ("T_AFTER(datetime, POINT(1 2))", 0, "expected a time"),
    ("T_DURING(datetime, INTERVAL('2021','2020'))", 19, "ends before it starts"),
    ("T_DURING(INTERVAL(start, '..'), INTERVAL('2020','2021'))", 9, "not of one each"),
    ("T_DURING(datetime, INTERVAL('2020'))", 34, "expected ','"),
    ("A_EQUALS(keywords, ('a'))", 0, "A_EQUALS is not answered"),
    ("A_CONTAINS(keywords, ())", 0, "a list of values"),
    ("A_CONTAINS(keywords, 'a')", 0, "a list of values"),
    ("kind = \ud800", 7, "surrogate"),
    ("kind = U&'\\D800'", 7, "is no character"),
    ("kind ~ 'a'", 5, "no meaning here"),
    ("kind = 'a';", 10, "no meaning here"),
    ("floors > 5", 0, "unknown field 'floors'"),
    ("properties. = 5", 0, "unknown field 'properties.'"),
]


@pytest.mark.parametrize(("text", "expected"), VALID, ids=[text[:60] for text, _ in VALID])
def test_a_valid_filter_is_read(text: str, expected: Filter) -> None:
    found = parse_text(text)
    assert found == expected
    assert parse_text(to_text(found)) == found
    assert parse_json(to_json(found)) == found


@pytest.mark.parametrize(("text", "position", "message"), INVALID, ids=[ascii(text[:60]) for text, _, _ in INVALID])
def test_an_invalid_filter_says_where_and_what(text: str, position: int | None, message: str) -> None:
    with pytest.raises(BadQueryError) as caught:
        parse_text(text)
    assert message in str(caught.value)
    assert (caught.value.position, caught.value.parameter) == (position, "filter")


def test_the_tables_are_long_enough() -> None:
    assert len(VALID) >= 80
    assert len(INVALID) >= 60


def test_an_unknown_name_lists_the_near_ones() -> None:
    with pytest.raises(UnknownFieldError) as caught:
        parse_text("kind = 'a' AND eo:clud_cover < 3", parameter="query")
    assert "cloud_cover" in caught.value.near
    assert (caught.value.parameter, caught.value.position) == ("query", 15)


BOMBS: dict[str, Callable[[int], str]] = {
    "open": lambda n: "(" * n,
    "balanced": lambda n: "(" * n + "kind='a'" + ")" * n,
    "wrong inside": lambda n: "(" * n + "a=" + ")" * n,
    "not": lambda n: "NOT " * n + "kind='a'",
    "not (": lambda n: "NOT (" * n + "kind='a'" + ")" * n,
    "casei": lambda n: "CASEI(" * n + "kind" + ")" * n + "='a'",
    "interval": lambda n: "T_AFTER(" + "INTERVAL(" * n,
    "collection": lambda n: "S_WITHIN(geometry," + "GEOMETRYCOLLECTION(" * n,
    "coordinates": lambda n: "S_WITHIN(geometry,MULTIPOLYGON" + "(" * n,
    "list": lambda n: "A_CONTAINS(keywords," + "(" * n,
    "function": lambda n: "S_WITHIN(" * n,
    "or": lambda n: " OR ".join(["kind='a'"] * n),
    "quotes": lambda n: "kind='" + "''" * n,
    "backslashes": lambda n: "kind='" + "\\" * n,
    "escapes": lambda n: "kind=U&'" + "\\" * n,
    "digits": lambda n: "gsd=" + "1" * n,
    "spaces": lambda n: " " * n,
    "names": lambda n: "a" * n,
}


def quickest(text: str) -> float:
    """Return the shortest of three tries, since the collector and neighbours may take some of any one."""
    tries = []
    for _ in range(3):
        began = time.process_time()
        with suppress(BadQueryError):
            parse_text(text)
        tries.append(time.process_time() - began)
    return min(tries)


@pytest.mark.parametrize("size", [10, 100, 10_000, 100_000])
@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_answers_at_once(kind: str, size: int) -> None:
    text = BOMBS[kind](size)
    assert quickest(text) < 0.05


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("(" * 33 + "kind='a'" + ")" * 33, "filter-depth"),
        ("NOT " * 32 + "kind='a'", "filter-depth"),
        ("NOT (" * 32 + "kind='a'" + ")" * 32, "filter-depth"),
        (" OR ".join(["kind='a'"] * 201), "filter-predicates"),
        (" OR ".join(["S_WITHIN(geometry,POINT(1 2))"] * 11), "filter-regions"),
        (" OR ".join(["S_WITHIN(geometry,BBOX(1,2,3,4))"] * 11), "filter-regions"),
        ("kind='" + "a" * MAX_BYTES + "'", "filter-bytes"),
        ("kind='" + "漢" * (MAX_BYTES // 3) + "'", "filter-bytes"),
    ],
)
def test_a_limit_is_named(text: str, limit: str) -> None:
    with pytest.raises(LimitError) as caught:
        parse_text(text)
    assert caught.value.limit == limit


def test_just_within_the_limits_is_allowed() -> None:
    parse_text("(" * MAX_DEPTH + "kind='a'" + ")" * MAX_DEPTH)
    parse_text("NOT " * (MAX_DEPTH - 1) + "kind='a'")
    parse_text(" OR ".join(["kind='a'"] * MAX_PREDICATES))


_PIECES = r"""
( ) , = < > ' " AND OR NOT IN IS NULL LIKE BETWEEN TRUE FALSE CASEI( ACCENTI( DATE( INTERVAL( TIMESTAMP( BBOX( POINT(
POLYGON(( MOC( CIRCLE( Z S_INTERSECTS( S_WITHIN( T_AFTER( T_DURING( A_CONTAINS( kind gsd datetime geometry keywords
properties.x 'a' '2020' '..' 1 -2.5 U&' \ ; eo:cloud_cover
"""
PIECES = _PIECES.split()


@given(st.lists(st.sampled_from(PIECES), max_size=60).map(" ".join) | st.text(max_size=200))
@example("U&'\\+110000'=kind")
def test_any_text_is_a_filter_or_a_bad_query(text: str) -> None:
    try:
        found = parse_text(text)
    except BadQueryError as error:
        assert error.kind in {"bad_query", "unknown_field", "limit"}  # noqa: PT017
        return
    assert parse_text(to_text(found)) == found


@pytest.mark.long
def test_a_hundred_thousand_fuzzed_texts_answer_in_50_ms_each() -> None:
    rng = random.Random(7)
    slowest = 0.0
    for _ in range(100_000):
        text = rng.choice(["", " "]).join(rng.choices(PIECES, k=rng.randrange(1, 300)))
        began = time.process_time()
        with suppress(BadQueryError):
            parse_text(text)
        took = time.process_time() - began
        slowest = max(slowest, took if took < 0.05 else quickest(text))
    assert slowest < 0.05
