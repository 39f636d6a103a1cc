"""Many JSON documents in one answer, as the bytes that they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, repeat
from typing import Any

import orjson


def listed(head: bytes, documents: Sequence[bytes], tail: Mapping[str, Any]) -> bytes:
    """Return a JSON object with a list of documents in it.

    A page is large, and copying it takes as long as some of its documents: it is copied once.

    Args:
        head: What stands before the first document, up to the `[`.
        documents: Each a JSON value.
        tail: The members behind the list, one at least.
    """
    between = chain.from_iterable(zip(repeat(b","), documents, strict=False))
    next(between, None)
    return b"".join((head, *between, b"],", orjson.dumps(tail)[1:]))
