"""Launching from a browser: confirmed by a form of ours, started once, followed, and by no link of another site."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from fastapi.testclient import TestClient

from discovery.errors import BadQueryError, UnavailableError
from discovery.launch.targets import Health
from discovery.launch.zones import BINDER, HERE, HUB, Place, Size, Zone, Zones
from discovery.launching import Launching
from discovery.model.launch import READY, STARTING, STOPPED, STOPPING, Launch, State
from discovery.model.person import LAUNCH, NOBODY, READ
from discovery.model.record import Asset, Record
from discovery.portal import Portal
from discovery.testing.targets import Scripted
from ui import launching
from ui.contexts import Site

pytestmark = pytest.mark.slow

IMAGE = f"registry.example/lab@sha256:{'0' * 64}"
HUBS = "https://hub.example"
MAPS = [
    Record(
        "pla",
        "",
        f"map-{n}",
        "dataset",
        f"Map <b>{n}</b>",
        doi="10.5270/maps",
        external_ids=(f"ivo://esavo/map/{n}",),
        missions=("astronomy/planck",),
        assets=(Asset(f"https://pla.example/map-{n}.fits", "data", "Map", "image/fits", ("data",)),),
    )
    for n in range(2)
]
VOLUME = Record(
    "pla",
    "",
    "volume",
    "volume",
    "Planck volume",
    missions=("astronomy/planck",),
    properties={"mount_path": "/media/data/pla"},
    assets=(Asset("https://pla.example/", "twin"),),
)
LAB = Record("pla", "", "lab", "datalab", "The lab", properties={"interface": "lab", "image": IMAGE})
EVIL = Record("pla", "", "evil", "datalab", "Evil lab", properties={"interface": "lab", "image": IMAGE[:-1] + "1"})


PLACE = Place("hub", HUB, "The hub", HUBS, images=(IMAGE,), sizes=(Size("small", "Small", 1, "2G"),), servers=2)
ZONES = Zones(
    (
        Zone("far", "FAR", places=(Place("hub", HUB, "The far hub", HUBS),)),
        Zone(
            "near",
            "NEAR",
            volumes=("pla",),
            places=(PLACE, Place("binder", BINDER, "Binder", "https://b.example", repository="o/r", ref="main")),
        ),
        HERE,
    )
)
Browser = tuple[TestClient, Scripted, Portal]


@pytest.fixture
def browser(make_client: Callable[[Iterable[Record]], TestClient]) -> Browser:
    """Return a browser that nobody is signed in with, a target that does as it is told, and the portal."""
    client = make_client([*MAPS, VOLUME, LAB, EVIL])
    target = Scripted(PLACE)
    portal: Portal = client.app.state.portal  # type: ignore[attr-defined]
    portal.launching = Launching(portal.store, ZONES, portal.opening, portal.people, build=lambda _: target)
    return client, target, portal


def sign_in(browser: Browser) -> None:
    client, _, portal = browser
    assert client.post("/signin", data={"code": portal.people.invite()}).status_code == 303


def confirm(client: TestClient, *ids: str, **more: str) -> dict[str, list[str]]:
    page = client.get("/launch", params=[("id", each) for each in ids] + list(more.items()))
    assert page.status_code == 200, page.text
    form = page.text.partition('<form method="post" action="/launches">')[2].partition("</form>")[0]
    fields: dict[str, list[str]] = {}
    for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form):
        fields.setdefault(name, []).append(value)
    return fields


def launch(client: TestClient, **more: str) -> str:
    answer = client.post("/launches", data=confirm(client, MAPS[0].id, **more))
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def test_the_confirmation_names_everything_that_would_be_started(browser: Browser) -> None:
    client = browser[0]
    page = client.get("/launch", params={"id": [each.id for each in MAPS], "datalab": LAB.id, "size": "small"}).text
    for words in ("NEAR: The hub", "The lab", IMAGE, "Small: 1 CPU, 2GB", "Planck volume", ".ipynb", "2 records"):
        assert words in page
    assert "Map &lt;b&gt;0&lt;/b&gt; and 1 more" in page
    assert "<b>0" not in page
    assert "the data are here" in page
    assert browser[1].orders == []
    far = client.get("/launch", params={"id": MAPS[0].id, "place": "far/hub"}).text
    assert "come over the network: Planck volume" in far


def test_a_kept_selection_is_launched_by_its_name_and_is_nobody_elses(browser: Browser) -> None:
    client, target, _ = browser
    sign_in(browser)
    form = client.get("/selection", params={"id": MAPS[0].id}).text
    key = re.search(r'name="key" value="([0-9a-f]{64})"', form)
    assert key is not None
    sent = {"key": key[1], "query": f"id={MAPS[0].id}&id={MAPS[1].id}", "name": "Deep fields"}
    path = client.post("/selections", data=sent).headers["location"]
    id = path.rpartition("/")[2]
    assert f'href="/launch?selection={id}"' in client.get(path).text
    page = client.get("/launch", params={"selection": id}).text
    assert "<h1>Launch Deep fields</h1>" in page
    assert f"data/deep-fields-{id[:6]}" in page
    assert f'href="{path}/manifest"' in page
    fields = confirm(client, selection=id)
    assert (fields["selection"], fields["id"]) == ([id], [each.id for each in MAPS[:2]])
    place = client.post("/launches", data=fields).headers["location"]
    assert target.orders[0].launch.asked.selection == id
    shown = {"Authorization": f"Bearer {target.orders[0].notebook}"}
    client.cookies.clear()
    for outside in (path, f"/launch?selection={id}", f"/launch?id={MAPS[0].id}&selection={id}", f"{path}/manifest"):
        assert client.get(outside).status_code == 404, outside
    assert client.get(place).status_code != 200
    assert client.get("/launches/folder", headers={"Authorization": "Bearer x"}).status_code == 401
    said = client.get("/launches/folder", headers=shown)
    assert [each["record"] for each in said.json()["files"]] == [each.id for each in MAPS[:2]]
    assert client.get("/launches/folder", headers=shown).status_code == 401


def test_who_is_not_signed_in_is_led_there_and_back_with_the_choices(browser: Browser) -> None:
    client = browser[0]
    page = client.get("/launch", params={"id": MAPS[0].id, "size": "small"}).text
    assert "Sign in to launch" in page
    assert '<form method="post" action="/launches">' not in page
    # The same where a sign-in was over before the button was clicked.
    sent = {"id": MAPS[0].id, "place": "near/hub", "size": "small", "volumes": "1", "key": "x", "once": "y" * 26}
    answer = client.post("/launches", data=sent)
    parts = urlsplit(answer.headers["location"])
    assert (answer.status_code, parts.netloc, parts.path) == (303, "", "/signin")
    back = dict(parse_qsl(parts.query))["next"]
    assert back == f"/launch?id={MAPS[0].id}&place=near%2Fhub&size=small&volumes=1"
    sign_in(browser)
    assert "Small: 1 CPU" in client.get(back).text


def test_a_datalab_is_launched_from_its_own_page_where_anything_is_started(browser: Browser) -> None:
    client, target, portal = browser
    sign_in(browser)
    page = client.get(f"/records/{LAB.id}").text
    link = f"/launch?id={LAB.id}&amp;datalab={LAB.id}"
    assert f'<a class="button" href="{link}" rel="nofollow">Launch</a>' in page
    assert link.replace(LAB.id, MAPS[0].id) not in client.get(f"/records/{MAPS[0].id}").text
    assert client.post("/launches", data=confirm(client, LAB.id, datalab=LAB.id)).status_code == 303
    assert (target.orders[0].launch.datalab, target.orders[0].launch.asked.image) == (LAB.id, IMAGE)
    portal.launching = Launching(portal.store, Zones(), portal.opening, portal.people)
    assert "/launch?" not in client.get(f"/records/{LAB.id}").text


def test_a_launch_is_started_followed_opened_and_stopped(browser: Browser) -> None:
    client, target, portal = browser
    sign_in(browser)
    here = launch(client, datalab=LAB.id, size="small")
    order = target.orders[0]
    assert order.launch.asked.volumes == (VOLUME.id,)
    page = client.get(here)
    assert re.search(r'data-hx-trigger="every \d{3,4}ms"', page.text)
    assert f'<a href="{here}">Refresh</a>' in page.text
    assert "Open JupyterLab" not in page.text
    key = re.findall(r'name="key" value="([0-9a-f]+)"', page.text)[0]
    assert client.post(f"{here}/open", data={"key": key}).status_code == 409
    target.now = State(READY)
    page = client.get(here)
    assert "data-hx-trigger" not in page.text.partition('id="state"')[2].partition("</div>")[0]
    assert f"form-action 'self' {HUBS}" in page.headers["content-security-policy"]
    assert "opensesame" not in page.text
    home = client.get("/").text
    assert f'<a href="{here}">' in home
    assert "Running" in home
    opened = client.post(f"{here}/open", data={"key": key})
    assert opened.status_code == 303
    assert opened.headers["location"] == f"{HUBS}/user/x/y/lab?token=opensesame"
    assert opened.headers["referrer-policy"] == "no-referrer"
    assert "no-store" in opened.headers["cache-control"]
    again = client.get("/launch", params={"id": MAPS[0].id}).text
    assert f'<a href="{here}">Ready</a>' in again
    target.now = State(STOPPED, "the server has ended")
    assert client.post(f"{here}/stop", data={"key": key}).status_code == 303
    page = client.get(here).text
    assert "Launch it again" in page
    assert "Running" not in client.get("/").text
    assert "Over" in client.get("/launches").text
    assert client.get(f"{here}/notebook").headers["content-disposition"].endswith(f'{order.launch.id[:6]}.ipynb"')
    # The hub fetches it once, and a browser without the pass gets none.
    shown = {"Authorization": f"Bearer {order.notebook}"}
    fetched = client.get("/launches/notebook", headers=shown)
    assert "map-0.fits" in json.dumps(fetched.json())
    assert client.get("/launches/notebook", headers=shown).status_code in (401, 403)
    assert portal.store.audit.lines(act="launch")


@pytest.mark.parametrize(
    ("status", "age", "pause"),
    [
        (STARTING, 0, 250),
        (STARTING, 2_000, 250),
        (STARTING, 10_000, 1_000),
        (STOPPING, 3_600_000, 2_000),
        (STARTING, -60_000, 250),
        (READY, 0, 0),
        (STOPPED, 0, 0),
    ],
)
def test_a_launch_is_looked_at_soon_and_then_less_often(browser: Browser, status: str, age: int, pause: int) -> None:
    moment = time.time_ns() // 1_000_000
    found = Launch("a" * 26, "ada", "hub", "near", status=status, created=moment - age, updated=moment - age)
    shown = launching.launched(found, browser[2].launching, Site("t", "1", "", ()), NOBODY)
    # A little more for each moment that has passed until it is looked at.
    assert pause <= shown.live <= 1.7 * pause


def test_a_double_click_is_one_launch(browser: Browser) -> None:
    client, target, _ = browser
    sign_in(browser)
    fields = confirm(client, MAPS[0].id)
    places = {client.post("/launches", data=fields).headers["location"] for _ in range(3)}
    assert len(places) == 1
    assert len(target.orders) == 1


def test_no_other_site_launches_in_somebodys_name(browser: Browser) -> None:
    client, target, _ = browser
    sign_in(browser)
    fields = confirm(client, MAPS[0].id)
    for wrong in ({**fields, "key": ["0" * 64]}, {k: v for k, v in fields.items() if k != "key"}):
        assert client.post("/launches", data=wrong).status_code == 403
    assert client.post("/launches", data={**fields, "once": ["short"]}).status_code == 400
    assert client.post("/launches", data={k: v for k, v in fields.items() if k != "once"}).status_code == 400
    here = launch(client)
    count = len(target.orders)
    for path in (f"{here}/open", f"{here}/stop"):
        assert client.post(path, data={}).status_code == 403
        assert client.get(path).status_code == 405
    assert len(target.orders) == count


def test_what_is_somebodys_is_nobody_elses(browser: Browser, make_client: Callable[..., TestClient]) -> None:
    client, _, portal = browser
    sign_in(browser)
    here = launch(client)
    stranger = portal.people.welcome("https://id.example", "eve", "Eve")
    client.cookies.clear()
    for path in (here, "/launches", f"{here}/notebook"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["location"][:7]) == (303, "/signin")
    client.cookies.set("discovery_session", stranger)
    assert client.get(here).status_code == 404
    assert client.get(f"{here}/notebook").status_code == 404
    assert "Map" not in client.get("/launches").text
    assert "Running" not in client.get("/").text


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (UnavailableError("The hub does not answer just now; nothing is lost"), "start it again in a moment"),
        (
            BadQueryError("The hub refuses this: the volume pla is not mounted on this hub just now"),
            "pla is not mounted",
        ),
        (State("failed", "it broke\n[E] line one\n[E] <b>two</b>"), "line one"),
    ],
)
def test_a_failure_is_explained_and_loses_nothing(browser: Browser, now: State | Exception, words: str) -> None:
    client, target, _ = browser
    sign_in(browser)
    target.now = now
    page = client.get(launch(client)).text
    assert words in page
    assert "Launch it again" in page
    assert "Download the notebook" in page
    assert "<b>two" not in page


def test_a_hub_that_is_down_and_an_image_that_is_not_allowed_are_told_before(browser: Browser) -> None:
    client, target, _ = browser
    target.well = Health(ok=False, message="The hub does not answer just now")
    page = client.get("/launch", params={"id": MAPS[0].id, "datalab": EVIL.id}).text
    assert "The hub does not answer just now. Nothing is lost" in page
    assert "The image of Evil lab is not allowed at The hub in NEAR" in page
    assert f'<option value="{EVIL.id}"' not in page
    sign_in(browser)
    assert client.post("/launches", data={**confirm(client, MAPS[0].id), "datalab": EVIL.id}).status_code == 403


def full(browser: Browser) -> None:
    """Have as many running as may be."""
    for _ in range(2):
        launch(browser[0])


@pytest.mark.parametrize(
    ("before", "change", "status", "words"),
    [
        (None, {"volume": ["nothing"]}, 400, "Unknown volume &#39;nothing&#39;; known:"),
        (None, {"datalab": [EVIL.id]}, 403, "The image of Evil lab is not allowed at The hub in NEAR: choose another"),
        (None, {"size": ["huge"]}, 400, "Unknown size &#39;huge&#39;"),
        (None, {"place": ["moon/hub"]}, 400, "Unknown zone &#39;moon&#39;"),
        (None, {"key": ["0" * 64]}, 403, "This form is too old, or is none of this portal"),
        (full, {}, 400, "You have 2 running there already, which is as many as may be: stop one first"),
    ],
    ids=["volume", "image", "size", "zone", "form", "quota"],
)
def test_what_is_refused_is_told_on_the_confirmation_with_everything_else_as_it_was_chosen(
    browser: Browser,
    before: Callable[[Browser], None] | None,
    change: dict[str, list[str]],
    status: int,
    words: str,
) -> None:
    client, target, _ = browser
    sign_in(browser)
    if before:
        before(browser)
    fields = confirm(client, *(each.id for each in MAPS))
    orders = len(target.orders)
    answer = client.post("/launches", data={**fields, **change})
    assert answer.status_code == status
    assert words in answer.text
    assert len(target.orders) == orders
    assert "<h1>Launch Map &lt;b&gt;0&lt;/b&gt; and 1 more</h1>" in answer.text
    again = {name: re.findall(rf'name="{name}" value="([^"]*)"', answer.text) for name in ("id", "once")}
    assert set(again["id"]) == set(fields["id"])
    assert again["once"] != fields["once"]
    program = client.post("/launches", params={"f": "json"}, data={**fields, **change})
    assert (program.status_code, "error" in program.json()) == (status, True)


def test_where_there_is_nothing_to_confirm_the_first_reason_counts(browser: Browser) -> None:
    client = browser[0]
    sign_in(browser)
    key = confirm(client, MAPS[0].id)["key"]
    for form, status in (
        ({"key": "0" * 64}, 403),
        ({"key": "0" * 64, "id": "2" * 16}, 403),
        ({"key": key, "id": "2" * 16}, 404),
        ({"key": key}, 400),
        ({"key": key, "id": MAPS[0].id, "selection": "nothing"}, 404),
    ):
        assert client.post("/launches", data={"once": "y" * 26, **form}).status_code == status, form


def test_a_sign_in_that_is_over_leads_back_to_the_launch(browser: Browser) -> None:
    client, target, _ = browser
    sign_in(browser)
    here = launch(client)
    key = re.findall(r'name="key" value="([0-9a-f]+)"', client.get(here).text)[0]
    client.cookies.clear()
    for act in ("open", "stop"):
        answer = client.post(f"{here}/{act}", data={"key": key})
        assert (answer.status_code, answer.headers["location"]) == (303, f"/signin?next={quote(here, safe='')}")
        program = client.post(f"{here}/{act}", params={"f": "json"})
        assert program.status_code in (401, 403)
    sign_in(browser)
    assert "Starting" in client.get(here).text
    assert len(target.orders) == 1


def test_a_hub_that_goes_down_is_told_on_the_page_of_the_launch(browser: Browser) -> None:
    client, target, _ = browser
    sign_in(browser)
    here = launch(client)
    target.now = State(READY)
    key = re.findall(r'name="key" value="([0-9a-f]+)"', client.get(here).text)[0]
    target.now = UnavailableError("The hub does not answer just now; nothing is lost")
    answer = client.post(f"{here}/stop", data={"key": key})
    assert answer.status_code == 503
    for words in ("The hub does not answer just now; nothing is lost", "Ready", "Download the notebook"):
        assert words in answer.text
    target.now = State(READY)
    assert client.post(f"{here}/open", data={"key": key}).status_code == 303


def test_a_closed_tab_loses_nothing(browser: Browser) -> None:
    client, target, _ = browser
    sign_in(browser)
    here = launch(client)
    client.cookies.clear()
    # Nobody looked for a while, from another browser somebody does.
    target.now = State(READY)
    sign_in(browser)
    assert f'href="{here}"' in client.get("/").text
    assert f'href="{here}"' in client.get("/launches").text
    assert "Open JupyterLab" in client.get(here).text
    assert len(target.orders) == 1


def test_places_that_run_nothing_offer_what_they_have(browser: Browser) -> None:
    client = browser[0]
    binder = client.get("/launch", params={"id": MAPS[0].id, "place": "near/binder"}).text
    assert 'href="https://b.example/v2/gh/o/r/main?urlpath=lab"' in binder
    lab = client.get("/launch", params={"id": MAPS[0].id, "place": "here/lab"}).text
    assert f"<code>discovery open {MAPS[0].id}</code>" in lab
    several = client.get("/launch", params={"id": [each.id for each in MAPS], "place": "here/lab"}).text
    assert f"<code>discovery open {' '.join(each.id for each in MAPS)}</code>" in several
    assert several.count("Download the notebook") == 1
    both = client.get("/launch", params={"id": [each.id for each in MAPS], "place": "here/download"}).text
    url = re.findall(r'href="(/launch/notebook\?[^"]+)"', both)[0].replace("&amp;", "&")
    assert "map-1.fits" in json.dumps(client.get(url).json())
    for place in ("near", "near/hub/x", "/hub", "near/", "moon/hub"):
        assert client.get("/launch", params={"id": MAPS[0].id, "place": place}).status_code == 400


def test_a_program_launches_with_a_token_that_may(browser: Browser) -> None:
    client, target, portal = browser
    sign_in(browser)
    session = next(value for value in client.cookies.values())
    who = portal.people.who(None, session)
    may, _ = portal.people.make_token(who, "may", [READ, LAUNCH], 1)
    not_, _ = portal.people.make_token(who, "may not", [READ], 1)
    client.cookies.clear()
    sent = {"id": MAPS[0].id}
    for shown in (not_, "none"):
        answer = client.post("/launches", data=sent, headers={"Authorization": f"Bearer {shown}"})
        assert answer.status_code in (401, 403)
    answer = client.post("/launches", data=sent, headers={"Authorization": f"Bearer {may}"})
    assert answer.status_code == 202
    assert answer.json()["status"] == STARTING
    target.now = State(READY)
    here = answer.json()["url"]
    headers = {"Authorization": f"Bearer {may}"}
    assert client.get(f"{here}?f=json", headers=headers).json()["status"] == READY
    assert client.post(f"{here}/open", headers=headers).json()["url"].endswith("token=opensesame")


# The links of archives


def test_an_archives_link_leads_to_the_record_or_says_what_to_do(browser: Browser) -> None:
    client = browser[0]
    answer = client.get("/open", params={"ivoid": "ivo://esavo/map/1"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/open?id={MAPS[1].id}")
    several = client.get("/open", params={"doi": "10.5270/maps"})
    assert several.status_code == 300
    assert all(f'href="/open?id={each.id}"' in several.text for each in MAPS)
    none = client.get("/open", params={"url": "https://nowhere.example/<script>"})
    assert none.status_code == 404
    assert "Not in this catalogue" in none.text
    assert "<script>" not in none.text.replace("<script src", "")
    assert client.get("/open", params={"url": "x://y"}).status_code == 400
    assert client.get("/open?f=json", params={"doi": "10.5270/maps", "f": "json"}).json()["records"]


def test_the_page_of_a_record_has_a_button_to_copy(browser: Browser) -> None:
    page = browser[0].get(f"/open?id={MAPS[0].id}").text
    link = f"http://testserver/open?id={MAPS[0].id}"
    assert f"&lt;a href=&#34;{link}&#34;&gt;Open in Test portal&lt;/a&gt;" in page


ELSEWHERE = [
    f"{begin}evil.example{end}"
    for begin in (
        "//", "///", "////", "/\\", "\\\\", "\\/", "/%09/", "/%2f", "/%5c", "https:", "https:/", "https://",
        "http:\\\\", "https:///", "HTTPS://", "//user@", "https://user:pw@", "javascript:alert(1)//", "data:text/html,",
        "/\t/", "/\n/", "\x00//", " //", "\u2215\u2215", "\uff0f\uff0f", "/.//", "/..//", "//%00", "ftp://", "ivo://",
    )
    for end in ("", "/%2e%2e?next=//evil.example#x")
]  # fmt: skip


def test_nothing_leads_to_another_host(browser: Browser) -> None:
    assert len(ELSEWHERE) >= 60
    client = browser[0]
    for form in ELSEWHERE:
        asked = [("/open", {name: form}) for name in ("url", "ivoid", "doi", "collection", "id")]
        asked += [("/launch", {"id": form}), ("/launch", {"id": MAPS[0].id, "place": form})]
        asked += [(f"/launches/{quote(form, safe='')}", {}), ("/launches", {"next": form})]
        asked += [("/launch", {"id": MAPS[0].id, "next": form, "url": form, "zone": form})]
        for path, given in asked:
            answer = client.get(path, params=given)
            place = answer.headers.get("location", "")
            assert answer.status_code < 500, (path, given)
            assert not place or (place.startswith("/") and not place.startswith(("//", "/\\"))), place
        posted = client.post("/launches", data={"id": form, "place": "near/hub"})
        assert posted.headers["location"].startswith("/signin?next=%2Flaunch%3F")
