from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from discovery.model.extent import Extent
from discovery.model.instant import instant, span
from harvesters.document import Notes
from harvesters.iso_extent import extent


def read(*parts: str) -> tuple[Extent, list[str]]:
    notes = Notes()
    body = "".join(f"<extent><EX_Extent>{part}</EX_Extent></extent>" for part in parts)
    found = extent(etree.fromstring(f'<i xmlns:gml="http://www.opengis.net/gml/3.2">{body}</i>'), notes)
    return found, [each.code for each in notes.issues]


def box(west: Any, south: Any, east: Any, north: Any, more: str = "") -> str:
    sides = zip(("westBoundLongitude", "southBoundLatitude", "eastBoundLongitude", "northBoundLatitude"),
                (west, south, east, north), strict=True)  # fmt: skip
    text = "".join(f"<{name}><Decimal>{value}</Decimal></{name}>" for name, value in sides)
    return f"<geographicElement><EX_GeographicBoundingBox>{more}{text}</EX_GeographicBoundingBox></geographicElement>"


def period(start: str, end: str) -> str:
    inside = f"<gml:TimePeriod>{start}{end}</gml:TimePeriod>"
    return f"<temporalElement><EX_TemporalExtent><extent>{inside}</extent></EX_TemporalExtent></temporalElement>"


def polygon(inside: str) -> str:
    return (
        f"<geographicElement><EX_BoundingPolygon><polygon>{inside}</polygon></EX_BoundingPolygon></geographicElement>"
    )


@pytest.mark.parametrize(
    ("sides", "expected", "codes"),
    [
        ((1, 2, 3, 4), (1, 2, 3, 4), []),
        (("1,5", "2,5", "3,5", "4,5"), (1.5, 2.5, 3.5, 4.5), []),
        ((170, -10, -170, 10), (170, -10, -170, 10), []),
        ((40, 100, 50, 120), (100, 40, 120, 50), ["swapped-bbox"]),
        ((1, 4, 3, 2), (1, 2, 3, 4), ["swapped-bbox"]),
        ((1, 2, "x", 4), None, ["bad-bbox"]),
        ((1, 2, "NaN", 4), None, ["bad-bbox"]),
        ((1, 2, 1e999, 4), None, ["bad-bbox"]),
        ((1, 200, 200, 300), None, ["bad-bbox"]),
        (("", "", "", ""), None, []),
    ],
)
def test_a_box_is_read_or_noted(sides: tuple[Any, ...], expected: Any, codes: list[str]) -> None:
    found, issues = read(box(*sides))
    assert (found.bbox, issues) == (expected, codes)


def test_several_boxes_are_one_around_them_and_their_parts() -> None:
    found, _ = read(box(1, 2, 3, 4), box(10, 20, 30, 40), box(1, 2, 3, 4))
    drawn = found.geometry or {}
    assert (found.bbox, drawn["type"], len(drawn["coordinates"])) == ((1, 2, 30, 40), "MultiPolygon", 2)


def test_a_box_over_the_antimeridian_among_others_goes_round_the_earth() -> None:
    found, _ = read(box(170, 0, -170, 5), box(1, 2, 3, 4))
    assert (found.bbox, len((found.geometry or {})["coordinates"])) == ((-180, 0, 180, 5), 3)


def test_a_box_of_where_the_data_are_not_is_no_place() -> None:
    found, _ = read(box(1, 2, 3, 4, "<extentTypeCode><Boolean>false</Boolean></extentTypeCode>"))
    assert found.bbox is None


RING = "<gml:exterior><gml:LinearRing>{}</gml:LinearRing></gml:exterior>"
LIST = RING.format("<gml:posList>1 2 3 2 3 4 1 2</gml:posList>")
TURNED = RING.format("<gml:posList>2 1 2 3 4 3 2 1</gml:posList>")
DRAWN = {"type": "Polygon", "coordinates": [[[1, 2], [3, 2], [3, 4], [1, 2]]]}


POINTS = "<gml:pos>1 2</gml:pos><gml:pos>3 2</gml:pos><gml:pos>3 4</gml:pos><gml:pos>1 2</gml:pos>"
DEEP = '<gml:posList srsDimension="3">1 2 0 3 2 0 3 4 0 1 2 0</gml:posList>'
MEMBER = f"<gml:surfaceMember><gml:Polygon>{TURNED}</gml:Polygon></gml:surfaceMember>"


@pytest.mark.parametrize(
    "inside",
    [
        f"<gml:Polygon>{LIST}</gml:Polygon>",
        f"<gml:Polygon>{RING.format(POINTS)}</gml:Polygon>",
        f"<gml:Polygon>{RING.format('<gml:coordinates>1,2 3,2 3,4 1,2</gml:coordinates>')}</gml:Polygon>",
        f"<gml:Polygon>{RING.format(DEEP)}</gml:Polygon>",
        f'<gml:Polygon srsName="urn:ogc:def:crs:EPSG::4326">{TURNED}</gml:Polygon>',
        f'<gml:MultiSurface srsName="http://www.opengis.net/def/crs/EPSG/0/4326">{MEMBER}</gml:MultiSurface>',
    ],
)
def test_a_polygon_is_read_in_every_way_of_writing_it(inside: str) -> None:
    assert read(polygon(inside))[0].geometry == DRAWN


