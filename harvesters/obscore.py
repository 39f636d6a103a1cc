"""ObsCore: a row of an observation table as an observation, and its collection as a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from discovery.model import instant, terms
from discovery.model.extent import SKY, Extent, Geometry
from discovery.model.record import Asset, Record, make_extent, make_record, record_id
from harvesters import stac
from harvesters.cells import Cells, data_asset, known, ordered
from harvesters.defaults import Defaults
from harvesters.document import MAX_TITLE, Notes, clean
from harvesters.tap_table import Standard

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
        "obs_creation_date",
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
    cells = Cells(row, units, notes, UNITS)
    collection, did = cells.row.get(COLLECTIONS, ""), cells.row.get("obs_publisher_did", "")
    properties = cells.others(_USED)
    for name, value in (("collection", collection), ("platform", cells.text("facility_name"))):
        if value:
            properties[name] = value[:1000]
    if (released := cells.instant("obs_release_date")) is not None:
        properties["published"] = instant.iso(released)
    start, end = cells.interval(cells.mjd("t_min"), cells.mjd("t_max"), "t_min")
    assets = _assets(cells)
    media_type = assets[0].media_type if assets else ""
    instrument, target = cells.row.get("instrument_name"), cells.text("target_name")
    missions = defaults.missions(_missions(cells))
    return make_record(
        defaults.source,
        container,
        source_id,
        "observation",
        _title(cells, source_id),
        domain=defaults.domain_of(missions),
        missions=missions,
        instruments=stac.instruments((instrument,)) if instrument else (),
        targets=(target,) if target else (),
        provider=defaults.provider,
        level=cells.text("calib_level", 40),
        product_type=cells.text("dataproduct_type", 100),
        formats=(stac.format_name(media_type),) if media_type else (),
        dataset=_dataset(defaults.source, collection) if collection else "",
        extent=make_extent(SKY, _footprint(cells, xtypes), None, start, end),
        assets=assets,
        external_ids=(did,) if did and did != source_id else (),
        created=cells.instant("obs_creation_date"),
        metadata_updated=cells.instant("lastmodified"),
        access=_RIGHTS.get(cells.text("data_rights").lower(), "open"),
        numbers=_numbers(cells, assets),
        properties=defaults.marked(properties),
        issues=notes.issues,
    )


@lru_cache(maxsize=1024)
def _dataset(source: str, collection: str) -> str:
    return record_id(source, COLLECTIONS, collection)


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


def _numbers(cells: Cells, assets: tuple[Asset, ...]) -> dict[str, float]:
    """Return the numbers that the field table knows; the size may have been read for the data among the assets."""
    size = assets[0].size if assets else None
    shortest, longest = ordered(cells.metres("em_min"), cells.metres("em_max"))
    return known(
        {
            "sky_resolution": cells.arcseconds("s_resolution"),
            "exposure": cells.seconds("t_exptime"),
            "wavelength_min": shortest,
            "wavelength_max": longest,
            "size": cells.bytes("access_estsize") if size is None else size,
        }
    )


def _title(cells: Cells, source_id: str) -> str:
    if title := cells.text("obs_title", MAX_TITLE):
        return title
    parts = (cells.row.get(name, "") for name in ("target_name", "instrument_name", "obs_id"))
    return " ".join(part for part in parts if part)[:MAX_TITLE] or source_id


def _missions(cells: Cells) -> tuple[str, ...]:
    """Return the mission that the facility or the collection is; a facility that we do not know stands for itself."""
    names = [found for name in ("facility_name", COLLECTIONS) if (found := cells.row.get(name))]
    known_ones = [term.value for name in names if (term := terms.mission(name))]
    return tuple(dict.fromkeys(known_ones)) or stac.missions(names[:1])


def _assets(cells: Cells) -> tuple[Asset, ...]:
    out = []
    if url := cells.link("access_url"):
        out.append(data_asset(url, cells.row.get("access_format", ""), cells.bytes("access_estsize")))
    if url := cells.link("preview"):
        out.append(Asset(url, "preview", roles=("thumbnail",)))
    return tuple(out)


def _footprint(cells: Cells, xtypes: Mapping[str, str]) -> Geometry | None:
    """Return the region of a row; without one that can be read, the circle or the point that it was taken at."""
    geometry = cells.region("s_region", xtypes.get("s_region", "").lower())
    if geometry is not None:
        return geometry
    return cells.aimed_at("s_ra", "s_dec", "s_fov")


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
