"""Crawlable catalogues of OGC API Records: linked JSON documents without a service, such as a folder on the web."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from discovery.model.record import Record
from harvesters import ogc_record
from harvesters.ogc_api import is_catalogue
from harvesters.stac_static import StacStatic


class RecordsStatic(StacStatic):
    """Walks a crawlable catalogue as a STAC catalogue is walked, and takes the STAC documents in it, too.

    What differs is what the standards mean by the same words: a Collection of records is a catalogue and no dataset,
    links from a record lead to what it describes and not further down, and a record needs no type. A catalogue may be
    cut into a series, each part with a link to the next one.
    """

    down = frozenset({"child", "item", "items", "next", "record", "records"})

    def is_way(self, document: Mapping[str, Any]) -> bool:
        """Say whether a document only leads to others: a Catalog, or a Collection of records."""
        is_stac = "stac_version" in document
        return super().is_way(document) or (not is_stac and "links" in document and is_catalogue(document, ()))

    def array_of(self, document: Mapping[str, Any]) -> str:
        """Return the name of the member that holds many records; a catalogue may have them in itself."""
        if found := super().array_of(document):
            return found
        said = document.get("recordsArrayName")
        name = said if isinstance(said, str) and said else "records"
        return name if self.is_way(document) and isinstance(document.get(name), list) else ""

    def to_record(self, document: Mapping[str, Any], container: str, source_id: str, base: str) -> Record:
        """Return the record of an OGC Record; one without a type is taken for a dataset, with a warning."""
        return ogc_record.to_record(document, container, source_id, self._defaults, base=base, otherwise="dataset")

    def _onward(self, url: str, document: Mapping[str, Any]) -> Iterator[str]:
        """Yield where the links of a document lead further down; a record is the end of the way."""
        if document.get("type") != "Feature":
            yield from super()._onward(url, document)
