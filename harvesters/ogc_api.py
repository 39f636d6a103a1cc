"""The way into a service of the OGC API family: from its landing page, its list of collections, or one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlsplit

from discovery.errors import NotFoundError, RecordError, SourceRefusedError, SourceUnavailableError
from discovery.http import Client
from discovery.model.source import RawRecord
from harvesters.document import identity, parse_object
from harvesters.paged import JSON, with_parameters
from harvesters.stac_page import Ask, link, resolved

_LONG: Final = "http://www.opengis.net/def/rel/ogc/1.0/"
"""Begins relations that are not registered with IANA; servers write them with it and without it."""
_RECORDS: Final = "ogcapi-records-1"
"""What a conformance class of Records has in it; servers name others than the standard's, and older ones."""


@dataclass(frozen=True, slots=True)
class Entrance:
    """What stands at the address of a source."""

    url: str
    title: str = ""
    description: str = ""
    listing: Ask | None = None
    """The first page of collections; None where the address is that of one of them."""
    collection: Mapping[str, Any] = field(default_factory=dict)
    """The one collection that the address is of."""
    body: bytes = b""
    """The same, as it was sent."""
    conforms_to: tuple[str, ...] = ()
    links: tuple[Mapping[str, Any], ...] = ()

    def below(self, collection: str) -> str:
        """Return the address of a collection."""
        if self.listing is None:
            return self.url.partition("?")[0].rstrip("/")
        return f"{self.listing.href.partition('?')[0].rstrip('/')}/{quote(collection, safe='')}"

    def address(self, collection: str, item: str) -> str:
        """Return the address of an item of a collection."""
        return f"{self.below(collection)}/items/{quote(item, safe='')}"


def enter(client: Client, url: str) -> Entrance:
    """Return what stands at an address.

    Raises:
        SourceUnavailableError: Nothing that an OGC API has.
    """
    document, body, came_from = _read(client, url)
    title, description = (_text(document.get(name)) for name in ("title", "description"))
    found = document.get("links")
    links = tuple(each for each in found if isinstance(each, Mapping)) if isinstance(found, list) else ()
    entrance = Entrance(came_from, title, description, links=links)
    try:
        if isinstance(document.get("collections"), list):
            # The landing page knows what the service conforms to, and what it is called.
            return _with_conformance(client, entrance, Ask(url), document)
        data = json_link(links, "data") or json_link(links, f"{_LONG}data")
        if data is not None:
            return _with_conformance(client, entrance, Ask(resolved(data["href"], came_from)), document)
    except RecordError as error:
        raise SourceUnavailableError(f"{url[:300]}: {error}", detail="unexpected_content") from error
    if identity(document) and (json_link(links, "items") or "extent" in document or "itemType" in document):
        return Entrance(came_from, title, description, None, document, body, (), links)
    raise SourceUnavailableError(_nothing(url, links), detail="unexpected_content")


def json_link(found: Any, rel: str) -> Mapping[str, Any] | None:
    """Return the link of a relation that leads to JSON, else the first that does not say what it leads to, or any."""
    links = [
        each
        for each in (found if isinstance(found, list | tuple) else ())
        if isinstance(each, Mapping) and each.get("rel") == rel and isinstance(each.get("href"), str)
    ]
    kinds = [str(each.get("type") or "").lower() for each in links]
    # JSON-LD is another document, which only looks like it.
    plain = ("application/geo+json", "application/json", "application/ogc-catalog+json")
    best = [each for each, kind in zip(links, kinds, strict=True) if kind.startswith(plain)]
    silent = [each for each, kind in zip(links, kinds, strict=True) if not kind]
    return next(iter([*best, *silent, *links]), None)


def is_catalogue(collection: Mapping[str, Any], conforms_to: tuple[str, ...]) -> bool:
    """Say whether a collection holds records: it says so, or its service does and it says nothing else."""
    said = collection.get("itemType")
    if said is None:
        # Coverages have no items, and no item type either.
        has_items = json_link(collection.get("links"), "items") is not None
        return has_items and any(_RECORDS in each for each in conforms_to)
    return "record" in (said if isinstance(said, list) else [said])


def _with_conformance(client: Client, entrance: Entrance, listing: Ask, document: Mapping[str, Any]) -> Entrance:
    said = document.get("conformsTo")
    declared = json_link(entrance.links, "conformance") or json_link(entrance.links, f"{_LONG}conformance")
    if not isinstance(said, list) and declared is not None:
        try:
            said = _read(client, resolved(declared["href"], entrance.url))[0].get("conformsTo")
        except (SourceUnavailableError, SourceRefusedError, NotFoundError):
            # What a service says of itself is of some help, and no condition.
            said = None
    classes = tuple(each for each in said if isinstance(each, str)) if isinstance(said, list) else ()
    return Entrance(
        entrance.url, entrance.title, entrance.description, listing, conforms_to=classes, links=entrance.links
    )


def _read(client: Client, url: str) -> tuple[dict[str, Any], bytes, str]:
    """Return a document, its bytes and where it came from; a service that gives a page is asked by a parameter."""
    try:
        answer = client.get(url, accept=JSON)
    except SourceUnavailableError as error:
        if error.detail != "unexpected_content" or "f=" in urlsplit(url).query:
            raise
        # Everything behind it is asked for by the links of the document, which say what leads to JSON.
        answer = client.get(with_parameters(url, {"f": "json"}), accept=JSON)
    try:
        return parse_object(RawRecord("", "", answer.content)), answer.content, answer.url
    except RecordError as error:
        raise SourceUnavailableError(f"{url[:300]}: {error}", detail="unexpected_content") from error


def _text(value: Any) -> str:
    return value.strip()[:1000] if isinstance(value, str) else ""


def _nothing(url: str, links: tuple[Mapping[str, Any], ...]) -> str:
    if link(list(links), "child") or link(list(links), "item"):
        return f"{url[:300]} links to children and items, so it is a catalogue of documents: kind records-static"
    near = f"{urlsplit(url).scheme}://{urlsplit(url).netloc}/"
    return (
        f"{url[:300]} is neither the landing page of an OGC API (a link of rel data) nor its collections nor one of "
        f"them; the landing page may be {near}"
    )
