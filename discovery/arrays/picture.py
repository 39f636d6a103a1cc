"""One small picture of an array: its coarsest level, or one chunk, read only when it is known to be small enough."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import zarr

from discovery.arrays.facts import EMPTY, TOO_LARGE, UNSAFE, Picture
from discovery.arrays.structure import (
    MAX_INDEX,
    Arrays,
    attributes,
    chunk_size,
    declared,
    decoded,
    dims,
    ends,
    index_size,
    is_coordinate,
    variable,
)
from discovery.embeddings import packing
from discovery.errors import SourceUnavailableError

MAX_CHUNK: Final = 32 << 20
"""Bytes of one chunk when unpacked, as the metadata say, before anything of that size is made."""
MAX_PLANE: Final = 64 << 20
"""Bytes of all chunks together that a picture is made of."""
MAX_CHUNKS: Final = 64
"""Chunks that a picture is made of; where more would be needed it shows one."""
SIDE: Final = 512
"""Pixels of the longer side of a picture, at most."""
SMALL: Final = 256
"""Pixels of the longer side of a picture of a few cells, which are drawn as squares."""
ENOUGH: Final = 64
"""Cells that the shorter side of the coarsest level that is drawn should have."""
COLOURS: Final = "viridis"
_VIRIDIS: Final = (
    *("440154", "481467", "482576", "453781", "404688", "39558c", "33638d", "2d718e", "287d8e", "238a8d"),
    *("1f968b", "20a386", "29af7f", "3dbc74", "56c667", "75d054", "95d840", "bade28", "dde318", "fde725"),
)
"""Twenty colours of the scale (Smith and van der Walt, CC0); the others lie between them."""
_LOW, _HIGH = 2, 98
"""The percentiles that the darkest and the brightest colour stand for."""
_ROWS: Final = frozenset({"y", "lat", "latitude", "northing", "row", "rows", "yc", "nav_lat", "rlat", "y_axis"})
_COLUMNS: Final = frozenset({"x", "lon", "longitude", "easting", "col", "cols", "column", "columns", "xc", "rlon"})
_NORTH: Final = frozenset({"y", "lat", "latitude", "northing", "yc", "rlat"})
"""Names of rows that grow to the north, which is drawn above."""
_BESIDE: Final = re.compile(
    r"mask|flag|qa\b|quality|detector|bounds|bnds|crs|spatial_ref|weight|count|classification|conditions|geometry",
    re.IGNORECASE,
)
"""Parts of paths of what stands beside the data themselves."""


@dataclass(frozen=True, slots=True)
class _Window:
    """Which part of an array is read."""

    selection: tuple[slice | int, ...]
    transposed: bool
    part: str


def drawable(arrays: Arrays) -> list[str]:
    """Return the paths of the arrays of which there can be a picture, by what their metadata say."""
    return [
        path
        for path, each in arrays.items()
        if each.ndim >= 2
        and each.dtype.kind in "fiub"
        and all(each.shape)
        and min(each.shape[axis] for axis in _axes(each)) > 1
        and not is_coordinate(path, each)
    ]


def chosen(arrays: Arrays, groups: Mapping[str, zarr.Group], paths: list[str]) -> str:
    """Return the path of the array that stands for a store: of data and not of flags, at its coarsest good level."""
    best = min(paths, key=lambda path: _rank(path, arrays[path]))
    same = _same(best, arrays, groups, paths)
    enough = [each for each in same if _side(arrays[each]) >= ENOUGH]
    if enough:
        return min(enough, key=lambda each: (_side(arrays[each]), each))
    return max(same, key=lambda each: (_side(arrays[each]), each))


def draw(path: str, array: zarr.Array[Any], arrays: Arrays) -> Picture:
    """Return the picture of an array.

    Raises:
        SourceUnavailableError: There is none: a chunk is too large, packed in an unsafe way, or all of it is missing;
            `detail` is one of the states of a look.
    """
    _check(array)
    window = _window(array)
    block = np.asarray(array[window.selection])
    if window.transposed:
        block = block.T
    step = max(1, math.ceil(max(block.shape) / SIDE))
    values = decoded(path, array, np.ascontiguousarray(block[::step, ::step])).astype(np.float64)
    up = _north(path, array, arrays)
    if up:
        values = values[::-1]
    finite = np.isfinite(values)
    if not finite.any():
        raise _none(EMPTY)
    low, high = (float(each) for each in np.percentile(values[finite], (_LOW, _HIGH)))
    if not low < high:
        low, high = float(values[finite].min()), float(values[finite].max())
    about = variable(path, array)
    png, width, height = _png(values, finite, low, high)
    return Picture(
        variable=path,
        name=about.name,
        label=about.label,
        units=about.units,
        part=window.part + (f", every {_ordinal(step)} cell" if step > 1 else ""),
        width=width,
        height=height,
        low=low,
        high=high,
        missing=round(float(1 - finite.mean()), 6),
        colours=COLOURS,
        png=png,
    )


def _none(state: str, message: str = "") -> SourceUnavailableError:
    return SourceUnavailableError(message, detail=state)


def _check(array: zarr.Array[Any]) -> None:
    if codec := packing.unknown(array):
        raise _none(UNSAFE, f"its codec is {codec[:80]!r}")
    size = chunk_size(array)
    if size > MAX_CHUNK:
        raise _none(TOO_LARGE, f"its chunks have {size:,} bytes; at most {MAX_CHUNK:,} are read")
    if index_size(array) > MAX_INDEX:
        raise _none(TOO_LARGE, f"its shards have more than {MAX_INDEX // 16:,} chunks")


def _window(array: zarr.Array[Any]) -> _Window:
    """Return what is read: the whole plane where that is a few chunks, else the chunk in its middle."""
    row, column = _axes(array)
    names = dims(array)
    selection: list[slice | int] = [length // 2 for length in array.shape]
    told = [
        f"{names[axis] or f'dimension {axis}'} {length // 2 + 1:,} of {length:,}"
        for axis, length in enumerate(array.shape)
        if axis not in (row, column) and length > 1
    ]
    shape = f"{array.shape[row]:,} x {array.shape[column]:,}"
    many = math.prod(-(-array.shape[axis] // array.chunks[axis]) for axis in (row, column))
    if many <= MAX_CHUNKS and many * chunk_size(array) <= MAX_PLANE:
        selection[row] = selection[column] = slice(None)
        part = f"all {shape} cells"
    else:
        for axis in (row, column):
            chunk = min(array.chunks[axis], array.shape[axis])
            start = array.shape[axis] // 2 // chunk * chunk
            selection[axis] = slice(start, min(start + chunk, array.shape[axis]))
        size = " x ".join(f"{_length(selection[axis]):,}" for axis in (row, column))
        part = f"the chunk in the middle, {size} of {shape} cells"
    return _Window(tuple(selection), row > column, "; ".join([part, *told]))


def _axes(array: zarr.Array[Any]) -> tuple[int, int]:
    """Return which dimensions are the rows and the columns of a picture: by their names, else the last two."""
    names = [each.lower() for each in dims(array)]
    rows = [number for number, each in enumerate(names) if each in _ROWS]
    columns = [number for number, each in enumerate(names) if each in _COLUMNS]
    if rows and columns:
        return rows[-1], columns[-1]
    return array.ndim - 2, array.ndim - 1


def _side(array: zarr.Array[Any]) -> int:
    return int(min(array.shape[axis] for axis in _axes(array)))


def _rank(path: str, array: zarr.Array[Any]) -> tuple[object, ...]:
    names = {each.lower() for each in dims(array)}
    placed = bool(names & _ROWS and names & _COLUMNS)
    readable = not packing.unknown(array) and chunk_size(array) <= MAX_CHUNK
    return (not readable, bool(_BESIDE.search(path)), not placed, array.ndim, _side(array) < ENOUGH, path)


def _same(path: str, arrays: Arrays, groups: Mapping[str, zarr.Group], paths: list[str]) -> list[str]:
    """Return the arrays that hold the same as one at other resolutions, itself among them."""
    parent, _, name = path.rpartition("/")
    above, _, level = parent.rpartition("/")
    own, beside = declared(parent, groups), declared(above, groups) if parent else ()
    fit = {each for each in paths if arrays[each].ndim == arrays[path].ndim and not packing.unknown(arrays[each])}
    if name in own:
        prefix = f"{parent}/" if parent else ""
        found = [f"{prefix}{each}" for each in own]
    elif level in beside or not beside:
        # Levels that are not declared are groups beside each other in which the same names occur.
        found = [each for each in paths if each.rpartition("/")[2] == name and _above(each) == above]
    else:
        found = []
    return [path, *(each for each in found if each in fit and each != path)]


def _above(path: str) -> str:
    return path.rpartition("/")[0].rpartition("/")[0]


def _north(path: str, array: zarr.Array[Any], arrays: Arrays) -> bool:
    """Say whether the rows grow to the north, so that the first is drawn below."""
    row, _ = _axes(array)
    name = dims(array)[row]
    parent = path.rpartition("/")[0]
    coordinate = arrays.get(f"{parent}/{name}" if parent else name)
    if name.lower() not in _NORTH or coordinate is None or attributes(coordinate).get("positive") == "down":
        return False
    found = ends(name, coordinate)
    return found is not None and found[2]


def _png(values: npt.NDArray[Any], finite: npt.NDArray[Any], low: float, high: float) -> tuple[bytes, int, int]:
    from PIL import Image

    span = high - low
    scaled = np.clip((values - low) / span, 0, 1) if span > 0 else np.full(values.shape, 0.5)
    indices = np.where(finite, 1 + np.round(np.nan_to_num(scaled) * 254), 0).astype(np.uint8)
    times = max(1, SMALL // max(indices.shape))
    indices = indices.repeat(times, axis=0).repeat(times, axis=1)
    image = Image.fromarray(indices).convert("L").copy()
    image = Image.frombytes("P", image.size, image.tobytes())
    image.putpalette([0, 0, 0, *(part for colour in palette() for part in colour)])
    out = io.BytesIO()
    image.save(out, "PNG", transparency=0, optimize=True)
    return out.getvalue(), indices.shape[1], indices.shape[0]


def palette() -> list[tuple[int, int, int]]:
    """Return the 255 colours of the scale, from dark to bright."""
    known = np.array([[int(each[at : at + 2], 16) for at in (0, 2, 4)] for each in _VIRIDIS], dtype=float)
    at = np.linspace(0, len(known) - 1, 255)
    parts = [np.interp(at, np.arange(len(known)), known[:, each]) for each in range(3)]
    return [(int(r), int(g), int(b)) for r, g, b in np.round(np.stack(parts, axis=1))]


def _length(part: slice | int) -> int:
    return part.stop - part.start if isinstance(part, slice) else 1


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def told(found: Picture, levels: tuple[str, ...]) -> Picture:
    """Return a picture that says at which of several resolutions it was made."""
    if len(levels) < 2:
        return found
    fit = [each for each in levels if found.variable == each or found.variable.startswith(f"{each}/")]
    return replace(found, part=f"{found.part}; level {fit[-1]}") if fit else found
