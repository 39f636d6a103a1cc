"""STAC Browser, from another host, over our catalogue: what people who know STAC look at it with."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from discovery.app import create_app
from discovery.config import Settings
from discovery.portal import Portal

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Page, Route

pytestmark = [pytest.mark.browser, pytest.mark.peer, pytest.mark.long]
HOME = Path(__file__).parents[2] / ".cache" / "peers" / "stac-browser"
S2 = "sentinel-s2-l2a-cogs"
PATIENCE = 30_000
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c020000000b4944415478da6364f80f0001050101"
    "2718e3660000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def stac(
    portal: Portal,
    tmp_path_factory: pytest.TempPathFactory,
    serving: Callable[..., AbstractContextManager[httpx.Client]],
) -> Iterator[str]:
    """Return the address of the STAC face of the whole application."""
    app = create_app(Settings(tmp_path_factory.mktemp("home")), portal, steward=False)
    with serving(app) as client:
        yield f"{str(client.base_url).rstrip('/')}/stac/"


@pytest.fixture(scope="module")
def opened(
    chromium: Path,
    stac: str,
    serving: Callable[..., AbstractContextManager[httpx.Client]],
    peer: Callable[[bool, str], None],
) -> Iterator[Callable[[str], Page]]:
    """Return what opens a document of ours in STAC Browser, which must neither complain nor be refused anything."""
    peer((HOME / ".installed").is_file(), "STAC Browser is not here; tests/peers/stac_browser/prepare.sh builds it")
    from playwright.sync_api import sync_playwright

    files = FastAPI()
    files.mount("/", StaticFiles(directory=HOME / "dist", html=True))
    complaints: list[str] = []
    images: list[str] = []

    def said(text: str) -> None:
        # The GeoTIFFs of the sample lie on other hosts too, and cannot be made up as a tile can.
        if not (text.startswith("AggregateError: Request failed") and images):
            complaints.append(text)

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error":
            said(message.text)

    def elsewhere(route: Route) -> None:
        # Tiles of maps, thumbnails and the schema of geometries lie on other hosts, which no test asks.
        url, shared = route.request.url, {"Access-Control-Allow-Origin": "*"}
        if url.endswith(".json"):
            route.fulfill(body="{}", content_type="application/json", headers=shared)
            return
        images.extend(each for each in [url] if url.endswith(".tif"))
        route.fulfill(body=PIXEL, content_type="image/png", headers=shared)

    with serving(files) as browser, sync_playwright() as playwright:
        chrome = playwright.chromium.launch(executable_path=chromium)
        page = chrome.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(PATIENCE)
        page.route(re.compile(r"^https?://(?!127\.0\.0\.1[:/])"), elsewhere)
        page.on("console", heard)
        page.on("pageerror", lambda error: said(str(error)))

        def open_(path: str) -> Page:
            external = f"{stac}{path}".replace("://", ":/")
            page.goto("about:blank")
            page.goto(f"{browser.base_url}/#/external/{external}")
            return page

        yield open_
        chrome.close()
    assert complaints == [], images


def test_it_opens_the_catalogue_and_goes_on_to_a_collection(opened: Callable[[str], Page]) -> None:
    page = opened("")
    page.get_by_role("heading", name="Discovery").first.wait_for()
    page.get_by_role("link", name=re.compile("Sentinel")).first.click()
    page.wait_for_url(re.compile(r"/collections/"))
    page.get_by_role("heading", name=re.compile("Sentinel")).first.wait_for()


def test_it_shows_sources_beside_collections_each_once_and_goes_down_to_an_item(opened: Callable[[str], Page]) -> None:
    page = opened("")
    page.get_by_role("link", name="vo", exact=True).first.wait_for()
    cards = page.locator(".catalogs .card-title")
    titles = sorted(text.strip() for text in cards.all_inner_texts())
    assert titles == ["Plates", "Sentinel 2 L2A COGs", "Sentinel 2 L2A COGs", "earth", "mirror", "vo"]
    page.get_by_role("link", name="vo", exact=True).first.click()
    page.wait_for_url(re.compile(r"/catalogs/vo"))
    page.get_by_role("link", name="Items without a collection").first.click()
    page.wait_for_url(re.compile(r"/catalogs/vo/browse"))
    page.get_by_role("link", name="Orphan").first.click()
    page.wait_for_url(re.compile(r"/catalogs/vo/items/"))
    page.get_by_role("heading", name="Orphan").first.wait_for()


def test_it_opens_a_collection_with_its_items(opened: Callable[[str], Page]) -> None:
    page = opened(f"collections/{S2}")
    page.get_by_role("heading", name=re.compile("Sentinel")).first.wait_for()
    page.get_by_text("License").first.wait_for()
    page.locator(".items .card, .items a").first.wait_for()


def test_it_opens_an_item_with_its_assets(opened: Callable[[str], Page], stac: str) -> None:
    id = httpx.get(f"{stac}collections/{S2}/items?limit=1").json()["features"][0]["id"]
    page = opened(f"collections/{S2}/items/{id}")
    page.get_by_role("heading", name=id).first.wait_for()
    page.locator(".assets").first.wait_for()
    page.get_by_text("Cloud Cover").first.wait_for()


def test_it_searches_items(opened: Callable[[str], Page], stac: str) -> None:
    page = opened("")
    page.get_by_role("heading", name="Discovery").first.wait_for()
    page.get_by_role("link", name="Search").first.click()
    page.wait_for_url(re.compile(r"/search/"))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/stac/" in request.url else None)
    page.get_by_role("tab", name=re.compile("Item")).click()
    page.get_by_role("button", name="Submit").click()
    page.locator(".items .card, .items a").first.wait_for()
    assert any(url.startswith(f"{stac}search") for url in asked)
