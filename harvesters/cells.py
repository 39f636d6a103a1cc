"""The cells of one row of a table in our units; what cannot be read is an issue of the record and never an error."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Set
from types import MappingProxyType
from typing import Final, TypeVar

from discovery.errors import RecordError
from discovery.http.redaction import has_credentials, is_signed, redact
from discovery.model.extent import Geometry
from discovery.model.record import Asset, make_asset
from discovery.model.units import from_degrees, jd_to_ms, mjd_to_ms, to_bytes, to_degrees, to_metres
from discovery.query.stc import footprint
from harvesters.document import MAX_NAME, MAX_TAIL, MAX_VALUE, Notes, clean, moment, tail

_T = TypeVar("_T")

DURATIONS: Final = MappingProxyType({"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3_600.0, "d": 86_400.0})
"""Seconds in one of each unit of exposures."""
_MOST_WORDS: Final = 50


class Cells:
    """One row: every column is asked for by its name in lower case, and is read as what it should be.

    Args:
        row: The cells that are not NULL, as text.
        units: What the service says beside its columns, which is believed.
        notes: Where issues go.
        usual: The units of columns that the service says none for.
    """

    def __init__(
        self, row: Mapping[str, str], units: Mapping[str, str], notes: Notes, usual: Mapping[str, str] | None = None
    ) -> None:
        # As `clean` does, which is asked only for what cannot be printed: a row has some thirty cells.
        if all(map(str.isprintable, row.values())):
            self.row = {name: value.strip() for name, value in row.items()}
        else:
            self.row = {name: clean(value) for name, value in row.items()}
        self.notes = notes
        self._units = units
        self._usual = usual or {}

    def text(self, name: str, limit: int = 1000) -> str:
        """Return a text; empty where there is none."""
        return self.row.get(name, "")[:limit]

    def others(self, used: Set[str]) -> dict[str, str | tuple[str, ...]]:
        """Return the texts of all columns but some, as `tail` does of properties that were not looked at before."""
        row = self.row
        if len(row) > MAX_TAIL or not all(map(str.isprintable, row)):
            return tail(((name, value) for name, value in row.items() if name not in used), self.notes)
        return {
            name: value[:MAX_VALUE]
            for name, value in row.items()
            if value and name not in used and 0 < len(name) <= MAX_NAME
        }

    def words(self, name: str, separator: str = "#") -> tuple[str, ...]:
        """Return the different parts of a list that is written as one text."""
        parts = (part.strip() for part in self.text(name, 20_000).split(separator))
        return tuple(dict.fromkeys(part[:1000] for part in parts if part))[:_MOST_WORDS]

    def number(self, name: str) -> float | None:
        """Return a number as it stands."""
        return self._read(name, lambda value, _: value)

    def degrees(self, name: str, unit: str = "deg") -> float | None:
        """Return an angle in degrees."""
        return self._read(name, to_degrees, unit)

    def arcseconds(self, name: str, unit: str = "arcsec") -> float | None:
        """Return an angle in arc seconds."""
        return self._read(name, _arcseconds, unit)

    def metres(self, name: str, unit: str = "m") -> float | None:
        """Return the wavelength in metres of a length, frequency or energy; none is 0, so 0 stands for unknown."""
        return self._read(name, _metres, unit)

    def seconds(self, name: str, unit: str = "s") -> float | None:
        """Return a duration; negative ones stand for unknown."""
        return self._read(name, _seconds, unit)

    def bytes(self, name: str, unit: str = "byte") -> int | None:
        """Return a size; negative ones stand for unknown."""
        return self._read(name, _bytes, unit)

    def mjd(self, name: str) -> int | None:
        """Return the instant of a Modified Julian Date."""
        return self._read(name, lambda value, _: mjd_to_ms(value))

    def jd(self, name: str) -> int | None:
        """Return the instant of a Julian Date."""
        return self._read(name, lambda value, _: jd_to_ms(value))

    def instant(self, name: str, *, end: bool = False) -> int | None:
        """Return the instant of a text as ISO 8601 has it; of a day its last millisecond where it is an end."""
        return moment(self.row.get(name), self.notes, name, end=end)

    def link(self, name: str) -> str:
        """Return an address without secrets; empty for one that is signed, which is none before long."""
        return location(self.text(name, 4_000), self.notes, name)

    def region(self, name: str, xtype: str = "") -> Geometry | None:
        """Return a footprint in any of the dialects; one that cannot be read is an issue."""
        text = self.row.get(name, "")
        if not text:
            return None
        try:
            # adql:REGION says only that it is a region; the other types say how to read bare numbers.
            found = footprint(text, "" if ":" in xtype else xtype)
        except RecordError as error:
            self.notes.add("bad-region", str(error), name)
            return None
        if found.wider:
            self.notes.add("approximate-region", f"{name}: {found.wider}", name)
        return found.geometry

    def aimed_at(self, ra: str, dec: str, fov: str) -> Geometry | None:
        """Return the circle, or without its diameter the point, around a position in degrees."""
        return circle(self.degrees(ra), self.degrees(dec), self.degrees(fov), self.notes, ra)

    def interval(self, start: int | None, end: int | None, path: str) -> tuple[int | None, int | None]:
        """Return an interval in its order; without any of its ends an issue is noted."""
        if start is None and end is None:
            self.notes.add("no-time", "the row says nothing about time", path)
        if start is not None and end is not None and start > end:
            self.notes.add("bad-interval", f"{path} is after the end; they were exchanged", path)
            return end, start
        return start, end

    def _read(self, name: str, convert: Callable[[float, str], _T], unit: str = "") -> _T | None:
        text = self.row.get(name, "")
        if not text:
            return None
        try:
            value = float(text)
            if not math.isfinite(value):
                raise ValueError(f"{text[:40]!r} is not a finite number")
            return convert(value, self._units.get(name) or self._usual.get(name) or unit)
        except (ValueError, OverflowError) as error:
            self.notes.add("not-a-number", f"{name}: {error}", name)
            return None


def location(url: str, notes: Notes, path: str) -> str:
    """Return an address without secrets; empty for one that is signed for a while."""
    if is_signed(url):
        notes.add("signed-asset", "a location that is signed for a while is not kept", path)
        return ""
    if has_credentials(url):
        notes.add("secret-in-link", "a location had a user name, password or token in it, which was taken out", path)
        return redact(url)
    return url


def data_asset(url: str, media_type: str, size: int | None, *, key: str = "data") -> Asset:
    """Return the asset that an address stands for: data, or the DataLink document that says where they are."""
    role = "datalink" if "content=datalink" in media_type.replace(" ", "").lower() else "data"
    return make_asset(url, key, media_type=media_type[:200], roles=(role,), size=size)


def circle(ra: float | None, dec: float | None, fov: float | None, notes: Notes, path: str) -> Geometry | None:
    """Return the circle of a position on the sky and a diameter, all in degrees; the point where that is unknown."""
    if ra is None or dec is None:
        notes.add("no-place", "the row says nothing about where", path)
        return None
    if not (-90 <= dec <= 90 and -360 <= ra <= 720):
        notes.add("bad-position", f"right ascension {ra:g}, declination {dec:g} is not on the sky", path)
        return None
    if fov is not None and 0 < fov <= 360:
        return {"type": "Circle", "center": [ra % 360, dec], "radius": fov / 2}
    return {"type": "Point", "coordinates": [ra % 360, dec]}


def ordered(one: float | None, other: float | None) -> tuple[float | None, float | None]:
    """Return the two ends of a range, the smaller one first: frequencies and energies turn it round."""
    if one is not None and other is not None and one > other:
        return other, one
    return one, other


def known(values: Mapping[str, float | None]) -> dict[str, float]:
    """Return the numbers that are there."""
    return {name: float(value) for name, value in values.items() if value is not None}


def _metres(value: float, unit: str) -> float | None:
    return to_metres(value, unit) if value else None


def _bytes(value: float, unit: str) -> int | None:
    return to_bytes(value, unit) if value >= 0 else None


def _arcseconds(value: float, unit: str) -> float:
    return value if unit.lower() == "arcsec" else from_degrees(to_degrees(value, unit), "arcsec")


def _seconds(value: float, unit: str) -> float | None:
    factor = DURATIONS.get(unit.strip().lower())
    if factor is None:
        raise ValueError(f"unit {unit[:40]!r} is not one of {', '.join(DURATIONS)}")
    return value * factor if value >= 0 else None
