"""STAC documents as faces serve them: the source's own bytes with fresh links put in, or made from a record.

What a source sent is never parsed and written again, since numbers, order and unknown extensions would change on the
way. `splice` finds where the links stand, so that a face can write around them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import orjson

from discovery.http.redaction import has_credentials, is_signed, redact
from discovery.model.instant import iso
from discovery.model.record import Record
from discovery.model.source import Splice, make_splice

INFERRED_RELS: Final = frozenset({"self", "root", "parent", "collection", "item", "items", "child", "next", "prev"})
"""Relations that say where a document is served; ours take their place."""

STAC_VERSION: Final = "1.1.0"
COLLECTION_KINDS: Final = ("dataset", "project")
"""The kinds of records that are collections here."""

NUMBERS: Final = {
    "cloud_cover": "eo:cloud_cover",
    "snow_cover": "eo:snow_cover",
    "resolution": "gsd",
    "sun_elevation": "view:sun_elevation",
    "sun_azimuth": "view:sun_azimuth",
    "off_nadir": "view:off_nadir",
}
"""Numeric properties of a record that STAC has a name for."""

# All of these run through whole stretches in C: documents have thousands of strings, and Python should see few of them.
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_FLAT = rb'[^"{}\[\]]*+(?:' + _STRING + rb'[^"{}\[\]]*+)*+'
_BRACKET = re.compile(_FLAT + rb"([{}\[\]])", re.DOTALL)


def _nested(depth: int) -> re.Pattern[bytes]:
    """Return what matches a value in brackets of some depth as a whole; nothing in it is tried twice."""
    inside = rb"[{\[]" + _FLAT + rb"[}\]]"
    for _ in range(depth - 1):
        inside = rb"[{\[]" + _FLAT + rb"(?:" + inside + _FLAT + rb")*+[}\]]"
    return re.compile(inside, re.DOTALL)


# A page of items with many polygons in each has this depth; what is deeper is walked bracket by bracket.
_NESTED = _nested(10)
_SCALAR = re.compile(_STRING + rb"|[^,{}\[\]\s]++", re.DOTALL)
_BLANKS = re.compile(rb"[\s,:]*+")
# The next string that may hold a secret: one with `@`, `?`, `#`, or a character that is written as a number. The outer
# group is not possessive: before 3.11.4 Python goes on from where a last, failed round of such a group has stopped.
_SUSPECT = re.compile(rb'(?:[^"]*+"[^"\\@?#]*+(?:\\[^u][^"\\@?#]*+)*+")*[^"]*+(' + _STRING + rb")", re.DOTALL)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s<>\"'`]+")
# `user:password@host/path` without a scheme, as the whole of a string.
_BARE = re.compile(r"[^\s/@:]{1,100}:[^\s/@]{1,100}@[^\s/@]+\.[^\s/@]+(/\S*)?")


def members(body: bytes) -> Iterator[tuple[str, int, int]]:
    """Yield name, start and end of each value of a JSON object, as byte offsets; the body must be valid JSON.

    A name that occurs twice is yielded twice, as it was sent.
    """
    at = _after(body, body.index(b"{") + 1)
    while at < len(body) and body[at : at + 1] != b"}":
        end = _end(body, at)
        start = _after(body, end)
        finish = _end(body, start)
        yield orjson.loads(body[at:end]), start, finish
        at = _after(body, finish)


def array(body: bytes, name: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each element of the last array of this name; as `members`, but scanned once."""
    found: list[tuple[int, int]] = []
    at = _after(body, body.index(b"{") + 1)
    while at < len(body) and body[at : at + 1] != b"}":
        end = _end(body, at)
        start = _after(body, end)
        if orjson.loads(body[at:end]) == name and body[start : start + 1] == b"[":
            found = list(elements(body, start, len(body)))
            finish = _after(body, found[-1][1] if found else start + 1) + 1
        else:
            finish = _end(body, start)
        at = _after(body, finish)
    yield from found


