"""From found to running, with a real browser and a real hub: the first cells read both datasets from the volume.

It prints how long it took; the marks are for a machine with nothing else to do, and the time-outs here are not.
"""

from __future__ import annotations

import http.server
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import numpy as np
import pytest
import uvicorn
from astropy.io import fits

from discovery.app import create_app
from discovery.config import Settings
from discovery.indexer import follow
from discovery.model.person import Role
from discovery.model.record import Asset, Record
from discovery.model.source import Mapped, RawRecord, Source
from discovery.portal import Portal
from discovery.wiring import open_portal
from ui.gate import COOKIE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.launch.targets.conftest import RunningHub

pytestmark = [pytest.mark.browser, pytest.mark.peer, pytest.mark.timeout(400)]

ROOT = Path(__file__).parents[3]
SEEN = ".jp-NotebookPanel:not(.lm-mod-hidden)"
IDLE = ".jp-Notebook-ExecutionIndicator[data-status=idle]"
FAULTS = """async () => {
  document.querySelectorAll('details:not(.menu)').forEach((each) => { each.open = true; });
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  const asked = {runOnly: tags, rules: {'target-size': {enabled: true}}, resultTypes: ['violations']};
  const found = await axe.run(asked);
  return found.violations.map((each) => `${each.id}: ${each.nodes.map((node) => node.html).slice(0, 3).join(' | ')}`);
}"""
PATIENCE = 120_000
"""Milliseconds; only a failing test waits so long, or one on a machine with other things to do."""


def map_of(name: str) -> Record:
    return Record(
        "maps",
        "",
        name,
        "dataset",
        f"Map of the {name}",
        doi="10.5555/maps",
        external_ids=(f"ivo://archive.example/maps/{name}",),
        missions=("astronomy/planck",),
        # Nobody answers at this address: what is read is read from the volume.
        assets=(Asset(f"https://archive.invalid/maps/{name}.fits", "map", "The map", "image/fits", ("data",)),),
    )


MAPS = (map_of("north"), map_of("south"))
VOLUME = Record(
    "maps",
    "",
    "volume",
    "volume",
    "All the maps",
    missions=("astronomy/planck",),
    properties={"mount_path": "/media/data/maps"},
    assets=(Asset("https://archive.invalid/maps/", "twin"),),
)


@dataclass(frozen=True, slots=True)
class Stage:
    """A portal and a hub that know each other."""

    url: str
    portal: Portal
    hub: RunningHub


