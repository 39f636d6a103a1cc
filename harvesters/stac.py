"""What STAC Items, STAC Collections and OGC Records have in common, read into the parts of a record."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

from discovery.http.redaction import has_credentials, is_signed, redact
from discovery.model import terms
from discovery.model.record import Asset, Contact, Link, make_asset, make_link
from discovery.model.stac import INFERRED_RELS, absolute
from harvesters.document import MAX_VALUE, MAX_VALUES, Notes, clean, items, number, text, texts

NUMBERS: Final = {
    "eo:cloud_cover": "cloud_cover",
    "eo:snow_cover": "snow_cover",
    "gsd": "resolution",
    "view:sun_elevation": "sun_elevation",
    "view:sun_azimuth": "sun_azimuth",
    "view:off_nadir": "off_nadir",
}
"""Properties worth filtering by number, and their names in the field table."""

USED: Final = frozenset(
    {
        "DOI",
        "access",
        "assets",
        "bbox",
        "cf:parameter",
        "conformsTo",
        "contacts",
        "created",
        "datetime",
        "description",
        "doi",
        "domain",
        "end_datetime",
        "extent",
        "externalIds",
        "formats",
        "geometry",
        "id",
        "instrument",
        "instruments",
        "item_assets",
        "keywords",
        "language",
        "level",
        "license",
        "linkTemplates",
        "links",
        "mission",
        "missions",
        "osc:missions",
        "osc:type",
        "osc:variables",
        "processing:level",
        "product:type",
        "product_type",
        "provider",
        "providers",
        "rights",
        "sci:doi",
        "stac_extensions",
        "stac_version",
        "start_datetime",
        "summaries",
        "themes",
        "time",
        "title",
        "type",
        "updated",
        "variables",
        *NUMBERS,
    }
)
"""Members that have a field of their own in a record, so that the long tail leaves them out."""

_FORMATS: Final = {
    "image/tiff": "GeoTIFF",
    "image/jp2": "JPEG 2000",
    "application/vnd+zarr": "Zarr",
    "application/vnd.zarr": "Zarr",
    "application/x-zarr": "Zarr",
    "application/zarr": "Zarr",
    "application/x-netcdf": "NetCDF",
    "application/netcdf": "NetCDF",
    "application/netcdf4": "NetCDF",
    "application/x-flatgeobuf": "FlatGeobuf",
    "application/xml": "XML",
    "application/x-hdf": "HDF",
    "application/x-hdf5": "HDF5",
    "application/x-hdf4": "HDF4",
    "application/x-parquet": "Parquet",
    "application/vnd.apache.parquet": "Parquet",
    "application/geo+json": "GeoJSON",
    "application/json": "JSON",
    "application/geopackage+sqlite3": "GeoPackage",
    "application/x-shapefile": "Shapefile",
    "application/zip": "ZIP",
    "application/fits": "FITS",
    "image/fits": "FITS",
    "image/x-fits": "FITS",
    "application/x-votable+xml": "VOTable",
    "application/x-ipynb+json": "Jupyter notebook",
    "text/csv": "CSV",
    "text/plain": "Text",
    "application/pdf": "PDF",
    "image/png": "PNG",
    "image/jpeg": "JPEG",
}
"""What people call a media type; one that is not here stands for itself."""

_FORMAT_NAMES: Final = {name.lower(): name for name in _FORMATS.values()} | {"geoparquet": "GeoParquet", "cog": "COG"}
"""The same names however their letters are written."""
_ABSOLUTE: Final = ("https://", "http://", "s3://")
_NO_DATA: Final = frozenset({"thumbnail", "overview", "metadata", "tiles", "documentation", "iso-19115", "stac-items"})
_DOI: Final = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi:)?(10\.[0-9]{4,9}/\S+)", re.IGNORECASE)
# The Open Science Catalog says in a link's title what it leads to.
_RELATED: Final = re.compile(
    r"(Variable|Theme|EO Mission|Mission|Project|Workflow|Experiment|Product)\s*:\s*(.+)", re.IGNORECASE
)


def links(value: Any, base: str, notes: Notes, *, structure: frozenset[str] = INFERRED_RELS) -> tuple[Link, ...]:
    """Return the links that say something about the record; those of the catalogue's own structure are left out."""
    out: list[Link] = []
    for index, link in enumerate(items(value, notes, "links")):
        given = link.get("rel")
        if type(given) is str and given in structure:
            continue
        plain = _plain_link(link, given, base)
        found = plain if plain is not None else _link(link, base, notes, f"links[{index}]", structure)
        if found is not None and len(out) < MAX_VALUES:
            out.append(found)
    return tuple(out)