def elements(body: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield start and end of each element of the JSON array at `[start:end]`, as byte offsets in the body.

    The body need not be whole: what comes before the place where it is cut off is yielded.
    """
    at = _after(body, start + 1)
    while at < end and body[at : at + 1] not in b"]}":
        finish = _end(body, at)
        if finish <= at or finish > end:
            return
        yield at, finish
        at = _after(body, finish)


def _after(body: bytes, at: int) -> int:
    """Return where the next value, name or closing bracket begins."""
    found = _BLANKS.match(body, at)
    assert found is not None  # it matches nothing at all, too
    return found.end()


def _end(body: bytes, at: int) -> int:
    """Return where the value that begins at a place ends; the same place when it does not end."""
    if body[at : at + 1] not in (b"{", b"["):
        found = _SCALAR.match(body, at)
        return found.end() if found else at
    whole = _NESTED.match(body, at)
    if whole is not None:
        return whole.end()
    depth, here = 1, at + 1
    while depth:
        found = _BRACKET.match(body, here)
        if found is None:
            return at
        depth += 1 if found[1] in b"{[" else -1
        here = found.end()
    return here


def splice(body: bytes, document: Mapping[str, Any], base: str = "") -> Splice:
    """Return how a face serves a STAC document: what to cut out, which links stay, and what is fit to be shown.

    `[start:end]` is the value of the top-level `links`, brackets included, in `public` where that is given and else in
    the body as sent. A face writes `body[:start] + b"[" + fresh and kept links + b"]" + body[end:]`. A document
    without such a member gets an empty one, which makes `public` differ from what was sent.

    Args:
        body: Valid JSON, an object.
        document: The same, parsed.
        base: What relative links of the document start from; without it they are left out, for they would lead astray.
    """
    public = redact_document(body)
    shown = body if public is None else public
    found = _links(shown, document)
    if not found:
        at = shown.index(b"{") + 1
        comma = b"" if shown[_after(shown, at) :].startswith(b"}") else b","
        public = shown[:at] + b'"links":[]' + comma + shown[at:]
        found = [(at + len(b'"links":'), at + len(b'"links":[]'))]
    # Of two members of one name readers take the last.
    start, end = found[-1]
    return make_splice(start, end, kept_links(document.get("links"), base), public, _collection_named(document))


def _collection_named(document: Mapping[str, Any]) -> str | None:
    """Return the collection that a well-formed Item names, empty for none; None for every other document."""
    if document.get("type") != "Feature" or "stac_version" not in document or not isinstance(document.get("id"), str):
        return None
    if "collection" not in document:
        return ""
    name = document["collection"]
    # What is null or empty names nothing though it is there; half a character fits into no database.
    return name if isinstance(name, str) and name and name.isprintable() else None


def _links(body: bytes, document: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Return where the members named links stand; most documents write the word once, so that it need not be sought."""
    if "links" in document and body.count(b'"links"') == 1 and (b"\\" not in body or b"\\u00" not in body):
        at = body.index(b'"links"') + len(b'"links"')
        if b":" in body[at : (start := _after(body, at))]:
            return [(start, _end(body, start))]
    return [(start, end) for name, start, end in members(body) if name == "links"]


def kept_links(links: Any, base: str) -> bytes:
    """Return the source's links that still hold when we serve the document, as the inside of a JSON array."""
    out = []
    for link in links if isinstance(links, list) else ():
        if not isinstance(link, dict) or not isinstance(link.get("rel"), str) or not isinstance(link.get("href"), str):
            continue
        if link["rel"].lower() in INFERRED_RELS:
            continue
        written = orjson.dumps(link)
        found = _repeated_link(written, base) if len(written) <= _REPEATED else _kept_link(link, base)
        if found:
            out.append(found)
    return b",".join(out)


_REPEATED: Final = 500
"""Bytes of a link that may stand in many documents alike, as that to a licence does."""


@lru_cache(maxsize=512)
def _repeated_link(written: bytes, base: str) -> bytes:
    return _kept_link(orjson.loads(written), base)


def _kept_link(link: dict[str, Any], base: str) -> bytes:
    """Return a link with its whole address and without secrets; nothing where it leads nowhere for long."""
    href = absolute(link["href"], base)
    return orjson.dumps(redacted({**link, "href": href})) if href and not is_signed(href) else b""


def absolute(href: str, base: str) -> str:
    """Return a link's absolute form; empty when it is relative and there is nothing to start from."""
    href = href.strip()
    if href.startswith(("https://", "http://", "s3://")) and "[" not in href:
        return href
    try:
        if urlsplit(href).scheme:
            return href
        if not base.startswith(("http:", "https:")):
            return ""
        # A relative reference that looks like a host name is one whose scheme was forgotten.
        return f"https://{href}" if href.lower().startswith("www.") else urljoin(base, href)
    except ValueError:
        return ""


def redacted(value: Any) -> Any:
    """Return JSON values with every secret in their texts hidden."""
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, list):
        return [redacted(each) for each in value]
    if isinstance(value, dict):
        return {name: redacted(each) for name, each in value.items()}
    return value


