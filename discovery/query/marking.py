"""Texts with the words of a question marked, as HTML that is safe to show as it stands."""

from __future__ import annotations

from html import escape
from typing import Final

from discovery.query.text import TextQuery, highlight

EXCERPT: Final = 300
"""Characters of a long text that are shown."""


def marked(text: str, query: TextQuery, size: int = 0) -> str:
    """Return a text as HTML in which the words of a question stand within `<mark>`, and everything else is escaped.

    Args:
        text: Any text; what looks like HTML in it is text too.
        query: What was asked for.
        size: The longest text that is returned whole; of a longer one the part where the words stand first, cut at
            blanks with an ellipsis. 0 is whole always.
    """
    cut = window(text, query, size) if size else text
    out, at = [], 0
    for start, end in highlight(cut, query):
        out += [escape(cut[at:start]), "<mark>", escape(cut[start:end]), "</mark>"]
        at = end
    return "".join((*out, escape(cut[at:])))


def window(text: str, query: TextQuery, size: int) -> str:
    """Return the part of a text where the words of a question stand first, cut at blanks; a short text as it is."""
    if len(text) <= size:
        return text
    found = highlight(text, query)
    # A word near the beginning is seen anyway; text that starts where it starts reads best.
    start = max(0, found[0][0] - size // 4) if found and found[0][1] > size else 0
    if start:
        start = text.find(" ", start, start + 40) + 1 or start
    end = start + size
    if end < len(text):
        end = max(text.rfind(" ", start + size // 2, end), start + size // 2)
    return f"{'… ' if start else ''}{text[start:end]}{' …' if end < len(text) else ''}"
