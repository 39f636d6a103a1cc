"""Pages as HTTP answers: templates, security headers, and errors as a page or as JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from discovery import __version__
from discovery.errors import BadQueryError, DeniedError, DiscoveryError, MovedError, UnknownFieldError
from discovery.model.person import HARVEST, Role
from ui import links
from ui.contexts import Anchor, ErrorContext, Site, Visitor
from ui.gate import key_of, visit

ROOM: Final = Path(__file__).parent
STATIC: Final = ROOM / "static"
CSP: Final = "; ".join(
    (
        "default-src 'none'",
        "img-src 'self' data:",
        "style-src 'self'",
        "script-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
_TITLES: Final = {
    400: "This question cannot be answered",
    403: "Not allowed",
    404: "Nothing here",
    406: "Not in this form",
    410: "Not here any more",
    503: "Search does not answer just now",
}
_SCRIPTS: Final = ("vendor/htmx.min.js", "portal.js")


class Renderer:
    """Everything that turns contexts into answers; one a portal."""

    def __init__(self, title: str) -> None:
        self.title = title
        self._templates = Environment(
            loader=FileSystemLoader(ROOM / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._style = _static("style.css")
        # portal.js needs htmx, so there are both or none.
        self._scripts = tuple(map(_static, _SCRIPTS)) if all((STATIC / each).is_file() for each in _SCRIPTS) else ()

    def site(self, *, q: str = "", json: str = "", feed: str = "") -> Site:
        """Return what stands around a page."""
        return Site(self.title, __version__, self._style, self._scripts, q, json, feed, _visitor())

    def page(self, template: str, context: Any, *, status: int = 200) -> Response:
        """Return a page made of the fields of a context class."""
        values = {each.name: getattr(context, each.name) for each in fields(context)}
        html = self._templates.get_template(template).render(values)
        # Half of a surrogate pair that slipped through somewhere must not cost the reader the page.
        return HTMLResponse(html.encode("utf-8", "replace"), status_code=status, headers=dict(HEADERS))

    def error(self, error: DiscoveryError, *, as_json: bool) -> Response:
        """Return the answer to a question that failed: a redirect, a page that says what to do, or JSON."""
        if isinstance(error, MovedError):
            url = links.record(error.id)
            return redirect(links.as_json(url) if as_json else url, status=301)
        if as_json:
            near = error.near if isinstance(error, UnknownFieldError) else ()
            body = {"error": {"kind": error.kind, "message": str(error), **_details(error), "near": list(near)}}
            return answer(body, status=error.status, headers=error.headers)
        ways: tuple[Anchor, ...] = (Anchor("Search everything", links.search()), Anchor("Home page", "/"))
        if isinstance(error, BadQueryError) and error.parameter:
            # Whatever else was asked is not to be typed again.
            asked = links.relieved(visit.get().path, error.parameter)
            ways = (*((Anchor(f"Ask without {error.parameter[:80]}", asked),) if asked else ()), *ways)
        if isinstance(error, DeniedError) and visit.get().who.role is Role.ANONYMOUS:
            ways = (Anchor("Sign in", links.SIGN_IN), *ways)
        title = _TITLES.get(error.status, "This did not work")
        context = ErrorContext(self.site(), error.status, title, sentence(str(error)), ways)
        response = self.page("error.html", context, status=error.status)
        response.headers.update(error.headers)
        return response


def answer(body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return JSON; texts that are no Unicode are kept as escapes."""
    data = json.dumps(body, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return Response(data, status, {**HEADERS, **(headers or {})}, "application/json")


def redirect(url: str, *, status: int = 303) -> Response:
    """Return a redirect to a URL of ours."""
    return RedirectResponse(url, status_code=status, headers=dict(HEADERS))


class Static(StaticFiles):
    """The files of `ui/static` with the headers of the pages."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file; one that is asked for by its contents may be kept for a year."""
        response = await super().get_response(path, scope)
        versioned = scope.get("query_string", b"").startswith(b"v=")
        response.headers.update(HEADERS)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if versioned else "no-cache"
        return response


def _visitor() -> Visitor:
    here = visit.get()
    name = here.who.person.name if here.who.person and here.who.session else ""
    return Visitor(links.way_in(here.path), name, key_of(here.who), here.who.may(Role.OPERATOR, HARVEST))


def sentence(message: str) -> str:
    """Return a message of an error as a page says it."""
    # Messages begin small, as they also stand behind a colon; all of them begin with a word of ours.
    return f"{message[:1].upper()}{message[1:]}"


def _details(error: DiscoveryError) -> dict[str, Any]:
    found = {name: getattr(error, name, None) for name in ("parameter", "position", "limit", "formats")}
    return {name: value for name, value in found.items() if value is not None}


def _static(name: str) -> str:
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"
