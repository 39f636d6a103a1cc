"""What Elasticsearch stores of a document: strict mappings, nothing guessed, nothing kept twice."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

import orjson

from discovery.errors import RecordError
from discovery.index import plans
from discovery.index.base import Document
from discovery.index.plans import (
    ANCHOR,
    BODY,
    CELLS,
    END,
    EXACT,
    FIRST,
    KEY,
    LAST,
    LENGTH,
    MONTH,
    PARENTS,
    PREFIX,
    START,
    TAIL,
    TITLE,
    WORDS,
)
from discovery.query.fields import FIELDS, Type

OURS: Final = "discovery"
"""The name under which an index remembers that it is ours, and of which shape."""
MAX_REGEX: Final = 1_000
"""Characters of a regular expression; Elasticsearch's own limit, for its parser works on the stack."""

_SHAPE: Final = 2


def mappings() -> dict[str, Any]:
    """Return the mappings: the fields of the table, and our own behind an underscore."""
    kinds = {Type.NUMBER: "double", Type.INSTANT: "long"}
    properties: dict[str, Any] = {each.name: {"type": kinds.get(each.type, "keyword")} for each in FIELDS.values()}
    prepared = {"type": "text", "analyzer": "whitespace"}
    listed = {"type": "keyword", "doc_values": False}
    counted = {"type": "long", "index": False}
    properties |= {TITLE: prepared, BODY: prepared}
    properties |= {PREFIX: {**prepared, "index_options": "docs", "norms": False}, WORDS: {"type": "keyword"}}
    properties |= dict.fromkeys((EXACT, CELLS, PARENTS), listed)
    # Without doc values: the tail is matched and never counted or sorted.
    properties[TAIL] = {"type": "flattened", "doc_values": False, "ignore_above": plans.MAX_TERM}
    properties |= {START: {"type": "long"}, END: {"type": "long"}, KEY: {"type": "long"}}
    properties |= {MONTH: counted, LENGTH: counted, ANCHOR: {**counted, "type": "integer"}}
    # The store has every record; a second copy would double the disk.
    own = {OURS: {"fingerprint": fingerprint()}}
    return {"dynamic": "strict", "_source": {"enabled": False}, "_meta": own, "properties": properties}


def settings(shards: int | None) -> dict[str, Any]:
    """Return the settings of an index; without `shards` an index template of the server may say how many."""
    found: dict[str, Any] = {
        # What is written is seen when we say so, all of it at once.
        "refresh_interval": "-1",
        "auto_expand_replicas": "0-1",
        "max_result_window": plans.MAX_PAGE + 1,
        "max_regex_length": MAX_REGEX,
    }
    return found if shards is None else {**found, "number_of_shards": shards}


def fingerprint() -> str:
    """Return what changes whenever an index made before cannot be asked as it is now."""
    return plans.fingerprint(_SHAPE)


def tail_key(name: str) -> str:
    """Return the name of a pair of the long tail as a path in Elasticsearch: no dot, star, blank or NUL in it."""
    return quote(name, safe=":", errors="surrogatepass").replace(".", "%2E").replace("~", "%7E") or "%"


def source(document: Document) -> bytes:
    """Return the document as Elasticsearch reads it.

    Raises:
        RecordError: Elasticsearch would cut, drop or refuse something of it.
    """
    plans.checked(document)
    row: dict[str, Any] = {KEY: document.key, LENGTH: len(document.title), **document.instants, **document.numbers}
    row |= {name: list(dict.fromkeys(filter(None, values))) for name, values in document.keywords.items()}
    row |= {CELLS: list(map(str, document.cells)), PARENTS: list(map(str, document.parents))}
    if document.tail:
        row[TAIL] = _tail(document.tail)
    if document.title:
        row["title"] = document.title
    start, end = document.instants.get("start"), document.instants.get("end")
    if start is not None or end is not None:
        row |= {START: FIRST if start is None else start, END: LAST if end is None else end}
    if document.month is not None:
        row[MONTH] = document.month
    if document.anchor is not None:
        row[ANCHOR] = document.anchor
    if document.text is not None:
        text = document.text
        row |= {TITLE: text.title, BODY: text.body, PREFIX: text.prefix}
        row |= {WORDS: text.words, EXACT: list(dict.fromkeys(text.exact))}
    try:
        return orjson.dumps(row)
    except TypeError as error:
        raise RecordError("bad_text", f"the document of key {document.key} is not Unicode text: {error}") from error


def _tail(pairs: tuple[str, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        found.setdefault(tail_key(name), []).append(value)
    return found
