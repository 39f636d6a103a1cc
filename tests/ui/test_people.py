"""The way in and out, over a real store."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI

import ui
from discovery.http import Client
from discovery.model.person import Role
from discovery.people import oidc
from discovery.portal import Portal
from tests.people.provider import CLIENT, SECRET, Provider
from ui.gate import COOKIE, SECURE_COOKIE

if TYPE_CHECKING:
    from fastapi.testclient import TestClient


def key(visitor: TestClient, path: str) -> str:
    found = re.search(r'name="key" value="([0-9a-f]{64})"', visitor.get(path).text)
    assert found is not None
    return found[1]


@pytest.mark.slow
def test_a_link_lets_one_browser_in_and_looking_at_it_does_not_use_it_up(visitor: TestClient, portal: Portal) -> None:
    code = portal.people.invite()
    shown = visitor.get("/signin", params={"code": code, "next": "/search?q=ice"})
    assert f'value="{code}"' in shown.text
    assert shown.headers["cache-control"] == "no-store"
    assert COOKIE not in visitor.cookies
    answer = visitor.post("/signin", data={"code": code, "next": "/search?q=ice"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/search?q=ice")
    page = visitor.get("/search", params={"q": "ice"})
    assert ">Local<" in page.text
    assert page.headers["cache-control"] == "private, no-store"
    visitor.cookies.clear()
    assert ">Sign in<" in visitor.get("/").text
    again = visitor.post("/signin", data={"code": code})
    assert again.status_code == 403
    assert "used already" in again.text
    assert visitor.post("/signin", data={"token": "wrong"}).status_code == 403
    assert visitor.post("/signin", data={}).status_code == 403


@pytest.mark.slow
def test_behind_tls_the_cookie_is_for_tls_and_for_this_host_only(visitor: TestClient, portal: Portal) -> None:
    visitor.base_url = "https://portal.example"
    answer = visitor.post("/signin", data={"code": portal.people.invite()})
    told = answer.headers["set-cookie"]
    assert told.startswith(f"{SECURE_COOKIE}=")
    assert "; secure" in told.lower()
    assert ">Local<" in visitor.get("/").text


@pytest.mark.slow
def test_whoever_signs_in_has_a_new_session_whatever_the_browser_had(visitor: TestClient, portal: Portal) -> None:
    planted = portal.people.welcome("https://id.example", "eve", "Eve")
    visitor.cookies.set(COOKIE, planted)
    answer = visitor.post("/signin", data={"code": portal.people.invite()})
    assert planted not in answer.headers["set-cookie"]
    assert portal.people.who(None, planted).role is Role.ANONYMOUS


@pytest.mark.slow
def test_whoever_signs_out_is_out_even_with_the_cookie_and_no_other_site_does_it_for_them(
    visitor: TestClient, portal: Portal
) -> None:
    session = portal.people.welcome("https://id.example", "ann", "Ann", role=Role.OPERATOR)
    visitor.cookies.set(COOKIE, session)
    for wrong in ({}, {"key": ""}, {"key": "0" * 64}):
        assert visitor.post("/signout", data=wrong).status_code == 403
    assert portal.people.who(None, session).role is Role.OPERATOR
    answer = visitor.post("/signout", data={"key": key(visitor, "/admin/harvests")})
    assert answer.status_code == 303
    assert portal.people.who(None, session).role is Role.ANONYMOUS
    assert visitor.get("/signout").status_code == 405


# By whom people are known elsewhere


@pytest.fixture
def known(portal: Portal, provider: Provider) -> Iterator[TestClient]:
    """Return a browser of a portal for whose people somebody vouches."""
    from fastapi.testclient import TestClient

    app = FastAPI(openapi_url=None)
    trust = oidc.Trust(provider.url, CLIENT, "http://testserver/signin/callback", SECRET)
    way = oidc.Provider(trust, Client(trust.policy), portal.store.passes)
    ui.attach(app, portal, title="Test portal", provider=way)
    with TestClient(app, follow_redirects=False) as opened:
        yield opened
    way.close()


def there_and_back(browser: TestClient, to: str) -> str:
    """Return the address that somebody comes back to from the provider."""
    away = browser.get("/signin/start", params={"next": to})
    assert away.status_code == 303
    return httpx.get(away.headers["location"]).headers["location"]


@pytest.mark.slow
def test_somebody_signs_in_with_the_provider_and_comes_back_to_the_page(known: TestClient, provider: Provider) -> None:
    assert "Sign in with 127.0.0.1" in known.get("/signin", params={"next": "/search?q=ice"}).text
    answer = known.get(there_and_back(known, "/search?q=ice"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/search?q=ice")
    assert answer.headers["cache-control"] == "no-store"
    assert ">Ann Frost<" in known.get("/").text
    assert "discovery_signin" not in known.cookies


@pytest.mark.slow
def test_whoever_signs_out_is_shown_how_to_do_so_with_the_provider(
    known: TestClient, provider: Provider, portal: Portal
) -> None:
    provider.about["end_session_endpoint"] = f"{provider.url}/logout"
    known.get(there_and_back(known, "/"))
    assert "signed out" not in known.get("/signin?left=1").text
    answer = known.post("/signout", data={"key": key(known, "/me")})
    assert (answer.status_code, answer.headers["location"]) == (303, "/signin?left=1")
    page = known.get("/signin?left=1").text
    assert "You have signed out here." in page
    asked = "client_id=discovery&amp;post_logout_redirect_uri=http%3A%2F%2Ftestserver%2F"
    assert f'<a href="{provider.url}/logout?{asked}" rel="noreferrer">' in page
    assert "sign out there" not in known.get("/signin").text
    known.post("/signin", data={"code": portal.people.invite()})
    local = known.post("/signout", data={"key": key(known, "/me")})
    assert local.headers["location"] == "/"


@pytest.mark.slow
def test_nobody_is_led_elsewhere_by_the_way_back(known: TestClient, provider: Provider) -> None:
    for to in ("//evil.example", "https://evil.example", "/\\evil.example", "/signin?next=/signin"):
        assert known.get(there_and_back(known, to)).headers["location"] == "/"


@pytest.mark.slow
def test_nobody_signs_another_browser_in_as_themselves(known: TestClient, provider: Provider) -> None:
    came = there_and_back(known, "/")
    known.cookies.clear()
    answer = known.get(came)
    assert answer.status_code == 403
    assert "begun in another browser" in answer.text
    assert COOKIE not in known.cookies


@pytest.mark.slow
def test_a_session_that_was_planted_before_signing_in_is_worth_nothing(
    known: TestClient, portal: Portal, provider: Provider
) -> None:
    planted = portal.people.welcome("https://id.example", "eve", "Eve")
    came = there_and_back(known, "/")
    known.cookies.set(COOKIE, planted)
    assert known.get(came).status_code == 303
    assert portal.people.who(None, planted).role is Role.ANONYMOUS


@pytest.mark.slow
def test_somebody_who_was_disabled_is_told_so(known: TestClient, portal: Portal, provider: Provider) -> None:
    known.get(there_and_back(known, "/"))
    ann = portal.people.who(None, known.cookies[COOKIE]).person
    assert ann is not None
    portal.store.people.disable(ann.id, 1)
    answer = known.get(there_and_back(known, "/"))
    portal.store.people.disable(ann.id, None)
    assert answer.status_code == 403
    assert "You may not come in here any more" in answer.text


@pytest.mark.slow
def test_a_provider_that_lies_is_a_sentence(known: TestClient, provider: Provider) -> None:
    provider.forge = lambda p, claims: p.signed({**claims, "aud": "other"})
    answer = known.get(there_and_back(known, "/"))
    assert answer.status_code == 403
    assert "does not count" in answer.text


@pytest.mark.slow
def test_where_nobody_vouches_there_is_no_such_way(visitor: TestClient) -> None:
    assert visitor.get("/signin/start").status_code == visitor.get("/signin/callback").status_code == 404
    assert "Sign in with" not in visitor.get("/signin").text


def test_what_the_provider_knows_of_us_is_where_people_come_back() -> None:
    from ui.people import CALLBACK

    assert urlsplit("http://testserver/signin/callback").path == CALLBACK
