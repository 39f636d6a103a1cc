"""ObsCore: a row of an observation table as an observation, and its collection as a dataset."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from discovery.errors import RecordError
from discovery.http.redaction import has_credentials, is_signed, redact
from discovery.model import terms
from discovery.model.extent import SKY, Extent, Geometry
from discovery.model.record import Asset, Record, record_id
from discovery.model.units import from_degrees, mjd_to_ms, to_bytes, to_degrees, to_metres
from discovery.query.stc import stc
from harvesters import stac
from harvesters.defaults import Defaults
from harvesters.document import MAX_TITLE, Notes, clean, moment, tail
from harvesters.tap_table import Standard

_T = TypeVar("_T")

COLLECTIONS: Final = "obs_collection"
"""The container of the datasets that observations name as their collection."""

UNITS: Final[Mapping[str, str]] = {
    "access_estsize": "kbyte",
    "s_ra": "deg",
    "s_dec": "deg",
    "s_fov": "deg",
    "s_resolution": "arcsec",
    "t_min": "d",
    "t_max": "d",
    "t_exptime": "s",
    "em_min": "m",
    "em_max": "m",
}
"""The units of ObsCore 1.1; a service that says another one beside the column is believed."""

_RIGHTS: Final = {"public": "open", "secure": "registered", "proprietary": "restricted"}
_USED: Final = frozenset(
    {
        *UNITS,
        "obs_publisher_did",
        "obs_title",
        "obs_collection",
        "dataproduct_type",
        "calib_level",
        "access_url",
        "access_format",
        "target_name",
        "s_region",
        "facility_name",
        "instrument_name",
        "data_rights",
        "lastmodified",
        "obs_release_date",
        "preview",
    }
)


def to_record(
    row: Mapping[str, str],
    units: Mapping[str, str],
    xtypes: Mapping[str, str],
    container: str,
    source_id: str,
    defaults: Defaults,
) -> Record:
    """Return the observation that a row describes.

    Args:
        row: The cells that are not NULL, as text, by the names of their columns in lower case.
        units: The units of columns that are not ObsCore's.
        xtypes: DALI's extended types of columns, where they are given.
        container: The table.
        source_id: What names the row in it.
        defaults: What the operator said of the source.
    """
    notes = Notes()
    cells = {name: clean(value) for name, value in row.items()}
    numbers = _Numbers(cells, units, notes)
    collection, did = cells.get("obs_collection", ""), cells.get("obs_publisher_did", "")
    properties = tail(((name, value) for name, value in cells.items() if name not in _USED), notes)
    for name, value in (("collection", collection), ("platform", cells.get("facility_name", ""))):
        if value:
            properties[name] = value[:1000]
    start, end = numbers.time("t_min"), numbers.time("t_max")
    if start is not None and end is not None and start > end:
        notes.add("bad-interval", "t_min is after t_max; they were exchanged", "t_min")
        start, end = end, start
    if start is None and end is None:
        notes.add("no-time", "the row says nothing about time", "t_min")
    assets = _assets(cells, numbers, notes)
    record = Record(
        defaults.source,
        container,
        source_id,
        "observation",
        _title(cells, source_id),
        missions=_missions(cells),
        instruments=stac.instruments((cells["instrument_name"],)) if cells.get("instrument_name") else (),
        targets=(cells["target_name"][:1000],) if cells.get("target_name") else (),
        level=cells.get("calib_level", "")[:40],
        product_type=cells.get("dataproduct_type", "")[:100],
        formats=stac.formats(assets[:1]),
        dataset=record_id(defaults.source, COLLECTIONS, collection) if collection else "",
        extent=Extent(SKY, _footprint(cells, xtypes, numbers, notes), None, start, end),
        assets=assets,
        external_ids=(did,) if did and did != source_id else (),
        metadata_updated=moment(cells.get("lastmodified"), notes, "lastmodified"),
        access=_RIGHTS.get(cells.get("data_rights", "").lower(), "open"),
        numbers=numbers.worth_filtering(),
        properties=properties,
        issues=notes.issues,
    )
    return defaults.fill(record)


def to_dataset(name: str, table: str, defaults: Defaults) -> Record:
    """Return the dataset of one obs_collection; a table says no more of it than its name."""
    record = Record(
        defaults.source,
        COLLECTIONS,
        name,
        "dataset",
        clean(name)[:MAX_TITLE] or name,
        missions=tuple(term.value for term in (terms.mission(name),) if term),
        extent=Extent(SKY),
        properties={"collection": clean(name)[:1000], "table": table},
    )
    return defaults.fill(record)


class _Numbers:
    """The numeric columns of one row in our units; what is none is an issue."""

    def __init__(self, cells: Mapping[str, str], units: Mapping[str, str], notes: Notes) -> None:
        self._cells = cells
        self._units = units
        self._notes = notes

    def plain(self, name: str) -> float | None:
        """Return a number as it stands."""
        return self._read(name, lambda value, _: value)

    def degrees(self, name: str) -> float | None:
        """Return an angle in degrees."""
        return self._read(name, to_degrees)

    def time(self, name: str) -> int | None:
        """Return an instant in milliseconds."""
        return self._read(name, lambda value, _: mjd_to_ms(value))

    def bytes(self, name: str) -> int | None:
        """Return a size; negative ones stand for unknown."""
        return self._read(name, lambda value, unit: to_bytes(value, unit) if value >= 0 else None)

    def worth_filtering(self) -> dict[str, float]:
        """Return the numbers that the field table knows."""
        shortest, longest = self._read("em_min", to_metres), self._read("em_max", to_metres)
        if shortest is not None and longest is not None and shortest > longest:
            shortest, longest = longest, shortest
        found = {
            "sky_resolution": self._read("s_resolution", _arcseconds),
            "exposure": self.plain("t_exptime"),
            "wavelength_min": shortest,
            "wavelength_max": longest,
            "size": self.bytes("access_estsize"),
        }
        return {name: float(value) for name, value in found.items() if value is not None}

    def _read(self, name: str, convert: Callable[[float, str], _T]) -> _T | None:
        text = self._cells.get(name, "")
        if not text:
            return None
        try:
            value = float(text)
            if not math.isfinite(value):
                raise ValueError(f"{text[:40]!r} is not a finite number")
            return convert(value, self._units.get(name) or UNITS[name])
        except ValueError as error:
            self._notes.add("not-a-number", f"{name}: {error}", name)
            return None


def _arcseconds(value: float, unit: str) -> float:
    return value if unit.lower() == "arcsec" else from_degrees(to_degrees(value, unit), "arcsec")


def _title(cells: Mapping[str, str], source_id: str) -> str:
    if cells.get("obs_title"):
        return cells["obs_title"][:MAX_TITLE]
    parts = (cells.get("target_name", ""), cells.get("instrument_name", ""), cells.get("obs_id", ""))
    return " ".join(part for part in parts if part)[:MAX_TITLE] or source_id


def _missions(cells: Mapping[str, str]) -> tuple[str, ...]:
    """Return the mission that the facility or the collection is; a facility that we do not know stands for itself."""
    names = [cells[name] for name in ("facility_name", "obs_collection") if cells.get(name)]
    known = [term.value for name in names if (term := terms.mission(name))]
    return tuple(dict.fromkeys(known)) or stac.missions(names[:1])


def _assets(cells: Mapping[str, str], numbers: _Numbers, notes: Notes) -> tuple[Asset, ...]:
    out = []
    if url := _location(cells.get("access_url", ""), notes, "access_url"):
        media_type = cells.get("access_format", "")[:200]
        role = "datalink" if "content=datalink" in media_type.replace(" ", "").lower() else "data"
        out.append(Asset(url, "data", media_type=media_type, roles=(role,), size=numbers.bytes("access_estsize")))
    if url := _location(cells.get("preview", ""), notes, "preview"):
        out.append(Asset(url, "preview", roles=("thumbnail",)))
    return tuple(out)


def _location(url: str, notes: Notes, path: str) -> str:
    if is_signed(url):
        notes.add("signed-asset", "a location that is signed for a while is not kept", path)
        return ""
    if has_credentials(url):
        notes.add("secret-in-link", "a location had a user name, password or token in it, which was taken out", path)
        return redact(url)
    return url


def _footprint(cells: Mapping[str, str], xtypes: Mapping[str, str], numbers: _Numbers, notes: Notes) -> Geometry | None:
    """Return the region of a row; without one that can be read, the circle or the point that it was taken at."""
    region = cells.get("s_region", "")
    if region:
        xtype = xtypes.get("s_region", "").lower()
        try:
            # adql:REGION says only that it is a region; the other types say how to read bare numbers.
            geometry = stc(region, "" if ":" in xtype else xtype)
        except RecordError as error:
            notes.add("bad-region", str(error), "s_region")
        else:
            if geometry is not None:
                return geometry
    ra, dec, fov = numbers.degrees("s_ra"), numbers.degrees("s_dec"), numbers.degrees("s_fov")
    if ra is None or dec is None:
        notes.add("no-place", "the row says nothing about where", "s_ra")
        return None
    if not (-90 <= dec <= 90 and -360 <= ra <= 720):
        notes.add("bad-position", f"right ascension {ra:g}, declination {dec:g} is not on the sky", "s_ra")
        return None
    if fov is not None and 0 < fov <= 360:
        return {"type": "Circle", "center": [ra % 360, dec], "radius": fov / 2}
    return {"type": "Point", "coordinates": [ra % 360, dec]}


STANDARD: Final = Standard(
    name="ObsCore",
    key="obs_publisher_did",
    to_record=to_record,
    apart=("access_url", "obs_id"),
    window="t_min",
    bin=365.25,
    modified=("lastmodified", "last_modified", "modification_date"),
    group=COLLECTIONS,
    to_group=to_dataset,
    units=UNITS,
    regions=("s_region",),
)
"""ObsCore tables as TAP walks them."""
