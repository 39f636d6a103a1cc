"""What is inside the Zarr data of a record, and one small picture of it."""

from __future__ import annotations

from urllib.parse import urlencode

import strawberry

from discovery.arrays import facts
from discovery_graphql.described import attribute
from discovery_graphql.scalars import Long


@strawberry.type(description="One array of a Zarr store.")
class ArrayVariable:
    """One array of a Zarr store."""

    path: str = attribute("Its path within the store; empty where the store is the array.")
    name: str = attribute("The last part of its path.")
    label: str | None = attribute("What its own metadata call it for people.")
    units: str | None = attribute("The units that its metadata state.")
    dtype: str = attribute("The type of its numbers as they are stored.")
    dims: list[str] = attribute("The names of its dimensions; empty texts where they have none.")
    shape: list[Long] = attribute("How long each dimension is.")
    chunks: list[Long] = attribute("What is packed, and so read, at once.")
    shards: list[Long] = attribute("What lies in one file, where that is more than a chunk.")
    size: Long = attribute("Bytes when unpacked.")
    chunk_size: Long = attribute("Bytes of one chunk when unpacked.")
    packing: list[str] = attribute("The codecs by name.")
    coordinate: bool = attribute("Whether it says where along a dimension the others are.")
    low: str | None = attribute("The least value of a coordinate, where it was read; times as ISO 8601.")
    high: str | None = attribute("The greatest value of a coordinate, where it was read.")
    drawable: bool = attribute("Whether a picture of it can be asked for.")


@strawberry.type(description="A small picture of a part of one array.")
class Quicklook:
    """A small picture of a part of one array."""

    url: str = attribute("The path of the picture on this portal, as PNG.")
    variable: str = attribute("The path of the array.")
    name: str = attribute("The name of the array.")
    label: str | None = attribute("What its metadata call it for people.")
    units: str | None = attribute("The units of `low` and `high`.")
    part: str = attribute("Which part of the array is seen, for people.")
    width: int = attribute("Pixels.")
    height: int = attribute("Pixels.")
    low: float = attribute("The value that the darkest colour stands for.")
    high: float = attribute("The value that the brightest colour stands for.")
    missing: float = attribute("The part of it that is missing, from 0 to 1; it is transparent.")
    colours: str = attribute("The name of the colour scale.")
    alt: str = attribute("What whoever does not see the picture is told.")


@strawberry.type(description="What came of looking into the Zarr data of a record.")
class ArrayStore:
    """What came of looking into the Zarr data of a record."""

    asset: str = attribute("Which of its files it is, by its key.")
    state: str = attribute("`read`, or a stable code for why it was not.")
    message: str = attribute("The same for people.")
    address: str | None = attribute("Where it was read.")
    format: int | None = attribute("The version of Zarr: 2 or 3.")
    consolidated: bool | None = attribute("Whether the metadata of all arrays are in one file.")
    size: Long | None = attribute("Bytes of all arrays when unpacked.")
    groups: list[str] = attribute("The groups by their paths.")
    levels: list[str] = attribute("What is declared to hold the same at several resolutions.")
    variables: list[ArrayVariable] = attribute("The arrays, at most 300.")
    variables_left: int = attribute("How many arrays are not among them.")
    quicklook: Quicklook | None = attribute("A small picture; null where there is none.")
    quicklook_state: str = attribute("`read`, or a stable code for why there is no picture.")
    quicklook_message: str = attribute("The same for people.")


def store(look: facts.Look, record: str, asset: str) -> ArrayStore:
    """Return what came of a look as the schema shows it.

    Args:
        look: What came of it.
        record: The id of the record.
        asset: The key of its file.
    """
    found = look.structure
    return ArrayStore(
        asset=asset,
        state=look.state,
        message=look.message,
        address=look.address or None,
        format=found.format if found else None,
        consolidated=found.consolidated if found else None,
        size=_long(found.size) if found else None,
        groups=list(found.groups) if found else [],
        levels=list(found.levels) if found else [],
        variables=[_variable(each) for each in found.variables] if found else [],
        variables_left=found.left if found else 0,
        quicklook=_quicklook(look.picture, record, asset) if look.picture else None,
        quicklook_state=look.picture_state if look.state == facts.READ else look.state,
        quicklook_message=look.picture_message,
    )


def _variable(each: facts.Variable) -> ArrayVariable:
    return ArrayVariable(
        path=each.path,
        name=each.name,
        label=each.label or None,
        units=each.units or None,
        dtype=each.dtype,
        dims=list(each.dims),
        shape=[_long(one) for one in each.shape],
        chunks=[_long(one) for one in each.chunks],
        shards=[_long(one) for one in each.shards],
        size=_long(each.size),
        chunk_size=_long(each.chunk_size),
        packing=list(each.packing),
        coordinate=each.coordinate,
        low=each.low or None,
        high=each.high or None,
        drawable=each.drawable,
    )


def _quicklook(found: facts.Picture, record: str, asset: str) -> Quicklook:
    asked = urlencode([each for each in (("asset", asset), ("variable", found.variable)) if each[1]], errors="replace")
    return Quicklook(
        url=f"/records/{record}/arrays/quicklook?{asked}",
        variable=found.variable,
        name=found.name,
        label=found.label or None,
        units=found.units or None,
        part=found.part,
        width=found.width,
        height=found.height,
        low=found.low,
        high=found.high,
        missing=found.missing,
        colours=found.colours,
        alt=found.alt,
    )


def _long(number: int) -> Long:
    # What is said to be larger than a number can be is as large as one can be.
    return Long(min(number, 2**63 - 1))
