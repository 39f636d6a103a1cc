"""What a proxy says is believed of those that were named, and of nobody else."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from discovery.errors import ConfigError
from discovery.proxies import Proxies, networks

PROXY = ("10.0.0.1", 1)


def asked(
    headers: dict[str, str] | list[tuple[str, str]],
    *,
    client: tuple[str, int] = PROXY,
    proxies: str = "10.0.0.0/24",
    url: str = "",
) -> tuple[str, str]:
    """Return who asks, and which address, as the application sees it."""

    def answer(request: Request) -> JSONResponse:
        assert request.client is not None
        return JSONResponse([request.client.host, str(request.base_url)])

    app = Proxies(Starlette(routes=[Route("/", answer)]), networks(proxies), url)
    with TestClient(app, client=client, base_url="http://inside:8000") as browser:
        found = browser.get("/", headers=headers).json()
    return found[0], found[1]


def test_a_named_proxy_says_who_asks_and_for_what() -> None:
    said = {
        "X-Forwarded-For": "192.0.2.7",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "portal.example",
    }
    assert asked(said) == ("192.0.2.7", "https://portal.example/")


@pytest.mark.parametrize(("client", "proxies"), [(("10.0.1.1", 1), "10.0.0.0/24"), (("127.0.0.1", 1), "")])
def test_nobody_else_is_believed_not_even_on_this_machine(client: tuple[str, int], proxies: str) -> None:
    said = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}
    assert asked(said, client=client, proxies=proxies) == (client[0], "http://inside:8000/")


@pytest.mark.parametrize(
    ("chain", "found"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("6.6.6.6, 192.0.2.7", "192.0.2.7"),
        ("6.6.6.6, 192.0.2.7, 10.0.0.9", "192.0.2.7"),
        ("192.0.2.7, 6.6.6.6, 10.0.0.9, 10.0.0.8", "6.6.6.6"),
        ("10.0.0.9, 10.0.0.8", "10.0.0.9"),
        ("192.0.2.7:5555", "192.0.2.7"),
        ("[2001:db8::1]:5555", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("192.0.2.7, unknown", "10.0.0.1"),
        ("192.0.2.7, ", "10.0.0.1"),
        ("<script>", "10.0.0.1"),
        ("", "10.0.0.1"),
    ],
)
def test_who_asks_is_the_last_one_that_no_proxy_of_ours_is(chain: str, found: str) -> None:
    assert asked({"X-Forwarded-For": chain})[0] == found


def test_a_header_that_is_there_twice_is_one_chain() -> None:
    assert asked([("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "192.0.2.7")])[0] == "192.0.2.7"


@pytest.mark.parametrize(
    "host", ["evil.example/path", "user@evil", "a b", "-", "a" * 300, "evil\\x", "x:port", "<b>", "a,b/", ""]
)
def test_a_host_that_is_none_is_not_believed(host: str) -> None:
    assert asked({"X-Forwarded-Host": host})[1] == "http://inside:8000/"


@pytest.mark.parametrize("scheme", ["javascript", "ftp", "httpss", "", "https, ftp"])
def test_a_scheme_that_is_none_is_not_believed(scheme: str) -> None:
    assert asked({"X-Forwarded-Proto": scheme})[1] == "http://inside:8000/"


def test_the_public_address_of_the_settings_is_every_request_s() -> None:
    said = {"X-Forwarded-Proto": "http", "X-Forwarded-Host": "other.example", "Host": "evil.example"}
    for proxies in ("10.0.0.0/24", ""):
        assert asked(said, proxies=proxies, url="https://portal.example/")[1] == "https://portal.example/"


@pytest.mark.parametrize("text", ["everybody", "10.0.0.1/33", "0.0.0.0/0", "::/0", "10.0.0.1/24", "*"])
def test_networks_that_are_none_or_everybody_are_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        networks(text)


def test_networks_are_read_as_they_are_written() -> None:
    assert [str(each) for each in networks(" 10.0.0.1, 10.1.0.0/16 ,::1,")] == ["10.0.0.1/32", "10.1.0.0/16", "::1/128"]


@pytest.mark.parametrize("url", ["portal.example", "ftp://portal.example", "https://user@portal.example", "https://"])
def test_a_public_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        asked({}, url=url)
