"""What is inside Zarr data: on the page of a record, on its own page, as JSON and as a picture."""

from __future__ import annotations

import io
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from fastapi.testclient import TestClient
from PIL import Image

from discovery.arrays import facts
from discovery.arrays.facts import Look
from discovery.index.tantivy import TantivyIndex
from discovery.model.record import Asset, Record
from discovery.portal import Portal
from discovery.store.store import Store
from tests.arrays.given import Served, cube, serving
from tests.ui.conftest import app_of, fill
from ui import arrays
from ui.rendering import STATIC, Renderer

pytestmark = pytest.mark.slow
ZARR = "application/vnd+zarr"


def cube_of(url: str) -> Record:
    return Record(
        "archive",
        "t",
        "cube",
        "observation",
        "Ten <days>",
        assets=(
            Asset(f"{url}/v3.zarr", "cube", "The <cube>", ZARR, ("data",)),
            Asset(f"{url}/none.zarr", "gone", media_type=ZARR),
            Asset("http://10.0.0.1/x.zarr", "inner", media_type=ZARR),
        ),
    )


PLAIN = Record("archive", "t", "plain", "observation", "Plain", assets=(Asset("https://a.example/x.nc"),))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    cube(folder / "v3.zarr")
    with serving(folder) as found:
        yield found


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory, served: Served) -> Iterator[Portal]:
    home = tmp_path_factory.mktemp("arrays")
    made = Portal(
        Store(f"sqlite:///{home / 'store.db'}"), TantivyIndex(home / "index"), policy=lambda _source: served.policy
    )
    fill(made, [cube_of(served.url), PLAIN])
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(portal: Portal) -> Iterator[TestClient]:
    with TestClient(app_of(portal), follow_redirects=False) as opened:
        yield opened


@pytest.fixture
def page(served: Served) -> str:
    return f"/records/{cube_of(served.url).id}"


def test_the_page_of_a_record_asks_nobody_and_leads_to_what_is_inside(
    client: TestClient, served: Served, page: str
) -> None:
    before = len(served.asked)
    found = client.get(page)
    assert len(served.asked) == before
    assert f'src="{page}/arrays/quicklook?asset=cube" loading="lazy"' in found.text
    assert f'data-hx-get="{page}/arrays?asset=cube"' in found.text
    # Without scripts, the same is a link.
    assert f'<a href="{page}/arrays?asset=cube">Look inside The &lt;cube&gt;</a>' in found.text
    assert f'<a href="{page}/arrays?asset=gone">gone</a>' in found.text


def test_a_record_without_zarr_data_has_no_such_part(client: TestClient) -> None:
    assert "inside-data" not in client.get(f"/records/{PLAIN.id}").text
    for path in ("arrays", "arrays/quicklook"):
        found = client.get(f"/records/{PLAIN.id}/{path}")
        assert found.status_code == 404
        assert "has no Zarr data" in found.text


def test_the_page_tells_dimensions_chunks_units_and_coordinates(client: TestClient, page: str) -> None:
    found = client.get(f"{page}/arrays?asset=cube")
    assert found.status_code == 200
    for each in (
        "time 10 x lat 240 x lon 480",
        "1 x 60 x 120 (14.4 kB)",
        'data-label="Type">int16</td><td role="cell" data-label="Units">K</td>',
        "2020-01-01T00:00:00Z to 2020-01-10T00:00:00Z",
        "-60 to 60",
        "Zarr 3, consolidated metadata",
        "viridis, from 272.8 (dark) to 287.2 K (bright)",
        'id="inside"',
    ):
        assert each in found.text, each
    assert "<cube>" not in found.text


def test_the_picture_is_a_png_that_is_kept_by_its_tag(client: TestClient, served: Served, page: str) -> None:
    found = client.get(f"{page}/arrays/quicklook?asset=cube")
    assert (found.status_code, found.headers["Content-Type"]) == (200, "image/png")
    with Image.open(io.BytesIO(found.content)) as image:
        assert image.size == (480, 240)
    asked = len(served.asked)
    again = client.get(f"{page}/arrays/quicklook?asset=cube", headers={"If-None-Match": found.headers["ETag"]})
    assert again.status_code == 304
    assert len(served.asked) == asked


