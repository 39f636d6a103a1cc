"""Text of strangers made fit for a page: safe HTML, plain excerpts, marked words and links that lead to the web."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import unescape
from typing import Any, Final
from urllib.parse import urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup

from discovery.documents import addresses, schema_org
from discovery.query.marking import window
from discovery.query.text import TextQuery, highlight

MAX_MARKDOWN: Final = 30_000
"""Characters of a description that a page shows; catalogues hold descriptions of 200,000."""
EXCERPT: Final = 260
SCHEMES: Final = frozenset({"http", "https", "mailto"})
_TAGS: Final = {
    *("a", "p", "br", "hr", "em", "strong", "b", "i", "sub", "sup", "del"),
    *("code", "pre", "blockquote", "ul", "ol", "li"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
_HTML: Final = re.compile(r"</(?:p|div|a|b|i|em|strong|ul|ol|li|span|table|h[1-6]|sub|sup)>|<br ?/?>", re.IGNORECASE)
_BLOCK: Final = re.compile(r"</(?:p|div|li|h[1-6]|tr|td|th)>|<br ?/?>", re.IGNORECASE)
_SPACE: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of characters that either answers the words asked for or stands between those that do."""

    text: str
    marked: bool = False


def html(markdown: str) -> Markup:
    """Return a description as HTML without scripts, images, styles and links to anything but the web."""
    shown = markdown[:MAX_MARKDOWN] + (" …" if len(markdown) > MAX_MARKDOWN else "")
    # Some catalogues describe in HTML; Markdown would show its tags as text.
    clean = nh3.clean(
        shown if _HTML.search(shown) else _markdown().render(shown),
        tags=_TAGS,
        attributes={"a": {"href"}},
        attribute_filter=_kept,
        url_schemes=set(SCHEMES),
        link_rel="noopener noreferrer nofollow",
    )
    return Markup(clean)  # noqa: S704 - nh3 has just let through nothing but the tags above


def _kept(_tag: str, name: str, value: str) -> str | None:
    # Relative links were meant for the host that the description comes from; here they lead astray.
    return web(value) or None if name == "href" else value


def plain(markdown: str, limit: int = 5_000) -> str:
    """Return the words of a description on one line, without its marks."""
    words: list[str] = []
    given = markdown[:limit]
    if _HTML.search(given):
        return _SPACE.sub(" ", unescape(nh3.clean(_BLOCK.sub(r"\g<0> ", given), tags=set()))).strip()
    for token in _markdown().parse(given):
        if token.type == "inline":
            words.extend(
                " " if child.type in ("softbreak", "hardbreak") else child.content for child in token.children or ()
            )
            words.append(" ")
        elif token.type in ("fence", "code_block"):
            words.append(f"{token.content} ")
    return _SPACE.sub(" ", "".join(words)).strip()


def marked(text: str, query: TextQuery) -> tuple[Piece, ...]:
    """Return a text cut where the words of a query begin and end."""
    pieces: list[Piece] = []
    at = 0
    for start, end in highlight(text, query):
        if start > at:
            pieces.append(Piece(text[at:start]))
        pieces.append(Piece(text[start:end], marked=True))
        at = end
    return (*pieces, Piece(text[at:])) if at < len(text) else tuple(pieces)


def excerpt(text: str, query: TextQuery, size: int = EXCERPT) -> tuple[Piece, ...]:
    """Return the part of a text where the words of a query stand first, cut at blanks."""
    return marked(window(text, query, size), query)


def web(href: str) -> str:
    """Return a link that may stand in a page, or the empty text for one that may not.

    Allowed are http, https and mailto with an address behind them, and `doi:`, which leads to doi.org.
    """
    text = href.strip()
    if text[:7].lower() == "mailto:":
        return text if "@" in text and addresses.fit(text) else ""
    return addresses.web(text)


def doi(text: str) -> str:
    """Return the link of a DOI, or the empty text for what is none."""
    return addresses.doi(text)


def data(document: Mapping[str, Any]) -> Markup:
    """Return JSON-LD as the contents of a script element; every angle bracket and ampersand in it is an escape."""
    return Markup(schema_org.embedded(document))  # noqa: S704


def shown(href: str, limit: int = 300) -> str:
    """Return an address as people may read it: without secrets, not longer than the limit."""
    text = redacted(href[:2_000])
    return f"{text[:limit]}…" if len(text) > limit else text


def redacted(href: str) -> str:
    """Return an address without the secrets in it, otherwise as it is."""
    return addresses.redacted(href)


def host(href: str) -> str:
    """Return the host that a link leads to, empty for what has none."""
    try:
        return urlsplit(href).hostname or ""
    except ValueError:
        return ""


@cache
def _markdown() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False, "breaks": False}).enable(["table", "strikethrough"])
    # Pictures of strangers would be requests to strangers; a link says the same.
    reader.disable("image")
    reader.add_render_rule("heading_open", _heading_open)
    reader.add_render_rule("heading_close", _heading_close)
    return reader


def _heading_open(_self: RendererHTML, _tokens: Sequence[Token], _at: int, _options: object, _env: object) -> str:
    # A heading of a description would stand among those of the page.
    return "<p><strong>"


def _heading_close(_self: RendererHTML, _tokens: Sequence[Token], _at: int, _options: object, _env: object) -> str:
    return "</strong></p>\n"