def _link(link: Mapping[str, Any], base: str, notes: Notes, path: str, structure: frozenset[str]) -> Link | None:
    rel, href = text(link.get("rel"), notes, f"{path}.rel") or "related", link.get("href")
    if rel.lower() in structure:
        return None
    if not isinstance(href, str) or not href.strip():
        notes.add("bad-link", f"{path} has no href", path)
        return None
    target = _target(href, base, notes, path)
    if not target:
        return None
    title = text(link.get("title"), notes, f"{path}.title")
    related = _RELATED.fullmatch(title)
    if related is not None and rel == "related":
        rel, title = related[1].lower().replace("eo ", ""), related[2]
    return make_link(target, rel, title, text(link.get("type"), notes, f"{path}.type"))


def _plain_link(link: Mapping[str, Any], rel: Any, base: str) -> Link | None:
    """Return a link of which there is nothing to be said, as most are; None where one has to look more closely."""
    href, title, media_type = link.get("href"), link.get("title", ""), link.get("type", "")
    if type(rel) is not str or type(href) is not str or type(title) is not str or type(media_type) is not str:
        return None
    # Written as it is compared, so that whoever asked knows that it is no relation of the catalogue's own structure.
    if not rel or rel != rel.strip().lower() or not rel.isprintable():
        return None
    if len(rel) + len(href) + len(title) + len(media_type) + len(base) > MAX_VALUE:
        return None
    return _repeated_link(rel, href, title, media_type, base)


@lru_cache(maxsize=1024)
def _repeated_link(rel: str, href: str, title: str, media_type: str, base: str) -> Link | None:
    """Return a link as `_link` does: all Items of a collection have the same licence. None where it has an issue."""
    notes = Notes()
    found = _link({"rel": rel, "href": href, "title": title, "type": media_type}, base, notes, "", frozenset())
    return None if notes.issues else found


def _target(href: str, base: str, notes: Notes, path: str) -> str:
    """Return where a link leads without any secret; a signed link leads nowhere for long and is left out."""
    href = clean(href)
    if href.lower().startswith("www."):
        notes.add("link-without-scheme", f"{href[:100]!r} has no scheme; https is assumed", path)
        href = f"https://{href}"
    if is_signed(href):
        notes.add("signed-link", "a link that is signed for a while is not kept", path)
        return ""
    if has_credentials(href):
        notes.add("secret-in-link", "a link had a user name, password or token in it, which was taken out", path)
        href = redact(href)
    return absolute(href, base) or href


def self_url(document: Mapping[str, Any]) -> str:
    """Return where a document says that it is published; empty when it does not."""
    found = document.get("links")
    for link in found if isinstance(found, list) else ():
        if isinstance(link, Mapping) and link.get("rel") == "self":
            href = link.get("href")
            return href if isinstance(href, str) and href.startswith(("http:", "https:")) else ""
    return ""


def titles(found: Iterable[Link], rel: str) -> tuple[str, ...]:
    """Return the titles of the links to one kind of thing."""
    return tuple(dict.fromkeys(link.title for link in found if link.rel == rel and link.title))


