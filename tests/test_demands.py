"""Every route, asked by everybody: in each role, by a browser and by a token of each scope."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from discovery.app import create_app
from discovery.config import Settings
from discovery.demands import DEMANDS, Demand
from discovery.model.person import TOKEN_SCOPES, Role
from discovery.people import form_key
from discovery.portal import Portal
from discovery.wiring import open_portal
from tests.upwards import FORMS
from ui.gate import COOKIE, KEY

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

pytestmark = pytest.mark.slow
TOKEN = "0123456789abcdef" * 4
ISSUER = "https://id.example"
REFUSED = (401, 403)
CANARY = "a canary that lies outside"
OUTSIDE = (CANARY, "from __future__ import", "root:x:0", "[build-system]")
"""What stands in files that no path may lead to: one beside the home, our own code, one of the machine's."""
FILES = ("/static/{path}", "/graphql/files/{name}")
"""Routes that give files of a folder; the others look up what is named."""
OURS = [each for each in DEMANDS if each.method != "WS" and "{path}" not in each.path]


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    home = tmp_path_factory.mktemp("home")
    for place in (home, home.parent):
        (place / "etc").mkdir()
        for name in ("secret", "etc/passwd"):
            (place / name).write_text(CANARY)
    settings = Settings(home, operator_token=TOKEN)
    opened = open_portal(settings)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def client(portal: Portal, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from fastapi.testclient import TestClient
    app = create_app(Settings(tmp_path_factory.mktemp("other"), rate=0), portal, steward=False)
    with TestClient(app, follow_redirects=False, client=("192.0.2.1", 1)) as opened:
        yield opened


def routes(found: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """Yield the method and the path of every route of an application, of the routers within it too."""
    for each in found:
        if hasattr(each, "original_router"):
            assert not getattr(each.include_context, "prefix", "")
            yield from routes(each.original_router.routes)
        elif hasattr(each, "methods"):
            yield from ((method, each.path) for method in each.methods or () if method != "HEAD")
        elif type(each).__name__ == "Mount":
            yield "GET", f"{each.path}/{{path}}"
        else:
            yield "WS", each.path


def test_every_route_has_a_row_and_every_row_a_route(client: TestClient) -> None:
    there = set(routes(client.app.routes))  # type: ignore[attr-defined]
    told = Counter((each.method, each.path) for each in DEMANDS)
    assert there - told.keys() == set(), "routes without a row in discovery/demands.py"
    assert told.keys() - there == set(), "rows of discovery/demands.py without a route"
    assert [each for each, times in told.items() if times > 1] == []


def address(demand: Demand) -> str:
    """Return an address that a route answers, with nothing behind it."""
    return re.sub(r"\{\w+:int\}", "999", re.sub(r"\{\w+(:path)?\}", "nothing", demand.path))


def asked(
    client: TestClient, demand: Demand, *, session: str = "", token: str = "", form: Mapping[str, str] | None = None
) -> bool:
    """Ask a route, and say whether it lets us through, whatever it then says of what is not there."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    headers |= {"Cookie": f"{COOKIE}={session}"} if session else {}
    # A program sends JSON where a browser sends a form.
    given: dict[str, Any] = (
        {"json": dict(form or {})} if demand.path.startswith(("/stac", "/graphql")) else {"data": form}
    )
    answer = client.request(demand.method, address(demand), headers=headers, **given)
    assert answer.status_code < 500 or answer.status_code == 503, answer.text
    to_the_way_in = answer.status_code == 303 and answer.headers["location"].startswith("/signin?next")
    return answer.status_code not in REFUSED and not to_the_way_in


def shown(demand: Demand) -> str:
    return f"{demand.method} {demand.path}"


def newcomer(portal: Portal, role: Role) -> str:
    """Return the session of somebody in a role."""
    return portal.people.welcome(ISSUER, role.word, role.word.title(), role=role)


@pytest.fixture(scope="module")
def tokens(portal: Portal) -> Mapping[tuple[Role, str], str]:
    """Return a token of each role for each scope."""
    made = {}
    for role in list(Role)[1:]:
        who = portal.people.who(None, newcomer(portal, role))
        for scope in TOKEN_SCOPES:
            made[role, scope] = portal.people.make_token(who, scope, [scope], 1)[0]
    return made


@pytest.mark.parametrize("demand", OURS, ids=shown)
def test_a_route_lets_those_through_whom_the_table_names_and_nobody_else(
    client: TestClient, portal: Portal, tokens: Mapping[tuple[Role, str], str], demand: Demand
) -> None:
    if demand.path == "/signin" and demand.method == "POST":
        pytest.skip("it asks for what is shown in the form; tests/ui/test_people.py shows it")
    if demand.path in ("/launches/notebook", "/launches/folder"):
        pytest.skip("it asks for a one-time pass; tests/ui/test_launches.py has one")
    if demand.path == "/signin/callback":
        pytest.skip("there is nothing where nobody vouches for people; tests/ui/test_people.py has somebody")
    let_in: dict[str, bool] = {"nobody": asked(client, demand)}
    expected = {"nobody": demand.role is Role.ANONYMOUS}
    for role in list(Role)[1:]:
        session = newcomer(portal, role)
        let_in[f"{role.word} in a browser"] = asked(client, demand, session=session, form={KEY: form_key(session)})
        expected[f"{role.word} in a browser"] = role >= demand.role and (
            not demand.by_token or demand.role is Role.ANONYMOUS
        )
    for (role, scope), token in tokens.items():
        name = f"{role.word} by a token for {scope}"
        let_in[name] = asked(client, demand, token=token)
        enough = role >= demand.role and scope == demand.scope
        expected[name] = demand.role is Role.ANONYMOUS or (enough and demand.path != "/me/tokens")
    assert {name: found for name, found in let_in.items() if found != expected[name]} == {}


@pytest.mark.parametrize("demand", [each for each in OURS if each.method != "GET"], ids=shown)
def test_no_other_site_changes_anything_in_the_name_of_somebody(
    client: TestClient, portal: Portal, demand: Demand
) -> None:
    session = newcomer(portal, Role.ADMIN)
    for form in ({}, {KEY: ""}, {KEY: "0" * 64}, {KEY: form_key("another session")}):
        let_in = asked(client, demand, session=session, form=form)
        assert let_in is not demand.changes or demand.path == "/signin"
    assert portal.people.who(None, session).role is Role.ADMIN


@pytest.mark.parametrize("demand", [each for each in OURS if each.changes], ids=shown)
def test_nothing_that_changes_something_is_done_by_a_link(client: TestClient, portal: Portal, demand: Demand) -> None:
    session = newcomer(portal, Role.ADMIN)
    before = len(portal.store.audit.lines(1_000))
    headers = {"Cookie": f"{COOKIE}={session}"}
    client.get(f"{address(demand)}?{KEY}={form_key(session)}", headers=headers)
    assert len(portal.store.audit.lines(1_000)) == before
    assert portal.people.who(None, session).role is Role.ADMIN


def test_a_token_that_is_none_opens_nothing(client: TestClient) -> None:
    for demand in OURS:
        if demand.role is not Role.ANONYMOUS:
            for wrong in ("dsc_" + "a" * 43, TOKEN[:-1], "null"):
                assert not asked(client, demand, token=wrong), shown(demand)


def test_roles_and_scopes_of_the_operators_token_are_those_of_operators(client: TestClient) -> None:
    for demand in OURS:
        if demand.role > Role.OPERATOR or demand.scope == "launch":
            assert not asked(client, demand, token=TOKEN), shown(demand)


def test_no_route_is_left_open_by_its_path(tmp_path: Path) -> None:
    """Whatever is below `/admin` and `/me` demands somebody."""
    inside = [each for each in DEMANDS if each.path.startswith(("/admin", "/me"))]
    assert len(inside) > 10
    assert all(each.role > Role.ANONYMOUS for each in inside)


@pytest.mark.parametrize(
    "demand",
    [
        pytest.param(each, marks=() if each.path in FILES else pytest.mark.long, id=shown(each))
        for each in DEMANDS
        if "{" in each.path
    ],
)
def test_no_path_of_any_form_reads_what_lies_outside(client: TestClient, portal: Portal, demand: Demand) -> None:
    session = newcomer(portal, Role.ADMIN)
    headers = {"Cookie": f"{COOKIE}={session}"}
    for form in (each.replace("secret", tail) for each in FORMS for tail in ("secret", "pages.py", "etc/passwd")):
        # With every byte written as a number nothing is tidied on the way: what arrives is what the form says.
        sent = "".join(f"%{each:02X}" for each in form.encode("utf-8", "surrogatepass"))
        path = re.sub(r"\{\w+(:\w+)?\}", sent, demand.path)
        answer = client.request(demand.method, path, headers=headers, data={KEY: form_key(session)})
        assert answer.status_code < 500 or answer.status_code == 503, (form, answer.text)
        assert not any(each in answer.text for each in OUTSIDE), (form, answer.text[:200])
