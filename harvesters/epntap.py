"""EPN-TAP 2: a granule of planetary science as an observation, on the sky or on the body that was looked at.

Much looks like ObsCore and is not: times are Julian Dates, the spectral axis is in hertz (so its ends change places),
coordinates are of the frame that `spatial_frame_type` names, and processing levels are those of CODMAC.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from discovery.model import terms
from discovery.model.extent import EARTH, SKY, Geometry
from discovery.model.record import Asset, Link, Record, make_extent, make_record, record_id
from discovery.query.region import FRAMES
from harvesters import stac
from harvesters.cells import Cells, data_asset, known, ordered
from harvesters.defaults import Defaults
from harvesters.document import MAX_TITLE, Notes, clean
from harvesters.places import Box, bbox
from harvesters.tap_table import Standard

SERVICES: Final = "service_title"
"""The container of the datasets that granules name as their service."""

UNITS: Final[Mapping[str, str]] = {
    "access_estsize": "kbyte",
    "time_min": "d",
    "time_max": "d",
    "time_exp_min": "s",
    "time_exp_max": "s",
    "spectral_range_min": "Hz",
    "spectral_range_max": "Hz",
    "c1min": "deg",
    "c1max": "deg",
    "c2min": "deg",
    "c2max": "deg",
    "c1_resol_min": "deg",
}
"""The units of EPN-TAP 2.0; a service that says another one beside the column is believed."""

PRODUCTS: Final[Mapping[str, str]] = {
    "im": "image",
    "ma": "map",
    "sp": "spectrum",
    "ds": "dynamic spectrum",
    "sc": "spectral cube",
    "pr": "profile",
    "pf": "photometric function",
    "vo": "volume",
    "mo": "movie",
    "cu": "cube",
    "ts": "timeseries",
    "ca": "catalogue",
    "ci": "catalogue item",
    "sv": "spatial vector",
    "ev": "event",
}
_CELESTIAL: Final = "celestial"
_BODY: Final = "body"
_NO_PLACE: Final = frozenset({"cartesian", "cylindrical", "spherical", "healpix", "none", ""})
_OTHER_SKY: Final = re.compile(r"galactic|ecliptic|b1950|fk4|horizon|azimuth", re.IGNORECASE)
_LATE: Final = 1_000_000.0
"""Julian Dates before it are 1,975 BC; Modified Julian Dates and years after it are of no mission."""
_DOI: Final = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi:)?(10\.\d{4,9}/\S+)", re.IGNORECASE)
_BIBCODE: Final = re.compile(r"[12]\d{3}[A-Za-z][\w.&]{13}[A-Z.]")
_NUMBERED: Final = re.compile(r"^\(?\d{1,7}\)?\s+")
_USED: Final = frozenset(
    {
        *UNITS,
        "granule_uid",
        "target_name",
        "instrument_host_name",
        "instrument_name",
        "service_title",
        "access_url",
        "access_format",
        "thumbnail_url",
        "datalink_url",
        "s_region",
        "coverage",
        "creation_date",
        "modification_date",
        "publisher",
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
    """Return the observation that a granule describes.

    Args:
        row: The cells that are not NULL, as text, by the names of their columns in lower case.
        units: The units of columns that are not EPN-TAP's.
        xtypes: DALI's extended types of columns, where they are given.
        container: The table.
        source_id: The granule's `granule_uid`.
        defaults: What the operator said of the source.
    """
    notes = Notes()
    cells = Cells(row, units, notes, UNITS)
    hosts, targets, service = cells.words("instrument_host_name"), cells.words("target_name"), cells.text(SERVICES)
    properties = cells.others(_USED)
    properties |= {name: value for name, value in (("collection", service), ("platform", hosts)) if value}
    assets = _assets(cells)
    frame, geometry, box = _place(cells, xtypes, targets)
    start, end = cells.interval(_time(cells, xtypes, "time_min"), _time(cells, xtypes, "time_max"), "time_min")
    missions = defaults.missions(_missions(hosts))
    return make_record(
        defaults.source,
        container,
        source_id,
        "observation",
        _title(cells, targets, source_id),
        domain=defaults.domain_of(missions),
        missions=missions,
        instruments=stac.instruments(cells.words("instrument_name")),
        keywords=cells.words("target_class") + cells.words("feature_name") + cells.words("species"),
        targets=targets,
        provider=cells.text("publisher") or defaults.provider,
        level=_level(cells),
        product_type=_product_type(cells),
        formats=stac.formats(assets[:1]),
        dataset=record_id(defaults.source, SERVICES, service) if service else "",
        extent=make_extent(frame, geometry, box, start, end),
        assets=assets,
        links=_links(cells),
        doi=_doi(cells),
        created=cells.instant("creation_date"),
        metadata_updated=cells.instant("modification_date"),
        numbers=_numbers(cells, frame),
        properties=defaults.marked(properties),
        issues=notes.issues,
    )


def to_dataset(name: str, table: str, defaults: Defaults) -> Record:
    """Return the dataset of one service; its granules say no more of it than its title."""
    record = Record(
        defaults.source,
        SERVICES,
        name,
        "dataset",
        clean(name)[:MAX_TITLE] or name,
        missions=tuple(term.value for term in (terms.mission(name),) if term),
        properties={"collection": clean(name)[:1000], "table": table},
    )
    return defaults.fill(record)


def body_of(target: str) -> str:
    """Return the frame of a body's own coordinates by its name: `mars` of Mars, `ceres` of (1) Ceres."""
    bare = _NUMBERED.sub("", target).lower()
    return bare if bare in FRAMES else re.sub(r"[^a-z0-9]+", "-", target.lower()).strip("-")[:100]


