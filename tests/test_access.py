from __future__ import annotations

import logging

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from discovery import log
from discovery.access import RequestLog


def answer(request: Request) -> PlainTextResponse:
    if request.query_params.get("fail"):
        raise RuntimeError("no")
    return PlainTextResponse(log.request.get())


@pytest.fixture
def client() -> TestClient:
    app = Starlette(routes=[Route("/a", answer)])
    app.add_middleware(RequestLog)
    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "ä", "a\x7f"])
def test_an_id_that_nobody_should_have_given_is_replaced(client: TestClient, given: str) -> None:
    response = client.get("/a", headers={"X-Request-ID": given.encode("latin-1")})
    assert response.headers["X-Request-ID"] == response.text != given
    assert len(response.text) == 16


def test_an_id_of_a_proxy_is_kept_while_the_request_is_answered(client: TestClient) -> None:
    assert client.get("/a", headers={"X-Request-ID": "proxy-7.a_b"}).text == "proxy-7.a_b"
    assert log.request.get() == ""


def test_a_line_says_what_happened_and_not_what_was_asked(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "discovery.access"):
        client.get("/a?q=secret")
        client.get("/a?fail=1")
    facts = [record.facts for record in caplog.records]  # type: ignore[attr-defined]
    good, bad = facts
    assert (good["method"], good["path"], good["status"], good["bytes"]) == ("GET", "/a", 200, 16)
    assert bad["status"] == 500
    assert "secret" not in caplog.text
