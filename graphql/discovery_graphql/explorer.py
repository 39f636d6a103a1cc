"""The page for browsers: GraphiQL from our own files where they are here, else a plain form, never from elsewhere."""

from __future__ import annotations

from html import escape
from pathlib import Path
from string import Template
from typing import Final
from urllib.parse import urlencode

import orjson
from fastapi import Response
from fastapi.responses import FileResponse, HTMLResponse, PlainTextResponse

from discovery.errors import NotFoundError
from discovery_graphql.operations import Operation, Operations

_PAGES: Final = Path(__file__).parent / "pages"
_OWN: Final = ("explorer.js", "explorer.css", "plain.css")
VENDORED: Final = ("graphiql.min.js", "graphiql.min.css", "react.production.min.js", "react-dom.production.min.js")
"""What GraphiQL needs; `make assets` brings it."""
EXAMPLES: Final = "examples.json"
"""The texts of the published operations, which GraphiQL shows in tabs."""
_TYPES: Final = {".js": "text/javascript", ".css": "text/css"}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "font-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class Explorer:
    """The page and the files it loads."""

    def __init__(self, operations: Operations, vendor: Path | None) -> None:
        self._files = {name: _PAGES / name for name in _OWN}
        self._rich = vendor is not None and all((vendor / name).is_file() for name in VENDORED)
        if vendor is not None and self._rich:
            self._files.update({name: vendor / name for name in VENDORED})
        self._texts = orjson.dumps([each.text for each in operations.all])
        examples = "\n".join(_example(each) for each in operations.all)
        first = next((each.text for each in operations.all), "{ search { totalCount { value } } }")
        plain = Template((_PAGES / "plain.html").read_text(encoding="utf-8"))
        self._plain = plain.substitute(examples=examples, query=escape(first))
        self._graphiql = (_PAGES / "explorer.html").read_text(encoding="utf-8")

    def page(self, *, plain: bool = False) -> HTMLResponse:
        """Return GraphiQL, or the plain form where it is asked for or GraphiQL's files are not here."""
        content = self._plain if plain or not self._rich else self._graphiql
        headers = {
            "content-security-policy": _POLICY,
            "x-content-type-options": "nosniff",
            "referrer-policy": "same-origin",
            "vary": "accept",
        }
        return HTMLResponse(content, headers=headers)

    def file(self, name: str) -> Response:
        """Return one of the page's files; any other name is 404 and never reaches the file system."""
        if name == EXAMPLES:
            return Response(self._texts, media_type="application/json")
        path = self._files.get(name)
        if path is None:
            return PlainTextResponse(f"no file {name[:80]!r}", NotFoundError.status)
        headers = {"cache-control": "max-age=3600", "x-content-type-options": "nosniff"}
        return FileResponse(path, media_type=_TYPES[path.suffix], headers=headers)


def _example(operation: Operation) -> str:
    link = "/graphql?" + urlencode({"query": operation.text})
    return (
        f"<details><summary>{escape(operation.name)}</summary>"
        f"<pre><code>{escape(operation.text)}</code></pre>"
        f'<p><a href="{escape(link)}">Run</a> · <code>documentId: {operation.id}</code></p></details>'
    )
