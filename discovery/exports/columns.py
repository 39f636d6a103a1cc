"""A record as one row: the columns of a table of records, and what the Virtual Observatory calls them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from discovery.documents import addresses, credits, places, words
from discovery.documents.site import Site
from discovery.model import instant, terms
from discovery.model.record import Asset, Record
from discovery.query import fields

TEXT: Final = "char"
REAL: Final = "double"
WHOLE: Final = "long"
MAX_TEXT: Final = 2_000
"""Characters of a description in a table."""
MAX_VALUES: Final = 50
"""Values that are joined in one cell."""
SEPARATOR: Final = "; "
Cell = str | float | int | None

_UCDS: Final = {
    "exposure": "time.duration;obs.exposure",
    "wavelength_min": "em.wl;stat.min",
    "wavelength_max": "em.wl;stat.max",
    "sky_resolution": "pos.angResolution",
    "size": "phys.size;meta.file",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table of records."""

    name: str
    about: str
    value: Callable[[Record, Site], Cell]
    type: str = TEXT
    unit: str = ""
    ucd: str = ""
    xtype: str = ""


def _texts(name: str, about: str, get: Callable[[Record], tuple[str, ...]], ucd: str = "") -> Column:
    def value(record: Record, _site: Site) -> Cell:
        return SEPARATOR.join(words.line(each) for each in get(record)[:MAX_VALUES] if each.strip())

    return Column(name, about, value, ucd=ucd)


def _text(name: str, about: str, get: Callable[[Record], str], ucd: str = "") -> Column:
    return Column(name, about, lambda record, _site: words.line(get(record)), ucd=ucd)


def _moment(name: str, about: str, get: Callable[[Record], int | None], ucd: str) -> Column:
    def value(record: Record, _site: Site) -> Cell:
        found = get(record)
        return "" if found is None else instant.iso(found)

    return Column(name, about, value, ucd=ucd, xtype="timestamp")


def _side(number: int, name: str, about: str) -> Column:
    def value(record: Record, _site: Site) -> Cell:
        found = places.box(record.extent)
        return None if found is None else found[number]

    return Column(name, about, value, REAL, "deg", f"pos;{'stat.min' if number < 2 else 'stat.max'}")


def _number(name: str) -> Column:
    known = fields.FIELDS[name]
    unit = {"%": "percent"}.get(known.unit, known.unit)
    return Column(name, known.label, lambda record, _site: record.numbers.get(name), REAL, unit, _UCDS.get(name, ""))


def main_asset(record: Record) -> Asset | None:
    """Return the file of a record that one begins with: the first that is said to be data, else the first."""
    return next((each for each in record.assets if "data" in each.roles), record.assets[0] if record.assets else None)


def _address(record: Record, _site: Site) -> Cell:
    found = main_asset(record)
    return addresses.published(found.href, addresses.STORES) if found else ""


def _format(record: Record, _site: Site) -> Cell:
    found = main_asset(record)
    return words.line(found.media_type) if found else ""


COLUMNS: Final = (
    _text("id", "Identifier of the record here", lambda r: r.id, "meta.id;meta.main"),
    _text("kind", "What it is", lambda r: r.kind, "meta.code.class"),
    _text("title", "Title", lambda r: r.title, "meta.title"),
    Column("description", "Description", lambda r, _site: words.line(r.description, MAX_TEXT), ucd="meta.note"),
    Column("page", "Its page in the portal", lambda r, site: site.record(r.id), ucd="meta.ref.url"),
    _text("provider", "Provider", lambda r: r.provider, "meta.curation"),
    _text("domain", "Domain", lambda r: r.domain),
    _texts("missions", "Missions", lambda r: r.missions),
    _texts("instruments", "Instruments", lambda r: r.instruments, "meta.id;instr"),
    _texts("targets", "Targets", lambda r: r.targets, "meta.id;src"),
    _texts("themes", "Thematic areas", lambda r: r.themes),
    _texts("variables", "Variables", lambda r: r.variables),
    _texts("keywords", "Keywords", lambda r: r.keywords),
    _text("level", "Processing or calibration level", lambda r: r.level, "meta.code;obs.calib"),
    _text("product_type", "Product type", lambda r: r.product_type, "meta.code.class"),
    _moment("start", "When it begins", lambda r: r.extent.start, "time.start"),
    _moment("end", "When it ends", lambda r: r.extent.end, "time.end"),
    _text("frame", "What the box is on: earth, sky (ICRS) or a body", lambda r: r.extent.frame),
    _side(0, "west", "West of its box: longitude, on the sky right ascension; more than east across the antimeridian"),
    _side(1, "south", "South of its box: latitude, on the sky declination"),
    _side(2, "east", "East of its box"),
    _side(3, "north", "North of its box"),
    *(_number(name) for name in fields.NUMBERS),
    _text("licence", "Licence", lambda r: terms.label("license", r.license) if r.license else "", "meta.note"),
    _text("access", "Who may have it: open, registered or restricted", lambda r: r.access),
    _text("doi", "DOI", credits.doi, "meta.ref.doi"),
    _texts("formats", "Formats", lambda r: r.formats, "meta.code.mime"),
    Column("access_url", "Where its main file is", _address, ucd="meta.ref.url"),
    Column("access_format", "Media type of its main file", _format, ucd="meta.code.mime"),
    _text("dataset", "Identifier of the dataset that it belongs to", lambda r: r.dataset, "meta.id.parent"),
    _text("source", "Source that it was harvested from", lambda r: r.source),
    _text("source_id", "Identifier at the source", lambda r: r.source_id, "meta.id"),
    _moment("created", "When the data were made", lambda r: r.created, "time.creation"),
    _moment("updated", "When the data were changed", lambda r: r.updated, "time.processing"),
)
