"""Tags, and when an answer is not sent again."""

from __future__ import annotations

import pytest
from fastapi import Request

from ui import caching


def request(*tags: str) -> Request:
    headers = [(b"if-none-match", each.encode("latin-1")) for each in tags]
    return Request({"type": "http", "headers": headers, "query_string": b"", "method": "GET", "path": "/"})


@pytest.mark.parametrize("given", ['"a"', 'W/"a"', '"b", "a"', '"b",W/"a"', "*"])
def test_who_has_it_is_told_so_alone(given: str) -> None:
    answer = caching.answer(request(given), b"body", "text/plain", etag='"a"', headers={"Vary": "Accept"})
    assert (answer.status_code, answer.body) == (304, b"")
    assert [answer.headers[name] for name in ("etag", "vary", "cache-control")] == ['"a"', "Accept", "no-cache"]


@pytest.mark.parametrize("given", ['"b"', "a", '"a', "", '"a,', "x" * 100_000])
def test_who_has_something_else_gets_it(given: str) -> None:
    answer = caching.answer(request(given), "body", "text/plain", etag='"a"')
    assert (answer.status_code, answer.body) == (200, b"body")


def test_a_tag_is_that_of_what_is_sent() -> None:
    first, same, other = (caching.answer(request(), body, "text/plain").headers["etag"] for body in ("a", b"a", "b"))
    assert first == same != other
