"""The operators' pages, over a real store: who gets in, what is asked for, what is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from discovery.index.tantivy import TantivyIndex
from discovery.model.job import WAITING
from discovery.model.person import Role
from discovery.model.record import Issue, Record
from discovery.model.source import COMPLETE, HELD, Counts, Mapped, Quarantined, RawRecord, Report, Source
from discovery.portal import Portal
from discovery.store.store import Store
from ui.gate import COOKIE

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

pytestmark = pytest.mark.slow

TOKEN = "0123456789abcdef" * 4
BEARER = {"Authorization": f"Bearer {TOKEN}"}
HOSTILE = '<script>alert(1)</script>" onload="x'
PAGES = ("/admin/harvests", "/admin/harvests/ice", "/admin/quarantine/1", "/admin")
FORMS = ("/admin/jobs", "/admin/harvests/ice/enabled")


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    """Return a portal with a source that has a good run and a held one, and two elements in quarantine."""
    portal = Portal(Store(f"sqlite:///{tmp_path / 'store.db'}"), TantivyIndex(tmp_path / "index"), operator_token=TOKEN)
    ledger, ingest = portal.store.ledger, portal.store.ingest
    settings = {"schedule": "@daily"}
    ledger.add_source(Source("ice", "stac-api", "https://user:secret@ice.example/stac", "Ice <b>shelf</b>", settings))
    ledger.add_source(Source("off", "stac-api", "https://off.example", enabled=False))
    good = ledger.begin("ice")
    mapped = [Mapped(Record("ice", "", f"r{n}", "dataset", f"R {n}"), RawRecord("", f"r{n}", b"{}")) for n in range(3)]
    broken = [
        Quarantined(RawRecord("c", name, body), Issue(code, f"not {HOSTILE}", "id"))
        for name, code, body in (("bad", "bad-id", HOSTILE.encode() + b"\xff\0"), ("worse", "bad-id", b""))
    ]
    counts = ingest.page("ice", good.id, mapped, broken)
    ledger.end(Report("ice", good.id, COMPLETE, counts, seconds=0.5, stated=4))
    held = ledger.begin("ice")
    ledger.end(Report("ice", held.id, HELD, Counts(seen=1), message="2 of 3 records have vanished", missing=2))
    yield portal
    portal.close()


@pytest.fixture
def inside(visitor: TestClient, portal: Portal) -> TestClient:
    """Return a browser that has followed a link of an operator."""
    assert visitor.post("/signin", data={"code": portal.people.invite()}).status_code == 303
    return visitor


def key(visitor: TestClient) -> str:
    found = re.search(r'name="key" value="([0-9a-f]{64})"', visitor.get("/admin/harvests").text)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("path", PAGES)
def test_nobody_sees_a_page_who_has_shown_nothing(visitor: TestClient, path: str) -> None:
    answer = visitor.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/signin?{urlencode({'next': path})}")
    assert visitor.get(path, params={"f": "json"}).status_code == 401
    for wrong in ("Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer"):
        assert visitor.get(path, headers={"Authorization": wrong}).status_code == 401
    visitor.cookies.set(COOKIE, "made-up")
    assert visitor.get(path).status_code == 303


@pytest.mark.parametrize("path", PAGES)
def test_whoever_has_signed_in_and_is_no_operator_sees_no_page_either(
    visitor: TestClient, portal: Portal, path: str
) -> None:
    visitor.cookies.set(COOKIE, portal.people.welcome("https://id.example", "1", "Ann", role=Role.MODERATOR))
    answer = visitor.get(path)
    assert answer.status_code == 403
    assert "This needs the role operator" in answer.text


@pytest.mark.parametrize("path", FORMS)
def test_nothing_is_done_for_anybody_who_has_shown_nothing(visitor: TestClient, portal: Portal, path: str) -> None:
    for headers, status in (({}, 403), ({"Authorization": "Bearer wrong"}, 401)):
        data = {"kind": "harvest", "source": "ice", "enabled": "false"}
        assert visitor.post(path, data=data, headers=headers).status_code == status
    assert portal.jobs() == []
    assert portal.store.ledger.source("ice").enabled


@pytest.mark.parametrize("path", FORMS)
def test_no_other_site_can_send_a_form_in_an_operators_name(inside: TestClient, portal: Portal, path: str) -> None:
    for given in ("", "0" * 64, "é"):
        data = {"kind": "harvest", "source": "ice", "enabled": "false", "key": given}
        assert inside.post(path, data=data).status_code == 403
    assert portal.jobs() == []
    assert portal.store.ledger.source("ice").enabled
    assert inside.get(PAGES[0]).status_code == 200


def test_an_element_without_an_id_is_named_by_where_it_stood(inside: TestClient, portal: Portal) -> None:
    ledger = portal.store.ledger
    lost = Quarantined(RawRecord("scenes", "", b"{}", position="line 303"), Issue("missing-id", "no id"))
    portal.store.ingest.page("ice", ledger.begin("ice").id, [], [lost])
    assert "scenes / line 303" in inside.get("/admin/harvests/ice").text


def test_a_program_with_a_token_is_refused_in_json(visitor: TestClient) -> None:
    shown = {"Authorization": f"Bearer {TOKEN}"}
    wrong = visitor.post("/admin/jobs", data={"kind": "nonsense"}, headers=shown)
    assert (wrong.status_code, wrong.json()["error"]["kind"]) == (400, "unknown_field")
    nothing = visitor.post("/admin/jobs", data={"kind": "harvest", "source": "nothing"}, headers=shown)
    assert (nothing.status_code, "known: ice, off" in nothing.json()["error"]["message"]) == (404, True)


def test_a_program_reads_quarantine_to_its_end(inside: TestClient, portal: Portal) -> None:
    run = portal.store.ledger.begin("ice").id
    more = [Quarantined(RawRecord("c", f"e{n}", b"{}"), Issue("missing-id", "no id")) for n in range(60)]
    portal.store.ingest.page("ice", run, [], more)
    first = inside.get("/admin/harvests/ice", params={"f": "json"}).json()
    rest = inside.get(first["next"]).json()
    ids = [each["id"] for page in (first, rest) for each in page["quarantine"]]
    assert (len(ids), len(set(ids)), rest["next"]) == (62, 62, None)


def test_the_list_says_how_each_source_stands(inside: TestClient) -> None:
    page = inside.get(PAGES[0])
    assert page.headers["cache-control"] == "private, no-store"
    assert "Ice &lt;b&gt;shelf&lt;/b&gt;" in page.text
    assert "held: 2 of 3 records have vanished" in page.text
    assert "not enabled" in page.text
    held = inside.get(PAGES[0], params={"f": "json"}).json()["sources"][0]
    assert (held["id"], held["records"], held["quarantined"], held["last_run"]["status"]) == ("ice", 3, 2, HELD)
    assert "secret" not in page.text
    assert "secret" not in str(held)
    assert held["next"] is not None


def test_a_source_shows_its_runs_and_what_is_broken_with_its_reason(inside: TestClient) -> None:
    page = inside.get("/admin/harvests/ice").text
    assert "Delete 2 missing" in page
    assert "<code>bad-id</code> 2" in page
    assert "<script>alert" not in page
    assert "secret" not in page
    assert inside.get("/admin/harvests/nothing").status_code == 404
    flat = inside.get("/admin/harvests/ice", params={"f": "json"}).json()
    assert [each["run"] for each in flat["runs"]] == [2, 1]
    assert flat["reasons"] == {"bad-id": 2}
    assert flat["runs"][1]["stated"] == 4


def test_the_bytes_of_a_broken_element_are_shown_as_text(inside: TestClient) -> None:
    page = inside.get("/admin/quarantine/1").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    assert r"\xff" in page
    assert "Nothing of it could be read" in inside.get("/admin/quarantine/2").text
    assert inside.get("/admin/quarantine/99").status_code == 404


def test_work_is_left_for_the_steward_and_its_state_is_shown(inside: TestClient, portal: Portal) -> None:
    form = {"key": key(inside), "back": "ice"}
    answer = inside.post("/admin/jobs", data={**form, "kind": "harvest", "source": "ice", "full": "true"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/harvests/ice?job=1")
    inside.post("/admin/jobs", data={**form, "kind": "retry", "number": "1"})
    inside.post("/admin/jobs", data={**form, "kind": "approve", "run": "2"})
    asked = [(each.kind, dict(each.arguments), each.status) for each in reversed(portal.jobs())]
    assert asked == [
        ("harvest", {"source": "ice", "full": True}, WAITING),
        ("retry", {"number": 1}, WAITING),
        ("approve", {"run": 2, "by": "Local"}, WAITING),
    ]
    assert "Job 1, harvest, is waiting" in inside.get(answer.headers["location"]).text
    assert inside.get("/admin/jobs/1").json()["status"] == WAITING


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"kind": "harvest", "source": "nothing"}, 404),
        ({"kind": "harvest"}, 400),
        ({"kind": "erase", "source": "ice"}, 400),
        ({"kind": "retry", "number": "1e9"}, 400),
        ({"kind": "retry", "number": "99"}, 404),
        ({"kind": "harvest", "source": "ice", "limit": "-1"}, 400),
        ({"kind": "harvest", "source": "ice", "by": "me"}, 400),
        ({f"f{n}": "x" for n in range(50)}, 400),
    ],
)
def test_work_that_cannot_be_is_refused(inside: TestClient, portal: Portal, given: dict[str, str], status: int) -> None:
    assert inside.post("/admin/jobs", data={"key": key(inside), **given}).status_code == status
    assert portal.jobs() == []


def test_where_a_form_leads_back_to_is_always_here(inside: TestClient) -> None:
    for back in ("//evil.example", "https://evil.example", "../../x", "\\evil"):
        data = {"key": key(inside), "kind": "harvest", "source": "ice", "back": back}
        assert inside.post("/admin/jobs", data=data).headers["location"].startswith("/admin/harvests/")


def test_a_program_shows_the_token_and_needs_no_form(visitor: TestClient, portal: Portal) -> None:
    answer = visitor.post("/admin/jobs", data={"kind": "harvest", "source": "ice"}, headers=BEARER)
    assert answer.status_code == 202
    assert answer.json()["kind"] == "harvest"
    assert visitor.get("/admin/harvests?f=json", headers=BEARER).json()["jobs"][0]["id"] == answer.json()["id"]
    assert visitor.post("/admin/harvests/ice/enabled", data={"enabled": "false"}, headers=BEARER).status_code == 303
    assert not portal.store.ledger.source("ice").enabled
    assert visitor.post("/admin/harvests/ice/enabled", data={"enabled": "maybe"}, headers=BEARER).status_code == 400
