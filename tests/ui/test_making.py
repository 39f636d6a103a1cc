"""The pages of what people make, as browsers and programs ask for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from discovery.index.tantivy import TantivyIndex
from discovery.indexer import follow
from discovery.model.person import Role
from discovery.people import CONSOLE
from discovery.portal import Portal
from discovery.store.store import Store
from ui import making, router
from ui.gate import COOKIE, Gate
from ui.rendering import Renderer

LAB = {
    "name": "Lab & <b>tests</b>",
    "alternate_name": "jl-tests",
    "abstract": "Tools.",
    "contact.email": "desk@example.org",
    "creator": "Ada",
    "version": "1.0",
}
VOLUME = {"slug": "q1", "name": "Q1", "provider": "ESAC", "mount": "/media/data/{slug}"}
SignIn = Callable[[str, Role], TestClient]


@pytest.fixture
def portal(store: Store, tmp_path: Path) -> Iterator[Portal]:
    opened = Portal(store, TantivyIndex(tmp_path / "index"))
    yield opened
    opened.index.close()


@pytest.fixture
def sign_in(portal: Portal) -> SignIn:
    """Return a function that gives a browser of somebody with a role; ANONYMOUS is nobody."""
    app = FastAPI()
    app.include_router(making.router(portal, renderer := Renderer("Discovery"), gate := Gate(portal.people)))
    app.include_router(router(portal, renderer, gate))

    def browser(name: str, role: Role) -> TestClient:
        cookies = {}
        if role > Role.ANONYMOUS:
            cookies = {COOKIE: portal.people.welcome("https://id.example", name, name, role=role)}
        return TestClient(app, cookies=cookies, follow_redirects=False)

    return browser


def key(browser: TestClient, url: str) -> str:
    found = re.search(r'name="key" value="([0-9a-f]{64})"', browser.get(url).text)
    assert found is not None, url
    return found[1]


def version(browser: TestClient, url: str) -> str:
    return str(browser.get(f"{url}?f=json").json()["version"])


def written(browser: TestClient, **more: str) -> str:
    """Return the address of a new draft."""
    answer = browser.post("/datalabs/new", data={"key": key(browser, "/datalabs/new"), **LAB, **more})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def step(browser: TestClient, url: str, name: str, reason: str = "") -> int:
    form = {"key": key(browser, url), "version": version(browser, url), "step": name, "reason": reason}
    return browser.post(f"{url}/steps", data=form).status_code


@pytest.mark.slow
def test_a_datalab_is_written_reviewed_published_and_seen_by_all(portal: Portal, sign_in: SignIn) -> None:
    ada, mod, nobody = sign_in("Ada", Role.DEVELOPER), sign_in("Mod", Role.MODERATOR), sign_in("", Role.ANONYMOUS)
    here = written(ada)
    assert nobody.get(here).status_code == mod.get(here).status_code == 404
    assert "Lab &amp;" in ada.get("/datalabs").text
    assert "jl-tests" not in nobody.get("/datalabs").text
    assert step(ada, here, "hand_in") == 303
    assert here in mod.get("/admin/reviews").text
    assert step(ada, here, "accept") == 403
    assert step(mod, here, "reject", "no licence") == 303
    assert "It was sent back: no licence" in ada.get(here).text
    assert step(ada, here, "hand_in") == 303
    assert step(mod, here, "accept") == 303
    follow(portal.store, portal.index)
    shown = nobody.get("/datalabs").text
    assert "Lab &amp; &lt;b&gt;tests&lt;/b&gt;" in shown
    record = ada.get(f"{here}?f=json").json()["record"]
    page = nobody.get(f"/records/{record}").text
    assert "Made here" in page
    assert "desk@example.org" not in page
    assert "desk@example.org" not in nobody.get(f"/records/{record}?f=json").text
    told = ada.get(f"{here}?tab=history").text
    assert told.index("accepted by Mod") < told.index("rejected by Mod: no licence") < told.index("made by Ada")


def test_what_is_wrong_stands_beside_the_fields_and_nothing_typed_is_lost(sign_in: SignIn, portal: Portal) -> None:
    ada = sign_in("Ada", Role.DEVELOPER)
    form = {
        **LAB,
        "alternate_name": "Bad Name",
        "image": "quay.io/x",
        "tools": "numpy | 2.1",
        "key": key(ada, "/datalabs/new"),
    }
    answer = ada.post("/datalabs/new", data=form)
    assert answer.status_code == 400
    for typed in ("Bad Name", "quay.io/x", "numpy | 2.1", "desk@example.org", "Lab &amp; &lt;b&gt;tests"):
        assert typed in answer.text
    assert 'aria-describedby="field-image-help field-image-problem" aria-invalid="true"' in answer.text
    assert "2 things are not right yet" in answer.text
    assert portal.store.creations.in_state("datalab", "draft") == []


def test_what_was_typed_outlives_the_sign_in(sign_in: SignIn, portal: Portal) -> None:
    ada, typed = sign_in("Ada", Role.DEVELOPER), {**LAB, "abstract": 'Much "typed"\n\n<b>text</b>'}
    first = key(ada, "/datalabs/new")
    old = ada.cookies[COOKIE]
    ada.cookies.clear()
    over = ada.post("/datalabs/new", data={"key": first, **typed})
    assert over.status_code == 403
    assert "Your sign-in has ended" in over.text
    hidden = re.findall(r'<input type="hidden" name="([\w.]+)" value="([^"]*)">', over.text)
    sent = {name: unescape(value) for name, value in hidden}
    assert sent == typed
    # Another sign-in has another key, so that what is sent comes back in the form and is saved from there.
    ada.cookies.set(COOKIE, portal.people.welcome("https://id.example", "ada", "Ada", role=Role.DEVELOPER))
    assert ada.cookies[COOKIE] != old
    again = ada.post("/datalabs/new", data=sent)
    assert again.status_code == 403
    assert "Nothing that you typed is lost" in again.text
    assert "Much &#34;typed&#34;" in again.text
    fresh = re.findall(r'name="key" value="([0-9a-f]{64})"', again.text)[0]
    assert ada.post("/datalabs/new", data={**sent, "key": fresh}).status_code == 303
    # What is written is edited in the same way.
    url = written(ada, alternate_name="other-lab")
    edited = ada.post(f"{url}/edit", data={**typed, "key": "0" * 64, "version": "1", "name": "Edited"})
    assert (edited.status_code, "Edited" in edited.text) == (403, True)
    # Nothing is shown that another site has typed, nor to a program.
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Authorization": "Bearer dsc_x"}):
        refused = ada.post("/datalabs/new", data=sent, headers=headers)
        assert (refused.status_code in (401, 403), "Much" in refused.text) == (True, False)


def test_who_hands_in_too_early_keeps_the_draft_and_hears_what_is_missing(sign_in: SignIn, portal: Portal) -> None:
    ada = sign_in("Ada", Role.DEVELOPER)
    form = {"key": key(ada, "/datalabs/new"), "name": "Half", "then": "hand_in"}
    answer = ada.post("/datalabs/new", data=form)
    assert answer.status_code == 400
    assert "It is kept as a draft." in answer.text
    (draft,) = portal.store.creations.in_state("datalab", "draft")
    assert f'action="/datalabs/{draft.id}/edit"' in answer.text
    assert f'name="version" value="{draft.version}"' in answer.text


def test_a_double_click_makes_one_draft(sign_in: SignIn, portal: Portal) -> None:
    ada = sign_in("Ada", Role.DEVELOPER)
    assert written(ada) == written(ada)
    assert len(portal.store.creations.in_state("datalab", "draft")) == 1


def test_of_two_windows_the_second_hears_of_the_first_and_loses_nothing(sign_in: SignIn) -> None:
    ada = sign_in("Ada", Role.DEVELOPER)
    here = written(ada)
    secret = key(ada, f"{here}/edit")
    assert ada.post(f"{here}/edit", data={**LAB, "key": secret, "version": "1", "version_": ""}).status_code == 303
    late = ada.post(f"{here}/edit", data={**LAB, "name": "Late", "key": secret, "version": "1"})
    assert late.status_code == 409
    assert "somebody has changed this since version 1" in late.text
    assert 'value="Late"' in late.text


def test_a_file_fills_the_form_and_nothing_is_kept(sign_in: SignIn, portal: Portal) -> None:
    ada = sign_in("Ada", Role.DEVELOPER)
    text = "title: From a file\nalternateName: from-file\nlicense: nope\n"
    answer = ada.post("/datalabs/import", data={"key": key(ada, "/datalabs/new"), "text": text})
    assert answer.status_code == 400
    assert 'value="From a file"' in answer.text
    assert "is no licence of SPDX" in answer.text
    assert ada.post("/datalabs/import", data={"key": key(ada, "/datalabs/new"), "text": "a: *b"}).status_code == 400
    assert portal.store.creations.in_state("datalab", "draft") == []


def test_a_draft_is_shared_by_its_link(sign_in: SignIn) -> None:
    ada, nobody = sign_in("Ada", Role.DEVELOPER), sign_in("", Role.ANONYMOUS)
    here = written(ada)
    form = {"key": key(ada, here), "version": version(ada, here), "visibility": "link"}
    assert ada.post(f"{here}/share", data=form).headers["location"] == f"{here}?tab=share"
    page = nobody.get(here)
    assert page.status_code == 200
    assert "desk@example.org" not in page.text
    assert "desk@example.org" not in nobody.get(f"{here}/export?f=yaml").text
    assert "desk@example.org" in ada.get(f"{here}/export?f=toml").text
    wrong = ada.post(
        f"{here}/share", data={**form, "version": version(ada, here), "visibility": "listed", "listed": "a b"}
    )
    assert (wrong.status_code, "a b" in wrong.text) == (400, True)


@pytest.mark.slow
def test_stars_and_my_volumes_need_a_sign_in_and_the_key_of_the_form(portal: Portal, sign_in: SignIn) -> None:
    portal.making.apply(CONSOLE, "volume", [VOLUME])
    follow(portal.store, portal.index)
    (made,) = portal.store.creations.in_state("volume", "published")
    url, ada, nobody = f"/records/{made.record}", sign_in("Ada", Role.USER), sign_in("", Role.ANONYMOUS)
    assert "Sign in to add it to your volumes" in nobody.get(url).text
    form = {"record": made.record, "kind": "mount", "on": "true"}
    assert nobody.post("/marks", data=form).status_code in (401, 403)
    assert ada.post("/marks", data=form).status_code == 403
    secret = key(ada, url)
    answer = ada.post("/marks", data={**form, "key": secret})
    assert (answer.status_code, answer.headers["location"]) == (303, url)
    assert "Remove from my volumes" in ada.get(url).text
    assert "Your volumes" in ada.get("/volumes").text
    ada.post("/marks", data={**form, "kind": "star", "key": secret})
    assert "1 star" in nobody.get(url).text
    assert ada.post("/marks", data={**form, "on": "false", "key": secret}).status_code == 303
    for wrong in ({"kind": "like"}, {"on": "perhaps"}, {"record": "//evil.example"}, {"record": "aaaaaaaaaaaaaaaa"}):
        assert ada.post("/marks", data={**form, "key": secret, **wrong}).status_code in (400, 404)


@pytest.mark.slow
def test_a_volume_is_written_by_operators_alone_and_is_there_at_once(portal: Portal, sign_in: SignIn) -> None:
    mod, operator = sign_in("Mod", Role.MODERATOR), sign_in("Op", Role.OPERATOR)
    assert mod.get("/volumes/new").status_code == 403
    form = {**VOLUME, "zones": "a\r\nb", "mounts": "hub = {home}/data", "size": "1.5 TB", "then": "hand_in"}
    answer = operator.post("/volumes/new", data={**form, "key": key(operator, "/volumes/new")})
    assert answer.status_code == 303
    found = operator.get(f"{answer.headers['location']}?f=json").json()
    assert (found["state"], found["document"]["mounts"]) == ("published", {"hub": "{home}/data"})
    follow(portal.store, portal.index)
    page = operator.get(f"/records/{found['record']}").text
    for told in (
        "Mounted on hub",
        "{home}/data",
        "nobody writes into it",
        "a, b",
        "1.5 TB",
        "Draft, history and steps",
    ):
        assert told in page


@pytest.mark.slow
def test_a_dataset_says_which_volumes_hold_it(portal: Portal, sign_in: SignIn) -> None:
    pipeline = {"slug": "p", "name": "P", "description": "d", "creator": "c", "version": "1",
                "source": "https://example.org/p", "datalabs": ["jl"]}  # fmt: skip
    lab = {"name": "JL", "alternate_name": "jl", "abstract": "a", "contact": {"email": "a@b.org"}, "creator": "c",
           "version": "1", "volumes": ["q1"], "tools": ["numpy"]}  # fmt: skip
    portal.making.apply(CONSOLE, "volume", [VOLUME])
    portal.making.apply(CONSOLE, "datalab", [lab])
    portal.making.apply(CONSOLE, "pipeline", [pipeline])
    follow(portal.store, portal.index)
    by_kind = {
        kind: portal.store.creations.in_state(kind, "published")[0].record for kind in ("volume", "datalab", "pipeline")
    }
    nobody = sign_in("", Role.ANONYMOUS)
    assert "Datalabs that work on it" in nobody.get(f"/records/{by_kind['volume']}").text
    page = nobody.get(f"/records/{by_kind['datalab']}").text
    assert "Volumes it works on" in page
    assert "Pipelines that run in it" in page
    assert "Runs in" in nobody.get(f"/records/{by_kind['pipeline']}").text


@pytest.mark.parametrize("role", list(Role))
def test_each_page_is_for_those_it_is_for(sign_in: SignIn, role: Role) -> None:
    browser = sign_in("X", role)
    for path, least in (
        ("/volumes", Role.ANONYMOUS),
        ("/datalabs", Role.ANONYMOUS),
        ("/pipelines", Role.ANONYMOUS),
        ("/volumes/new", Role.OPERATOR),
        ("/datalabs/new", Role.DEVELOPER),
        ("/pipelines/new", Role.DEVELOPER),
        ("/admin/reviews", Role.MODERATOR),
    ):
        answer = browser.get(path)
        if role >= least:
            assert answer.status_code == 200, path
        elif role is Role.ANONYMOUS:
            assert answer.headers["location"].startswith("/signin"), path
        else:
            assert answer.status_code == 403, path


def test_nothing_is_written_without_the_key_of_a_form(sign_in: SignIn) -> None:
    admin, nobody = sign_in("Root", Role.ADMIN), sign_in("", Role.ANONYMOUS)
    for home in ("/volumes", "/datalabs", "/pipelines"):
        for path in ("new", "import", "x/edit", "x/steps", "x/share"):
            assert admin.post(f"{home}/{path}", data=LAB).status_code == 403
            assert nobody.post(f"{home}/{path}", data=LAB).status_code in (401, 403)
            if path != "new":
                assert admin.get(f"{home}/{path}").status_code in (404, 405)


def test_a_thing_is_found_at_the_address_of_its_kind_alone(sign_in: SignIn) -> None:
    ada = sign_in("Ada", Role.DEVELOPER)
    id = written(ada).rpartition("/")[2]
    assert ada.get(f"/pipelines/{id}").status_code == 404
    assert ada.get(f"/datalabs/{id}/export?f=exe").status_code == 400
