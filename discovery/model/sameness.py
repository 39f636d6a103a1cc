"""When two records of different sources are the same thing: the keys that they must share, and who speaks for them.

A DOI is believed before another identifier, and that before a title with its place and its time. A key that two records
of one source have is the name of neither, so it says nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from discovery.model.terms import fold

RULES: Final = 1
"""Counted up whenever a record gets other keys than before, so that stores make them anew."""
MOST: Final = 64
"""Records that may share a key, or hang together by keys: what names more than these names nothing."""
REASONS: Final = {1: "doi", 2: "identifier", 3: "title"}
"""What a key is made of, by its first byte; the smaller, the sooner it is believed."""
_DOI, _IDENTIFIER, _TITLE = REASONS

_MOST_IDS: Final = 16
_LONGEST: Final = 2000  # characters; no identifier is near it, and hostile text may be megabytes
_SHORTEST_TITLE: Final = 8
"""Letters and digits that a title must have to say anything."""
_SIDE: Final = 0.01
"""How much two places may differ, as a share of their size ..."""
_DEGREES: Final = 0.001
"""... or in degrees, where that is more."""
_DOI_FORM: Final = re.compile(r"(?:doi:\s*|https?://(?:dx\.)?doi\.org/)?(10\.\d{4,9}/\S+)", re.IGNORECASE)
_GLOBAL: Final = re.compile(r"(?:(?:ivo|ark|hdl|info|urn):[^\s]{4,}|https?://[^\s/]+\.[^\s]+)$", re.IGNORECASE)
_UUID: Final = re.compile(r"\{?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\}?$", re.IGNORECASE)

Place = str
"""A box as JSON, for keys that need one to be compared; empty for the others."""


def keys(record: Mapping[str, Any]) -> dict[bytes, Place]:
    """Return the keys of a record, each with the place that has to be near the other's; empty is no place.

    Args:
        record: Its plain values, as `Record.to_json` writes them.
    """
    if record["kind"] == "observation":
        return dict.fromkeys(_observation(record), "")
    out = dict.fromkeys(_named(record), "")
    titled = _titled(record)
    return out | dict([titled]) if titled else out


def reason(digest: bytes) -> str:
    """Return what a key is made of."""
    return REASONS.get(digest[0], "")


def _digest(rule: int, *parts: object) -> bytes:
    return bytes((rule,)) + hashlib.blake2b(orjson.dumps(parts), digest_size=15).digest()


def _observation(record: Mapping[str, Any]) -> Iterable[bytes]:
    """Yield keys that are the same only within a collection of the same name.

    What only its source calls so (`item-1`) counts together with the time.
    """
    said = record.get("properties", {}).get("collection")
    collection = fold(str(said if isinstance(said, str) else record.get("container", ""))[:_LONGEST])
    if not collection:
        return
    extent = record.get("extent", {})
    time = (extent.get("start"), extent.get("end"))
    for text in _ids(record):
        if worldwide := identifier(text):
            yield _digest(_IDENTIFIER, "observation", collection, worldwide)
        elif text and time != (None, None):
            yield _digest(_IDENTIFIER, "observation", collection, text.casefold(), *time)


def _named(record: Mapping[str, Any]) -> Iterable[bytes]:
    if doi(record.get("doi", "")):
        yield from names(record["kind"], record["doi"])
    for text in _ids(record):
        yield from names(record["kind"], text)


def names(kind: str, text: str) -> tuple[bytes, ...]:
    """Return the keys that a record of a kind has which is called so; none for what only one source calls so."""
    if found := doi(text):
        return (_digest(_DOI, kind, found),)
    worldwide = identifier(text)
    return (_digest(_IDENTIFIER, kind, worldwide),) if worldwide else ()


def _ids(record: Mapping[str, Any]) -> list[str]:
    given = (record.get("source_id", ""), *record.get("external_ids", ())[:_MOST_IDS])
    return [text for each in given if len(each) <= _LONGEST and (text := each.strip())]


def doi(text: str) -> str:
    """Return a DOI however it is written (`doi:`, as a link, in capitals), empty where the text is none."""
    if len(text) > _LONGEST or (found := _DOI_FORM.match(text.strip())) is None:
        return ""
    return found[1].rstrip(".,;/").lower()


def identifier(text: str) -> str:
    """Return an identifier that is the same for everybody, empty for one that means something at its source alone."""
    text = text.strip()
    if len(text) > _LONGEST:
        return ""
    if found := _UUID.match(text.removeprefix("urn:uuid:")):
        return f"uuid:{found[1].lower()}"
    if not _GLOBAL.match(text):
        return ""
    # Behind the first ? or # case may mean something; hosts, authorities and registered names have none.
    end = next((at for at, each in enumerate(text) if each in "?#"), len(text))
    scheme, _, rest = text[:end].partition(":")
    name = rest.rstrip("/")
    if scheme.lower() in ("http", "https"):
        host, slash, path = name.removeprefix("//").partition("/")
        return f"web:{host.lower()}{slash}{path}{text[end:]}"
    return f"{scheme}:{name}".lower() + text[end:]


def _titled(record: Mapping[str, Any]) -> tuple[bytes, Place] | None:
    extent = record.get("extent", {})
    title = fold(record.get("title", "")[:_LONGEST])
    start, end = extent.get("start"), extent.get("end")
    if len(title) < _SHORTEST_TITLE or (start is None and end is None):
        return None
    box = _box(extent)
    if box is None:
        return None
    digest = _digest(_TITLE, record["kind"], title, extent.get("frame", ""), start, end)
    return digest, orjson.dumps(box).decode()


def _box(extent: Mapping[str, Any]) -> list[float] | None:
    """Return west, south, east and north of a place."""
    given = extent.get("bbox")
    if given:
        return [float(each) for each in given]
    geometry = extent.get("geometry") or {}
    if geometry.get("type") == "Circle":
        (lon, lat), radius = geometry["center"], geometry["radius"]
        return [lon - radius, lat - radius, lon + radius, lat + radius]
    points = list(_points(geometry))
    if not points:
        return None
    lons, lats = [each[0] for each in points], [each[1] for each in points]
    return [min(lons), min(lats), max(lons), max(lats)]


def _points(geometry: Mapping[str, Any]) -> Iterable[Sequence[float]]:
    waiting: list[Any] = [geometry.get("coordinates", ()), *geometry.get("geometries", ())]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Mapping):
            waiting += [each.get("coordinates", ()), *each.get("geometries", ())]
        elif each and isinstance(each[0], int | float):
            if len(each) >= 2:
                yield each
        else:
            waiting += each


def near(one: Place, other: Place) -> bool:
    """Say whether two places of keys are the same but for how exactly they were written."""
    if one == other:
        return True
    if not one or not other:
        return False
    first, second = orjson.loads(one), orjson.loads(other)
    for low, high in ((0, 2), (1, 3)):
        size = max(abs(first[high] - first[low]), abs(second[high] - second[low]))
        allowed = max(_DEGREES, _SIDE * size)
        if any(abs(first[side] - second[side]) > allowed for side in (low, high)):
            return False
    return True


@dataclass(frozen=True, slots=True)
class Member:
    """A record that may be the same as others, with its keys."""

    id: str
    source: str
    keys: Mapping[bytes, Place]


def grouped(
    members: Collection[Member],
    telling: Collection[bytes],
    rank: Mapping[str, int],
    apart: Collection[tuple[str, str]] = (),
) -> dict[str, str]:
    """Return the master of each record that is the same as another one and is not the master itself.

    It depends on nothing but what is given: neither on the order of the records nor on what was found before.

    Args:
        members: Records that hang together by keys that name one thing: all that have one of these keys.
        telling: Those of their keys; the others, which two records of a source have, say nothing.
        rank: The place of each source, the one that speaks first.
        apart: Pairs of ids, the smaller first, that somebody has said are not the same.
    """
    if len(members) > MOST:
        return {}
    by_id = {each.id: each for each in members}
    groups = {id: [id] for id in by_id}
    for digest, ids in _shared(members, telling):
        for place, one in enumerate(ids):
            for other in ids[place + 1 :]:
                first, second = groups[one], groups[other]
                close = near(by_id[one].keys[digest], by_id[other].keys[digest])
                if first is not second and close and _fit(first, second, by_id, apart):
                    first += second
                    groups.update(dict.fromkeys(second, first))
    last = len(rank)
    out = {}
    for id, group in groups.items():
        master = min(group, key=lambda each: (rank.get(by_id[each].source, last), by_id[each].source, each))
        if master != id:
            out[id] = master
    return out


def _shared(members: Collection[Member], telling: Collection[bytes]) -> list[tuple[bytes, list[str]]]:
    """Return the keys that say something, the most believed first, each with the ids that have it in order."""
    holders: dict[bytes, list[str]] = {}
    for each in members:
        for digest in each.keys:
            if digest in telling:
                holders.setdefault(digest, []).append(each.id)
    return [(digest, sorted(ids)) for digest, ids in sorted(holders.items())]


def names_one(sources: Iterable[str]) -> bool:
    """Say whether a key may name one thing: no two of its records are of one source."""
    given = list(sources)
    return len(set(given)) == len(given)


def _fit(
    first: Sequence[str], second: Sequence[str], members: Mapping[str, Member], apart: Collection[tuple[str, str]]
) -> bool:
    """Say whether two groups can be one: of each source at most one record, no two DOIs, and nobody has said no."""
    if not names_one(members[each].source for each in (*first, *second)):
        return False
    if any((min(one, other), max(one, other)) in apart for one in first for other in second):
        return False
    dois = [{key for each in group for key in members[each].keys if key[0] == _DOI} for group in (first, second)]
    return not (dois[0] and dois[1]) or bool(dois[0] & dois[1])
