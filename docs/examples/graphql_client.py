"""A typed client of a Discovery portal's GraphQL, in one file of standard Python.

python docs/examples/graphql_client.py http://127.0.0.1:8000 "sea ice"
"""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

SEARCH = """
query Search($text: String!, $first: Int!, $after: String) {
  search(text: $text, words: ALL, first: $first, after: $after) {
    totalCount { value }
    pageInfo { endCursor hasNextPage }
    nodes { id kind title page missions ... on Dataset { observationCount } }
  }
}
"""


@dataclass(frozen=True, slots=True)
class Hit:
    """A record as the query above asks for it."""

    id: str
    kind: str
    title: str
    page: str
    missions: tuple[str, ...]
    observations: int | None


class RefusedError(Exception):
    """The portal did not answer; `codes` are the kinds of its errors, such as `limit`."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__("; ".join(each["message"] for each in errors))
        self.codes = tuple(each["extensions"]["code"] for each in errors)


class Client:
    """Asks one portal."""

    def __init__(self, url: str) -> None:
        self._url = f"{url.rstrip('/')}/graphql"

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Return the data of an answer.

        Raises:
            RefusedError: The answer has errors.
        """
        body = json.dumps({"query": query, "variables": variables}).encode()
        headers = {"content-type": "application/json", "accept": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(self._url, body, headers), timeout=60) as answer:  # noqa: S310
            told: dict[str, Any] = json.load(answer)
        if told.get("errors"):
            raise RefusedError(told["errors"])
        data: dict[str, Any] = told["data"]
        return data

    def search(self, text: str, page: int = 100) -> Iterator[Hit]:
        """Yield every record that has these words, page by page."""
        after = None
        while True:
            found = self.ask(SEARCH, text=text, first=page, after=after)["search"]
            yield from (
                Hit(n["id"], n["kind"], n["title"], n["page"], tuple(n["missions"]), n.get("observationCount"))
                for n in found["nodes"]
            )
            if not found["pageInfo"]["hasNextPage"]:
                return
            after = found["pageInfo"]["endCursor"]


if __name__ == "__main__":
    for hit in Client(sys.argv[1]).search(sys.argv[2]):
        sys.stdout.write(f"{hit.kind:12} {hit.title}  {sys.argv[1].rstrip('/')}{hit.page}\n")
