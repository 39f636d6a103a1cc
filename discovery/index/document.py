"""A record as engines store it: values of the field table, prepared text, a covered footprint."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, Final

from discovery.index.base import Document
from discovery.index.calendar import month_of
from discovery.index.plans import MAX_INSTANT, MAX_TERM, MIN_INSTANT
from discovery.model import terms
from discovery.model.extent import Extent, Geometry
from discovery.model.quick import quick
from discovery.model.record import RESOURCES, Record
from discovery.query import cover
from discovery.query.cover import Cover
from discovery.query.cursor import sort_key
from discovery.query.fields import FIELDS, Field, Type
from discovery.query.healpix import DEEPEST
from discovery.query.text import PreparedText, body_text, document_text, identifier, shared_text
from discovery.query.tokens import fold

MAX_VALUES: Final = 64
"""Values kept of one keyword field, the first ones: more are a list of everything and no longer a property."""
MAX_TAIL: Final = 256
"""Pairs kept of the long tail."""
MAX_LINKS: Final = 200
"""Links, assets and contacts whose titles are searched."""
_MEMO_SIZE: Final = 150
"""Texts, and characters of the short ones, up to which what a record shares with others is remembered."""
_HEARD: Final = ("keywords", "variables", "missions", "instruments", "themes", "targets", "provider")
"""Fields of a resource that have the words of its field of knowledge, spelt as they should be."""
_ITSELF: Final = frozenset({"alternate", "canonical", "cite-as", "describedby", "landing", "self", "via"})
"""Relations of links to where the same thing is: whoever pastes such an address means this record."""
_DOI: Final = re.compile(r"10\.[0-9]{4,9}/[^\s?#&]+")

_make_document: Final = quick(Document)


def document(record: Record, key: int) -> Document:
    """Return what engines store of one record; see `documents`."""
    return documents([(record, key)])[0]


def documents(records: Sequence[tuple[Record, int]]) -> list[Document]:
    """Return what engines store of records, in their order; footprints are covered together, which is much faster.

    Empty values and numbers that are not finite are left out, and so is text of more than 8 KiB in a keyword: a value
    cut in the middle would be another value. Text that is not Unicode has its broken characters replaced.

    Args:
        records: Records as they are in the store, each with the store's number of it.
    """
    places = _places([record.extent for record, _ in records])
    return [_document(record, key, place) for (record, key), place in zip(records, places, strict=True)]


def _document(record: Record, key: int, place: Cover | None) -> Document:
    start = record.extent.start
    instants = dict(_instants(record))
    return _make_document(
        key=key,
        keywords=_keywords(record),
        numbers=dict(_numbers(record)),
        instants=instants,
        title=title(record.title),
        month=month_of(start) if start is not None and "start" in instants else None,
        text=_text(record),
        cells=place.cells + place.anchors if place else (),
        parents=place.parents if place else (),
        tail=tuple(islice(dict.fromkeys(_tail(record)), MAX_TAIL)),
        anchor=_anchor(place) if place else None,
    )


def _anchor(place: Cover) -> int | None:
    """Return the cell of order 12 that holds the anchor, without the mark and the order in its number."""
    return (place.anchors[0] ^ cover.ANCHOR) - (4 << 2 * DEEPEST) if place.anchors else None


def title(text: str) -> str:
    """Return a title as records are ordered by it: folded, single spaces, at most what a cursor holds."""
    return sort_key(" ".join(fold(_clean(text)).split()))


def _of(kind: Type) -> tuple[Field, ...]:
    return tuple([each for each in FIELDS.values() if each.type is kind])


# Asked for of every record that is indexed.
_KEYWORDS: Final = _of(Type.KEYWORD)
_NUMBERS: Final = frozenset(each.name for each in _of(Type.NUMBER))
_INSTANTS: Final = _of(Type.INSTANT)
_SAID: Final = ("capability", "category", "collection", "organisation", "project")
"""Properties that keyword fields are read from as they are."""
_ALIKE: Final = frozenset(
    {
        "access",
        "container",
        "dataset",
        "domain",
        "format",
        "frame",
        "instrument",
        "keyword",
        "kind",
        "level",
        "license",
        "mission",
        "product_type",
        "provider",
        "source",
        "theme",
        "variable",
        *_SAID,
    }
)
"""Keyword fields whose values follow from what `_alike` returns, and from nothing else: no terms of an operator."""
_ALIKE_SIZE: Final = 1000
"""Characters up to which what observations share is remembered ..."""
_KNOWN_SIZE: Final = 1024
"""... and of how many kinds of them."""
_KNOWN: Final[dict[tuple[Any, ...], dict[str, tuple[str, ...]]]] = {}
_EMPTY: Final = ("",)
_SHARED: Final = tuple(each for each in _KEYWORDS if each.name in _ALIKE)
_OWN: Final = tuple(each for each in _KEYWORDS if each.name not in _ALIKE)


def _keywords(record: Record) -> dict[str, tuple[str, ...]]:
    """Return the values of keyword fields; those that observations of a source share are looked up together."""
    if record.scope == RESOURCES:
        return dict(_read(_KEYWORDS, record))
    alike = _alike(record)
    found = _KNOWN.get(alike)
    if found is None:
        found = dict(_read(_SHARED, record))
        if sum(map(_size, alike)) <= _ALIKE_SIZE:
            if len(_KNOWN) >= _KNOWN_SIZE:
                _KNOWN.clear()
            _KNOWN[alike] = found
    return found | dict(_read(_OWN, record))


def _size(value: str | tuple[str, ...]) -> int:
    return len(value) if isinstance(value, str) else sum(len(str(each)) for each in value)


def _alike(record: Record) -> tuple[Any, ...]:
    """Return all of a record that the fields in `_ALIKE` follow from."""
    extent, said = record.extent, record.properties.get
    return (
        record.kind,
        record.source,
        record.container,
        record.dataset,
        record.domain,
        record.provider,
        record.license,
        record.access,
        record.level,
        record.product_type,
        extent.frame if extent.geometry or extent.bbox else "",
        record.missions,
        record.instruments,
        record.themes,
        record.keywords,
        record.variables,
        record.formats,
        *[said(name, "") for name in _SAID],
    )


def _read(fields: tuple[Field, ...], record: Record) -> Iterator[tuple[str, tuple[str, ...]]]:
    for each in fields:
        found = tuple(each.values(record))
        # Most fields of most records are empty, and most of the others are the same in many records of a source.
        if found and found != _EMPTY and (kept := _kept(found)):
            yield each.name, kept


def _kept(values: tuple[object, ...]) -> tuple[str, ...]:
    value = values[0]
    if len(values) == 1 and type(value) is str and value.isascii() and len(value) * 4 <= MAX_TERM:
        # As names and ids are, which no other record has.
        plain = value.strip()
        return (plain,) if plain else ()
    return _kept_some(values)


@lru_cache(maxsize=4096)
def _kept_some(values: tuple[object, ...]) -> tuple[str, ...]:
    plain = [_clean(str(value)).strip() for value in values if value is not None]
    return tuple(islice(dict.fromkeys([value for value in plain if value and _fits(value)]), MAX_VALUES))


def _fits(value: str) -> bool:
    # Four bytes are the longest character.
    return len(value) * 4 <= MAX_TERM or (len(value) <= MAX_TERM and len(value.encode()) <= MAX_TERM)


def _clean(text: str) -> str:
    """Return composed Unicode text, so that equal words are equal; lone surrogates are no characters at all."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode())


