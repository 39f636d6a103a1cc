from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx
import pytest

from discovery.errors import GoneError, NotFoundError, SourceRefusedError, SourceUnavailableError
from discovery.http import Client, Response, conditions, decode_json
from discovery.http.answer import fault, looks_like_html

if TYPE_CHECKING:
    from tests.http.conftest import Server

PAGE = b"\n<!-- maintenance -->\n<!DOCTYPE html><html><body>We are back soon</body></html>"


def response(content: bytes, **headers: str) -> Response:
    return Response(200, "http://h/?token=CANARY", headers, content)


@pytest.mark.parametrize("kind", ["application/json", "text/html", "text/plain; charset=utf-8", ""])
def test_json_is_judged_by_its_content(kind: str) -> None:
    assert decode_json(response(b'\xef\xbb\xbf{"a": 1}', **{"content-type": kind})) == {"a": 1}


@pytest.mark.parametrize(
    "content",
    [
        PAGE,
        b"",
        b"{",
        b"NaN",
        b'{"a": Infinity}',
        b"[" * 2000 + b"]" * 2000,
        b'"\xff"',
        b'"\\ud800"',
        b"<ExceptionReport/>",
    ],
)
def test_what_is_not_json_is_unexpected_content(content: bytes) -> None:
    with pytest.raises(SourceUnavailableError) as caught:
        decode_json(response(content))
    assert caught.value.detail == "unexpected_content"
    assert "CANARY" not in str(caught.value)


def test_a_page_with_status_200_is_not_the_answer_that_was_asked_for(server: Server, client: Client) -> None:
    url = server.answer("/", PAGE, headers={"Content-Type": "application/xml"})
    for accept in ("application/xml", "application/json, */*;q=0.1"):
        with pytest.raises(SourceUnavailableError, match="web page") as caught:
            client.get(url, accept=accept)
        assert caught.value.detail == "unexpected_content"
        assert caught.value.content.lstrip().startswith(b"<!-- maintenance")
    with pytest.raises(SourceUnavailableError, match="web page"):
        client.json(url)
    with pytest.raises(SourceUnavailableError, match="web page"):
        client.stream(url, accept="application/xml")
    assert client.get(url, accept="text/html").content == PAGE
    assert client.get(url).content == PAGE
    assert len(server.seen) == 6


@pytest.mark.parametrize("start", [b"<html>", b"<HTML lang=en>", b'<?xml version="1.0"?><!DOCTYPE html PUBLIC "x">'])
def test_pages_are_known_by_their_beginning(start: bytes) -> None:
    assert looks_like_html(start)


@pytest.mark.parametrize("start", [b"<VOTABLE>", b"{}", b"", b"<!--", b"<htmlish/>", b'"<html>"'])
def test_other_content_is_no_page(start: bytes) -> None:
    assert not looks_like_html(start)


def test_looking_for_a_page_costs_little() -> None:
    started = time.process_time()
    assert not looks_like_html(b"<!---->" * 10_000)
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    ("status", "error", "detail"),
    [
        (400, SourceRefusedError, "status"),
        (422, SourceRefusedError, "status"),
        (413, SourceRefusedError, "status"),
        (401, SourceRefusedError, "unauthorised"),
        (403, SourceRefusedError, "unauthorised"),
        (500, SourceUnavailableError, "status"),
        (304, SourceUnavailableError, "status"),
        (300, SourceUnavailableError, "status"),
    ],
)
def test_a_status_that_is_no_success_is_asked_once_and_keeps_its_reason(
    server: Server, client: Client, status: int, error: type[SourceUnavailableError], detail: str
) -> None:
    reason = b"" if status == 304 else b"<INFO>QUERY_STATUS ERROR</INFO>"
    with pytest.raises(error) as caught:
        client.get(server.answer("/", reason, status))
    assert type(caught.value) is error
    assert (caught.value.detail, caught.value.answer_status, caught.value.content) == (detail, status, reason)
    assert len(server.seen) == 1


def test_nothing_there_and_removed_are_told_apart(server: Server, client: Client) -> None:
    with pytest.raises(NotFoundError) as missing:
        client.get(server.url("/none?token=CANARY"))
    assert not isinstance(missing.value, GoneError)
    assert "CANARY" not in str(missing.value)
    with pytest.raises(GoneError):
        client.get(server.answer("/gone", b"", 410))


def test_an_unchanged_answer_is_not_sent_again(server: Server, client: Client) -> None:
    first = client.get(
        server.answer("/", b"x", headers={"ETag": '"7"', "Last-Modified": "Sat, 21 Nov 2026 12:00:00 GMT"})
    )
    server.answer("/", b"", 304)
    again = client.get(server.url(), headers=first.conditions)
    assert again.not_modified
    assert again.content == b""
    assert server.seen[1].headers["if-none-match"] == '"7"'
    assert server.seen[1].headers["if-modified-since"] == "Sat, 21 Nov 2026 12:00:00 GMT"


def test_a_validator_that_fits_no_header_is_left_out() -> None:
    assert conditions(etag='"a"\r\nX: y', last_modified="é") == {}
    assert response(b"").conditions == {}


def test_an_answer_shows_no_secrets() -> None:
    assert "CANARY" not in repr(response(b"CANARY", etag="CANARY"))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("cannot look up a.example: [Errno -2] Name or service not known", "a.example: Name or service not known"),
        ("[Errno 111] Connection refused", "GET x: Connection refused"),
    ],
)
def test_what_the_system_says_is_told_without_its_number(said: str, told: str) -> None:
    error = fault(httpx.ConnectError(said), "GET x", over=False, received=0)
    assert str(error).endswith(told)
    assert "Errno" not in str(error)