def test_json_says_the_same_and_where_the_picture_is(client: TestClient, page: str) -> None:
    told = client.get(f"{page}/arrays?f=json").json()
    assert (told["asset"], told["assets"], told["state"]) == ("cube", ["cube", "gone", "inner"], "read")
    assert {each["path"] for each in told["structure"]["variables"]} == {"lat", "lon", "time", "temperature"}
    assert told["quicklook"]["units"] == "K"
    assert client.get(told["quicklook"]["url"]).headers["Content-Type"] == "image/png"


def test_an_array_can_be_chosen(client: TestClient, page: str) -> None:
    linked = re.search(r'href="([^"]+variable=temperature)"', client.get(f"{page}/arrays?asset=cube").text)
    assert linked is not None
    assert client.get(linked[1].replace("&amp;", "&")).status_code == 200
    none = client.get(f"{page}/arrays?asset=cube&variable=lat")
    assert "There is no picture. It has no variable of that name" in none.text


@pytest.mark.parametrize(("key", "status", "said"), [("gone", 404, "There is no Zarr"), ("inner", 404, "does not ask")])
def test_what_cannot_be_read_is_said_in_words_and_in_the_place_of_the_picture(
    client: TestClient, page: str, key: str, status: int, said: str
) -> None:
    found = client.get(f"{page}/arrays?asset={key}")
    assert found.status_code == 200
    assert said in found.text
    picture = client.get(f"{page}/arrays/quicklook?asset={key}")
    assert (picture.status_code, picture.headers["Content-Type"]) == (status, "image/svg+xml")
    assert said in picture.text
    assert picture.headers["Cache-Control"] == "no-store"
    assert client.get(f"{page}/arrays?asset={key}&f=json").json()["state"] in ("missing", "not-asked")


def test_a_server_that_does_not_answer_is_told_with_what_was_tried_and_what_to_do(
    portal: Portal, served: Served
) -> None:
    record = cube_of(served.url)
    url = "https://far.example/a/long/way/x.zarr"
    look = Look(
        facts.UNREACHABLE, url, f"GET {url}/zarr.json: cannot look up far.example: <b>", requests=2, seconds=0.3
    )
    renderer = Renderer("Discovery")
    html = bytes(renderer.page("arrays.html", arrays.page(portal, record, "cube", look, renderer.site())).body).decode()
    assert "<strong>The server far.example does not answer this portal.</strong> Asked 2 times in 0.3 s." in html
    assert "Look again in a minute." in html
    assert f'href="/records/{record.id}/arrays?asset=cube" rel="nofollow">Look again</a>' in html
    assert f'href="/open?id={record.id}" rel="nofollow">Ways to open it</a>' in html
    folded = html.split("<summary>What was said</summary>")[1].split("</details>")[0]
    assert "cannot look up far.example: &lt;b&gt;" in folded
    assert "https://<wbr>far.example/<wbr>a/<wbr>long/<wbr>way/<wbr>x.zarr<wbr>" in html


def test_a_volume_that_is_not_mounted_is_told_apart_from_a_server(portal: Portal, served: Served) -> None:
    record = cube_of(served.url)
    look = Look(facts.UNREACHABLE, "/media/data/x.zarr")
    made = arrays.page(portal, record, "cube", look, Renderer("Discovery").site())
    assert made.problem is not None
    assert made.problem.happened == "The volume that holds it is not mounted on this portal."
    assert (made.problem.tried, made.problem.said) == ("", "")
    gone = arrays.page(portal, record, "cube", Look(facts.MISSING, "https://a.example/x"), Renderer("D").site()).problem
    assert gone is not None
    assert gone.again == ""


