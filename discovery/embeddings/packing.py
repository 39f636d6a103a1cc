"""Which codecs of Zarr are unpacked: those that can do no more than unpack.

A codec is named by the store's own metadata, and readers take any that is installed. One of them unpickles, which runs
what a stranger wrote unless the reader is new enough to refuse; others may come with other packages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

KNOWN: Final = frozenset(
    {
        *("adler32", "astype", "bitround", "blosc", "bytes", "bz2", "cast_value", "crc32", "crc32c", "delta"),
        *("fixedscaleoffset", "fletcher32", "gzip", "jenkins_lookup3", "lz4", "lzma", "packbits", "quantize"),
        *(
            "scale_offset",
            "sharding_indexed",
            "shuffle",
            "transpose",
            "vlen-bytes",
            "vlen-utf8",
            "zfpy",
            "zlib",
            "zstd",
        ),
    }
)
"""Codecs by their names in version 2, and in version 3 without `numcodecs.`."""
_PREFIX: Final = "numcodecs."


def names(array: Any) -> tuple[str, ...]:
    """Return the names of the codecs of an array of zarr-python in the order of packing, those within shards too."""
    about = array.metadata
    if about.zarr_format == 2:
        found = [*(about.filters or ()), *([about.compressor] if about.compressor is not None else [])]
        return tuple(
            str(each.get_config().get("id", "")) if hasattr(each, "get_config") else _name(each.to_dict())
            for each in found
        )
    return tuple(_flat(each.to_dict() for each in about.codecs))


def unknown(array: Any) -> str:
    """Return the name of a codec of an array that is not unpacked here, empty where there is none."""
    return next((each for each in names(array) if each.removeprefix(_PREFIX) not in KNOWN), "")


def _flat(given: Iterable[Any]) -> Iterable[str]:
    for each in given:
        yield _name(each)
        inner = each.get("configuration") if isinstance(each, Mapping) else None
        if isinstance(inner, Mapping):
            yield from _flat(inner.get("codecs") or ())
            yield from _flat(inner.get("index_codecs") or ())


def _name(given: Any) -> str:
    return str(given.get("name", "")) if isinstance(given, Mapping) else str(given)
