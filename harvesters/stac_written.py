"""Items and Collections that were written through the STAC API: a source of their own, which nobody harvests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn

from discovery.errors import RunError
from discovery.model.source import Mapped, RawRecord
from harvesters import stac_items
from harvesters.base import Position, Probe, RawPage, SourceContext
from harvesters.defaults import Defaults
from harvesters.document import parse_object

KIND: Final = "stac-written"


class StacWritten:
    """Makes records of what was written; it is mapped again as what was harvested is."""

    def __init__(self, context: SourceContext) -> None:
        self._id = context.source.id
        self._defaults = Defaults.of(context, "earth-observation")

    @property
    def bytes_read(self) -> int:
        """How many bytes of files have been read, which there are none of."""
        return 0

    def probe(self) -> Probe:
        """Raise, as everything that would walk."""
        self._refuse()

    def pages(self, position: Position | None) -> Iterator[RawPage]:
        """Raise: a walk that met nothing would take everything for deleted."""
        self._refuse()

    def ids(self) -> Iterator[tuple[str, str]]:
        """Raise as `pages`."""
        self._refuse()

    def parse(self, raw: RawRecord) -> dict[str, Any]:
        """Return the JSON object that was written."""
        return parse_object(raw)

    def map(self, raw: RawRecord, document: Mapping[str, Any]) -> Mapped:
        """Return the record of an Item or a Collection."""
        return stac_items.to_mapped(raw, document, self._defaults, raw.container)

    def _refuse(self) -> NoReturn:
        raise RunError(f"source {self._id!r} is written through the STAC API: there is nowhere to harvest it from")
