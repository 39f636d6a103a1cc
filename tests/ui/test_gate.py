"""Who is let through; tests/ui/test_people.py and tests/ui/test_admin.py ask by HTTP."""

from __future__ import annotations

import pytest
from fastapi import Request, Response

from discovery.errors import DeniedError
from discovery.model.person import ADMIN, HARVEST, LAUNCH, READ, WRITE, Role
from discovery.people import People
from discovery.store.store import Store
from ui.gate import COOKIE, KEY, SECURE_COOKIE, Gate, key_of

TOKEN = "0123456789abcdef" * 4


def request(*, scheme: str = "http", **headers: str) -> Request:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Request(
        {"type": "http", "method": "POST", "path": "/x", "query_string": b"", "headers": raw, "scheme": scheme}
    )


@pytest.fixture
def people(store: Store) -> People:
    return People(store, TOKEN)


@pytest.fixture
def session(people: People) -> str:
    return people.welcome("https://id.example", "ann", "Ann")


def test_a_wrong_token_is_not_made_good_by_a_session(people: People, session: str) -> None:
    gate = Gate(people)
    cookie = f"{COOKIE}={session}"
    assert gate.who(request(cookie=cookie)).session == session
    assert gate.who(request(cookie=cookie, authorization="Bearer wrong")).role is Role.ANONYMOUS
    assert gate.who(request(authorization=f"bearer {TOKEN}")).role is Role.OPERATOR


def test_the_key_of_one_session_is_none_for_another(people: People, session: str) -> None:
    gate = Gate(people)
    other = gate.who(request(cookie=f"{COOKIE}={people.welcome('https://id.example', 'ann', 'Ann')}"))
    asked = request(cookie=f"{COOKIE}={session}")
    for wrong in ({KEY: key_of(other)}, {KEY: ""}, {KEY: "é"}, {}):
        with pytest.raises(DeniedError, match="load the page again"):
            gate.allow(asked, wrong)
    who = gate.who(asked)
    assert gate.allow(asked, {KEY: key_of(who)}) == who


def test_a_program_needs_no_key_but_the_scope(people: People, session: str) -> None:
    gate = Gate(people)
    browser = gate.who(request(cookie=f"{COOKIE}={session}"))
    shown, _ = people.make_token(browser, "t", [READ, LAUNCH], 1)
    asked = request(authorization=f"Bearer {shown}")
    assert gate.allow(asked, {}, Role.USER, LAUNCH).id == browser.id
    with pytest.raises(DeniedError, match="not good for write"):
        gate.allow(asked, {})
    with pytest.raises(DeniedError, match="needs the role operator"):
        gate.allow(asked, {}, Role.OPERATOR, READ)


def test_somebody_is_let_through_for_a_role_and_a_scope(people: People) -> None:
    gate = Gate(people)
    asked = request(authorization=f"Bearer {TOKEN}")
    assert gate.require(asked, Role.OPERATOR, HARVEST).role is Role.OPERATOR
    assert gate.require(request(), Role.ANONYMOUS).id == ""
    with pytest.raises(DeniedError, match="needs the role admin"):
        gate.require(asked, Role.ADMIN, ADMIN)


def test_nobody_is_told_what_to_do_about_it(people: People) -> None:
    gate = Gate(people)
    for asked, said in (
        (request(), "sign in first"),
        (request(cookie=f"{COOKIE}=over"), "your sign-in has ended"),
        (request(authorization="Bearer dsc_over"), "this token is not known"),
    ):
        with pytest.raises(DeniedError, match=said):
            gate.allow(asked, {}, Role.USER, WRITE)


def test_the_store_is_asked_once_a_request(people: People, session: str, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, asked, times = Gate(people), request(cookie=f"{COOKIE}={session}"), []
    who = people.who
    monkeypatch.setattr(people, "who", lambda *given: times.append(given) or who(*given))
    assert gate.who(asked) is gate.who(asked)
    assert len(times) == 1


@pytest.mark.parametrize(("scheme", "name"), [("http", COOKIE), ("https", SECURE_COOKIE)])
def test_the_cookie_is_for_the_whole_site_and_for_no_script(
    people: People, session: str, scheme: str, name: str
) -> None:
    gate, answer = Gate(people), Response()
    asked = request(scheme=scheme)
    gate.open(asked, answer, session)
    told = answer.headers["set-cookie"]
    parts = {each.strip().lower() for each in told.split(";")[1:]}
    assert told.startswith(f"{name}={session};")
    assert {"httponly", "samesite=lax", "path=/", "max-age=43200"} <= parts
    assert ("secure" in parts) == (scheme == "https")
    assert not any(each.startswith("domain") for each in parts)
    assert gate.who(request(scheme=scheme, cookie=f"{name}={session}")).session == session
    other = request(scheme="http" if scheme == "https" else "https", cookie=f"{name}={session}")
    assert gate.who(other).session == "", "a cookie of the one is none of the other"


def test_signing_in_ends_the_session_that_was_there_and_signing_out_the_one_that_is(people: People) -> None:
    gate = Gate(people)
    first, second = (people.welcome("https://id.example", "ann", "Ann") for _ in range(2))
    gate.open(request(cookie=f"{COOKIE}={first}"), Response(), second)
    assert gate.who(request(cookie=f"{COOKIE}={first}")).id == ""
    answer = Response()
    gate.close(request(cookie=f"{COOKIE}={second}"), answer)
    assert gate.who(request(cookie=f"{COOKIE}={second}")).id == ""
    assert f'{COOKIE}=""' in answer.headers["set-cookie"]
    assert "max-age=0" in answer.headers["set-cookie"].lower()
