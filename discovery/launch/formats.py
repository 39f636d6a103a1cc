"""Families of formats: what one does first with a file, told by its media type or by the end of its name."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final
from urllib.parse import urlsplit

OTHER: Final = "other"
"""The family of what belongs to none; it is taken for data."""
PAGE: Final = "page"
_VAGUE: Final = frozenset(
    {"", "application/octet-stream", "binary/octet-stream", "application/gzip", "application/x-gzip", "application/zip"}
)
"""Media types that say nothing about the contents."""
_DOTS: Final = 2
"""Dots of the longest end of a name, such as `.fits.gz`."""
_SERVICE_TYPES: Final = ("application/vnd.ogc", "application/x-ogc", "application/sparql", "application/graphql")
_SERVICE_ROLES: Final = frozenset({"service", "api", "wms", "wmts", "wfs", "wcs", "tap", "soda", "tiles", "tilejson"})
_SERVICE_QUERY: Final = re.compile(r"[?&]service=(?:csw|tap|wcs|wfs|wms|wmts|wps)(?:&|$)", re.IGNORECASE)
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[!-\"$-.0->@-Z^-~]*(/[!-\"$->@-Z^-~]*)?")
"""A scheme, a host and a path, and nothing that one would have to look at more closely."""
_SPACE: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Family:
    """Formats that are opened in the same way."""

    name: str
    """`fits`, `table`, `raster`, ...; also the name of the template of a notebook."""
    label: str
    data: bool = True
    """False for what stands beside the data: previews, descriptions, pages."""
    media_types: tuple[str, ...] = ()
    """In lower case; with a parameter behind a semicolon only that one is meant."""
    suffixes: tuple[str, ...] = ()


_OTHER: Final = Family(OTHER, "file")


@cache
def families() -> dict[str, Family]:
    """Return every family by its name, in the order in which they are tried."""
    text = files("discovery.launch").joinpath("data/formats.toml").read_text(encoding="utf-8")
    found = [
        Family(
            each["name"],
            each["label"],
            each.get("data", True),
            tuple(each.get("media_types", ())),
            tuple(each.get("suffixes", ())),
        )
        for each in tomllib.loads(text)["family"]
    ]
    return {each.name: each for each in [*found, _OTHER]}


def family(media_type: str, address: str = "") -> Family:
    """Return the family of a file.

    Args:
        media_type: What its source says it is; empty, vague and unknown types leave it to the name.
        address: Its path or URL.
    """
    return _by_type(media_type) or _by_name(_name(address))


def is_service(address: str, media_type: str = "", roles: Iterable[str] = ()) -> bool:
    """Say whether what is at an address answers questions, so that it is no file."""
    if _is_service_type(media_type) or any(role.lower() in _SERVICE_ROLES for role in roles):
        return True
    return "=" in address and bool(_SERVICE_QUERY.search(address))


@lru_cache(maxsize=1024)
def _is_service_type(media_type: str) -> bool:
    return media_type.lower().startswith(_SERVICE_TYPES)


@lru_cache(maxsize=1024)
def _by_type(media_type: str) -> Family | None:
    """Return the family of a media type; the records of a source all have the same few."""
    said = _SPACE.sub("", media_type).lower()
    essence = said.partition(";")[0]
    if essence in _VAGUE:
        return None
    fits = (each for each in families().values() if any(_is(said, essence, kind) for kind in each.media_types))
    return next(fits, None)


def _by_name(name: str) -> Family:
    """Return the first family that has one of the ends of a name; ends have up to two dots."""
    known, found = _suffixes(), None
    at = len(name)
    for _ in range(_DOTS):
        at = name.rfind(".", 0, at)
        if at < 0:
            break
        if (each := known.get(name[at:])) is not None and (found is None or each[0] < found[0]):
            found = each
    return found[1] if found else _OTHER


@cache
def _suffixes() -> dict[str, tuple[int, Family]]:
    """Return the family of each end of a name, with its place in the order of families."""
    out: dict[str, tuple[int, Family]] = {}
    for number, each in enumerate(families().values()):
        for suffix in each.suffixes:
            out.setdefault(suffix, (number, each))
    return out


def _is(said: str, essence: str, kind: str) -> bool:
    wanted, mark, parameter = kind.partition(";")
    return wanted == essence and (not mark or parameter in said.split(";")[1:])


def _name(address: str) -> str:
    if "://" in address:
        if plain := _PLAIN.fullmatch(address):
            address = plain[1] or ""
        else:
            try:
                address = urlsplit(address).path
            except ValueError:
                return ""
    return address.rstrip("/").rpartition("/")[2].lower()
