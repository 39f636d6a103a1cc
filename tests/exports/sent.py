"""An item of STAC as it was sent, and as the store has it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson

from discovery.model.stac import splice
from discovery.store.catalogue import Served

SENT = (
    b'{ "stac_version":"1.0.0", "type":"Feature","id":"a",\n "collection": "c", '
    b'"n": 1.50, "links":[{"rel":"license","href":"https://b.org/l"}] }'
)


def served(body: bytes = SENT, **more: Any) -> Served:
    """Return a document as the store would have it."""
    document = orjson.loads(body)
    found = splice(body, document)
    made = Served(
        1, "rec", "a", "", "", body if found.public is None else found.public, found.start, found.end, found.links,
        "application/geo+json", source_id="a",
        collection=found.collection, parent="c", parent_kind="dataset", source="s",
    )  # fmt: skip
    return replace(made, **more)