def test_a_file_or_a_record_that_is_not_there_is_not_found(client: TestClient, page: str) -> None:
    assert client.get(f"{page}/arrays?asset=other").status_code == 404
    assert client.get("/records/0000000000000000/arrays").status_code == 404
    assert client.get("/records/0000000000000000/arrays?f=json").json()["error"]["kind"] == "not_found"


def test_words_in_the_place_of_a_picture_are_no_markup() -> None:
    made = arrays.words('<script>"&</script> ' + "x" * 400)
    assert "<script>" not in made
    assert made.count("<text") == 8


def test_the_store_is_asked_once_for_page_picture_and_json(client: TestClient, served: Served, page: str) -> None:
    client.get(f"{page}/arrays?asset=cube")
    asked = len(served.asked)
    picture = "arrays/quicklook?asset=cube&variable=temperature"
    assert picture.replace("&", "&amp;") in client.get(f"{page}/arrays?asset=cube").text
    for path in ("arrays", "arrays?asset=cube", "arrays?asset=cube&f=json", "arrays/quicklook?asset=cube", picture):
        assert client.get(f"{page}/{path}").status_code == 200
    assert len(served.asked) == asked


@pytest.fixture
def site(portal: Portal) -> Iterator[str]:
    listening = socket.create_server(("127.0.0.1", 0))
    running = uvicorn.Server(uvicorn.Config(app_of(portal), log_level="warning", lifespan="off"))
    thread = threading.Thread(target=running.run, args=([listening],), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    running.should_exit = True
    thread.join(10)
    listening.close()


@pytest.mark.peer
@pytest.mark.browser
def test_a_browser_shows_the_picture_and_opens_the_table_in_its_place(
    chromium: Path, axe_core: Path, site: str, page: str
) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=chromium) as browser:
        context = browser.new_context(base_url=site, viewport={"width": 360, "height": 800}, reduced_motion="reduce")
        context.set_default_timeout(30_000)
        complaints: list[str] = []
        opened = context.new_page()
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        picture = opened.locator(".quicklook img")
        with opened.expect_response("**/quicklook?asset=cube") as seen:
            opened.goto(page)
            picture.scroll_into_view_if_needed()
        assert seen.value.headers["content-type"] == "image/png"
        assert picture.evaluate("async (image) => { await image.decode(); return image.naturalWidth; }") == 480
        box = picture.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= 360
        opened.locator(".inside-data summary").click()
        if (STATIC / "vendor" / "htmx.min.js").is_file():
            opened.locator(".inside-data table").wait_for()
            assert "time 10 x lat 240 x lon 480" in opened.locator("#inside").inner_text()
        opened.goto(f"{page}/arrays?asset=cube")
        assert opened.evaluate("document.documentElement.scrollWidth") <= 360
        opened.evaluate(axe_core.read_text(encoding="utf-8"))
        found = opened.evaluate("async () => (await axe.run()).violations.map((each) => each.id)")
        assert (found, complaints) == ([], [])
        opened.goto(f"{page}/arrays?asset=inner")
        assert "does not ask" in opened.locator("#inside").inner_text()
        context.close()


@pytest.mark.peer
@pytest.mark.browser
def test_without_scripts_the_picture_says_why_there_is_none_and_a_link_leads_to_the_table(
    chromium: Path, site: str, page: str
) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=chromium) as browser:
        context = browser.new_context(base_url=site, java_script_enabled=False)
        opened = context.new_page()
        opened.goto(page)
        opened.locator(".inside-data summary").click()
        opened.locator("#inside a").click()
        opened.wait_for_url("**/arrays?asset=cube")
        assert "1 x 60 x 120 (14.4 kB)" in opened.locator("table").inner_text()
        with opened.expect_response("**/quicklook?asset=gone") as seen:
            opened.goto(f"{page}/arrays/quicklook?asset=gone")
        assert "There is no Zarr group or array" in seen.value.text()
        context.close()
