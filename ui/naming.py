"""Places and things on the sky that somebody names, offered as links, and what is suggested while somebody types."""

from __future__ import annotations

from typing import Any, Final

from discovery.model.record import RESOURCES
from discovery.portal import Portal
from discovery.query import form
from discovery.query.names import Named, Spotted
from discovery.query.query import Query
from discovery.suggester import Suggestion
from ui import links, wording
from ui.contexts import Anchor
from ui.links import Pairs

_GONE: Final = ("q", "frame", "relation", "after", *form.REGIONS)
"""Parameters that a search near a name takes the place of."""
_WHATS: Final = {"title": "", "mission": "Mission", "instrument": "Instrument", "target": "Target"}


def places(portal: Portal, query: Query) -> tuple[Spotted, ...]:
    """Return the names in the words of a question; later pages of an answer repeat none."""
    return () if query.after else portal.places(query)


def near(pairs: Pairs, spotted: Spotted) -> str:
    """Return the URL of the same search in the region of a name, without the words of the name."""
    rest = [("q", spotted.rest)] if spotted.rest else []
    return links.search([*rest, *(each for each in pairs if each[0] not in _GONE), *_named(spotted.named)])


def _named(named: Named) -> list[tuple[str, str]]:
    return [("near", named.name), *([("frame", named.frame)] if named.ambiguous else [])]


def offers(found: tuple[Spotted, ...], pairs: Pairs) -> tuple[Anchor, ...]:
    """Return the links to searches near the names in a question."""
    return tuple(
        Anchor(
            f"Search {each.named.place}{f' for {each.rest}' if each.rest else ''}", near(pairs, each), each.named.kind
        )
        for each in found
    )


def places_json(found: tuple[Spotted, ...], pairs: Pairs) -> list[dict[str, Any]]:
    """Return the same as JSON: `q` is what is left of the words."""
    return [{**each.named.to_dict(), "q": each.rest, "url": links.as_json(near(pairs, each))} for each in found]


def suggestion(each: Suggestion) -> dict[str, Any]:
    """Return a suggestion as JSON, with what it is in words and where it leads."""
    return {
        "what": each.what,
        "title": each.title,
        "id": each.id or None,
        "kind": each.kind or None,
        "value": each.value or None,
        "count": each.count or None,
        "note": _note(each),
        "url": _url(each),
    }


def _note(each: Suggestion) -> str:
    if each.what == "title":
        return wording.kind(each.kind)
    if each.what in _WHATS:
        many = "observations" if each.scope != RESOURCES else "resources"
        return f"{_WHATS[each.what]}, {each.count:,} {many if each.count != 1 else many[:-1]}"
    return each.kind[:1].upper() + each.kind[1:]


def _url(each: Suggestion) -> str:
    if each.what == "title":
        return links.record(each.id)
    if each.what in _WHATS:
        return links.facet(each.what, each.value, scope=each.scope if each.scope != RESOURCES else "")
    return links.search([("near", each.value), ("frame", each.frame)])
