"""The Atom feed of changes (RFC 4287), tombstones for what is gone (RFC 6721), pages back in time (RFC 5005)."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlencode

from lxml import etree
from lxml.builder import ElementMaker

from discovery.model.instant import iso
from discovery.model.record import RESOURCES
from discovery.store.history import Happening
from ui import links, wording

PATH: Final = "/changes.atom"
MEDIA_TYPE: Final = "application/atom+xml"
SIZE: Final = 100
ATOM: Final = "http://www.w3.org/2005/Atom"
TOMBSTONE: Final = "http://purl.org/atompub/tombstones/1.0"
_SUMMARY: Final = 500
_E: Final = ElementMaker(namespace=ATOM, nsmap={None: ATOM, "at": TOMBSTONE})
_AT: Final = ElementMaker(namespace=TOMBSTONE, nsmap={None: ATOM, "at": TOMBSTONE})
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
    newest = happenings[0].when if happenings else 0
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


def _entry(site: str, each: Happening) -> etree._Element:
    here = site + links.record(each.id)
    record = each.record
    if record is None:
        gone: etree._Element = _AT("deleted-entry", ref=here, when=iso(each.when))
        if each.merged:
            gone.append(_E.link(rel="alternate", type="text/html", href=site + links.record(each.merged)))
        return gone
    made: etree._Element = _E.entry(
        _E.title(_text(record.title or record.source_id)),
        _E.id(here),
        _E.updated(iso(each.when)),
        _E.link(rel="alternate", type="text/html", href=here),
        _E.link(rel="alternate", type="application/json", href=links.as_json(here)),
        _E.category(term=record.kind, label=wording.kind(record.kind)),
        _E.summary(_text(" ".join(record.description.split()))[:_SUMMARY]),
    )
    made.extend(_E.category(term=_text(mission), scheme=f"{site}/search#mission") for mission in record.missions)
    return made


def _text(text: str) -> str:
    return _IMPOSSIBLE.sub("\ufffd", text)