def test_the_box_tells_which_number_is_the_latitude() -> None:
    far = RING.format("<gml:posList>102 1 102 3 104 3 102 1</gml:posList>")
    drawn = polygon(f'<gml:Polygon srsName="urn:ogc:def:crs:EPSG::4326">{far}</gml:Polygon>')
    found, issues = read(box(101, 0, 105, 5), drawn)
    assert ((found.geometry or {})["coordinates"][0][0], issues) == ([102, 1], [])
    found, issues = read(box(1, 2, 3, 4), drawn)
    assert (found.geometry, issues) == (None, ["bad-geometry"])


def test_points_and_lines_are_geometries_too() -> None:
    assert read(polygon("<gml:Point><gml:pos>5 6</gml:pos></gml:Point>"))[0].geometry == {
        "type": "Point",
        "coordinates": [5, 6],
    }
    line, _ = read(polygon("<gml:LineString><gml:posList>1 2 3 4</gml:posList></gml:LineString>"))
    assert line.geometry == {"type": "LineString", "coordinates": [[1, 2], [3, 4]]}
    both = "<gml:Point><gml:pos>5 6</gml:pos></gml:Point><gml:Point><gml:pos>7 8</gml:pos></gml:Point>"
    assert read(polygon(both))[0].geometry == {"type": "MultiPoint", "coordinates": [[5, 6], [7, 8]]}


@pytest.mark.parametrize("positions", ["1 2 3", "a b c d", "1 2 NaN 4", "", "500 500 600 600 700 700 500 500"])
def test_positions_that_are_none_are_left_out(positions: str) -> None:
    ring = RING.format(f"<gml:posList>{positions}</gml:posList>")
    assert read(polygon(f"<gml:Polygon>{ring}</gml:Polygon>"))[0].geometry is None


@pytest.mark.slow
def test_a_polygon_of_too_many_corners_is_left_out() -> None:
    ring = RING.format(f"<gml:posList>{'1 2 ' * 100_001}</gml:posList>")
    assert read(polygon(f"<gml:Polygon>{ring}</gml:Polygon>")) == (Extent(), ["bad-geometry"])


BEGIN, END = "<gml:beginPosition>2001</gml:beginPosition>", "<gml:endPosition>2003-05</gml:endPosition>"
FIRST, LAST = instant("2001"), span("2003-05")[1]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (BEGIN, END, (FIRST, LAST)),
        (BEGIN, '<gml:endPosition indeterminatePosition="now"/>', (FIRST, None)),
        (BEGIN, '<gml:endPosition indeterminatePosition="unknown">unknown</gml:endPosition>', (FIRST, None)),
        (BEGIN, "<gml:endPosition>now</gml:endPosition>", (FIRST, None)),
        ('<gml:beginPosition indeterminatePosition="before">2001</gml:beginPosition>', END, (FIRST, LAST)),
        ("<gml:beginPosition/>", "<gml:endPosition/>", (None, None)),
        (
            "<gml:begin><gml:TimeInstant><gml:timePosition>2001</gml:timePosition></gml:TimeInstant></gml:begin>",
            "<gml:end><gml:TimeInstant><gml:timePosition>2003-05</gml:timePosition></gml:TimeInstant></gml:end>",
            (FIRST, LAST),
        ),
    ],
)
def test_a_period_may_be_open_at_an_end(start: str, end: str, expected: Any) -> None:
    found, issues = read(period(start, end))
    assert ((found.start, found.end), issues) == (expected, [])


def test_several_periods_are_one_from_the_first_to_the_last() -> None:
    found, _ = read(period(BEGIN, END), period("<gml:beginPosition>1999</gml:beginPosition>", END))
    assert (found.start, found.end) == (instant("1999"), LAST)


def test_an_instant_is_a_period_and_a_period_that_runs_backwards_is_turned() -> None:
    inside = "<gml:TimeInstant><gml:timePosition>2001-02-03</gml:timePosition></gml:TimeInstant>"
    found, _ = read(
        f"<temporalElement><EX_TemporalExtent><extent>{inside}</extent></EX_TemporalExtent></temporalElement>"
    )
    assert (found.start, found.end) == span("2001-02-03")
    turned, issues = read(
        period("<gml:beginPosition>2005</gml:beginPosition>", "<gml:endPosition>2001</gml:endPosition>")
    )
    assert (turned.start, turned.end, issues) == (span("2001")[1], instant("2005"), ["bad-interval"])


@pytest.mark.parametrize("date", ["0000-00-00", "99999-01-01", "last year", "2001-13-45"])
def test_a_date_that_is_none_is_noted(date: str) -> None:
    found, issues = read(period(f"<gml:beginPosition>{date}</gml:beginPosition>", END))
    assert (found.start, found.end, issues) == (None, LAST, ["bad-date"])


def test_a_document_without_identification_has_no_extent() -> None:
    assert extent(None, Notes()) == Extent()
