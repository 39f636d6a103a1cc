"""The one table of queryables: every name that a filter, facet or sort may use, on every face and engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from discovery.errors import UnknownFieldError
from discovery.model import terms
from discovery.model.record import Record

MISSION: Final = "mission"


class Type(StrEnum):
    """How a field's values compare."""

    KEYWORD = "keyword"
    """Exact text, any number of values a record."""
    NUMBER = "number"
    """A 64-bit float, at most one a record."""
    INSTANT = "instant"
    """UTC milliseconds, at most one a record."""
    TEXT = "text"
    """Text for words and for order by title; not for equality."""


@dataclass(frozen=True, slots=True)
class Field:
    """One queryable: its name here and in the standards, what it may be used for, and where its value comes from."""

    name: str
    type: Type
    label: str
    values: Callable[[Record], Iterable[str | float | int | None]]
    """The record's values; None and empty text are dropped."""
    facet: bool = False
    sort: bool = False
    tree: bool = False
    """Values are paths; a record that has `a/b` is counted under `a` too."""
    stac: str = ""
    obscore: str = ""
    ogc: str = ""
    """Its name in OGC API Records, where that is a third one."""
    unit: str = ""
    log: bool = False
    """Values spread over powers of ten, so that steps of one width would put most of them into the first."""


def _keyword(
    name: str,
    label: str,
    values: Callable[[Record], Iterable[str]],
    *,
    facet: bool = True,
    tree: bool = False,
    stac: str = "",
    obscore: str = "",
    ogc: str = "",
) -> Field:
    return Field(name, Type.KEYWORD, label, values, facet=facet, tree=tree, stac=stac, obscore=obscore, ogc=ogc)


def _number(name: str, label: str, *, unit: str = "", stac: str = "", obscore: str = "", log: bool = False) -> Field:
    def values(record: Record) -> Iterable[float | None]:
        return (record.numbers.get(name),)

    return Field(name, Type.NUMBER, label, values, sort=True, stac=stac, obscore=obscore, unit=unit, log=log)


def _instant(
    name: str, label: str, values: Callable[[Record], int | None], *, stac: str = "", obscore: str = ""
) -> Field:
    return Field(name, Type.INSTANT, label, lambda record: (values(record),), sort=True, stac=stac, obscore=obscore)


def _property(name: str) -> Callable[[Record], Iterable[str]]:
    def values(record: Record) -> Iterable[str]:
        value = record.properties.get(name, ())
        return (value,) if isinstance(value, str) else value

    return values


def _mission_paths(record: Record) -> Iterable[str]:
    return dict.fromkeys(step for path in record.missions for step in terms.ancestors(path))


def _platforms(record: Record) -> Iterable[str]:
    """Return the platforms by one name each; what the source calls them stays in the record."""
    said = _property("platform")(record)
    return dict.fromkeys(term.value if (term := terms.platform(name)) else name for name in said)


FIELDS: Final = MappingProxyType(
    {
        each.name: each
        for each in (
            _keyword("kind", "Type of asset", lambda r: (r.kind,), ogc="type"),
            _keyword("capability", "Properties", _property("capability")),
            _keyword("domain", "Domain", lambda r: (r.domain,)),
            _keyword(MISSION, "Mission", _mission_paths, tree=True, stac="mission", obscore="obs_collection"),
            _keyword(
                "instrument", "Instrument", lambda r: r.instruments, stac="instruments", obscore="instrument_name"
            ),
            _keyword("theme", "Thematic area", lambda r: r.themes, stac="themes"),
            _keyword("variable", "Variable", lambda r: r.variables, stac="osc:variables"),
            _keyword("keyword", "Keyword", lambda r: r.keywords, stac="keywords"),
            _keyword("target", "Target", lambda r: r.targets, obscore="target_name"),
            _keyword("provider", "Provider", lambda r: (r.provider,), stac="providers"),
            _keyword("platform", "Platform", _platforms, stac="platform", obscore="facility_name"),
            _keyword("level", "Processing level", lambda r: (r.level,), stac="processing:level", obscore="calib_level"),
            _keyword("product_type", "Product type", lambda r: (r.product_type,), obscore="dataproduct_type"),
            _keyword("format", "Format", lambda r: r.formats, obscore="access_format", ogc="formats"),
            _keyword("license", "Licence", lambda r: (r.license,), stac="license"),
            _keyword("access", "Access", lambda r: (r.access,), obscore="data_rights"),
            _keyword("frame", "Frame", lambda r: (r.extent.frame,) if r.extent.geometry or r.extent.bbox else ()),
            _keyword("project", "Project", _property("project"), stac="osc:project"),
            _keyword("organisation", "Organisation", _property("organisation")),
            _keyword("collection", "Collection", _property("collection")),
            _keyword("category", "Category", _property("category")),
            _keyword("source", "Harvest source", lambda r: (r.source,)),
            _keyword("container", "Container", lambda r: (r.container,), facet=False),
            _keyword("dataset", "Dataset", lambda r: (r.dataset,), stac="collection"),
            _keyword("id", "Identifier", lambda r: (r.id,), facet=False),
            _keyword(
                "source_id",
                "Source identifier",
                lambda r: (r.source_id,),
                facet=False,
                stac="id",
                obscore="obs_publisher_did",
            ),
            _keyword("doi", "DOI", lambda r: (r.doi,), facet=False, stac="sci:doi"),
            _keyword("external_id", "External identifier", lambda r: r.external_ids, facet=False, ogc="externalIds"),
            _number("cloud_cover", "Cloud cover", unit="%", stac="eo:cloud_cover"),
            _number("snow_cover", "Snow cover", unit="%", stac="eo:snow_cover"),
            _number("resolution", "Ground resolution", unit="m", stac="gsd", log=True),
            _number("sun_elevation", "Sun elevation", unit="deg", stac="view:sun_elevation"),
            _number("sun_azimuth", "Sun azimuth", unit="deg", stac="view:sun_azimuth"),
            _number("off_nadir", "Off-nadir angle", unit="deg", stac="view:off_nadir"),
            _number("sky_resolution", "Angular resolution", unit="arcsec", obscore="s_resolution", log=True),
            _number("exposure", "Exposure time", unit="s", obscore="t_exptime", log=True),
            _number("wavelength_min", "Shortest wavelength", unit="m", obscore="em_min", log=True),
            _number("wavelength_max", "Longest wavelength", unit="m", obscore="em_max", log=True),
            _number("size", "Size", unit="byte", obscore="access_estsize", log=True),
            _instant("start", "Start time", lambda r: r.extent.start, stac="start_datetime", obscore="t_min"),
            _instant("end", "End time", lambda r: r.extent.end, stac="end_datetime", obscore="t_max"),
            _instant("created", "Created", lambda r: r.created, stac="created", obscore="obs_creation_date"),
            _instant("updated", "Updated", lambda r: r.updated, stac="updated"),
            Field("title", Type.TEXT, "Title", lambda r: (r.title,), sort=True, stac="title", obscore="obs_title"),
        )
    }
)
"""By name, in the order that pages show."""

