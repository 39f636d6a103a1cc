"""From the portal to the first page: how much there is, by domain, and what is new."""

from __future__ import annotations

from typing import Final

from discovery.model import terms
from discovery.model.record import OBSERVATIONS, RESOURCES
from discovery.portal import Portal
from discovery.query.query import Facet, FacetRequest, Query, Selection, Total
from discovery.query.text import TextQuery
from ui import links, listing, wording
from ui.contexts import Anchor, Domain, HomeContext, Shelf, Site
from ui.sources import Sources

SHELF: Final = 6
"""Cards on a shelf."""
ABOUT: Final = {
    "earth-observation": "Land, oceans, ice and atmosphere from satellites and models.",
    "space-science": "Astronomy, planets and the Sun, from the archives of missions and observatories.",
    "navigation": "GNSS products, stations and the tools that process them.",
}
"""The domains in the order of the page."""
_SHELVES: Final = (("dataset", "Recently updated datasets"), ("datalab", "Datalabs ready to run"))


def home_page(portal: Portal, site: Site, sources: Sources, running: tuple[Anchor, ...] = ()) -> HomeContext:
    """Return what the first page shows; `running` is what its reader has launched."""
    counted = {scope: _counted(portal, scope) for scope in (RESOURCES, OBSERVATIONS)}
    resources, observations = counted[RESOURCES], counted[OBSERVATIONS]
    known = {value for counts in counted.values() for value in counts[1].get("source", {})}
    kinds = resources[1].get("kind", {})
    numbers = [
        Anchor(f"{kinds.get('dataset', 0):,}", links.facet("kind", "dataset"), _of(kinds.get("dataset", 0), "dataset")),
        Anchor(
            wording.count(observations[0]),
            links.search([("scope", OBSERVATIONS)]),
            _of(observations[0].value, "observation"),
        ),
        Anchor(f"{len(known):,}", "", _of(len(known), "source")),
    ]
    for kind in ("datalab", "volume", "project"):
        if kinds.get(kind):
            name = wording.kind(kind).lower()
            numbers.insert(-1, Anchor(f"{kinds[kind]:,}", links.facet("kind", kind), _of(kinds[kind], name)))
    return HomeContext(
        site=site,
        running=running,
        numbers=tuple(numbers),
        domains=tuple(_domain(value, resources[1], observations[1]) for value in ABOUT),
        shelves=tuple(shelf for shelf in (_shelf(portal, *each, sources) for each in _SHELVES) if shelf.cards),
        examples=tuple(
            Anchor(each, links.search([("q", each)])) for each in ("sea ice", "Sentinel-2", "Hubble", "GNSS")
        ),
    )


def _counted(portal: Portal, scope: str) -> tuple[Total, dict[str, dict[str, int]]]:
    wanted = (FacetRequest("domain", 12), FacetRequest("kind", 12), FacetRequest("source", 1000))
    page = portal.search(Query(scope=scope, size=0, facets=wanted))
    return page.total, {facet.name: _counts(facet) for facet in page.facets}


def _counts(facet: Facet) -> dict[str, int]:
    return {bucket.value: bucket.count for bucket in facet.buckets}


def _of(number: int, one: str) -> str:
    return one if number == 1 else f"{one}s"


def _domain(value: str, resources: dict[str, dict[str, int]], observations: dict[str, dict[str, int]]) -> Domain:
    return Domain(
        value=value,
        label=terms.label("domain", value),
        about=ABOUT[value],
        url=links.facet("domain", value),
        resources=Total(resources.get("domain", {}).get(value, 0)),
        observations=Total(observations.get("domain", {}).get(value, 0)),
        observations_url=links.facet("domain", value, scope=OBSERVATIONS),
    )


def _shelf(portal: Portal, kind: str, title: str, sources: Sources) -> Shelf:
    page = portal.search(Query(size=SHELF, selections=(Selection("kind", (kind,)),)))
    cards = tuple(listing.card(each.record, TextQuery(), sources) for each in page.records)
    return Shelf(title, links.facet("kind", kind), cards)
