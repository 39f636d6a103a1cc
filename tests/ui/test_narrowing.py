"""Whatever a page counts leads to as many results as it said: ranges, cells, found values, datasets."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

Ask = Callable[[str], Any]
Links = Callable[[str], list[str]]


@pytest.fixture
def data(client: TestClient) -> Ask:
    return lambda url: client.get(f"{url}{'&' if '?' in url else '?'}f=json").raise_for_status().json()


@pytest.fixture
def total(data: Ask) -> Callable[[str], int]:
    return lambda url: int(data(url)["total"]["value"])


@pytest.fixture
def links(client: TestClient) -> Links:
    def found(url: str) -> list[str]:
        text = client.get(url).raise_for_status().text
        return [html.unescape(each) for each in re.findall(r'href="([^"]*)"', text)]

    return found


@pytest.mark.parametrize("more", ["", "&range.cloud_cover=5..", "&edges.cloud_cover=0,1,5,101", "&bins.cloud_cover=3"])
def test_each_range_leads_to_as_many_as_it_counts(data: Ask, total: Callable[[str], int], more: str) -> None:
    numbers = {each["name"]: each for each in data(f"/search?scope=observations{more}")["numbers"]}
    ranges = [each for each in numbers["cloud_cover"]["ranges"] if each["count"]]
    assert sum(each["count"] for each in ranges) == 12
    for each in ranges:
        asked = quote(each["range"], safe="")
        # Edges that a caller gives end before their upper one, and the address says so too.
        assert total(f"/search?scope=observations&range.cloud_cover={asked}") == each["count"]


def test_bars_of_a_number_are_links_that_narrow(links: Links, total: Callable[[str], int]) -> None:
    bars = [each for each in links("/search?scope=observations") if "range.cloud_cover=" in each]
    assert sum(total(each) for each in bars) == 12
    chip = [each for each in links(bars[0]) if each.startswith("/search?scope=observations") and "range" not in each]
    assert chip


def test_the_fields_of_a_range_lead_to_its_address(client: TestClient) -> None:
    def led(query: str) -> str:
        return str(client.get(f"/search?{query}").headers["location"])

    assert led("low.cloud_cover=0&high.cloud_cover=20") == "/search?range.cloud_cover=0..20"
    assert led("low.cloud_cover=&high.cloud_cover=20&q=") == "/search?range.cloud_cover=..20"
    assert led("range.cloud_cover=5..&low.cloud_cover=&high.cloud_cover=&q=ice") == "/search?q=ice"


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("range.cloud_cover=20..10", "range.cloud_cover"),
        ("range.cloud_cover=nan..", "range.cloud_cover"),
        ("cell=sky/3/768", "cell"),
        ("interval=week", "interval"),
        ("heat=moonbase", "heat"),
        ("bins.size=many", "bins.size"),
        ("bins.size=201", "numbers"),
        ("find.mission=" + "x" * 101, "find.mission"),
    ],
)
def test_what_cannot_be_is_said_with_its_parameter(client: TestClient, query: str, parameter: str) -> None:
    answer = client.get(f"/search?{query}&f=json")
    assert (answer.status_code, answer.json()["error"]["parameter"]) == (400, parameter)
    assert client.get(f"/search?{query}").status_code == 400


@pytest.mark.parametrize(("scope", "frame"), [("observations", "earth"), ("resources", "sky")])
def test_each_cell_leads_to_as_many_as_it_counts(
    data: Ask, total: Callable[[str], int], links: Links, scope: str, frame: str
) -> None:
    heat = data(f"/search?scope={scope}&heat={frame}")["heat"]
    assert sum(each["count"] for each in heat["cells"]) == heat["total"] > 0
    for each in heat["cells"]:
        assert total(f"/search?scope={scope}&cell={each['cell']}") == each["count"]
    cells = [each for each in links(f"/search?scope={scope}&heat={frame}") if "cell=" in each]
    assert len(cells) >= len(heat["cells"])
    inside = data(cells[0])["heat"]
    assert inside["order"] > heat["order"]
    assert any("cell=" not in each and f"heat={frame}" in each for each in links(cells[0]))


def test_a_map_stays_while_the_question_changes(links: Links) -> None:
    facets = [each for each in links("/search?heat=sky") if "facet." in each and "scope=" not in each]
    assert facets
    assert all("heat=sky" in each for each in facets)


def test_a_frame_without_results_says_so(client: TestClient) -> None:
    assert "No result has a place on this map" in client.get("/search?heat=mars").text


def test_values_of_a_facet_are_found_by_value_and_label(client: TestClient, data: Ask) -> None:
    def values(name: str, text: str) -> list[str]:
        found = next(each for each in data(f"/search?find.{name}={text}")["facets"] if each["name"] == name)
        return [each["value"] for each in found["buckets"]]

    assert values("mission", "CRYOSAT") == ["earth-observation/cryosat-2"]
    assert "astronomy/hubble" in values("mission", "space telescope")
    assert values("source", "open sci")
    assert "Nothing in this list holds “none-such”" in client.get("/search?find.mission=none-such").text


def test_datasets_of_matching_observations_lead_to_them(data: Ask, total: Callable[[str], int], links: Links) -> None:
    observed = data("/search?q=ice")["observed"]
    datasets = [each for each in observed["dataset"]["buckets"] if each["count"]]
    assert sum(each["count"] for each in datasets) == 12
    for each in datasets:
        assert each["label"] != each["value"]
        over = next(one for one in links("/search?q=ice") if f"facet.dataset={each['value']}" in one)
        assert "scope=observations" in over
        assert total(over) == each["count"]
    assert data("/search?scope=observations")["observed"] is None


def test_the_histogram_is_as_fine_as_the_time_it_covers(data: Ask) -> None:
    whole = data("/search?scope=observations")
    day = data("/search?scope=observations&time=2011-01-15")
    assert (whole["interval"], day["interval"]) == ("year", "day")
    assert data("/search?scope=observations&interval=month")["interval"] == "month"
