"""Addresses of a service that is laid out as OGC API says."""

from __future__ import annotations

from starlette.requests import Request

from discovery.ogc_paths import Paths


def asked(root_path: str = "") -> Request:
    return Request(
        {
            "type": "http",
            "scheme": "https",
            "server": ("portal.example", 443),
            "path": f"{root_path}/x/collections",
            "root_path": root_path,
            "headers": [],
            "query_string": b"",
        }
    )


def test_addresses_start_where_the_caller_reached_us() -> None:
    assert Paths.of(asked(), "/x") == Paths("https://portal.example", "https://portal.example/x")
    assert Paths.of(asked("/behind"), "/x").root == "https://portal.example/behind/x/"


def test_documents_lie_below_the_landing_page() -> None:
    paths = Paths("https://p", "https://p/x")
    below = [paths.root, paths.conformance, paths.api, paths.collections]
    assert below == ["https://p/x/", "https://p/x/conformance", "https://p/x/api", "https://p/x/collections"]


def test_an_id_may_hold_anything() -> None:
    paths = Paths("https://p", "https://p/x")
    assert paths.collection("ivo://a/b?c") == "https://p/x/collections/ivo%3A%2F%2Fa%2Fb%3Fc"
    assert paths.items("a b") == "https://p/x/collections/a%20b/items"
