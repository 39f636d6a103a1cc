"""What is asked of a space of embeddings, from the parameters of a page or from a body of JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

import orjson
from fastapi import Request

from discovery.errors import BadQueryError, LimitError, UnknownFieldError
from discovery.portal import Portal
from discovery.query import form, region, region_text, time
from discovery.query.query import Query, Region
from discovery.similarity import MAX_BATCH, Contrast, Examples, Question

SIZE: Final = 12
MAX_BODY: Final = 4 << 20
"""Bytes of a question; a vector of 8,192 numbers has about 160,000, and 64 of 2,048 about 2,600,000."""
CHANGE: Final = ("by", "earlier", "later")
"""What is special to a question about changes."""
OUTLIERS: Final = ("of",)
"""What is special to a question about outliers."""
_LIKE: Final = ("rows", "ids", "vectors")
_QUERY: Final = ("like", "unlike", "region", "with_examples")
_SHARED: Final = ("within", "size", "mode")
_BODY: Final = ("queries", *_QUERY, *_SHARED)
_ASKED: Final = ("row", "id", "unlike", "here", "size", "mode", "f")
_NARROWING: Final = (*region_text.SHAPES, "frame", "relation", "time", "filter")
MODES: Final = ("fast", "balanced", "exact")
"""How thoroughly rows are compared."""
_TEXT: Final[dict[str, Any]] = {"type": "string"}
_WITHIN: Final[dict[str, Any]] = {
    "type": "object",
    "description": "What narrows the rows, as parameters of the pages are; further ones are `facet.NAME`.",
    "properties": dict.fromkeys(_NARROWING, _TEXT),
    "additionalProperties": _TEXT,
}
_EXAMPLES: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "rows": {"type": "array", "items": {"type": "integer", "minimum": 0}, "description": "Rows, counted from 0."},
        "ids": {"type": "array", "items": _TEXT, "description": "Rows by their names in the files."},
        "vectors": {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
    },
    "additionalProperties": False,
}
_SPECIAL: Final[dict[str, Any]] = {
    "like": _EXAMPLES,
    "unlike": _EXAMPLES,
    "region": {
        "description": "A box or a circle as numbers, or GeoJSON: the row in the middle of it is the example.",
        "anyOf": [_TEXT, {"type": "array", "items": {"type": "number"}}, {"type": "object"}],
    },
    "with_examples": {"type": "boolean", "description": "Whether the examples may be among the hits."},
}
_COUNT: Final[dict[str, Any]] = {"type": "integer", "minimum": 1, "default": 10}
QUESTION: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        **_SPECIAL,
        "within": _WITHIN,
        "size": _COUNT,
        "mode": {"type": "string", "enum": list(MODES), "default": "balanced"},
        "queries": {
            "description": "Several questions that share the rest; `answers` then has an answer for each.",
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_BATCH,
            "items": {"type": "object", "properties": _SPECIAL, "additionalProperties": False},
        },
    },
    "additionalProperties": False,
}
"""What `from_body` reads, as JSON Schema."""
CONTRASTS: Final[Mapping[tuple[str, ...], dict[str, Any]]] = {
    names: {
        "type": "object",
        "properties": {"within": _WITHIN, "size": _COUNT, **dict.fromkeys(names, _TEXT)},
        "additionalProperties": False,
    }
    for names in (CHANGE, OUTLIERS)
}
"""What `contrast` reads, by what is special to it, as JSON Schema."""


def read(given: Iterable[tuple[str, str]], portal: Portal) -> Question | None:
    """Return the question of parameters, None where nothing is asked for.

    Raises:
        UnknownFieldError: A parameter is not known.
        BadQueryError: A value cannot be read.
    """
    pairs = list(given)
    _known_names((name for name, _ in pairs), (*_ASKED, *_NARROWING))
    rows = tuple(_number(value, "row") for name, value in pairs if name == "row")
    ids = tuple(value for name, value in pairs if name == "id")
    single = dict(pairs)
    if not rows and not ids and "here" not in single:
        return None
    return Question(
        like=Examples(rows, ids),
        unlike=Examples(tuple(_number(value, "unlike") for name, value in pairs if name == "unlike")),
        region=region.numbers(single["here"], frame=single.get("frame", "earth")) if "here" in single else None,
        within=_within([each for each in pairs if each[0] not in _ASKED], portal),
        size=_number(single["size"], "size") if "size" in single else SIZE,
        mode=single.get("mode", "balanced"),
    )


def read_contrast(given: Iterable[tuple[str, str]], portal: Portal, names: tuple[str, ...]) -> Contrast | None:
    """Return what the parameters of a page ask about what differs, None where nothing is asked.

    Args:
        given: The parameters.
        portal: What knows names of places.
        names: `CHANGE` or `OUTLIERS`.

    Raises:
        UnknownFieldError: A parameter is not known.
        BadQueryError: A value cannot be read.
    """
    pairs = list(given)
    own = (*names, "size", "f")
    _known_names((name for name, _ in pairs), (*own, *_NARROWING))
    single = dict(pairs)
    if not any(name != "f" for name in single):
        return None
    within = _within([each for each in pairs if each[0] not in own], portal)
    size = _number(single["size"], "size") if "size" in single else SIZE
    return Contrast(within=within, size=size, **_special({name: single[name] for name in names if name in single}))


async def body_of(request: Request) -> bytes:
    """Return the body of a request, of which no more than is allowed is held.

    Raises:
        LimitError: It is larger.
    """
    held = bytearray()
    async for chunk in request.stream():
        held += chunk
        if len(held) > MAX_BODY:
            raise LimitError("similar-body", f"the body has more than {MAX_BODY:,} bytes")
    return bytes(held)


def from_body(body: bytes, portal: Portal) -> Question | tuple[Question, ...]:
    """Return the question of a JSON body, or the several in its `queries`.

    `like` and `unlike` hold `rows`, `ids` and `vectors`; `region` is a box, a circle or GeoJSON; `within` takes the
    parameters of the pages: `bbox`, `cone`, `polygon`, `near`, `frame`, `time`, `filter`, `facet.NAME`.

    Raises:
        UnknownFieldError: A member is not known.
        BadQueryError: The body is no JSON, or a value cannot be read.
    """
    data = _object(body, _BODY)
    queries = data.get("queries")
    if queries is None:
        return _question(data, _shared(data, portal), data)
    if not isinstance(queries, list):
        raise BadQueryError("queries is no list", parameter="queries")
    for name in _QUERY:
        if name in data:
            raise BadQueryError(f"{name} belongs into queries where there are several", parameter=name)
    if len(queries) > MAX_BATCH:
        raise LimitError("similar-batch", f"{len(queries)} queries; at most {MAX_BATCH}", parameter="queries")
    for each in queries:
        _known(each, _QUERY, "queries")
    shared = _shared(data, portal)
    return tuple(_question(each, shared, data) for each in queries)


def contrast(body: bytes, portal: Portal, names: tuple[str, ...]) -> Contrast:
    """Return what a JSON body asks about what differs; `earlier` and `later` are times as pages have them.

    Args:
        body: The JSON.
        portal: What knows names of places.
        names: `CHANGE` or `OUTLIERS`.

    Raises:
        UnknownFieldError: A member is not known.
        BadQueryError: The body is no JSON, or a value cannot be read.
    """
    data = _object(body, ("within", "size", *names))
    shared = _shared(data, portal)
    given = {name: data[name] for name in names if data.get(name) is not None}
    for name, value in given.items():
        if not isinstance(value, str):
            raise BadQueryError(f"{name} is no text", parameter=name)
    return Contrast(within=shared.within, size=shared.size, **_special(given))


def _special(given: Mapping[str, str]) -> dict[str, Any]:
    """Return what is special to a contrast, its times read."""
    return {
        name: time.interval(value, parameter=name) if name in ("earlier", "later") else value
        for name, value in given.items()
    }


def _known_names(given: Iterable[str], known: tuple[str, ...]) -> None:
    for name in given:
        if name not in known and not name.startswith(form.FACET):
            raise UnknownFieldError(name, known, what="parameter", parameter=name)


def _object(body: bytes, names: tuple[str, ...]) -> dict[str, Any]:
    try:
        data = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise BadQueryError(f"the body is no JSON: {error}", parameter="body") from error
    _known(data, names, "body")
    found: dict[str, Any] = data
    return found


def _shared(data: Mapping[str, Any], portal: Portal, size: int = 10) -> Question:
    """Return a question that looks for nothing yet: which rows, how many and how."""
    within = data.get("within") or {}
    _strings(within, "within")
    size, mode = data.get("size", size), data.get("mode", "balanced")
    if type(size) is not int or not isinstance(mode, str):
        raise BadQueryError("size is a whole number and mode a text", parameter="size")
    return Question(within=_within(list(within.items()), portal), size=size, mode=mode)


def _question(asked: Mapping[str, Any], shared: Question, data: Mapping[str, Any]) -> Question:
    place = asked.get("region")
    frame = (data.get("within") or {}).get("frame", "earth")
    return replace(
        shared,
        like=_examples(asked.get("like") or {}, "like"),
        unlike=_examples(asked.get("unlike") or {}, "unlike"),
        region=None if place is None else _place(place, frame),
        with_examples=asked.get("with_examples") is True,
    )


def _examples(data: Any, where: str) -> Examples:
    _known(data, _LIKE, where)
    rows, ids, vectors = (data.get(name) or [] for name in _LIKE)
    lists = all(isinstance(each, list) for each in (rows, ids, vectors))
    if not lists or not all(type(each) is int for each in rows) or not all(isinstance(each, str) for each in ids):
        raise BadQueryError(f"{where} holds lists: rows of numbers, ids of texts, vectors", parameter=where)
    return Examples(tuple(rows), tuple(ids), tuple(vectors))


def _known(data: Any, names: tuple[str, ...], where: str) -> None:
    if not isinstance(data, dict):
        raise BadQueryError(f"{where} is no object", parameter=where)
    for name in data:
        if name not in names:
            raise UnknownFieldError(name, names, what=f"member of {where}", parameter=name)


def _strings(data: Any, where: str) -> None:
    if not isinstance(data, dict) or not all(isinstance(each, str) for each in data.values()):
        raise BadQueryError(f"{where} is an object of texts, as parameters of pages are", parameter=where)
    for name in data:
        if name not in _NARROWING and not name.startswith(form.FACET):
            raise UnknownFieldError(name, _NARROWING, what=f"member of {where}", parameter=name)


def _within(pairs: list[tuple[str, str]], portal: Portal) -> Query | None:
    return form.parse(pairs, resolver=portal.resolve) if pairs else None


def _place(asked: Any, frame: str) -> Region:
    if isinstance(asked, str | list):
        return region.numbers(asked, frame=frame)
    return region.geojson(asked, frame=frame, parameter="region")


def _number(value: str, parameter: str) -> int:
    if not value.isascii() or not value.isdecimal() or len(value) > 15:
        raise BadQueryError(f"{parameter} = {value[:40]!r} is no whole number", parameter=parameter)
    return int(value)
