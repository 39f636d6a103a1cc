"""Geometries of both forms of CQL2, and how they are written back as WKT."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from discovery.query.cql2.limits import Budget, too_many_positions, too_many_regions
from discovery.query.cql2.predicates import Place, Shape

LEVELS: Final = {
    "Point": 0,
    "MultiPoint": 1,
    "LineString": 1,
    "MultiLineString": 2,
    "Polygon": 2,
    "MultiPolygon": 3,
}
"""How many lists a geometry's positions are in."""
COLLECTION: Final = "GeometryCollection"
CIRCLE: Final = "Circle"
MOC: Final = "Moc"
TYPES: Final = (*LEVELS, COLLECTION, CIRCLE, MOC)
"""The geometries of GeoJSON and two of our own, as `discovery.model.extent.Geometry` has them."""
_LINES: Final = {"LineString": 2, "MultiLineString": 2, "Polygon": 4, "MultiPolygon": 4}
_WEST, _EAST = -180.0, 360.0


def geometry(value: Mapping[str, Any], place: Place, budget: Budget) -> Shape:
    """Return a geometry as an operand, without heights and with coordinates as floats.

    Args:
        value: A GeoJSON geometry, Circle or Moc.
        place: Where it stands.
        budget: What the geometries of the filter may still spend; it goes down.

    Raises:
        BadQueryError: It is no valid geometry.
        LimitError: The filter has more than 5,000 positions.
    """
    _count(place, budget)
    return Shape(_geometry(value, place, budget), place, budget)


def box(numbers: Sequence[object], place: Place, budget: Budget) -> Shape:
    """Return the box of 4 numbers (west, south, east, north) or of 6 with heights; west > east crosses 180 degrees."""
    _count(place, budget)
    if len(numbers) not in (4, 6):
        raise place.error(f"a box has 4 or 6 numbers, not {len(numbers)}")
    values = [_number(each, place) for each in numbers]
    west, south, east, north = values if len(values) == 4 else (*values[:2], *values[3:5])
    for lon, lat in ((west, south), (east, north)):
        _check(lon, lat, place)
    if south > north:
        raise place.error(f"the box has south {south:g} above north {north:g}")
    return Shape({}, place, budget, box=(west, south, east, north))


def _count(place: Place, budget: Budget) -> None:
    budget.regions -= 1
    if budget.regions < 0:
        raise too_many_regions(place.parameter)


def _geometry(value: Mapping[str, Any], place: Place, budget: Budget) -> dict[str, Any]:
    kind = value.get("type")
    if kind == COLLECTION:
        return _collection(value.get("geometries"), place, budget)
    if kind == CIRCLE:
        center, radius = _position(value.get("center"), place, budget), _number(value.get("radius"), place)
        if not 0 <= radius <= 180:
            raise place.error(f"a radius is 0 to 180 degrees, not {radius:g}")
        return {"type": CIRCLE, "center": center, "radius": radius}
    if kind == MOC:
        moc = value.get("moc")
        if not isinstance(moc, str) or not moc.strip():
            raise place.error("a MOC is text such as 3/1-4 5/20")
        return {"type": MOC, "moc": moc}
    if not isinstance(kind, str) or kind not in LEVELS:
        raise place.error(f"{str(kind)[:40]!r} is not one of the geometries {', '.join(TYPES)}")
    return {"type": kind, "coordinates": _coordinates(value.get("coordinates"), kind, LEVELS[kind], place, budget)}


def _collection(values: object, place: Place, budget: Budget) -> dict[str, Any]:
    if not isinstance(values, list | tuple) or not values:
        raise place.error(f"a {COLLECTION} needs at least one geometry")
    found = []
    for each in values:
        if not isinstance(each, Mapping) or each.get("type") not in tuple(LEVELS):
            raise place.error(f"a {COLLECTION} holds {', '.join(LEVELS)}")
        found.append(_geometry(each, place, budget))
    return {"type": COLLECTION, "geometries": found}


def _coordinates(value: object, kind: str, level: int, place: Place, budget: Budget) -> list[Any]:
    if level == 0:
        return _position(value, place, budget)
    if not isinstance(value, list | tuple) or not value:
        raise place.error(f"the coordinates of a {kind} are lists within lists, none of them empty")
    found = [_coordinates(each, kind, level - 1, place, budget) for each in value]
    if level == 1 and len(found) < _LINES.get(kind, 1):
        raise place.error(f"a line of a {kind} has at least {_LINES[kind]} positions, not {len(found)}")
    if level == 1 and kind.endswith("Polygon") and found[0] != found[-1]:
        raise place.error(f"a ring of a {kind} ends where it began")
    return found


def _position(value: object, place: Place, budget: Budget) -> list[float]:
    budget.positions -= 1
    if budget.positions < 0:
        raise too_many_positions(place.parameter)
    if not isinstance(value, list | tuple) or not 2 <= len(value) <= 4:
        raise place.error("a position is a longitude and a latitude, perhaps with a height")
    lon, lat = (_number(each, place) for each in value[:2])
    for each in value[2:]:
        _number(each, place)
    _check(lon, lat, place)
    return [lon, lat]


def _check(lon: float, lat: float, place: Place) -> None:
    if not _WEST <= lon <= _EAST:
        raise place.error(f"longitude {lon:g} is not between {_WEST:g} and {_EAST:g}")
    if not -90 <= lat <= 90:
        raise place.error(f"latitude {lat:g} is not between -90 and 90")


def _number(value: object, place: Place) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300 and math.isfinite(value):
        return float(value) + 0.0  # -0.0 becomes 0.0
    shown = value if isinstance(value, float) else type(value).__name__
    raise place.error(f"expected a finite number, found {shown}")


def to_wkt(value: Mapping[str, Any]) -> str:
    """Return a geometry as CQL2 text writes it."""
    kind = value["type"]
    if kind == COLLECTION:
        return f"GEOMETRYCOLLECTION({', '.join(to_wkt(each) for each in value['geometries'])})"
    if kind == CIRCLE:
        return f"CIRCLE({_written(value['center'])}, {value['radius']!r})"
    if kind == MOC:
        quoted = str(value["moc"]).replace("'", "''")
        return f"MOC('{quoted}')"
    text = _lists(value["coordinates"], LEVELS[kind])
    return f"{kind.upper()}({text})" if kind == "Point" else f"{kind.upper()}{text}"


def _lists(value: Any, level: int) -> str:
    if level == 0:
        return _written(value)
    return f"({', '.join(_lists(each, level - 1) for each in value)})"


def _written(position: Sequence[float]) -> str:
    return " ".join(repr(float(each)) for each in position)
