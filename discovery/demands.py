"""What every route demands of whoever asks, in one table: the documentation prints it, and a test asks every route.

The routes check for themselves; this says what they ought to check, so that a slip of one is found. A route that is not
in the table fails the test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from discovery.model.person import ADMIN, HARVEST, LAUNCH, READ, WRITE, Role


@dataclass(frozen=True, slots=True)
class Demand:
    """What one method of one route demands."""

    method: str
    """GET stands for HEAD, too; WS is a websocket."""
    path: str
    role: Role = Role.ANONYMOUS
    scope: str = READ
    """What a token has to be good for; of no account where nobody has to be known."""
    changes: bool = False
    """Whether something is not as before: then a browser needs the key of a form of ours."""
    by_token: bool = False
    """Whether a browser's session counts for nothing, so that no other site can use it."""
    note: str = ""


def _open(*paths: str, method: str = "GET") -> Iterator[Demand]:
    return (Demand(method, each) for each in paths)


def _made(home: str, writer: Role) -> Iterator[Demand]:
    """Yield the routes of a kind of thing that people make."""
    own = "what is private is its owner's, whatever the role"
    yield from (Demand("GET", f"{home}{each}", note=own) for each in ("", "/{id}", "/{id}/export"))
    yield Demand("GET", f"{home}/new", writer, WRITE)
    yield Demand("GET", f"{home}/{{id}}/edit", writer, WRITE, note=own)
    for each in ("/new", "/import", "/{id}/edit", "/{id}/share"):
        yield Demand("POST", f"{home}{each}", writer, WRITE, changes=True, note=own)


