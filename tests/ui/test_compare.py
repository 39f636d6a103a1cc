"""Records beside each other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from discovery.model.record import Record
from discovery.portal import Portal
from discovery.query.query import Query
from ui import compare, sources
from ui.contexts import Site

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

SITE = Site("Test portal", "1", "/style.css", ())


def test_what_differs_is_marked_and_what_is_missing_is_said(portal: Portal, full: Record) -> None:
    other = replace(full, id="", source_id="other", provider="Somebody else", license="")
    page = compare.compare_page([full, other], [], SITE, sources.read(portal), only=False)
    rows = {each.label: each for each in page.rows}
    assert rows["Provider"].differs
    assert [cell[0].text for cell in rows["Provider"].cells][1] == "Somebody else"
    assert rows["Licence"].differs
    assert rows["Licence"].cells[1] == ()
    assert not rows["Type"].differs
    assert page.differing == sum(each.differs for each in page.rows)
    only = compare.compare_page([full, other], [], SITE, sources.read(portal), only=True)
    assert {each.label for each in only.rows} == {each.label for each in page.rows if each.differs}


def test_the_order_of_values_is_no_difference(portal: Portal, full: Record) -> None:
    turned = replace(full, id="", source_id="other", themes=tuple(reversed(full.themes)))
    page = compare.compare_page([full, turned], [], SITE, sources.read(portal), only=False)
    assert not next(each for each in page.rows if each.label == "Thematic area").differs


@pytest.mark.slow
def test_the_page_takes_four_and_says_so_for_five(client: TestClient, portal: Portal) -> None:
    ids = [each.record.id for each in portal.search(Query(text="survey", size=5)).records]
    four = client.get("/compare", params={"id": ids[:4]})
    assert four.status_code == 200
    assert four.text.count('scope="col"') == 4
    five = client.get("/compare", params={"id": ids})
    assert five.status_code == 400
    assert "4 can stand beside each other" in five.text
    assert "Tick two to four records" in client.get("/compare").text
    told = client.get("/compare", params={"id": [*ids[:2], "gone"], "f": "json"}).json()
    assert (len(told["records"]), told["lost"]) == (2, ["gone is not known here"])
    assert client.get("/compare?only=x").status_code == 400


def test_an_address_names_its_records_in_their_order() -> None:
    assert compare.address(["b", "a"], only=True) == "/compare?id=b&id=a&only=different"
    assert compare.address([]) == "/compare"
