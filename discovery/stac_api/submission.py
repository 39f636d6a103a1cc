"""STAC documents that somebody sends to be kept: read, checked, and told what is wrong with them, and where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from pydantic import BaseModel, ValidationError
from stac_pydantic import Collection, Item

from discovery.errors import BadQueryError, DocumentError, LimitError
from discovery.model.record import Issue
from discovery.model.stac import array, members

MAX_DEPTH: Final = 64
"""Levels of objects and lists in a document that is sent to be kept; one with collections of geometries has a dozen."""
MAX_ITEMS: Final = 1_000
"""Items that are sent to be kept at once; all of them are written or none."""
MAX_ID: Final = 250
"""Characters of an id; longer ones would not be kept as they are."""
MAX_PROBLEMS: Final = 10
"""How many of a document's faults are told."""
_BOM: Final = b"\xef\xbb\xbf"
_VERSIONS: Final = ("1.0.", "1.1.")
_LOST: Final = frozenset({"bad-bbox", "bad-geometry", "empty-geometry", "bad-date", "bad-interval"})
"""Issues that keep a record from being found where or when it should be."""
_LOOKED_THROUGH: Final = 200
_LOOKED_AT: Final = ("id", "type", "stac_version")
"""Members that are looked at before the model does."""
_ELSEWHERE: Final = frozenset({"collections"})
"""Ids that would make two things have one name in the store."""

Problem = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Submission:
    """A document that is fit to be kept."""

    id: str
    document: Mapping[str, Any]
    body: bytes
    """The document as it was sent, with its collection in it."""


