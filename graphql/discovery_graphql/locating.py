"""Where something is that somebody names: a record by any of its names, or an address of an archive."""

from __future__ import annotations

from typing import Annotated, Final

import strawberry

from discovery_graphql.described import attribute, resolver
from discovery_graphql.places import FilePlace, Locations, locations, places
from discovery_graphql.record import Record
from discovery_graphql.records import show
from discovery_graphql.search import Info

MOST_FILES: Final = 100
"""Files of a record that are told of with a name that was looked up."""


@strawberry.type(description="Where something is that somebody has named.")
class Named:
    """Where something is that somebody has named."""

    record: Record | None = attribute("The record that has the name; null for an address that is none of a record.")
    locations: Locations | None = attribute("Where the record is; null where there is none.")
    places: list[FilePlace] = attribute("Where an address leads that is none of a record, the nearest first.")


@strawberry.type
class LocatingQueries:
    """What can be asked about places."""

    @resolver("Where something is: an id, a DOI, an ivo:// identifier, the address of a page here, or of a file.")
    def locate(
        self, info: Info, name: Annotated[str, strawberry.argument(description="The name, or the address.")]
    ) -> Named:
        """Return where it is."""
        portal = info.context.portal
        record = portal.locations.record(name)
        if record is None:
            return Named(record=None, locations=None, places=places(portal.locations.address(name.strip())))
        shown = show(portal, [portal.record(record.id)], info.context.who)[0]
        return Named(record=shown, locations=locations(portal.locations.of(record), MOST_FILES), places=[])
