"""How answers travel."""

from __future__ import annotations

import gzip

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from discovery.errors import ConfigError
from discovery.transfer import LEAST, Compression, Sharing, origins
from ui.gate import COOKIE, SECURE_COOKIE

HERE, THERE = "https://here.example.org", "https://there.example.org"


def long(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("abc " * LEAST)


def short(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("abc")


def client(*allowed: str) -> TestClient:
    paths = ("/stac/search", "/admin/harvests", "/static/style.css")
    app = Starlette(routes=[*(Route(path, long, methods=["GET", "POST"]) for path in paths), Route("/search", short)])
    app.add_middleware(Compression)
    app.add_middleware(Sharing, origins=allowed)
    return TestClient(app)


def test_long_answers_are_compressed_for_whoever_takes_that() -> None:
    with client("*").stream("GET", "/stac/search", headers={"Accept-Encoding": "gzip"}) as response:
        body = b"".join(response.iter_raw())
    assert response.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in response.headers["Vary"]
    assert gzip.decompress(body) == b"abc " * LEAST
    assert len(body) < LEAST
    plain = client("*").get("/stac/search", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers


def test_short_answers_and_what_somebody_signed_in_is_shown_go_as_they_are() -> None:
    for path, cookie in (("/search", ""), ("/stac/search", COOKIE), ("/stac/search", f"a=b; {SECURE_COOKIE}")):
        response = client("*").get(path, headers={"Accept-Encoding": "gzip", "Cookie": f"{cookie}=x"})
        assert "Content-Encoding" not in response.headers
    for path, cookie in (("/stac/search", "other"), ("/static/style.css", COOKIE)):
        response = client("*").get(path, headers={"Accept-Encoding": "gzip", "Cookie": f"{cookie}=x"})
        assert response.headers["Content-Encoding"] == "gzip"


def test_pages_of_others_read_the_apis_and_nothing_else() -> None:
    asked = client("*")
    assert asked.get("/stac/search", headers={"Origin": THERE}).headers["Access-Control-Allow-Origin"] == "*"
    for path in ("/admin/harvests", "/static/style.css"):
        assert "Access-Control-Allow-Origin" not in asked.get(path, headers={"Origin": THERE}).headers


def test_nobody_reads_with_the_cookies_of_somebody() -> None:
    response = client("*").get("/stac/search", headers={"Origin": THERE, "Cookie": "operator=1"})
    assert "Access-Control-Allow-Credentials" not in response.headers


def test_a_browser_is_told_what_it_may_send() -> None:
    wish = {"Origin": THERE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    allowed = client("*").options("/stac/search", headers=wish)
    assert allowed.status_code == 200
    assert "POST" in allowed.headers["Access-Control-Allow-Methods"]
    refused = client("*").options("/stac/search", headers=wish | {"Access-Control-Request-Method": "DELETE"})
    assert refused.status_code == 400


def test_only_the_hosts_of_the_setting_are_let_in() -> None:
    asked = client(HERE)
    assert asked.get("/stac/search", headers={"Origin": HERE}).headers["Access-Control-Allow-Origin"] == HERE
    assert "Access-Control-Allow-Origin" not in asked.get("/stac/search", headers={"Origin": THERE}).headers


@pytest.mark.parametrize("origin", ["here.example.org", "https://", "https://a.org/path", "https://*.org", "null"])
def test_what_is_no_origin_is_refused_by_name(origin: str) -> None:
    with pytest.raises(ConfigError, match="cors names"):
        Sharing(Starlette(), [origin])


def test_the_setting_is_a_list() -> None:
    assert origins(f" {HERE}, {THERE} ,") == (HERE, THERE)
    assert origins("") == ()