_COLLECTION: Final = "/stac/collections/{collection_id:path}"
_ITEM: Final = f"{_COLLECTION}/items/{{item_id:path}}"
_SOURCE: Final = "/stac/catalogs/{source}"
_BROWSED: Final = ("", "/children", "/{when}", "/{when}/children")
_STAC_WRITES: Final = (
    ("POST", f"{_COLLECTION}/items"),
    *((method, path) for path in (_COLLECTION, _ITEM) for method in ("PUT", "PATCH", "DELETE")),
)
DEMANDS: Final = (
    # The catalogue, for everybody.
    *_open("/", "/search", "/records", "/records/{id}", "/suggest", "/api", "/open", "/open/notebook", "/locations"),
    *_open("/catalogue", "/catalogue.jsonld", "/catalogue.ttl", "/catalogue.rdf", "/catalogue.nt"),
    *_open(
        "/changes.atom", "/sitemap.xml", "/sitemap/{number}.xml", "/robots.txt", "/opensearch.xml", "/static/{path}"
    ),
    *_open("/records/{id}/arrays", "/records/{id}/arrays/quicklook"),
    *_open("/openapi.json", "/health", "/embeddings", "/embeddings/{space}"),
    *_open(*(f"/embeddings/{{space}}/{each}" for each in ("change", "outliers"))),
    *_open(*(f"/embeddings/{{space}}/{each}" for each in ("similar", "change", "outliers")), method="POST"),
    *_open("/stac/", "/stac/api", "/stac/conformance", "/stac/search", "/stac/collections", _COLLECTION, _ITEM),
    *_open(f"{_COLLECTION}/items", "/stac/queryables", "/stac/sortables", "/stac/aggregations", "/stac/aggregate"),
    *_open(*(f"{_COLLECTION}/{each}" for each in ("queryables", "sortables", "aggregations", "aggregate"))),
    *_open(*(f"/stac/collections-{each}" for each in ("queryables", "sortables", "aggregations", "aggregate"))),
    *_open("/stac/children", f"{_COLLECTION}/children", f"{_SOURCE}/items/{{record}}"),
    *_open(*(f"{home}/browse{each}" for home in (_COLLECTION, _SOURCE) for each in _BROWSED)),
    *_open(*(f"{_SOURCE}{each}" for each in ("", "/children", "/parts/{low}-{high}", "/parts/{low}-{high}/children"))),
    *_open("/stac/search", "/stac/aggregate", f"{_COLLECTION}/aggregate", method="POST"),
    *_open("/stac/collections-aggregate", method="POST"),
    *_open("/ogc", "/ogc/", "/ogc/conformance", "/ogc/api", "/ogc/collections", "/ogc/{rest:path}"),
    *_open(*(f"/ogc/collections/{{catalogId}}{each}" for each in ("", "/queryables", "/sortables", "/facets"))),
    *_open(*(f"/ogc/collections/{{catalogId}}/items{each}" for each in ("", "/{recordId}"))),
    *_open("/ogc/crawl/{catalogId}", "/ogc/crawl/{catalogId}/{after}"),
    *_open("/graphql/schema.graphql", "/graphql/files/{name}"),
    *(
        Demand(method, "/graphql", note="each field says what it demands; no session counts")
        for method in ("GET", "POST", "WS")
    ),
    # Coming in, and what is somebody's.
    Demand("GET", "/signin"),
    Demand("POST", "/signin", note="whoever has a link or the operators' token"),
    *_open("/signin/start", "/signin/callback"),
    Demand("POST", "/signout", Role.USER, READ, changes=True),
    Demand("GET", "/me", Role.USER),
    Demand("POST", "/me/tokens", Role.USER, WRITE, changes=True, note="only a browser; no token makes a token"),
    Demand("POST", "/me/tokens/{id}/revoke", Role.USER, WRITE, changes=True),
    Demand("POST", "/me/sessions/end", Role.USER, WRITE, changes=True),
    Demand("POST", "/marks", Role.USER, WRITE, changes=True),
    *_open("/selection", "/selection/notebook", "/compare"),
    Demand("GET", "/selections", Role.USER),
    *(Demand("GET", f"/selections/{{id}}{each}", note="as it is shared") for each in ("", "/notebook", "/manifest")),
    *(Demand("POST", f"/selections{each}", Role.USER, WRITE, changes=True) for each in ("", "/{id}")),
    *_open("/launch", "/launch/notebook"),
    *(Demand("GET", f"/launches{each}", Role.USER) for each in ("", "/{id}", "/{id}/notebook")),
    *(
        Demand("GET", f"/launches/{each}", note="whoever has the one-time pass of a launch, as its server has")
        for each in ("notebook", "folder")
    ),
    *(Demand("POST", f"/launches{each}", Role.USER, LAUNCH, changes=True) for each in ("", "/{id}/open", "/{id}/stop")),
    # What people make.
    *_made("/datalabs", Role.DEVELOPER),
    *_made("/pipelines", Role.DEVELOPER),
    *_made("/volumes", Role.OPERATOR),
    *(
        Demand("POST", f"/{each}/{{id}}/steps", Role.DEVELOPER, WRITE, changes=True, note="to decide: moderators")
        for each in ("datalabs", "pipelines", "volumes")
    ),
    Demand("GET", "/admin/reviews", Role.MODERATOR),
    # Looking after sources.
    *(
        Demand("GET", f"/admin{each}", Role.OPERATOR, HARVEST)
        for each in ("", "/harvests", "/harvests/{id}", "/quarantine/{id:int}", "/jobs/{id:int}")
    ),
    *(
        Demand("POST", f"/admin{each}", Role.OPERATOR, HARVEST, changes=True)
        for each in ("/jobs", "/harvests/{id}/enabled")
    ),
    Demand("GET", "/metrics", Role.OPERATOR, HARVEST, by_token=True),
    *(Demand(*each, Role.OPERATOR, HARVEST, changes=True, by_token=True) for each in _STAC_WRITES),
    Demand("POST", "/stac/collections", note="a search; a Collection that is written needs operator and harvest"),
    # Looking after people.
    *(Demand("GET", f"/admin/{each}", Role.ADMIN, ADMIN) for each in ("people", "audit")),
    *(Demand("POST", f"/admin/people/{{id}}/{each}", Role.ADMIN, ADMIN, changes=True) for each in ("role", "disabled")),
)
"""Every route of the application."""
