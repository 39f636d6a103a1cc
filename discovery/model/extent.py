"""Where and when a record is: a footprint in a named frame, and a time interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

EARTH = "earth"
SKY = "sky"

Geometry = Mapping[str, Any]
"""A GeoJSON geometry in degrees (longitude/latitude, or right ascension/declination on the sky), or one of two
types of our own: `{"type": "Circle", "center": [lon, lat], "radius": degrees}` and `{"type": "Moc", "moc": ascii}`."""


@dataclass(frozen=True, slots=True)
class Extent:
    """A region in one frame and a time interval; every part may be unknown."""

    frame: str = EARTH
    """`earth`, `sky` (ICRS), or the name of another body such as `mars`."""
    geometry: Geometry | None = None
    bbox: tuple[float, float, float, float] | None = None
    """West, south, east, north in degrees; west > east when the box crosses the antimeridian (RFC 7946, 5.2)."""
    start: int | None = None
    """UTC milliseconds since 1970, any year; None when unknown or open."""
    end: int | None = None
    """UTC milliseconds since 1970, inclusive; None when unknown or still going on."""

    @property
    def timed(self) -> bool:
        """Whether the record says anything about time; one end is enough."""
        return self.start is not None or self.end is not None