def redact_text(text: str) -> str:
    """Return a text without the user names, passwords and signatures of the URLs in it."""
    if "@" not in text and "=" not in text:
        return text  # Whatever names somebody or opens something has one of these.
    if "://" in text:
        return _URL.sub(lambda found: redact(found[0]) if _secret(found[0]) else found[0], text)
    return redact(text) if "@" in text and _BARE.fullmatch(text) and has_credentials(text) else text


def redact_document(body: bytes) -> bytes | None:
    """Return a JSON document without the secrets of the URLs in it, else byte by byte the same; None if it has none."""
    # Single characters are looked for at many times the speed of longer texts.
    if b"?" not in body and b"@" not in body and b"#" not in body and b"\\" not in body:
        return None
    parts: list[bytes] = []
    done = at = 0
    while found := _SUSPECT.match(body, at):
        text = orjson.loads(found[1])
        clean = redact_text(text)
        if clean != text:
            parts += [body[done : found.start(1)], orjson.dumps(clean)]
            done = found.end()
        at = found.end()
    return b"".join([*parts, body[done:]]) if parts else None


def _secret(url: str) -> bool:
    return has_credentials(url) or is_signed(url)


def to_stac_item(record: Record, collection: str = "") -> dict[str, Any]:
    """Return a valid STAC Item for a record that did not come as one; its links are the face's business.

    Args:
        record: An observation.
        collection: The STAC id of its dataset; the schema then wants a link `collection` beside it.
    """
    # A footprint on the sky is no GeoJSON: it stands under a name of ours, so that no map draws it on the Earth.
    geometry = geojson(record) if record.extent.frame == "earth" else None
    properties = _properties(record)
    start, end = record.extent.start, record.extent.end
    instant = start if start is not None and start == end else None
    properties["datetime"] = _iso(instant)
    if instant is None:
        # The schema wants both ends where there is no instant; an open end is written as the one that is known.
        known = start if start is not None else end
        first = known if known is not None else _first(record.created, record.updated, 0)
        properties["start_datetime"] = _iso(start if start is not None else first)
        properties["end_datetime"] = _iso(end if end is not None else first)
    item: dict[str, Any] = {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "stac_extensions": [],
        "id": record.source_id,
        "geometry": geometry,
        "properties": properties,
        "links": [],
        "assets": _assets(record),
    }
    if geometry is not None:
        item["bbox"] = list(record.extent.bbox or _bounds(geometry))
    if record.extent.frame != "earth" and record.extent.geometry is not None:
        properties["discovery:frame"] = record.extent.frame
        properties["discovery:footprint"] = dict(record.extent.geometry)
    if collection:
        item["collection"] = collection
    return item


def to_stac_collection(record: Record) -> dict[str, Any]:
    """Return a valid STAC Collection for a resource that did not come as one; its links are the face's business."""
    extent = record.extent
    earth = extent.frame == "earth"
    bbox = extent.bbox if earth else None
    if bbox is None and earth and (geometry := geojson(record)) is not None:
        bbox = _bounds(geometry)
    collection: dict[str, Any] = {
        "type": "Collection",
        "stac_version": STAC_VERSION,
        "stac_extensions": [],
        "id": record.source_id,
        "title": record.title,
        # The schema wants some text, and not every source has a sentence.
        "description": record.description or record.title or record.source_id,
        "license": record.license or "other",
        "extent": {
            "spatial": {"bbox": [list(bbox or (-180.0, -90.0, 180.0, 90.0))]},
            "temporal": {"interval": [[_iso(extent.start), _iso(extent.end)]]},
        },
        "links": [],
    }
    if record.keywords:
        collection["keywords"] = list(dict.fromkeys(record.keywords))
    if record.provider:
        collection["providers"] = [{"name": record.provider}]
    if assets := _assets(record):
        collection["assets"] = assets
    for name, value in _properties(record).items():
        if name not in ("title", "description", "license", "providers", "keywords") and name not in collection:
            collection[name] = value
    return collection


