"""Footprints as archives write them: STC-S in its many dialects (s_region), DALI number lists, and MOCs.

Observation tables of the Virtual Observatory carry footprints as text. Much of it is outside any standard: no frame,
any case, brackets and commas or none, open or closed rings, negative right ascension. What is read here is what
archives were seen to write.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NamedTuple

import numpy as np

from discovery.model.extent import SKY, Geometry
from discovery.query.cover import box_geometry
from discovery.query.footprint import bad, build

_MOST_TEXT = 40_000_000
_MOST_SHAPES = 10_000
_DEPTH = 8
_MOC = re.compile(r"(?:MOC\s+)?(\d{1,2}/[\d\s,/-]*)", re.IGNORECASE)
_TOKEN = re.compile(r"[()]|[^\s,()]+")
# pgSphere's own writing of points, circles and polygons: <(1.2 , 0.3) , 0.1> or {(10d , 20d),(11d , 20d),(11d , 21d)}.
_PGSPHERE = re.compile(r"[<{(][\s\d.,()<>{}eEdD+-]*[>})]")
_ANGLE = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(d?)")
# ICRS and these agree to well under an arc second; GSC1 is what MAST writes for the Guide Star Catalog's.
_ICRS = frozenset(("ICRS", "J2000", "FK5", "GSC1", "GSC2", "UNKNOWNFRAME", "UNKNOWN"))
_TURNED = {"GALACTIC": "galactic", "ECLIPTIC": "barycentricmeanecliptic", "FK4": "fk4", "B1950": "fk4"}
_IGNORED = frozenset(
    (
        *("TOPOCENTER", "GEOCENTER", "BARYCENTER", "HELIOCENTER", "GALACTIC_CENTER", "LSR", "EMBARYCENTER"),
        *("UNKNOWNREFPOS", "RELOCATABLE", "SPHERICAL2", "SPHERICAL3", "CARTESIAN2", "CARTESIAN3", "UNITSPHERE"),
    )
)
_SHAPES = frozenset(("POLYGON", "CIRCLE", "BOX", "POSITION", "POINT", "RANGE", "ELLIPSE", "CONVEX", "ALLSKY"))
_SIZES = {"CIRCLE": 3, "BOX": 4, "POSITION": 2, "POINT": 2, "RANGE": 4, "ELLIPSE": 5, "ALLSKY": 0}
"""How many numbers a shape needs that is no polygon."""
_MOST_WRITTEN = frozenset(("POLYGON", "CIRCLE", "POSITION"))
_GROUPS = frozenset(("UNION", "INTERSECTION", "DIFFERENCE", "NOT"))


class Read(NamedTuple):
    """A footprint, and why it covers more than its text says; empty where it does not."""

    geometry: Geometry | None
    wider: str = ""


def stc(text: str, xtype: str = "") -> Geometry | None:
    """Return the footprint that a text such as `Polygon ICRS 1 2 3 4 5 6` stands for, on the sky in ICRS.

    As `footprint`, without its word on what covers more than was said.
    """
    return footprint(text, xtype).geometry


def footprint(text: str, xtype: str = "") -> Read:
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
        return Read(None)
    if len(text) > _MOST_TEXT:
        raise bad(f"a region of {len(text):,} characters; at most {_MOST_TEXT:,} are read")
    wider = ""
    if (plain := _plain(text)) is not None:
        geometry: Geometry = plain
    elif moc := _MOC.fullmatch(text):
        geometry = {"type": "Moc", "moc": moc[1].strip()}
    elif text.startswith("{") and '"' in text:
        geometry = {"type": "Moc", "moc": moc_of_json(text)}
    elif text[0] in "<{" or (text[0] == "(" and _PGSPHERE.fullmatch(text)):
        geometry = _pgsphere(text)
    else:
        reader = _Reader(text, xtype)
        geometry, wider = reader.read(), reader.wider
    if not _is_usable(geometry):
        build(geometry, SKY)  # what cannot be used later is refused here, while the record can still be quarantined
    return Read(geometry, wider)


def _plain(text: str) -> Geometry | None:
    """Return the shape of a name and numbers in ICRS, as most archives write them; None for all else."""
    word, _, rest = text.partition(" ")
    kind = word.upper()
    if kind not in _MOST_WRITTEN:
        return None
    numbers = rest.split()
    if numbers and numbers[0].upper() in _ICRS:
        del numbers[0]
    try:
        values = list(map(float, numbers))
    except ValueError:
        return None
    return _shape(kind, values, "") if all(map(math.isfinite, values)) else None


def _is_usable(geometry: Geometry) -> bool:
    """Say whether a footprint can be used for sure, which spares building it: half of the work of mapping a row.

    Positions were checked when they were turned to ICRS, and whatever is wrong with a polygon of them can be repaired.
    """
    if geometry["type"] == "Circle":
        return bool(0 <= geometry["radius"] <= 180)
    return geometry["type"] == "Point" or (geometry["type"] == "Polygon" and len(geometry["coordinates"][0]) < 10_000)


def moc_of_json(text: str) -> str:
    """Return a MOC that is written as JSON, `{"4": [12, 13], "5": []}`, in its ASCII writing."""
    try:
        orders = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise bad(f"cannot read the region {text[:60]!r} as a MOC in JSON") from error
    parts = []
    for order, cells in orders.items() if isinstance(orders, dict) else ():
        if not (order.isdecimal() and isinstance(cells, list) and all(type(cell) is int for cell in cells)):
            raise bad(f"cannot read the region {text[:60]!r} as a MOC in JSON")
        parts.append(f"{order}/{' '.join(map(str, cells))}")
    if not parts:
        raise bad(f"cannot read the region {text[:60]!r} as a MOC in JSON")
    return " ".join(parts)


def _pgsphere(text: str) -> Geometry:
    """Return what a database with pgSphere writes: angles in radians, or in degrees with a `d` behind each."""
    if not _PGSPHERE.fullmatch(text):
        raise bad(f"cannot read the region {text[:60]!r} at {text[:20]!r}")
    values = [float(number) if degrees else math.degrees(float(number)) for number, degrees in _ANGLE.findall(text)]
    return _shape({"<": "CIRCLE", "{": "POLYGON", "(": "POINT"}[text[0]], values, "")


class _Reader:
    """Reads one text; recursive only as deep as groups may be nested."""

    def __init__(self, text: str, xtype: str) -> None:
        self.text, self.xtype = text, xtype.lower()
        self.tokens = _TOKEN.findall(text)
        self.at = 0
        self.count = 0
        self.wider = ""
        self.turned = [""]
        """The frames of the groups that are open; what stands in one is in its frame unless it says another one."""

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
        self.turned.append(self.frame())
        try:
            return self.within(word, depth)
        finally:
            self.turned.pop()

    def within(self, word: str, depth: int) -> list[Geometry]:
        """Return the members of a group that count."""
        if self.at < len(self.tokens) and self.tokens[self.at] == "(":
            self.at += 1
            inner = self.members(depth + 1)
            self.close()
        else:
            inner = self.members(depth + 1)
        if word == "UNION":
            return inner
        self.wider = "what is cut out of it was left in"
        return [] if word == "NOT" else inner[:1]

    def close(self) -> None:
        """Step over a closing bracket."""
        if self.at >= len(self.tokens) or self.tokens[self.at] != ")":
            raise self.wrong()
        self.at += 1

    def frame(self) -> str:
        """Step over words of frame and place; return astropy's name of a frame that must be turned, else nothing."""
        turned = self.turned[-1]
        while self.at < len(self.tokens):
            word = self.tokens[self.at].strip("'\"").upper()
            if word in _TURNED:
                turned = _TURNED[word]
            elif word in _ICRS:
                turned = ""
            elif word not in _IGNORED and word:
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
        if word == "ELLIPSE":
            self.wider = self.wider or "the circle around an ellipse stands for it"
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
    if (size := _SIZES.get(word)) is not None:
        if len(values) < size or (word != "BOX" and len(values) > size) or len(values) > 5:
            raise bad(f"{word} needs {size} numbers, not {len(values)}")
    elif len(values) < 6 or len(values) % 2:
        raise bad(f"{word} needs pairs of at least 3 points, not {len(values)} numbers")
    if word == "ALLSKY":
        return {"type": "Circle", "center": [0.0, 0.0], "radius": 180.0}
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
    if not frame:
        inside = [[lon % 360.0, lat] for lon, lat in points if -90 <= lat <= 90 and -540 <= lon <= 540]
        if len(inside) == len(points):
            return inside
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
