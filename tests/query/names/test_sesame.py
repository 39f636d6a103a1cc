from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from discovery.http import Client, Policy
from discovery.query import names
from discovery.query.names.sesame import FRESH, KEPT, PAUSE, Sesame

ANSWER = """# HD 1	#Q1234
#=S=Simbad (CDS, via url):    1     1ms
%@ 1575544
%C.0 Rad
%J 299.86815263 +40.73391583 = 19:59:28.35663 +40:44:02.0970
%I.0 NAME Cyg A

#====Done (2026-Nov-21,20:00:00z)====
"""


class Service:
    """A Sesame service that counts its questions."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        self.asked: list[httpx.URL] = []
        self._answer = answer
        self.now = 0.0

    def sesame(self) -> Sesame:
        def handle(request: httpx.Request) -> httpx.Response:
            self.asked.append(request.url)
            return self._answer(request)

        policy = Policy(backoff=0.0).with_hosts("names.test:443")
        client = Client(policy, transport=httpx.MockTransport(handle), resolver=lambda _host, _port: ["192.0.2.1"])
        return Sesame("https://names.test/cgi-bin/nph-sesame/", client, clock=lambda: self.now)


def said(text: str) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _request: httpx.Response(200, text=text, headers={"content-type": "text/plain"})


@pytest.fixture
def known() -> Service:
    return Service(said(ANSWER))


def test_a_name_is_where_the_service_says(known: Service) -> None:
    found = known.sesame().resolve(" 3C   405 ")
    assert found is not None
    assert (found.name, found.kind, found.frame, found.matched) == ("3C 405", "object", "sky", "network")
    assert found.cone == (299.86815263, 40.73391583, 0.1)
    assert found.kind in names.KINDS
    assert str(known.asked[0]) == "https://names.test/cgi-bin/nph-sesame/-oI/SNV?3C%20405"


def test_an_answer_is_remembered_for_a_day(known: Service) -> None:
    sesame = known.sesame()
    sesame.resolve("3C 405")
    known.now = FRESH - 1
    sesame.resolve("3C 405")
    assert len(known.asked) == 1
    known.now = FRESH + 1
    sesame.resolve("3C 405")
    assert len(known.asked) == 2


def test_what_the_service_does_not_know_is_remembered_too() -> None:
    service = Service(said("#=S=Simbad\n#!SIMBAD: No known catalog could be found\n#====Done\n"))
    sesame = service.sesame()
    assert sesame.resolve("Nowhere") is None
    assert sesame.resolve("Nowhere") is None
    assert len(service.asked) == 1


def test_a_service_that_does_not_answer_is_left_alone_for_a_while() -> None:
    service = Service(lambda _request: httpx.Response(503))
    sesame = service.sesame()
    assert sesame.resolve("3C 405") is None
    assert sesame.resolve("3C 48") is None
    assert len(service.asked) == 1
    service.now = PAUSE + 1
    assert sesame.resolve("3C 48") is None
    assert len(service.asked) == 2


@pytest.mark.parametrize(
    "name",
    ["", "7", "12 34", "a" * 61, "M31\x00", "M31: x", "M31&x=1", "M31?y", "M31#z", "ünïcode", "\u202eM31", "<b>"],
    ids=range(12),
)  # fmt: skip
def test_what_is_no_name_of_the_sky_is_never_sent(known: Service, name: str) -> None:
    sesame = known.sesame()
    assert sesame.resolve(name) is None
    assert known.asked == []


@pytest.mark.parametrize(
    "text",
    ["", "%J", "%J 361 0", "%J 10 91", "%J nan nan", "%J 1e400 1", "x %J 1 1", "%J " + "9" * 10_000, "\x00\xff"],
    ids=range(9),
)  # fmt: skip
def test_an_answer_without_a_position_is_no_answer(text: str) -> None:
    assert Service(said(text)).sesame().resolve("3C 405") is None


def test_a_page_or_a_flood_instead_of_an_answer_is_no_answer() -> None:
    assert Service(said(ANSWER + " " * 100_000)).sesame().resolve("3C 405") is None


@pytest.mark.slow
def test_only_so_many_answers_are_kept(known: Service) -> None:
    sesame = known.sesame()
    for number in range(KEPT + 1):
        sesame.resolve(f"PSR {number}")
    asked = len(known.asked)
    sesame.resolve(f"PSR {KEPT}")
    assert len(known.asked) == asked
    sesame.resolve("PSR 0")
    assert len(known.asked) == asked + 1
