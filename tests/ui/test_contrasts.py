"""The pages of what differs in a space, and the same for programs, over scenes whose tiles were seen twice."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from discovery import wiring
from discovery.app import create_app
from discovery.config import Settings
from discovery.testing import tiles

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("tiles")
    settings = Settings(folder / "home")
    portal = wiring.open_portal(settings)
    tiles.fill(portal, folder)
    with TestClient(create_app(settings, portal, steward=False), base_url="http://127.0.0.1") as found:
        yield found
    portal.spaces.close()
    portal.close()


def titles(page: str) -> list[str]:
    return re.findall(r"<h3>(.*?)</h3>", page)


def test_pages_of_a_space_lead_to_each_other_and_ask_nothing_by_themselves(client: TestClient) -> None:
    for path, example in (("", "row=0"), ("/change", "by=place"), ("/outliers", "of=all")):
        page = client.get(f"/embeddings/tiles{path}")
        assert page.status_code == 200
        assert "Nothing was asked yet" in page.text
        assert f'href="/embeddings/tiles{path}?{example}"' in page.text
        assert f'<a href="/embeddings/tiles{path}" aria-current="page">' in page.text
        assert all(f'href="/embeddings/tiles{each}"' in page.text for each in ("", "/change", "/outliers"))


def test_what_has_changed_is_shown_with_both_times_their_places_and_ways_on(client: TestClient) -> None:
    page = client.get("/embeddings/tiles/change", params={"by": "place", "size": "3", "earlier": "", "bbox": ""})
    assert titles(page.text) == [f"tile-{each} → tile-{each + tiles.PLACES}" for each in tiles.CHANGED]
    assert f"{tiles.PLACES} places compared in " in page.text
    assert page.text.count('<circle class="dot"') == 3
    for row in (tiles.CHANGED[0], tiles.CHANGED[0] + tiles.PLACES):
        scene = tiles.scene(row)
        assert f'href="/records/{scene.id}"' in page.text
        assert f'href="/launch?id={scene.id}"' in page.text
        assert f'href="/open?id={scene.id}"' in page.text
        assert f'<a href="/records/{tiles.VOLUME.id}">{tiles.FOLDER}/{scene.source_id}.tif</a>' in page.text
        assert f'href="/embeddings/tiles?row={row}"' in page.text
    assert "2020-01-01" in page.text
    assert "2020-12-31" in page.text
    told = client.get("/embeddings/tiles/change", params={"by": "place", "size": "3", "f": "json"}).json()
    assert [each["earlier"]["row"] for each in told["changes"]] == list(tiles.CHANGED)
    assert f'href="{told["notebook"]}"'.replace("&", "&amp;") in page.text
    notebook = client.get(told["notebook"])
    assert notebook.status_code == 200
    assert tiles.scene(tiles.CHANGED[0]).source_id in json.dumps(notebook.json())


def test_the_form_keeps_what_was_asked_and_programs_are_told_the_same(client: TestClient) -> None:
    given = {"by": "id", "earlier": "2020-01-01/2020-02-01", "bbox": "0,0,<3>,1"}
    refused = client.get("/embeddings/tiles/change", params=given)
    assert refused.status_code == 400
    assert "<main" in refused.text
    given["bbox"] = "0,0,3,1"
    page = client.get("/embeddings/tiles/change", params=given)
    assert "No place is there at two times" in page.text
    assert 'value="2020-01-01/2020-02-01"' in page.text
    assert '<option value="id" selected>' in page.text
    curl = re.search(r"-d &#39;(.*?)&#39;", page.text)
    assert curl is not None
    body = json.loads(curl[1].replace("&#34;", '"'))
    assert body == {"by": "id", "earlier": "2020-01-01/2020-02-01", "within": {"bbox": "0,0,3,1"}}
    assert client.post("/embeddings/tiles/change", json=body).json()["changes"] == []


def test_what_is_unusual_is_shown_on_a_map_from_near_and_taken_along(client: TestClient) -> None:
    page = client.get("/embeddings/tiles/outliers", params={"of": "all", "size": "5"})
    assert set(titles(page.text)[:2]) == {f"tile-{tiles.ODD}", f"tile-{tiles.ODD + tiles.PLACES}"}
    assert f"{2 * tiles.PLACES} rows compared in " in page.text
    assert page.text.count('<circle class="dot"') == 5
    assert '<rect class="box"' in page.text
    assert re.findall(r'<svg viewBox="([^"]+)">', page.text) != ["0 0 360 180"]
    assert '<svg class="world"' in page.text
    assert "Away 0." in page.text or "Away 1." in page.text
    told = client.get("/embeddings/tiles/outliers", params={"of": "all", "size": "5", "f": "json"}).json()
    asked = client.post("/embeddings/tiles/outliers", json={"size": 5}).json()
    assert [each["row"] for each in told["hits"]] == [each["row"] for each in asked["hits"]]
    assert told["notebook"] == asked["notebook"]
    table = client.get("/embeddings/tiles/outliers", params={"of": "all", "size": "5", "f": "csv"})
    assert table.headers["content-disposition"] == 'attachment; filename="tiles-outliers.csv"'
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert [int(each["row"]) for each in rows] == [each["row"] for each in told["hits"]]
    assert all(each["volume"] == tiles.VOLUME.id and "/launch?id=" in each["launch"] for each in rows)


def test_where_nothing_may_be_found_the_page_says_what_to_do(client: TestClient) -> None:
    page = client.get("/embeddings/tiles/outliers", params={"time": "../2000-01-01"})
    assert "No row is in there. Widen the place or the time." in page.text
    assert "Open them in a notebook" not in page.text
    assert "f=csv" not in page.text
    assert "<svg" not in page.text.split("</form>")[1]


@pytest.mark.parametrize(
    ("path", "params", "status", "told"),
    [
        ("tiles/change", {"odd": "1"}, 400, "unknown parameter"),
        ("tiles/change", {"of": "all"}, 400, "unknown parameter"),
        ("tiles/change", {"by": "odd"}, 400, "is not one of place, id"),
        ("tiles/change", {"earlier": "never"}, 400, "never"),
        ("tiles/change", {"by": "id", "f": "csv"}, 400, "as a page and as json"),
        ("tiles/change", {"f": "json"}, 400, "nothing is asked"),
        ("tiles/outliers", {"size": "x"}, 400, "no whole number"),
        ("tiles/outliers", {"size": "1001"}, 400, "1 to 1000"),
        ("tiles/outliers", {"of": "list"}, 400, "has no lists"),
        ("tiles/outliers", {"of": "all", "f": "xml"}, 400, "unknown format"),
        ("tiles/outliers", {"f": "csv"}, 400, "nothing is asked"),
        ("tiles/outliers", {"frame": "\x00odd"}, 400, "frame"),
        ("none/outliers", {}, 404, "no space"),
        ("..%2f/change", {"by": "id"}, 404, ""),
    ],
)
def test_what_cannot_be_asked_is_a_page_that_says_why(
    client: TestClient, path: str, params: dict[str, Any], status: int, told: str
) -> None:
    page = client.get(f"/embeddings/{path}", params=params)
    assert page.status_code == status
    assert told.lower() in page.text.lower()


def test_errors_for_programs_are_json(client: TestClient) -> None:
    for answer in (
        client.post("/embeddings/tiles/outliers", json={"of": "odd"}),
        client.get("/embeddings/tiles/outliers", params={"of": "odd", "f": "json"}),
    ):
        assert (answer.status_code, answer.json()["error"]["kind"]) == (400, "bad_query")


def test_once_something_is_asked_the_form_is_folded_and_says_what(client: TestClient) -> None:
    for path, params, told in (
        ("", {"row": "5", "unlike": "7"}, "like row 5, unlike row 7"),
        ("/change", {"by": "id", "bbox": "0,0,3,1"}, "a place is what its file calls it, box 0,0,3,1"),
        ("/outliers", {"of": "all"}, "far from the middle of all rows"),
    ):
        before = client.get(f"/embeddings/tiles{path}").text
        assert "<details" not in before
        page = client.get(f"/embeddings/tiles{path}", params=params).text
        folded = page.split('<details class="asking">')[1].split("</details>")[0]
        assert f'<summary>Change the question <span class="small">{told}</span></summary>' in folded
        assert "<form" in folded
        assert " open" not in folded.split(">")[0]
