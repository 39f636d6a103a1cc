"""Somebody's own page, over a real store: tokens are shown once, and nobody does anything in another's name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from fastapi import FastAPI

import ui
from discovery.model.person import LAUNCH, READ, WRITE, Role
from discovery.people import People
from discovery.portal import Portal
from ui.gate import COOKIE

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

pytestmark = pytest.mark.slow
ISSUER = "https://id.example"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def ann(visitor: TestClient, portal: Portal, request: pytest.FixtureRequest) -> TestClient:
    """Return the browser of somebody who is new in each test."""
    session = portal.people.welcome(ISSUER, request.node.name, f"Ann {HOSTILE}", email="ann@example.org")
    visitor.cookies.set(COOKIE, session)
    return visitor


def key(visitor: TestClient) -> str:
    found = re.search(r'name="key" value="([0-9a-f]{64})"', visitor.get("/me").text)
    assert found is not None
    return found[1]


def made(visitor: TestClient, **form: object) -> str:
    """Return a token that a browser has made."""
    given = {"key": key(visitor), "name": "for cron", "scope": [READ, LAUNCH], "days": "30", **form}
    page = visitor.post("/me/tokens", data=given)
    assert page.status_code == 200
    assert page.headers["cache-control"] == "private, no-store"
    found = re.search(r"dsc_[\w-]{43}", page.text)
    assert found is not None
    return found[0]


def test_nobody_has_no_page(visitor: TestClient) -> None:
    answer = visitor.get("/me")
    assert (answer.status_code, answer.headers["location"]) == (303, "/signin?next=%2Fme")
    for path in ("/me/tokens", "/me/tokens/x/revoke", "/me/sessions/end"):
        assert visitor.post(path, data={"name": "x", "scope": READ, "days": "1"}).status_code == 403


def test_the_page_says_who_somebody_is_here(ann: TestClient) -> None:
    page = ann.get("/me")
    assert "Ann &lt;script&gt;" in page.text
    assert "<script>alert" not in page.text
    assert "ann@example.org" in page.text
    assert page.headers["cache-control"] == "private, no-store"
    found = ann.get("/me", params={"f": "json"}).json()
    assert (found["role"], found["sessions"], found["tokens"]) == ("user", 1, [])


def test_the_page_leads_to_what_is_kept_and_runs(ann: TestClient) -> None:
    page = ann.get("/me").text
    for path in ("/selections", "/launches", "/volumes", "/datalabs"):
        assert f'<a href="{path}">' in page
        assert ann.get(path).status_code == 200


def test_a_token_is_shown_once_and_opens_what_it_was_made_for(ann: TestClient, portal: Portal) -> None:
    shown = made(ann)
    assert shown not in ann.get("/me").text
    who = portal.people.who(f"Bearer {shown}")
    assert who.scopes == {READ, LAUNCH}
    ann.cookies.clear()
    mine = ann.get("/me", headers={"Authorization": f"Bearer {shown}"}).json()
    assert mine["scopes"] == [READ, LAUNCH]
    assert mine["tokens"][0]["name"] == "for cron"
    assert shown not in str(mine)


def test_a_token_makes_and_revokes_nothing_that_it_was_not_made_for(ann: TestClient) -> None:
    shown = {"Authorization": f"Bearer {made(ann, scope=[READ, WRITE])}"}
    ann.cookies.clear()
    form = {"name": "more", "scope": READ, "days": "1"}
    assert ann.post("/me/tokens", data=form, headers=shown).status_code == 403
    assert len(ann.get("/me", headers=shown).json()["tokens"]) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"scope": []},
        {"scope": ["everything"]},
        {"days": "0"},
        {"days": "366"},
        {"days": "-1"},
        {"days": "1e1"},
        {"days": ""},
        {"days": "99999"},
    ],
    ids=str,
)
def test_a_token_that_cannot_be_is_refused(ann: TestClient, wrong: dict[str, object]) -> None:
    given = {"key": key(ann), "name": "for cron", "scope": [READ], "days": "30", **wrong}
    assert ann.post("/me/tokens", data=given).status_code == 400
    assert ann.get("/me", params={"f": "json"}).json()["tokens"] == []


def test_no_other_site_makes_a_token_or_ends_a_session(ann: TestClient, portal: Portal) -> None:
    for given in ("", "0" * 64):
        form = {"key": given, "name": "x", "scope": READ, "days": "1"}
        assert ann.post("/me/tokens", data=form).status_code == 403
        assert ann.post("/me/sessions/end", data=form).status_code == 403
    assert ann.get("/me").status_code == 200


def test_a_token_is_revoked_by_its_person_and_by_nobody_else(ann: TestClient, portal: Portal) -> None:
    shown = made(ann)
    id = ann.get("/me", params={"f": "json"}).json()["tokens"][0]["id"]
    mine = ann.cookies[COOKIE]
    ann.cookies.set(COOKIE, portal.people.welcome(ISSUER, "bob", "Bob"))
    assert ann.post(f"/me/tokens/{id}/revoke", data={"key": key(ann)}).status_code == 404
    ann.cookies.set(COOKIE, mine)
    assert ann.post(f"/me/tokens/{id}/revoke", data={"key": key(ann)}).status_code == 303
    assert portal.people.who(f"Bearer {shown}").role is Role.ANONYMOUS


def test_somebody_ends_every_session_of_theirs(ann: TestClient, portal: Portal) -> None:
    answer = ann.post("/me/sessions/end", data={"key": key(ann)})
    assert (answer.status_code, answer.headers["location"]) == (303, "/signin")
    assert "max-age=0" in answer.headers["set-cookie"].lower()
    assert ann.get("/me").status_code == 303


def test_those_who_share_a_token_have_a_page_without_tokens(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    from fastapi.testclient import TestClient

    token = "0123456789abcdef" * 4
    monkeypatch.setattr(portal, "people", People(portal.store, token))
    app = FastAPI(openapi_url=None)
    ui.attach(app, portal, title="Test portal")
    with TestClient(app, follow_redirects=False) as browser:
        assert browser.post("/signin", data={"token": token}).status_code == 303
        page = browser.get("/me").text
        assert "Make a token" not in page
        assert "Harvests" in page


def test_what_somebody_marked_leads_there(ann: TestClient, portal: Portal) -> None:
    found = portal.store.catalogue.export()
    id = next(iter(found))["id"]
    me = ann.get("/me", params={"f": "json"}).json()["id"]
    portal.store.marks.set(me, "star", id)
    portal.store.marks.set(me, "star", "a" * 16)
    page = ann.get("/me").text
    assert f'href="/records/{id}"' in page
    assert "a" * 16 not in page
