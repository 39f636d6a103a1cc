"""What stac-fastapi asks of the portal, without the web around it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from fastapi import FastAPI, Request, Response
from sqlalchemy import event, update
from stac_fastapi.api.models import create_post_request_model
from stac_fastapi.extensions.fields import FieldsExtension
from stac_fastapi.extensions.filter import SearchFilterExtension
from stac_fastapi.extensions.free_text import FreeTextExtension
from stac_fastapi.extensions.pagination import TokenPaginationExtension
from stac_fastapi.extensions.sort import SearchSortExtension

from discovery.errors import BadQueryError, GoneError, NotFoundError
from discovery.model.record import Record
from discovery.model.source import Mapped, RawRecord, Source
from discovery.portal import Portal
from discovery.query.fields import FIELDS
from discovery.stac_api.catalogs import Known
from discovery.stac_api.client import PortalClient
from discovery.stac_api.queryables import Queryables, Values
from discovery.store.schema import records

S2 = "sentinel-s2-l2a-cogs"
PLATES = "ivo://vo.test/plates"
BODY = create_post_request_model(
    [SearchFilterExtension(), SearchSortExtension(), FreeTextExtension(), TokenPaginationExtension(), FieldsExtension()]
)


def request(method: str = "GET") -> Request:
    return Request(
        {"type": "http", "method": method, "path": "/stac/search", "query_string": b"", "headers": [],
         "scheme": "https", "server": ("a.org", 443), "root_path": "", "app": FastAPI(docs_url="/docs")}
    )  # fmt: skip


def read(answer: Response) -> Any:
    return orjson.loads(answer.body)


@pytest.fixture
def client(portal: Portal) -> PortalClient:
    return PortalClient(portal=portal, known=Known(portal), prefix="/stac")


@pytest.fixture
def statements(portal: Portal) -> Iterator[list[str]]:
    """Return what the store is asked, as it happens."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(portal.store.database.engine, "before_cursor_execute", note)
    yield seen
    event.remove(portal.store.database.engine, "before_cursor_execute", note)


@pytest.fixture
def merged(portal: Portal) -> str:
    """Return the name of a plate that was merged into another one."""
    store = portal.store
    dataset = store.catalogue.find("vo", "tables", PLATES).record.id
    store.ledger.add_source(Source("old", "tap", "https://vo.test/old"))
    record = Record("old", "plates", "same-plate", "observation", "Plate 2 again", dataset=dataset)
    store.ingest.page("old", store.ledger.begin("old").id, [Mapped(record, RawRecord("plates", "same-plate", b"{}"))])
    with store.database.write() as connection:
        into = store.catalogue.find("vo", "plates", "p2").record.id
        connection.execute(update(records).where(records.c.id == record.id).values(merged=into))
    return "same-plate"


def test_an_answer_is_bytes_of_the_type_that_the_standard_names(client: PortalClient) -> None:
    for answer, media_type in (
        (client.item_collection(S2, request=request(), limit=1), "application/geo+json"),
        (client.get_search(request=request(), limit=1), "application/geo+json"),
        (client.post_search(BODY(limit=1), request=request("POST")), "application/geo+json"),
        (client.all_collections(request=request()), "application/json"),
        (client.get_collection(S2, request=request()), "application/json"),
        (client.landing_page(request=request()), "application/json"),
    ):
        assert answer.media_type == media_type
        assert isinstance(answer.body, bytes)


def test_an_item_that_came_as_stac_is_one_statement(client: PortalClient, statements: list[str]) -> None:
    answer = client.get_item("S2B_1CCV_20181004_0_L2A", S2, request=request())
    assert (read(answer)["id"], read(answer)["collection"]) == ("S2B_1CCV_20181004_0_L2A", S2)
    assert len([each for each in statements if each.startswith("SELECT")]) == 1


def test_an_item_that_came_as_a_row_is_made(client: PortalClient) -> None:
    made = read(client.get_item("p2", PLATES, request=request()))
    assert (made["id"], made["collection"], made["properties"]["title"]) == ("p2", PLATES, "Plate 2")


@pytest.mark.parametrize(
    ("item", "collection"),
    [("p2", S2), ("p2", "nope"), ("nope", PLATES), ("p2\0", PLATES), ("p2", "\ud800"), ("p2", "lab"), ("orphan", "")],
)
def test_an_item_is_only_found_in_its_collection(client: PortalClient, item: str, collection: str) -> None:
    with pytest.raises(NotFoundError, match=r"no (item|collection) "):
        client.get_item(item, collection, request=request())


def test_a_merged_item_leads_to_the_one_it_was_merged_into(client: PortalClient, merged: str) -> None:
    answer = client.get_item(merged, PLATES, request=request())
    assert answer.status_code == 301
    assert answer.headers["location"] == "https://a.org/stac/collections/ivo%3A%2F%2Fvo.test%2Fplates/items/p2"


def test_a_datalab_is_no_collection(client: PortalClient) -> None:
    for ask in (client.get_collection, client.item_collection):
        with pytest.raises(NotFoundError, match="no collection 'lab'"):
            ask("lab", request=request())


def test_items_of_a_deleted_collection_are_gone_with_it(client: PortalClient) -> None:
    store = client.portal.store
    store.ledger.add_source(Source("short", "tap", "https://vo.test/short"))
    record = Record("short", "tables", "short-lived", "dataset", "Short-lived")
    store.ingest.page("short", store.ledger.begin("short").id, [Mapped(record, RawRecord("tables", "x", b"{}"))])
    assert read(client.item_collection("short-lived", request=request()))["numberMatched"] == 0
    store.ingest.remove("short")
    with pytest.raises(GoneError):
        client.item_collection("short-lived", request=request())


def test_items_of_a_collection_stay_in_it_whatever_else_is_asked(client: PortalClient) -> None:
    page = read(client.item_collection(PLATES, request=request(), filter_expr="platform = 'x' OR kind = 'observation'"))
    assert {each["collection"] for each in page["features"]} == {PLATES}
    with pytest.raises(BadQueryError):
        client.item_collection(PLATES, request=request(), limit=1, sortby=["nosuch"])


def test_queryables_are_the_table_of_fields_in_the_names_of_stac(client: PortalClient) -> None:
    queryables = Queryables(values=Values(client.portal), collection=client.collection_id, prefix="/stac")
    schema = read(queryables.get_queryables(request=request()))
    named = schema["properties"]
    assert schema["additionalProperties"] is False
    assert {each.stac or each.name for each in FIELDS.values()} <= set(named)
    assert (named["eo:cloud_cover"]["title"], named["eo:cloud_cover"]["type"]) == ("Cloud cover", "number")
    assert named["created"]["format"] == "date-time"
    with pytest.raises(NotFoundError):
        queryables.get_queryables("nope", request=request())


def test_only_small_questions_to_files_of_this_machine_are_answered_without_a_thread(
    client: PortalClient, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[bool] = []
    keys = portal.keys

    def noted(*args: Any, **kwargs: Any) -> Any:
        threads.append(threading.current_thread() is not threading.main_thread())
        return keys(*args, **kwargs)

    monkeypatch.setattr(portal, "keys", noted)
    for body in ({"limit": 5}, {"limit": 500}, {"limit": 5, "q": ["plate"]}, {"bbox": [0, 0, 1, 1]}):
        asyncio.run(client.prompt_search(BODY.model_validate(body), request("POST")))
    assert threads == [False, True, True, True]
    monkeypatch.setattr(portal.index, "local", False)
    asyncio.run(client.prompt_search(BODY.model_validate({"limit": 5}), request("POST")))
    assert threads[-1]
