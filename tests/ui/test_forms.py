"""Forms are read within limits."""

from __future__ import annotations

import asyncio

import pytest
from fastapi import Request
from starlette.types import Message

from discovery.errors import BadQueryError
from ui import forms


def request(body: bytes) -> Request:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request({"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": []}, receive)


def test_fields_come_in_their_order_with_the_empty_ones() -> None:
    sent = b"id=1&name=&id=2&text=a%20%C3%A9%2B"
    assert asyncio.run(forms.pairs(request(sent))) == [("id", "1"), ("name", ""), ("id", "2"), ("text", "a é+")]
    assert asyncio.run(forms.fields(request(sent))) == {"id": "2", "name": "", "text": "a é+"}
    assert asyncio.run(forms.fields(request(b""))) == {}


@pytest.mark.parametrize("body", [b"\xff\xfe", b"a=%ff", b"&".join([b"a=1"] * (forms.MAX_FIELDS + 1))])
def test_what_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(BadQueryError, match="form cannot be read"):
        asyncio.run(forms.pairs(request(body)))