def _time(cells: Cells, xtypes: Mapping[str, str], name: str) -> int | None:
    # DALI's own name for Modified Julian Dates is believed, since a service must have gone out of its way to say it.
    if xtypes.get(name, "").lower() == "mjd":
        return cells.mjd(name)
    value = cells.number(name)
    if value is not None and abs(value) < _LATE:
        cells.notes.add("strange-date", f"{name} is {value:g}; as a Julian Date that is before the year -1975", name)
    return cells.jd(name)


def _title(cells: Cells, targets: tuple[str, ...], source_id: str) -> str:
    parts = (", ".join(targets[:3]), " ".join(cells.words("instrument_name")[:2]), cells.text("obs_id") or source_id)
    return " ".join(part for part in parts if part)[:MAX_TITLE]


def _missions(hosts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the missions that the hosts are; without any that we know the first one stands for itself."""
    found = tuple(dict.fromkeys(term.value for host in hosts if (term := terms.mission(host))))
    return found or stac.missions(hosts[:1])


def _level(cells: Cells) -> str:
    """Return the level on its own scale: 2 is edited here and calibrated in ObsCore."""
    level = cells.text("processing_level", 40)
    return f"CODMAC {level}" if level.isdecimal() else level


def _product_type(cells: Cells) -> str:
    """Return the first of the product types in words; all of them stay among the properties."""
    words = cells.words("dataproduct_type")
    return PRODUCTS.get(words[0].lower(), words[0])[:100] if words else ""


def _assets(cells: Cells) -> tuple[Asset, ...]:
    out = []
    if url := cells.link("access_url"):
        out.append(data_asset(url, cells.text("access_format", 200), cells.bytes("access_estsize")))
    if url := cells.link("datalink_url"):
        out.append(data_asset(url, "application/x-votable+xml;content=datalink", None, key="datalink"))
    if url := cells.link("thumbnail_url"):
        out.append(Asset(url, "thumbnail", roles=("thumbnail",)))
    return tuple(out)


def _links(cells: Cells) -> tuple[Link, ...]:
    """Return what is written about a granule: a page, and a publication by its DOI, bibcode or address."""
    out = [Link(url, "about") for url in (cells.link("external_link"),) if url]
    for reference in cells.words("bib_reference"):
        if found := _DOI.fullmatch(reference):
            out.append(Link(f"https://doi.org/{found[1]}", "cite-as", reference))
        elif _BIBCODE.fullmatch(reference):
            out.append(Link(f"https://ui.adsabs.harvard.edu/abs/{reference}", "cite-as", reference))
        elif reference.startswith(("https://", "http://")):
            out.append(Link(reference, "cite-as"))
    return tuple(out)


def _doi(cells: Cells) -> str:
    """Return the DOI of the granule itself; that of a publication is not its own."""
    found = _DOI.fullmatch(cells.text("granule_doi") or cells.text("doi"))
    return found[1].lower() if found else ""


def _numbers(cells: Cells, frame: str) -> dict[str, float]:
    # The highest frequency is the shortest wavelength.
    shortest, longest = ordered(cells.metres("spectral_range_max"), cells.metres("spectral_range_min"))
    longest_exposure = cells.seconds("time_exp_max")
    return known(
        {
            "wavelength_min": shortest,
            "wavelength_max": longest,
            "exposure": longest_exposure if longest_exposure is not None else cells.seconds("time_exp_min"),
            "sky_resolution": cells.arcseconds("c1_resol_min") if frame == SKY else None,
            "size": cells.bytes("access_estsize"),
        }
    )


# Where


def _place(
    cells: Cells, xtypes: Mapping[str, str], targets: tuple[str, ...]
) -> tuple[str, Geometry | None, Box | None]:
    """Return the frame with the footprint or the box in it; other frames than the sky and a body's have no place."""
    kind = cells.text("spatial_frame_type").lower()
    if kind not in (_CELESTIAL, _BODY):
        if kind not in _NO_PLACE:
            cells.notes.add("unknown-frame", f"spatial_frame_type is {kind[:80]!r}", "spatial_frame_type")
        return SKY, None, None
    frame = SKY if kind == _CELESTIAL else _frame_of_body(cells, targets)
    described = cells.text("spatial_coordinate_description")
    if not frame or (frame == SKY and _OTHER_SKY.search(described)):
        if frame:
            message = f"coordinates in {described[:80]!r} are not read"
            cells.notes.add("unknown-frame", message, "spatial_coordinate_description")
        return SKY, None, None
    geometry = None
    if frame != EARTH:
        geometry = cells.region("s_region", xtypes.get("s_region", "").lower()) or cells.region("coverage")
    if geometry is not None:
        return frame, geometry, None
    return frame, *_coordinates(cells, frame)


def _frame_of_body(cells: Cells, targets: tuple[str, ...]) -> str:
    if len(targets) == 1 and (frame := body_of(targets[0])):
        return frame
    cells.notes.add("no-place", f"coordinates on {len(targets)} bodies are on none of them", "target_name")
    return ""


def _coordinates(cells: Cells, frame: str) -> tuple[Geometry | None, Box | None]:
    """Return the point or the box that the first two coordinates span."""
    ends = [cells.degrees(name) for name in ("c1min", "c2min", "c1max", "c2max")]
    # A granule that has one end of a range is taken to be there.
    west, south = (ends[low] if ends[low] is not None else ends[low + 2] for low in (0, 1))
    east, north = (ends[low] if ends[low] is not None else ends[low - 2] for low in (2, 3))
    if west is None or south is None or east is None or north is None:
        cells.notes.add("no-place", "the granule says nothing about where", "c1min")
        return None, None
    if (west, south) == (east, north):
        if not (-90 <= south <= 90 and -360 <= west <= 720):
            cells.notes.add("bad-position", f"longitude {west:g}, latitude {south:g} is out of range", "c1min")
            return None, None
        lon = west % 360
        return {"type": "Point", "coordinates": [lon - 360 if frame == EARTH and lon > 180 else lon, south]}, None
    box = bbox((west, min(south, north), east, max(south, north)), cells.notes, "c1min")
    return None, box


STANDARD: Final = Standard(
    name="EPN-TAP",
    key="granule_uid",
    to_record=to_record,
    apart=("access_url", "obs_id"),
    window="time_min",
    bin=365.25,
    modified=("modification_date",),
    group=SERVICES,
    to_group=to_dataset,
    units=UNITS,
    regions=("s_region", "time_min", "time_max"),
)
"""EPN-TAP tables as TAP walks them."""
