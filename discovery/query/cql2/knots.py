"""Polygons that cross themselves, kept few: repairing one takes time with the cube of its crossings.

A ring of 700 random positions fits into 8 KiB and keeps GEOS busy for minutes, so a filter may have only a few
positions in polygons that need a repair, and only so many in collections whose members are merged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import shapely
import shapely.geometry
import spherely

from discovery.errors import LimitError
from discovery.model.extent import EARTH
from discovery.query.cql2.limits import MAX_CROSSING, MAX_MERGED, Budget


def spend(geometry: Mapping[str, Any], frame: str, budget: Budget, parameter: str | None) -> None:
    """Take from the budget what it will cost to make this geometry valid.

    Raises:
        LimitError: The filter has too many positions in polygons that cross themselves, or in collections.
    """
    if geometry["type"] == "GeometryCollection":
        budget.merged -= sum(_positions(each) for each in geometry["geometries"])
        if budget.merged < 0:
            message = f"the collections of geometries have more than {MAX_MERGED} positions"
            raise LimitError("filter-collection", message, parameter=parameter)
    for polygon in _polygons(geometry, frame):
        if _is_simple(polygon, frame):
            continue
        budget.crossing -= int(shapely.get_num_coordinates(polygon))
        if budget.crossing < 0:
            message = f"polygons that cross themselves have more than {MAX_CROSSING} positions"
            raise LimitError("filter-crossing", message, parameter=parameter)


def _polygons(geometry: Mapping[str, Any], frame: str) -> Iterator[Any]:
    """Yield what is made valid at once: a multipolygon as a whole on the Earth's map, its parts on a sphere."""
    for each in geometry.get("geometries", (geometry,)):
        if each["type"] in ("Polygon", "MultiPolygon"):
            shape = shapely.geometry.shape(each)
            yield from (shape,) if frame == EARTH else shapely.get_parts(shape)


def _is_simple(polygon: Any, frame: str) -> bool:
    if shapely.is_valid(polygon):
        return True
    if frame == EARTH:
        return False
    try:
        # What crosses itself on a map may be whole on the sphere, at a pole or over 0/360.
        spherely.from_wkb(shapely.to_wkb(shapely.remove_repeated_points(polygon)))
    except (RuntimeError, ValueError, shapely.errors.GEOSException):
        return False
    return True


def _positions(geometry: Mapping[str, Any]) -> int:
    return int(shapely.get_num_coordinates(shapely.geometry.shape(geometry)))