def assets(value: Any, base: str, notes: Notes) -> tuple[Asset, ...]:
    """Return the files of a STAC document in their order; locations that hold a signature are left out."""
    if value is None:
        return ()
    if not isinstance(value, Mapping):
        notes.add("wrong-type", f"assets is a {type(value).__name__}, not an object", "assets")
        return ()
    out: list[Asset] = []
    for key, each in list(value.items())[:MAX_VALUES]:
        plain = _plain_asset(key, each)
        if plain is not None:
            out.append(plain)
            continue
        path = f"assets.{key}"[:120]
        sent = each.get("href") if isinstance(each, dict) else None
        if not isinstance(sent, str) or not sent.strip():
            notes.add("bad-asset", f"{path} has no href", path)
            continue
        href = _location(sent, base, notes, path)
        if not href:
            continue
        size = number(each.get("file:size"), notes, f"{path}.file:size")
        if size is not None and size >= 1 << 63:
            notes.add("not-a-number", f"{path}.file:size is no number of bytes", f"{path}.file:size")
            size = None
        out.append(
            make_asset(
                href,
                text(key, notes, path),
                text(each.get("title"), notes, f"{path}.title"),
                text(each.get("type"), notes, f"{path}.type"),
                texts(each.get("roles"), notes, f"{path}.roles"),
                int(size) if size is not None and size >= 0 else None,
                _alternates(each.get("alternate"), base, notes, path) if "alternate" in each else (),
            )
        )
    return tuple(out)


def _plain_asset(key: str, given: Any) -> Asset | None:
    """Return an asset of which there is nothing to be said, as most are; None where one has to look more closely."""
    if type(given) is not dict or "alternate" in given:
        return None
    href, title, media_type = given.get("href"), given.get("title", ""), given.get("type", "")
    roles, size = given.get("roles"), given.get("file:size")
    if type(href) is not str or type(title) is not str or type(media_type) is not str:
        return None
    if type(roles) is list and len(roles) == 1 and type(roles[0]) is str:
        role = roles[0]
    elif roles is None:
        role = ""
    else:
        return None
    if len(href) > MAX_VALUE or len(key) + len(title) + len(media_type) + len(role) > MAX_VALUE:
        return None
    # Nothing that could be a secret, or have to be completed.
    if "=" in href or "@" in href or "[" in href or not href.startswith(_ABSOLUTE):
        return None
    if not (href.isprintable() and not href.endswith(" ") and _are_plain(key, title, media_type, role)):
        return None
    if size is not None and (type(size) is not int or not 0 <= size < 1 << 53):
        return None
    return make_asset(href, key, title, media_type, (role,) if role else (), size)


@lru_cache(maxsize=1024)
def _are_plain(*values: str) -> bool:
    """Say whether texts stay as they are; the assets of all Items of a collection are called the same."""
    return all(each.isprintable() and each == each.strip() for each in values)


def _alternates(value: Any, base: str, notes: Notes, path: str) -> tuple[str, ...]:
    if not isinstance(value, Mapping):
        return ()
    hrefs = (each.get("href") for each in value.values() if isinstance(each, Mapping))
    found = (_location(href, base, notes, f"{path}.alternate") for href in hrefs if isinstance(href, str) and href)
    return tuple(dict.fromkeys(each for each in found if each))


def _location(href: str, base: str, notes: Notes, path: str) -> str:
    href = clean(href)
    if is_signed(href):
        notes.add("signed-asset", "a location that is signed for a while is not kept", path)
        return ""
    if has_credentials(href):
        notes.add("secret-in-link", "a location had a user name, password or token in it, which was taken out", path)
        href = redact(href)
    return absolute(href, base) or href


def contacts(document: Mapping[str, Any], properties: Mapping[str, Any], notes: Notes) -> tuple[Contact, ...]:
    """Return people and organisations: contacts, and after them the providers that are none; never their addresses."""
    out: dict[str, Contact] = {}
    for contact in items(document.get("contacts") or properties.get("contacts"), notes, "contacts"):
        name = text(contact.get("name"), notes, "contacts.name")
        organization = text(contact.get("organization"), notes, "contacts.organization")
        if name or organization:
            url = _page(contact.get("links"), notes)
            roles = texts(contact.get("roles"), notes, "contacts.roles")
            out.setdefault(name or organization, Contact(name or organization, organization, roles, url))
    for provider in items(document.get("providers") or properties.get("providers"), notes, "providers"):
        if name := text(provider.get("name"), notes, "providers.name"):
            url = text(provider.get("url"), notes, "providers.url")
            out.setdefault(name, Contact(name, name, texts(provider.get("roles"), notes, "providers.roles"), url))
    return tuple(out.values())[:MAX_VALUES]


