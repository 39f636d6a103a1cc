from __future__ import annotations

from typing import Any

import pytest

from harvesters import places
from harvesters.document import Notes
from harvesters.wkt import MAX_TEXT, geometry

CRS84 = "<http://www.opengis.net/def/crs/OGC/1.3/CRS84>"
EPSG = "<http://www.opengis.net/def/crs/EPSG/0/4326>"
SQUARE = [[[1.0, 2.0], [3.0, 2.0], [3.0, 4.0], [1.0, 4.0], [1.0, 2.0]]]


@pytest.mark.parametrize(
    ("value", "kind", "coordinates"),
    [
        ("POINT (1 2)", "Point", [1.0, 2.0]),
        ("point z(1 2 3)", "Point", [1.0, 2.0, 3.0]),
        ("MULTIPOINT ((1 2), (3 4))", "MultiPoint", [[1.0, 2.0], [3.0, 4.0]]),
        ("MULTIPOINT (1 2, 3 4)", "MultiPoint", [[1.0, 2.0], [3.0, 4.0]]),
        ("LINESTRING(1 2,3 4)", "LineString", [[1.0, 2.0], [3.0, 4.0]]),
        ("POLYGON((1 2,3 2,3 4,1 4,1 2))", "Polygon", SQUARE),
        (f"{CRS84} POLYGON((1 2,3 2,3 4,1 4,1 2))", "Polygon", SQUARE),
        (f"{EPSG} POLYGON((2 1,2 3,4 3,4 1,2 1))", "Polygon", SQUARE),
        ("SRID=4326;POLYGON((1 2,3 2,3 4,1 4,1 2))", "Polygon", SQUARE),
        ("MULTIPOLYGON(((1 2,3 2,3 4,1 4,1 2)))", "MultiPolygon", [SQUARE]),
        ("ENVELOPE(1, 3, 4, 2)", "Polygon", SQUARE),
        ("BOX(1 2,3 4)", "Polygon", SQUARE),
        ('{"type": "Point", "coordinates": [1, 2]}', "Point", [1, 2]),
    ],
)
def test_a_place_in_words_is_a_geometry(value: str, kind: str, coordinates: Any) -> None:
    notes = Notes()
    found = geometry(value, notes, "p")
    assert found == {"type": kind, "coordinates": coordinates}
    assert places.geometry(found, notes) is not None
    assert notes.issues == ()


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("United States", ""),
        ("https://sws.geonames.org/734077", ""),
        ("", ""),
        ("POLYGON EMPTY", ""),
        ("POLYGON((1 2,3", ""),
        ("POLYGON((1 2,3 4)", "bad-geometry"),
        ("POINT (one two)", "bad-geometry"),
        ("POINT ()", "bad-geometry"),
        ("POINT (1 2))", "bad-geometry"),
        ("ENVELOPE(1, 2)", "bad-geometry"),
        ("MULTIPOINT (())", "bad-geometry"),
        (f"{'POLYGON' + '(' * 50}1 2{')' * 50}", "bad-geometry"),
        ("<http://www.opengis.net/def/crs/EPSG/0/3857> POINT (1 2)", "unknown-crs"),
        ("{", "bad-geometry"),
        ("[1, 2]", ""),
        ("x" * (MAX_TEXT + 1), "too-long"),
    ],
)
def test_what_is_no_geometry_is_none(value: str, code: str) -> None:
    notes = Notes()
    assert geometry(value, notes, "p") is None
    assert [each.code for each in notes.issues] == ([code] if code else [])
