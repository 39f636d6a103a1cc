"""The pages in a real browser, under their own Content-Security-Policy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ui.rendering import STATIC

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

    from tests.ui.conftest import Served

pytestmark = [pytest.mark.browser, pytest.mark.peer]

WIDTHS = (360, 1400)
PAGES = {
    "home": "/",
    "search": "/search?q=survey&facet.provider=ESA&time=1990/2015",
    "named": "/search?q=ice+Arctic+M31",
    "empty": "/search?q=survey&facet.provider=ESA&time=1800",
    "record": "/records?source=open-science&container=products&source_id=cryosat-ice",
    "sky": "/records?source=open-science&container=products&source_id=product-02",
    "open": "/open?source=open-science&container=products&source_id=cryosat-ice",
    "map": "/search?heat=sky&find.mission=e",
    "selection": "/selection?all=1&q=survey",
    "compare": "/compare",
    "spaces": "/embeddings",
    "similar": "/embeddings/clay?row=5",
    "changed": "/embeddings/clay/change?by=place",
    "unusual": "/embeddings/clay/outliers?of=all",
    "error": "/records/0000000000000000",
}
FAULTS = """async (only) => {
  document.querySelectorAll('details:not(.menu)').forEach((each) => { each.open = true; });
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  const asked = only ? {runOnly: {type: 'rule', values: only}} : {runOnly: tags};
  if (!only) asked.rules = {'target-size': {enabled: true}};
  const found = await axe.run({...asked, resultTypes: ['violations']});
  return found.violations.map((each) => `${each.id}: ${each.nodes.map((node) => node.html).slice(0, 3).join(' | ')}`);
}"""
MOST_TABS = 200
PATIENCE = 30_000
"""Milliseconds; only a failing test waits so long, or one on a machine with other things to do."""


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    # Not beyond this file: a process drives one at a time, and tests of other rooms have their own.
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium)
        yield opened
        opened.close()


Visit = Callable[..., AbstractContextManager["Page"]]


@pytest.fixture
def visit(browser: Browser, server: Served) -> Visit:
    """Return `visit(width, scripts)`: a page that must neither complain nor ask another host."""

    @contextmanager
    def visiting(width: int = 1400, *, scripts: bool = True) -> Iterator[Page]:
        complaints: list[str] = []

        def heard(message: ConsoleMessage) -> None:
            # Chromium itself reports a page that is meant to be an error.
            if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
                complaints.append(message.text)

        context = browser.new_context(
            base_url=server.url,
            viewport={"width": width, "height": 800},
            color_scheme="light",
            java_script_enabled=scripts,
            reduced_motion="reduce",
        )
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("console", heard)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda sent: None if sent.url.startswith(f"{server.url}/") else complaints.append(sent.url))
        yield page
        context.close()
        assert complaints == []

    return visiting


@pytest.fixture
def scripts(peer: Callable[[bool, str], None]) -> None:
    """Demand the scripts of the pages, which are there with their bundled part or not at all."""
    peer((STATIC / "vendor" / "htmx.min.js").is_file(), "htmx is not here; `make assets` brings it and needs npm")


def found(page: Page) -> int:
    """Return the number of results that the page says."""
    return int(page.locator(".found strong").inner_text().replace(",", ""))


def tab_to(page: Page, selector: str, name: str = "") -> None:
    """Press Tab until an element has the focus, and check that one sees that it has."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        focused: dict[str, Any] = page.evaluate(
            """(selector) => {
                const at = document.activeElement;
                const style = getComputedStyle(at);
                return {fits: at.matches(selector), text: at.textContent, outline: style.outlineStyle,
                        seen: at.checkVisibility({contentVisibilityAuto: true, visibilityProperty: true})};
            }""",
            selector,
        )
        assert focused["seen"], f"the focus is on something hidden: {focused['text']!r}"
        if focused["fits"] and re.search(name, focused["text"]):
            assert focused["outline"] != "none"
            return
    pytest.fail(f"no way to {selector} {name!r} by the keyboard")


def test_no_page_has_a_fault_that_axe_finds(visit: Visit, axe_core: Path) -> None:
    script = axe_core.read_text(encoding="utf-8")
    with visit() as page:
        for name, url in PAGES.items():
            page.goto(url)
            # By the debugger, as the policy of the pages lets no script in.
            page.evaluate(script)
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 800})
                assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} at {width}"
                assert page.evaluate(FAULTS) == [], f"{name} at {width}"
                # The dark page is the same document in other colours.
                page.emulate_media(color_scheme="dark")
                assert page.evaluate(FAULTS, ["color-contrast"]) == [], f"{name} at {width}, dark"
                page.emulate_media(color_scheme="light")


