"""How bodies and texts are kept: one byte says how a body is packed, so that old rows stay readable."""

from __future__ import annotations

import re
import threading
from functools import cache
from importlib.resources import files
from typing import Final

import zstandard

from discovery.errors import DiscoveryError

_PLAIN = b"\x00"
_ZSTD = b"\x01"
_PRIMED = b"\x02"
"""zstd that knows beforehand what stands in most bodies, from a file that is never changed: a better one is another
byte and another file."""
_DICTIONARY: Final = "bodies-2.zdict"
_LEVEL: Final = 3
_SMALL = 128
"""Below this zstd saves nothing worth its frame header."""
_MAX_DECODED = 256 * 1024 * 1024
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")

_local = threading.local()


def pack(data: bytes) -> bytes:
    """Return the bytes in their stored form, compressed where that is smaller."""
    if len(data) > _SMALL:
        # zstd contexts are not for sharing between threads; making one costs more than using it.
        if not hasattr(_local, "compressor"):
            _local.compressor = zstandard.ZstdCompressor(
                level=_LEVEL, dict_data=_dictionary(), write_checksum=True, write_dict_id=False
            )
        packed: bytes = _local.compressor.compress(data)
        if len(packed) < len(data):
            return _PRIMED + packed
    return _PLAIN + data


def unpack(stored: bytes) -> bytes:
    """Return what `pack` was given.

    Raises:
        DiscoveryError: The bytes are damaged or written by a newer version.
    """
    how = stored[:1]
    if how == _PLAIN:
        return stored[1:]
    if how not in (_PRIMED, _ZSTD):
        raise DiscoveryError(f"a stored body starts with {how!r}, which this version does not know")
    if not hasattr(_local, "decompressors"):
        primed = zstandard.ZstdDecompressor(dict_data=_dictionary())
        _local.decompressors = {_ZSTD: zstandard.ZstdDecompressor(), _PRIMED: primed}
    try:
        plain: bytes = _local.decompressors[how].decompress(stored[1:], max_output_size=_MAX_DECODED)
    except zstandard.ZstdError as error:
        raise DiscoveryError(f"a stored body is damaged: {error}") from error
    return plain


@cache
def _dictionary() -> zstandard.ZstdCompressionDict:
    """Return what bodies have in common; threads share it, since it is only read."""
    found = zstandard.ZstdCompressionDict((files("discovery.store") / "data" / _DICTIONARY).read_bytes())
    found.precompute_compress(level=_LEVEL)
    return found


def storable(text: str) -> str:
    """Return a text as every database takes it: PostgreSQL has no room for a NUL, and nobody for half a character."""
    return text if text.isprintable() else _UNSTORABLE.sub("\ufffd", text)
