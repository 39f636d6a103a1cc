"""The way in and out, over a real store."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from fastapi import FastAPI

import ui
from discovery.model.person import Role
from discovery.portal import Portal
from ui.gate import COOKIE, SECURE_COOKIE

if TYPE_CHECKING:
    from fastapi.testclient import TestClient


@pytest.fixture
def client(portal: Portal) -> Iterator[TestClient]:
    """Return a browser of this test alone, which has no cookies of others."""
    from fastapi.testclient import TestClient

    app = FastAPI(openapi_url=None)
    ui.attach(app, portal, title="Test portal")
    with TestClient(app, follow_redirects=False) as opened:
        yield opened


def key(client: TestClient, path: str) -> str:
    found = re.search(r'name="key" value="([0-9a-f]{64})"', client.get(path).text)
    assert found is not None
    return found[1]


@pytest.mark.slow
def test_a_link_lets_one_browser_in_and_looking_at_it_does_not_use_it_up(client: TestClient, portal: Portal) -> None:
    code = portal.people.invite()
    shown = client.get("/signin", params={"code": code, "next": "/search?q=ice"})
    assert f'value="{code}"' in shown.text
    assert shown.headers["cache-control"] == "no-store"
    assert COOKIE not in client.cookies
    answer = client.post("/signin", data={"code": code, "next": "/search?q=ice"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/search?q=ice")
    page = client.get("/search", params={"q": "ice"})
    assert ">Local<" in page.text
    assert page.headers["cache-control"] == "private, no-store"
    client.cookies.clear()
    assert ">Sign in<" in client.get("/").text
    again = client.post("/signin", data={"code": code})
    assert again.status_code == 403
    assert "used already" in again.text
    assert client.post("/signin", data={"token": "wrong"}).status_code == 403
    assert client.post("/signin", data={}).status_code == 403


@pytest.mark.slow
def test_behind_tls_the_cookie_is_for_tls_and_for_this_host_only(client: TestClient, portal: Portal) -> None:
    client.base_url = "https://portal.example"  # type: ignore[assignment]
    answer = client.post("/signin", data={"code": portal.people.invite()})
    told = answer.headers["set-cookie"]
    assert told.startswith(f"{SECURE_COOKIE}=")
    assert "; secure" in told.lower()
    assert ">Local<" in client.get("/").text


@pytest.mark.slow
def test_whoever_signs_in_has_a_new_session_whatever_the_browser_had(client: TestClient, portal: Portal) -> None:
    planted = portal.people.welcome("https://id.example", "eve", "Eve")
    client.cookies.set(COOKIE, planted)
    answer = client.post("/signin", data={"code": portal.people.invite()})
    assert planted not in answer.headers["set-cookie"]
    assert portal.people.who(None, planted).role is Role.ANONYMOUS


@pytest.mark.slow
def test_whoever_signs_out_is_out_even_with_the_cookie_and_no_other_site_does_it_for_them(
    client: TestClient, portal: Portal
) -> None:
    session = portal.people.welcome("https://id.example", "ann", "Ann", role=Role.OPERATOR)
    client.cookies.set(COOKIE, session)
    for wrong in ({}, {"key": ""}, {"key": "0" * 64}):
        assert client.post("/signout", data=wrong).status_code == 403
    assert portal.people.who(None, session).role is Role.OPERATOR
    answer = client.post("/signout", data={"key": key(client, "/admin/harvests")})
    assert answer.status_code == 303
    assert portal.people.who(None, session).role is Role.ANONYMOUS
    assert client.get("/signout").status_code == 405
