"""How often somebody may ask."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from discovery import limiting
from discovery.limiting import Buckets, Limits

HERE, THERE = ("127.0.0.1", 1), ("192.0.2.7", 1)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def browser(clock: Clock, client: tuple[str, int] = THERE, rate: float = 1) -> TestClient:
    def answer(_request: Request) -> PlainTextResponse:
        return PlainTextResponse("here")

    paths = ("/search", "/health", "/static/style.css", "/signin", "/signin/callback")
    app = Starlette(routes=[Route(path, answer, methods=["GET", "POST"]) for path in paths])
    return TestClient(Limits(app, rate, clock), client=client)


def test_a_bucket_empties_at_once_and_fills_slowly(clock: Clock) -> None:
    buckets = Buckets(2, 3, clock)
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 0]
    assert buckets.take("a") == 0.5
    assert buckets.take("b") == 0
    clock.now += 0.5
    assert buckets.take("a") == 0
    assert buckets.take("a") == 0.5
    clock.now += 1_000
    assert [buckets.take("a") > 0 for _ in range(4)] == [False, False, False, True]


def test_there_is_an_end_to_how_many_buckets_there_are(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiting, "MOST", 3)
    buckets = Buckets(1, 1, clock)
    buckets.take("used")
    for number in range(10):
        buckets.take("used")
        buckets.take(f"other {number}")
    assert len(buckets) == 3
    assert buckets.take("used") > 0, "one that is in use is not forgotten"


def test_whoever_asks_too_often_is_told_when_to_come_back(clock: Clock) -> None:
    asked = browser(clock)
    assert {asked.get("/search").status_code for _ in range(limiting.BURST)} == {200}
    refused = asked.get("/search")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert refused.headers["cache-control"] == "no-store"
    assert refused.json()["error"]["kind"] == "too_many"
    assert asked.get("/search", headers={"Accept": "text/html"}).text.startswith("Too many requests")
    clock.now += 1
    assert asked.get("/search").status_code == 200


def test_neither_other_tokens_nor_none_give_an_address_more(clock: Clock) -> None:
    asked = browser(clock)
    shown = [{"Authorization": f"Bearer {number}"} if number % 2 else {} for number in range(limiting.BURST + 5)]
    assert [asked.get("/search", headers=each).status_code for each in shown].count(429) == 5


def test_a_token_is_limited_wherever_it_is_shown(clock: Clock) -> None:
    def answer(_request: Request) -> PlainTextResponse:
        return PlainTextResponse("here")

    limited = Limits(Starlette(routes=[Route("/search", answer)]), 1, clock)
    places = [TestClient(limited, client=(f"192.0.2.{number}", 1)) for number in range(limiting.BURST + 3)]
    found = [each.get("/search", headers={"Authorization": "Bearer one"}).status_code for each in places]
    assert found.count(429) == 3


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
    ],
)
def test_who_has_one_address_of_a_network_of_version_six_has_them_all(one: str, other: str, same: bool) -> None:
    assert (limiting._group(one) == limiting._group(other)) is same


def test_what_costs_nothing_and_who_is_here_is_not_limited(clock: Clock) -> None:
    asked = browser(clock)
    for path in ("/health", "/static/style.css"):
        assert {asked.get(path).status_code for _ in range(40)} == {200}
    assert {browser(clock, HERE).get("/search").status_code for _ in range(40)} == {200}
    assert {browser(clock, rate=0).get("/search").status_code for _ in range(40)} == {200}


@pytest.mark.parametrize("client", [HERE, THERE])
def test_signing_in_is_tried_so_often_and_not_more_from_anywhere(clock: Clock, client: tuple[str, int]) -> None:
    asked = browser(clock, client, rate=0)
    tries = [asked.post("/signin").status_code for _ in range(limiting.SIGN_IN_BURST - 1)]
    assert set(tries) == {200}
    assert asked.get("/signin/callback").status_code == 200
    assert asked.get("/signin/callback").status_code == asked.post("/signin").status_code == 429
    assert asked.get("/signin").status_code == 200
    clock.now += 1 / limiting.SIGN_IN_RATE
    assert asked.post("/signin").status_code == 200
