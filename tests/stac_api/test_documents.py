"""Documents as bytes: what was sent with our links in it, or made from a record."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from discovery.exports.spliced import spliced
from discovery.model.record import record_id
from discovery.portal import Portal
from discovery.query.query import Query
from discovery.stac_api.documents import Documents
from discovery.stac_api.links import Links
from tests.exports.sent import served

LINKS = Links("https://a.org", "https://a.org/stac")


@pytest.mark.parametrize("kept", [b"", b'{"rel":"license","href":"https://b.org/l"}'])
def test_the_short_way_gives_what_the_long_way_gives(portal: Portal, kept: bytes) -> None:
    plain = served(links=kept)
    links = LINKS.for_item("rec", "a", "c", "s")
    assert Documents(portal, LINKS).item(plain) == spliced(plain, links, "Feature", "c")


@pytest.mark.parametrize(
    "other",
    [
        {"collection": None},
        {"parent": "", "parent_kind": ""},
        {"parent_kind": "datalab"},
        {"parent": "elsewhere"},
        {"source_id": "b"},
    ],
)
def test_the_short_way_is_only_for_items_with_their_own_names(portal: Portal, other: dict[str, Any]) -> None:
    given = served(**other)
    made = orjson.loads(Documents(portal, LINKS).item(given))
    here = given.parent if given.parent_kind == "dataset" else ""
    assert made.get("collection", "") == here
    assert made.get("discovery:original_collection", here) == ("c" if here != "c" else here)


def test_an_item_of_no_collection_keeps_its_bytes_and_is_one_of_its_source(portal: Portal) -> None:
    given = served(b'{"stac_version":"1.0.0","type":"Feature","id":"a","n":1.50,"links":[]}', parent="", parent_kind="")
    body = Documents(portal, LINKS).item(given)
    assert b'"n":1.50' in body
    assert orjson.loads(body)["links"] == LINKS.for_item("rec", "a", "", "s")


def test_the_address_of_a_document_is_the_one_that_it_names_itself(portal: Portal) -> None:
    known = portal.store.catalogue
    keys = [*known.by_stac_item(["p2", "orphan"]), *known.by_stac_id("", ["sentinel-s2-l2a-cogs"]).values()]
    documents = Documents(portal, LINKS)
    addresses = {key: documents.address(each) for key, each in portal.stored(keys).items()}
    made = [*documents.items(keys[:2]), *documents.collections(keys[2:])]
    assert [addresses[key] for key in keys] == [orjson.loads(each)["links"][0]["href"] for each in made]
    assert addresses[keys[1]] == f"{LINKS.catalog('vo')}/items/{record_id('vo', 'lost', 'orphan')}"


def test_items_come_in_the_order_that_was_asked_for_without_those_that_are_gone(portal: Portal) -> None:
    sent = portal.store.catalogue.by_stac_item(["S2B_1CCV_20181004_0_L2A"])
    made = portal.store.catalogue.by_stac_item(["p2", "orphan"])
    keys = [made[0], *sent, made[1]]
    found = Documents(portal, LINKS).items([*keys, 10**9])
    pages = [next(each["href"] for each in orjson.loads(body)["links"] if each["rel"] == "alternate") for body in found]
    stored = portal.stored(keys)
    assert pages == [f"https://a.org/records/{stored[key].record.id}" for key in keys]
    assert orjson.loads(Documents(portal, LINKS).items(keys[::-1])[0]) == orjson.loads(found[-1])


def test_collections_are_served_as_sent_or_made(portal: Portal) -> None:
    known = portal.store.catalogue.by_stac_id("", ["sentinel-s2-l2a-cogs", "ivo://vo.test/plates"])
    keys = [known["ivo://vo.test/plates"], known["sentinel-s2-l2a-cogs"], 10**9]
    made, sent = (orjson.loads(body) for body in Documents(portal, LINKS).collections(keys))
    assert (made["id"], made["description"], made["stac_version"]) == ("ivo://vo.test/plates", "Old plates", "1.1.0")
    assert (sent["id"], sent["stac_version"]) == ("sentinel-s2-l2a-cogs", "1.0.0")
    assert [each["rel"] for each in sent["links"]][-2:] == ["license", "about"]


def test_a_record_keeps_its_own_links_behind_ours(portal: Portal) -> None:
    keys = portal.store.catalogue.by_stac_item(["ivo://vo.test/plates?1/a b"])
    (body,) = Documents(portal, LINKS).items(keys)
    assert orjson.loads(body)["links"][-1] == {"rel": "about", "href": "https://vo.test/about", "title": "About"}


def test_a_collection_by_itself_names_the_volumes_that_hold_it(portal: Portal) -> None:
    stored = next(
        each for each in portal.stored(list(portal.keys(Query(size=100)).keys)).values()
        if each.record.source == "earth" and each.record.kind == "dataset"
    )  # fmt: skip
    held = [each.volume for each in portal.opening_of(stored.record).volumes]
    assert [each.title for each in held] == ["Sentinel-2 disk"]
    found = orjson.loads(Documents(portal, LINKS).collection(stored))
    (volume,) = [each for each in found["links"] if each["rel"] == "discovery:volume"]
    assert volume["href"].endswith(f"/records/{held[0].id}")
    assert volume["discovery:mount_path"] == "/media/data/s2"
    (listed,) = Documents(portal, LINKS).collections([stored.key])
    without = [each for each in found["links"] if each["rel"] != "discovery:volume"]
    assert orjson.loads(listed) == {**found, "links": without}
