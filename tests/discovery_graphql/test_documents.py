from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from fastapi.testclient import TestClient

from discovery.documents import citation, schema_org
from discovery.documents.site import Site
from discovery.model.record import Record
from discovery.portal import Keyed, Portal
from discovery.query.query import Query
from discovery.store.catalogue import Stored
from discovery_graphql.schema import build
from discovery_graphql.search import Context

Ask = Callable[..., dict[str, Any]]
SITE = Site("Discovery", "http://testserver")


def id_of(container: str, source_id: str, kind: str = "dataset") -> str:
    return Record("cat", container, source_id, kind, "x").id


def test_a_record_is_cited_as_its_page_cites_it(portal: Portal, data: Ask) -> None:
    id = id_of("products", "product-3")
    found = data("query($id:ID!){record(id:$id){citation{text bibtex ris csl}}}", id=id)["record"]["citation"]
    made = citation.cite(portal.record(id).record, SITE)
    assert found["text"] == citation.text(made)
    assert found["bibtex"] == citation.bibtex(made)
    assert found["ris"] == citation.ris(made)
    assert json.loads(found["csl"])[0]["title"] == "Sea ice thickness 3"


def test_the_json_ld_of_a_record_names_the_portal_that_was_asked(portal: Portal, data: Ask) -> None:
    id = id_of("products", "product-3")
    found = data("query($id:ID!){record(id:$id){jsonLd}}", id=id)["record"]["jsonLd"]
    stored = portal.record(id)
    assert found == schema_org.document(stored.record, SITE, seen=stored.harvested)
    assert found["@id"] == f"http://testserver/records/{id}"


def test_an_observation_is_a_stac_item_of_its_dataset_and_a_dataset_a_collection(data: Ask) -> None:
    nodes = data("{search(scope:OBSERVATIONS,first:3){nodes{parentId asStac}}}")["search"]["nodes"]
    for each in nodes:
        item = each["asStac"]
        dataset = data("query($id:ID!){record(id:$id){asStac}}", id=each["parentId"])["record"]["asStac"]
        assert (item["type"], dataset["type"]) == ("Feature", "Collection")
        assert item["collection"] == dataset["id"]
        assert [link["rel"] for link in item["links"]] == ["canonical", "collection"]


def test_no_document_holds_an_address_of_mail(client: TestClient) -> None:
    query = "{search(first:20){nodes{jsonLd asStac citation{text bibtex ris csl}}}}"
    answer = client.post("/graphql", json={"query": query}).text
    assert "ESA" in answer
    assert "ann@example.org" not in answer


@pytest.fixture
def counting(portal: Portal) -> tuple[Context, list[str]]:
    """A context whose portal notes each reading of the store and each question to the engine."""
    asked: list[str] = []

    class Watched(Portal):
        def stored(self, keys: Sequence[int]) -> dict[int, Stored]:
            asked.append("store")
            return super().stored(keys)

        def keys(self, query: Query, *, total: bool = True) -> Keyed:
            asked.append("engine")
            return super().keys(query, total=total)

    return Context(Watched(portal.store, portal.index), site=SITE), asked


def answered(context: Context, query: str) -> dict[str, Any]:
    result = build().execute_sync(query, context_value=context)
    assert not result.errors, result.errors
    assert result.data is not None
    return result.data


def test_datasets_of_a_page_of_observations_are_read_together(counting: tuple[Context, list[str]]) -> None:
    context, asked = counting
    query = "{search(scope:OBSERVATIONS,first:40){nodes{asStac ...on Observation{dataset{id}}}}}"
    nodes = answered(context, query)["search"]["nodes"]
    assert len({each["dataset"]["id"] for each in nodes}) == 2
    assert asked == ["engine", "store", "store"]


def test_observations_of_a_page_of_datasets_are_read_together(counting: tuple[Context, list[str]]) -> None:
    context, asked = counting
    query = """{search(filter:{kind:{eq:"dataset"}},first:30,sort:{by:TITLE}){nodes{id ...on Dataset{
        observations(first:3){totalCount{value} nodes{id parentId}}}}}}"""
    nodes = answered(context, query)["search"]["nodes"]
    assert asked.count("store") == 2
    assert asked.count("engine") == 31
    with_some = [each for each in nodes if each["observations"]["nodes"]]
    assert len(with_some) == 2
    for each in with_some:
        assert each["observations"]["totalCount"]["value"] == 20
        assert {inner["parentId"] for inner in each["observations"]["nodes"]} == {each["id"]}
        assert len(each["observations"]["nodes"]) == 3


def test_observations_of_a_dataset_go_on_behind_their_cursor(data: Ask) -> None:
    query = """query($id:ID!,$after:String){record(id:$id){...on Dataset{observations(first:8,after:$after){
        nodes{id} pageInfo{endCursor hasNextPage}}}}}"""
    seen: list[str] = []
    after = None
    while True:
        page = data(query, id=id_of("products", "product-0"), after=after)["record"]["observations"]
        seen += [each["id"] for each in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert len(seen) == len(set(seen)) == 20


def test_the_same_field_asked_for_twice_differently_is_answered_twice(data: Ask) -> None:
    query = """query($id:ID!){record(id:$id){...on Dataset{
        observations(first:2){nodes{id}} more:observations(first:2){facets(names:[KIND]){buckets{count}} }}}}"""
    found = data(query, id=id_of("products", "product-0"))["record"]
    assert len(found["observations"]["nodes"]) == 2
    assert found["more"]["facets"][0]["buckets"][0]["count"] == 20


def test_observations_multiply_what_a_document_costs(client: TestClient) -> None:
    query = "{search(first:100){nodes{...on Dataset{observations(first:40){nodes{id}}}}}}"
    (error,) = client.post("/graphql", json={"query": query}).json()["errors"]
    assert error["extensions"]["limit"] == "graphql-cost"
