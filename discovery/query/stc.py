"""Footprints as archives write them: STC-S in its many dialects (s_region), DALI number lists, and MOCs.

Observation tables of the Virtual Observatory carry footprints as text. Much of it is outside any standard: no frame,
any case, brackets and commas or none, open or closed rings, negative right ascension. What is read here is what
archives were seen to write.
"""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from discovery.model.extent import SKY, Geometry
from discovery.query.cover import box_geometry
from discovery.query.footprint import bad, build

_MOST_TEXT = 40_000_000
_MOST_SHAPES = 10_000
_DEPTH = 8
_MOC = re.compile(r"(?:MOC\s+)?(\d{1,2}/[\d\s,/-]*)", re.IGNORECASE)
_TOKEN = re.compile(r"[()]|[^\s,()]+")
# ICRS and these agree to well under an arc second; GSC1 is what MAST writes for the Guide Star Catalog's.
_ICRS = frozenset(("ICRS", "J2000", "FK5", "GSC1", "GSC2", "UNKNOWNFRAME", "UNKNOWN"))
_TURNED = {"GALACTIC": "galactic", "ECLIPTIC": "barycentricmeanecliptic", "FK4": "fk4", "B1950": "fk4"}
_IGNORED = frozenset(
    (
        *("TOPOCENTER", "GEOCENTER", "BARYCENTER", "HELIOCENTER", "GALACTIC_CENTER", "LSR", "EMBARYCENTER"),
        *("UNKNOWNREFPOS", "RELOCATABLE", "SPHERICAL2", "SPHERICAL3", "CARTESIAN2", "CARTESIAN3", "UNITSPHERE"),
    )
)
_SHAPES = frozenset(("POLYGON", "CIRCLE", "BOX", "POSITION", "POINT", "RANGE", "ELLIPSE", "CONVEX"))
_GROUPS = frozenset(("UNION", "INTERSECTION", "DIFFERENCE", "NOT"))


def stc(text: str, xtype: str = "") -> Geometry | None:
    """Return the footprint that a text such as `Polygon ICRS 1 2 3 4 5 6` stands for, on the sky in ICRS.

    Where a part is cut out (`Not`, `Difference`, `Intersection`) the footprint is the whole from which it is cut, so
    that nothing is missed. An ellipse becomes the circle around it.

    Args:
        text: What the archive wrote; empty gives None.
        xtype: DALI's name (`point`, `circle`, `polygon`, `range`, `moc`) of a bare list of numbers, where known.

    Raises:
        RecordError: It cannot be read.
    """
    text = text.strip()
    if not text or text.lower() in ("nan", "null", "none"):
        return None
    if len(text) > _MOST_TEXT:
        raise bad(f"a region of {len(text):,} characters; at most {_MOST_TEXT:,} are read")
    if moc := _MOC.fullmatch(text):
        geometry: Geometry = {"type": "Moc", "moc": moc[1].strip()}
    else:
        geometry = _Reader(text, xtype).read()
    build(geometry, SKY)  # what cannot be used later is refused here, while the record can still be quarantined
    return geometry


class _Reader:
    """Reads one text; recursive only as deep as groups may be nested."""

    def __init__(self, text: str, xtype: str) -> None:
        self.text, self.xtype = text, xtype.lower()
        self.tokens = _TOKEN.findall(text)
        self.at = 0
        self.count = 0

    def read(self) -> Geometry:
        """Return the one geometry of the text."""
        members = self.members(0)
        if self.at < len(self.tokens):
            raise self.wrong()
        return _collection(members)

    def wrong(self) -> Exception:
        """Return the error that names the word reading stopped at."""
        word = self.tokens[self.at] if self.at < len(self.tokens) else "the end"
        return bad(f"cannot read the region {self.text[:60]!r} at {word[:20]!r}")

    def members(self, depth: int) -> list[Geometry]:
        """Return the shapes up to a closing bracket or the end."""
        found: list[Geometry] = []
        while self.at < len(self.tokens) and self.tokens[self.at] != ")":
            self.count += 1
            if self.count > _MOST_SHAPES or depth > _DEPTH:
                raise bad(f"a region of more than {_MOST_SHAPES:,} shapes, or nested deeper than {_DEPTH}")
            word = self.tokens[self.at].upper()
            if word in _GROUPS:
                self.at += 1
                found.extend(self.group(word, depth))
            elif word in _SHAPES:
                self.at += 1
                found.append(self.shape(word))
            elif word == "(":
                self.at += 1
                found.extend(self.members(depth + 1))
                self.close()
            elif word in _ICRS or word in _IGNORED:
                self.at += 1
            else:
                found.append(self.bare())
        return found

    def group(self, word: str, depth: int) -> list[Geometry]:
        """Return what a group covers at most."""
        frame = self.frame()
        if frame:
            raise bad(f"a frame on {word} is not read: {self.text[:60]!r}")
        if self.at < len(self.tokens) and self.tokens[self.at] == "(":
            self.at += 1
            inner = self.members(depth + 1)
            self.close()
        else:
            inner = self.members(depth + 1)
        if word == "NOT":
            return []
        return inner if word == "UNION" else inner[:1]

    def close(self) -> None:
        """Step over a closing bracket."""
        if self.at >= len(self.tokens) or self.tokens[self.at] != ")":
            raise self.wrong()
        self.at += 1

    def frame(self) -> str:
        """Step over words of frame and place; return astropy's name of a frame that must be turned, else nothing."""
        turned = ""
        while self.at < len(self.tokens):
            word = self.tokens[self.at].strip("'\"").upper()
            if word in _TURNED:
                turned = _TURNED[word]
            elif word not in _ICRS and word not in _IGNORED and word:
                break
            self.at += 1
        return turned

    def numbers(self) -> list[float]:
        """Return the numbers from here on."""
        found = []
        while self.at < len(self.tokens):
            try:
                number = float(self.tokens[self.at])
            except ValueError:
                break
            if not math.isfinite(number):
                raise self.wrong()
            found.append(number)
            self.at += 1
        return found

    def shape(self, word: str) -> Geometry:
        """Return one shape, its name already read."""
        bracketed = self.at < len(self.tokens) and self.tokens[self.at] == "("
        self.at += bracketed
        frame = self.frame()
        values = self.numbers()
        if bracketed:
            self.close()
        self.tail()
        return _shape(word, values, frame)

    def tail(self) -> None:
        """Step over STC-S's `unit deg` and the like, which follow the numbers."""
        while self.at + 1 < len(self.tokens) and self.tokens[self.at].lower() in ("unit", "error", "resolution"):
            if self.tokens[self.at].lower() == "unit" and not self.tokens[self.at + 1].lower().startswith("deg"):
                raise self.wrong()
            self.at += 2
            self.numbers()

    def bare(self) -> Geometry:
        """Return the shape of a list of numbers without a name."""
        frame = self.frame()
        values = self.numbers()
        if not values:
            raise self.wrong()
        name = self.xtype or {2: "point", 3: "circle"}.get(len(values), "polygon")
        if name.upper() not in _SHAPES:
            raise self.wrong()
        return _shape(name.upper(), values, frame)


