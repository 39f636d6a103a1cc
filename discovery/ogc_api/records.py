"""Records of a page as the bytes that are sent: made from the catalogue's records, with the links of the request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from discovery.model.ogc import to_ogc_record
from discovery.model.record import RESOURCES, Record
from discovery.ogc_api.links import GEOJSON, HTML, OWN, Link, Links, link
from discovery.portal import Portal


class Records:
    """The records of one request."""

    def __init__(self, portal: Portal, links: Links) -> None:
        self._portal = portal
        self._links = links

    def page(self, name: str, keys: Sequence[int]) -> list[bytes]:
        """Return the records with these numbers, in this order; one that was deleted meanwhile is left out."""
        stored = self._portal.stored(keys)
        return [
            orjson.dumps(_with(stored[key].record, self._links.of_record(name, stored[key].record.id)))
            for key in keys
            if key in stored
        ]

    def alone(self, name: str, record: Record) -> dict[str, Any]:
        """Return one record with the links of a document of its own: what holds it and what can open it among them."""
        return _with(record, [*self._links.of_record_alone(name, record.id), *self._around(record)])

    def _around(self, record: Record) -> list[Link]:
        """Return the links to the volumes that hold a record and the datalabs that can open it, the best ones first."""
        ways = self._portal.opening_of(record)
        volumes = [
            link(f"{OWN}volume", self._links.record(RESOURCES, each.volume.id), GEOJSON, each.volume.title)
            for each in ways.volumes
        ]
        datalabs = [
            link(f"{OWN}datalab", self._links.record(RESOURCES, each.datalab.id), GEOJSON, each.datalab.title)
            for each in ways.datalabs
        ]
        started = [
            link(f"{OWN}launch", each.datalab.url, HTML, f"Start {each.datalab.title}")
            for each in ways.datalabs
            if each.datalab.url
        ]
        return [*volumes, *datalabs, *started]


def _with(record: Record, links: list[Link]) -> dict[str, Any]:
    document = to_ogc_record(record)
    document["links"] = [*links, *document["links"]]
    return document
