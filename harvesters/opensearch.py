"""OpenSearch with the extensions for Earth observation: the series of a service, each as one dataset.

The search has two steps: a description leads to the search for series, and each series has a description of its own for
the search in it. What is in a series stays there.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from discovery.errors import ConfigError, NotFoundError, RecordError, SourceUnavailableError
from discovery.model.source import Mapped, RawRecord
from harvesters import iso_tree as tree
from harvesters import opensearch_entry, xml, xml_page
from harvesters.base import Position, Probe, RawPage, SourceContext, ids_of
from harvesters.defaults import Defaults
from harvesters.document import MAX_ID, parse_object
from harvesters.opensearch_entry import CONTAINER
from harvesters.paged import repeated
from harvesters.stac_page import Ask, link
from harvesters.stac_page import read as read_json

_XML: Final = "application/opensearchdescription+xml, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.1"
_GEOJSON: Final = "application/geo+json"
_ATOM: Final = "application/atom+xml"
_TYPES: Final = (_GEOJSON, "application/json", _ATOM)
"""What is read, the best first."""
_ROLES: Final = ("collection", "", "results")
"""Relations of addresses that lead to series, the surest first; a service of one step names none."""
_GAP: Final = re.compile(r"\{([A-Za-z:]+)(\?)?\}")
_DOUBLED: Final = re.compile(r"%(?=%[0-9A-Fa-f]{2})")
"""What a service that formats its template once too seldom leaves in it: `%%2B` for `%2B`."""
_PAGE_NUMBER: Final = "startPage"
_MOST_TAGS: Final = 300_000


class OpenSearch:
    """Walks the search for series, page by page, by its links to the next page or else by counting."""

    def __init__(self, context: SourceContext) -> None:
        if urlsplit(context.source.url).scheme not in ("http", "https"):
            raise ConfigError(f"opensearch: url {context.source.url[:80]!r} is not an http: or https: address")
        self._context = context
        self._defaults = Defaults.of(context, "earth-observation")
        self._size = context.number("page")

    @property
    def bytes_read(self) -> int:
        """No local file is read."""
        return 0

    def probe(self) -> Probe:
        """Return the name of the service and how many series it has.

        Raises:
            SourceUnavailableError: It has no search that can be read.
        """
        service = self._describe()
        page = self._page(service, service.fill(1, 1))
        return Probe(service.title, page.total, (f"series come as {service.media_type}",))

    def pages(self, position: Position | None) -> Iterator[RawPage]:
        """Yield the series of each page."""
        service = self._describe()
        walk: dict[str, Any] = (
            dict(position) if position else {"url": service.fill(1, self._size), "seen": 0, "number": 1}
        )
        marks: set[bytes] = set()
        while True:
            page = self._page(service, walk["url"])
            mark = hashlib.sha256(b"".join(each.body for each in page.raws)).digest()
            again = bool(page.raws) and mark in marks
            marks.add(mark)
            seen, number = walk["seen"] + len(page.raws), walk["number"] + 1
            onward = "" if again else self._onward(service, page, seen, number)
            walk = {"url": onward, "seen": seen, "number": number}
            rejected = (repeated(page.url[:300], "this page has come before"),) if again else ()
            matched = page.total if self._context.text("totals") == "check" else None
            yield RawPage(() if again else page.raws, walk if onward else None, matched, rejected)
            if not onward:
                return

    def ids(self) -> Iterator[tuple[str, str]]:
        """Return container and id of every series."""
        return ids_of(self.pages(None))

    def parse(self, raw: RawRecord) -> Any:
        """Return the Feature or the element of the entry that a series is.

        Raises:
            RecordError: It is neither.
        """
        return xml.parse(raw.body, most_tags=_MOST_TAGS) if raw.media_type == _ATOM else parse_object(raw)

    def map(self, raw: RawRecord, document: Any) -> Mapped:
        """Return the dataset that a series is.

        Raises:
            RecordError: It has no identifier (`missing-id`), or one that nothing can be named by (`bad-id`).
        """
        if not raw.source_id:
            raise RecordError("missing-id", f"the series has no identifier of 1 to {MAX_ID} characters")
        if isinstance(document, Mapping):
            record = opensearch_entry.from_geojson(document, raw.source_id, self._defaults, base=raw.url)
        else:
            record = opensearch_entry.from_atom(document, raw.source_id, self._defaults, base=raw.url)
        return Mapped(record, raw)

    def _describe(self) -> _Service:
        url = self._context.source.url
        answer = self._context.client.get(url, accept=_XML)
        try:
            return describe(answer.content, answer.url)
        except RecordError as error:
            raise SourceUnavailableError(f"{url[:300]}: {error}", detail="unexpected_content") from error

    def _page(self, service: _Service, url: str) -> _Page:
        """Return a page of series.

        Raises:
            SourceUnavailableError: It is none.
        """
        try:
            answer = self._context.client.get(url, accept=f"{service.media_type}, */*;q=0.1")
            read = _read_atom if service.media_type == _ATOM else _read_geojson
            return read(answer.content, answer.url)
        except (RecordError, NotFoundError) as error:
            raise SourceUnavailableError(f"{url[:300]}: {error}", detail="unexpected_content") from error

    def _onward(self, service: _Service, page: _Page, seen: int, number: int) -> str:
        """Return the address of the next page; empty at the end."""
        if page.next or not page.raws:
            # An empty page that leads on is one of a loop more often than one of a filter.
            return page.next if page.raws else ""
        if page.total is None or seen >= page.total:
            return ""
        return service.fill(number, self._size, seen)


@dataclass(frozen=True, slots=True)
class _Service:
    """What a description says of the search for series."""

    title: str
    template: str
    media_type: str
    first_index: int
    first_page: int

    def fill(self, page: int, size: int, seen: int = 0) -> str:
        """Return the address of a page.

        Args:
            page: Its number, from 1.
            size: How many series it should have.
            seen: How many series have come before it.
        """
        values = {
            "count": str(size),
            "startIndex": str(self.first_index + seen),
            _PAGE_NUMBER: str(self.first_page + page - 1),
        }
        address, question, query = self.template.partition("?")
        kept = []
        for part in query.split("&") if question else ():
            gaps = [found[1].rpartition(":")[2] for found in _GAP.finditer(part)]
            if not gaps or any(name in values for name in gaps):
                kept.append(_filled(part, values))
        return _filled(address, values) + (f"?{'&'.join(kept)}" if kept else "")


def _filled(part: str, values: Mapping[str, str]) -> str:
    return _GAP.sub(lambda found: values.get(found[1].rpartition(":")[2], ""), part)


def describe(body: bytes, url: str) -> _Service:
    """Return what an OpenSearch description says of the search for series.

    Raises:
        RecordError: It is none (`no-description`), or has no search whose answers can be read (`no-search`).
    """
    root = xml.parse(body, most_tags=_MOST_TAGS)
    if tree.name(root) != "OpenSearchDescription":
        raise RecordError("no-description", f"<{tree.name(root)[:80]}> is no OpenSearchDescription")
    given = tree.group(root)
    found: list[tuple[int, int, Any]] = []
    for each in given.get("Url", ()):
        kind = str(each.get("type") or "").partition(";")[0].strip().lower()
        roles = str(each.get("rel") or "").split() or [""]
        ranks = [_ROLES.index(role) for role in roles if role in _ROLES]
        needed = [gap[1] for gap in _GAP.finditer(str(each.get("template") or "")) if not gap[2]]
        known = all(name.rpartition(":")[2] in ("count", "startIndex", _PAGE_NUMBER) for name in needed)
        if kind in _TYPES and ranks and known and each.get("template"):
            found.append((min(ranks), _TYPES.index(kind), each))
    if not found:
        kinds = sorted({str(each.get("type"))[:60] for each in given.get("Url", ())})
        raise RecordError(
            "no-search", f"there is no search for series in {', '.join(_TYPES)}; found: {', '.join(kinds)}"
        )
    _, kind_index, best = min(found, key=lambda each: each[:2])
    return _Service(
        (tree.first(given, "LongName") or tree.first(given, "ShortName"))[:1000],
        urljoin(url, _DOUBLED.sub("", str(best.get("template")))),
        _TYPES[kind_index],
        _whole(best.get("indexOffset"), 1),
        _whole(best.get("pageOffset"), 1),
    )


@dataclass(frozen=True, slots=True)
class _Page:
    """A page of series."""

    url: str
    raws: tuple[RawRecord, ...]
    total: int | None
    next: str


def _read_atom(body: bytes, url: str) -> _Page:
    page = xml_page.cut(body, frozenset({"feed"}))
    raws: list[RawRecord] = []
    total, following = None, ""
    for number, each in enumerate(page.elements, 1):
        if each.name == "entry":
            raws.append(_raw(each.body, _ATOM, url, number))
        elif each.name == "totalResults":
            total = _whole(xml.parse(each.body).text, -1)
        elif each.name == "link":
            element = xml.parse(each.body)
            if element.get("rel") == "next" and element.get("href"):
                following = urljoin(url, str(element.get("href")).strip())
    return _Page(url, tuple(raws), total if total is not None and total >= 0 else None, following)


def _raw(body: bytes, media_type: str, url: str, number: int) -> RawRecord:
    try:
        document = (
            xml.parse(body, most_tags=_MOST_TAGS) if media_type == _ATOM else parse_object(RawRecord("", "", body))
        )
        name = opensearch_entry.identity(document)
    except RecordError:
        # Whoever maps it finds out, and says why.
        name = ""
    place = "" if name else f"{hashlib.sha256(body).hexdigest()[:8]} {number}"
    return RawRecord(CONTAINER, name, body, media_type, url, place)


def _read_geojson(body: bytes, url: str) -> _Page:
    page = read_json(body, url, Ask(url), "features")
    document = parse_object(RawRecord("", "", body))
    raws = tuple(_raw(each.body, _GEOJSON, url, number) for number, each in enumerate(page.elements, 1))
    inner = document.get("properties")
    inner = inner if isinstance(inner, Mapping) else {}
    totals = (page.matched, document.get("totalResults"), inner.get("totalResults"))
    total = next((each for each in totals if isinstance(each, int) and not isinstance(each, bool) and each >= 0), None)
    return _Page(url, raws, total, page.onward.href if page.onward else _next_of(document, inner, url))


def _next_of(document: Mapping[str, Any], inner: Mapping[str, Any], url: str) -> str:
    """Return the address of the next page where links are grouped by their relations (OGC 17-047)."""
    for links in (document.get("links"), inner.get("links")):
        group = links.get("next") if isinstance(links, Mapping) else None
        found = (
            link([{**each, "rel": "next"} for each in group if isinstance(each, Mapping)], "next") if group else None
        )
        if found is not None:
            return urljoin(url, str(found["href"]).strip())
    return ""


def _whole(value: Any, otherwise: int) -> int:
    word = str(value or "").strip()
    return int(word) if word.isdecimal() and len(word) < 10 else otherwise
