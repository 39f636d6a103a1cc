from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from discovery.portal import Portal
from discovery_graphql import router
from discovery_graphql.operations import Operation, Operations, published

TOKEN = "x" * 40
OPERATIONS = Operations(published() / "operations")


@pytest.mark.parametrize("operation", OPERATIONS.all, ids=lambda each: each.name)
def test_every_published_operation_answers(client: TestClient, operation: Operation) -> None:
    answer = client.post("/graphql", json={"query": operation.text}).json()
    assert "errors" not in answer, answer["errors"]
    assert answer["data"]


@pytest.mark.parametrize("operation", OPERATIONS.all, ids=lambda each: each.name)
def test_a_document_id_stands_for_its_text(client: TestClient, operation: Operation) -> None:
    text, id = operation.text, operation.id
    by_text = client.post("/graphql", json={"query": text}).json()
    assert client.post("/graphql", json={"documentId": id}).json() == by_text
    assert client.get("/graphql", params={"documentId": id}).json() == by_text


def test_an_unknown_document_id_is_refused_by_name(client: TestClient) -> None:
    response = client.post("/graphql", json={"documentId": "sha256:00"})
    assert response.status_code == 400
    assert "sha256:00" in response.json()["errors"][0]["message"]


@pytest.fixture(scope="module")
def closed(portal: Portal) -> Iterator[TestClient]:
    """A portal that answers its published operations alone, with operators."""
    app = FastAPI()
    app.include_router(router(Portal(portal.store, portal.index, operator_token=TOKEN), published=True))
    with TestClient(app) as opened:
        yield opened


@pytest.mark.slow
def test_a_closed_portal_answers_published_operations_alone(closed: TestClient) -> None:
    for operation in OPERATIONS.all:
        assert closed.post("/graphql", json={"documentId": operation.id}).json()["data"]
        assert closed.post("/graphql", json={"query": operation.text}).json()["data"]
    for query in ("{__typename}", "{__schema{types{name}}}", OPERATIONS.all[0].text + " ", "{", "\x00"):
        for answer in (
            closed.post("/graphql", json={"query": query}),
            closed.get("/graphql", params={"query": query}),
        ):
            assert answer.status_code == 403
            assert answer.json()["errors"][0]["extensions"]["code"] == "denied"


def test_operators_may_ask_a_closed_portal_anything(closed: TestClient) -> None:
    headers = {"authorization": f"Bearer {TOKEN}"}
    assert closed.post("/graphql", json={"query": "{__typename}"}, headers=headers).json()["data"]
    wrong = {"authorization": "Bearer " + "y" * 40}
    assert closed.post("/graphql", json={"query": "{__typename}"}, headers=wrong).status_code == 403
