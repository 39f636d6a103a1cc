from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest
from fastapi.testclient import TestClient

from discovery.errors import BadQueryError, LimitError
from discovery_graphql.message import JSON, MAX_BYTES, MAX_OBJECTS, RESPONSE, Message, from_body, from_url, media_type
from discovery_graphql.operations import Operations, published

NONE = Operations(published() / "none")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"1",
        b"null",
        b"[" * 5_000,
        b'[{"query": "{a}"}]',
        b"{}",
        b'{"query": ""}',
        b'{"query": 1}',
        b'{"query": "{a}", "documentId": "x"}',
        b'{"query": "{a}", "variables": []}',
        b'{"query": "{a}", "operationName": 1}',
        b'{"query": "\\ud800"}',
    ],
)
def test_a_body_that_cannot_be_read_is_refused(client: TestClient, body: bytes) -> None:
    response = client.post("/graphql", content=body, headers={"content-type": JSON})
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "bad_query"


def test_a_body_too_large_is_not_parsed(client: TestClient) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(3):
            yield b"x" * (MAX_BYTES // 2)

    for content in (b"x" * (MAX_BYTES + 1), chunks()):
        response = client.post("/graphql", content=content, headers={"content-type": JSON})
        assert response.status_code == 413
        assert response.json()["errors"][0]["extensions"]["limit"] == "graphql-bytes"


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", f"{JSON}; charset=utf-16"]
)
def test_forms_of_other_sites_cannot_ask(client: TestClient, kind: str) -> None:
    response = client.post("/graphql", content=b'{"query": "{__typename}"}', headers={"content-type": kind})
    assert response.status_code == 415


def test_parameters_of_a_url_are_read_as_a_body_is() -> None:
    asked = from_url({"query": "{a}", "variables": '{"n": 1}', "operationName": ""}, NONE)
    assert asked == from_body(b'{"query": "{a}", "variables": {"n": 1}}', NONE) == Message("{a}", {"n": 1})


def test_a_url_has_the_limits_of_a_body() -> None:
    with pytest.raises(LimitError):
        from_url({"query": "a" * (MAX_BYTES + 1)}, NONE)
    with pytest.raises(BadQueryError):
        from_url({"query": "{a}", "variables": "{"}, NONE)
    with pytest.raises(LimitError, match="40 levels"):
        from_url({"query": "{a}", "variables": '{"a":' + "[" * 50 + "]" * 50 + "}"}, NONE)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [("", JSON), ("*/*", JSON), (JSON, JSON), (RESPONSE, RESPONSE), (f"{RESPONSE}, {JSON}", RESPONSE)],
)
def test_the_media_type_is_the_one_asked_for(accept: str, kind: str) -> None:
    assert media_type(accept) == kind


def test_variables_hold_no_more_objects_than_a_question_needs() -> None:
    def body(objects: int) -> bytes:
        return orjson.dumps({"query": "{a}", "variables": {"f": [{}] * (objects - 1)}})

    assert from_body(body(MAX_OBJECTS), NONE).document == "{a}"
    with pytest.raises(LimitError, match="500 objects"):
        from_body(body(MAX_OBJECTS + 1), NONE)
