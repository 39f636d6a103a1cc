"""Names of places and objects on the pages: offered as links, searched near, suggested while somebody types."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import pytest

from discovery.query import names
from ui import naming

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.testclient import TestClient


Place = dict[str, object]
CRYOSAT = "facet.mission=earth-observation%2Fcryosat-2"


@pytest.fixture
def places(client: TestClient) -> Callable[[str], list[Place]]:
    """Return what JSON says about the places that a question names."""

    def ask(url: str) -> list[Place]:
        answer = client.get(url)
        assert answer.status_code == 200, answer.text
        found: list[Place] = answer.json()["places"]
        return found

    return ask


def test_a_place_in_the_words_is_offered_and_the_words_stay_words(client: TestClient) -> None:
    page = client.get("/search?q=ice+Arctic&facet.kind=dataset").text
    assert 'href="/search?q=ice&amp;facet.kind=dataset&amp;near=Arctic"' in page
    assert "Search in the Arctic for ice" in page
    assert 'value="ice Arctic"' in page
    plain = client.get("/search?q=ice+Arctic&f=json").json()
    assert plain["places"][0]["url"] == "/search?q=ice&near=Arctic&f=json"


def test_json_says_the_same_with_the_region(places: Callable[[str], list[Place]]) -> None:
    (andromeda,) = places("/search?q=M31+x-ray&f=json")
    assert {name: andromeda[name] for name in ("name", "kind", "frame", "other", "q")} == {
        "name": "Andromeda Galaxy", "kind": "galaxy", "frame": "sky", "other": "M31", "q": "x-ray",
    }  # fmt: skip
    assert andromeda["region"] == {"type": "Circle", "center": [10.6847, 41.2687], "radius": 3.2}


def test_the_link_leads_to_the_region_and_shows_it_as_a_chip(client: TestClient) -> None:
    url = client.get("/search?q=ice+Arctic&f=json").json()["places"][0]["url"].removesuffix("&f=json")
    page = client.get(url).text
    assert "Place:</span> Arctic" in page
    assert 'id="near" name="near" value="Arctic"' in page
    here = client.get(f"{url}&f=json").json()
    boxed = client.get("/search?q=ice&bbox=-180,66,180,90&f=json").json()
    assert here["total"] == boxed["total"]
    assert here["total"]["value"] > 0
    assert here["places"] == []


def test_a_name_of_two_frames_is_told_apart_by_its_frame(places: Callable[[str], list[Place]]) -> None:
    urls = [each["url"] for each in places("/search?q=Europa&f=json")]
    assert urls == ["/search?near=Europa&f=json", "/search?near=Europe&f=json"]
    for each in names.resolve("Phoenix"):
        spotted = names.Spotted(each, "")
        given = dict(parse_qsl(urlsplit(naming.near((("q", "Phoenix"),), spotted)).query))
        assert names.near(given["near"], frame=given.get("frame", "")) == each.region


def test_nothing_is_offered_on_later_pages_or_beside_a_region(places: Callable[[str], list[Place]]) -> None:
    assert places("/search?q=ice+Arctic&bbox=0,0,10,10&f=json") == []
    assert places("/search?f=json") == []


@pytest.mark.parametrize("query", ["near=Arctik", "near=%00", "near=" + "a" * 5000, "near=Italy&bbox=0,0,1,1"])
def test_a_name_that_cannot_be_is_a_400_that_names_the_parameter(client: TestClient, query: str) -> None:
    answer = client.get(f"/search?{query}&f=json")
    assert answer.status_code == 400
    assert "near" in answer.text
    assert client.get(f"/search?{query}").status_code == 400


def test_an_unknown_name_is_answered_with_near_spellings(client: TestClient) -> None:
    assert "did you mean Arctic" in client.get("/search?near=Arctik").text


@pytest.mark.parametrize(
    ("typed", "what", "title", "note", "url"),
    [
        (
            "cryos",
            "mission",
            "cryosat-2",
            "Mission, 8 resources",
            "/search?facet.mission=earth-observation%2Fcryosat-2",
        ),
        ("arct", "place", "Arctic", "Region", "/search?near=Arctic&frame=earth"),
        ("m31", "object", "Andromeda Galaxy (M31)", "Galaxy", "/search?near=Andromeda+Galaxy&frame=sky"),
    ],
)
def test_suggestions_say_what_they_are_and_where_they_lead(
    client: TestClient, typed: str, what: str, title: str, note: str, url: str
) -> None:
    found = client.get("/suggest", params={"q": typed}).json()["suggestions"]
    (one, *_) = (each for each in found if each["what"] == what and each["title"] == title)
    assert (one["note"], one["url"]) == (note, url)
    assert client.get(url).status_code == 200