@pytest.mark.parametrize("scripts", [True, False])
def test_what_is_similar_is_found_on_a_page_and_leads_on(visit: Visit, scripts: bool) -> None:
    with visit(360, scripts=scripts) as page:
        page.goto("/embeddings")
        page.get_by_role("link", name="clay").click()
        page.get_by_label("Row", exact=True).fill("5")
        page.get_by_label("Box").fill("-168,64,-166,67")
        page.get_by_role("button", name="Find similar").click()
        page.get_by_role("heading", name="12 most similar").wait_for()
        assert page.locator("svg .dot").count() == 12
        first = page.locator(".card h3").first.inner_text().removeprefix("Row ")
        page.locator(".card").first.get_by_role("link", name="Find similar").click()
        page.wait_for_url(f"**row={first}")
        assert page.locator(".card").count() == 12


def test_everything_can_be_reached_by_the_keyboard(visit: Visit) -> None:
    with visit() as page:
        page.goto("/search")
        page.keyboard.press("Tab")
        skip = page.locator(".skip:focus")
        box = skip.bounding_box()
        assert box is not None
        assert box["y"] >= 0
        page.keyboard.press("Enter")
        assert page.locator(":focus").get_attribute("id") == "main"

        page.goto("/search?size=5")
        tab_to(page, "#q")
        page.keyboard.type("survey")
        page.keyboard.press("Enter")
        page.wait_for_url("**/search?*q=survey*")
        assert found(page) == 30

        tab_to(page, "a.value", "NASA")
        page.keyboard.press("Enter")
        page.wait_for_url("**facet.provider=NASA*")
        page.get_by_text("Remove Provider").wait_for(state="attached")
        assert found(page) == 10

        page.goto(page.url)
        tab_to(page, "a", "^Next page")
        page.keyboard.press("Enter")
        page.wait_for_url("**after=*")
        page.get_by_text("First page", exact=True).wait_for()
        assert page.locator(".card").count() == 5

        page.goto(page.url)
        tab_to(page, "a.chip", "Provider")
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "facet.provider" not in url)
        page.get_by_text("Remove Provider").wait_for(state="detached")
        assert found(page) == 30


@pytest.mark.usefixtures("scripts")
def test_ticking_a_filter_keeps_the_place_the_focus_and_what_is_open(visit: Visit) -> None:
    from playwright.sync_api import expect

    with visit(360) as page:
        page.goto("/search?q=survey")
        loads: list[str] = []
        page.on("load", lambda _page: loads.append("load"))
        page.locator("#filters > summary").click()
        page.locator("a.value", has_text="NASA").click()
        page.wait_for_url("**facet.provider=NASA*")
        page.get_by_text("Remove Provider").wait_for(state="attached")
        assert found(page) == 10
        assert page.locator("a.value:focus").inner_text().startswith("NASA")
        assert page.locator("#filters").get_attribute("open") is not None
        assert page.evaluate("scrollY") > 100
        expect(page).to_have_title(re.compile("survey . 10 resources . Test portal"), timeout=PATIENCE)
        assert page.locator("form.search input[name='facet.provider']").get_attribute("value") == "NASA"
        assert loads == []

        page.locator("a.chip", has_text="Provider").click()
        page.wait_for_url("**/search?q=survey")
        page.get_by_text("Remove Provider").wait_for(state="detached")
        page.go_back()
        page.get_by_text("Remove Provider").wait_for(state="attached")
        assert found(page) == 10


@pytest.mark.usefixtures("scripts")
def test_removing_the_last_chip_moves_the_focus_to_the_results(visit: Visit) -> None:
    from playwright.sync_api import expect

    with visit() as page:
        page.goto("/search?facet.provider=NASA")
        page.locator("a.chip").click()
        page.wait_for_url("**/search")
        expect(page.locator("#main")).to_be_focused(timeout=PATIENCE)