def _numbers(record: Record) -> Iterator[tuple[str, float]]:
    # A store may hold what no record of today would.
    found: Mapping[str, Any] = record.numbers
    for name, value in found.items():
        if name not in _NUMBERS or value is None or isinstance(value, str):
            continue
        try:
            number = float(value) + 0.0  # -0.0 would not be equal to 0.0 in an engine
        except OverflowError:
            continue
        if math.isfinite(number):
            yield name, number


def _instants(record: Record) -> Iterator[tuple[str, int]]:
    for each in _INSTANTS:
        for value in each.values(record):
            if isinstance(value, int) and MIN_INSTANT <= value <= MAX_INSTANT:
                yield each.name, value


def _places(extents: Sequence[Extent]) -> list[Cover | None]:
    """Return the covers of footprints; a record whose footprint cannot be read is found by everything else."""
    found: list[Cover | None] = [None] * len(extents)
    for frame in {extent.frame for extent in extents}:
        rows = [row for row, extent in enumerate(extents) if extent.frame == frame]
        places = cover.covers([_geometry(extents[row]) for row in rows], frame)
        for row, place in zip(rows, places, strict=True):
            found[row] = place
    return found


def _geometry(extent: Extent) -> Geometry | None:
    if extent.geometry is not None or extent.bbox is None:
        return extent.geometry
    return cover.box_geometry(*extent.bbox, frame=extent.frame)


