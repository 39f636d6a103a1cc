"""One page of a STAC API: how it is asked for, the elements in it as they were sent, and how the next is asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Final
from urllib.parse import urljoin

import orjson

from discovery.errors import RecordError
from discovery.model.stac import array as spans_of
from discovery.model.stac import elements, members
from harvesters.base import Position
from harvesters.document import BOM

SMALLEST: Final = 10
"""Elements of a page that is not asked for in smaller pieces any more."""
MAX_ASK: Final = 65_536
"""Bytes of a link to the next page; a longer one is no token but a mistake, and it is stored with every page."""
_ALIKE: Final = 60
"""Bytes at the beginning of elements that are looked at to find the others."""
_LIMIT: Final = re.compile(r"(?<=[?&]limit=)([0-9]{1,9})(?=&|$)")
_HEADER: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}")
_HEADER_VALUE: Final = re.compile(r"[ -~]{0,4000}")
# A page may say what its next one needs, such as `Search-After`; who we are and how we talk is not its business.
_OURS: Final = re.compile(
    "accept(-encoding)?|(proxy-)?authorization|connection|content-.*|cookie|expect|host|te|trailer|transfer-encoding|"
    "upgrade|user-agent"
)


@dataclass(frozen=True, slots=True)
class Ask:
    """The request for one page."""

    href: str
    method: str = "GET"
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the request as JSON values, for the position of a walk."""
        return {
            "href": self.href,
            **({"method": self.method, "body": self.body} if self.method != "GET" else {}),
            **({"headers": dict(self.headers)} if self.headers else {}),
        }

    @classmethod
    def from_json(cls, data: Position) -> Ask:
        """Read back what `to_json` wrote."""
        return cls(data["href"], data.get("method", "GET"), data.get("body"), data.get("headers") or {})

    def smaller(self) -> Ask | None:
        """Return the request for a quarter as many elements; None where it says no number or a small one."""
        if self.method == "POST":
            limit = (self.body or {}).get("limit")
            if not isinstance(limit, int) or limit <= SMALLEST:
                return None
            return replace(self, body={**(self.body or {}), "limit": max(SMALLEST, limit // 4)})
        found = _LIMIT.search(self.href)
        if found is None or int(found[1]) <= SMALLEST:
            return None
        # Only the number is written anew: what else stands in the URL may be covered by a signature.
        return replace(self, href=_LIMIT.sub(str(max(SMALLEST, int(found[1]) // 4)), self.href, count=1))


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a page."""

    body: bytes
    document: Mapping[str, Any] | None
    """What it says; None where it is no JSON object, which whoever maps it will find out."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a page holds."""

    elements: tuple[Element, ...]
    onward: Ask | None
    """How the next page is asked for; None on the last one."""
    matched: int | None
    """How many elements the source says there are on all pages."""


def read(content: bytes, url: str, asked: Ask, array: str) -> Page:
    """Return the elements of a page byte by byte as they were sent.

    A page that is no JSON only because of some of its elements is cut all the same: the others can still be used.

    Args:
        content: The answer.
        url: Where it came from, for relative links.
        asked: The request, which a link to the next page may build upon.
        array: The member that holds the elements.

    Raises:
        RecordError: It is no such page, it is cut off, or its link to the next page cannot be followed.
    """
    body = content.removeprefix(BOM)
    quick = _alike(body, array)
    if quick is not None:
        rest, cut = quick
        return Page(cut, _onward(rest.get("links"), url, asked), _matched(rest))
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return _pieces(body, url, asked, array, error)
    if not isinstance(document, dict) or not isinstance(document.get(array), list):
        raise RecordError("no-page", f"{url[:300]}: the answer is JSON, but has no list of {array}")
    given = document[array]
    found = [
        Element(body[start:end], each if isinstance(each, dict) else None)
        # Of two members of one name a parser takes the last, and so must we.
        for (start, end), each in zip(spans_of(body, array), given, strict=True)
    ]
    return Page(tuple(found), _onward(document.get("links"), url, asked), _matched(document))


def _alike(body: bytes, array: str) -> tuple[Mapping[str, Any], tuple[Element, ...]] | None:
    """Return the page without its elements, and these, where all begin with the same bytes, as a program writes them.

    It is cut where such a beginning follows upon such an end. What is a value each, with one comma between, is what the
    list holds: a cut at a wrong place leaves something that is none. None means that one has to look at every bracket.
    """
    name = b'"%s"' % array.encode()
    at = body.find(name)
    start = body.find(b"[", at)
    if at < 0 or body.count(name) != 1 or body[at + len(name) : start].strip() != b":":
        return None
    first = list(islice(elements(body, start, len(body)), 2))
    if len(first) < 2 or body[first[0][0] : first[0][0] + 1] != b"{":
        return None
    (begin, end), (second, _) = first
    # As many names as two of them have in common: objects within them may begin alike, but not for as long.
    one, two = body[begin : begin + _ALIKE], body[second : second + _ALIKE]
    alike = one[: next((n for n, pair in enumerate(zip(one, two, strict=False)) if pair[0] != pair[1]), len(two))]
    alike = alike[: alike.rfind(b'":') + 2]
    gap = body[end:second]
    if gap.strip() != b"," or len(alike) < len(b'{"":'):
        return None
    last = body.rfind(gap + alike) + len(gap)
    _, finish = next(elements(body, last - 1, len(body)), (0, 0))
    if finish <= last:
        return None
    tail = body[finish:].lstrip()
    bodies = body[begin:finish].split(gap + alike)
    bodies[1:] = [alike + each for each in bodies[1:]]
    try:
        rest = orjson.loads(body[:start] + b"[" + tail)
        documents = [orjson.loads(each) for each in bodies]
    except orjson.JSONDecodeError:
        return None
    if not isinstance(rest, dict) or rest.get(array) != []:
        return None
    return rest, tuple(
        Element(each, document if isinstance(document, dict) else None)
        for each, document in zip(bodies, documents, strict=True)
    )


def _pieces(body: bytes, url: str, asked: Ask, array: str, error: orjson.JSONDecodeError) -> Page:
    """Return what is whole in a page that is no JSON, if its members can be told from each other."""
    try:
        found = {name: (start, end) for name, start, end in members(body)}
        start, end = found[array]
        if body[max(to for _, to in found.values()) :].strip() != b"}":
            # Links often come last: without them a page that is cut off would look like the last one.
            raise ValueError("it ends before its end")
        rest: dict[str, Any] = {
            name: orjson.loads(body[slice(*found[name])])
            for name in ("links", "numberMatched", "context")
            if name in found
        }
    except (ValueError, KeyError) as broken:
        raise RecordError("broken-json", f"{url[:300]}: the page is not JSON: {error}") from broken
    spans = [Element(body[at:to], _document(body[at:to])) for at, to in elements(body, start, end)]
    return Page(tuple(spans), _onward(rest.get("links"), url, asked), _matched(rest))


def _document(body: bytes) -> Mapping[str, Any] | None:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _matched(document: Mapping[str, Any]) -> int | None:
    context = document.get("context")
    old = context.get("matched") if isinstance(context, Mapping) else None
    for value in (document.get("numberMatched"), old):
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
    return None


def link(found: Any, rel: str, method: str = "") -> Mapping[str, Any] | None:
    """Return the first link of a relation that has an address, and where one is named, a method."""
    for each in found if isinstance(found, list) else ():
        if not isinstance(each, Mapping) or each.get("rel") != rel or not isinstance(each.get("href"), str):
            continue
        if not method or str(each.get("method", "GET")).upper() == method:
            return each
    return None


def resolved(href: str, url: str) -> str:
    """Return where a link leads.

    Raises:
        RecordError: Nowhere.
    """
    try:
        return urljoin(url, href.strip()).partition("#")[0]
    except ValueError as error:
        raise RecordError("bad-link", f"{url[:300]}: the link {href[:200]!r} leads nowhere: {error}") from error


def _onward(links: Any, url: str, asked: Ask) -> Ask | None:
    """Return the request for the next page as the link to it describes it (STAC API, item-search, paging)."""
    found = link(links, "next")
    if found is None:
        return None
    method = str(found.get("method") or "GET").upper()
    if method not in ("GET", "POST"):
        raise RecordError("bad-link", f"{url[:300]}: the next page wants method {method[:20]!r}; allowed: GET, POST")
    body: Mapping[str, Any] | None = None
    if method == "POST":
        given = found.get("body")
        body = given if isinstance(given, Mapping) else {}
        if found.get("merge") is True:
            body = {**(asked.body or {}), **body}
    ask = Ask(resolved(found["href"], url), method, body, _headers(found.get("headers")))
    if len(orjson.dumps(ask.to_json())) > MAX_ASK:
        raise RecordError("bad-link", f"{url[:300]}: the link to the next page is longer than {MAX_ASK} bytes")
    return ask


def _headers(given: Any) -> dict[str, str]:
    if not isinstance(given, Mapping):
        return {}
    return {
        name: value
        for name, value in given.items()
        if isinstance(value, str)
        and _HEADER.fullmatch(name)
        and not _OURS.fullmatch(name.lower())
        and _HEADER_VALUE.fullmatch(value)
    }