@pytest.mark.usefixtures("scripts")
def test_a_filter_that_fails_shows_its_error(visit: Visit) -> None:
    with visit() as page:
        page.goto("/search")
        page.locator("a.value").first.evaluate("(link) => link.setAttribute('href', '/search?facet.nothing=x')")
        page.locator("a.value").first.click()
        page.wait_for_url("**facet.nothing=x")
        page.get_by_text("Unknown facet 'nothing'").wait_for()


@pytest.mark.usefixtures("scripts")
def test_a_menu_opens_by_the_keyboard_and_closes_by_escape(visit: Visit) -> None:
    with visit() as page:
        page.goto("/search?q=survey")
        tab_to(page, "summary", "^Sort")
        page.keyboard.press("Enter")
        page.get_by_role("link", name="Title A to Z").wait_for()
        page.keyboard.press("Escape")
        page.get_by_role("link", name="Title A to Z").wait_for(state="hidden")


def test_without_scripts_a_narrow_page_finds_filters_and_opens(visit: Visit) -> None:
    with visit(360, scripts=False) as page:
        page.goto("/")
        page.locator("#q").fill("survey")
        page.get_by_role("button", name="Search").click()
        page.locator("#filters > summary").click()
        page.locator("a.value", has_text="NASA").click()
        assert found(page) == 10
        page.locator("#refine > summary").click()
        page.get_by_label("From").fill("2010")
        page.get_by_role("button", name="Apply").click()
        page.wait_for_url("**time=2010*")
        page.locator(".card a").first.click()
        assert re.match(r".* survey \d\d", page.locator("h1").inner_text())


@pytest.mark.usefixtures("scripts")
@pytest.mark.parametrize("width", WIDTHS)
def test_suggestions_are_offered_and_walked_by_keys(visit: Visit, axe_core: Path, width: int) -> None:
    with visit(width) as page:
        page.goto("/")
        field = page.get_by_role("combobox", name="Words to search for")
        # Whoever types slowly is offered something before the end, which is then replaced.
        with page.expect_response("**/suggest?q=sea%20ic"):
            field.press_sequentially("sea ic")
        option = page.get_by_role("option", name="Sea ice thickness from CryoSat")
        option.wait_for()
        assert field.get_attribute("aria-expanded") == "true"
        page.evaluate(axe_core.read_text(encoding="utf-8"))
        assert page.evaluate(FAULTS, None) == []
        field.press("ArrowDown")
        marked = page.locator('[role="option"][aria-selected="true"]')
        assert field.get_attribute("aria-activedescendant") == marked.get_attribute("id")
        field.press("Escape")
        assert not option.is_visible()
        assert field.input_value() == "sea ic"
        field.press_sequentially("e")
        option.wait_for()
        field.press("ArrowUp")
        field.press("ArrowUp")
        field.press("ArrowDown")
        field.press("Enter")
        page.wait_for_url("**/records/*")


@pytest.mark.usefixtures("scripts")
def test_a_place_is_suggested_and_a_press_searches_there(visit: Visit) -> None:
    with visit() as page:
        page.goto("/search")
        # At once: an option that is replaced under the pointer is not pressed.
        page.locator("#q").fill("arcti")
        page.get_by_role("option", name="Arctic Region").first.click()
        page.wait_for_url("**near=Arctic**")
        assert page.get_by_role("link", name="Remove Place: Arctic").is_visible()


@pytest.mark.usefixtures("scripts")
def test_without_a_choice_the_words_are_searched_for_as_typed(visit: Visit) -> None:
    with visit() as page:
        page.goto("/search")
        page.locator("#q").press_sequentially("sea ic")
        page.get_by_role("option").first.wait_for()
        page.locator("#q").press("Enter")
        page.wait_for_url("**q=sea+ic*")


def test_a_place_in_the_words_is_a_link_without_scripts(visit: Visit) -> None:
    with visit(360, scripts=False) as page:
        page.goto("/search?q=ice+Arctic")
        page.get_by_role("link", name="Search in the Arctic for ice").click()
        page.wait_for_url("**q=ice&near=Arctic")
        assert found(page) >= 1


def ticks(page: Page) -> list[str]:
    """Return the ids of the boxes of a page, in their order."""
    return [str(each.get_attribute("value")) for each in page.locator("input[data-tick]").all()]


