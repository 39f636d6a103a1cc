"""Where a page ended, as an opaque signed text that the next request brings back.

A cursor holds the sort position itself (a keyset on value and key), so it needs no state on the server, and it holds
a digest of the question, so that it cannot be used with another one. It is signed because it goes into engine queries.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from discovery.errors import BadQueryError, ConfigError
from discovery.query import cql2
from discovery.query.query import Query, Region, Sort

MAX_LENGTH: Final = 440
"""A cursor stays shorter than this, so that a URL that holds one stays usable everywhere."""
MAX_VALUE_BYTES: Final = 200
"""Where `sort_key` cuts a text in UTF-8."""
MIN_SECRET: Final = 16

_PARAMETER: Final = "after"
_VERSION: Final = 1
_SEVERAL: Final = 2
"""The version of a cursor that holds the values of several fields; those of one field are written as ever."""
_MAC: Final = 16
_DIGEST: Final = 16
_HEAD: Final = struct.Struct(">BBqI")
_NONE, _INT, _FLOAT, _TEXT = range(4)
_ALPHABET: Final = re.compile(r"[A-Za-z0-9_-]+")
Value = str | float | int | None


@dataclass(frozen=True, slots=True)
class Cursor:
    """The end of a page: the question it belongs to and the last hit, or how many hits came before."""

    scope: str
    digest: bytes
    """Of the question, as `digest` makes it."""
    sort: str = ""
    """The field that orders the hits; empty is by relevance."""
    descending: bool = False
    value: Value = None
    """The last hit's value in that field, None when it had none; text is kept as `sort_key` cuts it."""
    then: tuple[Value, ...] = ()
    """The last hit's values in the fields that order what is equal in the first."""
    key: int = 0
    """The last hit's key, which decides among equal values."""
    generation: str = ""
    """By relevance: the generation that the hits came from."""
    offset: int = 0
    """By relevance: how many hits came before."""


def sort_key(text: str) -> str:
    """Return the part of a text that decides its place in an order: at most 200 bytes of UTF-8, no character cut.

    Documents must be ordered by this and not by the whole text. Then a cursor holds the whole of what was compared,
    texts that agree in it are equal and ordered by their key, and no page repeats or leaves out one of them.
    """
    data = text.encode("utf-8", "surrogatepass")
    if len(data) <= MAX_VALUE_BYTES:
        return text
    end = MAX_VALUE_BYTES
    while data[end] & 0xC0 == 0x80:  # inside a character
        end -= 1
    return data[:end].decode("utf-8", "surrogatepass")


def digest(query: Query) -> bytes:
    """Return 16 bytes that are the same for the same question, whatever its page size, place, facets or histogram."""
    question = {
        "scope": query.scope,
        "text": query.text,
        "filter": None if query.filter is None else cql2.to_json(query.filter),
        "region": None if query.region is None else _region(query.region),
        "time": None if query.time is None else [query.time.start, query.time.end],
        "selections": sorted([each.name, sorted(each.values)] for each in query.selections),
        "ranges": sorted(repr((each.name, each.low, each.high, each.below)) for each in query.ranges),
        "place": None if query.place is None else [query.place.frame, query.place.order, query.place.cell],
        "sort": None if query.sort is None else _order(query.sort),
        "ids": None if query.ids is None else sorted(query.ids),
        "lenient": query.lenient,
    } | ({"phrases": sorted(query.phrases)} if query.phrases else {})
    # ASCII escapes keep lone surrogates of a hostile request from failing here.
    data = json.dumps(question, ensure_ascii=True, sort_keys=True, separators=(",", ":"), default=_plain)
    return hashlib.sha256(data.encode("ascii")).digest()[:_DIGEST]


def encode(cursor: Cursor, secret: bytes) -> str:
    """Return the cursor as signed URL-safe text of fewer than 440 characters.

    Raises:
        ConfigError: The secret is too short to keep anybody from signing their own.
    """
    payload = _pack(cursor)
    text = _encoded(_sign(payload, secret) + payload)
    if len(text) >= MAX_LENGTH:
        raise ValueError(f"scope, sort and generation are too long for a cursor: {len(text)} characters")
    return text


