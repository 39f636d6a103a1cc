"""Everything is reached by links: catalogs of sources, of collections and of items by time, as programs walk them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pystac
import pytest
from fastapi import FastAPI
from sqlalchemy import update

from discovery.index.base import Index
from discovery.index.elasticsearch import Access, ElasticsearchIndex
from discovery.index.tantivy import TantivyIndex
from discovery.indexer import follow
from discovery.model.extent import Extent
from discovery.model.instant import HOUR, instant
from discovery.model.record import Record
from discovery.model.source import Mapped, RawRecord, Source
from discovery.portal import Portal
from discovery.stac_api import attach
from discovery.stac_api.catalogs import Bounds
from discovery.store.codec import pack
from discovery.store.schema import records as table
from discovery.store.store import Store

pytestmark = pytest.mark.slow
BOUNDS = Bounds(links=3, numbered=7, page=2)
"""So few that a small catalogue has every kind of catalog."""
DEEP = "deep/field"
NOON = instant("2020-05-17T12:00:00Z")


def times() -> list[int | None]:
    """Return when the items of one collection begin: in many years and days, eighty at once, or never."""
    lot = random.Random(7)
    found: list[int | None] = [NOON] * 80
    found += [NOON + lot.randrange(HOUR) for _ in range(4)]
    found += [instant("2020-05-17T23:59:59Z") + 999, instant("2020-05-18T00:00:00Z"), instant("2020-06-01T00:00:00Z")]
    found += [instant(f"2021-{month:02d}-28T06:00:00Z") for month in range(1, 13)]
    found += [instant(f"{year:04d}-01-01T00:00:00Z") for year in range(1990, 1996)]
    found += [instant("-000043-03-15T12:00:00Z"), *[instant(f"+038000-02-{day:02d}T00:00:00Z") for day in range(1, 6)]]
    return [*found, None, None, None, None, None]


def records() -> list[Record]:
    """Return two sources: one with more collections than a catalog has links, one with items of no collection."""
    deep = Record("many", "sets", DEEP, "dataset", "Deep field")
    found = [deep, Record("few", "sets", "alone", "project", "A project")]
    found += [Record("many", "sets", f"set-{n}", "dataset", f"Set {n}") for n in range(10)]
    found += [
        Record("many", DEEP, f"i{n}?/é", "observation", f"Item {n}", dataset=deep.id, extent=Extent(start=at, end=at))
        for n, at in enumerate(times())
    ]
    found += [
        Record("few", f"table-{n % 3}", f"p{n}", "observation", f"Plate {n}",
               dataset=f"nothere-{n % 3}" if n % 3 else "",
               extent=Extent(start=instant(f"19{50 + n // 4}-01-01T00:00:00Z")))
        for n in range(12)
    ]  # fmt: skip
    return [*found, Record("many", "labs", "lab", "datalab", "A datalab"), Record("labs", "labs", "l2", "datalab", "B")]


def face(home: Path, index: Index) -> tuple[FastAPI, Portal]:
    """Return the STAC face over such a catalogue, with catalogs of three links."""
    portal = Portal(Store(f"sqlite:///{home / 'store.db'}"), index)
    for id, title in (("many", "Z archive"), ("few", "An archive"), ("empty", "Nothing")):
        portal.store.ledger.add_source(Source(id, "tap", "https://vo.test/tap", title))
    for source in ("many", "few", "labs"):
        mapped = [Mapped(each, RawRecord(each.container, each.source_id, b"{}")) for each in records()
                  if each.source == source]  # fmt: skip
        portal.store.ingest.page(source, portal.store.ledger.begin(source).id, mapped)
    follow(portal.store, portal.index)
    app = FastAPI(title="Test")
    attach(app, portal, title="Test portal", bounds=BOUNDS)
    return app, portal


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """Return the face over files of this machine."""
    home: Path = tmp_path_factory.mktemp("browsing")
    app, portal = face(home, TantivyIndex(home / "index"))
    yield app
    portal.close()


@pytest.fixture(scope="module")
def client(app: FastAPI, serving: Callable[[FastAPI], AbstractContextManager[httpx.Client]]) -> Iterator[httpx.Client]:
    """Return a client of it, over a real connection."""
    with serving(app) as found:
        yield found


def get(client: httpx.Client, address: str) -> dict[str, Any]:
    answer = client.get(address)
    assert answer.status_code == 200, f"{address} {answer.text}"
    found: dict[str, Any] = answer.json()
    return found


def hrefs(document: dict[str, Any], rel: str) -> list[str]:
    return [each["href"] for each in document["links"] if each["rel"] == rel]


def walk(client: httpx.Client) -> dict[str, dict[str, Any]]:
    """Return every document that links `child` lead to, by address, in the order in which they are met."""
    root = f"{client.base_url}/stac/"
    found, waiting = {}, [root]
    while waiting:
        here = waiting.pop()
        assert here not in found, "two links lead to it"
        found[here] = get(client, here)
        waiting += hrefs(found[here], "child")
    return found


@pytest.fixture(scope="module")
def documents(client: httpx.Client) -> dict[str, dict[str, Any]]:
    """Return everything that a walk meets but the items."""
    return walk(client)


@pytest.mark.peer
def test_a_server_as_engine_leads_to_the_same_catalogs(
    tmp_path: Path,
    elasticsearch: str,
    elasticsearch_prefix: str,
    serving: Callable[[FastAPI], AbstractContextManager[httpx.Client]],
    documents: dict[str, dict[str, Any]],
) -> None:
    app, portal = face(tmp_path, ElasticsearchIndex(Access((elasticsearch,)), prefix=elasticsearch_prefix))
    with serving(app) as there:
        found = walk(there)
        here = str(there.base_url)
    portal.close()
    # Records have the same numbers in both, which were filled in one order.
    as_there = json.dumps(documents).replace(next(iter(documents)).removesuffix("/stac/"), here)
    assert found == json.loads(as_there)


def searched(client: httpx.Client) -> dict[str, dict[str, Any]]:
    """Return what a search finds, by address."""
    found: dict[str, dict[str, Any]] = {}
    here = "/stac/search?limit=50"
    while here:
        page = get(client, here)
        found |= {hrefs(each, "self")[0]: each for each in page["features"]}
        here = next(iter(hrefs(page, "next")), "")
    return found


def test_links_lead_to_every_item_that_search_finds_once(
    client: httpx.Client, documents: dict[str, dict[str, Any]]
) -> None:
    reached = [href for each in documents.values() for href in hrefs(each, "item")]
    every = searched(client)
    assert len(reached) == len(set(reached)) == len(times()) + 12
    assert set(reached) == set(every)
    for href in reached:
        assert get(client, href) == every[href]


def test_every_kind_of_catalog_is_met(client: httpx.Client, documents: dict[str, dict[str, Any]]) -> None:
    base = f"{client.base_url}/stac"
    known = {each.removeprefix(base) for each in documents}
    deep = "/collections/deep%2Ffield/browse"
    assert known > {"/", "/catalogs/few", "/catalogs/few/browse", "/catalogs/many", deep, "/collections/set-1/browse"}
    assert {f"{deep}/{each}" for each in (
        "-000043..1991", "1992..1994", "1995..2021", "+038000..+038000".replace("+", "%2B"), "1995", "2020", "2020-05",
        "2020-05-17", "2020-05-18", "2020-06", "2021-07", "undated",
        "%2B038000", "%2B038000-02",
    )} <= known  # fmt: skip
    for start in ("2020-05-17~", "undated_", "%2B038000-02_"):
        assert any(each.startswith(f"{deep}/{start}") for each in known), start
    assert any("~" in each and "_" in each for each in known)
    assert len([each for each in known if each.startswith("/catalogs/many/parts/")]) == 4
    assert {f"/catalogs/few/browse/{year}" for year in (1950, 1951, 1952)} <= known


def test_no_catalog_has_more_links_than_its_bound(documents: dict[str, dict[str, Any]]) -> None:
    for here, each in documents.items():
        assert len(hrefs(each, "item")) <= BOUNDS.links, here
        # Of months, days and letters there are never more than thirty-two.
        assert len(hrefs(each, "child")) <= 32, here


def test_the_document_at_parent_leads_to_the_one_that_names_it(documents: dict[str, dict[str, Any]]) -> None:
    for here, each in documents.items():
        assert hrefs(each, "self") == [here]
        assert hrefs(each, "root") == [next(iter(documents))]
        if not here.endswith("/stac/"):
            parent = documents[hrefs(each, "parent")[0]]
            beneath = hrefs(parent, "child")
            # Of a source with many collections the parts lie between.
            beneath += [href for part in beneath if "/parts/" in part for href in hrefs(documents[part], "child")]
            assert here in beneath


def test_children_are_the_documents_behind_the_links(
    client: httpx.Client, documents: dict[str, dict[str, Any]]
) -> None:
    for here, each in documents.items():
        beneath = hrefs(each, "child")
        assert bool(beneath or here.endswith("/stac/")) == bool(hrefs(each, "children"))
        if not beneath:
            continue
        found, following = [], hrefs(each, "children")[0]
        assert following == f"{here.rstrip('/')}/children"
        while following:
            page = get(client, following)
            assert hrefs(page, "self") == [following]
            assert hrefs(page, "parent") == [here]
            assert page["numberReturned"] == len(page["children"]) <= BOUNDS.page
            assert page["numberMatched"] == len(beneath)
            found += page["children"]
            following = next(iter(hrefs(page, "next")), "")
        assert found == [documents[child] for child in beneath], here


def test_catalogs_are_valid_and_called_as_people_understand(documents: dict[str, dict[str, Any]]) -> None:
    titles = {each["title"] for each in documents.values()}
    assert titles >= {
        *("Z archive", "An archive", "Deep field", "Items by time", "2020, 87 items", "May 2020, 86 items"),
        *("17 May 2020, 85 items", "Without a time, 5 items"),
        *("Items without a collection", "-43 to 1991, 3 items", "3 collections: Deep field to Set 1"),
    }
    for each in documents.values():
        if each["type"] == "Catalog" and "conformsTo" not in each:
            pystac.Catalog.from_dict(each).validate()
            assert each["description"].endswith(".")
    labels = [link["title"] for each in documents.values() for link in each["links"] if link["rel"] == "child"]
    assert {"May 2020, 86 items", "Items without a collection, 12 items"} <= set(labels)


def test_pystac_walks_to_the_items_that_search_finds(client: httpx.Client) -> None:
    root = pystac.Catalog.from_file(f"{client.base_url}/stac/")
    found = [(each.collection_id, each.id) for each in root.get_items(recursive=True)]
    every = [(each.get("collection"), each["id"]) for each in searched(client).values()]
    assert sorted(found, key=str) == sorted(every, key=str)
    assert len(found) == len(set(found))


def test_sources_are_those_that_have_something(client: httpx.Client) -> None:
    landing = get(client, "/stac/")
    titles = [each["title"] for each in landing["links"] if each["rel"] == "child"]
    assert titles == ["An archive", "Z archive"]
    few = get(client, "/stac/catalogs/few")
    assert few["description"] == "1 collection from An archive, and 12 items without a collection."
    assert get(client, "/stac/catalogs/many")["description"] == "11 collections from Z archive."


def test_a_collection_of_no_items_has_an_empty_catalog(client: httpx.Client) -> None:
    found = get(client, "/stac/collections/set-0/browse")
    assert not hrefs(found, "item") + hrefs(found, "child") + hrefs(found, "children")
    assert found["description"] == "0 items of Set 0."
    empty = get(client, "/stac/collections/set-0/browse/children")
    assert (empty["children"], empty["numberMatched"]) == ([], 0)


@pytest.mark.parametrize(
    "path",
    [
        *("catalogs/nothing", "catalogs/labs", "catalogs/empty", "catalogs/nothing/children", "catalogs/%00"),
        *("catalogs/many/browse", "catalogs/many/browse/children", "catalogs/many/browse/2020", "catalogs/none/browse"),
        *(
            "catalogs/few/browse/2020",
            "catalogs/few/browse/13",
            "catalogs/few/parts/5000-6000",
            "catalogs/no/parts/1-2",
        ),
        *(
            "catalogs/many/parts/1-900",
            "catalogs/many/parts/9-1",
            "catalogs/few/items/nothing",
            "catalogs/few/items/%00",
        ),
        *("collections/nothing/browse", "collections/nothing/browse/2020", "collections/nothing/children"),
        *("collections/deep%2Ffield/browse/2019", "collections/deep%2Ffield/browse/99999"),
        *("collections/deep%2Ffield/browse/2020-13", "collections/deep%2Ffield/browse/2020-05-17~"),
        *("collections/deep%2Ffield/browse/2020-05-17T12", "collections/deep%2Ffield/browse/undated_900-999"),
        *(
            "collections/deep%2Ffield/browse/%2E%2E",
            "collections/deep%2Ffield/browse/2020%2F05",
            "collections/lab/browse",
        ),
    ],
)
def test_what_is_not_there_is_not_found(client: httpx.Client, path: str) -> None:
    answer = client.get(f"/stac/{path}")
    assert answer.status_code == 404, answer.text
    assert answer.json()["code"] == "not_found"


@pytest.mark.parametrize(
    "path",
    [
        *(
            "children?limit=0",
            "children?limit=x",
            "children?token=-1",
            "children?token=1e9",
            "children?token=10000000000",
        ),
        *("catalogs/many/parts/a-b", "catalogs/many/parts/-1-2", f"catalogs/many/parts/1-{2**63}"),
    ],
)
def test_numbers_that_cannot_be_are_refused(client: httpx.Client, path: str) -> None:
    answer = client.get(f"/stac/{path}")
    assert answer.status_code in (400, 404), answer.text
    assert set(answer.json()) == {"code", "description"}


def test_what_was_merged_or_has_found_its_collection_leads_to_where_it_is(
    tmp_path: Path, serving: Callable[[FastAPI], AbstractContextManager[httpx.Client]]
) -> None:
    app, portal = face(tmp_path, TantivyIndex(tmp_path / "index"))
    ids = {each.source_id: each.id for each in records()}
    with portal.store.database.write() as connection:
        for gone, here in (("set-1", "set-2"), ("p1", "i1?/é"), ("p2", "p3")):
            connection.execute(update(table).where(table.c.id == ids[gone]).values(merged=ids[here]))
        found = portal.record(ids["p4"]).record
        moved = {"dataset": ids["set-3"], "body": pack(replace(found, dataset=ids["set-3"]).to_json())}
        connection.execute(update(table).where(table.c.id == ids["p4"]).values(moved))
    leads = [
        *("collections/set-1/browse", "collections/set-1/browse/2020", "collections/set-1/children"),
        *(f"catalogs/few/items/{ids[each]}" for each in ("p1", "p2", "p4")),
    ]
    with serving(app) as client:
        answers = [client.get(f"/stac/{path}", follow_redirects=False) for path in leads]
        assert {each.status_code for each in answers} == {301}
        assert [each.headers["location"].removeprefix(f"{client.base_url}/stac") for each in answers] == [
            *["/collections/set-2"] * 3,
            "/collections/deep%2Ffield/items/i1%3F%2F%C3%A9",
            f"/catalogs/few/items/{ids['p3']}",
            "/collections/set-3/items/p4",
        ]
        for path in (f"catalogs/many/items/{ids['p3']}", f"catalogs/few/items/{ids['alone']}"):
            assert client.get(f"/stac/{path}").status_code == 404
    portal.close()


def test_a_page_of_children_is_as_long_as_asked_for_and_no_longer_than_it_may_be(client: httpx.Client) -> None:
    assert len(get(client, "/stac/children?limit=1")["children"]) == 1
    many = get(client, "/stac/catalogs/many/children?limit=1000")
    assert (many["numberReturned"], many["numberMatched"]) == (2, 4)
    assert hrefs(many, "next")[0].endswith("/catalogs/many/children?token=2&limit=1000")
    assert get(client, "/stac/children?token=99")["children"] == []


def test_catalogs_have_tags_and_take_head(client: httpx.Client) -> None:
    for path in ("/stac/catalogs/few", "/stac/children", "/stac/collections/deep%2Ffield/browse/2020-05"):
        first = client.get(path)
        again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert client.head(path).headers["content-length"] == first.headers["content-length"]
        assert client.options(path).headers["allow"] == "GET, HEAD, OPTIONS"


def test_a_path_that_a_proxy_has_decoded_is_read_as_far_as_it_goes(client: httpx.Client) -> None:
    sent = get(client, "/stac/collections/deep%2Ffield/browse/2020-05")
    assert get(client, "/stac/collections/deep/field/browse/2020-05") == sent
    assert get(client, "/stac/collections/deep/field/children")["numberMatched"] == 1
