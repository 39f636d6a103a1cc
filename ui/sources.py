"""What the store knows about the sources, for labels and marks beside their records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from discovery.model.checks import PORTAL
from discovery.model.record import Record
from discovery.model.source import Source
from discovery.portal import Portal


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources of a portal as they stand at one request."""

    by_id: Mapping[str, Source]

    def title(self, id: str) -> str:
        """Return what people call a source."""
        found = self.by_id.get(id)
        return (found.title if found else "Made here" if id == PORTAL else "") or id

    def attribution(self, id: str) -> str:
        """Return whom to thank for a source's records, empty where it does not say."""
        found = self.by_id.get(id)
        return found.settings.get("attribution", "") if found else ""

    def marker(self, record: Record) -> str:
        """Return `synthetic` or `example` for a record that describes nothing real, else the empty text."""
        found = self.by_id.get(record.source)
        for mark in ("synthetic", "example"):
            said = (record.properties.get(mark), record.properties.get(f"discovery:{mark}"))
            if "true" in said or (found is not None and found.settings.get(mark) == "true"):
                return mark
        return ""


def read(portal: Portal) -> Sources:
    """Return the sources that the portal's store has."""
    return Sources({each.id: each for each in portal.store.ledger.sources()})
