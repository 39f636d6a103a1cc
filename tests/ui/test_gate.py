"""Who is let through; tests/ui/test_admin.py asks by HTTP."""

from __future__ import annotations

import pytest
from fastapi import Request

from discovery.errors import DeniedError
from discovery.people.operators import Operators
from discovery.store.store import Store
from ui.gate import KEY, Gate

TOKEN = "0123456789abcdef" * 4


def request(**headers: str) -> Request:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "path": "/admin", "query_string": b"", "headers": raw})


def test_a_wrong_token_is_not_made_good_by_a_session(store: Store) -> None:
    gate = Gate(Operators(store.passes, TOKEN))
    session = gate.enter(TOKEN)
    assert session is not None
    cookie = f"discovery_operator={session}"
    who = gate.operator(request(cookie=cookie))
    assert who is not None
    assert who.session == session
    assert gate.operator(request(cookie=cookie, authorization="Bearer wrong")) is None
    assert gate.operator(request(authorization=f"bearer {TOKEN}")) is not None


def test_the_key_of_one_session_is_none_for_another(store: Store) -> None:
    gate = Gate(Operators(store.passes, TOKEN))
    mine, other = gate.enter(TOKEN), gate.enter(TOKEN)
    theirs = gate.operator(request(cookie=f"discovery_operator={other}"))
    assert theirs is not None
    asked = request(cookie=f"discovery_operator={mine}")
    with pytest.raises(DeniedError):
        gate.allow(asked, {KEY: theirs.key})
    who = gate.operator(asked)
    assert who is not None
    assert gate.allow(asked, {KEY: who.key}) == who
