"""Dublin Core as a record: `csw:Record` with its two shorter forms, and the `oai_dc:dc` of OAI-PMH."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from discovery.model import terms
from discovery.model.extent import EARTH, Extent
from discovery.model.record import Contact, Record, record_id
from harvesters import iso_links, places, stac
from harvesters import iso_tree as tree
from harvesters.defaults import Defaults
from harvesters.document import MAX_DESCRIPTION, MAX_TITLE, MAX_VALUE, MAX_VALUES, Notes, moment, text
from harvesters.iso19115 import KINDS
from harvesters.iso_links import Online
from harvesters.iso_tree import Group
from harvesters.places import Box

_ROOTS: Final = frozenset({"Record", "SummaryRecord", "BriefRecord", "dc"})
_KINDS: Final = dict(KINDS) | {
    "stillimage": "dataset",
    "movingimage": "dataset",
    "sound": "dataset",
    "physicalobject": "dataset",
    "event": "dataset",
    "interactiveresource": "service",
    "livedata": "dataset",
    "map": "dataset",
    "report": "document",
    "article": "document",
    "publication": "document",
    "book": "document",
}
_USED: Final = frozenset(
    {
        "abstract", "BoundingBox", "contributor", "created", "creator", "date", "dateSubmitted", "description",
        "format", "identifier", "isPartOf", "issued", "license", "modified", "publisher", "references", "rights",
        "subject", "title", "type", "URI", "WGS84BoundingBox",
    }
)  # fmt: skip
# DCMI's way to write a box or a period into a text: `northlimit=1; ...` and `start=2001; end=2002`.
_SIDE: Final = re.compile(
    r"\b(north|south|east|west)(?:limit|bound(?:ing)?\w*)?\s*[=:]?\s*(-?[0-9]+(?:\.[0-9]+)?)", re.IGNORECASE
)
_END: Final = re.compile(r"\b(start|begin|end)\s*=\s*([^;]*)", re.IGNORECASE)


def is_dublin_core(root: Any) -> bool:
    """Say whether a document is one of these."""
    return tree.name(root) in _ROOTS


def identity(root: Any) -> str:
    """Return the first identifier of a document; empty when it has none."""
    return tree.first(tree.group(root), "identifier")


def to_record(root: Any, container: str, source_id: str, defaults: Defaults, *, base: str = "") -> Record:
    """Return the record that a document describes.

    Args:
        root: Its root element.
        container: What makes its identifier unique.
        source_id: Its identifier.
        defaults: What the operator said of the source.
        base: What its relative links start from.
    """
    notes = Notes()
    given = tree.group(root)
    assets, links = iso_links.files_and_links(_online(given), base, notes)
    identifiers = tuple(dict.fromkeys(each[:2000] for each in tree.values(given, "identifier")))
    subjects = tuple(dict.fromkeys(each[:MAX_VALUE] for each in tree.values(given, "subject")))[:MAX_VALUES]
    contacts = _contacts(given)
    start, end = _time(given, notes)
    title = text(tree.first(given, "title"), notes, "title", MAX_TITLE)
    if not title:
        notes.add("no-title", "the document has no title; its identifier stands for it", "title")
    above = tree.first(given, "isPartOf")
    record = Record(
        defaults.source,
        container,
        source_id,
        _kind(given, notes),
        title or source_id,
        description=text(_description(given), notes, "description", MAX_DESCRIPTION),
        themes=tuple(dict.fromkeys(term.value for each in subjects if (term := terms.theme(each)))),
        keywords=subjects,
        provider=next((each.name for role in ("publisher", "creator") for each in contacts if role in each.roles), ""),
        license=_license(given),
        formats=_formats(given) or stac.formats(assets),
        dataset=record_id(defaults.source, container, above) if above and above != source_id else "",
        extent=Extent(EARTH, None, _box(given, notes), start, end),
        assets=assets,
        links=links,
        contacts=contacts,
        doi=stac.doi((*identifiers, *tree.values(given, "relation")), links),
        external_ids=tuple(each for each in identifiers if each != source_id),
        created=_date(given, ("created", "issued", "date", "dateSubmitted"), notes),
        metadata_updated=_date(given, ("modified",), notes),
        properties=_properties(given),
        issues=notes.issues,
    )
    return defaults.fill(record)


def _kind(given: Group, notes: Notes) -> str:
    said = [tree.code({"type": [each]}, "type") or tree.line(each) for each in given.get("type", ())]
    words = [each.rstrip("/").replace("#", "/").rpartition("/")[2].lower().replace(" ", "") for each in said]
    known = next((kind for each in words if (kind := _KINDS.get(each))), None)
    if known is None and words:
        notes.add("unknown-type", f"type {said[0][:80]!r} is not one that we know; taken for a dataset", "type")
    return known or "dataset"


def _description(given: Group) -> str:
    return next(
        (found for key in ("abstract", "description") for each in given.get(key, ()) if (found := tree.value(each))), ""
    )


def _online(given: Group) -> Iterator[Online]:
    """Yield addresses with what is said of them: `dct:references scheme` of CSW, `dc:URI protocol` of GeoNetwork."""
    for key in ("references", "URI", "source", "relation", "identifier"):
        for each in given.get(key, ()):
            href = tree.line(each)
            if href.startswith(("http:", "https:", "ftp:", "s3:")):
                protocol = each.get("scheme") or each.get("protocol") or ""
                yield iso_links.online(
                    href, str(protocol), str(each.get("name") or each.get("description") or "")[:1000]
                )


def _contacts(given: Group) -> tuple[Contact, ...]:
    out: dict[str, Contact] = {}
    for role in ("creator", "publisher", "contributor"):
        for name in tree.values(given, role):
            known = out.get(name)
            out[name] = Contact(name[:MAX_VALUE], "", (*known.roles, role) if known else (role,))
    return tuple(out.values())[:MAX_VALUES]


def _license(given: Group) -> str:
    said = [*tree.values(given, "license"), *tree.values(given, "rights")]
    return next((known for each in said if (known := terms.license(each))), "")


def _formats(given: Group) -> tuple[str, ...]:
    return tuple(dict.fromkeys(stac.format_name(each) for each in tree.values(given, "format") if len(each) <= 200))


def _date(given: Group, keys: tuple[str, ...], notes: Notes) -> int | None:
    return next((moment(found, notes, key) for key in keys if (found := tree.first(given, key))), None)


# Where and when


def _box(given: Group, notes: Notes) -> Box | None:
    for each in (*given.get("WGS84BoundingBox", ()), *given.get("BoundingBox", ())):
        corners = tree.group(each)
        numbers = [number for key in ("LowerCorner", "UpperCorner") for number in _pair(tree.first(corners, key))]
        crs = str(each.get("crs") or "")
        if len(numbers) != 4:
            notes.add("bad-bbox", "the corners of the box are not two numbers each", "BoundingBox")
            continue
        if not _is_geographic(crs):
            notes.add("unknown-crs", f"the box is in {crs[:80]!r}, which is not read", "BoundingBox")
            continue
        first, second, third, fourth = numbers
        if "4326" in crs and "epsg" in crs.lower():
            first, second, third, fourth = second, first, fourth, third
        elif "WGS 1984" in crs and first > third:
            # GeoNetwork writes the lower corner with the east and the upper corner with the west.
            first, third = third, first
        return places.bbox([first, second, third, fourth], notes, "BoundingBox")
    for each in (*tree.values(given, "coverage"), *tree.values(given, "spatial")):
        sides = {side.lower(): float(number) for side, number in _SIDE.findall(each[:MAX_VALUE])}
        if len(sides) == 4:
            return places.bbox([sides["west"], sides["south"], sides["east"], sides["north"]], notes, "coverage")
    return None


def _pair(corner: str) -> list[float]:
    try:
        out = [float(each) for each in corner.replace(",", " ").split()]
    except ValueError:
        return []
    return out[:2] if len(out) in (2, 3) else []


def _is_geographic(crs: str) -> bool:
    return not crs or any(each in crs for each in ("4326", "CRS84", "CRS:84", "WGS 1984", "WGS84"))


def _time(given: Group, notes: Notes) -> tuple[int | None, int | None]:
    for each in (*tree.values(given, "temporal"), *tree.values(given, "coverage")):
        ends = {side.lower(): when.strip() for side, when in _END.findall(each[:MAX_VALUE])}
        if ends:
            begin = ends.get("start") or ends.get("begin")
            start, end = moment(begin, notes, "temporal"), moment(ends.get("end"), notes, "temporal", end=True)
            return (end, start) if start is not None and end is not None and start > end else (start, end)
    return None, None


def _properties(given: Group) -> dict[str, str | tuple[str, ...]]:
    out: dict[str, str | tuple[str, ...]] = {}
    for key in sorted(given.keys() - _USED)[:50]:
        kept = tuple(dict.fromkeys(each[:MAX_VALUE] for each in tree.values(given, key)))[:50]
        if kept and len(key) <= 100:
            out[key] = kept if len(kept) > 1 else kept[0]
    rights = tuple(dict.fromkeys(each[:MAX_VALUE] for each in tree.values(given, "rights")))[:50]
    return {**out, "rights": rights if len(rights) > 1 else rights[0]} if rights else out
