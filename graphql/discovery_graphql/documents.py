"""A record as the documents that others read: STAC, schema.org JSON-LD, and citations."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import strawberry

from discovery.documents import citation, schema_org
from discovery.documents.site import Site
from discovery.model.record import OBSERVATIONS, Record, scope_of
from discovery.model.stac import to_stac_collection, to_stac_item
from discovery_graphql.described import attribute
from discovery_graphql.scalars import Json


@strawberry.type(description="How to cite a record, after DataCite's recommendation.")
class Citation:
    """How to cite a record."""

    text: str = attribute("A line to copy.")
    bibtex: str = attribute("An entry of BibTeX, in UTF-8.")
    ris: str = attribute("A record of RIS.")
    csl: str = attribute("A bibliography of one item as CSL-JSON.")


def cited(record: Record, site: Site) -> Citation:
    """Return how to cite a record."""
    made = citation.cite(record, site)
    return Citation(
        text=citation.text(made),
        bibtex=citation.bibtex(made),
        ris=citation.ris(made),
        csl=citation.csl(made).decode(),
    )


def json_ld(record: Record, site: Site, seen: int | None) -> Json:
    """Return what schema.org can say of a record."""
    return Json(schema_org.document(record, site, seen=seen))


def stac(record: Record, site: Site, id: str, collection: str) -> Json:
    """Return a record as a STAC Item when it is an observation, else as a STAC Collection.

    It is made of what this portal has understood; the STAC API gives the bytes that a STAC source sent.

    Args:
        record: What is shown.
        site: The portal, for the links.
        id: Its STAC id here.
        collection: The STAC id of an observation's dataset, empty when that is not here.
    """
    observed = scope_of(record.kind) == OBSERVATIONS
    document = to_stac_item(record, collection) if observed else to_stac_collection(record)
    links: list[dict[str, Any]] = [{"rel": "canonical", "type": "text/html", "href": site.record(record.id)}]
    if observed and collection:
        where = f"{site.url}/stac/collections/{quote(collection, safe='')}"
        links.append({"rel": "collection", "type": "application/json", "href": where})
    return Json({**document, "id": id, "links": links})
