"""Signposts for programs on a record's page: `Link` headers and a link set (RFC 8288, RFC 9264, signposting.org)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from discovery.documents import addresses, credits, dcat, schema_org
from discovery.documents.site import Site
from discovery.model.record import Record
from ui import negotiation
from ui.negotiation import Format

MAX_ITEMS: Final = 10
"""Files in the headers, which servers bound; all that documents name are in the link set."""
MAX_HEADER: Final = 6_000
"""Characters of all `Link` headers; proxies give up at 8 kB with all other headers."""
_TYPE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*")
_ABOUT_PAGE: Final = "https://schema.org/AboutPage"


@dataclass(frozen=True, slots=True)
class Signpost:
    """A typed link of a record to something else."""

    rel: str
    href: str
    type: str = ""
    profile: str = ""


def form(site: Site, id: str, format: Format) -> str:
    """Return the address of a form of a record."""
    return f"{site.record(id)}?{negotiation.PARAMETER}={format.name}"


def signposts(record: Record, site: Site) -> Iterator[Signpost]:
    """Yield where a record leads to, what matters most first."""
    here = site.record(record.id)
    yield Signpost("cite-as", addresses.doi(credits.doi(record)) or here)
    yield Signpost("type", _ABOUT_PAGE)
    yield Signpost("type", f"{schema_org.CONTEXT}{schema_org.TYPES[record.kind]}")
    if licence := credits.licence_url(record):
        yield Signpost("license", licence)
    yield Signpost("linkset", form(site, record.id, negotiation.LINKSET), negotiation.LINKSET.media_type)
    for each in (*negotiation.METADATA, *negotiation.CITATIONS):
        yield Signpost("describedby", form(site, record.id, each), each.media_type, each.profile)
    for agent in credits.creators(record):
        if agent.orcid:
            yield Signpost("author", agent.orcid)
    if record.dataset:
        yield Signpost("collection", site.record(record.dataset), negotiation.HTML.media_type)
    for asset, href in dcat.downloads(record):
        kind = asset.media_type.partition(";")[0].strip()
        yield Signpost("item", href, kind if _TYPE.fullmatch(kind) else "")


def header(posts: Sequence[Signpost]) -> str:
    """Return the value of a `Link` header; files beyond the first few are left to the link set."""
    out: list[str] = []
    length = items = 0
    for each in posts:
        items += each.rel == "item"
        href = addresses.ascii(each.href)
        if not href or (each.rel == "item" and items > MAX_ITEMS):
            continue
        said = f'<{href}>; rel="{each.rel}"'
        said += f'; type="{each.type}"' if each.type else ""
        said += f'; profile="{each.profile}"' if each.profile else ""
        length += len(said) + 2
        if length > MAX_HEADER:
            break
        out.append(said)
    return ", ".join(out)


def describes(record: Record, site: Site) -> str:
    """Return the `Link` header of a document about a record: what it is about."""
    return f'<{site.record(record.id)}>; rel="describes"; type="text/html"'


def linkset(posts: Sequence[Signpost], anchor: str) -> bytes:
    """Return all signposts of a record as a link set in JSON."""
    found: dict[str, Any] = {"anchor": anchor}
    for each in posts:
        link = {"href": each.href} | ({"type": each.type} if each.type else {})
        found.setdefault(each.rel, []).append(link | ({"profile": each.profile} if each.profile else {}))
    return orjson.dumps({"linkset": [found]}, option=orjson.OPT_INDENT_2)
