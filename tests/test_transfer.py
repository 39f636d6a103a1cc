"""How answers travel."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from discovery import conditions
from discovery.errors import ConfigError
from discovery.transfer import LEAST, Compression, Sharing, Tags, origins
from ui.gate import COOKIE, SECURE_COOKIE

HERE, THERE = "https://here.example.org", "https://there.example.org"


def long(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("abc " * LEAST)


def short(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("abc")


def tagged(request: Request) -> Response:
    if request.method == "PUT":
        return Response(status_code=200 if conditions.holds(request, '"t"') else 412)
    if conditions.has(request, '"t"'):
        return Response(status_code=304, headers={"ETag": '"t"'})
    return PlainTextResponse("abc " * LEAST, headers={"ETag": '"t"'})


def weak(_request: Request) -> Response:
    return PlainTextResponse("abc " * LEAST, headers={"ETag": 'W/"t"'})


def packed(request: Request) -> Response:
    kind = request.query_params["kind"]
    if "pieces" in request.query_params:
        return StreamingResponse(iter([b"abc " * LEAST] * 2), media_type=kind)
    return Response(b"abc " * LEAST, media_type=kind, headers={"ETag": '"t"'})


def client(*allowed: str) -> TestClient:
    paths = ("/stac/search", "/admin/harvests", "/static/style.css")
    app = Starlette(routes=[*(Route(path, long, methods=["GET", "POST"]) for path in paths), Route("/search", short)])
    app.router.routes += [
        Route("/tagged", tagged, methods=["GET", "PUT"]),
        Route("/weak", weak),
        Route("/packed", packed),
    ]
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


@pytest.mark.parametrize("pieces", ["", "&pieces"])
@pytest.mark.parametrize("kind", ["image/png", "application/vnd.apache.parquet"])
def test_what_is_compressed_already_is_sent_as_it_is(kind: str, pieces: str) -> None:
    answer = client("*").get(f"/packed?kind={kind}{pieces}", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers
    assert answer.headers.get("ETag", '"t"') == '"t"'
    text = client("*").get(f"/packed?kind=image/svg%2Bxml{pieces}", headers={"Accept-Encoding": "gzip"})
    assert text.headers["Content-Encoding"] == "gzip"


@pytest.mark.parametrize("refused", ["gzip;q=0", "deflate, gzip; q=0.0", "identity, GZIP;Q=0 , br", "br", ""])
def test_who_refuses_compression_gets_none(refused: str) -> None:
    plain = client("*").get("/stac/search", headers={"Accept-Encoding": refused})
    assert "Content-Encoding" not in plain.headers
    assert "Accept-Encoding" in plain.headers["Vary"]
    for taken in ("gzip", "gzip;q=0.5", "br;q=0, gzip"):
        answer = client("*").get("/stac/search", headers={"Accept-Encoding": taken})
        assert answer.headers["Content-Encoding"] == "gzip"


@pytest.mark.parametrize("held", ['"t-gzip"', '"other", W/"t-gzip"', '"t"', 'W/"t"'])
@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_a_compressed_answer_has_a_tag_of_its_own_that_is_known_again(held: str, coding: str) -> None:
    first = client("*").get("/tagged", headers={"Accept-Encoding": coding})
    assert first.headers["ETag"] == ('"t-gzip"' if coding == "gzip" else '"t"')
    again = client("*").get("/tagged", headers={"Accept-Encoding": coding, "If-None-Match": held})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == ('"t-gzip"' if "gzip" in held else '"t"')
    assert "Accept-Encoding" in again.headers["Vary"]
    changed = client("*").put("/tagged", headers={"If-Match": held})
    assert changed.status_code == (412 if "W/" in held else 200)


def test_a_weak_tag_stands_for_every_coding() -> None:
    answer = client("*").get("/weak", headers={"Accept-Encoding": "gzip"})
    assert (answer.headers["ETag"], answer.headers["Content-Encoding"]) == ('W/"t"', "gzip")


def plainly(method: str = "GET", path: str = "/stac/search", **headers: str) -> Response:
    async def streamed(_request: Request) -> Response:
        return StreamingResponse(iter([b"a", b"b"]))

    async def kept(_request: Request) -> Response:
        return PlainTextResponse("abc", headers={"Cache-Control": "no-store"})

    paths = {"/stac/search": long, "/ogc/x": streamed, "/graphql": kept, "/admin/x": long}
    app = Starlette(routes=[Route(name, endpoint, methods=["GET", "POST"]) for name, endpoint in paths.items()])
    app.add_middleware(Tags)
    app.add_middleware(Compression)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    answer: Any = TestClient(app).request(method, path, headers={"Accept-Encoding": "identity", **given})
    found: Response = answer
    return found


def test_what_anybody_reads_is_not_sent_again_to_who_has_it() -> None:
    first = plainly()
    assert first.headers["Cache-Control"] == "no-cache"
    tag = first.headers["ETag"]
    for method in ("GET", "HEAD"):
        again: Any = plainly(method, If_None_Match=tag)
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
        assert not {"content-length", "content-type"} & set(again.headers)
    other: Any = plainly(If_None_Match='"other"')
    assert (other.status_code, other.content) == (200, b"abc " * LEAST)
    compressed = plainly(Accept_Encoding="gzip").headers["ETag"]
    assert compressed == f'{tag[:-1]}-gzip"'
    assert plainly(Accept_Encoding="gzip", If_None_Match=compressed).status_code == 304


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/stac/search", {}),
        ("GET", "/admin/x", {}),
        ("GET", "/ogc/x", {}),
        ("GET", "/graphql", {}),
        ("GET", "/stac/nothing", {}),
        ("GET", "/stac/search", {"Cookie": f"{COOKIE}=x"}),
        ("GET", "/stac/search", {"Authorization": "Bearer x"}),
    ],
)
def test_what_is_streamed_private_or_kept_otherwise_has_no_tag(method: str, path: str, headers: dict[str, str]) -> None:
    answer = plainly(method, path, **headers)
    assert "ETag" not in answer.headers
    assert plainly(method, path, If_None_Match="*", **headers).status_code == answer.status_code


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
