"""Stores that are made of pieces of other files, named in a document of references (Kerchunk's, versions 0 and 1).

A reference is a text of a stranger like every other address: it is asked for by the same client, or lies in the same
volume. Templates are put in as they stand; references that would have to be computed are refused, for that takes a
language that can do anything.
"""

from __future__ import annotations

import base64
import binascii
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import orjson
from zarr.abc.store import ByteRequest, RangeByteRequest

from discovery.arrays.stores import Budget, FolderStore, Listed, Reading, bounds, cut, fetched
from discovery.errors import SourceRefusedError
from discovery.http import Client
from discovery.launch.existence import bucket_url
from discovery.launch.resolver import STORE, Place

Reference = bytes | tuple[Any, ...]
"""The bytes of a key, or where they are: an address, and it may be an offset and a length."""

_LARGEST: Final = 2**53
_INLINE: Final = "base64:"
_WEB: Final = ("http://", "https://")
_BUCKET: Final = "s3://"


def references(document: bytes) -> dict[str, Reference]:
    """Return the references of a document by their keys: bytes, or an address alone, or with an offset and a length.

    Raises:
        ValueError: It is none.
    """
    given = orjson.loads(document)
    if not isinstance(given, dict):
        raise ValueError("a document of references is an object")
    if given.get("gen"):
        raise ValueError("its references would have to be computed")
    found = given.get("refs", given)
    if not isinstance(found, dict):
        raise ValueError("its references are no object")
    templates = given.get("templates") if "refs" in given else None
    words = {
        f"{{{{{name}}}}}": text
        for name, text in (templates if isinstance(templates, dict) else {}).items()
        if isinstance(text, str) and "{{" not in text
    }
    return {key: _reference(value, words) for key, value in found.items()}


def _reference(value: Any, words: Mapping[str, str]) -> Reference:
    if isinstance(value, dict):
        return orjson.dumps(value)
    if isinstance(value, str):
        if not value.startswith(_INLINE):
            return value.encode("utf-8")
        try:
            return base64.b64decode(value.removeprefix(_INLINE), validate=True)
        except binascii.Error as error:
            raise ValueError("a reference is not the base64 that it says it is") from error
    if not isinstance(value, list) or not value or not isinstance(value[0], str):
        raise ValueError("a reference is neither a text nor an address")
    url = value[0]
    for name, text in words.items():
        url = url.replace(name, text)
    return referred(url, *value[1:])


def referred(url: str, *part: Any) -> Reference:
    """Return the reference to a file, or to a part of it: an offset and a length.

    Raises:
        ValueError: The part is none that could be.
    """
    if len(part) not in (0, 2) or not all(type(each) is int and 0 <= each < _LARGEST for each in part):
        raise ValueError("a reference has no offset and length that could be")
    return (url, *part)


class Referring(Listed):
    """A store whose keys are pieces of other files.

    Args:
        keys: Those that are known.
        base: The address that others are meant to be beside; empty where it lies in a folder.
        beside: The folder of it.
        client: Sees to it that nothing private is asked, redirects included.
        budget: Counts what is read.
    """

    def __init__(self, keys: Iterable[str], base: str, beside: Reading, client: Client, budget: Budget) -> None:
        super().__init__(keys, budget)
        self._base = base
        self._beside = beside
        self._client = client

    @abstractmethod
    def reference(self, key: str) -> Reference | None:
        """Return what a key stands for: bytes, or an address alone, or with an offset and a length."""

    def read(self, key: str, part: ByteRequest | None) -> bytes | None:
        """Return the bytes of a key, or of a part of it; None where there is none."""
        given = self.reference(key)
        if given is None:
            return None
        if isinstance(given, bytes):
            return cut(given, part)
        return self._piece(key, given[0], within(part, *given[1:]) if len(given) > 1 else part)

    def _piece(self, key: str, url: str, part: ByteRequest | None) -> bytes | None:
        if isinstance(part, RangeByteRequest) and part.start >= part.end:
            return b""
        if url.lower().startswith(_BUCKET):
            url = bucket_url(Place(STORE, url))
        elif not urlsplit(url).scheme and not url.startswith("/"):
            if isinstance(self._beside, FolderStore):
                return self._beside.read(url, part)
            url = urljoin(self._base, url)
        if not url.startswith(_WEB):
            raise SourceRefusedError(
                "its references lead to what is neither on the web nor beside them", detail="address"
            )
        found = fetched(url, key, part, self._client, self._budget)
        return None if found is None else found.data


class ReferenceStore(Referring):
    """A store whose references are all in one document.

    Args:
        found: The references by their keys.
        base: The address of their document; empty where it lies in a folder.
        beside: The folder of the document.
        client: Sees to it that nothing private is asked, redirects included.
        budget: Counts what is read.
    """

    def __init__(
        self, found: Mapping[str, Reference], base: str, beside: Reading, client: Client, budget: Budget
    ) -> None:
        super().__init__(found, base, beside, client, budget)
        self._found = found

    def reference(self, key: str) -> Reference | None:
        """Return what a key stands for."""
        return self._found.get(key)


def within(part: ByteRequest | None, offset: int, length: int) -> RangeByteRequest:
    """Return where a part of a piece lies in the file that the piece is of."""
    start, wanted = bounds(part, length)
    begin = offset + min(start, length)
    return RangeByteRequest(begin, begin + wanted)