def _properties(record: Record) -> dict[str, Any]:
    out: dict[str, Any] = {"title": record.title, "discovery:kind": record.kind}
    if record.description:
        out["description"] = record.description
    for name, instant in (("created", record.created), ("updated", record.updated)):
        if instant is not None:
            out[name] = _iso(instant)
    for name, number in record.numbers.items():
        out[NUMBERS.get(name, f"discovery:{name}")] = number
    for name, values in (
        ("instruments", record.instruments),
        ("discovery:missions", record.missions),
        ("discovery:themes", record.themes),
        ("discovery:variables", record.variables),
        ("discovery:targets", record.targets),
        ("keywords", record.keywords),
    ):
        if values:
            out[name] = list(values)
    words = (
        ("license", record.license),
        ("processing:level", record.level),
        ("discovery:product_type", record.product_type),
        ("sci:doi", record.doi),
        ("platform", record.properties.get("platform", "")),
    )
    out |= {name: word for name, word in words if word}
    if record.provider:
        out["providers"] = [{"name": record.provider}]
    return out


def _assets(record: Record) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for number, asset in enumerate(record.assets):
        entry: dict[str, Any] = {"href": asset.href}
        if asset.title:
            entry["title"] = asset.title
        if asset.media_type:
            entry["type"] = asset.media_type
        if asset.roles:
            entry["roles"] = list(asset.roles)
        if asset.size is not None:
            entry["file:size"] = asset.size
        key = asset.key or f"asset-{number + 1}"
        out[key if key not in out else f"{key}-{number + 1}"] = entry
    return out


def geojson(record: Record) -> dict[str, Any] | None:
    """Return the footprint as GeoJSON; a box where it is a circle or a cover, for which GeoJSON has no word."""
    geometry, bbox = record.extent.geometry, record.extent.bbox
    if geometry is not None and geometry.get("type") not in ("Circle", "Moc"):
        return dict(geometry)
    if bbox is None:
        return None
    west, south, east, north = bbox
    if west > east:
        rings = [[_ring(west, south, 180.0, north)], [_ring(-180.0, south, east, north)]]
        return {"type": "MultiPolygon", "coordinates": rings}
    return {"type": "Polygon", "coordinates": [_ring(west, south, east, north)]}


def _ring(west: float, south: float, east: float, north: float) -> list[list[float]]:
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def _bounds(geometry: Mapping[str, Any]) -> tuple[float, float, float, float]:
    points = list(positions(geometry))
    if not points:
        return (-180.0, -90.0, 180.0, 90.0)
    return (
        min(x for x, _ in points),
        min(y for _, y in points),
        max(x for x, _ in points),
        max(y for _, y in points),
    )


def positions(geometry: Mapping[str, Any]) -> Iterator[tuple[float, float]]:
    """Yield every position of a GeoJSON geometry."""
    waiting: list[Any] = [geometry]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            waiting += [value.get("coordinates"), *(value.get("geometries") or ())]
        elif isinstance(value, list | tuple) and value:
            if isinstance(value[0], int | float):
                yield float(value[0]), float(value[1])
            else:
                waiting += reversed(value)


def _first(*values: int | None) -> int:
    return next((value for value in values if value is not None), 0)


def _iso(milliseconds: int | None) -> str | None:
    """Return the text that STAC wants; RFC 3339 has no years beyond four digits, so those are cut to its ends."""
    if milliseconds is None:
        return None
    text = iso(milliseconds)
    if text[0] in "+-":
        return "9999-12-31T23:59:59Z" if text[0] == "+" else "0001-01-01T00:00:00Z"
    return text
