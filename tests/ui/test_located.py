"""How many records can be opened: the page, its numbers as JSON, and the reason on a record's own page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import pytest
from fastapi.testclient import TestClient

from discovery.model.record import Asset, Link, Record
from ui import located

pytestmark = pytest.mark.slow

Make = Callable[[Iterable[Record]], TestClient]
DATA = Record("archive", "t", "data", "observation", "Data", assets=(Asset("https://x.example/a.nc"),))
PAGES = Record("archive", "t", "pages", "dataset", "Pages", links=(Link("https://x.example/", "via"),))
WORK = Record("<other>", "p", "work", "project", "Work")


@pytest.fixture
def client(make_client: Make) -> TestClient:
    return make_client([DATA, PAGES, WORK])


def test_the_page_tells_of_each_source_how_many_records_can_be_opened(client: TestClient) -> None:
    page = client.get(located.PATH)
    assert page.status_code == 200
    assert '<meter min="0" max="1" value="0.5" aria-label="archive: 50%">50%</meter>' in page.text
    assert "page-only 1" in page.text
    (mine,) = re.findall(r'href="([^"]+)">archive</a>', page.text)
    assert "Pages" in client.get(mine).text
    assert "It names pages and no file." in page.text
    assert "&lt;other&gt;" in page.text
    assert "<other>" not in page.text
    assert "<script" not in page.text.partition("<main")[2].partition("</main>")[0]


def test_json_has_the_figures_of_the_command(client: TestClient) -> None:
    told = client.get(f"{located.PATH}?f=json").json()
    report = told["report"]
    assert list(report) == ["records", "located", "explained", "share", "by_source"]
    assert (report["records"], report["located"], report["explained"], report["share"]) == (3, 1, 2, 1.0)
    assert told["counted"].endswith("Z")


def test_before_the_first_count_the_page_says_so() -> None:
    assert located.page_json(None) == {"report": None, "counted": None}


def test_a_record_that_cannot_be_opened_says_why_and_what_instead(client: TestClient) -> None:
    page = client.get(f"/records/{PAGES.id}").text
    assert "It names pages and no file. Follow its links: the data can be had from there." in page
    assert "A project describes work" in client.get(f"/records/{WORK.id}").text
    assert 'id="reason"' not in client.get(f"/records/{DATA.id}").text
