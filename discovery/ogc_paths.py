"""Where the documents of a service are that is laid out as OGC API says: a landing page, collections, their items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self
from urllib.parse import quote

from starlette.requests import Request


def segment(id: str) -> str:
    """Return an id as one segment of a path, whatever it holds; dots alone would lead elsewhere, so they are quoted."""
    return quote(id, safe="") if id not in (".", "..") else id.replace(".", "%2E")


@dataclass(frozen=True, slots=True)
class Paths:
    """The addresses of one request: all of them start where the caller reached us, behind whatever proxy."""

    site: str
    """The address of the application, without a slash at its end."""
    base: str
    """The address of the face, without a slash at its end."""

    @classmethod
    def of(cls, request: Request, prefix: str) -> Self:
        """Return the addresses for a request; `base_url` holds the root path that a proxy has cut off."""
        site = str(request.base_url).rstrip("/")
        return cls(site, site + prefix)

    @property
    def root(self) -> str:
        """The landing page."""
        return f"{self.base}/"

    @property
    def conformance(self) -> str:
        """What the face conforms to."""
        return f"{self.base}/conformance"

    @property
    def api(self) -> str:
        """The OpenAPI document."""
        return f"{self.base}/api"

    @property
    def collections(self) -> str:
        """The list of collections."""
        return f"{self.base}/collections"

    def collection(self, id: str) -> str:
        """Return the address of a collection; an id may hold anything, a slash too."""
        return f"{self.collections}/{segment(id)}"

    def items(self, collection: str) -> str:
        """Return the address of a collection's items."""
        return f"{self.collection(collection)}/items"
