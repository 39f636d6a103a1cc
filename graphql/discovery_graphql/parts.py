"""The parts of a record as the schema shows them: extents, files, relations, people, properties and other places."""

from __future__ import annotations

import re
from typing import Final

import strawberry

from discovery.model import record as model
from discovery.model.extent import Extent as ModelExtent
from discovery.query import fields
from discovery.store import elsewhere
from discovery_graphql.described import attribute
from discovery_graphql.scalars import GeoJSON, Instant, Long

_MAIL: Final = re.compile(r"[^\s<>()\[\],;:]{1,200}@[^\s<>()\[\],;:]{1,200}")


@strawberry.type(description="Where and when a record is; every part may be unknown.")
class Extent:
    """Where and when a record is."""

    frame: str = attribute("`earth`, `sky` (ICRS), or the name of another body such as `mars`.")
    geometry: GeoJSON | None = attribute("The footprint.")
    bbox: list[float] | None = attribute("West, south, east, north in degrees; west > east crosses the antimeridian.")
    start: Instant | None = attribute("The beginning; null when unknown or open.")
    end: Instant | None = attribute("The end, included; null when unknown or still going on.")


@strawberry.type(description="One file or service of a record.")
class Asset:
    """One file or service of a record."""

    href: str = attribute("Where it is.")
    key: str | None = attribute("Its name within the record.")
    title: str | None = attribute("What people read.")
    media_type: str | None = attribute("Its media type.")
    roles: list[str] = attribute("What it is for: `data`, `thumbnail`, `metadata`, ...")
    size: Long | None = attribute("Bytes.")
    alternates: list[str] = attribute("Other places of the same bytes.")


@strawberry.type(description="A relation of a record to something else.")
class Link:
    """A relation of a record to something else."""

    href: str = attribute("Where it leads.")
    rel: str = attribute("The relation, by its IANA name where there is one.")
    title: str | None = attribute("What people read.")
    media_type: str | None = attribute("The media type of what is there.")
    record_id: strawberry.ID | None = attribute("The id of the record it leads to, where that is known.")


@strawberry.type(description="A person or organisation named by a record; e-mail addresses are never shown.")
class Contact:
    """A person or organisation named by a record."""

    name: str | None = attribute("The name.")
    organization: str | None = attribute("Where the person works, or the organisation itself.")
    roles: list[str] = attribute("What they do for the data: `producer`, `host`, ...")
    url: str | None = attribute("A web page about them.")


@strawberry.type(description="A numeric property of a record.")
class NumberProperty:
    """A numeric property of a record."""

    name: str = attribute("The name in the field table, such as `cloud_cover`.")
    label: str = attribute("What people read.")
    value: float = attribute("The value.")
    unit: str | None = attribute("The unit of the value.")


@strawberry.type(description="A property from the long tail of a record, as text.")
class Property:
    """A property from the long tail of a record."""

    name: str = attribute("The name.")
    values: list[str] = attribute("The values.")


@strawberry.type(description="Another source's record of the same thing.")
class Place:
    """Another source's record of the same thing."""

    id: strawberry.ID = attribute("The id that the record has here; it leads to the one that speaks for it.")
    source: str = attribute("The source.")
    source_title: str = attribute("What people call the source.")
    container: str = attribute("What makes the source's own id unique there.")
    source_id: str = attribute("The source's own id.")
    title: str = attribute("What the source calls the thing.")
    url: str | None = attribute("Where its document was read.")
    seen: Instant = attribute("When its source last had it.")
    why: str | None = attribute("By what it was found to be the same: `doi`, `identifier` or `title`.")


def instant(value: int | None) -> Instant | None:
    """Return an instant as the schema has it, None where it is not known."""
    return None if value is None else Instant(value)


def number(name: str, value: float) -> NumberProperty:
    """Return a number with its label and unit."""
    known = fields.FIELDS.get(name)
    return NumberProperty(
        name=name, label=known.label if known else name, value=value, unit=known.unit or None if known else None
    )


def extent(extent: ModelExtent) -> Extent:
    """Return where and when a record is."""
    return Extent(
        frame=extent.frame,
        geometry=None if extent.geometry is None else GeoJSON(dict(extent.geometry)),
        bbox=None if extent.bbox is None else list(extent.bbox),
        start=instant(extent.start),
        end=instant(extent.end),
    )


def asset(asset: model.Asset) -> Asset:
    """Return a file or service of a record."""
    return Asset(
        href=asset.href,
        key=asset.key or None,
        title=asset.title or None,
        media_type=asset.media_type or None,
        roles=list(asset.roles),
        size=None if asset.size is None else Long(asset.size),
        alternates=list(asset.alternates),
    )


def link(link: model.Link) -> Link:
    """Return a relation of a record."""
    return Link(
        href=link.href,
        rel=link.rel,
        title=link.title or None,
        media_type=link.media_type or None,
        record_id=strawberry.ID(link.record) if link.record else None,
    )


def place(place: elsewhere.Place) -> Place:
    """Return where else a thing is."""
    return Place(
        id=strawberry.ID(place.id),
        source=place.source,
        source_title=place.source_title,
        container=place.container,
        source_id=place.source_id,
        title=place.title,
        url=place.url or None,
        seen=Instant(place.seen),
        why=place.why or None,
    )


def contact(contact: model.Contact) -> Contact:
    """Return a contact without e-mail addresses."""
    # Sources put addresses into names and pages too, so they are taken out wherever they stand.
    return Contact(
        name=_MAIL.sub("", contact.name).strip(" <>()") or None,
        organization=_MAIL.sub("", contact.organization).strip(" <>()") or None,
        roles=list(contact.roles),
        url=contact.url if contact.url.startswith(("https://", "http://")) and "@" not in contact.url else None,
    )
