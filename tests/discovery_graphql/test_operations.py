from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from discovery_graphql.operations import Operation, Operations, published

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
