"""Online resources of ISO metadata: what their protocol, function and address say that they are."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from discovery.model.quick import quick
from discovery.model.record import Asset, Link
from harvesters import iso_tree as tree
from harvesters import stac
from harvesters.document import MAX_VALUES, Notes

SERVICE: Final = "service"
"""The relation of a link to a service over the data; its media type is the name of the protocol, such as OGC:WMS."""
DATA: Final = "data"
_DOWNLOAD: Final = re.compile(r"download|^ftp|^s?ftp:|^file|^gridftp|^globus|^s3", re.IGNORECASE)
_LONGEST: Final = 200
"""Characters of a protocol; the longest are the URIs of registers."""
_MEDIA_TYPE: Final = re.compile(r"[a-z]+/[a-z0-9.+-]+(;.*)?", re.IGNORECASE)
# What protocols are called, in the order in which they are looked for: `OGC:WMTS` also begins with what `OGC:WM` would.
_SERVICES: Final = (
    ("wmts", "OGC:WMTS"),
    ("wms", "OGC:WMS"),
    ("wfs", "OGC:WFS"),
    ("wcs", "OGC:WCS"),
    ("wps", "OGC:WPS"),
    ("sos", "OGC:SOS"),
    ("csw", "OGC:CSW"),
    ("ogcapi", "OGC:API"),
    ("ogc api", "OGC:API"),
    ("ogc:api", "OGC:API"),
    ("opendap", "OPENDAP"),
    ("dods", "OPENDAP"),
    ("erddap", "ERDDAP"),
    ("thredds", "THREDDS"),
    ("esri:rest", "ESRI:REST"),
    ("esri-rest", "ESRI:REST"),
    ("arcgis", "ESRI:REST"),
    ("stac", "STAC"),
    ("openeo", "openEO"),
)
_ASKED: Final = re.compile(r"[?&]service=(wms|wmts|wfs|wcs|wps|sos|csw)\b", re.IGNORECASE)
_WORD: Final = {found: re.compile(rf"(?<![a-z]){re.escape(found)}(?![a-z])") for found, _ in _SERVICES}
_FUNCTIONS: Final = {
    "download": DATA,
    "fileaccess": DATA,
    "order": "order",
    "search": "search",
    "information": "about",
    "completemetadata": "describedby",
    "browsegraphic": "preview",
}
_TYPES: Final = {
    "nc": "application/x-netcdf",
    "nc4": "application/x-netcdf",
    "h5": "application/x-hdf5",
    "hdf": "application/x-hdf",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "jp2": "image/jp2",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "svg": "image/svg+xml",
    "zip": "application/zip",
    "gz": "application/gzip",
    "tgz": "application/gzip",
    "csv": "text/csv",
    "txt": "text/plain",
    "json": "application/json",
    "geojson": "application/geo+json",
    "gpkg": "application/geopackage+sqlite3",
    "shp": "application/x-shapefile",
    "kml": "application/vnd.google-earth.kml+xml",
    "kmz": "application/vnd.google-earth.kmz",
    "gml": "application/gml+xml",
    "xml": "application/xml",
    "zarr": "application/vnd+zarr",
    "parquet": "application/vnd.apache.parquet",
    "fits": "application/fits",
    "pdf": "application/pdf",
    "html": "text/html",
    "htm": "text/html",
}
_PAGES: Final = frozenset({"text/html", "application/pdf", "text/plain"})


@dataclass(frozen=True, slots=True)
class Online:
    """An online resource, and what it is."""

    href: str
    name: str
    rel: str
    """The relation of a link; `data` and `preview` are files."""
    media_type: str
    """Its media type, or the name of a service's protocol."""


_make: Final = quick(Online)


def online(href: str, protocol: str = "", name: str = "", function: str = "", service: str = "") -> Online:
    """Return what an online resource is.

    Args:
        href: Its address.
        protocol: What the document calls its protocol, in one of a dozen customs.
        name: What people call it.
        function: The code of what it is for.
        service: What service the document is about; its online resources are that service where they say nothing else.
    """
    protocol = protocol[:_LONGEST]
    word = protocol.lower()
    if found := service_of(word) or _asked(href):
        return _make(href, name, SERVICE, found)
    media_type = protocol if "/" in word and _MEDIA_TYPE.fullmatch(protocol) else media_type_of(href)
    if word.startswith("doi") or "doi.org/" in href[:24]:
        return _make(href, name, "cite-as", media_type)
    relation = _FUNCTIONS.get(function.lower(), "")
    if service and not media_type and relation in ("", DATA):
        return _make(href, name, SERVICE, service)
    if (word and _DOWNLOAD.search(word)) or href.startswith(("ftp:", "s3:")):
        relation = DATA
    elif not relation:
        # Whoever says nothing of a file says that it is one.
        relation = DATA if not word and media_type and media_type not in _PAGES else "related"
    return _make(href, name, relation, media_type)


@lru_cache(maxsize=1024)
def service_of(protocol: str) -> str:
    """Return the name of the service that a protocol stands for, such as OGC:WMS; empty for none."""
    word = protocol.lower()
    if not word or "download" in word:
        return ""
    return next((name for found, name in _SERVICES if found in word and _WORD[found].search(word)), "")


def media_type_of(href: str) -> str:
    """Return the media type that the end of a URL's path stands for; empty where it says nothing."""
    path = href.partition("?")[0].partition("#")[0].rstrip("/")
    name, _, ending = path.rpartition("/")[2].rpartition(".")
    return _TYPES.get(ending.lower(), "") if name and len(ending) < 9 else ""


def read(part: Any, service: str = "") -> Online:
    """Return what a CI_OnlineResource holds, in a document about a service or about something else."""
    found = tree.group(part)
    name = tree.first(found, "name") or tree.first(found, "description")
    href, protocol = tree.first(found, "linkage"), tree.first(found, "protocol")
    return online(href, protocol, name[:1000], tree.code(found, "function"), service)


def files_and_links(found: Iterable[Online], base: str, notes: Notes) -> tuple[tuple[Asset, ...], tuple[Link, ...]]:
    """Return the files among online resources, and the links that services, pages and all others are."""
    files: dict[str, dict[str, Any]] = {}
    others: list[dict[str, str]] = []
    for each in _different(found):
        if each.rel in (DATA, "preview"):
            roles = ["data" if each.rel == DATA else "overview"]
            given = {"href": each.href, "title": each.name, "type": each.media_type, "roles": roles}
            files[f"link-{len(files) + 1}"] = given
        else:
            others.append({"href": each.href, "rel": each.rel, "title": each.name, "type": each.media_type})
    return stac.assets(files, base, notes) if files else (), stac.links(others, base, notes) if others else ()


def _different(found: Iterable[Online]) -> Iterable[Online]:
    seen: dict[Online, None] = {}
    for each in found:
        if each.href and each.href[:7].lower() != "mailto:" and len(seen) < MAX_VALUES:
            seen[each] = None
    return seen


def _asked(href: str) -> str:
    asked = _ASKED.search(href) if "?" in href else None
    return f"OGC:{asked[1].upper()}" if asked else ""
