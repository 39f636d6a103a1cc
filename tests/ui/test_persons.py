"""The admins' pages, over a real store: roles, who may come in, and the log of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from discovery.model.person import TOKEN_SCOPES, Role
from discovery.portal import Portal
from ui.gate import COOKIE

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

pytestmark = pytest.mark.slow
ISSUER = "https://id.example"
PAGES = ("/admin/people", "/admin/audit")


@pytest.fixture
def admin(visitor: TestClient, portal: Portal) -> TestClient:
    visitor.cookies.set(COOKIE, portal.people.welcome(ISSUER, "root", "Root", role=Role.ADMIN, least=True))
    return visitor


@pytest.fixture
def bob(portal: Portal) -> str:
    """Return the id of somebody who is a user and may come in."""
    id = portal.people.who(None, portal.people.welcome(ISSUER, "bob", "<b>Bob</b>")).id
    portal.store.people.set_role(id, Role.USER)
    return id


def key(visitor: TestClient) -> str:
    found = re.search(r'name="key" value="([0-9a-f]{64})"', visitor.get("/me").text)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("role", [each for each in Role if each < Role.ADMIN])
def test_only_admins_see_people_and_change_them(visitor: TestClient, portal: Portal, bob: str, role: Role) -> None:
    forms = {f"/admin/people/{bob}/role": {"role": "admin"}, f"/admin/people/{bob}/disabled": {"disabled": "true"}}
    given = ""
    if role > Role.ANONYMOUS:
        visitor.cookies.set(COOKIE, portal.people.welcome(ISSUER, f"some {role.word}", "Some", role=role))
        given = key(visitor)
    for path in PAGES:
        assert visitor.get(path).status_code == (303 if role is Role.ANONYMOUS else 403)
    for path, form in forms.items():
        assert visitor.post(path, data={**form, "key": given}).status_code == 403
    person = portal.people.person(bob)
    assert (person.role, person.disabled) == (Role.USER, None)


def test_an_admin_gives_a_role_and_it_is_written_who_did(admin: TestClient, portal: Portal, bob: str) -> None:
    page = admin.get("/admin/people", params={"q": "bob"}).text
    assert "&lt;b&gt;Bob" in page
    assert "<b>Bob" not in page
    answer = admin.post(f"/admin/people/{bob}/role", data={"key": key(admin), "role": "moderator"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/admin/people#{bob}")
    assert portal.people.person(bob).role is Role.MODERATOR
    line = admin.get("/admin/audit", params={"f": "json", "about": bob, "act": "person"}).json()["lines"][0]
    assert (line["act"], line["before"], line["after"], line["name"]) == ("person.role", "user", "moderator", "Root")
    shown = admin.get("/admin/audit", params={"about": bob}).text
    assert "person.role" in shown


def test_an_admin_keeps_somebody_out_and_lets_them_in_again(admin: TestClient, portal: Portal, bob: str) -> None:
    session = portal.people.welcome(ISSUER, "bob", "Bob")
    form = {"key": key(admin), "disabled": "true"}
    assert admin.post(f"/admin/people/{bob}/disabled", data=form).status_code == 303
    assert portal.people.who(None, session).role is Role.ANONYMOUS
    assert "Let in" in admin.get("/admin/people").text
    assert admin.post(f"/admin/people/{bob}/disabled", data={**form, "disabled": "false"}).status_code == 303
    assert portal.people.person(bob).disabled is None


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("/admin/people/{bob}/role", {"role": "anonymous"}, 400),
        ("/admin/people/{bob}/role", {"role": "ADMIN"}, 400),
        ("/admin/people/{bob}/role", {}, 400),
        ("/admin/people/nobody/role", {"role": "user"}, 404),
        ("/admin/people/{bob}/disabled", {"disabled": "maybe"}, 400),
        ("/admin/people/{bob}/disabled", {}, 400),
        ("/admin/people/nobody/disabled", {"disabled": "true"}, 404),
        ("/admin/people/{me}/role", {"role": "user"}, 409),
        ("/admin/people/{me}/disabled", {"disabled": "true"}, 409),
    ],
)
def test_what_cannot_be_is_refused(
    admin: TestClient, portal: Portal, bob: str, path: str, form: dict[str, str], status: int
) -> None:
    me = admin.get("/me", params={"f": "json"}).json()["id"]
    assert admin.post(path.format(bob=bob, me=me), data={"key": key(admin), **form}).status_code == status
    assert portal.people.person(me).role is Role.ADMIN


def test_no_other_site_gives_a_role(admin: TestClient, portal: Portal, bob: str) -> None:
    for given in ("", "0" * 64):
        answer = admin.post(f"/admin/people/{bob}/role", data={"key": given, "role": "admin"})
        assert answer.status_code == 403
    assert portal.people.person(bob).role is Role.USER


def test_a_program_of_an_admin_does_the_same_by_a_token(admin: TestClient, portal: Portal, bob: str) -> None:
    who = portal.people.who(None, admin.cookies[COOKIE])
    shown, token = portal.people.make_token(who, "test", TOKEN_SCOPES, 1)
    admin.cookies.clear()
    headers = {"Authorization": f"Bearer {shown}"}
    answer = admin.post(f"/admin/people/{bob}/role", data={"role": "developer"}, headers=headers)
    assert (answer.status_code, answer.json()["role"]) == (200, "developer")
    listed = admin.get("/admin/people", params={"f": "json", "q": bob}, headers=headers).json()["people"]
    assert [each["id"] for each in listed] == [bob]
    portal.people.revoke(who, who.id, token.id)


def test_the_log_is_read_page_by_page(admin: TestClient, portal: Portal) -> None:
    who = portal.people.who(None, admin.cookies[COOKIE])
    for number in range(120):
        portal.people.note(who, "page.test", f"thing {number}")
    first = admin.get("/admin/audit", params={"act": "page"})
    assert "thing 119" in first.text
    assert "thing 19<" not in first.text
    following = re.search(r'href="(/admin/audit\?[^"]*before=[^"]*)"', first.text)
    assert following is not None
    second = admin.get(following[1].replace("&amp;", "&")).text
    assert "thing 19<" in second
    assert "thing 20<" not in second
