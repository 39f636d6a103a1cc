"""Tokens are their person's until they are revoked or over."""

from __future__ import annotations

from dataclasses import replace

import pytest

from discovery.errors import LimitError
from discovery.model.person import Token
from discovery.store import tokens as module
from discovery.store.ingest import now
from discovery.store.store import Store

pytestmark = pytest.mark.stores


def token(person: str, id: str = "t1", lasts: int = 60_000) -> Token:
    return Token(id, person, "for cron", ("read", "launch"), now(), now() + lasts)


def test_a_token_is_found_with_its_person_and_its_scopes(store: Store) -> None:
    ann = store.people.welcome("https://id.example", "1", "Ann")
    made = token(ann.id)
    store.tokens.add("d1", made)
    assert store.tokens.holder("d1") == (made, ann)
    assert store.tokens.holder("d2") is None
    store.tokens.used("t1", 7)
    assert store.tokens.of(ann.id) == [replace(made, used=7)]
    assert store.tokens.of("bob") == []


def test_what_is_over_opens_nothing_and_is_forgotten(store: Store) -> None:
    ann = store.people.welcome("https://id.example", "1", "Ann")
    store.tokens.add("old", token(ann.id, "t0", lasts=-1))
    assert store.tokens.holder("old") is None
    store.tokens.add("new", token(ann.id))
    assert [each.id for each in store.tokens.of(ann.id)] == ["t1"]


def test_nobody_revokes_a_token_of_somebody_else(store: Store) -> None:
    ann = store.people.welcome("https://id.example", "1", "Ann")
    store.tokens.add("d1", token(ann.id))
    assert not store.tokens.revoke("bob", "t1")
    assert not store.tokens.revoke(ann.id, "t2")
    assert store.tokens.holder("d1") is not None
    assert store.tokens.revoke(ann.id, "t1")
    assert store.tokens.holder("d1") is None
    store.tokens.add("d3", token(ann.id, "t3"))
    assert store.tokens.revoke_all(ann.id) == 1
    assert store.tokens.of(ann.id) == []


def test_there_is_an_end_to_how_many_somebody_has(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_TOKENS", 2)
    for number in range(2):
        store.tokens.add(f"d{number}", token("ann", f"t{number}"))
    with pytest.raises(LimitError, match="revoke some"):
        store.tokens.add("d9", token("ann", "t9"))
    store.tokens.add("d9", token("bob", "t9"))