def _shape(word: str, values: list[float], frame: str) -> Geometry:
    """Return the geometry of a named shape, turned to ICRS."""
    sizes = {"CIRCLE": 3, "BOX": 4, "POSITION": 2, "POINT": 2, "RANGE": 4, "ELLIPSE": 5}
    if word in sizes:
        if len(values) < sizes[word] or (word != "BOX" and len(values) > sizes[word]) or len(values) > 5:
            raise bad(f"{word} needs {sizes[word]} numbers, not {len(values)}")
    elif len(values) < 6 or len(values) % 2:
        raise bad(f"{word} needs pairs of at least 3 points, not {len(values)} numbers")
    if word in ("CIRCLE", "ELLIPSE"):
        radius = values[2] if word == "CIRCLE" else max(values[2], values[3])
        return {"type": "Circle", "center": _turned([values[:2]], frame)[0], "radius": radius}
    if word in ("POSITION", "POINT"):
        return {"type": "Point", "coordinates": _turned([values], frame)[0]}
    if word == "RANGE":
        if frame or abs(values[2]) > 90 or abs(values[3]) > 90 or values[2] > values[3]:
            raise bad("RANGE needs rising declinations of -90 to 90, in ICRS")
        west, east = (v if v == 360 else v % 360 for v in values[:2])
        return box_geometry(west, values[2], east, values[3], frame=SKY)
    points = _box(values) if word == "BOX" else [list(p) for p in zip(values[::2], values[1::2], strict=True)]
    ring = _turned(points, frame)
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]] if ring[0] != ring[-1] else ring]}


def _box(values: list[float]) -> list[list[float]]:
    """Return the corners of a box around a point, its sides great circles."""
    lon, lat, width, height = values[:4]
    angle = math.radians(values[4]) if len(values) > 4 else 0.0
    if not (0 < width < 170 and 0 < height < 170 and abs(lat) <= 90):
        raise bad(f"BOX needs sides of 0 to 170 degrees, not {width:g} and {height:g}")
    x, y = math.tan(math.radians(width / 2)), math.tan(math.radians(height / 2))
    lon0, lat0 = math.radians(lon), math.radians(lat)
    found = []
    for a, b in ((-x, -y), (x, -y), (x, y), (-x, y)):
        east, north = a * math.cos(angle) + b * math.sin(angle), b * math.cos(angle) - a * math.sin(angle)
        along = math.cos(lat0) - north * math.sin(lat0)
        up = math.sin(lat0) + north * math.cos(lat0)
        found.append(
            [
                math.degrees(lon0 + math.atan2(east, along)) % 360,
                math.degrees(math.atan2(up, math.hypot(east, along))),
            ]
        )
    return found


def _turned(points: list[list[float]], frame: str) -> list[list[float]]:
    """Return points in ICRS, right ascension 0 to 360."""
    array = np.array(points, dtype=np.float64)
    if (np.abs(array[:, 1]) > 90).any() or (np.abs(array[:, 0]) > 540).any():
        raise bad(f"position {points[0]} or one after it is out of range")
    if frame:
        from astropy.coordinates import SkyCoord  # a second to import, for the few that are not in ICRS

        icrs = SkyCoord(array[:, 0], array[:, 1], unit="deg", frame=frame).icrs
        array = np.column_stack((icrs.ra.deg, icrs.dec.deg))
    found: Any = np.column_stack((array[:, 0] % 360.0, array[:, 1])).tolist()
    return [[float(lon), float(lat)] for lon, lat in found]


def _collection(members: list[Geometry]) -> Geometry:
    if not members:
        raise bad("the region names no shape")
    return members[0] if len(members) == 1 else {"type": "GeometryCollection", "geometries": members}
