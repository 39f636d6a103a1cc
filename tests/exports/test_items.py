"""Records as STAC items, as pystac reads them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pystac
import pytest

from discovery.exports.writing import Format
from discovery.portal import Portal
from discovery.query.query import Query
from discovery.selection import Selection

Whole = Callable[..., bytes]


@pytest.mark.slow
@pytest.mark.parametrize("scope", ["resources", "observations"])
def test_stac_items_are_valid_and_as_they_were_sent(whole: Whole, scope: str, portal: Portal) -> None:
    found = json.loads(whole(Format.STAC, Selection.of_query(Query(scope=scope))))
    assert found["numberReturned"] == len(found["features"]) == portal.search(Query(scope=scope, size=0)).total.value
    items = pystac.ItemCollection.from_dict(found)
    assert len({each.id for each in items}) == len(found["features"])
    for each in found["features"]:
        assert not [link for link in each["links"] if link["rel"] == "root"]
        if each["geometry"] is not None or each["stac_version"] != "1.1.0":
            pystac.Item.from_dict(each)
    if scope == "observations":
        sent = next(each for each in found["features"] if each["id"] == "scene-1")
        assert sent["properties"]["n"] == 1.5
        assert sent["collection"] == "scenes"
        assert {each["rel"] for each in sent["links"]} == {"alternate", "self", "collection"}