DATETIME: Final = "datetime"
"""STAC's own name for when something was: the start of the interval wherever a single instant is compared or sorted."""

_ALIASES: Final = MappingProxyType(
    {DATETIME: "start", "properties.datetime": "start"}
    | {f"properties.{each.stac}": each.name for each in FIELDS.values() if each.stac}
    | {each.stac: each.name for each in FIELDS.values() if each.stac and each.stac not in FIELDS}
    | {each.ogc: each.name for each in FIELDS.values() if each.ogc}
)
FACETS: Final = tuple(name for name, each in FIELDS.items() if each.facet)
SORTS: Final = tuple(name for name, each in FIELDS.items() if each.sort)
OVERLAP: Final = "overlap"
"""The order by how much of a region and of a footprint is the same; no field, for without a region there is none."""
ORDERS: Final = (*SORTS, OVERLAP)
NUMBERS: Final = tuple(name for name, each in FIELDS.items() if each.type is Type.NUMBER)
TAIL_PREFIX: Final = "properties."
"""`properties.NAME` asks the long tail of a record for equality; it is never a facet or a sort."""


def field(name: str, *, parameter: str | None = None) -> Field:
    """Return the field by our name or by its STAC name.

    Raises:
        UnknownFieldError: No field has that name; the near ones are in the message.
    """
    found = FIELDS.get(name) or FIELDS.get(_ALIASES.get(name, ""))
    if found is None:
        raise UnknownFieldError(name, FIELDS, parameter=parameter)
    return found


def facet(name: str, *, parameter: str | None = None) -> Field:
    """Return the field if it can be counted as a facet, else raise as `field` does."""
    found = FIELDS.get(name)
    if found is None or not found.facet:
        raise UnknownFieldError(name, FACETS, what="facet", parameter=parameter)
    return found


def number(name: str, *, parameter: str | None = None) -> Field:
    """Return the field by our name or by its STAC name if it holds numbers, else raise as `field` does."""
    found = FIELDS.get(name) or FIELDS.get(_ALIASES.get(name, ""))
    if found is None or found.type is not Type.NUMBER:
        raise UnknownFieldError(name, NUMBERS, what="number", parameter=parameter)
    return found


def sort(name: str, *, parameter: str | None = None) -> Field:
    """Return the field if records can be ordered by it, else raise as `field` does."""
    found = FIELDS.get(name) or FIELDS.get(_ALIASES.get(name, ""))
    if found is None or not found.sort:
        raise UnknownFieldError(name, SORTS, what="sort field", parameter=parameter)
    return found


def order(name: str, *, parameter: str | None = None) -> str:
    """Return the name of a field that records can be ordered by, or of the order by overlap, else raise as `field`."""
    if name == OVERLAP:
        return name
    try:
        return sort(name).name
    except UnknownFieldError as error:
        raise UnknownFieldError(name, ORDERS, what="sort field", parameter=parameter) from error
