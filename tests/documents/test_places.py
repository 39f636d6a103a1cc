from __future__ import annotations

import json
from typing import Any

import pytest
import shapely

from discovery.documents import places
from discovery.model.extent import SKY, Extent


def square(west: float, south: float, east: float, north: float) -> list[list[list[float]]]:
    return [[[west, south], [east, south], [east, north], [west, north], [west, south]]]


@pytest.mark.parametrize(
    ("geometry", "box"),
    [
        ({"type": "Point", "coordinates": [1.0, 2.0]}, (1.0, 2.0, 1.0, 2.0)),
        ({"type": "Polygon", "coordinates": square(1, 2, 3, 4)}, (1, 2, 3, 4)),
        ({"type": "Polygon", "coordinates": square(-180, -90, 180, 90)}, (-180, -90, 180, 90)),
        (
            {"type": "MultiPolygon", "coordinates": [square(170, 0, 180, 5), square(-180, 0, -175, 6)]},
            (170, 0, -175, 6),
        ),
        ({"type": "MultiPolygon", "coordinates": [square(0, 0, 1, 1), square(5, 0, 6, 1)]}, (0, 0, 6, 1)),
        (
            {
                "type": "GeometryCollection",
                "geometries": [{"type": "MultiPoint", "coordinates": [[179, 1], [-179, 2]]}],
            },
            (179, 1, -179, 2),
        ),
        ({"type": "Moc", "moc": "0/1"}, None),
        ({"type": "Polygon", "coordinates": []}, None),
    ],
)
def test_the_box_is_the_shortest_around_it(geometry: dict[str, Any], box: places.Box | None) -> None:
    assert places.box(Extent(geometry=geometry)) == box


@pytest.mark.parametrize(("x", "y", "radius"), [(0, 0, 1), (179.5, 10, 1), (20, 80, 3), (0, 89, 2), (0, 0, 170)])
def test_a_circle_lies_within_its_box(x: float, y: float, radius: float) -> None:
    found = places.box(Extent(geometry={"type": "Circle", "center": [x, y], "radius": radius}))
    assert found is not None
    west, south, east, north = found
    width = (east - west) % 360 or 360
    assert width >= min(360, 2 * radius)
    assert south <= max(-90, y - radius)
    assert north >= min(90, y + radius)


@pytest.mark.parametrize("box", [(1.5, -2.25, 3, 4), (170, -10, -170, 10)])
def test_a_box_is_wkt_that_others_read(box: places.Box) -> None:
    shape = shapely.from_wkt(places.box_wkt(box))
    assert shape.is_valid
    assert [each.bounds for each in shapely.get_parts(shape)] == list(places.boxes(box))


@pytest.mark.parametrize(
    "geometry",
    [
        {"type": "Point", "coordinates": [1.5, -2.0]},
        {"type": "LineString", "coordinates": [[0, 1], [2, 3]]},
        {"type": "Polygon", "coordinates": [*square(0, 0, 9, 9), *square(1, 1, 2, 2)]},
        {"type": "MultiPolygon", "coordinates": [square(0, 0, 1, 1), square(5, 0, 6.123456789, 1)]},
    ],
)
def test_a_footprint_is_wkt_that_others_read(geometry: dict[str, Any]) -> None:
    found = shapely.from_wkt(places.wkt(Extent(geometry=geometry)))
    assert found.equals(shapely.from_geojson(json.dumps(geometry)))


def test_a_footprint_that_is_too_long_or_not_on_earth_has_no_wkt() -> None:
    long = [[[float(n % 360), float(n % 90)] for n in range(10_000)]]
    assert places.wkt(Extent(geometry={"type": "Polygon", "coordinates": long})) == ""
    assert places.wkt(Extent(frame=SKY, geometry={"type": "Point", "coordinates": [1, 2]})) == ""


def test_the_sky_and_the_planets_are_told_in_words() -> None:
    assert places.told(Extent(frame=SKY, bbox=(10, 20, 10.4, 20.4))) == (
        "Sky (ICRS): right ascension 10 to 10.4 deg, declination 20 to 20.4 deg"
    )
    assert places.told(Extent(frame="mars", bbox=(1, 2, 3, 4))).startswith("Mars: longitude 1 to 3 deg")
    assert places.told(Extent(bbox=(1, 2, 3, 4))) == places.told(Extent(frame=SKY)) == ""


def test_an_angle_is_written_without_exponents_and_negative_zeros() -> None:
    given = (-0.0, -1e-12, 1e-7, 180.0, -12.5)
    assert list(map(places.degrees, given)) == ["0", "0", "0.0000001", "180", "-12.5"]
