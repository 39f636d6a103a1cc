"""From an open Zarr group or array to what it says of itself; nothing of the size that it claims is made here."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xarray
import zarr
from xarray.backends.zarr import FillValueCoder

from discovery.arrays.facts import Structure, Variable
from discovery.embeddings import packing

MAX_VARIABLES: Final = 300
"""Arrays of a store that are told of; the products of Sentinel-2 have 110."""
MAX_NODES: Final = 20_000
"""Groups and arrays that are walked through."""
MAX_DEPTH: Final = 12
"""Groups inside each other."""
MAX_DIMENSIONS: Final = 16
"""Dimensions of an array that are told of."""
MAX_COORDINATES: Final = 24
"""Coordinates whose least and greatest values are read."""
MAX_COORDINATE_CHUNK: Final = 4 << 20
"""Bytes of a chunk of a coordinate when unpacked."""
MAX_INDEX: Final = 4 << 20
"""Bytes of the index of a shard: 16 for each of its chunks."""
_TEXT: Final = 120
_MANY: Final = 64
"""Groups and levels that are told of."""
_NUMBERS: Final = "fiub"
_TIMES: Final = " since "

Arrays = Mapping[str, "zarr.Array[Any]"]


def walked(node: Any) -> tuple[dict[str, zarr.Array[Any]], dict[str, zarr.Group]]:
    """Return the arrays and the groups of a node by their paths within it, the array itself by the empty path."""
    if isinstance(node, zarr.Array):
        return {"": node}, {}
    arrays: dict[str, zarr.Array[Any]] = {}
    groups: dict[str, zarr.Group] = {"": node}
    for number, (path, each) in enumerate(node.members(max_depth=MAX_DEPTH)):
        if number >= MAX_NODES:
            break
        if isinstance(each, zarr.Array):
            arrays[path] = each
        else:
            groups[path] = each
    return dict(sorted(arrays.items())), dict(sorted(groups.items()))


def structure(node: Any, arrays: Arrays, groups: Mapping[str, zarr.Group], drawable: Iterable[str]) -> Structure:
    """Return what a store says of itself.

    Args:
        node: The group or array that was opened.
        arrays: Its arrays by their paths.
        groups: Its groups by their paths.
        drawable: Paths of arrays of which there can be a picture.
    """
    drawn = frozenset(drawable)
    found = tuple(variable(path, each, path in drawn) for path, each in list(arrays.items())[:MAX_VARIABLES])
    consolidated = getattr(node.metadata, "consolidated_metadata", None) is not None
    return Structure(
        format=int(node.metadata.zarr_format),
        consolidated=consolidated,
        variables=found,
        left=max(0, len(arrays) - MAX_VARIABLES),
        groups=tuple(text(each) for each in groups if each)[:_MANY],
        levels=levels(arrays, groups),
        size=sum(_size(each) for each in arrays.values()),
    )


def variable(path: str, array: zarr.Array[Any], drawable: bool = False) -> Variable:
    """Return what an array says of itself."""
    about = attributes(array)
    named = dims(array)
    return Variable(
        path=path,
        name=text(path.rpartition("/")[2]),
        label=text(about.get("long_name") or about.get("standard_name")),
        units=text(about.get("units") or about.get("unit")),
        dtype=text(str(array.dtype)),
        dims=named,
        shape=_whole(array.shape),
        chunks=_whole(array.chunks),
        shards=_whole(array.shards or ()),
        size=_size(array),
        chunk_size=chunk_size(array),
        packing=tuple(text(each) for each in packing.names(array))[:MAX_DIMENSIONS],
        coordinate=is_coordinate(path, array),
        drawable=drawable,
    )


def attributes(node: Any) -> dict[str, Any]:
    """Return the attributes of a group or an array."""
    found = node.metadata.attributes
    return dict(found) if isinstance(found, Mapping) else {}


def dims(array: zarr.Array[Any]) -> tuple[str, ...]:
    """Return the names of the dimensions of an array, empty texts where they have none."""
    given = getattr(array.metadata, "dimension_names", None)
    if given is None:
        given = attributes(array).get("_ARRAY_DIMENSIONS")
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) != array.ndim:
        given = [""] * array.ndim
    return tuple(text(each) for each in given[:MAX_DIMENSIONS])


def is_coordinate(path: str, array: zarr.Array[Any]) -> bool:
    """Say whether an array says where along its one dimension others are."""
    return array.ndim == 1 and dims(array)[:1] == (path.rpartition("/")[2],)


def chunk_size(array: zarr.Array[Any]) -> int:
    """Return the bytes of one chunk when unpacked."""
    return math.prod(array.chunks) * int(array.dtype.itemsize)


def index_size(array: zarr.Array[Any]) -> int:
    """Return the bytes of the index that each shard of an array has, 0 where it has no shards."""
    if not array.shards:
        return 0
    return 16 * math.prod(-(-outer // max(1, inner)) for outer, inner in zip(array.shards, array.chunks, strict=True))


def levels(arrays: Arrays, groups: Mapping[str, zarr.Group]) -> tuple[str, ...]:
    """Return the paths of what is declared to hold the same at several resolutions, in the order that is declared."""
    out: list[str] = []
    for path, group in groups.items():
        prefix = f"{path}/" if path else ""
        for each in _declared(attributes(group).get("multiscales")):
            full = f"{prefix}{each}"
            if full in arrays or full in groups:
                out.append(text(full))
    return tuple(dict.fromkeys(out))[:_MANY]


def declared(path: str, groups: Mapping[str, zarr.Group]) -> tuple[str, ...]:
    """Return the names that a group declares to be the same at several resolutions."""
    return tuple(_declared(attributes(groups[path]).get("multiscales"))) if path in groups else ()


def _declared(given: Any) -> Iterable[str]:
    """Yield the names in `multiscales`: datasets of OME-Zarr, layouts and tile matrices of GeoZarr."""
    for each in given[:_MANY] if isinstance(given, list) else [given]:
        if not isinstance(each, Mapping):
            continue
        for key, name in (("datasets", "path"), ("layout", "asset"), ("layout", "group")):
            found = each.get(key)
            for one in found[:_MANY] if isinstance(found, list) else ():
                if isinstance(one, Mapping) and isinstance(one.get(name), str):
                    yield one[name].strip("/")
        matrices = each.get("tile_matrix_set")
        found = matrices.get("tileMatrices") if isinstance(matrices, Mapping) else None
        for one in found[:_MANY] if isinstance(found, list) else ():
            if isinstance(one, Mapping) and isinstance(one.get("id"), str):
                yield one["id"].strip("/")


def ends(path: str, array: zarr.Array[Any]) -> tuple[str, str, bool] | None:
    """Return the least and the greatest value of a coordinate, and whether it grows; None where it is not read.

    A coordinate of one chunk is read as a whole; of a longer one the first and the last value stand for all.
    """
    count = array.shape[0] if array.ndim == 1 else 0
    fits = chunk_size(array) <= MAX_COORDINATE_CHUNK and index_size(array) <= MAX_INDEX
    if not count or array.dtype.kind not in f"{_NUMBERS}M" or not fits or packing.unknown(array):
        return None
    if count <= array.chunks[0]:
        read = np.asarray(array[:])
    else:
        read = np.concatenate([np.atleast_1d(np.asarray(array[at : at + 1])) for at in (0, count - 1)])
    try:
        values = decoded(path, array, read, times=True)
    except (ImportError, ValueError, OverflowError):
        # Days of a year of 360, and times beyond all clocks, are told as the numbers that they are.
        values = decoded(path, array, read)
    if values.dtype.kind == "M":
        known = values[~np.isnat(values)]
    elif values.dtype.kind in _NUMBERS:
        known = values[np.isfinite(values)]
    else:
        return None
    if not len(known):
        return None
    return _said(known.min()), _said(known.max()), bool(known[0] <= known[-1])


def decoded(path: str, array: zarr.Array[Any], values: npt.NDArray[Any], *, times: bool = False) -> npt.NDArray[Any]:
    """Return a piece of an array with its scale, offset and missing values applied, as xarray does it (CF)."""
    kept = {
        name: value
        for name, value in attributes(array).items()
        if name
        in ("scale_factor", "add_offset", "_FillValue", "missing_value", "_Unsigned", "units", "calendar", "dtype")
    }
    if not times:
        kept = {name: value for name, value in kept.items() if name not in ("units", "calendar")}
    if array.metadata.zarr_format == 2:
        if array.fill_value is not None:
            kept.setdefault("_FillValue", array.fill_value)
    elif "_FillValue" in kept:
        kept["_FillValue"] = FillValueCoder.decode(kept["_FillValue"], array.dtype)
    name = path.rpartition("/")[2] or "array"
    given = xarray.Variable([f"dim_{number}" for number in range(values.ndim)], values, kept)
    is_time = times and _TIMES in str(kept.get("units", ""))
    plain = xarray.conventions.decode_cf_variable(name, given, decode_times=is_time, decode_timedelta=False)
    return np.asarray(plain.values)


def text(value: Any, most: int = _TEXT) -> str:
    """Return a text of a stranger as it may be shown on one line: empty for what is none."""
    if not isinstance(value, str):
        return ""
    fit = "".join(" " if unicodedata.category(each)[0] in "CZ" else each for each in value[: most * 4])
    return " ".join(fit.split())[:most]


def _said(value: Any) -> str:
    if isinstance(value, np.datetime64):
        return f"{np.datetime_as_string(value, unit='s')}Z"
    return f"{value:.10g}" if np.issubdtype(type(value), np.floating) else str(int(value))


def _size(array: zarr.Array[Any]) -> int:
    return math.prod(array.shape) * int(array.dtype.itemsize)


def _whole(given: Iterable[int]) -> tuple[int, ...]:
    return tuple(int(each) for each in given)[:MAX_DIMENSIONS]
