"""Index pages of web servers: which documents and folders they list."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Final
from urllib.parse import urljoin, urlsplit

MAX_LINKS: Final = 200_000
"""Links of one page."""


def links(body: bytes, url: str, root: str) -> tuple[str, ...]:
    """Return the addresses that a page lists below a root, each once and in their order, without their fragments.

    Links by which a listing is only sorted anew lead to the page itself, and are left out like those that lead up.

    Args:
        body: The page.
        url: Where it came from.
        root: The folder that they have to be in.
    """
    reader = _Reader()
    # Addresses are ASCII by their standard, so whatever the encoding is they come out right or were never right.
    reader.feed(body.decode("utf-8", "replace"))
    here = url.partition("?")[0].partition("#")[0]
    out: dict[str, None] = {}
    for href in reader.hrefs:
        try:
            target = urljoin(url, href.strip()).partition("#")[0]
            scheme = urlsplit(target).scheme
        except ValueError:
            continue
        if scheme in ("http", "https") and target.startswith(root) and target.partition("?")[0] != here:
            out[target] = None
    return tuple(out)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.hrefs: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember where an anchor leads."""
        if tag == "a" and len(self.hrefs) < MAX_LINKS:
            self.hrefs += [value for name, value in attrs if name == "href" and value]
