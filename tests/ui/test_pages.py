from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from fastapi import FastAPI

from discovery.errors import UnavailableError
from discovery.model.record import Record, to_dict
from discovery.portal import Portal
from ui import attach
from ui.rendering import CSP

if TYPE_CHECKING:
    from fastapi.testclient import TestClient


class Page(HTMLParser):
    """The links and the words of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []
        self.words: list[str] = []
        self._href: str | None = None
        self._text: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self._href = dict(attrs).get("href")
            self._text = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._href is not None:
            self.links.append((" ".join(" ".join(self._text).split()), self._href))
            self._href = None

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def link(self, pattern: str) -> str:
        found = [href for text, href in self.links if re.search(pattern, text)]
        assert found, f"no link {pattern!r} among {[text for text, _ in self.links]}"
        return found[0]


def test_results_show_where_they_are_and_the_home_page_leaves_that_out(client: TestClient) -> None:
    found = client.get("/search?scope=observations&size=5").text
    assert found.count('<span class="map where') == 5
    assert "<title>" in found.split('<span class="map where')[1]
    assert '<span class="map where' not in client.get("/").text


@pytest.fixture
def page(client: TestClient) -> Callable[[str], Page]:
    def get(url: str) -> Page:
        response = client.get(url)
        assert response.status_code == 200, response.text
        return Page(response.text)

    return get


Get = Callable[[str], Page]


@pytest.fixture
def data(client: TestClient) -> Callable[[str], dict[str, Any]]:
    def get(url: str) -> dict[str, Any]:
        found: dict[str, Any] = client.get(url).raise_for_status().json()
        return found

    return get


Data = Callable[[str], dict[str, Any]]


def record_of(data: Data, words: str) -> dict[str, Any]:
    found: dict[str, Any] = data(f"/search?q={words}&f=json")["records"][0]
    return found


# First page


def test_the_first_page_says_how_much_there_is(page: Get) -> None:
    home = page("/")
    assert "31 datasets" in home.text
    assert "12 observations" in home.text
    assert "2 sources" in home.text
    assert home.link("^31 datasets") == "/search?facet.kind=dataset"
    for face in ("/graphql", "/stac", "/search?f=json"):
        assert face in [href for _, href in home.links]


def test_the_first_page_counts_each_domain(page: Get, data: Data) -> None:
    home = page("/")
    for value, label in (("earth-observation", "Earth Observation"), ("space-science", "Space Science")):
        total = data(f"/search?facet.domain={value}&f=json")["total"]["value"]
        assert re.search(rf"{label}.*?{total} resources", home.text)


def test_an_empty_catalogue_has_its_pages_too(make_client: Callable[[Iterable[Record]], TestClient]) -> None:
    client = make_client([])
    assert client.get("/").status_code == 200
    assert "no resources yet" in Page(client.get("/search").text).text


# Search


def test_each_facet_link_leads_to_as_many_records_as_it_promises(page: Get, data: Data) -> None:
    checked = 0
    for text, href in page("/search").links:
        if match := re.search(r", add, ([\d,]+) matching$", text):
            assert data(f"{href}&f=json")["total"]["value"] == int(match[1].replace(",", "")), text
            checked += 1
    assert checked > 15


def test_a_ticked_value_is_unticked_by_its_link_and_by_its_chip(page: Get) -> None:
    found = page("/search?facet.provider=NASA")
    assert found.link("^NASA , selected, remove") == "/search"
    assert found.link("^Remove Provider: NASA") == "/search"
    assert "ESA , add" in found.text.replace(" ,", " ,")


def test_the_missions_are_a_tree_whose_branches_open(page: Get) -> None:
    found = page("/search?facet.mission=astronomy")
    assert found.link("^Hubble") == "/search?facet.mission=astronomy%2Fhubble"
    assert found.link("^Gaia") == "/search?facet.mission=astronomy%2Fgaia"


def test_a_long_facet_is_cut_and_shown_in_full_by_a_link(page: Get) -> None:
    cut = page("/search")
    full = page(cut.link("Show more of Instrument").partition("#")[0])
    instruments = [f"Instrument {number}" for number in range(11)]
    assert not all(each in cut.text for each in instruments)
    assert all(each in full.text for each in instruments)
    assert "more=instrument" not in full.link("Show less of Instrument")


def test_a_form_that_a_search_does_not_have_is_refused_with_those_that_it_has(client: TestClient) -> None:
    refused = client.get("/search?q=ice&f=xml")
    assert refused.status_code == 400
    assert "unknown format" in refused.text.lower()
    for name, kind in (("html", "text/html"), ("json", "application/json"), ("atom", "application/atom+xml")):
        assert client.get(f"/search?q=ice&f={name}").headers["content-type"].startswith(kind)


def test_words_are_marked_in_the_cards(client: TestClient) -> None:
    html = client.get("/search?q=cryosat+ice").text
    assert "<mark>CryoSat</mark>" in html
    assert re.search(r"<mark>ice</mark>", html)


def test_every_filter_is_a_chip_that_removes_only_itself(page: Get) -> None:
    found = page("/search?q=survey&facet.provider=ESA&time=1990/2010&bbox=0,0,90,90&filter=resolution+IS+NULL")
    for name, gone in (("Words", "q"), ("Provider", "facet.provider"), ("Time", "time"), ("Box", "bbox")):
        left = dict(parse_qsl(urlsplit(found.link(f"^Remove {name}")).query))
        assert set(left) == {"q", "facet.provider", "time", "bbox", "filter"} - {gone}
    assert found.link("^Clear all") == "/search"


def test_the_observations_that_match_are_one_link_away(page: Get, data: Data) -> None:
    url = page("/search?q=ice").link(r"^12 observations match$")
    assert url == "/search?q=ice&scope=observations"
    assert data(f"{url}&f=json")["total"]["value"] == 12


def test_the_pages_hold_every_record_once(page: Get) -> None:
    seen: list[str] = []
    url = "/search?size=7&sort=title"
    while True:
        found = page(url)
        seen += [href for _, href in found.links if href.startswith("/records/")]
        following = [href for text, href in found.links if text == "Next page"]
        if not following:
            break
        url = following[0]
    assert len(seen) == len(set(seen)) == 36


def test_an_empty_answer_says_what_each_filter_costs(page: Get, data: Data) -> None:
    found = page("/search?q=survey&facet.provider=NASA&time=1800")
    assert "Nothing matches all of this" in found.text
    assert "Removing one filter would help" in found.text
    url = found.link("^Remove Time: 1800-01-01 to 1800-12-31")
    total = data(f"{url}&f=json")["total"]["value"]
    assert total > 0
    assert f"{total} would match" in found.text


def test_a_form_without_scripts_comes_to_the_canonical_url(client: TestClient) -> None:
    response = client.get("/search?q=ice&from=2010&to=&bbox=&cone=&facet.kind=dataset")
    assert response.status_code == 303
    assert response.headers["location"] == "/search?q=ice&facet.kind=dataset&time=2010%2F.."


def test_emptying_the_form_removes_the_time(client: TestClient) -> None:
    assert client.get("/search?q=&from=&to=").headers["location"] == "/search"


def test_a_bar_of_the_histogram_asks_for_its_years(client: TestClient, data: Data) -> None:
    html = client.get("/search").text
    bars = re.findall(r'<a href="(/search\?time=[^"]+)"[^>]*aria-label="([^:"]+): (\d+)"', html)
    assert len(bars) > 10
    assert sum(int(count) for _, _, count in bars) == 31
    assert data(f"{bars[0][0]}&f=json")["total"]["value"] >= int(bars[0][2])


def test_the_order_can_be_chosen(page: Get) -> None:
    found = page("/search?q=survey")
    by_title = page(found.link("^Title A to Z"))
    titles = [text for text, href in by_title.links if href.startswith("/records/")]
    assert titles == sorted(titles)


# JSON


def test_json_has_the_shape_that_is_promised(data: Data) -> None:
    found = data("/search?q=ice&facet.kind=dataset&f=json")
    counted = {"facets", "numbers", "histogram", "interval", "approximate", "heat", "observed", "places"}
    assert set(found) == {"total", "records", "next", "observations", "understood", *counted}
    assert found["total"] == {"value": 1, "exact": True}
    assert found["observations"] == {"value": 12, "exact": True} or found["observations"]["value"] == 0
    record = found["records"][0]
    assert record["title"] == "Sea ice thickness from CryoSat"
    assert {"id", "source", "container", "source_id", "kind", "title", "description", "url"} <= set(record)
    kinds = next(each for each in found["facets"] if each["name"] == "kind")
    assert set(kinds) == {"name", "label", "exact", "other", "buckets"}
    assert {"value": "dataset", "label": "Dataset", "count": 1, "selected": True, "path": []} in kinds["buckets"]
    mission = next(each for each in found["facets"] if each["name"] == "mission")
    assert ["earth-observation", "earth-observation/cryosat-2"] in [each["path"] for each in mission["buckets"]]


def test_mended_words_are_said_aloud_with_a_way_to_what_was_typed(page: Get, data: Data) -> None:
    found = page("/search?q=thicknes+cryosat")
    assert "Showing results for thickness cryosat" in found.text
    assert ("thicknes cryosat", "/search?q=thicknes+cryosat&words=all") in found.links
    told = data("/search?q=thicknes+cryosat&f=json")
    assert told["understood"]["corrected"] == "thickness cryosat"
    assert told["records"][0]["title"] == "Sea ice thickness from CryoSat"
    strict = data("/search?q=thicknes+cryosat&words=all&f=json")
    assert (strict["total"]["value"], strict["understood"]) == (0, None)


def test_whoever_types_other_words_next_is_not_held_to_all_of_them(client: TestClient) -> None:
    shown = client.get("/search?q=thicknes+cryosat&words=all").text
    assert 'name="words"' not in shown
    assert 'name="q"' in shown


def test_words_that_no_record_has_are_named_and_the_rest_is_found(page: Get, data: Data) -> None:
    found = page("/search?q=zyzzyva+thickness+cryosat")
    assert "No record has “zyzzyva”." in found.text
    assert "No record has all of the words; these have at least 1 of 3." in found.text
    assert data("/search?q=zyzzyva+thickness+cryosat&f=json")["understood"]["unknown"] == ["zyzzyva"]


def test_words_are_marked_in_json_on_request_and_hostile_text_stays_text(data: Data) -> None:
    plain = data("/search?q=ice+thickness&f=json")["records"][0]
    assert "highlight" not in plain
    marked = data("/search?q=ice+thickness&f=json&highlight=1")["records"][0]["highlight"]
    assert marked["title"] == "Sea <mark>ice</mark> <mark>thickness</mark> from CryoSat"
    assert set(marked) == {"title", "description"}


def test_json_and_page_tell_the_same(page: Get, data: Data) -> None:
    url = "/search?q=survey&facet.provider=ESA"
    ids = [each["id"] for each in data(f"{url}&f=json")["records"]]
    shown = [href.removeprefix("/records/") for _, href in page(url).links if href.startswith("/records/")]
    assert ids == shown


def test_next_is_a_url_that_goes_on_in_json(data: Data) -> None:
    first = data("/search?size=20&f=json")
    second = data(first["next"])
    assert len(first["records"]) == 20
    assert len(second["records"]) == 16
    assert second["next"] is None


def test_a_record_as_json_is_the_whole_record_without_addresses_of_people(
    data: Data, portal: Portal, client: TestClient
) -> None:
    found = record_of(data, "cryosat")
    answer = client.get(f"/records/{found['id']}?f=json")
    whole = to_dict(portal.record(found["id"]).record)
    assert "ada@" not in answer.text
    del whole["contacts"][0]["url"]
    assert answer.json() == whole


# Record page


def test_a_record_page_tells_everything(page: Get, data: Data) -> None:
    found = page(f"/records/{record_of(data, 'cryosat')['id']}")
    for words in (
        *("Sea ice thickness from CryoSat", "Dataset", "Ice Institute", "SIRAL", "5000 m", "1.2 GB"),
        *("2010-07-01 to 2020-12-31", "Ada Frost", "no-license-link", "the licence has no link", "CryoTop"),
        *("s3://bucket/data.zarr", "170.00° E, 60.00° N", "Open Science", "Thanks to the Ice Institute"),
    ):
        assert words in found.text, words
    assert "ada@" not in found.text
    assert found.link("^Open by DOI") == "https://doi.org/10.5281/zenodo.1234567"
    assert found.link("^All years") == "https://ice.example/data.nc"
    assert found.link("^see the site") == "https://ice.example/about"
    assert found.link("Creative Commons Attribution 4.0") == "https://spdx.org/licenses/CC-BY-4.0.html"
    assert not any(href.startswith("s3:") for _, href in found.links)


def test_a_dataset_leads_to_its_observations_and_back(page: Get, data: Data) -> None:
    id = record_of(data, "cryosat")["id"]
    url = page(f"/records/{id}").link("^12 observations in this dataset$")
    observation = next(href for _, href in page(url).links if href.startswith("/records/"))
    assert page(observation).link("^Sea ice thickness from CryoSat$") == f"/records/{id}"


def test_an_example_says_that_it_is_one(page: Get, data: Data) -> None:
    found = page(f"/records/{record_of(data, 'jupyterlab')['id']}")
    assert "This is an example entry" in found.text
    assert "/media/data/x" in found.text
    assert "This is an example" not in page(f"/records/{record_of(data, 'cryosat')['id']}").text


def test_a_record_is_found_by_what_its_source_calls_it(client: TestClient, data: Data) -> None:
    response = client.get("/records?source=open-science&container=products&source_id=cryosat-ice")
    assert response.status_code == 303
    assert response.headers["location"] == f"/records/{record_of(data, 'cryosat')['id']}"
    assert client.get("/records?source=open-science").status_code == 400
    assert client.get("/records?source=open-science&source_id=none").status_code == 404


def test_a_record_is_shown_while_the_engine_does_not_answer(
    portal: Portal, data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fastapi.testclient import TestClient

    class Silent:
        def search(self, _plan: object) -> None:
            raise UnavailableError("the engine does not answer", retry_after=7)

        generation = search

    id = record_of(data, "cryosat")["id"]
    lame = Portal(portal.store, Silent())  # type: ignore[arg-type]  # all that a page without an engine meets
    app = FastAPI()
    attach(app, lame, title="Test portal")
    client = TestClient(app)
    assert "Sea ice thickness" in client.get(f"/records/{id}").text
    answer = client.get("/search")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")


# Suggestions


def test_titles_are_suggested_while_somebody_types(data: Data) -> None:
    found = data("/suggest?q=sea+ic")["suggestions"]
    (title,) = (each for each in found if each["what"] == "title")
    assert title["title"] == "Sea ice thickness from CryoSat"
    assert set(title) == {"what", "id", "title", "kind", "value", "count", "note", "url"}
    assert (title["note"], title["url"]) == ("Dataset", f"/records/{title['id']}")
    assert data("/suggest")["suggestions"] == []


# Errors and headers


@pytest.mark.parametrize(
    ("url", "status", "words"),
    [
        ("/search?facet.misson=x", 400, "did you mean mission"),
        ("/search?colour=red", 400, "unknown parameter"),
        ("/search?size=1000", 400, "more than 100"),
        ("/search?time=soon", 400, "soon"),
        ("/search?filter=colour%3D1", 400, "colour"),
        ("/search?after=abc", 400, "page mark"),
        ("/records/0000000000000000", 404, "no record"),
        ("/records/%00%ff", 404, "no record"),
    ],
)
def test_an_error_is_a_page_for_people_and_json_for_programs(
    client: TestClient, url: str, status: int, words: str
) -> None:
    response = client.get(url)
    assert response.status_code == status
    assert words.lower() in Page(response.text).text.lower()
    assert response.headers["content-security-policy"] == CSP
    answer = client.get(f"{url}{'&' if '?' in url else '?'}f=json")
    assert answer.status_code == status
    assert words in answer.json()["error"]["message"]


def test_near_names_are_listed(client: TestClient) -> None:
    assert client.get("/search?facet.misson=x&f=json").json()["error"]["near"] == ["mission"]


def test_a_deleted_record_is_gone(make_client: Callable[[Iterable[Record]], TestClient]) -> None:
    from discovery.store.schema import records as table

    record = Record(source="open-science", container="c", source_id="1", kind="dataset", title="Old")
    client = make_client([record])
    portal = client.app.state.portal  # type: ignore[attr-defined]  # the application of ui/conftest.py
    with portal.store.database.write() as connection:
        connection.execute(table.update().values(deleted=1))
    response = client.get(f"/records/{record.id}")
    assert response.status_code == 410
    assert "Not here any more" in response.text


def test_a_merged_record_is_moved(make_client: Callable[[Iterable[Record]], TestClient]) -> None:
    from discovery.store.schema import records as table

    old, new = (Record(source="open-science", container="c", source_id=n, kind="dataset", title=n) for n in "ab")
    client = make_client([old, new])
    portal = client.app.state.portal  # type: ignore[attr-defined]  # the application of ui/conftest.py
    with portal.store.database.write() as connection:
        connection.execute(table.update().where(table.c.id == old.id).values(merged=new.id))
    response = client.get(f"/records/{old.id}")
    assert (response.status_code, response.headers["location"]) == (301, f"/records/{new.id}")


def test_other_routes_keep_the_handlers_of_the_application(portal: Portal) -> None:
    from fastapi.testclient import TestClient

    app = FastAPI()
    attach(app, portal, title="Test portal")

    @app.get("/elsewhere")
    def elsewhere() -> None:
        raise UnavailableError("not a page")

    assert TestClient(app, raise_server_exceptions=False).get("/elsewhere").text == "Internal Server Error"
    mine = {key: each for key, each in app.exception_handlers.items() if key != 404}
    assert mine == FastAPI().exception_handlers


@pytest.mark.parametrize("url", ["/", "/search", "/suggest?q=a", "/static/style.css", "/records/x", "/search?f=json"])
def test_every_answer_has_the_security_headers(client: TestClient, url: str) -> None:
    headers = client.get(url).headers
    assert headers["content-security-policy"] == CSP
    assert "unsafe" not in CSP
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("url", ["/", "/search?q=ice", "/search?facet.kind=none"])
def test_no_page_has_styles_or_scripts_inline(client: TestClient, url: str) -> None:
    html = client.get(url).text
    assert not re.search(r"<script(?![^>]*\bsrc=)", html)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", html)


def test_files_are_kept_for_as_long_as_their_contents_stay(client: TestClient) -> None:
    url = re.search(r'href="(/static/style\.css\?v=[0-9a-f]+)"', client.get("/").text)
    assert url is not None
    assert "immutable" in client.get(url[1]).headers["cache-control"]
    assert client.get("/static/style.css").headers["cache-control"] == "no-cache"
    assert client.get("/static/../pages.py").status_code == 404


def test_head_answers_without_a_body(client: TestClient) -> None:
    response = client.head("/search")
    assert response.status_code == 200
    assert response.content == b""
