"""Operators: a token, links that open once, sessions that end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from discovery.errors import ConfigError
from discovery.people import operators as module
from discovery.people.operators import Operators, form_key
from discovery.store.store import Store

TOKEN = "0123456789abcdef" * 4


def test_a_link_opens_once_for_one_of_many(store: Store) -> None:
    operators = Operators(store.passes)
    code = operators.invite()
    with ThreadPoolExecutor(8) as threads:
        sessions = list(filter(None, threads.map(operators.enter, [code] * 16)))
    assert len(sessions) == 1
    assert operators.knows(sessions[0])


def test_a_link_that_is_too_old_opens_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    operators = Operators(store.passes)
    monkeypatch.setattr(module, "LINK_LASTS", -1)
    assert operators.enter(operators.invite()) is None


def test_sessions_end_by_leaving_and_by_themselves(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    operators = Operators(store.passes, TOKEN)
    session = operators.enter(TOKEN)
    assert session is not None
    assert operators.knows(session)
    operators.leave(session)
    assert not operators.knows(session)
    monkeypatch.setattr(module, "SESSION_LASTS", -1)
    short = operators.enter(TOKEN)
    assert short is not None
    assert not operators.knows(short)


def test_nothing_but_the_token_is_the_token(store: Store) -> None:
    operators = Operators(store.passes, TOKEN)
    assert operators.accepts(TOKEN)
    for wrong in ("", TOKEN[:-1], TOKEN + "0", TOKEN.upper(), "\ud800", "\0"):
        assert not operators.accepts(wrong)
        assert operators.enter(wrong) is None
    assert not Operators(store.passes).accepts("")


def test_the_token_is_shown_as_a_bearers(store: Store) -> None:
    operators = Operators(store.passes, TOKEN)
    assert operators.admits(f"Bearer {TOKEN}")
    assert operators.admits(f"bearer  {TOKEN} ")
    for wrong in (TOKEN, f"Basic {TOKEN}", "Bearer", "Bearer ", f"Bearer{TOKEN}", ""):
        assert not operators.admits(wrong)


def test_a_link_is_no_session_and_a_session_no_link(store: Store) -> None:
    operators = Operators(store.passes)
    code = operators.invite()
    assert not operators.knows(code)
    session = operators.enter(code)
    assert session is not None
    assert operators.enter(session) is None
    assert operators.knows(session)


def test_the_store_holds_no_secret(store: Store) -> None:
    operators = Operators(store.passes, TOKEN)
    code, session = operators.invite(), operators.enter(TOKEN)
    with store.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT digest, kind FROM passes").all()
    text = repr(rows)
    assert len(rows) == 2
    assert session is not None
    assert session not in text
    assert code not in text
    assert TOKEN not in text


def test_a_token_that_could_be_guessed_is_refused(store: Store) -> None:
    with pytest.raises(ConfigError, match="at least 32"):
        Operators(store.passes, "secret")


def test_the_key_of_forms_does_not_tell_the_session() -> None:
    assert form_key("a") != form_key("b")
    assert "a" * 40 not in form_key("a" * 40)
