"""The whole catalogue as DCAT-AP: pages of JSON-LD, Turtle and RDF/XML, a stream of N-Triples, one page at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from discovery.documents import dcat, rdf
from discovery.documents.site import Site
from discovery.model.record import RESOURCES
from discovery.portal import Portal
from ui.negotiation import RDFXML, TURTLE, Format
from ui.sources import Sources

PATH: Final = "/catalogue"
SIZE: Final = 100
"""Records of a page."""
_READ: Final = 500


@dataclass(frozen=True, slots=True)
class Window:
    """A page of the catalogue: its entries, and after which change the next one begins."""

    entries: tuple[dcat.Entry, ...]
    next: int | None


def address(format: Format, scope: str = RESOURCES, after: int = 0) -> str:
    """Return the path of a form of the catalogue, or of a page of it."""
    asked = [("scope", scope)] if scope != RESOURCES else []
    asked += [("after", str(after))] if after else []
    path = f"{PATH}.{format.name}"
    return f"{path}?{urlencode(asked)}" if asked else path


def window(portal: Portal, sources: Sources, scope: str, after: int) -> Window:
    """Return the records that changed last after a change; what describes nothing real is left out."""
    kept: list[dcat.Entry] = []
    while True:
        found = portal.store.history.standing(scope, after, SIZE)
        for each in found:
            after = each.change
            if not sources.marker(each.record):
                kept.append(dcat.Entry(each.record, each.when))
            if len(kept) == SIZE:
                return Window(tuple(kept), after)
        if len(found) < SIZE:
            return Window(tuple(kept), None)


def page(site: Site, format: Format, scope: str, after: int, found: Window) -> bytes | str:
    """Return a page as JSON-LD, Turtle or RDF/XML."""
    newest = max((each.seen for each in found.entries), default=None)
    onward = site.url + address(format, scope, found.next) if found.next else ""
    view = dcat.page(site.url + address(format, scope, after), site.url + address(format, scope), onward)
    nodes = [dcat.listed(dcat.catalogue(site, newest), found.entries, site), view]
    for each in found.entries:
        nodes += dcat.record(each, site)
    written = {TURTLE: rdf.turtle, RDFXML: rdf.rdfxml}
    return "".join(written[format](nodes)) if format in written else rdf.jsonld(nodes)


def stream(portal: Portal, sources: Sources, site: Site, scope: str) -> Iterator[str]:
    """Yield every triple of the catalogue; each record once, in one state, however much is written meanwhile."""
    about = dcat.catalogue(site)
    yield "".join(rdf.ntriples([about]))
    # A record that changes during the walk comes by once more; a bit each is enough to know it again.
    seen = bytearray()
    after = 0
    while found := portal.store.history.standing(scope, after, _READ):
        after = found[-1].change
        for each in found:
            at, bit = divmod(each.key, 8)
            if at >= len(seen):
                seen.extend(bytes(max(at + 1 - len(seen), len(seen))))
            if seen[at] >> bit & 1 or sources.marker(each.record):
                continue
            seen[at] |= 1 << bit
            entry = dcat.Entry(each.record, each.when)
            member = dcat.listed(rdf.node("", about.iri), [entry], site)
            yield "".join(rdf.ntriples([member, *dcat.record(entry, site)], each.record.id))