def read(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a body.

    Raises:
        BadQueryError: It is none.
        LimitError: It is deeper than any document of STAC.
    """
    try:
        document = orjson.loads(body.removeprefix(_BOM))
    except orjson.JSONDecodeError as error:
        raise BadQueryError(f"the body is no JSON: {error}") from None
    if not isinstance(document, dict):
        raise BadQueryError(f"the body is a JSON {type(document).__name__}, not an object")
    level: list[Any] = [document]
    for _ in range(MAX_DEPTH):
        level = [inner for each in level for inner in _inside(each)]
        if not level:
            return document
    raise LimitError("stac-depth", f"the document has more than {MAX_DEPTH} levels")


def has_type(body: bytes) -> bool:
    """Say whether a body is a document that says of what type it is, as searches do not.

    Raises:
        BadQueryError: It is no JSON.
    """
    try:
        document = orjson.loads(body.removeprefix(_BOM))
    except orjson.JSONDecodeError as error:
        raise BadQueryError(f"the body is no JSON: {error}") from None
    return isinstance(document, dict) and "type" in document


def _inside(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def collection(body: bytes, id: str | None = None) -> Submission:
    """Return a Collection.

    Args:
        body: What was sent.
        id: What it must be called; None where it may choose.

    Raises:
        BadQueryError, LimitError: As `read`.
        DocumentError: It is no valid Collection.
    """
    document = read(body)
    problems = list(_problems(document, Collection, "Collection", id))
    if document.get("id") in _ELSEWHERE:
        problems.append(("id", f"{document['id']!r} cannot be the id of a collection here"))
    _refuse(problems)
    return Submission(document["id"], document, body.removeprefix(_BOM))


def items(body: bytes, collection: str) -> tuple[Submission, ...]:
    """Return the Item of a body, or those of its FeatureCollection; raises as `item`.

    Raises:
        LimitError: They are more than 1,000.
    """
    document = read(body)
    if document.get("type") != "FeatureCollection":
        return (item(body, collection),)
    features = document.get("features")
    if not isinstance(features, list) or not features:
        raise DocumentError([("features", "must be a list of Items, with one at least")])
    if len(features) > MAX_ITEMS:
        raise LimitError("stac-items", f"there are {len(features)} items; at most {MAX_ITEMS} are taken at once")
    places = list(array(body, "features"))
    bodies = [body[start:end] for start, end in places]
    return tuple(_item(each, bodies[n], collection, at=f"features[{n}].") for n, each in enumerate(features))


def item(body: bytes, collection: str, id: str | None = None) -> Submission:
    """Return an Item.

    Args:
        body: What was sent.
        collection: The id of the collection that it is sent to; it is put in where the Item names none.
        id: What it must be called; None where it may choose.

    Raises:
        BadQueryError, LimitError: As `read`.
        DocumentError: It is no valid Item, or names another collection.
    """
    return _item(read(body), body.removeprefix(_BOM), collection, id)


def _item(document: Any, body: bytes, collection: str, id: str | None = None, at: str = "") -> Submission:
    if not isinstance(document, dict):
        raise DocumentError([(at.removesuffix("."), "must be an Item")])
    problems = list(_problems(document, Item, "Feature", id))
    named = document.get("collection")
    if named is not None and named != collection:
        problems.append(("collection", f"must be {collection!r}, as in the address, not {str(named)[:80]!r}"))
    _refuse(problems, at)
    if "collection" not in document:
        start = body.index(b"{") + 1
        body = b"".join((body[:start], b'"collection":', orjson.dumps(collection), b",", body[start:]))
    elif named is None:
        # What is there and null has to be said otherwise, and is not worth saying in its own words.
        body = orjson.dumps({**document, "collection": collection})
    return Submission(document["id"], {**document, "collection": collection}, body)


def refuse_lost(issues: tuple[Issue, ...], at: str = "") -> None:
    """Raise DocumentError where what was said of place or time cannot be used: it would be kept and never found."""
    _refuse([(each.path, each.message) for each in issues if each.code in _LOST], at)


def merged(document: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document with a JSON Merge Patch put in (RFC 7396): null takes a member out, a list is a new list."""
    out = dict(document)
    for name, value in patch.items():
        if value is None:
            out.pop(name, None)
        elif isinstance(value, dict):
            inner = out.get(name)
            out[name] = merged(inner if isinstance(inner, dict) else {}, value)
        else:
            out[name] = value
    return out


def _problems(document: Mapping[str, Any], model: type[BaseModel], kind: str, id: str | None) -> Iterator[Problem]:
    if document.get("type") != kind:
        yield "type", f"must be {kind!r}, not {str(document.get('type'))[:40]!r}"
        return
    version = document.get("stac_version")
    if not isinstance(version, str) or not version.startswith(_VERSIONS):
        yield "stac_version", f"must be 1.0 or 1.1, not {str(version)[:40]!r}"
    yield from _id_problems(document.get("id"), id)
    try:
        # Ours are put in their place, so that a document may come without links.
        model.model_validate({"links": [], **document})
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        # A model that chooses among kinds of geometry says of each why it is none; the first is enough.
        first = {_path(each["loc"], document): str(each["msg"])[:300] for each in reversed(faults[:_LOOKED_THROUGH])}
        yield from sorted((path, told) for path, told in first.items() if path not in _LOOKED_AT)


def _id_problems(id: object, wanted: str | None) -> Iterator[Problem]:
    if not isinstance(id, str) or not id:
        yield "id", "must be a text"
    elif wanted is not None and id != wanted:
        yield "id", f"must be {wanted[:80]!r}, as in the address, not {id[:80]!r}"
    elif len(id) > MAX_ID or not id.isprintable() or "/" in id or id.strip() != id or id in (".", ".."):
        yield "id", f"must have 1 to {MAX_ID} printable characters, no / and no blanks around them"


def _path(place: Sequence[int | str], document: object) -> str:
    """Return where a fault is, without the words between by which a model tells kinds of geometry apart."""
    out, here = "", document
    for n, each in enumerate(place):
        if isinstance(each, int):
            out, here = f"{out}[{each}]", here[each] if isinstance(here, list) and each < len(here) else None
        elif isinstance(here, dict) and (each in here or n == len(place) - 1):
            out, here = f"{out}.{each}" if out else each, here.get(each)
    return out


def _refuse(problems: list[Problem], at: str = "") -> None:
    if problems:
        raise DocumentError([(at + path, message) for path, message in problems[:MAX_PROBLEMS]])


def twice(body: bytes) -> str:
    """Return a member that a document has twice, empty for none: readers would not agree on which one counts."""
    seen: set[str] = set()
    for name, _, _ in members(body):
        if name in seen:
            return name
        seen.add(name)
    return ""
