"""Which route answers: by the path as it was sent, in which a slash of an id is told from one between two ids."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import unquote

import orjson
from fastapi import Response
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

COLLECTIONS: Final = "/collections/"
_BELOW: Final = ("items", "queryables", "sortables", "aggregate", "aggregations", "children")
_BROWSED: Final = "browse(?:/[^/]+)?(?:/children)?"
_KNOWN: Final = re.compile(rf"[^/]+(?:/items/[^/]+|/(?:{'|'.join(_BELOW)}|{_BROWSED}))?")
"""What stands behind `/collections/` where every slash of an id is written as `%2F`."""


class ExactRoute(APIRoute):
    """A route whose ids may hold slashes, and that answers HEAD where it answers GET.

    Ids of the Virtual Observatory are URIs, so the parameters of paths take slashes. Links of ours write those as
    `%2F`, and then the path as it was sent says where an id ends. Proxies that decode it leave a path that is read as
    far as it goes: the longest id of a collection wins.
    """

    def __init__(self, path: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(path, *args, **kwargs)
        base, found, rest = self.path_format.partition(COLLECTIONS)
        self._start = base + COLLECTIONS if found else ""
        self._exact = re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(rest)))

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether this route answers a request, and with which ids."""
        below = _sent(scope, self._start) if self._start and scope["type"] == "http" else None
        if below is None or not _KNOWN.fullmatch(below):
            match, child = super().matches(scope)
        elif found := self._exact.fullmatch(below):
            ids = {name: unquote(value) for name, value in found.groupdict().items()}
            params = {**scope.get("path_params", {}), **ids}
            match, child = Match.FULL, {"endpoint": self.endpoint, "path_params": params, "route": self}
        else:
            return Match.NONE, {}
        if match is Match.NONE:
            return match, child
        return (Match.FULL if self.takes(scope["method"]) else Match.PARTIAL), child

    def takes(self, method: str) -> bool:
        """Tell whether a method is answered here."""
        methods = self.methods or ()
        return method in methods or (method == "HEAD" and "GET" in methods)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request whose path is this route's; what the path does not take is told with what it does."""
        if self.takes(scope["method"]):
            # Servers leave out the body of an answer to HEAD.
            await self.app(scope, receive, send)
        else:
            await _refused(scope)(scope, receive, send)


def allowed(scope: Scope) -> list[str]:
    """Return the methods that a path takes, whichever route does."""
    routes = scope["app"].router.routes
    here = [each for each in routes if isinstance(each, ExactRoute) and each.matches(scope)[0] is not Match.NONE]
    found = {method for each in here for method in each.methods or ()}
    return sorted(found | ({"HEAD"} if "GET" in found else set()) | {"OPTIONS"})


def _refused(scope: Scope) -> Response:
    methods = ", ".join(allowed(scope))
    if scope["method"] == "OPTIONS":
        return Response(status_code=204, headers={"Allow": methods})
    told = f"{scope['method'][:20]} is not taken here, but {methods}"
    body = orjson.dumps({"code": "method_not_allowed", "description": told})
    return Response(body, 405, {"Allow": methods}, "application/json")


def _sent(scope: Scope, start: str) -> str | None:
    """Return what stands behind the beginning of a path as it was sent; None where the path begins otherwise."""
    path: str = scope["path"]
    if not path.removeprefix(scope.get("root_path", "")).startswith(start):
        return None
    sent = scope.get("raw_path")
    if not sent:
        return None
    _, found, below = sent.decode("latin-1").partition(start)
    return below if found else None
