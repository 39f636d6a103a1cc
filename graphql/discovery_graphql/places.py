"""Where the files of a record are, or why they are nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import strawberry

from discovery.launch import locating, resolver
from discovery_graphql.described import attribute
from discovery_graphql.enums import PlaceKind, member
from discovery_graphql.scalars import Long


@strawberry.type(description="One way to the bytes of a file.")
class FilePlace:
    """One way to the bytes of a file."""

    kind: PlaceKind | None = attribute("What the address is; null for a kind that is newer than this schema.")
    address: str = attribute("A path in a mounted folder, or an address; never a signed one.")
    volume: strawberry.ID | None = attribute("The id of the volume whose folder the path lies in.")
    rule: str | None = attribute("The rule that says so; null where the record itself does.")
    endpoint: str | None = attribute("The service of an s3 address, where somebody says; else Amazon's own.")
    region: str | None = attribute("The region of a bucket, where somebody says.")
    anonymous: bool | None = attribute("Whether a bucket is read without a signature, where somebody says.")
    requester_pays: bool | None = attribute("Whether who reads a bucket pays for it, where somebody says.")


@strawberry.type(description="One file of a record that can be opened, with where it is.")
class LocatedFile:
    """One file of a record that can be opened, with where it is."""

    key: str = attribute("Its name within the record, unique there.")
    title: str = attribute("What people read.")
    name: str = attribute("What it may be called on a disk.")
    family: str = attribute("Its family of formats: `fits`, `raster`, `zarr`, `table` and so on.")
    media_type: str | None = attribute("Its media type.")
    size: Long | None = attribute("Bytes.")
    places: list[FilePlace] = attribute("The nearest first: volumes, then the web, then object stores.")


@strawberry.type(description="Why a record has nothing that could be opened here.")
class Nowhere:
    """Why a record has nothing that could be opened here."""

    code: str = attribute("A stable code.")
    sentence: str = attribute("Why, for people.")
    instead: str = attribute("What can be done instead.")


@strawberry.type(description="Where a record is, or why it is nowhere.")
class Locations:
    """Where a record is, or why it is nowhere."""

    located: bool = attribute("Whether there is at least one place to open.")
    files: list[LocatedFile] = attribute("Its files, the main ones first.")
    mount_path: str | None = attribute("Where the record itself is mounted, if it is a volume.")
    twins: list[str] = attribute("The addresses of the record itself, if it is a volume.")
    reason: Nowhere | None = attribute("Why there is no place; null where there is one.")


def locations(found: locating.Located, first: int) -> Locations:
    """Return where a record is as the schema shows it, with at most so many files."""
    reason = found.reason
    return Locations(
        located=found.is_located,
        files=[_file(each) for each in found.files[:first]],
        mount_path=found.mount_path or None,
        twins=list(found.twins),
        reason=None if reason is None else Nowhere(code=reason.code, sentence=reason.sentence, instead=reason.instead),
    )


def places(found: Sequence[resolver.Place]) -> list[FilePlace]:
    """Return ways to the bytes of a file as the schema shows them."""
    return [_place(each) for each in found]


def _file(file: resolver.File) -> LocatedFile:
    return LocatedFile(
        key=file.key,
        title=file.title,
        name=file.name,
        family=file.family,
        media_type=file.media_type or None,
        size=None if file.size is None else Long(file.size),
        places=places(file.places),
    )


def _place(place: resolver.Place) -> FilePlace:
    store = place.store
    return FilePlace(
        kind=cast("PlaceKind | None", member(PlaceKind, place.kind)),
        address=place.address,
        volume=strawberry.ID(place.volume) if place.volume else None,
        rule=place.rule or None,
        endpoint=(store.endpoint or None) if store else None,
        region=(store.region or None) if store else None,
        anonymous=store.anonymous if store else None,
        requester_pays=store.requester_pays if store else None,
    )