@pytest.fixture(scope="module")
def stage(start_hub: Callable[..., RunningHub], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    home, volume = tmp_path_factory.mktemp("portal"), tmp_path_factory.mktemp("maps")
    for number, each in enumerate(MAPS):
        image = np.add.outer(np.arange(40.0) * (number + 1), np.arange(60.0))
        fits.PrimaryHDU(image).writeto(volume / f"{each.source_id}.fits")
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    hub = start_hub(url, {VOLUME.id: ("maps", volume)})
    (home / "hub.token").write_text(hub.token)
    (home / "zones.toml").write_text(
        f'[zones.here-too]\ntitle = "This machine"\nvolumes = ["maps"]\n'
        f'[zones.here-too.targets.hub]\nkind = "hub"\ntitle = "The local hub"\nurl = "{hub.url}"\n'
        f'token_file = "hub.token"\nlog = "{hub.folder / "hub.log"}"\n'
    )
    settings = Settings(home, zones="zones.toml", url=url)
    portal = open_portal(settings)
    portal.store.ledger.add_source(Source("maps", "records-file", "https://archive.invalid/", "Maps"))
    run = portal.store.ledger.begin("maps").id
    given = [Mapped(each, RawRecord("", each.source_id, b"{}")) for each in (*MAPS, VOLUME)]
    portal.store.ingest.page("maps", run, given)
    follow(portal.store, portal.index)
    server = uvicorn.Server(uvicorn.Config(create_app(settings, portal, steward=False), log_level="warning"))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    yield Stage(url, portal, hub)
    server.should_exit = True
    thread.join(20)
    portal.close()
    listening.close()


@pytest.fixture(scope="module")
def archive(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the page of an archive that has the button."""
    folder = tmp_path_factory.mktemp("archive")
    text = (ROOT / "fixtures" / "launch" / "archive.html").read_text()
    (folder / "index.html").write_text(text.replace("PORTAL", stage.url))

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Return a page of somebody who is signed in nowhere."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


def sign_in(page: Page, stage: Stage) -> None:
    """Come in as the person at the machine, from the confirmation and back to it."""
    page.get_by_role("link", name="Sign in to launch").click()
    back = page.url.partition("next=")[2]
    page.goto(f"{stage.url}/signin?{urlencode({'code': stage.portal.people.invite()})}&next={back}")
    page.get_by_role("button", name="Enter").click()
    page.wait_for_url("**/launch?**")


def launch(page: Page) -> tuple[Page, float, float]:
    """Launch, open what is ready and run every cell; return the notebook, and the seconds to ready and to a picture."""
    from playwright.sync_api import expect

    began = time.monotonic()
    page.get_by_role("button", name="Launch", exact=True).click()
    page.get_by_role("button", name="Open JupyterLab").wait_for()
    ready = time.monotonic() - began
    # JupyterLab keeps in the page what is in sight, so all of the notebook has to be.
    page.set_viewport_size({"width": 1400, "height": 9000})
    with page.expect_websocket(lambda socket: "/channels" in socket.url, timeout=PATIENCE):
        page.get_by_role("button", name="Open JupyterLab").click()
    page.wait_for_url("**/tree/notebooks/**")
    notebook = page.locator(SEEN)
    # What is run before the kernel has said hello is not run at all, be it the first cells or every one.
    notebook.locator(IDLE).wait_for(state="attached")
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    notebook.locator(".jp-OutputArea-output img").first.wait_for()
    drawn = time.monotonic() - began
    # Until every cell has been run, and has said all that it says.
    waiting = notebook.locator(".jp-InputPrompt").filter(has_text=re.compile(r"\[[\s*]\]"))
    expect(waiting).to_have_count(0, timeout=PATIENCE)
    return page, ready, drawn


def outputs(page: Page) -> str:
    return "\n".join(page.locator(f"{SEEN} .jp-OutputArea-output pre").all_inner_texts())


def test_two_datasets_that_were_found_are_read_from_the_volume_and_drawn(
    page: Page, stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    page.goto(f"{stage.url}/search?q=map")
    for each in MAPS:
        page.get_by_label(f"Tick {each.title}").check()
    page.get_by_role("button", name="Open in a notebook").click()
    page.wait_for_url("**/launch?**")
    assert "This machine: The local hub" in page.inner_text("main")
    assert "All the maps" in page.inner_text("main")
    sign_in(page, stage)
    lab, ready, first = launch(page)
    with capsys.disabled():
        print(f"\nlaunch -> ready {ready:.1f} s (mark 5), -> first picture {first:.1f} s (mark 15)")  # noqa: T201
    text = outputs(lab)
    for name in ("north", "south"):
        assert re.search(rf"/data/maps/{name}\.fits", text), text
    assert "not mounted" not in text
    assert "Traceback" not in text
    assert lab.locator(f"{SEEN} .jp-OutputArea-output img").count() >= 1
    # The token has become a cookie of the one server, and stands in no address any more than it must.
    assert stage.hub.token not in lab.content()
    assert stage.hub.token not in stage.hub.log

    page.goto(f"{stage.url}/")
    strip = page.get_by_role("region", name="Running")
    strip.get_by_role("link", name="Map of the").click()
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("link", name="Launch it again").wait_for()


def test_an_archives_button_leads_to_a_running_notebook(
    page: Page, stage: Stage, archive: str, capsys: pytest.CaptureFixture[str]
) -> None:
    page.goto(archive)
    page.get_by_role("row", name="Map of the north").get_by_role("link").click()
    assert "Map of the north" in page.inner_text("h1")
    page.get_by_role("button", name="Launch", exact=True).click()
    sign_in(page, stage)
    lab, ready, first = launch(page)
    with capsys.disabled():
        print(f"\narchive: launch -> ready {ready:.1f} s (mark 5), -> first picture {first:.1f} s (mark 15)")  # noqa: T201
    assert "/data/maps/north.fits" in outputs(lab)
    page.goto(archive)
    page.get_by_role("row", name="Both maps").get_by_role("link").click()
    assert "Which one do you mean?" in page.inner_text("h1")
    assert page.get_by_role("main").get_by_role("link").count() == 2


def visitor(browser: Browser, stage: Stage, name: str, role: Role) -> Page:
    """Return a page of somebody who signed in elsewhere and came back with a session."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000}, base_url=stage.url)
    context.set_default_timeout(PATIENCE)
    if role > Role.ANONYMOUS:
        session = stage.portal.people.welcome("https://id.example", name, name, role=role)
        context.add_cookies([{"name": COOKIE, "value": session, "url": stage.url}])
    return context.new_page()


def status(page: Page, path: str) -> int:
    answer = page.goto(path)
    assert answer is not None
    return answer.status


def written(page: Page) -> str:
    """Write a datalab in the form, as its author, and return where it is."""
    page.goto("/datalabs/new")
    for label, text in (
        ("Name (required)", "Mapmaker"),
        ("Short name (required)", "mapmaker"),
        ("Abstract (required)", "Draws maps of the quokka survey."),
        ("Contact: e-mail (required)", "desk@example.org"),
        ("Creator (required)", "Dee"),
        ("Version (required)", "1.0"),
    ):
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_label("Interface", exact=True).select_option("lab")
    page.get_by_role("button", name="Save as draft").click()
    page.get_by_role("heading", name="Mapmaker").wait_for()
    return page.url.removeprefix("http://").partition("/")[2].partition("?")[0]


def test_a_datalab_is_written_reviewed_published_found_and_launched(browser: Browser, stage: Stage) -> None:
    dee, mod, user, nobody = (
        visitor(browser, stage, name, role)
        for name, role in (
            ("dee", Role.DEVELOPER),
            ("mod", Role.MODERATOR),
            ("una", Role.USER),
            ("", Role.ANONYMOUS),
        )
    )
    path = f"/{written(dee)}"
    # What is a draft is its author's alone, and nobody else finds it anywhere.
    for outsider in (mod, user, nobody):
        assert status(outsider, path) == 404
        for place in ("/datalabs", "/search?q=quokka", "/search?q=mapmaker&f=json"):
            outsider.goto(place)
            assert "Draws maps" not in outsider.content(), place
    dee.goto(path)
    dee.get_by_role("button", name="Hand in").click()
    dee.get_by_text("In review").first.wait_for()
    assert [status(each, path) for each in (mod, user, nobody)] == [200, 404, 404]

    mod.goto("/admin/reviews")
    mod.get_by_role("link", name="Mapmaker").click()
    with mod.expect_navigation():
        mod.get_by_role("button", name="Accept and publish").click()
    dee.goto(path)
    dee.get_by_text("Published", exact=True).first.wait_for()
    follow(stage.portal.store, stage.portal.index)

    user.goto("/search?q=quokka")
    user.locator(".card").get_by_role("link", name="Mapmaker").click()
    assert "Draws maps of the quokka survey." in user.inner_text("main")
    lab = user.url.rpartition("/")[2].partition("?")[0]
    user.get_by_role("link", name="Launch", exact=True).click()
    user.get_by_role("heading", name="Launch Mapmaker").wait_for()
    user.get_by_role("button", name="Launch", exact=True).click()
    user.get_by_role("button", name="Open JupyterLab").wait_for()
    user.get_by_role("button", name="Stop").click()
    user.get_by_role("link", name="Launch it again").wait_for()
    user.goto(f"/launch?id={MAPS[0].id}")
    user.get_by_label("Environment").select_option(lab)
    user.get_by_role("button", name="Choose").click()
    user.wait_for_url("**datalab=**")
    user.get_by_role("button", name="Launch", exact=True).click()
    user.get_by_role("button", name="Open JupyterLab").wait_for()
    mine = user.url.removeprefix(stage.url)
    assert stage.portal.store.launches.launch(mine.rpartition("/")[2]).datalab == lab
    # A launch is its person's alone: admins and moderators see it no more than anybody.
    assert [status(each, mine) for each in (dee, mod)] == [404, 404]
    assert status(nobody, mine) in (401, 403, 404) or "/signin" in nobody.url
    user.get_by_role("button", name="Stop").click()
    user.get_by_role("link", name="Launch it again").wait_for()
    for each in (dee, mod, user, nobody):
        each.context.close()


def test_a_data_volume_is_a_folder_of_links_in_its_persons_home_and_nobody_elses(
    browser: Browser, stage: Stage
) -> None:
    una, other, nobody = (
        visitor(browser, stage, name, role)
        for name, role in (("una", Role.USER), ("otto", Role.USER), ("", Role.ANONYMOUS))
    )
    una.goto(f"/selection?id={MAPS[0].id}&id={MAPS[1].id}")
    una.get_by_label("Name of a new data volume").fill("My private maps")
    una.get_by_role("button", name="Keep", exact=True).click()
    una.wait_for_url("**/selections/*")
    path = una.url.removeprefix(stage.url)
    id = path.rpartition("/")[2]
    for outsider in (other, nobody):
        for hidden in (path, f"{path}/manifest", f"{path}/notebook", f"/launch?selection={id}"):
            assert status(outsider, hidden) == 404, hidden
        outsider.goto("/search?q=private+maps")
        assert "My private maps" not in outsider.content()
    other.goto("/selections")
    assert "My private maps" not in other.content()

    una.goto("/me")
    una.get_by_role("link", name="Data volumes").click()
    una.get_by_role("link", name="My private maps").click()
    una.get_by_role("link", name="Open in a notebook").click()
    una.get_by_role("heading", name="Launch My private maps").wait_for()
    una.get_by_role("button", name="Launch", exact=True).click()
    una.get_by_role("button", name="Open JupyterLab").wait_for()
    assert status(other, una.url.removeprefix(stage.url)) == 404
    person = next(each.id for each in stage.portal.people.persons(text="una"))
    folder = stage.hub.home(person) / "data" / f"my-private-maps-{id[:6]}"
    assert sorted(each.name for each in folder.iterdir()) == ["manifest.json", "north.fits", "south.fits"]
    for name in ("north", "south"):
        assert fits.getdata(folder / f"{name}.fits").shape == (40, 60)
    said = json.loads((folder / "manifest.json").read_text())
    assert [each["linked"] for each in said["files"]] == [True, True]
    assert said["files"][0]["addresses"] == ["https://archive.invalid/maps/north.fits"]
    una.get_by_role("button", name="Stop").click()
    una.get_by_role("link", name="Launch it again").wait_for()
    for each in (una, other, nobody):
        each.context.close()


def test_no_page_from_sign_in_to_launch_has_a_fault_that_axe_finds(
    browser: Browser, stage: Stage, axe_core: Path
) -> None:
    script = axe_core.read_text(encoding="utf-8")
    dee, nobody = visitor(browser, stage, "axel", Role.DEVELOPER), visitor(browser, stage, "", Role.ANONYMOUS)
    one, both = f"id={MAPS[0].id}", f"id={MAPS[0].id}&id={MAPS[1].id}"
    dee.goto(f"/launch?{one}")
    dee.get_by_role("button", name="Launch", exact=True).click()
    dee.get_by_role("button", name="Open JupyterLab").wait_for()
    launched = dee.url
    seen = [(nobody, path) for path in ("/signin", f"/launch?{both}", f"/selection?{both}")]
    seen += [
        (dee, path)
        for path in (
            "/me",
            f"/launch?{both}",
            "/launches",
            launched,
            "/datalabs/new",
            f"/selection?{both}",
            "/selections",
        )
    ]
    for page, path in seen:
        assert status(page, path) == 200, path
        # By the debugger, as the policy of the pages lets no script in.
        page.evaluate(script)
        for width in (360, 1400):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{path} at {width}"
            assert page.evaluate(FAULTS) == [], f"{path} at {width}"
    dee.goto(launched)
    dee.get_by_role("button", name="Stop").click()
    dee.get_by_role("link", name="Launch it again").wait_for()
    for each in (dee, nobody):
        each.context.close()
