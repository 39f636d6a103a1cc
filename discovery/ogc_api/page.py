"""Every document as HTML: all that its JSON says, with all links as links, and nothing from other hosts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, Final

import orjson

from discovery.ogc_api.links import OWN, RELATION, Link, Links

HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}
_FOLLOWED: Final = ("https://", "http://", "s3://", "gs://", "ftp://", "ftps://")
"""Schemes that a reader may be led to; an address with another one is written out."""
_TOLD: Final = frozenset({"alternate", "collection", "first", "next", "prev", "service-desc", f"{RELATION}ogc-catalog"})
"""Relations that stand in the head of a page, too."""
_DEEPEST: Final = 12
"""Levels that are drawn as lists; what is deeper stands there as JSON."""


def page(links: Links, title: str, document: Mapping[str, Any], *, search: str = "") -> bytes:
    """Return a document as a page.

    Args:
        links: The addresses.
        title: What it is called.
        document: Its JSON.
        search: Where words can be looked for; empty for a page without a form.
    """
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_text(title)}</title>",
        f'<link rel="stylesheet" href="{_text(links.site)}/static/style.css">',
        *_heads(links, document.get("links")),
        '</head>\n<body>\n<nav class="wide">',
        " / ".join(_anchor(href, name) for href, name in _above(links)),
        f'</nav>\n<main class="wide">\n<h1>{_text(title)}</h1>',
        *(f"<p>{_anchor(each, 'Its page in the portal')}</p>" for each in _pages(document.get("links"))),
        _form(search) if search else "",
        _value(document, 0),
        "</main>\n</body>\n</html>\n",
    ]
    # Half of a surrogate pair that a source has sent must not cost the reader the page.
    return "\n".join(filter(None, parts)).encode("utf-8", "replace")


def _above(links: Links) -> list[tuple[str, str]]:
    return [
        (f"{links.site}/", "Portal"),
        (f"{links.root}?f=html", "OGC API"),
        (f"{links.collections}?f=html", "Catalogues"),
    ]


def _heads(links: Links, found: Any) -> Iterable[str]:
    """Yield what tells a program where else to go; browsers act upon some relations, so those of strangers stay out."""
    for each in found if isinstance(found, list) else ():
        if isinstance(each, dict) and each.get("rel") in _TOLD and str(each.get("href", "")).startswith(links.base):
            kind = f' type="{_text(each["type"])}"' if each.get("type") else ""
            yield f'<link rel="{_text(each["rel"])}"{kind} href="{_text(each["href"])}">'


def _pages(found: Any) -> list[str]:
    links = found if isinstance(found, list) else []
    return [str(each.get("href")) for each in links if isinstance(each, dict) and each.get("rel") == f"{OWN}page"][:1]


def _form(action: str) -> str:
    return (
        f'<form action="{_text(action)}"><label>Words <input name="q" type="search"></label> '
        '<input type="hidden" name="f" value="html"><button>Search</button></form>'
    )


def _value(value: Any, depth: int) -> str:
    if isinstance(value, Mapping):
        if _is_link(value):
            return _link(value)
        return _members(value, depth) if value and depth < _DEEPEST else _json(value)
    if isinstance(value, list | tuple):
        return _entries(value, depth)
    if isinstance(value, str):
        return _anchor(value, value) if value.startswith(_FOLLOWED) and " " not in value else _text(value)
    return _json(value)


def _members(value: Mapping[str, Any], depth: int) -> str:
    rows = "".join(
        f"<div><dt>{_text(name)}</dt><dd>{_value(each, depth + 1)}</dd></div>" for name, each in value.items()
    )
    return f'<dl class="facts">{rows}</dl>'


def _entries(value: Sequence[Any], depth: int) -> str:
    if depth >= _DEEPEST or not any(isinstance(each, str | Mapping) for each in value):
        return _json(value)  # Numbers, and positions of numbers.
    return f"<ul>{''.join(f'<li>{_value(each, depth + 1)}</li>' for each in value)}</ul>"


def _is_link(value: Mapping[str, Any]) -> bool:
    return isinstance(value.get("href"), str)


def _link(value: Link | Mapping[str, Any]) -> str:
    title = value.get("title") or value["href"]
    said = [f"{name} {text}" for name, text in value.items() if name not in ("href", "title")]
    return f"{_anchor(value['href'], str(title))} {_text('; '.join(said))}"


def _anchor(href: str, title: str) -> str:
    return f'<a href="{_text(href)}">{_text(title)}</a>' if href.startswith(_FOLLOWED) else _text(f"{title} {href}")


def _json(value: Any) -> str:
    return f"<code>{_text(orjson.dumps(value).decode())}</code>"


def _text(text: Any) -> str:
    return escape(str(text))
