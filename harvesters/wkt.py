"""Places as texts: well-known text with or without the name of a reference system, and GeoJSON written as a text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

from harvesters.document import Notes

MAX_TEXT: Final = 2_000_000
"""Characters of one place."""
_SHAPE: Final = re.compile(
    r"\s*(?:<(?P<crs>[^<>]{1,200})>|SRID=(?P<srid>[0-9]{1,6});)?\s*"
    r"(?P<kind>POINT|LINESTRING|POLYGON|MULTIPOINT|MULTILINESTRING|MULTIPOLYGON|ENVELOPE|BOX)\s*Z?\s*(?P<rest>\(.*\))\s*",
    re.IGNORECASE | re.DOTALL,
)
_GEOGRAPHIC: Final = ("CRS84", "4326", "4258", "4979")


def geometry(value: str, notes: Notes, path: str) -> Mapping[str, Any] | None:
    """Return the GeoJSON geometry that a text writes down; None for a text that is no geometry, such as a name.

    Args:
        value: The text.
        notes: Told of a geometry that cannot be read.
        path: Where it stands.
    """
    if len(value) > MAX_TEXT:
        notes.add("too-long", f"{path} has {len(value)} characters; allowed are {MAX_TEXT}", path)
        return None
    if value.lstrip().startswith("{"):
        return _json(value, notes, path)
    found = _SHAPE.fullmatch(value)
    if found is None:
        return None
    crs = found["crs"] or found["srid"] or ""
    if crs and not crs.rstrip("/").endswith(_GEOGRAPHIC):
        notes.add("unknown-crs", f"{path} is in {crs[:100]!r}, which is not degrees; it was left out", path)
        return None
    # By its registry EPSG:4326 has latitude first; CRS84, and a text that names none, have longitude first.
    swapped = found["crs"] is not None and "EPSG" in crs.upper()
    try:
        return _shape(found["kind"].upper(), found["rest"], swapped=swapped)
    except (ValueError, IndexError):
        notes.add("bad-geometry", f"{path} is no well-known text: {value[:80]!r}", path)
        return None


def _json(value: str, notes: Notes, path: str) -> Mapping[str, Any] | None:
    try:
        found = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        notes.add("bad-geometry", f"{path} begins like GeoJSON and is none: {error}", path)
        return None
    return found if isinstance(found, dict) else None


def _shape(kind: str, rest: str, *, swapped: bool) -> Mapping[str, Any]:
    if kind in ("ENVELOPE", "BOX"):
        first, second, third, fourth = (float(each) for each in rest.strip("() ").replace(",", " ").split())
        # ENVELOPE(west, east, north, south), and BOX(west south, east north).
        west, south, east, north = (
            (first, fourth, second, third) if kind == "ENVELOPE" else (first, second, third, fourth)
        )
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        return {"type": "Polygon", "coordinates": [ring]}
    names = {"LINESTRING": "LineString", "MULTILINESTRING": "MultiLineString", "MULTIPOLYGON": "MultiPolygon"}
    nested = _nested(rest, swapped=swapped)
    name = names.get(kind, {"MULTIPOINT": "MultiPoint"}.get(kind, kind.title()))
    if kind == "POINT":
        return {"type": name, "coordinates": nested[0]}
    if kind == "MULTIPOINT":
        return {"type": name, "coordinates": [each[0] if isinstance(each[0], list) else each for each in nested]}
    return {"type": name, "coordinates": nested}


def _nested(text: str, *, swapped: bool) -> list[Any]:
    """Return the lists that brackets write down, with positions as the innermost ones."""
    stack: list[list[Any]] = [[]]
    for token in re.findall(r"[()]|[^(),]+", text):
        word = token.strip()
        if word == "(":
            stack.append([])
            if len(stack) > 6:
                raise ValueError("too deep")
        elif word == ")":
            done = stack.pop()
            stack[-1].append(done)
        elif word:
            position = [float(each) for each in word.split()]
            stack[-1].append([position[1], position[0], *position[2:]] if swapped else position)
    if len(stack) != 1 or len(stack[0]) != 1:
        raise ValueError("brackets do not match")
    inside: list[Any] = stack[0][0]
    return inside