def _page(value: Any, notes: Notes) -> str:
    return next((text(each.get("href"), notes, "contacts.links") for each in items(value, notes, "contacts.links")), "")


def provider(document: Mapping[str, Any], properties: Mapping[str, Any], notes: Notes) -> str:
    """Return who made the data, else the first provider that is named."""
    given = list(items(document.get("providers") or properties.get("providers"), notes, "providers"))
    makers = [each for each in given if "producer" in texts(each.get("roles"), notes, "providers.roles")]
    return next((name for each in [*makers, *given] if (name := text(each.get("name"), notes, "providers.name"))), "")


def missions(names: Iterable[str]) -> tuple[str, ...]:
    """Return the paths of missions; a name that we do not know stands for itself, as one step of a path."""
    paths: list[str] = []
    for name in names:
        term = terms.mission(name)
        # Two missions in one text, as in `sentinel-1, sentinel-2`.
        parts = [name] if term or "," not in name else [part.strip() for part in name.split(",")]
        found = [terms.mission(part) for part in parts]
        paths += [
            known.value if known else part.replace("/", "-") for part, known in zip(parts, found, strict=True) if part
        ]
    return tuple(dict.fromkeys(paths))


def instruments(names: Iterable[str]) -> tuple[str, ...]:
    """Return instruments by the terms of our vocabulary where they are known."""
    return tuple(dict.fromkeys(term.value if (term := terms.instrument(name)) else name for name in names))


def themes(value: Any, notes: Notes) -> tuple[str, ...]:
    """Return the themes of the themes extension, by the terms of our vocabulary where they are known."""
    words: list[str] = []
    for theme in items(value, notes, "themes") if not _plain(value) else ():
        for concept in items(theme.get("concepts"), notes, "themes.concepts"):
            words += texts(
                concept.get("id") or concept.get("title") or concept.get("name"), notes, "themes.concepts.id"
            )
    if _plain(value):
        words += texts(value, notes, "themes")
    return tuple(dict.fromkeys(term.value if (term := terms.theme(word)) else word for word in words))


def _plain(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, str) for each in value)


def license_of(value: Any, notes: Notes) -> str:
    """Return the SPDX identifier of a licence where it has one, else the source's word."""
    word = text(value, notes, "license")
    return terms.license(word) or word


def doi(values: Iterable[Any], found: Iterable[Link]) -> str:
    """Return the first DOI among some values and the links that say how to cite, in lower case without its resolver."""
    candidates = [*values, *(link.href for link in found if link.rel.lower() in ("cite-as", "doi"))]
    for value in candidates:
        if isinstance(value, str) and len(value) < 500 and (match := _DOI.fullmatch(value.strip())):
            return match[1].lower()
    return ""


def formats(found: Iterable[Asset]) -> tuple[str, ...]:
    """Return what people call the formats of the data among assets; of all of them when none is data."""
    return _formats(tuple([(each.media_type, each.roles) for each in found]))


@lru_cache(maxsize=512)
def _formats(found: tuple[tuple[str, tuple[str, ...]], ...]) -> tuple[str, ...]:
    data = [media_type for media_type, roles in found if _NO_DATA.isdisjoint(roles)] or [each for each, _ in found]
    return tuple(dict.fromkeys([format_name(media_type) for media_type in data if media_type]))


@lru_cache(maxsize=1024)
def format_name(media_type: str) -> str:
    """Return what people call a media type, else the type without its parameters."""
    bare, _, parameters = media_type.lower().partition(";")
    word = bare.strip()
    name = _FORMATS.get(word) or _FORMAT_NAMES.get(word) or (word if "/" in word else media_type.strip())
    return "COG" if name == "GeoTIFF" and "cloud-optimized" in parameters else name


def numbers(properties: Mapping[str, Any], found: Iterable[Asset], notes: Notes) -> dict[str, float]:
    """Return the numeric properties worth filtering, and the size of all assets where it is known."""
    out = {
        name: value
        for sent, name in NUMBERS.items()
        if sent in properties and (value := number(properties[sent], notes, sent)) is not None
    }
    sizes = [each.size for each in found if each.size is not None]
    if sizes:
        out["size"] = float(sum(sizes))
    return out
