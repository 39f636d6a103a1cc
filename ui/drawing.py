"""Small pictures that the server draws of when and where things are: the numbers only, templates make the SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from discovery.model import instant
from discovery.model.extent import EARTH, SKY, Extent
from discovery.query.query import Bin

BARS: Final = 48
"""The most bars of a histogram of years; what is finer is added up."""
WIDTH: Final = 288
HEIGHT: Final = 72
_STEPS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 50_000, 100_000, 1_000_000)
_DAY: Final = instant.DAY
_SEEN: Final = 3.0
"""Degrees below which a footprint on a map of the world cannot be seen without a ring around it."""
_MAX_POINTS: Final = 5_000


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the histogram, in units of its drawing."""

    x: float
    y: float
    width: float
    height: float
    label: str
    """What it stands for: `2015`, `2010 to 2019`, `10 to 20 %`."""
    count: int
    asks: str
    """The value of the parameter that asks for it: a time, or a range of a number."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a map of 360 by 180 units."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Map:
    """A footprint on a map of the whole Earth, sky or body: plate carrée, 360 by 180 units."""

    frame: str
    boxes: tuple[Box, ...]
    ring: tuple[float, float] | None
    """Where to draw a ring around what is too small to be seen."""
    label: str
    """The same in words."""

    @property
    def earth(self) -> bool:
        """Whether land is drawn under it."""
        return self.frame == EARTH


def bars(bins: Sequence[Bin], interval: str = "year") -> tuple[Bar, ...]:
    """Return the bars of a histogram of time: days or months as they are, as many years to a bar as keep `BARS`."""
    if interval != "year" and len(bins) <= BARS:
        return _dated(bins, interval)
    counts: dict[int, int] = {}
    for each in bins:
        if each.count:
            year = instant.date(each.start // _DAY)[0]
            counts[year] = counts.get(year, 0) + each.count
    if not counts:
        return ()
    first, last = min(counts), max(counts)
    step = next((each for each in _STEPS if (last // each) - (first // each) < BARS), 100_000_000)
    summed: dict[int, int] = {}
    for year, count in counts.items():
        summed[year // step] = summed.get(year // step, 0) + count
    low, high = first // step, last // step
    tallest = max(summed.values())
    return tuple(
        bar(at - low, high - low + 1, summed[at], tallest, *_years(at, step))
        for at in range(low, high + 1)
        if at in summed
    )


def _dated(bins: Sequence[Bin], interval: str) -> tuple[Bar, ...]:
    """Return a bar for each day or month that holds something."""
    tallest = max((each.count for each in bins), default=0)
    drawn = []
    for at, each in enumerate(bins):
        year, month, day = instant.date(each.start // _DAY)
        text = f"{_year(year)}-{month:02d}" + (f"-{day:02d}" if interval == "day" else "")
        if each.count:
            drawn.append(bar(at, len(bins), each.count, tallest, text, text))
    return tuple(drawn)


def bar(at: int, steps: int, count: int, tallest: int, label: str, asks: str) -> Bar:
    """Return the bar of one of some steps.

    Args:
        at: Which of the steps, the first is 0.
        steps: How many there are.
        count: How many it stands for.
        tallest: The highest count of all.
        label: What it stands for.
        asks: The parameter's value that asks for it.
    """
    width = WIDTH / max(steps, 8)
    # Heights grow with the square root, so that one rare observation beside a million is still seen.
    height = max(3.0, HEIGHT * math.sqrt(count / tallest))
    return Bar(
        round(at * width, 2), round(HEIGHT - height, 2), round(width * 0.86, 2), round(height, 2), label, count, asks
    )


def _years(at: int, step: int) -> tuple[str, str]:
    first, last = _year(at * step), _year(at * step + step - 1)
    return (first, first) if step == 1 else (f"{first} to {last}", f"{first}/{last}")


def _year(number: int) -> str:
    return f"{number:04d}" if 0 <= number <= 9_999 else f"{number:+07d}"


def place(extent: Extent) -> Map | None:
    """Return the map of an extent, None for one that says nothing about where."""
    bounds = extent.bbox or _bounds(extent.geometry)
    if bounds is None or not all(math.isfinite(each) for each in bounds):
        return None
    west, south, east, north = bounds
    if not (-90 <= south <= north <= 90):
        return None
    east = east + 360 if west > east else east
    pieces = list(_pieces(west, min(east, west + 360)))
    # The sky is seen from inside: right ascension grows to the left.
    boxes = tuple(
        Box(
            round(180 - (start + wide) if extent.frame == SKY else start + 180, 3),
            round(90 - north, 3),
            round(wide, 3),
            round(north - south, 3),
        )
        for start, wide in pieces
    )
    ring = None
    if east - west < _SEEN and north - south < _SEEN:
        middle = _wrapped((west + east) / 2)
        across = 180 - middle if extent.frame == SKY else middle + 180
        ring = (round(across, 3), round(90 - (south + north) / 2, 3))
    return Map(extent.frame, boxes, ring, _said(extent.frame, west, south, east, north))


def _pieces(west: float, east: float) -> Iterator[tuple[float, float]]:
    """Yield start and width of the parts of a span of longitudes between -180 and 180."""
    wide = east - west
    if wide >= 360:
        yield -180.0, 360.0
        return
    start = _wrapped(west)
    inside = min(wide, 180 - start)
    yield start, inside
    if wide > inside:
        yield -180.0, wide - inside


def _wrapped(longitude: float) -> float:
    return (longitude + 180) % 360 - 180 if not -180 <= longitude <= 180 else longitude


def _bounds(geometry: Mapping[str, Any] | None) -> tuple[float, float, float, float] | None:
    if geometry is None:
        return None
    if geometry.get("type") == "Circle":
        lon, lat = geometry["center"][:2]
        radius = geometry["radius"]
        wide = 180.0 if abs(lat) + radius >= 90 else radius / max(math.cos(math.radians(lat)), 0.01)
        return lon - min(wide, 180), max(lat - radius, -90.0), lon + min(wide, 180), min(lat + radius, 90.0)
    points = list(islice(_points(geometry.get("coordinates"), 0), _MAX_POINTS))
    for member in geometry.get("geometries", ()):
        points += list(islice(_points(member.get("coordinates"), 0), _MAX_POINTS))
    if not points:
        return None
    lons, lats = [each[0] for each in points], [each[1] for each in points]
    west, east = min(lons), max(lons)
    if east - west > 180 and min(abs(each) for each in lons) > 0:
        # Rather across the antimeridian (or right ascension 0) than around the whole globe.
        turned = [each % 360 if min(lons) < 0 else (each + 180) % 360 - 180 for each in lons]
        if max(turned) - min(turned) < east - west:
            west, east = min(turned), max(turned)
    return west, min(lats), east, max(lats)


def _points(value: Any, depth: int) -> Iterator[tuple[float, float]]:
    if not isinstance(value, list | tuple) or depth > 6:
        return
    if len(value) >= 2 and all(isinstance(each, int | float) for each in value[:2]):
        yield float(value[0]), float(value[1])
        return
    for each in value:
        yield from _points(each, depth + 1)


def _said(frame: str, west: float, south: float, east: float, north: float) -> str:
    if frame == SKY:
        if east - west < 1e-3 and north - south < 1e-3:
            return f"RA {west % 360:.4f}°, Dec {south:+.4f}°"
        return f"RA {west % 360:.3f}° to {east % 360:.3f}°, Dec {south:+.3f}° to {north:+.3f}°"
    if (west, south, east, north) == (-180, -90, 180, 90):
        return "The whole globe"
    words = f"{_longitude(west)}, {_latitude(south)}"
    if east - west < 1e-3 and north - south < 1e-3:
        return words
    return f"{words} to {_longitude(east)}, {_latitude(north)}"


def _longitude(degrees: float) -> str:
    degrees = _wrapped(degrees)
    return f"{abs(degrees):.2f}° {'W' if degrees < 0 else 'E'}"


def _latitude(degrees: float) -> str:
    return f"{abs(degrees):.2f}° {'S' if degrees < 0 else 'N'}"