def _tail(record: Record) -> Iterator[str]:
    for name, value in record.properties.items():
        for each in (value,) if isinstance(value, str) else value:
            pair = _clean(f"{name}={each}")
            if each and _fits(pair):
                yield pair


def _text(record: Record) -> PreparedText:
    """Return the words of a record; those that observations of a source share are analysed once for all of them."""
    observed = record.scope != RESOURCES
    common = (
        record.keywords,
        record.variables,
        record.missions,
        record.instruments,
        record.themes,
        record.domain,
        record.provider,
        record.product_type,
        record.level,
        tuple(_searchable(record)),
        tuple([each.title for each in record.links[:MAX_LINKS]]),
        tuple([each.title for each in record.assets[:MAX_LINKS]]),
        tuple([text for each in record.contacts[:MAX_LINKS] for text in (each.name, each.organization)]),
    )
    identifiers = tuple(dict.fromkeys((record.source_id, record.doi, *record.external_ids[:MAX_VALUES])))
    keys = (record.id, *_addresses(record))
    shared = _shared(*common) if observed and sum(map(len, common)) <= _MEMO_SIZE else ""
    if shared:
        others = _cleaned((record.description, *record.targets))
        return shared_text(_clean(record.title), others, tuple(_cleaned(identifiers)), keys=keys, analysed=shared)
    body = {
        "description": (record.description,),
        "targets": record.targets,
        "title": (record.title,),
        "identifiers": identifiers,
        **_common_fields(*common),
    }
    return document_text(
        {name: _cleaned(values) for name, values in body.items() if values},
        keys=keys,
        heard=None if observed else _HEARD,
    )


def _common_fields(
    keywords: tuple[str, ...],
    variables: tuple[str, ...],
    missions: tuple[str, ...],
    instruments: tuple[str, ...],
    themes: tuple[str, ...],
    domain: str,
    provider: str,
    product_type: str,
    level: str,
    *others: tuple[str, ...],
) -> dict[str, tuple[str, ...]]:
    """Return the texts that stand in many records alike, by what they are of."""
    properties, links, assets, contacts = others
    return {
        "keywords": keywords,
        "variables": variables,
        "missions": _mission_words(missions),
        "instruments": _labelled("instrument", instruments),
        "themes": _labelled("theme", themes),
        "domain": (terms.label("domain", domain),) if domain else (),
        "provider": (provider,),
        "product_type": (product_type,),
        "level": (level,),
        "properties": properties,
        "links": links,
        "assets": assets,
        "contacts": contacts,
    }


@lru_cache(maxsize=512)
def _shared(*common: Any) -> str:
    fields = _common_fields(*common)
    return body_text({name: _cleaned(values) for name, values in fields.items() if values})


def _addresses(record: Record) -> Iterator[str]:
    """Yield the addresses of a record, and DOIs within them, as somebody may paste them."""
    named = [each.href for each in record.links[:MAX_LINKS] if each.rel in _ITSELF]
    if record.scope == RESOURCES:
        # Files of observations are too many, and have their own names.
        named += [each.href for each in record.assets[:MAX_LINKS]]
    for href in named:
        # What leads from one folder to the next is an address to nobody else.
        if "://" in href or href.startswith("doi:"):
            yield identifier(_clean(href))
            yield from map(identifier, _DOI.findall(href))


def _cleaned(texts: tuple[str, ...]) -> Iterable[str]:
    return filter(None, texts if all(map(str.isascii, texts)) else map(_clean, texts))


@lru_cache(maxsize=1024)
def _mission_words(paths: tuple[str, ...]) -> tuple[str, ...]:
    return _labelled("mission", tuple(dict.fromkeys([step for path in paths for step in terms.ancestors(path)])))


@lru_cache(maxsize=4096)
def _labelled(kind: str, values: tuple[str, ...]) -> tuple[str, ...]:
    """Return values and what people call them, each once: both `astronomy/hubble` and its label are typed."""
    return tuple(dict.fromkeys([text for value in values for text in (value, terms.label(kind, value))]))


def _searchable(record: Record) -> Iterator[str]:
    """Yield the values of the long tail that are facets: their words are what a reader sees beside the record."""
    for name, value in record.properties.items():
        if name in FIELDS:
            yield from (value,) if isinstance(value, str) else value[:MAX_VALUES]
