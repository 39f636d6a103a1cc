"""Atom feeds (RFC 4287): of searches, and of changes with tombstones for what is gone (RFC 6721); paged (RFC 5005)."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlencode

from lxml import etree
from lxml.builder import ElementMaker

from discovery.model.instant import iso
from discovery.model.record import RESOURCES, Record
from discovery.portal import Page
from discovery.store.history import Happening
from ui import links, wording

PATH: Final = "/changes.atom"
MEDIA_TYPE: Final = "application/atom+xml"
SIZE: Final = 100
ATOM: Final = "http://www.w3.org/2005/Atom"
TOMBSTONE: Final = "http://purl.org/atompub/tombstones/1.0"
_SUMMARY: Final = 500
OPENSEARCH: Final = "http://a9.com/-/spec/opensearch/1.1/"
_E: Final = ElementMaker(namespace=ATOM, nsmap={None: ATOM, "at": TOMBSTONE})
_AT: Final = ElementMaker(namespace=TOMBSTONE, nsmap={None: ATOM, "at": TOMBSTONE})
_OS: Final = ElementMaker(namespace=OPENSEARCH, nsmap={"os": OPENSEARCH})
# XML 1.0 has no place for these, not even as references.
_IMPOSSIBLE: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def address(scope: str = RESOURCES, before: int | None = None) -> str:
    """Return the URL of the feed, or of the page of it that ends before a change."""
    asked = [("scope", scope)] if scope != RESOURCES else []
    asked += [("before", str(before))] if before is not None else []
    return f"{PATH}?{urlencode(asked)}" if asked else PATH


def feed(title: str, site: str, scope: str, happenings: list[Happening], before: int | None = None) -> bytes:
    """Return a page of the feed.

    Args:
        title: What the portal is called.
        site: Its address, without a slash at its end.
        scope: Whose changes these are.
        happenings: What happened, newest first; as many as a page holds say that there is more.
        before: What the page was asked for.
    """
    # What came last need not be what happened last: one that others speak for no longer keeps its own moment.
    newest = max((each.when for each in happenings), default=0)
    root = _E.feed(
        _E.title(_text(f"{title}: changes of {scope}")),
        _E.id(site + address(scope)),
        _E.updated(iso(newest)),
        _E.author(_E.name(_text(title))),
        _E.link(rel="self", type=MEDIA_TYPE, href=site + address(scope, before)),
        _E.link(rel="alternate", type="text/html", href=site + links.search([("scope", scope)])),
    )
    if len(happenings) == SIZE:
        onward = address(scope, happenings[-1].change)
        root.append(_E.link(rel="next", type=MEDIA_TYPE, href=site + onward))
    root.extend(_entry(site, each) for each in happenings)
    return etree.tostring(root, xml_declaration=True, encoding="utf-8")


def search_feed(title: str, site: str, pairs: links.Pairs, page: Page) -> bytes:
    """Return the answer to a search as a feed.

    Args:
        title: What the portal is called.
        site: Its address, without a slash at its end.
        pairs: What was asked.
        page: What was found.
    """
    here = site + links.search(pairs)
    words = page.query.text or ", ".join(value for name, value in pairs if name not in ("scope", "sort", "size"))
    # A feed is as new as what is newest in it, and as old as time while there is nothing.
    newest = max((each.stored.harvested for each in page.records), default=0)
    root = _E.feed(
        _E.title(_text(f"{title}: {words[:200]}" if words else f"{title}: all {page.query.scope}")),
        _E.id(site + links.search(each for each in pairs if each[0] != "after")),
        _E.updated(iso(newest)),
        _E.author(_E.name(_text(title))),
        _E.link(rel="self", type=MEDIA_TYPE, href=links.as_atom(here)),
        _E.link(rel="alternate", type="text/html", href=here),
        _E.link(rel="search", type="application/opensearchdescription+xml", href=f"{site}/opensearch.xml"),
        _OS.totalResults(str(page.total.value)),
        _OS.itemsPerPage(str(page.query.size)),
    )
    if page.next:
        root.append(_E.link(rel="next", type=MEDIA_TYPE, href=links.as_atom(site + links.page(pairs, page.next))))
    root.extend(_record(site, each.record, each.stored.harvested) for each in page.records)
    return etree.tostring(root, xml_declaration=True, encoding="utf-8")


def _entry(site: str, each: Happening) -> etree._Element:
    if each.record is not None:
        return _record(site, each.record, each.when, each.id)
    gone: etree._Element = _AT("deleted-entry", ref=site + links.record(each.id), when=iso(each.when))
    if each.merged:
        gone.append(_E.link(rel="alternate", type="text/html", href=site + links.record(each.merged)))
    return gone


def _record(site: str, record: Record, when: int, id: str = "") -> etree._Element:
    here = site + links.record(id or record.id)
    made: etree._Element = _E.entry(
        _E.title(_text(record.title or record.source_id)),
        _E.id(here),
        _E.updated(iso(when)),
        _E.link(rel="alternate", type="text/html", href=here),
        _E.link(rel="alternate", type="application/json", href=links.as_json(here)),
        _E.category(term=record.kind, label=wording.kind(record.kind)),
        _E.summary(_text(" ".join(record.description.split()))[:_SUMMARY]),
    )
    made.extend(_E.category(term=_text(mission), scheme=f"{site}/search#mission") for mission in record.missions)
    return made


def _text(text: str) -> str:
    return _IMPOSSIBLE.sub("\ufffd", text)
