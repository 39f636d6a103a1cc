"""Where a record is, as documents write it: boxes on Earth, WKT, and words for the sky and the planets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from discovery.documents import words
from discovery.model.extent import EARTH, SKY, Extent
from discovery.model.stac import positions

Box = tuple[float, float, float, float]
"""West, south, east, north in degrees; west > east across the antimeridian."""

MAX_WKT: Final = 20_000
"""Characters of a footprint in a document; longer ones are told as their box alone."""
_SIMPLE: Final = {"Point": "POINT", "Polygon": "POLYGON", "MultiPolygon": "MULTIPOLYGON", "LineString": "LINESTRING"}


def box(extent: Extent) -> Box | None:
    """Return the box around an extent, None where nothing is known of it.

    Parts on both sides of the antimeridian give one box across it and not one around the world.
    """
    if extent.bbox is not None:
        return extent.bbox
    geometry = extent.geometry
    if geometry is None or geometry.get("type") in ("Circle", "Moc"):
        return _circle(geometry) if geometry is not None else None
    parts = [list(positions(each)) for each in _parts(geometry)]
    parts = [each for each in parts if each]
    if not parts:
        return None
    latitudes = [y for part in parts for _, y in part]
    west, east = _around([(min(x for x, _ in part), max(x for x, _ in part)) for part in parts])
    return west, min(latitudes), east, max(latitudes)


def _circle(geometry: Mapping[str, Any]) -> Box | None:
    if geometry.get("type") != "Circle":
        return None
    (x, y), radius = geometry["center"][:2], float(geometry["radius"])
    # Around a pole, or nearly so, a circle has every longitude.
    if abs(y) + radius >= 85:
        return -180.0, max(-90.0, y - radius), 180.0, min(90.0, y + radius)
    # At 85 degrees a degree of longitude is a tenth of one of latitude; a box may be too wide, never too narrow.
    wide = min(180.0, radius * 12) if abs(y) + radius > 60 else min(180.0, radius * 2)
    west, east = x - wide, x + wide
    if wide >= 180.0:
        return -180.0, y - radius, 180.0, y + radius
    return _turned(west), y - radius, _turned(east), y + radius


def _turned(longitude: float) -> float:
    return (longitude + 180.0) % 360.0 - 180.0


def _parts(geometry: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    kind = geometry.get("type")
    if kind == "GeometryCollection":
        for each in geometry.get("geometries") or ():
            yield from _parts(each)
    elif kind in ("MultiPolygon", "MultiPoint", "MultiLineString"):
        for each in geometry.get("coordinates") or ():
            yield {"coordinates": each}
    else:
        yield geometry


def _around(spans: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the shortest span of longitudes that holds all of these."""
    merged: list[list[float]] = []
    for west, east in sorted(spans):
        if merged and west <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], east)
        else:
            merged.append([west, east])
    gaps = [merged[at + 1][0] - merged[at][1] for at in range(len(merged) - 1)]
    over = merged[0][0] + 360.0 - merged[-1][1]
    widest = max(range(len(gaps)), key=gaps.__getitem__, default=None)
    if widest is None or over >= gaps[widest]:
        return merged[0][0], merged[-1][1]
    return merged[widest + 1][0], merged[widest][1]


def boxes(found: Box) -> tuple[Box, ...]:
    """Return a box as one or, across the antimeridian, as the two that no reader can misunderstand."""
    west, south, east, north = found
    if west <= east:
        return (found,)
    return (west, south, 180.0, north), (-180.0, south, east, north)


def box_wkt(found: Box) -> str:
    """Return a box as WKT in longitude and latitude."""
    rings = [_ring(*each) for each in boxes(found)]
    return f"POLYGON({rings[0]})" if len(rings) == 1 else f"MULTIPOLYGON({','.join(f'({each})' for each in rings)})"


def _ring(west: float, south: float, east: float, north: float) -> str:
    corners = ((west, south), (east, south), (east, north), (west, north), (west, south))
    return f"({','.join(f'{degrees(x)} {degrees(y)}' for x, y in corners)})"


def wkt(extent: Extent) -> str:
    """Return a footprint on Earth as WKT; empty where its box says it all, or it is too long for a document."""
    geometry = extent.geometry
    name = _SIMPLE.get(geometry.get("type", "")) if geometry is not None else None
    if extent.frame != EARTH or geometry is None or name is None:
        return ""
    coordinates = geometry.get("coordinates")
    if not coordinates or sum(1 for _ in zip(positions(geometry), range(MAX_WKT // 8), strict=False)) >= MAX_WKT // 8:
        return ""
    found = f"{name}({_pair(coordinates)})" if name == "POINT" else f"{name}{_nested(coordinates)}"
    return found if len(found) <= MAX_WKT else ""


def _nested(coordinates: Any) -> str:
    if isinstance(coordinates[0][0], int | float):
        return f"({','.join(map(_pair, coordinates))})"
    return f"({','.join(map(_nested, coordinates))})"


def _pair(position: Any) -> str:
    return f"{degrees(position[0])} {degrees(position[1])}"


def degrees(number: float) -> str:
    """Return an angle as short as it can be, to nine decimals."""
    found = f"{number:.9f}".rstrip("0").rstrip(".")
    return "0" if found == "-0" else found


def told(extent: Extent) -> str:
    """Return a place that no map of the Earth has, in words; empty where nothing is known of it."""
    if extent.frame == EARTH or (found := box(extent)) is None:
        return ""
    west, south, east, north = map(degrees, found)
    if extent.frame == SKY:
        return f"Sky (ICRS): right ascension {west} to {east} deg, declination {south} to {north} deg"
    body = words.line(extent.frame, 100).capitalize()
    return f"{body}: longitude {west} to {east} deg, latitude {south} to {north} deg"
