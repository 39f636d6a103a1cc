"""Around every page: who asks, what its errors look like, and what caches are told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse

from discovery.errors import BadQueryError
from discovery.model.person import LAUNCH, Role
from discovery.people import People
from discovery.store.store import Store
from ui.gate import COOKIE, Gate, visit
from ui.rendering import Renderer
from ui.routing import page_route

if TYPE_CHECKING:
    from fastapi.testclient import TestClient


@pytest.fixture
def people(store: Store) -> People:
    return People(store)


@pytest.fixture
def client(people: People) -> Iterator[TestClient]:
    from fastapi.testclient import TestClient

    gate = Gate(people)
    made = APIRouter(route_class=page_route(Renderer("Test"), gate, negotiated=("/bad",)))

    @made.get("/page", response_model=None)
    def page() -> Response:
        return HTMLResponse(visit.get().who.id or "nobody", headers={"Vary": "Accept"})

    @made.get("/text", response_model=None)
    def text() -> Response:
        return PlainTextResponse("text")

    @made.get("/bad", response_model=None)
    def bad() -> Response:
        raise BadQueryError("no such thing")

    @made.api_route("/mine/{id}", methods=["GET", "POST"], response_model=None)
    def mine(request: Request) -> Response:
        gate.require(request, Role.USER, LAUNCH)
        return PlainTextResponse("mine")

    app = FastAPI()
    app.include_router(made)
    with TestClient(app, follow_redirects=False) as opened:
        yield opened


def test_a_page_of_nobody_is_as_cacheable_as_it_was(client: TestClient) -> None:
    answer = client.get("/page")
    assert answer.text == "nobody"
    assert answer.headers["vary"] == "Accept, Cookie"
    assert "cache-control" not in answer.headers
    assert "vary" not in client.get("/text").headers


@pytest.mark.parametrize("path", ["/page", "/text", "/bad", "/mine/1"])
def test_what_somebody_is_shown_is_kept_by_nobody(client: TestClient, people: People, path: str) -> None:
    client.cookies.set(COOKIE, people.welcome("https://id.example", "ann", "Ann"))
    assert client.get(path).headers["cache-control"] == "private, no-store"
    assert len(client.get("/page").text) == 16


def test_nobody_we_know_is_led_to_the_way_in_and_back(client: TestClient) -> None:
    answer = client.get("/mine/a%20b%3F?x=1&y=%2F")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/signin?next=%2Fmine%2Fa%2520b%253F%3Fx%3D1%26y%3D%252F"


def test_a_form_of_nobody_is_refused_with_the_way_in(client: TestClient) -> None:
    answer = client.post("/mine/1")
    assert answer.status_code == 403
    assert 'href="/signin"' in answer.text
    client.cookies.set(COOKIE, "over")
    assert "Your sign-in has ended" in client.post("/mine/1").text


def test_programs_are_told_in_json(client: TestClient) -> None:
    for given in ({"params": {"f": "json"}}, {"headers": {"Authorization": "Bearer wrong"}}):
        answer = client.get("/mine/1", **given)  # type: ignore[arg-type]
        assert answer.status_code == 401
        assert answer.json()["error"]["kind"] == "denied"
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["cache-control"] == "no-store"


def test_errors_are_pages_that_hang_on_what_the_page_hangs_on(client: TestClient) -> None:
    answer = client.get("/bad")
    assert (answer.status_code, answer.headers["vary"]) == (400, "Accept, Cookie")
    assert "No such thing" in answer.text
    assert client.get("/bad", params={"f": "json"}).json()["error"]["message"] == "no such thing"


def test_nothing_of_a_visit_is_left_for_the_next(client: TestClient, people: People) -> None:
    client.cookies.set(COOKIE, people.welcome("https://id.example", "ann", "Ann"))
    client.get("/bad")
    client.cookies.clear()
    assert client.get("/page").text == "nobody"
    assert visit.get().who.id == ""