@pytest.mark.usefixtures("scripts")
@pytest.mark.parametrize("width", WIDTHS)
def test_ticks_are_kept_from_page_to_page_and_sent_together(visit: Visit, width: int) -> None:
    with visit(width) as page:
        page.goto("/search?q=survey&size=4")
        first = ticks(page)
        export = page.get_by_role("button", name="Export")
        assert not export.is_visible()
        page.locator("input[data-tick]").nth(1).check()
        assert export.is_enabled()
        page.locator("input[data-tick]").nth(3).check()
        assert page.locator(".said").inner_text() == "2 ticked"
        page.get_by_role("link", name="Next page").click()
        page.wait_for_url("**after=*")
        page.get_by_text("First page", exact=True).wait_for(state="attached")
        second = ticks(page)
        page.locator("input[data-tick]").nth(0).check()
        assert page.locator(".said").inner_text() == "3 ticked, 2 of them on other pages"
        page.go_back()
        page.wait_for_url(lambda url: "after=" not in url)
        page.get_by_text("3 ticked, 1 of them on other pages").wait_for()
        assert page.locator("input[data-tick]").nth(3).is_checked()
        page.locator("input[data-tick]").nth(1).uncheck()
        page.get_by_role("button", name="Compare").click()
        page.wait_for_url("**/compare?*")
        assert page.evaluate("new URLSearchParams(location.search).getAll('id').sort()") == sorted(
            [first[3], second[0]]
        )
        page.goto("/search?q=survey&size=4")
        page.get_by_role("button", name="Untick all").click()
        assert page.locator(".said").inner_text().startswith("Tick records to")
        assert not page.get_by_role("button", name="Export").is_visible()


def test_ticks_work_without_scripts(visit: Visit) -> None:
    with visit(360, scripts=False) as page:
        page.goto("/search?q=survey&size=4")
        wanted = ticks(page)[:2]
        assert not page.get_by_role("button", name="Add to data volume").is_visible()
        page.get_by_role("checkbox").nth(0).check()
        page.get_by_role("checkbox").nth(1).check()
        page.get_by_role("button", name="Add to data volume").click()
        page.wait_for_url("**/selection?*#keep")
        assert page.url.endswith(f"/selection?id={wanted[0]}&id={wanted[1]}#keep")
        page.get_by_role("link", name="Remove").first.click()
        page.wait_for_url(f"**/selection?id={wanted[1]}")
        page.goto("/search?q=survey&size=4")
        page.get_by_role("link", name="All 30 that match").click()
        page.wait_for_url("**/selection?all=1&q=survey")
        assert page.locator(".found strong").inner_text() == "30"


@pytest.mark.usefixtures("scripts")
def test_the_keyboard_never_stands_behind_the_bar(visit: Visit) -> None:
    with visit() as page:
        page.goto("/search?q=survey&size=20")
        page.locator("input[data-tick]").first.check()
        for _ in range(25):
            page.keyboard.press("Tab")
            hidden = page.evaluate(
                """() => {
                    const bar = document.querySelector('.picking'), at = document.activeElement;
                    const seen = at.getBoundingClientRect(), top = bar.getBoundingClientRect().top;
                    return !bar.contains(at) && seen.top >= top && seen.top < innerHeight;
                }"""
            )
            assert not hidden


def test_what_is_kept_and_compared_has_no_fault_that_axe_finds(visit: Visit, server: Served, axe_core: Path) -> None:
    script = axe_core.read_text(encoding="utf-8")
    with visit() as page:
        page.goto(f"/signin?code={server.portal.people.invite()}")
        page.locator("main form button").first.click()
        page.wait_for_url(lambda url: "signin" not in url)
        page.goto("/search?q=survey&size=4")
        chosen = "&".join(f"id={each}" for each in ticks(page)[:4])
        page.goto(f"/selection?{chosen}")
        page.get_by_label("Name of a new data volume").fill("Deep fields")
        page.get_by_role("button", name="Keep").click()
        page.wait_for_url("**/selections/*")
        for name, url in {"kept": page.url, "ids": f"/selection?{chosen}", "compare": f"/compare?{chosen}",
                          "mine": "/selections"}.items():  # fmt: skip
            page.goto(url)
            page.evaluate(script)
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 800})
                assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} at {width}"
                assert page.evaluate(FAULTS) == [], f"{name} at {width}"
                page.emulate_media(color_scheme="dark")
                assert page.evaluate(FAULTS, ["color-contrast"]) == [], f"{name} at {width}, dark"
                page.emulate_media(color_scheme="light")
