"""A kept selection as a folder: a name for each of its files, where it lies in a volume, and where else it is.

The folder is made where volumes are mounted; what is said here has no path of any machine, only those of the catalogue.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from discovery.launch.opening import Opening
from discovery.launch.resolver import VOLUME, File, Place, base_name, printable

MAX_FILES: Final = 2_000
"""Files of a selection that its folder has."""
MAX_BYTES: Final = 4 << 20
"""Bytes of what its list says of them; a hub reads twice as many."""
MANIFEST: Final = "manifest.json"
MEDIA_TYPE: Final = "application/json"
_MAX_TITLE: Final = 500
_UNFIT: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Named:
    """A kept selection, as its folder names it."""

    id: str
    name: str
    page: str
    """Its permanent address."""

    @property
    def folder(self) -> str:
        """What its folder is called: words of its name and the beginning of its id, which no other one has."""
        plain = unicodedata.normalize("NFKD", self.name).encode("ascii", "ignore").decode().lower()
        words = _UNFIT.sub("-", plain).strip("-")[:40].strip("-")
        return f"{words or 'selection'}-{self.id[:6]}"


def manifest(named: Named, openings: Sequence[Opening], *, total: int | None = None) -> dict[str, Any]:
    """Return what is in the folder of a selection, as JSON values.

    Args:
        named: The selection.
        openings: The ways to open its records.
        total: How many records it has, where there are more.
    """
    files = [each for opening in openings for each in _files(opening)]
    kept = _fitting(files)
    names: set[str] = {MANIFEST}
    return {
        "selection": named.id,
        "name": printable(named.name[:_MAX_TITLE]),
        "folder": named.folder,
        "page": named.page,
        "records": len(openings) if total is None else total,
        "left_out": {
            "records": 0 if total is None else max(0, total - len(openings)),
            "files": len(files) - len(kept),
        },
        "files": [{"name": _once(each["name"], names), **each["said"]} for each in kept],
    }


def _fitting(files: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the first ones that a list has room for: addresses of strangers may be long."""
    kept, size = [], 0
    for each in files[:MAX_FILES]:
        size += len(orjson.dumps(each))
        if size > MAX_BYTES:
            break
        kept.append(each)
    return kept


def _files(opening: Opening) -> Iterator[dict[str, Any]]:
    record = opening.record
    about = {"record": record.id, "title": printable((record.title or record.source_id)[:_MAX_TITLE])}
    if opening.mount_path:
        # A volume in a selection is in its folder as a whole.
        inside = [{"volume": record.id, "path": opening.mount_path}]
        yield {"name": base_name(opening.mount_path), "said": about | _said("folder", None, inside, ())}
    for file in opening.files:
        yield {"name": file.name, "said": about | _of(file)}


def _of(file: File) -> dict[str, Any]:
    inside = [{"volume": each.volume, "path": each.address} for each in file.places if _lies_in(each)]
    return _said(file.family, file.size, inside, [each for each in file.places if each.kind != VOLUME])


def _lies_in(place: Place) -> bool:
    return place.kind == VOLUME and bool(place.volume)


def _said(family: str, size: int | None, inside: list[dict[str, str]], others: Sequence[Place]) -> dict[str, Any]:
    stores = {each.address: each.store.to_dict() for each in others if each.store}
    return {
        "family": family,
        "size": size,
        "volumes": inside,
        "addresses": [each.address for each in others],
        "stores": stores,
    }


def _once(name: str, names: set[str]) -> str:
    """Return a name that none of the others has, on disks that know no capitals either."""
    free, number = name, 1
    while free.lower() in names:
        number += 1
        stem, dot, end = name.partition(".")
        free = f"{stem}-{number}{dot}{end}"
    names.add(free.lower())
    return free