def decode(text: str, secret: bytes) -> Cursor:
    """Return the cursor that `encode` wrote with the same secret.

    Raises:
        BadQueryError: The text is anything else.
    """
    if len(text) < MAX_LENGTH and _ALPHABET.fullmatch(text) and len(text) % 4 != 1:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        payload = data[_MAC:]
        # The signature covers the bytes; the spare bits of the last character are not covered, so they are compared.
        if hmac.compare_digest(_sign(payload, secret), data[:_MAC]) and _encoded(data) == text:
            return _unpack(payload)
    raise BadQueryError(
        "after is not a page mark of this portal; take `next` of the page before as it is, or begin without it",
        parameter=_PARAMETER,
    )


def resume(query: Query, secret: bytes) -> Cursor | None:
    """Return where `query.after` says to go on, None at the beginning.

    Raises:
        BadQueryError: `after` is not ours, or it belongs to another question.
    """
    if not query.after:
        return None
    cursor = decode(query.after, secret)
    if cursor.scope != query.scope or not hmac.compare_digest(cursor.digest, digest(query)):
        raise BadQueryError(
            "after belongs to another question; begin without it after changing words, filters, scope or sort",
            parameter=_PARAMETER,
        )
    return cursor


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _sign(payload: bytes, secret: bytes) -> bytes:
    if len(secret) < MIN_SECRET:
        raise ConfigError(f"the secret that signs cursors has {len(secret)} bytes; it needs at least {MIN_SECRET}")
    return hmac.digest(secret, b"cursor\0" + payload, "sha256")[:_MAC]


def _pack(cursor: Cursor) -> bytes:
    if len(cursor.digest) != _DIGEST:
        raise ValueError(f"a digest has {_DIGEST} bytes, not {len(cursor.digest)}")
    names = b"".join(_name(each) for each in (cursor.scope, cursor.sort, cursor.generation))
    version = _SEVERAL if cursor.then else _VERSION
    head = _HEAD.pack(version, cursor.descending, cursor.key, cursor.offset) + cursor.digest + names
    if not cursor.then:
        return head + _packed_value(cursor.value)
    values = [_packed_value(each) for each in (cursor.value, *cursor.then)]
    return head + b"".join(bytes([len(each)]) + each for each in values)


def _name(text: str) -> bytes:
    data = text.encode("utf-8")[:255]
    return bytes([len(data)]) + data


def _packed_value(value: Value) -> bytes:
    if value is None:
        return bytes([_NONE])
    if isinstance(value, str):
        return bytes([_TEXT]) + sort_key(value).encode("utf-8", "surrogatepass")
    if isinstance(value, int):
        return bytes([_INT]) + struct.pack(">q", value)
    return bytes([_FLOAT]) + struct.pack(">d", value)


def _unpack(payload: bytes) -> Cursor:
    # Signed by us, so the shape is right; only the version can be another one's.
    version, descending, key, offset = _HEAD.unpack_from(payload)
    if version not in (_VERSION, _SEVERAL):
        raise BadQueryError("after comes from another version of the portal; begin without it", parameter=_PARAMETER)
    at = _HEAD.size + _DIGEST
    names = []
    for _ in range(3):
        end = at + 1 + payload[at]
        names.append(payload[at + 1 : end].decode("utf-8"))
        at = end
    scope, sort, generation = names
    value, *then = _values(payload[at:]) if version == _SEVERAL else [_unpacked_value(payload[at], payload[at + 1 :])]
    return Cursor(
        scope=scope,
        digest=payload[_HEAD.size : _HEAD.size + _DIGEST],
        sort=sort,
        descending=bool(descending),
        value=value,
        then=tuple(then),
        key=key,
        generation=generation,
        offset=offset,
    )


def _values(data: bytes) -> list[Value]:
    """Return the values of several fields, each behind its length."""
    found = []
    while data:
        end = 1 + data[0]
        found.append(_unpacked_value(data[1], data[2:end]))
        data = data[end:]
    return found


def _unpacked_value(tag: int, data: bytes) -> Value:
    if tag == _NONE:
        return None
    if tag == _TEXT:
        return data.decode("utf-8", "surrogatepass")
    value: int | float = struct.unpack(">q" if tag == _INT else ">d", data)[0]
    return value


def _order(sort: Sort) -> list[Any]:
    # An order by one field is said as it always was, so that cursors from before are still good.
    return [sort.name, sort.descending, *([each.name, each.descending] for each in sort.all[1:])]


def _region(region: Region) -> list[Any]:
    return [region.frame, region.relation, region.geometry]


def _plain(value: object) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no place in a query")
